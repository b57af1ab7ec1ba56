//! Policies and events. The input is lines. The last line is an event: once as a body, once as the value of attributes.
//! The lines before it are policies, each read in every scope and dialect. The index finds what evaluating each policy
//! finds, also after every other policy was removed. A search that exceeds the limit finds nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use posthouse_filter::{Allowance, Attribute, Dialect, Event, Index, Policy, Scope, Scratch, Unfinished, Value};

fn check(texts: &[&str], scope: Scope, dialect: Dialect, event: &Event) {
    let policies: Vec<_> = texts.iter().map(|text| Policy::parse(text, scope, dialect)).collect();
    let policies = || (0_u32..).zip(&policies).filter_map(|(key, policy)| Some((key, policy.as_ref().ok()?)));
    let (mut index, mut scratch, mut found) = (Index::new([0; 16]), Scratch::new(), Vec::new());
    policies().for_each(|(key, policy)| index.insert(key, policy));
    for removed in [0, 1] {
        let kept = policies().filter(|(key, _)| key % 2 >= removed);
        let expected: Vec<_> = kept.filter(|(_, policy)| policy.matches(event)).map(|(key, _)| key).collect();
        match index.find(event, &mut Allowance::unlimited(), &mut scratch, &mut found) {
            Ok(()) => assert_eq!(found, expected),
            Err(Unfinished::TooManyValues) => assert!(found.is_empty()),
            Err(Unfinished::TooMuchWork) => unreachable!("the allowance has no limit"),
        }
        policies().filter(|(key, _)| key % 2 == removed).for_each(|(key, _)| index.remove(key));
    }
    assert!(index.is_empty());
}

fuzz_target!(|input: &str| {
    let lines: Vec<_> = input.lines().collect();
    let Some((event, texts)) = lines.split_last() else { return };
    let values = [Value::String(event), Value::Number(event), Value::StringArray(event), Value::Binary];
    let attributes = ["a", "b", "c", "d"].into_iter().zip(values).map(|(name, value)| Attribute { name, value });
    let attributes = Event::attributes(attributes);
    for dialect in [Dialect::Sns, Dialect::EventBridge] {
        check(texts, Scope::MessageAttributes, dialect, &attributes);
        if let Some(body) = Event::body(event) {
            check(texts, Scope::MessageBody, dialect, &body);
        }
    }
});

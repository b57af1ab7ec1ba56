//! After any series of insertions and removals, the index finds what evaluating each policy finds. After the last
//! removal it holds nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{Index, Scratch};
use crate::{Allowance, Attribute, Dialect, Event, Policy, Scope, Value as Typed};

// Alphabets are small, so that conditions, values and whole policies are often equal.

fn text() -> impl Strategy<Value = String> {
    "[abB]{0,3}"
}

fn number() -> impl Strategy<Value = String> {
    select(vec!["-1", "0", "1", "1.0", "1.5", "2", "3"]).prop_map(str::to_owned)
}

fn address() -> impl Strategy<Value = String> {
    select(vec!["10.0.0.1", "10.0.0.2", "10.1.0.0", "::1", "::2"]).prop_map(str::to_owned)
}

fn name() -> impl Strategy<Value = &'static str> {
    select(vec!["k", "l", "m"])
}

fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => text().prop_map(|text| format!("\"{text}\"")),
        2 => number(),
        1 => address().prop_map(|text| format!("\"{text}\"")),
        1 => select(vec!["true", "false", "null"]).prop_map(str::to_owned),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    let range = || select(vec!["<", "<=", ">", ">=", "="]);
    let affix = || select(vec!["prefix", "suffix", "equals-ignore-case", "wildcard"]);
    prop_oneof![
        4 => literal(),
        3 => (affix(), text()).prop_map(|(operator, text)| format!(r#"{{"{operator}":"{text}"}}"#)),
        1 => (text(), text()).prop_map(|(one, other)| format!(r#"{{"wildcard":"{one}*{other}"}}"#)),
        1 => (range(), number()).prop_map(|(operator, bound)| format!(r#"{{"numeric":["{operator}",{bound}]}}"#)),
        1 => (number(), number()).prop_map(|(low, high)| format!(r#"{{"numeric":[">",{low},"<=",{high}]}}"#)),
        1 => (address(), 0..=32).prop_map(|(address, bits)| format!(r#"{{"cidr":"{address}/{bits}"}}"#)),
        1 => any::<bool>().prop_map(|exists| format!(r#"{{"exists":{exists}}}"#)),
        2 => vec(text(), 1..3).prop_map(|texts| format!(r#"{{"anything-but":{texts:?}}}"#)),
        1 => number().prop_map(|number| format!(r#"{{"anything-but":[{number}]}}"#)),
        1 => "[abB]{1,2}".prop_map(|text| format!(r#"{{"anything-but":{{"prefix":"{text}"}}}}"#)),
    ]
}

fn object<T: Strategy<Value = String>>(term: impl Fn() -> T) -> impl Strategy<Value = String> {
    vec((name(), term()), 1..4).prop_map(|terms| {
        let terms: Vec<_> = terms.into_iter().map(|(name, term)| format!("\"{name}\":{term}")).collect();
        format!("{{{}}}", terms.join(","))
    })
}

fn key() -> impl Strategy<Value = String> {
    vec(condition(), 1..4).prop_map(|conditions| format!("[{}]", conditions.join(",")))
}

fn with_or(object: impl Strategy<Value = String> + Clone + 'static) -> impl Strategy<Value = String> {
    (object.clone(), vec(object.clone(), 2..4), any::<bool>()).prop_map(|(object, alternatives, is_or)| {
        let open = &object[..object.len() - 1];
        if is_or { format!("{open},\"$or\":[{}]}}", alternatives.join(",")) } else { object }
    })
}

fn policy(scope: Scope) -> impl Strategy<Value = Policy> {
    let flat = with_or(object(key).boxed()).boxed();
    let text = match scope {
        Scope::MessageAttributes => flat,
        Scope::MessageBody => {
            let inner = flat.clone();
            let nested = object(move || prop_oneof![key(), inner.clone()]).boxed();
            prop_oneof![1 => flat, 2 => with_or(nested), 1 => Just("{}".to_owned())].boxed()
        }
    };
    text.prop_filter_map("refused", move |text| Policy::parse(&text, scope, Dialect::EventBridge).ok())
}

fn attributes() -> impl Strategy<Value = Vec<(&'static str, u8, String)>> {
    let value = prop_oneof![
        (Just(0), prop_oneof![3 => text(), 1 => address()]),
        (Just(1), number()),
        (Just(2), vec(literal(), 0..3).prop_map(|values| format!("[{}]", values.join(",")))),
        (Just(3), Just(String::new())),
    ];
    vec((name(), value).prop_map(|(name, (kind, text))| (name, kind, text)), 0..4)
}

fn as_event(attributes: &[(&'static str, u8, String)]) -> Event {
    Event::attributes(attributes.iter().map(|(name, kind, text)| {
        let value = match kind {
            0 => Typed::String(text),
            1 => Typed::Number(text),
            2 => Typed::StringArray(text),
            _ => Typed::Binary,
        };
        Attribute { name, value }
    }))
}

fn body() -> impl Strategy<Value = String> {
    let value = literal().prop_recursive(4, 24, 4, |inner| {
        let array = vec(inner.clone(), 0..4).prop_map(|values| format!("[{}]", values.join(",")));
        prop_oneof![array, object(move || inner.clone())]
    });
    object(move || value.clone())
}

/// A step in the life of an index. Keys are few, so that policies are replaced and removed.
#[derive(Clone, Debug)]
enum Step<E> {
    Insert(u8, Policy),
    Remove(u8),
    Find(E),
}

fn steps<E: core::fmt::Debug + Clone>(
    scope: Scope,
    event: impl Strategy<Value = E>,
) -> impl Strategy<Value = Vec<Step<E>>> {
    let step = prop_oneof![
        4 => (0..12_u8, policy(scope)).prop_map(|(key, policy)| Step::Insert(key, policy)),
        1 => (0..12_u8).prop_map(Step::Remove),
        4 => event.prop_map(Step::Find),
    ];
    vec(step, 1..40)
}

fn check<E>(steps: &[Step<E>], event: impl Fn(&E) -> Event) -> Result<(), TestCaseError> {
    let mut index = Index::new([3; 16]);
    let mut one_by_one: BTreeMap<u8, &Policy> = BTreeMap::new();
    let (mut scratch, mut found) = (Scratch::new(), Vec::new());
    for step in steps {
        match step {
            Step::Insert(key, policy) => {
                index.insert(*key, policy);
                one_by_one.insert(*key, policy);
            }
            Step::Remove(key) => {
                index.remove(*key);
                one_by_one.remove(key);
            }
            Step::Find(input) => {
                let event = event(input);
                let expected: Vec<_> =
                    one_by_one.iter().filter(|(_, policy)| policy.matches(&event)).map(|(key, _)| *key).collect();
                index.find(&event, &mut Allowance::unlimited(), &mut scratch, &mut found).expect("few values");
                prop_assert_eq!(&found, &expected);
            }
        }
        prop_assert_eq!(index.len(), one_by_one.len());
    }
    (0..12).for_each(|key| index.remove(key));
    prop_assert!(index.is_empty() && index.graph.is_bare());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn searching_attributes_finds_what_evaluating_each_policy_finds(steps in steps(Scope::MessageAttributes, attributes())) {
        check(&steps, |attributes| as_event(attributes))?;
    }

    #[test]
    fn searching_bodies_finds_what_evaluating_each_policy_finds(steps in steps(Scope::MessageBody, body())) {
        check(&steps, |body| Event::body(body).expect("an object"))?;
    }
}

/// One scratch serves indices of any size and content.
#[test]
fn scratch_is_shared() {
    let parse = |text: &str| Policy::parse(text, Scope::MessageBody, Dialect::Sns).expect("valid");
    let (mut small, mut large) = (Index::new([1; 16]), Index::new([2; 16]));
    small.insert(0, &parse(r#"{"a":["x"],"b":[{"exists":false}]}"#));
    for key in 0..100 {
        large.insert(key, &parse(&format!(r#"{{"b":[{key}],"a":["x","y"]}}"#)));
    }
    let (mut scratch, mut found) = (Scratch::new(), Vec::new());
    for round in 0..100 {
        let body = format!(r#"{{"a":"x","b":{round}}}"#);
        large
            .find(&Event::body(&body).expect("an object"), &mut Allowance::unlimited(), &mut scratch, &mut found)
            .expect("few values");
        assert_eq!(found, [round]);
        small
            .find(
                &Event::body(r#"{"a":"x"}"#).expect("an object"),
                &mut Allowance::unlimited(),
                &mut scratch,
                &mut found,
            )
            .expect("few values");
        assert_eq!(found, [0]);
        small
            .find(&Event::body(&body).expect("an object"), &mut Allowance::unlimited(), &mut scratch, &mut found)
            .expect("few values");
        assert!(found.is_empty());
    }
}

/// Equal policies are evaluated once, and removing one key leaves the others.
#[test]
fn equal_policies_are_evaluated_once() {
    let policy =
        Policy::parse(r#"{"a":[{"anything-but":"x"}]}"#, Scope::MessageAttributes, Dialect::Sns).expect("valid");
    let mut index = Index::new([0; 16]);
    (0..1_000).rev().for_each(|key| index.insert(key, &policy));
    assert_eq!(index.graph.joints.slots(), 1);
    index.remove(500);
    let event = Event::attributes([Attribute { name: "a", value: Typed::String("y") }]);
    let mut found = Vec::new();
    index.find(&event, &mut Allowance::unlimited(), &mut Scratch::new(), &mut found).expect("few values");
    assert_eq!(found, (0..1_000).filter(|key| *key != 500).collect::<Vec<_>>());
}

/// Each alternative of a `$or` has the path, but no copy of its names.
#[test]
fn names_are_shared() {
    let name = "n".repeat(200_000);
    let alternatives: Vec<_> = (0..75).map(|n| format!(r#"{{"k":["{n}"]}}"#)).collect();
    let policy = format!(r#"{{"{name}":{{"$or":[{}]}}}}"#, alternatives.join(","));
    let policy = Policy::parse(&policy, Scope::MessageBody, Dialect::Sns).expect("valid");
    let first = |conjunction: &crate::conjunction::Conjunction| Arc::clone(&conjunction.keys()[0].path[0]);
    let names: Vec<_> = policy.alternatives().iter().map(first).collect();
    assert_eq!(names.len(), 75);
    assert!(names.iter().all(|name| Arc::ptr_eq(name, &names[0])));
    let mut index = Index::new([0; 16]);
    index.insert(0, &policy);
    let body = format!(r#"{{"{name}":{{"k":"74"}}}}"#);
    let mut found = Vec::new();
    index
        .find(&Event::body(&body).expect("an object"), &mut Allowance::unlimited(), &mut Scratch::new(), &mut found)
        .expect("few values");
    assert_eq!(found, [0]);
}

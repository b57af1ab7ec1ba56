//! The single policy and the index match what the naive matcher matches.

use posthouse_filter::{Allowance, Attribute, Dialect, Event, Index, Policy, Scope, Scratch, Value as Typed};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::naive::Message;

// Alphabets are small, so that paths meet in every mix of dots and nesting, and values are often equal.

fn name() -> impl Strategy<Value = &'static str> {
    select(vec!["k", "l", "m", "k", "l", "m", "k.l", "l.m", "k.l.m", "k-l", "k."])
}

fn text() -> impl Strategy<Value = String> {
    "[abB]{0,2}"
}

fn number() -> impl Strategy<Value = String> {
    let numbers = [
        "-1",
        "0",
        "1",
        "1.0",
        "10e-1",
        "1.0000001",
        "1.000001",
        "1.5",
        "2",
        "-0.0000001",
        "9007199254740992",
        "9007199254740993",
        "9007199254740993.0",
        "1e20",
        "-1e20",
    ];
    select(numbers.to_vec()).prop_map(str::to_owned)
}

fn small_number() -> impl Strategy<Value = String> {
    select(vec!["-1", "0", "1", "1.0000001", "1.000001", "1.5", "2"]).prop_map(str::to_owned)
}

fn address() -> impl Strategy<Value = String> {
    select(vec!["10.0.0.1", "10.0.0.2", "10.1.0.0", "::1", "::2"]).prop_map(str::to_owned)
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
        6 => literal(),
        3 => Just(r#"{"exists":false}"#.to_owned()),
        1 => Just(r#"{"exists":true}"#.to_owned()),
        2 => (affix(), text()).prop_map(|(operator, text)| format!(r#"{{"{operator}":"{text}"}}"#)),
        1 => (text(), text()).prop_map(|(one, other)| format!(r#"{{"wildcard":"{one}*{other}"}}"#)),
        1 => (select(vec!["prefix", "suffix"]), text())
            .prop_map(|(operator, text)| format!(r#"{{"{operator}":{{"equals-ignore-case":"{text}"}}}}"#)),
        1 => (range(), small_number()).prop_map(|(operator, bound)| format!(r#"{{"numeric":["{operator}",{bound}]}}"#)),
        1 => (small_number(), small_number()).prop_map(|(low, high)| format!(r#"{{"numeric":[">",{low},"<=",{high}]}}"#)),
        1 => (address(), 0..=128).prop_map(|(address, bits)| format!(r#"{{"cidr":"{address}/{bits}"}}"#)),
        1 => vec(text(), 1..3).prop_map(|texts| format!(r#"{{"anything-but":{texts:?}}}"#)),
        1 => number().prop_map(|number| format!(r#"{{"anything-but":[{number}]}}"#)),
        1 => (affix(), "[abB]{1,2}").prop_map(|(operator, text)| format!(r#"{{"anything-but":{{"{operator}":"{text}"}}}}"#)),
    ]
}

fn object<T: Strategy<Value = String>>(term: impl Fn() -> T, most: usize) -> impl Strategy<Value = String> {
    vec((name(), term()), 1..most).prop_map(|terms| {
        let terms: Vec<_> = terms.into_iter().map(|(name, term)| format!("\"{name}\":{term}")).collect();
        format!("{{{}}}", terms.join(","))
    })
}

fn key() -> impl Strategy<Value = String> {
    vec(condition(), 1..3).prop_map(|conditions| format!("[{}]", conditions.join(",")))
}

fn with_or(object: impl Strategy<Value = String> + Clone + 'static) -> impl Strategy<Value = String> {
    (object.clone(), vec(object.clone(), 2..3), 0..4).prop_map(|(object, alternatives, or)| {
        let open = &object[..object.len() - 1];
        if or == 0 { format!("{open},\"$or\":[{}]}}", alternatives.join(",")) } else { object }
    })
}

fn policy(scope: Scope) -> impl Strategy<Value = String> {
    let flat = with_or(object(key, 4).boxed()).boxed();
    let text = match scope {
        Scope::MessageAttributes => flat,
        Scope::MessageBody => {
            let inner = flat.clone();
            let nested = object(move || prop_oneof![key(), inner.clone()], 3).boxed();
            prop_oneof![1 => flat, 2 => with_or(nested), 1 => Just("{}".to_owned())].boxed()
        }
    };
    text.prop_filter("refused", move |text| Policy::parse(text, scope, Dialect::EventBridge).is_ok())
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

fn typed<'a>((name, kind, text): &'a (&'static str, u8, String)) -> (&'a str, Typed<'a>) {
    let value = match kind {
        0 => Typed::String(text),
        1 => Typed::Number(text),
        2 => Typed::StringArray(text),
        _ => Typed::Binary,
    };
    (name, value)
}

/// A body in which arrays of objects are frequent.
fn body() -> impl Strategy<Value = String> {
    let value = literal().prop_recursive(5, 32, 3, |inner| {
        let array = vec(inner.clone(), 0..4).prop_map(|values| format!("[{}]", values.join(",")));
        let own = inner.clone();
        let elements = object(move || own.clone(), 4);
        let objects = vec(elements, 1..4).prop_map(|values| format!("[{}]", values.join(",")));
        prop_oneof![1 => array, 2 => objects, 2 => object(move || inner.clone(), 4)]
    });
    object(move || value.clone(), 4)
}

fn check(policies: &[String], scope: Scope, event: &Event, message: &Message) -> Result<(), TestCaseError> {
    let mut index = Index::new([3; 16]);
    let mut expected = Vec::new();
    for (key, text) in policies.iter().enumerate() {
        let policy = Policy::parse(text, scope, Dialect::EventBridge).expect("it was filtered");
        let is_matched = message.is_matched_by(text);
        prop_assert_eq!(policy.matches(event), is_matched, "{}", text);
        index.insert(key, &policy);
        if is_matched {
            expected.push(key);
        }
    }
    let mut found = Vec::new();
    index.find(event, &mut Allowance::unlimited(), &mut Scratch::new(), &mut found).expect("few values");
    prop_assert_eq!(found, expected, "in an index");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_agree_on_bodies(policies in vec(policy(Scope::MessageBody), 1..12), bodies in vec(body(), 1..8)) {
        for body in bodies {
            let event = Event::body(&body).expect("an object");
            check(&policies, Scope::MessageBody, &event, &Message::body(&body))?;
        }
    }

    #[test]
    fn all_agree_on_attributes(
        policies in vec(policy(Scope::MessageAttributes), 1..12),
        messages in vec(attributes(), 1..8),
    ) {
        for attributes in messages {
            let own = attributes.iter().map(typed).map(|(name, value)| Attribute { name, value });
            let event = Event::attributes(own);
            check(&policies, Scope::MessageAttributes, &event, &Message::attributes(attributes.iter().map(|own| typed(own))))?;
        }
    }
}

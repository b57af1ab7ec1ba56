//! Random JSON for the tests of both services.

use proptest::collection::vec;
use proptest::prelude::*;

/// A value of any shape. Members have the names of `name`, and texts are those of `text`.
pub(crate) fn json(
    name: impl Strategy<Value = &'static str> + 'static,
    text: impl Strategy<Value = String> + 'static,
) -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(String::from("null")),
        Just(String::from("true")),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f32>().prop_filter("a JSON number", |number| number.is_finite()).prop_map(|number| number.to_string()),
        text.prop_map(|text| serde_json::Value::from(text).to_string()),
    ];
    let name = name.boxed();
    leaf.prop_recursive(4, 64, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            vec((name.clone(), inner), 0..6).prop_map(|members| format!("{{{}}}", joined(&members))),
        ]
    })
}

/// The members of an object, without its braces.
pub(crate) fn joined(members: &[(&str, String)]) -> String {
    members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect::<Vec<_>>().join(",")
}

//! The service model's shapes as SNS writes them in the Query protocol: `NAME.member.N` for lists, `NAME.entry.N` for
//! maps, and `<member>` and `<entry>` in answers.

use posthouse_aws_client::xml::Element;
use serde_json::{Map, Value, json};

use super::query_protocol::text;

/// Maps: the member, and the names of its keys and values.
const MAPS: &[(&str, &str, &str)] =
    &[("Attributes", "key", "value"), ("attributes", "key", "value"), ("MessageAttributes", "Name", "Value")];

/// Lists of answers, which may be empty elements.
const LISTS: &[&str] = &[
    "Endpoints",
    "Failed",
    "NumberCapabilities",
    "PhoneNumbers",
    "PlatformApplications",
    "Subscriptions",
    "Successful",
    "Tags",
    "Topics",
    "phoneNumbers",
];

/// Members of answers that are true or false.
const BOOLEANS: &[&str] = &["IsInSandbox", "SenderFault", "isOptedOut"];

/// Adds the parameters of a structure.
pub(crate) fn flatten(pairs: &mut Vec<(String, String)>, prefix: &str, input: &Value) {
    for (member, value) in input.as_object().expect("an input is a structure") {
        let name = format!("{prefix}{member}");
        match (value, MAPS.iter().find(|(map, ..)| map == member)) {
            (Value::Null, _) => {}
            (Value::Object(map), Some((_, key_name, value_name))) => {
                for (index, (key, value)) in map.iter().enumerate() {
                    let entry = format!("{name}.entry.{}", index + 1);
                    pairs.push((format!("{entry}.{key_name}"), key.clone()));
                    add(pairs, &format!("{entry}.{value_name}"), value);
                }
            }
            (Value::Array(items), _) => {
                for (index, item) in items.iter().enumerate() {
                    add(pairs, &format!("{name}.member.{}", index + 1), item);
                }
            }
            (value, _) => add(pairs, &name, value),
        }
    }
}

fn add(pairs: &mut Vec<(String, String)>, name: &str, value: &Value) {
    match value {
        Value::Object(_) => flatten(pairs, &format!("{name}."), value),
        scalar => pairs.push((name.to_owned(), text(scalar))),
    }
}

/// The structure that an element stands for.
pub(crate) fn output(element: &Element) -> Value {
    let member = |child: &Element| (child.name.clone(), value(child));
    Value::Object(element.children.iter().map(member).collect::<Map<_, _>>())
}

fn value(element: &Element) -> Value {
    let name = element.name.as_str();
    if LISTS.contains(&name) {
        assert!(element.children.iter().all(|child| child.name == "member"), "{element:?}");
        return Value::Array(element.children.iter().map(item).collect());
    }
    if MAPS.iter().any(|(map, ..)| *map == name) {
        let entry = |entry: &Element| {
            assert_eq!(entry.name, "entry", "{element:?}");
            (entry.text_of("key").to_owned(), json!(entry.text_of("value")))
        };
        return Value::Object(element.children.iter().map(entry).collect());
    }
    match (BOOLEANS.contains(&name), element.text.as_str()) {
        (true, "true") => json!(true),
        (true, "false") => json!(false),
        (true, other) => panic!("{name} is true or false, not {other:?}"),
        (false, text) => json!(text),
    }
}

fn item(member: &Element) -> Value {
    if member.children.is_empty() { json!(member.text) } else { output(member) }
}

//! Reads the outputs of calls. A member that is missing is an empty list, map or text: AWS leaves those out.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A member that is text.
pub(super) fn text(output: &Value, member: &str) -> String {
    output[member].as_str().unwrap_or_default().to_owned()
}

/// A member that is text, or is not there.
pub(super) fn optional_text(output: &Value, member: &str) -> Option<String> {
    output[member].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A member that is a list of texts.
pub(super) fn texts(output: &Value, member: &str) -> Vec<String> {
    items(output, member).iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// A member that is a list.
pub(super) fn items<'a>(output: &'a Value, member: &str) -> &'a [Value] {
    output[member].as_array().map_or(&[], Vec::as_slice)
}

/// A member that maps texts to texts.
pub(super) fn map(output: &Value, member: &str) -> BTreeMap<String, String> {
    let entry = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    output[member].as_object().into_iter().flat_map(Map::iter).filter_map(entry).collect()
}

/// The JSON object of names and texts.
pub(super) fn object<K: Into<String>, V: Into<String>>(entries: impl IntoIterator<Item = (K, V)>) -> Value {
    Value::Object(entries.into_iter().map(|(name, text)| (name.into(), Value::String(text.into()))).collect())
}

/// Tags as SNS writes them.
pub(super) fn tags<K: Into<String>, V: Into<String>>(tags: impl IntoIterator<Item = (K, V)>) -> Value {
    tags.into_iter().map(|(key, value)| object([("Key", key.into()), ("Value", value.into())])).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_missing_or_of_another_type_is_empty() {
        for output in [json!({}), json!({"A": 5, "B": [1, null], "C": {"x": 2}}), json!(null), json!([1])] {
            assert_eq!(text(&output, "A"), "");
            assert!(texts(&output, "B").is_empty());
            assert!(map(&output, "C").is_empty());
        }
        assert_eq!(map(&json!({"C": {"x": "2"}}), "C")["x"], "2");
    }
}

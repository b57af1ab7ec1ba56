//! The rules for the attributes of a notification: those of SQS's, with `String.Array` and in SNS's words.

use crate::fault::{Fault, SnsFault};
use crate::limits::{ATTRIBUTE_NAME_CHARS_MAX, ATTRIBUTE_TYPE_CHARS_MAX, NOTIFICATION_ATTRIBUTES_MAX};
use crate::message::{AttributeValue, MessageAttribute, is_allowed, is_name, is_number};

/// Checks attributes and sorts them by name.
pub(super) fn check(attributes: &mut [MessageAttribute<'_>]) -> Result<(), Fault> {
    if attributes.len() > NOTIFICATION_ATTRIBUTES_MAX {
        let reason = format!("a message has at most {NOTIFICATION_ATTRIBUTES_MAX} attributes");
        return Err(SnsFault::invalid_because("MessageAttributes", &reason));
    }
    attributes.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(pair) = attributes.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(fault(format!("The message attribute name '{}' is there twice.", pair[0].name)));
    }
    attributes.iter().try_for_each(one)
}

fn fault(message: String) -> Fault {
    SnsFault::ParameterValueInvalid(message.into()).into()
}

fn one(attribute: &MessageAttribute<'_>) -> Result<(), Fault> {
    let MessageAttribute { name, data_type, value } = attribute;
    let named = |rest: &str| Err(fault(format!("The message attribute '{}' {rest}", crate::fault::excerpt(name))));
    // The reserved prefix is for what SNS itself understands.
    let is_own = name.starts_with("AWS.SNS.") || name.starts_with("AWS.MM.");
    if !(1..=ATTRIBUTE_NAME_CHARS_MAX).contains(&name.len()) || !(is_own || is_name(name)) {
        return Err(fault(format!("Invalid message attribute name '{}'.", crate::fault::excerpt(name))));
    }
    if data_type.is_empty() {
        return named("must contain non-empty message attribute type.");
    }
    if data_type.len() > ATTRIBUTE_TYPE_CHARS_MAX {
        return named("has a message attribute type that is too long.");
    }
    let base = data_type.split('.').next().unwrap_or_default();
    if !matches!(base, "String" | "Number" | "Binary") {
        return named(
            "has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.",
        );
    }
    if value.as_bytes().is_empty() {
        return named(&format!(
            "must contain non-empty message attribute value for message attribute type '{data_type}'."
        ));
    }
    match (base, value) {
        ("Binary", AttributeValue::Text(_)) => named(&format!("with type '{data_type}' must use field 'Binary'.")),
        ("String" | "Number", AttributeValue::Binary(_)) => {
            named(&format!("with type '{data_type}' must use field 'String'."))
        }
        ("Number", AttributeValue::Text(text)) if !is_number(text) => {
            Err(fault(format!("Could not cast message attribute '{name}' value to number.")))
        }
        ("String", AttributeValue::Text(text)) if !text.chars().all(is_allowed) => {
            named("has characters that are not allowed.")
        }
        ("String", AttributeValue::Text(text)) if &**data_type == "String.Array" && !is_array(text) => {
            named("with type 'String.Array' must be a JSON array of strings, numbers, booleans and nulls.")
        }
        _ => Ok(()),
    }
}

/// SNS's arrays hold values, not arrays or objects.
fn is_array(text: &str) -> bool {
    let array: Result<Vec<serde_json::Value>, _> = serde_json::from_str(text);
    array.is_ok_and(|values| values.iter().all(|value| !value.is_array() && !value.is_object()))
}

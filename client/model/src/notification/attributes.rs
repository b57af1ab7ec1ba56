//! The rules for the attributes of a notification: those of SQS's, with `String.Array` and in SNS's words.

use crate::fault::{Fault, InvalidMessageAttribute, MessageAttributeRule, Rule, SnsFault};
use crate::limits::{ATTRIBUTE_NAME_CHARS_MAX, ATTRIBUTE_TYPE_CHARS_MAX, NOTIFICATION_ATTRIBUTES_MAX};
use crate::message::{AttributeValue, MessageAttribute, is_allowed, is_name, is_number};

/// Checks attributes and sorts them by name.
pub(super) fn check(attributes: &mut [MessageAttribute<'_>]) -> Result<(), Fault> {
    if attributes.len() > NOTIFICATION_ATTRIBUTES_MAX {
        let rule = Rule::TooManyAttributes { max: NOTIFICATION_ATTRIBUTES_MAX };
        return Err(SnsFault::invalid("MessageAttributes", rule));
    }
    attributes.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(pair) = attributes.windows(2).find(|pair| pair[0].name == pair[1].name) {
        let repeated = InvalidMessageAttribute { name: (*pair[0].name).into(), rule: MessageAttributeRule::Repeated };
        return Err(SnsFault::ParameterValueInvalid(Box::new(repeated)).into());
    }
    attributes.iter().try_for_each(one)
}

fn fault(name: &str, rule: MessageAttributeRule) -> Fault {
    let name = crate::fault::excerpt(name).into();
    SnsFault::ParameterValueInvalid(Box::new(InvalidMessageAttribute { name, rule })).into()
}

fn one(attribute: &MessageAttribute<'_>) -> Result<(), Fault> {
    let MessageAttribute { name, data_type, value } = attribute;
    let named = |rule| Err(fault(name, rule));
    let of_type = || Box::<str>::from(&**data_type);
    // The reserved prefix is for what SNS itself understands.
    let is_own = name.starts_with("AWS.SNS.") || name.starts_with("AWS.MM.");
    if !(1..=ATTRIBUTE_NAME_CHARS_MAX).contains(&name.len()) || !(is_own || is_name(name)) {
        return named(MessageAttributeRule::Name);
    }
    if data_type.is_empty() {
        return named(MessageAttributeRule::TypeMissing);
    }
    if data_type.len() > ATTRIBUTE_TYPE_CHARS_MAX {
        return named(MessageAttributeRule::TypeTooLong { max: ATTRIBUTE_TYPE_CHARS_MAX });
    }
    let base = data_type.split('.').next().unwrap_or_default();
    if !matches!(base, "String" | "Number" | "Binary") {
        return named(MessageAttributeRule::Type);
    }
    if value.as_bytes().is_empty() {
        return named(MessageAttributeRule::Empty { data_type: of_type() });
    }
    match (base, value) {
        ("Binary", AttributeValue::Text(_)) => named(MessageAttributeRule::NotBytes { data_type: of_type() }),
        ("String" | "Number", AttributeValue::Binary(_)) => {
            named(MessageAttributeRule::NotText { data_type: of_type() })
        }
        ("Number", AttributeValue::Text(text)) if !is_number(text) => named(MessageAttributeRule::NotANumber),
        ("String", AttributeValue::Text(text)) if !text.chars().all(is_allowed) => {
            named(MessageAttributeRule::Characters)
        }
        ("String", AttributeValue::Text(text)) if &**data_type == "String.Array" && !is_array(text) => {
            named(MessageAttributeRule::NotAnArray)
        }
        _ => Ok(()),
    }
}

/// SNS's arrays hold values, not arrays or objects.
fn is_array(text: &str) -> bool {
    let array: Result<Vec<serde_json::Value>, _> = serde_json::from_str(text);
    array.is_ok_and(|values| values.iter().all(|value| !value.is_array() && !value.is_object()))
}

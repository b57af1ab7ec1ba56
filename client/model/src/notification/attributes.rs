//! The rules for the attributes of a notification.

use crate::fault::{Fault, InvalidMessageAttribute, MessageAttributeRule, Rule, SnsFault};
use crate::limits::{ATTRIBUTE_NAME_CHARS_MAX, ATTRIBUTE_TYPE_CHARS_MAX, NOTIFICATION_ATTRIBUTES_MAX};
use crate::message::{AttributeValue, MessageAttribute, is_allowed, is_number, is_reserved};

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
    check_name(name).or_else(named)?;
    if data_type.is_empty() {
        return named(MessageAttributeRule::TypeMissing);
    }
    if data_type.len() > ATTRIBUTE_TYPE_CHARS_MAX {
        return named(MessageAttributeRule::TypeTooLong { max: ATTRIBUTE_TYPE_CHARS_MAX });
    }
    // Recorded from AWS: a period alone is no custom label.
    let (base, label) = data_type.split_once('.').map_or((&**data_type, None), |(base, label)| (base, Some(label)));
    if !matches!(base, "String" | "Number" | "Binary") || label == Some("") {
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
        _ => Ok(()),
    }
}

/// Checks a name. SNS looks at its length, its ends and then at its characters from the first to the last.
fn check_name(name: &str) -> Result<(), MessageAttributeRule> {
    if name.is_empty() {
        return Err(MessageAttributeRule::Name);
    }
    if name.len() > ATTRIBUTE_NAME_CHARS_MAX {
        return Err(MessageAttributeRule::NameLength { max: ATTRIBUTE_NAME_CHARS_MAX });
    }
    if name.starts_with('.') {
        return Err(MessageAttributeRule::NameStart);
    }
    if name.ends_with('.') {
        return Err(MessageAttributeRule::NameEnd);
    }
    let mut before = None;
    for found in name.chars() {
        if !found.is_alphanumeric() && !matches!(found, '_' | '-' | '.') {
            return Err(MessageAttributeRule::NameCharacter { found });
        }
        if found == '.' && before == Some('.') {
            return Err(MessageAttributeRule::NamePeriods);
        }
        before = Some(found);
    }
    // The reserved prefix is for what SNS itself understands.
    let is_own = name.starts_with("AWS.SNS.") || name.starts_with("AWS.MM.");
    if is_reserved(name) && !is_own { Err(MessageAttributeRule::NameReserved) } else { Ok(()) }
}

//! Message attributes and the rules that SQS puts on them.

use std::borrow::Cow;

use crate::fault::{Fault, InvalidValue, MessageAttributeRule};
use crate::limits::{ATTRIBUTE_NAME_CHARS_MAX, ATTRIBUTE_TYPE_CHARS_MAX, MESSAGE_ATTRIBUTES_MAX};

/// One message attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageAttribute<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// Its data type with the custom label, if any: `Number.float`.
    pub data_type: Cow<'a, str>,
    /// Its value.
    pub value: AttributeValue<'a>,
}

/// The value of a message attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeValue<'a> {
    /// `StringValue`, of a String or a Number.
    Text(Cow<'a, str>),
    /// `BinaryValue`
    Binary(Cow<'a, [u8]>),
}

impl AttributeValue<'_> {
    /// The value's bytes, whatever its kind.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

/// What attributes add to the size of their message: names, types and values.
#[must_use]
pub fn attributes_size_bytes(attributes: &[MessageAttribute<'_>]) -> usize {
    attributes.iter().map(|a| a.name.len() + a.data_type.len() + a.value.as_bytes().len()).sum()
}

/// Checks the attributes of one message and sorts them by name, the order in which they are digested and stored.
///
/// # Errors
/// [`Fault::InvalidParameterValue`] for the first attribute that breaks a rule.
pub fn check_attributes(attributes: &mut [MessageAttribute<'_>]) -> Result<(), Fault> {
    if attributes.len() > MESSAGE_ATTRIBUTES_MAX {
        return Err(Fault::invalid(InvalidValue::TooManyMessageAttributes {
            found: attributes.len(),
            max: MESSAGE_ATTRIBUTES_MAX,
        }));
    }
    attributes.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(pair) = attributes.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(fault(&pair[0].name, MessageAttributeRule::Repeated));
    }
    attributes.iter().try_for_each(check_attribute)
}

fn check_attribute(attribute: &MessageAttribute<'_>) -> Result<(), Fault> {
    let MessageAttribute { name, data_type, value } = attribute;
    let refuse = |rule| Err(fault(name, rule));
    if !(1..=ATTRIBUTE_NAME_CHARS_MAX).contains(&name.len()) {
        return refuse(MessageAttributeRule::NameLength { max: ATTRIBUTE_NAME_CHARS_MAX });
    }
    if is_reserved(name) {
        return refuse(MessageAttributeRule::NameReserved);
    }
    if !has_name_characters(name) {
        return refuse(MessageAttributeRule::Name);
    }
    if data_type.len() > ATTRIBUTE_TYPE_CHARS_MAX {
        return refuse(MessageAttributeRule::TypeTooLong { max: ATTRIBUTE_TYPE_CHARS_MAX });
    }
    let base = data_type.split('.').next().unwrap_or_default();
    match (base, value) {
        ("String" | "Number" | "Binary", value) if value.as_bytes().is_empty() => {
            refuse(MessageAttributeRule::Empty { data_type: base.into() })
        }
        ("String", AttributeValue::Text(text)) if text.chars().all(is_allowed) => Ok(()),
        ("String", AttributeValue::Text(_)) => refuse(MessageAttributeRule::Characters),
        ("Number", AttributeValue::Text(text)) if is_number(text) => Ok(()),
        ("Number", AttributeValue::Text(_)) => refuse(MessageAttributeRule::NotANumber),
        ("Binary", AttributeValue::Binary(_)) => Ok(()),
        ("String" | "Number", AttributeValue::Binary(_)) => {
            refuse(MessageAttributeRule::NotText { data_type: base.into() })
        }
        ("Binary", AttributeValue::Text(_)) => refuse(MessageAttributeRule::NotBytes { data_type: base.into() }),
        _ => refuse(MessageAttributeRule::Type),
    }
}

fn fault(name: &str, rule: MessageAttributeRule) -> Fault {
    Fault::invalid(InvalidValue::MessageAttribute { name: name.into(), rule })
}

/// Whether a name starts with a prefix that AWS keeps for itself.
pub(crate) fn is_reserved(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.starts_with("aws.") || lower.starts_with("amazon.")
}

/// Letters and digits of any script, underscores, hyphens, and single periods inside.
fn has_name_characters(name: &str) -> bool {
    let dots_are_inside = !name.starts_with('.') && !name.ends_with('.') && !name.contains("..");
    dots_are_inside && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// The characters that SQS allows in bodies and string values: those of XML 1.0.
pub(crate) const fn is_allowed(c: char) -> bool {
    matches!(c, '\u{9}' | '\u{A}' | '\u{D}' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// Numbers have up to 38 digits of precision and lie between -10^128 and 10^126.
pub(crate) fn is_number(text: &str) -> bool {
    // `f64` also parses "inf", "nan" and their like, which have no digit.
    text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'))
        && text.parse::<f64>().is_ok_and(|number| (-1e128..=1e126).contains(&number))
        && text.split(['e', 'E']).next().is_some_and(|m| m.bytes().filter(u8::is_ascii_digit).count() <= 38)
}

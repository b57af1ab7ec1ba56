//! Message attributes and the rules that SQS puts on them.

use std::borrow::Cow;

use crate::fault::Fault;
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
/// [`Fault::InvalidParameterValue`] with SQS's wording for the first attribute that breaks a rule.
pub fn check_attributes(attributes: &mut [MessageAttribute<'_>]) -> Result<(), Fault> {
    if attributes.len() > MESSAGE_ATTRIBUTES_MAX {
        return Err(Fault::InvalidParameterValue(
            format!(
                "Number of message attributes [{}] exceeds the allowed maximum [{MESSAGE_ATTRIBUTES_MAX}].",
                attributes.len()
            )
            .into(),
        ));
    }
    attributes.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(pair) = attributes.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(Fault::InvalidParameterValue(
            format!("Message (user) attribute name '{}' already exists.", pair[0].name).into(),
        ));
    }
    attributes.iter().try_for_each(check_attribute)
}

fn check_attribute(attribute: &MessageAttribute<'_>) -> Result<(), Fault> {
    let MessageAttribute { name, data_type, value } = attribute;
    let fault = |message: String| Err(Fault::InvalidParameterValue(message.into()));
    if !(1..=ATTRIBUTE_NAME_CHARS_MAX).contains(&name.len()) {
        return fault(format!(
            "Length of message attribute name must be less than {ATTRIBUTE_NAME_CHARS_MAX} bytes and not be empty."
        ));
    }
    if is_reserved(name) {
        return fault("Message attribute name cannot start with reserved prefixes 'AWS.' or 'Amazon.'.".into());
    }
    if !has_name_characters(name) {
        return fault(format!(
            "Invalid attribute name '{name}': it can contain the letters A-Z, a-z, digits, underscores, hyphens, and \
             single periods that are neither first nor last."
        ));
    }
    if data_type.len() > ATTRIBUTE_TYPE_CHARS_MAX {
        return fault(format!("Length of message attribute type must be less than {ATTRIBUTE_TYPE_CHARS_MAX} bytes."));
    }
    let base = data_type.split('.').next().unwrap_or_default();
    match (base, value) {
        ("String" | "Number" | "Binary", value) if value.as_bytes().is_empty() => {
            let kind = if base == "Binary" { "binary" } else { "string" };
            fault(format!("Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'."))
        }
        ("String", AttributeValue::Text(text)) if text.chars().all(is_allowed) => Ok(()),
        ("String", AttributeValue::Text(_)) => Err(Fault::InvalidMessageContents),
        ("Number", AttributeValue::Text(text)) if is_number(text) => Ok(()),
        ("Number", AttributeValue::Text(_)) => {
            fault(format!("Can't cast the value of message (user) attribute '{name}' to a number."))
        }
        ("Binary", AttributeValue::Binary(_)) => Ok(()),
        ("String" | "Number", AttributeValue::Binary(_)) => {
            fault(format!("The message attribute '{name}' with type '{base}' must use field 'String'."))
        }
        ("Binary", AttributeValue::Text(_)) => {
            fault(format!("The message attribute '{name}' with type 'Binary' must use field 'Binary'."))
        }
        _ => fault(format!(
            "The type of message (user) attribute '{name}' is invalid. You must use only the following supported type \
             prefixes: Binary, Number, String."
        )),
    }
}

/// Whether an attribute may have this name.
pub(crate) fn is_name(name: &str) -> bool {
    !is_reserved(name) && has_name_characters(name)
}

fn is_reserved(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.starts_with("aws.") || lower.starts_with("amazon.")
}

fn has_name_characters(name: &str) -> bool {
    let dots_are_inside = !name.starts_with('.') && !name.ends_with('.') && !name.contains("..");
    dots_are_inside && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
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

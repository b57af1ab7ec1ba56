//! Message attributes: typed values with a name.

use bytes::Bytes;
use posthouse_wire::AttributeValue;

/// The value of a message attribute: text, a number or bytes, each with SQS's name of its type.
///
/// ```
/// use posthouse_client::Attribute;
///
/// assert_eq!(Attribute::from("high").data_type(), "String");
/// assert_eq!(Attribute::from(12).as_str(), Some("12"));
/// assert_eq!(Attribute::binary(vec![1, 2]).labelled("png").data_type(), "Binary.png");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    data_type: String,
    value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Text(String),
    Bytes(Bytes),
}

impl Attribute {
    /// Text.
    #[must_use]
    pub fn string(text: impl Into<String>) -> Self {
        Self { data_type: "String".to_owned(), value: Value::Text(text.into()) }
    }

    /// A number, as its decimal digits: up to 38 of them.
    #[must_use]
    pub fn number(digits: impl Into<String>) -> Self {
        Self { data_type: "Number".to_owned(), value: Value::Text(digits.into()) }
    }

    /// Bytes.
    #[must_use]
    pub fn binary(bytes: impl Into<Bytes>) -> Self {
        Self { data_type: "Binary".to_owned(), value: Value::Bytes(bytes.into()) }
    }

    /// The same value with a label behind its type, as in `Number.float`.
    #[must_use]
    pub fn labelled(mut self, label: &str) -> Self {
        self.data_type.push('.');
        self.data_type.push_str(label);
        self
    }

    /// The type: `String`, `Number` or `Binary`, with a label if it has one.
    #[must_use]
    pub fn data_type(&self) -> &str {
        &self.data_type
    }

    /// The text of a string or number. `None` for bytes.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Bytes(_) => None,
        }
    }

    /// The bytes of the value, of text too.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.value {
            Value::Text(text) => text.as_bytes(),
            Value::Bytes(bytes) => bytes,
        }
    }

    /// What a receiver was delivered.
    pub(crate) fn received(data_type: &str, value: AttributeValue<'_>) -> Self {
        let value = match value {
            AttributeValue::Text(text) => Value::Text(text.to_owned()),
            AttributeValue::Binary(bytes) => Value::Bytes(Bytes::copy_from_slice(bytes)),
        };
        Self { data_type: data_type.to_owned(), value }
    }

    /// The value as frames carry it.
    pub(crate) fn value(&self) -> AttributeValue<'_> {
        match &self.value {
            Value::Text(text) => AttributeValue::Text(text),
            Value::Bytes(bytes) => AttributeValue::Binary(bytes),
        }
    }
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Self::string(text)
    }
}

impl From<String> for Attribute {
    fn from(text: String) -> Self {
        Self::string(text)
    }
}

impl From<Bytes> for Attribute {
    fn from(bytes: Bytes) -> Self {
        Self::binary(bytes)
    }
}

macro_rules! from_integers {
    ($($integer:ty)*) => {
        $(
            impl From<$integer> for Attribute {
                fn from(number: $integer) -> Self {
                    Self::number(number.to_string())
                }
            }
        )*
    };
}

from_integers! { i8 u8 i16 u16 i32 u32 i64 u64 i128 u128 isize usize }

/// Sets the attribute of that name.
pub(crate) fn set(attributes: &mut Vec<(String, Attribute)>, name: String, value: Attribute) {
    match attributes.iter_mut().find(|(known, _)| *known == name) {
        Some((_, held)) => *held = value,
        None => attributes.push((name, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_received_as_it_was_sent() {
        for sent in [Attribute::from("Zürich").labelled("city"), Attribute::from(-7), Attribute::binary(vec![0xff])] {
            assert_eq!(Attribute::received(sent.data_type(), sent.value()), sent);
        }
    }
}

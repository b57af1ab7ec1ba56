//! The value of a message attribute, which both services read alike.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use posthouse_model::fault::MessageAttributeRule;
use posthouse_model::message::AttributeValue;

use super::input::Text;

/// The value of an attribute's `StringValue` and `BinaryValue`. Without either it is an empty text, which the model
/// refuses with the rest of the attribute's rules.
///
/// # Errors
/// [`MessageAttributeRule::ManyValues`] where both are given, [`MessageAttributeRule::NotBase64`] for a `BinaryValue`
/// that is not base64.
pub(crate) fn value<'a>(
    text: Option<&'a Text<'_>>,
    binary: Option<&'a Text<'_>>,
) -> Result<AttributeValue<'a>, MessageAttributeRule> {
    match (text, binary) {
        (Some(_), Some(_)) => Err(MessageAttributeRule::ManyValues),
        (Some(text), None) => Ok(AttributeValue::Text(Cow::Borrowed(text))),
        (None, Some(base64)) => STANDARD
            .decode(&**base64)
            .map(|bytes| AttributeValue::Binary(Cow::Owned(bytes)))
            .map_err(|_| MessageAttributeRule::NotBase64),
        (None, None) => Ok(AttributeValue::Text(Cow::Borrowed(""))),
    }
}

//! Attribute values that topics and subscriptions share, and the trait by which texts become values.

use std::borrow::Cow;
use std::sync::Arc;

use crate::delivery_policy::{SubscriptionDeliveryPolicy, TopicDeliveryPolicy};
use crate::fault::{Rule, excerpt};
use crate::limits::{DISPLAY_NAME_CHARS_MAX, KMS_KEY_ID_BYTES_MAX, SAMPLE_RATE_PERCENT_MAX};
use crate::ranges::TopicMessageSizeLimit;
use crate::role::RoleArn;
use crate::sample_rate::SampleRate;

/// The value of an attribute: made of a text, and written as one.
pub(super) trait AttributeValue: Sized {
    /// The value that a text stands for; `None` for a text that sets the attribute back to its default.
    ///
    /// # Errors
    /// The rule that the text breaks.
    fn parse(text: &str) -> Result<Option<Self>, Rule>;

    /// The value that a stored text stands for. An earlier version may have taken a text that [`AttributeValue::parse`]
    /// refuses.
    ///
    /// # Errors
    /// The rule that the text breaks, which no version took.
    fn restore(text: &str) -> Result<Option<Self>, Rule> {
        Self::parse(text)
    }

    /// The text of the value. [`AttributeValue::parse`] makes an equal value of it.
    fn text(&self) -> Cow<'_, str>;
}

impl<T: AttributeValue> AttributeValue for Box<T> {
    fn parse(text: &str) -> Result<Option<Self>, Rule> {
        Ok(T::parse(text)?.map(Box::new))
    }

    fn restore(text: &str) -> Result<Option<Self>, Rule> {
        Ok(T::restore(text)?.map(Box::new))
    }

    fn text(&self) -> Cow<'_, str> {
        (**self).text()
    }
}

/// A text without a rule of the model.
impl AttributeValue for Box<str> {
    fn parse(text: &str) -> Result<Option<Self>, Rule> {
        Ok((!text.is_empty()).then(|| text.into()))
    }

    fn text(&self) -> Cow<'_, str> {
        (&**self).into()
    }
}

/// An empty text is no boolean and does not set the attribute back (recorded from AWS for `RawMessageDelivery`).
impl AttributeValue for bool {
    fn parse(text: &str) -> Result<Option<Self>, Rule> {
        match text {
            text if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            text if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            text => Err(Rule::NotABoolean { value: excerpt(text).into() }),
        }
    }

    fn text(&self) -> Cow<'_, str> {
        if *self { "true" } else { "false" }.into()
    }
}

impl AttributeValue for TopicMessageSizeLimit {
    fn parse(text: &str) -> Result<Option<Self>, Rule> {
        if text.is_empty() {
            return Ok(None);
        }
        let limit = text.parse().ok().and_then(|bytes| Self::new(bytes).ok());
        limit.map(Some).ok_or(Rule::AttributeValue)
    }

    fn text(&self) -> Cow<'_, str> {
        self.to_string().into()
    }
}

impl AttributeValue for TopicDeliveryPolicy {
    fn parse(text: &str) -> Result<Option<Self>, Rule> {
        if text.is_empty() { Ok(None) } else { Self::parse(text).map(Some).map_err(Rule::DeliveryPolicy) }
    }

    fn restore(text: &str) -> Result<Option<Self>, Rule> {
        Self::restore(text).map(Some).map_err(Rule::DeliveryPolicy)
    }

    fn text(&self) -> Cow<'_, str> {
        self.to_json().into()
    }
}

impl AttributeValue for SubscriptionDeliveryPolicy {
    fn parse(text: &str) -> Result<Option<Self>, Rule> {
        if text.is_empty() { Ok(None) } else { Self::parse(text).map(Some).map_err(Rule::DeliveryPolicy) }
    }

    fn restore(text: &str) -> Result<Option<Self>, Rule> {
        Self::restore(text).map(Some).map_err(Rule::DeliveryPolicy)
    }

    fn text(&self) -> Cow<'_, str> {
        self.to_json().into()
    }
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident, $is_valid:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(Box<str>);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AttributeValue for $name {
            fn parse(text: &str) -> Result<Option<Self>, Rule> {
                let is_valid: fn(&str) -> bool = $is_valid;
                match text {
                    "" => Ok(None),
                    text if is_valid(text) => Ok(Some(Self(text.into()))),
                    _ => Err(Rule::AttributeValue),
                }
            }

            fn text(&self) -> Cow<'_, str> {
                self.as_str().into()
            }
        }
    )*};
}

texts! {
    /// `DisplayName`: up to [`DISPLAY_NAME_CHARS_MAX`] characters, none of them a control character.
    DisplayName, |text| text.chars().count() <= DISPLAY_NAME_CHARS_MAX && !text.chars().any(char::is_control);
    /// `KmsMasterKeyId`: up to [`KMS_KEY_ID_BYTES_MAX`] bytes.
    KmsKeyId, |text| text.len() <= KMS_KEY_ID_BYTES_MAX;
}

impl AttributeValue for RoleArn {
    fn parse(text: &str) -> Result<Option<Self>, Rule> {
        if text.is_empty() { Ok(None) } else { Self::parse(text).map(Some).ok_or(Rule::AttributeValue) }
    }

    fn restore(text: &str) -> Result<Option<Self>, Rule> {
        if text.is_empty() { Ok(None) } else { Self::restore(text).map(Some).ok_or(Rule::AttributeValue) }
    }

    fn text(&self) -> Cow<'_, str> {
        self.as_str().into()
    }
}

impl AttributeValue for SampleRate {
    fn parse(text: &str) -> Result<Option<Self>, Rule> {
        let refused = || Rule::SampleRate { value: excerpt(text).into(), max: SAMPLE_RATE_PERCENT_MAX };
        if text.is_empty() { Ok(None) } else { Self::parse(text).map(Some).ok_or_else(refused) }
    }

    fn restore(text: &str) -> Result<Option<Self>, Rule> {
        if text.is_empty() { Ok(None) } else { Self::restore(text).map(Some).ok_or(Rule::AttributeValue) }
    }

    fn text(&self) -> Cow<'_, str> {
        self.to_string().into()
    }
}

/// A filter policy as the subscriber wrote it: neither empty nor the empty object, which both take a policy away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterPolicyText(Arc<str>);

impl FilterPolicyText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AttributeValue for FilterPolicyText {
    fn parse(text: &str) -> Result<Option<Self>, Rule> {
        let none = text.is_empty() || text.trim() == "{}";
        Ok((!none).then(|| Self(text.into())))
    }

    fn text(&self) -> Cow<'_, str> {
        self.as_str().into()
    }
}

/// Declares an enum whose variants are the texts that an attribute takes.
macro_rules! choices {
    ($($(#[$doc:meta])* $kind:ident, $refused:expr; { $($(#[$variant_doc:meta])* $variant:ident $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $kind { $($(#[$variant_doc])* $variant,)* }

        impl $kind {
            /// The value as SNS writes it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl AttributeValue for $kind {
            fn parse(text: &str) -> Result<Option<Self>, Rule> {
                let refused: fn(&str) -> Rule = $refused;
                match text {
                    "" => Ok(None),
                    $($text => Ok(Some(Self::$variant)),)*
                    text => Err(refused(text)),
                }
            }

            fn text(&self) -> Cow<'_, str> {
                self.as_str().into()
            }
        }
    )*};
}

pub(super) use choices;

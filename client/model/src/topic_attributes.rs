//! Topic attributes and subscription attributes: their names, which of them a caller may set, and the values they take.
//!
//! Values are held as the caller gave them. `Policy`, `DeliveryPolicy` and `FilterPolicy` are documents that the engine
//! validates, since it evaluates them. What a topic or a subscription counts or is ([`crate::operation::TopicView`],
//! [`crate::operation::SubscriptionView`]) is added where attributes are read.

use std::collections::BTreeMap;

use core::fmt;
use core::str::FromStr;

use crate::fault::{Fault, Origin, Rule, SnsFault};
use crate::limits::{
    DISPLAY_NAME_CHARS_MAX, TOPIC_MESSAGE_SIZE_DEFAULT_BYTES, TOPIC_MESSAGE_SIZE_MAX_BYTES,
    TOPIC_MESSAGE_SIZE_MIN_BYTES,
};

macro_rules! attribute_names {
    ($(#[$doc:meta])* $kind:ident { $($name:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $kind { $(#[doc = concat!("`", stringify!($name), "`")] $name,)* }

        impl $kind {
            /// Every attribute that can be set.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name as SNS writes it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }

        impl FromStr for $kind {
            type Err = Fault;

            fn from_str(text: &str) -> Result<Self, Fault> {
                match text {
                    $(stringify!($name) => Ok(Self::$name),)*
                    _ => Err(SnsFault::invalid("AttributeName", Rule::Malformed)),
                }
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

attribute_names! {
    /// The name of a topic attribute that can be set.
    TopicAttributeName {
        ApplicationFailureFeedbackRoleArn,
        ApplicationSuccessFeedbackRoleArn,
        ApplicationSuccessFeedbackSampleRate,
        ContentBasedDeduplication,
        DeliveryPolicy,
        DisplayName,
        FifoThroughputScope,
        FifoTopic,
        FirehoseFailureFeedbackRoleArn,
        FirehoseSuccessFeedbackRoleArn,
        FirehoseSuccessFeedbackSampleRate,
        HTTPFailureFeedbackRoleArn,
        HTTPSuccessFeedbackRoleArn,
        HTTPSuccessFeedbackSampleRate,
        KmsMasterKeyId,
        LambdaFailureFeedbackRoleArn,
        LambdaSuccessFeedbackRoleArn,
        LambdaSuccessFeedbackSampleRate,
        MaximumMessageSize,
        Policy,
        SQSFailureFeedbackRoleArn,
        SQSSuccessFeedbackRoleArn,
        SQSSuccessFeedbackSampleRate,
        SignatureVersion,
        TracingConfig,
    }
}

attribute_names! {
    /// The name of a subscription attribute that can be set.
    SubscriptionAttributeName {
        DeliveryPolicy,
        FilterPolicy,
        FilterPolicyScope,
        RawMessageDelivery,
        RedrivePolicy,
        SubscriptionRoleArn,
    }
}

/// Which signature a topic's notifications bear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignatureVersion {
    /// `1`: RSA with SHA-1, SNS's default.
    #[default]
    V1,
    /// `2`: RSA with SHA-256.
    V2,
}

impl SignatureVersion {
    /// The version as SNS writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "1",
            Self::V2 => "2",
        }
    }
}

/// Which part of a publication filter policies look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FilterPolicyScope {
    /// `MessageAttributes`, the default.
    #[default]
    MessageAttributes,
    /// `MessageBody`
    MessageBody,
}

/// Where a FIFO topic's deduplication looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FifoThroughputScope {
    /// `Topic`: an id is remembered for the whole topic.
    #[default]
    Topic,
    /// `MessageGroup`: an id is remembered for its group only.
    MessageGroup,
}

/// Names of attributes that have values of their own rules.
pub trait AttributeName: Copy + Ord + FromStr<Err = Fault> {
    /// The name as SNS writes it.
    fn as_str(self) -> &'static str;

    /// Checks a value that is to be set.
    ///
    /// # Errors
    /// The rule that the value breaks.
    fn check(self, value: &str) -> Result<(), Rule>;

    /// Whether a value sets the attribute back to its default.
    fn is_default(self, value: &str) -> bool {
        value.is_empty()
    }
}

/// Attributes that were given; what is not here has its default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes<N>(BTreeMap<N, Box<str>>);

/// The attributes that a topic was given.
pub type TopicAttributes = Attributes<TopicAttributeName>;

/// The attributes that a subscription was given.
pub type SubscriptionAttributes = Attributes<SubscriptionAttributeName>;

impl<N> Default for Attributes<N> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<N: AttributeName> Attributes<N> {
    /// Attributes as `CreateTopic` and `Subscribe` give them.
    ///
    /// # Errors
    /// [`SnsFault::InvalidParameter`] for an unknown name or a value that breaks its rule.
    pub fn parse<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Fault> {
        let mut attributes = Self::default();
        for (name, value) in pairs {
            let origin = Origin::attributes(name);
            let unknown = || Rule::UnknownAttribute { name: crate::fault::excerpt(name).into() };
            match name.parse() {
                Ok(name) => attributes.set_from(origin, name, value)?,
                Err(_) => return Err(SnsFault::invalid(origin, unknown())),
            }
        }
        Ok(attributes)
    }

    /// Sets one attribute, or sets it back to its default: with an empty value, and a filter policy with an empty
    /// object.
    ///
    /// # Errors
    /// [`SnsFault::InvalidParameter`] where the value breaks its rule.
    pub fn set(&mut self, name: N, value: &str) -> Result<(), Fault> {
        self.set_from(Origin::Attribute(name.as_str()), name, value)
    }

    fn set_from(&mut self, origin: Origin, name: N, value: &str) -> Result<(), Fault> {
        if name.is_default(value) {
            self.0.remove(&name);
        } else {
            name.check(value).map_err(|rule| SnsFault::invalid(origin, rule))?;
            self.0.insert(name, value.into());
        }
        Ok(())
    }

    /// What an attribute was set to.
    #[must_use]
    pub fn get(&self, name: N) -> Option<&str> {
        self.0.get(&name).map(|value| &**value)
    }

    /// What was set, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (N, &str)> {
        self.0.iter().map(|(name, value)| (*name, &**value))
    }

    fn is_true(&self, name: N) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

impl TopicAttributes {
    /// `FifoTopic`
    #[must_use]
    pub fn is_fifo(&self) -> bool {
        self.is_true(TopicAttributeName::FifoTopic)
    }

    /// `ContentBasedDeduplication`
    #[must_use]
    pub fn content_based_deduplication(&self) -> bool {
        self.is_true(TopicAttributeName::ContentBasedDeduplication)
    }

    /// `FifoThroughputScope`
    #[must_use]
    pub fn fifo_throughput_scope(&self) -> FifoThroughputScope {
        match self.get(TopicAttributeName::FifoThroughputScope) {
            Some("MessageGroup") => FifoThroughputScope::MessageGroup,
            _ => FifoThroughputScope::Topic,
        }
    }

    /// `SignatureVersion`
    #[must_use]
    pub fn signature_version(&self) -> SignatureVersion {
        match self.get(TopicAttributeName::SignatureVersion) {
            Some("2") => SignatureVersion::V2,
            _ => SignatureVersion::V1,
        }
    }

    /// `MaximumMessageSize`, in bytes.
    #[must_use]
    pub fn maximum_message_size_bytes(&self) -> u32 {
        let set = self.get(TopicAttributeName::MaximumMessageSize);
        set.and_then(|bytes| bytes.parse().ok()).unwrap_or(TOPIC_MESSAGE_SIZE_DEFAULT_BYTES)
    }
}

impl AttributeName for TopicAttributeName {
    fn as_str(self) -> &'static str {
        self.as_str()
    }

    fn check(self, value: &str) -> Result<(), Rule> {
        use TopicAttributeName as Name;
        let valid = match self {
            Name::ContentBasedDeduplication | Name::FifoTopic => is_boolean(value),
            Name::FifoThroughputScope => matches!(value, "Topic" | "MessageGroup"),
            Name::SignatureVersion => matches!(value, "1" | "2"),
            Name::TracingConfig => matches!(value, "PassThrough" | "Active"),
            Name::DisplayName => {
                value.chars().count() <= DISPLAY_NAME_CHARS_MAX && !value.chars().any(char::is_control)
            }
            Name::MaximumMessageSize => value
                .parse()
                .is_ok_and(|bytes| (TOPIC_MESSAGE_SIZE_MIN_BYTES..=TOPIC_MESSAGE_SIZE_MAX_BYTES).contains(&bytes)),
            Name::ApplicationSuccessFeedbackSampleRate
            | Name::FirehoseSuccessFeedbackSampleRate
            | Name::HTTPSuccessFeedbackSampleRate
            | Name::LambdaSuccessFeedbackSampleRate
            | Name::SQSSuccessFeedbackSampleRate => value.parse::<u8>().is_ok_and(|percent| percent <= 100),
            Name::ApplicationFailureFeedbackRoleArn
            | Name::ApplicationSuccessFeedbackRoleArn
            | Name::FirehoseFailureFeedbackRoleArn
            | Name::FirehoseSuccessFeedbackRoleArn
            | Name::HTTPFailureFeedbackRoleArn
            | Name::HTTPSuccessFeedbackRoleArn
            | Name::LambdaFailureFeedbackRoleArn
            | Name::LambdaSuccessFeedbackRoleArn
            | Name::SQSFailureFeedbackRoleArn
            | Name::SQSSuccessFeedbackRoleArn => is_role_arn(value),
            Name::KmsMasterKeyId => value.len() <= 2048,
            Name::DeliveryPolicy | Name::Policy => true,
        };
        if valid { Ok(()) } else { Err(Rule::AttributeValue) }
    }
}

impl SubscriptionAttributes {
    /// `RawMessageDelivery`
    #[must_use]
    pub fn is_raw(&self) -> bool {
        self.is_true(SubscriptionAttributeName::RawMessageDelivery)
    }

    /// `FilterPolicyScope`
    #[must_use]
    pub fn filter_policy_scope(&self) -> FilterPolicyScope {
        match self.get(SubscriptionAttributeName::FilterPolicyScope) {
            Some("MessageBody") => FilterPolicyScope::MessageBody,
            _ => FilterPolicyScope::MessageAttributes,
        }
    }
}

impl AttributeName for SubscriptionAttributeName {
    fn as_str(self) -> &'static str {
        self.as_str()
    }

    fn check(self, value: &str) -> Result<(), Rule> {
        let valid = match self {
            Self::FilterPolicyScope => matches!(value, "MessageAttributes" | "MessageBody"),
            Self::RawMessageDelivery => is_boolean(value),
            Self::SubscriptionRoleArn => is_role_arn(value),
            Self::DeliveryPolicy | Self::FilterPolicy | Self::RedrivePolicy => true,
        };
        if valid {
            return Ok(());
        }
        Err(Rule::SubscriptionAttributeValue { attribute: self.as_str(), value: crate::fault::excerpt(value).into() })
    }

    fn is_default(self, value: &str) -> bool {
        value.is_empty() || (self == Self::FilterPolicy && value.trim() == "{}")
    }
}

fn is_boolean(value: &str) -> bool {
    value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false")
}

fn is_role_arn(value: &str) -> bool {
    value.len() <= 2048 && value.starts_with("arn:") && value.split(':').nth(2) == Some("iam")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_attribute_values() {
        for (name, value, valid) in [
            ("FifoTopic", "true", true),
            ("FifoTopic", "yes", false),
            ("DisplayName", "Orders of today", true),
            ("DisplayName", "a\nb", false),
            ("SignatureVersion", "2", true),
            ("SignatureVersion", "3", false),
            ("TracingConfig", "Active", true),
            ("TracingConfig", "on", false),
            ("MaximumMessageSize", "1048576", true),
            ("MaximumMessageSize", "1048577", false),
            ("MaximumMessageSize", "1023", false),
            ("HTTPSuccessFeedbackSampleRate", "100", true),
            ("HTTPSuccessFeedbackSampleRate", "101", false),
            ("SQSFailureFeedbackRoleArn", "arn:aws:iam::123456789012:role/r", true),
            ("SQSFailureFeedbackRoleArn", "role", false),
            ("FifoThroughputScope", "MessageGroup", true),
            ("FifoThroughputScope", "perTopic", false),
            ("TopicArn", "x", false),
            ("Nothing", "x", false),
        ] {
            assert_eq!(TopicAttributes::parse([(name, value)]).is_ok(), valid, "{name}={value}");
        }
    }

    #[test]
    fn subscription_attribute_values() {
        for (name, value, valid) in [
            ("RawMessageDelivery", "TRUE", true),
            ("RawMessageDelivery", "1", false),
            ("FilterPolicyScope", "MessageBody", true),
            ("FilterPolicyScope", "Body", false),
            ("SubscriptionRoleArn", "arn:aws:iam::123456789012:role/r", true),
            ("SubscriptionRoleArn", "r", false),
            ("Owner", "x", false),
        ] {
            assert_eq!(SubscriptionAttributes::parse([(name, value)]).is_ok(), valid, "{name}={value}");
        }
        let mut attributes = SubscriptionAttributes::parse([("FilterPolicy", r#"{"a":["b"]}"#)]).expect("valid");
        attributes.set(SubscriptionAttributeName::FilterPolicy, "{}").expect("clears");
        assert_eq!(attributes, SubscriptionAttributes::default());
    }
}

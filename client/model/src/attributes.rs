//! Queue attributes: their names, ranges and defaults, typed once parsed.
//!
//! `Policy` is held as text here; the engine validates and evaluates it. Counters and other read-only attributes
//! ([`QueueView`]) are added where attributes are read.

use std::collections::BTreeMap;

use core::fmt;
use core::str::FromStr;

use crate::fault::{AttributeNameRule, AttributeRule, Fault, excerpt};
use crate::ranges::{
    Delay, KeyReusePeriod, MessageSizeLimit, OutOfRange, ReceiveBurst, ReceiveRate, RetentionPeriod, VisibilityTimeout,
    WaitTime,
};
use crate::redrive::{RedriveAllowPolicy, RedrivePolicy};

macro_rules! attribute_names {
    ($($(#[$doc:meta])* $name:ident $text:literal $settable:literal,)*) => {
        /// The name of a queue attribute.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum QueueAttributeName {
            $($(#[$doc])* #[doc = concat!("`", $text, "`")] $name,)*
        }

        impl QueueAttributeName {
            /// Every attribute.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name as SQS writes it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Whether a caller may set it.
            #[must_use]
            pub const fn is_settable(self) -> bool {
                match self { $(Self::$name => $settable,)* }
            }
        }

        impl FromStr for QueueAttributeName {
            type Err = Fault;

            fn from_str(text: &str) -> Result<Self, Fault> {
                match text {
                    $($text => Ok(Self::$name),)*
                    _ => Err(Fault::unknown_attribute(excerpt(text))),
                }
            }
        }
    };
}

attribute_names! {
    /// Posthouse's own:
    ApproximateNumberOfDamagedMessages "ApproximateNumberOfDamagedMessages" false,
    ApproximateNumberOfMessages "ApproximateNumberOfMessages" false,
    ApproximateNumberOfMessagesDelayed "ApproximateNumberOfMessagesDelayed" false,
    ApproximateNumberOfMessagesNotVisible "ApproximateNumberOfMessagesNotVisible" false,
    ContentBasedDeduplication "ContentBasedDeduplication" true,
    CreatedTimestamp "CreatedTimestamp" false,
    DeduplicationScope "DeduplicationScope" true,
    DelaySeconds "DelaySeconds" true,
    FifoQueue "FifoQueue" true,
    FifoThroughputLimit "FifoThroughputLimit" true,
    KmsDataKeyReusePeriodSeconds "KmsDataKeyReusePeriodSeconds" true,
    KmsMasterKeyId "KmsMasterKeyId" true,
    LastModifiedTimestamp "LastModifiedTimestamp" false,
    /// Posthouse's own:
    MaxReceiveBurst "MaxReceiveBurst" true,
    /// Posthouse's own:
    MaxReceiveRate "MaxReceiveRate" true,
    MaximumMessageSize "MaximumMessageSize" true,
    MessageRetentionPeriod "MessageRetentionPeriod" true,
    Policy "Policy" true,
    QueueArn "QueueArn" false,
    ReceiveMessageWaitTimeSeconds "ReceiveMessageWaitTimeSeconds" true,
    RedriveAllowPolicy "RedriveAllowPolicy" true,
    RedrivePolicy "RedrivePolicy" true,
    SqsManagedSseEnabled "SqsManagedSseEnabled" true,
    VisibilityTimeout "VisibilityTimeout" true,
}

impl fmt::Display for QueueAttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What `DeduplicationScope` may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeduplicationScope {
    /// `queue`: an id is remembered for the whole queue.
    #[default]
    Queue,
    /// `messageGroup`: an id is remembered for its group only.
    MessageGroup,
}

/// What `FifoThroughputLimit` may be. Posthouse meters neither; the value is kept and its combination checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FifoThroughputLimit {
    /// `perQueue`
    #[default]
    PerQueue,
    /// `perMessageGroupId`: only together with [`DeduplicationScope::MessageGroup`].
    PerMessageGroupId,
}

/// A queue's settable attributes.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueAttributes {
    /// `DelaySeconds`
    pub delay: Delay,
    /// `MaximumMessageSize`
    pub maximum_message_size: MessageSizeLimit,
    /// `MessageRetentionPeriod`
    pub message_retention: RetentionPeriod,
    /// `ReceiveMessageWaitTimeSeconds`
    pub receive_wait: WaitTime,
    /// `VisibilityTimeout`
    pub visibility_timeout: VisibilityTimeout,
    /// `RedrivePolicy`
    pub redrive: Option<RedrivePolicy>,
    /// `RedriveAllowPolicy`
    pub redrive_allow: Option<RedriveAllowPolicy>,
    /// `Policy`, as the JSON text that was set.
    pub policy: Option<Box<str>>,
    /// `KmsMasterKeyId`: kept and returned; encryption at rest is the broker's setting for all queues.
    pub kms_master_key_id: Option<Box<str>>,
    /// `KmsDataKeyReusePeriodSeconds`
    pub kms_data_key_reuse: KeyReusePeriod,
    /// `SqsManagedSseEnabled`: kept and returned.
    pub sqs_managed_sse: bool,
    /// `FifoQueue`
    pub fifo: bool,
    /// `ContentBasedDeduplication`
    pub content_based_deduplication: bool,
    /// `DeduplicationScope`
    pub deduplication_scope: DeduplicationScope,
    /// `FifoThroughputLimit`
    pub fifo_throughput_limit: FifoThroughputLimit,
    /// `MaxReceiveRate` with `MaxReceiveBurst`; `None` where the queue does not meter.
    pub receive_rate: Option<ReceiveRate>,
}

impl Default for QueueAttributes {
    fn default() -> Self {
        Self {
            delay: Delay::ZERO,
            maximum_message_size: MessageSizeLimit::MAX,
            message_retention: RetentionPeriod::DEFAULT,
            receive_wait: WaitTime::ZERO,
            visibility_timeout: VisibilityTimeout::DEFAULT,
            redrive: None,
            redrive_allow: None,
            policy: None,
            kms_master_key_id: None,
            kms_data_key_reuse: KeyReusePeriod::DEFAULT,
            sqs_managed_sse: true,
            fifo: false,
            content_based_deduplication: false,
            deduplication_scope: DeduplicationScope::Queue,
            fifo_throughput_limit: FifoThroughputLimit::PerQueue,
            receive_rate: None,
        }
    }
}

impl QueueAttributes {
    /// The value of a settable attribute as `GetQueueAttributes` writes it; `None` where the queue has none: an
    /// unset policy, a FIFO attribute of a standard queue.
    #[must_use]
    pub fn get(&self, name: QueueAttributeName) -> Option<String> {
        use QueueAttributeName as Name;
        let fifo_only = |value: &str| self.fifo.then(|| value.to_owned());
        match name {
            Name::DelaySeconds => Some(self.delay.to_string()),
            Name::MaximumMessageSize => Some(self.maximum_message_size.to_string()),
            Name::MessageRetentionPeriod => Some(self.message_retention.to_string()),
            Name::ReceiveMessageWaitTimeSeconds => Some(self.receive_wait.to_string()),
            Name::VisibilityTimeout => Some(self.visibility_timeout.to_string()),
            Name::RedrivePolicy => self.redrive.as_ref().map(RedrivePolicy::to_json),
            Name::RedriveAllowPolicy => self.redrive_allow.as_ref().map(RedriveAllowPolicy::to_json),
            Name::Policy => self.policy.as_deref().map(str::to_owned),
            Name::KmsMasterKeyId => self.kms_master_key_id.as_deref().map(str::to_owned),
            Name::KmsDataKeyReusePeriodSeconds => {
                self.kms_master_key_id.as_ref().map(|_| self.kms_data_key_reuse.to_string())
            }
            Name::SqsManagedSseEnabled => Some(self.sqs_managed_sse.to_string()),
            Name::FifoQueue => fifo_only("true"),
            Name::ContentBasedDeduplication => {
                fifo_only(if self.content_based_deduplication { "true" } else { "false" })
            }
            Name::DeduplicationScope => fifo_only(match self.deduplication_scope {
                DeduplicationScope::Queue => "queue",
                DeduplicationScope::MessageGroup => "messageGroup",
            }),
            Name::FifoThroughputLimit => fifo_only(match self.fifo_throughput_limit {
                FifoThroughputLimit::PerQueue => "perQueue",
                FifoThroughputLimit::PerMessageGroupId => "perMessageGroupId",
            }),
            Name::MaxReceiveRate => self.receive_rate.map(|rate| rate.per_second().to_string()),
            Name::MaxReceiveBurst => self.receive_rate.map(|rate| rate.burst().to_string()),
            Name::ApproximateNumberOfDamagedMessages
            | Name::ApproximateNumberOfMessages
            | Name::ApproximateNumberOfMessagesDelayed
            | Name::ApproximateNumberOfMessagesNotVisible
            | Name::CreatedTimestamp
            | Name::LastModifiedTimestamp
            | Name::QueueArn => None,
        }
    }

    /// Every settable attribute that has a value, as text: what [`AttributeChanges`] rebuilds the same attributes from.
    pub fn settings(&self) -> impl Iterator<Item = (QueueAttributeName, String)> + '_ {
        QueueAttributeName::ALL
            .iter()
            .filter(|name| name.is_settable())
            .filter_map(|&name| self.get(name).map(|value| (name, value)))
    }

    fn set(&mut self, name: QueueAttributeName, value: &str) -> Result<(), Fault> {
        use QueueAttributeName as Name;
        match name {
            Name::DelaySeconds => self.delay = ranged(name, value)?,
            Name::MaximumMessageSize => self.maximum_message_size = ranged(name, value)?,
            Name::MessageRetentionPeriod => self.message_retention = ranged(name, value)?,
            Name::ReceiveMessageWaitTimeSeconds => self.receive_wait = ranged(name, value)?,
            Name::VisibilityTimeout => self.visibility_timeout = ranged(name, value)?,
            Name::RedrivePolicy => self.redrive = unless_empty(value, RedrivePolicy::parse)?,
            Name::RedriveAllowPolicy => self.redrive_allow = unless_empty(value, RedriveAllowPolicy::parse)?,
            Name::Policy => self.policy = unless_empty(value, |text| Ok(text.into()))?,
            Name::KmsMasterKeyId => self.kms_master_key_id = unless_empty(value, |text| Ok(text.into()))?,
            Name::KmsDataKeyReusePeriodSeconds => self.kms_data_key_reuse = ranged(name, value)?,
            Name::SqsManagedSseEnabled => self.sqs_managed_sse = boolean(name, value)?,
            Name::FifoQueue => self.fifo = boolean(name, value)?,
            Name::ContentBasedDeduplication => self.content_based_deduplication = boolean(name, value)?,
            Name::DeduplicationScope => {
                self.deduplication_scope = match value {
                    "queue" => DeduplicationScope::Queue,
                    "messageGroup" => DeduplicationScope::MessageGroup,
                    _ => return Err(Fault::invalid_attribute(name.as_str())),
                };
            }
            Name::FifoThroughputLimit => {
                self.fifo_throughput_limit = match value {
                    "perQueue" => FifoThroughputLimit::PerQueue,
                    "perMessageGroupId" => FifoThroughputLimit::PerMessageGroupId,
                    _ => return Err(Fault::invalid_attribute(name.as_str())),
                };
            }
            Name::MaxReceiveRate | Name::MaxReceiveBurst => {
                unreachable!("AttributeChanges::apply sets the two together")
            }
            Name::ApproximateNumberOfDamagedMessages
            | Name::ApproximateNumberOfMessages
            | Name::ApproximateNumberOfMessagesDelayed
            | Name::ApproximateNumberOfMessagesNotVisible
            | Name::CreatedTimestamp
            | Name::LastModifiedTimestamp
            | Name::QueueArn => return Err(Fault::unknown_attribute(name.as_str())),
        }
        Ok(())
    }
}

/// A number without a sign, in the range of its type.
fn ranged<T: TryFrom<i64, Error = OutOfRange>>(name: QueueAttributeName, value: &str) -> Result<T, Fault> {
    let number: Option<u32> = value.parse().ok();
    number.and_then(|number| T::try_from(number.into()).ok()).ok_or_else(|| Fault::invalid_attribute(name.as_str()))
}

fn boolean(name: QueueAttributeName, value: &str) -> Result<bool, Fault> {
    if value.eq_ignore_ascii_case("true") {
        Ok(true)
    } else if value.eq_ignore_ascii_case("false") {
        Ok(false)
    } else {
        Err(Fault::invalid_attribute(name.as_str()))
    }
}

fn unless_empty<T>(value: &str, parse: impl Fn(&str) -> Result<T, Fault>) -> Result<Option<T>, Fault> {
    if value.is_empty() { Ok(None) } else { parse(value).map(Some) }
}

/// The attributes that one request sets, by name; an empty policy or rate removes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttributeChanges(BTreeMap<QueueAttributeName, Box<str>>);

impl AttributeChanges {
    /// From names and values as they came.
    ///
    /// # Errors
    /// [`Fault::InvalidAttributeName`] for a name that SQS does not know or that cannot be set. Values are checked by
    /// [`AttributeChanges::apply`].
    pub fn parse<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Fault> {
        let mut changes = BTreeMap::new();
        for (name, value) in pairs {
            let parsed: QueueAttributeName = name.parse()?;
            if !parsed.is_settable() {
                return Err(Fault::unknown_attribute(name));
            }
            changes.insert(parsed, value.into());
        }
        Ok(Self(changes))
    }

    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The changes in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (QueueAttributeName, &str)> {
        self.0.iter().map(|(name, value)| (*name, &**value))
    }

    /// The value that is set for `name`.
    #[must_use]
    pub fn get(&self, name: QueueAttributeName) -> Option<&str> {
        self.0.get(&name).map(|value| &**value)
    }

    /// `attributes` with these changes, checked against their ranges and each other. What depends on other queues
    /// (does the dead-letter target exist?) or on what a queue is (may `FifoQueue` change?) is the engine's to check.
    ///
    /// # Errors
    /// The fault of the first attribute that is refused.
    pub fn apply(&self, attributes: &QueueAttributes) -> Result<QueueAttributes, Fault> {
        use QueueAttributeName as Name;
        let mut changed = attributes.clone();
        for (name, value) in
            self.iter().filter(|(name, _)| !matches!(name, Name::MaxReceiveRate | Name::MaxReceiveBurst))
        {
            changed.set(name, value)?;
        }
        self.apply_receive_rate(&mut changed)?;
        self.apply_encryption(&mut changed)?;
        if !changed.fifo {
            let fifo_only = [
                (Name::ContentBasedDeduplication, AttributeNameRule::Unknown),
                (Name::DeduplicationScope, AttributeNameRule::FifoOnly),
                (Name::FifoThroughputLimit, AttributeNameRule::FifoOnly),
            ];
            if let Some((name, rule)) = fifo_only.into_iter().find(|(name, _)| self.0.contains_key(name)) {
                return Err(Fault::InvalidAttributeName { name: name.as_str().into(), rule });
            }
        }
        if changed.fifo_throughput_limit == FifoThroughputLimit::PerMessageGroupId
            && changed.deduplication_scope == DeduplicationScope::Queue
        {
            return Err(Fault::InvalidAttributeValue {
                attribute: Name::FifoThroughputLimit.as_str(),
                rule: Some(AttributeRule::ThroughputNeedsScope),
            });
        }
        Ok(changed)
    }

    /// A queue has one kind of encryption: a key of its own switches SQS's own off.
    fn apply_encryption(&self, changed: &mut QueueAttributes) -> Result<(), Fault> {
        let asked = self.0.contains_key(&QueueAttributeName::SqsManagedSseEnabled) && changed.sqs_managed_sse;
        if changed.kms_master_key_id.is_none() {
            return Ok(());
        }
        if asked {
            return Err(Fault::InvalidAttributeName {
                name: QueueAttributeName::SqsManagedSseEnabled.as_str().into(),
                rule: AttributeNameRule::OneEncryption,
            });
        }
        changed.sqs_managed_sse = false;
        Ok(())
    }

    /// A burst that is not given is one second's worth of messages, one at least.
    fn apply_receive_rate(&self, changed: &mut QueueAttributes) -> Result<(), Fault> {
        use QueueAttributeName as Name;
        let (rate, burst) = (self.get(Name::MaxReceiveRate), self.get(Name::MaxReceiveBurst));
        if rate == Some("") {
            changed.receive_rate = None;
        } else if let Some(text) = rate {
            let rate = text.parse().ok().and_then(ReceiveRate::new);
            changed.receive_rate = Some(rate.ok_or_else(|| Fault::invalid_attribute(Name::MaxReceiveRate.as_str()))?);
        }
        let burst: Option<ReceiveBurst> =
            burst.filter(|text| !text.is_empty()).map(|text| ranged(Name::MaxReceiveBurst, text)).transpose()?;
        match (changed.receive_rate, burst) {
            (_, None) => {}
            (Some(rate), Some(burst)) => changed.receive_rate = Some(rate.with_burst(burst)),
            (None, Some(_)) => {
                return Err(Fault::InvalidAttributeValue {
                    attribute: Name::MaxReceiveBurst.as_str(),
                    rule: Some(AttributeRule::BurstWithoutRate),
                });
            }
        }
        Ok(())
    }
}

/// What `GetQueueAttributes` shows: the attributes that were asked for, with what the queue counts.
pub type QueueView = BTreeMap<QueueAttributeName, String>;

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(&str, &str)]) -> Result<QueueAttributes, Fault> {
        AttributeChanges::parse(pairs.iter().copied())?.apply(&QueueAttributes::default())
    }

    #[test]
    fn ranges() {
        for (name, low, high) in [
            ("DelaySeconds", 0, 900),
            ("MaximumMessageSize", 1024, 1_048_576),
            ("MessageRetentionPeriod", 60, 1_209_600),
            ("ReceiveMessageWaitTimeSeconds", 0, 20),
            ("VisibilityTimeout", 0, 43_200),
            ("KmsDataKeyReusePeriodSeconds", 60, 86_400),
            ("MaxReceiveRate", 1, 1_000_000),
        ] {
            for (value, valid) in [(low, true), (high, true), (low - 1, false), (high + 1, false)] {
                assert_eq!(set(&[(name, &value.to_string())]).is_ok(), valid, "{name}={value}");
            }
            assert!(set(&[(name, "x")]).is_err(), "{name}");
        }
    }

    #[test]
    fn combinations() {
        let scope = [("FifoQueue", "true"), ("FifoThroughputLimit", "perMessageGroupId")];
        assert!(set(&scope).is_err());
        assert!(set(&[scope[0], scope[1], ("DeduplicationScope", "messageGroup")]).is_ok());
        assert!(set(&[("ContentBasedDeduplication", "true")]).is_err(), "not on a standard queue");
        assert!(set(&[("QueueArn", "x")]).is_err(), "read-only");
        let key = ("KmsMasterKeyId", "alias/x");
        assert!(set(&[key]).is_ok_and(|attributes| !attributes.sqs_managed_sse));
        assert!(set(&[key, ("SqsManagedSseEnabled", "false")]).is_ok());
        assert!(set(&[key, ("SqsManagedSseEnabled", "true")]).is_err(), "two kinds of encryption");
        assert!(set(&[("Colour", "red")]).is_err());
        assert!(set(&[("MaxReceiveBurst", "5")]).is_err(), "a burst needs a rate");
        for invalid in ["NaN", "inf", "-1", "0"] {
            assert!(set(&[("MaxReceiveRate", invalid)]).is_err(), "{invalid}");
        }
    }

    #[test]
    fn a_rate_keeps_or_gets_a_burst() {
        let rate = |burst| Some(ReceiveRate::new(2.5)?.with_burst(ReceiveBurst::new(burst).ok()?));
        let first = set(&[("MaxReceiveRate", "2.5")]).expect("valid");
        assert_eq!(first.receive_rate, rate(3));
        let burst = AttributeChanges::parse([("MaxReceiveBurst", "9")]).and_then(|c| c.apply(&first)).expect("valid");
        assert_eq!(burst.receive_rate, rate(9));
        let none = AttributeChanges::parse([("MaxReceiveRate", "")]).and_then(|c| c.apply(&burst)).expect("valid");
        assert_eq!(none.receive_rate, None);
    }

    #[test]
    fn settings_rebuild_the_attributes() {
        let attributes = set(&[
            ("FifoQueue", "true"),
            ("DeduplicationScope", "messageGroup"),
            ("MaxReceiveRate", "0.25"),
            ("KmsMasterKeyId", "alias/x"),
            (
                "RedrivePolicy",
                r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:d.fifo","maxReceiveCount":2}"#,
            ),
        ])
        .expect("valid");
        let settings: Vec<_> = attributes.settings().collect();
        let pairs = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let rebuilt = AttributeChanges::parse(pairs).and_then(|changes| changes.apply(&QueueAttributes::default()));
        assert_eq!(rebuilt, Ok(attributes));
    }
}

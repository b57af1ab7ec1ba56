//! Attributes of topics.

use std::borrow::Cow;

use super::value::{AttributeValue, DisplayName, KmsKeyId, choices};
use crate::delivery_policy::TopicDeliveryPolicy;
use crate::fault::{Fault, Origin, Rule, SnsFault};
use crate::limits::TOPIC_MESSAGE_SIZE_DEFAULT_BYTES;
use crate::ranges::TopicMessageSizeLimit;
use crate::role::RoleArn;
use crate::sample_rate::SampleRate;

attributes! {
    /// The name of a topic attribute that can be set.
    name TopicAttributeName;
    /// A topic attribute and the value that it is set to; `None` sets it back to its default.
    one TopicAttribute;
    /// The attributes that a topic was given; what is not set has its default.
    all TopicAttributes;
    ApplicationFailureFeedbackRoleArn application_failure_role: RoleArn,
    ApplicationSuccessFeedbackRoleArn application_success_role: RoleArn,
    ApplicationSuccessFeedbackSampleRate application_sample_rate: SampleRate,
    ContentBasedDeduplication content_based_deduplication: bool,
    DeliveryPolicy delivery_policy: Box<TopicDeliveryPolicy>,
    DisplayName display_name: DisplayName,
    FifoThroughputScope fifo_throughput_scope: FifoThroughputScope,
    FifoTopic fifo_topic: bool,
    FirehoseFailureFeedbackRoleArn firehose_failure_role: RoleArn,
    FirehoseSuccessFeedbackRoleArn firehose_success_role: RoleArn,
    FirehoseSuccessFeedbackSampleRate firehose_sample_rate: SampleRate,
    HTTPFailureFeedbackRoleArn http_failure_role: RoleArn,
    HTTPSuccessFeedbackRoleArn http_success_role: RoleArn,
    HTTPSuccessFeedbackSampleRate http_sample_rate: SampleRate,
    KmsMasterKeyId kms_key_id: KmsKeyId,
    LambdaFailureFeedbackRoleArn lambda_failure_role: RoleArn,
    LambdaSuccessFeedbackRoleArn lambda_success_role: RoleArn,
    LambdaSuccessFeedbackSampleRate lambda_sample_rate: SampleRate,
    MaximumMessageSize message_size_limit: TopicMessageSizeLimit,
    Policy policy: Box<str>,
    SQSFailureFeedbackRoleArn sqs_failure_role: RoleArn,
    SQSSuccessFeedbackRoleArn sqs_success_role: RoleArn,
    SQSSuccessFeedbackSampleRate sqs_sample_rate: SampleRate,
    SignatureVersion signature_version: SignatureVersion,
    TracingConfig tracing_config: TracingConfig,
}

choices! {
    /// Which signature a topic's notifications bear.
    SignatureVersion, |_| Rule::AttributeValue; {
        /// `1`: RSA with SHA-1, SNS's default.
        #[default]
        V1 "1",
        /// `2`: RSA with SHA-256.
        V2 "2",
    }
    /// Where a FIFO topic's deduplication looks.
    FifoThroughputScope, |_| Rule::AttributeValue; {
        /// `Topic`: an id is remembered for the whole topic.
        #[default]
        Topic "Topic",
        /// `MessageGroup`: an id is remembered for its group only.
        MessageGroup "MessageGroup",
    }
    /// How SNS traces a topic's messages. It is kept and shown, and has no other effect.
    TracingConfig, |_| Rule::AttributeValue; {
        /// `PassThrough`: the trace header goes on as it came.
        #[default]
        PassThrough "PassThrough",
        /// `Active`: SNS makes a segment of its own.
        Active "Active",
    }
}

impl TopicAttributes {
    /// `FifoTopic`
    #[must_use]
    pub fn is_fifo(&self) -> bool {
        self.fifo_topic.unwrap_or_default()
    }

    /// `ContentBasedDeduplication`
    #[must_use]
    pub fn content_based_deduplication(&self) -> bool {
        self.content_based_deduplication.unwrap_or_default()
    }

    /// `FifoThroughputScope`
    #[must_use]
    pub fn fifo_throughput_scope(&self) -> FifoThroughputScope {
        self.fifo_throughput_scope.unwrap_or_default()
    }

    /// `SignatureVersion`
    #[must_use]
    pub fn signature_version(&self) -> SignatureVersion {
        self.signature_version.unwrap_or_default()
    }

    /// `MaximumMessageSize`, in bytes.
    #[must_use]
    pub fn maximum_message_size_bytes(&self) -> u32 {
        self.message_size_limit.map_or(TOPIC_MESSAGE_SIZE_DEFAULT_BYTES, TopicMessageSizeLimit::get)
    }

    /// `DeliveryPolicy`
    #[must_use]
    pub fn delivery_policy(&self) -> Option<&TopicDeliveryPolicy> {
        self.delivery_policy.as_deref()
    }

    /// `DisplayName`; empty where it is not set.
    #[must_use]
    pub fn display_name(&self) -> &str {
        self.display_name.as_ref().map_or("", DisplayName::as_str)
    }

    /// `Policy`
    #[must_use]
    pub fn policy(&self) -> Option<&str> {
        self.policy.as_deref()
    }
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
            ("HTTPSuccessFeedbackSampleRate", "-1", false),
            ("SQSFailureFeedbackRoleArn", "arn:aws:iam::123456789012:role/r", true),
            ("SQSFailureFeedbackRoleArn", "role", false),
            ("FifoThroughputScope", "MessageGroup", true),
            ("FifoThroughputScope", "perTopic", false),
            ("DeliveryPolicy", "{}", true),
            ("DeliveryPolicy", "x", false),
            ("TopicArn", "x", false),
            ("Nothing", "x", false),
        ] {
            assert_eq!(TopicAttributes::parse([(name, value)]).is_ok(), valid, "{name}={value}");
        }
    }

    #[test]
    fn an_empty_text_sets_an_attribute_back() {
        use TopicAttributeName::{ContentBasedDeduplication, FifoTopic};
        for name in TopicAttributeName::ALL {
            if matches!(name, ContentBasedDeduplication | FifoTopic) {
                assert!(TopicAttribute::parse(*name, "").is_err(), "{name}");
                continue;
            }
            let mut attributes = TopicAttributes::default();
            attributes.set(TopicAttribute::parse(*name, "").expect("every attribute has a default"));
            assert_eq!(attributes, TopicAttributes::default(), "{name}");
        }
    }

    #[test]
    fn the_texts_of_attributes_make_the_same_attributes() {
        let role = "arn:aws:iam::123456789012:role/r";
        let texts = [
            ("ContentBasedDeduplication", "TRUE", "true"),
            ("DisplayName", "a b", "a b"),
            ("FifoThroughputScope", "MessageGroup", "MessageGroup"),
            ("KmsMasterKeyId", "alias/aws/sns", "alias/aws/sns"),
            ("MaximumMessageSize", "01024", "1024"),
            ("Policy", "{ }", "{ }"),
            ("SQSFailureFeedbackRoleArn", role, role),
            ("SQSSuccessFeedbackSampleRate", "7", "7"),
            ("SignatureVersion", "1", "1"),
            ("TracingConfig", "Active", "Active"),
        ];
        let attributes = TopicAttributes::parse(texts.iter().map(|(name, given, _)| (*name, *given))).expect("valid");
        let written: Vec<_> = attributes.iter().map(|(name, text)| (name.as_str(), text.into_owned())).collect();
        let expected: Vec<_> = texts.iter().map(|(name, _, text)| (*name, (*text).to_owned())).collect();
        assert_eq!(written, expected);
        let again = TopicAttributes::parse(written.iter().map(|(name, text)| (*name, text.as_str())));
        assert_eq!(again, Ok(attributes));
    }
}

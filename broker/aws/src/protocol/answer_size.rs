//! How large the answers of actions are at most, so that a listener can take room for an answer before it asks for it.
//!
//! The bounds are sums of limits of the model, with each byte of a client's text as its longest escape in XML. They are
//! bounds of memory, and rounded up.

use posthouse_model::limits::{
    CUSTOM_USER_DATA_BYTES_MAX, DATA_PROTECTION_POLICY_BYTES_MAX, LIST_RESULTS_MAX, MOVE_TASKS_LISTED_MAX,
    PLATFORM_ATTRIBUTE_BYTES_MAX, PLATFORM_TOKEN_BYTES_MAX, POLICY_BYTES_MAX, SNS_LIST_RESULTS,
    SUBSCRIPTION_ENDPOINT_CHARS_MAX, TAG_KEY_CHARS_MAX, TAG_VALUE_CHARS_MAX, TAGS_MAX, TOPIC_POLICY_BYTES_MAX,
};

/// The longest escape of one byte: `&quot;`.
const ESCAPE_BYTES_MAX: usize = 6;
/// What a name, an id or an ARN takes at most, with the names of its members.
const NAME_BYTES: usize = 512;
/// Filter policies of SNS, with room to spare. Source: 256 KB, SNS Developer Guide, "Filter policy constraints".
const FILTER_POLICY_BYTES_MAX: usize = 256 * 1024;

/// How large an answer is at most, without errors, which are a few hundred bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerSize {
    /// Ids, digests, one name, or nothing.
    Small,
    /// What became of each entry of a batch.
    Batch,
    /// The tags of a queue or topic.
    Tags,
    /// A page of queues' URLs.
    Queues,
    /// The attributes of a queue.
    QueueAttributes,
    /// Message move tasks.
    MoveTasks,
    /// A page of names, addresses or phone numbers.
    Names,
    /// The attributes of a topic.
    TopicAttributes,
    /// A data protection policy.
    DataProtection,
    /// A page of subscriptions.
    Subscriptions,
    /// The attributes of a subscription.
    SubscriptionAttributes,
    /// A page of platform endpoints.
    Endpoints,
    /// A page of platform applications.
    Applications,
    /// Attributes of a platform application, of an endpoint, or of SMS.
    PlatformAttributes,
    /// Messages. Their room is taken when they are received.
    Messages,
}

impl AnswerSize {
    /// Bytes at most.
    pub(crate) const fn bytes_max(self) -> usize {
        const TAG: usize = (TAG_KEY_CHARS_MAX + TAG_VALUE_CHARS_MAX) * ESCAPE_BYTES_MAX + NAME_BYTES;
        const ENDPOINT: usize =
            (CUSTOM_USER_DATA_BYTES_MAX + PLATFORM_TOKEN_BYTES_MAX) * ESCAPE_BYTES_MAX + 2 * NAME_BYTES;
        const PLATFORM: usize = PLATFORM_ATTRIBUTE_BYTES_MAX * ESCAPE_BYTES_MAX;
        match self {
            Self::Messages => 0,
            Self::Small => 2 * NAME_BYTES,
            Self::Batch | Self::MoveTasks => 2 * NAME_BYTES * MOVE_TASKS_LISTED_MAX as usize,
            Self::Tags => TAG * TAGS_MAX,
            Self::Queues => NAME_BYTES * LIST_RESULTS_MAX as usize,
            Self::QueueAttributes => (POLICY_BYTES_MAX + 16 * NAME_BYTES) * ESCAPE_BYTES_MAX,
            Self::Names => NAME_BYTES * SNS_LIST_RESULTS,
            // The delivery policy is there twice: as it was set, and in effect.
            Self::TopicAttributes => (3 * TOPIC_POLICY_BYTES_MAX + 16 * NAME_BYTES) * ESCAPE_BYTES_MAX,
            Self::DataProtection => (DATA_PROTECTION_POLICY_BYTES_MAX + NAME_BYTES) * ESCAPE_BYTES_MAX,
            Self::Subscriptions => {
                (SUBSCRIPTION_ENDPOINT_CHARS_MAX * ESCAPE_BYTES_MAX + 3 * NAME_BYTES) * SNS_LIST_RESULTS
            }
            Self::SubscriptionAttributes => {
                (FILTER_POLICY_BYTES_MAX + 2 * TOPIC_POLICY_BYTES_MAX + 16 * NAME_BYTES) * ESCAPE_BYTES_MAX
            }
            Self::Endpoints => ENDPOINT * SNS_LIST_RESULTS,
            Self::Applications => (4 * NAME_BYTES * ESCAPE_BYTES_MAX) * SNS_LIST_RESULTS,
            Self::PlatformAttributes => PLATFORM,
        }
    }
}

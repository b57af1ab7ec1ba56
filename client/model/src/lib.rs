//! The vocabulary of Posthouse: what can be asked ([`Request`]), what can be answered ([`Reply`], [`Fault`]), and the
//! names, units and limits that both are made of.
//!
//! Every door (AWS codecs, native protocol) turns its bytes into these types and back; the engine decides on them.
//! Nothing here does I/O, reads a clock or draws a random number. A value that exists is valid: each type checks what
//! it is made of once, when it is built.
#![forbid(unsafe_code)]

pub mod attributes;
pub mod caller;
pub mod delivery_policy;
pub mod endpoint;
pub mod fault;
pub mod identity;
pub mod limits;
pub mod message;
pub mod name;
pub mod notification;
pub mod operation;
pub mod ranges;
pub mod receipt;
pub mod redrive;
pub mod time;
pub mod topic_attributes;
pub mod topic_name;

pub use attributes::{AttributeChanges, QueueAttributeName, QueueAttributes, QueueView};
pub use caller::{Call, Caller, Credential, Keys};
pub use delivery_policy::{DeliveryPolicy, RetrySchedule};
pub use endpoint::{Endpoint, PhoneNumber, SubscriptionProtocol};
pub use fault::{Fault, SnsFault};
pub use identity::{Identity, ROOT_USER};
pub use message::{MessageId, StoredMessage};
pub use name::{AccountId, QueueAddress, QueueName, Region};
pub use notification::{Notification, Publication};
pub use operation::{Action, Reply, Request, Service};
pub use ranges::{Delay, MessageCount, OutOfRange, PageSize, ReceiveWait, VisibilityTimeout, WaitTime};
pub use receipt::{HandleKey, MessageKey, QueueId, ReceiptHandle, SequenceNumber};
pub use time::{Seconds, Timestamp};
pub use topic_attributes::{SubscriptionAttributes, TopicAttributes};
pub use topic_name::{
    ApplicationAddress, EndpointAddress, EndpointId, SubscriptionAddress, SubscriptionId, TopicAddress, TopicName,
};

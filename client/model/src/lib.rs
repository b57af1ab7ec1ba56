//! The vocabulary of Posthouse: requests ([`Request`]), their answers ([`Reply`], [`Fault`]), and the names, units and
//! limits that both are made of.
//!
//! Each codec (AWS, native) converts its wire format to and from these types; the engine decides on them. The crate
//! does no I/O, reads no clock and draws no random number. A value that exists is valid: each type checks its parts
//! once, when it is built.
//!
//! ```
//! use posthouse_model::message::MessageDraft;
//! use posthouse_model::{MessageId, QueueAddress};
//!
//! let queue: QueueAddress = "arn:aws:sqs:us-east-1:000000000000:orders.fifo".parse()?;
//! let draft = MessageDraft {
//!     id: MessageId::from_random([7; 16]),
//!     body: "hello",
//!     attributes: Vec::new(),
//!     trace_header: None,
//!     group: Some("customer-1"),
//!     deduplication: None,
//!     fifo: queue.name.is_fifo(),
//!     sender: "000000000000",
//! };
//! let message = draft.seal()?;
//! assert_eq!((message.body(), message.size_bytes()), ("hello", 5));
//! assert!(message.deduplication_key().is_some(), "of the content");
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod attributes;
pub mod caller;
pub mod confirmation_token;
pub mod data_protection;
pub mod delivery_policy;
pub mod endpoint;
pub mod fault;
pub mod identity;
pub mod json;
pub mod limits;
pub mod message;
pub mod message_number;
pub mod name;
pub mod notification;
pub mod one_time_password;
pub mod operation;
pub mod platform_attributes;
pub mod ranges;
pub mod receipt;
pub mod redrive;
mod role;
mod sample_rate;
pub mod sms_attributes;
mod text_enum;
pub mod time;
pub mod topic_attributes;
pub mod topic_name;

pub use attributes::{AttributeChanges, QueueAttributeName, QueueAttributes, QueueView};
pub use caller::{Call, Caller, Credential, Keys, RegionSource, Transport};
pub use data_protection::DataProtectionPolicy;
pub use delivery_policy::{DeliveryPolicy, RetrySchedule};
pub use endpoint::{Endpoint, PhoneNumber, SubscriptionProtocol};
pub use fault::{Fault, SnsFault};
pub use identity::{Identity, Permissions, PolicySetId, ROOT_USER};
pub use message::{MessageId, StoredMessage};
pub use message_number::MessageNumber;
pub use name::{AccountId, QueueAddress, QueueName, Region};
pub use notification::{Notification, Publication};
pub use one_time_password::OneTimePassword;
pub use operation::{
    Action, AdminAction, NativeAction, Operation, PushAction, Reply, Request, Service, SnsAction, SqsAction,
};
pub use platform_attributes::{
    ApplicationAttributes, ApplicationChanges, EndpointAttributes, EndpointChanges, ShownAttributes,
};
pub use ranges::{
    Delay, MessageCount, OutOfRange, PageSize, ReceiveWait, SqsMessageCount, VisibilityTimeout, WaitTime,
};
pub use receipt::{HandleKey, MessageKey, PresentedHandle, QueueId, ReceiptHandle, SealedHandle, SequenceNumber};
pub use sms_attributes::{SmsAttributeChanges, SmsAttributes};
pub use time::{Seconds, Timestamp};
pub use topic_attributes::{SubscriptionAttributes, TopicAttributes};
pub use topic_name::{
    ApplicationAddress, EndpointAddress, EndpointId, SubscriptionAddress, SubscriptionId, TopicAddress, TopicName,
};

//! The vocabulary of Posthouse: what can be asked ([`Request`]), what can be answered ([`Reply`], [`Fault`]), and the
//! names, units and limits that both are made of.
//!
//! Every door (AWS codecs, native protocol) turns its bytes into these types and back; the engine decides on them.
//! Nothing here does I/O, reads a clock or draws a random number. A value that exists is valid: each type checks what
//! it is made of once, when it is built.
#![forbid(unsafe_code)]

pub mod attributes;
pub mod caller;
pub mod fault;
pub mod limits;
pub mod message;
pub mod name;
pub mod operation;
pub mod receipt;
pub mod redrive;
pub mod time;

pub use attributes::{AttributeChanges, QueueAttributeName, QueueAttributes, QueueView};
pub use caller::{Call, Caller, Identity};
pub use fault::Fault;
pub use message::{MessageId, StoredMessage};
pub use name::{AccountId, QueueAddress, QueueName, Region};
pub use operation::{Action, Reply, Request};
pub use receipt::{HandleKey, MessageKey, QueueId, ReceiptHandle};
pub use time::{Seconds, Timestamp};

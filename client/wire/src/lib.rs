//! The frames of the native protocol, as pure functions over bytes: no sockets, clock or entropy. `docs/protocol.md`
//! draws them and says what they mean.
//!
//! A side appends what it reads to [`Splitter::buffer`] and takes frames from [`Splitter::next_frame`]. Those go through
//! an [`Assembler`], which joins payloads that were cut. [`FromClient::decode`] and [`FromBroker::decode`] read a payload
//! in place. A side puts frames into [`Outgoing`] and writes the [`Chunks`] that it takes from it.
//!
//! Invariants: a payload that is decoded keeps every limit of [`limits`]; bodies are never copied but where they are
//! small; no input makes a decoder panic.
#![forbid(unsafe_code)]

mod assembler;
mod chunks;
mod error;
mod fault_code;
mod frame;
mod header;
mod kind;
pub mod limits;
mod list;
mod message_id;
mod number;
mod outgoing;
mod payload;
mod proof;
mod reader;
mod splitter;
mod text;
mod writer;

pub use assembler::Assembler;
pub use chunks::Chunks;
pub use error::{DecodeError, Malformed, Problem};
pub use fault_code::{FaultCode, Remedy};
pub use frame::{Frame, FromBroker, FromClient};
pub use header::{Check, Header, Part};
pub use kind::{Kind, Sender};
pub use list::{Item, List, ListIter};
pub use message_id::message_id;
pub use number::{Address, DeliveryNumber, Link, MessageNumber, ProducerId, Request};
pub use outgoing::Outgoing;
pub use payload::{
    AtEnd, Attribute, AttributeValue, Attributes, AttributesBuffer, Authentication, Call, Cancel, Challenge, Close,
    Closed, ConnectionLimits, ConsumerOpened, Credit, Delay, Deliver, DeliverBuilder, DeliveredEntry, DeliveryHead,
    Duplicate, Encoded, Ends, Entries, Entry, Failure, Fault, Features, Full, GetHandle, GoAway, Handle, Hello, MAGIC,
    MAJOR, MINOR, MemberAddress, Minors, NONCE_BYTES, NotSettled, OpenConsumer, OpenProducer, Payload, Ping, Pong,
    ProducerOpened, Prove, RateLimit, Ready, Reason, Reply, SendBuilder, SendEntry, SendHead, SendMessages, Sent,
    SequenceRange, Settle, SettleRange, Settled, Software, Structure, TargetKind, Verb, Visibility,
};
pub use proof::{EXPORTER_LABEL, Proof, Transcript};
pub use splitter::Splitter;
pub use text::{Text, TextTooLong};

//! The payloads, one file for the kinds that belong together, and what a payload type can do.

mod call;
mod deliver;
mod encoded;
mod entry;
mod fault;
mod hello;
mod life;
mod open;
mod send;
mod sent;
mod settle;

use bytes::BytesMut;

use crate::error::Malformed;
use crate::kind::Kind;

pub use call::{Call, Reply};
pub use deliver::{Deliver, DeliverBuilder, DeliveredEntry, DeliveryHead};
pub use encoded::{Encoded, Full};
pub use entry::{Attribute, AttributeValue, Attributes, AttributesBuffer, Entries, Entry};
pub use fault::{Ends, Fault};
pub(crate) use hello::OtherProtocol;
pub use hello::{
    Authentication, Challenge, ConnectionLimits, Features, Hello, MAGIC, MAJOR, MINOR, MemberAddress, Minors,
    NONCE_BYTES, Prove, Ready, Software,
};
pub use life::{Cancel, Close, Closed, GoAway, Ping, Pong, Reason};
pub use open::{AtEnd, ConsumerOpened, OpenConsumer, OpenProducer, ProducerOpened, RateLimit, TargetKind, Visibility};
pub use send::{Delay, SendBuilder, SendEntry, SendHead, SendMessages, Structure};
pub use sent::{Duplicate, Failure, Sent, SequenceRange};
pub use settle::{Credit, GetHandle, Handle, NotSettled, Settle, SettleRange, Settled, Verb};

/// A payload that fits into one frame.
pub trait Payload {
    /// The kind of the frame that carries it.
    const KIND: Kind;
    #[doc(hidden)]
    fn write(&self, out: &mut BytesMut);
}

/// A payload as it is read in place.
pub(crate) trait Decode<'a>: Sized {
    fn decode(payload: &'a [u8]) -> Result<Self, Malformed>;
}

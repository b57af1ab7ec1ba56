//! The interface between the load test and a broker: one trait for the broker, one for a connection that sends and one
//! for a connection that receives. All measured calls go through these traits. The adapters that implement them are in
//! `targets/`, one file for each broker.
//!
//! All adapters follow the same rules, so that results can be compared:
//! - A worker is one task. It has one call of this file under way at a time, and its own connection. A consumer that
//!   serves several queues of a fan-out has one connection for each. Workers share a connection where the URL of the
//!   target says so (`pipeline` of the native protocol).
//! - A batch is written without waiting for single responses. The call returns when all responses have arrived.
//! - A call returns `Ok` after the broker's response, if the protocol has one for it.
//! - Adapters do not retry, reconnect, cache or read ahead of what `receive` asked for. There are two exceptions. If
//!   the server announced with its last response that it closes the connection (HTTP's `Connection: close`), the next
//!   call opens a new one. Over AMQP and the native protocol the broker pushes messages up to the prefetch, and the
//!   adapter keeps them until `receive`.
//! - Adapters limit the time of connecting and no other. The driver drops a call that takes too long.
//!
//! If a worker loses its connection, the driver opens another through `producer` or `consumer`.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

/// A broker under test.
#[async_trait]
pub trait Target: Send + Sync {
    /// The promise of the broker for this work. The broker is not called.
    ///
    /// # Errors
    ///
    /// [`Failure::Unsupported`] if the broker cannot do this work.
    fn promise(&self, layout: &Layout) -> Result<Promise, Failure>;

    /// Makes the queues, topics, subscriptions or tables of the layout, new and empty.
    async fn prepare(&self, layout: &Layout) -> Result<(), Failure>;

    /// Opens a connection that sends.
    async fn producer(&self, layout: &Layout) -> Result<Box<dyn Producer>, Failure>;

    /// Opens a connection that receives from destination number `destination`, counted from 0.
    async fn consumer(&self, layout: &Layout, destination: u32) -> Result<Box<dyn Consumer>, Failure>;

    /// Removes what `prepare` made. Succeeds if it does not exist, or exists in part.
    async fn remove(&self, layout: &Layout) -> Result<(), Failure>;

    /// Seconds of this process's CPU that signing one request takes; `None` if requests are not signed.
    fn signature_seconds(&self) -> Option<f64> {
        None
    }
}

/// One worker's sending connection.
#[async_trait]
pub trait Producer: Send {
    /// Sends one to [`Layout::batch`] messages. Returns when the broker has acknowledged or refused each.
    ///
    /// # Errors
    ///
    /// A [`Failure`] leaves open which of the messages the broker has taken.
    async fn send(&mut self, batch: &[Outgoing]) -> Result<Refusals, Failure>;
}

/// One worker's receiving connection.
#[async_trait]
pub trait Consumer: Send {
    /// Appends one to `max` messages to `into`, or none if none arrived within about `wait`. With a `wait` of zero the
    /// broker is asked once.
    async fn receive(&mut self, max: usize, wait: Duration, into: &mut Vec<Delivery>) -> Result<(), Failure>;

    /// Settles all deliveries of the last `receive`: delete, ack or commit.
    async fn settle(&mut self, deliveries: &[Delivery]) -> Result<(), Failure>;
}

/// A message to send.
#[derive(Clone, Debug, Default)]
pub struct Outgoing {
    /// Printable ASCII without `"`, `\`, `<`, `>` and `&`: no protocol has to escape it.
    pub body: String,
    /// The stream that numbers it; in [`Kind::Fifo`] its message group.
    pub stream: u32,
    /// Its number within the stream. Stream and number together are unique in a run (a deduplication id).
    pub sequence: u64,
    /// The lot that filters select by; see [`Kind::Fanout`].
    pub lot: u32,
}

/// A received message.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The body.
    pub body: Bytes,
    /// Names the delivery when it is settled.
    pub settle_key: SettleKey,
}

/// The name of a delivery at the broker.
#[derive(Clone, Debug)]
pub enum SettleKey {
    /// A receipt handle, an entry's id or a reply subject.
    Text(Bytes),
    /// A delivery tag, a job's or a row's number.
    Number(u64),
}

/// The messages of a batch that the broker refused: the index in the batch, and the broker's reason.
pub type Refusals = Vec<(usize, String)>;

/// The queues and topics of a run, and the sizes of its calls.
#[derive(Clone, Debug)]
pub struct Layout {
    /// All names begin with it: at most 30 ASCII letters, digits and hyphens, different for each run.
    pub prefix: String,
    /// The queues and topics.
    pub kind: Kind,
    /// The most messages of one `send` and of one `receive`.
    pub batch: usize,
    /// How long a received message stays invisible to others while it is not settled.
    pub visibility_timeout: Duration,
    /// The longest body.
    pub body_bytes_max: usize,
    /// The mean length of bodies, rounded down. The limits of the machine use it for the messages that they make up.
    pub body_bytes_mean: usize,
    /// Whether the run has consumers. If not, a target that cannot deliver is accepted.
    pub receives: bool,
}

/// The queues and topics of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One queue; destination 0.
    Queue,
    /// One FIFO queue whose message groups are the streams; destination 0.
    Fifo,
    /// One queue that delivers each message this much later than it was sent.
    Delay(Duration),
    /// One topic with several queues. Each queue is a destination.
    Fanout {
        /// The number of queues.
        queues: u32,
        /// Whether queue `n` gets only messages whose lot is `n`. If not, each queue gets all messages.
        filtered: bool,
    },
}

impl Kind {
    /// The number of destinations.
    #[must_use]
    pub fn destinations(self) -> u32 {
        match self {
            Self::Queue | Self::Fifo | Self::Delay(_) => 1,
            Self::Fanout { queues, .. } => queues,
        }
    }
}

/// The promise of a broker. The account of a run is judged by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    /// It delivers what it acknowledged. The limits of the machine keep nothing, and no other promise applies to them.
    pub keeps: bool,
    /// It never delivers a message again that was settled within the visibility timeout.
    pub once: bool,
    /// It delivers each stream in the order in which it was sent.
    pub ordered: bool,
}

impl Promise {
    /// At least once, in any order: standard queues and most brokers.
    pub const AT_LEAST_ONCE: Self = Self { keeps: true, once: false, ordered: false };
    /// Exactly once within the visibility timeout, each group in order: FIFO queues.
    pub const FIFO: Self = Self { keeps: true, once: true, ordered: true };
    /// Nothing: the limits of the machine.
    pub const NONE: Self = Self { keeps: false, once: false, ordered: false };
}

/// Why a call of a target failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection could be made, or the host name has no address.
    Unreachable(String),
    /// The connection broke or was closed during the call.
    Disconnected(String),
    /// The credentials are wrong or lack a permission.
    Denied(String),
    /// The broker refused this call. Another call may succeed (a throttle, a full queue).
    Refused(String),
    /// The response does not follow the protocol.
    Malformed(String),
    /// The target cannot do this work, or not with these parameters.
    Unsupported(String),
}

impl Failure {
    /// Whether every other call would fail in the same way, so that the run ends.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Denied(_) | Self::Unsupported(_))
    }

    /// Whether the worker needs a new connection.
    #[must_use]
    pub fn needs_new_connection(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Disconnected(_) | Self::Malformed(_))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, why) = match self {
            Self::Unreachable(why) => ("cannot be reached", why),
            Self::Disconnected(why) => ("lost the connection", why),
            Self::Denied(why) => ("denied access", why),
            Self::Refused(why) => ("refused", why),
            Self::Malformed(why) => ("answered what cannot be read", why),
            Self::Unsupported(why) => ("cannot do this work", why),
        };
        write!(f, "{what}: {why}")
    }
}

impl std::error::Error for Failure {}

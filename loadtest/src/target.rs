//! What a broker is to the load test: one small trait for the broker, one for a worker that sends and one for a worker
//! that receives. Everything that is measured goes through these; everything that differs between brokers stays in
//! `targets/`, one file each.
//!
//! The process model is the same for all, so that no adapter has a trick that another lacks:
//! - a worker is one task with one call of this file under way at a time, and a connection of its own: a consumer that
//!   serves several queues of a fan-out has one for each of them;
//! - a batch is written without waiting for the single answers, and the call ends when all of them are there;
//! - a call that ends well means that the broker has answered for it, as far as its protocol has answers;
//! - adapters neither retry, nor reconnect, nor cache, nor read ahead of what `receive` asked for. There are two
//!   exceptions, both of them the server's doing: a connection whose end the server has announced with its last answer
//!   (HTTP's `Connection: close`) is made anew for the next call, and an AMQP broker pushes messages up to the prefetch,
//!   which wait in the adapter until they are asked for;
//! - adapters limit how long connecting takes, and nothing else: the driver drops a call that takes too long.
//!
//! Workers that lose their connection are made anew by the driver, through `producer` and `consumer`.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

/// A broker under test.
#[async_trait]
pub trait Target: Send + Sync {
    /// What the broker owes for this work.
    ///
    /// # Errors
    ///
    /// [`Failure::Unsupported`] where the broker has nothing that does this work. Decided without asking it.
    fn promise(&self, layout: &Layout) -> Result<Promise, Failure>;

    /// Makes the queues, topics, subscriptions or tables that the layout asks for, new and empty.
    async fn prepare(&self, layout: &Layout) -> Result<(), Failure>;

    /// A new connection that sends.
    async fn producer(&self, layout: &Layout) -> Result<Box<dyn Producer>, Failure>;

    /// A new connection that receives from destination number `destination`, counted from 0.
    async fn consumer(&self, layout: &Layout, destination: u32) -> Result<Box<dyn Consumer>, Failure>;

    /// Removes what `prepare` made. What is not there is no failure.
    async fn remove(&self, layout: &Layout) -> Result<(), Failure>;

    /// Seconds of this process's CPU that a request costs in signing alone; `None` where nothing is signed.
    fn signature_seconds(&self) -> Option<f64> {
        None
    }
}

/// One worker's sending connection.
#[async_trait]
pub trait Producer: Send {
    /// Sends one to [`Layout::batch`] messages, and returns when the broker has acknowledged or refused each.
    ///
    /// # Errors
    ///
    /// After a failure it is not known which of the messages the broker has taken.
    async fn send(&mut self, batch: &[Outgoing]) -> Result<Refusals, Failure>;
}

/// One worker's receiving connection.
#[async_trait]
pub trait Consumer: Send {
    /// Appends one to `max` messages to `into`, or none if none came within about `wait`. A `wait` of zero asks once.
    async fn receive(&mut self, max: usize, wait: Duration, into: &mut Vec<Delivery>) -> Result<(), Failure>;

    /// Tells the broker that these deliveries, all of the last `receive`, are done with: delete, ack, commit.
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

/// A message that came, and what settles it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The body as it was received.
    pub body: Bytes,
    /// What the broker wants back to settle it.
    pub receipt: Receipt,
}

/// What a broker hands out to settle a delivery with.
#[derive(Clone, Debug)]
pub enum Receipt {
    /// A receipt handle, an entry's id or a reply subject.
    Text(Bytes),
    /// A delivery tag, a job's or a row's number.
    Number(u64),
}

/// Messages of a batch that the broker has refused: their index in the batch and its word. Empty as a rule.
pub type Refusals = Vec<(usize, String)>;

/// What a run needs of its target.
#[derive(Clone, Debug)]
pub struct Layout {
    /// What the names of everything made begin with: ASCII letters, digits and hyphens, at most 30, new for each run.
    pub prefix: String,
    /// What there is to make.
    pub kind: Kind,
    /// The most messages of one `send` and of one `receive`.
    pub batch: usize,
    /// How long a received message stays invisible to others while it is not settled.
    pub visibility_timeout: Duration,
    /// The longest body.
    pub body_bytes_max: usize,
    /// The mean length of bodies, rounded down: for a target that makes up what is received.
    pub body_bytes_mean: usize,
    /// Whether the run has consumers. Without them a target that cannot be received from will do.
    pub receives: bool,
}

/// What a run needs queues for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One queue; destination 0.
    Queue,
    /// One FIFO queue whose message groups are the streams; destination 0.
    Fifo,
    /// One queue; each message is delivered this much later than it is sent.
    Delay(Duration),
    /// One topic with so many queues, each of them a destination.
    Fanout {
        /// The queues.
        queues: u32,
        /// Whether queue `n` takes only messages whose lot is `n`; otherwise each takes all.
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

/// What a broker promises: what the account of a run is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    /// It gives back what it has acknowledged. The physical limits keep nothing, and are not held to account.
    pub keeps: bool,
    /// It never delivers a message again that has been settled in time.
    pub once: bool,
    /// It delivers each stream in the order in which it was sent.
    pub ordered: bool,
}

impl Promise {
    /// At least once, in any order: standard queues and most brokers.
    pub const AT_LEAST_ONCE: Self = Self { keeps: true, once: false, ordered: false };
    /// Exactly once within the visibility timeout, each group in order: FIFO queues.
    pub const FIFO: Self = Self { keeps: true, once: true, ordered: true };
    /// Nothing: the physical limits.
    pub const NONE: Self = Self { keeps: false, once: false, ordered: false };
}

/// Why a target did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nobody answers there, or the name has no address.
    Unreachable(String),
    /// The connection broke or was closed in the middle.
    Disconnected(String),
    /// The credentials are wrong or do not suffice.
    Denied(String),
    /// The broker refused this call; another may go well (a throttle, a full queue).
    Refused(String),
    /// The answer is not of the protocol.
    Malformed(String),
    /// The target has nothing that does this work, or not with these parameters.
    Unsupported(String),
}

impl Failure {
    /// Whether it is of no use to go on: every other call would fail the same way.
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

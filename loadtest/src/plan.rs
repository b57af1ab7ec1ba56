//! The plan of a run: its work and parameters. [`Plan::check`] is called before the target is.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

use crate::target::{Kind, Layout};

mod body;

pub use body::BodySizes;

/// The most producers and the most consumers: each is a connection.
pub const WORKERS_MAX: usize = 10_000;
/// The most destinations of a fan-out.
pub const QUEUES_MAX: u32 = 10_000;
/// The most message groups.
pub const GROUPS_MAX: u32 = 1_000_000;
/// The most messages of one call.
pub const BATCH_MAX: usize = 1_000;
/// The highest fixed rate, in messages a second.
pub const RATE_MAX: f64 = 10_000_000.0;
/// The most messages that may be sent and not yet received.
pub const OUTSTANDING_MAX: usize = 10_000_000;
/// The most streams (producers or message groups) times destinations. The ledger has about 150 bytes for each pair.
pub const ACCOUNTS_MAX: u64 = 4_000_000;

/// The kind of work that a run does with its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Work {
    /// Send, one call after the other.
    Send,
    /// Receive and settle messages that were sent before.
    Receive,
    /// Send, receive and settle, all at once.
    Cycle,
    /// Publish to a topic with many queues, and drain them.
    Fanout,
    /// Fill a queue with so many messages, then drain it.
    Backlog,
    /// Send at a fixed rate, and measure from when a message was due to when it was received.
    Latency,
    /// Cycle over message groups, each in order.
    Fifo,
    /// Send with a delay, and measure how late the messages are received.
    Delay,
}

/// The meaning of the times of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// From when a send was due (paced runs) or called (others) to its acknowledgement.
    Send,
    /// From the call of a receive that brought messages to its answer.
    Receive,
    /// From the call of a settle to its answer.
    Settle,
    /// From when a message was due to be sent to its first receipt.
    EndToEnd,
    /// From when a delayed message was to become visible to its first receipt.
    Late,
}

impl Metric {
    /// All metrics, in the order of reports.
    pub const ALL: [Self; 5] = [Self::Send, Self::Receive, Self::Settle, Self::EndToEnd, Self::Late];

    /// The name in reports and file names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Receive => "receive",
            Self::Settle => "settle",
            Self::EndToEnd => "end_to_end",
            Self::Late => "late",
        }
    }
}

impl Work {
    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Receive => "receive",
            Self::Cycle => "cycle",
            Self::Fanout => "fanout",
            Self::Backlog => "backlog",
            Self::Latency => "latency",
            Self::Fifo => "fifo",
            Self::Delay => "delay",
        }
    }

    /// The metric whose messages a second are this work's throughput.
    #[must_use]
    pub fn throughput(self) -> Metric {
        match self {
            Self::Send => Metric::Send,
            Self::Receive | Self::Cycle | Self::Fanout | Self::Backlog | Self::Fifo => Metric::Settle,
            Self::Latency | Self::Delay => Metric::EndToEnd,
        }
    }

    /// The metric whose percentiles are this work's latency.
    #[must_use]
    pub fn latency(self) -> Metric {
        match self {
            Self::Send => Metric::Send,
            Self::Receive | Self::Backlog => Metric::Receive,
            Self::Cycle | Self::Fanout | Self::Latency | Self::Fifo => Metric::EndToEnd,
            Self::Delay => Metric::Late,
        }
    }

    /// The metrics that are reported of the work.
    #[must_use]
    pub fn metrics(self) -> &'static [Metric] {
        match self {
            Self::Send => &[Metric::Send],
            // The report of a backlog has the times of filling, too.
            Self::Receive | Self::Backlog => &[Metric::Receive, Metric::Settle],
            Self::Cycle | Self::Fanout | Self::Latency | Self::Fifo => {
                &[Metric::Send, Metric::Receive, Metric::Settle, Metric::EndToEnd]
            }
            Self::Delay => &Metric::ALL,
        }
    }

    /// Whether all messages are sent before the consumers begin.
    #[must_use]
    pub fn fills_first(self) -> bool {
        matches!(self, Self::Receive | Self::Backlog)
    }
}

/// When the measured part of a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// After this time.
    Seconds(#[serde(serialize_with = "seconds")] Duration),
    /// After this many messages.
    Messages(u64),
}

/// The parameters of a run, except its target.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The kind of work.
    pub work: Work,
    /// Workers that send, each with a connection of its own.
    pub producers: usize,
    /// Workers that receive, each with a connection of its own.
    pub consumers: usize,
    /// The lengths of bodies.
    pub body: BodySizes,
    /// Messages of a call.
    pub batch: usize,
    /// When the measured part ends. Work that fills first ends when all messages are received, if that is earlier.
    pub extent: Extent,
    /// How long workers work before the measured part begins.
    #[serde(rename = "warm_up_seconds", serialize_with = "seconds")]
    pub warm_up: Duration,
    /// Messages a second of all producers together; `None` to send without a schedule.
    pub rate: Option<f64>,
    /// The messages that are sent first, by work that fills first.
    pub fill: u64,
    /// Queues of a fan-out.
    pub queues: u32,
    /// Whether each queue of a fan-out takes its own lot only.
    pub filtered: bool,
    /// Message groups of `fifo`.
    pub groups: u32,
    /// The delay of `delay`.
    #[serde(rename = "delay_seconds", serialize_with = "seconds")]
    pub delay: Duration,
    /// The most messages that are sent and not yet received. Applies if producers and consumers work at once and `rate`
    /// is `None`.
    pub outstanding: usize,
    /// How long a received message stays invisible to others.
    #[serde(rename = "visibility_timeout_seconds", serialize_with = "seconds")]
    pub visibility_timeout: Duration,
    /// The run ends if no call succeeds for this time.
    #[serde(rename = "timeout_seconds", serialize_with = "seconds")]
    pub timeout: Duration,
    /// How long to wait at the end for missing messages, counted from the last first receipt.
    #[serde(rename = "drain_seconds", serialize_with = "seconds")]
    pub drain: Duration,
    /// Whether consumers look for all acknowledged messages at the end, unmeasured. `send` has consumers only for this.
    pub verify: bool,
    /// Whether the queues and topics of the run are left at the target.
    pub keep: bool,
    /// A command of the system's shell that runs after the messages were sent and before they are received, by work that
    /// fills first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub between: Option<String>,
    /// Threads of the generator.
    pub threads: usize,
    /// Whether each second keeps its histogram. If not, it keeps only its number of messages.
    #[serde(skip)]
    pub intervals: bool,
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

/// Parameters that cannot be used together: a sentence that names them and what is possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impossible(pub String);

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Impossible {}

impl Plan {
    /// The default parameters of a work, for callers that change some of them.
    #[must_use]
    pub fn ordinary(work: Work) -> Self {
        let (producers, consumers) = match work {
            Work::Send => (64, 0),
            Work::Receive | Work::Backlog => (64, 64),
            _ => (32, 32),
        };
        Self {
            work,
            producers,
            consumers,
            body: BodySizes::Fixed(256),
            batch: 1,
            extent: Extent::Seconds(Duration::from_secs(10)),
            warm_up: Duration::from_secs(if work.fills_first() { 0 } else { 2 }),
            rate: matches!(work, Work::Latency | Work::Delay).then_some(1000.0),
            fill: 100_000,
            queues: 10,
            filtered: false,
            groups: 1000,
            delay: Duration::from_secs(2),
            outstanding: 1000,
            visibility_timeout: Duration::from_secs(30),
            timeout: Duration::from_secs(10),
            drain: Duration::from_secs(10),
            verify: true,
            keep: false,
            between: None,
            threads: 1,
            intervals: false,
        }
    }

    /// Refuses parameters that cannot be used together.
    ///
    /// # Errors
    ///
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), Impossible> {
        let work = self.work.name();
        let consumes = self.work != Work::Send;
        let rules = [
            (self.producers == 0, format!("`{work}` needs at least one producer")),
            (consumes && self.consumers == 0, format!("`{work}` needs at least one consumer")),
            (
                self.producers.max(self.consumers) > WORKERS_MAX,
                format!("there are at most {WORKERS_MAX} producers and {WORKERS_MAX} consumers"),
            ),
            (self.batch == 0 || self.batch > BATCH_MAX, format!("a batch has 1 to {BATCH_MAX} messages")),
            (self.threads == 0 || self.threads > 256, "the generator has 1 to 256 threads".into()),
            (
                self.extent == Extent::Seconds(Duration::ZERO) || self.extent == Extent::Messages(0),
                "a run of no time or no messages measures nothing".into(),
            ),
            (
                self.rate.is_some_and(|rate| !(rate > 0.0 && rate <= RATE_MAX)),
                format!("a rate is above 0 and at most {RATE_MAX} messages a second"),
            ),
            (
                self.rate.is_none() && matches!(self.work, Work::Latency),
                "`latency` needs a rate: without one each send waits for the one before".into(),
            ),
            (
                self.rate.is_some() && self.work.fills_first(),
                format!("`{work}` goes as fast as it can and takes no rate"),
            ),
            (self.work.fills_first() && self.fill == 0, format!("`{work}` of an empty queue measures nothing")),
            (
                self.work == Work::Fanout && (self.queues == 0 || self.queues > QUEUES_MAX),
                format!("a fan-out has 1 to {QUEUES_MAX} queues"),
            ),
            (
                self.work == Work::Fifo && (self.groups == 0 || self.groups > GROUPS_MAX),
                format!("there are 1 to {GROUPS_MAX} message groups"),
            ),
            (
                self.work == Work::Fifo && (self.groups as usize) < self.producers,
                format!(
                    "{} message groups are too few for {} producers: each group is sent by one of them, in order",
                    self.groups, self.producers
                ),
            ),
            (self.work == Work::Delay && self.delay.is_zero(), "a delay of nothing delays nothing".into()),
            (self.outstanding < self.batch, "a batch must fit into the outstanding messages".into()),
            (self.outstanding > OUTSTANDING_MAX, format!("at most {OUTSTANDING_MAX} messages can be outstanding")),
            (
                self.work == Work::Fanout && self.producers as u64 * u64::from(self.queues) > ACCOUNTS_MAX,
                format!("producers times queues are at most {ACCOUNTS_MAX}: each pair is accounted for"),
            ),
            (self.timeout.is_zero(), "a timeout of nothing lets nothing succeed".into()),
            (self.visibility_timeout < Duration::from_secs(1), "a visibility timeout has at least one second".into()),
        ];
        rules.into_iter().find(|(wrong, _)| *wrong).map_or(Ok(()), |(_, rule)| Err(Impossible(rule)))
    }

    /// The layout of the run with this number.
    #[must_use]
    pub fn layout(&self, run: u32) -> Layout {
        Layout {
            prefix: format!("loadtest-{run:08x}"),
            kind: match self.work {
                Work::Send | Work::Receive | Work::Cycle | Work::Backlog | Work::Latency => Kind::Queue,
                Work::Fifo => Kind::Fifo,
                Work::Delay => Kind::Delay(self.delay),
                Work::Fanout => Kind::Fanout { queues: self.queues, filtered: self.filtered },
            },
            receives: self.work != Work::Send,
            batch: self.batch,
            visibility_timeout: self.visibility_timeout,
            body_bytes_max: self.body.max(),
            body_bytes_mean: self.body.mean(),
        }
    }
}

//! What a run does: its work and parameters, checked once before anything is asked of a target.

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
/// The most streams (producers or message groups) times destinations: each pair has an account of some 150 bytes.
pub const ACCOUNTS_MAX: u64 = 4_000_000;

/// What is done with the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Work {
    /// Send, one call after the other.
    Send,
    /// Receive and settle what was put there before.
    Receive,
    /// Send, receive and settle, all at once.
    Cycle,
    /// Publish to a topic with many queues, and drain them.
    Fanout,
    /// Fill a queue with so many messages, then drain it.
    Backlog,
    /// Send at a fixed rate, and take the time from when a message was due to when it came.
    Latency,
    /// Cycle over message groups, each in order.
    Fifo,
    /// Send with a delay, and take how late the messages come.
    Delay,
}

/// What a series of times or counts is about.
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
    /// All, in the order of reports.
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

    /// What is reported of it.
    #[must_use]
    pub fn metrics(self) -> &'static [Metric] {
        match self {
            Self::Send => &[Metric::Send],
            // Of a backlog, the times of filling are reported beside these.
            Self::Receive | Self::Backlog => &[Metric::Receive, Metric::Settle],
            Self::Cycle | Self::Fanout | Self::Latency | Self::Fifo => {
                &[Metric::Send, Metric::Receive, Metric::Settle, Metric::EndToEnd]
            }
            Self::Delay => &Metric::ALL,
        }
    }

    /// Whether the messages are put into the queue before the consumers begin.
    #[must_use]
    pub fn fills_first(self) -> bool {
        matches!(self, Self::Receive | Self::Backlog)
    }
}

/// When a run has done enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// After so long.
    Seconds(#[serde(serialize_with = "seconds")] Duration),
    /// After so many messages.
    Messages(u64),
}

/// Everything that a run needs to know beside its target.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// What is done.
    pub work: Work,
    /// Workers that send, each with a connection of its own.
    pub producers: usize,
    /// Workers that receive, each with a connection of its own.
    pub consumers: usize,
    /// How long bodies are.
    pub body: BodySizes,
    /// Messages of a call.
    pub batch: usize,
    /// When the measured part ends. Work that fills first ends at the latest when all is drained.
    pub extent: Extent,
    /// What is done before without being measured.
    #[serde(rename = "warm_up_seconds", serialize_with = "seconds")]
    pub warm_up: Duration,
    /// Messages a second of all producers together; `None` for as many as go.
    pub rate: Option<f64>,
    /// Messages that are put there first, by work that fills first.
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
    /// The most messages that are sent and not yet received, while producers and consumers work at once without a rate.
    pub outstanding: usize,
    /// How long a received message stays invisible to others.
    #[serde(rename = "visibility_timeout_seconds", serialize_with = "seconds")]
    pub visibility_timeout: Duration,
    /// How long nothing may succeed before the target counts as dead.
    #[serde(rename = "timeout_seconds", serialize_with = "seconds")]
    pub timeout: Duration,
    /// How long to look for messages that are missing at the end, since the last one came.
    #[serde(rename = "drain_seconds", serialize_with = "seconds")]
    pub drain: Duration,
    /// Whether everything that was acknowledged is looked for at the end, unmeasured; for `send`, whether it is received
    /// at all.
    pub verify: bool,
    /// Whether what was made for the run stays.
    pub keep: bool,
    /// Threads of the generator.
    pub threads: usize,
    /// Whether the histogram of each second is kept; otherwise only its messages are counted.
    #[serde(skip)]
    pub intervals: bool,
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

/// Parameters that make no sense together: which, and what would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impossible(pub String);

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Impossible {}

impl Plan {
    /// The ordinary parameters of a work, for callers that change some of them.
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
            threads: 1,
            intervals: false,
        }
    }

    /// Refuses parameters that make no sense.
    ///
    /// # Errors
    ///
    /// The first that does not, with what would.
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

    /// What the target has to make.
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

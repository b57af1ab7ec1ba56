//! The arguments and options, declared once for parsing and for help.
//!
//! Options that change the plan are `Option`s, because the default depends on the work and is in
//! [`Plan::ordinary`](crate::plan::Plan::ordinary). The help texts name the defaults, and a test compares the two.
//! Targets are plain text here: the parser would print a URL that it cannot read, with its password.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use super::duration;
use crate::plan::{BodySizes, Work};
use crate::targets::forms;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "posthouse-loadtest",
    version,
    about = "Drives Posthouse and other brokers with the same work, side by side",
    after_help = EXIT_CODES
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

/// The exit codes, for the help of all commands.
const EXIT_CODES: &str = "\
Exit codes:
  0  The work was done to its end and every promise was kept
  1  A target broke a promise: messages lost, corrupted, or what else it had ruled out
  2  Impossible parameters; no target was asked for anything
  3  A target could not be reached, or denied or refused what has to be made first; nothing was measured there
  4  The results are partial: the run ended early, calls failed, or a report could not be written
  130  A second SIGINT (Ctrl-C) or SIGTERM ended it at once; what the run had made at the target is still there
Of several that hold the first of 1, 3 and 4 is taken.";

/// The forms of targets and the exit codes, for help.
fn targets_and_exit_codes() -> String {
    let forms = forms().map(|form| format!("  {form}\n")).collect::<String>();
    format!(
        "Targets are [NAME=]URL. Without a NAME, that of the URL's scheme is taken. The URLs:\n{forms}\n{EXIT_CODES}"
    )
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Drives one target and reports what it did
    #[command(after_long_help = targets_and_exit_codes())]
    Run(Run),
    /// Drives several targets in turn, over several rounds, and reports medians and ratios against the first
    #[command(after_long_help = targets_and_exit_codes())]
    Compare(Compare),
    /// Prints one signed SendMessage request, for load generators that cannot sign
    Request(Request),
}

/// `run`.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// The kind of work
    pub(super) work: Work,
    /// The target: [NAME=]URL
    pub(super) target: String,
    /// Takes surplus arguments, so that the error does not print a password.
    #[arg(hide = true)]
    pub(super) more_targets: Vec<String>,
    #[command(flatten)]
    pub(super) options: Options,
    /// A label of its durability for the report; it is not checked
    #[arg(long, value_name = "TEXT", help_heading = "Reports")]
    pub(super) durability: Vec<String>,
}

/// `compare`.
#[derive(Debug, Args)]
pub(super) struct Compare {
    /// The kind of work
    pub(super) work: Work,
    /// Two or more, each [NAME=]URL; the first is what the others are compared with
    #[arg(required = true, value_name = "TARGET")]
    pub(super) targets: Vec<String>,
    /// How often each target is driven: A B C A B C …; an odd number has a middle [default: 3]
    #[arg(long, value_name = "NUMBER", default_value_t = 3, hide_default_value = true, help_heading = "Load")]
    pub(super) rounds: usize,
    #[command(flatten)]
    pub(super) options: Options,
    /// A label of a target's durability for the report; it is not checked; once for each target
    #[arg(long, value_name = "NAME=TEXT", help_heading = "Reports")]
    pub(super) durability: Vec<String>,
}

/// `request`.
#[derive(Debug, Args)]
pub(super) struct Request {
    /// The endpoint: sqs+http://[KEY:SECRET@]HOST:PORT
    pub(super) target: String,
    /// The queue of the message; it is made if it does not exist, and not removed
    #[arg(long, value_name = "NAME")]
    pub(super) queue: String,
    /// Length of the message's body, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 256)]
    pub(super) body: usize,
}

/// The options of both `run` and `compare`.
#[derive(Debug, Default, Args)]
pub(super) struct Options {
    #[command(flatten)]
    pub(super) load: Load,
    #[command(flatten)]
    pub(super) shape: Shape,
    #[command(flatten)]
    pub(super) bounds: Bounds,
    #[command(flatten)]
    pub(super) reports: Reports,
}

/// The amount of work.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Load")]
pub(super) struct Load {
    /// Workers, each with one connection. For `send` all send; for `receive` and `backlog` this many send first, and
    /// then this many receive; otherwise half send and half receive at the same time. A consumer of several queues has
    /// one connection to each [default: 64]
    #[arg(long, value_name = "NUMBER")]
    pub(super) connections: Option<usize>,
    /// Workers that send, each with one connection [default: follows --connections]
    #[arg(long, value_name = "NUMBER")]
    pub(super) producers: Option<usize>,
    /// Workers that receive, each with one connection. In a fan-out with more queues than consumers each serves several
    /// queues in turn, with one connection to each. Not for `send` [default: follows --connections]
    #[arg(long, value_name = "NUMBER")]
    pub(super) consumers: Option<usize>,
    /// Length of bodies, in bytes: 256, a range 100..1000, or lengths with weights 64:50,4096:10 [default: 256]
    #[arg(long, value_name = "BYTES")]
    pub(super) body: Option<BodySizes>,
    /// Messages of one call [default: 1]
    #[arg(long, value_name = "NUMBER")]
    pub(super) batch: Option<usize>,
    /// Length of the measured part, with its unit (500ms, 10s, 2m) [default: 10s; `backlog` ends when all messages are
    /// received]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(super) duration: Option<Duration>,
    /// Messages of the measured part, instead of --duration. For `receive` and `backlog` the messages that are sent
    /// first; the run ends when all are received or, for `receive`, --duration is over [default of these two: 100000]
    #[arg(long, value_name = "NUMBER")]
    pub(super) count: Option<u64>,
    /// Length of the unmeasured part before the measured one, with its unit [default: 2s; none for `receive` and
    /// `backlog`]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(super) warm_up: Option<Duration>,
    /// Messages a second of all producers together, on a schedule that does not wait for the target. Not for `receive`
    /// and `backlog` [default: 1000 for `latency` and `delay`, no schedule for the others]
    #[arg(long, value_name = "NUMBER")]
    pub(super) rate: Option<f64>,
    /// Threads of the load test itself; more are useful if the report says that it was the bottleneck [default: 1]
    #[arg(long, value_name = "NUMBER")]
    pub(super) threads: Option<usize>,
}

/// The parameters of single kinds of work.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Work")]
pub(super) struct Shape {
    /// `fanout`: queues of the topic [default: 10]
    #[arg(long, value_name = "NUMBER")]
    pub(super) queues: Option<u32>,
    /// `fanout`: each queue has a filter and gets its share of the messages, instead of all
    #[arg(long)]
    pub(super) filtered: bool,
    /// `fifo`: message groups [default: 1000]
    #[arg(long, value_name = "NUMBER")]
    pub(super) groups: Option<u32>,
    /// `delay`: the delay of each message, with its unit [default: 2s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(super) delay: Option<Duration>,
    /// `cycle`, `fanout` and `fifo` without --rate: most messages that are sent and not yet received [default: 1000]
    #[arg(long, value_name = "NUMBER")]
    pub(super) outstanding: Option<usize>,
    /// `receive` and `backlog`: a shell command that runs once all messages are sent, before they are received, such as
    /// one that starts the broker again; its time is not measured
    #[arg(long, value_name = "COMMAND")]
    pub(super) between: Option<String>,
    /// Do not look for missing messages at the end; for `send`, do not receive what was sent; not with a rate
    #[arg(long)]
    pub(super) no_verify: bool,
}

/// How long the run waits, and what it leaves behind.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Bounds")]
pub(super) struct Bounds {
    /// How long a received message stays invisible to others, with its unit [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(super) visibility_timeout: Option<Duration>,
    /// The run ends if no call succeeds for this time, with its unit [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(super) timeout: Option<Duration>,
    /// How long to wait at the end for missing messages, from the last one received, with its unit [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(super) drain: Option<Duration>,
    /// Do not remove the queues, topics, streams or tables of the run
    #[arg(long)]
    pub(super) keep: bool,
}

/// The files of results, beside the text on standard output.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Reports")]
pub(super) struct Reports {
    /// Write all results as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Write a chart of throughput and of latency percentiles, as SVG
    #[arg(long, value_name = "FILE.svg")]
    pub(super) plot: Option<PathBuf>,
    /// Write the latencies of every second as HdrHistogram logs into this directory, which is made if it does not exist
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) hdr: Option<PathBuf>,
    /// No live line during the run
    #[arg(long)]
    pub(super) quiet: bool,
}

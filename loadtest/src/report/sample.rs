//! Outcomes for tests. All numbers follow from the work and a rate.

use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;

use crate::compare::{Candidate, Comparison};
use crate::ledger::Account;
use crate::outcome::{Generator, Interval, Machine, Outcome, Series};
use crate::plan::{Metric, Plan, Work};
use crate::target::Promise;

/// Two seconds at this rate, the second a tenth slower than the first. The times are 1 to 100 ms, and one of a second.
pub(crate) fn outcome(name: &str, work: Work, rate: f64) -> Outcome {
    let metrics: &[Metric] = match work {
        Work::Send => &[Metric::Send],
        _ => &[Metric::Send, Metric::Receive, Metric::Settle, Metric::EndToEnd],
    };
    let series: Vec<_> = metrics.iter().map(|metric| series(*metric, rate)).collect();
    let messages = series[0].messages;
    Outcome {
        name: name.into(),
        address: "sqs+http://127.0.0.1:9324/".into(),
        limit: false,
        durability: Some("fsync".into()),
        plan: Plan::ordinary(work),
        started: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500),
        series,
        account: Account {
            attempted: messages + 4,
            acknowledged: messages,
            uncertain: 4,
            received: messages,
            verified: true,
            ..Account::default()
        },
        overdue: 0,
        promise: Promise::AT_LEAST_ONCE,
        failures: Vec::new(),
        ended_early: None,
        generator: Generator {
            threads: 1,
            measured: Duration::from_secs(2),
            cpu: Some(Duration::from_millis(1300)),
            busiest_thread: Some(0.65),
            calls: 130_000,
            signature_seconds: Some(2.5e-6),
            machine: Some(Machine { cores: 2, busy: 0.873, stolen: 0.021 }),
        },
    }
}

fn series(metric: Metric, rate: f64) -> Series {
    let interval = |start: u64, rate: f64, outlier: Option<u64>| {
        let mut histogram = empty();
        let times = (1..=100).map(|times| times * 1_000_000).chain(outlier);
        times.for_each(|nanos| histogram.record(nanos).expect("a histogram that grows"));
        let messages = format!("{rate:.0}").parse().expect("an integer");
        Interval {
            start: Duration::from_secs(start),
            length: Duration::from_secs(1),
            messages,
            histogram: Some(histogram),
        }
    };
    let intervals = vec![interval(0, rate * 1.05, None), interval(1, rate * 0.95, Some(1_000_000_000))];
    let mut histogram = empty();
    for times in intervals.iter().filter_map(|interval| interval.histogram.as_ref()) {
        histogram.add(times).expect("a histogram that grows");
    }
    let messages = intervals.iter().map(|interval| interval.messages).sum();
    Series { metric, messages, measured: Duration::from_secs(2), histogram, intervals }
}

/// A histogram that grows, with nothing in it.
pub(crate) fn empty() -> Histogram<u64> {
    Histogram::new(3).expect("three digits are possible")
}

/// Targets with their throughput in each round.
pub(crate) fn comparison(work: Work, targets: &[(&str, &[f64])]) -> Comparison {
    let candidate = |(name, rates): &(&str, &[f64])| Candidate {
        name: (*name).into(),
        address: "sqs+http://127.0.0.1:9324/".into(),
        durability: Some("fsync".into()),
        limit: name.starts_with("limit"),
        attempts: rates.iter().map(|rate| Ok(outcome(name, work, *rate))).collect(),
    };
    Comparison {
        plan: Plan::ordinary(work),
        rounds: targets.iter().map(|(_, rates)| rates.len()).max().unwrap_or(0),
        candidates: targets.iter().map(candidate).collect(),
    }
}

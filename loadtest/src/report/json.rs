//! The JSON document of a run or a comparison, which `docs/loadtest.md` describes. A change that could break a reader
//! increments [`FORMAT`]. Names end with their unit. Values that are not known are `null`.

use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;
use serde::Serialize;
use time::format_description::well_known::Rfc3339;

use crate::compare::{Candidate, Comparison, Latency, Spread, Summary};
use crate::ledger::Account;
use crate::outcome::{Generator, Interval, Machine, Outcome, Series};
use crate::plan::{Metric, Plan};
use crate::target::{Failure, Promise};

use super::units::utc;
use super::{Report, Run, warnings};

/// The version of the document.
const FORMAT: u32 = 1;

/// The document, with a line break at its end.
pub(super) fn document(report: Report<'_>) -> Vec<u8> {
    let comparison = match report {
        Report::Run(_) => None,
        Report::Comparison(comparison) => Some(ComparisonShape::of(comparison)),
    };
    let document = Document {
        format: FORMAT,
        tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
        plan: report.plan(),
        runs: report.runs().into_iter().map(RunShape::of).collect(),
        comparison,
        warnings: warnings::warnings(report),
    };
    let mut bytes = serde_json::to_vec_pretty(&document).expect("its keys are strings and nothing in it fails");
    bytes.push(b'\n');
    bytes
}

#[derive(Serialize)]
struct Document<'a> {
    format: u32,
    tool: Tool,
    plan: &'a Plan,
    runs: Vec<RunShape<'a>>,
    comparison: Option<ComparisonShape<'a>>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct RunShape<'a> {
    name: &'a str,
    address: &'a str,
    limit: bool,
    durability: Option<&'a str>,
    round: usize,
    started: String,
    throughput_per_second: Option<f64>,
    throughput_metric: Metric,
    latency_metric: Option<Metric>,
    series: Vec<SeriesShape>,
    account: &'a Account,
    overdue: u64,
    promise: PromiseShape,
    breaches: Vec<String>,
    failures: Vec<FailureShape>,
    ended_early: Option<&'a str>,
    generator: GeneratorShape,
}

impl<'a> RunShape<'a> {
    fn of(run: Run<'a>) -> Self {
        let outcome: &Outcome = run.outcome;
        let Promise { keeps, once, ordered } = outcome.promise;
        Self {
            name: &outcome.name,
            address: &outcome.address,
            limit: outcome.limit,
            durability: outcome.durability.as_deref(),
            round: run.round,
            started: rfc3339(outcome.started),
            throughput_per_second: outcome.throughput(),
            throughput_metric: outcome.plan.work.throughput(),
            latency_metric: outcome.latency().map(|series| series.metric),
            series: outcome.series.iter().map(SeriesShape::of).collect(),
            account: &outcome.account,
            overdue: outcome.overdue,
            promise: PromiseShape { keeps, once, ordered },
            breaches: outcome.breaches(),
            failures: outcome.failures.iter().map(|(failure, count)| FailureShape::of(failure, *count)).collect(),
            ended_early: outcome.ended_early.as_deref(),
            generator: GeneratorShape::of(&outcome.generator),
        }
    }
}

/// The moment in UTC, with its fraction of a second.
fn rfc3339(moment: SystemTime) -> String {
    utc(moment).format(&Rfc3339).expect("years from 1970 to 9999 can be formatted")
}

#[derive(Serialize)]
struct PromiseShape {
    keeps: bool,
    once: bool,
    ordered: bool,
}

#[derive(Serialize)]
struct FailureShape {
    kind: &'static str,
    message: String,
    count: u64,
}

impl FailureShape {
    fn of(failure: &Failure, count: u64) -> Self {
        let kind = match failure {
            Failure::Unreachable(_) => "unreachable",
            Failure::Disconnected(_) => "disconnected",
            Failure::Denied(_) => "denied",
            Failure::Refused(_) => "refused",
            Failure::Malformed(_) => "malformed",
            Failure::Unsupported(_) => "unsupported",
        };
        Self { kind, message: failure.to_string(), count }
    }
}

#[derive(Serialize)]
struct SeriesShape {
    metric: Metric,
    messages: u64,
    measured_seconds: f64,
    rate_per_second: f64,
    samples: u64,
    times: Option<Times>,
    intervals: Vec<IntervalShape>,
}

impl SeriesShape {
    fn of(series: &Series) -> Self {
        Self {
            metric: series.metric,
            messages: series.messages,
            measured_seconds: series.measured.as_secs_f64(),
            rate_per_second: series.rate(),
            samples: series.histogram.len(),
            times: Times::of(&series.histogram),
            intervals: series.intervals.iter().map(IntervalShape::of).collect(),
        }
    }
}

#[derive(Serialize)]
struct Times {
    mean_ns: f64,
    stdev_ns: f64,
    p0_ns: u64,
    p50_ns: u64,
    p75_ns: u64,
    p90_ns: u64,
    p95_ns: u64,
    p99_ns: u64,
    p99_9_ns: u64,
    p99_99_ns: u64,
    p100_ns: u64,
}

impl Times {
    fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let at = |quantile| histogram.value_at_quantile(quantile);
        (!histogram.is_empty()).then(|| Self {
            mean_ns: histogram.mean(),
            stdev_ns: histogram.stdev(),
            p0_ns: histogram.min(),
            p50_ns: at(0.5),
            p75_ns: at(0.75),
            p90_ns: at(0.9),
            p95_ns: at(0.95),
            p99_ns: at(0.99),
            p99_9_ns: at(0.999),
            p99_99_ns: at(0.9999),
            p100_ns: histogram.max(),
        })
    }
}

#[derive(Serialize)]
struct IntervalShape {
    start_seconds: f64,
    length_seconds: f64,
    messages: u64,
    rate_per_second: f64,
    p50_ns: Option<u64>,
    p99_ns: Option<u64>,
    p100_ns: Option<u64>,
}

impl IntervalShape {
    fn of(interval: &Interval) -> Self {
        let seconds = interval.length.as_secs_f64();
        let times = interval.histogram.as_ref().filter(|times| !times.is_empty());
        let at = |quantile| times.map(|times| times.value_at_quantile(quantile));
        Self {
            start_seconds: interval.start.as_secs_f64(),
            length_seconds: seconds,
            messages: interval.messages,
            rate_per_second: if seconds > 0.0 { interval.messages as f64 / seconds } else { 0.0 },
            p50_ns: at(0.5),
            p99_ns: at(0.99),
            p100_ns: at(1.0),
        }
    }
}

#[derive(Serialize)]
struct GeneratorShape {
    threads: usize,
    measured_seconds: f64,
    cpu_seconds: Option<f64>,
    cpu_per_call_ns: Option<f64>,
    signature_ns: Option<f64>,
    busiest_thread_share: Option<f64>,
    saturated: bool,
    calls: u64,
    machine: Option<MachineShape>,
}

#[derive(Serialize)]
struct MachineShape {
    cores: usize,
    busy_share: f64,
    stolen_share: f64,
}

impl GeneratorShape {
    fn of(generator: &Generator) -> Self {
        let machine = |machine: Machine| MachineShape {
            cores: machine.cores,
            busy_share: machine.busy,
            stolen_share: machine.stolen,
        };
        Self {
            threads: generator.threads,
            measured_seconds: generator.measured.as_secs_f64(),
            cpu_seconds: generator.cpu.as_ref().map(Duration::as_secs_f64),
            cpu_per_call_ns: generator.cpu_seconds_per_call().map(|seconds| seconds * 1e9),
            signature_ns: generator.signature_seconds.map(|seconds| seconds * 1e9),
            busiest_thread_share: generator.busiest_thread,
            saturated: generator.saturated(),
            calls: generator.calls,
            machine: generator.machine.map(machine),
        }
    }
}

#[derive(Serialize)]
struct ComparisonShape<'a> {
    rounds: usize,
    candidates: Vec<CandidateShape<'a>>,
}

impl<'a> ComparisonShape<'a> {
    fn of(comparison: &'a Comparison) -> Self {
        let summaries = comparison.summaries();
        let candidates = comparison.candidates.iter().zip(&summaries);
        let shape = |(candidate, summary)| CandidateShape::of(candidate, summary, &comparison.candidates);
        Self { rounds: comparison.rounds, candidates: candidates.map(shape).collect() }
    }
}

#[derive(Serialize)]
struct CandidateShape<'a> {
    name: &'a str,
    address: &'a str,
    limit: bool,
    durability: Option<&'a str>,
    rounds_measured: usize,
    rounds_failed: Vec<FailedRound>,
    throughput_per_second: Option<SpreadShape>,
    ratio_to_first: Option<SpreadShape>,
    latency: Option<LatencyShape>,
    share_of_limits: Vec<LimitShape<'a>>,
}

#[derive(Serialize)]
struct FailedRound {
    round: usize,
    failure: FailureShape,
}

#[derive(Serialize)]
struct SpreadShape {
    median: f64,
    least: f64,
    most: f64,
}

#[derive(Serialize)]
struct LatencyShape {
    metric: Metric,
    p50_ns: f64,
    p90_ns: f64,
    p99_ns: f64,
    p99_9_ns: f64,
    p100_ns: f64,
}

#[derive(Serialize)]
struct LimitShape<'a> {
    limit: &'a str,
    share: Option<f64>,
}

impl<'a> CandidateShape<'a> {
    fn of(candidate: &'a Candidate, summary: &Summary, all: &'a [Candidate]) -> Self {
        let failed = candidate.failed();
        let limits = summary.of_limits.iter();
        Self {
            name: &candidate.name,
            address: &candidate.address,
            limit: candidate.limit,
            durability: candidate.durability.as_deref(),
            rounds_measured: summary.rounds,
            rounds_failed: failed
                .map(|(round, failure)| FailedRound { round, failure: FailureShape::of(failure, 1) })
                .collect(),
            throughput_per_second: summary.throughput.map(SpreadShape::of),
            ratio_to_first: summary.ratio.map(SpreadShape::of),
            latency: summary.latency.map(LatencyShape::of),
            share_of_limits: limits
                .map(|(index, share)| LimitShape { limit: &all[*index].name, share: *share })
                .collect(),
        }
    }
}

impl SpreadShape {
    fn of(Spread { median, least, most }: Spread) -> Self {
        Self { median, least, most }
    }
}

impl LatencyShape {
    fn of(Latency { metric, nanos: [p50_ns, p90_ns, p99_ns, p99_9_ns, p100_ns] }: Latency) -> Self {
        Self { metric, p50_ns, p90_ns, p99_ns, p99_9_ns, p100_ns }
    }
}

#[cfg(test)]
mod tests;

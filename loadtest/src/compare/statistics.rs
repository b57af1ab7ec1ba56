//! Statistics of a comparison: medians over the rounds, and ratios within a round. Pure functions of the outcomes.
//!
//! A round counts if its measured time is not zero. A run that was stopped during its warm-up does not count. A run
//! that ended early counts with its measurements until then.

use crate::outcome::{Outcome, Series};
use crate::plan::Metric;

use super::{Candidate, Comparison};

/// The quantiles of a summary, with their names.
pub const QUANTILES: [(&str, f64); 5] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

/// The median, minimum and maximum of some values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The value in the middle. Of an even number of values, the mean of the two in the middle.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

/// The latency of a candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    /// The metric of the work, or sends for a target that delivers nothing.
    pub metric: Metric,
    /// The median over the rounds of each of [`QUANTILES`], in nanoseconds.
    pub nanos: [f64; QUANTILES.len()],
}

/// One candidate's numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The rounds that count.
    pub rounds: usize,
    /// Messages a second.
    pub throughput: Option<Spread>,
    /// Throughput divided by the first candidate's of the same round, over the rounds that count for both. `None` if
    /// the first candidate's was 0.
    pub ratio: Option<Spread>,
    /// The latency of the rounds that have one.
    pub latency: Option<Latency>,
    /// For each candidate that is a limit, in their order: its index, and this candidate's median throughput divided by
    /// the limit's.
    pub of_limits: Vec<(usize, Option<f64>)>,
}

impl Spread {
    /// The spread of the finite numbers among `values`; `None` if there are none.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<_> = values.into_iter().filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median =
            if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) };
        Some(Self { median, least, most })
    }
}

impl Comparison {
    /// The numbers of each candidate, in their order.
    #[must_use]
    pub fn summaries(&self) -> Vec<Summary> {
        let medians: Vec<_> =
            self.candidates.iter().map(|candidate| candidate.throughput().map(|all| all.median)).collect();
        let limits: Vec<_> = (0..self.candidates.len()).filter(|index| self.candidates[*index].limit).collect();
        let share = |own: Option<f64>, limit: usize| {
            Some(own?).zip(medians[limit]).and_then(|(own, limit)| quotient(own, limit))
        };
        let summary = |(index, candidate): (usize, &Candidate)| Summary {
            rounds: candidate.rates().flatten().count(),
            throughput: candidate.throughput(),
            ratio: Spread::of(self.ratios(candidate)),
            latency: candidate.latency(),
            of_limits: limits.iter().map(|limit| (*limit, share(medians[index], *limit))).collect(),
        };
        self.candidates.iter().enumerate().map(summary).collect()
    }

    fn ratios(&self, candidate: &Candidate) -> Vec<f64> {
        let Some(first) = self.candidates.first() else { return Vec::new() };
        candidate.rates().zip(first.rates()).filter_map(|(own, first)| quotient(own?, first?)).collect()
    }
}

impl Candidate {
    /// Messages a second of each round; `None` for those that do not count.
    fn rates(&self) -> impl Iterator<Item = Option<f64>> {
        self.attempts.iter().map(|attempt| measured_rate(attempt.as_ref().ok()?))
    }

    fn throughput(&self) -> Option<Spread> {
        Spread::of(self.rates().flatten())
    }

    fn latency(&self) -> Option<Latency> {
        let series: Vec<&Series> = self.outcomes().filter_map(|(_, outcome)| outcome.latency()).collect();
        let metric = series.first()?.metric;
        let of_metric = || series.iter().filter(|series| series.metric == metric && !series.histogram.is_empty());
        let mut nanos = [0.0; QUANTILES.len()];
        for (median, (_, quantile)) in nanos.iter_mut().zip(QUANTILES) {
            *median = Spread::of(of_metric().map(|series| series.histogram.value_at_quantile(quantile) as f64))?.median;
        }
        Some(Latency { metric, nanos })
    }
}

fn measured_rate(outcome: &Outcome) -> Option<f64> {
    let series = outcome.series(outcome.plan.work.throughput())?;
    (!series.measured.is_zero()).then(|| series.rate())
}

fn quotient(dividend: f64, divisor: f64) -> Option<f64> {
    (divisor > 0.0).then(|| dividend / divisor)
}

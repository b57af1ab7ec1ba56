//! Warnings about the numbers of a report, one sentence each: missing rounds, broken promises, failed calls, a
//! generator that was the bottleneck, a machine without a core to spare, durability that differs.

use crate::compare::{Candidate, Comparison};
use crate::outcome::Outcome;

use super::Report;
use super::units::{count, harmless, percent};

/// A machine whose cores were taken for more than this share of the time counts as full.
const FULL: f64 = 0.95;

/// All warnings of a report: first those about the whole, then those of each run. The text is harmless for terminals.
pub(super) fn warnings(report: Report<'_>) -> Vec<String> {
    match report {
        Report::Run(outcome) => {
            of_run(outcome).into_iter().chain(saturation(outcome)).chain(crowding(outcome)).collect()
        }
        Report::Comparison(comparison) => of_comparison(comparison),
    }
}

/// The warning that the generator was the bottleneck, if it was.
pub(super) fn saturation(outcome: &Outcome) -> Option<String> {
    let share = outcome.generator.busiest_thread.filter(|_| outcome.generator.saturated())?;
    Some(saturated("", share))
}

fn saturated(with: &str, share: f64) -> String {
    format!(
        "The load generator was saturated{with}: its busiest thread had a core for {} of the time, so the target may be \
         faster than this. Give it more --threads, or run it on another machine.",
        percent(share)
    )
}

/// The same warning, one for all runs of a comparison.
fn saturation_in_comparison(candidates: &[Candidate]) -> Option<String> {
    let share = |outcome: &Outcome| outcome.generator.busiest_thread.filter(|_| outcome.generator.saturated());
    with_targets(candidates, share).map(|(with, share)| saturated(&with, share))
}

/// The warning that the machine was full, if it was.
pub(super) fn crowding(outcome: &Outcome) -> Option<String> {
    full(outcome).map(|share| crowded("", share))
}

fn crowding_in_comparison(candidates: &[Candidate]) -> Option<String> {
    with_targets(candidates, full).map(|(with, share)| crowded(&with, share))
}

/// The share of all cores' time that was taken, if the machine was full.
fn full(outcome: &Outcome) -> Option<f64> {
    taken(outcome).filter(|share| *share > FULL)
}

/// The share of all cores' time that was taken, by any process of the machine or by its host.
pub(super) fn taken(outcome: &Outcome) -> Option<f64> {
    outcome.generator.machine.map(|machine| machine.busy + machine.stolen)
}

fn crowded(with: &str, share: f64) -> String {
    format!(
        "The machine was full{with}: {} of its cores' time was taken. Where load test and target share them, each is \
         slowed by the other.",
        percent(share)
    )
}

/// Lists the targets for which `share` returns a value, with the number of such runs, as ` with a (2 of 3 runs)`.
/// Returns the list and the greatest share; `None` if there are none.
fn with_targets(candidates: &[Candidate], share: impl Fn(&Outcome) -> Option<f64>) -> Option<(String, f64)> {
    let mut most: Option<f64> = None;
    let mut names = Vec::new();
    for candidate in candidates {
        let shares: Vec<_> = candidate.outcomes().filter_map(|(_, outcome)| share(outcome)).collect();
        if !shares.is_empty() {
            let name = harmless(&candidate.name);
            names.push(format!("{name} ({} of {} runs)", shares.len(), candidate.attempts.len()));
        }
        most = shares.into_iter().chain(most).reduce(f64::max);
    }
    most.map(|share| (format!(" with {}", names.join(", ")), share))
}

/// The warning that messages due at the fixed rate were not sent, if there are any.
pub(super) fn overload(outcome: &Outcome) -> Option<String> {
    let waiting = match outcome.overdue {
        0 => return None,
        1 => "1 message was due and not sent. Its".to_owned(),
        more => format!("{} messages were due and not sent. Their", count(more)),
    };
    Some(format!(
        "The target did not keep up with the rate: {waiting} waiting so far counts as latency, and would have gone on \
         growing."
    ))
}

fn of_run(outcome: &Outcome) -> Vec<String> {
    let mut all = outcome.breaches();
    all.extend(outcome.ended_early.as_ref().map(|why| format!("Ended early: {}", harmless(why))));
    if let Some((failure, _)) = outcome.failures.first() {
        let calls: u64 = outcome.failures.iter().map(|(_, count)| count).sum();
        let others = if outcome.failures.len() > 1 { "mostly: " } else { "" };
        let word = if calls == 1 { "call" } else { "calls" };
        all.push(format!("{} {word} failed: {others}{}", count(calls), harmless(&failure.to_string())));
    }
    all.extend(overload(outcome));
    all
}

fn of_comparison(comparison: &Comparison) -> Vec<String> {
    let mut all = Vec::new();
    let left = comparison.runs_left();
    if left > 0 {
        let asked = comparison.rounds * comparison.candidates.len();
        all.push(format!("Stopped: {left} of {asked} runs {} not done.", if left == 1 { "was" } else { "were" }));
    }
    all.extend(durability(&comparison.candidates));
    all.extend(saturation_in_comparison(&comparison.candidates));
    all.extend(crowding_in_comparison(&comparison.candidates));
    for candidate in &comparison.candidates {
        let name = harmless(&candidate.name);
        for (index, attempt) in candidate.attempts.iter().enumerate() {
            let facts = match attempt {
                Ok(outcome) => of_run(outcome),
                Err(failure) => vec![format!("No result: the target {}", harmless(&failure.to_string()))],
            };
            all.extend(facts.into_iter().map(|fact| format!("{name}, round {}: {fact}", index + 1)));
        }
    }
    all
}

/// Warnings about the durability of the brokers. Limits have no label.
fn durability(candidates: &[Candidate]) -> Vec<String> {
    let brokers: Vec<_> = candidates.iter().filter(|candidate| !candidate.limit).collect();
    let mut all = Vec::new();
    let stated: Vec<_> =
        brokers.iter().filter_map(|broker| Some((&broker.name, broker.durability.as_deref()?.trim()))).collect();
    if stated.iter().any(|(_, label)| *label != stated[0].1) {
        let labels: Vec<_> = stated
            .iter()
            .map(|(name, label)| format!("{} \"{label}\"", harmless(name)))
            .map(|text| harmless(&text))
            .collect();
        all.push(format!(
            "Different durability, as labelled: {}. A comparison of what is durable with what is not is none.",
            labels.join(", ")
        ));
    }
    let unstated: Vec<_> =
        brokers.iter().filter(|broker| broker.durability.is_none()).map(|broker| harmless(&broker.name)).collect();
    if !unstated.is_empty() {
        all.push(format!("The durability of {} was not stated.", unstated.join(", ")));
    }
    all
}

//! A comparison: the targets run in turn, A B C A B C, so that a machine that becomes slower or faster does so for all
//! of them.
//!
//! - The attempts of a candidate are in the order of the rounds. Attempt `n` of each candidate is of round `n`, so that
//!   ratios can be taken within a round.
//! - A failed attempt of one target leaves the results of the others.
//!
//! The caller passes the function that runs a target. `statistics` has the statistics, `report` their output.

use std::collections::HashSet;

use crate::outcome::Outcome;
use crate::plan::{Impossible, Plan};
use crate::run::{Contestant, Stop};
use crate::target::Failure;

mod statistics;

pub use statistics::{Latency, QUANTILES, Spread, Summary};

/// The results of all rounds.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The plan of each run.
    pub plan: Plan,
    /// The rounds that were asked for.
    pub rounds: usize,
    /// The targets in the order in which they ran. Ratios are against the first.
    pub candidates: Vec<Candidate>,
}

/// One target of a comparison.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its name in reports.
    pub name: String,
    /// Its URL, without a password.
    pub address: String,
    /// The user's label of its durability.
    pub durability: Option<String>,
    /// Whether it is a limit of the machine, not a broker.
    pub limit: bool,
    /// The result of each round. Fewer than the rounds if the comparison was stopped.
    pub attempts: Vec<Result<Outcome, Failure>>,
}

/// Refuses a comparison that cannot succeed. No target is called.
///
/// # Errors
///
/// [`Impossible`] if the parameters cannot be used, or a target cannot do the work.
pub fn check(contestants: &[Contestant], plan: &Plan, rounds: usize) -> Result<(), Impossible> {
    plan.check()?;
    if rounds == 0 {
        return Err(Impossible("a comparison of no rounds compares nothing".into()));
    }
    if contestants.is_empty() {
        return Err(Impossible("a comparison needs at least one target".into()));
    }
    let mut names = HashSet::new();
    if let Some(twice) = contestants.iter().find(|contestant| !names.insert(&contestant.name)) {
        return Err(Impossible(format!("two targets are called `{}`: give each a name of its own", twice.name)));
    }
    let layout = plan.layout(0);
    for contestant in contestants {
        let promise = contestant.address.open().and_then(|target| target.promise(&layout));
        promise.map_err(|failure| Impossible(format!("`{}` {failure}", contestant.name)))?;
    }
    Ok(())
}

/// Runs the contestants in turn for a number of rounds. `run` gets the contestant and a note that names the round.
/// After `stop` was requested no further run begins, and the failure of a run that was stopped is dropped.
pub fn compare(
    contestants: &[Contestant],
    plan: &Plan,
    rounds: usize,
    stop: &Stop,
    mut run: impl FnMut(&Contestant, &str) -> Result<Outcome, Failure>,
) -> Comparison {
    let mut candidates: Vec<_> = contestants.iter().map(Candidate::new).collect();
    let turns = (1..=rounds).flat_map(|round| (0..contestants.len()).map(move |index| (round, index)));
    for (round, index) in turns {
        if stop.is_requested() {
            break;
        }
        let attempt = run(&contestants[index], &format!("round {round} of {rounds}"));
        if attempt.is_ok() || !stop.is_requested() {
            candidates[index].attempts.push(attempt);
        }
    }
    Comparison { plan: plan.clone(), rounds, candidates }
}

impl Comparison {
    /// The number of runs that have neither a result nor a failure, because the comparison was stopped.
    #[must_use]
    pub fn runs_left(&self) -> usize {
        self.candidates.iter().map(|candidate| self.rounds.saturating_sub(candidate.attempts.len())).sum()
    }
}

impl Candidate {
    fn new(contestant: &Contestant) -> Self {
        Self {
            name: contestant.name.clone(),
            address: contestant.address.to_string(),
            durability: contestant.durability.clone(),
            limit: contestant.address.is_limit(),
            attempts: Vec::new(),
        }
    }

    /// The outcomes, each with its round, counted from 1.
    pub fn outcomes(&self) -> impl Iterator<Item = (usize, &Outcome)> {
        self.attempts.iter().enumerate().filter_map(|(index, attempt)| Some((index + 1, attempt.as_ref().ok()?)))
    }

    /// The failures of runs that have no outcome, each with its round, counted from 1.
    pub fn failed(&self) -> impl Iterator<Item = (usize, &Failure)> {
        self.attempts.iter().enumerate().filter_map(|(index, attempt)| Some((index + 1, attempt.as_ref().err()?)))
    }
}

#[cfg(test)]
mod tests;

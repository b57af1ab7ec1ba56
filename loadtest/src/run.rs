//! One run: a target, a plan, an outcome.
//!
//! A run goes through phases: queues are made and connections opened; some work fills them; everything goes on unmeasured
//! (warm-up); it is measured; and what is still there is received and counted. Workers (`producer`, `consumer`) do the
//! same in all of them; this file decides when a phase is over, and `recorder` what belongs to the measured one.
//!
//! - Every wait ends: a target that answers nothing for the plan's timeout ends the run, with what it has done so far.
//! - A run that could make its queues and connections has an outcome, whatever goes wrong later.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use crate::live::Observer;
use crate::message::Clock;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::target::{Failure, Target};
use crate::targets::Address;

mod consumer;
mod pace;
mod phases;
mod producer;
mod recorder;
mod shared;
mod usage;
mod window;
mod workers;

use shared::Shared;

/// A target with its name in reports.
#[derive(Clone, Debug)]
pub struct Contestant {
    /// What reports call it.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// What the user says of its durability.
    pub durability: Option<String>,
}

/// Ends a run before its time; its outcome says what was done until then.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks the run to end.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Runs the plan against the contestant, on a runtime of its own; returns when it is over.
///
/// # Errors
///
/// If nothing could be measured: the target cannot do the work, cannot be reached, or refuses what is made beforehand.
/// What goes wrong later is in the outcome.
pub fn run(contestant: &Contestant, plan: &Plan, observer: &mut dyn Observer, stop: &Stop) -> Result<Outcome, Failure> {
    run_against(contestant.address.open()?, contestant, plan, observer, stop)
}

/// The same against a target that is open already; of the contestant's address only its text is used.
///
/// # Errors
///
/// As of [`run`].
pub fn run_against(
    target: Arc<dyn Target>,
    contestant: &Contestant,
    plan: &Plan,
    observer: &mut dyn Observer,
    stop: &Stop,
) -> Result<Outcome, Failure> {
    plan.check().map_err(|impossible| Failure::Unsupported(impossible.0))?;
    let run: u32 = rand::random();
    let promise = target.promise(&plan.layout(run))?;
    let started = SystemTime::now();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(plan.threads)
        .thread_name("loadtest")
        .enable_all()
        .build()
        .map_err(|error| Failure::Unsupported(format!("no runtime: {error}")))?;
    let shared = Arc::new(Shared::new(target, plan, promise, run, Clock::start()));
    let findings = runtime.block_on(phases::conduct(&shared, observer, stop));
    // Whatever still hangs in a client library's task is not waited for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    let findings = findings?;
    Ok(Outcome {
        name: contestant.name.clone(),
        address: contestant.address.to_string(),
        limit: contestant.address.is_limit(),
        durability: contestant.durability.clone(),
        plan: plan.clone(),
        started,
        series: findings.series,
        account: shared.ledger.account(findings.verification),
        overdue: shared.overdue.load(Ordering::Relaxed),
        promise,
        failures: shared.troubles.all(),
        ended_early: findings.ended_early,
        generator: findings.generator,
    })
}

//! One run: drives a target by a plan, and returns an outcome.
//!
//! A run goes through phases: it makes queues and opens connections, fills the queues (some kinds of work), warms up,
//! measures, and receives the messages that are left. Workers (`producer`, `consumer`) do the same in all phases.
//! `phases` decides when a phase ends, `recorder` which calls belong to the measured one.
//!
//! - Every wait ends. If no call of the target succeeds for the plan's timeout, the run ends early.
//! - Once queues and connections are made, the run returns an outcome. Later failures are in the outcome.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use crate::live::Observer;
use crate::message::Clock;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::target::{Failure, Target};
use crate::targets::Address;

mod between;
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
    /// Its name in reports.
    pub name: String,
    /// Its URL.
    pub address: Address,
    /// The user's label of its durability.
    pub durability: Option<String>,
}

/// Ends runs early. Clones share one request.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Makes the run end as soon as it can. Its outcome has the measurements until then.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`Self::request`] was called.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Runs the plan against the contestant, on a new runtime. Blocks until the run is over.
///
/// # Errors
///
/// The [`Failure`] that prevented a measurement: the target cannot do the work, cannot be reached, or refuses to make
/// the queues. Later failures are in the outcome.
pub fn run(contestant: &Contestant, plan: &Plan, observer: &mut dyn Observer, stop: &Stop) -> Result<Outcome, Failure> {
    run_against(contestant.address.open()?, contestant, plan, observer, stop)
}

/// Like [`run`], against a target that is open already. The contestant's address is only reported.
///
/// # Errors
///
/// Like [`run`].
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
    // Tasks of client libraries may hang. They are dropped after a second.
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

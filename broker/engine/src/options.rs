//! The limits and choices of the engine that an operator sets.

use std::sync::Arc;

use posthouse_model::Seconds;
use posthouse_model::limits::{IN_FLIGHT_MAX, PRODUCERS_MAX, PUBLICATION_DELIVERIES_MAX};
use posthouse_policy::IdentityPolicies;

use crate::budget::IndexOptions;
use crate::hash::Seed;
use crate::quota::Quotas;

/// The limits and choices of the engine.
#[derive(Clone, Debug)]
pub struct Options {
    /// Seeds the hashes of what clients choose. Random bytes, not kept.
    pub seed: Seed,
    /// How long after a `PurgeQueue` the next is refused; SQS's rule is 60 seconds, zero turns it off.
    pub purge_interval: Seconds,
    /// How long after a `DeleteQueue` its name cannot be taken again; SQS's rule is 60 seconds, zero turns it off.
    pub deleted_recently: Seconds,
    /// Messages of one queue that may be in flight at once.
    pub in_flight_max: usize,
    /// Receives that may wait at once, in all queues together.
    pub waiters_max: usize,
    /// How much each account may hold.
    pub quotas: Quotas,
    /// What users may do. Access is decided before events are emitted, so that a replay with other policies gives the
    /// same state.
    pub identities: Arc<IdentityPolicies>,
    /// Recipients up to which a publication is put into its queues at once. One with more goes to them in slices between
    /// other requests.
    pub deliveries_at_once_max: usize,
    /// Recipients that one event of a publication lists at most, at most [`PUBLICATION_DELIVERIES_MAX`].
    pub deliveries_per_event_max: usize,
    /// Native producers that one queue or topic remembers.
    pub producers_max: usize,
    /// Bytes that may be remembered of all native producers together. For more, those that were silent longest are
    /// forgotten before their time.
    pub producers_bytes_max: u64,
    /// Queues that one tick puts such publications into at most.
    pub deliveries_per_tick: usize,
    /// Subscriptions of deleted topics that one tick forgets at most. Each takes some microseconds.
    pub forgotten_per_tick: usize,
    /// Subscriptions of topics whose attributes have changed that one tick visits at most.
    pub visited_per_tick: usize,
    /// The memory of the lists of waiting messages.
    pub index: IndexOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: Seed::default(),
            purge_interval: Seconds::ZERO,
            deleted_recently: Seconds::ZERO,
            in_flight_max: IN_FLIGHT_MAX,
            waiters_max: 100_000,
            quotas: Quotas::default(),
            identities: Arc::default(),
            deliveries_at_once_max: 1000,
            deliveries_per_event_max: PUBLICATION_DELIVERIES_MAX,
            producers_max: PRODUCERS_MAX,
            producers_bytes_max: 64 * 1024 * 1024,
            deliveries_per_tick: 500,
            forgotten_per_tick: 250,
            visited_per_tick: 500,
            index: IndexOptions::default(),
        }
    }
}

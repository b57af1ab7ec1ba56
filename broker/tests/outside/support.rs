//! What all suites use: the broker as a process, a client that shares no code with it, and Python.
//!
//! No module here uses a crate of the broker, because a judge must not share code with what it judges. Signatures and
//! XML are those of `client/aws`, which the load test uses too. The frames of the native protocol are those of
//! `client/wire`, whose tests pin their bytes.

pub(crate) mod admin;
pub(crate) mod broker;
pub(crate) mod certificates;
pub(crate) mod client;
pub(crate) mod digest;
pub(crate) mod endpoint;
pub(crate) mod form;
pub(crate) mod http;
pub(crate) mod http2;
pub(crate) mod json_protocol;
pub(crate) mod mailbox;
pub(crate) mod native;
pub(crate) mod peer;
pub(crate) mod protocol;
pub(crate) mod proxy;
pub(crate) mod python;
pub(crate) mod query_protocol;
pub(crate) mod queue;
pub(crate) mod signature;
pub(crate) mod sns_query;
pub(crate) mod topic;

pub(crate) use broker::{Broker, Launch};
pub(crate) use client::{Client, Refusal};
pub(crate) use endpoint::Endpoint;
pub(crate) use native::Native;
pub(crate) use protocol::PROTOCOLS;
pub(crate) use queue::Queue;
pub(crate) use topic::{Subscription, Topic};

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The longest wait for an expected effect, far above what any takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A number that no other case of this run has.
pub(crate) fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Calls `ask` until it returns a value. Fails with `what` after [`PATIENCE`].
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "no answer after {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The seed of a case that makes random choices. It is printed, and taken from the variable `POSTHOUSE_TEST_SEED` if
/// that is set.
pub(crate) fn seed(case: &str) -> u64 {
    let given = std::env::var("POSTHOUSE_TEST_SEED").ok();
    let seed = given.map_or_else(rand::random, |text| text.parse().expect("POSTHOUSE_TEST_SEED is a number"));
    println!("{case}: POSTHOUSE_TEST_SEED={seed}");
    seed
}

/// Sleeps, for cases that need real time to pass. A case sleeps three seconds at most.
pub(crate) fn sleep_ms(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

//! Brokers that many cases share. Each is started at first use; `main` stops them after the last case.

use std::sync::{Arc, Mutex, PoisonError};

use crate::support::{Broker, Launch};

/// A broker that is started at most once.
pub(crate) struct Shared {
    launch: fn() -> Launch,
    /// `Some(None)` where the start failed.
    broker: Mutex<Option<Option<Arc<Broker>>>>,
}

impl Shared {
    const fn new(launch: fn() -> Launch) -> Self {
        Self { launch, broker: Mutex::new(None) }
    }

    /// The broker.
    pub(crate) fn get(&self) -> Arc<Broker> {
        let mut broker = self.broker.lock().unwrap_or_else(PoisonError::into_inner);
        let started =
            broker.get_or_insert_with(|| std::panic::catch_unwind(|| (self.launch)().start()).ok().map(Arc::new));
        Arc::clone(started.as_ref().expect("the shared broker starts; its output is printed above"))
    }

    fn stop(&self) {
        drop(self.broker.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// A broker without users.
pub(crate) static OPEN: Shared = Shared::new(|| Launch::new().configured("log = \"warn\""));

/// The access key of the user `alice` of [`USERS`], and its secret.
pub(crate) const ALICE: (&str, &str) = ("AKIDALICE", "alice's secret/+=");

/// A broker with two users of one account and one of another.
pub(crate) static USERS: Shared = Shared::new(|| {
    Launch::new()
        .user("alice", "111111111111", ALICE.0, ALICE.1)
        .user("anton", "111111111111", "AKIDANTON", "anton's secret")
        .user("bob", "222222222222", "AKIDBOB", "bob's secret")
});

/// A broker with limits and deadlines small enough for a test to reach.
pub(crate) static STRICT: Shared = Shared::new(|| {
    Launch::new().configured(
        "[limits]\nheader_bytes_max = 8192\nheader_seconds_max = 1\nbody_bytes_max = 2097152\nbody_seconds_max = 1",
    )
});

/// Stops the shared brokers that were started.
pub(crate) fn stop_all() {
    for shared in [&OPEN, &USERS, &STRICT] {
        shared.stop();
    }
}

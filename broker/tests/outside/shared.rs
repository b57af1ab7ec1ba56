//! Brokers that many cases share. Each is started at first use; `main` stops them after the last case.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use crate::support::peer::{Certificate, Through, Transport};
use crate::support::{Broker, Client, Launch};

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

/// The certificate of [`ENCRYPTED`] and its key.
static CERTIFICATE: LazyLock<Certificate> = LazyLock::new(Certificate::new);

/// A broker without users whose native listener has TLS and QUIC, and whose data directory is encrypted.
static ENCRYPTED: Shared = Shared::new(|| {
    let launch = Launch::new().file("keys.txt", KEY.to_owned()).flag("storage-encryption-key-file", "keys.txt");
    CERTIFICATE.configure(launch.configured("log = \"warn\""))
});

/// A key of encryption at rest.
const KEY: &str = "cG9zdGhvdXNlIGtleSBvZiB0ZXN0cyBudW1iZXIgMQA=";

/// What the native protocol is spoken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    Tcp,
    Tls,
    Quic,
}

impl Carrier {
    /// The name in the names of cases.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "native-tcp",
            Self::Tls => "native-tls",
            Self::Quic => "native-quic",
        }
    }

    /// The broker that speaks it.
    pub(crate) fn broker(self) -> Arc<Broker> {
        match self {
            Self::Tcp => OPEN.get(),
            Self::Tls | Self::Quic => ENCRYPTED.get(),
        }
    }

    /// The certificate to trust, as PEM; `None` without encryption.
    pub(crate) fn authority(self) -> Option<String> {
        match self {
            Self::Tcp => None,
            Self::Tls | Self::Quic => Some(CERTIFICATE.pem()),
        }
    }

    /// A caller over connections of its own.
    pub(crate) fn client(self, through: Through) -> Client {
        let transport = match self {
            Self::Tcp => Transport::Tcp,
            Self::Tls => Transport::Tls(CERTIFICATE.der()),
            Self::Quic => Transport::Quic(CERTIFICATE.der()),
        };
        self.broker().native_client(self.name(), transport, through)
    }
}

/// The access key of the user `alice` of [`USERS`], and its secret.
pub(crate) const ALICE: (&str, &str) = ("AKIDALICE", "alice's secret/+=");
/// Bob's access key and secret.
pub(crate) const BOB: (&str, &str) = ("AKIDBOB", "bob's secret");

/// A broker with two users of one account and one of another.
pub(crate) static USERS: Shared = Shared::new(|| {
    Launch::new()
        .user("alice", "111111111111", ALICE.0, ALICE.1)
        .user("anton", "111111111111", "AKIDANTON", "anton's secret")
        .user("bob", "222222222222", BOB.0, BOB.1)
});

/// A broker with limits and deadlines small enough for a test to reach.
pub(crate) static STRICT: Shared = Shared::new(|| {
    Launch::new().configured(
        "[limits]\nheader_bytes_max = 8192\nheader_seconds_max = 1\nbody_bytes_max = 2097152\nbody_seconds_max = 1",
    )
});

/// Stops the shared brokers that were started.
pub(crate) fn stop_all() {
    for shared in [&OPEN, &ENCRYPTED, &USERS, &STRICT] {
        shared.stop();
    }
}

//! The most memory that the broker takes, as it follows from the configuration.
//!
//! Each part has an owner that bounds it: a setting, or a constant of the module that holds the memory. A part whose setting
//! is off has no bound, and the whole has none either. `check-config` prints the parts; a test from the outside holds a
//! broker with small limits near all of them and compares.
//!
//! What is multiplied here is the most that one thing takes: a queue with the longest policy and all tags, a message in
//! flight that has a group of its own. Usual ones take a tenth and less.

use core::fmt;
use std::collections::BTreeSet;

use posthouse_engine::PARSED_FILTERS_BYTES_MAX;

use crate::answer_budget::OWN_BYTES;
use crate::configuration::{Configuration, Settings};
use crate::listener::admin;
use crate::listener::http::heads::STREAM_BYTES;
use crate::listener::http::room::OWN_BODY_BYTES;
use crate::listener::native::LINKS_OWN;
use crate::serve;
use crate::threads::Threads;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Code, constants, libraries, and what the runtime takes before the first client.
const PROGRAM_BYTES: u64 = 48 * MIB;
/// The part of a thread's stack that is ever used, and its caches of the allocator.
const THREAD_BYTES: u64 = 128 * KIB;
/// Threads for work that blocks (tokio's default), and those of core loop, disk and signing key.
const BLOCKING_THREADS: u64 = 512 + 16;
/// What unread answers hold, against what is counted of them: the longest records keep four times their length of the
/// log's memory in place, shorter ones are copied where readers hold more than the log's end.
const ANSWER_FACTOR: u64 = 4;
/// The log's end, as much again that readers hold of what it was, and as much that is just being read.
const TAIL_FACTOR: u64 = 3;
/// What was read from the disk, as much again that readers hold of what was dropped from there, and what is decrypted of
/// long records.
const READ_CACHE_FACTOR: u64 = 3;
/// A connection of the native protocol: the buffer that is read into, frames that are not answered with what is decoded of
/// them, answers and settlements under way, its task.
const NATIVE_CONNECTION_BYTES: u64 = (64 + 2 * 64 + 32 + 128 + 16) * KIB;
/// What QUIC takes for a connection: both windows, packets and their acknowledgements, TLS.
const QUIC_CONNECTION_BYTES: u64 = (2 * 64 + 64) * KIB;
/// What a QUIC connection keeps of what is under way, against its bytes: fragments that arrive out of order.
const QUIC_FACTOR: u64 = 2;
/// A link: its state, its place in the engine, the receive that stands there.
const LINK_BYTES: u64 = 4 * KIB;
/// A link over QUIC, whose stream is a session of its own with answers that are not read.
const QUIC_LINK_BYTES: u64 = 32 * KIB;
/// A connection's task, the frames and header tables of HTTP/2, and what is being written. The head that is read comes
/// on top.
const CONNECTION_BYTES: u64 = 64 * KIB;
/// What TLS holds of a connection: a record that is read, those that are not written yet, of which rustls keeps 64 KiB at most,
/// and the session.
const TLS_BYTES: u64 = (32 + 64 + 32) * KIB;
/// A body while it is collected (its buffer doubles as it grows), and then what is decoded of it.
const BODY_FACTOR: u64 = 3;
/// A frame of messages, and what is decoded of it.
const FRAME_FACTOR: u64 = 2;
/// A request in the inbox without its message, and its answer's place.
const REQUEST_BYTES: u64 = 2 * KIB;
/// A receive that waits: where it stands in line, its timer, and its connection's place for the answer.
const WAITER_BYTES: u64 = KIB;
/// The core loop: slices of checkpoints, the event that is being written and its copy, read buffers.
const CORE_BYTES: u64 = 96 * MIB;
/// A delivery: the message, its envelope, and what of it is being written.
const PUSH_FACTOR: u64 = 3;
/// A connection to an endpoint: the head of a response, TLS, and what is being written.
const PUSH_CONNECTION_BYTES: u64 = 128 * KIB;
/// A queue's or a topic's text in `/metrics`.
const METRICS_BYTES: u64 = 900;

/// A queue: 50 tags, a policy of 8 KiB as text and parsed, other attributes, its indices.
const QUEUE_BYTES: u64 = 160 * KIB;
/// A topic: 50 tags, a policy and a data protection policy of 30 KiB each as text, the former parsed too, attributes.
const TOPIC_BYTES: u64 = 320 * KIB;
/// A subscription without its filter policy: its endpoint, its policies, its internal queue, its place in the indices.
const SUBSCRIPTION_BYTES: u64 = 32 * KIB;
/// A message: touched, in a group of its own, with the error of a push.
const MESSAGE_BYTES: u64 = 2 * KIB;
/// A platform endpoint: its token and its user data.
const ENDPOINT_BYTES: u64 = 48 * KIB;
/// A receive attempt with its id. A deduplication id takes a fifth of it.
const FIFO_ID_BYTES: u64 = 640;

/// What the allocator holds besides what is in use, as a part of that: a fourth.
const ALLOCATOR_DIVISOR: u64 = 4;

/// One part of the memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is for.
    pub name: &'static str,
    /// The most bytes.
    pub bytes: Bound,
}

/// The most bytes of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// So many.
    Bytes(u64),
    /// There is no bound while this setting is off.
    Unless(&'static str),
}

/// The most memory that a broker of a configuration takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorstCase(Vec<Part>);

impl WorstCase {
    /// The worst case of a configuration on a machine with so many cores.
    #[must_use]
    pub fn of(configuration: &Configuration, cores: usize) -> Self {
        let settings = &configuration.settings;
        let mut parts = program(settings, cores);
        parts.extend(accounts(configuration));
        let known = parts.iter().map(|part| match part.bytes {
            Bound::Bytes(bytes) => bytes,
            Bound::Unless(_) => 0,
        });
        let allocator = known.fold(0, u64::saturating_add) / ALLOCATOR_DIVISOR;
        parts.push(Part { name: "the allocator's reserves", bytes: Bound::Bytes(allocator) });
        Self(parts)
    }

    /// The parts.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The sum. `None` if a part has no bound.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.0.iter().try_fold(0_u64, |sum, part| match part.bytes {
            Bound::Bytes(bytes) => Some(sum.saturating_add(bytes)),
            Bound::Unless(_) => None,
        })
    }
}

/// What the settings bound whatever clients store.
fn program(settings: &Settings, cores: usize) -> Vec<Part> {
    let Settings { storage, limits, push, native, .. } = settings;
    let Threads { shards, background } = Threads::of(settings, cores);
    let threads = u64::from(shards) + background as u64 + BLOCKING_THREADS;
    let connections = limits.connections_max.get();
    let header = limits.header_bytes_max.get();
    // HTTP/1.1 has one request at a time on each connection.
    let requests = connections + limits.streams_bytes_max.get() / STREAM_BYTES as u64;
    // The inbox has two lanes.
    let answers = requests.min(serve::REPLIES_PENDING_MAX as u64) + 2 * limits.inbox_length.get();
    let waiters = requests.min(serve::WAITERS_MAX as u64);
    let scrape = 2 * limits.metrics_queues_max.get() * METRICS_BYTES;
    let tls = if settings.api_tls().is_some() { TLS_BYTES } else { 0 };
    let http_connection = CONNECTION_BYTES + BODY_FACTOR * OWN_BODY_BYTES + header + tls;
    let Listener { connection: native_connection, link, quic_bytes } = Listener::of(settings);
    let links = connections * LINKS_OWN as u64 + native.all_links_max.get();
    [
        ("the program and its threads", PROGRAM_BYTES + threads * THREAD_BYTES),
        // One is of HTTP or of the native protocol.
        ("connections", connections * (http_connection.max(native_connection) + u64::from(OWN_BYTES))),
        ("links of the native protocol", links * link),
        ("buffers of QUIC", QUIC_FACTOR * quic_bytes),
        ("requests over HTTP/2", limits.streams_bytes_max.get()),
        ("requests' bodies", BODY_FACTOR * limits.bodies_bytes_max.get()),
        ("frames of the native protocol", FRAME_FACTOR * native.received_bytes_max.get()),
        ("answers", ANSWER_FACTOR * limits.answers_bytes_max.get()),
        ("requests and receives that wait", answers * REQUEST_BYTES + waiters * WAITER_BYTES),
        ("the log's end", TAIL_FACTOR * storage.tail_bytes.get() + storage.unsynced_bytes_max.get() + CORE_BYTES),
        ("what is read from the disk", READ_CACHE_FACTOR * storage.read_cache_bytes_max.get()),
        ("push delivery", PUSH_FACTOR * push.memory_bytes_max.get()),
        ("connections of push delivery", push.connections_max.get() * PUSH_CONNECTION_BYTES),
        ("filter policies that are being set", PARSED_FILTERS_BYTES_MAX),
        ("signatures", limits.signatures_bytes_max.get()),
        ("what is remembered of native producers", limits.producers_bytes_max.get()),
        ("texts of /metrics", admin::CONNECTIONS_MAX as u64 * scrape),
    ]
    .map(|(name, bytes)| Part { name, bytes: Bound::Bytes(bytes) })
    .into()
}

/// What the listener of the native protocol takes: nothing if there is none.
#[derive(Default)]
struct Listener {
    /// For each connection.
    connection: u64,
    /// For each link.
    link: u64,
    /// For all connections over QUIC.
    quic_bytes: u64,
}

impl Listener {
    fn of(settings: &Settings) -> Self {
        let has_quic = settings.native_tls.certificate.as_deref().is_some();
        match (settings.native.listen.get(), has_quic) {
            (None, _) => Self::default(),
            (Some(_), false) => Self { connection: NATIVE_CONNECTION_BYTES, link: LINK_BYTES, quic_bytes: 0 },
            (Some(_), true) => Self {
                connection: NATIVE_CONNECTION_BYTES + QUIC_CONNECTION_BYTES,
                link: QUIC_LINK_BYTES,
                quic_bytes: settings.native.quic_bytes_max.get(),
            },
        }
    }
}

/// What the quotas bound.
fn accounts(configuration: &Configuration) -> Vec<Part> {
    let settings = &configuration.settings;
    let quotas = &settings.quotas;
    let accounts = configuration.users.iter().map(|user| user.account).collect::<BTreeSet<_>>().len() as u64;
    // Without users any client may name any account.
    let all = |name, setting, each: u64, number: u64| {
        let bytes = match (number, accounts) {
            (0, _) => Bound::Unless(setting),
            (_, 0) => Bound::Unless("users"),
            (number, accounts) => Bound::Bytes(number.saturating_mul(each).saturating_mul(accounts)),
        };
        Part { name, bytes }
    };
    let (queues, topics, subscriptions) = (quotas.queues.get(), quotas.topics.get(), quotas.subscriptions.get());
    // Each FIFO topic remembers ids, and puts them into the FIFO queues that are subscribed to it.
    let remembering =
        if queues == 0 || topics == 0 || subscriptions == 0 { 0 } else { queues + topics + subscriptions };
    vec![
        all("queues", "quotas.queues", QUEUE_BYTES, queues),
        all("topics", "quotas.topics", TOPIC_BYTES, topics),
        all("subscriptions", "quotas.subscriptions", SUBSCRIPTION_BYTES, subscriptions),
        // They are counted by the memory that they take.
        all("filter policies", "limits.account_filter_bytes_max", 1, settings.limits.account_filter_bytes_max.get()),
        all("messages", "quotas.messages", MESSAGE_BYTES, quotas.messages.get()),
        all("endpoints and phone numbers", "quotas.endpoints", ENDPOINT_BYTES, quotas.endpoints.get()),
        all(
            "what FIFO queues remember",
            "quotas.fifo_ids",
            FIFO_ID_BYTES,
            quotas.fifo_ids.get().saturating_mul(remembering),
        ),
    ]
}

/// One line for each part, in MiB, and the sum.
impl fmt::Display for WorstCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "memory at most:")?;
        for Part { name, bytes } in &self.0 {
            match bytes {
                Bound::Bytes(bytes) => writeln!(f, "  {} MiB  {name}", bytes.div_ceil(MIB))?,
                Bound::Unless(setting) => writeln!(f, "  no bound without {setting}: {name}")?,
            }
        }
        match self.total() {
            Some(bytes) => write!(f, "  {} MiB  together", bytes.div_ceil(MIB)),
            None => f.write_str("  no bound together"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;

    const GIB: u64 = 1024 * MIB;

    fn worst(source: &str) -> WorstCase {
        let path = Some(Path::new("posthouse.toml"));
        let configuration = Configuration::from_parts(path, source, &BTreeMap::new(), &|_| None).expect("valid");
        WorstCase::of(&configuration, 2)
    }

    const QUOTAS: &str = "[quotas]\nqueues = 10\ntopics = 10\nsubscriptions = 10\nmessages = 1000\nendpoints = 10\n\
                          fifo_ids = 10\n";
    const USERS: &str = "[[users]]\nname = 'a'\naccount = '111111111111'\naccess_key_id = 'AKIDA'\n\
                         secret_access_key = 's'\n[[users]]\nname = 'b'\naccount = '222222222222'\n\
                         access_key_id = 'AKIDB'\nsecret_access_key = 's'\n";

    #[test]
    fn without_a_quota_or_without_users_there_is_no_bound() {
        assert_eq!(worst("").total(), None);
        assert_eq!(worst(QUOTAS).total(), None);
        assert_eq!(worst(USERS).total(), None);
        let text = worst(&format!("{QUOTAS}{USERS}").replace("messages = 1000\n", "")).to_string();
        assert!(text.contains("no bound without quotas.messages: messages") && text.contains("no bound together"));
    }

    #[test]
    fn every_setting_that_bounds_memory_counts() {
        let with = |quotas: &str, rest: &str| worst(&format!("{quotas}{rest}{USERS}")).total().expect("bounded");
        let least = with(QUOTAS, "");
        for name in ["queues = 10", "topics = 10", "subscriptions = 10", "messages = 1000", "endpoints = 10"] {
            let more = QUOTAS.replacen(name, &format!("{name}0"), 1);
            assert!(with(&more, "") > least, "{name}");
        }
        for (section, setting) in [
            ("limits", "connections_max = 20000"),
            ("limits", "streams_bytes_max = 536870912"),
            ("limits", "bodies_bytes_max = 536870912"),
            ("limits", "inbox_length = 16384"),
            ("limits", "answers_bytes_max = 536870912"),
            ("limits", "signatures_bytes_max = 134217728"),
            ("limits", "producers_bytes_max = 134217728"),
            ("limits", "metrics_queues_max = 20000"),
            ("limits", "account_filter_bytes_max = 1073741824"),
            ("native", "received_bytes_max = 536870912"),
            ("native", "all_links_max = 100000"),
            ("native.tls", "certificate = '/c.pem'\nkey = '/k.pem'"),
            ("storage", "tail_bytes = 33554432"),
            ("storage", "unsynced_bytes_max = 134217728"),
            ("push", "memory_bytes_max = 536870912"),
            ("push", "connections_max = 8192"),
        ] {
            assert!(with(QUOTAS, &format!("[{section}]\n{setting}\n")) > least, "{setting}");
        }
        let quic = |bytes: u64| {
            let tls = "[native.tls]\ncertificate = '/c.pem'\nkey = '/k.pem'\n";
            with(QUOTAS, &format!("[native]\nquic_bytes_max = {bytes}\n{tls}"))
        };
        assert_eq!(quic(2 * GIB) - quic(GIB), QUIC_FACTOR * (GIB + GIB / ALLOCATOR_DIVISOR));
    }
}

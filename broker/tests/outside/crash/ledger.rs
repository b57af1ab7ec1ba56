//! What the workers know of each message: whether a send and a delete were tried, and whether they were acknowledged.
//!
//! An operation that was tried and not acknowledged may or may not have happened. Everything else is certain, and is
//! checked at each receive.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// A message's name: its lane (a worker, or a worker's group) and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub lane: u64,
    pub number: u64,
}

/// The progress of a send or a delete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    #[default]
    None,
    Tried,
    Acknowledged,
}

#[derive(Clone, Debug, Default)]
struct Entry {
    sent: Step,
    deleted: Step,
    /// When the delete was acknowledged, on the ledger's clock.
    deleted_at: u64,
    id: Option<String>,
}

/// The entries of one queue.
pub(crate) struct Ledger {
    queue: &'static str,
    entries: Mutex<BTreeMap<Name, Entry>>,
    /// Counts acknowledged deletes.
    clock: AtomicU64,
}

impl Name {
    /// The body of the message: its name, then text whose length and content follow from the name.
    pub(crate) fn body(self) -> String {
        let Self { lane, number } = self;
        let mut state = lane.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number.wrapping_mul(0xD1B5_4A32_D192_ED03);
        let mut text = format!("{lane}:{number}:");
        let length = text.len() + usize::try_from(state % 3000).expect("small");
        while text.len() < length {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(&format!("{state:016x} \"é\" "));
        }
        text
    }

    /// The name in a body. Panics if the body is not whole.
    #[track_caller]
    pub(crate) fn of(body: &str) -> Self {
        let mut parts = body.split(':');
        let mut part = || parts.next().and_then(|part| part.parse().ok());
        let name = part().zip(part()).map(|(lane, number)| Self { lane, number });
        let name = name.unwrap_or_else(|| panic!("a body that no worker sent: {body:?}"));
        assert!(name.body() == body, "the body of {name:?} is damaged: {body:?}");
        name
    }

    pub(crate) fn deduplication_id(self) -> String {
        format!("{}-{}", self.lane, self.number)
    }
}

impl Ledger {
    pub(crate) fn new(queue: &'static str) -> Self {
        Self { queue, entries: Mutex::default(), clock: AtomicU64::new(0) }
    }

    fn change<T>(&self, name: Name, change: impl FnOnce(&mut Entry) -> T) -> T {
        let mut entries = self.entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        change(entries.entry(name).or_default())
    }

    pub(crate) fn try_send(&self, name: Name) {
        self.change(name, |entry| entry.sent = entry.sent.max(Step::Tried));
    }

    /// Notes that a send was acknowledged with this message id. A repeated send must get the same id.
    #[track_caller]
    pub(crate) fn acknowledge_send(&self, name: Name, id: &str, repeatable: bool) {
        self.change(name, |entry| {
            entry.sent = Step::Acknowledged;
            let known = entry.id.get_or_insert_with(|| id.to_owned());
            assert!(!repeatable || known == id, "{name:?} was sent as {known} and again as {id}");
        });
    }

    pub(crate) fn try_delete(&self, name: Name) {
        self.change(name, |entry| entry.deleted = entry.deleted.max(Step::Tried));
    }

    pub(crate) fn acknowledge_delete(&self, name: Name) {
        let now = self.clock.fetch_add(1, Ordering::SeqCst);
        self.change(name, |entry| (entry.deleted, entry.deleted_at) = (Step::Acknowledged, now));
    }

    /// The ledger's clock, to be read before a receive.
    pub(crate) fn now(&self) -> u64 {
        self.clock.load(Ordering::SeqCst)
    }

    /// Notes a message received by a call that started at `start`. Fails if its delete was acknowledged before then.
    #[track_caller]
    pub(crate) fn received(&self, name: Name, id: &str, start: u64) {
        self.change(name, |entry| {
            let deleted_before = entry.deleted == Step::Acknowledged && entry.deleted_at < start;
            assert!(!deleted_before, "{} gave {name:?} again after its delete was acknowledged", self.queue);
            assert!(entry.sent > Step::None, "{} gave {name:?}, which no worker sent", self.queue);
            let known = entry.id.get_or_insert_with(|| id.to_owned());
            assert_eq!(known, id, "{} gave {name:?} under another id", self.queue);
        });
    }

    /// Notes a message of a FIFO group, received after the messages `with` of the same receive. Fails if an earlier
    /// message of the group is left.
    #[track_caller]
    pub(crate) fn received_in_order(&self, name: Name, with: &[Name]) {
        let entries = self.entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let first = Name { number: 0, ..name };
        for (earlier, entry) in entries.range(first..name) {
            let passed = entry.deleted > Step::None || with.contains(earlier);
            assert!(passed, "{} gave {name:?} before {earlier:?}: {entry:?}", self.queue);
        }
    }

    pub(crate) fn deleted(&self) -> usize {
        let entries = self.entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        entries.values().filter(|entry| entry.deleted == Step::Acknowledged).count()
    }

    /// Checks that the broker's count of messages is between the least and the most possible.
    #[track_caller]
    pub(crate) fn check_count(&self, count: u64, round: u64) {
        let entries = self.entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let certain = |entry: &&Entry| entry.sent == Step::Acknowledged && entry.deleted == Step::None;
        let possible = |entry: &&Entry| entry.sent > Step::None && entry.deleted < Step::Acknowledged;
        let fewest = entries.values().filter(certain).count() as u64;
        let most = entries.values().filter(possible).count() as u64;
        assert!(
            (fewest..=most).contains(&count),
            "{} after round {round}: {count} messages, of {fewest} to {most}",
            self.queue
        );
    }

    /// Fails if a message is left whose send was acknowledged and whose delete was never tried.
    #[track_caller]
    pub(crate) fn check_all_paid(&self) {
        let entries = self.entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let lost: Vec<_> = entries
            .iter()
            .filter(|(_, entry)| entry.sent == Step::Acknowledged && entry.deleted == Step::None)
            .collect();
        assert!(
            lost.is_empty(),
            "{} lost {} acknowledged messages: {:?}",
            self.queue,
            lost.len(),
            &lost[..lost.len().min(5)]
        );
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let count = |test: fn(&Entry) -> bool| entries.values().filter(|entry| test(entry)).count();
        write!(
            f,
            "{}: {} sent, {} of them acknowledged, {} deletes acknowledged",
            self.queue,
            entries.len(),
            count(|entry| entry.sent == Step::Acknowledged),
            count(|entry| entry.deleted == Step::Acknowledged)
        )
    }
}

//! The engine's journal, kept in the log.

use posthouse_disk::Disk;
use posthouse_engine::{BodyRef, Journal, Position, References};
use posthouse_log::{Log, Reader, Recovery};
use posthouse_model::QueueId;

/// The log as the engine sees it.
pub(crate) struct LogJournal<'a, D: Disk>(pub(crate) &'a mut Log<D>);

impl<D: Disk> Journal for LogJournal<'_, D> {
    fn append(&mut self, kind: u8, parts: &[&[u8]]) -> Position {
        from_log(self.0.append(kind, parts))
    }

    fn region_end(&self, position: Position) -> Position {
        from_log(self.0.region_end(to_log(position)))
    }

    fn retain_many(&mut self, region: Position, references: References) {
        self.0.retain(to_log(region), counted(references));
    }

    fn release_many(&mut self, region: Position, references: References) {
        self.0.release(to_log(region), counted(references));
    }

    fn retain(&mut self, body: BodyRef) {
        self.0.retain_record(to_log(body.position), body.length);
    }

    fn release(&mut self, body: BodyRef) {
        self.0.release_record(to_log(body.position), body.length);
    }

    fn release_page(&mut self, record: BodyRef) {
        self.0.hold_for_replay(to_log(record.position));
        self.release(record);
    }
}

/// The log in recovery, as the engine sees it while it replays. References are counted; nothing is appended.
pub(crate) struct ReplayJournal<'a, D: Disk>(pub(crate) &'a mut Recovery<D>);

impl<D: Disk> Journal for ReplayJournal<'_, D> {
    fn append(&mut self, _: u8, _: &[&[u8]]) -> Position {
        unreachable!("replay makes no events")
    }

    fn region_end(&self, position: Position) -> Position {
        from_log(self.0.region_end(to_log(position)))
    }

    fn retain_many(&mut self, region: Position, references: References) {
        self.0.retain(to_log(region), counted(references));
    }

    fn release_many(&mut self, region: Position, references: References) {
        self.0.release(to_log(region), counted(references));
    }

    fn release_page(&mut self, record: BodyRef) {
        self.0.hold_for_replay(to_log(record.position));
        self.release(record);
    }
}

/// The engine's position of a record that the log knows. The two are the same number. Each crate has its own type, so
/// that neither depends on the other.
pub(crate) const fn from_log(position: posthouse_log::Position) -> Position {
    Position::new(position.get())
}

/// The log's count of references that the engine counts.
const fn counted(references: References) -> posthouse_log::References {
    posthouse_log::References { count: references.count, bytes: references.bytes }
}

/// The log's position of a record that the engine knows.
pub(crate) const fn to_log(position: Position) -> posthouse_log::Position {
    posthouse_log::Position::new(position.get())
}

/// The search for damaged messages, as a reader of the log. The numbers of queues are below.
pub(crate) const DAMAGE_SEARCH: Reader = Reader::new(1 << 32);

/// Compaction, as a reader of the log.
pub(crate) const COMPACTION: Reader = Reader::new(1 << 34);

/// The receives of a queue, as a reader of the log.
pub(crate) fn receives_of(queue: QueueId) -> Reader {
    Reader::new(queue.get().into())
}

/// The pages of a queue, as a reader of the log: they do not lie where the bodies of its messages do.
pub(crate) fn pages_of(queue: QueueId) -> Reader {
    Reader::new(1 << 33 | u64::from(queue.get()))
}

/// The looks at the messages of a queue, as a reader of the log of their own: receives of the queue have turns besides.
pub(crate) fn looks_at(queue: QueueId) -> Reader {
    Reader::new(1 << 34 | u64::from(queue.get()))
}

/// The pages that looks at a queue bring, as a reader of the log.
pub(crate) fn looks_at_pages_of(queue: QueueId) -> Reader {
    Reader::new(1 << 34 | 1 << 33 | u64::from(queue.get()))
}

//! A journal in memory with the log's arithmetic of positions. It counts the references to each body.

use std::collections::BTreeMap;

use bytes::Bytes;
use posthouse_engine::{Journal, Position};

/// One event, encoded.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) position: Position,
    pub(crate) kind: u8,
    pub(crate) payload: Bytes,
}

/// The journal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) records: Vec<Record>,
    /// The number of references by body. A body without references has no entry.
    pub(crate) references: BTreeMap<Position, u64>,
    end: u64,
}

impl Memory {
    /// The position of the first record of a log.
    const FIRST: u64 = 4096;

    /// A journal with these records and no references yet.
    pub(crate) fn holding(records: Vec<Record>) -> Self {
        Self { records, ..Self::default() }
    }

    /// Skips the positions that another journal has given.
    pub(crate) fn go_on_after(&mut self, other: &Self) {
        self.end = other.end;
    }

    pub(crate) fn payload(&self, position: Position) -> Bytes {
        let index =
            self.records.binary_search_by_key(&position, |record| record.position).expect("a record's position");
        self.records[index].payload.clone()
    }
}

impl Journal for Memory {
    fn append(&mut self, kind: u8, parts: &[&[u8]]) -> Position {
        let payload: Bytes = parts.concat().into();
        let position = Position::new(self.end.max(Self::FIRST));
        self.end = position.get() + 8 + (payload.len() as u64).next_multiple_of(8);
        self.records.push(Record { position, kind, payload });
        position
    }

    fn retain(&mut self, body: Position) {
        *self.references.entry(body).or_default() += 1;
    }

    fn release(&mut self, body: Position) {
        let references = self.references.get_mut(&body).expect("a body that is released was retained");
        *references -= 1;
        if *references == 0 {
            self.references.remove(&body);
        }
    }
}

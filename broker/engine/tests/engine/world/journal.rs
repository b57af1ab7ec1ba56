//! A journal in memory with the log's arithmetic of positions. It counts the references to bodies by region.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use posthouse_engine::{BodyRef, Journal, Position, References};

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
    /// The references by the end of the region. A region without references has no entry.
    pub(crate) references: BTreeMap<Position, References>,
    /// The records to which references came one by one.
    pub(crate) noted: BTreeSet<Position>,
    end: u64,
}

impl Memory {
    /// The position of the first record of a log.
    const FIRST: u64 = 4096;
    /// The length of a region in bytes: a few messages.
    const REGION_BYTES: u64 = 1024;

    /// A journal with these records and no references yet.
    pub(crate) fn holding(records: Vec<Record>) -> Self {
        Self { records, ..Self::default() }
    }

    /// Skips the positions that another journal has given.
    pub(crate) fn go_on_after(&mut self, other: &Self) {
        self.end = other.end;
    }

    /// The positions of the records that may be referred to: those in regions with references.
    pub(crate) fn referred(&self) -> Vec<Position> {
        let positions = self.records.iter().map(|record| record.position);
        positions.filter(|position| self.references.contains_key(&self.region_end(*position))).collect()
    }

    pub(crate) fn payload(&self, position: Position) -> Bytes {
        self.find(position).expect("a record's position")
    }

    /// The payload of the record at a position. `None` if there is none.
    pub(crate) fn find(&self, position: Position) -> Option<Bytes> {
        let index = self.records.binary_search_by_key(&position, |record| record.position).ok()?;
        Some(self.records[index].payload.clone())
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

    fn region_end(&self, position: Position) -> Position {
        Position::new((position.get() / Self::REGION_BYTES + 1) * Self::REGION_BYTES)
    }

    fn retain(&mut self, body: BodyRef) {
        self.noted.insert(body.position);
        self.retain_many(body.position, References::one(body));
    }

    fn retain_many(&mut self, region: Position, references: References) {
        let kept = self.references.entry(self.region_end(region)).or_default();
        kept.count += references.count;
        kept.bytes += references.bytes;
    }

    fn release_many(&mut self, region: Position, references: References) {
        let end = self.region_end(region);
        let kept = self.references.get_mut(&end).expect("what is released was retained");
        kept.count = kept.count.checked_sub(references.count).expect("each reference is released once");
        kept.bytes = kept.bytes.checked_sub(references.bytes).expect("a reference is released with its length");
        if kept.count == 0 {
            assert_eq!(kept.bytes, 0, "bytes without references");
            self.references.remove(&end);
        }
    }
}

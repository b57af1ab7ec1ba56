//! Snapshots: which files, and which bytes of them, are the log as of one position.
//!
//! A snapshot is taken at the durable end. What lies before that end does not change any more, so another thread can copy
//! the files while the log goes on. The log keeps each segment of the snapshot until its copy is made.
//!
//! # Invariants
//!
//! * The files of a snapshot are a whole log: a start on copies of them replays up to the position of the snapshot, and
//!   finds every live record.
//! * A segment of a snapshot is not reclaimed before [`Log::copied`].

use bytes::Bytes;
use posthouse_disk::Disk;

use super::Log;
use crate::{
    Position,
    header::{Closing, SUPERBLOCK_NAME, Superblock, segment_name},
    position::BLOCK,
    segments::{Segment, SegmentState},
};

/// The log as of one position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// The identity of the log.
    pub identity: [u8; 16],
    /// Its end: everything before it is durable and belongs to the snapshot.
    pub position: Position,
    /// Where the replay of a copy starts.
    pub replay_start: Position,
    /// The segments in the order of positions.
    pub segments: Vec<SnapshotSegment>,
    /// The name of the superblock. It is written last: a directory without it does not start.
    pub superblock_name: &'static str,
    /// The bytes of the superblock of a copy.
    pub superblock: Bytes,
}

/// A segment of a snapshot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SnapshotSegment {
    /// The position of its first record, by which [`Log::copied`] knows it.
    pub first: Position,
    /// The name of its file.
    pub name: String,
    /// The length of its file in bytes.
    pub length: u64,
    /// How much of it belongs to the snapshot.
    pub extent: Extent,
}

/// How much of a segment belongs to a snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extent {
    /// All of it: it is closed, and its file does not change any more.
    Whole,
    /// Its first bytes. The copy has zeros behind them. The log goes on behind these bytes, in the same file.
    First(u64),
}

impl Snapshot {
    /// The log as of a position, which lies within these segments. All records before it are durable, and the references
    /// that the segments count are those as of there or later ones.
    pub(crate) fn of<'a>(
        segments: impl Iterator<Item = &'a Segment>,
        current: &Superblock,
        position: Position,
    ) -> Self {
        let belongs = |segment: &&Segment| {
            segment.is_needed(current.replay_start) && segment.first <= position && segment.state == SegmentState::Ready
        };
        let taken = |segment: &Segment| SnapshotSegment {
            first: segment.first,
            name: segment_name(segment.first),
            length: segment.length,
            extent: if segment.end() <= position { Extent::Whole } else { Extent::First(segment.offset_of(position)) },
        };
        Self {
            identity: current.identity,
            position,
            replay_start: current.replay_start,
            segments: segments.filter(belongs).map(taken).collect(),
            superblock_name: SUPERBLOCK_NAME,
            superblock: superblock_of_copy(*current, position),
        }
    }
}

impl<D: Disk> Log<D> {
    /// Takes a snapshot as of the durable end. Its segments stay until [`Log::copied`] is called once for each.
    pub fn snapshot(&mut self) -> Snapshot {
        let snapshot = Snapshot::of(self.segments.iter(), self.superblock.current(), self.durable());
        for SnapshotSegment { first, .. } in &snapshot.segments {
            self.segments.starting(*first).expect("just listed").snapshots += 1;
        }
        snapshot
    }

    /// Notes that the copy of this segment of a snapshot is made, or given up.
    ///
    /// # Panics
    ///
    /// If the segment belongs to no snapshot, or this was called before.
    pub fn copied(&mut self, first: Position) {
        let segment = self.segments.starting(first).expect("a segment of a snapshot stays");
        segment.snapshots = segment.snapshots.checked_sub(1).expect("each segment is copied once");
        if segment.snapshots == 0 && !segment.holds_live() {
            self.reclaim(first);
        }
    }
}

/// The superblock of a copy that ends at `position`: both slots, so that none looks damaged. It says that the log was closed
/// there, so that a copy whose last bytes are damaged is refused.
fn superblock_of_copy(current: Superblock, position: Position) -> Bytes {
    let closed = |sequence| Superblock { sequence, durable: position, closing: Closing::Clean, ..current };
    let mut bytes = vec![0; usize::try_from(2 * BLOCK).expect("two blocks")];
    for slot in [closed(current.sequence + 1), closed(current.sequence + 2)] {
        let at = usize::try_from(slot.offset()).expect("within two blocks");
        let block = slot.encode();
        bytes[at..at + block.len()].copy_from_slice(&block);
    }
    bytes.into()
}

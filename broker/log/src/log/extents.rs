//! The blocks that were read from the disk, and those that are to be read: a cache of bounded size.
//!
//! An [`Extent`] is a range of whole blocks of one segment that one read brings.
//!
//! ```text
//! Planned --(submitted)--> Reading --(completed)--> Ready --> dropped for others
//! ```
//!
//! A planned extent grows while records right behind it are asked for, so that adjacent records are one read. All that
//! ask for a record in an extent before it is ready wait for the one read. An extent that goes on where another one
//! ended has twice its window, so that a reader that reads on soon reads large blocks.
//!
//! Extents may overlap: a record lies in one extent as a whole, so that it is a slice of it, and the first block of an
//! extent may be the last one of another.
//!
//! Invariants: `bytes` is the sum of the lengths of the extents that are being read or ready; `unused_ahead` is that of
//! the extents read ahead that no record was asked from; `clock` lists each extent that is ready once. The bytes of the
//! log never change at a position, so what is here is never out of date. `Extents::check` looks at them.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;

use super::cold_read::{ExtentId, ReadId, Reader};
use crate::{Position, position::BLOCK, record::HEADER_BYTES};

/// Two records this far apart, in bytes, are read together: on every medium that takes less time than another read.
pub(super) const NEAR_BYTES: u64 = 64 * 1024;
/// A record goes on where an extent ended if it lies at most four times the extent's length behind it, within these
/// bounds: then a fifth of what is read, or more, is of use.
const GAP_BYTES_MIN: u64 = NEAR_BYTES;
const GAP_BYTES_MAX: u64 = 256 * 1024;
/// The first window of a reader that reads on.
const WINDOW_BYTES_MIN: u64 = 64 * 1024;
/// The longest extent, but for a single longer record. A hard disk needs some 8 ms to get to a place and 5 ms to read
/// 1 MiB; a solid-state disk is at its full rate.
const EXTENT_BYTES_MAX: u64 = 1024 * 1024;
/// The part of the cache that one extent takes at most, so that there is room for several readers.
const EXTENTS_MIN: u64 = 8;
/// Records from this length on are checked once for all that read them: the queues of a publication read the same one.
const CHECKED_ONCE_BYTES_MIN: usize = 16 * 1024;
/// Extents that begin before a record and are looked at to find the one that holds it.
const LOOKED_AT_MAX: usize = 8;

/// Blocks of one segment.
#[derive(Debug)]
pub(super) struct Extent {
    /// The first position of the segment.
    pub(super) segment: Position,
    /// The position behind the last block.
    pub(super) end: Position,
    /// For whom it is read.
    pub(super) reader: Reader,
    /// The position of a record in it.
    pub(super) record: Position,
    pub(super) state: State,
    pub(super) waiters: Vec<Waiter>,
    /// Whether the blocks behind it are read ahead once it is ready.
    pub(super) goes_on: bool,
    /// The bytes that its reader was expected to need when it was planned; zero if only the record was.
    window: u64,
    cause: Cause,
    /// Whether it was planned ahead, and no record in it was asked for yet.
    is_unused_ahead: bool,
    /// Whether its read waits among those that are asked for, wherever else it waits.
    is_asked: bool,
    /// Whether a record was asked for since the clock last passed.
    is_recent: bool,
    /// Payloads of long records that were checked.
    checked: Vec<Checked>,
}

/// A record that was checked, and decrypted if it is stored encrypted.
#[derive(Debug)]
struct Checked {
    position: Position,
    /// The length of the payload as it is stored.
    length: usize,
    payload: Bytes,
}

impl Extent {
    /// Whether its read is not submitted yet.
    pub(super) fn is_planned(&self) -> bool {
        matches!(self.state, State::Planned)
    }

    /// Whether its read waits only among those ahead.
    pub(super) fn is_only_ahead(&self) -> bool {
        !self.is_asked
    }

    /// Notes that its read waits among those that are asked for. Returns false if it did so already.
    pub(super) fn goes_with_asked(&mut self) -> bool {
        !std::mem::replace(&mut self.is_asked, true)
    }

    /// The payload of a long record in it that was checked before. `length` is the stored one.
    pub(super) fn checked(&self, position: Position, length: usize) -> Option<Bytes> {
        let mut checked = self.checked.iter();
        checked.find(|checked| (checked.position, checked.length) == (position, length)).map(|it| it.payload.clone())
    }

    /// Remembers that a record is valid, if it is long. `length` is the stored one.
    pub(super) fn remember(&mut self, position: Position, length: usize, payload: &Bytes) {
        if length >= CHECKED_ONCE_BYTES_MIN {
            self.checked.push(Checked { position, length, payload: payload.clone() });
        }
    }
}

/// How far an extent is.
#[derive(Debug)]
pub(super) enum State {
    Planned,
    Reading,
    Ready(Bytes),
}

/// A record that is asked for, in an extent that is not ready.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiter {
    pub(super) id: ReadId,
    pub(super) position: Position,
    /// The length of the payload as it is stored.
    pub(super) length: usize,
}

impl Waiter {
    /// The position behind the payload.
    pub(super) fn end(self) -> Position {
        self.position.plus((HEADER_BYTES + self.length) as u64)
    }
}

/// An extent to be planned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// The first position of the segment.
    pub(super) segment: Position,
    /// The record that it is read for.
    pub(super) record: Position,
    /// The position behind what has to be read.
    pub(super) needed: Position,
    /// The position of the first block that must not be read.
    pub(super) limit: Position,
    pub(super) reader: Reader,
    pub(super) window: u64,
    pub(super) cause: Cause,
}

/// Why an extent is planned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cause {
    /// A record in it is asked for.
    Asked,
    /// Records in it will be asked for, if the reader reads on.
    Ahead,
}

/// All extents.
#[derive(Debug)]
pub(super) struct Extents {
    extents: BTreeMap<ExtentId, Extent>,
    /// The extents that are ready, in the order in which they are looked at for removal.
    clock: VecDeque<ExtentId>,
    next_serial: u64,
    bytes: u64,
    bytes_max: u64,
    unused_ahead: u64,
    /// The bytes of extents that were read ahead.
    read_ahead: u64,
    /// The bytes of extents that were read ahead and dropped unused.
    dropped_unused: u64,
    /// The bytes of all blocks that are in memory, those included that only readers of records hold.
    held: Arc<AtomicUsize>,
    /// The bytes of the blocks that are in memory and belong to extents.
    ready: u64,
}

/// Blocks that are counted as long as they are in memory.
struct Held {
    blocks: Bytes,
    count: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.blocks
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.count.fetch_sub(self.blocks.len(), Ordering::Relaxed);
    }
}

impl Extents {
    /// No extents. Those that are being read or ready take at most `bytes_max` bytes, or are a single longer one.
    pub(super) fn new(bytes_max: u64) -> Self {
        Self {
            extents: BTreeMap::new(),
            clock: VecDeque::new(),
            next_serial: 0,
            bytes: 0,
            bytes_max,
            unused_ahead: 0,
            read_ahead: 0,
            dropped_unused: 0,
            held: Arc::default(),
            ready: 0,
        }
    }

    /// The bytes of extents that are being read or ready.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The bytes of extents that were read ahead.
    pub(super) fn read_ahead(&self) -> u64 {
        self.read_ahead
    }

    /// The bytes of extents that were read ahead and dropped before a record was asked from them.
    pub(super) fn dropped_unused(&self) -> u64 {
        self.dropped_unused
    }

    /// The extent with this id.
    pub(super) fn get(&self, id: ExtentId) -> Option<&Extent> {
        self.extents.get(&id)
    }

    /// The extent with this id.
    pub(super) fn get_mut(&mut self, id: ExtentId) -> Option<&mut Extent> {
        self.extents.get_mut(&id)
    }

    /// An extent that holds all bytes from `start` to `end`, in whatever state.
    pub(super) fn holding(&self, start: Position, end: Position) -> Option<ExtentId> {
        self.up_to(start).find(|(_, extent)| end <= extent.end).map(|(id, _)| *id)
    }

    /// The extents that begin at `position` or before, the last ones first.
    fn up_to(&self, position: Position) -> impl Iterator<Item = (&ExtentId, &Extent)> {
        let last = ExtentId { start: position, serial: u64::MAX };
        self.extents.range(..=last).rev().take(LOOKED_AT_MAX)
    }

    /// Notes that a record in an extent is asked for. Returns whether it is the first one of an extent that was planned
    /// to be read ahead.
    pub(super) fn touch(&mut self, id: ExtentId) -> bool {
        let extent = self.extents.get_mut(&id).expect("just found");
        extent.is_recent = true;
        let is_first = std::mem::take(&mut extent.is_unused_ahead);
        if is_first {
            self.unused_ahead -= extent.end.since(id.start);
        }
        is_first
    }

    /// Lets a planned extent of the segment that ends shortly before `start` grow to `end`. Returns it, or `None` if there is
    /// none or it would be too long.
    pub(super) fn grow(&mut self, segment: Position, start: Position, end: Position) -> Option<ExtentId> {
        let length_max = self.extent_bytes_max();
        let can_grow = |id: &ExtentId, extent: &Extent| {
            extent.is_planned()
                && extent.segment == segment
                && !extent.is_unused_ahead
                && start <= extent.end.plus(NEAR_BYTES)
                && end.block_end().since(id.start) <= length_max
        };
        let id = self.up_to(start).find(|(id, extent)| can_grow(id, extent)).map(|(id, _)| *id)?;
        let extent = self.extents.get_mut(&id).expect("just found");
        extent.end = extent.end.max(end.block_end());
        Some(id)
    }

    /// The window of a read at `position`: twice that of an extent that ended shortly before, or zero without one.
    pub(super) fn window_at(&self, position: Position) -> u64 {
        let goes_on = |id: &ExtentId, extent: &Extent| {
            let gap = (4 * extent.end.since(id.start)).clamp(GAP_BYTES_MIN, GAP_BYTES_MAX);
            position <= extent.end.plus(gap)
        };
        match self.up_to(position).find(|(id, extent)| goes_on(id, extent)) {
            Some((_, extent)) => self.window_after(extent),
            None => 0,
        }
    }

    /// The window of the extent behind another one. Zero if too much was read ahead already that is not used yet.
    pub(super) fn window_after(&self, extent: &Extent) -> u64 {
        let longest = self.extent_bytes_max();
        let wanted = (extent.window * 2).clamp(WINDOW_BYTES_MIN.min(longest), longest);
        // Half of the cache may be read ahead. What is left of it is shared with readers to come.
        let left = (self.bytes_max / 2).saturating_sub(self.unused_ahead) / 4;
        wanted.min(left) / BLOCK * BLOCK
    }

    fn extent_bytes_max(&self) -> u64 {
        (self.bytes_max / EXTENTS_MIN).min(EXTENT_BYTES_MAX) / BLOCK * BLOCK
    }

    /// Plans an extent.
    pub(super) fn plan(&mut self, plan: Plan) -> ExtentId {
        let start = plan.record.block_start();
        let id = ExtentId { start, serial: self.next_serial };
        self.next_serial += 1;
        let is_unused_ahead = plan.cause == Cause::Ahead;
        let extent = Extent {
            segment: plan.segment,
            end: plan.needed.block_end().max(start.plus(plan.window).min(plan.limit)),
            reader: plan.reader,
            record: plan.record,
            state: State::Planned,
            waiters: Vec::new(),
            goes_on: !is_unused_ahead && plan.window > 0,
            window: plan.window,
            cause: plan.cause,
            is_unused_ahead,
            is_asked: !is_unused_ahead,
            is_recent: true,
            checked: Vec::new(),
        };
        if is_unused_ahead {
            self.unused_ahead += extent.end.since(start);
        }
        self.extents.insert(id, extent);
        id
    }

    /// Drops extents that are ready until there is room for a planned one. Returns false if there is not: the others are
    /// being read, or it is longer than all that may be kept.
    pub(super) fn make_room(&mut self, id: ExtentId) -> bool {
        let length = self.extents[&id].end.since(id.start);
        self.drop_for(length);
        self.bytes + length <= self.bytes_max
    }

    /// Drops extents that are ready if there are more than may be kept: one was read that is longer than that.
    pub(super) fn trim(&mut self) {
        if self.bytes > self.bytes_max {
            self.drop_for(0);
        }
    }

    /// Drops extents that are ready until there is room for so many bytes more.
    fn drop_for(&mut self, length: u64) {
        // Twice round: the first time an extent that was used of late is only marked.
        let mut looks = 2 * self.clock.len();
        while self.bytes + length > self.bytes_max && looks > 0 {
            looks -= 1;
            let Some(candidate) = self.clock.pop_front() else { break };
            let extent = self.extents.get_mut(&candidate).expect("the clock lists extents");
            if std::mem::take(&mut extent.is_recent) {
                self.clock.push_back(candidate);
            } else {
                self.drop_ready(candidate);
            }
        }
    }

    /// Notes that a planned extent is being read.
    pub(super) fn begin(&mut self, id: ExtentId) {
        let extent = self.extents.get_mut(&id).expect("planned");
        let length = extent.end.since(id.start);
        extent.state = State::Reading;
        self.bytes += length;
        if extent.cause == Cause::Ahead {
            self.read_ahead += length;
        }
    }

    /// Takes in the blocks of an extent. Returns the records that are asked for.
    pub(super) fn fill(&mut self, id: ExtentId, blocks: Bytes) -> Vec<Waiter> {
        self.held.fetch_add(blocks.len(), Ordering::Relaxed);
        self.ready += blocks.len() as u64;
        let held = Held { blocks, count: Arc::clone(&self.held) };
        let extent = self.extents.get_mut(&id).expect("an extent is not dropped while it is read");
        extent.state = State::Ready(Bytes::from_owner(held));
        self.clock.push_back(id);
        std::mem::take(&mut extent.waiters)
    }

    /// Whether a payload of `length` bytes in an extent of `extent_bytes` is copied for its reader: if readers hold many
    /// blocks that have been dropped here, a few bytes that are read slowly must not hold a whole extent.
    pub(super) fn is_copied(&self, length: usize, extent_bytes: usize) -> bool {
        let pinned = (self.held.load(Ordering::Relaxed) as u64).saturating_sub(self.ready);
        length < extent_bytes / 2 && pinned > self.bytes_max
    }

    /// Removes an extent that is planned or being read. Returns the records that are asked for.
    pub(super) fn give_up(&mut self, id: ExtentId) -> Vec<Waiter> {
        let extent = self.extents.remove(&id).expect("an extent is given up once");
        match extent.state {
            State::Planned => {}
            State::Reading => self.bytes -= extent.end.since(id.start),
            State::Ready(_) => unreachable!("an extent that is ready is not given up"),
        }
        if extent.is_unused_ahead {
            self.unused_ahead -= extent.end.since(id.start);
        }
        extent.waiters
    }

    /// Drops what is ready of a segment, which is being reclaimed.
    pub(super) fn forget(&mut self, first: Position, end: Position) {
        let from = ExtentId { start: first, serial: 0 };
        let to = ExtentId { start: end, serial: 0 };
        let is_ready = |(id, extent): (&ExtentId, &Extent)| matches!(extent.state, State::Ready(_)).then_some(*id);
        let ready: Vec<ExtentId> = self.extents.range(from..to).filter_map(is_ready).collect();
        if !ready.is_empty() {
            self.clock.retain(|id| id.start < first || id.start >= end);
            ready.into_iter().for_each(|id| self.drop_ready(id));
        }
    }

    /// Drops an extent that is ready and no longer in the clock.
    fn drop_ready(&mut self, id: ExtentId) {
        let extent = self.extents.remove(&id).expect("an extent is dropped once");
        let length = extent.end.since(id.start);
        self.bytes -= length;
        self.ready -= length;
        if extent.is_unused_ahead {
            self.unused_ahead -= length;
            self.dropped_unused += length;
        }
    }

    /// Panics unless the invariants hold that this file's header states.
    #[cfg(any(test, debug_assertions))]
    pub(super) fn check(&self) {
        let lengths = |which: fn(&Extent) -> bool| -> u64 {
            self.extents.iter().filter(|(_, extent)| which(extent)).map(|(id, extent)| extent.end.since(id.start)).sum()
        };
        assert_eq!(self.bytes, lengths(|extent| !extent.is_planned()), "the bytes of all extents");
        assert_eq!(self.ready, lengths(|extent| matches!(extent.state, State::Ready(_))), "the bytes that are ready");
        assert_eq!(self.unused_ahead, lengths(|extent| extent.is_unused_ahead), "the bytes read ahead");
        let ready = self.extents.iter().filter(|(_, extent)| matches!(extent.state, State::Ready(_)));
        let mut clock: Vec<ExtentId> = self.clock.iter().copied().collect();
        clock.sort_unstable();
        assert!(ready.map(|(id, _)| *id).eq(clock), "the clock lists what is ready");
        let in_memory = self.extents.values().filter(|extent| !extent.is_planned()).count();
        assert!(self.bytes <= self.bytes_max || in_memory == 1, "only a single extent may be longer than the cache");
    }
}

#[cfg(test)]
mod tests;

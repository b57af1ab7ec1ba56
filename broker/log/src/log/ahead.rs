//! Reading ahead: when a reader comes to an extent that goes on where it read before, the next one is read, so that its
//! blocks are there before they are asked for. So at most one extent lies ahead of each reader.

use posthouse_disk::Disk;

use super::{
    Log,
    cold_read::{ColdRead, ExtentId},
    extents::{Cause, Plan, State},
};
use crate::{
    Position,
    record::{HEADER_BYTES, Header, KIND_END, KIND_MARK, KIND_MAX, KIND_PADDING, KIND_SEAL, record_bytes},
    segments::SegmentState,
};

impl<D: Disk> Log<D> {
    /// Has the blocks read that follow an extent that is ready, if they are of use: some extent may hold them already, or
    /// the next segment may not be closed, or not needed any more.
    pub(super) fn read_ahead(&mut self, id: ExtentId) {
        let Some((next, needed)) = self.record_behind(id) else { return };
        if self.reads.extents.holding(next, needed).is_some() {
            return;
        }
        let extent = self.reads.extents.get(id).expect("ready");
        let (window, reader) = (self.reads.extents.window_after(extent), extent.reader);
        let limit = self.readable_end();
        let Some(segment) = self.segments.holding(next) else { return };
        let limit = segment.end().min(limit);
        if window == 0 || segment.state != SegmentState::Ready || !segment.holds_live() || needed > limit {
            return;
        }
        segment.pins += 1;
        let segment = segment.first;
        let plan = Plan { segment, record: next, needed, limit, reader, window, cause: Cause::Ahead };
        let planned = self.reads.extents.plan(plan);
        self.reads.ahead.push(reader, ColdRead::of_extent(planned, segment, reader));
    }

    /// The position before which all blocks are on the disk as they will stay.
    pub(super) fn readable_end(&self) -> Position {
        self.tail.start().unwrap_or(self.end).min(self.commits.durable.position).block_start()
    }

    /// The position of the first record that an extent does not hold as a whole, and its end as far as it is known: that of
    /// its header, if the extent does not hold this either. `None` if the records do not lead there: they are damaged.
    fn record_behind(&self, id: ExtentId) -> Option<(Position, Position)> {
        let extent = self.reads.extents.get(id)?;
        let State::Ready(blocks) = &extent.state else { return None };
        let mut position = extent.record;
        loop {
            let at = usize::try_from(position.since(id.start)).expect("within an extent");
            let Some(header) = blocks.get(at..).and_then(|rest| rest.first_chunk::<HEADER_BYTES>()) else {
                return Some((position, position.plus(HEADER_BYTES as u64)));
            };
            let header = Header::parse(*header);
            let end = position.plus(record_bytes(header.length()) as u64);
            match header.kind() {
                KIND_END => return None,
                KIND_SEAL => {
                    let next = self.segments.get(self.segments.index_of(position)?)?.next_first();
                    return Some((next, next.plus(HEADER_BYTES as u64)));
                }
                _ if end > extent.end => return Some((position, end)),
                1..=KIND_MAX | KIND_MARK | KIND_PADDING => position = end,
                _ => return None,
            }
        }
    }
}

//! The table of moved records in replay: each move as it happened, and the table that a checkpoint kept.
//!
//! A segment whose file was reclaimed is known from the table only. References into it may come before the slice of the
//! table that names it, so references into no segment are deferred until the last slice was read
//! (`Segments::defer_missing`).
//!
//! Invariant: nothing is given up because its references are gone, as counts come and go in replay. `Log::resume` does so.

use posthouse_disk::Disk;

use super::{Record, Recovery};
use crate::{
    Position,
    moved::{Moved, Sharing},
    record::PAYLOAD_BYTES_MAX,
    relocation::{self, KIND_RELOCATED, KIND_RELOCATIONS_KEPT, NAME_BYTES, Slice},
    segments::{Overlap, SegmentState, reference_to},
};

/// What [`Recovery::relocated`] did with a record.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relocated {
    /// It concerns the table of moves. There is nothing else to do.
    Taken,
    /// It is another record.
    Other,
}

impl<D: Disk> Recovery<D> {
    /// Takes in a record that [`Recovery::next_record`] has returned, if it concerns the table of moves. Call it with each
    /// record, in their order, as far as the log is replayed.
    ///
    /// # Errors
    ///
    /// What is wrong with the record. It was written by another version, or by a bug.
    pub fn relocated(&mut self, record: &Record) -> Result<Relocated, &'static str> {
        match record.kind {
            KIND_RELOCATED => {
                let name = relocation::parse_name(&record.payload).ok_or("its name is not valid")?;
                if name >= record.position {
                    return Err("it was moved forward");
                }
                let length = record.payload.len() - NAME_BYTES;
                let length = u32::try_from(length).expect("the payload of a record has 24 bits of length");
                // A segment whose last reference was released after the move may have been reclaimed.
                if self.segments.index_of(name).is_some() {
                    // How many references lead to it by now is not known.
                    self.note_moved(name, Moved { to: record.position, length, sharing: Sharing::Shared })?;
                }
            }
            KIND_RELOCATIONS_KEPT => self.take_slice(record.position, &record.payload)?,
            _ => return Ok(Relocated::Other),
        }
        Ok(Relocated::Taken)
    }

    /// Whether the table of moves is whole: the checkpoint that replay started with has named all of them.
    #[must_use]
    pub fn knows_moved(&self) -> bool {
        !self.segments.defers_missing()
    }

    /// The records that were moved, and where each is now, in the order of names.
    pub fn moved_records(&self) -> impl Iterator<Item = (Position, Position)> {
        self.segments.moved_records()
    }

    /// The segments that records were moved from, each as its first position and its end, in their order.
    pub fn moved_from(&self) -> impl Iterator<Item = (Position, Position)> {
        let with_moved = self.segments.iter().filter(|segment| !segment.moved.is_empty());
        with_moved.map(|segment| (segment.first, segment.end()))
    }

    fn take_slice(&mut self, position: Position, payload: &[u8]) -> Result<(), &'static str> {
        let (slice, regions) = relocation::decode(payload).ok_or("it is no slice of the table of moved records")?;
        if !self.segments.defers_missing() {
            // It belongs to a checkpoint behind the one that replay started with. The table is known.
            return Ok(());
        }
        for region in regions {
            let leads_back = |(_, moved): &(u32, Moved)| moved.to < position;
            if region.first >= position || !region.records.iter().all(leads_back) {
                return Err("it names records behind it");
            }
            match self.segments.starting(region.first) {
                Some(segment) if segment.length != region.length => return Err("its segment has another length"),
                Some(_) => {}
                None => {
                    let overlap = |Overlap| "its segment overlaps with another one";
                    self.segments.insert_emptied(region.first, region.length).map_err(overlap)?;
                }
            }
            for (offset, moved) in region.records {
                if moved.length as usize > PAYLOAD_BYTES_MAX - NAME_BYTES {
                    return Err("its record is too long");
                }
                self.note_moved(crate::moved::name_at(region.first, offset), moved)?;
            }
        }
        if slice == Slice::Last {
            self.segments.place();
        }
        Ok(())
    }

    fn note_moved(&mut self, name: Position, moved: Moved) -> Result<(), &'static str> {
        let before = self.segments.note_moved(name, moved).map_err(|Overlap| "no segment holds its name")?;
        if let Some(before) = before {
            let next = self.next;
            if let Some(segment) = self.segments.holding(before.to) {
                segment.arrived = segment.arrived.saturating_sub(1);
                segment.replayed_until = segment.replayed_until.max(next);
            }
            let _ = self.segments.release(before.to, reference_to(before));
        }
        // What is known to be gone with its file leads nowhere but here.
        debug_assert!(
            self.segments.holding(name).is_some_and(|segment| {
                segment.state == SegmentState::Ready || segment.state == SegmentState::Emptied
            })
        );
        Ok(())
    }
}

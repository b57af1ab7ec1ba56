//! The bytes of moved records, and of the table of all moves that a checkpoint keeps.
//!
//! A record that is moved is appended once more, with its name before its payload ([`KIND_RELOCATED`]):
//!
//! | offset | size | what |
//! |-------:|-----:|------|
//! | 0 | 8 | the name: the position that the record was first appended at |
//! | 8 | - | its payload |
//!
//! A slice of the table ([`KIND_RELOCATIONS_KEPT`]):
//!
//! | offset | size | what |
//! |-------:|-----:|------|
//! | 0 | 4 | 1 in the last slice of a checkpoint, otherwise 0 |
//! | 4 | 4 | how many segments follow |
//! | 8 | - | of each segment its first position and its length (8 bytes each), how many records follow (4), zero (4), and of each record: |
//! | | 4 | how far its name is behind the first position, in units of 8 bytes |
//! | | 4 | the length of its payload |
//! | | 8 | the position of its [`KIND_RELOCATED`] |

use crate::{
    Position,
    moved::{Moved, Sharing, name_at},
    position::BLOCK,
    record::ALIGNMENT_BYTES,
};

/// A record that was moved from an earlier segment. [`Log::relocate`](crate::Log::relocate) appends it, and replay hands it
/// to [`Recovery::relocated`](crate::Recovery::relocated).
pub const KIND_RELOCATED: u8 = 81;
/// A slice of the table of moves. [`Log::keep_relocations`](crate::Log::keep_relocations) appends it in a checkpoint, and
/// replay hands it to [`Recovery::relocated`](crate::Recovery::relocated).
pub const KIND_RELOCATIONS_KEPT: u8 = 82;

/// The bytes of a moved record before its own payload.
pub(crate) const NAME_BYTES: usize = 8;

/// The bytes of a segment in a slice of the table, without its records.
const REGION_BYTES: usize = 24;
/// The bytes of a record in a slice of the table.
const RECORD_BYTES: usize = 16;
/// One more than the longest payload of a record.
const LENGTHS: u32 = 1 << 24;

const _: () = assert!(NAME_BYTES.is_multiple_of(ALIGNMENT_BYTES), "the payload of a moved record stays aligned");

/// What stands before the payload of a moved record.
pub(crate) fn name_bytes(name: Position) -> [u8; NAME_BYTES] {
    name.get().to_le_bytes()
}

/// The name of a moved record. `None` if the payload is not that of one.
pub(crate) fn parse_name(payload: &[u8]) -> Option<Position> {
    let name = u64::from_le_bytes(*payload.first_chunk()?);
    name.is_multiple_of(ALIGNMENT_BYTES as u64).then_some(Position::new(name))
}

/// Moved records of one segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Region {
    pub(crate) first: Position,
    pub(crate) length: u64,
    /// The records by their numbers, which ascend.
    pub(crate) records: Vec<(u32, Moved)>,
}

/// Whether further slices of the table follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Slice {
    Inner,
    Last,
}

/// The payload of a slice of the table.
pub(crate) fn encode(slice: Slice, regions: &[Region]) -> Vec<u8> {
    let count = |length: usize| u32::try_from(length).expect("a slice is short").to_le_bytes();
    let mut bytes = Vec::new();
    bytes.extend(u32::from(slice == Slice::Last).to_le_bytes());
    bytes.extend(count(regions.len()));
    for Region { first, length, records } in regions {
        bytes.extend(first.get().to_le_bytes());
        bytes.extend(length.to_le_bytes());
        bytes.extend(count(records.len()));
        bytes.extend([0; 4]);
        for (offset, moved) in records {
            bytes.extend(offset.to_le_bytes());
            bytes.extend(moved.length.to_le_bytes());
            bytes.extend(moved.to.get().to_le_bytes());
        }
    }
    bytes
}

/// A slice of the table. `None` if the payload is not that of one.
pub(crate) fn decode(mut payload: &[u8]) -> Option<(Slice, Vec<Region>)> {
    let bytes = &mut payload;
    let slice = match take_u32(bytes)? {
        0 => Slice::Inner,
        1 => Slice::Last,
        _ => return None,
    };
    let count = take_u32(bytes)? as usize;
    if count > bytes.len() / REGION_BYTES {
        return None;
    }
    let mut regions = Vec::with_capacity(count);
    for _ in 0..count {
        regions.push(take_region(bytes)?);
    }
    bytes.is_empty().then_some((slice, regions))
}

fn take_region(bytes: &mut &[u8]) -> Option<Region> {
    let (first, length) = (Position::new(take_u64(bytes)?), take_u64(bytes)?);
    let (count, zero) = (take_u32(bytes)? as usize, take_u32(bytes)?);
    let end = first.get().checked_add(length)?;
    let is_segment = first.get().is_multiple_of(BLOCK) && length.is_multiple_of(BLOCK) && length >= 2 * BLOCK;
    if !is_segment || zero != 0 || count == 0 || count > bytes.len() / RECORD_BYTES {
        return None;
    }
    let mut records: Vec<(u32, Moved)> = Vec::with_capacity(count);
    for _ in 0..count {
        let (offset, length, to) = (take_u32(bytes)?, take_u32(bytes)?, Position::new(take_u64(bytes)?));
        let name = first.get().checked_add(u64::from(offset) * ALIGNMENT_BYTES as u64)?;
        let ascends = records.last().is_none_or(|(last, _)| *last < offset);
        let is_behind = to.get() >= end && to.get().is_multiple_of(ALIGNMENT_BYTES as u64);
        if length >= LENGTHS || name >= end - BLOCK || !ascends || !is_behind {
            return None;
        }
        debug_assert_eq!(name_at(first, offset).get(), name);
        // How many references lead to it is not known after a start.
        records.push((offset, Moved { to, length, sharing: Sharing::Shared }));
    }
    Some(Region { first, length, records })
}

fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*head))
}

fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u64::from_le_bytes(*head))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice() -> Vec<Region> {
        let record =
            |offset, to| (offset, Moved { to: Position::new(to), length: 0x0001_0203, sharing: Sharing::Shared });
        vec![
            Region {
                first: Position::new(0x1000),
                length: 0x2000,
                records: vec![record(0, 0x9008), record(3, 0xa000)],
            },
            Region { first: Position::new(0x3000), length: 0x3000, records: vec![record(1, 0x9100)] },
        ]
    }

    #[test]
    fn the_bytes_of_a_slice() {
        #[rustfmt::skip]
        let golden = [
            1, 0, 0, 0, 2, 0, 0, 0,
            0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,
            0, 0, 0, 0, 3, 2, 1, 0, 8, 0x90, 0, 0, 0, 0, 0, 0,
            3, 0, 0, 0, 3, 2, 1, 0, 0, 0xa0, 0, 0, 0, 0, 0, 0,
            0, 0x30, 0, 0, 0, 0, 0, 0, 0, 0x30, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
            1, 0, 0, 0, 3, 2, 1, 0, 0, 0x91, 0, 0, 0, 0, 0, 0,
        ];
        assert_eq!(encode(Slice::Last, &slice()), golden);
        assert_eq!(decode(&golden), Some((Slice::Last, slice())));
        assert_eq!(encode(Slice::Inner, &[]), [0; 8]);
        assert_eq!(decode(&[0; 8]), Some((Slice::Inner, Vec::new())));
        for length in 0..golden.len() {
            assert_eq!(decode(&golden[..length]), None, "cut to {length} bytes");
        }
        let longer: Vec<u8> = golden.iter().copied().chain([0]).collect();
        assert_eq!(decode(&longer), None);
    }

    #[test]
    fn a_slice_that_contradicts_itself_is_refused() {
        let changed = |change: fn(&mut Vec<Region>)| {
            let mut regions = slice();
            change(&mut regions);
            decode(&encode(Slice::Last, &regions))
        };
        assert!(changed(|_| ()).is_some());
        assert_eq!(changed(|regions| regions[0].first = Position::new(0x1008)), None, "no segment begins there");
        assert_eq!(changed(|regions| regions[0].length = 0x1000), None, "a segment has a block behind its header");
        assert_eq!(changed(|regions| regions[0].records.clear()), None, "a segment without a record is not listed");
        assert_eq!(changed(|regions| regions[0].records[1].0 = 0), None, "records ascend");
        assert_eq!(changed(|regions| regions[0].records[1].0 = 0x200), None, "a name lies in its segment");
        assert_eq!(changed(|regions| regions[0].records[1].1.length = LENGTHS), None, "no payload is that long");
        assert_eq!(changed(|regions| regions[0].records[0].1.to = Position::new(0x2000)), None, "moves lead forward");
    }

    #[test]
    fn the_bytes_before_a_moved_record() {
        let name = Position::new(0x0102_0308);
        assert_eq!(name_bytes(name), [8, 3, 2, 1, 0, 0, 0, 0]);
        assert_eq!(parse_name(&name_bytes(name)), Some(name));
        assert_eq!(parse_name(&[8, 3, 2, 1, 0, 0, 0]), None);
        assert_eq!(parse_name(&[9, 0, 0, 0, 0, 0, 0, 0]), None, "no record begins there");
    }
}

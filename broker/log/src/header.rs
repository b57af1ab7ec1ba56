//! The header of each segment, the two slots of the superblock, and the names of files.
//!
//! Both blocks are 4 KiB and little-endian. Bytes without a meaning are zero. The last four bytes are the CRC-32C of
//! all bytes before them. Magic, version and CRC keep their places in every later version, so that an older broker
//! tells a newer format from damage.
//!
//! | offset | size | segment header | superblock slot |
//! |-------:|-----:|----------------|-----------------|
//! | 0 | 8 | `PHSEGMNT` | `PHSUPERB` |
//! | 8 | 4 | version: 1 | version: 1 |
//! | 12 | 4 | flags; bit 0: holds bytes of an earlier use | flags; bit 0: closed cleanly |
//! | 16 | 16 | identity of the log | identity of the log |
//! | 32 | 8 | first position | sequence number |
//! | 40 | 8 | length of the file | replay start |
//! | 48 | 8 | | durable end when written |
//! | 4092 | 4 | CRC-32C | CRC-32C |

use posthouse_disk::{BLOCK_BYTES, Buffer};

use crate::{Position, position::BLOCK};

/// The version of all bytes that this crate writes into a data directory.
pub const FORMAT_VERSION: u32 = 1;

/// The name of the superblock's file.
pub(crate) const SUPERBLOCK_NAME: &str = "superblock";
/// Its name until its first slot is written.
pub(crate) const SUPERBLOCK_UNFINISHED_NAME: &str = "superblock.new";
/// The length of the superblock's file: two slots of one block.
pub(crate) const SUPERBLOCK_BYTES: u64 = 2 * BLOCK;

const SEGMENT_MAGIC: [u8; 8] = *b"PHSEGMNT";
const SUPERBLOCK_MAGIC: [u8; 8] = *b"PHSUPERB";
const CHECKSUM_AT: usize = BLOCK_BYTES - 4;
const FLAG: u32 = 1;

/// The content of a segment's first block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SegmentHeader {
    pub(crate) identity: [u8; 16],
    /// The position of its first record, which stands at offset 4,096 of the file.
    pub(crate) first: Position,
    /// The length of the file in bytes, this block included.
    pub(crate) length: u64,
    pub(crate) remainder: Remainder,
}

/// What follows the last record of a segment's file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Remainder {
    /// Zeros, because the file was created for this segment.
    Zeros,
    /// Bytes of an earlier use, because the file was another segment before.
    EarlierUse,
}

/// Whether a log was closed after its last commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Closing {
    /// It was not. Records may follow the durable end of the superblock.
    Open,
    /// It was. The log ends at the durable end of the superblock.
    Clean,
}

/// The content of a slot of the superblock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Superblock {
    pub(crate) identity: [u8; 16],
    /// Grows by one with each write. Of two valid slots, the one with the larger number counts.
    pub(crate) sequence: u64,
    pub(crate) replay_start: Position,
    /// Everything before this position was durable when the slot was written.
    pub(crate) durable: Position,
    pub(crate) closing: Closing,
}

/// Why a block could not be decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unreadable {
    /// All bytes are zero.
    Blank,
    /// Magic, CRC or version is wrong.
    Damaged,
    /// The block is valid and has a later version of the format.
    Newer(u32),
}

impl SegmentHeader {
    /// The block.
    pub(crate) fn encode(&self) -> Buffer {
        let flag = self.remainder == Remainder::EarlierUse;
        let numbers = [self.first.get(), self.length, 0];
        encode(&SEGMENT_MAGIC, &Fields { flag, identity: self.identity, numbers })
    }

    /// Reads a block.
    ///
    /// # Errors
    ///
    /// [`Unreadable`], for every block that [`SegmentHeader::encode`] does not return.
    pub(crate) fn decode(block: &[u8]) -> Result<Self, Unreadable> {
        let Fields { flag, identity, numbers: [first, length, _] } = decode(&SEGMENT_MAGIC, block)?;
        let remainder = if flag { Remainder::EarlierUse } else { Remainder::Zeros };
        Ok(Self { identity, first: Position::new(first), length, remainder })
    }
}

impl Superblock {
    /// The block.
    pub(crate) fn encode(&self) -> Buffer {
        let numbers = [self.sequence, self.replay_start.get(), self.durable.get()];
        encode(&SUPERBLOCK_MAGIC, &Fields { flag: self.closing == Closing::Clean, identity: self.identity, numbers })
    }

    /// Reads a block.
    ///
    /// # Errors
    ///
    /// [`Unreadable`], for every block that [`Superblock::encode`] does not return.
    pub(crate) fn decode(block: &[u8]) -> Result<Self, Unreadable> {
        let Fields { flag, identity, numbers: [sequence, replay_start, durable] } = decode(&SUPERBLOCK_MAGIC, block)?;
        let (replay_start, durable) = (Position::new(replay_start), Position::new(durable));
        let closing = if flag { Closing::Clean } else { Closing::Open };
        Ok(Self { identity, sequence, replay_start, durable, closing })
    }

    /// The offset in the file at which this slot is written.
    pub(crate) fn offset(&self) -> u64 {
        self.sequence % 2 * BLOCK
    }
}

/// The fields of both kinds of blocks.
struct Fields {
    /// Bit 0 of the flags.
    flag: bool,
    identity: [u8; 16],
    numbers: [u64; 3],
}

fn encode(magic: &[u8; 8], fields: &Fields) -> Buffer {
    let mut block = Buffer::zeroed(BLOCK_BYTES);
    block[..8].copy_from_slice(magic);
    block[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    block[12..16].copy_from_slice(&(u32::from(fields.flag) * FLAG).to_le_bytes());
    block[16..32].copy_from_slice(&fields.identity);
    for (index, number) in fields.numbers.iter().enumerate() {
        block[32 + 8 * index..][..8].copy_from_slice(&number.to_le_bytes());
    }
    let checksum = crc32c::crc32c(&block[..CHECKSUM_AT]);
    block[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
    block
}

/// Checks magic, CRC and version, in this order, and returns the fields.
///
/// # Errors
///
/// [`Unreadable`], if one of them is wrong.
fn decode(magic: &[u8; 8], block: &[u8]) -> Result<Fields, Unreadable> {
    if block.len() != BLOCK_BYTES || block[..8] != magic[..] {
        let blank = block.len() == BLOCK_BYTES && block.iter().all(|byte| *byte == 0);
        return Err(if blank { Unreadable::Blank } else { Unreadable::Damaged });
    }
    let number32 = |at: usize| u32::from_le_bytes(block[at..at + 4].try_into().expect("four bytes"));
    let number64 = |at: usize| u64::from_le_bytes(block[at..at + 8].try_into().expect("eight bytes"));
    if number32(CHECKSUM_AT) != crc32c::crc32c(&block[..CHECKSUM_AT]) {
        return Err(Unreadable::Damaged);
    }
    match number32(8) {
        FORMAT_VERSION => {}
        0 => return Err(Unreadable::Damaged),
        newer => return Err(Unreadable::Newer(newer)),
    }
    Ok(Fields {
        flag: number32(12) & FLAG != 0,
        identity: block[16..32].try_into().expect("sixteen bytes"),
        numbers: [number64(32), number64(40), number64(48)],
    })
}

/// What a file of the data directory is, by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Named {
    Superblock,
    SuperblockUnfinished,
    /// A segment, with its first position.
    Segment(Position),
    /// A spare, with its number.
    Spare(u64),
    /// A file that does not belong to the log.
    Other,
}

impl Named {
    /// What the file with this name is. Only the names that [`segment_name`] and [`spare_name`] return are segments and
    /// spares.
    pub(crate) fn parse(name: &str) -> Self {
        if name == SUPERBLOCK_NAME {
            return Self::Superblock;
        }
        if name == SUPERBLOCK_UNFINISHED_NAME {
            return Self::SuperblockUnfinished;
        }
        let Some((digits, suffix)) = name.split_once('.') else { return Self::Other };
        let canonical = digits.len() == 16 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match (u64::from_str_radix(digits, 16), suffix) {
            (Ok(first), "segment") if canonical => Self::Segment(Position::new(first)),
            (Ok(number), "spare") if canonical => Self::Spare(number),
            _ => Self::Other,
        }
    }
}

/// The name of the segment with this first position.
pub(crate) fn segment_name(first: Position) -> String {
    format!("{first}.segment")
}

/// The name of the spare with this number.
pub(crate) fn spare_name(number: u64) -> String {
    format!("{number:016x}.spare")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment() -> SegmentHeader {
        SegmentHeader {
            identity: *b"0123456789abcdef",
            first: Position::new(0x1122_3344_5566_7000),
            length: 64 << 20,
            remainder: Remainder::EarlierUse,
        }
    }

    fn superblock() -> Superblock {
        Superblock {
            identity: *b"0123456789abcdef",
            sequence: 5,
            replay_start: Position::new(0x1008),
            durable: Position::new(0x2010),
            closing: Closing::Clean,
        }
    }

    #[test]
    fn golden_bytes_of_a_segment_header() {
        let block = segment().encode();
        let mut expected = b"PHSEGMNT\x01\0\0\0\x01\0\0\x000123456789abcdef".to_vec();
        expected.extend(b"\x00\x70\x66\x55\x44\x33\x22\x11\0\0\0\x04\0\0\0\0");
        assert_eq!(block[..48], expected);
        assert!(block[48..CHECKSUM_AT].iter().all(|byte| *byte == 0));
        assert_eq!(block[CHECKSUM_AT..], SEGMENT_CHECKSUM);
        assert_eq!(SegmentHeader::decode(&block), Ok(segment()));
    }

    const SEGMENT_CHECKSUM: [u8; 4] = [63, 142, 160, 144];

    #[test]
    fn golden_bytes_of_a_superblock_slot() {
        let block = superblock().encode();
        let mut expected = b"PHSUPERB\x01\0\0\0\x01\0\0\x000123456789abcdef".to_vec();
        expected.extend(b"\x05\0\0\0\0\0\0\0\x08\x10\0\0\0\0\0\0\x10\x20\0\0\0\0\0\0");
        assert_eq!(block[..56], expected);
        assert!(block[56..CHECKSUM_AT].iter().all(|byte| *byte == 0));
        assert_eq!(block[CHECKSUM_AT..], SUPERBLOCK_CHECKSUM);
        assert_eq!(Superblock::decode(&block), Ok(superblock()));
        assert_eq!(superblock().offset(), 4096);
    }

    const SUPERBLOCK_CHECKSUM: [u8; 4] = [103, 28, 134, 115];

    #[test]
    fn every_truncation_and_every_flipped_bit_is_refused() {
        let (segment, superblock) = (segment().encode(), superblock().encode());
        for length in 0..BLOCK_BYTES {
            assert_eq!(SegmentHeader::decode(&segment[..length]), Err(Unreadable::Damaged));
            assert_eq!(Superblock::decode(&superblock[..length]), Err(Unreadable::Damaged));
        }
        for bit in 0..BLOCK_BYTES * 8 {
            for (good, decode) in [
                (&segment, (|block| SegmentHeader::decode(block).err()) as fn(&[u8]) -> _),
                (&superblock, |block| Superblock::decode(block).err()),
            ] {
                let mut block = good.to_vec();
                block[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(decode(&block), Some(Unreadable::Damaged), "bit {bit}");
            }
        }
    }

    #[test]
    fn a_newer_version_and_a_blank_block_are_distinguished_from_damage() {
        let mut block = superblock().encode();
        block[8] = 2;
        let checksum = crc32c::crc32c(&block[..CHECKSUM_AT]);
        block[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(Superblock::decode(&block), Err(Unreadable::Newer(2)));
        assert_eq!(Superblock::decode(&[0; BLOCK_BYTES]), Err(Unreadable::Blank));
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        assert_eq!(segment_name(Position::FIRST), "0000000000001000.segment");
        assert_eq!(Named::parse("0000000000001000.segment"), Named::Segment(Position::FIRST));
        assert_eq!(Named::parse(&spare_name(255)), Named::Spare(255));
        assert_eq!(Named::parse("superblock"), Named::Superblock);
        assert_eq!(Named::parse("superblock.new"), Named::SuperblockUnfinished);
        for other in ["lock", "1000.segment", "000000000000100A.segment", "+000000000001000.segment", "x.spare"] {
            assert_eq!(Named::parse(other), Named::Other, "{other}");
        }
    }
}

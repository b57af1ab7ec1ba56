//! The header of each segment, the two slots of the superblock, and the names of files.
//!
//! Both blocks are 4 KiB and little-endian. Bytes without a meaning are zero. The last four bytes are the CRC-32C of
//! all bytes before them. Magic, version and CRC keep their places in every later version, so that an older broker
//! tells a newer format from damage.
//!
//! | offset | size | segment header | superblock slot |
//! |-------:|-----:|----------------|-----------------|
//! | 0 | 8 | `PHSEGMNT` | `PHSUPERB` |
//! | 8 | 4 | version: 2 | version: 2 |
//! | 12 | 4 | flags; bit 0: holds bytes of an earlier use; bit 1: encrypted | flags; bit 0: closed cleanly; bit 1: segments may be encrypted |
//! | 16 | 16 | identity of the log | identity of the log |
//! | 32 | 8 | first position | sequence number |
//! | 40 | 8 | length of the file | replay start |
//! | 48 | 8 | wrapped data key: its first 8 bytes | durable end when written |
//! | 56 | 60 | wrapped data key: the rest | |
//! | 4092 | 4 | CRC-32C | CRC-32C |

use posthouse_disk::{BLOCK_BYTES, Buffer};
use posthouse_encryption::{WRAPPED_KEY_BYTES, WrappedKey};

use crate::{Position, position::BLOCK, record::ALIGNMENT_BYTES};

/// The version of all bytes that this crate writes into a data directory.
pub const FORMAT_VERSION: u32 = 2;

/// The name of the superblock's file.
pub(crate) const SUPERBLOCK_NAME: &str = "superblock";
/// Its name until its first slot is written.
pub(crate) const SUPERBLOCK_UNFINISHED_NAME: &str = "superblock.new";
/// The length of the superblock's file: two slots of one block.
pub(crate) const SUPERBLOCK_BYTES: u64 = 2 * BLOCK;

const SEGMENT_MAGIC: [u8; 8] = *b"PHSEGMNT";
const SUPERBLOCK_MAGIC: [u8; 8] = *b"PHSUPERB";
const CHECKSUM_AT: usize = BLOCK_BYTES - 4;
/// Bit 0 of the flags: [`Remainder::EarlierUse`], or [`Closing::Clean`].
const STATE_FLAG: u32 = 1;
/// Bit 1 of the flags: the segment has a wrapped key, or [`Secrecy::Encrypted`].
const ENCRYPTED_FLAG: u32 = 2;
/// Where the fields begin that the two kinds of blocks do not share.
const BODY_AT: usize = 32;
/// The length of these fields in bytes: two numbers and a wrapped key.
const BODY_BYTES: usize = 16 + WRAPPED_KEY_BYTES;

/// The content of a segment's first block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SegmentHeader {
    pub(crate) identity: [u8; 16],
    /// The position of its first record, which stands at offset 4,096 of the file.
    pub(crate) first: Position,
    /// The length of the file in bytes, this block included.
    pub(crate) length: u64,
    pub(crate) remainder: Remainder,
    /// The data key that its records are encrypted with. `None` if they are not encrypted.
    pub(crate) key: Option<WrappedKey>,
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

/// Whether a log may have encrypted segments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Secrecy {
    /// It has none. A start need not read the headers of segments that it does not replay.
    Plain,
    /// It may have some. A start reads the header of each segment, to know which keys are needed.
    Encrypted,
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
    pub(crate) secrecy: Secrecy,
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
    /// The block is valid and has an earlier version of the format.
    Older(u32),
}

impl SegmentHeader {
    /// The block.
    pub(crate) fn encode(&self) -> Buffer {
        let earlier_use = if self.remainder == Remainder::EarlierUse { STATE_FLAG } else { 0 };
        let encrypted = if self.key.is_some() { ENCRYPTED_FLAG } else { 0 };
        let mut body = [0; BODY_BYTES];
        body[..8].copy_from_slice(&self.first.get().to_le_bytes());
        body[8..16].copy_from_slice(&self.length.to_le_bytes());
        if let Some(key) = &self.key {
            body[16..].copy_from_slice(&key.encode());
        }
        encode(&SEGMENT_MAGIC, &Fields { flags: earlier_use | encrypted, identity: self.identity, body })
    }

    /// Reads a block.
    ///
    /// # Errors
    ///
    /// [`Unreadable`], for every block that [`SegmentHeader::encode`] does not return.
    pub(crate) fn decode(block: &[u8]) -> Result<Self, Unreadable> {
        let fields = decode(&SEGMENT_MAGIC, block)?;
        let remainder = if fields.has(STATE_FLAG) { Remainder::EarlierUse } else { Remainder::Zeros };
        let key = fields.body.last_chunk().expect("the key ends the fields");
        let key = fields.has(ENCRYPTED_FLAG).then(|| WrappedKey::decode(key));
        Ok(Self {
            identity: fields.identity,
            first: Position::new(fields.number(0)),
            length: fields.number(1),
            remainder,
            key,
        })
    }
}

impl Superblock {
    /// The block.
    pub(crate) fn encode(&self) -> Buffer {
        let clean = if self.closing == Closing::Clean { STATE_FLAG } else { 0 };
        let encrypted = if self.secrecy == Secrecy::Encrypted { ENCRYPTED_FLAG } else { 0 };
        let mut body = [0; BODY_BYTES];
        body[..8].copy_from_slice(&self.sequence.to_le_bytes());
        body[8..16].copy_from_slice(&self.replay_start.get().to_le_bytes());
        body[16..24].copy_from_slice(&self.durable.get().to_le_bytes());
        encode(&SUPERBLOCK_MAGIC, &Fields { flags: clean | encrypted, identity: self.identity, body })
    }

    /// Reads a block.
    ///
    /// # Errors
    ///
    /// [`Unreadable`], for every block that [`Superblock::encode`] does not return.
    pub(crate) fn decode(block: &[u8]) -> Result<Self, Unreadable> {
        let fields = decode(&SUPERBLOCK_MAGIC, block)?;
        if !(fields.number(1) | fields.number(2)).is_multiple_of(ALIGNMENT_BYTES as u64) {
            return Err(Unreadable::Damaged);
        }
        Ok(Self {
            identity: fields.identity,
            sequence: fields.number(0),
            replay_start: Position::new(fields.number(1)),
            durable: Position::new(fields.number(2)),
            closing: if fields.has(STATE_FLAG) { Closing::Clean } else { Closing::Open },
            secrecy: if fields.has(ENCRYPTED_FLAG) { Secrecy::Encrypted } else { Secrecy::Plain },
        })
    }

    /// The offset in the file at which this slot is written.
    pub(crate) fn offset(&self) -> u64 {
        self.sequence % 2 * BLOCK
    }
}

/// The fields of both kinds of blocks.
struct Fields {
    flags: u32,
    identity: [u8; 16],
    body: [u8; BODY_BYTES],
}

impl Fields {
    /// Whether a bit of the flags is set.
    fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// A number of the body, by its index.
    fn number(&self, index: usize) -> u64 {
        u64::from_le_bytes(self.body[8 * index..][..8].try_into().expect("eight bytes"))
    }
}

fn encode(magic: &[u8; 8], fields: &Fields) -> Buffer {
    let mut block = Buffer::zeroed(BLOCK_BYTES);
    block[..8].copy_from_slice(magic);
    block[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    block[12..16].copy_from_slice(&fields.flags.to_le_bytes());
    block[16..32].copy_from_slice(&fields.identity);
    block[BODY_AT..BODY_AT + BODY_BYTES].copy_from_slice(&fields.body);
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
    let number = |at: usize| u32::from_le_bytes(block[at..at + 4].try_into().expect("four bytes"));
    if number(CHECKSUM_AT) != crc32c::crc32c(&block[..CHECKSUM_AT]) {
        return Err(Unreadable::Damaged);
    }
    match number(8) {
        FORMAT_VERSION => {}
        0 => return Err(Unreadable::Damaged),
        older if older < FORMAT_VERSION => return Err(Unreadable::Older(older)),
        newer => return Err(Unreadable::Newer(newer)),
    }
    Ok(Fields {
        flags: number(12),
        identity: block[16..32].try_into().expect("sixteen bytes"),
        body: block[BODY_AT..BODY_AT + BODY_BYTES].try_into().expect("as many bytes"),
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
            key: None,
        }
    }

    /// The same segment, encrypted: the bytes of the wrapped key count from one.
    fn encrypted() -> SegmentHeader {
        let bytes = std::array::from_fn(|at| u8::try_from(at + 1).expect("few bytes"));
        SegmentHeader { key: Some(WrappedKey::decode(&bytes)), remainder: Remainder::Zeros, ..segment() }
    }

    fn superblock() -> Superblock {
        Superblock {
            identity: *b"0123456789abcdef",
            sequence: 5,
            replay_start: Position::new(0x1008),
            durable: Position::new(0x2010),
            closing: Closing::Clean,
            secrecy: Secrecy::Plain,
        }
    }

    #[test]
    fn golden_bytes_of_a_segment_header() {
        let block = segment().encode();
        let mut expected = b"PHSEGMNT\x02\0\0\0\x01\0\0\x000123456789abcdef".to_vec();
        expected.extend(b"\x00\x70\x66\x55\x44\x33\x22\x11\0\0\0\x04\0\0\0\0");
        assert_eq!(block[..48], expected);
        assert!(block[48..CHECKSUM_AT].iter().all(|byte| *byte == 0));
        assert_eq!(block[CHECKSUM_AT..], SEGMENT_CHECKSUM);
        assert_eq!(SegmentHeader::decode(&block), Ok(segment()));
    }

    const SEGMENT_CHECKSUM: [u8; 4] = [43, 213, 22, 5];

    #[test]
    fn golden_bytes_of_the_header_of_an_encrypted_segment() {
        let block = encrypted().encode();
        assert_eq!(block[..16], *b"PHSEGMNT\x02\0\0\0\x02\0\0\0");
        assert_eq!(block[16..48], segment().encode()[16..48]);
        assert_eq!(block[48..116], std::array::from_fn::<u8, 68, _>(|at| u8::try_from(at + 1).expect("few bytes")));
        assert!(block[116..CHECKSUM_AT].iter().all(|byte| *byte == 0));
        assert_eq!(block[CHECKSUM_AT..], ENCRYPTED_CHECKSUM);
        assert_eq!(SegmentHeader::decode(&block), Ok(encrypted()));
    }

    const ENCRYPTED_CHECKSUM: [u8; 4] = [152, 210, 70, 144];

    #[test]
    fn golden_bytes_of_a_superblock_slot() {
        let block = superblock().encode();
        let mut expected = b"PHSUPERB\x02\0\0\0\x01\0\0\x000123456789abcdef".to_vec();
        expected.extend(b"\x05\0\0\0\0\0\0\0\x08\x10\0\0\0\0\0\0\x10\x20\0\0\0\0\0\0");
        assert_eq!(block[..56], expected);
        assert!(block[56..CHECKSUM_AT].iter().all(|byte| *byte == 0));
        assert_eq!(block[CHECKSUM_AT..], SUPERBLOCK_CHECKSUM);
        assert_eq!(Superblock::decode(&block), Ok(superblock()));
        assert_eq!(superblock().offset(), 4096);
        let encrypted = Superblock { secrecy: Secrecy::Encrypted, ..superblock() };
        assert_eq!(encrypted.encode()[12..16], [3, 0, 0, 0]);
        assert_eq!(Superblock::decode(&encrypted.encode()), Ok(encrypted));
    }

    #[test]
    fn a_superblock_states_positions_of_records() {
        for moved in [
            Superblock { replay_start: Position::new(0x1009), ..superblock() },
            Superblock { durable: Position::new(0x2014), ..superblock() },
        ] {
            assert_eq!(Superblock::decode(&moved.encode()), Err(Unreadable::Damaged));
        }
    }

    const SUPERBLOCK_CHECKSUM: [u8; 4] = [115, 71, 48, 230];

    #[test]
    fn every_truncation_and_every_flipped_bit_is_refused() {
        let (segment, superblock) = (encrypted().encode(), superblock().encode());
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
    fn other_versions_and_a_blank_block_are_distinguished_from_damage() {
        let version = |version: u32| {
            let mut block = superblock().encode();
            block[8..12].copy_from_slice(&version.to_le_bytes());
            let checksum = crc32c::crc32c(&block[..CHECKSUM_AT]);
            block[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
            Superblock::decode(&block)
        };
        assert_eq!(version(FORMAT_VERSION), Ok(superblock()));
        assert_eq!(version(FORMAT_VERSION + 1), Err(Unreadable::Newer(3)));
        assert_eq!(version(1), Err(Unreadable::Older(1)));
        assert_eq!(version(0), Err(Unreadable::Damaged));
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

//! The framing of records: eight bytes of header, the payload, zeros up to a multiple of eight.
//!
//! | offset | size | what |
//! |-------:|-----:|------|
//! | 0 | 4 | CRC-32C, little-endian |
//! | 4 | 3 | length of the payload, little-endian |
//! | 7 | 1 | kind |
//! | 8 | length | payload |
//!
//! The CRC covers the log's identity, the record's position, bytes 4 to 8 and the payload. So a record is valid at one
//! position of one log only. Neither the bytes of an earlier use of a recycled segment nor a message body that looks
//! like a record pass for a record.

use crate::Position;

/// The length of a record's header in bytes.
pub const HEADER_BYTES: usize = 8;
/// Records start at multiples of this many bytes, so that payloads are aligned in memory.
pub const ALIGNMENT_BYTES: usize = 8;
/// The longest payload in bytes: the largest number of 24 bits.
pub const PAYLOAD_BYTES_MAX: usize = (1 << 24) - 1;
/// Kinds from 1 to this one belong to the user of the log.
pub const KIND_MAX: u8 = 0xef;

/// Not a record: the log ends here.
pub(crate) const KIND_END: u8 = 0;
/// Closes a segment. The payload is the first position of the next one.
pub(crate) const KIND_SEAL: u8 = 0xfc;
/// Ends a commit. The payload is the durable end that was known when the commit started.
pub(crate) const KIND_MARK: u8 = 0xfe;
/// Fills up a block. The payload is zeros.
pub(crate) const KIND_PADDING: u8 = 0xff;

/// The length of the payload of seals and marks, a position, in bytes.
const POSITION_BYTES: usize = 8;
/// The length of a seal in bytes. This many bytes are kept free at the end of each segment.
pub(crate) const SEAL_BYTES: u64 = (HEADER_BYTES + POSITION_BYTES) as u64;
/// The length of a mark in bytes.
pub(crate) const MARK_BYTES: usize = HEADER_BYTES + POSITION_BYTES;

const _: () = assert!(HEADER_BYTES.is_multiple_of(ALIGNMENT_BYTES));
const _: () = assert!(posthouse_disk::BLOCK_BYTES.is_multiple_of(ALIGNMENT_BYTES));

/// How many bytes a record with a payload of `length` bytes takes.
#[must_use]
pub const fn record_bytes(length: usize) -> usize {
    HEADER_BYTES + length.next_multiple_of(ALIGNMENT_BYTES)
}

/// A header as it was read, not checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    checksum: u32,
    word: u32,
}

impl Header {
    pub(crate) fn parse(bytes: [u8; HEADER_BYTES]) -> Self {
        let [a, b, c, d, e, f, g, h] = bytes;
        Self { checksum: u32::from_le_bytes([a, b, c, d]), word: u32::from_le_bytes([e, f, g, h]) }
    }

    pub(crate) fn kind(self) -> u8 {
        self.word.to_le_bytes()[3]
    }

    /// Whether the checksum of a whole record is the one in this header.
    pub(crate) fn has_checksum(self, checksum: u32) -> bool {
        self.kind() != KIND_END && self.checksum == checksum
    }

    /// The length of the payload in bytes.
    pub(crate) fn length(self) -> usize {
        let [a, b, c, _] = self.word.to_le_bytes();
        usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16
    }
}

/// Computes and checks the checksums of one log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Framing {
    /// The state of the CRC after the identity.
    seed: u32,
}

impl Framing {
    pub(crate) fn new(identity: &[u8; 16]) -> Self {
        Self { seed: crc32c::crc32c(identity) }
    }

    /// The header of a record. `length` is the sum of the lengths of `parts`, at most [`PAYLOAD_BYTES_MAX`].
    pub(crate) fn header(self, position: Position, kind: u8, length: usize, parts: &[&[u8]]) -> [u8; HEADER_BYTES] {
        debug_assert!(length <= PAYLOAD_BYTES_MAX);
        let word = u32::try_from(length).expect("at most 24 bits") | u32::from(kind) << 24;
        let checksum = self.checksum(position, word, parts);
        let mut header = [0; HEADER_BYTES];
        header[..4].copy_from_slice(&checksum.to_le_bytes());
        header[4..].copy_from_slice(&word.to_le_bytes());
        header
    }

    /// Whether a header and its payload are a record at this position.
    pub(crate) fn is_valid(self, position: Position, header: Header, payload: &[u8]) -> bool {
        header.kind() != KIND_END
            && header.length() == payload.len()
            && header.checksum == self.checksum(position, header.word, &[payload])
    }

    /// The state of the checksum of a record before its payload. Pass the payload's bytes to [`Framing::extend`].
    pub(crate) fn begin(self, position: Position, header: Header) -> u32 {
        self.checksum(position, header.word, &[])
    }

    /// The state of a checksum after more of the payload.
    pub(crate) fn extend(checksum: u32, payload: &[u8]) -> u32 {
        crc32c::crc32c_append(checksum, payload)
    }

    /// The durable end that the mark at the start of `bytes` states, or `None` if there is no valid mark.
    pub(crate) fn mark(self, position: Position, bytes: &[u8]) -> Option<Position> {
        let header = Header::parse(bytes.get(..HEADER_BYTES)?.try_into().expect("eight bytes"));
        if header.kind() != KIND_MARK || header.length() != POSITION_BYTES {
            return None;
        }
        let payload = bytes.get(HEADER_BYTES..MARK_BYTES)?;
        self.is_valid(position, header, payload).then(|| parse_position(payload)).flatten()
    }

    /// The CRC-32C of identity, position, length, kind and payload.
    fn checksum(self, position: Position, word: u32, parts: &[&[u8]]) -> u32 {
        let mut place = [0; 12];
        place[..8].copy_from_slice(&position.get().to_le_bytes());
        place[8..].copy_from_slice(&word.to_le_bytes());
        parts
            .iter()
            .fold(crc32c::crc32c_append(self.seed, &place), |checksum, part| crc32c::crc32c_append(checksum, part))
    }
}

/// The position that the payload of a seal or a mark holds, or `None` if it has another length.
pub(crate) fn parse_position(payload: &[u8]) -> Option<Position> {
    Some(Position::new(u64::from_le_bytes(payload.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAMING_IDENTITY: [u8; 16] = *b"0123456789abcdef";

    fn framing() -> Framing {
        Framing::new(&FRAMING_IDENTITY)
    }

    #[test]
    fn golden_bytes_of_a_header() {
        let header = framing().header(Position::new(0x1000), 7, 11, &[b"hello ", b"world"]);
        assert_eq!(header[4..], [11, 0, 0, 7]);
        // Computed by the definition, independently of `Framing`.
        let mut covered = FRAMING_IDENTITY.to_vec();
        covered.extend(0x1000_u64.to_le_bytes());
        covered.extend([11, 0, 0, 7]);
        covered.extend(b"hello world");
        assert_eq!(header[..4], crc32c::crc32c(&covered).to_le_bytes());
        assert_eq!(header, GOLDEN_HEADER);
    }

    const GOLDEN_HEADER: [u8; 8] = [161, 70, 200, 22, 11, 0, 0, 7];

    #[test]
    fn golden_bytes_of_a_mark() {
        let payload = 0x1234_5678_u64.to_le_bytes();
        let mut mark = framing().header(Position::new(0x2008), KIND_MARK, 8, &[&payload]).to_vec();
        mark.extend(payload);
        assert_eq!(mark, GOLDEN_MARK);
        assert_eq!(framing().mark(Position::new(0x2008), &mark), Some(Position::new(0x1234_5678)));
        assert_eq!(framing().mark(Position::new(0x2010), &mark), None, "at another position it is none");
        for length in 0..mark.len() {
            assert_eq!(framing().mark(Position::new(0x2008), &mark[..length]), None);
        }
    }

    const GOLDEN_MARK: [u8; 16] = [7, 63, 138, 248, 8, 0, 0, 0xfe, 0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0];

    #[test]
    fn a_record_is_valid_at_its_position_in_its_log_only() {
        let payload = b"payload";
        let bytes = framing().header(Position::new(64), 3, payload.len(), &[payload]);
        let header = Header::parse(bytes);
        assert_eq!((header.kind(), header.length()), (3, 7));
        assert!(framing().is_valid(Position::new(64), header, payload));
        assert!(!framing().is_valid(Position::new(72), header, payload));
        assert!(!framing().is_valid(Position::new(64), header, &payload[..6]));
        assert!(!Framing::new(b"another identity").is_valid(Position::new(64), header, payload));
        for bit in 0..8 * 8 {
            let mut bytes = bytes;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(!framing().is_valid(Position::new(64), Header::parse(bytes), payload), "bit {bit}");
        }
    }

    #[test]
    fn zeros_are_no_record() {
        let header = Header::parse([0; 8]);
        assert_eq!(header.kind(), KIND_END);
        assert!(!framing().is_valid(Position::FIRST, header, &[]));
    }

    #[test]
    fn sizes_are_padded_to_eight() {
        assert_eq!([0, 1, 8, 9].map(record_bytes), [8, 16, 16, 24]);
    }
}

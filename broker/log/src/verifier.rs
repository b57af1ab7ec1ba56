//! Checks the records of one segment up to its seal, piece by piece, without keeping any of them. What it finds goes to a
//! [`Findings`].
//!
//! The verifier follows the records from the segment's first to its seal. Where a record is not valid, it cannot know
//! where the next one begins: the length may be what is damaged. It then looks for the next valid mark or seal, which
//! commits and segments end with, and goes on behind it. What lies between is *suspect*: it holds a damaged record, and
//! perhaps whole ones.

use crate::{
    Position,
    record::{Framing, HEADER_BYTES, Header, KIND_MARK, KIND_SEAL, MARK_BYTES, record_bytes},
};

/// A part of the log that holds a damaged record: from the position of that record to the end of the part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Suspect {
    /// Where the damaged record begins.
    pub start: Position,
    /// The next position at which a valid record begins, or the end of the segment.
    pub end: Position,
}

/// Takes what a check finds, in the order of positions.
pub(crate) trait Findings {
    /// A record is whole. Marks, seals and padding count as records here.
    fn whole(&mut self, record: WholeRecord);

    /// A part holds a damaged record.
    fn suspect(&mut self, suspect: Suspect);
}

/// A record whose checksum is right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WholeRecord {
    /// Where it stands.
    pub position: Position,
    /// The kind that it was appended with.
    pub kind: u8,
    /// The length of its payload in bytes.
    pub length: usize,
}

/// Suspect parts alone.
impl Findings for Vec<Suspect> {
    fn whole(&mut self, _: WholeRecord) {}

    fn suspect(&mut self, suspect: Suspect) {
        self.push(suspect);
    }
}

/// The state of the check of one segment.
#[derive(Debug)]
pub(crate) struct Verifier {
    framing: Framing,
    /// The position of the next byte.
    at: Position,
    /// The end of the segment.
    end: Position,
    step: Step,
}

/// What the next bytes are.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A header.
    Header,
    /// The rest of a payload: `left` bytes of it and the padding behind.
    Payload { start: Position, header: Header, checksum: u32, left: usize, padding: usize },
    /// Unknown since `start`. `before` are the eight bytes before, if they may be the header of a mark or a seal.
    Search { start: Position, before: Option<[u8; HEADER_BYTES]> },
    /// Behind the seal.
    Done,
}

impl Verifier {
    /// A check of the segment whose records begin at `first` and that ends at `end`.
    pub(crate) fn new(framing: Framing, first: Position, end: Position) -> Self {
        Self { framing, at: first, end, step: Step::Header }
    }

    /// The position of the next byte to pass to [`Verifier::take`].
    pub(crate) fn position(&self) -> Position {
        self.at
    }

    /// Whether the rest of the segment needs no check.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.step, Step::Done) || self.at >= self.end
    }

    /// Takes in the next bytes, a multiple of eight, and reports the records and suspect parts that end in them.
    pub(crate) fn take(&mut self, mut bytes: &[u8], findings: &mut impl Findings) {
        while !bytes.is_empty() {
            let taken = match self.step {
                Step::Header => self.header(bytes, findings),
                Step::Payload { start, header, checksum, left, padding } => {
                    let taken = left.min(bytes.len());
                    let checksum = Framing::extend(checksum, &bytes[..taken]);
                    let skipped = if taken == left { padding } else { 0 };
                    if taken == left {
                        self.ended(start, header, checksum, findings);
                    } else {
                        self.step = Step::Payload { start, header, checksum, left: left - taken, padding };
                    }
                    taken + skipped
                }
                Step::Search { start, before } => self.search(start, before, bytes, findings),
                Step::Done => bytes.len(),
            };
            self.at = self.at.plus(taken as u64);
            bytes = &bytes[taken..];
        }
        self.finish(findings);
    }

    /// Notes that the next `length` bytes cannot be read.
    pub(crate) fn skip(&mut self, length: usize, findings: &mut impl Findings) {
        self.step = match self.step {
            Step::Header => Step::Search { start: self.at, before: None },
            Step::Payload { start, .. } | Step::Search { start, .. } => Step::Search { start, before: None },
            Step::Done => Step::Done,
        };
        self.at = self.at.plus(length as u64);
        self.finish(findings);
    }

    /// Ends a suspect part at the end of the segment.
    fn finish(&mut self, findings: &mut impl Findings) {
        if self.at < self.end {
            return;
        }
        let start = match self.step {
            // A closed segment ends with a seal. Without one, its last records cannot be known.
            Step::Header => self.at,
            Step::Payload { start, .. } | Step::Search { start, .. } => start,
            Step::Done => return,
        };
        if start < self.end {
            findings.suspect(Suspect { start, end: self.end });
        }
        self.step = Step::Done;
    }

    /// Takes in a header. Returns how many bytes that were.
    fn header(&mut self, bytes: &[u8], findings: &mut impl Findings) -> usize {
        let header = Header::parse(bytes[..HEADER_BYTES].try_into().expect("a multiple of eight bytes"));
        let (start, length) = (self.at, header.length());
        let size = record_bytes(length);
        let padding = size - HEADER_BYTES - length;
        if start.plus(size as u64) > self.end {
            self.step = Step::Search { start, before: None };
        } else if length == 0 {
            self.ended(start, header, self.framing.begin(start, header), findings);
        } else {
            let checksum = self.framing.begin(start, header);
            self.step = Step::Payload { start, header, checksum, left: length, padding };
        }
        HEADER_BYTES
    }

    /// Judges a record whose payload has been read.
    fn ended(&mut self, start: Position, header: Header, checksum: u32, findings: &mut impl Findings) {
        if header.has_checksum(checksum) {
            self.whole(start, header, findings);
        } else {
            self.step = Step::Search { start, before: None };
        }
    }

    /// Reports a record, and goes on behind it.
    fn whole(&mut self, position: Position, header: Header, findings: &mut impl Findings) {
        findings.whole(WholeRecord { position, kind: header.kind(), length: header.length() });
        self.step = if header.kind() == KIND_SEAL { Step::Done } else { Step::Header };
    }

    /// Looks for a mark or a seal whose second half is the next eight bytes. Returns how many bytes were looked at.
    fn search(
        &mut self,
        start: Position,
        before: Option<[u8; HEADER_BYTES]>,
        bytes: &[u8],
        findings: &mut impl Findings,
    ) -> usize {
        let word: [u8; HEADER_BYTES] = bytes[..HEADER_BYTES].try_into().expect("a multiple of eight bytes");
        if let Some(before) = before {
            let header = Header::parse(before);
            let found = Position::new(self.at.get() - HEADER_BYTES as u64);
            if self.framing.is_valid(found, header, &word) {
                findings.suspect(Suspect { start, end: found });
                self.whole(found, header, findings);
                return HEADER_BYTES;
            }
        }
        let header = Header::parse(word);
        let may_be = matches!(header.kind(), KIND_MARK | KIND_SEAL) && header.length() == MARK_BYTES - HEADER_BYTES;
        self.step = Step::Search { start, before: may_be.then_some(word) };
        HEADER_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Position = Position::FIRST;

    struct Image {
        framing: Framing,
        bytes: Vec<u8>,
        records: Vec<Position>,
    }

    impl Image {
        /// Commits of three records each, then a seal, then what an earlier use left.
        fn new() -> Self {
            let mut image = Self { framing: Framing::new(b"0123456789abcdef"), bytes: Vec::new(), records: Vec::new() };
            for commit in 0..5u8 {
                for length in [0, 1, 300] {
                    image.put(commit + 1, &vec![commit; length]);
                }
                image.put(KIND_MARK, &[commit; 8]);
            }
            image.put(KIND_SEAL, &[9; 8]);
            image.bytes.extend([0x55; 72]);
            image
        }

        fn put(&mut self, kind: u8, payload: &[u8]) {
            let position = FIRST.plus(self.bytes.len() as u64);
            self.records.push(position);
            self.bytes.extend(self.framing.header(position, kind, payload.len(), &[payload]));
            self.bytes.extend(payload);
            self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        }

        fn check(&self, piece: usize) -> Vec<Suspect> {
            let mut suspects = Vec::new();
            let mut verifier = Verifier::new(self.framing, FIRST, FIRST.plus(self.bytes.len() as u64));
            for bytes in self.bytes.chunks(piece) {
                verifier.take(bytes, &mut suspects);
            }
            assert!(verifier.is_done());
            suspects
        }
    }

    #[test]
    fn a_whole_segment_has_no_suspects_whatever_the_pieces() {
        let image = Image::new();
        for piece in [8, 16, 24, 64, 4096] {
            assert_eq!(image.check(piece), [], "pieces of {piece}");
        }
    }

    /// Each bit of each record but the last seal: one suspect part, which begins at or before the record and ends before
    /// the next commit does.
    #[test]
    fn every_flipped_bit_is_found_and_the_check_goes_on_behind_its_commit() {
        let whole = Image::new();
        let seal = *whole.records.last().expect("there are records");
        for offset in 0..whole.bytes.len() {
            let position = FIRST.plus(offset as u64);
            let record = whole.records.iter().rposition(|start| *start <= position).expect("the first is at the start");
            let mut damaged = Image::new();
            damaged.bytes[offset] ^= 0x10;
            let suspects = damaged.check(64);
            let start = whole.records[record];
            let Some(suspect) = suspects.first() else {
                let header = Header::parse(whole.bytes[offset / 8 * 8..][..8].try_into().expect("eight"));
                let is_behind = start == seal && position.get() >= seal.get() + 16;
                assert!(is_behind || header.kind() == 0 || position.get() > start.get() + 8, "offset {offset}");
                continue;
            };
            assert_eq!((suspects.len(), suspect.start), (1, start), "offset {offset}");
            assert!(suspect.end > start, "offset {offset}: {suspect:?}");
        }
    }

    #[test]
    fn an_unreadable_piece_is_suspect_up_to_the_next_commit() {
        let image = Image::new();
        let mut suspects = Vec::new();
        let mut verifier = Verifier::new(image.framing, FIRST, FIRST.plus(image.bytes.len() as u64));
        verifier.take(&image.bytes[..400], &mut suspects);
        verifier.skip(8, &mut suspects);
        verifier.take(&image.bytes[408..], &mut suspects);
        let [suspect] = suspects[..] else { panic!("{suspects:?}") };
        assert!(suspect.start.get() <= FIRST.get() + 400 && image.records.contains(&suspect.start));
        assert!(image.records.contains(&suspect.end));
    }

    #[test]
    fn a_segment_without_its_seal_is_suspect_at_its_end() {
        let mut image = Image::new();
        let seal = *image.records.last().expect("there are records");
        image.bytes.truncate(usize::try_from(seal.get() - FIRST.get()).expect("small"));
        image.bytes.extend([0; 64]);
        assert_eq!(image.check(64), [Suspect { start: seal, end: seal.plus(64) }]);
    }
}

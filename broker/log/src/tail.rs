//! The newest records, in memory.
//!
//! The tail is a list of chunks of block-aligned memory. A chunk is the image of a contiguous part of one segment, and
//! starts at a block.
//!
//! A reader of a record holds the whole chunk, also when the tail has dropped it. If readers hold many of such chunks,
//! they get copies of small records, so that a few bytes that are read slowly do not hold a chunk each.
//!
//! Invariants: every chunk but the last is filled to the end of a block or closed by a seal, so that each block of the
//! log lies in one chunk. A record lies in one chunk, so that it can be read without a copy.

use std::collections::VecDeque;

use bytes::Bytes;
use posthouse_disk::{BLOCK_BYTES, Chunk, Pool};

use crate::{
    Position,
    position::BLOCK,
    record::{HEADER_BYTES, Header},
};

/// The chunks, oldest first, and the memory for more.
#[derive(Debug)]
pub(crate) struct Tail {
    chunks: VecDeque<TailChunk>,
    pool: Pool,
    /// Memory for the copy of the last, partly filled block of each write.
    blocks: Pool,
    /// The sum of the chunks' capacities in bytes.
    bytes: u64,
    /// How many of the chunks are the pool's.
    pooled: usize,
    /// Bytes of the pool's chunks that readers may hold beside those of the tail.
    pinned_bytes_max: usize,
    /// Readers find no payload before this position.
    readable_from: Position,
    /// Bytes that follow each payload in its record.
    tag_bytes: usize,
}

/// A chunk and its place in the log.
#[derive(Debug)]
struct TailChunk {
    start: Position,
    chunk: Chunk,
    is_pooled: bool,
}

impl TailChunk {
    /// The position behind its last byte.
    fn end(&self) -> Position {
        self.start.plus(self.chunk.len() as u64)
    }
}

/// Unused chunks that the pool keeps. The loop needs one; the others come back from readers late.
const CHUNKS_KEPT: usize = 4;
/// Unused blocks that the pool keeps: one for each commit under way, and some for the commits before.
const BLOCKS_KEPT: usize = 8;

impl Tail {
    /// A tail without chunks. Chunks have `chunk_bytes` bytes, if a record does not need more. Above `pinned_bytes_max`
    /// bytes of chunks that only readers hold, readers get copies of small records.
    pub(crate) fn new(chunk_bytes: usize, pinned_bytes_max: u64) -> Self {
        Self {
            chunks: VecDeque::new(),
            pool: Pool::new(chunk_bytes, CHUNKS_KEPT),
            blocks: Pool::new(BLOCK_BYTES, BLOCKS_KEPT),
            bytes: 0,
            pooled: 0,
            pinned_bytes_max: usize::try_from(pinned_bytes_max).unwrap_or(usize::MAX),
            readable_from: Position::ZERO,
            tag_bytes: 0,
        }
    }

    /// Readers find payloads from this position on only, with `tag_bytes` bytes behind each: the bytes before it are
    /// those of the disk, where records may be encrypted.
    pub(crate) fn open_from(&mut self, position: Position, tag_bytes: usize) {
        self.readable_from = position;
        self.tag_bytes = tag_bytes;
    }

    /// How many bytes can be appended before another chunk is needed.
    pub(crate) fn room(&self) -> usize {
        self.chunks.back().map_or(0, |last| last.chunk.remaining())
    }

    /// Opens a chunk for at least `size` bytes.
    ///
    /// # Panics
    ///
    /// If `start` is not the start of a block, or before the end of the last chunk.
    pub(crate) fn open_chunk(&mut self, start: Position, size: usize) {
        assert_eq!(start, start.block_start(), "a chunk starts at a block");
        assert!(self.chunks.back().is_none_or(|last| last.end() <= start), "chunks follow each other");
        let is_pooled = size <= self.pool.length();
        let chunk = if is_pooled { self.pool.chunk() } else { Chunk::unpooled(size) };
        self.pooled += usize::from(is_pooled);
        self.bytes += chunk.capacity() as u64;
        self.chunks.push_back(TailChunk { start, chunk, is_pooled });
    }

    /// Appends the parts, one after the other.
    ///
    /// # Panics
    ///
    /// If no chunk is open, or the parts are longer than [`Tail::room`].
    #[inline]
    pub(crate) fn append(&mut self, parts: &[&[u8]]) {
        self.chunks.back_mut().expect("appending follows the opening of a chunk").chunk.append(parts);
    }

    /// Drops the oldest chunks until at most `keep` bytes are held. Keeps the last one, and those that end behind
    /// `durable`.
    pub(crate) fn forget(&mut self, durable: Position, keep: u64) {
        while self.bytes > keep && self.chunks.len() > 1 {
            let oldest = self.chunks.front().expect("there are two");
            if oldest.end() > durable {
                return;
            }
            self.bytes -= oldest.chunk.capacity() as u64;
            self.pooled -= usize::from(oldest.is_pooled);
            self.chunks.pop_front();
        }
    }

    /// The position of the first byte that is held. `None` if none is.
    pub(crate) fn start(&self) -> Option<Position> {
        self.chunks.front().map(|oldest| oldest.start)
    }

    /// How many bytes of memory are held.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether readers hold so much memory of chunks which the tail has dropped that a record of `length` bytes is copied
    /// for its reader. One that fills half of a chunk never is.
    fn is_copied(&self, length: usize) -> bool {
        let pinned_bytes = self.pool.in_use().saturating_sub(self.pooled) * self.pool.length();
        length < self.pool.length() / 2 && pinned_bytes > self.pinned_bytes_max
    }

    /// The payload of the record at `position`, or `None` if it is not held.
    ///
    /// # Panics
    ///
    /// If the record has another length: the caller's bookkeeping is wrong.
    pub(crate) fn payload(&mut self, position: Position, length: usize) -> Option<Bytes> {
        if position < self.readable_from {
            return None;
        }
        let stored = length + self.tag_bytes;
        let index = self.chunks.partition_point(|chunk| chunk.start <= position).checked_sub(1)?;
        let is_copied = self.is_copied(length);
        let chunk = &mut self.chunks[index];
        if position.plus((HEADER_BYTES + stored) as u64) > chunk.end() {
            return None;
        }
        let start = usize::try_from(position.since(chunk.start)).expect("within a chunk");
        let bytes = chunk.chunk.bytes();
        let header = Header::parse(bytes[start..start + HEADER_BYTES].try_into().expect("eight bytes"));
        assert_eq!(header.length(), stored, "the length of the record at {position}");
        let payload = start + HEADER_BYTES..start + HEADER_BYTES + length;
        Some(if is_copied { Bytes::copy_from_slice(&bytes[payload]) } else { bytes.slice(payload) })
    }

    /// Appends the blocks from `from`, which is the start of a block, to `to` as slices for a write. If `to` lies
    /// within a block, the slice of that block is a copy with zeros behind `to`, because appending goes on in the
    /// original while the kernel reads.
    ///
    /// # Panics
    ///
    /// If the range is not held.
    pub(crate) fn gather(&mut self, from: Position, to: Position, slices: &mut Vec<Bytes>) {
        debug_assert_eq!(from, from.block_start());
        let whole = to.block_start();
        let mut at = from;
        let mut index = self.chunks.partition_point(|chunk| chunk.start <= from) - 1;
        while at < to {
            let chunk = &mut self.chunks[index];
            let start = usize::try_from(at.since(chunk.start)).expect("within a chunk");
            let end = chunk.end().min(to);
            assert!(at < end, "what is written is in memory");
            let whole_end = end.min(whole);
            if at < whole_end {
                let length = usize::try_from(whole_end.since(at)).expect("within a chunk");
                slices.push(chunk.chunk.bytes().slice(start..start + length));
                at = whole_end;
            }
            if at == whole && end == to && whole < to {
                let start = usize::try_from(whole.since(chunk.start)).expect("within a chunk");
                let length = usize::try_from(to.since(whole)).expect("within a block");
                let mut block = self.blocks.buffer();
                block[..length].copy_from_slice(&chunk.chunk.bytes()[start..start + length]);
                block[length..].fill(0);
                slices.push(block.freeze(BLOCK_BYTES));
                return;
            }
            index += 1;
        }
    }
}

const _: () = assert!(BLOCK == BLOCK_BYTES as u64);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Framing;

    fn filled(chunks: &[(u64, usize)]) -> Tail {
        let mut tail = Tail::new(2 * BLOCK_BYTES, 0);
        for (start, length) in chunks {
            tail.open_chunk(Position::new(*start), *length);
            let content: Vec<u8> =
                (0..*length).map(|at| u8::try_from((start + at as u64) / 8 % 251).unwrap()).collect();
            tail.append(&[&content]);
        }
        tail
    }

    #[test]
    fn writes_are_whole_blocks_across_chunks_with_zeros_behind_the_end() {
        let mut tail = filled(&[(4096, 8192), (12288, 5000)]);
        let mut slices = Vec::new();
        tail.gather(Position::new(8192), Position::new(12288 + 5000), &mut slices);
        assert_eq!(slices.iter().map(Bytes::len).collect::<Vec<_>>(), [4096, 4096, 4096]);
        let written: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        for (at, byte) in written.iter().enumerate() {
            let expected = if at < 4096 + 5000 { u8::try_from((8192 + at) / 8 % 251).unwrap() } else { 0 };
            assert_eq!(*byte, expected, "at {at}");
        }
        for slice in &slices {
            assert_eq!(slice.as_ptr() as usize % BLOCK_BYTES, 0);
        }
        slices.clear();
        tail.gather(Position::new(4096), Position::new(12288), &mut slices);
        assert_eq!(slices.iter().map(Bytes::len).collect::<Vec<_>>(), [8192]);
    }

    #[test]
    fn payloads_come_from_the_chunk_that_holds_all_of_them() {
        let framing = Framing::new(&[7; 16]);
        let mut tail = Tail::new(BLOCK_BYTES, 0);
        for start in [4096, 8192] {
            tail.open_chunk(Position::new(start), BLOCK_BYTES);
            tail.append(&[&framing.header(Position::new(start), 1, 5, &[b"hello"]), b"hello"]);
        }
        for start in [4096, 8192] {
            assert_eq!(&tail.payload(Position::new(start), 5).unwrap()[..], b"hello");
        }
        assert!(tail.payload(Position::new(4088), 5).is_none());
        assert!(tail.payload(Position::new(8192), 6).is_none());
        assert!(tail.payload(Position::new(8200), 0).is_none());
    }

    #[test]
    fn readers_that_hold_much_get_copies() {
        let framing = Framing::new(&[7; 16]);
        let mut tail = Tail::new(2 * BLOCK_BYTES, 2 * BLOCK_BYTES as u64);
        let half = vec![b'x'; BLOCK_BYTES];
        let mut held = Vec::new();
        for number in 0..4_u64 {
            let start = Position::new(4096 + number * 2 * 4096);
            tail.open_chunk(start, 2 * BLOCK_BYTES);
            tail.append(&[&framing.header(start, 1, 5, &[b"hello"]), b"hello", &[0; 3]]);
            let second = start.plus(16);
            tail.append(&[&framing.header(second, 1, half.len(), &[&half]), &half, &[0; BLOCK_BYTES - 24]]);
            tail.forget(Position::new(u64::MAX), 0);
            held.push((tail.payload(start, 5).unwrap(), tail.payload(second, half.len()).unwrap()));
        }
        let distances: Vec<isize> =
            held.iter().map(|(small, large)| (large.as_ptr() as isize) - (small.as_ptr() as isize)).collect();
        assert_eq!(distances[..2], [16, 16], "slices of one chunk");
        assert!(distances[2..].iter().all(|distance| *distance != 16), "two chunks are held besides: {distances:?}");
        assert!(held.iter().all(|(small, large)| &small[..] == b"hello" && large == &half));
        assert_eq!(tail.pool.in_use(), 4, "a record that fills half of a chunk holds it");
    }

    #[test]
    fn only_durable_chunks_are_forgotten_and_never_the_last() {
        let mut tail = filled(&[(4096, 8192), (12288, 8192), (20480, 5000)]);
        tail.forget(Position::new(12288), 0);
        assert_eq!(tail.bytes(), 16384);
        tail.forget(Position::new(99999), 8192);
        assert_eq!(tail.bytes(), 8192);
        tail.forget(Position::new(99999), 0);
        assert_eq!(tail.bytes(), 8192);
    }
}

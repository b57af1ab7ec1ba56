//! The settings of a log, with the reason of each default.

use posthouse_disk::BLOCK_BYTES;
use posthouse_encryption::{Encryption, TAG_BYTES};

use crate::{
    position::BLOCK,
    record::{PAYLOAD_BYTES_MAX, SEAL_BYTES, record_bytes},
};

/// The settings of a log. Sizes apply to files created from now on. Files of other sizes in the directory are kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// Random bytes that distinguish this log from every other. Used when the directory is empty; afterwards the
    /// directory keeps the identity.
    pub identity: [u8; 16],
    /// The length of a segment's file in bytes. A segment of 64 MiB is reclaimed and copied within tens of
    /// milliseconds, and 1 TB of backlog has 16,000 files.
    pub segment_bytes: u64,
    /// The length of the first segment's file in bytes. It is small because the first start waits for its creation.
    pub first_segment_bytes: u64,
    /// The unit of memory for the newest records in bytes. A larger record gets memory of its own.
    pub chunk_bytes: usize,
    /// How many bytes of the newest records stay in memory, in whole chunks.
    pub tail_bytes: u64,
    /// How many commits may be under way. The second and later ones start only for a full batch.
    pub commits_in_flight_max: usize,
    /// How many appended bytes are a full batch.
    pub batch_bytes: u64,
    /// How many cold reads are submitted to the disk at once. More wait in the log.
    pub reads_in_flight_max: usize,
    /// How many bytes of blocks that were read from the disk stay in memory, those included that are being read. Readers
    /// of records may hold as many besides.
    pub read_cache_bytes: u64,
    /// How many cold segments stay open.
    pub cold_files_open_max: usize,
    /// The keys that new segments are encrypted with, and that earlier ones are read with.
    pub encryption: Encryption,
}

impl Options {
    /// The defaults, for a log with this identity.
    #[must_use]
    pub fn new(identity: [u8; 16]) -> Self {
        Self {
            identity,
            segment_bytes: 64 * 1024 * 1024,
            first_segment_bytes: 4 * 1024 * 1024,
            chunk_bytes: 1024 * 1024,
            tail_bytes: 16 * 1024 * 1024,
            commits_in_flight_max: 1,
            batch_bytes: 64 * 1024,
            reads_in_flight_max: 64,
            read_cache_bytes: 64 * 1024 * 1024,
            cold_files_open_max: 128,
            encryption: Encryption::off(),
        }
    }

    /// The longest payload of a record in bytes: a record lies in one segment, and its length has 24 bits. A tag fits
    /// behind the payload, so that the limit does not depend on encryption.
    #[must_use]
    pub fn payload_bytes_max(&self) -> usize {
        let room = self.segment_bytes - BLOCK - SEAL_BYTES - record_bytes(0) as u64;
        let stored = usize::try_from(room).map_or(PAYLOAD_BYTES_MAX, |room| (room / 8 * 8).min(PAYLOAD_BYTES_MAX));
        stored - TAG_BYTES
    }

    /// Checks sizes and limits.
    ///
    /// # Panics
    ///
    /// If a file is not two or more whole blocks, a chunk is not whole blocks, or a limit is zero.
    pub(crate) fn check(&self) {
        for bytes in [self.segment_bytes, self.first_segment_bytes] {
            assert!(bytes.is_multiple_of(BLOCK) && bytes >= 2 * BLOCK, "a segment is two or more blocks");
        }
        assert!(self.chunk_bytes.is_multiple_of(BLOCK_BYTES) && self.chunk_bytes > 0, "a chunk is whole blocks");
        assert!(self.commits_in_flight_max > 0 && self.reads_in_flight_max > 0, "something must be allowed in flight");
    }
}

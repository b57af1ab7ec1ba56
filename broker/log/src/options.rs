//! What a log can be told at its start, with the reason of each default.

use posthouse_disk::BLOCK_BYTES;

use crate::{
    position::BLOCK,
    record::{PAYLOAD_BYTES_MAX, SEAL_BYTES, record_bytes},
};

/// The settings of a log. Sizes apply to files made from now on; a directory keeps files of other sizes.
#[derive(Clone, Debug)]
pub struct Options {
    /// Random bytes that tell this log from every other. Used when the directory is fresh; kept in it from then on.
    pub identity: [u8; 16],
    /// The length of a segment's file. 64 MiB is reclaimed and copied in tens of milliseconds, and 1 TB of backlog is
    /// 16,000 files.
    pub segment_bytes: u64,
    /// The length of the very first segment's file: small, because the first start waits for it.
    pub first_segment_bytes: u64,
    /// The unit of memory for the newest records. A record that is larger gets memory of its own.
    pub chunk_bytes: usize,
    /// How much of the newest records stays in memory, in whole chunks.
    pub tail_bytes: u64,
    /// Commits under way at once. The second and later ones start only for a full batch.
    pub commits_in_flight_max: usize,
    /// How much must wait for a further commit to start while one is under way.
    pub batch_bytes: u64,
    /// Cold reads handed to the disk at once; more wait inside.
    pub reads_in_flight_max: usize,
    /// Cold segments kept open at once.
    pub cold_files_open_max: usize,
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
            cold_files_open_max: 128,
        }
    }

    /// The largest payload of a record: what fits into a segment.
    #[must_use]
    pub fn payload_bytes_max(&self) -> usize {
        let room = self.segment_bytes - BLOCK - SEAL_BYTES - record_bytes(0) as u64;
        usize::try_from(room).map_or(PAYLOAD_BYTES_MAX, |room| (room / 8 * 8).min(PAYLOAD_BYTES_MAX))
    }

    pub(crate) fn check(&self) {
        for bytes in [self.segment_bytes, self.first_segment_bytes] {
            assert!(bytes.is_multiple_of(BLOCK) && bytes >= 2 * BLOCK, "a segment is two or more blocks");
        }
        assert!(self.chunk_bytes.is_multiple_of(BLOCK_BYTES) && self.chunk_bytes > 0, "a chunk is whole blocks");
        assert!(self.commits_in_flight_max > 0 && self.reads_in_flight_max > 0, "something must be allowed in flight");
    }
}

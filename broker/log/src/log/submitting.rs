//! Which cold reads are submitted to the disk, and the files that they need.
//!
//! At most [`Options::reads_in_flight_max`](crate::Options::reads_in_flight_max) reads are submitted at once, and of one
//! reader a quarter of that. The rest waits by reader (`turns`). What is asked for goes before what is read ahead.
//!
//! A segment with cold reads is pinned: it is not reclaimed before they end. The file of a cold segment is opened when a
//! read needs it, and at most [`Options::cold_files_open_max`](crate::Options::cold_files_open_max) stay open.

use std::io;

use posthouse_disk::{Disk, DiskOutcome, FileId, Operation};

use super::{
    Log,
    cold_read::{ColdRead, Purpose, Reader},
    extents::Extent,
    reads::Reads,
    tasks::Task,
};
use crate::{Position, header::segment_name, position::BLOCK, record::HEADER_BYTES, segments::Handle};

/// Reads that the disk does not end hold up their own reader: it has a quarter of all at most, so that the others go on.
const READERS_AT_ONCE: usize = 4;

impl Reads {
    /// Takes the next read of a reader that has fewer than `of_reader_max` under way. What is asked for goes first. An
    /// extent that was to be read ahead and is asked for by now has another place, which counts.
    fn next(&mut self, of_reader_max: usize) -> Option<ColdRead> {
        let Self { asked, ahead, in_flight, extents, .. } = self;
        let may = |reader: Reader| in_flight.get(&reader).is_none_or(|count| *count < of_reader_max);
        let is_ahead = |request: &ColdRead| match request.purpose {
            Purpose::Extent(id) => extents.get(id).is_some_and(Extent::is_only_ahead),
            Purpose::Record { .. } | Purpose::Scrub => unreachable!("extents are read ahead"),
        };
        asked.pop(may).or_else(|| std::iter::from_fn(|| ahead.pop(may)).find(is_ahead))
    }

    /// Makes a read that was taken the next one.
    fn put_back(&mut self, request: ColdRead) {
        if let Purpose::Extent(id) = request.purpose {
            self.extents.get_mut(id).expect("planned").goes_with_asked();
        }
        self.asked.push_first(request.reader, request);
    }
}

impl<D: Disk> Log<D> {
    /// Queues a read of whole blocks for the scrubber. The segment must be in the table.
    pub(super) fn read_blocks(&mut self, segment: Position, position: Position, length: usize) {
        let (reader, purpose) = (Reader::SCRUBBER, Purpose::Scrub);
        self.read_alone(ColdRead { position, length, segment, reader, purpose });
    }

    /// Submits waiting reads up to the limits, and opens the segments that they need.
    pub(super) fn start_reads(&mut self) {
        #[cfg(debug_assertions)]
        self.reads.extents.check();
        let reads_max = self.options.reads_in_flight_max;
        let of_reader_max = (reads_max / READERS_AT_ONCE).max(1);
        while self.reads.in_flight.values().sum::<usize>() < reads_max {
            let Some(request) = self.reads.next(of_reader_max) else { return };
            if !self.start_read(request) {
                return;
            }
        }
    }

    /// Submits one read, or opens its segment. Returns false if there is no room for its blocks.
    fn start_read(&mut self, mut request: ColdRead) -> bool {
        if let Purpose::Extent(id) = request.purpose {
            let extent = self.reads.extents.get_mut(id).expect("an extent is not dropped while it is planned");
            // From now on, a request for a record of it waits for this read.
            extent.goes_with_asked();
            request.length = usize::try_from(extent.end.since(id.start)).expect("at most a record and a window");
        }
        self.reads.clock += 1;
        let segment = self.segments.starting(request.segment).expect("pinned");
        if request.purpose != Purpose::Scrub {
            segment.used = self.reads.clock;
        }
        let file = match segment.file {
            Handle::Open(file) => file,
            Handle::Opening => {
                self.reads.opening.push(request);
                return true;
            }
            Handle::Closed => {
                segment.file = Handle::Opening;
                let first = segment.first;
                self.reads.opening.push(request);
                self.submit(Task::OpenSegment { first }, Operation::Open { name: segment_name(first) });
                return true;
            }
        };
        let start = segment.offset_of(request.position.block_start());
        let end = match request.purpose {
            Purpose::Record { .. } => segment.offset_of(request.position) + (HEADER_BYTES + request.length) as u64,
            Purpose::Extent(_) | Purpose::Scrub => start + request.length as u64,
        };
        if let Purpose::Extent(id) = request.purpose {
            if !self.reads.extents.make_room(id) && !self.reads.in_flight.is_empty() {
                self.reads.put_back(request);
                return false;
            }
            self.reads.extents.begin(id);
        }
        *self.reads.in_flight.entry(request.reader).or_default() += 1;
        self.stats.cold_reads += 1;
        let length = u32::try_from(end.next_multiple_of(BLOCK) - start).expect("records are short");
        self.submit(Task::Read(request), Operation::Read { file, offset: start, length });
        true
    }

    /// Takes in the end of an opening: its reads are the next ones, or fail with its error.
    pub(super) fn segment_opened(&mut self, first: Position, result: io::Result<DiskOutcome>) {
        let segment = self.segments.starting(first).expect("pinned");
        let waiting: Vec<ColdRead> = self.reads.opening.extract_if(.., |request| request.segment == first).collect();
        match result {
            Ok(DiskOutcome::Opened { file, .. }) => {
                segment.file = Handle::Open(file);
                for request in waiting.into_iter().rev() {
                    self.reads.put_back(request);
                }
                self.close_coldest();
            }
            Ok(other) => unreachable!("an opening completed with {other:?}"),
            Err(error) => {
                segment.file = Handle::Closed;
                for request in waiting {
                    self.read_failed(request, &error);
                }
            }
        }
    }

    /// If too many cold segments are open, closes the one that has been unused for longest.
    fn close_coldest(&mut self) {
        let mut open = 0;
        let mut coldest: Option<(u64, Position, FileId)> = None;
        for segment in self.segments.iter().take_while(|segment| segment.first < self.tail_first) {
            let Handle::Open(file) = segment.file else { continue };
            open += 1;
            let candidate = segment.pins == 0 && segment.end() <= self.commits.durable.position;
            if candidate && coldest.is_none_or(|(used, ..)| segment.used < used) {
                coldest = Some((segment.used, segment.first, file));
            }
        }
        if open > self.options.cold_files_open_max
            && let Some((_, first, file)) = coldest
        {
            let segment = self.segments.starting(first).expect("just seen");
            segment.file = Handle::Closed;
            segment.protection.forget_key();
            self.submit(Task::Close, Operation::Close { file });
        }
    }
}

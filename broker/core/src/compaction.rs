//! Compaction: the few records that are left in a segment are moved to the end of the log, so that its file can be used again.
//!
//! ```text
//!  resting --(too much is dead)--> listing --> searching --> moving --> resting
//!            the records that were    all references     each record is
//!            moved there before       into the segments  read and appended
//! ```
//!
//! The aim is that the data directory takes no more than twice the live bytes and `storage.compaction_slack_bytes`. A quarter
//! of the slack is for what is dead in closed segments: beyond that and as much as is live, a pass begins. The rest is for
//! the log since the last checkpoint, for spares and for the segment that is written: near the aim a checkpoint begins
//! ([`Compaction::wants_checkpoint`]).
//!
//! A pass takes the emptiest segments first, the oldest among equals. A segment is worth it if half of it is dead at least:
//! then a pass frees what it writes. A queue that is consumed in order empties its segments by itself and is left alone.
//!
//! What is moved waits for nothing and holds up nothing: a turn of the loop reads and appends one piece of
//! [`PIECE_BYTES_MAX`] at most, at `storage.compaction_bytes_per_second` in all, while the disk has nothing else to do or
//! after it has waited for [`PATIENCE`].
//!
//! A record that cannot be read stays where it is, and so does its segment: it is left to the search for damaged messages.
//!
//! On a full disk a pass takes one segment at a time, and only while half of the reserve is left. It frees more than it
//! takes once the checkpoint behind it is durable, which the full disk begins at once.

use core::time::Duration;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use posthouse_disk::Disk;
use posthouse_engine::{Engine, FoundReference, PageRequest, Position, ReferenceSearch, ReferenceStep, Referrer};
use posthouse_log::{
    Log, MovedRecord, Noted, Read, ReadError, ReadId, RelocationCursor, Sharing, Space, SparseSegment,
};
use posthouse_model::Timestamp;

use crate::CompactionOptions;
use crate::journal::{COMPACTION, from_log, to_log};

type LogPosition = posthouse_log::Position;

/// The largest piece, but for a single record that is longer: a commit with it takes little longer than one without.
const PIECE_BYTES_MAX: u64 = 128 * 1024;

/// Pieces a second at rates below [`PIECE_BYTES_MAX`] times this.
const PIECES_PER_SECOND: u64 = 16;

/// The longest time that a piece waits for an idle disk. At 20 ms a disk that is never idle takes 6 MiB a second.
const PATIENCE: Duration = Duration::from_millis(20);

/// Bytes that may wait for the disk while a piece is appended.
const AHEAD_BYTES: u64 = 256 * 1024;

/// How long after a pass, or after a look that found nothing to do, the log is looked at again, if it has changed.
const PAUSE: Duration = Duration::from_millis(200);

/// Segments of one pass at most, so that a search looks for few ranges.
const SEGMENTS_MAX: usize = 64;

/// References into the segments of one pass at most, unless it has only one: what it has found is put in order in one turn.
const RECORDS_MAX: u64 = 32 * 1024;

/// Bytes that one pass moves at most, unless it has only one segment, so that the moves of a pass soon free something.
const PASS_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Messages that one slice of a search looks at: some tens of microseconds.
const SLICE_MESSAGES: usize = 512;

/// Moves that one slice looks at while it lists what was moved to a segment before.
const SLICE_MOVES: usize = 4096;

/// Records, or pages, that are read at once. One reader of the log may have as many reads.
const READS_MAX: usize = 16;

/// The bytes of these records at most, but for a single one.
const READ_BYTES_MAX: u64 = 1024 * 1024;

/// Where records lie further apart on the average, each is read alone.
const SPREAD_BYTES: u64 = 64 * 1024;

/// Records that the table of moves lists and that no reference leads to, from which on a pass looks for them alone. A pass
/// looks at all messages, and fewer records than these take little of the disk.
const STALE_MIN: u64 = 4096;

/// What the table of moves takes for one record.
const MOVE_BYTES: u64 = 16;

/// What compaction has done since the start, and what it is about to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompactionStatistics {
    /// Passes that ended.
    pub passes: u64,
    /// Segments that could not be emptied: a record in them, or a page that refers to one, could not be read.
    pub segments_given_up: u64,
    /// Bytes on the disk beyond the aim when the log was last looked at. They are what compaction is to free.
    pub pending_bytes: u64,
    /// Segments of the present pass; zero between two.
    pub segments_under_way: u64,
    /// Whether the table of moves had no room for the moves out of a segment that was worth it.
    pub is_table_full: bool,
}

/// Compaction.
pub(crate) struct Compaction {
    options: CompactionOptions,
    phase: Phase,
    /// The reads that are under way.
    reads: BTreeMap<ReadId, Purpose>,
    /// Segments that are not tried again before a restart.
    shunned: BTreeSet<LogPosition>,
    /// When the next piece may be moved.
    next: Timestamp,
    /// When the log is measured again.
    measured_until: Timestamp,
    measure: Measure,
    statistics: CompactionStatistics,
}

/// What the log took when it was last measured.
#[derive(Clone, Copy, Default)]
struct Measure {
    /// Bytes of files that are emptied, and go with the next checkpoint.
    emptied: u64,
    /// Bytes that were appended since replay start.
    replayed: u64,
    /// Whether the data directory is near the aim, or beyond it.
    is_near_aim: bool,
}

enum Phase {
    /// The log is looked at again at `until`, if it has changed since it was at `seen`.
    Resting {
        until: Timestamp,
        seen: Option<Seen>,
    },
    Listing(Pass, RelocationCursor),
    Searching(Pass, ReferenceSearch, Searched),
    Moving(Pass, Moving),
}

/// The log when it was looked at: its end and the start of replay.
type Seen = (LogPosition, LogPosition);

/// How far a search is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Searched {
    InPart,
    /// All has been looked at. Pages may still be read.
    Whole,
}

/// What one pass is about.
#[derive(Default)]
struct Pass {
    /// The segments to be emptied, by their first positions, and their ends.
    segments: BTreeMap<LogPosition, LogPosition>,
    /// The segments whose moves are looked through, likewise. Some may be in `segments` too.
    stale: BTreeMap<LogPosition, LogPosition>,
    /// The bytes of the segments that hold records.
    used_bytes: u64,
    /// What is to be moved.
    records: Vec<Record>,
    /// Segments that cannot be emptied.
    given_up: BTreeSet<LogPosition>,
}

/// A record to be moved.
#[derive(Clone, Copy)]
struct Record {
    name: LogPosition,
    length: u32,
    sharing: Sharing,
}

#[derive(Default)]
struct Moving {
    /// What is to be read, in the order in which it lies on the disk.
    records: VecDeque<Record>,
    /// What was read.
    read: VecDeque<(Record, Bytes)>,
    /// The bytes that are being read or were read.
    bytes: u64,
    /// Whether the records are so far apart that each is read alone.
    is_spread: bool,
    /// Records to which references came since the search.
    referred: BTreeSet<LogPosition>,
    /// Whether such references came that do not say to which record they lead.
    is_blurred: bool,
}

enum Purpose {
    /// A page, and a position of each region that its messages refer to.
    Page(PageRequest, Vec<Position>),
    Record(Record),
}

/// Whether records may be moved now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moves {
    Allowed,
    /// A checkpoint writes the table of moves.
    Paused,
}

impl Compaction {
    pub(crate) const fn new(options: CompactionOptions) -> Self {
        Self {
            options,
            phase: Phase::Resting { until: Timestamp::EPOCH, seen: None },
            reads: BTreeMap::new(),
            shunned: BTreeSet::new(),
            next: Timestamp::EPOCH,
            measured_until: Timestamp::EPOCH,
            measure: Measure { emptied: 0, replayed: 0, is_near_aim: false },
            statistics: CompactionStatistics {
                passes: 0,
                segments_given_up: 0,
                pending_bytes: 0,
                segments_under_way: 0,
                is_table_full: false,
            },
        }
    }

    /// What it has done so far.
    pub(crate) const fn statistics(&self) -> CompactionStatistics {
        self.statistics
    }

    /// Whether a read is one of its own: [`Compaction::complete`] takes it.
    pub(crate) fn has(&self, read: ReadId) -> bool {
        self.reads.contains_key(&read)
    }

    /// Whether a checkpoint, which writes `size` bytes, is worth it for the files that it frees: a quarter of the slack, or
    /// near the aim an eighth, but twice what it writes.
    pub(crate) fn wants_checkpoint(&self, size: u64) -> bool {
        if self.options.bytes_per_second == 0 {
            return false;
        }
        let Measure { emptied, replayed, is_near_aim } = self.measure;
        let slack = self.options.slack_bytes;
        emptied >= (slack / 4).max(2 * size).max(1)
            || is_near_aim && emptied + replayed >= (slack / 8).max(2 * size).max(1)
    }

    /// Notes that the clock was set: all times are due at once.
    pub(crate) const fn clock_set(&mut self) {
        (self.next, self.measured_until) = (Timestamp::EPOCH, Timestamp::EPOCH);
        if let Phase::Resting { until, .. } = &mut self.phase {
            *until = Timestamp::EPOCH;
        }
    }

    /// Notes that a checkpoint has ended.
    pub(crate) fn checkpointed(&mut self) {
        // The files go once the superblock is durable. Until then the measure would ask for another checkpoint.
        self.measure = Measure::default();
        if let Phase::Resting { seen, .. } = &mut self.phase {
            *seen = None;
        }
    }

    /// Whether there is something to do at once. If so, the loop must not sleep.
    pub(crate) fn is_due<D: Disk>(&self, now: Timestamp, log: &Log<D>, moves: Moves) -> bool {
        match &self.phase {
            Phase::Resting { .. } => false,
            Phase::Listing(..) => true,
            Phase::Searching(_, _, Searched::InPart) => self.reads.len() < READS_MAX,
            Phase::Searching(_, _, Searched::Whole) => self.reads.is_empty(),
            Phase::Moving(_, moving) => match moves {
                Moves::Paused => false,
                Moves::Allowed => {
                    moving.is_over(&self.reads) || self.may_move(now, log) && moving.has_work(&self.reads)
                }
            },
        }
    }

    /// When [`Compaction::advance`] is to be called next. `None` if it is off, or if the disk's next completion or the next
    /// request comes first.
    pub(crate) fn due<D: Disk>(&self, log: &Log<D>, moves: Moves) -> Option<Timestamp> {
        if self.options.bytes_per_second == 0 || moves == Moves::Paused {
            return None;
        }
        match &self.phase {
            Phase::Resting { until, seen } => (*seen != Some(seen_now(log))).then_some(*until),
            Phase::Listing(..) | Phase::Searching(..) => None,
            Phase::Moving(_, moving) if !moving.has_work(&self.reads) || !self.has_room(log) => None,
            Phase::Moving(..) => Some(if is_free(log) { self.next } else { self.next + PATIENCE }),
        }
    }

    /// Whether a piece finds room: on a full disk, some of the reserve is left to requests and checkpoints.
    fn has_room<D: Disk>(&self, log: &Log<D>) -> bool {
        match log.space() {
            Space::Plenty => true,
            Space::Reserve { .. } => log.room_for(self.options.reserve_bytes),
        }
    }

    fn may_move<D: Disk>(&self, now: Timestamp, log: &Log<D>) -> bool {
        self.has_room(log) && self.next <= now && (is_free(log) || self.next + PATIENCE <= now)
    }

    /// Does the next step, if one is due. The log takes events now.
    pub(crate) fn advance<D: Disk>(&mut self, now: Timestamp, engine: &mut Engine, log: &mut Log<D>, moves: Moves) {
        if self.options.bytes_per_second == 0 {
            return;
        }
        if self.measured_until <= now {
            self.measured_until = now + PAUSE;
            self.measure(engine, log);
        }
        let phase = core::mem::replace(&mut self.phase, Phase::Resting { until: now + PAUSE, seen: None });
        self.phase = match phase {
            Phase::Resting { until, seen } if until > now || seen == Some(seen_now(log)) => {
                Phase::Resting { until, seen }
            }
            Phase::Resting { .. } => self.look(now, log),
            Phase::Listing(pass, from) => list(pass, from, log),
            Phase::Searching(pass, search, searched) => self.search((pass, search, searched), engine, log, now),
            Phase::Moving(pass, moving) => match moves {
                Moves::Paused => Phase::Moving(pass, moving),
                Moves::Allowed => self.go_on_moving(now, (pass, moving), engine, log),
            },
        };
        self.statistics.segments_under_way = match &self.phase {
            Phase::Resting { .. } => 0,
            Phase::Listing(pass, _) | Phase::Searching(pass, ..) | Phase::Moving(pass, _) => pass.segments.len() as u64,
        };
    }

    /// Measures what the log takes.
    fn measure<D: Disk>(&mut self, engine: &mut Engine, log: &Log<D>) {
        let stats = log.stats();
        engine.share_index(stats.relocation_bytes);
        let slack = self.options.slack_bytes;
        self.measure = Measure {
            emptied: log.emptied_bytes(),
            replayed: log.bytes_since_replay_start(),
            is_near_aim: stats.segment_bytes + stats.spare_bytes > 2 * stats.live_bytes + slack / 8 * 7,
        };
        let allowed = match log.space() {
            Space::Plenty => stats.live_bytes + slack / 4,
            Space::Reserve { .. } => 0,
        };
        self.statistics.pending_bytes = log.closed_dead_bytes().saturating_sub(allowed);
    }

    /// Begins a pass if one is worth it.
    fn look<D: Disk>(&mut self, now: Timestamp, log: &mut Log<D>) -> Phase {
        let mut pass = Pass::default();
        if self.statistics.pending_bytes > 0 {
            self.choose(self.statistics.pending_bytes, log, &mut pass);
        }
        let stale = log.stale_records();
        let is_worth_it = stale >= STALE_MIN && stale * 4 >= log.relocations();
        if stale > 0 && (!pass.segments.is_empty() || is_worth_it) {
            pass.stale = log.stale_segments().into_iter().map(|range| (range.start, range.end)).collect();
        }
        if pass.segments.is_empty() && pass.stale.is_empty() {
            return Phase::Resting { until: now + PAUSE, seen: Some(seen_now(log)) };
        }
        let watched: Vec<LogPosition> = pass.segments.keys().chain(pass.stale.keys()).copied().collect();
        log.watch(&watched);
        Phase::Listing(pass, RelocationCursor::START)
    }

    /// Chooses the segments of a pass: the emptiest first, the oldest among equals.
    fn choose<D: Disk>(&mut self, excess: u64, log: &Log<D>, pass: &mut Pass) {
        let mut sparse: Vec<SparseSegment> =
            log.sparse_segments().into_iter().filter(|segment| !self.shunned.contains(&segment.first)).collect();
        // Eighths are equal enough: of segments that are nearly as empty the older one has settled.
        sparse.sort_by_key(|segment| (segment.live_bytes * 8 / segment.used_bytes.max(1), segment.first));
        let (segments_max, bytes_max) = match log.space() {
            Space::Plenty => (SEGMENTS_MAX, PASS_BYTES_MAX),
            Space::Reserve { .. } => (1, self.options.reserve_bytes / 2),
        };
        let is_short = matches!(log.space(), Space::Reserve { .. });
        let (mut freed, mut moved, mut references) = (0, 0, 0);
        let mut table_left = self.options.table_bytes_max.saturating_sub(log.relocation_bytes());
        self.statistics.is_table_full = false;
        for segment in sparse {
            let fits = moved + segment.live_bytes <= bytes_max && references + segment.references <= RECORDS_MAX;
            let is_first = pass.segments.is_empty() && !is_short;
            if pass.segments.len() == segments_max || freed >= excess || !(fits || is_first) {
                break;
            }
            let table = segment.references * MOVE_BYTES;
            if table > table_left {
                self.statistics.is_table_full = true;
                continue;
            }
            table_left -= table;
            references += segment.references;
            freed += segment.used_bytes - segment.live_bytes;
            moved += segment.live_bytes;
            pass.used_bytes += segment.used_bytes;
            pass.segments.insert(segment.first, segment.end);
        }
    }

    /// Does the next slice of the search. At its end the records to be moved are known.
    fn search<D: Disk>(
        &mut self,
        (mut pass, mut search, mut searched): (Pass, ReferenceSearch, Searched),
        engine: &Engine,
        log: &mut Log<D>,
        now: Timestamp,
    ) -> Phase {
        if searched == Searched::InPart && self.reads.len() < READS_MAX {
            match engine.search_references(&mut search, SLICE_MESSAGES) {
                ReferenceStep::More => {}
                ReferenceStep::Done => searched = Searched::Whole,
                ReferenceStep::Page { request, regions } => {
                    match log.read(COMPACTION, to_log(request.position()), request.length() as usize) {
                        Read::Ready(payload) => {
                            let page = PageRead { request, regions: &regions, result: Ok(payload) };
                            search_page((&mut pass, &mut search), log, page);
                        }
                        Read::Pending(read) => {
                            self.reads.insert(read, Purpose::Page(request, regions));
                        }
                    }
                }
            }
        }
        if searched == Searched::InPart || !self.reads.is_empty() {
            return Phase::Searching(pass, search, searched);
        }
        match log.take_noted() {
            Noted::Unknown => {
                log.end_watch();
                Phase::Resting { until: now + PAUSE, seen: None }
            }
            Noted::Records(noted) => {
                settle(&mut pass, &search.take_found(), noted, log);
                let mut records = core::mem::take(&mut pass.records);
                records.retain(|record| log.can_relocate(record.length) || !give_up_of(&mut pass, record.name, log));
                records.sort_by_cached_key(|record| log.record_of(record.name));
                let is_spread = pass.used_bytes / (records.len() as u64).max(1) > SPREAD_BYTES;
                Phase::Moving(pass, Moving { records: records.into(), is_spread, ..Moving::default() })
            }
        }
    }

    /// Reads and appends the next piece.
    fn go_on_moving<D: Disk>(
        &mut self,
        now: Timestamp,
        (mut pass, mut moving): (Pass, Moving),
        engine: &Engine,
        log: &mut Log<D>,
    ) -> Phase {
        match log.take_noted() {
            Noted::Unknown => moving.is_blurred = true,
            Noted::Records(noted) => moving.referred.extend(noted.into_iter().map(|(name, _)| name)),
        }
        if moving.is_over(&self.reads) {
            self.end(&mut pass, log);
            self.measured_until = now;
            return Phase::Resting { until: now, seen: None };
        }
        if !self.may_move(now, log) {
            return Phase::Moving(pass, moving);
        }
        let piece = (self.options.bytes_per_second / PIECES_PER_SECOND).clamp(1, PIECE_BYTES_MAX);
        // The search does not find what is still to be released, and its releases must not count as those of what it found.
        let is_blurred = moving.is_blurred || engine.has_releases();
        let mut done = 0;
        while done < piece
            && let Some((record, payload)) = moving.read.pop_front()
        {
            let length = u64::from(record.length);
            moving.bytes -= length;
            done += length;
            let is_shared = is_blurred || moving.referred.contains(&record.name);
            let sharing = if is_shared { Sharing::Shared } else { record.sharing };
            // Without a reference into its segment the record is not needed any more.
            let _ = log.relocate(MovedRecord { name: record.name, length: record.length, sharing }, &payload);
        }
        if done > 0 {
            self.next = now + Duration::from_millis(done * 1000 / self.options.bytes_per_second);
        }
        while self.reads.len() < READS_MAX
            && (moving.bytes < READ_BYTES_MAX)
            && let Some(record) = moving.records.pop_front()
        {
            moving.bytes += u64::from(record.length);
            let length = record.length as usize;
            let read = if moving.is_spread {
                log.read_anew(COMPACTION, record.name, length)
            } else {
                log.read(COMPACTION, record.name, length)
            };
            match read {
                Read::Ready(payload) => moving.read.push_back((record, payload)),
                Read::Pending(read) => drop(self.reads.insert(read, Purpose::Record(record))),
            }
        }
        Phase::Moving(pass, moving)
    }

    /// Ends a pass: the segments whose records were all moved are emptied.
    fn end<D: Disk>(&mut self, pass: &mut Pass, log: &mut Log<D>) {
        log.end_watch();
        for first in pass.segments.keys() {
            if !pass.given_up.contains(first) && !log.set_emptied(*first) {
                pass.given_up.insert(*first);
            }
        }
        self.statistics.passes += 1;
        self.statistics.segments_given_up += pass.given_up.len() as u64;
        self.shunned.append(&mut pass.given_up);
    }

    /// Takes in a completed read. Returns the position of a record that is damaged.
    pub(crate) fn complete<D: Disk>(
        &mut self,
        read: ReadId,
        result: Result<Bytes, ReadError>,
        log: &Log<D>,
    ) -> Option<Position> {
        match (self.reads.remove(&read)?, &mut self.phase) {
            (Purpose::Page(request, regions), Phase::Searching(pass, search, _)) => {
                search_page((pass, search), log, PageRead { request, regions: &regions, result });
                None
            }
            (Purpose::Record(record), Phase::Moving(pass, moving)) => match result {
                Ok(payload) => {
                    moving.read.push_back((record, payload));
                    None
                }
                Err(error) => {
                    moving.bytes -= u64::from(record.length);
                    give_up_of(pass, record.name, log);
                    // A record that nothing refers to any more may be missing, and no other is: a start has looked.
                    let is_damage = matches!(error, ReadError::Corrupt { .. } | ReadError::Unreadable { .. });
                    is_damage.then(|| from_log(record.name))
                }
            },
            (Purpose::Page(..) | Purpose::Record(_), _) => None,
        }
    }
}

impl Moving {
    fn is_over(&self, reads: &BTreeMap<ReadId, Purpose>) -> bool {
        self.records.is_empty() && self.read.is_empty() && reads.is_empty()
    }

    /// Whether a piece can be appended or read.
    fn has_work(&self, reads: &BTreeMap<ReadId, Purpose>) -> bool {
        let reads_more = !self.records.is_empty() && self.bytes < READ_BYTES_MAX && reads.len() < READS_MAX;
        !self.read.is_empty() || reads_more
    }
}

/// Lists the next records that were moved into segments of the pass before.
fn list<D: Disk>(mut pass: Pass, from: RelocationCursor, log: &Log<D>) -> Phase {
    let segments: Vec<LogPosition> = pass.segments.keys().copied().collect();
    let mut arrived = Vec::new();
    let next = log.arrived_in(&segments, from, SLICE_MOVES, &mut arrived);
    pass.records.extend(arrived.into_iter().map(|MovedRecord { name, length, sharing }| Record {
        name,
        length,
        sharing,
    }));
    match next {
        Some(next) => Phase::Listing(pass, next),
        None => {
            let mut ranges = pass.segments.clone();
            ranges.extend(pass.stale.iter().map(|(first, end)| (*first, *end)));
            let ranges = ranges.into_iter().map(|(first, end)| (from_log(first), from_log(end))).collect();
            Phase::Searching(pass, ReferenceSearch::new(ranges), Searched::InPart)
        }
    }
}

/// A page that a search has asked for.
struct PageRead<'a> {
    request: PageRequest,
    regions: &'a [Position],
    result: Result<Bytes, ReadError>,
}

/// Takes in a page that a search has asked for. If it cannot be read, what it refers to is not known: the segments that it
/// leads to are given up.
fn search_page<D: Disk>(
    (pass, search): (&mut Pass, &mut ReferenceSearch),
    log: &Log<D>,
    PageRead { request, regions, result }: PageRead<'_>,
) {
    let searched = result.map_err(drop).and_then(|payload| search.page_read(request, &payload).map_err(drop));
    if searched.is_err() {
        for region in regions {
            give_up_of(pass, to_log(*region), log);
            if let Some(first) = log.segment_of(to_log(*region)) {
                // Nothing is known of what was moved from there.
                pass.stale.remove(&first);
            }
        }
    }
}

/// Gives up the segment in which a record lies. Returns true, so that a filter can use it.
fn give_up_of<D: Disk>(pass: &mut Pass, name: LogPosition, log: &Log<D>) -> bool {
    for position in [name, log.record_of(name)] {
        if let Some(first) = log.segment_of(position).filter(|first| pass.segments.contains_key(first)) {
            pass.given_up.insert(first);
        }
    }
    true
}

/// Makes what a search has found, and what came meanwhile, the records to be moved. Gives up the moves to whose names no
/// reference was found.
fn settle<D: Disk>(pass: &mut Pass, found: &[FoundReference], noted: Vec<(LogPosition, u32)>, log: &mut Log<D>) {
    let mut names: BTreeMap<LogPosition, (u32, Sharing)> = BTreeMap::new();
    let messages =
        found.iter().map(|FoundReference { record, referrer }| (to_log(record.position), record.length, *referrer));
    for (name, length, referrer) in
        messages.chain(noted.into_iter().map(|(name, length)| (name, length, Referrer::Message)))
    {
        match names.entry(name) {
            Entry::Vacant(entry) => drop(entry.insert((length, Sharing::Single))),
            // One queue refers to a page, which a search may meet more than once.
            Entry::Occupied(mut entry) => match referrer {
                Referrer::Message => entry.get_mut().1 = Sharing::Shared,
                Referrer::Page => {}
            },
        }
    }
    for (first, end) in &pass.stale {
        let kept: Vec<LogPosition> = names.range(*first..*end).map(|(name, _)| *name).collect();
        log.keep_moved(*first, &kept);
    }
    for (first, end) in &pass.segments {
        let here = names.range(*first..*end).filter(|(name, _)| log.lies_in(**name, *first));
        pass.records.extend(here.map(|(name, (length, sharing))| Record {
            name: *name,
            length: *length,
            sharing: *sharing,
        }));
    }
}

fn is_free<D: Disk>(log: &Log<D>) -> bool {
    log.unsynced_bytes() < AHEAD_BYTES && log.is_idle()
}

fn seen_now<D: Disk>(log: &Log<D>) -> Seen {
    (log.end(), log.replay_start())
}

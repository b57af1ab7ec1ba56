//! Reads a data directory or a backup completely, and says whether a broker would start on it and serve every message.
//!
//! 1. Replay, as at a start, but nothing is written. It gives the state: which messages there are and where their records
//!    lie.
//! 2. Every record of every segment is read and its checksum compared, also of segments that replay only refers to.
//! 3. Every reference of the state is looked up among the whole records. What is not there is a lost message.
//!
//! If replay is refused, the segments are read nevertheless, and the references are not known.
//!
//! Invariant: memory is bounded by the state of the engine and by [`BODIES_MAX`], whatever the length of the log. The
//! references are looked up for some segments at a time; those to records that were moved are few, and looked up first.

use std::io;

use posthouse_disk::Disk;
use posthouse_engine::{Engine, Replay, SearchFrom, Seed};
use posthouse_log::{Audit, CheckedSegment, Corruption, Log, OpenError, Position, Recovered, SegmentFile, WholeRecord};
use posthouse_model::QueueAddress;
use posthouse_model::operation::DamagedId;

use crate::journal::from_log;
use crate::running::{StartError, replay_all};

/// References that are looked up together: some 50 MiB.
const BODIES_MAX: u64 = 1_000_000;

/// Messages that one call of the engine looks at. Nothing else waits meanwhile.
const SEARCHED_AT_ONCE: usize = 1 << 20;

/// Lost messages that [`Totals::lost`] lists at most.
pub const LOST_LISTED_MAX: usize = 100;

/// What [`verify`] found.
#[derive(Debug)]
pub struct Verdict {
    /// The state that a start would have, or why no broker starts. Without the keys of an encrypted directory it is
    /// [`OpenError::KeysMissing`]: the checksums of all records are compared nevertheless.
    pub state: Result<FoundState, StartError>,
    /// A damaged slot of the superblock, as its offset in bytes. The other one counts.
    pub damaged_slot: Option<u64>,
    /// What was found in all segments together.
    pub totals: Totals,
}

/// What was found in all segments together.
#[derive(Debug, Default)]
pub struct Totals {
    /// How many segments there are.
    pub segments: u64,
    /// How many of them hold damage.
    pub damaged_segments: u64,
    /// Records whose checksum is right.
    pub records: u64,
    /// The bytes of these records, with those of the log itself.
    pub bytes: u64,
    /// The first messages whose records are not there, at most [`LOST_LISTED_MAX`].
    pub lost: Vec<LostMessage>,
    /// How many there are.
    pub lost_count: u64,
}

/// The state that a start would have.
#[derive(Debug)]
pub struct FoundState {
    /// The report of the log.
    pub log: Recovered,
    /// Queues that there are.
    pub queues: usize,
    /// Messages that they hold.
    pub messages: u64,
    /// Damaged messages that the broker has set aside already.
    pub set_aside: u64,
    /// References that lead into a segment that is missing, if there are any: the start is refused then.
    pub missing: Option<Corruption>,
}

/// A message whose record is not there or not whole.
#[derive(Debug)]
pub struct LostMessage {
    /// Its name in requests about damaged messages.
    pub id: DamagedId,
    /// The queue that holds it.
    pub queue: Option<QueueAddress>,
    /// The position at which its record should stand.
    pub position: Position,
}

/// What a segment is to the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The log goes on in a later segment.
    Closed,
    /// The log ends in it.
    Last,
    /// It was prepared for what comes next, and holds no record yet.
    Prepared,
    /// It lies behind what was noted as durable, and no replay says where the log ends: its records were not checked.
    Unknown,
}

/// A segment, and what its check found.
#[derive(Debug)]
pub struct SegmentVerdict {
    /// Its file.
    pub file: SegmentFile,
    /// What it is to the log.
    pub place: Place,
    /// References to records in it. `None` if replay was refused.
    pub references: Option<u64>,
    /// What its check found.
    pub checked: CheckedSegment,
}

impl SegmentVerdict {
    /// Whether its header or one of its records is damaged.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.checked.header.is_some() || !self.checked.suspects.is_empty()
    }
}

impl Verdict {
    /// Whether a part of the directory is damaged or missing, as far as was checked.
    #[must_use]
    pub fn shows_damage(&self) -> bool {
        let state = self.state.as_ref().is_ok_and(|state| state.missing.is_some() || state.set_aside > 0);
        let Totals { damaged_segments, lost_count, .. } = &self.totals;
        state || self.damaged_slot.is_some() || (*damaged_segments, *lost_count) != (0, 0)
    }

    /// Whether a broker starts and every message can be read.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.state.is_ok() && !self.shows_damage()
    }
}

/// Verifies the directory that `open_disk` opens, twice in a row, and passes each segment to `report` when it has been
/// read, in the order of positions.
///
/// # Errors
/// [`OpenError`]: the superblock is damaged or missing, the directory has a later format, or the disk refuses an operation
/// for a reason that says nothing of the bytes. All other damage is in the [`Verdict`].
pub fn verify<D: Disk>(
    open_disk: impl Fn() -> io::Result<D>,
    options: &posthouse_log::Options,
    report: &mut dyn FnMut(&SegmentVerdict),
) -> Result<Verdict, OpenError> {
    let open = || open_disk().map_err(|source| OpenError::Io { action: "opening the data directory".into(), source });
    let mut audit = Audit::open(open()?)?;
    let replayed = match replay(open()?, options) {
        Err(StartError::Log(error @ (OpenError::Io { .. } | OpenError::Newer { .. } | OpenError::Older { .. }))) => {
            return Err(error);
        }
        // What is damaged shows without keys too.
        replayed => replayed,
    };
    let segments = plan(&audit, replayed.as_ref().ok());
    let engine = replayed.as_ref().ok().map(|replayed| &replayed.engine);
    let moved = replayed.as_ref().map(MovedBodies::of).unwrap_or_default();
    let mut totals = Totals::default();
    for run in runs(&segments) {
        let mut bodies = Bodies::within(engine, run, &moved);
        for Planned { file, place, references, until } in run {
            let checked = audit.check(file.first, *until, &mut |record| bodies.meet(record))?;
            bodies.pass(file.end);
            let segment = SegmentVerdict { file: file.clone(), place: *place, references: *references, checked };
            totals.add(&segment);
            report(&segment);
        }
        totals.lose(bodies.lost, engine);
    }
    Ok(Verdict { damaged_slot: audit.damaged_slot(), totals, state: replayed.map(|replayed| replayed.state) })
}

impl Totals {
    fn add(&mut self, segment: &SegmentVerdict) {
        self.segments += 1;
        self.damaged_segments += u64::from(segment.is_damaged());
        self.records += segment.checked.records;
        self.bytes += segment.checked.bytes;
    }

    fn lose(&mut self, lost: Vec<(DamagedId, Position)>, engine: Option<&Engine>) {
        self.lost_count += lost.len() as u64;
        let room = LOST_LISTED_MAX - self.lost.len();
        self.lost.extend(lost.into_iter().take(room).map(|(id, position)| {
            let queue = engine.and_then(|engine| engine.address_of(id.queue)).cloned();
            LostMessage { id, queue, position }
        }));
    }
}

/// The state of a directory that was replayed.
struct Replayed {
    engine: Engine,
    state: FoundState,
    /// References by the first positions of segments, in their order.
    references: Vec<(Position, u64)>,
    /// The records that were moved, by name, and where each is now.
    moved: Vec<(Position, Position)>,
    /// The segments that they were moved from.
    moved_from: Vec<(Position, Position)>,
}

/// Replays the log of a disk. Writes nothing.
///
/// # Errors
/// [`StartError`], as a start.
fn replay<D: Disk>(disk: D, options: &posthouse_log::Options) -> Result<Replayed, StartError> {
    let mut recovery = Log::open(disk, options.clone()).map_err(StartError::Log)?;
    let seed = Seed::new(*recovery.identity());
    let mut replay = Replay::new(posthouse_engine::Options { seed, ..posthouse_engine::Options::default() });
    replay_all(&mut recovery, &mut replay)?;
    let latest = replay.latest();
    let engine = replay.finish(latest);
    let state = FoundState {
        log: recovery.report(),
        queues: engine.queue_count(),
        messages: engine.message_count(),
        set_aside: engine.damaged_bodies().count() as u64,
        missing: recovery.missing(),
    };
    let references = recovery.references().collect();
    let (moved, moved_from) = (recovery.moved_records().collect(), recovery.moved_from().collect());
    Ok(Replayed { engine, state, references, moved, moved_from })
}

/// What is to be read of a segment.
struct Planned {
    file: SegmentFile,
    place: Place,
    references: Option<u64>,
    /// Where its records end, if no seal comes first.
    until: Position,
}

/// What is to be read of each segment.
fn plan<D: Disk>(audit: &Audit<D>, replayed: Option<&Replayed>) -> Vec<Planned> {
    let end = replayed.map_or(audit.noted(), |replayed| replayed.state.log.end);
    let references = |first| {
        let references = &replayed?.references;
        references.binary_search_by_key(&first, |(first, _)| *first).ok().map(|index| references[index].1)
    };
    let planned = |file: SegmentFile| {
        let (place, until) = match replayed {
            _ if file.end <= end => (Place::Closed, file.end),
            _ if file.first <= end => (Place::Last, end),
            Some(_) => (Place::Prepared, file.first),
            None => (Place::Unknown, file.first),
        };
        Planned { place, until, references: references(file.first), file }
    };
    audit.segments().map(planned).collect()
}

/// The segments in runs of consecutive ones that hold at most [`BODIES_MAX`] references, or one segment each.
fn runs(segments: &[Planned]) -> Vec<&[Planned]> {
    let mut runs = Vec::new();
    let (mut start, mut held) = (0, 0);
    for (index, segment) in segments.iter().enumerate() {
        let references = segment.references.unwrap_or(0);
        if index > start && held + references > BODIES_MAX {
            runs.push(&segments[start..index]);
            (start, held) = (index, 0);
        }
        held += references;
    }
    runs.push(&segments[start..]);
    runs
}

/// The references of the state into some segments, in the order of positions, while the records there are read.
struct Bodies {
    /// Reversed, so that the next one is the last.
    expected: Vec<(Position, u32, DamagedId)>,
    lost: Vec<(DamagedId, Position)>,
}

/// The references of the state to records that were moved.
#[derive(Default)]
struct MovedBodies {
    /// The names of these records. They ascend.
    names: Vec<Position>,
    /// Where each is and the length of its payload there, for each reference. They ascend.
    expected: Vec<(Position, u32, DamagedId)>,
}

impl MovedBodies {
    fn of(replayed: &Replayed) -> Self {
        let ranges: Vec<_> =
            replayed.moved_from.iter().map(|(first, end)| (from_log(*first), from_log(*end))).collect();
        let mut found = Vec::new();
        let mut from = (!ranges.is_empty()).then_some(SearchFrom::START);
        while let Some(next) = from {
            from = replayed.engine.search_bodies(&ranges, next, SEARCHED_AT_ONCE, &mut found);
        }
        let place = |name: Position| replayed.moved.binary_search_by_key(&name, |(name, _)| *name).ok();
        let expected = found.into_iter().filter_map(|(id, body)| {
            let (_, to) = replayed.moved[place(Position::new(body.position.get()))?];
            Some((to, body.length + Recovered::MOVED_NAME_BYTES, id))
        });
        let mut expected: Vec<_> = expected.collect();
        expected.sort_unstable();
        Self { names: replayed.moved.iter().map(|(name, _)| *name).collect(), expected }
    }

    fn between(&self, first: Position, end: Position) -> &[(Position, u32, DamagedId)] {
        let from = self.expected.partition_point(|(to, ..)| *to < first);
        let until = self.expected.partition_point(|(to, ..)| *to < end);
        &self.expected[from..until]
    }
}

impl Bodies {
    fn within(engine: Option<&Engine>, segments: &[Planned], moved: &MovedBodies) -> Self {
        let mut found = Vec::new();
        if let (Some(engine), [first, .., last] | [first @ last]) = (engine, segments) {
            let range = [(from_log(first.file.first), from_log(last.file.end))];
            let mut from = Some(SearchFrom::START);
            while let Some(next) = from {
                from = engine.search_bodies(&range, next, SEARCHED_AT_ONCE, &mut found);
            }
        }
        let of_log = |position: posthouse_engine::Position| Position::new(position.get());
        let here = found.into_iter().map(|(id, body)| (of_log(body.position), body.length, id));
        let mut expected: Vec<_> = here.filter(|(name, ..)| moved.names.binary_search(name).is_err()).collect();
        if let [first, .., last] | [first @ last] = segments {
            expected.extend_from_slice(moved.between(first.file.first, last.file.end));
        }
        expected.sort_unstable_by(|a, b| b.cmp(a));
        Self { expected, lost: Vec::new() }
    }

    /// Takes in the next whole record. What was expected before it is lost.
    fn meet(&mut self, record: WholeRecord) {
        self.pass(record.position);
        while let Some((position, length, id)) = self.expected.pop_if(|(position, ..)| *position == record.position) {
            if usize::try_from(length) != Ok(record.length) {
                self.lost.push((id, position));
            }
        }
    }

    /// What was expected before this position is lost.
    fn pass(&mut self, until: Position) {
        while let Some((position, _, id)) = self.expected.pop_if(|(position, ..)| *position < until) {
            self.lost.push((id, position));
        }
    }
}

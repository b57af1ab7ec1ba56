//! Records that cannot be read: what is done about them.
//!
//! ```text
//! a receive meets one -----> its message is set aside at once ------+
//! the scrubber finds a part that holds one -------------------------+--> search: which messages lie there?
//!                                                                          -> each of their records is read
//!                                                                               -> those that fail are set aside
//! ```
//!
//! A publication is one record for many queues. The queue that meets the damage sets its own message aside in the same
//! iteration, so that its receives go on. The search then finds the messages of the other queues, and sets them aside
//! together: an operator hears of all of them at once, and not of each when its consumers come to it.
//!
//! The search looks at a bounded number of messages in one iteration, and takes records that become suspect meanwhile
//! into the next search. A message that moves from a queue not yet searched to one that was is missed. Its next receive
//! meets the damage.
//!
//! A failure that says nothing of the record (too many open files) sets no message aside. The receive is undone, and
//! the message comes back after [`PAUSE`].

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use posthouse_disk::Disk;
use posthouse_engine::{Answers, BodyRef, Engine, Position, SearchFrom, Unreadable};
use posthouse_log::{Log, Read, ReadError, ReadId, Suspect};
use posthouse_model::operation::{DamageCause, DamagedId, DamagedMessage, RecordPlace};
use posthouse_model::{ReceiptHandle, Seconds, Timestamp};

use crate::incident::{Incident, Reports};
use crate::journal::{DAMAGE_SEARCH, LogJournal, from_log, to_log};

/// How long a message is hidden that cannot be read for now: long enough that a fault which passes has passed, and that
/// one which stays costs a receive and a log line of each message only now and then.
const PAUSE: Seconds = Seconds::new(30);

/// Messages that one slice of a search looks at: some tens of microseconds.
const SLICE_MESSAGES: usize = 512;

/// Suspect parts that wait for a search at most. Further ones are dropped: receives and the next pass of the scrubber
/// find them again.
const SUSPECTS_MAX: usize = 256;

/// Damaged messages that are looked at to count the segments that they hold: it takes a millisecond.
const COUNTED_MAX: usize = 10_000;

/// Records that one search reads at once.
const READS_MAX: usize = 4;

/// A message of an answer that could not be read.
#[derive(Debug)]
pub(crate) struct Unread {
    pub(crate) handle: ReceiptHandle,
    pub(crate) body: BodyRef,
    pub(crate) failure: Failure,
}

/// Why a message could not be read.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Its record is damaged.
    Damaged(DamageCause),
    /// The disk refused for a reason that says nothing of the record.
    Unavailable(String),
}

impl Failure {
    /// What the error of a read says of the record.
    pub(crate) fn of(error: ReadError) -> Self {
        match error {
            ReadError::Missing { .. } => Self::Damaged(DamageCause::Missing),
            ReadError::Corrupt { .. } => Self::Damaged(DamageCause::Checksum),
            ReadError::Unreadable { .. } => Self::Damaged(DamageCause::Unreadable),
            ReadError::Io { reason, .. } => Self::Unavailable(reason),
        }
    }
}

/// Whether the log takes events now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Enough,
    None,
}

/// The parts of the loop that damage concerns.
pub(crate) struct Parts<'a, D: Disk> {
    pub(crate) now: Timestamp,
    pub(crate) engine: &'a mut Engine,
    pub(crate) log: &'a mut Log<D>,
    pub(crate) answers: &'a mut dyn Answers,
    pub(crate) reports: &'a mut Reports,
}

/// Parts of the log that hold damaged records, and the search for their messages.
#[derive(Default)]
pub(crate) struct Damage {
    /// Parts that the next search is for, by their beginnings.
    waiting: BTreeMap<Position, Part>,
    search: Option<Search>,
    /// The last position of a damaged record that was found.
    last: Option<Position>,
    /// Parts that were found by the scrubber, or by receives.
    found: u64,
}

/// A part of the log that holds a damaged record.
#[derive(Clone, Copy, Debug)]
struct Part {
    end: Position,
    finder: Finder,
}

/// What found a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finder {
    Receive,
    Scrubber,
}

struct Search {
    parts: BTreeMap<Position, Part>,
    ranges: Vec<(Position, Position)>,
    /// `None` once all messages have been looked at.
    from: Option<SearchFrom>,
    found: Vec<(DamagedId, BodyRef)>,
    /// The messages by record, not read yet.
    unread: BTreeMap<Position, (u32, Vec<DamagedId>)>,
    reads: BTreeMap<ReadId, (Position, Vec<DamagedId>)>,
    /// The records whose messages were set aside, and how many messages that were.
    set_aside: BTreeMap<Position, usize>,
}

impl Damage {
    /// Takes in messages of an answer that could not be read: sets them aside, or gives them back.
    ///
    /// Without room for events the messages stay in flight until their visibility timeout ends.
    pub(crate) fn meet<D: Disk>(&mut self, parts: &mut Parts<'_, D>, unread: Vec<Unread>, room: Room) {
        let (mut damaged, mut unavailable) = (Vec::new(), Vec::new());
        for Unread { handle, body, failure } in unread {
            let id = DamagedId { queue: handle.queue, message: handle.message };
            match failure {
                Failure::Damaged(cause) => {
                    self.note(body.position, body.position.item(u64::from(body.length).max(1)), Finder::Receive);
                    self.last = self.last.max(Some(from_log(parts.log.record_of(to_log(body.position)))));
                    damaged.push(Unreadable { id, receive: Some(handle.generation), cause });
                    if room == Room::None {
                        let record = record_of(parts.log, body);
                        parts.reports.report(Incident::NotSetAside { id, record });
                    }
                }
                Failure::Unavailable(reason) => {
                    if let Some(queue) = parts.engine.address_of(id.queue) {
                        let (queue, pause) = (queue.clone(), PAUSE.duration());
                        let reason = reason.into();
                        parts.reports.report(Incident::Unavailable { id, queue, reason, pause });
                    }
                    unavailable.push(handle);
                }
            }
        }
        if room == Room::None {
            return;
        }
        if !damaged.is_empty() {
            set_aside(parts, &damaged);
        }
        if !unavailable.is_empty() {
            let unread = (&*unavailable, parts.now + PAUSE);
            parts.engine.give_back(parts.now, unread, &mut LogJournal(parts.log), parts.answers);
        }
    }

    /// Takes in a part that the scrubber has found.
    pub(crate) fn suspect(&mut self, suspect: Suspect) {
        self.note(from_log(suspect.start), Some(from_log(suspect.end)), Finder::Scrubber);
    }

    /// Takes in the name of a record that cannot be read where it lies now.
    pub(crate) fn suspect_record(&mut self, name: Position) {
        self.note(name, name.item(1), Finder::Scrubber);
    }

    fn note(&mut self, start: Position, end: Option<Position>, finder: Finder) {
        self.found += 1;
        self.last = self.last.max(Some(start));
        let Some(end) = end.filter(|_| self.waiting.len() < SUSPECTS_MAX) else { return };
        // Parts must not overlap. One that does is within the other, or in the same commit.
        let before = self.waiting.range_mut(..=start).next_back().filter(|(_, before)| before.end > start);
        if let Some((_, before)) = before {
            before.end = before.end.max(end);
        } else {
            self.waiting.insert(start, Part { end, finder });
        }
    }

    /// The last position of a damaged record that was found.
    pub(crate) const fn last(&self) -> Option<Position> {
        self.last
    }

    /// How many times damage was met.
    pub(crate) const fn found(&self) -> u64 {
        self.found
    }

    /// Whether there is a slice of a search to do now. If so, the loop must not sleep.
    pub(crate) fn is_due(&self) -> bool {
        match &self.search {
            None => !self.waiting.is_empty(),
            Some(search) => search.from.is_some() || search.reads.is_empty(),
        }
    }

    /// Does the next slice of a search, or begins one.
    pub(crate) fn advance<D: Disk>(&mut self, parts: &mut Parts<'_, D>) {
        let Some(search) = &mut self.search else {
            if !self.waiting.is_empty() {
                self.search = Some(Search::new(core::mem::take(&mut self.waiting)));
            }
            return;
        };
        if let Some(from) = search.from {
            search.from = parts.engine.search_bodies(&search.ranges, from, SLICE_MESSAGES, &mut search.found);
            if search.from.is_none() {
                for (id, body) in search.found.drain(..) {
                    search.unread.entry(body.position).or_insert_with(|| (body.length, Vec::new())).1.push(id);
                }
            }
            return;
        }
        while search.reads.len() < READS_MAX
            && let Some((position, (length, ids))) = search.unread.pop_first()
        {
            match parts.log.read_anew(DAMAGE_SEARCH, to_log(position), length as usize) {
                // The record is whole in memory. Once it is read from the disk, a receive or the scrubber finds it.
                Read::Ready(_) => {}
                Read::Pending(read) => {
                    search.reads.insert(read, (position, ids));
                }
            }
        }
        if search.reads.is_empty() && search.unread.is_empty() {
            let search = self.search.take().expect("it is under way");
            search.report(parts);
        }
    }

    /// Takes in a read of a search: sets the messages of the record aside if it cannot be read. Without room for events
    /// they are left to their next receive.
    pub(crate) fn complete<D: Disk>(
        &mut self,
        parts: &mut Parts<'_, D>,
        read: ReadId,
        result: Result<Bytes, ReadError>,
        room: Room,
    ) {
        let Some(search) = &mut self.search else { return };
        let Some((position, ids)) = search.reads.remove(&read) else { return };
        let Err(error) = result else { return };
        let Failure::Damaged(cause) = Failure::of(error) else { return };
        if room == Room::None {
            return;
        }
        let unreadable: Vec<Unreadable> = ids.into_iter().map(|id| Unreadable { id, receive: None, cause }).collect();
        let done = set_aside(parts, &unreadable);
        *search.set_aside.entry(position).or_default() += done;
        self.last = self.last.max(Some(position));
    }
}

impl Search {
    fn new(parts: BTreeMap<Position, Part>) -> Self {
        // The end of a part may have been moved past the beginning of the next one.
        let mut ranges: Vec<(Position, Position)> = Vec::with_capacity(parts.len());
        for (start, part) in &parts {
            match ranges.last_mut() {
                Some((_, end)) if *end > *start => *end = (*end).max(part.end),
                _ => ranges.push((*start, part.end)),
            }
        }
        Self {
            parts,
            ranges,
            from: Some(SearchFrom::START),
            found: Vec::new(),
            unread: BTreeMap::new(),
            reads: BTreeMap::new(),
            set_aside: BTreeMap::new(),
        }
    }

    /// Reports the parts that the scrubber found. A receive that found one has reported its message.
    fn report<D: Disk>(self, parts: &mut Parts<'_, D>) {
        for (start, Part { end, finder }) in self.parts {
            if finder == Finder::Scrubber {
                let set_aside = self.set_aside.range(start..end).map(|(_, messages)| messages).sum();
                let (file, bytes) = (file_of(parts.log, start), end.get() - start.get());
                parts.reports.report(Incident::Suspect { file, bytes, set_aside });
            }
        }
    }
}

/// Sets messages aside and reports each. Returns how many.
fn set_aside<D: Disk>(parts: &mut Parts<'_, D>, unreadable: &[Unreadable]) -> usize {
    let done = parts.engine.set_aside(parts.now, unreadable, &mut LogJournal(parts.log), parts.answers);
    let messages = done.len();
    for message in done {
        parts.reports.report(Incident::SetAside(placed(parts.log, message)));
    }
    messages
}

/// How many segments hold the records of damaged messages, which keep them from being used again. Counts those of the
/// first [`COUNTED_MAX`] messages.
pub(crate) fn segments_held<D: Disk>(engine: &Engine, log: &Log<D>) -> u64 {
    let bodies = engine.damaged_bodies().take(COUNTED_MAX);
    let segments: BTreeSet<_> = bodies.filter_map(|body| log.segment_of(to_log(body.position))).collect();
    segments.len() as u64
}

/// A damaged message with the file of its record.
pub(crate) fn placed<D: Disk>(log: &Log<D>, message: DamagedMessage) -> DamagedMessage {
    let file = file_of(log, Position::new(message.record.position));
    DamagedMessage { record: RecordPlace { file, ..message.record }, ..message }
}

fn record_of<D: Disk>(log: &Log<D>, body: BodyRef) -> RecordPlace {
    RecordPlace { position: body.position.get(), length: body.length, file: file_of(log, body.position) }
}

fn file_of<D: Disk>(log: &Log<D>, position: Position) -> Option<(Box<str>, u64)> {
    log.place_of(to_log(position)).map(|(file, offset)| (file.into(), offset))
}

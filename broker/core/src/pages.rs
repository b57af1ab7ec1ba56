//! Pages of waiting messages: the reads that the engine asks for, and their results.
//!
//! The engine stores the middle of long waiting lists in the log and asks for it again page by page. A page that cannot be
//! read is reported and asked for again after [`PAUSE`]: requests that need it are refused until then, all others of its
//! queue are served.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use posthouse_disk::Disk;
use posthouse_engine::{Answers, Engine, PageRequest};
use posthouse_log::{Log, Read, ReadError, ReadId};
use posthouse_model::{Seconds, Timestamp};

use crate::damage::Room;
use crate::incident::{Incident, Reports};
use crate::journal::{LogJournal, pages_of, to_log};

/// When a page that cannot be read is asked for again: a fault that passes has passed by then, and one that stays costs a
/// line of the log now and then.
const PAUSE: Seconds = Seconds::new(30);

/// When a page is asked for again that came while the log took no events.
const ROOM_PAUSE: Seconds = Seconds::new(1);

/// Pages that one iteration takes in at most: some milliseconds, decoding and the requests that waited included.
const PAGES_PER_ITERATION: usize = 16;

/// The reads of pages.
#[derive(Default)]
pub(crate) struct PageReads {
    reads: BTreeMap<ReadId, PageRequest>,
    read: VecDeque<(PageRequest, Result<Bytes, ReadError>)>,
}

/// The parts of the loop that pages concern.
pub(crate) struct Parts<'a, D: Disk, A> {
    pub(crate) now: Timestamp,
    pub(crate) engine: &'a mut Engine,
    pub(crate) log: &'a mut Log<D>,
    pub(crate) answers: &'a mut A,
    pub(crate) reports: &'a mut Reports,
}

impl PageReads {
    /// Whether a read is that of a page: [`PageReads::complete`] takes it.
    pub(crate) fn has(&self, read: ReadId) -> bool {
        self.reads.contains_key(&read)
    }

    /// Takes in a completed read.
    pub(crate) fn complete(&mut self, read: ReadId, result: Result<Bytes, ReadError>) {
        if let Some(request) = self.reads.remove(&read) {
            self.read.push_back((request, result));
        }
    }

    /// Whether pages were read that the engine has not taken in. If so, the loop must not sleep.
    pub(crate) fn is_due(&self) -> bool {
        !self.read.is_empty()
    }

    /// Begins the reads that the engine asks for, and takes pages to it that were read.
    pub(crate) fn advance<D: Disk>(&mut self, parts: &mut Parts<'_, D, impl Answers>, room: Room) {
        for _ in 0..PAGES_PER_ITERATION {
            self.begin(parts);
            let Some((request, result)) = self.read.pop_front() else { break };
            match room {
                Room::Enough => take(parts, request, result),
                Room::None => unread(parts, request, ROOM_PAUSE),
            }
        }
        self.begin(parts);
    }

    fn begin<D: Disk>(&mut self, parts: &mut Parts<'_, D, impl Answers>) {
        while let Some(request) = parts.engine.next_page_request() {
            let reader = pages_of(request.queue());
            match parts.log.read(reader, to_log(request.position()), request.length() as usize) {
                Read::Ready(payload) => self.read.push_back((request, Ok(payload))),
                Read::Pending(read) => {
                    self.reads.insert(read, request);
                }
            }
        }
    }
}

/// Takes a page to the engine, or reports that it cannot be read.
fn take<D: Disk>(parts: &mut Parts<'_, D, impl Answers>, request: PageRequest, result: Result<Bytes, ReadError>) {
    let reason = match result {
        Ok(payload) => {
            let journal = &mut LogJournal(parts.log);
            match parts.engine.page_read(parts.now, request, &payload, journal, &mut *parts.answers) {
                Ok(()) => return,
                Err(invalid) => invalid.to_string(),
            }
        }
        Err(error) => error.to_string(),
    };
    if !parts.engine.wants_page(request) {
        // Its messages were purged while it was read, and its record may be there no more.
        parts.engine.page_unwanted(parts.now, request, &mut LogJournal(parts.log), &mut *parts.answers);
        return;
    }
    if let Some(queue) = parts.engine.address_of(request.queue()) {
        let place = parts.log.place_of(to_log(request.position()));
        parts.reports.report(Incident::PageUnreadable {
            queue: queue.clone(),
            file: place.map(|(file, offset)| (file.into(), offset)),
            reason: reason.into(),
            pause: PAUSE.duration(),
        });
    }
    unread(parts, request, PAUSE);
}

fn unread<D: Disk>(parts: &mut Parts<'_, D, impl Answers>, request: PageRequest, pause: Seconds) {
    let again = parts.now + pause;
    parts.engine.page_unread(parts.now, request, again, &mut LogJournal(parts.log), &mut *parts.answers);
}

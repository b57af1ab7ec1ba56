//! Looks at messages: the pages and bodies that they need are read, and then they are answered.
//!
//! ```text
//!  Outcome::PeekPage --(its record is read)--> Engine::peek --> Outcome::Peeked --(bodies are read)--> the answer
//! ```
//!
//! Looks read as readers of the log of their own, so that they take turns with the receives of their queue. Nothing that
//! they read stays in the engine. A message whose record cannot be read is shown as such, and is not set aside for it: a
//! look changes nothing. If a message has left its queue while its record was read, it is left out.

use std::collections::BTreeMap;

use bytes::Bytes;
use posthouse_disk::Disk;
use posthouse_engine::{Answers, Engine, Outcome, PageRequest, PeekedRef, Position, ReceivedRef};
use posthouse_log::{Log, Read, ReadError, ReadId};
use posthouse_model::operation::{MessageName, Page, PeekMessages, Peeked, PeekedState};
use posthouse_model::{MessageKey, Reply, Timestamp};

use crate::assembly::received;
use crate::damage::Failure;
use crate::journal::{LogJournal, looks_at, looks_at_pages_of, to_log};
use crate::replies::Answered;

/// The parts of the loop that looks concern.
pub(crate) struct Parts<'a, D: Disk, A> {
    pub(crate) now: Timestamp,
    pub(crate) engine: &'a mut Engine,
    pub(crate) log: &'a mut Log<D>,
    pub(crate) answers: &'a mut A,
}

impl<D: Disk, A: Answers> Parts<'_, D, A> {
    /// Goes on with a look whose page was read, or could not be.
    fn peek(&mut self, look: (&PeekMessages, PageRequest), payload: Option<&Bytes>) -> (Outcome, Position) {
        self.engine.peek(self.now, look, payload, &mut LogJournal(self.log), self.answers)
    }
}

/// The looks that wait for reads.
pub(crate) struct Peeks<R> {
    open: BTreeMap<u64, Peek<R>>,
    next: u64,
    /// Which look a read belongs to, and which of its messages.
    reads: BTreeMap<ReadId, (u64, usize)>,
}

struct Peek<R> {
    responder: R,
    after: Position,
    wanted: Wanted,
}

/// What a look waits for.
enum Wanted {
    Page(Box<PeekMessages>, PageRequest),
    Bodies(Bodies),
}

struct Bodies {
    slots: Vec<Slot>,
    missing: usize,
    next: Option<MessageKey>,
}

enum Slot {
    Missing(Box<ReceivedRef>, PeekedState),
    Filled(Peeked),
    /// The message has left the queue.
    Left,
}

impl<R> Peeks<R> {
    /// No looks.
    pub(crate) fn new() -> Self {
        Self { open: BTreeMap::new(), next: 0, reads: BTreeMap::new() }
    }

    /// Looks that wait for reads.
    pub(crate) fn length(&self) -> usize {
        self.open.len()
    }

    /// Whether a read belongs to a look: [`Peeks::complete`] takes it.
    pub(crate) fn has(&self, read: ReadId) -> bool {
        self.reads.contains_key(&read)
    }

    /// Reads what the outcome of a look names. Returns the answer if all of it is in memory; `None` while a read is pending:
    /// [`Peeks::complete`] then returns it.
    pub(crate) fn begin<D: Disk, A: Answers>(
        &mut self,
        parts: &mut Parts<'_, D, A>,
        responder: R,
        after: Position,
        outcome: Outcome,
    ) -> Option<Answered<R>> {
        let id = self.next;
        self.next += 1;
        self.go_on(parts, id, (responder, after), outcome)
    }

    fn go_on<D: Disk, A: Answers>(
        &mut self,
        parts: &mut Parts<'_, D, A>,
        id: u64,
        (responder, mut after): (R, Position),
        mut outcome: Outcome,
    ) -> Option<Answered<R>> {
        let wanted = loop {
            match outcome {
                Outcome::PeekPage { peek, page } => {
                    let reader = looks_at_pages_of(page.queue());
                    match parts.log.read(reader, to_log(page.position()), page.length() as usize) {
                        Read::Ready(payload) => {
                            let (next, end) = parts.peek((&peek, page), Some(&payload));
                            (outcome, after) = (next, after.max(end));
                        }
                        Read::Pending(read) => {
                            self.reads.insert(read, (id, 0));
                            break Wanted::Page(peek, page);
                        }
                    }
                }
                Outcome::Peeked { messages, next } => {
                    let bodies = self.read_bodies(parts, id, messages, next);
                    if bodies.missing == 0 {
                        return Some(Answered { responder, after, answer: Ok(bodies.reply()) });
                    }
                    break Wanted::Bodies(bodies);
                }
                Outcome::Reply(answer) => return Some(Answered { responder, after, answer }),
                Outcome::Messages { .. } | Outcome::NoRoom { .. } | Outcome::Damaged(_) => {
                    unreachable!("not the outcome of a look")
                }
            }
        };
        self.open.insert(id, Peek { responder, after, wanted });
        None
    }

    fn read_bodies<D: Disk, A: Answers>(
        &mut self,
        parts: &mut Parts<'_, D, A>,
        id: u64,
        messages: Vec<PeekedRef>,
        next: Option<MessageKey>,
    ) -> Bodies {
        let mut bodies = Bodies { slots: Vec::with_capacity(messages.len()), missing: 0, next };
        for (index, message) in messages.into_iter().enumerate() {
            bodies.slots.push(match message {
                PeekedRef::Whole(peeked) => Slot::Filled(peeked),
                PeekedRef::Message(reference, state) => {
                    let (reader, body) = (looks_at(reference.handle.queue), reference.body);
                    match parts.log.read(reader, to_log(body.position), body.length as usize) {
                        Read::Ready(record) => filled(parts.engine, &reference, state, Ok(record)),
                        Read::Pending(read) => {
                            bodies.missing += 1;
                            self.reads.insert(read, (id, index));
                            Slot::Missing(reference, state)
                        }
                    }
                }
            });
        }
        bodies
    }

    /// Takes a completed read. Returns the answer if this was the last read that the look waited for.
    pub(crate) fn complete<D: Disk, A: Answers>(
        &mut self,
        parts: &mut Parts<'_, D, A>,
        read: ReadId,
        result: Result<Bytes, ReadError>,
    ) -> Option<Answered<R>> {
        let (id, index) = self.reads.remove(&read)?;
        let Peek { responder, after, wanted } = self.open.remove(&id)?;
        match wanted {
            Wanted::Page(peek, page) => {
                let (outcome, end) = parts.peek((&peek, page), result.ok().as_ref());
                self.go_on(parts, id, (responder, after.max(end)), outcome)
            }
            Wanted::Bodies(mut bodies) => {
                if let Slot::Missing(reference, state) = &bodies.slots[index] {
                    let slot = filled(parts.engine, reference, *state, result.map_err(Failure::of));
                    bodies.slots[index] = slot;
                    bodies.missing -= 1;
                }
                if bodies.missing == 0 {
                    return Some(Answered { responder, after, answer: Ok(bodies.reply()) });
                }
                self.open.insert(id, Peek { responder, after, wanted: Wanted::Bodies(bodies) });
                None
            }
        }
    }

    /// Drops every look that waits, and returns the responders, which the caller must answer.
    pub(crate) fn abandon(&mut self) -> impl Iterator<Item = R> + use<R> {
        self.reads.clear();
        core::mem::take(&mut self.open).into_values().map(|peek| peek.responder)
    }
}

impl Bodies {
    fn reply(self) -> Reply {
        let items = self.slots.into_iter().filter_map(|slot| match slot {
            Slot::Filled(peeked) => Some(peeked),
            Slot::Left => None,
            Slot::Missing(..) => unreachable!("nothing is missing any more"),
        });
        Reply::Peeked(Page { items: items.collect(), next: self.next })
    }
}

/// The slot of a message whose record was read or could not be read.
fn filled(engine: &Engine, reference: &ReceivedRef, state: PeekedState, record: Result<Bytes, Failure>) -> Slot {
    let failure = match record.and_then(|record| received(reference, record)) {
        Ok(message) => return Slot::Filled(Peeked::Message(Box::new(message), state)),
        Err(failure) => failure,
    };
    let name = MessageName { queue: reference.handle.queue, message: reference.handle.message };
    if !engine.holds(name) {
        return Slot::Left;
    }
    let cause = match failure {
        Failure::Damaged(cause) => Some(cause),
        Failure::Unavailable(_) => None,
    };
    let (sent, receive_count) = (reference.sent, reference.receive_count);
    Slot::Filled(Peeked::Unreadable { name, state, cause, sent, receive_count })
}

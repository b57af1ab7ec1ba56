//! Answers that take messages out of the log.
//!
//! The engine names the record of each message. A record in the log's tail is read at once. Any other is read from the
//! disk, and the answer is put together when the last read has completed. The messages keep the engine's order,
//! whatever the order of the reads. A message that cannot be read is left out of the answer and returned beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use posthouse_disk::Disk;
use posthouse_engine::{MessagesReply, Position, ReceivedRef, Stored, stored_message};
use posthouse_log::{Log, Read, ReadError, ReadId};
use posthouse_model::MessageId;
use posthouse_model::notification::FailedPush;
use posthouse_model::operation::DamageCause;
use posthouse_model::operation::ReceivedMessage;
use siphasher::sip128::SipHasher24;

use crate::damage::{Failure, Unread};
use crate::journal::{receives_of, to_log};
use crate::replies::Answered;

/// A request whose answer takes messages out of the log.
pub(crate) struct Wanted<R> {
    pub(crate) responder: R,
    pub(crate) after: Position,
    /// Which messages, in the order of the answer.
    pub(crate) messages: Vec<ReceivedRef>,
    /// What the messages are put into.
    pub(crate) reply: MessagesReply,
}

/// The answers that wait for reads.
pub(crate) struct Assemblies<R> {
    open: BTreeMap<u64, Assembly<R>>,
    next: u64,
    /// Which assembly a read belongs to, and which of its messages.
    reads: BTreeMap<ReadId, (u64, usize)>,
}

struct Assembly<R> {
    responder: R,
    after: Position,
    reply: MessagesReply,
    messages: Vec<Slot>,
    missing: usize,
    unread: Vec<Unread>,
}

enum Slot {
    Missing(ReceivedRef),
    Filled(ReceivedMessage),
    /// The message cannot be read. The assembly's `unread` says why.
    Unread,
}

/// An answer, and the messages that were to be in it and cannot be read.
pub(crate) struct Assembled<R> {
    pub(crate) answered: Answered<R>,
    pub(crate) unread: Vec<Unread>,
}

impl<R> Assemblies<R> {
    pub(crate) fn new() -> Self {
        Self { open: BTreeMap::new(), next: 0, reads: BTreeMap::new() }
    }

    /// Answers that wait for reads.
    pub(crate) fn length(&self) -> usize {
        self.open.len()
    }

    /// Reads the messages of one answer. Returns the answer if all of them are in memory; `None` while a read is pending:
    /// [`Assemblies::complete`] then returns it.
    pub(crate) fn begin<D: Disk>(&mut self, log: &mut Log<D>, wanted: Wanted<R>) -> Option<Assembled<R>> {
        let Wanted { responder, after, messages: references, reply } = wanted;
        let id = self.next;
        let (mut missing, mut unread) = (0, Vec::new());
        let mut messages = Vec::with_capacity(references.len());
        for (index, reference) in references.into_iter().enumerate() {
            let body = reference.body;
            let reader = receives_of(reference.handle.queue);
            messages.push(match log.read(reader, to_log(body.position), body.length as usize) {
                Read::Ready(record) => filled(&reference, Ok(record), &mut unread),
                Read::Pending(read) => {
                    missing += 1;
                    self.reads.insert(read, (id, index));
                    Slot::Missing(reference)
                }
            });
        }
        let assembly = Assembly { responder, after, reply, messages, missing, unread };
        if missing == 0 {
            return Some(assembly.finish());
        }
        self.next += 1;
        self.open.insert(id, assembly);
        None
    }

    /// Whether a read belongs to an answer: [`Assemblies::complete`] takes it.
    pub(crate) fn has(&self, read: ReadId) -> bool {
        self.reads.contains_key(&read)
    }

    /// Takes a completed read. Returns the answer if this was the last read that it waited for.
    pub(crate) fn complete(&mut self, read: ReadId, result: Result<Bytes, ReadError>) -> Option<Assembled<R>> {
        let (id, index) = self.reads.remove(&read)?;
        let assembly = self.open.get_mut(&id)?;
        let Slot::Missing(reference) = &assembly.messages[index] else { unreachable!("one read fills one slot") };
        assembly.messages[index] = filled(reference, result.map_err(Failure::of), &mut assembly.unread);
        assembly.missing -= 1;
        if assembly.missing > 0 {
            return None;
        }
        self.open.remove(&id).map(Assembly::finish)
    }

    /// Drops every answer that waits, and returns the responders, which the caller must answer.
    pub(crate) fn abandon(&mut self) -> impl Iterator<Item = R> + use<R> {
        self.reads.clear();
        core::mem::take(&mut self.open).into_values().map(|assembly| assembly.responder)
    }
}

impl<R> Assembly<R> {
    fn finish(self) -> Assembled<R> {
        let messages = self.messages.into_iter().filter_map(|slot| match slot {
            Slot::Filled(message) => Some(message),
            Slot::Unread => None,
            Slot::Missing(_) => unreachable!("nothing is missing any more"),
        });
        let answer = Ok(self.reply.of(messages.collect()));
        let answered = Answered { responder: self.responder, after: self.after, answer };
        Assembled { answered, unread: self.unread }
    }
}

/// The slot of a message whose record was read or could not be read. What cannot be read is added to `unread`.
fn filled(reference: &ReceivedRef, record: Result<Bytes, Failure>, unread: &mut Vec<Unread>) -> Slot {
    match record.and_then(|record| received(reference, record)) {
        Ok(message) => Slot::Filled(message),
        Err(failure) => {
            unread.push(Unread { handle: reference.handle, body: reference.body, failure });
            Slot::Unread
        }
    }
}

/// The message of a reference.
///
/// # Errors
/// [`DamageCause::Content`] if the record is whole and holds no such message: it was written by a bug of a broker.
pub(crate) fn received(reference: &ReceivedRef, record: Bytes) -> Result<ReceivedMessage, Failure> {
    let stored = stored_message(record, reference.body.position, reference.entered, reference.copy());
    let stored = stored.map_err(|_| Failure::Damaged(DamageCause::Content))?;
    let Stored { message, notification } = stored;
    // A publication is one message in the journal, and another one in each of its queues.
    let own = || if notification.is_some() { copy_id(message.id(), reference) } else { message.id() };
    Ok(ReceivedMessage {
        handle: reference.handle,
        id: reference.renamed.unwrap_or_else(own),
        failure: reference.failure.as_ref().map(|failure| {
            let failure = Arc::clone(failure);
            Box::new(FailedPush { id: own(), failure })
        }),
        sent: reference.sent,
        receive_count: reference.receive_count,
        first_received: reference.first_received,
        sequence_number: reference.sequence_number,
        dead_letter_source: reference.dead_letter_source.clone(),
        notification: notification.map(Box::new),
        message,
    })
}

/// The id of a queue's copy of what was published: the SipHash-2-4-128 of the queue, and of which of its copies it is,
/// under the publication's id.
fn copy_id(publication: MessageId, reference: &ReceivedRef) -> MessageId {
    let mut name = [0; 12];
    name[..4].copy_from_slice(&reference.entered.get().to_le_bytes());
    name[4..].copy_from_slice(&reference.copy().to_le_bytes());
    MessageId::from_random(SipHasher24::new_with_key(publication.as_bytes()).hash(&name).as_bytes())
}

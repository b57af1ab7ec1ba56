//! Receives whose messages lie on the disk and no longer in memory.
//!
//! A delivery names the record of its message. Most records are still in the log's tail and come back at once; the
//! others are read from the disk, and the answer is put together when the last of them is there. The order of the
//! messages in the answer is the engine's, whatever the order of the reads.

use std::collections::BTreeMap;

use bytes::Bytes;
use posthouse_disk::Disk;
use posthouse_engine::{Delivery, Position, stored_message};
use posthouse_log::{Log, Read, ReadError, ReadId};
use posthouse_model::operation::ReceivedMessage;
use posthouse_model::{Fault, Reply};

/// An answer that is complete, and what it has to wait for.
pub(crate) struct Assembled<R> {
    pub(crate) responder: R,
    pub(crate) after: Position,
    pub(crate) answer: Result<Reply, Fault>,
}

/// The receives that wait for reads.
pub(crate) struct Assemblies<R> {
    open: BTreeMap<u64, Assembly<R>>,
    next: u64,
    /// Which assembly a read belongs to, and which of its messages.
    reads: BTreeMap<ReadId, (u64, usize)>,
}

struct Assembly<R> {
    responder: R,
    after: Position,
    messages: Vec<Slot>,
    missing: usize,
}

enum Slot {
    Missing(Delivery),
    Filled(ReceivedMessage),
}

impl<R> Assemblies<R> {
    pub(crate) const fn new() -> Self {
        Self { open: BTreeMap::new(), next: 0, reads: BTreeMap::new() }
    }

    /// Receives that wait.
    pub(crate) fn length(&self) -> usize {
        self.open.len()
    }

    /// Fetches the messages of one receive; gives the answer back where all of them are in memory.
    pub(crate) fn begin<D: Disk>(
        &mut self,
        log: &mut Log<D>,
        responder: R,
        after: Position,
        deliveries: Vec<Delivery>,
    ) -> Option<Assembled<R>> {
        let id = self.next;
        let mut missing = 0;
        let mut messages = Vec::with_capacity(deliveries.len());
        for (index, delivery) in deliveries.into_iter().enumerate() {
            let body = delivery.body;
            messages.push(match log.read(crate::journal::to_log(body.position), body.length as usize) {
                Read::Ready(record) => match received(&delivery, record) {
                    Ok(message) => Slot::Filled(message),
                    Err(fault) => return Some(Assembled { responder, after, answer: Err(fault) }),
                },
                Read::Pending(read) => {
                    missing += 1;
                    self.reads.insert(read, (id, index));
                    Slot::Missing(delivery)
                }
            });
        }
        let assembly = Assembly { responder, after, messages, missing };
        if missing == 0 {
            return Some(assembly.finish());
        }
        self.next += 1;
        self.open.insert(id, assembly);
        None
    }

    /// Takes a finished read; gives the answer back where it was the last one missing, or where it failed.
    pub(crate) fn complete(&mut self, read: ReadId, result: Result<Bytes, ReadError>) -> Option<Assembled<R>> {
        let (id, index) = self.reads.remove(&read)?;
        // An assembly that failed on an earlier read is gone; its other reads end here.
        let assembly = self.open.get_mut(&id)?;
        let filled = match (&assembly.messages[index], result) {
            (Slot::Missing(delivery), Ok(record)) => received(delivery, record),
            (Slot::Missing(_), Err(_)) => Err(Fault::Internal),
            (Slot::Filled(_), _) => unreachable!("one read fills one slot"),
        };
        let failure = match filled {
            Ok(message) => {
                assembly.messages[index] = Slot::Filled(message);
                assembly.missing -= 1;
                None
            }
            Err(fault) => Some(fault),
        };
        if failure.is_none() && assembly.missing > 0 {
            return None;
        }
        let assembly = self.open.remove(&id).expect("looked up above");
        Some(match failure {
            None => assembly.finish(),
            Some(fault) => Assembled { responder: assembly.responder, after: assembly.after, answer: Err(fault) },
        })
    }

    /// Gives up on every receive that waits.
    pub(crate) fn abandon(&mut self) -> impl Iterator<Item = R> + use<R> {
        self.reads.clear();
        core::mem::take(&mut self.open).into_values().map(|assembly| assembly.responder)
    }
}

impl<R> Assembly<R> {
    fn finish(self) -> Assembled<R> {
        let messages = self.messages.into_iter().map(|slot| match slot {
            Slot::Filled(message) => message,
            Slot::Missing(_) => unreachable!("nothing is missing any more"),
        });
        let answer = Ok(Reply::ReceiveMessage(messages.collect()));
        Assembled { responder: self.responder, after: self.after, answer }
    }
}

/// A delivery with its message. A record that is whole but holds no message would be our own bug; the receiver is told
/// that the broker failed, and the message stays in the queue.
fn received(delivery: &Delivery, record: Bytes) -> Result<ReceivedMessage, Fault> {
    let message = stored_message(record).map_err(|_| Fault::Internal)?;
    Ok(ReceivedMessage {
        handle: delivery.handle,
        id: delivery.renamed.unwrap_or_else(|| message.id()),
        message,
        sent: delivery.sent,
        receive_count: delivery.receive_count,
        first_received: delivery.first_received,
        sequence_number: delivery.sequence_number,
        dead_letter_source: delivery.dead_letter_source.clone(),
    })
}

//! A native producer, as far as its queue or topic remembers it.
//!
//! A producer numbers its messages. What it sends again after a broken connection has the numbers that it had before, and
//! is answered as the first time. For a standard queue that takes the last number that was decided and the few messages
//! that were not simply stored: all others are answered with the id that follows from the number. For a FIFO queue or
//! topic, the key of each of the latest messages is remembered too, because the sequence number is made from it.
//!
//! Invariants, which [`Producer::is_consistent`] looks at: runs ascend, do not overlap and lie between the forgotten numbers and
//! the last one; there are not more keys than numbers.

use core::hash::Hasher as _;
use std::collections::VecDeque;
use std::sync::Arc;

use posthouse_model::limits::{PRODUCER_EXCEPTIONS_MAX, PRODUCER_SECONDS, PRODUCER_SEQUENCE_NUMBERS_MAX};
use posthouse_model::operation::ProducerId;
use posthouse_model::{Identity, MessageId, MessageKey, MessageNumber, QueueId, Seconds, Timestamp, TopicAddress};
use siphasher::sip128::{Hasher128 as _, SipHasher24};

use crate::refusal::Refusal;

/// How long a producer is remembered after its last message.
const WINDOW: Seconds = Seconds::new(PRODUCER_SECONDS);

/// What one producer takes of memory besides its lists: itself, and its places in the indices.
const BASE_BYTES: u64 = 512;

/// The most that one producer takes: its lists double as they grow.
pub(crate) const PRODUCER_BYTES_MAX: u64 = BASE_BYTES
    + 2 * (PRODUCER_SEQUENCE_NUMBERS_MAX * size_of::<MessageKey>() + PRODUCER_EXCEPTIONS_MAX * size_of::<Run>()) as u64;

/// The queue or topic that a producer sends to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NumberedTarget {
    Queue(QueueId),
    Topic(Arc<TopicAddress>),
}

/// The name of a producer within its queue or topic: the SipHash-2-4-128 of the caller under the producer's id. A caller
/// that has learned the producer id of another caller therefore names another producer with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ProducerKey(pub(crate) [u8; 16]);

impl ProducerKey {
    pub(crate) fn new(producer: &ProducerId, caller: &Identity) -> Self {
        let mut hasher = SipHasher24::new_with_key(producer.as_bytes());
        match caller {
            Identity::Anonymous => hasher.write(&[0]),
            Identity::Broker => hasher.write(&[1]),
            Identity::User { account, name, .. } => {
                hasher.write(&[2]);
                hasher.write(account.encode(&mut [0; 12]).as_bytes());
                hasher.write(name.as_bytes());
            }
        }
        Self(hasher.finish128().as_bytes())
    }
}

/// What came of a message that an event of its own does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exception {
    /// It was published, and no subscription wanted it. Nothing is remembered of it.
    Unheard,
    /// It was not taken.
    Refused(Refusal),
    /// The FIFO queue or topic had this message with the same deduplication id.
    Duplicate { message: MessageKey, id: MessageId },
}

/// Messages with consecutive numbers of which the same came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) first: MessageNumber,
    /// At least one.
    pub(crate) messages: u32,
    pub(crate) exception: Exception,
}

impl Run {
    /// The last number of it.
    fn last(&self) -> MessageNumber {
        self.first.plus(u64::from(self.messages) - 1)
    }

    /// Takes in what follows it, if the same came of that. Returns whether it did.
    pub(crate) fn extend(&mut self, next: &Self) -> bool {
        let is_next = self.last().plus(1) == next.first && self.exception == next.exception;
        let together = self.messages.checked_add(next.messages).filter(|_| is_next);
        self.messages = together.unwrap_or(self.messages);
        together.is_some()
    }
}

/// What is remembered of a message that was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recalled {
    /// It was taken. The key is that of its event, in a FIFO queue or topic.
    Taken(Option<MessageKey>),
    /// Something else came of it.
    Excepted(Exception),
    /// It is too long ago.
    Forgotten,
}

/// One producer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Producer {
    pub(crate) target: NumberedTarget,
    pub(crate) key: ProducerKey,
    /// The last number that was decided.
    pub(crate) last: MessageNumber,
    /// What came of the messages up to this one is not known any more.
    pub(crate) forgotten: MessageNumber,
    /// When the last message was decided.
    pub(crate) time: Timestamp,
    pub(crate) runs: VecDeque<Run>,
    /// Of the latest messages to a FIFO queue or topic, one each: the last key is that of the last number.
    /// [`MessageKey::MIN`] of a message that was not taken.
    pub(crate) keys: VecDeque<MessageKey>,
}

/// Whether the keys of messages are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeysKept {
    /// Of a FIFO queue or topic.
    Latest,
    None,
}

impl Producer {
    /// A producer whose next message has the number `next`, and of which nothing else is known.
    pub(crate) const fn new(target: NumberedTarget, key: ProducerKey, next: MessageNumber, time: Timestamp) -> Self {
        let last = MessageNumber::new(next.get().saturating_sub(1));
        Self { target, key, last, forgotten: last, time, runs: VecDeque::new(), keys: VecDeque::new() }
    }

    /// When it is forgotten.
    pub(crate) fn deadline(&self) -> Timestamp {
        self.time + WINDOW
    }

    /// Whether it is to be forgotten.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.deadline() <= now
    }

    /// The bytes that it takes.
    pub(crate) fn bytes(&self) -> u64 {
        let lists = self.keys.capacity() * size_of::<MessageKey>() + self.runs.capacity() * size_of::<Run>();
        BASE_BYTES + lists as u64
    }

    /// Notes that the next message was taken, by the event of this key.
    pub(crate) fn taken(&mut self, message: MessageKey, keys: KeysKept) {
        self.last = self.last.plus(1);
        if keys == KeysKept::Latest {
            self.push_key(message);
        }
    }

    /// Notes what came of the next messages.
    pub(crate) fn excepted(&mut self, run: &Run, keys: KeysKept) {
        let run = Run { first: self.last.plus(1), ..*run };
        self.last = run.last();
        if keys == KeysKept::Latest {
            let key = match run.exception {
                Exception::Duplicate { message, .. } => message,
                Exception::Unheard | Exception::Refused(_) => MessageKey::MIN,
            };
            (0..run.messages).take(PRODUCER_SEQUENCE_NUMBERS_MAX).for_each(|_| self.push_key(key));
        }
        if run.exception == Exception::Unheard {
            return;
        }
        if !self.runs.back_mut().is_some_and(|last| last.extend(&run)) {
            self.runs.push_back(run);
        }
        if self.runs.len() > PRODUCER_EXCEPTIONS_MAX
            && let Some(oldest) = self.runs.pop_front()
        {
            self.forget(oldest.last());
        }
    }

    fn push_key(&mut self, key: MessageKey) {
        self.keys.push_back(key);
        if self.keys.len() > PRODUCER_SEQUENCE_NUMBERS_MAX {
            self.keys.pop_front();
            self.forget(MessageNumber::new(self.last.get() - PRODUCER_SEQUENCE_NUMBERS_MAX as u64));
        }
    }

    /// Forgets what came of the messages up to this one.
    fn forget(&mut self, number: MessageNumber) {
        self.forgotten = self.forgotten.max(number);
        while self.runs.pop_front_if(|run| run.last() <= number).is_some() {}
    }

    /// What came of a message up to the last one.
    pub(crate) fn recall(&self, number: MessageNumber) -> Recalled {
        if number <= self.forgotten {
            return Recalled::Forgotten;
        }
        let before = self.runs.partition_point(|run| run.first <= number);
        if let Some(run) = before.checked_sub(1).and_then(|index| self.runs.get(index))
            && number <= run.last()
        {
            return Recalled::Excepted(run.exception);
        }
        let from_last = usize::try_from(self.last.get() - number.get()).ok();
        let index = from_last.and_then(|from_last| self.keys.len().checked_sub(from_last + 1));
        Recalled::Taken(index.map(|index| self.keys[index]))
    }

    /// Whether the invariants hold that this file's header states.
    pub(crate) fn is_consistent(&self) -> bool {
        let runs = self.runs.iter();
        let ascend = runs.clone().zip(runs.clone().skip(1)).all(|(run, next)| run.last() < next.first);
        let were_decided = runs.clone().all(|run| self.forgotten < run.last() && run.last() <= self.last);
        let lists_fit = self.runs.len() <= PRODUCER_EXCEPTIONS_MAX && self.keys.len() <= PRODUCER_SEQUENCE_NUMBERS_MAX;
        ascend && were_decided && lists_fit && self.forgotten <= self.last && self.keys.len() as u64 <= self.last.get()
    }
}

#[cfg(test)]
mod tests;

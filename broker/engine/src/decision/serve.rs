//! Receiving: which messages a receive gets, whether it has just come or has been waiting.
//!
//! `serve` answers the receives that wait for a queue. `take` finds messages for one receive, as many as its answer has
//! room for, and writes down that they are in flight. `repeat` gives a FIFO receive attempt its messages again.

use std::borrow::Cow;
use std::sync::Arc;

use posthouse_model::fault::InvalidValue;
use posthouse_model::notification::PushFailure;
use posthouse_model::{Fault, MessageKey, QueueId, ReceiptHandle, SequenceNumber, Timestamp};

use super::Decision;
use super::waits::Receive;
use crate::answer::{MessagesReply, Outcome, ReceivedRef, RequestToken};
use crate::event::Event;
use crate::event::received::Received;
use crate::journal::Position;
use crate::queue::Queue;
use crate::queue::bucket::Lack;
use crate::queue::message::{Message, MessageState};
use crate::queue::select::{Selection, Wanted};

/// Selections that one receive makes at most. It selects again if it had to dead-letter every message that it found.
const ROUNDS_MAX: usize = 10;

/// Receives that one call of `serve` answers at most, which bounds the events of one call. The rest is due at once.
const SERVED_MAX: usize = 1000;

/// The most that one receive may take, so that several that wait share what is available.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) messages: usize,
    pub(crate) groups: usize,
}

/// What a receive takes out of its queue.
#[derive(Debug)]
pub(crate) enum Taken {
    /// Nothing is available, or a page must be read first.
    Nothing,
    /// These messages are in flight from now on. [`Decision::answer_receive`] must answer with them.
    Messages(Vec<ReceivedRef>),
    /// Messages are available, and the answer has no room for the first of them, which has a record of this length.
    /// [`Decision::answer_without_room`] must answer.
    NoRoom {
        /// Bytes.
        bytes: u64,
    },
}

impl Share {
    pub(crate) const ALL: Self = Self { messages: usize::MAX, groups: usize::MAX };
}

impl Decision<'_> {
    /// Answers the receives that wait for a queue, in the order of their arrival, while messages are available. If the
    /// queue was deleted, all of them are answered with [`Fault::QueueDoesNotExist`].
    pub(crate) fn serve(&mut self, queue: QueueId) {
        if self.volatile.waits.line_length(queue) == 0 {
            return;
        }
        if self.state().get(queue).is_none() {
            for token in self.volatile.waits.take_line(queue) {
                self.answer(token, Outcome::Reply(Err(Fault::QueueDoesNotExist)), self.end());
            }
            return;
        }
        self.advance(queue);
        for _ in 0..SERVED_MAX {
            let Some(waiter) = self.volatile.waits.first(queue) else { break };
            let (token, receive) = (waiter.token, waiter.receive.clone());
            let share = self.share(queue);
            match self.take(queue, token, &receive, share) {
                Taken::Nothing => break,
                Taken::Messages(received) => {
                    self.volatile.waits.remove(token);
                    self.answer_receive(token, received);
                }
                // Its caller waits for room. Those behind it are other callers, which may have room.
                Taken::NoRoom { bytes } => {
                    self.volatile.waits.remove(token);
                    self.answer_without_room(token, bytes);
                }
            }
        }
        let lack = self.lack(queue);
        self.volatile.waits.set_lack(queue, lack);
    }

    /// The share of each receive that waits for a queue: messages, or in a FIFO queue groups.
    fn share(&self, queue: QueueId) -> Share {
        let messages = &self.queue(queue);
        let share = messages.messages.available().div_ceil(self.volatile.waits.line_length(queue).max(1)).max(1);
        if messages.is_fifo() {
            Share { messages: usize::MAX, groups: share }
        } else {
            Share { messages: share, groups: usize::MAX }
        }
    }

    /// What a receive would lack that waits for a queue now.
    pub(crate) fn lack(&self, queue: QueueId) -> Lack {
        let only_tokens = self.queue(queue).messages.has_available() && self.tokens(queue) == 0;
        if only_tokens { Lack::Tokens } else { Lack::Messages }
    }

    /// How many messages the queue's token bucket lets through now. Unlimited if the queue is not metered.
    fn tokens(&self, queue: QueueId) -> usize {
        let lack = self.volatile.waits.lack(queue);
        let queue = self.queue(queue);
        match (queue.attributes.receive_rate, &queue.bucket) {
            (Some(rate), Some(bucket)) => bucket.whole(rate, self.now, lack),
            _ => usize::MAX,
        }
    }

    /// Receives up to as many messages as the receive, its share, the in-flight limit, the token bucket and the room in
    /// its answer allow. What the answer has no room for is not received.
    ///
    /// Messages that were received `maxReceiveCount` times go to the dead-letter queue instead.
    pub(crate) fn take(&mut self, queue: QueueId, token: RequestToken, receive: &Receive, share: Share) -> Taken {
        let room = self.state().options.in_flight_max.saturating_sub(self.queue(queue).messages.in_flight());
        let messages_max = (receive.messages_max.get() as usize).min(share.messages).min(room).min(self.tokens(queue));
        if messages_max == 0 || !self.find_available(queue) {
            return Taken::Nothing;
        }
        if !self.has_head(queue, messages_max) {
            return Taken::Nothing;
        }
        self.with_selection(|decision, selection| {
            for _ in 0..ROUNDS_MAX {
                let redrive = decision.redrive(queue);
                let wanted = Wanted {
                    groups_max: share.groups,
                    receives_max: redrive.map_or(u32::MAX, |(_, receives_max)| receives_max),
                    ..Wanted::any(messages_max)
                };
                decision.queue(queue).messages.select(&wanted, selection);
                if let Some((target, _)) = redrive
                    && !selection.set_aside.is_empty()
                {
                    decision.dead_letter(queue, target, selection.set_aside.iter().map(|key| (*key, None)));
                    let _ = decision.find_available(queue);
                }
                if !selection.deliver.is_empty() || selection.set_aside.is_empty() {
                    break;
                }
            }
            if selection.deliver.is_empty() {
                return Taken::Nothing;
            }
            if let Err(bytes) = decision.fit(queue, token, selection) {
                return Taken::NoRoom { bytes };
            }
            decision.hand_out(queue, receive, &selection.deliver);
            decision.read_ahead(queue);
            Taken::Messages(decision.received(queue, &selection.deliver))
        })
    }

    /// Shortens a selection to the messages that the answer of `token` has room for.
    ///
    /// # Errors
    /// The length of the first message's record, in bytes, if there is no room for it.
    fn fit(&mut self, queue: QueueId, token: RequestToken, selection: &mut Selection) -> Result<(), u64> {
        let messages = &self.queue(queue).messages;
        let length = |key: &MessageKey| messages.get(*key).map_or(0, |message| message.body.length);
        selection.lengths.clear();
        selection.lengths.extend(selection.deliver.iter().map(length));
        let fitting = self.answers.reserve(token, &selection.lengths);
        selection.deliver.truncate(fitting);
        if fitting == 0 { Err(selection.lengths[0].into()) } else { Ok(()) }
    }

    /// Writes down that messages are handed to a receive, and takes their tokens from the queue's bucket.
    fn hand_out(&mut self, queue: QueueId, receive: &Receive, messages: &[MessageKey]) {
        let lack = self.volatile.waits.lack(queue);
        let state = self.queue(queue);
        #[expect(clippy::cast_precision_loss, reason = "a receive takes ten messages at most")]
        let tokens = state
            .attributes
            .receive_rate
            .zip(state.bucket)
            .map(|(rate, bucket)| (bucket.level(rate, self.now, lack) - messages.len() as f64).max(0.0));
        let visibility = receive.visibility_timeout.unwrap_or(state.attributes.visibility_timeout);
        // SQS reads `ReceiveRequestAttemptId` in FIFO queues only (API reference, `ReceiveMessage`).
        let attempt = receive.attempt.as_ref().filter(|_| state.is_fifo());
        self.emit(&Event::Received(Received {
            queue,
            time: self.now,
            until: self.now + visibility.seconds(),
            tokens,
            repeated: false,
            attempt: attempt.map_or("", |attempt| attempt.as_str()),
            messages: Cow::Borrowed(messages),
        }));
    }

    /// Repeats the result of an earlier receive with the same `ReceiveRequestAttemptId`, and restarts the visibility
    /// timeout of its messages. [`Taken::Nothing`] if there was no such receive in the last five minutes, or if the
    /// visibility timeout is over: the receive is then a new one.
    ///
    /// # Errors
    /// If one of its messages was deleted, or had its visibility changed. Only an attempt whose messages were not
    /// modified can be repeated (SQS API reference, `ReceiveMessage`, `ReceiveRequestAttemptId`).
    pub(crate) fn repeat(&mut self, queue: QueueId, token: RequestToken, receive: &Receive) -> Result<Taken, Fault> {
        let Some(id) = &receive.attempt else { return Ok(Taken::Nothing) };
        let state = self.queue(queue);
        let attempt = state.attempts.find(id.as_str(), self.now);
        // None of the messages of an attempt without any could be read.
        let Some(attempt) = attempt.filter(|attempt| !attempt.messages.is_empty()) else { return Ok(Taken::Nothing) };
        let is_over = attempt.until <= self.now;
        let is_unchanged = |message: &Message| {
            message.state == MessageState::InFlight(attempt.until) && message.received == attempt.began
        };
        let mut messages = attempt.messages.iter().map(|key| state.messages.touched(*key));
        if !messages.all(|message| message.is_some_and(|message| is_over || is_unchanged(message))) {
            return Err(Fault::invalid(InvalidValue::AttemptChanged { id: id.as_str().into() }));
        }
        if is_over {
            return Ok(Taken::Nothing);
        }
        let messages = attempt.messages.clone();
        let length = |key: &MessageKey| state.messages.touched(*key).map_or(0, |message| message.body.length);
        let lengths: Vec<u32> = messages.iter().map(length).collect();
        let visibility = receive.visibility_timeout.unwrap_or(state.attributes.visibility_timeout);
        // An attempt is repeated whole.
        if self.answers.reserve(token, &lengths) < lengths.len() {
            return Ok(Taken::NoRoom { bytes: lengths.iter().copied().map(u64::from).sum() });
        }
        self.emit(&Event::Received(Received {
            queue,
            time: self.now,
            until: self.now + visibility.seconds(),
            tokens: None,
            repeated: true,
            attempt: id.as_str(),
            messages: Cow::Borrowed(&messages),
        }));
        Ok(Taken::Messages(self.received(queue, &messages)))
    }

    /// References to messages that this decision has just received.
    fn received(&self, queue: QueueId, keys: &[MessageKey]) -> Vec<ReceivedRef> {
        let queue = self.queue(queue);
        keys.iter().filter_map(|key| received_ref(queue, *key)).collect()
    }

    /// Answers a receive. The answer waits until each of its messages is durable in its queue; the receive itself need
    /// not be, because a crash makes the messages visible again.
    pub(crate) fn answer_receive(&mut self, token: RequestToken, received: Vec<ReceivedRef>) {
        let after = received.iter().map(|reference| Position::of(reference.handle.message)).max();
        let outcome = Outcome::Messages { messages: received, reply: MessagesReply::Receive };
        self.answer(token, outcome, after.unwrap_or(Position::ZERO));
    }

    /// Answers the receives that wait for a queue without an end, as if their time were up: what their callers may do has
    /// changed, perhaps. They ask again, and are authorized again.
    pub(crate) fn end_standing(&mut self, queue: QueueId) {
        for token in self.volatile.waits.take_standing(queue) {
            self.answer_receive(token, Vec::new());
        }
    }

    /// Answers a receive that has received nothing for want of room in its answer.
    pub(crate) fn answer_without_room(&mut self, token: RequestToken, bytes: u64) {
        self.answer(token, Outcome::NoRoom { bytes }, Position::ZERO);
    }

    /// The dead-letter queue of a queue, and `maxReceiveCount`. `None` if the queue has none or the dead-letter queue
    /// does not exist. Messages then stay in their queue and are delivered.
    pub(crate) fn redrive(&self, queue: QueueId) -> Option<(QueueId, u32)> {
        let redrive = self.queue(queue).attributes.redrive.as_ref()?;
        Some((self.state().find(&redrive.target)?, redrive.max_receive_count.get()))
    }

    /// Moves messages to a dead-letter queue that exists, each with the failure of its push. A message without a failure
    /// keeps the one that it has. Keys that the source does not hold are skipped.
    ///
    /// The dead letter of a push is sent to the queue by SNS: to consumers it is a new message, and the attempts at the
    /// endpoint are not receives.
    pub(crate) fn dead_letter(
        &mut self,
        source: QueueId,
        target: QueueId,
        messages: impl Iterator<Item = (MessageKey, Option<Arc<PushFailure>>)>,
    ) {
        use crate::event::dead_lettered::{DeadLetter, DeadLettered};
        let queue = self.queue(source);
        // In standard queues the original enqueue time stays; in FIFO queues it is reset (SQS Developer Guide, "Using
        // dead-letter queues in Amazon SQS").
        let fifo = queue.is_fifo();
        let address = Arc::clone(&queue.address);
        let letters = messages.filter_map(|(key, failure)| {
            let message = queue.messages.get(key)?;
            let origin = message.origin.as_ref();
            let (receive_count, first_received) = match failure {
                Some(_) => (0, Timestamp::EPOCH),
                None => (message.inherited.saturating_add(message.generation), message.first_received),
            };
            Some(DeadLetter {
                key,
                body: message.body,
                receive_count,
                sent: if fifo || failure.is_some() { self.now } else { message.sent },
                first_received,
                renamed: origin.and_then(|origin| origin.renamed),
                entered: origin.and_then(|origin| origin.entered),
                failure: failure.or_else(|| origin.and_then(|origin| origin.failure.clone())),
                group: Cow::Owned(queue.messages.group(key, &message).unwrap_or_default().to_owned()),
            })
        });
        let messages = letters.collect();
        let time = self.now;
        self.emit(&Event::DeadLettered(DeadLettered {
            source,
            target,
            time,
            address: Cow::Borrowed(&address),
            messages,
        }));
    }
}

/// A message as the receive that has it in flight gets it. `None` if the queue does not hold the message.
fn received_ref(queue: &Queue, key: MessageKey) -> Option<ReceivedRef> {
    queue.messages.get(key).map(|message| reference(queue, key, &message))
}

/// What names a message of a queue to its readers.
pub(crate) fn reference(queue: &Queue, key: MessageKey, message: &Message) -> ReceivedRef {
    let origin = message.origin.as_ref();
    ReceivedRef {
        handle: ReceiptHandle { queue: queue.id, message: key, generation: message.generation },
        body: message.body,
        sent: message.sent,
        receive_count: message.inherited.saturating_add(message.generation),
        first_received: message.first_received,
        sequence_number: queue.is_fifo().then(|| SequenceNumber::in_queue(key)),
        dead_letter_source: origin
            .and_then(|origin| origin.source.as_deref())
            .filter(|source| !source.name.is_internal())
            .cloned(),
        renamed: origin.and_then(|origin| origin.renamed),
        entered: message.entered(queue.id),
        failure: origin.and_then(|origin| origin.failure.clone()),
    }
}

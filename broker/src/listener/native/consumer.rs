//! A link that receives messages: its credit, what it was delivered, and what may be received for it next.
//!
//! At most one receive of a link stands in the engine. Its messages become DELIVER frames as far as the credit reaches;
//! the rest waits here, and the next receive with it.
//!
//! Invariants: `held` is the room of the messages that wait here and in the output; no message is numbered before it goes
//! into a frame; a link ends only after its receive and its settlements were answered.

use std::collections::VecDeque;

use posthouse_model::limits::{NATIVE_SETTLEMENTS_MAX, VISIBILITY_TIMEOUT_SECONDS_MAX};
use posthouse_model::operation::{DeliverySettlement, ReceiveMessage, SettleMessages};
use posthouse_model::{MessageCount, QueueAddress, ReceiptHandle, ReceiveWait, VisibilityTimeout};
use posthouse_wire as wire;
use tokio::time::Instant;
use wire::{Address, AtEnd, AttributesBuffer, Credit, DeliverBuilder, DeliveryNumber, Encoded, FaultCode, Verb};

use super::deliveries::Deliveries;
use super::delivery::Prepared;
use super::ending::{Ending, InOrder, Ticket};
use super::fault::Refusal;
use super::pace::Pace;
use crate::answer_budget::{AnswerRoom, MESSAGE_BYTES};

/// Bytes of messages in one frame, unless a single one is larger.
const DELIVER_BYTES: usize = 256 * 1024;

/// What a consumer was opened with.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) queue: QueueAddress,
    /// The queue's where it is not given.
    pub(super) visibility: Option<VisibilityTimeout>,
    pub(super) at_end: AtEnd,
    pub(super) pace: Option<Pace>,
    /// Messages in one frame.
    pub(super) batch_max: u16,
    /// Deliveries that may be unsettled.
    pub(super) unsettled_max: usize,
    /// Bytes that may be held for it.
    pub(super) held_max: u32,
}

/// A link that receives messages.
pub(super) struct Consumer {
    terms: Terms,
    credit: Credit,
    /// Bytes of the entries that were delivered.
    delivered_bytes: u64,
    deliveries: Deliveries,
    waiting: VecDeque<Prepared>,
    /// The room of those that wait.
    waiting_room: Option<AnswerRoom>,
    held: u32,
    is_receiving: bool,
    settles: InOrder<SettleOutcome>,
    /// Parts of what is given back at the end that are not answered.
    releasing: usize,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// It is to end, and what is unsettled has yet to be given back.
    Ending(Ending),
    /// Everything was given back, or is about to be.
    Released(Ending),
}

/// What a SETTLE has led to.
#[derive(Debug)]
pub(super) struct SettleOutcome {
    /// What its answer bears.
    pub(super) address: Address,
    /// How many deliveries it named.
    pub(super) named: usize,
    /// The deliveries that are not settled, or why none is.
    pub(super) result: Result<Vec<Exception>, Refusal>,
}

/// What may be received next.
#[derive(Debug)]
pub(super) enum Next {
    /// So many messages, of so many bytes.
    Receive(MessageCount, u32),
    /// Nothing before this time.
    At(Instant),
    /// Nothing before something else happens.
    Nothing,
}

/// A frame of deliveries, with the room that it holds.
pub(super) struct Frame {
    pub(super) payload: Encoded,
    pub(super) room: AnswerRoom,
    pub(super) messages: u16,
}

/// A settlement that the engine is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) number: u64,
    pub(super) handle: ReceiptHandle,
    pub(super) settlement: DeliverySettlement,
}

/// A SETTLE, taken apart.
pub(super) struct Settle {
    /// Its place in the order of answers.
    pub(super) ticket: Ticket,
    pub(super) asked: Vec<Asked>,
    pub(super) exceptions: Vec<Exception>,
}

/// Deliveries that are not settled, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exception {
    pub(super) first: u64,
    pub(super) count: u32,
    pub(super) code: FaultCode,
}

impl Consumer {
    pub(super) fn new(terms: Terms) -> Self {
        Self {
            terms,
            credit: Credit::default(),
            delivered_bytes: 0,
            deliveries: Deliveries::default(),
            waiting: VecDeque::new(),
            waiting_room: None,
            held: 0,
            is_receiving: false,
            settles: InOrder::default(),
            releasing: 0,
            state: State::Open,
        }
    }

    /// The queue.
    pub(super) const fn queue(&self) -> &QueueAddress {
        &self.terms.queue
    }

    /// Whether its client may still use it.
    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// How many deliveries are not settled.
    pub(super) const fn unsettled(&self) -> usize {
        self.deliveries.unsettled()
    }

    /// The handle of a delivery that is not settled.
    pub(super) fn handle(&self, number: u64) -> Option<ReceiptHandle> {
        self.deliveries.get(number)
    }

    /// Raises the credit. One that is lower than before changes nothing.
    ///
    /// # Errors
    /// A limit is larger than any number may be.
    pub(super) fn grant(&mut self, credit: Credit) -> Result<(), ()> {
        if credit.messages > wire::limits::NUMBER_MAX || credit.bytes > wire::limits::NUMBER_MAX {
            return Err(());
        }
        self.credit.messages = self.credit.messages.max(credit.messages);
        self.credit.bytes = self.credit.bytes.max(credit.bytes);
        Ok(())
    }

    /// What may be received for it now.
    pub(super) fn next(&mut self, now: Instant) -> Next {
        let is_ready = self.is_open() && !self.is_receiving && self.waiting.is_empty();
        let messages = (self.credit.messages + 1).saturating_sub(self.deliveries.next());
        let bytes = self.credit.bytes.saturating_sub(self.delivered_bytes);
        let unsettled = self.terms.unsettled_max.saturating_sub(self.deliveries.unsettled()) as u64;
        let room = self.terms.held_max.saturating_sub(self.held);
        // So that a link whose client reads slowly is not received for one message at a time.
        let has_room = room >= self.terms.held_max / 2;
        if !is_ready || messages == 0 || bytes == 0 || unsettled == 0 || !has_room {
            return Next::Nothing;
        }
        let permitted = self.terms.pace.as_mut().map_or(u32::MAX, |pace| pace.permits(now));
        if permitted == 0 {
            return Next::At(self.terms.pace.as_ref().map_or(now, |pace| pace.next(now)));
        }
        let most = messages.min(unsettled).min(permitted.into()).min(self.terms.batch_max.into());
        let most = most.min(MessageCount::MAX.get().into());
        let most = MessageCount::new(i64::try_from(most).unwrap_or(i64::MAX)).expect("1 to the most");
        Next::Receive(most, u32::try_from(bytes).unwrap_or(u32::MAX).min(room))
    }

    /// A standing receive for it.
    pub(super) fn receive(&self, messages_max: MessageCount) -> ReceiveMessage {
        ReceiveMessage {
            queue: self.terms.queue.clone(),
            messages_max,
            visibility_timeout: self.terms.visibility,
            wait: Some(ReceiveWait::Forever),
            attempt: None,
        }
    }

    /// Notes that a receive stands in the engine.
    pub(super) const fn receiving(&mut self) {
        self.is_receiving = true;
    }

    /// Takes what its receive has brought. If the link is ending by now, the messages are among those to give back.
    pub(super) fn received(&mut self, messages: VecDeque<Prepared>, room: AnswerRoom) {
        self.is_receiving = false;
        let count = u32::try_from(messages.len()).unwrap_or(u32::MAX);
        if let Some(pace) = &mut self.terms.pace {
            pace.took(count);
        }
        if !messages.is_empty() {
            self.held += room.bytes();
            self.waiting = messages;
            self.waiting_room = Some(room);
        }
    }

    /// The next frame of deliveries, as far as the credit reaches.
    pub(super) fn frame(&mut self, attributes: &mut AttributesBuffer) -> Option<Frame> {
        if !self.is_open() || !self.has_credit(0) {
            return None;
        }
        let mut builder = DeliverBuilder::new(DeliveryNumber::new(self.deliveries.next())?);
        let (mut bytes, mut room_bytes) = (0, 0);
        while let Some(prepared) = self.waiting.front() {
            let is_full = builder.count() == self.terms.batch_max || bytes >= DELIVER_BYTES;
            if is_full || !self.has_credit(builder.credit_bytes() as u64) {
                break;
            }
            prepared.push(&mut builder, attributes);
            bytes += prepared.bytes();
            let record = prepared.message().message.as_bytes().len();
            room_bytes += u32::try_from(record).unwrap_or(u32::MAX).saturating_add(MESSAGE_BYTES);
            self.deliveries.add(prepared.message().handle);
            self.waiting.pop_front();
        }
        self.delivered_bytes += builder.credit_bytes() as u64;
        let room = if self.waiting.is_empty() {
            self.waiting_room.take()
        } else {
            self.waiting_room.as_mut().map(|room| room.split(room_bytes))
        };
        let messages = builder.count();
        Some(Frame { payload: builder.finish()?, room: room?, messages })
    }

    /// Whether the credit reaches for another entry behind `bytes` that are about to be delivered.
    fn has_credit(&self, bytes: u64) -> bool {
        self.deliveries.next() <= self.credit.messages && self.delivered_bytes + bytes < self.credit.bytes
    }

    /// Notes that its receive was refused.
    pub(super) const fn received_nothing(&mut self) {
        self.is_receiving = false;
    }

    /// Notes that the socket has taken deliveries that held so many bytes.
    pub(super) const fn taken(&mut self, bytes: u32) {
        self.held = self.held.saturating_sub(bytes);
    }

    /// Takes out what ranges of deliveries name. What is not there becomes an exception.
    pub(super) fn settle(&mut self, ranges: &wire::List<'_, wire::SettleRange>) -> Settle {
        let (mut asked, mut exceptions) = (Vec::new(), Vec::new());
        for range in ranges {
            let (first, end) = (range.first.get(), range.first.get() + u64::from(range.count));
            let Some(settlement) = settlement(range.verb) else {
                exceptions.push(Exception { first, count: range.count, code: FaultCode::InvalidParameterValue });
                continue;
            };
            let numbers: Vec<u64> = self.deliveries.within(first, end).collect();
            let mut expected = first;
            for number in numbers {
                missing(&mut exceptions, expected, number);
                expected = number + 1;
                let stays = matches!(settlement, DeliverySettlement::Extend(_));
                let handle = if stays { self.deliveries.get(number) } else { self.deliveries.take(number) };
                asked.extend(handle.map(|handle| Asked { number, handle, settlement }));
            }
            missing(&mut exceptions, expected, end);
        }
        Settle { ticket: self.settles.begin(), asked, exceptions }
    }

    /// Notes what a SETTLE has led to. `unsettled` are those that leave their messages in flight.
    pub(super) fn settled(
        &mut self,
        ticket: Ticket,
        outcome: SettleOutcome,
        unsettled: impl IntoIterator<Item = Asked>,
    ) {
        for Asked { number, handle, settlement } in unsettled {
            match settlement {
                DeliverySettlement::Extend(_) => {}
                DeliverySettlement::Delete | DeliverySettlement::Release(_) | DeliverySettlement::DeadLetter => {
                    self.deliveries.put_back(number, handle);
                }
            }
        }
        self.settles.finish(ticket, outcome);
    }

    /// The outcome of the first SETTLE that is not answered, once it is known.
    pub(super) fn next_settled(&mut self) -> Option<SettleOutcome> {
        self.settles.next()
    }

    /// It is to end. The first call counts.
    pub(super) fn end(&mut self, ending: Ending) {
        if self.is_open() {
            self.state = State::Ending(ending);
        }
    }

    /// What is to be given back, once nothing of it is under way and it is to end.
    pub(super) fn releases(&mut self) -> Vec<SettleMessages> {
        let State::Ending(ending) = &self.state else { return Vec::new() };
        if self.is_receiving || self.settles.len() > 0 {
            return Vec::new();
        }
        self.state = State::Released(ending.clone());
        let delivered: Vec<ReceiptHandle> = self.deliveries.drain().collect();
        let mut handles = match self.terms.at_end {
            AtEnd::GiveBack => delivered,
            AtEnd::KeepInFlight => Vec::new(),
        };
        // The client does not know of these, so that it could not settle them.
        handles.extend(self.waiting.drain(..).map(|prepared| prepared.message().handle));
        self.waiting_room = None;
        let release = |handle: &ReceiptHandle| (*handle, DeliverySettlement::Release(VisibilityTimeout::MIN));
        let chunks = handles.chunks(NATIVE_SETTLEMENTS_MAX).map(|chunk| {
            let settlements = chunk.iter().map(release).collect();
            SettleMessages::new(self.terms.queue.clone(), settlements).expect("not empty, and no more than the limit")
        });
        let chunks: Vec<_> = chunks.collect();
        self.releasing = chunks.len();
        chunks
    }

    /// Notes that a part of what was to be given back was, or was refused.
    pub(super) const fn released(&mut self) {
        self.releasing -= 1;
    }

    /// How its end is to be answered, once everything was given back.
    pub(super) fn ended(&self) -> Option<Ending> {
        match &self.state {
            State::Released(ending) if self.releasing == 0 => Some(ending.clone()),
            State::Open | State::Ending(_) | State::Released(_) => None,
        }
    }
}

/// What a verb asks of the engine; `None` where its time is out of range.
fn settlement(verb: Verb) -> Option<DeliverySettlement> {
    let seconds = |seconds: u32| VisibilityTimeout::new(seconds.into()).ok();
    match verb {
        Verb::Delete => Some(DeliverySettlement::Delete),
        Verb::Release { seconds: after } => seconds(after).map(DeliverySettlement::Release),
        Verb::Extend { seconds: to } => seconds(to).map(DeliverySettlement::Extend),
        Verb::DeadLetter => Some(DeliverySettlement::DeadLetter),
    }
}

/// Notes the numbers in `first..end` as never delivered or settled before.
fn missing(exceptions: &mut Vec<Exception>, first: u64, end: u64) {
    let count = u32::try_from(end.saturating_sub(first)).unwrap_or(u32::MAX);
    if count > 0 {
        exceptions.push(Exception { first, count, code: FaultCode::UnknownDelivery });
    }
}

const _: () = assert!(VISIBILITY_TIMEOUT_SECONDS_MAX < u32::MAX, "the wire's number for the queue's own is no timeout");

//! What a session asks of the core loop, and what becomes of the answers.

use std::collections::VecDeque;
use std::future::Future;
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll};

use futures_util::StreamExt as _;
use futures_util::future::{AbortRegistration, Abortable, Aborted, join_all};
use posthouse_aws::DecodedCall;
use posthouse_model::limits::NATIVE_SETTLEMENTS_MAX;
use posthouse_model::operation::{
    ConsumerOpened, MessagesSent, OpenConsumer, OpenProducer, Operation, ProducerOpened, ReceiveMessage, SendException,
    SendMessages, SettleMessages, Unsettled,
};
use posthouse_model::{Fault, QueueAddress, Request, SequenceNumber, VisibilityTimeout};
use posthouse_wire as wire;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use wire::{Address, AtEnd, Ends, FaultCode, List};

use super::links::Link;
use super::{Session, Stage};
use crate::answer_budget::AnswerRoom;
use crate::core_client::Answer;
use crate::listener::native::UNSETTLED_MAX;
use crate::listener::native::calling::{self, Called};
use crate::listener::native::consumer::{Asked, Consumer, Exception, Settle, Terms};
use crate::listener::native::context::Context;
use crate::listener::native::delivery::{Envelopes, Prepared};
use crate::listener::native::ending::{Ending, Ticket};
use crate::listener::native::fault::Refusal;
use crate::listener::native::pace::Pace;
use crate::listener::native::producer::{Producer, Window};

/// An answer of the core loop, with what it answers.
pub(super) enum Event {
    ProducerOpened(Address, Box<OpenProducer>, Result<ProducerOpened, Fault>),
    ConsumerOpened(Address, Box<ConsumerAsked>, Result<ConsumerOpened, Fault>),
    Sent(Batch, Result<MessagesSent, Fault>),
    Received(u16, Result<(VecDeque<Prepared>, AnswerRoom), Fault>),
    Settled(Address, Ticket, Vec<Exception>, Vec<(Vec<Asked>, Answer)>),
    /// A part of what a link had not settled was given back, or not.
    Released(u16),
    Called(Address, Result<Called, Aborted>),
}

/// A frame of messages that the engine was asked to take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    pub(super) address: Address,
    pub(super) first: u64,
    pub(super) size: Window,
    pub(super) frame_bytes: usize,
}

/// What a client asks of a consumer.
#[derive(Debug)]
pub(super) struct ConsumerAsked {
    pub(super) queue: QueueAddress,
    pub(super) visibility: Option<VisibilityTimeout>,
    pub(super) at_end: AtEnd,
    pub(super) pace: Option<Pace>,
    pub(super) batch_max: u16,
}

/// Asks for one operation.
async fn ask<O: Operation>(context: &Context, operation: O) -> Result<O::Reply, Fault> {
    let reply = context.shard.call(context.call(operation)).await?;
    Ok(O::read_reply(reply).unwrap_or_else(|reply| panic!("{} is answered with {reply:?}", O::ACTION)))
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Has the session wait for an answer, without which it is not done.
    fn wait_for(&mut self, event: impl Future<Output = Event> + 'static) {
        self.works += 1;
        self.pending.push(Box::pin(event));
    }

    pub(super) fn ask_producer(&mut self, address: Address, open: OpenProducer) {
        let context = Rc::clone(&self.context);
        self.requests += 1;
        self.wait_for(async move {
            let answer = ask(&context, open.clone()).await;
            Event::ProducerOpened(address, Box::new(open), answer)
        });
    }

    pub(super) fn ask_consumer(&mut self, address: Address, open: OpenConsumer, asked: ConsumerAsked) {
        let context = Rc::clone(&self.context);
        self.requests += 1;
        self.wait_for(async move {
            let answer = ask(&context, open).await;
            Event::ConsumerOpened(address, Box::new(asked), answer)
        });
    }

    /// Asks for a batch of messages to be stored or published.
    pub(super) fn ask_batch(&mut self, batch: Batch, request: Request) {
        let context = Rc::clone(&self.context);
        self.wait_for(async move {
            let answer = context.shard.call(context.call(request)).await;
            let read = |reply| SendMessages::read_reply(reply).unwrap_or_else(|reply| panic!("{reply:?}"));
            Event::Sent(batch, answer.map(read))
        });
    }

    /// Receives messages for a consumer, however long that takes.
    pub(super) fn ask_messages(&mut self, link: u16, receive: ReceiveMessage, bytes_max: u32, stop: Rc<Notify>) {
        let context = Rc::clone(&self.context);
        self.pending.push(Box::pin(async move {
            let Context { shard, account, shared, .. } = &*context;
            let call = context.call(receive);
            let (answer, room) = shard.receive_standing(call, account, bytes_max, &stop).await;
            let messages = match answer {
                Ok(reply) => ReceiveMessage::read_reply(reply).unwrap_or_else(|reply| panic!("{reply:?}")),
                Err(fault) => return Event::Received(link, Err(fault)),
            };
            let prepared = if Envelopes::are_laborious(&messages) {
                let envelopes = shared.envelopes.clone();
                shard.work(move || envelopes.prepare(messages)).await
            } else {
                shared.envelopes.prepare(messages)
            };
            Event::Received(link, Ok((prepared, room)))
        }));
    }

    /// Asks for settlements. All requests are made before the first answer is awaited.
    pub(super) fn ask_settlements(&mut self, address: Address, queue: QueueAddress, settle: Settle) {
        let Settle { ticket, asked, exceptions } = settle;
        self.settles += 1;
        if asked.is_empty() {
            return self.settled(address, ticket, exceptions, Vec::new());
        }
        self.context.counters().settled(asked.len());
        let context = Rc::clone(&self.context);
        self.wait_for(async move {
            let parts = asked.chunks(NATIVE_SETTLEMENTS_MAX).map(|part| {
                let settlements = part.iter().map(|asked| (asked.handle, asked.settlement)).collect();
                let request = SettleMessages::new(queue.clone(), settlements).expect("within the limit");
                let (call, shard) = (context.call(request), &context.shard);
                async move { (part.to_vec(), shard.call(call).await) }
            });
            let answers = join_all(parts).await;
            Event::Settled(address, ticket, exceptions, answers)
        });
    }

    /// Asks for deliveries to be given back.
    pub(super) fn ask_release(&mut self, link: u16, release: SettleMessages) {
        let context = Rc::clone(&self.context);
        self.wait_for(async move {
            if let Err(fault) = ask(&context, release).await {
                tracing::debug!(%fault, "messages were not given back: they are visible after their visibility timeout");
            }
            Event::Released(link)
        });
    }

    pub(super) fn ask_call(&mut self, address: Address, decoded: DecodedCall, registration: AbortRegistration) {
        let called = Abortable::new(calling::carry_out(Rc::clone(&self.context), decoded), registration);
        self.requests += 1;
        self.wait_for(async move { Event::Called(address, called.await) });
    }

    /// Takes the answers that are there. Returns whether there were any.
    pub(super) fn poll_answers(&mut self, cx: &mut TaskContext<'_>) -> bool {
        let mut progressed = false;
        while let Poll::Ready(Some(event)) = self.pending.poll_next_unpin(cx) {
            progressed = true;
            self.note(event);
        }
        progressed
    }

    fn note(&mut self, event: Event) {
        self.works -= usize::from(!matches!(event, Event::Received(..)));
        match event {
            Event::ProducerOpened(address, open, answer) => {
                self.requests -= 1;
                self.producer_opened(address, &open, answer);
            }
            Event::ConsumerOpened(address, asked, answer) => {
                self.requests -= 1;
                self.consumer_opened(address, *asked, answer);
            }
            Event::Sent(batch, answer) => self.sent(batch, answer),
            Event::Received(link, received) => self.received(link, received),
            Event::Settled(address, ticket, exceptions, answers) => self.settled(address, ticket, exceptions, answers),
            Event::Released(link) => {
                if let Some(Link::Consumer(consumer, _)) = self.links.get_mut(&link) {
                    consumer.released();
                    self.touched.push(link);
                }
            }
            Event::Called(address, called) => {
                self.requests -= 1;
                self.called(address, called);
            }
        }
    }

    fn producer_opened(&mut self, address: Address, open: &OpenProducer, answer: Result<ProducerOpened, Fault>) {
        let opened = match answer {
            Ok(opened) => opened,
            Err(fault) => return self.refuse_link(address, &Refusal::by_target(&open.target, fault)),
        };
        let settings = &self.context.shared.settings;
        let messages = u32::try_from(settings.window_messages_max.get()).unwrap_or(u32::MAX);
        let window =
            Window { messages: messages.min(opened.window_messages), bytes: settings.window_bytes_max.count() };
        let arn = match &open.target {
            posthouse_model::operation::ProducerTarget::Queue(queue) => queue.to_string(),
            posthouse_model::operation::ProducerTarget::Topic(topic) => topic.to_string(),
        };
        let frame = wire::ProducerOpened {
            is_known: opened.last.is_some() || opened.remembers_all,
            last: opened.last.and_then(|last| wire::MessageNumber::new(last.get())),
            is_fifo: opened.fifo,
            has_content_based_deduplication: opened.content_based_deduplication,
            message_bytes_max: opened.message_bytes_max,
            window_messages: window.messages,
            window_bytes: u32::try_from(window.bytes).unwrap_or(u32::MAX),
            arn: wire::Text::clipped(&arn),
        };
        self.output.frame(address, &frame);
        let sender = posthouse_aws::sender_id(&self.context.caller.identity);
        let answered = opened.last.unwrap_or_default();
        let producer = Producer::new(open.producer, open.target.clone(), &sender, window, answered);
        self.links.insert(Self::number(address), Link::Producer(Box::new(producer)));
        self.end_late(address);
    }

    fn consumer_opened(&mut self, address: Address, asked: ConsumerAsked, answer: Result<ConsumerOpened, Fault>) {
        let opened = match answer {
            Ok(opened) => opened,
            Err(fault) => return self.refuse_link(address, &Refusal::by_sqs(fault)),
        };
        let ConsumerAsked { queue, visibility, at_end, pace, batch_max } = asked;
        let held_max = u32::try_from(self.context.shared.settings.link_bytes_max.get()).unwrap_or(u32::MAX);
        let arn = queue.to_string();
        let frame = wire::ConsumerOpened {
            is_fifo: opened.fifo,
            visibility_seconds: visibility.unwrap_or(opened.visibility_timeout).seconds().get(),
            unsettled_max: UNSETTLED_MAX,
            held_bytes_max: held_max,
            arn: wire::Text::clipped(&arn),
        };
        self.output.frame(address, &frame);
        let batch_max = if batch_max == 0 {
            wire::limits::DELIVER_MESSAGES_MAX
        } else {
            batch_max.min(wire::limits::DELIVER_MESSAGES_MAX)
        };
        let unsettled_max = UNSETTLED_MAX as usize;
        let terms = Terms { queue, visibility, at_end, pace, batch_max, unsettled_max, held_max };
        let consumer = Box::new(Consumer::new(terms));
        self.links.insert(Self::number(address), Link::Consumer(consumer, Rc::new(Notify::new())));
        self.end_late(address);
    }

    /// Ends a link again that was opened while its session was ending.
    fn end_late(&mut self, address: Address) {
        if self.stage == Stage::Draining
            && let Some(link) = self.links.get_mut(&Self::number(address))
        {
            link.end(Ending::Quiet);
            self.touched.push(Self::number(address));
        }
    }

    fn sent(&mut self, batch: Batch, answer: Result<MessagesSent, Fault>) {
        let Batch { address, first, size, frame_bytes } = batch;
        self.input.release(frame_bytes);
        let number = Self::number(address);
        self.touched.push(number);
        let Some(Link::Producer(producer)) = self.links.get_mut(&number) else { return };
        match answer {
            Ok(sent) => {
                producer.answered(size, Some(first + u64::from(size.messages) - 1));
                let publishes = producer.publishes();
                self.answer_send(&batch, &sent, publishes);
            }
            Err(fault) => {
                producer.answered(size, None);
                let refusal = producer.refusal(fault);
                // No number behind those of the batch can be taken: the link ends with the last batch that is under way.
                producer.end(Ending::Fault(Address::link(address.link), refusal.clone()));
                let is_last = producer.is_idle()
                    && matches!(producer.ended(), Some(Ending::Fault(at, _)) if at.request == wire::Request::NONE);
                if is_last {
                    self.remove_link(number, &Ending::Fault(address, refusal));
                } else {
                    self.refuse(address, &refusal);
                }
            }
        }
    }

    fn answer_send(&mut self, batch: &Batch, sent: &MessagesSent, publishes: bool) {
        let Some(first) = wire::MessageNumber::new(batch.first) else { return };
        let index = |index: usize| u16::try_from(index).expect("a batch has at most 512 messages");
        let (mut refusals, mut duplicates) = (Vec::new(), Vec::new());
        for (place, exception) in &sent.exceptions {
            match exception {
                SendException::Refused(fault) => {
                    let fault = fault.clone();
                    let refusal = if publishes { Refusal::by_sns(fault) } else { Refusal::by_sqs(fault) };
                    self.context.refused(refusal.code());
                    refusals.push((index(*place), refusal));
                }
                SendException::Duplicate(id) => {
                    duplicates.push(wire::Duplicate { index: index(*place), id: *id.as_bytes() });
                }
            }
        }
        let failures: Vec<_> = refusals.iter().map(failure).collect();
        let sequence_numbers = runs(&sent.sequence_numbers);
        let frame = wire::Sent {
            first,
            count: u16::try_from(batch.size.messages).unwrap_or(u16::MAX),
            failures: List::of(&failures),
            duplicates: List::of(&duplicates),
            sequence_numbers: List::of(&sequence_numbers),
        };
        self.output.frame(batch.address, &frame);
    }

    fn received(&mut self, link: u16, received: Result<(VecDeque<Prepared>, AnswerRoom), Fault>) {
        let Some(Link::Consumer(consumer, _)) = self.links.get_mut(&link) else { return };
        self.touched.push(link);
        match received {
            Ok((messages, room)) => consumer.received(messages, room),
            Err(Fault::Throttled) => {
                consumer.received_nothing();
                self.touched.pop();
                self.deadlines.wake_soon();
            }
            Err(fault) => {
                consumer.received_nothing();
                self.end_link(Address::link(wire::Link::new(link)), &Refusal::by_sqs(fault));
            }
        }
    }

    fn settled(
        &mut self,
        address: Address,
        ticket: Ticket,
        mut exceptions: Vec<Exception>,
        answers: Vec<(Vec<Asked>, Answer)>,
    ) {
        let (mut unsettled, mut refused) = (Vec::new(), None);
        for (part, answer) in answers {
            let answer =
                answer.map(|reply| SettleMessages::read_reply(reply).unwrap_or_else(|reply| panic!("{reply:?}")));
            match answer {
                Ok(settled) => {
                    for (index, why) in settled {
                        let asked = part[index];
                        let code = match why {
                            Unsettled::NotInFlight => FaultCode::NotInFlight,
                            Unsettled::TooLong => FaultCode::InvalidParameterValue,
                            Unsettled::NoDeadLetterQueue => FaultCode::NoDeadLetterQueue,
                        };
                        if why != Unsettled::NotInFlight {
                            unsettled.push(asked);
                        }
                        exceptions.push(Exception { first: asked.number, count: 1, code });
                    }
                }
                Err(fault) => {
                    unsettled.extend(part);
                    refused = Some(Refusal::by_sqs(fault));
                }
            }
        }
        let number = Self::number(address);
        self.touched.push(number);
        let Some(Link::Consumer(consumer, _)) = self.links.get_mut(&number) else { return };
        consumer.settled(ticket, (address, refused.map_or(Ok(exceptions), Err)), unsettled);
        self.answer_settles(number);
    }

    /// Answers the SETTLEs of a link whose outcome is known, in their order.
    fn answer_settles(&mut self, number: u16) {
        while let Some(Link::Consumer(consumer, _)) = self.links.get_mut(&number)
            && let Some((address, outcome)) = consumer.next_settled()
        {
            self.settles -= 1;
            match outcome {
                Ok(exceptions) => self.answer_settle(address, exceptions),
                Err(refusal) => {
                    self.refuse(address, &refusal);
                    if refusal.ends_links() {
                        self.end_link(address, &refusal);
                    }
                }
            }
        }
    }

    /// Answers a SETTLE, if it asks for an answer.
    fn answer_settle(&mut self, address: Address, mut exceptions: Vec<Exception>) {
        if address.request == wire::Request::NONE {
            return;
        }
        exceptions.sort_unstable_by_key(|exception| exception.first);
        let mut merged: Vec<Exception> = Vec::with_capacity(exceptions.len());
        for exception in exceptions {
            match merged.last_mut() {
                Some(last) if last.code == exception.code && last.first + u64::from(last.count) == exception.first => {
                    last.count = last.count.saturating_add(exception.count);
                }
                Some(_) | None => merged.push(exception),
            }
        }
        let not_settled = |Exception { first, count, code }: &Exception| {
            Some(wire::NotSettled::new(wire::DeliveryNumber::new(*first)?, *count, *code))
        };
        let exceptions: Vec<_> = merged.iter().filter_map(not_settled).collect();
        self.output.frame(address, &wire::Settled { exceptions: List::of(&exceptions) });
    }

    fn called(&mut self, address: Address, called: Result<Called, Aborted>) {
        self.calls.remove(&address.request.get());
        match called {
            Ok(Ok((output, room))) => self.output.answer(address, &wire::Reply::encode(&output), room),
            Ok(Err(refusal)) => self.refuse(address, &refusal),
            Err(Aborted) => self.refuse(address, &Refusal::new(FaultCode::Cancelled, "The call was cancelled.")),
        }
    }
}

fn failure((index, refusal): &(u16, Refusal)) -> wire::Failure<'_> {
    wire::Failure { index: *index, fault: refusal.frame(Ends::Request) }
}

/// Sequence numbers as runs of consecutive ones.
fn runs(numbers: &[Option<SequenceNumber>]) -> Vec<wire::SequenceRange> {
    let mut runs: Vec<wire::SequenceRange> = Vec::new();
    for (index, number) in (0_u16..).zip(numbers) {
        let Some(number) = number.map(SequenceNumber::get) else { continue };
        match runs.last_mut() {
            Some(run) if run.index + run.count == index && run.first + u128::from(run.count) == number => {
                run.count += 1;
            }
            Some(_) | None => runs.push(wire::SequenceRange { index, count: 1, first: number }),
        }
    }
    runs
}

//! What a session asks of the core loop, and what becomes of the answers.

use std::collections::VecDeque;
use std::future::Future;
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll};

use futures_util::StreamExt as _;
use futures_util::future::{AbortRegistration, Abortable, Aborted, join_all};
use posthouse_aws::DecodedCall;
use posthouse_core::Response;
use posthouse_model::limits::NATIVE_SETTLEMENTS_MAX;
use posthouse_model::operation::{
    ConsumerOpened, MessagesSent, OpenConsumer, OpenProducer, Operation, ProducerOpened, ReceiveMessage,
    ReceivedMessage, SendException, SendMessages, SettleMessages, Unsettled,
};
use posthouse_model::{Fault, QueueAddress, Reply, Request, SequenceNumber, VisibilityTimeout};
use posthouse_wire as wire;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::Instant;
use wire::{Address, AtEnd, Ends, FaultCode, List};

use super::links::{Link, Standing, Wanted};
use super::{Session, Signal, Stage};
use crate::answer_budget::AnswerRoom;
use crate::audit::Subject;
use crate::core_client::{Answer, Delivery};
use crate::listener::native::UNSETTLED_MAX;
use crate::listener::native::calling::{self, Called};
use crate::listener::native::consumer::{Asked, Consumer, Exception, Settle, SettleOutcome, Terms};
use crate::listener::native::context::Context;
use crate::listener::native::delivery::{Envelopes, Prepared};
use crate::listener::native::ending::{Ending, Ticket};
use crate::listener::native::fault::Refusal;
use crate::listener::native::pace::Pace;
use crate::listener::native::producer::{Producer, Window};
use crate::shard::Bounds;

/// An answer of the core loop, with what it answers.
pub(super) enum Event {
    ProducerOpened(Address, Box<OpenProducer>, Result<ProducerOpened, Fault>),
    ConsumerOpened(Address, Box<ConsumerAsked>, Result<ConsumerOpened, Fault>),
    Sent(Batch, Answer),
    /// The last delivery of a standing receive that was ended.
    Ended(Wanted, Delivery),
    Received(u16, Result<(VecDeque<Prepared>, AnswerRoom), Fault>),
    Settled(Settling, Vec<(Vec<Asked>, Answer)>),
    Called(Address, Result<Called, Aborted>),
    Signalled(Signal),
}

/// What an answer of the core loop is for, where the request was asked through the queue of answers: what happens for
/// messages, again and again.
pub(super) enum Note {
    Sent(Batch),
    Received(Wanted),
    Settled(Settling, Vec<Asked>),
    /// A part of what a link had not settled was to be given back.
    Released(u16),
}

/// A SETTLE that the engine was asked for.
pub(super) struct Settling {
    address: Address,
    ticket: Ticket,
    exceptions: Vec<Exception>,
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
    let call = context.call(operation);
    let (subject, began) = (Subject::of(&call), Instant::now());
    let answer = context.shard.call(call).await;
    let refusal = answer.as_ref().err().map(|fault| Refusal::by_sqs(fault.clone()));
    context.note(subject.as_ref(), began, refusal.as_ref().map_or(Ok(()), Err));
    let reply = answer?;
    Ok(O::read_reply(reply).unwrap_or_else(|reply| panic!("{} is answered with {reply:?}", O::ACTION)))
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Has the session wait for an answer, without which it is not done.
    fn wait_for(&mut self, event: impl Future<Output = Event> + 'static) {
        self.works += 1;
        self.await_event(event);
    }

    /// Has the session wait for what does not keep it from being done.
    fn await_event(&mut self, event: impl Future<Output = Event> + 'static) {
        self.pending.push(Box::pin(event));
        self.has_begun = true;
    }

    /// Asks for what the session is not done without.
    fn ask(&mut self, request: impl Into<Request>, note: Note) {
        self.works += 1;
        let call = self.context.call(request);
        self.queue.ask(call, None, note);
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
        if !self.context.shard.is_laborious(&request) {
            return self.ask(request, Note::Sent(batch));
        }
        let context = Rc::clone(&self.context);
        self.wait_for(async move { Event::Sent(batch, context.shard.call(context.call(request)).await) });
    }

    /// Receives messages for a consumer, however long that takes.
    pub(super) fn ask_messages(&mut self, wanted: Wanted) {
        let Self { links, queue, context, .. } = self;
        let Some(Link::Consumer(consumer, standing)) = links.get_mut(&wanted.link) else { return };
        let call = context.call(consumer.receive(wanted.messages_max));
        let bounds = Bounds { account: &context.account, bytes_max: wanted.bytes_max };
        *standing = Standing::Queued(queue.stand(call, bounds, Note::Received(wanted)));
    }

    /// Ends the standing receive of a link, if there is one. What that has brought is delivered or given back.
    pub(super) fn stop_receiving(&mut self, link: u16) {
        let Some(Link::Consumer(_, standing)) = self.links.get_mut(&link) else { return };
        match core::mem::replace(standing, Standing::Absent) {
            Standing::Absent => {}
            Standing::Apart(stop) => stop.notify_one(),
            Standing::Queued(number) => match self.queue.end_stand(number) {
                Some((Note::Received(wanted), last)) => {
                    self.await_event(async move { Event::Ended(wanted, last.await) });
                }
                Some(_) => unreachable!("a standing receive is asked with a note of its own"),
                // Its delivery is there, and is taken in this turn.
                None => {}
            },
        }
    }

    /// Takes the delivery of a standing receive.
    fn stood(&mut self, wanted: Wanted, delivery: Delivery) {
        let Some(Link::Consumer(consumer, standing)) = self.links.get_mut(&wanted.link) else { return };
        *standing = Standing::Absent;
        let Delivery { response: Response::Answer(answer), room } = delivery else {
            if !consumer.is_open() || self.stage != Stage::Serving {
                return self.received(wanted.link, Ok(self.nothing(wanted)));
            }
            let stop = Rc::new(Notify::new());
            *standing = Standing::Apart(Rc::clone(&stop));
            let (context, receive) = (Rc::clone(&self.context), consumer.receive(wanted.messages_max));
            return self.await_event(async move {
                let Context { shard, account, .. } = &*context;
                let bounds = Bounds { account, bytes_max: wanted.bytes_max };
                let (answer, room) = shard.stand_again(context.call(receive), bounds, &stop, delivery).await;
                match answer {
                    Ok(reply) => {
                        Event::Received(wanted.link, Ok((prepare(&context, received_messages(reply)).await, room)))
                    }
                    Err(fault) => Event::Received(wanted.link, Err(fault)),
                }
            });
        };
        let room = room.unwrap_or_else(|| self.nothing(wanted).1);
        match answer {
            Ok(reply) => match received_messages(reply) {
                messages if Envelopes::are_laborious(&messages) => {
                    let context = Rc::clone(&self.context);
                    self.await_event(async move {
                        Event::Received(wanted.link, Ok((prepare(&context, messages).await, room)))
                    });
                }
                messages => {
                    let prepared = self.context.shared.envelopes.prepare(messages);
                    self.received(wanted.link, Ok((prepared, room)));
                }
            },
            Err(fault) => self.received(wanted.link, Err(fault)),
        }
    }

    /// The answer of a receive that has brought nothing.
    fn nothing(&self, wanted: Wanted) -> (VecDeque<Prepared>, AnswerRoom) {
        let bounds = Bounds { account: &self.context.account, bytes_max: wanted.bytes_max };
        (VecDeque::new(), bounds.no_room())
    }

    /// Asks for settlements. All requests are made before the first answer is awaited.
    pub(super) fn ask_settlements(&mut self, address: Address, queue: QueueAddress, settle: Settle) {
        let Settle { ticket, asked, exceptions } = settle;
        self.settles += 1;
        self.settling += asked.len() + exceptions.len();
        let settling = Settling { address, ticket, exceptions };
        if asked.is_empty() {
            return self.settled(settling, []);
        }
        self.context.counters().settled(asked.len());
        if asked.len() <= NATIVE_SETTLEMENTS_MAX {
            return self.ask(settle_messages(queue, &asked), Note::Settled(settling, asked));
        }
        let context = Rc::clone(&self.context);
        self.wait_for(async move {
            let parts = asked.chunks(NATIVE_SETTLEMENTS_MAX).map(|part| {
                let (call, shard) = (context.call(settle_messages(queue.clone(), part)), &context.shard);
                async move { (part.to_vec(), shard.call(call).await) }
            });
            let answers = join_all(parts).await;
            Event::Settled(settling, answers)
        });
    }

    /// Asks for deliveries to be given back.
    pub(super) fn ask_release(&mut self, link: u16, release: SettleMessages) {
        self.ask(release, Note::Released(link));
    }

    /// Waits for what is signalled to the session.
    pub(super) fn await_signal(&mut self, signal: impl Future<Output = Signal> + 'static) {
        self.await_event(async move { Event::Signalled(signal.await) });
    }

    pub(super) fn ask_call(&mut self, address: Address, decoded: DecodedCall, registration: AbortRegistration) {
        let called = Abortable::new(calling::carry_out(Rc::clone(&self.context), decoded), registration);
        self.requests += 1;
        self.wait_for(async move { Event::Called(address, called.await) });
    }

    /// Takes the answers that are there. Returns whether there were any.
    pub(super) fn poll_answers(&mut self, cx: &mut TaskContext<'_>) -> bool {
        let mut progressed = false;
        while let Poll::Ready((note, delivery)) = self.queue.poll_next(cx) {
            progressed = true;
            self.answered(note, delivery);
        }
        self.has_begun = false;
        while let Poll::Ready(Some(event)) = self.pending.poll_next_unpin(cx) {
            progressed = true;
            self.note(event);
        }
        progressed
    }

    /// Whether an answer can be taken, or what was begun has not been polled yet.
    pub(super) fn has_answers(&self) -> bool {
        self.has_begun || self.queue.has_answers()
    }

    fn answered(&mut self, note: Note, delivery: Delivery) {
        self.works -= usize::from(!matches!(note, Note::Received(_)));
        match note {
            Note::Received(wanted) => self.stood(wanted, delivery),
            Note::Sent(batch) => self.sent(batch, delivery.into_answer()),
            Note::Settled(settling, asked) => self.settled(settling, [(asked, delivery.into_answer())]),
            Note::Released(link) => {
                if let Err(fault) = delivery.into_answer() {
                    tracing::debug!(%fault, "messages were not given back: they are visible after their visibility timeout");
                }
                if let Some(Link::Consumer(consumer, _)) = self.links.get_mut(&link) {
                    consumer.released();
                    self.touched.push(link);
                }
            }
        }
    }

    fn note(&mut self, event: Event) {
        self.works -= usize::from(!matches!(event, Event::Received(..) | Event::Ended(..) | Event::Signalled(_)));
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
            Event::Received(link, received) => {
                if let Some(Link::Consumer(_, standing)) = self.links.get_mut(&link) {
                    *standing = Standing::Absent;
                }
                self.received(link, received);
            }
            Event::Ended(wanted, delivery) => self.stood(wanted, delivery),
            Event::Settled(settling, answers) => self.settled(settling, answers),
            Event::Signalled(signal) => self.signal = Some(signal),
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
        self.links.insert(Self::number(address), Link::Consumer(consumer, Standing::Absent));
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

    fn sent(&mut self, batch: Batch, answer: Answer) {
        let answer = answer.map(|reply| SendMessages::read_reply(reply).unwrap_or_else(|reply| panic!("{reply:?}")));
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
            Ok((messages, room)) => {
                consumer.received(messages, room);
                self.deadlines.succeeded();
            }
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

    fn settled(&mut self, settling: Settling, answers: impl IntoIterator<Item = (Vec<Asked>, Answer)>) {
        let Settling { address, ticket, mut exceptions } = settling;
        let (mut unsettled, mut refused) = (Vec::new(), None);
        let mut named = exceptions.len();
        for (part, answer) in answers {
            named += part.len();
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
        let result = refused.map_or(Ok(exceptions), Err);
        consumer.settled(ticket, SettleOutcome { address, named, result }, unsettled);
        self.answer_settles(number);
    }

    /// Answers the SETTLEs of a link whose outcome is known, in their order.
    fn answer_settles(&mut self, number: u16) {
        while let Some(Link::Consumer(consumer, _)) = self.links.get_mut(&number)
            && let Some(SettleOutcome { address, named, result }) = consumer.next_settled()
        {
            self.settles -= 1;
            self.settling -= named;
            match result {
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

/// The messages of a receive's reply.
fn received_messages(reply: Reply) -> Vec<ReceivedMessage> {
    ReceiveMessage::read_reply(reply).unwrap_or_else(|reply| panic!("a receive is answered with {reply:?}"))
}

/// Messages, ready to be delivered. Those that take long are prepared on another thread.
async fn prepare(context: &Context, messages: Vec<ReceivedMessage>) -> VecDeque<Prepared> {
    if Envelopes::are_laborious(&messages) {
        let envelopes = context.shared.envelopes.clone();
        context.shard.work(move || envelopes.prepare(messages)).await
    } else {
        context.shared.envelopes.prepare(messages)
    }
}

/// The request for settlements, of which there are one to [`NATIVE_SETTLEMENTS_MAX`].
fn settle_messages(queue: QueueAddress, asked: &[Asked]) -> SettleMessages {
    let settlements = asked.iter().map(|asked| (asked.handle, asked.settlement)).collect();
    SettleMessages::new(queue, settlements).expect("within the limit")
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

//! The frames of a client, one function for each kind. What is asked of the core loop is answered in
//! [`answers`](super::answers).

use futures_util::future::AbortHandle;
use posthouse_model::VisibilityTimeout;
use posthouse_model::operation::{OpenConsumer, OpenProducer, ProducerId, ProducerTarget};
use posthouse_wire as wire;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use wire::{Address, Credit, DecodeError, Ends, FaultCode, Frame, FromClient, Link as LinkNumber, Text, Visibility};

use super::answers::{Batch, ConsumerAsked};
use super::links::Link;
use super::{End, Scope, Session, Stage, no_link};
use crate::listener::native::LINKS_OWN;
use crate::listener::native::ending::Ending;
use crate::listener::native::fault::Refusal;
use crate::listener::native::pace::Pace;
use crate::listener::native::producer::NotTaken;

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Takes a frame.
    ///
    /// # Errors
    /// [`End::Refused`] for a frame that a correct client does not send.
    pub(super) fn take(&mut self, frame: Frame) -> Result<(), End> {
        let (address, bytes) = (frame.address(), frame.payload.len());
        let decoded = FromClient::decode(&frame).map_err(|error| End::from(Refusal::from(&error)))?;
        match decoded {
            FromClient::Send(send) => {
                return match self.send(address, bytes, &send)? {
                    Taken::Asked => {
                        self.deadlines.succeeded();
                        Ok(())
                    }
                    Taken::Done => {
                        self.input.release(bytes);
                        Ok(())
                    }
                    Taken::Stalled => {
                        self.stalled = Some(frame);
                        self.deadlines.wake_soon();
                        Ok(())
                    }
                };
            }
            FromClient::Credit(credit) => self.credit(address, credit),
            FromClient::Settle(settle) => self.settle(address, &settle),
            FromClient::GetHandle(get) => self.get_handle(address, get.delivery),
            FromClient::OpenProducer(open) => self.open_producer(address, &open)?,
            FromClient::OpenConsumer(open) => self.open_consumer(address, &open)?,
            FromClient::Close(_) => self.close(address),
            FromClient::Call(call) => {
                self.call(address, &call)?;
            }
            FromClient::Cancel(_) => {
                if let Some(call) = self.calls.get(&address.request.get()) {
                    call.abort();
                }
            }
            FromClient::Ping(_) => self.output.frame(address, &wire::Pong),
            FromClient::Pong(_) => {}
            FromClient::Hello(_) | FromClient::Prove(_) => return Err(unexpected(&frame)),
        }
        self.input.release(bytes);
        Ok(())
    }

    /// Tries the frame again that found the inbox full.
    pub(super) fn retry_stalled(&mut self) -> Result<(), End> {
        match self.stalled.take() {
            Some(frame) => self.take(frame),
            None => Ok(()),
        }
    }

    /// Messages of a producer.
    fn send(&mut self, address: Address, frame_bytes: usize, send: &wire::SendMessages<'_>) -> Result<Taken, End> {
        let number = Self::number(address);
        let producer = match self.links.get_mut(&number) {
            Some(Link::Producer(producer)) if producer.is_open() => producer,
            Some(Link::Producer(_)) | None => {
                self.refuse(address, &no_link());
                return Ok(Taken::Done);
            }
            Some(Link::Opening | Link::Consumer(..)) => {
                return Err(Refusal::new(FaultCode::UnexpectedFrame, "A SEND is for a link that is a producer.").into());
            }
        };
        if self.context.shard.is_inbox_full() {
            return Ok(Taken::Stalled);
        }
        match producer.request(send) {
            Ok((request, size)) => {
                producer.asked(size);
                self.context.counters().sent(send.count());
                self.ask_batch(Batch { address, first: send.first().get(), size, frame_bytes }, request);
                Ok(Taken::Asked)
            }
            Err(NotTaken::Malformed(malformed)) => {
                let text = format!("SEND: {malformed}");
                Err(Refusal::new(FaultCode::Malformed, text).into())
            }
            Err(NotTaken::Refused(refusal)) => {
                // The numbers that follow cannot be taken: the link ends, after what came before was answered.
                producer.end(Ending::Fault(address, refusal));
                self.touched.push(number);
                Ok(Taken::Done)
            }
        }
    }

    fn credit(&mut self, address: Address, credit: Credit) {
        let number = Self::number(address);
        match self.links.get_mut(&number) {
            Some(Link::Consumer(consumer, _)) if consumer.is_open() => {
                if consumer.grant(credit).is_err() {
                    self.end_link(address, &Refusal::new(FaultCode::CreditOverflow, "A credit is above 2^63 - 1."));
                }
                self.touched.push(number);
            }
            // Credit that crosses the end of its link says nothing any more.
            Some(Link::Consumer(..)) => {}
            Some(Link::Opening | Link::Producer(_)) | None => self.refuse(address, &no_link()),
        }
    }

    fn settle(&mut self, address: Address, settle: &wire::Settle<'_>) {
        match self.links.get_mut(&Self::number(address)) {
            Some(Link::Consumer(consumer, _)) if consumer.is_open() => {
                let settle = consumer.settle(&settle.ranges());
                let queue = consumer.queue().clone();
                self.ask_settlements(address, queue, settle);
            }
            Some(Link::Consumer(..) | Link::Opening | Link::Producer(_)) | None => self.refuse(address, &no_link()),
        }
    }

    fn get_handle(&mut self, address: Address, delivery: wire::DeliveryNumber) {
        let handle = match self.links.get(&Self::number(address)) {
            Some(Link::Consumer(consumer, _)) => consumer.handle(delivery.get()),
            Some(Link::Opening | Link::Producer(_)) | None => return self.refuse(address, &no_link()),
        };
        match handle {
            Some(handle) => {
                let sealed = self.context.shared.calls.handle_key.seal(handle);
                self.output.frame(address, &wire::Handle { handle: Text::clipped(sealed.as_str()) });
            }
            None => {
                let sentence = "The delivery was settled, or never made.";
                self.refuse(address, &Refusal::new(FaultCode::UnknownDelivery, sentence));
            }
        }
    }

    fn open_producer(&mut self, address: Address, open: &wire::OpenProducer<'_>) -> Result<(), End> {
        if !self.reserve_link(address)? {
            return Ok(());
        }
        let (context, text) = (&self.context, open.target.as_str());
        let target = match open.target_kind {
            wire::TargetKind::Queue => {
                context.shared.calls.queue(text, &context.caller).map(ProducerTarget::Queue).map_err(Refusal::by_sqs)
            }
            wire::TargetKind::Topic => {
                context.shared.calls.topic(text, &context.caller).map(ProducerTarget::Topic).map_err(Refusal::by_sns)
            }
        };
        match target {
            Ok(target) => {
                let producer = ProducerId::from_bytes(*open.producer.as_bytes());
                self.ask_producer(address, OpenProducer { target, producer });
            }
            Err(refusal) => self.refuse_link(address, &refusal),
        }
        Ok(())
    }

    fn open_consumer(&mut self, address: Address, open: &wire::OpenConsumer<'_>) -> Result<(), End> {
        if !self.reserve_link(address)? {
            return Ok(());
        }
        let visibility = match open.visibility {
            Visibility::OfQueue => Ok(None),
            Visibility::Seconds(seconds) => VisibilityTimeout::new(seconds.into()).map(Some),
        };
        let visibility = visibility.map_err(|range| {
            let sentence = format!("The visibility timeout {range}.");
            Refusal::new(FaultCode::InvalidParameterValue, sentence)
        });
        let context = &self.context;
        let queue = context.shared.calls.queue(open.queue.as_str(), &context.caller).map_err(Refusal::by_sqs);
        match visibility.and_then(|visibility| Ok((visibility, queue?))) {
            Ok((visibility, queue)) => {
                let asked = ConsumerAsked {
                    queue: queue.clone(),
                    visibility,
                    at_end: open.at_end,
                    pace: open.rate.map(|rate| Pace::new(rate.get(), Instant::now())),
                    batch_max: open.batch_max,
                };
                self.ask_consumer(address, OpenConsumer { queue }, asked);
            }
            Err(refusal) => self.refuse_link(address, &refusal),
        }
        Ok(())
    }

    /// Reserves the number of a link that is to be opened. Returns whether it may be.
    fn reserve_link(&mut self, address: Address) -> Result<bool, End> {
        let number = Self::number(address);
        let is_place = match self.scope {
            Scope::Connection => number != 0,
            Scope::Control => false,
            Scope::Link => number != 0 && !self.has_opened,
        };
        if !is_place {
            let sentence = "A link has a number above 0, and over QUIC a stream of its own.";
            return Err(Refusal::new(FaultCode::UnexpectedFrame, sentence).into());
        }
        if self.links.contains_key(&number) {
            self.refuse(address, &Refusal::new(FaultCode::LinkInUse, format!("The link {number} is open.")));
            return Ok(false);
        }
        let max = self.context.shared.settings.links_max.count();
        if self.links.len() >= max || !self.context.open_link(max) {
            let all = self.context.shared.settings.all_links_max.get();
            let sentence = format!(
                "A connection has at most {max} links, and all connections together {all} beyond {LINKS_OWN} of each."
            );
            self.refuse(address, &Refusal::new(FaultCode::TooManyLinks, sentence));
            return Ok(false);
        }
        if self.stage != Stage::Serving {
            self.context.close_link();
            self.refuse(address, &Refusal::new(FaultCode::GoingAway, "The connection is ending."));
            return Ok(false);
        }
        if self.is_too_much(address) {
            self.context.close_link();
            return Ok(false);
        }
        self.has_opened = true;
        self.links.insert(number, Link::Opening);
        Ok(true)
    }

    /// Refuses a link that was reserved.
    pub(super) fn refuse_link(&mut self, address: Address, refusal: &Refusal) {
        self.links.remove(&Self::number(address));
        self.context.close_link();
        self.fault(address, refusal, Ends::Link);
    }

    /// Ends a link by a fault, which answers no request.
    pub(super) fn end_link(&mut self, address: Address, refusal: &Refusal) {
        let number = Self::number(address);
        if let Some(link) = self.links.get_mut(&number) {
            link.end(Ending::Fault(Address::link(address.link), refusal.clone()));
            self.touched.push(number);
        }
    }

    fn close(&mut self, address: Address) {
        let number = Self::number(address);
        match self.links.get_mut(&number) {
            Some(link @ (Link::Producer(_) | Link::Consumer(..))) => {
                link.end(Ending::Closed(address));
                self.touched.push(number);
            }
            Some(Link::Opening) | None => self.refuse(address, &no_link()),
        }
    }

    /// Refuses a request beyond those that may be unanswered.
    fn is_too_much(&mut self, address: Address) -> bool {
        let max = self.context.shared.settings.requests_max.count();
        let is_too_much = self.requests >= max;
        if is_too_much {
            let sentence = format!("A connection has at most {max} unanswered requests.");
            self.refuse(address, &Refusal::new(FaultCode::TooManyRequests, sentence));
        }
        is_too_much
    }

    fn call(&mut self, address: Address, call: &wire::Call<'_>) -> Result<(), End> {
        if self.scope == Scope::Link || address.link != LinkNumber::CONNECTION {
            return Err(Refusal::new(FaultCode::UnexpectedFrame, "A CALL belongs to the connection.").into());
        }
        let request = address.request.get();
        if self.calls.contains_key(&request) {
            self.refuse(
                address,
                &Refusal::new(FaultCode::RequestInUse, format!("The request {request} is under way.")),
            );
            return Ok(());
        }
        if self.is_too_much(address) {
            return Ok(());
        }
        let context = &self.context;
        let decoded = context.shared.calls.decode(
            call.operation.as_str(),
            call.parameters,
            context.caller.clone(),
            &mut rand::random::<[u8; 16]>,
        );
        match decoded {
            Ok(decoded) => {
                let (abort, registration) = AbortHandle::new_pair();
                self.calls.insert(request, abort);
                self.ask_call(address, decoded, registration);
            }
            Err(refused) => self.refuse(address, &refused.into()),
        }
        Ok(())
    }
}

/// What has become of a frame of messages.
enum Taken {
    /// The core loop has been asked.
    Asked,
    /// It is answered.
    Done,
    /// The inbox is full.
    Stalled,
}

fn unexpected(frame: &Frame) -> End {
    Refusal::from(&DecodeError::UnexpectedFrame { header: frame.header }).into()
}

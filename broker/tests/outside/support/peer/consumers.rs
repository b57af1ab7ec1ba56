//! Receives through the links of consumers.
//!
//! A receive of SQS answers at once with what is there, and a link delivers until its credit is used up. So a receive
//! opens a link and gives as much credit as there are visible messages. Then it makes a call between two
//! requests on the link: what the credit brings at once has come before the last answer. A link whose credit is used up stays open, so that its deliveries can be settled. Any other is closed, and its deliveries
//! stay in flight.

use std::time::{Duration, Instant};

use posthouse_wire::limits::NUMBER_MAX;
use posthouse_wire::{
    AtEnd, Close, Credit, DeliveryNumber, Ends, Frame, FromBroker, GetHandle, Link, NotSettled, OpenConsumer, Settle,
    SettleRange, Visibility,
};
use serde_json::{Value, json};

use super::messages::received as message;
use super::session::{Session, refusal, text};
use crate::support::client::Refusal;
use crate::support::protocol::Service;

/// Links that stay open for their deliveries. The oldest is closed when there are more.
const CONSUMERS_MAX: usize = 64;
/// How long a receive waits for messages that have been taken for it.
const UNDER_WAY: Duration = Duration::from_secs(2);

/// The parameters of a receive that a link can carry out.
pub(super) struct Receive<'a> {
    queue: &'a str,
    most: u64,
    /// `None` for the queue's.
    wait: Option<Duration>,
    /// `None` for the queue's.
    visibility_seconds: Option<u32>,
}

/// A message that a link delivered.
pub(super) struct Received {
    /// As `ReceiveMessage` shows it.
    pub(super) message: Value,
    /// Where it can be settled, if its link is still open.
    pub(super) delivery: Option<(Link, DeliveryNumber)>,
}

impl<'a> Receive<'a> {
    /// The receive in the input of a `ReceiveMessage` that asks for all attributes; `None` for one that only a call can
    /// say.
    pub(super) fn of(input: &'a Value) -> Option<Self> {
        let mut receive = Self { queue: "", most: 1, wait: None, visibility_seconds: None };
        let mut shown = 0;
        for (member, value) in input.as_object()? {
            let within = |least: u64, most: u64| value.as_u64().filter(|number| (least..=most).contains(number));
            match member.as_str() {
                "QueueUrl" => receive.queue = value.as_str().filter(|queue| !queue.is_empty())?,
                "MaxNumberOfMessages" => receive.most = within(1, 10)?,
                "WaitTimeSeconds" => receive.wait = Some(Duration::from_secs(within(0, 20)?)),
                // A message whose timeout is zero would be delivered again and again.
                "VisibilityTimeout" => receive.visibility_seconds = u32::try_from(within(1, 43_200)?).ok(),
                "AttributeNames" | "MessageAttributeNames" if *value == json!(["All"]) => shown += 1,
                _ => return None,
            }
        }
        (shown == 2 && !receive.queue.is_empty()).then_some(receive)
    }

    /// Receives. `None` where a link cannot: the queue's visibility timeout is zero.
    pub(super) fn run(&self, session: &mut Session) -> Result<Option<Vec<Received>>, Refusal> {
        let link = session.link();
        let opened = session.exchange(
            link,
            &OpenConsumer {
                queue: text(self.queue),
                visibility: self.visibility_seconds.map_or(Visibility::OfQueue, Visibility::Seconds),
                rate: None,
                at_end: AtEnd::KeepInFlight,
                batch_max: 0,
            },
        )?;
        match FromBroker::decode(&opened) {
            Ok(FromBroker::ConsumerOpened(opened)) if opened.visibility_seconds == 0 => {
                session.close(link);
                return Ok(None);
            }
            Ok(FromBroker::ConsumerOpened(_)) => {}
            other => panic!("no CONSUMER_OPENED: {other:?}"),
        }
        let Look { visible, in_flight, wait } = self.look(session);
        let mut open = Open { link, credit: 0, frames: Vec::new(), delivered: 0 };
        if visible > 0 {
            open.grant(session, visible.min(self.most));
            session.fence(link)?;
            let taken = self.look(session).in_flight.saturating_sub(in_flight).min(open.credit);
            session.fence(link)?;
            open.collect(session, Instant::now())?;
            // Envelopes that are signed for these messages may still be under way. Perhaps another receive took them.
            let deadline = Instant::now() + UNDER_WAY;
            while open.delivered < taken && Instant::now() < deadline {
                open.collect(session, deadline)?;
            }
        }
        if open.delivered == 0 && !wait.is_zero() {
            // A receive that waits may answer with fewer messages than it asks for.
            open.grant(session, 1.max(open.credit));
            open.collect(session, Instant::now() + wait)?;
        }
        open.end(session).map(Some)
    }

    /// A caller that may not look gives all its credit.
    fn look(&self, session: &mut Session) -> Look {
        let input = json!({ "QueueUrl": self.queue, "AttributeNames": ["All"] });
        let Ok(output) = session.call(Service::Sqs, "GetQueueAttributes", &input) else {
            return Look { visible: self.most, in_flight: 0, wait: self.wait.unwrap_or_default() };
        };
        let number = |name: &str| {
            let text = output["Attributes"][name].as_str().unwrap_or_else(|| panic!("no {name} in {output}"));
            text.parse::<u64>().expect("a number")
        };
        Look {
            visible: number("ApproximateNumberOfMessages"),
            in_flight: number("ApproximateNumberOfMessagesNotVisible"),
            wait: self.wait.unwrap_or(Duration::from_secs(number("ReceiveMessageWaitTimeSeconds"))),
        }
    }
}

/// What a queue says of itself.
struct Look {
    visible: u64,
    in_flight: u64,
    /// How long a receive waits.
    wait: Duration,
}

/// A link that receives.
struct Open {
    link: Link,
    /// The last delivery that it may make.
    credit: u64,
    /// Its deliveries.
    frames: Vec<Frame>,
    delivered: u64,
}

impl Open {
    fn grant(&mut self, session: &mut Session, messages: u64) {
        self.credit = messages;
        session.tell(self.link, &Credit { messages, bytes: NUMBER_MAX });
    }

    /// Takes the deliveries that have arrived. Waits for one until the deadline.
    fn collect(&mut self, session: &mut Session, deadline: Instant) -> Result<(), Refusal> {
        let before = self.delivered;
        while self.delivered < self.credit {
            let until = if self.delivered == before { deadline } else { Instant::now() };
            let Some(frame) = session.arrival(self.link, until) else { return Ok(()) };
            match FromBroker::decode(&frame) {
                Ok(FromBroker::Deliver(deliver)) => {
                    assert_eq!(deliver.first().get(), self.delivered + 1, "deliveries are numbered one by one");
                    self.delivered += u64::from(deliver.count());
                    self.frames.push(frame);
                }
                Ok(FromBroker::Fault(fault)) => {
                    assert_eq!(fault.ends(), Ends::Link, "{fault:?}");
                    return Err(refusal(&fault));
                }
                other => panic!("no DELIVER: {other:?}"),
            }
        }
        assert_eq!(self.delivered, self.credit, "a link delivers as far as its credit goes");
        Ok(())
    }

    /// Ends the receive. A link whose credit is used up stays open. From any other all handles that it can have are
    /// asked for together with its end, so that no delivery comes between.
    fn end(mut self, session: &mut Session) -> Result<Vec<Received>, Refusal> {
        let asked: Vec<_> =
            (1..=self.credit).map(|n| session.ask(self.link, &GetHandle { delivery: number(n) })).collect();
        let stays_open = self.credit > 0 && self.delivered == self.credit;
        let closing = (!stays_open).then(|| session.ask(self.link, &Close));
        let handles: Vec<_> = asked.into_iter().map(|request| session.answer(self.link, request)).collect();
        if let Some(request) = closing {
            session.answer(self.link, request)?;
            self.collect(session, Instant::now())?;
            session.closed(self.link);
        } else {
            session.consumers.push_back(self.link);
        }
        let mut received = Vec::new();
        for frame in &self.frames {
            let Ok(FromBroker::Deliver(deliver)) = FromBroker::decode(frame) else { panic!("it was decoded") };
            for entry in deliver.entries() {
                let entry = entry.unwrap_or_else(|error| panic!("{error}"));
                let handle = handles[received.len()].as_ref().unwrap_or_else(|refusal| panic!("{refusal:?}"));
                let Ok(FromBroker::Handle(handle)) = FromBroker::decode(handle) else { panic!("{handle:?}") };
                received.push(Received {
                    message: message(&entry, handle.handle.as_str()),
                    delivery: stays_open.then(|| (self.link, number(received.len() as u64 + 1))),
                });
            }
        }
        Ok(received)
    }
}

/// The number of a delivery.
fn number(number: u64) -> DeliveryNumber {
    DeliveryNumber::new(number).expect("deliveries are numbered from one")
}

/// Settles deliveries of one link. Returns those that were not settled.
pub(super) fn settle(session: &mut Session, link: Link, ranges: &[SettleRange]) -> Result<Vec<NotSettled>, Refusal> {
    let settled = session.exchange(link, &Settle::new(ranges).expect("few ranges"))?;
    match FromBroker::decode(&settled) {
        Ok(FromBroker::Settled(settled)) => Ok(settled.exceptions.iter().collect()),
        other => panic!("no SETTLED: {other:?}"),
    }
}

/// Closes the oldest links beyond those that may stay open. Returns them.
pub(super) fn close_oldest(session: &mut Session) -> Vec<Link> {
    let mut closed = Vec::new();
    while session.consumers.len() > CONSUMERS_MAX {
        closed.extend(session.consumers.pop_front());
    }
    for link in &closed {
        session.close(*link);
    }
    closed
}

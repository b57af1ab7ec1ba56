//! The commands of scripts for native producers and consumers.
//!
//! ```text
//! opened       p q                      -> last=3      what is remembered of a producer; `unknown`: it has sent nothing
//!                                                      lately; `forgotten`: that, or it was forgotten before its time
//! produce      p q 1 m1 m2 m3           send the bodies as p's messages 1, 2 and 3; `group=`, `id=` and `delay=`
//! produce      p t 1 m1 m2              publish them, if t is a topic
//! produce      p q 4 m4 answered=3      the connection has seen the answer to 3
//! settle       q m1=delete m2=release:5s m3=extend:10s m4=dead-letter
//! ```
//!
//! A batch is answered by what is not simply done, by body: `m2 Throttled; m3 duplicate`. A body `-` has characters that
//! no message may have. Of a FIFO queue or topic, `numbers=yes` shows the sequence numbers in the order in which they came
//! up in the script: `#1 #2 -`.

use posthouse_model::message::MessageDraft;
use posthouse_model::notification::{PublicationDraft, PublicationKind};
use posthouse_model::operation::*;
use posthouse_model::{Fault, Request, SequenceNumber};

use super::{Interpreter, Words, fault_name, render_fault, seconds};
use crate::world::World;

/// The producer of a name.
pub(crate) fn producer(name: &str) -> ProducerId {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    ProducerId::from_bytes(bytes)
}

/// Whether a name is that of a topic: the names of topics in scripts begin with `t`.
fn is_topic(name: &str) -> bool {
    name.trim_start_matches(|c: char| c.is_ascii_digit() || c == '/').starts_with('t')
}

/// A producer's batch in a script.
pub(crate) struct Produced<'a> {
    pub(crate) producer: &'a str,
    pub(crate) target: &'a str,
    pub(crate) first: u64,
    pub(crate) answered: u64,
    pub(crate) group: Option<&'a str>,
    pub(crate) id: Option<&'a str>,
    pub(crate) delay: Option<&'a str>,
}

impl World {
    fn producer_target(&self, name: &str) -> ProducerTarget {
        if is_topic(name) { ProducerTarget::Topic(self.topic(name)) } else { ProducerTarget::Queue(self.address(name)) }
    }

    /// A request that sends or publishes bodies with consecutive numbers. A body `-` is refused by its sealer.
    pub(crate) fn producing(&self, batch: &Produced<'_>, bodies: &[&str]) -> Result<Request, Fault> {
        let producer = producer(batch.producer);
        let (first, answered) = (MessageNumber::new(batch.first), MessageNumber::new(batch.answered));
        let numbering = Numbering { producer, first, answered };
        let text = |body: &str| if body == "-" { "\u{FFFF}".to_owned() } else { super::padded(body) };
        let id = |index: usize| producer.message_id(first.plus(index as u64));
        if is_topic(batch.target) {
            let topic = self.topic(batch.target);
            let publications = bodies.iter().enumerate().map(|(index, body)| {
                let (body, kind) = (text(body), PublicationKind::of_topic(&topic));
                let draft = PublicationDraft::new(id(index), &body, kind);
                PublicationDraft { group: batch.group, deduplication: batch.id, ..draft }.seal()
            });
            return PublishMessages::new(topic.clone(), numbering, publications.collect())
                .map(Request::PublishMessages);
        }
        let fifo = batch.target.ends_with(".fifo");
        let entries = bodies.iter().enumerate().map(|(index, body)| {
            let body = text(body);
            let draft = MessageDraft::new(id(index), &body, "tester");
            let draft = MessageDraft { group: batch.group, deduplication: batch.id, fifo, ..draft };
            let ids = GivenIds { group: batch.group.is_some(), deduplication: batch.id.is_some() };
            match draft.seal() {
                Ok(message) => SendEntry::new(batch.delay.map(seconds), message),
                Err(fault) => SendEntry::refused(body.len() as u64, ids, fault),
            }
        });
        SendMessages::new(self.address(batch.target), numbering, entries.collect()).map(Request::SendMessages)
    }
}

impl Interpreter {
    /// Executes a native command; `None` for other commands.
    pub(super) fn native(&mut self, words: &Words<'_>) -> Option<String> {
        let result = match words.plain[0] {
            "opened" => self.opened(words),
            "produce" => self.produce(words),
            "settle" => self.settle(words),
            _ => return None,
        };
        Some(result.unwrap_or_else(|fault| render_fault(&fault)))
    }

    fn opened(&mut self, words: &Words<'_>) -> Result<String, Fault> {
        let (producer, target) = (producer(words.plain[1]), self.world.producer_target(words.plain[2]));
        match self.world.ask(Request::OpenProducer(OpenProducer { target, producer }))? {
            Reply::ProducerOpened(ProducerOpened { last: Some(last), .. }) => Ok(format!("last={last}")),
            Reply::ProducerOpened(ProducerOpened { remembers_all: true, .. }) => Ok("unknown".into()),
            Reply::ProducerOpened(_) => Ok("forgotten".into()),
            other => panic!("{other:?}"),
        }
    }

    fn produce(&mut self, words: &Words<'_>) -> Result<String, Fault> {
        let number = |text: &str| text.parse().expect("a number");
        let batch = Produced {
            producer: words.plain[1],
            target: words.plain[2],
            first: number(words.plain[3]),
            answered: words.option("answered").map_or(0, number),
            group: words.option("group"),
            id: words.option("id"),
            delay: words.option("delay"),
        };
        let bodies = &words.plain[4..];
        let request = self.world.producing(&batch, bodies)?;
        let Reply::MessagesSent(sent) = self.world.ask(request)? else { panic!("another reply") };
        let is_fifo = batch.target.ends_with(".fifo");
        assert_eq!(sent.sequence_numbers.len(), if is_fifo { bodies.len() } else { 0 }, "one of each in FIFO");
        let exceptions = sent.exceptions.iter().map(|(index, exception)| match exception {
            SendException::Refused(fault) => format!("{} {}", bodies[*index], fault_name(fault)),
            SendException::Duplicate(_) => format!("{} duplicate", bodies[*index]),
        });
        let exceptions: Vec<String> = exceptions.collect();
        if words.option("numbers").is_some() {
            let numbers: Vec<String> = sent
                .sequence_numbers
                .iter()
                .map(|number| number.map_or("-".into(), |number| self.place(number)))
                .collect();
            return Ok(numbers.join(" "));
        }
        Ok(if exceptions.is_empty() { "ok".into() } else { exceptions.join("; ") })
    }

    /// `#2` is the second sequence number that the script has shown.
    fn place(&mut self, number: SequenceNumber) -> String {
        let index = self.sequence_numbers.iter().position(|known| *known == number).unwrap_or_else(|| {
            self.sequence_numbers.push(number);
            self.sequence_numbers.len() - 1
        });
        format!("#{}", index + 1)
    }

    fn settle(&mut self, words: &Words<'_>) -> Result<String, Fault> {
        let settlements = words.options.iter().map(|(message, verb)| {
            let (verb, span) = verb.split_once(':').unwrap_or((verb, "0s"));
            let settlement = match verb {
                "delete" => DeliverySettlement::Delete,
                "release" => DeliverySettlement::Release(seconds(span)),
                "extend" => DeliverySettlement::Extend(seconds(span)),
                "dead-letter" => DeliverySettlement::DeadLetter,
                other => panic!("no such settlement: {other}"),
            };
            (self.handle(message).handle(), settlement)
        });
        let request = SettleMessages::new(self.world.address(words.plain[1]), settlements.collect())?;
        let Reply::MessagesSettled(unsettled) = self.world.ask(Request::SettleMessages(request))? else {
            panic!("another reply")
        };
        let unsettled = unsettled.iter().map(|(index, why)| format!("{} {why:?}", words.options[*index].0));
        let unsettled: Vec<String> = unsettled.collect();
        Ok(if unsettled.is_empty() { "ok".into() } else { unsettled.join("; ") })
    }
}

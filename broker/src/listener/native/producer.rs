//! A link that sends messages: what it was opened for, what of it is not answered yet, and the batches that its frames
//! become.

use posthouse_model::fault::{InvalidValue, RangedParameter};
use posthouse_model::message::{AttributeValue, MessageAttribute, MessageDraft, MessageId, TraceHeader, TraceId};
use posthouse_model::notification::{Publication, PublicationDraft, PublicationKind, Subject};
use posthouse_model::operation::{
    GivenIds, MessageNumber, Numbering, ProducerId, ProducerTarget, PublishMessages, SendEntry, SendMessages,
};
use posthouse_model::{Delay, Fault, QueueAddress, Request, SnsFault, TopicAddress};
use posthouse_wire as wire;
use wire::{FaultCode, Malformed, Structure};

use super::ending::Ending;
use super::fault::Refusal;

/// A link that sends messages.
#[derive(Debug)]
pub(super) struct Producer {
    id: ProducerId,
    target: ProducerTarget,
    /// `SenderId` of its messages.
    sender: Box<str>,
    window: Window,
    /// The last number that was answered on this connection.
    answered: MessageNumber,
    unanswered: Window,
    /// How it is to end; `None` while it is open.
    ending: Option<Ending>,
}

/// Messages, and bytes of their bodies and attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) messages: u32,
    pub(super) bytes: usize,
}

/// Why a frame of messages is not taken.
#[derive(Debug)]
pub(super) enum NotTaken {
    /// The frame is not whole.
    Malformed(Malformed),
    /// The batch is refused as a whole.
    Refused(Refusal),
}

impl From<Malformed> for NotTaken {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl Producer {
    /// `answered` is the last number that the engine knows.
    pub(super) fn new(
        id: ProducerId,
        target: ProducerTarget,
        sender: &str,
        window: Window,
        answered: MessageNumber,
    ) -> Self {
        Self { id, target, sender: sender.into(), window, answered, unanswered: Window::default(), ending: None }
    }

    /// Whether its target is a topic.
    pub(super) const fn publishes(&self) -> bool {
        matches!(self.target, ProducerTarget::Topic(_))
    }

    /// What a fault of its target is called.
    pub(super) fn refusal(&self, fault: Fault) -> Refusal {
        Refusal::by_target(&self.target, fault)
    }

    /// Whether frames of it may be taken.
    pub(super) const fn is_open(&self) -> bool {
        self.ending.is_none()
    }

    /// Whether nothing of it is under way.
    pub(super) const fn is_idle(&self) -> bool {
        self.unanswered.messages == 0
    }

    /// Whether a batch is within the window. One message always is, if nothing else is unanswered.
    fn permits(&self, batch: Window) -> bool {
        let all = |unanswered: usize, batch: usize, max: usize| unanswered.saturating_add(batch) <= max;
        self.is_idle() && batch.messages == 1
            || self.unanswered.messages.saturating_add(batch.messages) <= self.window.messages
                && all(self.unanswered.bytes, batch.bytes, self.window.bytes)
    }

    /// It is to end. The first call counts.
    pub(super) fn end(&mut self, ending: Ending) {
        self.ending.get_or_insert(ending);
    }

    /// How its end is to be answered, once nothing of it is under way.
    pub(super) fn ended(&self) -> Option<Ending> {
        self.ending.clone().filter(|_| self.is_idle())
    }

    /// Counts messages that the engine was asked to take.
    pub(super) const fn asked(&mut self, batch: Window) {
        self.unanswered.messages += batch.messages;
        self.unanswered.bytes += batch.bytes;
    }

    /// Counts messages that were answered. `last` is the number of the last of them, if they were decided.
    pub(super) fn answered(&mut self, batch: Window, last: Option<u64>) {
        self.unanswered.messages -= batch.messages;
        self.unanswered.bytes -= batch.bytes;
        self.answered = self.answered.max(last.map_or(MessageNumber::NONE, MessageNumber::new));
    }

    /// What the engine is asked for a SEND, and how large that is. Each message is checked, digested and laid out here.
    ///
    /// # Errors
    /// [`NotTaken`]; no message of the frame has been stored then.
    pub(super) fn request(&self, send: &wire::SendMessages<'_>) -> Result<(Request, Window), NotTaken> {
        let numbering =
            Numbering { producer: self.id, first: MessageNumber::new(send.first().get()), answered: self.answered };
        let (mut bytes, count) = (0, send.count());
        let numbered = send.entries().zip(send.first().get()..).map(|(entry, number)| {
            let entry = entry?;
            bytes += entry.head.attributes.len() + entry.body.len();
            let id = wire::message_id(wire::ProducerId::from_bytes(*self.id.as_bytes()), wire_number(number));
            Ok::<_, NotTaken>((MessageId::from_bytes(id), entry))
        });
        let refused = |fault| NotTaken::Refused(self.refusal(fault));
        match &self.target {
            ProducerTarget::Queue(queue) => {
                let mut entries = Vec::with_capacity(count.into());
                for entry in numbered {
                    let (id, entry) = entry?;
                    entries.push(self.message(queue, id, &entry)?);
                }
                let batch = self.permitted(count, bytes)?;
                Ok((SendMessages::new(queue.clone(), numbering, entries).map_err(refused)?.into(), batch))
            }
            ProducerTarget::Topic(topic) => {
                let mut publications = Vec::with_capacity(count.into());
                for entry in numbered {
                    let (id, entry) = entry?;
                    publications.push(publication(topic, id, &entry)?);
                }
                let batch = self.permitted(count, bytes)?;
                Ok((PublishMessages::new(topic.clone(), numbering, publications).map_err(refused)?.into(), batch))
            }
        }
    }

    /// The size of a batch that is within the window.
    fn permitted(&self, messages: u16, bytes: usize) -> Result<Window, NotTaken> {
        let batch = Window { messages: messages.into(), bytes };
        if self.permits(batch) {
            return Ok(batch);
        }
        let Window { messages, bytes } = self.window;
        let sentence = format!("At most {messages} messages and {bytes} bytes may be unanswered.");
        Err(NotTaken::Refused(Refusal::new(FaultCode::WindowExceeded, sentence)))
    }

    /// A message for a queue. One that breaks a rule is an entry too: it uses up its number.
    fn message(&self, queue: &QueueAddress, id: MessageId, entry: &wire::SendEntry<'_>) -> Result<SendEntry, NotTaken> {
        let wire::SendEntry { head, body } = entry;
        if head.structure != Structure::Same || head.subject.non_empty().is_some() {
            return Err(mismatch("A message for a queue has neither a subject nor a structure."));
        }
        let attributes = attributes(head.attributes)?;
        let size_bytes = body.len() as u64 + attributes.iter().map(size_of).sum::<u64>();
        let (group, deduplication) = (head.group.non_empty(), head.deduplication.non_empty());
        let ids = GivenIds { group: group.is_some(), deduplication: deduplication.is_some() };
        let delay = match head.delay {
            wire::Delay::OfQueue => Ok(None),
            wire::Delay::Seconds(seconds) => Delay::new(seconds.into()).map(Some).map_err(|range| {
                Fault::invalid(InvalidValue::OutOfRange { parameter: RangedParameter::DelaySeconds, range })
            }),
        };
        let sealed = delay.and_then(|delay| {
            let draft = MessageDraft {
                id,
                body: core::str::from_utf8(body).map_err(|_| Fault::InvalidMessageContents)?,
                attributes,
                trace_header: head.trace_header.non_empty().map(TraceHeader::Attribute),
                group,
                deduplication,
                fifo: queue.name.is_fifo(),
                sender: &self.sender,
            };
            Ok(SendEntry::new(delay, draft.seal()?))
        });
        Ok(sealed.unwrap_or_else(|fault| SendEntry::refused(size_bytes, ids, fault)))
    }
}

/// A publication, or the fault that it is answered with.
fn publication(
    topic: &TopicAddress,
    id: MessageId,
    entry: &wire::SendEntry<'_>,
) -> Result<Result<Publication, Fault>, NotTaken> {
    let wire::SendEntry { head, body } = entry;
    if head.delay != wire::Delay::OfQueue {
        return Err(mismatch("A publication has no delay."));
    }
    let attributes = attributes(head.attributes)?;
    let seal = || {
        let draft = PublicationDraft {
            id,
            message: core::str::from_utf8(body).map_err(|_| not_text())?,
            structure: match head.structure {
                Structure::Same => None,
                Structure::Json => Some("json"),
            },
            subject: head.subject.non_empty().map(Subject::parse).transpose()?,
            attributes,
            group: head.group.non_empty(),
            deduplication: head.deduplication.non_empty(),
            trace: head.trace_header.non_empty().and_then(|header| TraceId::of_header(header.as_bytes())),
            kind: PublicationKind::of_topic(topic),
        };
        draft.seal()
    };
    Ok(seal())
}

/// What SNS says of characters that it does not take.
fn not_text() -> Fault {
    SnsFault::invalid("Message", posthouse_model::fault::Rule::Characters)
}

fn mismatch(sentence: &'static str) -> NotTaken {
    NotTaken::Refused(Refusal::new(FaultCode::TargetMismatch, sentence))
}

/// Attributes that are read of a message. One that has so many has more than any message may have.
const ATTRIBUTES_READ: usize = 256;

/// The attributes of a message.
fn attributes(encoded: wire::Attributes<'_>) -> Result<Vec<MessageAttribute<'_>>, Malformed> {
    encoded.iter().take(ATTRIBUTES_READ).map(|read| read.map(attribute)).collect()
}

fn attribute(attribute: wire::Attribute<'_>) -> MessageAttribute<'_> {
    MessageAttribute {
        name: attribute.name.as_str().into(),
        data_type: attribute.data_type.as_str().into(),
        value: match attribute.value {
            wire::AttributeValue::Text(text) => AttributeValue::Text(text.into()),
            wire::AttributeValue::Binary(bytes) => AttributeValue::Binary(bytes.into()),
        },
    }
}

fn size_of(attribute: &MessageAttribute<'_>) -> u64 {
    (attribute.name.len() + attribute.data_type.len() + attribute.value.as_bytes().len()) as u64
}

fn wire_number(number: u64) -> wire::MessageNumber {
    wire::MessageNumber::new(number).expect("SEND's decoder has checked all numbers")
}

//! A notification: what a publisher gives ([`PublicationDraft`]), what is kept of it ([`Publication`]), and what a
//! recipient gets besides the message ([`Notification`]).
//!
//! A publication's messages are laid out like any message ([`StoredMessage`]), once for each body that it has: one, or
//! with `MessageStructure` `json` one for each protocol that is named. What depends on the topic (whether
//! deduplication is on, how large a message may be) is for the engine.

mod attributes;
mod failure;

use std::borrow::Cow;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};

use crate::confirmation_token::ConfirmationToken;
use crate::endpoint::{PhoneNumber, SubscriptionProtocol};
use crate::fault::{Fault, Rule, SnsFault};
use crate::limits::{PUBLICATION_STORED_BYTES_MAX, SUBJECT_CHARS_MAX, TOPIC_MESSAGE_SIZE_MAX_BYTES};
use crate::message::{
    AttributeValue, Lenient, MessageAttribute, MessageId, StoredMessage, TraceId, attributes_size_bytes, is_allowed,
};
use crate::receipt::SequenceNumber;
use crate::time::Timestamp;
use crate::topic_attributes::{SignatureVersion, SubscriptionAttributes};
use crate::topic_name::{EndpointAddress, Platform, SubscriptionAddress, TopicAddress};

pub use failure::{FailedPush, PushFailure};

/// `SenderId` of what SNS puts into a queue.
pub const SENDER: &str = "sns.amazonaws.com";

/// The attribute that marks an unsubscribe confirmation.
const UNSUBSCRIBE_CONFIRMATION: &str = "UnsubscribeConfirmation";

/// `Subject`: 1 to 99 characters without line breaks and control characters (SNS API reference, `Publish`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a>(&'a str);

impl<'a> Subject<'a> {
    /// Parses a subject.
    ///
    /// # Errors
    /// [`SnsFault::InvalidParameter`] where the text breaks the rule.
    pub fn parse(text: &'a str) -> Result<Self, Fault> {
        let is_printed = |c: char| is_allowed(c) && !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}');
        // Counted first, so that a long text is not read to its end.
        let fits = !text.is_empty() && text.chars().nth(SUBJECT_CHARS_MAX).is_none();
        if fits && text.chars().all(is_printed) {
            Ok(Self(text))
        } else {
            Err(SnsFault::invalid("Subject", Rule::Malformed))
        }
    }

    /// The subject's text.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

/// What a publication goes to, as far as its rules depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicationKind {
    /// To a standard topic.
    StandardTopic,
    /// To a FIFO topic.
    FifoTopic,
    /// To a device on this platform.
    Endpoint(Platform),
    /// To a phone number.
    PhoneNumber,
}

impl PublicationKind {
    /// What is published to a topic, whose name says its type.
    #[must_use]
    pub fn of_topic(topic: &TopicAddress) -> Self {
        if topic.name.is_fifo() { Self::FifoTopic } else { Self::StandardTopic }
    }

    /// Which body of a `json` structure serves where there is no `default`. A publication to a topic needs a `default`
    /// (SNS API reference, `Publish`, `MessageStructure`).
    const fn own_body(self) -> Option<BodyKey> {
        match self {
            Self::StandardTopic | Self::FifoTopic => None,
            Self::Endpoint(platform) => Some(BodyKey::Platform(platform)),
            Self::PhoneNumber => Some(BodyKey::Protocol(SubscriptionProtocol::Sms)),
        }
    }
}

/// A publication before it is laid out.
#[derive(Clone, Debug)]
pub struct PublicationDraft<'a> {
    /// The id of the publication and of each of its messages.
    pub id: MessageId,
    /// `Message`
    pub message: &'a str,
    /// `MessageStructure`, where it is given.
    pub structure: Option<&'a str>,
    /// `Subject`
    pub subject: Option<Subject<'a>>,
    /// `MessageAttributes`, in any order.
    pub attributes: Vec<MessageAttribute<'a>>,
    /// `MessageGroupId`
    pub group: Option<&'a str>,
    /// `MessageDeduplicationId`
    pub deduplication: Option<&'a str>,
    /// `AWSTraceHeader` of each message, which comes as a header of the request.
    pub trace: Option<TraceId<'a>>,
    /// What it goes to.
    pub kind: PublicationKind,
}

impl<'a> PublicationDraft<'a> {
    /// A publication of a message and nothing else.
    #[must_use]
    pub const fn new(id: MessageId, message: &'a str, kind: PublicationKind) -> Self {
        Self {
            id,
            message,
            structure: None,
            subject: None,
            attributes: Vec::new(),
            group: None,
            deduplication: None,
            trace: None,
            kind,
        }
    }

    /// Checks every rule that does not depend on the topic's attributes, and lays the messages out for the log.
    ///
    /// # Errors
    /// The fault of the first rule that the publication breaks. SNS looks at the structure before the message group
    /// (recorded from AWS).
    pub fn seal(mut self) -> Result<Publication, Fault> {
        if self.message.is_empty() {
            return Err(SnsFault::invalid("Message", Rule::EmptyMessage));
        }
        let Bodies { default, others } = match self.structure {
            None | Some("") => Bodies { default: Some(self.message.to_owned()), others: Vec::new() },
            Some("json") => Bodies::parse(self.message)?,
            Some(_) => return Err(SnsFault::invalid("MessageStructure", Rule::UnknownStructure)),
        };
        let own = || others.iter().find(|(key, _)| Some(*key) == self.kind.own_body()).map(|(_, body)| body.clone());
        let default =
            default.or_else(own).ok_or_else(|| SnsFault::invalid("Message", Rule::StructureWithoutDefault))?;
        self.check_identifiers()?;
        attributes::check(&mut self.attributes)?;
        let size = self.message.len() + attributes_size_bytes(&self.attributes);
        if size > TOPIC_MESSAGE_SIZE_MAX_BYTES as usize {
            return Err(too_long());
        }
        let default = self.lay_out(&default)?;
        let others = others.iter().map(|(key, body)| Ok((*key, self.lay_out(body)?)));
        let others: Vec<_> = others.collect::<Result<_, Fault>>()?;
        // Each message has the attributes, so that many bodies could make little into much.
        let stored = others.iter().map(|(_, message)| message.as_bytes().len()).sum::<usize>();
        if default.as_bytes().len() + stored > PUBLICATION_STORED_BYTES_MAX {
            return Err(too_long());
        }
        let size_bytes = u32::try_from(size).expect("checked against a limit below 4 GiB");
        Ok(Publication { subject: self.subject.map(|subject| subject.as_str().into()), size_bytes, others, default })
    }

    fn check_identifiers(&self) -> Result<(), Fault> {
        let fifo = self.kind == PublicationKind::FifoTopic;
        if fifo && self.group.is_none() {
            return Err(SnsFault::invalid("MessageGroupId", Rule::GroupMissing));
        }
        if !fifo && self.deduplication.is_some() {
            return Err(SnsFault::invalid("MessageDeduplicationId", Rule::DeduplicationIdOfStandardTopic));
        }
        Ok(())
    }

    fn lay_out(&self, body: &str) -> Result<StoredMessage, Fault> {
        StoredMessage::lay_out(&Lenient {
            id: self.id,
            body,
            // Deduplication looks at what was published, whichever body of it a receiver gets.
            content: self.message,
            attributes: &self.attributes,
            group: self.group,
            deduplication: self.deduplication,
            trace: self.trace,
            fifo: self.kind == PublicationKind::FifoTopic,
            sender: SENDER,
        })
    }
}

/// SNS's answer to a message that is larger than its topic takes.
#[must_use]
pub fn too_long() -> Fault {
    SnsFault::invalid("Message", Rule::MessageTooLong)
}

/// What a body of a `json` structure is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodyKey {
    Protocol(SubscriptionProtocol),
    Platform(Platform),
}

/// The bodies of a message whose structure is `json`.
#[derive(Default)]
struct Bodies {
    /// The body for each recipient that has none of its own.
    default: Option<String>,
    /// By key; no key is there twice.
    others: Vec<(BodyKey, String)>,
}

impl Bodies {
    /// Parses a message. A key that SNS does not know is ignored, and so is a body that is no string. Of two bodies with
    /// one key the second counts; that AWS takes such a message is recorded.
    ///
    /// # Errors
    /// Where the message is no JSON object.
    fn parse(message: &str) -> Result<Self, Fault> {
        let mut json = serde_json::Deserializer::from_str(message);
        let bodies = json.deserialize_map(BodiesVisitor).and_then(|bodies| json.end().map(|()| bodies));
        bodies.map_err(|_| SnsFault::invalid("Message", Rule::StructureNotJson))
    }
}

struct BodiesVisitor;

impl<'de> Visitor<'de> for BodiesVisitor {
    type Value = Bodies;

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Bodies, A::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Body {
            Text(String),
            Other(IgnoredAny),
        }
        let mut bodies = Bodies::default();
        while let Some((key, body)) = map.next_entry::<String, Body>()? {
            let text = match body {
                Body::Text(text) => Some(text),
                Body::Other(_) => None,
            };
            if key == "default" {
                bodies.default = text;
            } else if let Some(key) = body_key(&key) {
                bodies.others.retain(|(other, _)| *other != key);
                bodies.others.extend(text.map(|text| (key, text)));
            }
        }
        Ok(bodies)
    }
}

fn body_key(key: &str) -> Option<BodyKey> {
    let protocol = key.parse().ok().map(BodyKey::Protocol);
    protocol.or_else(|| key.parse().ok().map(BodyKey::Platform))
}

/// A publication that is ready to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Publication {
    subject: Option<Box<str>>,
    default: StoredMessage,
    others: Vec<(BodyKey, StoredMessage)>,
    size_bytes: u32,
}

impl Publication {
    /// `Subject`
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The id of the publication and of every message of it.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.default.id()
    }

    /// What the topic's limit counts: the message as it was published, and its attributes.
    #[must_use]
    pub const fn size_bytes(&self) -> u32 {
        self.size_bytes
    }

    /// The message for each recipient whose protocol and platform have none of their own. Filter policies are matched
    /// against its attributes and body.
    #[must_use]
    pub const fn default_message(&self) -> &StoredMessage {
        &self.default
    }

    /// All messages: the default one, then the others.
    pub fn messages(&self) -> impl Iterator<Item = &StoredMessage> {
        core::iter::once(&self.default).chain(self.others.iter().map(|(_, message)| message))
    }

    /// The index among [`Publication::messages`] of the one that goes to a protocol, and to a device on a platform.
    #[must_use]
    pub fn index_for(&self, protocol: SubscriptionProtocol, platform: Option<Platform>) -> usize {
        let find = |key: BodyKey| self.others.iter().position(|(other, _)| *other == key);
        let own = platform.and_then(|platform| find(BodyKey::Platform(platform)));
        own.or_else(|| find(BodyKey::Protocol(protocol))).map_or(0, |index| index + 1)
    }
}

/// What a recipient of a published message gets besides the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Why it was delivered.
    pub source: NotificationSource,
    /// `MessageId`, as the publisher knows it.
    pub message_id: MessageId,
    /// `Timestamp`: when it was published.
    pub published: Timestamp,
    /// `Subject`
    pub subject: Option<Box<str>>,
    /// `SequenceNumber`, of a FIFO topic.
    pub sequence_number: Option<SequenceNumber>,
    /// How it is delivered.
    pub form: NotificationForm,
    /// Which signature its envelope bears.
    pub signature_version: SignatureVersion,
}

/// How a recipient gets what was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationForm {
    /// In SNS's envelope.
    Envelope,
    /// As it was published, with its message attributes beside it.
    Raw,
}

impl NotificationForm {
    /// What the attributes of a subscription ask for.
    #[must_use]
    pub fn of(attributes: &SubscriptionAttributes) -> Self {
        if attributes.is_raw() { Self::Raw } else { Self::Envelope }
    }
}

/// Why a notification was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotificationSource {
    /// To this subscription of its topic.
    Subscription(SubscriptionAddress),
    /// To a phone number.
    PhoneNumber(PhoneNumber),
    /// To a platform endpoint.
    Endpoint(EndpointAddress),
}

/// The message that asks an endpoint to confirm a subscription. Its body is the token; push writes the text round it.
#[must_use]
pub fn confirmation(id: MessageId, token: &ConfirmationToken) -> StoredMessage {
    bearing(id, token, &[])
}

/// The message that an endpoint receives when its subscription ends. Its body is the token that undoes the end. An
/// attribute marks it, because the push worker may receive it before it learns that the subscription has ended.
#[must_use]
pub fn unsubscribe_confirmation(id: MessageId, token: &ConfirmationToken) -> StoredMessage {
    let mark = MessageAttribute {
        name: Cow::Borrowed(UNSUBSCRIBE_CONFIRMATION),
        data_type: Cow::Borrowed("String"),
        value: AttributeValue::Text(Cow::Borrowed("true")),
    };
    bearing(id, token, &[mark])
}

/// Whether a message that bears a token is a [`unsubscribe_confirmation`].
#[must_use]
pub fn is_unsubscribe_confirmation(message: &StoredMessage) -> bool {
    message.attributes().any(|attribute| attribute.name == UNSUBSCRIBE_CONFIRMATION)
}

fn bearing(id: MessageId, token: &ConfirmationToken, attributes: &[MessageAttribute<'_>]) -> StoredMessage {
    let token = token.to_string();
    let message = Lenient {
        id,
        body: &token,
        content: &token,
        attributes,
        group: None,
        deduplication: None,
        trace: None,
        fifo: false,
        sender: SENDER,
    };
    StoredMessage::lay_out(&message).expect("hexadecimal digits can be stored")
}

#[cfg(test)]
mod tests;

//! What a program sends: [`Message`] to a queue, [`Notification`] to a topic.
//!
//! Nothing is checked here but what the frames cannot carry. The broker has the rules of SQS and SNS and refuses a message
//! with the name that they use.

mod attribute;
mod draft;
mod id;

use std::time::Duration;

use bytes::Bytes;

pub use attribute::Attribute;
pub(crate) use draft::Draft;
pub use draft::Sendable;
pub use id::MessageId;

/// A message to a queue.
///
/// Its body is text: the broker refuses other bytes, as SQS does. Send bytes in an
/// [attribute](Message::attribute), or encoded as text.
///
/// ```
/// use std::time::Duration;
/// use posthouse_client::Message;
///
/// let message = Message::new("{\"order\": 7}")
///     .group("customer-12")
///     .deduplication_id("order-7")
///     .attribute("priority", "high")
///     .delay(Duration::from_secs(5));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    pub(crate) body: Bytes,
    pub(crate) group: Option<String>,
    pub(crate) deduplication_id: Option<String>,
    pub(crate) delay_s: Option<u32>,
    pub(crate) trace_header: Option<String>,
    pub(crate) attributes: Vec<(String, Attribute)>,
}

impl Message {
    /// A message with this body.
    #[must_use]
    pub fn new(body: impl Into<Body>) -> Self {
        Self { body: body.into().0, ..Self::default() }
    }

    /// The message group: messages of a group of a FIFO queue are delivered in order, and one after the other. On a
    /// standard queue a group is a tenant of fair delivery.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// The deduplication id, for FIFO queues: within five minutes a second message with it is confirmed and not stored.
    #[must_use]
    pub fn deduplication_id(mut self, id: impl Into<String>) -> Self {
        self.deduplication_id = Some(id.into());
        self
    }

    /// How long the message stays hidden after it was sent, up to 15 minutes, in whole seconds: a fraction counts as one.
    /// Without it the delay of the queue counts. A FIFO queue refuses a delay for one message.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay_s = Some(whole_seconds(delay));
        self
    }

    /// Adds a message attribute. An attribute of the same name is replaced.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<Attribute>) -> Self {
        attribute::set(&mut self.attributes, name.into(), value.into());
        self
    }

    /// The AWS X-Ray trace header, which the receiver of the message is shown.
    #[must_use]
    pub fn trace_header(mut self, header: impl Into<String>) -> Self {
        self.trace_header = Some(header.into());
        self
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

/// Text is a message with this body and nothing else.
impl<T: Into<Body>> From<T> for Message {
    fn from(body: T) -> Self {
        Self::new(body)
    }
}

/// A message to a topic.
///
/// ```
/// use posthouse_client::Notification;
///
/// let notification = Notification::new("Order 7 was paid").subject("paid").attribute("amount", 12);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notification {
    pub(crate) message: Message,
    pub(crate) subject: Option<String>,
    pub(crate) structured: bool,
}

impl Notification {
    /// A notification with this text for all subscriptions.
    #[must_use]
    pub fn new(body: impl Into<Body>) -> Self {
        Self { message: Message::new(body), ..Self::default() }
    }

    /// A notification with a text of its own for each protocol: `json` is an object of protocol names and texts, with
    /// `default` among them (SNS's `MessageStructure` of `json`).
    #[must_use]
    pub fn per_protocol(json: impl Into<Body>) -> Self {
        Self { structured: true, ..Self::new(json) }
    }

    /// The subject: of an e-mail, and in SNS's envelope.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// The message group. A FIFO topic needs one.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.message = self.message.group(group);
        self
    }

    /// The deduplication id, for FIFO topics: within five minutes a second notification with it is confirmed and not
    /// delivered.
    #[must_use]
    pub fn deduplication_id(mut self, id: impl Into<String>) -> Self {
        self.message = self.message.deduplication_id(id);
        self
    }

    /// Adds a message attribute, which filter policies look at. An attribute of the same name is replaced.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<Attribute>) -> Self {
        self.message = self.message.attribute(name, value);
        self
    }

    /// The AWS X-Ray trace header, which the receivers are shown.
    #[must_use]
    pub fn trace_header(mut self, header: impl Into<String>) -> Self {
        self.message = self.message.trace_header(header);
        self
    }

    /// The text, or the object of texts.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.message.body
    }
}

/// Text is a notification with this text and nothing else.
impl<T: Into<Body>> From<T> for Notification {
    fn from(body: T) -> Self {
        Self::new(body)
    }
}

/// The text of a message: `&str` and `String` are one, and so are `Bytes` and `Vec<u8>` that hold UTF-8.
///
/// A `&str` or a `&[u8]` is copied. The other types are taken over without a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body(Bytes);

impl From<&str> for Body {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<&String> for Body {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&[u8]> for Body {
    fn from(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<serde_json::Value> for Body {
    /// The JSON text of the value.
    fn from(value: serde_json::Value) -> Self {
        Self(value.to_string().into())
    }
}

/// Whole seconds, rounded up: a delay or timeout never ends early.
pub(crate) fn whole_seconds(duration: Duration) -> u32 {
    let seconds = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_seconds_rounded_up() {
        for (duration, seconds) in [
            (Duration::ZERO, 0),
            (Duration::from_nanos(1), 1),
            (Duration::from_secs(5), 5),
            (Duration::from_millis(5_001), 6),
            (Duration::MAX, u32::MAX),
        ] {
            assert_eq!(whole_seconds(duration), seconds);
        }
    }

    #[test]
    fn an_attribute_of_the_same_name_is_replaced() {
        let message = Message::from("x").attribute("a", 1).attribute("b", "two").attribute("a", "one");
        let names: Vec<_> = message.attributes.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(message.attributes[0].1, Attribute::from("one"));
    }

    #[test]
    fn text_of_any_type_is_a_message() {
        let expected = Message::new("x");
        assert_eq!(Message::from(String::from("x")), expected);
        assert_eq!(Message::from(Bytes::from_static(b"x")), expected);
        assert_eq!(Message::from(vec![b'x']), expected);
        assert_eq!(Notification::from("x").message, expected);
    }
}

//! The JSON in which SNS wraps what it delivers: notifications that are not raw, and the confirmations of
//! subscriptions; and the text of each that its signature signs.
//!
//! The members, their order and the white space are SNS's own, so that a consumer that compares, hashes or greps bodies
//! sees what it saw. A notification of a FIFO topic has a `SequenceNumber` and bears no signature, as on AWS.
//!
//! The URLs are made elsewhere (they need the address that the broker is reached at), and so is the digest of an
//! envelope that lies in a queue.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use posthouse_model::message::{AttributeValue, MessageAttribute};
use posthouse_model::operation::ReceivedMessage;
use posthouse_model::topic_attributes::SignatureVersion;
use posthouse_model::{Notification, SequenceNumber, SubscriptionAddress, Timestamp};
use time::OffsetDateTime;

use super::signature::Signer;
use crate::protocol::text::escape_json;

/// What an envelope adds to its message: names, ids, URLs and a signature. Only a guess, to allocate once.
const OVERHEAD_GUESS_BYTES: usize = 1536;

/// The envelope of a published message.
#[derive(Clone, Debug)]
pub struct NotificationEnvelope<'a> {
    /// `MessageId`, as the publisher knows it.
    pub message_id: Cow<'a, str>,
    /// `TopicArn`
    pub topic_arn: Cow<'a, str>,
    /// `Subject`
    pub subject: Option<&'a str>,
    /// `Message`
    pub message: &'a str,
    /// `Timestamp`: when it was published.
    pub timestamp: Timestamp,
    /// `MessageAttributes`, in the order in which they are written.
    pub attributes: Vec<MessageAttribute<'a>>,
    /// `SequenceNumber`, of a FIFO topic: where it is there, the envelope is not signed.
    pub sequence_number: Option<SequenceNumber>,
    /// `SignatureVersion`
    pub signature_version: SignatureVersion,
    /// `UnsubscribeURL`
    pub unsubscribe_url: Cow<'a, str>,
}

impl<'a> NotificationEnvelope<'a> {
    /// The envelope of a message that a subscription receives. `base_url` is where the broker is reached, without a
    /// slash at its end.
    #[must_use]
    pub fn of(
        received: &'a ReceivedMessage,
        notification: &'a Notification,
        subscription: &SubscriptionAddress,
        base_url: &str,
    ) -> Self {
        Self {
            message_id: notification.message_id.to_string().into(),
            topic_arn: subscription.topic.to_string().into(),
            subject: notification.subject.as_deref(),
            message: received.message.body(),
            timestamp: notification.published,
            attributes: received.message.attributes().collect(),
            sequence_number: notification.sequence_number,
            signature_version: notification.signature_version,
            unsubscribe_url: unsubscribe_url(base_url, subscription).into(),
        }
    }

    /// The envelope as JSON. `base_url` is where the broker is reached, without a slash at its end: there the
    /// certificate is found.
    ///
    /// Waits for the signer's key ([`Signer::awaiting`]), but for a FIFO topic's notification.
    #[must_use]
    pub fn write(&self, signer: &Signer, base_url: &str) -> String {
        self.lay_out(self.signed(signer, base_url).as_ref())
    }

    /// The text that is signed. It names no subscription: all receivers of a message see the same signature.
    #[must_use]
    pub fn to_sign(&self) -> String {
        let timestamp = iso_8601(self.timestamp);
        let subject = self.subject.map(|subject| ("Subject", subject));
        lines([("Message", self.message), ("MessageId", &*self.message_id)].into_iter().chain(subject).chain([
            ("Timestamp", timestamp.as_str()),
            ("TopicArn", &*self.topic_arn),
            ("Type", "Notification"),
        ]))
    }

    /// The envelope as JSON, around its message: what is before the inside of the string that is `Message`, and what is
    /// behind it. See [`NotificationEnvelope::write`].
    pub(crate) fn write_around(&self, signer: &Signer, base_url: &str) -> (String, String) {
        let signed = self.signed(signer, base_url);
        let mut head = self.head(0);
        head.name("Message");
        head.put("\"");
        let mut tail = Object(Vec::with_capacity(OVERHEAD_GUESS_BYTES));
        tail.put("\"");
        self.add_tail(&mut tail, signed.as_ref());
        (head.into_string(), tail.close())
    }

    fn signed(&self, signer: &Signer, base_url: &str) -> Option<Signed> {
        let is_signed = self.sequence_number.is_none();
        is_signed.then(|| Signed::new(signer, self.signature_version, &self.to_sign(), base_url))
    }

    fn lay_out(&self, signed: Option<&Signed>) -> String {
        let mut envelope = self.head(self.message.len());
        envelope.text("Message", self.message);
        self.add_tail(&mut envelope, signed);
        envelope.close()
    }

    /// What is before the message, which has this length.
    fn head(&self, message_bytes: usize) -> Object {
        let mut envelope = Object::open("Notification", message_bytes);
        envelope.text("MessageId", &self.message_id);
        if let Some(number) = self.sequence_number {
            envelope.text("SequenceNumber", &number.to_string());
        }
        envelope.text("TopicArn", &self.topic_arn);
        if let Some(subject) = self.subject {
            envelope.text("Subject", subject);
        }
        envelope
    }

    /// Adds what is behind the message.
    fn add_tail(&self, envelope: &mut Object, signed: Option<&Signed>) {
        envelope.text("Timestamp", &iso_8601(self.timestamp));
        if let Some(signed) = signed {
            envelope.signed(signed);
        }
        envelope.text("UnsubscribeURL", &self.unsubscribe_url);
        if !self.attributes.is_empty() {
            envelope.attributes(&self.attributes);
        }
    }
}

/// The URL whose visit ends a subscription. `base_url` has no slash at its end.
#[must_use]
pub fn unsubscribe_url(base_url: &str, subscription: &SubscriptionAddress) -> String {
    format!("{base_url}/?Action=Unsubscribe&SubscriptionArn={subscription}")
}

/// What a confirmation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfirmationKind<'a> {
    /// `SubscriptionConfirmation`: the endpoint was subscribed.
    Subscription,
    /// `UnsubscribeConfirmation`: the endpoint's subscription has ended.
    Unsubscribe {
        /// The subscription that has ended.
        subscription_arn: &'a str,
    },
}

impl ConfirmationKind<'_> {
    /// `Type`, which is also the header `x-amz-sns-message-type`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Subscription => "SubscriptionConfirmation",
            Self::Unsubscribe { .. } => "UnsubscribeConfirmation",
        }
    }
}

/// The message that asks an endpoint to confirm that it is subscribed, or tells it that it is no more.
#[derive(Clone, Debug)]
pub struct ConfirmationEnvelope<'a> {
    /// What it is about.
    pub kind: ConfirmationKind<'a>,
    /// `MessageId`
    pub message_id: &'a str,
    /// `Token`, for `ConfirmSubscription`.
    pub token: &'a str,
    /// `TopicArn`
    pub topic_arn: &'a str,
    /// `Timestamp`: when it was sent.
    pub timestamp: Timestamp,
    /// `SubscribeURL`: a visit confirms.
    pub subscribe_url: &'a str,
    /// `SignatureVersion`
    pub signature_version: SignatureVersion,
}

impl ConfirmationEnvelope<'_> {
    /// The envelope as JSON. `base_url` is where the broker is reached, without a slash at its end.
    ///
    /// Waits for the signer's key ([`Signer::awaiting`]).
    #[must_use]
    pub fn write(&self, signer: &Signer, base_url: &str) -> String {
        self.lay_out(&Signed::new(signer, self.signature_version, &self.to_sign(), base_url))
    }

    /// The text that is signed.
    #[must_use]
    pub fn to_sign(&self) -> String {
        lines([
            ("Message", self.message().as_str()),
            ("MessageId", self.message_id),
            ("SubscribeURL", self.subscribe_url),
            ("Timestamp", &iso_8601(self.timestamp)),
            ("Token", self.token),
            ("TopicArn", self.topic_arn),
            ("Type", self.kind.as_str()),
        ])
    }

    /// `Message`: what a person who reads it has to know.
    fn message(&self) -> String {
        match self.kind {
            ConfirmationKind::Subscription => format!(
                "You have chosen to subscribe to the topic {}.\nTo confirm the subscription, visit the SubscribeURL \
                 included in this message.",
                self.topic_arn
            ),
            ConfirmationKind::Unsubscribe { subscription_arn } => format!(
                "You have chosen to deactivate subscription {subscription_arn}.\nTo cancel this operation and restore \
                 the subscription, visit the SubscribeURL included in this message."
            ),
        }
    }

    fn lay_out(&self, signed: &Signed) -> String {
        let mut envelope = Object::open(self.kind.as_str(), 0);
        envelope.text("MessageId", self.message_id);
        envelope.text("Token", self.token);
        envelope.text("TopicArn", self.topic_arn);
        envelope.text("Message", &self.message());
        envelope.text("SubscribeURL", self.subscribe_url);
        envelope.text("Timestamp", &iso_8601(self.timestamp));
        envelope.signed(signed);
        envelope.close()
    }
}

/// A signature, and where the certificate is that verifies it.
struct Signed {
    version: SignatureVersion,
    signature: std::sync::Arc<str>,
    certificate_url: String,
}

impl Signed {
    fn new(signer: &Signer, version: SignatureVersion, text: &str, base_url: &str) -> Self {
        let certificate_url = signer.certificate_url(base_url);
        Self { version, signature: signer.sign(version, text), certificate_url }
    }
}

/// The JSON object of an envelope: a member a line, as SNS writes it.
struct Object(Vec<u8>);

impl Object {
    fn open(kind: &str, message_bytes: usize) -> Self {
        // Some more than the message, for its escapes.
        let mut object = Self(Vec::with_capacity(OVERHEAD_GUESS_BYTES + message_bytes + message_bytes / 8));
        object.put("{\n  \"Type\" : ");
        object.quoted(kind);
        object
    }

    fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        self.quoted(text);
    }

    fn signed(&mut self, signed: &Signed) {
        self.text("SignatureVersion", signed.version.as_str());
        self.text("Signature", &signed.signature);
        self.text("SigningCertURL", &signed.certificate_url);
    }

    fn attributes(&mut self, attributes: &[MessageAttribute<'_>]) {
        self.name("MessageAttributes");
        for (index, attribute) in attributes.iter().enumerate() {
            self.put(if index == 0 { "{\n    " } else { ",\n    " });
            self.quoted(&attribute.name);
            self.put(" : {\"Type\":");
            self.quoted(&attribute.data_type);
            self.put(",\"Value\":");
            match &attribute.value {
                AttributeValue::Text(text) => self.quoted(text),
                AttributeValue::Binary(bytes) => self.quoted(&STANDARD.encode(bytes)),
            }
            self.put("}");
        }
        self.put("\n  }");
    }

    fn close(mut self) -> String {
        self.put("\n}");
        self.into_string()
    }

    fn into_string(self) -> String {
        String::from_utf8(self.0).expect("made of texts")
    }

    fn name(&mut self, name: &str) {
        self.put(",\n  ");
        self.quoted(name);
        self.put(" : ");
    }

    fn quoted(&mut self, text: &str) {
        self.put("\"");
        escape_json(&mut self.0, text);
        self.put("\"");
    }

    fn put(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }
}

/// The form that signatures sign: each name and each value on a line of its own, as they are.
fn lines<'a>(members: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    members.into_iter().fold(String::new(), |mut text, (name, value)| {
        text.reserve(name.len() + value.len() + 2);
        for part in [name, "\n", value, "\n"] {
            text.push_str(part);
        }
        text
    })
}

/// `2012-05-02T00:54:06.655Z`; the last millisecond of the year 9999 stands for all after it.
fn iso_8601(timestamp: Timestamp) -> String {
    const LAST_MILLIS: u64 = 253_402_300_799_999;
    let millis = timestamp.as_millis().min(LAST_MILLIS);
    let moment =
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).expect("in the years 1970 to 9999");
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        moment.year(),
        u8::from(moment.month()),
        moment.day(),
        moment.hour(),
        moment.minute(),
        moment.second(),
        moment.millisecond()
    )
}

#[cfg(test)]
mod tests;

//! Received messages as DELIVER carries them: what a consumer sees of each, and SNS's envelope around those that it put
//! into the queue. The rules are those of the AWS codec's `ReceiveMessage` with all attributes asked for.

use std::collections::VecDeque;

use bytes::Bytes;
use posthouse_aws::envelope::{NotificationEnvelope, Signer};
use posthouse_model::message::{AttributeValue, MessageAttribute};
use posthouse_model::notification::{NotificationForm, NotificationSource};
use posthouse_model::operation::ReceivedMessage;
use posthouse_model::{SequenceNumber, StoredMessage};
use posthouse_wire as wire;
use wire::{AttributesBuffer, DeliverBuilder, DeliveryHead, Text};

/// Bytes of envelopes that are made at once on a shard's thread, unless one has to be signed.
const QUICK_BYTES_MAX: usize = 256 * 1024;

/// What envelopes are made with.
#[derive(Clone, Debug)]
pub(super) struct Envelopes {
    pub(super) signer: Signer,
    /// What the URLs in them start with.
    pub(super) base_url: Box<str>,
}

/// A message that can be delivered.
#[derive(Debug)]
pub(super) struct Prepared {
    message: ReceivedMessage,
    /// The envelope, which is the body then.
    envelope: Option<Bytes>,
}

impl Envelopes {
    /// Whether the envelopes of messages take long: one has to be signed, or they are large.
    pub(super) fn are_laborious(messages: &[ReceivedMessage]) -> bool {
        let mut bytes = 0;
        messages.iter().any(|message| match message.notification.as_deref() {
            Some(notification) if notification.form == NotificationForm::Envelope => {
                bytes += message.message.as_bytes().len();
                notification.sequence_number.is_none() || bytes > QUICK_BYTES_MAX
            }
            Some(_) | None => false,
        })
    }

    /// Makes the envelopes of messages.
    pub(super) fn prepare(&self, messages: Vec<ReceivedMessage>) -> VecDeque<Prepared> {
        messages.into_iter().map(|message| Prepared { envelope: self.envelope(&message), message }).collect()
    }

    fn envelope(&self, received: &ReceivedMessage) -> Option<Bytes> {
        let notification = received.notification.as_deref()?;
        if notification.form == NotificationForm::Raw {
            return None;
        }
        // What goes to a phone or a device never lies in a queue that can be received from.
        let NotificationSource::Subscription(subscription) = &notification.source else { return None };
        let envelope = NotificationEnvelope::of(received, notification, subscription, &self.base_url);
        Some(envelope.write(&self.signer, &self.base_url).into())
    }
}

impl Prepared {
    /// What the engine received.
    pub(super) const fn message(&self) -> &ReceivedMessage {
        &self.message
    }

    /// Bytes of memory that it holds.
    pub(super) fn bytes(&self) -> usize {
        self.message.message.as_bytes().len() + self.envelope.as_ref().map_or(0, Bytes::len)
    }

    /// Appends the message to a DELIVER. `attributes` is a buffer that is used again.
    ///
    /// # Panics
    /// If the DELIVER has as many messages as it can have.
    pub(super) fn push(&self, builder: &mut DeliverBuilder, attributes: &mut AttributesBuffer) {
        let Self { message: received, envelope } = self;
        let message = &received.message;
        self.write_attributes(attributes);
        let mut id = [0; 36];
        let own_id = received.is_fifo_dead_letter().then(|| received.id.encode(&mut id));
        let (group, deduplication) =
            if received.shows_ids() { (message.group(), message.deduplication()) } else { (None, None) };
        let source = received.dead_letter_source.as_ref().map(ToString::to_string);
        let head = DeliveryHead {
            id: *received.id.as_bytes(),
            sent_ms: received.sent.as_millis(),
            first_received_ms: received.first_received.as_millis(),
            receive_count: received.receive_count,
            sequence_number: received.sequence_number.map_or(0, SequenceNumber::get),
            sender: Text::clipped(message.sender()),
            group: text(group),
            deduplication: text(own_id.or(deduplication)),
            trace_header: text(message.trace_header()),
            dead_letter_source: text(source.as_deref()),
            attributes: attributes.attributes(),
        };
        let body = envelope.clone().unwrap_or_else(|| message.body_bytes());
        builder.push(&head, &[body]).expect("the caller counts the messages");
    }

    /// The attributes of the message, and of the failure of a push. Those of a message in an envelope are inside.
    fn write_attributes(&self, out: &mut AttributesBuffer) {
        let Self { message: received, envelope } = self;
        out.clear();
        let stored = envelope.is_none().then_some(&received.message);
        let stored = stored.into_iter().flat_map(StoredMessage::attributes);
        match &received.failure {
            None => stored.for_each(|attribute| push(out, &attribute)),
            Some(failure) => failure.add_to(stored).iter().for_each(|attribute| push(out, attribute)),
        }
    }
}

fn push(out: &mut AttributesBuffer, attribute: &MessageAttribute<'_>) {
    out.push(&wire::Attribute {
        name: Text::clipped(&attribute.name),
        data_type: Text::clipped(&attribute.data_type),
        value: match &attribute.value {
            AttributeValue::Text(text) => wire::AttributeValue::Text(text),
            AttributeValue::Binary(bytes) => wire::AttributeValue::Binary(bytes),
        },
    });
}

/// A text of a message, all of which are shorter than the protocol's limit.
fn text(text: Option<&str>) -> Text<'_> {
    Text::clipped(text.unwrap_or_default())
}

//! What a message of SNS's looks like in a queue: its envelope, unless its subscription wants it raw.
//!
//! The envelope is the body, so its digest is the body's, and what a publisher gave as attributes is inside: such a
//! message has no attributes of SQS's. It is made when it is received, since it names the URL that the receiver knows
//! the broker by, and since one stored body serves every subscription.

use posthouse_model::notification::{NotificationForm, NotificationSource};
use posthouse_model::operation::ReceivedMessage;

use super::url::UrlBase;
use crate::envelope::{NotificationEnvelope, Signer};
use crate::protocol::writer::SLICE_BYTES_MIN;

/// What envelopes are made with.
#[derive(Clone, Debug)]
pub(super) struct Envelopes {
    pub(super) signer: Signer,
    /// What the URLs in them start with.
    pub(super) url_base: UrlBase,
}

/// The envelope of a message.
pub(super) enum Envelope {
    /// All of it.
    Whole(String),
    /// That of a large message: JSON before and behind the inside of a string, which is the message, not escaped yet.
    Around { head: String, tail: String },
}

impl Envelopes {
    /// The envelope of a received message; `None` where its body is what was stored.
    pub(super) fn wrap(&self, received: &ReceivedMessage) -> Option<Envelope> {
        let notification = received.notification.as_ref()?;
        if notification.form == NotificationForm::Raw {
            return None;
        }
        // What goes to a phone or a device never lies in a queue that can be received from.
        let NotificationSource::Subscription(subscription) = &notification.source else { return None };
        let envelope = NotificationEnvelope::of(received, notification, subscription, self.url_base.as_str());
        let (signer, base_url) = (&self.signer, self.url_base.as_str());
        if received.message.body().len() < SLICE_BYTES_MIN {
            return Some(Envelope::Whole(envelope.write(signer, base_url)));
        }
        let (head, tail) = envelope.write_around(signer, base_url);
        Some(Envelope::Around { head, tail })
    }
}

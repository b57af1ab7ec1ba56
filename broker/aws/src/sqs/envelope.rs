//! What a message of SNS's looks like in a queue: its envelope, unless its subscription wants it raw.
//!
//! The envelope is the body, so its digest is the body's, and what a publisher gave as attributes is inside: such a
//! message has no attributes of SQS's. It is made when it is received, since it names the URL that the receiver knows
//! the broker by, and since one stored body serves every subscription.

use posthouse_model::notification::{NotificationForm, NotificationSource};
use posthouse_model::operation::ReceivedMessage;

use super::url::UrlBase;
use crate::envelope::{NotificationEnvelope, Signer};

/// What envelopes are made with.
#[derive(Clone, Debug)]
pub(super) struct Envelopes {
    pub(super) signer: Signer,
    /// What the URLs in them start with.
    pub(super) url_base: UrlBase,
}

impl Envelopes {
    /// The envelope of a received message; `None` where its body is what was stored.
    pub(super) fn wrap(&self, received: &ReceivedMessage) -> Option<String> {
        let notification = received.notification.as_ref()?;
        if notification.form == NotificationForm::Raw {
            return None;
        }
        // What goes to a phone or a device never lies in a queue that can be received from.
        let NotificationSource::Subscription(subscription) = &notification.source else { return None };
        let envelope = NotificationEnvelope::of(received, notification, subscription, self.url_base.as_str());
        Some(envelope.write(&self.signer, self.url_base.as_str()))
    }
}

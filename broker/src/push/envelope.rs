//! The bodies of deliveries: SNS's envelopes with their URLs. They are signed on blocking threads, not on the
//! reactor's.

use std::sync::Arc;

use bytes::Bytes;
use posthouse_aws::envelope::{ConfirmationEnvelope, ConfirmationKind, NotificationEnvelope, Signer, unsubscribe_url};
use posthouse_model::Notification;
use posthouse_model::SubscriptionAddress;
use posthouse_model::operation::ReceivedMessage;
use posthouse_model::topic_attributes::SignatureVersion;
use tokio::sync::Semaphore;

use super::content::Confirmation;

/// Writes envelopes.
pub(super) struct Envelopes {
    writer: Arc<Writer>,
    /// Signatures at once: one for each core. Each takes about a millisecond of a core.
    room: Semaphore,
}

struct Writer {
    signer: Signer,
    base_url: Box<str>,
}

impl Envelopes {
    /// `base_url` is where the broker is reached, without a slash at its end.
    pub(super) fn new(signer: Signer, base_url: &str) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let writer = Arc::new(Writer { signer, base_url: base_url.into() });
        Self { writer, room: Semaphore::new(cores) }
    }

    /// The envelope of a published message.
    pub(super) async fn notification(
        &self,
        subscription: &Arc<SubscriptionAddress>,
        message: &Arc<ReceivedMessage>,
        notification: &Notification,
    ) -> Bytes {
        if notification.sequence_number.is_some() {
            return self.writer.notification(subscription, message, notification);
        }
        let (subscription, message, notification) =
            (Arc::clone(subscription), Arc::clone(message), notification.clone());
        self.on_blocking_thread(move |writer| writer.notification(&subscription, &message, &notification)).await
    }

    /// The envelope of a confirmation, whose message is the token.
    pub(super) async fn confirmation(
        &self,
        subscription: &Arc<SubscriptionAddress>,
        message: &Arc<ReceivedMessage>,
        confirmation: Confirmation,
        version: SignatureVersion,
    ) -> Bytes {
        let (subscription, message) = (Arc::clone(subscription), Arc::clone(message));
        self.on_blocking_thread(move |writer| writer.confirmation(&subscription, &message, confirmation, version)).await
    }

    /// The URL whose visit ends a subscription.
    pub(super) fn unsubscribe_url(&self, subscription: &SubscriptionAddress) -> String {
        self.writer.unsubscribe_url(subscription)
    }

    /// The URL whose visit confirms a subscription.
    pub(super) fn subscribe_url(&self, subscription: &SubscriptionAddress, token: &str) -> String {
        self.writer.subscribe_url(subscription, token)
    }

    /// Runs `write` on a blocking thread.
    async fn on_blocking_thread(&self, write: impl FnOnce(&Writer) -> Bytes + Send + 'static) -> Bytes {
        let _room = self.room.acquire().await.expect("it is never closed");
        let writer = Arc::clone(&self.writer);
        let written = tokio::task::spawn_blocking(move || write(&writer)).await;
        written.expect("writing an envelope does not panic, and is not aborted")
    }
}

impl Writer {
    fn notification(
        &self,
        subscription: &SubscriptionAddress,
        message: &ReceivedMessage,
        notification: &Notification,
    ) -> Bytes {
        let envelope = NotificationEnvelope::of(message, notification, subscription, &self.base_url);
        envelope.write(&self.signer, &self.base_url).into()
    }

    fn confirmation(
        &self,
        subscription: &SubscriptionAddress,
        message: &ReceivedMessage,
        confirmation: Confirmation,
        version: SignatureVersion,
    ) -> Bytes {
        let (arn, token) = (subscription.to_string(), message.message.body());
        let mut id = [0; 36];
        let envelope = ConfirmationEnvelope {
            kind: match confirmation {
                Confirmation::Subscription => ConfirmationKind::Subscription,
                Confirmation::Unsubscription => ConfirmationKind::Unsubscribe { subscription_arn: &arn },
            },
            message_id: message.id.encode(&mut id),
            token,
            topic_arn: &subscription.topic.to_string(),
            timestamp: message.sent,
            subscribe_url: &self.subscribe_url(subscription, token),
            signature_version: version,
        };
        envelope.write(&self.signer, &self.base_url).into()
    }

    fn unsubscribe_url(&self, subscription: &SubscriptionAddress) -> String {
        unsubscribe_url(&self.base_url, subscription)
    }

    fn subscribe_url(&self, subscription: &SubscriptionAddress, token: &str) -> String {
        format!("{}/?Action=ConfirmSubscription&TopicArn={}&Token={token}", self.base_url, subscription.topic)
    }
}

//! What a message in the queue of a push target is: a notification, or a request to confirm.

use std::sync::Arc;

use posthouse_model::Notification;
use posthouse_model::notification::is_unsubscribe_confirmation;
use posthouse_model::operation::ReceivedMessage;
use tokio::time::Instant;

/// What a message is.
#[derive(Clone, Copy)]
pub(super) enum Content<'a> {
    /// It was published.
    Notification(&'a Notification),
    /// The broker wrote it: its body is a token.
    Confirmation(Confirmation),
}

/// What a token confirms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Confirmation {
    /// That the endpoint wants the subscription, which has been requested.
    Subscription,
    /// That the endpoint wants the subscription back, which has ended.
    Unsubscription,
}

impl<'a> Content<'a> {
    pub(super) fn of(message: &'a ReceivedMessage) -> Self {
        match message.notification.as_deref() {
            Some(notification) => Self::Notification(notification),
            None if is_unsubscribe_confirmation(&message.message) => Self::Confirmation(Confirmation::Unsubscription),
            None => Self::Confirmation(Confirmation::Subscription),
        }
    }
}

/// One attempt to deliver a message.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub(super) message: &'a Arc<ReceivedMessage>,
    pub(super) content: Content<'a>,
    pub(super) deadline: Instant,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(message: &'a Arc<ReceivedMessage>, deadline: Instant) -> Self {
        Self { message, content: Content::of(message), deadline }
    }
}

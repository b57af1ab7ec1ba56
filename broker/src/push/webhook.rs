//! HTTP and HTTPS endpoints: SNS's own request.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use http_body_util::Full;
use posthouse_model::delivery_policy::CONTENT_TYPE_DEFAULT;
use posthouse_model::notification::NotificationForm;
use posthouse_model::operation::{PushTarget, ReceivedMessage};
use posthouse_model::{DeliveryPolicy, MessageId, Notification, SubscriptionAddress};
use tokio::time::Instant;

use super::content::{Attempt, Confirmation, Content};
use super::envelope::Envelopes;
use super::http::{Client, HttpError};
use super::outcome::Outcome;

/// AWS X-Ray's header, with which a publication's trace goes on.
const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
const MESSAGE_TYPE: HeaderName = HeaderName::from_static("x-amz-sns-message-type");
const MESSAGE_ID: HeaderName = HeaderName::from_static("x-amz-sns-message-id");
const TOPIC_ARN: HeaderName = HeaderName::from_static("x-amz-sns-topic-arn");
const SUBSCRIPTION_ARN: HeaderName = HeaderName::from_static("x-amz-sns-subscription-arn");
const RAW_DELIVERY: HeaderName = HeaderName::from_static("x-amz-sns-rawdelivery");

/// The `User-Agent` of SNS. Endpoints compare it.
const AGENT: HeaderValue = HeaderValue::from_static("Amazon Simple Notification Service Agent");

/// An HTTP(S) endpoint of a subscription.
pub(super) struct Webhook {
    client: Client,
    subscription: Arc<SubscriptionAddress>,
    topic_arn: HeaderValue,
    subscription_arn: HeaderValue,
    content_type: HeaderValue,
}

impl Webhook {
    pub(super) fn new(client: Client, subscription: Arc<SubscriptionAddress>, policy: &DeliveryPolicy) -> Self {
        let header = |text: String| HeaderValue::try_from(text).expect("an ARN is visible ASCII");
        let content_type = policy.content_type().and_then(|text| HeaderValue::try_from(text).ok());
        Self {
            client,
            topic_arn: header(subscription.topic.to_string()),
            subscription_arn: header(subscription.to_string()),
            content_type: content_type.unwrap_or(const { HeaderValue::from_static(CONTENT_TYPE_DEFAULT) }),
            subscription,
        }
    }

    /// Delivers one message.
    pub(super) async fn deliver(&self, envelopes: &Envelopes, target: &PushTarget, attempt: Attempt<'_>) -> Outcome {
        let Attempt { message, content, deadline } = attempt;
        let (kind, id) = match content {
            Content::Notification(notification) => (WebhookKind::of(notification), notification.message_id),
            Content::Confirmation(Confirmation::Subscription) => (WebhookKind::SubscriptionConfirmation, message.id),
            Content::Confirmation(Confirmation::Unsubscription) => (WebhookKind::UnsubscribeConfirmation, message.id),
        };
        let body = match content {
            Content::Notification(notification) => match notification.form {
                NotificationForm::Raw => message.message.body_bytes(),
                NotificationForm::Envelope => envelopes.notification(&self.subscription, message, notification).await,
            },
            Content::Confirmation(confirmation) => {
                let version = target.signature_version;
                envelopes.confirmation(&self.subscription, message, confirmation, version).await
            }
        };
        let mut headers = self.headers(kind, id);
        add_trace(&mut headers, message);
        outcome(self.client.post(|| request(headers.clone(), body.clone()), deadline).await)
    }

    /// Closes idle connections. Returns when the next one may be due; `None` without any.
    pub(super) fn expire(&self) -> Option<Instant> {
        self.client.expire()
    }

    fn headers(&self, kind: WebhookKind, id: MessageId) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(12);
        let id = HeaderValue::from_str(id.encode(&mut [0; 36])).expect("a UUID is visible ASCII");
        headers.insert(MESSAGE_TYPE, HeaderValue::from_static(kind.message_type()));
        headers.insert(MESSAGE_ID, id);
        headers.insert(TOPIC_ARN, self.topic_arn.clone());
        // Before it is confirmed, a subscription has no ARN that its endpoint knows.
        if kind != WebhookKind::SubscriptionConfirmation {
            headers.insert(SUBSCRIPTION_ARN, self.subscription_arn.clone());
        }
        if kind == WebhookKind::Raw {
            headers.insert(RAW_DELIVERY, HeaderValue::from_static("true"));
        }
        headers.insert(CONTENT_TYPE, self.content_type.clone());
        // The last three are what SNS's HTTP client sends. Of the answer only the status is looked at, so that its
        // encoding does not matter.
        headers.insert(CONNECTION, const { HeaderValue::from_static("Keep-Alive") });
        headers.insert(USER_AGENT, AGENT);
        headers.insert(ACCEPT_ENCODING, const { HeaderValue::from_static("gzip,deflate") });
        headers
    }
}

/// The kinds of requests that SNS makes to an HTTP endpoint.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WebhookKind {
    /// A message as it was published, without the envelope.
    Raw,
    /// A message in SNS's envelope.
    Notification,
    SubscriptionConfirmation,
    UnsubscribeConfirmation,
}

impl WebhookKind {
    const fn of(notification: &Notification) -> Self {
        match notification.form {
            NotificationForm::Raw => Self::Raw,
            NotificationForm::Envelope => Self::Notification,
        }
    }

    /// The value of `x-amz-sns-message-type`.
    const fn message_type(self) -> &'static str {
        match self {
            Self::Raw | Self::Notification => "Notification",
            Self::SubscriptionConfirmation => "SubscriptionConfirmation",
            Self::UnsubscribeConfirmation => "UnsubscribeConfirmation",
        }
    }
}

/// Adds the trace that a message belongs to, if it can be a header.
pub(super) fn add_trace(headers: &mut HeaderMap, message: &ReceivedMessage) {
    if let Some(Ok(trace)) = message.message.trace_header().map(HeaderValue::from_str) {
        headers.insert(TRACE_ID, trace);
    }
}

/// A request of these headers and this body. Its client adds method, target and host.
pub(super) fn request(headers: HeaderMap, body: Bytes) -> http::Request<Full<Bytes>> {
    let mut request = http::Request::new(Full::new(body));
    *request.headers_mut() = headers;
    request
}

/// How an attempt ended, by its response or its failure.
pub(super) fn outcome(answered: Result<u16, HttpError>) -> Outcome {
    match answered {
        Ok(status) => Outcome::of_status(status),
        Err(refused @ HttpError::Refused(_)) => Outcome::never(refused.to_string()),
        Err(error @ HttpError::NoFile(_)) => Outcome::unmade(error.to_string()),
        Err(error @ (HttpError::Resolve(_) | HttpError::Connect(_) | HttpError::Exchange(_))) => {
            Outcome::later(error.to_string())
        }
    }
}

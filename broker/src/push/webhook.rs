//! HTTP and HTTPS endpoints: SNS's own request.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use http_body_util::Full;
use posthouse_model::delivery_policy::CONTENT_TYPE_DEFAULT;
use posthouse_model::operation::{PushTarget, ReceivedMessage};
use posthouse_model::{DeliveryPolicy, MessageId, SubscriptionAddress};
use tokio::time::Instant;

use super::envelope::Envelopes;
use super::http::{Client, HttpError};
use super::outcome::Outcome;

const MESSAGE_TYPE: HeaderName = HeaderName::from_static("x-amz-sns-message-type");
const MESSAGE_ID: HeaderName = HeaderName::from_static("x-amz-sns-message-id");
const TOPIC_ARN: HeaderName = HeaderName::from_static("x-amz-sns-topic-arn");
const SUBSCRIPTION_ARN: HeaderName = HeaderName::from_static("x-amz-sns-subscription-arn");
const RAW_DELIVERY: HeaderName = HeaderName::from_static("x-amz-sns-rawdelivery");

/// What SNS calls itself; endpoints look for it.
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
    pub(super) async fn deliver(
        &self,
        envelopes: &Envelopes,
        target: &PushTarget,
        ended: bool,
        message: &Arc<ReceivedMessage>,
        deadline: Instant,
    ) -> Outcome {
        let (headers, body) = match &message.notification {
            Some(notification) if notification.raw => {
                (self.headers("Notification", notification.message_id, true, true), message.message.body_bytes())
            }
            Some(notification) => (
                self.headers("Notification", notification.message_id, true, false),
                envelopes.notification(&self.subscription, message, notification).await,
            ),
            None => {
                let kind = if ended { "UnsubscribeConfirmation" } else { "SubscriptionConfirmation" };
                let body = envelopes.confirmation(&self.subscription, message, ended, target.signature_version).await;
                // What asks for a confirmation does not name the subscription, which is not one yet.
                (self.headers(kind, message.id, ended, false), body)
            }
        };
        outcome(self.client.post(|| request(headers.clone(), body.clone()), deadline).await)
    }

    /// Closes connections that have not been used for long. Says when to ask again, where there are any.
    pub(super) fn expire(&self) -> Option<Instant> {
        self.client.expire()
    }

    fn headers(&self, kind: &'static str, id: MessageId, subscribed: bool, raw: bool) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(12);
        let id = HeaderValue::from_str(id.encode(&mut [0; 36])).expect("a UUID is visible ASCII");
        headers.insert(MESSAGE_TYPE, HeaderValue::from_static(kind));
        headers.insert(MESSAGE_ID, id);
        headers.insert(TOPIC_ARN, self.topic_arn.clone());
        if subscribed {
            headers.insert(SUBSCRIPTION_ARN, self.subscription_arn.clone());
        }
        if raw {
            headers.insert(RAW_DELIVERY, HeaderValue::from_static("true"));
        }
        headers.insert(CONTENT_TYPE, self.content_type.clone());
        headers.insert(USER_AGENT, AGENT);
        headers
    }
}

/// A request of these headers and this body; where it goes is for its client.
pub(super) fn request(headers: HeaderMap, body: Bytes) -> http::Request<Full<Bytes>> {
    let mut request = http::Request::new(Full::new(body));
    *request.headers_mut() = headers;
    request
}

/// What an answer, or its absence, means.
pub(super) fn outcome(answered: Result<u16, HttpError>) -> Outcome {
    match answered {
        Ok(status) => Outcome::of_status(status),
        Err(refused @ HttpError::Refused(_)) => Outcome::never(refused.to_string()),
        Err(error) => Outcome::later(error.to_string()),
    }
}

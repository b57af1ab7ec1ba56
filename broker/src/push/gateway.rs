//! Gateways: what the broker cannot deliver by itself (text messages, mobile push, functions, delivery streams) is
//! posted as JSON to an address that the operator configured. `docs/push.md` documents the JSON.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue, USER_AGENT};
use posthouse_model::message::AttributeValue;
use posthouse_model::notification::{NotificationForm, NotificationSource};
use posthouse_model::operation::ReceivedMessage;
use posthouse_model::{EndpointAddress, EndpointAttributes, Notification, SubscriptionProtocol, Timestamp};
use serde::{Serialize, Serializer};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::content::Attempt;
use super::destination::Destination;
use super::http::{Client, ClientOptions};
use super::outcome::{AttemptResult, Outcome};
use super::url::Url;
use super::webhook;

const ISO_8601: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// What the broker knows of the device that a message goes to.
pub(super) struct Device {
    pub(super) address: EndpointAddress,
    pub(super) attributes: EndpointAttributes,
}

/// The receiver that a gateway is to reach.
#[derive(Clone, Copy)]
pub(super) struct Receiver<'a> {
    pub(super) destination: Destination<'a>,
    /// The device, if the destination is one.
    pub(super) device: Option<&'a Device>,
}

/// What a gateway made of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) outcome: Outcome,
    /// Whether the gateway reported that nothing more may be sent to the receiver: a phone number opted out, or a
    /// device no longer exists.
    pub(super) unreachable: bool,
}

/// A gateway. All subscriptions that it serves share it.
pub(super) struct Gateway {
    client: Client,
    /// Posts at once.
    room: Semaphore,
}

impl Gateway {
    /// The gateway at a URL, which was checked when the configuration was loaded. It may be anywhere: the operator
    /// chose it.
    pub(super) fn new(url: &str, options: ClientOptions, connections_max: usize) -> Option<Self> {
        let client = Client::new(Url::parse(url)?, None, options).ok()?;
        Some(Self { client, room: Semaphore::new(connections_max) })
    }

    /// Posts one notification. The wait for a place counts towards the deadline: a gateway that gives none in time is
    /// too slow for its load, and the windows of the waiting targets shrink.
    pub(super) async fn deliver(
        &self,
        receiver: Receiver<'_>,
        notification: &Notification,
        attempt: Attempt<'_>,
    ) -> Answered {
        let _room = self.room.acquire().await.expect("it is never closed");
        let body: bytes::Bytes = json(receiver, notification, attempt.message).into();
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(CONTENT_TYPE, const { HeaderValue::from_static("application/json") });
        headers.insert(USER_AGENT, const { HeaderValue::from_static("Posthouse") });
        webhook::add_trace(&mut headers, attempt.message);
        let post = || webhook::request(headers.clone(), body.clone());
        match self.client.post_and_read(post, attempt.deadline).await {
            Ok((status, body)) => answered(receiver.destination.protocol(), status, &body),
            Err(error) => Answered { outcome: webhook::outcome(Err(error)), unreachable: false },
        }
    }

    /// Closes idle connections. Returns when the next one may be due; `None` without any.
    pub(super) fn expire(&self) -> Option<Instant> {
        self.client.expire()
    }
}

/// What a response means. A body that is not as documented is ignored.
fn answered(protocol: SubscriptionProtocol, status: u16, body: &[u8]) -> Answered {
    let outcome = Outcome::of_status(status);
    let (word, reason) = match protocol {
        SubscriptionProtocol::Sms => ("optedOut", "the phone number has opted out"),
        SubscriptionProtocol::Application => ("endpointDisabled", "the gateway says that the device no longer exists"),
        _ => return Answered { outcome, unreachable: false },
    };
    let says_so = || {
        let answer: Option<Value> = serde_json::from_slice(body).ok();
        answer.is_some_and(|answer| answer.get(word) == Some(&Value::Bool(true)))
    };
    if outcome.result == AttemptResult::Delivered && says_so() {
        let outcome = Outcome { result: AttemptResult::Never, reason: reason.into(), ..outcome };
        return Answered { outcome, unreachable: true };
    }
    Answered { outcome, unreachable: false }
}

/// The JSON of a message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Post<'a> {
    protocol: &'static str,
    endpoint: Cow<'a, str>,
    #[serde(flatten)]
    device: Option<DevicePost<'a>>,
    message_id: String,
    timestamp: String,
    attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    message: &'a str,
    message_attributes: Attributes<'a>,
    raw: bool,
}

/// The part of the JSON that describes a device.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DevicePost<'a> {
    platform: &'static str,
    application_arn: String,
    token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_user_data: Option<&'a str>,
    /// Baidu's devices are a channel and a user.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
}

impl<'a> DevicePost<'a> {
    fn new(device: &'a Device) -> Self {
        let application = &device.address.application;
        let attributes = &device.attributes;
        Self {
            platform: application.platform.as_str(),
            application_arn: application.to_string(),
            token: attributes.token(),
            custom_user_data: Some(attributes.user_data()).filter(|user_data| !user_data.is_empty()),
            channel_id: attributes.channel(),
            user_id: attributes.user(),
        }
    }
}

/// The message's attributes, as the envelope of a notification writes them.
struct Attributes<'a>(&'a ReceivedMessage);

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.message.attributes().map(|attribute| {
            let value = match &attribute.value {
                AttributeValue::Text(text) => text.to_string(),
                AttributeValue::Binary(bytes) => STANDARD.encode(bytes),
            };
            (attribute.name, Attribute { data_type: attribute.data_type, value })
        }))
    }
}

#[derive(Serialize)]
struct Attribute<'a> {
    #[serde(rename = "Type")]
    data_type: Cow<'a, str>,
    #[serde(rename = "Value")]
    value: String,
}

fn json(receiver: Receiver<'_>, notification: &Notification, message: &ReceivedMessage) -> Vec<u8> {
    let Receiver { destination, device } = receiver;
    let subscription = match &notification.source {
        NotificationSource::Subscription(subscription) => Some(subscription),
        NotificationSource::PhoneNumber(_) | NotificationSource::Endpoint(_) => None,
    };
    let post = Post {
        protocol: destination.protocol().as_str(),
        endpoint: destination.text(),
        device: device.map(DevicePost::new),
        message_id: notification.message_id.to_string(),
        timestamp: timestamp(notification.published),
        attempt: message.receive_count,
        topic_arn: subscription.map(|subscription| subscription.topic.to_string()),
        subscription_arn: subscription.map(ToString::to_string),
        subject: notification.subject.as_deref(),
        message: message.message.body(),
        message_attributes: Attributes(message),
        raw: notification.form == NotificationForm::Raw,
    };
    serde_json::to_vec(&post).expect("texts and numbers can be written as JSON")
}

/// `2012-05-02T00:54:06.655Z`
fn timestamp(at: Timestamp) -> String {
    let moment = OffsetDateTime::UNIX_EPOCH
        .checked_add(time::Duration::milliseconds(i64::try_from(at.as_millis()).unwrap_or(i64::MAX)));
    // Only a broken clock leads beyond the year 9999.
    moment.and_then(|moment| moment.format(ISO_8601).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use posthouse_model::{Endpoint, EndpointChanges};

    use super::*;
    use crate::push::tests::message;

    #[test]
    fn the_json_is_what_the_documentation_says() {
        let published =
            message("Hello \"you\"\n").attribute("colour", "String", "red").binary("key", b"\x00\xff").sealed();
        let notification = published.notification.as_deref().expect("published");
        let endpoint = "arn:aws:lambda:eu-west-1:123456789012:function:f";
        let endpoint = Endpoint::parse(SubscriptionProtocol::Lambda, endpoint).expect("an endpoint");
        let receiver = Receiver { destination: Destination::Subscriber(&endpoint), device: None };
        let text = String::from_utf8(json(receiver, notification, &published));
        assert_eq!(
            text.expect("UTF-8"),
            concat!(
                r#"{"protocol":"lambda","endpoint":"arn:aws:lambda:eu-west-1:123456789012:function:f","#,
                r#""messageId":"01010101-0101-4101-8101-010101010101","timestamp":"2001-09-09T01:46:40.123Z","#,
                r#""attempt":1,"topicArn":"arn:aws:sns:eu-west-1:123456789012:orders","#,
                r#""subscriptionArn":"arn:aws:sns:eu-west-1:123456789012:orders:02020202-0202-4202-8202-020202020202","#,
                r#""subject":"News","message":"Hello \"you\"\n","#,
                r#""messageAttributes":{"colour":{"Type":"String","Value":"red"},"key":{"Type":"Binary","Value":"AP8="}},"#,
                r#""raw":false}"#,
            )
        );
    }

    #[test]
    fn a_direct_message_has_no_topic() {
        let published = message("Hi").for_phone("+15555550100").sealed();
        let notification = published.notification.as_deref().expect("published");
        let number = "+15555550100".parse().expect("a number");
        let receiver = Receiver { destination: Destination::Phone(&number), device: None };
        let text = String::from_utf8(json(receiver, notification, &published));
        let text = text.expect("UTF-8");
        assert!(text.starts_with(r#"{"protocol":"sms","endpoint":"+15555550100","messageId":"#), "{text}");
        assert!(!text.contains("topicArn") && !text.contains("subscriptionArn"), "{text}");
    }

    #[test]
    fn a_device_is_described() {
        for (platform, token, user_data, more, described) in [
            ("GCM", "t1", "", &[][..], r#""token":"t1""#),
            ("APNS", "abcdef01", "user \"7\"", &[], r#""token":"abcdef01","customUserData":"user \"7\"""#),
            ("BAIDU", "c", "", &[("ChannelId", "c"), ("UserId", "u")], r#""token":"c","channelId":"c","userId":"u""#),
        ] {
            let arn = format!(
                "arn:aws:sns:eu-west-1:123456789012:endpoint/{platform}/app/01234567-89ab-4def-8123-456789abcdef"
            );
            let address: EndpointAddress = arn.parse().expect("an endpoint");
            let platform_of = address.application.platform;
            let given = [("Token", token), ("CustomUserData", user_data)].into_iter().chain(more.iter().copied());
            let given = EndpointChanges::parse(platform_of, given).expect("valid");
            let attributes = EndpointAttributes::new(platform_of, &given).expect("valid");
            let device = Device { address, attributes };
            let published = message("Hi").sealed();
            let notification = published.notification.as_deref().expect("published");
            let receiver = Receiver { destination: Destination::Device(&device.address), device: Some(&device) };
            let text = String::from_utf8(json(receiver, notification, &published)).expect("UTF-8");
            let golden = format!(
                r#"{{"protocol":"application","endpoint":"{arn}","platform":"{platform}","applicationArn":"arn:aws:sns:eu-west-1:123456789012:app/{platform}/app",{described},"messageId":"#
            );
            assert!(text.starts_with(&golden), "{text}\n{golden}");
        }
    }

    #[test]
    fn what_an_answer_says() {
        use SubscriptionProtocol::{Application, Firehose, Lambda, Sms};
        let optedout = r#"{"optedOut":true}"#;
        let disabled = r#"{"endpointDisabled": true, "more": [1]}"#;
        for (protocol, status, body, unreachable) in [
            (Sms, 200, optedout, true),
            (Sms, 299, optedout, true),
            (Sms, 200, disabled, false),
            (Sms, 400, optedout, false),
            (Sms, 503, optedout, false),
            (Sms, 200, r#"{"optedOut":false}"#, false),
            (Sms, 200, r#"{"optedOut":"true"}"#, false),
            (Sms, 200, r#"["optedOut"]"#, false),
            (Sms, 200, "true", false),
            (Sms, 200, r#"{"optedOut":true"#, false),
            (Sms, 200, "", false),
            (Application, 202, disabled, true),
            (Application, 200, optedout, false),
            (Application, 410, disabled, false),
            (Lambda, 200, r#"{"optedOut":true,"endpointDisabled":true}"#, false),
            (Firehose, 200, r#"{"optedOut":true,"endpointDisabled":true}"#, false),
        ] {
            let answered = answered(protocol, status, body.as_bytes());
            let result = if unreachable { AttemptResult::Never } else { Outcome::of_status(status).result };
            let found = (answered.unreachable, answered.outcome.result, answered.outcome.status);
            assert_eq!(found, (unreachable, result, Some(status)), "{protocol:?} {status} {body}");
        }
    }
}

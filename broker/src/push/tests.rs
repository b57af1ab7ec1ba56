//! Push delivery with a fake core loop and real endpoints on loopback.
//!
//! The fake core is a table of queues. It returns a message for its retry at once, so that no test waits for a
//! schedule. No test depends on timing; a wait for an expected effect has a deadline.

mod core;
mod email;
mod endpoint;
mod flow;
mod gateways;
mod webhooks;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use posthouse_aws::envelope::{Signer, SigningKey};
use posthouse_model::delivery_policy::SubscriptionDeliveryPolicy;
use posthouse_model::message::{AttributeValue, MessageAttribute, TraceId};
use posthouse_model::notification::{
    NotificationForm, NotificationSource, PublicationDraft, PublicationKind, Subject, confirmation,
    unsubscribe_confirmation,
};
use posthouse_model::operation::{ConfirmationToken, PushSource, PushTarget, ReceivedMessage};
use posthouse_model::topic_attributes::SignatureVersion;
use posthouse_model::{
    DeliveryPolicy, Endpoint, MessageId, MessageKey, Notification, QueueAddress, QueueId, ReceiptHandle,
    SubscriptionAddress, SubscriptionId, Timestamp,
};

use self::core::{FakeCore, Settled};
use super::*;

/// The longest wait for an expected effect.
const PATIENCE: Duration = Duration::from_secs(30);
/// A delivery policy without retries.
const ONCE: &str = r#"{"healthyRetryPolicy":{"minDelayTarget":1,"maxDelayTarget":1,"numRetries":0}}"#;

pub(super) fn message(body: &str) -> Draft<'_> {
    Draft {
        body,
        subject: "News",
        trace: None,
        attributes: Vec::new(),
        form: NotificationForm::Envelope,
        source: NotificationSource::Subscription(subscription(2)),
    }
}

/// A published message before it is received.
pub(super) struct Draft<'a> {
    body: &'a str,
    subject: &'a str,
    trace: Option<TraceId<'a>>,
    attributes: Vec<MessageAttribute<'a>>,
    form: NotificationForm,
    source: NotificationSource,
}

impl<'a> Draft<'a> {
    pub(super) fn attribute(mut self, name: &'a str, data_type: &'a str, value: &'a str) -> Self {
        let value = AttributeValue::Text(Cow::Borrowed(value));
        self.attributes.push(MessageAttribute { name: name.into(), data_type: data_type.into(), value });
        self
    }

    pub(super) fn binary(mut self, name: &'a str, value: &'a [u8]) -> Self {
        let value = AttributeValue::Binary(Cow::Borrowed(value));
        self.attributes.push(MessageAttribute { name: name.into(), data_type: "Binary".into(), value });
        self
    }

    fn about(self, subject: &'a str) -> Self {
        Self { subject, ..self }
    }

    fn in_trace(self, header: &'a str) -> Self {
        Self { trace: TraceId::of_header(header.as_bytes()), ..self }
    }

    fn raw(self) -> Self {
        Self { form: NotificationForm::Raw, ..self }
    }

    pub(super) fn for_phone(self, number: &str) -> Self {
        Self { source: NotificationSource::PhoneNumber(number.parse().expect("a number")), ..self }
    }

    fn for_device(self, endpoint: &str) -> Self {
        Self { source: NotificationSource::Endpoint(endpoint.parse().expect("an endpoint")), ..self }
    }

    pub(super) fn sealed(self) -> ReceivedMessage {
        let id = MessageId::from_random([1; 16]);
        let draft = PublicationDraft {
            subject: Some(Subject::parse(self.subject).expect("valid")),
            attributes: self.attributes,
            trace: self.trace,
            ..PublicationDraft::new(id, self.body, PublicationKind::StandardTopic)
        };
        let publication = draft.seal().expect("a valid message");
        let published = Timestamp::from_millis(1_000_000_000_123);
        let notification = Notification {
            source: self.source,
            message_id: id,
            published,
            subject: publication.subject().map(Into::into),
            sequence_number: None,
            form: self.form,
            signature_version: SignatureVersion::V2,
        };
        received(publication.default_message().clone(), Some(Box::new(notification)))
    }
}

fn received(message: posthouse_model::StoredMessage, notification: Option<Box<Notification>>) -> ReceivedMessage {
    let published = Timestamp::from_millis(1_000_000_000_123);
    ReceivedMessage {
        handle: ReceiptHandle { queue: QueueId::new(1), message: MessageKey::new(0), generation: 1 },
        id: message.id(),
        message,
        sent: published,
        receive_count: 1,
        first_received: published,
        sequence_number: None,
        dead_letter_source: None,
        notification,
        failure: None,
    }
}

/// A message that asks an endpoint to confirm its subscription.
fn asking() -> ReceivedMessage {
    received(confirmation(MessageId::from_random([1; 16]), &token()), None)
}

/// A message that confirms the end of a subscription.
fn unsubscribe_confirmation_message() -> ReceivedMessage {
    received(unsubscribe_confirmation(MessageId::from_random([1; 16]), &token()), None)
}

fn token() -> ConfirmationToken {
    ConfirmationToken { subscription: subscription(2).id, secret: [3; 16] }
}

fn subscription(number: u8) -> SubscriptionAddress {
    let topic = "arn:aws:sns:eu-west-1:123456789012:orders".parse().expect("a topic");
    SubscriptionAddress { topic, id: SubscriptionId::from_random([number; 16]) }
}

/// A queue that belongs to a subscription.
fn queue(number: u8) -> QueueAddress {
    format!("arn:aws:sqs:eu-west-1:123456789012:push-{number}").parse().expect("a queue")
}

/// A target without retries.
fn target(protocol: &str, endpoint: &str) -> PushTarget {
    target_with(protocol, endpoint, ONCE)
}

fn target_with(protocol: &str, endpoint: &str, policy: &str) -> PushTarget {
    let endpoint = Endpoint::parse(protocol.parse().expect("a protocol"), endpoint).expect("an endpoint");
    let policy = SubscriptionDeliveryPolicy::parse(policy).expect("a policy");
    PushTarget {
        source: PushSource::Subscription { subscription: subscription(2), endpoint },
        signature_version: SignatureVersion::V2,
        delivery_policy: DeliveryPolicy::effective(None, Some(&policy)),
        display_name: "".into(),
    }
}

/// The options of a broker without users on loopback, overridden by the configuration `source`.
fn options(source: &str) -> Options {
    let path = Some(Path::new("posthouse.toml"));
    let source = format!("public_url = 'http://posthouse.example'\n{source}");
    let configuration = Configuration::from_parts(path, &source, &BTreeMap::new(), &|_| None).expect("valid");
    Options::new(&configuration, "127.0.0.1:9324".parse().expect("an address"))
}

fn signer() -> Signer {
    static SIGNER: OnceLock<Signer> = OnceLock::new();
    let make = || {
        let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).expect("a key");
        Signer::new(SigningKey::from_pkcs8(&key.serialize_der(), "/certificate.pem").expect("an RSA key"))
    };
    SIGNER.get_or_init(make).clone()
}

/// Push delivery over a fake core.
struct Fixture {
    core: Arc<FakeCore>,
    metrics: Arc<PushMetrics>,
    delivery: PushDelivery,
}

impl Fixture {
    fn new(options: &Options) -> Self {
        let core = FakeCore::new();
        let metrics = PushMetrics::new();
        let asked = Arc::new(core::Asked(Arc::clone(&core)));
        let delivery = PushDelivery::start(asked, signer(), options, Arc::clone(&metrics)).expect("starts");
        Self { core, metrics, delivery }
    }
}

/// Waits for an expected effect. Panics at the deadline.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it happens in time")
}

#[test]
fn links_have_the_public_url_or_the_listeners_address() {
    const USER: &str = "[[users]]\nname='a'\naccount='111111111111'\naccess_key_id='A'\nsecret_access_key='s'\n";
    for (source, listening, base_url, loopback) in [
        ("", "127.0.0.1:9324", "http://127.0.0.1:9324", true),
        ("", "[::1]:1", "http://[::1]:1", true),
        ("", "0.0.0.0:9324", "http://127.0.0.1:9324", false),
        ("", "[::]:9324", "http://[::1]:9324", false),
        ("", "192.0.2.1:9324", "http://192.0.2.1:9324", false),
        (USER, "127.0.0.1:9324", "http://127.0.0.1:9324", false),
        ("public_url = 'https://sns.example/'", "127.0.0.1:9324", "https://sns.example", true),
    ] {
        let path = Some(Path::new("posthouse.toml"));
        let configuration = Configuration::from_parts(path, source, &BTreeMap::new(), &|_| None).expect("valid");
        let options = Options::new(&configuration, listening.parse().expect("an address"));
        let permitted = options.loopback == Loopback::Permitted;
        assert_eq!((&*options.base_url, permitted), (base_url, loopback), "{source} {listening}");
    }
}

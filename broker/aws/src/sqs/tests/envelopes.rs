//! What SNS put into a queue: wrapped or raw, and what its attributes are then.

use std::sync::Arc;

use posthouse_model::message::{AttributeValue, MessageAttribute, attributes_md5, body_md5};
use posthouse_model::notification::{
    FailedPush, Notification, NotificationForm, NotificationSource, PublicationDraft, PublicationKind, PushFailure,
    Subject,
};
use posthouse_model::operation::ReceivedMessage;
use posthouse_model::topic_attributes::SignatureVersion;
use posthouse_model::{MessageId, MessageKey, SequenceNumber};
use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use serde_json::Value;

use super::replies::{at, encoders, received};
use super::*;
use crate::envelope::{Signer, SigningKey};

const SUBSCRIPTION: &str = "arn:aws:sns:eu-west-1:123456789012:orders:01234567-89ab-4def-8123-456789abcdef";
const PEM: &str = include_str!("../../../../rsa/src/test_key.pem");

fn signer() -> Signer {
    let key = rsa::RsaPrivateKey::from_pkcs8_pem(PEM).expect("a key");
    let der = key.to_pkcs8_der().expect("encodes");
    Signer::new(SigningKey::from_pkcs8(der.as_bytes(), "/certificate.pem").expect("a key"))
}

/// A message as a subscription of a topic delivered it.
fn published(form: NotificationForm, of_fifo_topic: Option<MessageKey>) -> ReceivedMessage {
    published_with("five \"quoted\" words\n& more", form, of_fifo_topic)
}

fn published_with(text: &str, form: NotificationForm, of_fifo_topic: Option<MessageKey>) -> ReceivedMessage {
    let kind = if of_fifo_topic.is_some() { PublicationKind::FifoTopic } else { PublicationKind::StandardTopic };
    let draft = PublicationDraft {
        subject: Some(Subject::parse("Greetings").expect("valid")),
        attributes: vec![MessageAttribute {
            name: "colour".into(),
            data_type: "String".into(),
            value: AttributeValue::Text("red".into()),
        }],
        group: of_fifo_topic.map(|_| "g"),
        ..PublicationDraft::new(MessageId::from_random([7; 16]), text, kind)
    };
    let message = draft.seal().expect("valid").default_message().clone();
    let notification = Notification {
        source: NotificationSource::Subscription(SUBSCRIPTION.parse().expect("valid")),
        message_id: message.id(),
        published: at(1),
        subject: Some("Greetings".into()),
        sequence_number: of_fifo_topic.map(SequenceNumber::in_topic),
        form,
        signature_version: SignatureVersion::V2,
    };
    let sequence_number = of_fifo_topic.map(SequenceNumber::in_queue);
    ReceivedMessage { notification: Some(Box::new(notification)), sequence_number, ..received(message) }
}

fn json(encoder: &Encoder, message: ReceivedMessage) -> Value {
    let response = body(encoder.encode(&Ok(Reply::ReceiveMessage(vec![message]))));
    serde_json::from_str::<Value>(&response).expect("JSON")["Messages"][0].take()
}

const ALL: &str = r#""QueueUrl":"http://h/123456789012/q","AttributeNames":["All"],"MessageAttributeNames":["All"]"#;

#[test]
fn a_fifo_notification_is_wrapped_and_its_attributes_are_inside() {
    let [encoder, query] = encoders(Action::ReceiveMessage, ALL);
    let message = json(&encoder, published(NotificationForm::Envelope, Some(MessageKey::new(10))));
    let text = message["Body"].as_str().expect("a body");
    assert_eq!(
        text,
        concat!(
            "{\n  \"Type\" : \"Notification\",\n",
            "  \"MessageId\" : \"07070707-0707-4707-8707-070707070707\",\n",
            "  \"SequenceNumber\" : \"10000000000000000010\",\n",
            "  \"TopicArn\" : \"arn:aws:sns:eu-west-1:123456789012:orders\",\n",
            "  \"Subject\" : \"Greetings\",\n",
            "  \"Message\" : \"five \\\"quoted\\\" words\\n& more\",\n",
            "  \"Timestamp\" : \"2023-11-14T22:13:21.000Z\",\n",
            "  \"UnsubscribeURL\" : \"http://localhost:9324/?Action=Unsubscribe&SubscriptionArn=",
            "arn:aws:sns:eu-west-1:123456789012:orders:01234567-89ab-4def-8123-456789abcdef\",\n",
            "  \"MessageAttributes\" : {\n    \"colour\" : {\"Type\":\"String\",\"Value\":\"red\"}\n  }\n}",
        )
    );
    let digest: String = body_md5(text).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(message["MD5OfBody"], *digest);
    assert_eq!(message["Attributes"]["SenderId"], "sns.amazonaws.com");
    assert_eq!(message["Attributes"]["MessageGroupId"], "g");
    assert_eq!(message["Attributes"]["SequenceNumber"], "30000000000000000010", "the queue has its own");
    assert!(message.get("MessageAttributes").is_none() && message.get("MD5OfMessageAttributes").is_none());

    let reply = Ok(Reply::ReceiveMessage(vec![published(NotificationForm::Envelope, Some(MessageKey::new(10)))]));
    let xml = body(query.encode(&reply));
    let escaped = text.replace('&', "&amp;").replace('"', "&quot;");
    assert!(xml.contains(&format!("<Body>{escaped}</Body>")), "{xml}");
}

#[test]
fn the_envelope_of_a_large_message_is_that_of_a_small_one() {
    let [encoder, query] = encoders(Action::ReceiveMessage, ALL);
    let pattern = "five \"quoted\" words\n\t\r\\ & <more> ü";
    let key = Some(MessageKey::new(10));
    let small = json(&encoder, published_with(pattern, NotificationForm::Envelope, key));
    let small = small["Body"].as_str().expect("a body");
    let in_json = |text: &str| {
        let quoted = serde_json::to_string(text).expect("JSON");
        quoted[1..quoted.len() - 1].to_owned()
    };
    let many = pattern.repeat(1000);
    let expected = small.replace(&in_json(pattern), &in_json(&many));
    let received = || published_with(&many, NotificationForm::Envelope, key);
    let large = json(&encoder, received());
    assert_eq!(large["Body"], *expected);
    let digest: String = body_md5(&expected).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(large["MD5OfBody"], *digest);

    let response = query.encode(&Ok(Reply::ReceiveMessage(vec![received()])));
    let (length, held) = (response.body().remaining_bytes(), response.body().held_bytes());
    let xml = body(response);
    assert_eq!(xml.len() as u64, length);
    assert!(held < many.len() as u64 + 4096, "{held} bytes are held of {length}");
    let escaped = expected.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;");
    assert!(xml.contains(&format!("<Body>{escaped}</Body>")));
}

/// Recorded from AWS.
#[test]
fn a_standard_queue_does_not_show_the_ids_of_a_fifo_topic() {
    let [encoder, _] = encoders(Action::ReceiveMessage, ALL);
    for form in [NotificationForm::Envelope, NotificationForm::Raw] {
        let received = ReceivedMessage { sequence_number: None, ..published(form, Some(MessageKey::new(10))) };
        let attributes = json(&encoder, received)["Attributes"].take();
        for name in ["MessageGroupId", "MessageDeduplicationId", "SequenceNumber"] {
            assert_eq!(attributes[name], Value::Null, "{name}");
        }
        assert_eq!(attributes["SenderId"], "sns.amazonaws.com");
    }
}

#[test]
fn a_raw_notification_is_what_was_published() {
    let [encoder, _] = encoders(Action::ReceiveMessage, ALL);
    let message = json(&encoder, published(NotificationForm::Raw, None));
    assert_eq!(message["Body"], "five \"quoted\" words\n& more");
    assert_eq!(message["MessageAttributes"]["colour"]["StringValue"], "red");
    assert!(message.get("MD5OfMessageAttributes").is_some());
}

#[test]
fn an_envelope_is_signed_and_its_urls_follow_the_public_one() {
    let options = || Options { signer: signer(), ..options() };
    for (public_url, base) in
        [(None, "http://localhost:9324"), (Some("https://queues.example.com/a"), "https://queues.example.com/a")]
    {
        let public_url = public_url.map(|url| url.parse().expect("valid"));
        let body = Bytes::from(format!("{{{ALL}}}"));
        let aws = Aws::new(Options { public_url, ..options() });
        let decoded = whole(&aws, &json_request("ReceiveMessage"), &body, &arrival(), &mut || [0; 16]).expect("valid");
        let message = json(&decoded.encoder, published(NotificationForm::Envelope, None));
        let envelope: Value = serde_json::from_str(message["Body"].as_str().expect("a body")).expect("JSON");
        assert_eq!(envelope["SignatureVersion"], "2");
        assert_eq!(envelope["SigningCertURL"], format!("{base}/certificate.pem"));
        assert_eq!(envelope["UnsubscribeURL"], format!("{base}/?Action=Unsubscribe&SubscriptionArn={SUBSCRIPTION}"));
        let signed = concat!(
            "Message\nfive \"quoted\" words\n& more\nMessageId\n07070707-0707-4707-8707-070707070707\n",
            "Subject\nGreetings\nTimestamp\n2023-11-14T22:13:21.000Z\n",
            "TopicArn\narn:aws:sns:eu-west-1:123456789012:orders\nType\nNotification\n",
        );
        assert_eq!(envelope["Signature"], *signer().sign(SignatureVersion::V2, signed));
    }
}

/// The dead letter of a push bears why it failed, beside what a raw message has. The digest is of what is shown.
#[test]
fn a_dead_letter_of_a_push_bears_the_failure() {
    let failure = Arc::new(PushFailure::new(Some(404), "the endpoint refused it"));
    let failed = FailedPush { id: MessageId::from_random([8; 16]), failure };
    let own = [
        ("ErrorCode", "Number", "404".to_owned()),
        ("ErrorMessage", "String", "the endpoint refused it".to_owned()),
        ("RequestID", "String", failed.id.to_string()),
    ];
    let colour = ("colour", "String", "red".to_owned());
    let digest = |shown: &[(&'static str, &'static str, String)]| {
        let attributes = shown.iter().map(|(name, data_type, text)| MessageAttribute {
            name: (*name).into(),
            data_type: (*data_type).into(),
            value: AttributeValue::Text(text.into()),
        });
        attributes_md5(attributes).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let code = r#""QueueUrl":"http://h/123456789012/q","MessageAttributeNames":["ErrorCode","colour"]"#;
    let aws = Aws::new(Options { signer: signer(), ..options() });
    let [code_shown, id] = [own[0].clone(), own[2].clone()];
    for (members, form, shown) in [
        (ALL, NotificationForm::Envelope, own.to_vec()),
        (ALL, NotificationForm::Raw, [own.to_vec(), vec![colour.clone()]].concat()),
        (code, NotificationForm::Envelope, vec![code_shown.clone()]),
        (code, NotificationForm::Raw, vec![code_shown, colour]),
        (r#""QueueUrl":"http://h/123456789012/q""#, NotificationForm::Raw, vec![]),
        (r#""QueueUrl":"http://h/123456789012/q","MessageAttributeNames":["Req.*"]"#, NotificationForm::Raw, vec![id]),
    ] {
        let body = Bytes::from(format!("{{{members}}}"));
        let decoded = whole(&aws, &json_request("ReceiveMessage"), &body, &arrival(), &mut || [0; 16]).expect("valid");
        let received = ReceivedMessage { failure: Some(Box::new(failed.clone())), ..published(form, None) };
        let message = json(&decoded.encoder, received);
        let attributes = message["MessageAttributes"].as_object().cloned().unwrap_or_default();
        assert_eq!(attributes.len(), shown.len(), "{members} {form:?}: {message}");
        for (name, data_type, text) in &shown {
            let expected = serde_json::json!({ "StringValue": text, "DataType": data_type });
            assert_eq!(attributes[*name], expected, "{members} {form:?}");
        }
        let md5 = message["MD5OfMessageAttributes"].as_str();
        assert_eq!(md5, (!shown.is_empty()).then(|| digest(&shown)).as_deref(), "{members} {form:?}");
        if form == NotificationForm::Envelope {
            let envelope: Value = serde_json::from_str(message["Body"].as_str().expect("a body")).expect("JSON");
            assert_eq!(envelope["MessageAttributes"].as_object().map(serde_json::Map::len), Some(1), "its own only");
        }
    }
}

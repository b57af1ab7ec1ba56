//! The envelopes as text, and the text that their signatures sign.

use std::borrow::Cow;

use super::*;

const TOPIC: &str = "arn:aws:sns:us-west-2:123456789012:MyTopic";
const BASE: &str = "https://sns.example.com";

/// A notification without optional members.
fn plain() -> NotificationEnvelope<'static> {
    NotificationEnvelope {
        message_id: "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324".into(),
        topic_arn: TOPIC.into(),
        subject: None,
        message: "Hello world!",
        timestamp: Timestamp::from_millis(1_335_920_046_655),
        attributes: Vec::new(),
        sequence_number: None,
        signature_version: SignatureVersion::V1,
        unsubscribe_url: "https://sns.example.com/?Action=Unsubscribe&SubscriptionArn=arn".into(),
    }
}

fn confirmation(kind: ConfirmationKind<'static>) -> ConfirmationEnvelope<'static> {
    ConfirmationEnvelope {
        kind,
        message_id: "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
        token: "2336412f37",
        topic_arn: TOPIC,
        timestamp: Timestamp::from_millis(1_335_483_951_000),
        subscribe_url: "https://sns.example.com/?Action=ConfirmSubscription&Token=2336412f37",
        signature_version: SignatureVersion::V2,
    }
}

fn signed(version: SignatureVersion) -> Signed {
    Signed { version, signature: "EXAMPLE+/w==".into(), certificate_url: format!("{BASE}/certificate.pem") }
}

fn attribute<'a>(name: &'a str, data_type: &'a str, value: AttributeValue<'a>) -> MessageAttribute<'a> {
    MessageAttribute { name: name.into(), data_type: data_type.into(), value }
}

fn text(value: &str) -> AttributeValue<'_> {
    AttributeValue::Text(value.into())
}

/// The layout is that of the examples in "Parsing Amazon SNS message formats" of SNS's developer guide.
#[test]
fn a_notification() {
    let envelope = NotificationEnvelope { subject: Some("My First Message"), ..plain() };
    assert_eq!(
        envelope.lay_out(Some(&signed(SignatureVersion::V1))),
        r#"{
  "Type" : "Notification",
  "MessageId" : "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
  "TopicArn" : "arn:aws:sns:us-west-2:123456789012:MyTopic",
  "Subject" : "My First Message",
  "Message" : "Hello world!",
  "Timestamp" : "2012-05-02T00:54:06.655Z",
  "SignatureVersion" : "1",
  "Signature" : "EXAMPLE+/w==",
  "SigningCertURL" : "https://sns.example.com/certificate.pem",
  "UnsubscribeURL" : "https://sns.example.com/?Action=Unsubscribe&SubscriptionArn=arn"
}"#
    );
}

#[test]
fn a_notification_with_attributes() {
    let attributes = vec![
        attribute("array", "String.Array", text(r#"["a", 1, null]"#)),
        attribute("binary", "Binary", AttributeValue::Binary(Cow::Borrowed(b"\xFF\xFE\xFD\xFC"))),
        attribute("labelled", "Number.float", text("1.50")),
        attribute("number", "Number", text("42")),
        attribute("string", "String", text("line\nfeed")),
    ];
    let envelope = NotificationEnvelope { attributes, ..plain() };
    assert_eq!(
        envelope.lay_out(Some(&signed(SignatureVersion::V2))),
        r#"{
  "Type" : "Notification",
  "MessageId" : "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
  "TopicArn" : "arn:aws:sns:us-west-2:123456789012:MyTopic",
  "Message" : "Hello world!",
  "Timestamp" : "2012-05-02T00:54:06.655Z",
  "SignatureVersion" : "2",
  "Signature" : "EXAMPLE+/w==",
  "SigningCertURL" : "https://sns.example.com/certificate.pem",
  "UnsubscribeURL" : "https://sns.example.com/?Action=Unsubscribe&SubscriptionArn=arn",
  "MessageAttributes" : {
    "array" : {"Type":"String.Array","Value":"[\"a\", 1, null]"},
    "binary" : {"Type":"Binary","Value":"//79/A=="},
    "labelled" : {"Type":"Number.float","Value":"1.50"},
    "number" : {"Type":"Number","Value":"42"},
    "string" : {"Type":"String","Value":"line\nfeed"}
  }
}"#
    );
}

/// It needs no key. This signer never gets one, and the call returns without it.
#[test]
fn a_notification_of_a_fifo_topic_bears_no_signature() {
    let envelope = NotificationEnvelope {
        topic_arn: "arn:aws:sns:us-west-2:123456789012:MyTopic.fifo".into(),
        sequence_number: Some(SequenceNumber::in_topic(posthouse_model::MessageKey::new(3000))),
        attributes: vec![attribute("a", "String", text("x"))],
        ..plain()
    };
    assert_eq!(
        envelope.write(&Signer::awaiting(), BASE),
        r#"{
  "Type" : "Notification",
  "MessageId" : "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
  "SequenceNumber" : "10000000000000003000",
  "TopicArn" : "arn:aws:sns:us-west-2:123456789012:MyTopic.fifo",
  "Message" : "Hello world!",
  "Timestamp" : "2012-05-02T00:54:06.655Z",
  "UnsubscribeURL" : "https://sns.example.com/?Action=Unsubscribe&SubscriptionArn=arn",
  "MessageAttributes" : {
    "a" : {"Type":"String","Value":"x"}
  }
}"#
    );
}

#[test]
fn a_subscription_confirmation() {
    assert_eq!(
        confirmation(ConfirmationKind::Subscription).lay_out(&signed(SignatureVersion::V2)),
        r#"{
  "Type" : "SubscriptionConfirmation",
  "MessageId" : "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
  "Token" : "2336412f37",
  "TopicArn" : "arn:aws:sns:us-west-2:123456789012:MyTopic",
  "Message" : "You have chosen to subscribe to the topic arn:aws:sns:us-west-2:123456789012:MyTopic.\nTo confirm the subscription, visit the SubscribeURL included in this message.",
  "SubscribeURL" : "https://sns.example.com/?Action=ConfirmSubscription&Token=2336412f37",
  "Timestamp" : "2012-04-26T23:45:51.000Z",
  "SignatureVersion" : "2",
  "Signature" : "EXAMPLE+/w==",
  "SigningCertURL" : "https://sns.example.com/certificate.pem"
}"#
    );
}

#[test]
fn what_is_signed() {
    let subject = NotificationEnvelope { subject: Some("My subject"), message: "two\nlines \"quoted\"", ..plain() };
    let unsubscribe = ConfirmationKind::Unsubscribe { subscription_arn: "arn:sub" };
    let table = [
        (
            plain().to_sign(),
            "Message\nHello world!\nMessageId\n22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\n\
             Timestamp\n2012-05-02T00:54:06.655Z\nTopicArn\narn:aws:sns:us-west-2:123456789012:MyTopic\n\
             Type\nNotification\n",
        ),
        (
            subject.to_sign(),
            "Message\ntwo\nlines \"quoted\"\nMessageId\n22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\nSubject\nMy subject\n\
             Timestamp\n2012-05-02T00:54:06.655Z\nTopicArn\narn:aws:sns:us-west-2:123456789012:MyTopic\n\
             Type\nNotification\n",
        ),
        (
            confirmation(ConfirmationKind::Subscription).to_sign(),
            "Message\nYou have chosen to subscribe to the topic arn:aws:sns:us-west-2:123456789012:MyTopic.\n\
             To confirm the subscription, visit the SubscribeURL included in this message.\n\
             MessageId\n165545c9-2a5c-472c-8df2-7ff2be2b3b1b\n\
             SubscribeURL\nhttps://sns.example.com/?Action=ConfirmSubscription&Token=2336412f37\n\
             Timestamp\n2012-04-26T23:45:51.000Z\nToken\n2336412f37\n\
             TopicArn\narn:aws:sns:us-west-2:123456789012:MyTopic\nType\nSubscriptionConfirmation\n",
        ),
        (
            confirmation(unsubscribe).to_sign(),
            "Message\nYou have chosen to deactivate subscription arn:sub.\n\
             To cancel this operation and restore the subscription, visit the SubscribeURL included in this message.\n\
             MessageId\n165545c9-2a5c-472c-8df2-7ff2be2b3b1b\n\
             SubscribeURL\nhttps://sns.example.com/?Action=ConfirmSubscription&Token=2336412f37\n\
             Timestamp\n2012-04-26T23:45:51.000Z\nToken\n2336412f37\n\
             TopicArn\narn:aws:sns:us-west-2:123456789012:MyTopic\nType\nUnsubscribeConfirmation\n",
        ),
    ];
    for (made, expected) in table {
        assert_eq!(made, expected);
    }
}

/// A JSON parser returns every text unchanged.
#[test]
fn every_text_is_escaped() {
    let wild: String = (0..0x80)
        .chain([0x7F, 0xA0, 0x2028, 0xFFFD, 0x1F600])
        .filter_map(char::from_u32)
        .chain("\\u0041/".chars())
        .collect();
    let notification = NotificationEnvelope {
        message_id: (&*wild).into(),
        topic_arn: (&*wild).into(),
        subject: Some(&wild),
        message: &wild,
        attributes: vec![attribute(&wild, &wild, text(&wild))],
        unsubscribe_url: (&*wild).into(),
        ..plain()
    };
    let signed =
        Signed { version: SignatureVersion::V1, signature: wild.as_str().into(), certificate_url: wild.clone() };
    let json: serde_json::Value = serde_json::from_str(&notification.lay_out(Some(&signed))).expect("JSON");
    let members = ["MessageId", "TopicArn", "Subject", "Message", "Signature", "SigningCertURL", "UnsubscribeURL"];
    for name in members {
        assert_eq!(json[name], wild.as_str(), "{name}");
    }
    let attributes = json["MessageAttributes"].as_object().expect("an object");
    assert_eq!(attributes.len(), 1);
    assert_eq!(attributes[&wild]["Type"], wild.as_str());
    assert_eq!(attributes[&wild]["Value"], wild.as_str());

    let confirmation = ConfirmationEnvelope {
        kind: ConfirmationKind::Unsubscribe { subscription_arn: &wild },
        message_id: &wild,
        token: &wild,
        topic_arn: &wild,
        subscribe_url: &wild,
        ..confirmation(ConfirmationKind::Subscription)
    };
    let json: serde_json::Value = serde_json::from_str(&confirmation.lay_out(&signed)).expect("JSON");
    for name in ["MessageId", "Token", "TopicArn", "SubscribeURL"] {
        assert_eq!(json[name], wild.as_str(), "{name}");
    }
    assert!(json["Message"].as_str().expect("a text").contains(&wild));
}

#[test]
fn timestamps_have_milliseconds() {
    for (millis, expected) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (951_782_400_020, "2000-02-29T00:00:00.020Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (u64::MAX, "9999-12-31T23:59:59.999Z"),
    ] {
        assert_eq!(iso_8601(Timestamp::from_millis(millis)), expected);
    }
}

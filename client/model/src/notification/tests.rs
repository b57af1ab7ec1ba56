//! Publications: rules, the body for each protocol, and the stored form.

use std::borrow::Cow;

use super::*;
use crate::message::AttributeValue;

fn draft(message: &str) -> PublicationDraft<'_> {
    PublicationDraft {
        id: MessageId::from_random([7; 16]),
        message,
        structure: None,
        subject: None,
        attributes: Vec::new(),
        group: None,
        deduplication: None,
        fifo: false,
    }
}

fn attribute(name: &'static str, data_type: &'static str, value: &'static str) -> MessageAttribute<'static> {
    let value = if data_type.starts_with("Binary") {
        AttributeValue::Binary(Cow::Borrowed(value.as_bytes()))
    } else {
        AttributeValue::Text(Cow::Borrowed(value))
    };
    MessageAttribute { name: name.into(), data_type: data_type.into(), value }
}

#[test]
fn subjects() {
    let (longest, too_long) = ("s".repeat(99), "s".repeat(100));
    for (subject, valid) in [
        ("Hello, world!", true),
        (&longest, true),
        (&too_long, false),
        ("", false),
        (" x", false),
        ("a\nb", false),
        ("ä", false),
    ] {
        let sealed = PublicationDraft { subject: Some(subject), ..draft("m") }.seal();
        assert_eq!(sealed.is_ok(), valid, "{subject}");
    }
}

#[test]
fn sizes() {
    let limit = TOPIC_MESSAGE_SIZE_MAX_BYTES as usize;
    assert!(draft("").seal().is_err());
    assert_eq!(draft(&"m".repeat(limit)).seal().expect("fits").size_bytes(), TOPIC_MESSAGE_SIZE_MAX_BYTES);
    assert_eq!(draft(&"m".repeat(limit + 1)).seal(), Err(too_long()));
    let with = PublicationDraft { attributes: vec![attribute("name", "String", "value")], ..draft("m") };
    assert_eq!(with.seal().expect("valid").size_bytes(), 1 + 4 + 6 + 5);
}

#[test]
fn attributes() {
    for (attributes, refused) in [
        (vec![attribute("a", "String", "x"), attribute("b", "Number", "1.5"), attribute("c", "Binary", "x")], None),
        (vec![attribute("a", "String.Array", r#"["x",1,true,null]"#)], None),
        (vec![attribute("a", "String.Array", r#"["x",["y"]]"#)], Some("NotAnArray")),
        (vec![attribute("a", "String.Array", "x")], Some("NotAnArray")),
        (vec![attribute("a", "", "x")], Some("TypeMissing")),
        (vec![attribute("a", "String", "")], Some("Empty")),
        (vec![attribute("a", "Number", "x")], Some("NotANumber")),
        (vec![attribute("a", "List", "x")], Some("rule: Type")),
        (vec![attribute("a", "String", "x"), attribute("a", "String", "y")], Some("Repeated")),
        (vec![attribute("a b", "String", "x")], Some("rule: Name")),
    ] {
        let sealed = PublicationDraft { attributes, ..draft("m") }.seal();
        match (sealed, refused) {
            (Ok(_), None) => {}
            (Err(fault), Some(part)) => assert!(fault.to_string().contains(part), "{fault}"),
            (sealed, refused) => panic!("{sealed:?} instead of {refused:?}"),
        }
    }
    // More than the ten that a queue takes are allowed.
    let names: Vec<String> = (0..=255).map(|n| n.to_string()).collect();
    let many = |n: usize| {
        names[..n].iter().map(|name| MessageAttribute { name: name.as_str().into(), ..attribute("", "String", "x") })
    };
    assert!(PublicationDraft { attributes: many(255).collect(), ..draft("m") }.seal().is_ok());
    assert!(PublicationDraft { attributes: many(256).collect(), ..draft("m") }.seal().is_err());
}

#[test]
fn bodies_of_a_json_structure() {
    use SubscriptionProtocol as To;
    let json = r#"{"default":"d","sqs":"q","GCM":"g","http":7,"unknown":"u","email":""}"#;
    let publication = PublicationDraft { structure: Some("json"), ..draft(json) }.seal().expect("valid");
    let body = |protocol, platform| {
        let index = publication.index_for(protocol, platform);
        publication.messages().nth(index).expect("there is one").body().to_owned()
    };
    for (protocol, platform, expected) in [
        (To::Sqs, None, "q"),
        (To::Http, None, "d"),
        (To::Email, None, ""),
        (To::Lambda, None, "d"),
        (To::Application, Some(Platform::Gcm), "g"),
        (To::Application, Some(Platform::Apns), "d"),
    ] {
        assert_eq!(body(protocol, platform), expected, "{protocol} {platform:?}");
    }
    for (json, reason) in [
        ("x", "StructureNotJson"),
        ("[]", "StructureNotJson"),
        (r#"{"sqs":"q"}"#, "StructureWithoutDefault"),
        (r#"{"default":1}"#, "StructureWithoutDefault"),
        (r#"{"default":"a","default":"b"}"#, "StructureNotJson"),
        (r#"{"default":"a"} x"#, "StructureNotJson"),
    ] {
        let fault = PublicationDraft { structure: Some("json"), ..draft(json) }.seal().expect_err(json);
        assert!(fault.to_string().contains(reason), "{json}: {fault}");
    }
    assert!(PublicationDraft { structure: Some("xml"), ..draft("m") }.seal().is_err());
}

#[test]
fn groups_and_deduplication() {
    let long = "g".repeat(129);
    for (fifo, group, deduplication, valid) in [
        (true, Some("g"), None, true),
        (true, Some("g"), Some("d"), true),
        (true, None, Some("d"), false),
        (false, Some("g"), None, true),
        (false, None, Some("d"), false),
        (false, Some("g g"), None, false),
        (true, Some(&*long), None, false),
    ] {
        let sealed = PublicationDraft { fifo, group, deduplication, ..draft("m") }.seal();
        assert_eq!(sealed.is_ok(), valid, "{fifo} {group:?} {deduplication:?}");
    }
    let by_content = |message: &'static str| {
        let draft = PublicationDraft { fifo: true, group: Some("g"), structure: Some("json"), ..draft(message) };
        let sealed = draft.seal().expect("valid");
        sealed.messages().map(|message| message.deduplication_key().expect("fifo")).collect::<Vec<_>>()
    };
    let (a, b) = (by_content(r#"{"default":"d","sqs":"a"}"#), by_content(r#"{"default":"d","sqs":"b"}"#));
    assert_eq!(a[0], a[1], "all bodies of one publication share its key");
    assert_ne!(a[0], b[0], "what was published counts, not the default body");
}

#[test]
fn a_confirmation_holds_its_token() {
    let token = ConfirmationToken { subscription: crate::SubscriptionId::from_random([1; 16]), secret: [2; 16] };
    let message = confirmation(MessageId::from_random([3; 16]), &token);
    assert_eq!(message.body().parse(), Ok(token));
    assert!(!is_unsubscribe_confirmation(&message));
    let message = unsubscribe_confirmation(MessageId::from_random([3; 16]), &token);
    assert_eq!(message.body().parse(), Ok(token));
    assert!(is_unsubscribe_confirmation(&message));
}

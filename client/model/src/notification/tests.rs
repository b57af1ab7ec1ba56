//! Publications: rules, the body for each protocol, and the stored form.

use std::borrow::Cow;

use super::*;
use crate::message::AttributeValue;

fn draft(message: &str) -> PublicationDraft<'_> {
    to(PublicationKind::StandardTopic, message)
}

fn to(kind: PublicationKind, message: &str) -> PublicationDraft<'_> {
    PublicationDraft::new(MessageId::from_random([7; 16]), message, kind)
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
    let (longest, too_long) = ("ü".repeat(99), "s".repeat(100));
    for (subject, valid) in [
        ("Hello, world!", true),
        (&longest, true),
        (&too_long, false),
        ("", false),
        (" x", true),
        ("漢 😀", true),
        ("a\nb", false),
        ("a\tb", false),
        ("a\u{7f}", false),
        ("a\u{85}b", false),
        ("a\u{2028}b", false),
        ("a\u{ffff}", false),
    ] {
        assert_eq!(Subject::parse(subject).is_ok(), valid, "{subject}");
    }
    let subject = Some(Subject::parse("s").expect("valid"));
    let publication = PublicationDraft { subject, ..draft("m") }.seal().expect("valid");
    assert_eq!(publication.subject(), Some("s"));
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
    const LONG: [u8; 257] = [b'a'; 257];
    const TOO_LONG: &str = match core::str::from_utf8(&LONG) {
        Ok(text) => text,
        Err(_) => unreachable!(),
    };
    const LONGEST: &str = TOO_LONG.split_at(256).0;
    for (attributes, refused) in [
        (vec![attribute("a", "String", "x"), attribute("b", "Number", "1.5"), attribute("c", "Binary", "x")], None),
        (vec![attribute("a", "String.Array", r#"["x",1,true,null]"#)], None),
        (vec![attribute("a", "String.Array", "x")], None),
        (vec![attribute("a", "String.  own. ", "x")], None),
        (vec![attribute("a", "String.", "x")], Some("rule: Type")),
        (vec![attribute("a", "Number.", "1")], Some("rule: Type")),
        (vec![attribute("a", "Binary.", "x")], Some("rule: Type")),
        (vec![attribute("a", "Stringown", "x")], Some("rule: Type")),
        (vec![attribute("a", "", "x")], Some("TypeMissing")),
        (vec![attribute("a", "String", "")], Some("Empty")),
        (vec![attribute("a", "Number", "x")], Some("NotANumber")),
        (vec![attribute("a", "List", "x")], Some("rule: Type")),
        (vec![attribute("a", "String", "x"), attribute("a", "String", "y")], Some("Repeated")),
        (vec![attribute("a b", "String", "x")], Some("rule: NameCharacter { found: ' ' }")),
        (vec![attribute("a^*?", "String", "x")], Some("rule: NameCharacter { found: '^' }")),
        (vec![attribute("ä1_-.b", "String", "x")], None),
        (vec![attribute(".abc", "String", "x")], Some("rule: NameStart")),
        (vec![attribute("abc.", "String", "x")], Some("rule: NameEnd")),
        (vec![attribute("a..bc", "String", "x")], Some("rule: NamePeriods")),
        (vec![attribute("", "String", "x")], Some("rule: Name ")),
        (vec![attribute(LONGEST, "String", "x")], None),
        (vec![attribute(TOO_LONG, "String", "x")], Some("rule: NameLength { max: 256 }")),
        (vec![attribute("Amazon.x", "String", "x")], Some("rule: NameReserved")),
        (vec![attribute("AWS.SNS.MOBILE.GCM.TTL", "String", "x")], None),
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
        (r#"{"default":"a","default":1}"#, "StructureWithoutDefault"),
        (r#"{"default":{"object":"x"}}"#, "StructureWithoutDefault"),
        (r#"{"default":"a"} x"#, "StructureNotJson"),
    ] {
        let fault = PublicationDraft { structure: Some("json"), ..draft(json) }.seal().expect_err(json);
        assert!(fault.to_string().contains(reason), "{json}: {fault}");
    }
    assert!(PublicationDraft { structure: Some("xml"), ..draft("m") }.seal().is_err());
}

/// Recorded from AWS: a key may be there twice. The second counts.
#[test]
fn a_body_of_a_json_structure_may_be_there_twice() {
    let json = r#"{"default":"a","sqs":"b","sqs":"c","default":"d"}"#;
    let publication = PublicationDraft { structure: Some("json"), ..draft(json) }.seal().expect("valid");
    assert_eq!(publication.messages().map(StoredMessage::body).collect::<Vec<_>>(), ["d", "c"]);
}

#[test]
fn a_direct_publication_needs_no_default_body() {
    let device = PublicationKind::Endpoint(Platform::Adm);
    for (kind, json, expected) in [
        (device, r#"{"ADM":"a","GCM":"g"}"#, Some("a")),
        (device, r#"{"default":"d","ADM":"a"}"#, Some("a")),
        (device, r#"{"GCM":"g"}"#, None),
        (PublicationKind::PhoneNumber, r#"{"sms":"s"}"#, Some("s")),
        (PublicationKind::StandardTopic, r#"{"ADM":"a"}"#, None),
        (PublicationKind::FifoTopic, r#"{"sqs":"a"}"#, None),
    ] {
        let sealed = PublicationDraft { structure: Some("json"), group: Some("g"), ..to(kind, json) }.seal();
        let (protocol, platform) = match kind {
            PublicationKind::Endpoint(platform) => (SubscriptionProtocol::Application, Some(platform)),
            _ => (SubscriptionProtocol::Sms, None),
        };
        let body = sealed.ok().map(|publication| {
            let index = publication.index_for(protocol, platform);
            publication.messages().nth(index).expect("there is one").body().to_owned()
        });
        assert_eq!(body.as_deref(), expected, "{kind:?} {json}");
    }
}

#[test]
fn the_structure_is_looked_at_before_the_group() {
    let draft = to(PublicationKind::FifoTopic, "{}");
    assert_eq!(draft.clone().seal().expect_err("no group"), SnsFault::invalid("MessageGroupId", Rule::GroupMissing));
    let fault = PublicationDraft { structure: Some("json"), ..draft }.seal().expect_err("no default body");
    assert_eq!(fault, SnsFault::invalid("Message", Rule::StructureWithoutDefault));
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
        let kind = if fifo { PublicationKind::FifoTopic } else { PublicationKind::StandardTopic };
        let sealed = PublicationDraft { group, deduplication, ..to(kind, "m") }.seal();
        assert_eq!(sealed.is_ok(), valid, "{fifo} {group:?} {deduplication:?}");
    }
    let by_content = |message: &'static str| {
        let draft = to(PublicationKind::FifoTopic, message);
        let draft = PublicationDraft { group: Some("g"), structure: Some("json"), ..draft };
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

//! Messages: rules, digests, and the golden bytes, round trip and truncations of the stored form.

use std::borrow::Cow;

use bytes::Bytes;

use super::*;

const ID: MessageId = MessageId::from_bytes([7; 16]);

fn draft(body: &str) -> MessageDraft<'_> {
    MessageDraft {
        id: ID,
        body,
        attributes: Vec::new(),
        trace_header: None,
        group: None,
        deduplication: None,
        fifo: false,
        sender: "000000000000",
    }
}

fn text<'a>(name: &'a str, data_type: &'a str, value: &'a str) -> MessageAttribute<'a> {
    MessageAttribute {
        name: Cow::Borrowed(name),
        data_type: Cow::Borrowed(data_type),
        value: AttributeValue::Text(Cow::Borrowed(value)),
    }
}

fn binary<'a>(name: &'a str, data_type: &'a str, value: &'a [u8]) -> MessageAttribute<'a> {
    MessageAttribute {
        name: Cow::Borrowed(name),
        data_type: Cow::Borrowed(data_type),
        value: AttributeValue::Binary(Cow::Borrowed(value)),
    }
}

fn full() -> StoredMessage {
    MessageDraft {
        attributes: vec![text("b", "Number.int", "1"), binary("c", "Binary", &[0, 255]), text("a", "String", "x")],
        trace_header: Some(TraceHeader::Attribute("Root=1-5759e988-bd862e3fe1be46a994272793")),
        group: Some("g1"),
        deduplication: Some("d-1"),
        fifo: true,
        ..draft("hello \"world\"")
    }
    .seal()
    .expect("valid")
}

#[test]
fn a_message_round_trips() {
    let message = full();
    let decoded = StoredMessage::decode(message.as_bytes().clone()).expect("whole");
    assert_eq!(decoded, message);
    assert_eq!(decoded.id(), ID);
    assert_eq!(decoded.body(), "hello \"world\"");
    assert_eq!(decoded.group(), Some("g1"));
    assert_eq!(decoded.deduplication(), Some("d-1"));
    assert!(decoded.deduplication_is_explicit());
    assert_eq!(decoded.trace_header(), Some("Root=1-5759e988-bd862e3fe1be46a994272793"));
    assert_eq!(decoded.sender(), "000000000000");
    assert!(!decoded.body_is_json_clean() && !decoded.body_is_xml_clean());
    let attributes: Vec<_> = decoded.attributes().collect();
    assert_eq!(attributes, [text("a", "String", "x"), text("b", "Number.int", "1"), binary("c", "Binary", &[0, 255])]);
    assert_eq!(decoded.size_bytes(), 13 + 1 + 6 + 1 + 1 + 10 + 1 + 1 + 6 + 2);
}

#[test]
fn golden_bytes() {
    let message = MessageDraft { attributes: vec![text("k", "String", "v")], ..draft("hi") }.seal().expect("valid");
    #[rustfmt::skip]
    let expected: &[u8] = &[
        1, 3, 0, 0, 0, 0, 12, 1, 16, 0, 0, 0, 2, 0, 0, 0,
        7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
        0x49, 0xf6, 0x8a, 0x5c, 0x84, 0x93, 0xec, 0x2c, 0x0b, 0xf4, 0x89, 0x82, 0x1c, 0x21, 0xfc, 0x3b,
    ];
    let bytes = message.as_bytes();
    assert_eq!(&bytes[..48], expected);
    assert_eq!(&bytes[64..96], &[0; 32]);
    assert_eq!(&bytes[96..], b"000000000000\x01\0\x06\0\x01\0\0\0kStringvhi");
}

#[test]
fn every_truncation_and_extension_is_refused() {
    let bytes = full().as_bytes().clone();
    for length in 0..bytes.len() {
        assert_eq!(StoredMessage::decode(bytes.slice(..length)), Err(InvalidMessage), "cut at {length}");
    }
    let longer = Bytes::from([&bytes[..], &[0]].concat());
    assert_eq!(StoredMessage::decode(longer), Err(InvalidMessage));
}

#[test]
fn no_changed_byte_makes_an_accessor_panic() {
    let bytes = full().as_bytes().to_vec();
    for at in 0..bytes.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[at] = value;
            if let Ok(message) = StoredMessage::decode(Bytes::from(changed)) {
                let _ = (message.body(), message.group(), message.deduplication(), message.sender(), message.digests());
                assert!(message.attributes().count() <= 10);
            }
        }
    }
}

/// The digests of these attributes as the AWS SDKs compute them.
#[test]
fn digests_equal_those_of_the_sdks() {
    let hex = |bytes: [u8; 16]| hex(&bytes);
    assert_eq!(hex(body_md5("hello world")), "5eb63bbbe01eeed093cb22bb8f5acdc3");
    let message = MessageDraft { attributes: vec![text("k", "String", "v")], ..draft("hi") }.seal().expect("valid");
    let mut encoded = Vec::new();
    for (length, part) in [(1, "k"), (6, "String")] {
        encoded.extend_from_slice(&u32::to_be_bytes(length));
        encoded.extend_from_slice(part.as_bytes());
    }
    encoded.extend_from_slice(&[1, 0, 0, 0, 1, b'v']);
    let expected: [u8; 16] = md5::Md5::digest(&encoded).into();
    assert_eq!(message.digests().attributes, Some(expected));
    assert_eq!(message.digests().system_attributes, None);
}

#[test]
fn the_digest_of_the_content_replaces_a_missing_deduplication_id() {
    let sha = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
    let by_content = MessageDraft { fifo: true, ..draft("hello world") }.seal().expect("valid");
    assert_eq!(by_content.deduplication(), Some(sha));
    assert!(!by_content.deduplication_is_explicit());
    let by_id = MessageDraft { fifo: true, deduplication: Some(sha), ..draft("other") }.seal().expect("valid");
    assert_eq!(by_id.deduplication_key(), by_content.deduplication_key(), "the same id, however it came about");
    assert_eq!(draft("hello world").seal().expect("valid").deduplication_key(), None);
}

#[test]
fn bodies() {
    for (body, json, xml) in [
        ("plain ü 漢 😀", true, true),
        ("a\"b", false, false),
        ("a\\b", false, true),
        ("a<b", true, false),
        ("a&b", true, false),
        ("a>b", true, false),
        ("tab\tand\nline", false, true),
        ("return\r", false, false),
        ("\u{FFFD}", true, true),
        ("\u{FEFF}", true, true),
    ] {
        let message = draft(body).seal().expect(body);
        assert_eq!((message.body_is_json_clean(), message.body_is_xml_clean()), (json, xml), "{body:?}");
    }
    for body in ["\0", "a\u{1}", "\u{b}", "\u{1f}", "\u{FFFE}", "\u{FFFF}"] {
        assert_eq!(draft(body).seal(), Err(Fault::InvalidMessageContents), "{body:?}");
    }
    assert_eq!(draft("").seal(), Err(Fault::missing("MessageBody")));
    let limit = MAXIMUM_MESSAGE_SIZE_BYTES as usize;
    assert!(draft(&"x".repeat(limit)).seal().is_ok());
    assert_eq!(draft(&"x".repeat(limit + 1)).seal(), Err(too_long(MAXIMUM_MESSAGE_SIZE_BYTES)));
    let body = "x".repeat(limit - 8);
    for (value, fits) in [("v", true), ("vv", false)] {
        let sealed = MessageDraft { attributes: vec![text("k", "String", value)], ..draft(&body) }.seal();
        assert_eq!(sealed.is_ok(), fits, "attributes count");
    }
}

#[test]
fn attributes() {
    let longest = "n".repeat(256);
    let too_long = "n".repeat(257);
    for (attribute, valid) in [
        (text("a.b-c_1", "String", "x"), true),
        (text(&longest, "String.label", "x"), true),
        (text(&too_long, "String", "x"), false),
        (text("", "String", "x"), false),
        (text(".a", "String", "x"), false),
        (text("a.", "String", "x"), false),
        (text("a..b", "String", "x"), false),
        (text("a b", "String", "x"), false),
        (text("AWS.a", "String", "x"), false),
        (text("amazon.a", "String", "x"), false),
        (text("a", "String", ""), false),
        (text("a", "String", "\u{1}"), false),
        (text("a", "Strings", "x"), false),
        (text("a", "", "x"), false),
        (text("a", "Binary", "x"), false),
        (binary("a", "Binary.png", &[1]), true),
        (binary("a", "Binary", &[]), false),
        (binary("a", "String", &[1]), false),
        (text("a", "Number", "-1.5e3"), true),
        (text("a", "Number", "nan"), false),
        (text("a", "Number", "inf"), false),
        (text("a", "Number", "1e127"), false),
        (text("a", "Number", "one"), false),
        (text("a", "Number", &"9".repeat(38)), true),
        (text("a", "Number", &"9".repeat(39)), false),
    ] {
        let sealed = MessageDraft { attributes: vec![attribute.clone()], ..draft("x") }.seal();
        assert_eq!(sealed.is_ok(), valid, "{attribute:?}");
    }
    let names: Vec<String> = (0..11).map(|n| format!("a{n}")).collect();
    let eleven: Vec<_> = names.iter().map(|name| text(name, "String", "x")).collect();
    assert!(MessageDraft { attributes: eleven[..10].to_vec(), ..draft("x") }.seal().is_ok());
    assert!(MessageDraft { attributes: eleven, ..draft("x") }.seal().is_err());
    let twice = vec![text("a", "String", "x"), text("a", "String", "y")];
    assert!(MessageDraft { attributes: twice, ..draft("x") }.seal().is_err());
}

#[test]
fn ids_are_graphic_ascii_up_to_128() {
    let longest = "!".repeat(128);
    for valid in ["a", "a-B_c.1!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~", &longest] {
        assert!(ClientId::group(valid).is_ok(), "{valid}");
    }
    for invalid in ["", "a b", "ü", "\n", &"x".repeat(129)] {
        assert!(ClientId::deduplication(invalid).is_err(), "{invalid}");
    }
    let on_standard = MessageDraft { deduplication: Some("d"), ..draft("x") }.seal();
    assert!(on_standard.is_err(), "a standard queue takes no deduplication id");
}

#[test]
fn a_trace_of_the_request_has_no_digest() {
    let trace = TraceId::of_header(b"Root=1-5;Sampled=1").expect("valid");
    let message = MessageDraft { trace_header: Some(TraceHeader::Request(trace)), ..draft("m") }.seal().expect("valid");
    let message = StoredMessage::decode(message.as_bytes().clone()).expect("whole");
    assert_eq!((message.trace_header(), message.digests().system_attributes), (Some("Root=1-5;Sampled=1"), None));
    let longest = [b'r'; TRACE_HEADER_BYTES_MAX + 1];
    assert!(TraceId::of_header(&longest[1..]).is_some());
    for header in [&b""[..], &longest, b"Root=\t", b"Root=\xff", "Root=ü".as_bytes()] {
        assert_eq!(TraceId::of_header(header), None);
    }
}

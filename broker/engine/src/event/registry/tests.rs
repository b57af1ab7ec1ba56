//! Every kind of key and value: its bytes, its round trip, and its refusal when cut or damaged.

use super::super::Event;
use bytes::Bytes;

use super::*;

fn owner() -> Owner {
    Owner { region: "r".parse().expect("valid"), account: "000000000258".parse().expect("valid") }
}

fn number() -> PhoneNumber {
    "+12345678".parse().expect("valid")
}

/// One entry of each kind with its bytes: ARNs and texts as text, numbers in hexadecimal digits.
fn golden() -> [(Entry, &'static str, &'static str); 7] {
    let arn = "arn:aws:sns:r:000000000258:endpoint/BAIDU/a/01234567-89ab-4def-8123-456789abcdef";
    let given = [("Enabled", "false"), ("Token", "t"), ("CustomUserData", "uu"), ("ChannelId", "t"), ("UserId", "v")];
    let given = EndpointChanges::parse(Platform::Baidu, given).expect("valid");
    let endpoint = EndpointAttributes::new(Platform::Baidu, &given).expect("valid");
    let given = [("PlatformCredential", "1"), ("Enabled", "false")];
    let given = ApplicationChanges::parse(Platform::Gcm, given).expect("valid");
    let application = ApplicationAttributes::new(Platform::Gcm, &given).expect("valid");
    let preferences = SmsAttributeChanges::parse([("DefaultSenderID", "v")]).expect("valid");
    let time = Timestamp::from_millis(0x0102_0304);
    [
        (
            Entry::Application("arn:aws:sns:r:000000000258:app/GCM/a".parse().expect("valid"), application),
            "01 24000000 'arn:aws:sns:r:000000000258:app/GCM/a'",
            "02000000 07000000 'Enabled' 05000000 'false' 12000000 'PlatformCredential' 01000000 '1'",
        ),
        (
            Entry::Endpoint(arn.parse().expect("valid"), endpoint),
            "02 50000000 'arn:aws:sns:r:000000000258:endpoint/BAIDU/a/01234567-89ab-4def-8123-456789abcdef'",
            "00 01000000 't' 02000000 'uu' 02000000 09000000 'ChannelId' 01000000 't' 06000000 'UserId' 01000000 'v'",
        ),
        (
            Entry::SmsAttributes(owner(), SmsAttributes::default().with(&preferences)),
            "03 0201000000000000 01 'r'",
            "01000000 0f000000 'DefaultSenderID' 01000000 'v'",
        ),
        (
            Entry::PhoneNumber(owner(), number(), Consent { opted_out: true, opted_in: Some(time) }),
            "04 0201000000000000 01 'r' 09 '+12345678'",
            "01 0403020100000000",
        ),
        (
            Entry::PhoneNumber(owner(), number(), Consent { opted_out: false, opted_in: None }),
            "04 0201000000000000 01 'r' 09 '+12345678'",
            "00 0000000000000000",
        ),
        (
            Entry::SandboxNumber(owner(), number(), Verification::Pending("12345".parse().expect("digits"))),
            "05 0201000000000000 01 'r' 09 '+12345678'",
            "05 '12345'",
        ),
        (
            Entry::SandboxNumber(owner(), number(), Verification::Verified),
            "05 0201000000000000 01 'r' 09 '+12345678'",
            "00",
        ),
    ]
}

/// The bytes that a line of `golden` describes.
fn drawn(line: &str) -> Vec<u8> {
    let parts = line.split_whitespace().map(|part| match part.strip_prefix('\'') {
        Some(text) => text.trim_end_matches('\'').as_bytes().to_vec(),
        None => {
            let digits = part.as_bytes().chunks(2).map(|pair| core::str::from_utf8(pair).expect("ASCII"));
            digits.map(|pair| u8::from_str_radix(pair, 16).expect("two digits")).collect()
        }
    });
    parts.flatten().collect()
}

fn payload(event: &Event<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    event.encode(&mut bytes);
    bytes
}

#[test]
fn golden_bytes_round_trip() {
    for (entry, key, value) in golden() {
        let deleted = Event::RegistryDeleted(RegistryDeleted(entry.key()));
        let set = Event::RegistrySet(RegistrySet(entry));
        assert_eq!(payload(&deleted), drawn(key), "{deleted:?}");
        assert_eq!(payload(&set), [drawn(key), drawn(value)].concat(), "{set:?}");
        for event in [deleted, set] {
            assert_eq!(Event::decode(event.kind(), &payload(&event).into()).as_ref(), Ok(&event));
        }
    }
}

#[test]
fn a_cut_or_extended_event_is_refused() {
    for (entry, ..) in golden() {
        for event in
            [Event::RegistryDeleted(RegistryDeleted(entry.key())), Event::RegistrySet(RegistrySet(entry.clone()))]
        {
            let whole = Bytes::from(payload(&event));
            for cut in 0..whole.len() {
                assert!(Event::decode(event.kind(), &whole.slice(..cut)).is_err(), "{cut} bytes of {event:?}");
            }
            assert!(
                Event::decode(event.kind(), &[&*whole, &[0]].concat().into()).is_err(),
                "a byte more than {event:?}"
            );
        }
    }
}

#[test]
fn damaged_parts_are_refused() {
    for (line, reason) in [
        ("00", "its key is of no kind"),
        ("06", "its key is of no kind"),
        ("01 01000000 'a'", "an ARN is malformed"),
        ("02 24000000 'arn:aws:sns:r:000000000258:app/GCM/a'", "an ARN is malformed"),
        ("03 0010a5d4e8000000 01 'r'", "an account has more than twelve digits"),
        ("03 0201000000000000 01 'R'", "a region is malformed"),
        ("04 0201000000000000 01 'r' 01 '+'", "a phone number is malformed"),
        ("04 0201000000000000 01 'r' 09 '+12345678' 02", "an unknown flag is set"),
        (
            "03 0201000000000000 01 'r' 02000000 01000000 'k' 00000000 01000000 'k' 00000000",
            "its attributes are not in order",
        ),
        ("01 24000000 'arn:aws:sns:r:000000000258:app/GCM/a' 00000000", "an attribute is invalid"),
        ("03 0201000000000000 01 'r' 01000000 01000000 'k' 00000000", "an attribute is invalid"),
        ("05 0201000000000000 01 'r' 09 '+12345678' 01 '1'", "a password is malformed"),
        ("03 0201000000000000 01 'r' ffffffff 01000000 'k' 00000000", "it is too short for its items"),
    ] {
        let payload = Bytes::from(drawn(line));
        let result = Event::decode(44, &payload);
        assert_eq!(result.map_err(|error| error.reason), Err(reason), "{line}");
    }
}

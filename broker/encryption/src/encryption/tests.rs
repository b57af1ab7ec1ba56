//! Golden bytes, round trips, truncations and flipped bits of everything that is encrypted.

use std::sync::atomic::{AtomicU8, Ordering};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use proptest::prelude::*;

use super::*;
use crate::{Forged, RecordPlace, TAG_BYTES, WRAPPED_KEY_BYTES};

const PLACE: SegmentPlace = SegmentPlace { identity: *b"0123456789abcdef", first: 0x1000 };
const RECORD: RecordPlace = RecordPlace { identity: *b"0123456789abcdef", position: 0x1008, kind: 16 };

/// Encryption with master keys whose bytes are all alike, and random bytes that count.
fn encryption(keys: &[u8]) -> Encryption {
    let lines: Vec<String> = keys.iter().map(|byte| BASE64_STANDARD.encode([*byte; KEY_BYTES])).collect();
    let count = AtomicU8::new(0);
    let random = Random::new(move |bytes| {
        for byte in bytes {
            *byte = count.fetch_add(1, Ordering::Relaxed);
        }
    });
    Encryption::new(KeyRing::parse(&lines.join("\n")).unwrap(), random)
}

#[test]
fn a_data_key_opens_for_its_segment_with_its_master_key_only() {
    let both = encryption(&[1, 2]);
    let (_, wrapped) = both.fresh_key(&PLACE).unwrap();
    assert_eq!(Some(wrapped.master()), both.first());
    assert_eq!(WrappedKey::decode(&wrapped.encode()), wrapped);
    assert!(encryption(&[2, 1]).unwrap(&wrapped, &PLACE).is_ok());
    let unknown = encryption(&[2]).unwrap(&wrapped, &PLACE).unwrap_err();
    assert_eq!(unknown, UnwrapError::UnknownKey(wrapped.master()));
    for other in [SegmentPlace { first: 0x2000, ..PLACE }, SegmentPlace { identity: [0; 16], ..PLACE }] {
        assert_eq!(both.unwrap(&wrapped, &other).unwrap_err(), UnwrapError::Forged);
    }
    assert!(Encryption::off().fresh_key(&PLACE).is_none());
}

#[test]
fn every_flipped_bit_of_a_wrapped_key_is_found() {
    let encryption = encryption(&[1]);
    let bytes = encryption.fresh_key(&PLACE).unwrap().1.encode();
    for bit in 0..WRAPPED_KEY_BYTES * 8 {
        let mut bytes = bytes;
        bytes[bit / 8] ^= 1 << (bit % 8);
        let error = encryption.unwrap(&WrappedKey::decode(&bytes), &PLACE).unwrap_err();
        assert_eq!(matches!(error, UnwrapError::UnknownKey(_)), bit < 64, "bit {bit}");
    }
}

/// Computed by Python's `cryptography`: AES-256-GCM with the master key 01…01, the nonce 20 21 … 2b and the additional
/// data of `PLACE`, over the data key 00 01 … 1f.
#[test]
fn golden_bytes_of_a_wrapped_key() {
    let bytes = encryption(&[1]).fresh_key(&PLACE).unwrap().1.encode();
    assert_eq!(hex(&bytes[..20]), "72cd6e8422c407fb202122232425262728292a2b");
    assert_eq!(hex(&bytes[20..52]), GOLDEN_WRAPPED);
    assert_eq!(hex(&bytes[52..]), GOLDEN_WRAPPED_TAG);
}

/// As above, with the data key 00 01 … 1f, the nonce of `RECORD` and its additional data, over `hello world`.
#[test]
fn golden_bytes_of_a_record() {
    let (key, _) = encryption(&[1]).fresh_key(&PLACE).unwrap();
    let mut payload = *b"hello world";
    let tag = key.seal(&RECORD, &mut payload);
    assert_eq!((hex(&payload), hex(&tag)), (GOLDEN_RECORD.into(), GOLDEN_RECORD_TAG.into()));
}

/// As above, with the master key 01…01, the nonce 00 01 … 0b and the additional data `posthouse file`, 00, `test`.
#[test]
fn golden_text_of_a_file() {
    assert_eq!(encryption(&[1]).seal_file("test", "hello world").unwrap(), GOLDEN_FILE);
}

const GOLDEN_WRAPPED: &str = "b3f82aec22bb8d3b0c9c68e790deb3569ab4601da2bb0244650bb104c341a399";
const GOLDEN_WRAPPED_TAG: &str = "c68f60bd50a0e4528bf68866930f3f61";
const GOLDEN_RECORD: &str = "36318f8a2c8e34d2331a75";
const GOLDEN_RECORD_TAG: &str = "3c8e439fdbac6033c6f99e7b75eab1e2";
const GOLDEN_FILE: &str = "\
-----BEGIN POSTHOUSE ENCRYPTED FILE-----\n\
AXLNboQixAf7AAECAwQFBgcICQoL08P5Sk/ecRaMBoPk9dtoajzQsDqJCJtPZbwn\n\
-----END POSTHOUSE ENCRYPTED FILE-----\n";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_change_of_a_sealed_record_is_found() {
    let (key, _) = encryption(&[1]).fresh_key(&PLACE).unwrap();
    let mut sealed = b"hello world".to_vec();
    let tag = key.seal(&RECORD, &mut sealed);
    sealed.extend(tag);
    assert_eq!(key.open(&RECORD, &sealed).unwrap(), b"hello world");
    for length in 0..sealed.len() {
        assert_eq!(key.open(&RECORD, &sealed[..length]), Err(Forged), "{length} bytes");
    }
    for bit in 0..sealed.len() * 8 {
        let mut sealed = sealed.clone();
        sealed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(key.open(&RECORD, &sealed), Err(Forged), "bit {bit}");
    }
    let others = [
        RecordPlace { position: 0x1010, ..RECORD },
        RecordPlace { kind: 17, ..RECORD },
        RecordPlace { identity: [0; 16], ..RECORD },
    ];
    for other in others {
        assert_eq!(key.open(&other, &sealed), Err(Forged), "{other:?}");
    }
}

#[test]
fn a_sealed_file_opens_for_its_purpose_with_any_known_key() {
    let content = "a line\n".repeat(20);
    let text = encryption(&[1]).seal_file("a key", &content).unwrap();
    assert_eq!(text.lines().map(str::len).max(), Some(LINE_CHARS_MAX));
    let rotated = encryption(&[2, 1]);
    assert_eq!(rotated.open_file("a key", &text), Ok((encryption(&[1]).first().unwrap(), content)));
    assert_eq!(rotated.open_file("another", &text), Err(OpenFileError::Damaged));
    let first = encryption(&[1]).first().unwrap();
    assert_eq!(encryption(&[2]).open_file("a key", &text), Err(OpenFileError::UnknownKey(first)));
    assert_eq!(rotated.open_file("a key", "-----BEGIN PRIVATE KEY-----"), Err(OpenFileError::NotSealed));
    assert_eq!(Encryption::off().seal_file("a key", "content"), None);
}

const LINE_CHARS_MAX: usize = 64;

#[test]
fn every_truncation_of_a_sealed_file_is_refused() {
    let encryption = encryption(&[1]);
    let text = encryption.seal_file("a key", "content").unwrap();
    for length in 0..text.trim_end().len() {
        assert!(encryption.open_file("a key", &text[..length]).is_err(), "{length} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn records_open_as_they_were_sealed(payload in prop::collection::vec(any::<u8>(), 0..3000), position: u64, kind: u8) {
        let (key, wrapped) = encryption(&[1]).fresh_key(&PLACE).unwrap();
        let place = RecordPlace { identity: PLACE.identity, position, kind };
        let mut sealed = payload.clone();
        let tag = key.seal(&place, &mut sealed);
        sealed.extend(tag);
        prop_assert_eq!(sealed.len(), payload.len() + TAG_BYTES);
        let again = encryption(&[1]).unwrap(&wrapped, &PLACE).unwrap();
        prop_assert_eq!(again.open(&place, &sealed).unwrap(), payload);
    }

    #[test]
    fn no_text_makes_opening_panic(text in "\\PC*", inside in "[A-Za-z0-9+/=\n]*") {
        let encryption = encryption(&[1]);
        prop_assert!(encryption.open_file("a", &text).is_err());
        let text = format!("-----BEGIN POSTHOUSE ENCRYPTED FILE-----\n{inside}\n-----END POSTHOUSE ENCRYPTED FILE-----");
        prop_assert!(encryption.open_file("a", &text).is_err());
        let _ = KeyRing::parse(&inside);
    }
}

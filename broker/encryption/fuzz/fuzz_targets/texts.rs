//! Key files, sealed files and wrapped keys: whatever they hold, reading them ends with a value or an error. What opens
//! was sealed by this program.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use posthouse_encryption::{Encryption, KeyRing, Random, SegmentPlace, WRAPPED_KEY_BYTES, WrappedKey};

const PLACE: SegmentPlace = SegmentPlace { identity: [7; 16], first: 4096 };
const CONTENT: &str = "a key in PEM";

static ENCRYPTION: LazyLock<Encryption> = LazyLock::new(|| {
    let ring = KeyRing::parse("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").expect("a key");
    Encryption::new(ring, Random::new(|bytes| bytes.fill(9)))
});

fuzz_target!(|input: &[u8]| {
    if let Some((bytes, _)) = input.split_first_chunk::<WRAPPED_KEY_BYTES>() {
        let wrapped = WrappedKey::decode(bytes);
        assert_eq!(wrapped.encode(), *bytes);
        let _ = ENCRYPTION.unwrap(&wrapped, &PLACE);
    }
    let Ok(text) = std::str::from_utf8(input) else { return };
    let _ = KeyRing::parse(text);
    if let Ok((_, content)) = ENCRYPTION.open_file("fuzzed", text) {
        assert_eq!(content, CONTENT);
    }
});

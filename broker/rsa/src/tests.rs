//! Signatures compared with OpenSSL's and verified by another library, and keys that are refused.

use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::signature::hazmat::PrehashVerifier as _;
use sha1::Sha1;
use sha2::Sha256;

use super::*;

/// A key that OpenSSL made for tests.
const KEY: &str = include_str!("test_key.pem");
/// One of 1,024 bits.
const SHORT_KEY: &str = include_str!("short_test_key.pem");

/// The digests of `Message\nHello\nType\nNotification\n`.
const SHA1: [u8; 20] = [
    0x0a, 0xf7, 0x39, 0xee, 0xe0, 0x33, 0x24, 0xa9, 0x57, 0x4f, 0xe0, 0x5a, 0x92, 0x8f, 0x96, 0xab, 0x94, 0xc7, 0x5d,
    0x40,
];
const SHA256: [u8; 32] = [
    0x07, 0x35, 0x25, 0x91, 0xdf, 0x38, 0x3e, 0x9b, 0x6d, 0x92, 0x48, 0xeb, 0x5e, 0x6c, 0x8c, 0x7b, 0x0c, 0x85, 0x0c,
    0xaf, 0xa7, 0xcd, 0x37, 0xdb, 0x49, 0x69, 0x3d, 0x94, 0x97, 0x34, 0x6d, 0xd2,
];

/// The bytes that PEM wraps.
fn der(pem: &str) -> Vec<u8> {
    let text: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(text).expect("base64")
}

fn key() -> PrivateKey {
    PrivateKey::from_pkcs8(&der(KEY)).expect("a key")
}

/// Made with `openssl dgst -sha1 -sign` and `-sha256`.
#[test]
fn signatures_equal_those_of_openssl() {
    let with_sha1 = concat!(
        "IMDJBl4rYZDOvZp4WW+OHpe7bmh7PwLWCNh5vODJdtWi/NU2z4LCgFFvqEEReoqHaYCFwJTnB4al5NKAOKhiypqwYwkRCXe+n1ZM",
        "kCNma7a4gJerOZPJQ7lOaqMb0CeF6eQGcho/ad8khGVF5NLtuVYo/niiDBb93r3TmjV/XGpIFut0ejZ1YKrbgARDvlbm4OUSHK1A",
        "NSmQZyE8pxYx1T1egmYfgh08sVTnKycb+iXPnN1IXZLL9QM9KiQXZEAHdwslLJJehmk2lErD4TQ2B+PT+THTvO1LrvGle0mpwxwl",
        "b+WRgJ9wGQOF+RstPRW5Vc0U+QSid/PeICpDbCWR/Q==",
    );
    let with_sha256 = concat!(
        "lSaduZ5sAsXNbmIdh61HkZVKT7hZSFgXWiKhuLLq4ApwZ5m46Dhz/oJyMT2z0KNbwOxXFlorKg9QP7rbZGR3r2JXFt3eznJNbW2i",
        "Gxbg/7zbEJabZsMpndx7yZpoUtfSDljBir+GA/yXdkHzWW+bHrNMI5sP/irx6KBIWkj83QpARhJyYJviKyRvK3N47y7tbvXkeSD/",
        "OqrW+bfYkWr+nQHvBb/RFOGSQkEQD6x7HSdrdJf6M+qBCIsVVKu0DbbifnpDZE8ujuo3myMIZRdEj2fAP8XekqE0ln70un/KEG0V",
        "IB+RoQHfEL27w2ITMRTh5Y6eswHLhfdp7k/QbtUjHA==",
    );
    for (digest, expected) in [(Digest::Sha1(SHA1), with_sha1), (Digest::Sha256(SHA256), with_sha256)] {
        assert_eq!(STANDARD.encode(key().sign(digest)), expected, "{digest:?}");
    }
}

#[test]
fn each_digest_verifies_with_another_library() {
    let key = key();
    let public = rsa::RsaPrivateKey::from_pkcs8_der(&der(KEY)).expect("a key").to_public_key();
    let (by_sha1, by_sha256) = (VerifyingKey::<Sha1>::new(public.clone()), VerifyingKey::<Sha256>::new(public));
    assert_eq!(key.signature_bytes(), 256);
    for byte in [0, 1, 0x7F, 0xFF] {
        let sign = |digest| Signature::try_from(&*key.sign(digest)).expect("as long as the key");
        let (first, second) = (sign(Digest::Sha1([byte; 20])), sign(Digest::Sha256([byte; 32])));
        by_sha1.verify_prehash(&[byte; 20], &first).expect("SHA-1 verifies");
        by_sha256.verify_prehash(&[byte; 32], &second).expect("SHA-256 verifies");
        assert!(by_sha256.verify_prehash(&[byte ^ 1; 32], &second).is_err());
    }
}

#[test]
fn threads_sign_with_one_key_at_once() {
    let key = key();
    let expected = key.sign(Digest::Sha1(SHA1));
    thread::scope(|scope| {
        let sign = || (0..20).all(|_| key.sign(Digest::Sha1(SHA1)) == expected);
        let signing: Vec<_> = (0..4).map(|_| scope.spawn(sign)).collect();
        assert!(signing.into_iter().all(|thread| thread.join().expect("no panic")));
    });
}

#[test]
fn what_is_no_whole_rsa_key_is_refused() {
    let whole = der(KEY);
    let refused = |der: &[u8]| PrivateKey::from_pkcs8(der).err() == Some(InvalidKey);
    assert!((0..whole.len()).all(|length| refused(&whole[..length])), "cut anywhere");
    assert!(refused(&[&*whole, &[0]].concat()), "one byte more");
    // The modulus begins near byte 40, the private exponent near 300, the primes near 570: each contradicts the rest.
    for at in [100, 400, 600, 700] {
        let mut altered = whole.clone();
        altered[at] ^= 1;
        assert!(refused(&altered), "altered at {at}");
    }
    assert!(refused(&der(SHORT_KEY)), "1,024 bits");
    let mut of_pss = whole.clone();
    // The last byte of the algorithm's name, rsaEncryption, makes it id-RSASSA-PSS.
    assert_eq!(of_pss[19], 1);
    of_pss[19] = 10;
    assert!(refused(&of_pss), "a key of another way to sign");
    let ed25519 = [b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".as_slice(), &[7; 32]].concat();
    assert!(refused(&ed25519), "a key of another algorithm");
}

#[test]
fn debug_output_hides_the_key() {
    assert_eq!(format!("{:?}", key()), "PrivateKey { .. }");
}

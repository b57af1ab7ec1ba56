//! Signatures of each version, verified by another library than the one that made them, and remembered.

use std::thread;

use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use rsa::signature::Verifier as _;
use sha1::Sha1;
use sha2::Sha256;

use super::*;

/// A key that OpenSSL made for tests.
const KEY: &str = include_str!("../../../../rsa/src/test_key.pem");

fn private() -> rsa::RsaPrivateKey {
    rsa::RsaPrivateKey::from_pkcs8_pem(KEY).expect("a key")
}

fn key() -> SigningKey {
    let der = private().to_pkcs8_der().expect("encodes");
    SigningKey::from_pkcs8(der.as_bytes(), "/certificate.pem").expect("a key")
}

fn signer() -> Signer {
    Signer::new(key())
}

#[test]
fn each_version_is_over_its_own_digest() {
    let signer = signer();
    let public = private().to_public_key();
    let (with_sha1, with_sha256) = (VerifyingKey::<Sha1>::new(public.clone()), VerifyingKey::<Sha256>::new(public));
    for text in ["", "Message\nx\n", "ü\u{1F600}\0", &"long ".repeat(100_000)] {
        let signature = |version| {
            let bytes = STANDARD.decode(&*signer.sign(version, text)).expect("base64");
            Signature::try_from(&*bytes).expect("as long as the key")
        };
        let (first, second) = (signature(SignatureVersion::V1), signature(SignatureVersion::V2));
        with_sha1.verify(text.as_bytes(), &first).expect("version 1 verifies");
        with_sha256.verify(text.as_bytes(), &second).expect("version 2 verifies");
        assert!(with_sha256.verify(text.as_bytes(), &first).is_err());
        assert!(with_sha256.verify(b"other", &second).is_err());
    }
}

#[test]
fn a_text_is_signed_once_and_may_be_forgotten() {
    let signer = Signer::within(2_000);
    signer.provide(key());
    let first = signer.sign(SignatureVersion::V2, "0");
    assert!(Arc::ptr_eq(&first, &signer.clone().sign(SignatureVersion::V2, "0")), "remembered, also by a clone");
    assert_eq!(signer.made(), 1);
    assert_ne!(first, signer.sign(SignatureVersion::V1, "0"));
    assert_eq!(signer.made(), 2);
    for number in 1..10 {
        drop(signer.sign(SignatureVersion::V2, &number.to_string()));
    }
    assert_eq!((signer.made(), signer.remembered().len()), (11, 3), "2,000 bytes are three signatures");
    let again = signer.sign(SignatureVersion::V2, "0");
    assert_eq!((&first, signer.made()), (&again, 12), "signed anew, the same");
}

#[test]
fn threads_that_need_one_signature_at_once_make_it_once() {
    let signer = signer();
    let signatures: Vec<_> = thread::scope(|scope| {
        let signing: Vec<_> = (0..8).map(|_| scope.spawn(|| signer.sign(SignatureVersion::V1, "text"))).collect();
        signing.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(signatures.iter().all(|signature| Arc::ptr_eq(signature, &signatures[0])));
    assert_eq!(signer.made(), 1);
}

#[test]
fn a_signature_requested_before_the_key_waits_for_it() {
    let awaiting = Signer::awaiting();
    thread::scope(|scope| {
        let waiting =
            scope.spawn(|| (awaiting.sign(SignatureVersion::V2, "text"), awaiting.certificate_path().to_owned()));
        awaiting.provide(key());
        let (signature, path) = waiting.join().expect("no panic");
        assert_eq!((signature, path.as_str()), (signer().sign(SignatureVersion::V2, "text"), "/certificate.pem"));
    });
    awaiting.provide(SigningKey { certificate_path: "/other.pem".into(), ..key() });
    assert_eq!(awaiting.certificate_path(), "/certificate.pem", "the first key stays");
}

#[test]
fn debug_output_hides_the_key() {
    let printed = format!("{:?}", signer());
    assert!(printed.contains("/certificate.pem") && printed.len() < 400, "{printed}");
}

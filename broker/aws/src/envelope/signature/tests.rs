//! Signatures of each version, verified by another library than the one that made them, compared with OpenSSL's, and
//! remembered.

use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::signature::Verifier as _;
use sha2::Sha256;

use super::*;

/// A key that OpenSSL made for tests.
const KEY: &str = include_str!("test_key.pem");

fn private() -> RsaPrivateKey {
    RsaPrivateKey::from_pkcs8_pem(KEY).expect("a key")
}

fn der() -> Vec<u8> {
    private().to_pkcs8_der().expect("encodes").as_bytes().to_vec()
}

fn signer() -> Signer {
    Signer::new(SigningKey::from_pkcs8(&der(), "/certificate.pem").expect("a key"))
}

/// Made with `openssl dgst -sha1 -sign` and `-sha256`.
#[test]
fn signatures_equal_those_of_openssl() {
    let text = "Message\nHello\nType\nNotification\n";
    let table = [
        (
            SignatureVersion::V1,
            concat!(
                "IMDJBl4rYZDOvZp4WW+OHpe7bmh7PwLWCNh5vODJdtWi/NU2z4LCgFFvqEEReoqHaYCFwJTnB4al5NKAOKhiypqwYwkRCXe+",
                "n1ZMkCNma7a4gJerOZPJQ7lOaqMb0CeF6eQGcho/ad8khGVF5NLtuVYo/niiDBb93r3TmjV/XGpIFut0ejZ1YKrbgARDvlbm",
                "4OUSHK1ANSmQZyE8pxYx1T1egmYfgh08sVTnKycb+iXPnN1IXZLL9QM9KiQXZEAHdwslLJJehmk2lErD4TQ2B+PT+THTvO1L",
                "rvGle0mpwxwlb+WRgJ9wGQOF+RstPRW5Vc0U+QSid/PeICpDbCWR/Q==",
            ),
        ),
        (
            SignatureVersion::V2,
            concat!(
                "lSaduZ5sAsXNbmIdh61HkZVKT7hZSFgXWiKhuLLq4ApwZ5m46Dhz/oJyMT2z0KNbwOxXFlorKg9QP7rbZGR3r2JXFt3eznJN",
                "bW2iGxbg/7zbEJabZsMpndx7yZpoUtfSDljBir+GA/yXdkHzWW+bHrNMI5sP/irx6KBIWkj83QpARhJyYJviKyRvK3N47y7t",
                "bvXkeSD/OqrW+bfYkWr+nQHvBb/RFOGSQkEQD6x7HSdrdJf6M+qBCIsVVKu0DbbifnpDZE8ujuo3myMIZRdEj2fAP8XekqE0",
                "ln70un/KEG0VIB+RoQHfEL27w2ITMRTh5Y6eswHLhfdp7k/QbtUjHA==",
            ),
        ),
    ];
    for (version, expected) in table {
        assert_eq!(&*signer().sign(version, text), expected, "{version:?}");
    }
}

#[test]
fn each_version_verifies_with_the_other_library() {
    let signer = signer();
    let pair = KeyPair::from_pkcs8(&der()).expect("a key");
    let by_aws_lc = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, pair.public_key());
    let by_rsa = pkcs1v15::VerifyingKey::<Sha256>::new(private().to_public_key());
    for text in ["", "Message\nx\n", "ü\u{1F600}\0", &"long ".repeat(100_000)] {
        let bytes = |version| STANDARD.decode(&*signer.sign(version, text)).expect("base64");
        by_aws_lc.verify(text.as_bytes(), &bytes(SignatureVersion::V1)).expect("version 1 verifies");
        let signature = pkcs1v15::Signature::try_from(&*bytes(SignatureVersion::V2)).expect("as long as the key");
        by_rsa.verify(text.as_bytes(), &signature).expect("version 2 verifies");
        assert!(by_rsa.verify(b"other", &signature).is_err());
    }
}

#[test]
fn a_text_is_signed_once_and_the_oldest_is_forgotten() {
    let signer = signer();
    let sign = |number: usize| signer.sign(SignatureVersion::V2, &number.to_string());
    let first = sign(0);
    assert!(Arc::ptr_eq(&first, &signer.clone().sign(SignatureVersion::V2, "0")), "remembered, also by a clone");
    let other_version = signer.sign(SignatureVersion::V1, "0");
    assert_ne!(first, other_version);
    // The cache holds two signatures already.
    (1..SIGNATURES_MAX - 1).for_each(|number| drop(sign(number)));
    assert!(Arc::ptr_eq(&first, &sign(0)), "the memory is just full");
    let last = sign(SIGNATURES_MAX - 1);
    let remembered = signer.remembered();
    assert_eq!((remembered.signatures.len(), remembered.order.len()), (SIGNATURES_MAX, SIGNATURES_MAX));
    drop(remembered);
    let again = sign(0);
    assert!(!Arc::ptr_eq(&first, &again), "forgotten");
    assert_eq!(first, again, "signed anew, the same");
    assert!(Arc::ptr_eq(&last, &sign(SIGNATURES_MAX - 1)));
}

#[test]
fn a_signature_requested_before_the_key_waits_for_it() {
    let awaiting = Signer::awaiting();
    std::thread::scope(|scope| {
        let waiting =
            scope.spawn(|| (awaiting.sign(SignatureVersion::V2, "text"), awaiting.certificate_path().to_owned()));
        awaiting.provide(SigningKey::from_pkcs8(&der(), "/certificate.pem").expect("a key"));
        let (signature, path) = waiting.join().expect("no panic");
        assert_eq!((signature, path.as_str()), (signer().sign(SignatureVersion::V2, "text"), "/certificate.pem"));
    });
    awaiting.provide(SigningKey::from_pkcs8(&der(), "/other.pem").expect("a key"));
    assert_eq!(awaiting.certificate_path(), "/certificate.pem", "the first key stays");
}

#[test]
fn a_key_that_is_cut_or_altered_is_refused() {
    let whole = der();
    for length in 0..whole.len() {
        assert!(SigningKey::from_pkcs8(&whole[..length], "").is_err(), "cut at {length}");
    }
    // The modulus begins near byte 40, the private exponent near 300, the primes near 570: each contradicts the rest.
    for at in [100, 400, 600, 700] {
        let mut altered = whole.clone();
        altered[at] ^= 1;
        assert_eq!(SigningKey::from_pkcs8(&altered, "").err(), Some(InvalidSigningKey), "altered at {at}");
    }
}

#[test]
fn debug_output_hides_the_key() {
    let printed = format!("{:?}", signer());
    assert!(printed.contains("/certificate.pem") && printed.len() < 250, "{printed}");
}

//! The key's file, and the certificate, read by other libraries than the one that made it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use posthouse_model::topic_attributes::SignatureVersion;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::pkcs8::DecodePublicKey as _;
use rsa::signature::Verifier as _;
use sha1::Sha1;
use x509_cert::Certificate as X509;
use x509_cert::der::{DecodePem as _, Encode as _};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use posthouse_encryption::{KeyRing, Random};
use rand::Rng as _;

use super::*;

/// A key made for tests.
const KEY: &str = include_str!("../../rsa/src/test_key.pem");

/// Loads the key as a start of the broker does.
fn start(directory: &Path) -> Result<Signing, SigningError> {
    start_with(directory, &Encryption::off())
}

fn start_with(directory: &Path, encryption: &Encryption) -> Result<Signing, SigningError> {
    Signing::start(KeptKey::read(directory, encryption)?, Signer::awaiting(), None, encryption)
}

/// Encryption with the keys that these letters stand for. `-` stands for `none`.
fn encryption(keys: &str) -> Encryption {
    let line = |key: char| if key == '-' { "none\n".into() } else { format!("{}A=\n", key.to_string().repeat(42)) };
    let text: String = keys.chars().map(line).collect();
    Encryption::new(KeyRing::parse(&text).expect("keys"), Random::new(|bytes| rand::rng().fill_bytes(bytes)))
}

fn with_file(content: impl AsRef<[u8]>) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join(FILE_NAME), content).expect("written");
    directory
}

fn open(directory: &tempfile::TempDir) -> Signing {
    start(directory.path()).expect("opens")
}

fn pem(signing: &Signing) -> Bytes {
    signing.certificate_at(signing.signer().certificate_path()).expect("there").clone()
}

#[tokio::test]
async fn a_key_is_made_once_and_only_its_owner_can_read_it() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join(UNFINISHED_NAME), "of an interrupted start").expect("written");
    let first = open(&directory);
    first.made().await.expect("made");
    let path = directory.path().join(FILE_NAME);
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    assert!(!directory.path().join(UNFINISHED_NAME).exists());

    let kept = fs::read(&path).expect("read");
    let second = open(&directory);
    second.made().await.expect("read");
    assert_eq!(second.signer().certificate_path(), first.signer().certificate_path());
    assert_eq!(pem(&second), pem(&first));
    for version in [SignatureVersion::V1, SignatureVersion::V2] {
        assert_eq!(second.signer().sign(version, "text"), first.signer().sign(version, "text"));
    }
    assert_eq!(fs::read(&path).expect("read"), kept);

    let other = tempfile::tempdir().expect("a directory");
    let other = open(&other);
    assert_ne!(other.signer().certificate_path(), first.signer().certificate_path(), "each broker has its own");
}

/// URLs of certificates are part of messages in queues. No new version of the broker or of its libraries may change
/// them.
#[test]
fn the_certificate_follows_from_the_key() {
    let signing = open(&with_file(KEY));
    assert_eq!(signing.signer().certificate_path(), "/SimpleNotificationService-c40d40c35c673ddc51063fe9f0e2c7a5.pem");
    assert_eq!(signing.certificate_at("/SimpleNotificationService-00000000000000000000000000000000.pem"), None);
}

/// A signing key of the test key whose certificate's URL begins with `url`.
fn certified_at(url: &str) -> Signing {
    let directory = with_file(KEY);
    let kept = KeptKey::read(directory.path(), &Encryption::off()).expect("a key");
    let url = Some(url.parse().expect("valid"));
    Signing::start(kept, Signer::awaiting(), url, &Encryption::off()).expect("starts")
}

#[test]
fn the_certificate_is_made_out_to_the_host_of_its_url() {
    let long = format!("{}.example", "h".repeat(70));
    for (url, subject, names) in [
        (
            "https://sns.eu-west-1.amazonaws.com",
            "CN=sns.amazonaws.com",
            &[
                "sns.amazonaws.com",
                "sns.eu-west-1.amazonaws.com",
                "sns-signing.eu-west-1.amazonaws.com",
                "sns-eu-west-1.amazonaws.com",
            ][..],
        ),
        ("http://hooks.example:8080/sns", "CN=hooks.example", &["hooks.example"]),
        (&*format!("http://{long}"), "CN=sns.posthouse", &[&long]),
        ("http://127.0.0.1:9324", "CN=127.0.0.1", &[]),
    ] {
        let signing = certified_at(url);
        let plain = open(&with_file(KEY)).signer().certificate_path().to_owned();
        assert_eq!(signing.signer().certificate_url("http://broker"), format!("{url}{plain}"), "the path stays");
        let certificate = X509::from_pem(pem(&signing)).expect("a certificate");
        let content = certificate.tbs_certificate();
        assert_eq!(content.subject().to_string(), subject);
        let (_, found) = content.get_extension::<SubjectAltName>().expect("well formed").expect("there");
        let found: Vec<&str> = found
            .0
            .iter()
            .filter_map(|name| if let GeneralName::DnsName(name) = name { Some(name.as_str()) } else { None })
            .collect();
        assert_eq!(found, names, "{url}");
        assert_eq!(pem(&certified_at(url)), pem(&signing), "the same at every start");
    }
}

#[test]
fn the_certificate_verifies_itself_and_both_versions() {
    let signing = open(&with_file(KEY));
    assert_eq!(
        signing.signer().certificate_url("http://broker:1"),
        format!("http://broker:1{}", signing.signer().certificate_path())
    );
    let certificate = X509::from_pem(pem(&signing)).expect("a certificate");
    let content = certificate.tbs_certificate();
    assert_eq!(content.subject().to_string(), "CN=sns.posthouse");
    assert_eq!(content.issuer(), content.subject());
    let validity = content.validity();
    assert_eq!(validity.not_before.to_date_time().to_string(), "2025-01-01T00:00:00Z");
    assert_eq!(validity.not_after.to_date_time().to_string(), "2055-01-01T00:00:00Z");

    let public = content.subject_public_key_info().to_der().expect("encodes");
    let public = rsa::RsaPublicKey::from_public_key_der(&public).expect("an RSA key");
    let (with_sha1, with_sha256) = (VerifyingKey::<Sha1>::new(public.clone()), VerifyingKey::<Sha256>::new(public));
    let own = Signature::try_from(certificate.signature().raw_bytes()).expect("a signature");
    with_sha256.verify(&content.to_der().expect("encodes"), &own).expect("signed by its own key");
    let text = "Message\nx\nType\nNotification\n";
    let sign = |version| {
        let signature = STANDARD.decode(&*signing.signer().sign(version, text)).expect("base64");
        Signature::try_from(&*signature).expect("a signature")
    };
    with_sha1.verify(text.as_bytes(), &sign(SignatureVersion::V1)).expect("version 1");
    with_sha256.verify(text.as_bytes(), &sign(SignatureVersion::V2)).expect("version 2");
    assert!(with_sha256.verify(text.as_bytes(), &sign(SignatureVersion::V1)).is_err());
}

#[test]
fn a_damaged_key_stops_the_start_and_stays() {
    let mut altered = KEY.to_owned();
    // In the middle of the private exponent.
    let at = KEY.len() / 2;
    altered.replace_range(at..=at, if &KEY[at..=at] == "A" { "B" } else { "A" });
    let elliptic = KeyPair::generate().expect("made").serialize_pem();
    let certificate = String::from_utf8(pem(&open(&with_file(KEY))).to_vec()).expect("PEM");
    for content in [b"".as_slice(), b"\xFF", b"no key", altered.as_bytes(), elliptic.as_bytes(), certificate.as_bytes()]
    {
        let directory = with_file(content);
        let error = start(directory.path()).expect_err("damaged");
        assert!(matches!(error, SigningError::Damaged(_)), "{error}");
        let path = directory.path().join(FILE_NAME);
        let message = error.to_string();
        assert!(message.contains(path.to_str().expect("UTF-8")) && message.contains("Restore it"), "{message}");
        assert_eq!(fs::read(path).expect("still there"), content);
    }
}

#[test]
fn a_key_that_is_cut_anywhere_is_refused() {
    // The last line feed is optional.
    for length in 0..KEY.trim_end().len() {
        let found = start(with_file(&KEY[..length]).path());
        assert!(matches!(found, Err(SigningError::Damaged(_))), "cut at {length}");
    }
}

#[test]
fn a_key_that_cannot_be_read_stops_the_start() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join(FILE_NAME)).expect("made");
    assert!(matches!(start(directory.path()), Err(SigningError::Unreadable(..))));
}

#[test]
fn a_new_key_that_cannot_be_written_fails_the_start() {
    let directory = tempfile::tempdir().expect("a directory");
    // A directory has the name of the temporary file, and cannot be removed as a file.
    fs::create_dir(directory.path().join(UNFINISHED_NAME)).expect("made");
    let error = start(directory.path()).expect_err("no place for a key");
    assert!(matches!(error, SigningError::Unwritable(..)), "{error}");
    assert!(!directory.path().join(FILE_NAME).exists());
}

#[tokio::test]
async fn a_new_key_that_cannot_be_named_is_not_used() {
    let directory = tempfile::tempdir().expect("a directory");
    let kept = KeptKey::read(directory.path(), &Encryption::off()).expect("none");
    // A directory has the name of the key: the file cannot be renamed to it.
    fs::create_dir(directory.path().join(FILE_NAME)).expect("made");
    let signing = Signing::start(kept, Signer::awaiting(), None, &Encryption::off()).expect("there is a place");
    let error = signing.made().await.expect_err("not kept");
    assert!(matches!(error, SigningError::Unwritable(..)), "{error}");
}

/// The file after a start with each of these keys in turn; the certificate stays the same.
#[test]
fn the_file_is_encrypted_as_new_data_is() {
    let directory = with_file(KEY);
    let path = directory.path().join(FILE_NAME);
    let plain = open(&with_file(KEY)).signer().certificate_path().to_owned();
    let mut earlier = String::new();
    for (keys, is_encrypted) in [("B", true), ("CB", true), ("DC", true), ("-D", false), ("D", true)] {
        let signing = start_with(directory.path(), &encryption(keys)).expect("a known key");
        assert_eq!(signing.signer().certificate_path(), plain);
        let text = fs::read_to_string(&path).expect("there");
        assert_ne!(text, earlier, "{keys}: written again");
        assert_eq!(text.contains("PRIVATE KEY"), !is_encrypted, "{keys}");
        assert_eq!(text.contains("POSTHOUSE ENCRYPTED FILE"), is_encrypted, "{keys}");
        assert!(text.len() <= PLACE_BYTES);
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        earlier = text;
        start_with(directory.path(), &encryption(keys)).expect("a known key");
        assert_eq!(fs::read_to_string(&path).expect("there"), earlier, "{keys}: not written twice");
    }
    for keys in ["B", "-B"] {
        let error = start_with(directory.path(), &encryption(keys)).expect_err("another key");
        assert!(matches!(error, SigningError::Locked(..)), "{error}");
        assert_eq!(fs::read_to_string(&path).expect("there"), earlier, "nothing was changed");
    }
    let error = start(directory.path()).expect_err("no key");
    let id = encryption("D").first().expect("a key").to_string();
    assert!(error.to_string().contains(&id), "{error}");
}

#[tokio::test]
async fn a_new_key_is_encrypted_at_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let signing = start_with(directory.path(), &encryption("B")).expect("starts");
    signing.made().await.expect("made");
    let text = fs::read_to_string(directory.path().join(FILE_NAME)).expect("there");
    assert!(text.starts_with("-----BEGIN POSTHOUSE ENCRYPTED FILE-----"), "{text}");
    let again = start_with(directory.path(), &encryption("CB")).expect("starts");
    assert_eq!(again.signer().certificate_path(), signing.signer().certificate_path());
}

#[test]
fn an_encrypted_key_that_is_cut_anywhere_is_refused() {
    let directory = with_file(KEY);
    start_with(directory.path(), &encryption("B")).expect("starts");
    let text = fs::read_to_string(directory.path().join(FILE_NAME)).expect("there");
    for length in 0..text.trim_end().len() {
        let found = start_with(with_file(&text[..length]).path(), &encryption("B"));
        assert!(matches!(found, Err(SigningError::Damaged(_))), "cut at {length}");
    }
}

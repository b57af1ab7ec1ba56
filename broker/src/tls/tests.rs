//! Files that can be used, and the words for those that cannot.

use std::path::PathBuf;

use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use super::*;

/// A directory with a certificate and its key.
struct Files {
    directory: TempDir,
}

impl Files {
    fn new() -> Self {
        let files = Self { directory: TempDir::new().expect("a directory") };
        let (certificate, key) = made(2100);
        files.write("cert.pem", &certificate);
        files.write("key.pem", &key);
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    fn named(&self, client_ca: Option<&str>) -> TlsFiles {
        TlsFiles {
            section: "tls",
            certificate: self.path("cert.pem"),
            key: self.path("key.pem"),
            client_ca: client_ca.map(|name| self.path(name)),
        }
    }

    fn read(&self) -> Result<Credentials, String> {
        Credentials::read(&self.named(None), Speaks::HTTP).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn refused(&self, why: &str) {
        let error = self.read().err().expect(why);
        assert!(error.contains(why), "{error}");
    }
}

/// A certificate that ends in this year, and its key.
fn made(year: i32) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    params.not_after = rcgen::date_time_ymd(year, 1, 1);
    (params.self_signed(&key).expect("signed").pem(), key.serialize_pem())
}

#[test]
fn files_that_cannot_be_used_are_named_with_the_reason() {
    let files = Files::new();
    assert!(files.read().is_ok());
    let (other, _) = made(2100);
    let whole = std::fs::read_to_string(files.path("cert.pem")).expect("there");
    for (name, text, why) in [
        ("cert.pem", "", "cert.pem: it holds no certificate in PEM form"),
        ("cert.pem", "nonsense", "it holds no certificate in PEM form"),
        ("cert.pem", &whole[..whole.len() / 2], "`tls.certificate`"),
        ("cert.pem", other.as_str(), "it is not the key of the certificate in"),
        ("key.pem", "", "key.pem: it holds no private key in PEM form"),
        ("key.pem", whole.as_str(), "it holds no private key"),
        (
            "key.pem",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "encrypted with a passphrase",
        ),
        (
            "key.pem",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIB\n-----END RSA PRIVATE KEY-----\n",
            "encrypted with a passphrase",
        ),
    ] {
        let files = Files::new();
        if name == "key.pem" {
            files.write("cert.pem", &whole);
        }
        files.write(name, text);
        files.refused(why);
    }
    let key = std::fs::read_to_string(files.path("key.pem")).expect("there");
    std::fs::remove_file(files.path("key.pem")).expect("there");
    files.refused("`tls.key`");
    files.write("key.pem", &key);
    files.write("empty", "");
    let error = Credentials::read(&files.named(Some("empty")), Speaks::HTTP).err().expect("no authority");
    assert!(error.to_string().contains("`tls.client_ca`"), "{error}");
}

#[test]
fn a_reload_takes_no_other_certificate_that_has_expired() {
    let files = Files::new();
    let table = TlsTable::begin(&files.named(None), Speaks::HTTP).expect("valid");
    let live = table.live();
    let (certificate, key) = made(2100);
    files.write("cert.pem", &certificate);
    files.write("key.pem", &key);
    let next = table.prepare(&files.named(None)).expect("valid");
    assert!(table.replace(next), "another certificate");
    assert!(!table.replace(table.prepare(&files.named(None)).expect("valid")), "the same");
    let now = live.now();
    let (certificate, key) = made(1999);
    files.write("cert.pem", &certificate);
    files.write("key.pem", &key);
    let error = table.prepare(&files.named(None)).err().expect("expired");
    assert!(error.to_string().ends_with("cert.pem: it has expired"), "{error}");
    assert!(live.now().shows_the_same(&now));
    // A start with it is possible, and says so.
    assert!(days_left(files.read().expect("readable").expires(), SystemTime::now()) < 0.0);
}

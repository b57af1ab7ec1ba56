//! A certificate that a broker shows and the tests trust.

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;

use super::socket::SERVER_NAME;
use crate::support::Launch;

/// A certificate with its key.
pub(crate) struct Certificate {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let parameters = CertificateParams::new([SERVER_NAME.to_owned()]).expect("a name");
        let certificate = parameters.self_signed(&key).expect("a certificate");
        Self { certificate, key }
    }

    /// The certificate, to be trusted.
    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    /// The certificate as a file, to be trusted.
    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// Has the broker's native listener show the certificate.
    pub(crate) fn configure(&self, launch: Launch) -> Launch {
        launch
            .file("native.pem", self.certificate.pem())
            .file("native.key", self.key.serialize_pem())
            .configured("[native.tls]\ncertificate = \"native.pem\"\nkey = \"native.key\"")
    }
}

//! Where an admin listener is, and how a command connects to it.
//!
//! A command has the configuration of its broker. With TLS it trusts the certificate that stands there, and no other: no
//! authority is asked, and the names in the certificate do not matter.

use core::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

use super::AccessKey;
use crate::configuration::Settings;
use crate::tls::{self, TlsError};

/// The admin listener of one broker.
#[derive(Clone, Debug)]
pub struct AdminEndpoint {
    address: SocketAddr,
    /// With TLS.
    tls: Option<Arc<ClientConfig>>,
    /// What requests that are not of [`AdminApi`](super::AdminApi) are signed with.
    key: Option<AccessKey>,
}

impl From<SocketAddr> for AdminEndpoint {
    /// Without TLS.
    fn from(address: SocketAddr) -> Self {
        Self { address: reachable(address), tls: None, key: None }
    }
}

/// A connection.
pub(super) trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

impl AdminEndpoint {
    /// That of a broker that runs with these settings.
    ///
    /// # Errors
    /// [`TlsError`] if it has TLS, and its certificate cannot be read.
    pub fn of(settings: &Settings) -> Result<Self, TlsError> {
        let address = settings.general.admin_listen;
        match settings.admin_tls() {
            None => Ok(address.into()),
            Some(files) => Self::showing(address, &files.certificate),
        }
    }

    /// The same, where requests are signed with this key.
    #[must_use]
    pub fn signing(self, key: Option<AccessKey>) -> Self {
        Self { key, ..self }
    }

    /// What requests are signed with.
    pub(super) const fn key(&self) -> Option<&AccessKey> {
        self.key.as_ref()
    }

    /// One with TLS that shows the certificate of this file.
    ///
    /// # Errors
    /// [`TlsError`] if the file cannot be read.
    pub fn showing(address: SocketAddr, certificate: &Path) -> Result<Self, TlsError> {
        let certificate = tls::certificate_of(certificate)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let pinned = Arc::new(Pinned { certificate, provider: Arc::clone(&provider) });
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has the versions")
            .dangerous()
            .with_custom_certificate_verifier(pinned)
            .with_no_client_auth();
        Ok(Self { address: reachable(address), tls: Some(Arc::new(config)), key: None })
    }

    /// The address to connect to.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connects. Each read and write may then take `patience`.
    pub(super) fn connect(&self, patience: Duration) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect_timeout(&self.address, patience)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        let Some(config) = &self.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::from(self.address.ip());
        let session = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        Ok(Box::new(StreamOwned::new(session, stream)))
    }
}

/// The address to connect to: loopback for a listener on all addresses.
fn reachable(admin: SocketAddr) -> SocketAddr {
    let ip = match admin.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, admin.port())
}

/// Trusts one certificate. That its key is the broker's is proved by the signature of the handshake, as ever.
struct Pinned {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinned").finish_non_exhaustive()
    }
}

/// The listener shows a certificate that is not the one of the configuration.
struct AnotherCertificate;

/// rustls shows the reason in this form.
impl fmt::Debug for AnotherCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for AnotherCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "it shows another certificate than `admin.tls.certificate` holds: was the file replaced without a SIGHUP?",
        )
    }
}

impl std::error::Error for AnotherCertificate {}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *end_entity == self.certificate {
            return Ok(ServerCertVerified::assertion());
        }
        let reason = rustls::OtherError(Arc::new(AnotherCertificate));
        Err(rustls::Error::InvalidCertificate(CertificateError::Other(reason)))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

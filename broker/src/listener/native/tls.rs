//! TLS of the native listener: its certificate, and those that clients must show. TLS 1.3 only, since each client of the
//! protocol knows it; no 0-RTT, which can be replayed.

use core::fmt;
use std::path::Path;
use std::sync::Arc;

use posthouse_wire::EXPORTER_LABEL;
use quinn::crypto::rustls::QuicServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use tokio_rustls::TlsAcceptor;

use crate::configuration::NativeTls;

/// The protocol's name in the handshake.
const ALPN: &[u8] = b"posthouse/1";

/// What TLS and QUIC are served with.
pub struct Tls {
    pub(super) tcp: TlsAcceptor,
    pub(super) quic: Arc<QuicServerConfig>,
}

/// Why a certificate cannot be used.
#[derive(Debug)]
pub struct TlsError(String);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

impl Tls {
    /// Reads the files that the settings name. `None` without a certificate.
    ///
    /// # Errors
    /// [`TlsError`] with the setting, the file and the reason.
    pub fn load(settings: &NativeTls) -> Result<Option<Self>, TlsError> {
        let (Some(certificate), Some(key)) = (settings.certificate.as_deref(), settings.key.as_deref()) else {
            return Ok(None);
        };
        let chain = certificates("native.tls.certificate", certificate)?;
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| failed("native.tls.key", key, &error))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("the provider has TLS 1.3");
        let builder = match settings.client_ca.as_deref() {
            None => builder.with_no_client_auth(),
            Some(authorities) => {
                let refused = |error: &dyn fmt::Display| failed("native.tls.client_ca", authorities, error);
                let mut roots = RootCertStore::empty();
                for authority in certificates("native.tls.client_ca", authorities)? {
                    roots.add(authority).map_err(|error| refused(&error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier.map_err(|error| refused(&error))?)
            }
        };
        let mut config =
            builder.with_single_cert(chain, private).map_err(|error| failed("native.tls.key", key, &error))?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        let config = Arc::new(config);
        let quic = QuicServerConfig::try_from(Arc::clone(&config));
        let quic = quic.map_err(|error| failed("native.tls.certificate", certificate, &error))?;
        Ok(Some(Self { tcp: TlsAcceptor::from(config), quic: Arc::new(quic) }))
    }
}

/// What binds the proofs of the hello to a TLS session (RFC 9266).
pub(super) fn exporter(session: &ServerConnection) -> Option<[u8; 32]> {
    session.export_keying_material([0; 32], EXPORTER_LABEL, Some(&[])).ok()
}

/// The certificates of a PEM file.
fn certificates(setting: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let read = read.map_err(|error| failed(setting, path, &error))?;
    if read.is_empty() { Err(failed(setting, path, &"it holds no certificate")) } else { Ok(read) }
}

fn failed(setting: &str, path: &Path, why: &dyn fmt::Display) -> TlsError {
    TlsError(format!("`{setting}` {}: {why}", path.display()))
}

//! TLS of the listeners: what each shows and asks for, read from its files as one, and replaced as one by a reload.
//!
//! * A handshake uses what is current when it begins. Connections that are open stay as they are.
//! * What cannot be used never becomes current: a key that does not belong to its certificate, a file that is empty,
//!   encrypted or being written.
//! * There is no 0-RTT, which can be replayed.

mod expiry;

use core::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{InconsistentKeys, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::sync::watch;
use x509_cert::der::Decode as _;

use crate::configuration::TlsFiles;
use crate::whole_file;

pub use expiry::{Certificates, days_left, warn_of_expiry};

/// What a listener speaks over TLS.
#[derive(Clone, Copy, Debug)]
pub struct Speaks {
    /// The names of its protocols in the handshake, the preferred one first.
    pub alpn: &'static [&'static [u8]],
    /// The versions of TLS that it takes.
    pub versions: &'static [&'static SupportedProtocolVersion],
}

impl Speaks {
    /// HTTP/2 and HTTP/1.1. TLS 1.2 is for older SDKs.
    pub const HTTP: Self = Self { alpn: &[b"h2", b"http/1.1"], versions: ANY_VERSION };
    /// HTTP/1.1 alone.
    pub const HTTP_1: Self = Self { alpn: &[b"http/1.1"], versions: ANY_VERSION };
    /// The native protocol. Each of its clients knows TLS 1.3.
    pub const NATIVE: Self = Self { alpn: &[b"posthouse/1"], versions: &[&rustls::version::TLS13] };
}

const ANY_VERSION: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

/// Why files cannot be used: the setting, the file and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsError(String);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

/// What a listener shows and asks for, ready for handshakes.
pub struct Credentials {
    config: Arc<ServerConfig>,
    certificate: CertificateDer<'static>,
    expires: SystemTime,
}

impl Credentials {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`] if one of them cannot be used, or if they do not belong together. An expired certificate is no error.
    pub fn read(files: &TlsFiles, speaks: Speaks) -> Result<Self, TlsError> {
        let TlsFiles { section, certificate, key, client_ca } = files;
        let setting = |key: &str| format!("{section}.{key}");
        let failed = |key: &str, path: &Path, why: &dyn fmt::Display| {
            TlsError(format!("`{}` {}: {why}", setting(key), path.display()))
        };
        let chain = certificates(certificate).map_err(|why| failed("certificate", certificate, &why))?;
        let first = chain.first().expect("a chain has a certificate").clone();
        let expires = expiry_of(&first).map_err(|why| failed("certificate", certificate, &why))?;
        let private = private_key(key).map_err(|why| failed("key", key, &why))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(speaks.versions)
            .expect("the provider has the versions");
        let builder = match client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for authority in certificates(path).map_err(|why| failed("client_ca", path, &why))? {
                    roots.add(authority).map_err(|error| failed("client_ca", path, &error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier.map_err(|error| failed("client_ca", path, &error))?)
            }
        };
        let mut config = builder.with_single_cert(chain, private).map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                failed("key", key, &format!("it is not the key of the certificate in {}", certificate.display()))
            }
            error => failed("key", key, &error),
        })?;
        config.alpn_protocols = speaks.alpn.iter().map(|name| name.to_vec()).collect();
        Ok(Self { config: Arc::new(config), certificate: first, expires })
    }

    /// What handshakes are made with.
    #[must_use]
    pub fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// When the certificate expires.
    #[must_use]
    pub const fn expires(&self) -> SystemTime {
        self.expires
    }

    /// Whether both show the same certificate.
    #[must_use]
    pub fn shows_the_same(&self, other: &Self) -> bool {
        self.certificate == other.certificate
    }
}

/// Replaces what a listener uses.
pub struct TlsTable {
    speaks: Speaks,
    current: watch::Sender<Arc<Credentials>>,
}

/// What a listener uses now. Clones follow the same table.
#[derive(Clone)]
pub struct LiveTls(watch::Receiver<Arc<Credentials>>);

impl TlsTable {
    /// A listener that begins with these files.
    ///
    /// # Errors
    /// Those of [`Credentials::read`].
    pub fn begin(files: &TlsFiles, speaks: Speaks) -> Result<Self, TlsError> {
        let (current, _) = watch::channel(Arc::new(Credentials::read(files, speaks)?));
        Ok(Self { speaks, current })
    }

    /// Reads the files again, and changes nothing.
    ///
    /// # Errors
    /// Those of [`Credentials::read`], and one if they hold another certificate that has expired.
    pub fn prepare(&self, files: &TlsFiles) -> Result<Credentials, TlsError> {
        let next = Credentials::read(files, self.speaks)?;
        if next.expires <= SystemTime::now() && !next.shows_the_same(&self.current.borrow()) {
            let TlsFiles { section, certificate, .. } = files;
            return Err(TlsError(format!("`{section}.certificate` {}: it has expired", certificate.display())));
        }
        Ok(next)
    }

    /// Uses other credentials for handshakes that begin from now on. Returns whether the certificate is another one.
    pub fn replace(&self, next: Credentials) -> bool {
        let old = self.current.send_replace(Arc::new(next));
        !old.shows_the_same(&self.current.borrow())
    }

    /// What the listener reads.
    #[must_use]
    pub fn live(&self) -> LiveTls {
        LiveTls(self.current.subscribe())
    }
}

impl LiveTls {
    /// What a handshake that begins now uses.
    #[must_use]
    pub fn now(&self) -> Arc<Credentials> {
        Arc::clone(&self.0.borrow())
    }

    /// Resolves when other credentials are to be used. Never, once the table is dropped.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The certificate that a listener with this file shows: its first one.
///
/// # Errors
/// [`TlsError`] if it cannot be read.
pub fn certificate_of(path: &Path) -> Result<CertificateDer<'static>, TlsError> {
    let chain = certificates(path);
    let chain =
        chain.map_err(|why| TlsError(format!("the certificate of the admin listener, {}: {why}", path.display())))?;
    Ok(chain.into_iter().next().expect("a chain has a certificate"))
}

/// The certificates of a PEM file, one at least.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = whole_file::read(path).map_err(|error| error.to_string())?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let read = read.map_err(|error| error.to_string())?;
    if read.is_empty() { Err("it holds no certificate in PEM form".into()) } else { Ok(read) }
}

/// The private key of a PEM file.
fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let pem = whole_file::read(path).map_err(|error| error.to_string())?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| {
        let text = String::from_utf8_lossy(&pem);
        if text.contains("ENCRYPTED") {
            "the key is encrypted with a passphrase, for which the broker cannot ask: write it without one, in a file that \
             only the broker's user can read"
                .into()
        } else if text.contains("-----BEGIN") {
            format!("it holds no private key: {error}")
        } else {
            "it holds no private key in PEM form".into()
        }
    })
}

fn expiry_of(certificate: &CertificateDer<'_>) -> Result<SystemTime, String> {
    let parsed = x509_cert::Certificate::from_der(certificate).map_err(|error| error.to_string())?;
    Ok(SystemTime::UNIX_EPOCH + parsed.tbs_certificate().validity().not_after.to_unix_duration())
}

#[cfg(test)]
mod tests;

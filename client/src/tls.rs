//! How TLS and QUIC know the broker, and the broker the client.

use std::fmt;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::{Error, ErrorKind, Result};

/// The protocol's name in the TLS handshake of QUIC.
const ALPN: &[u8] = b"posthouse/1";

/// Whom TLS and QUIC connections trust, and what they show the broker. TLS 1.3 is used; there is no way to skip the
/// verification of certificates.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use posthouse_client::{Client, Tls};
///
/// let tls = Tls::new().certificate_authority_pem(std::fs::read("ca.pem")?)?.server_name("queues.internal");
/// let client = Client::builder("posthouse+tls://10.0.0.7").tls(tls).connect().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct Tls {
    authorities: Vec<CertificateDer<'static>>,
    identity: Option<Identity>,
    server_name: Option<String>,
}

/// The certificate that the client shows.
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Tls {
    /// Trusts the certificate authorities of the system, and shows no certificate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the authorities in this PEM file. With the first one, those of the system are no longer trusted.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] if there is no certificate in it.
    pub fn certificate_authority_pem(mut self, pem: impl AsRef<[u8]>) -> Result<Self> {
        self.authorities.extend(certificates(pem.as_ref())?);
        Ok(self)
    }

    /// Shows the broker this certificate: its chain, the client's own first, and its private key, both as PEM.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] if there is no certificate or no private key.
    pub fn client_certificate_pem(mut self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Self> {
        let chain = certificates(chain.as_ref())?;
        let key = PrivateKeyDer::from_pem_slice(key.as_ref()).map_err(|error| {
            Error::with_source(ErrorKind::InvalidArgument, format!("no private key in PEM: {error}"), error)
        })?;
        self.identity = Some(Identity { chain, key });
        Ok(self)
    }

    /// The name in the broker's certificate, where it is not the host of the address.
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// The name to verify for a host.
    pub(crate) fn name_for<'a>(&'a self, host: &'a str) -> &'a str {
        self.server_name.as_deref().unwrap_or(host)
    }

    /// The configuration of rustls.
    pub(crate) fn config(&self) -> Result<rustls::ClientConfig> {
        let invalid = |error: rustls::Error| Error::with_source(ErrorKind::InvalidArgument, error.to_string(), error);
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let builder = rustls::ClientConfig::builder_with_provider(provider.into())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(invalid)?
            .with_root_certificates(self.roots()?);
        let mut config = match &self.identity {
            Some(Identity { chain, key }) => {
                builder.with_client_auth_cert(chain.clone(), key.clone_key()).map_err(invalid)?
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(config)
    }

    fn roots(&self) -> Result<rustls::RootCertStore> {
        let mut roots = rustls::RootCertStore::empty();
        if self.authorities.is_empty() {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
        } else {
            for authority in &self.authorities {
                roots.add(authority.clone()).map_err(|error| {
                    Error::with_source(ErrorKind::InvalidArgument, format!("no certificate authority: {error}"), error)
                })?;
            }
        }
        Ok(roots)
    }
}

/// Without the private key.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("authorities", &self.authorities.len())
            .field("shows_certificate", &self.identity.is_some())
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(Error::new(ErrorKind::InvalidArgument, "no certificate in PEM")),
        Err(error) => {
            Err(Error::with_source(ErrorKind::InvalidArgument, format!("no certificate in PEM: {error}"), error))
        }
    }
}

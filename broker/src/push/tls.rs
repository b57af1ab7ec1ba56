//! The certificate authorities that HTTPS endpoints are verified against: those of the system, and the operator's own.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::StartError;

/// The certificates of a PEM file.
pub(super) fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, StartError> {
    let failed = |why: String| StartError::new(format!("`push.ca_file` {}: {why}", path.display()));
    let pem = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(failed("it holds no certificate".into())),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// What HTTPS endpoints are verified by. A system without authorities is no error: then only the operator's count.
pub(super) fn client(own: &[CertificateDer<'static>]) -> Result<Arc<ClientConfig>, StartError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "some certificate authorities of the system cannot be read");
    }
    roots.add_parsable_certificates(system.certs);
    for certificate in own {
        roots.add(certificate.clone()).map_err(|error| StartError::new(format!("`push.ca_file`: {error}")))?;
    }
    if roots.is_empty() {
        tracing::warn!("no certificate authorities: HTTPS endpoints cannot be delivered to");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider can do the versions that rustls has");
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

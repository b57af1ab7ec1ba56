//! What the native protocol takes from TLS: the binding of its proofs to a session, and the same certificate for QUIC.

use std::sync::Arc;

use posthouse_wire::EXPORTER_LABEL;
use quinn::crypto::rustls::QuicServerConfig;
use rustls::ServerConnection;

use crate::tls::Credentials;

/// What binds the proofs of the hello to a TLS session (RFC 9266).
pub(super) fn exporter(session: &ServerConnection) -> Option<[u8; 32]> {
    session.export_keying_material([0; 32], EXPORTER_LABEL, Some(&[])).ok()
}

/// The credentials of TCP, for QUIC.
pub(super) fn quic(credentials: &Credentials) -> Arc<QuicServerConfig> {
    let config = QuicServerConfig::try_from(Arc::clone(credentials.config()));
    Arc::new(config.expect("TLS 1.3, with the cipher suite that QUIC begins with"))
}

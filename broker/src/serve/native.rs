//! What the listener of the native protocol is set up with, from the configuration and the parts of the broker.

use std::net::SocketAddr;
use std::sync::Arc;

use posthouse_aws::{Calls, PublicUrl};
use posthouse_model::HandleKey;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;

use super::{ServeError, address, bind};
use crate::configuration::{Configuration, Users};
use crate::listener::http::Shared as Http;
use crate::listener::native::{Options, Shared};
use crate::metrics::NativeMetrics;
use crate::push::local_url;

/// The socket of the listener, with its address.
pub(super) struct Socket {
    pub(super) tcp: TcpListener,
    pub(super) address: SocketAddr,
}

/// Binds the socket. `None` if the configuration names no address.
pub(super) async fn socket(configuration: &Configuration) -> Result<Option<Socket>, ServeError> {
    let Some(listen) = configuration.settings.native.listen.get() else { return Ok(None) };
    let tcp = bind("the native protocol (`native.listen`)", listen).await?;
    let address = address("the native protocol", &tcp)?;
    Ok(Some(Socket { tcp, address }))
}

/// What serving takes. `identity` is that of the log, `api` the address of the AWS API, whose bounds `http` has.
pub(super) fn shared(
    configuration: &Configuration,
    identity: [u8; 16],
    http: &Http,
    api: SocketAddr,
    metrics: Arc<NativeMetrics>,
) -> Arc<Shared> {
    let general = &configuration.settings.general;
    let base_url = general.public_url.get().cloned().unwrap_or_else(|| url_of(api));
    Shared::new(Options {
        settings: configuration.settings.native.clone(),
        limits: http.limits.clone(),
        users: Users::new(configuration.users.clone()),
        default_region: general.region.clone(),
        log_identity: shown_identity(identity),
        calls: Calls { base_url, handle_key: HandleKey::new(identity), signer: http.signing.signer() },
        metrics,
        answers: Arc::clone(&http.answers),
        bounds: &http.bounds,
        proxies: general.proxy_from.clone(),
        patience: general.shutdown_seconds_max.seconds(),
    })
}

/// What queue URLs begin with, and the URLs in envelopes: where this machine reaches the AWS API.
fn url_of(api: SocketAddr) -> PublicUrl {
    local_url(api).parse().expect("an address with a port is the host of a URL")
}

/// What clients are told of the log's identity, which is secret because it seals receipt handles.
fn shown_identity(identity: [u8; 16]) -> [u8; 16] {
    let digest: [u8; 32] = Sha256::new().chain_update(b"posthouse native log").chain_update(identity).finalize().into();
    digest.first_chunk().copied().expect("16 of 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_do_not_see_the_identity_that_seals_handles() {
        assert_ne!(shown_identity([7; 16]), [7; 16]);
        assert_ne!(shown_identity([7; 16]), shown_identity([8; 16]));
        assert_eq!(shown_identity([7; 16]), shown_identity([7; 16]));
    }

    #[test]
    fn every_address_is_a_url() {
        for (api, url) in [
            ("127.0.0.1:9324", "http://127.0.0.1:9324"),
            ("[::]:9324", "http://[::1]:9324"),
            ("[2001:db8::1]:80", "http://[2001:db8::1]:80"),
        ] {
            assert_eq!(url_of(api.parse().expect("an address")).as_str(), url);
        }
    }
}

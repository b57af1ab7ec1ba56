//! What the listener of the native protocol is set up with, from the configuration and the parts of the broker.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use posthouse_aws::{Calls, PublicUrl};
use posthouse_model::HandleKey;
use sha2::{Digest as _, Sha256};

use super::{ServeError, address, bind};
use crate::configuration::{Configuration, Settings};
use crate::listener::http::Shared as Http;
use crate::listener::native::{Options, Shared, Sockets};
use crate::listener::stream::Secure;
use crate::live_users::LiveUsers;
use crate::metrics::NativeMetrics;
use crate::push::local_url;

/// The listener before it serves: its sockets and their address.
pub(super) struct Bound {
    pub(super) sockets: Sockets,
    pub(super) address: SocketAddr,
}

impl Bound {
    /// Binds the sockets. `None` if the configuration names no address.
    pub(super) async fn of(configuration: &Configuration) -> Result<Option<Self>, ServeError> {
        let settings = &configuration.settings;
        let Some(listen) = settings.native.listen.get() else { return Ok(None) };
        let tcp = bind(WHAT, listen).await?;
        let address = address(WHAT, &tcp)?;
        let udp = settings.native_tls().is_some().then(|| UdpSocket::bind(address));
        let udp =
            udp.transpose().map_err(|error| ServeError::new(format!("{WHAT} cannot use UDP on {address}"), error))?;
        Ok(Some(Self { sockets: Sockets { tcp, udp }, address }))
    }

    /// The sockets, and what serving takes. `identity` is that of the log, `api` the address of the AWS API, whose bounds
    /// `http` has.
    pub(super) fn shared(
        self,
        configuration: &Configuration,
        identity: [u8; 16],
        http: &Http,
        (api, metrics, users, secure): (SocketAddr, Arc<NativeMetrics>, LiveUsers, Option<Secure>),
    ) -> (Sockets, Arc<Shared>) {
        let general = &configuration.settings.general;
        let base_url = general.public_url.get().cloned().unwrap_or_else(|| url_of(api, &configuration.settings));
        let shared = Shared::new(Options {
            settings: configuration.settings.native.clone(),
            limits: http.limits.clone(),
            users,
            default_region: general.region.clone(),
            log_identity: shown_identity(identity),
            calls: Calls { base_url, handle_key: HandleKey::new(identity), signer: http.signing.signer() },
            metrics,
            audit: Arc::clone(&http.audit),
            answers: Arc::clone(&http.answers),
            bounds: &http.bounds,
            proxies: general.proxy_from.clone(),
            secure,
            patience: general.shutdown_seconds_max.seconds(),
        });
        (self.sockets, shared)
    }
}

/// What errors call the listener.
const WHAT: &str = "the native protocol (`native.listen`)";

/// What queue URLs begin with, and the URLs in envelopes: where this machine reaches the AWS API.
fn url_of(api: SocketAddr, settings: &Settings) -> PublicUrl {
    local_url(api, settings).parse().expect("an address with a port is the host of a URL")
}

/// What CHALLENGE shows of the log's identity, which is secret because it seals receipt handles.
fn shown_identity(identity: [u8; 16]) -> [u8; 16] {
    let digest: [u8; 32] = Sha256::new().chain_update(b"posthouse native log").chain_update(identity).finalize().into();
    digest.first_chunk().copied().expect("16 of 32 bytes")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;

    #[test]
    fn clients_do_not_see_the_identity_that_seals_handles() {
        assert_ne!(shown_identity([7; 16]), [7; 16]);
        assert_ne!(shown_identity([7; 16]), shown_identity([8; 16]));
        assert_eq!(shown_identity([7; 16]), shown_identity([7; 16]));
    }

    #[test]
    fn every_address_is_a_url() {
        let load = |source| Configuration::from_parts(Some(Path::new("a")), source, &BTreeMap::new(), &|_| None);
        let settings = load("").expect("valid").settings;
        let secured = load("[tls]\ncertificate = 'a'\nkey = 'b'").expect("valid").settings;
        let loopback = "127.0.0.1:9324".parse().expect("an address");
        assert_eq!(url_of(loopback, &secured).as_str(), "https://127.0.0.1:9324");
        for (api, url) in [
            ("127.0.0.1:9324", "http://127.0.0.1:9324"),
            ("[::]:9324", "http://[::1]:9324"),
            ("[2001:db8::1]:80", "http://[2001:db8::1]:80"),
        ] {
            assert_eq!(url_of(api.parse().expect("an address"), &settings).as_str(), url);
        }
    }
}

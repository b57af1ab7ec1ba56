//! Options of a client.

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "tls")]
use crate::address::Transport;
use crate::address::parse_url;
use crate::calls::Calls;
use crate::client::Client;
use crate::connection::{Dialer, Plan, Registry, Supervisor};
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Result};
use crate::handle::Handle;

/// The time for one attempt to connect to one address: a few round trips over any network, and a TLS handshake on a
/// busy machine.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Makes a [`Client`]: see [`Client::builder`].
///
/// ```no_run
/// # async fn example() -> posthouse_client::Result<()> {
/// use std::time::Duration;
/// use posthouse_client::Client;
///
/// let client = Client::builder("posthouse://a.example,b.example,c.example")
///     .credentials("AKIAORDERS", "the secret of this key")
///     .give_up_after(Duration::from_secs(600))
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `connect`"]
pub struct ClientBuilder {
    url: String,
    credentials: Option<Credentials>,
    region: String,
    connect_timeout: Duration,
    give_up_after: Option<Duration>,
    #[cfg(feature = "tls")]
    tls: Option<crate::tls::Tls>,
}

impl ClientBuilder {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            credentials: None,
            region: String::new(),
            connect_timeout: CONNECT_TIMEOUT,
            give_up_after: None,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// The access key and the secret of a user of the broker. The secret never crosses the wire: both sides prove that
    /// they know it.
    ///
    /// A broker without users, which listens on its own machine only, takes any. On another machine, and without TLS,
    /// a broker that does not prove that it knows the secret is refused.
    pub fn credentials(mut self, access_key_id: impl AsRef<str>, secret: impl AsRef<str>) -> Self {
        self.credentials = Some(Credentials::new(access_key_id.as_ref(), secret.as_ref()));
        self
    }

    /// The region whose queues and topics are meant. Without it, the broker's own.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }

    /// The time for one attempt to connect to one address. The default is 5 seconds.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The client ends after so long without a connection: everything that waits for it fails then, and so does what is
    /// tried later. Without it, the client tries for ever.
    pub fn give_up_after(mut self, limit: Duration) -> Self {
        self.give_up_after = Some(limit);
        self
    }

    /// Whom to trust, and what to show. It makes TLS out of `posthouse://`. Without it, `posthouse+tls://` and
    /// `posthouse+quic://` trust the authorities of the system.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: crate::tls::Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Connects: tries each address once, in order.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] for a wrong URL or option, [`ErrorKind::NotAuthenticated`] for wrong credentials,
    /// [`ErrorKind::Unreachable`] if no address answers.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with I/O and time enabled.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn connect(self) -> Result<Client> {
        let (transport, addresses) = parse_url(&self.url)?;
        #[cfg(feature = "tls")]
        let transport = match (transport, &self.tls) {
            (Transport::Tcp, Some(_)) => Transport::Tls,
            (transport, _) => transport,
        };
        if self.connect_timeout.is_zero() {
            return Err(Error::new(ErrorKind::InvalidArgument, "no attempt to connect succeeds in no time"));
        }
        let dialer = Dialer::new(
            transport,
            self.credentials,
            self.region,
            #[cfg(feature = "tls")]
            self.tls.unwrap_or_default(),
        )?;
        let plan = Plan { dialer, addresses, connect_timeout: self.connect_timeout, give_up_after: self.give_up_after };
        let registry = Arc::new(Registry::default());
        let calls = Calls::new(registry.change());
        registry.add(calls.clone())?;
        let supervisor = Supervisor::connect(plan, Arc::clone(&registry)).await?;
        let task = tokio::spawn(supervisor.run());
        Ok(Client {
            handle: Arc::new(Handle::new(registry, calls)),
            task: Arc::new(tokio::sync::Mutex::new(Some(task))),
        })
    }
}

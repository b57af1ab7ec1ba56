//! Connections to the e-mail server.
//!
//! A connection belongs to one mail at a time, and is kept for the next only once the server has taken it. A mail that
//! is dropped at its deadline takes its connection along: what the server still says on it would otherwise answer the
//! next mail. The library's own pool does not promise that.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lettre::message::Message;
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Tls};
use lettre::transport::smtp::extension::ClientId;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::resolver::Resolver;

/// How the e-mail server is connected to.
pub(super) struct ServerOptions {
    pub(super) resolver: Resolver,
    pub(super) tls: Tls,
    pub(super) credentials: Option<Credentials>,
    /// Mails at once.
    pub(super) connections_max: usize,
    /// How long all the server's addresses together may take to be connected to.
    pub(super) timeout: Duration,
    /// How long a connection is kept without use.
    pub(super) idle_max: Duration,
}

/// The e-mail server.
pub(super) struct Server {
    options: ServerOptions,
    room: Semaphore,
    idle: Mutex<Vec<Idle>>,
}

/// A connection that waits for its next mail.
struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
}

/// Why a mail was not sent.
#[derive(Debug)]
pub(super) enum SmtpError {
    /// The server has no address.
    Resolve(std::io::Error),
    /// The server refused it, or there was no talking to it.
    Exchange(smtp::Error),
}

impl fmt::Display for SmtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve(error) => write!(f, "its name cannot be resolved: {error}"),
            Self::Exchange(error) => error.fmt(f),
        }
    }
}

impl Server {
    pub(super) const fn new(options: ServerOptions) -> Self {
        let room = Semaphore::const_new(options.connections_max);
        Self { options, room, idle: Mutex::new(Vec::new()) }
    }

    /// Sends one mail. It may be dropped at any time.
    pub(super) async fn send(&self, mail: &Message) -> Result<(), SmtpError> {
        let _room = self.room.acquire().await.expect("it is never closed");
        let mut connection = match self.kept().await {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        connection.send(mail.envelope(), &mail.formatted()).await.map_err(SmtpError::Exchange)?;
        self.lock().push(Idle { connection, since: Instant::now() });
        Ok(())
    }

    /// Closes connections that have not been used for long. Says when to ask again, where there are any.
    pub(super) fn expire(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut idle = self.lock();
        idle.retain(|kept| now < kept.since + self.options.idle_max);
        // The one at the bottom of the stack has waited the longest.
        idle.first().map(|kept| kept.since + self.options.idle_max)
    }

    /// A kept connection that the server still answers on.
    async fn kept(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let mut kept = self.lock().pop()?;
            if kept.connection.test_connected().await {
                return Some(kept.connection);
            }
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        let addresses = self.options.resolver.resolve().await.map_err(SmtpError::Resolve)?;
        // An address that does not answer leaves time for the others.
        let others = u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
        let patience = Some(self.options.timeout / others);
        self.introduce(&addresses, patience).await.map_err(SmtpError::Exchange)
    }

    async fn introduce(
        &self,
        addresses: &[std::net::SocketAddr],
        patience: Option<Duration>,
    ) -> Result<AsyncSmtpConnection, smtp::Error> {
        let name = ClientId::default();
        let from_the_start = if let Tls::Wrapper(tls) = &self.options.tls { Some(tls.clone()) } else { None };
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(addresses, patience, &name, from_the_start, None).await?;
        if let Tls::Required(tls) = &self.options.tls {
            connection.starttls(tls.clone(), &name).await?;
        }
        if let Some(credentials) = &self.options.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

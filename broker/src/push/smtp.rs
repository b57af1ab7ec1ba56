//! Connections to the e-mail server.
//!
//! A connection carries one e-mail at a time, and is kept for the next only after the server has accepted it. If
//! sending is dropped at its deadline, the connection is closed with it: a late reply of the server would otherwise be
//! taken for the reply to the next e-mail. The library's own pool does not guarantee that.

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
use super::sockets::{Place, Sockets};

/// How the e-mail server is connected to.
pub(super) struct ServerOptions {
    pub(super) resolver: Resolver,
    pub(super) tls: Tls,
    pub(super) credentials: Option<Credentials>,
    /// E-mails at once.
    pub(super) connections_max: usize,
    /// How long connecting may take, over all addresses of the server.
    pub(super) timeout: Duration,
    /// How long a connection is kept without use.
    pub(super) idle_max: Duration,
    /// The bound on connections of push delivery.
    pub(super) sockets: Sockets,
}

/// The e-mail server.
pub(super) struct Server {
    options: ServerOptions,
    room: Semaphore,
    idle: Mutex<Vec<Idle>>,
}

/// A connection that waits for its next e-mail.
struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
    _place: Place,
}

/// Why an e-mail was not sent.
#[derive(Debug)]
pub(super) enum SmtpError {
    /// The server has no address.
    Resolve(std::io::Error),
    /// The system has no file for a connection. The server was not asked.
    NoFile,
    /// The server refused it, or the connection failed.
    Exchange(smtp::Error),
}

impl fmt::Display for SmtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve(error) => write!(f, "its name cannot be resolved: {error}"),
            Self::NoFile => f.write_str("there is no file for a connection"),
            Self::Exchange(error) => error.fmt(f),
        }
    }
}

impl Server {
    pub(super) const fn new(options: ServerOptions) -> Self {
        let room = Semaphore::const_new(options.connections_max);
        Self { options, room, idle: Mutex::new(Vec::new()) }
    }

    /// Sends one e-mail. The future may be dropped at any time; whether the server took the e-mail is then unknown.
    ///
    /// # Errors
    /// [`SmtpError`] if the server did not accept it.
    pub(super) async fn send(&self, mail: &Message) -> Result<(), SmtpError> {
        let _room = self.room.acquire().await.expect("it is never closed");
        let mut connection = match self.kept().await {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        connection.send(mail.envelope(), &mail.formatted()).await.map_err(SmtpError::Exchange)?;
        if let Some(place) = self.options.sockets.keep() {
            self.lock().push(Idle { connection, since: Instant::now(), _place: place });
        }
        Ok(())
    }

    /// Closes connections that were idle for `idle_max`. Returns when the next one may be due; `None` without any.
    pub(super) fn expire(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut idle = self.lock();
        idle.retain(|kept| now < kept.since + self.options.idle_max);
        // The connection at the bottom of the stack has been idle for longest.
        idle.first().map(|kept| kept.since + self.options.idle_max)
    }

    /// A kept connection that the server still answers on; `None` without one.
    async fn kept(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let mut kept = self.lock().pop()?;
            if kept.connection.test_connected().await {
                return Some(kept.connection);
            }
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        let sockets = &self.options.sockets;
        let addresses = self.options.resolver.resolve().await;
        let addresses = addresses.map_err(|error| match sockets.lacks_files(&error) {
            true => SmtpError::NoFile,
            false => SmtpError::Resolve(error),
        })?;
        // Each address gets an equal share of the time.
        let others = u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
        let patience = Some(self.options.timeout / others);
        let connection = self.introduce(&addresses, patience).await.map_err(|error| {
            let lacks_files = of_the_system(&error).is_some_and(|error| sockets.lacks_files(error));
            if lacks_files { SmtpError::NoFile } else { SmtpError::Exchange(error) }
        })?;
        sockets.connected();
        Ok(connection)
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

/// The error of the system within an error of the library.
fn of_the_system(error: &smtp::Error) -> Option<&std::io::Error> {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref() {
            return Some(error);
        }
        source = error.source();
    }
    None
}

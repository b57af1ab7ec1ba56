//! An HTTP/1.1 client for one endpoint: a few connections that are kept, and nothing else.
//!
//! Each request is small and all go to one endpoint, so the client is a stack of idle connections. A connection serves
//! one request at a time, and returns to the stack once its response has been read to the end. Deadlines are the
//! caller's: dropping a request closes its connection.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderValue, InvalidHeaderValue};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::network::NetworkRules;
use super::resolver::{Lookups, Resolver};
use super::sockets::{Place, Sockets};
use super::url::{Url, base64_credentials};

/// Bytes of an answer's status line and headers.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// What all clients share.
#[derive(Clone)]
pub(super) struct ClientOptions {
    /// The certificate authorities that HTTPS endpoints are verified against.
    pub(super) tls: Arc<ClientConfig>,
    /// How long a connection is kept without use.
    pub(super) idle_max: Duration,
    /// Bytes that are read of an answer's body.
    pub(super) response_bytes_max: u64,
    /// The bound on lookups of names.
    pub(super) lookups: Lookups,
    /// The bound on connections.
    pub(super) sockets: Sockets,
}

/// A client for one endpoint.
pub(super) struct Client {
    options: ClientOptions,
    /// `None` if the operator chose the endpoint: then every address is permitted.
    rules: Option<Arc<NetworkRules>>,
    url: Url,
    resolver: Resolver,
    host: HeaderValue,
    authorization: Option<HeaderValue>,
    idle: Mutex<Vec<Idle>>,
}

/// A connection that waits for its next request.
struct Idle {
    connection: Connection,
    since: Instant,
    _place: Place,
}

/// A connection: the sender of its requests, and the task that moves its bytes. The task is aborted with it: otherwise
/// it would go on writing to an endpoint that does not read, until that endpoint closes the connection.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    task: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why there was no response.
#[derive(Debug)]
pub(super) enum HttpError {
    /// The name has no address.
    Resolve(std::io::Error),
    /// None of the name's addresses may be connected to; the first of them.
    Refused(IpAddr),
    /// No connection could be made.
    Connect(std::io::Error),
    /// The system has no file for a connection. The endpoint was not asked.
    NoFile(std::io::Error),
    /// The connection broke.
    Exchange(hyper::Error),
}

impl std::fmt::Display for HttpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Resolve(error) => write!(f, "the host cannot be resolved: {error}"),
            Self::Refused(address) => write!(f, "the network rules refuse {address}"),
            Self::Connect(error) => write!(f, "no connection: {error}"),
            Self::NoFile(error) => write!(f, "no file for a connection: {error}"),
            Self::Exchange(error) => write!(f, "no answer: {error}"),
        }
    }
}

impl Client {
    /// A client for the endpoint at `url`; nothing is connected yet.
    pub(super) fn new(
        url: Url,
        rules: Option<Arc<NetworkRules>>,
        options: ClientOptions,
    ) -> Result<Self, InvalidHeaderValue> {
        let host = HeaderValue::try_from(url.authority())?;
        let authorization = url.credentials().map(|credentials| {
            let mut value = HeaderValue::try_from(base64_credentials(credentials))?;
            value.set_sensitive(true);
            Ok::<_, InvalidHeaderValue>(value)
        });
        let resolver = options.lookups.resolver(url.host(), url.port());
        let authorization = authorization.transpose()?;
        Ok(Self { options, rules, host, authorization, url, resolver, idle: Mutex::default() })
    }

    /// Posts the request that `make` returns, and returns the status of the response. If a kept connection turns out to
    /// be closed, the request is made and posted again on a new one. The body of the response is read and dropped, so
    /// that the connection can be used again.
    ///
    /// # Errors
    /// [`HttpError`] if there was no response.
    pub(super) async fn post(
        &self,
        make: impl Fn() -> http::Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<u16, HttpError> {
        self.exchange(make, deadline, None).await
    }

    /// As [`Client::post`], and returns the body of the response. The body is empty if it is too long or breaks off.
    ///
    /// # Errors
    /// [`HttpError`] if there was no response.
    pub(super) async fn post_and_read(
        &self,
        make: impl Fn() -> http::Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<(u16, Vec<u8>), HttpError> {
        let mut body = Vec::new();
        let status = self.exchange(make, deadline, Some(&mut body)).await?;
        Ok((status, body))
    }

    async fn exchange(
        &self,
        make: impl Fn() -> http::Request<Full<Bytes>>,
        deadline: Instant,
        body: Option<&mut Vec<u8>>,
    ) -> Result<u16, HttpError> {
        let complete = || {
            let mut request = make();
            *request.method_mut() = http::Method::POST;
            *request.uri_mut() = self.url.target().clone();
            request.headers_mut().insert(http::header::HOST, self.host.clone());
            if let Some(authorization) = &self.authorization {
                request.headers_mut().insert(http::header::AUTHORIZATION, authorization.clone());
            }
            request
        };
        if let Some(mut kept) = self.kept().await {
            match kept.sender.send_request(complete()).await {
                Ok(response) => return Ok(self.finish(kept, response, deadline, body).await),
                // The endpoint closed the connection while it was idle, and did not see this request.
                Err(error) if error.is_canceled() || error.is_closed() || error.is_incomplete_message() => {}
                Err(error) if is_reset(&error) => {}
                Err(error) => return Err(HttpError::Exchange(error)),
            }
        }
        let mut connection = self.connect(deadline).await?;
        let response = connection.sender.send_request(complete()).await.map_err(HttpError::Exchange)?;
        Ok(self.finish(connection, response, deadline, body).await)
    }

    /// Closes connections that were idle for `idle_max`. Returns when the next one may be due; `None` without any.
    pub(super) fn expire(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut idle = self.lock();
        idle.retain(|kept| now < kept.since + self.options.idle_max);
        // The connection at the bottom of the stack has been idle for longest.
        idle.first().map(|kept| kept.since + self.options.idle_max)
    }

    /// A kept connection that is still open.
    async fn kept(&self) -> Option<Connection> {
        loop {
            let mut kept = self.lock().pop()?.connection;
            if !kept.sender.is_closed() && kept.sender.ready().await.is_ok() {
                return Some(kept);
            }
        }
    }

    /// Reads the body of a response, and keeps the connection if the body ended within `response_bytes_max` and the
    /// deadline. Returns the status in either case. `kept` gets the whole body or nothing.
    async fn finish(
        &self,
        connection: Connection,
        response: http::Response<Incoming>,
        deadline: Instant,
        mut kept: Option<&mut Vec<u8>>,
    ) -> u16 {
        let status = response.status().as_u16();
        let mut body = response.into_body();
        let mut left = self.options.response_bytes_max;
        let read = async {
            while let Some(frame) = body.frame().await {
                let Ok(frame) = frame else { return false };
                let Some(data) = frame.data_ref() else { continue };
                match left.checked_sub(data.len() as u64) {
                    Some(rest) => left = rest,
                    None => return false,
                }
                if let Some(kept) = kept.as_deref_mut() {
                    kept.extend_from_slice(data);
                }
            }
            true
        };
        let is_whole = tokio::time::timeout_at(deadline, read).await == Ok(true);
        if is_whole
            && !connection.sender.is_closed()
            && let Some(place) = self.options.sockets.keep()
        {
            self.lock().push(Idle { connection, since: Instant::now(), _place: place });
        }
        if let Some(kept) = kept.filter(|_| !is_whole) {
            kept.clear();
        }
        status
    }

    /// Connects to the first address that the rules permit and that accepts.
    ///
    /// # Errors
    /// [`HttpError::NoFile`] if the system has no file; otherwise the last failure; [`HttpError::Refused`] if no address was tried because the rules refuse all of them.
    async fn connect(&self, deadline: Instant) -> Result<Connection, HttpError> {
        let mut refused = None;
        let mut failed = None;
        let addresses = self.resolver.resolve().await.map_err(|error| self.failed(error, HttpError::Resolve))?;
        for (index, address) in addresses.iter().copied().enumerate() {
            if self.rules.as_ref().is_some_and(|rules| !rules.permit(self.url.host(), address.ip())) {
                refused.get_or_insert(address.ip());
                continue;
            }
            // Each address gets an equal share of the time that is left.
            let others = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
            let patience = deadline.saturating_duration_since(Instant::now()) / others;
            match tokio::time::timeout(patience, self.connect_to(address)).await {
                Ok(Ok(connection)) => {
                    self.options.sockets.connected();
                    return Ok(connection);
                }
                Ok(Err(error @ HttpError::NoFile(_))) => return Err(error),
                Ok(Err(error)) => failed = Some(error),
                Err(_) => failed = Some(HttpError::Connect(std::io::ErrorKind::TimedOut.into())),
            }
        }
        match (failed, refused) {
            (Some(error), _) => Err(error),
            (None, Some(address)) => Err(HttpError::Refused(address)),
            (None, None) => Err(HttpError::Resolve(std::io::Error::other("it has no address"))),
        }
    }

    async fn connect_to(&self, address: SocketAddr) -> Result<Connection, HttpError> {
        let connected = TcpStream::connect(address).await;
        let stream = connected.map_err(|error| self.failed(error, HttpError::Connect))?;
        stream.set_nodelay(true).map_err(HttpError::Connect)?;
        if !self.url.is_secure() {
            return shake_hands(stream).await;
        }
        let name = ServerName::try_from(self.url.host().to_owned());
        let name = name.map_err(|error| HttpError::Connect(std::io::Error::other(error)))?;
        let connector = TlsConnector::from(Arc::clone(&self.options.tls));
        shake_hands(connector.connect(name, stream).await.map_err(HttpError::Connect)?).await
    }

    /// An error of the system: [`HttpError::NoFile`], or what `otherwise` makes of it.
    fn failed(&self, error: std::io::Error, otherwise: fn(std::io::Error) -> HttpError) -> HttpError {
        if self.options.sockets.lacks_files(&error) { HttpError::NoFile(error) } else { otherwise(error) }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn shake_hands<S>(stream: S) -> Result<Connection, HttpError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES_MAX);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(HttpError::Exchange)?;
    // An error of the connection is reported by the request that is under way.
    let task = tokio::spawn(async move { drop(connection.await) }).abort_handle();
    Ok(Connection { sender, task })
}

/// Whether the endpoint had closed the connection before it saw the request.
fn is_reset(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    source.is_some_and(|error| {
        matches!(error.kind(), std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe)
    })
}

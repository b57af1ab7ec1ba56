//! The stream of a connection over TCP, with or without TLS, and the handshake that leads to one with.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use posthouse_model::Transport;
use rustls::ServerConnection;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::handshakes::Handshakes;
use crate::tls::{Credentials, LiveTls};

/// What a listener needs for TLS.
#[derive(Clone)]
pub struct Secure {
    /// What it shows and asks for.
    pub tls: LiveTls,
    /// The handshakes of all listeners.
    pub handshakes: Arc<Handshakes>,
}

/// The stream of one connection.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Why there is no stream.
#[derive(Debug)]
pub(super) enum NoTls {
    /// The client sent something else than a handshake.
    NotTls(TcpStream),
    /// The handshake failed: the reason says at what.
    Failed(io::Error),
    /// It did not end in time.
    Late,
    /// It made room for another.
    Replaced,
}

impl NoTls {
    /// Ends a connection of HTTP.
    pub(super) async fn end_http(self, peer: SocketAddr) {
        self.log(peer);
        if let Self::NotTls(stream) = self {
            ask_for_tls(stream).await;
        }
    }

    /// Writes to the log why there is no stream.
    pub(super) fn log(&self, peer: SocketAddr) {
        match self {
            Self::NotTls(_) => tracing::debug!(%peer, "a connection is closed: its client does not use TLS"),
            Self::Failed(error) => tracing::debug!(%peer, %error, "a connection is closed: no TLS"),
            Self::Late => tracing::debug!(%peer, "a connection is closed: its TLS handshake does not end"),
            Self::Replaced => tracing::debug!(%peer, "a TLS handshake makes room for another"),
        }
    }
}

/// The first byte of a handshake: the type of its record. No method of HTTP begins so, nor does a frame of the native protocol.
const HANDSHAKE: u8 = 22;

impl Secure {
    /// Greets the client of a connection, until `deadline` at most.
    ///
    /// # Errors
    /// [`NoTls`]
    pub(super) async fn accept(&self, stream: TcpStream, deadline: Instant) -> Result<Stream, NoTls> {
        let handshake = self.handshakes.begin();
        let accepting = async {
            let mut first = [0];
            match stream.peek(&mut first).await {
                Ok(1) if first[0] != HANDSHAKE => return Err(NoTls::NotTls(stream)),
                Ok(_) => {}
                Err(error) => return Err(NoTls::Failed(error)),
            }
            let credentials: Arc<Credentials> = self.tls.now();
            let accepted = TlsAcceptor::from(Arc::clone(credentials.config())).accept(stream).await;
            accepted.map(|stream| Stream::Tls(Box::new(stream))).map_err(NoTls::Failed)
        };
        tokio::select! {
            accepted = timeout_at(deadline, accepting) => accepted.unwrap_or(Err(NoTls::Late)),
            () = handshake.makes_room() => Err(NoTls::Replaced),
        }
    }
}

/// What a client of HTTP is told that sends a request without TLS.
const TLS_EXPECTED: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\ncontent-length: 47\r\n\r\n\
This port speaks TLS: use https:// in the URL.\n";

/// How long a client may take to read [`TLS_EXPECTED`], and bytes that are read of what it goes on sending.
const LAST_WORDS: Duration = Duration::from_secs(1);
const IGNORED_BYTES_MAX: u64 = 64 * 1024;

/// Tells a client of HTTP that it must use TLS. What it sends is read for a moment: a socket that is closed with unread bytes
/// takes back what was written to it.
async fn ask_for_tls(mut stream: TcpStream) {
    let telling = async {
        stream.write_all(TLS_EXPECTED).await?;
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(IGNORED_BYTES_MAX), &mut tokio::io::sink()).await
    };
    // A client that reads nothing is told nothing.
    let _ = tokio::time::timeout(LAST_WORDS, telling).await;
}

impl Stream {
    /// How the connection is protected.
    pub(super) const fn transport(&self) -> Transport {
        match self {
            Self::Plain(_) => Transport::Plain,
            Self::Tls(_) => Transport::Tls,
        }
    }

    /// The session of TLS.
    pub(super) fn session(&self) -> Option<&ServerConnection> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(stream) => Some(stream.get_ref().1),
        }
    }

    /// The socket. What is written to it passes by TLS.
    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => match Pin::new(stream).poll_read(cx, buffer) {
                // A client that closes its socket without the end of TLS has ended its sending as one of plain TCP has. No
                // request can be cut off by that: each has its length.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
                polled => polled,
            },
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

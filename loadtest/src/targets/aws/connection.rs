//! One HTTP/1.1 connection with one request under way: hyper's client without a pool or a task. The task that awaits
//! the response polls the connection's future, so that no response is passed between tasks.
//!
//! Every part of a response has a limit: hyper limits the head (about 400 KiB) and the headers (100), this file the
//! body.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::{Request, Response, Version};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::signer::Head;
use crate::target::Failure;
use crate::targets::CONNECT_MAX;

/// The largest body of a response: ten messages of 100 KiB, or one of 1 MiB, in any escaping.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A connection to one server.
pub(super) struct Connection {
    server: SocketAddr,
    sender: SendRequest<Full<Bytes>>,
    driver: Driver,
    /// The buffer of request bodies. hyper holds a reference until they are sent.
    outgoing: BytesMut,
    /// The server announced with its last response that it closes this connection.
    is_over: bool,
}

/// A response.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The status code.
    pub(super) status: u16,
    /// The body.
    pub(super) body: Bytes,
}

/// The future of hyper's client that reads and writes; `None` once it has ended, because it must not be polled again.
struct Driver(Option<http1::Connection<TokioIo<TcpStream>, Full<Bytes>>>);

impl Connection {
    /// Connects, and turns Nagle's algorithm off.
    pub(super) async fn open(host: &str, port: u16) -> Result<Self, Failure> {
        let stream = within(TcpStream::connect((host, port)), || format!("{host}:{port}")).await?;
        let server = stream.peer_addr().map_err(|error| Failure::Disconnected(error.to_string()))?;
        let (sender, driver) = begin(stream).await?;
        Ok(Self { server, sender, driver, outgoing: BytesMut::new(), is_over: false })
    }

    /// Sends a request, and reads the response.
    pub(super) async fn exchange(&mut self, head: &Head, body: &[u8]) -> Result<Answer, Failure> {
        if self.is_over {
            let stream = within(TcpStream::connect(self.server), || self.server.to_string()).await?;
            (self.sender, self.driver) = begin(stream).await?;
            self.is_over = false;
        }
        self.outgoing.extend_from_slice(body);
        let request = head.request(Full::new(self.outgoing.split().freeze()));
        let (answer, is_over) = self.driver.drive(ask(&mut self.sender, request)).await?;
        self.is_over = is_over;
        Ok(answer)
    }
}

impl Driver {
    /// Awaits `call` and drives the connection meanwhile.
    async fn drive<T>(&mut self, call: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let mut call = pin!(call);
        std::future::poll_fn(|context| {
            if let Poll::Ready(result) = call.as_mut().poll(context) {
                return Poll::Ready(result);
            }
            let is_open = self.poll(context);
            match call.as_mut().poll(context) {
                Poll::Pending if !is_open => Poll::Ready(Err(Failure::Disconnected("closed by the server".to_owned()))),
                poll => poll,
            }
        })
        .await
    }

    /// Polls the connection. Returns whether it is still open. If not, the call under way returns the error.
    fn poll(&mut self, context: &mut Context<'_>) -> bool {
        if let Some(driver) = &mut self.0
            && Pin::new(driver).poll(context).is_ready()
        {
            self.0 = None;
        }
        self.0.is_some()
    }
}

async fn begin(stream: TcpStream) -> Result<(SendRequest<Full<Bytes>>, Driver), Failure> {
    let (sender, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| failure(&error))?;
    Ok((sender, Driver(Some(driver))))
}

/// Sends the request. Returns the response, and whether the server closes the connection after it.
async fn ask(sender: &mut SendRequest<Full<Bytes>>, request: Request<Full<Bytes>>) -> Result<(Answer, bool), Failure> {
    sender.ready().await.map_err(|error| failure(&error))?;
    let response = sender.send_request(request).await.map_err(|error| failure(&error))?;
    let is_over = announces_end(&response);
    let status = response.status().as_u16();
    let body = response.into_body();
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return Err(too_large());
    }
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(|error| failure(&*error))?;
    Ok((Answer { status, body: body.to_bytes() }, is_over))
}

/// Whether the server closes the connection after this response (RFC 9112, sections 6.3 and 9.3).
fn announces_end(response: &Response<Incoming>) -> bool {
    let headers = response.headers();
    let mut is_over = response.version() == Version::HTTP_10;
    for value in headers.get_all(CONNECTION) {
        for option in value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            is_over |= option.eq_ignore_ascii_case(b"close");
            is_over &= !option.eq_ignore_ascii_case(b"keep-alive");
        }
    }
    is_over || !(headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING))
}

async fn within(
    connecting: impl Future<Output = io::Result<TcpStream>>,
    server: impl Fn() -> String,
) -> Result<TcpStream, Failure> {
    let unreachable = |why: &str| Failure::Unreachable(format!("{}: {why}", server()));
    let stream = tokio::time::timeout(CONNECT_MAX, connecting).await.map_err(|_| unreachable("no answer"))?;
    let stream = stream.map_err(|error| unreachable(&error.to_string()))?;
    stream.set_nodelay(true).map_err(|error| Failure::Disconnected(error.to_string()))?;
    Ok(stream)
}

/// The failure of an error of hyper or of the limit of the body.
fn failure(error: &(dyn Error + 'static)) -> Failure {
    if error.is::<LengthLimitError>() {
        return too_large();
    }
    let is_parse = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse);
    let io = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    // hyper reports malformed chunks as I/O errors of these kinds.
    let is_invalid = io.is_some_and(|io| matches!(io.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput));
    let text = error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
    if is_parse || is_invalid { Failure::Malformed(text) } else { Failure::Disconnected(text) }
}

fn too_large() -> Failure {
    Failure::Malformed(format!("an answer of more than {BODY_BYTES_MAX} bytes"))
}

#[cfg(test)]
mod tests;

//! One HTTP/1.1 connection with one request under way. It writes a request with one call and reads the response itself,
//! because the load test shares the machine with what it measures: hyper's client takes 19,000 instructions more for a
//! call, which is a third of the CPU time of a call.
//!
//! Every part of a response has a limit (`response`).

use std::io;
use std::net::SocketAddr;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::signer::Head;
use crate::target::Failure;
use crate::targets::CONNECT_MAX;
use response::{Chunk, End, ResponseHead};

mod response;

/// The largest body of a response: ten messages of 100 KiB, or one of 1 MiB, in any escaping.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The room for a read.
const READ_BYTES: usize = 8 * 1024;

/// A connection to one server.
pub(super) struct Connection {
    server: SocketAddr,
    stream: TcpStream,
    /// The request that is written.
    outgoing: Vec<u8>,
    /// What was read and is not part of a response that was returned.
    incoming: BytesMut,
    /// The connection cannot be used again: the server has announced with its last response that it closes it, or an
    /// exchange was given up.
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

impl Connection {
    /// Connects, and turns Nagle's algorithm off.
    pub(super) async fn open(host: &str, port: u16) -> Result<Self, Failure> {
        let stream = within(TcpStream::connect((host, port)), || format!("{host}:{port}")).await?;
        let server = stream.peer_addr().map_err(|error| disconnected(&error))?;
        Ok(Self { server, stream, outgoing: Vec::new(), incoming: BytesMut::new(), is_over: false })
    }

    /// Sends a request, and reads the response.
    pub(super) async fn exchange(&mut self, head: &Head, body: &[u8]) -> Result<Answer, Failure> {
        if self.is_over {
            self.stream = within(TcpStream::connect(self.server), || self.server.to_string()).await?;
            self.incoming.clear();
        }
        // Until the whole response is there: a caller may drop this future.
        self.is_over = true;
        self.outgoing.clear();
        head.write(&mut self.outgoing, body);
        self.stream.write_all(&self.outgoing).await.map_err(|error| disconnected(&error))?;
        let head = self.head().await?;
        let body = match head.end {
            End::Length(length) => self.exactly(length).await?,
            End::Chunks => self.chunks().await?,
            End::Close => self.rest().await?,
        };
        self.is_over = head.is_last;
        Ok(Answer { status: head.status, body })
    }

    /// The head of the response. Interim responses before it are skipped.
    async fn head(&mut self) -> Result<ResponseHead, Failure> {
        loop {
            while let Some((head, bytes)) = ResponseHead::parse(&self.incoming)? {
                self.incoming.advance(bytes);
                if !head.is_interim() {
                    return Ok(head);
                }
            }
            self.read().await?;
        }
    }

    /// The next so many bytes.
    async fn exactly(&mut self, length: u64) -> Result<Bytes, Failure> {
        let length = within_body(length)?;
        self.incoming.reserve(length.saturating_sub(self.incoming.len()));
        while self.incoming.len() < length {
            self.read().await?;
        }
        Ok(self.incoming.split_to(length).freeze())
    }

    /// The body in chunks that comes next, with its end.
    async fn chunks(&mut self) -> Result<Bytes, Failure> {
        let mut body = BytesMut::new();
        loop {
            let Some((chunk, bytes)) = Chunk::parse(&self.incoming)? else {
                self.read().await?;
                continue;
            };
            self.incoming.advance(bytes);
            match chunk {
                Chunk::Last => return Ok(body.freeze()),
                Chunk::Data(length) => {
                    within_body(length.saturating_add(body.len() as u64))?;
                    body.extend_from_slice(&self.exactly(length).await?);
                    while self.incoming.len() < 2 {
                        self.read().await?;
                    }
                    if self.incoming.split_to(2) != b"\r\n"[..] {
                        return Err(Failure::Malformed("a chunk does not end where its size says".to_owned()));
                    }
                }
            }
        }
    }

    /// Everything that comes until the server closes the connection.
    async fn rest(&mut self) -> Result<Bytes, Failure> {
        loop {
            within_body(self.incoming.len() as u64)?;
            self.incoming.reserve(READ_BYTES);
            if self.stream.read_buf(&mut self.incoming).await.map_err(|error| disconnected(&error))? == 0 {
                return Ok(self.incoming.split().freeze());
            }
        }
    }

    /// Reads what has come, or waits for it.
    async fn read(&mut self) -> Result<(), Failure> {
        self.incoming.reserve(READ_BYTES);
        match self.stream.read_buf(&mut self.incoming).await {
            Ok(0) => Err(Failure::Disconnected("closed by the server".to_owned())),
            Ok(_) => Ok(()),
            Err(error) => Err(disconnected(&error)),
        }
    }
}

async fn within(
    connecting: impl Future<Output = io::Result<TcpStream>>,
    server: impl Fn() -> String,
) -> Result<TcpStream, Failure> {
    let unreachable = |why: &str| Failure::Unreachable(format!("{}: {why}", server()));
    let stream = tokio::time::timeout(CONNECT_MAX, connecting).await.map_err(|_| unreachable("no answer"))?;
    let stream = stream.map_err(|error| unreachable(&error.to_string()))?;
    stream.set_nodelay(true).map_err(|error| disconnected(&error))?;
    Ok(stream)
}

fn disconnected(error: &io::Error) -> Failure {
    Failure::Disconnected(error.to_string())
}

/// The length of a body, if it is within the limit.
fn within_body(length: u64) -> Result<usize, Failure> {
    let within = usize::try_from(length).ok().filter(|length| *length <= BODY_BYTES_MAX);
    within.ok_or_else(|| Failure::Malformed(format!("an answer of more than {BODY_BYTES_MAX} bytes")))
}

#[cfg(test)]
mod tests;

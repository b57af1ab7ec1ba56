//! An HTTP endpoint on loopback whose test chooses the answer to each request.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

use super::*;

/// The answer of an endpoint to one request.
#[derive(Clone, Debug)]
pub(super) enum Behaviour {
    /// Answers with this status.
    Status(u16),
    /// Answers with a status and these further bytes of head and body.
    Answer(u16, String),
    /// Never answers.
    Hang,
    /// Closes the connection without an answer.
    Close,
    /// Answers without `Connection: close` and then closes the connection.
    AnswerAndClose(u16),
    /// Answers with a body of as many bytes as are read, until the connection closes.
    Flood(u16),
    /// Answers once the test releases it.
    Held(u16),
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    pub(super) line: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

/// An endpoint. It serves until the test ends.
pub(super) struct TestEndpoint {
    pub(super) address: SocketAddr,
    pub(super) connections: AtomicUsize,
    requests: Mutex<Vec<Arrived>>,
    arrived: Notify,
    released: Notify,
    behave: Box<dyn Fn(usize) -> Behaviour + Send + Sync>,
}

impl TestEndpoint {
    /// An endpoint that answers the request number N, counted from 0, with `behave(N)`.
    pub(super) async fn start(behave: impl Fn(usize) -> Behaviour + Send + Sync + 'static) -> Arc<Self> {
        Self::listen(None, behave).await
    }

    /// An endpoint behind TLS.
    pub(super) async fn start_secure(acceptor: TlsAcceptor) -> Arc<Self> {
        Self::listen(Some(acceptor), |_| Behaviour::Status(200)).await
    }

    async fn listen(
        acceptor: Option<TlsAcceptor>,
        behave: impl Fn(usize) -> Behaviour + Send + Sync + 'static,
    ) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let endpoint = Arc::new(Self {
            address: listener.local_addr().expect("it is bound"),
            connections: AtomicUsize::new(0),
            requests: Mutex::default(),
            arrived: Notify::new(),
            released: Notify::new(),
            behave: Box::new(behave),
        });
        let serving = Arc::clone(&endpoint);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (endpoint, acceptor) = (Arc::clone(&serving), acceptor.clone());
                endpoint.connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    match acceptor {
                        None => endpoint.serve(stream).await,
                        Some(acceptor) => match acceptor.accept(stream).await {
                            Ok(stream) => endpoint.serve(stream).await,
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        endpoint
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All requests that have arrived.
    pub(super) fn requests(&self) -> Vec<Arrived> {
        self.requests.lock().expect("no test panics under the lock").clone()
    }

    /// Waits until so many requests have arrived.
    pub(super) async fn arrived(&self, count: usize) -> Vec<Arrived> {
        let wait = async {
            loop {
                let mut arrived = std::pin::pin!(self.arrived.notified());
                arrived.as_mut().enable();
                let requests = self.requests();
                if requests.len() >= count {
                    return requests;
                }
                arrived.await;
            }
        };
        soon(wait).await
    }

    /// Releases every request that is held now.
    pub(super) fn release(&self) {
        self.released.notify_waiters();
    }

    /// Serves a connection. `None` once it is closed.
    async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<()> {
        let mut stream = BufReader::new(stream);
        loop {
            let request = read(&mut stream).await?;
            let mut released = std::pin::pin!(self.released.notified());
            released.as_mut().enable();
            let number = {
                let mut requests = self.requests.lock().expect("no test panics under the lock");
                requests.push(request);
                requests.len() - 1
            };
            self.arrived.notify_waiters();
            match (self.behave)(number) {
                Behaviour::Status(status) => write(&mut stream, &head(status, "content-length: 0\r\n\r\n")).await?,
                Behaviour::Answer(status, rest) => write(&mut stream, &head(status, &rest)).await?,
                Behaviour::Hang => std::future::pending().await,
                Behaviour::Close => return None,
                Behaviour::AnswerAndClose(status) => {
                    write(&mut stream, &head(status, "content-length: 0\r\n\r\n")).await?;
                    return None;
                }
                Behaviour::Flood(status) => {
                    write(&mut stream, &head(status, "transfer-encoding: chunked\r\n\r\n")).await?;
                    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
                    loop {
                        write(&mut stream, &chunk).await?;
                    }
                }
                Behaviour::Held(status) => {
                    released.await;
                    write(&mut stream, &head(status, "content-length: 0\r\n\r\n")).await?;
                }
            }
        }
    }
}

fn head(status: u16, rest: &str) -> String {
    format!("HTTP/1.1 {status} Status\r\n{rest}")
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), text: &str) -> Option<()> {
    stream.write_all(text.as_bytes()).await.ok()?;
    stream.flush().await.ok()
}

/// The next request of a connection. `None` at its end.
async fn read(stream: &mut BufReader<impl AsyncRead + Unpin>) -> Option<Arrived> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line.trim_end().is_empty() {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let (first, rest) = lines.split_first()?;
    let headers: BTreeMap<String, String> = rest
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().expect("a length"));
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let body = String::from_utf8(body).expect("text");
    Some(Arrived { line: first.clone(), headers, body })
}

//! The AWS API's listener: accepts connections within their limit, and serves HTTP/1.1 and HTTP/2 on each.
//!
//! Every wait on a client has a deadline (`progress`), every body a size and a place in the memory of all bodies
//! (`body`). The codec decides what a request means, the engine what it does; the way of one request between them is
//! in `request`.

mod body;
mod guard;
mod half_close;
pub(crate) mod heads;
mod progress;
mod request;
mod watched;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use posthouse_aws::Aws;
use posthouse_core::Inbox;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::accept;
use crate::answer_budget::AnswerBudget;
use crate::configuration::Limits;
use crate::core_client::ReplySender;
use crate::metrics::HttpMetrics;
use crate::shutdown::Stopping;
use crate::signing::Signing;
use heads::Heads;
use progress::{Overdue, Progress};
use watched::Watched;

/// Everything that serving a request takes; one for all connections.
pub struct Shared {
    /// The codec.
    pub aws: Aws,
    /// What notifications are signed with. Its certificate is served without authentication.
    pub signing: Signing,
    /// The way to the core loop.
    pub inbox: Inbox<ReplySender>,
    /// What a client may take.
    pub limits: Limits,
    /// Connections at once: as configured, or fewer where the system allows fewer open files.
    pub connections_max: usize,
    /// What is counted.
    pub metrics: Arc<HttpMetrics>,
    /// Bytes of bodies that may still be taken in.
    pub body_bytes: Arc<Semaphore>,
    /// Bytes that requests over HTTP/2 take beside their bodies.
    pub heads: Heads,
    /// Bytes that answers hold which clients have not read yet.
    pub answers: Arc<AnswerBudget>,
}

/// Serves until the broker stops, then lets the requests under way finish, for `patience` at most.
pub async fn serve(listener: TcpListener, shared: Arc<Shared>, stopping: Stopping, patience: Duration) {
    let room = Arc::new(Semaphore::new(shared.connections_max));
    let mut server = Server { shared, room, stopping: stopping.clone(), connections: JoinSet::new() };
    let mut stop = stopping;
    loop {
        tokio::select! {
            accepted = accept::next(&listener) => match accepted {
                Ok((stream, peer)) => server.admit(stream, peer),
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections");
                    tokio::time::sleep(accept::PAUSE).await;
                }
            },
            Some(_) = server.connections.join_next() => {}
            () = stop.requested() => break,
        }
    }
    drop(listener);
    let connections = &mut server.connections;
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(patience, drained).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests that did not finish in time are cut off");
    }
}

/// The connections that are served, each on a task of its own.
struct Server {
    shared: Arc<Shared>,
    /// Connections that may still be admitted.
    room: Arc<Semaphore>,
    stopping: Stopping,
    connections: JoinSet<()>,
}

impl Server {
    /// Serves a connection if there is room for it; otherwise answers 503 and closes it.
    fn admit(&mut self, stream: TcpStream, peer: SocketAddr) {
        // Responses are small and waited for. A stream that takes no options has been closed; reading reports that.
        let _ = stream.set_nodelay(true);
        let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() else {
            self.shared.metrics.connection_refused();
            turn_away(&stream);
            return;
        };
        let connection = Connection { stream, peer, shared: Arc::clone(&self.shared), _permit: permit };
        self.connections.spawn(connection.serve(self.stopping.clone()));
    }
}

/// Answers 503 as far as that is possible without waiting.
fn turn_away(stream: &TcpStream) {
    const ANSWER: &[u8] =
        b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let _ = stream.try_write(ANSWER);
}

/// A connection that was admitted.
struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    shared: Arc<Shared>,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    /// Serves the client's requests until it closes the connection, is too slow, or the broker stops.
    async fn serve(self, mut stopping: Stopping) {
        let Self { stream, peer, shared, _permit } = self;
        let _counted = shared.metrics.connection();
        let progress = Arc::new(Progress::new(shared.answers.account()));
        let (limits, metrics) = (shared.limits.clone(), Arc::clone(&shared.metrics));
        let builder = builder(&limits);
        let (noted, address) = (Arc::clone(&progress), peer.ip());
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            // Noted before hyper reads on, and not when the future is first polled.
            let working = noted.request(request.version());
            request::answer(Arc::clone(&shared), address, working, request)
        });
        let io = TokioIo::new(Watched::new(stream, Arc::clone(&progress)));
        let serving = builder.serve_connection(io, service);
        tokio::pin!(serving);
        let result = tokio::select! {
            result = &mut serving => result,
            overdue = progress::overdue(&progress, &limits) => {
                disconnect(&progress, &metrics, peer, overdue);
                return;
            }
            () = stopping.requested() => {
                serving.as_mut().graceful_shutdown();
                tokio::select! {
                    result = &mut serving => result,
                    overdue = progress::overdue(&progress, &limits) => {
                        disconnect(&progress, &metrics, peer, overdue);
                        return;
                    }
                }
            }
        };
        if let Err(error) = result {
            tracing::debug!(%peer, %error, "a connection ended");
        }
    }
}

/// Reports that a connection is closed because its client is too slow. One whose client does not read is reset, so that
/// the system keeps nothing of it.
fn disconnect(progress: &Progress, metrics: &HttpMetrics, peer: SocketAddr, overdue: Overdue) {
    match overdue {
        Overdue::Head => tracing::debug!(%peer, "disconnected: the head of a request does not end"),
        Overdue::Request => tracing::debug!(%peer, "disconnected: no request came"),
        Overdue::Reading => {
            progress.reset();
            metrics.connection_not_reading();
            tracing::info!(%peer, "disconnected: the client does not read its answers, or too slowly");
        }
    }
}

/// hyper's options for one connection.
fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let header_bytes = limits.header_bytes_max.count();
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // `progress` has the deadlines. hyper's own for a head would also end idle connections, and costs a timer a
    // request. Responses are not held back for pipelined requests: a broken one among those would take them along.
    builder.http1().header_read_timeout(None).max_buf_size(header_bytes);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(u32::try_from(limits.streams_max.get()).unwrap_or(u32::MAX));
    builder
}

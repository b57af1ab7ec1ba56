//! The AWS API's listener: accepts connections within their limit, and serves HTTP/1.1 and HTTP/2 on each.
//!
//! Every wait on a client has a deadline (`progress`), every body a size and a place in the memory of all bodies
//! (`body`). What a request means is the codec's business, what becomes of it the engine's: this is only the way
//! between them (`service`).

mod body;
mod guard;
mod progress;
mod service;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use posthouse_aws::Aws;
use posthouse_core::Inbox;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::configuration::Limits;
use crate::metrics::Metrics;
use crate::signing::Signing;
use progress::{Progress, Watched};
pub use service::ReplySender;
pub(crate) use service::{ask, now};

/// How long accepting pauses after the system refused a connection for want of files or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Everything that serving a request takes; one for all connections.
pub struct Shared {
    /// The codec.
    pub aws: Aws,
    /// What notifications are signed with: its certificate is served to everybody.
    pub signing: Signing,
    /// The way to the core loop.
    pub inbox: Inbox<ReplySender>,
    /// What a client may take.
    pub limits: Limits,
    /// Connections at once: as configured, or fewer where the system allows fewer open files.
    pub connections_max: usize,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Bytes of bodies that may still be taken in.
    pub body_bytes: Arc<Semaphore>,
}

/// Serves until `stop` says so, then lets the requests under way finish, for `patience` at most.
pub async fn serve(listener: TcpListener, shared: Arc<Shared>, mut stop: watch::Receiver<bool>, patience: Duration) {
    let room = Arc::new(Semaphore::new(shared.connections_max));
    let watch = stop.clone();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    accept(stream, peer, &shared, &room, watch.clone(), &mut connections);
                }
                Err(error) => refused(&error).await,
            },
            Some(_) = connections.join_next() => {}
            () = stopped(&mut stop) => break,
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(patience, drained).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests that did not finish in time are cut off");
    }
}

/// Ends when the broker stops, or is gone.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// A connection that breaks before it is accepted concerns nobody; being out of files does, and passes.
async fn refused(error: &io::Error) {
    let harmless = [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset, io::ErrorKind::Interrupted];
    if !harmless.contains(&error.kind()) {
        tracing::error!(%error, "cannot accept connections");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

fn accept(
    stream: TcpStream,
    peer: SocketAddr,
    shared: &Arc<Shared>,
    room: &Arc<Semaphore>,
    stop: watch::Receiver<bool>,
    connections: &mut JoinSet<()>,
) {
    // Answers are small and waited for. A stream that takes no options is closed already, which reading will tell.
    let _ = stream.set_nodelay(true);
    let Ok(permit) = Arc::clone(room).try_acquire_owned() else {
        shared.metrics.connection_refused();
        turn_away(&stream);
        return;
    };
    connections.spawn(connection(stream, peer, Arc::clone(shared), permit, stop));
}

/// Tells one connection too many to come again, as far as that is possible without waiting.
fn turn_away(stream: &TcpStream) {
    const ANSWER: &[u8] =
        b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let _ = stream.try_write(ANSWER);
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    shared: Arc<Shared>,
    permit: OwnedSemaphorePermit,
    mut stop: watch::Receiver<bool>,
) {
    let _counted = shared.metrics.connection();
    let progress = Arc::new(Progress::new());
    let limits = shared.limits.clone();
    let header_bytes = limits.header_bytes_max.count();
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // `progress` has the deadlines. hyper's own for a head would also end idle connections, and costs a timer a request.
    // Answers are not held back for pipelined requests: what follows may be broken, and would take them along.
    builder.http1().header_read_timeout(None).max_buf_size(header_bytes);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(u32::try_from(limits.streams_max.get()).unwrap_or(u32::MAX));
    let (noted, address) = (Arc::clone(&progress), peer.ip());
    let service = service_fn(move |request| service::answer(Arc::clone(&shared), address, Arc::clone(&noted), request));
    let io = TokioIo::new(Watched::new(stream, Arc::clone(&progress)));
    let serving = builder.serve_connection(io, service);
    tokio::pin!(serving);
    let result = tokio::select! {
        result = &mut serving => result,
        reason = progress::overdue(&progress, &limits) => {
            tracing::debug!(%peer, reason, "a client was too slow");
            return;
        }
        () = stopped(&mut stop) => {
            serving.as_mut().graceful_shutdown();
            tokio::select! {
                result = &mut serving => result,
                _ = progress::overdue(&progress, &limits) => return,
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!(%peer, %error, "a connection ended");
    }
    drop(permit);
}

//! The AWS API's listener: accepts connections within their limit, and has an I/O shard serve HTTP/1.1 and HTTP/2 on each.
//!
//! Every wait on a client has a deadline (`progress`), every body a size (`intake`) and room in the memory of all bodies
//! (`room`), every connection a seat (`seats`). The codec decides what a request means, the engine what it does; the way of one request between them is
//! in `request`.

mod body;
pub(crate) mod codecs;
mod guard;
mod half_close;
pub(crate) mod heads;
mod intake;
mod progress;
mod request;
pub(crate) mod room;
mod watched;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use posthouse_model::Transport;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::accepting::{self, Connection, Protocol};
use super::address::Shares;
use super::introduction::Introductions;
use super::seats::{SeatLimits, Seated, Seats};
use super::stream::{Secure, Stream};
use crate::answer_budget::AnswerBudget;
use crate::audit::Audit;
use crate::configuration::{Limits, Networks};
use crate::metrics::HttpMetrics;
use crate::shard::{Shard, Shards};
use crate::shutdown::Stopping;
use crate::signing::Signing;
pub use codecs::{CodecOptions, Codecs};
use heads::Heads;
use progress::{Overdue, Progress};
use room::{Bodies, OwnRoom, RoomLimits};
use watched::Watched;

/// Everything that serving a request takes; one for all connections.
pub struct Shared {
    /// The codecs.
    pub codecs: Codecs,
    /// What connections are protected with, if they are.
    pub secure: Option<Secure>,
    /// What notifications are signed with. Its certificate is served without authentication.
    pub signing: Signing,
    /// What a client may take.
    pub limits: Limits,
    /// What is counted.
    pub metrics: Arc<HttpMetrics>,
    /// Who changed what, and who was refused.
    pub audit: Arc<Audit>,
    /// Bytes that requests over HTTP/2 take beside their bodies.
    pub heads: Heads,
    /// Bytes that answers hold which clients have not read yet.
    pub answers: Arc<AnswerBudget>,
    /// Bounds of all clients together.
    pub bounds: Bounds,
}

/// What all clients share: connections and the memory of bodies.
pub struct Bounds {
    seats: Arc<Seats>,
    bodies: Bodies,
    /// Who sends the PROXY header.
    proxies: Networks,
}

impl Bounds {
    /// As configured, but with `connections_max` connections, which are fewer where the system allows fewer open files.
    #[must_use]
    pub fn new(limits: &Limits, connections_max: usize, proxies: Networks) -> Self {
        let unsigned = |all: u64| all.saturating_mul(limits.unsigned_percent_max.get()) / 100;
        let unkeyed_max = unsigned(u64::try_from(connections_max).unwrap_or(u64::MAX));
        let seats = Seats::new(SeatLimits {
            seats_max: connections_max,
            unkeyed_max: usize::try_from(unkeyed_max).unwrap_or(usize::MAX).max(1),
            shares: Shares::new(limits.address_percent_max.get(), limits.shared_addresses.clone()),
        });
        let bytes_max = limits.bodies_bytes_max.get();
        Self { seats, bodies: Bodies::new(RoomLimits { bytes_max, unkeyed_bytes_max: unsigned(bytes_max) }), proxies }
    }
}

impl Bounds {
    const fn bodies(&self) -> &Bodies {
        &self.bodies
    }

    /// The seats of all connections, which the listener of the native protocol shares.
    pub(super) const fn seats(&self) -> &Arc<Seats> {
        &self.seats
    }
}

/// Serves on `shards` until the broker stops, then lets the requests under way finish, for `patience` at most. What has
/// not finished by then ends with the shards.
pub async fn serve(listener: TcpListener, shared: Arc<Shared>, shards: Shards, stopping: Stopping, patience: Duration) {
    accepting::serve(listener, shared, shards, stopping, patience).await;
}

impl Protocol for Shared {
    const NAME: &'static str = "the AWS API";

    fn introductions(&self) -> Introductions<'_> {
        let Bounds { seats, proxies, .. } = &self.bounds;
        Introductions { seats, proxies, patience: self.limits.header_seconds_max.seconds() }
    }

    fn turn_away(&self, stream: &TcpStream) {
        const ANSWER: &[u8] =
            b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        self.metrics.connection_refused();
        // Before a handshake nothing can be said that the client would understand.
        if self.secure.is_none() {
            let _ = stream.try_write(ANSWER);
        }
    }

    async fn serve(self: Arc<Self>, connection: Connection, shard: Shard, mut stopping: Stopping) {
        let Connection { stream, peer, seated } = connection;
        let stream = match &self.secure {
            None => Stream::Plain(stream),
            Some(secure) => {
                let deadline = Instant::now() + self.limits.header_seconds_max.seconds();
                let accepted = tokio::select! {
                    accepted = secure.accept(stream, deadline) => accepted,
                    () = seated.makes_room() => return,
                    () = stopping.requested() => return,
                };
                match accepted {
                    Ok(stream) => stream,
                    Err(no_tls) => return no_tls.end_http(peer).await,
                }
            }
        };
        serve_connection(stream, (peer, seated), self, shard, stopping).await;
    }
}

/// How long a connection that makes room may take to end by itself. One without a request does so at once.
const LEAVING_PATIENCE: Duration = Duration::from_millis(10);

/// Serves the client's requests until it closes the connection, is too slow, makes room for another, or the broker
/// stops.
async fn serve_connection(
    stream: Stream,
    (peer, seated): (SocketAddr, Seated),
    shared: Arc<Shared>,
    shard: Shard,
    mut stopping: Stopping,
) {
    let _counted = shared.metrics.connection();
    let progress = Arc::new(Progress::new(shared.answers.account()));
    let (limits, metrics) = (shared.limits.clone(), Arc::clone(&shared.metrics));
    let builder = builder(&limits, OnShard(shard.clone()));
    let seated = Arc::new(seated);
    let transport = stream.transport();
    let client = Client { address: peer.ip(), transport, seated: Arc::clone(&seated), own_room: OwnRoom::new() };
    let served = Rc::new(Served { shared, client, shard });
    let noted = Arc::clone(&progress);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        // Noted before hyper reads on, and not when the future is first polled.
        let working = noted.request(request.version());
        request::answer(Rc::clone(&served), working, request)
    });
    let io = TokioIo::new(Watched::new(stream, Arc::clone(&progress)));
    let serving = builder.serve_connection(io, service);
    tokio::pin!(serving);
    // Polled when it is woken, and not with each request.
    let mut interruption = FuturesUnordered::new();
    interruption.push(async {
        tokio::select! {
            overdue = progress::overdue(&progress, &limits) => Interruption::Overdue(overdue),
            () = seated.makes_room() => Interruption::MakesRoom,
            () = stopping.requested() => Interruption::Stop,
        }
    });
    let interruption = tokio::select! {
        biased;
        result = &mut serving => Err(result),
        Some(interruption) = interruption.next() => Ok(interruption),
    };
    let result = match interruption {
        Err(result) => result,
        Ok(Interruption::Overdue(overdue)) => {
            disconnect(&progress, &metrics, peer, overdue);
            return;
        }
        Ok(Interruption::MakesRoom) => {
            metrics.connection_replaced();
            tracing::debug!(%peer, "an idle connection makes room for another");
            serving.as_mut().graceful_shutdown();
            let ended = tokio::time::timeout(LEAVING_PATIENCE, &mut serving).await;
            // A request may have begun at the same moment.
            if ended.is_ok() || !seated.is_busy() {
                return;
            }
            tokio::select! {
                result = &mut serving => result,
                _ = progress::overdue(&progress, &limits) => return,
            }
        }
        Ok(Interruption::Stop) => {
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

/// Why a connection is not served as before.
enum Interruption {
    /// The client is too slow.
    Overdue(Overdue),
    /// The connection is to make room for another.
    MakesRoom,
    /// The broker stops.
    Stop,
}

/// What the requests of a connection have in common.
struct Served {
    shared: Arc<Shared>,
    client: Client,
    shard: Shard,
}

/// Who sends the requests of a connection.
struct Client {
    address: IpAddr,
    transport: Transport,
    seated: Arc<Seated>,
    /// The connection's own room for bodies.
    own_room: OwnRoom,
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

/// Runs the streams of HTTP/2 connections on the shard of the connection.
#[derive(Clone)]
struct OnShard(Shard);

impl<F: Future + 'static> Executor<F> for OnShard {
    fn execute(&self, stream: F) {
        self.0.spawn(stream);
    }
}

/// hyper's options for one connection.
fn builder(limits: &Limits, executor: OnShard) -> auto::Builder<OnShard> {
    let header_bytes = limits.header_bytes_max.count();
    let mut builder = auto::Builder::new(executor);
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

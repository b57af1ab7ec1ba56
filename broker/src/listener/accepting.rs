//! What the listeners of both protocols do with a connection over TCP: it is accepted, gets a seat and an I/O shard, and on
//! that shard the address of its client, where a proxy has made it. Then it is the protocol's.

use std::future::Future;
use std::net::{SocketAddr, TcpStream as IdleStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::accept::Acceptor;
use super::introduction::{Introduced, Introductions};
use super::seats::{Full, Seated};
use crate::shard::{Shard, Shards};
use crate::shutdown::Stopping;

/// How long no further warning about refused connections is logged after one.
const WARNING_PAUSE: Duration = Duration::from_secs(60);

/// A protocol that is served on connections.
pub(super) trait Protocol: Send + Sync + 'static {
    /// What the log calls the listener.
    const NAME: &'static str;

    /// Seats, and the proxies that say whose connection it is.
    fn introductions(&self) -> Introductions<'_>;

    /// Refuses a connection for which there is no seat, as far as that is possible without waiting.
    fn turn_away(&self, stream: &TcpStream);

    /// Serves a connection on its shard until it ends.
    fn serve(self: Arc<Self>, connection: Connection, shard: Shard, stopping: Stopping) -> impl Future<Output = ()>;
}

/// A connection on its shard.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    /// The client, whoever made the connection for it.
    pub(super) peer: SocketAddr,
    pub(super) seated: Seated,
}

/// Serves on `shards` until the broker stops, then lets clients finish, for `patience` at most. What has not finished by
/// then ends with the shards.
pub(super) async fn serve<P: Protocol>(
    listener: TcpListener,
    protocol: Arc<P>,
    shards: Shards,
    stopping: Stopping,
    patience: Duration,
) {
    let (connections, _) = watch::channel(());
    let seats = Arc::clone(protocol.introductions().seats);
    let mut server = Server { protocol, shards, stopping: stopping.clone(), connections, warned: None };
    let listener = Acceptor::new(listener, P::NAME);
    let mut stop = stopping;
    loop {
        tokio::select! {
            (stream, peer) = listener.next(&seats) => server.admit(stream, peer),
            () = stop.requested() => break,
        }
    }
    drop(listener);
    if tokio::time::timeout(patience, server.connections.closed()).await.is_err() {
        let connections = server.connections.receiver_count();
        tracing::warn!(listener = P::NAME, connections, "clients that did not finish in time are cut off");
    }
}

/// The connections that are served, each by a task of its own on one of the shards.
struct Server<P> {
    protocol: Arc<P>,
    shards: Shards,
    stopping: Stopping,
    /// Each open connection has a receiver.
    connections: watch::Sender<()>,
    /// When the log last said that connections are refused.
    warned: Option<Instant>,
}

impl<P: Protocol> Server<P> {
    /// Has a shard serve a connection if there is a seat for it; otherwise refuses and closes it.
    fn admit(&mut self, stream: TcpStream, peer: SocketAddr) {
        // What is written is waited for. A stream that takes no options has been closed; reading reports that.
        let _ = stream.set_nodelay(true);
        match self.protocol.introductions().seats.take(peer.ip()) {
            Ok(seated) => {
                // A stream that cannot leave this thread's runtime is closed, which its client sees.
                let Ok(stream) = stream.into_std() else { return };
                let accepted = Accepted { stream, peer, seated };
                let (protocol, stopping) = (Arc::clone(&self.protocol), self.stopping.clone());
                let open = self.connections.subscribe();
                self.shards.least_busy().spawn(move |shard| async move {
                    let _open = open;
                    accepted.serve(protocol, shard, stopping).await;
                });
            }
            Err(full) => {
                self.warn(full, peer);
                self.protocol.turn_away(&stream);
            }
        }
    }

    /// Says in the log that connections are refused, once in [`WARNING_PAUSE`].
    fn warn(&mut self, full: Full, peer: SocketAddr) {
        if self.warned.is_some_and(|warned| warned.elapsed() < WARNING_PAUSE) {
            return;
        }
        self.warned = Some(Instant::now());
        match full {
            Full::Listener => tracing::warn!(
                listener = P::NAME,
                %peer,
                "a connection is refused: `limits.connections_max` are open, and none is idle"
            ),
            Full::Address => tracing::warn!(
                listener = P::NAME,
                %peer,
                "a connection is refused: its address has the share that `limits.address_percent_max` gives it, and none \
                 of its connections is idle"
            ),
        }
    }
}

/// A connection that was admitted, on its way to its shard.
struct Accepted {
    stream: IdleStream,
    peer: SocketAddr,
    seated: Seated,
}

impl Accepted {
    /// Has the protocol serve the connection on the runtime of this thread, as that of its client.
    async fn serve<P: Protocol>(self, protocol: Arc<P>, shard: Shard, mut stopping: Stopping) {
        let Self { stream, peer, seated } = self;
        let mut stream = match TcpStream::from_std(stream) {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%peer, %error, "a connection is closed: the system does not watch it");
                return;
            }
        };
        let introductions = protocol.introductions();
        match introductions.introduce(&mut stream, (peer, seated), &mut stopping).await {
            Introduced::As(peer, seated) => {
                protocol.serve(Connection { stream, peer, seated }, shard, stopping).await;
            }
            Introduced::NoSeat => protocol.turn_away(&stream),
            Introduced::Ended => {}
        }
    }
}

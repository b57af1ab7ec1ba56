//! Connections over TCP: accepted, seated, greeted and served, each on a shard.

use std::net::{SocketAddr, TcpStream as IdleStream};
use std::sync::Arc;
use std::time::Instant;

use posthouse_model::Transport;
use posthouse_wire::{Address, Check, Ends, Outgoing};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Duration, timeout, timeout_at};

use super::hello::Arrival;
use super::newcomer::{Greeted, Newcomer, too_many};
use super::session::{Scope, Session};
use super::{Shared, tls};
use crate::listener::accept::Acceptor;
use crate::listener::introduction::{Introduced, Introductions};
use crate::listener::seats::{Full, Seated};
use crate::shard::{Shard, Shards};
use crate::shutdown::Stopping;

/// How long no further warning about refused connections is logged after one.
const WARNING_PAUSE: Duration = Duration::from_secs(60);

/// Serves until the broker stops, then lets clients finish.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>, shards: Shards, stopping: Stopping) {
    let (connections, _) = watch::channel(());
    let patience = shared.patience;
    let mut server = Server { shared, shards, stopping: stopping.clone(), connections, warned: None };
    let seats = Arc::clone(&server.shared.seats);
    let listener = Acceptor::new(listener, "the native protocol");
    let mut stop = stopping;
    loop {
        tokio::select! {
            (stream, peer) = listener.next(&seats) => server.admit(stream, peer),
            () = stop.requested() => break,
        }
    }
    drop(listener);
    if timeout(patience, server.connections.closed()).await.is_err() {
        let connections = server.connections.receiver_count();
        tracing::warn!(connections, "native clients that did not finish in time are cut off");
    }
}

/// The connections that are served.
struct Server {
    shared: Arc<Shared>,
    shards: Shards,
    stopping: Stopping,
    /// Each open connection has a receiver.
    connections: watch::Sender<()>,
    /// When the log last said that connections are refused.
    warned: Option<Instant>,
}

impl Server {
    /// Has a shard serve a connection if there is a seat for it; otherwise refuses and closes it.
    fn admit(&mut self, stream: TcpStream, peer: SocketAddr) {
        // Frames are gathered before they are written. A stream that takes no options has been closed.
        let _ = stream.set_nodelay(true);
        match self.shared.seats.take(peer.ip()) {
            Ok(seated) => {
                // A stream that cannot leave this thread's runtime is closed, which its client sees.
                let Ok(stream) = stream.into_std() else { return };
                let accepted = Accepted { stream, peer, seated, shared: Arc::clone(&self.shared) };
                let (stopping, open) = (self.stopping.clone(), self.connections.subscribe());
                self.shards.least_busy().spawn(move |shard| async move {
                    let _open = open;
                    accepted.serve(shard, stopping).await;
                });
            }
            Err(full) => {
                self.warn(full, peer);
                turn_away(&stream, &self.shared);
            }
        }
    }

    /// Says in the log that connections are refused, once in [`WARNING_PAUSE`].
    fn warn(&mut self, full: Full, peer: SocketAddr) {
        if self.warned.is_some_and(|warned| warned.elapsed() < WARNING_PAUSE) {
            return;
        }
        self.warned = Some(Instant::now());
        let limit = match full {
            Full::Listener => "limits.connections_max",
            Full::Address => "limits.address_percent_max",
        };
        tracing::warn!(%peer, limit, "a native connection is refused, and no other makes room for it");
    }
}

/// Refuses a connection as far as that is possible without waiting.
fn turn_away(stream: &TcpStream, shared: &Shared) {
    shared.metrics.connection_refused();
    if shared.tls.is_some() {
        // Before the handshake nothing can be said that the client would believe.
        return;
    }
    let refusal = too_many();
    shared.metrics.fault(refusal.code());
    let mut frames = Outgoing::new(Check::Crc32c);
    frames.frame(Address::CONNECTION, &refusal.frame(Ends::Connection));
    let bytes: Vec<u8> = frames.take().into_iter().flatten().collect();
    let _ = stream.try_write(&bytes);
}

/// A connection that was admitted, on its way to its shard.
struct Accepted {
    stream: IdleStream,
    peer: SocketAddr,
    seated: Seated,
    shared: Arc<Shared>,
}

impl Accepted {
    /// Serves the connection on the runtime of this thread.
    async fn serve(self, shard: Shard, mut stopping: Stopping) {
        let peer = self.peer;
        let mut stream = match TcpStream::from_std(self.stream) {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%peer, %error, "a connection is closed: the system does not watch it");
                return;
            }
        };
        let Shared { seats, proxies, limits, .. } = &*self.shared;
        let introductions = Introductions { seats, proxies, patience: limits.header_seconds_max.seconds() };
        let introduced = introductions.introduce(&mut stream, (peer, self.seated), &mut stopping).await;
        let (peer, seated) = match introduced {
            Introduced::As(peer, seated) => (peer, seated),
            Introduced::NoSeat => return turn_away(&stream, &self.shared),
            Introduced::Ended => return,
        };
        let newcomer = Newcomer::new(peer, seated, Arc::clone(&self.shared), shard);
        let Some(tls) = &self.shared.tls else {
            let arrival = Arrival { source: peer.ip(), transport: Transport::Plain, exporter: None };
            return serve_stream(newcomer, stream, arrival, stopping).await;
        };
        let handshake = tokio::select! {
            handshake = timeout_at(newcomer.deadline(), tls.tcp.accept(stream)) => handshake,
            () = newcomer.is_unwanted(&mut stopping) => return,
        };
        match handshake {
            Ok(Ok(stream)) => {
                let exporter = tls::exporter(stream.get_ref().1);
                let arrival = Arrival { source: peer.ip(), transport: Transport::Tls, exporter };
                serve_stream(newcomer, stream, arrival, stopping).await;
            }
            Ok(Err(error)) => tracing::debug!(%peer, %error, "a connection is closed: no TLS"),
            Err(_) => tracing::debug!(%peer, "a connection is closed: its TLS handshake does not end"),
        }
    }
}

/// Greets a client and serves it until it leaves, is refused, makes room, or the broker stops.
async fn serve_stream<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    newcomer: Newcomer,
    mut stream: S,
    arrival: Arrival,
    stopping: Stopping,
) {
    let Some(greeted) = newcomer.greet(&mut stream, arrival, &stopping).await else { return };
    let signal = greeted.signal(stopping);
    let Greeted { context, input, output, seated: _seated, counted: _counted } = greeted;
    // What refuses a whole connection has been said on it.
    let _ = Session::new(stream, (input, output), context, Scope::Connection, signal).run().await;
}

//! Connections over TCP: with or without TLS, each greeted and served on its shard.

use std::sync::Arc;

use posthouse_wire::{Address, Check, Ends, Outgoing};
use tokio::net::{TcpListener, TcpStream};

use super::hello::Arrival;
use super::newcomer::{Greeted, Newcomer, too_many};
use super::session::{Scope, Session};
use super::{Shared, tls};
use crate::listener::accepting::{self, Connection, Protocol};
use crate::listener::introduction::Introductions;
use crate::listener::stream::Stream;
use crate::shard::{Shard, Shards};
use crate::shutdown::Stopping;

/// Serves until the broker stops, then lets clients finish.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>, shards: Shards, stopping: Stopping) {
    let patience = shared.patience;
    accepting::serve(listener, shared, shards, stopping, patience).await;
}

impl Protocol for Shared {
    const NAME: &'static str = "the native protocol";

    fn introductions(&self) -> Introductions<'_> {
        let Self { seats, proxies, limits, .. } = self;
        Introductions { seats, proxies, patience: limits.header_seconds_max.seconds() }
    }

    fn turn_away(&self, stream: &TcpStream) {
        self.metrics.connection_refused();
        if self.secure.is_some() {
            // Before the handshake nothing can be said that the client would believe.
            return;
        }
        let refusal = too_many();
        self.metrics.fault(refusal.code());
        let mut frames = Outgoing::new(Check::Crc32c);
        frames.frame(Address::CONNECTION, &refusal.frame(Ends::Connection));
        let bytes: Vec<u8> = frames.take().into_iter().flatten().collect();
        let _ = stream.try_write(&bytes);
    }

    /// Greets the client, over TLS if that is configured.
    async fn serve(self: Arc<Self>, connection: Connection, shard: Shard, mut stopping: Stopping) {
        let Connection { stream, peer, seated } = connection;
        let newcomer = Newcomer::new(peer, seated, Arc::clone(&self), shard);
        let stream = match &self.secure {
            None => Stream::Plain(stream),
            Some(secure) => {
                let accepted = tokio::select! {
                    accepted = secure.accept(stream, newcomer.deadline()) => accepted,
                    () = newcomer.is_unwanted(&mut stopping) => return,
                };
                match accepted {
                    Ok(stream) => stream,
                    Err(no_tls) => return no_tls.log(peer),
                }
            }
        };
        let exporter = stream.session().and_then(tls::exporter);
        let arrival = Arrival { source: peer.ip(), transport: stream.transport(), exporter };
        serve_stream(newcomer, stream, arrival, stopping).await;
    }
}

/// Greets a client and serves it until it leaves, is refused, makes room, or the broker stops.
async fn serve_stream(newcomer: Newcomer, mut stream: Stream, arrival: Arrival, stopping: Stopping) {
    let Some(greeted) = newcomer.greet(&mut stream, arrival, &stopping).await else { return };
    let signal = greeted.signal(stopping);
    let Greeted { context, input, output, seated: _seated, counted: _counted, .. } = greeted;
    // What refuses a whole connection has been said on it.
    let _ = Session::new(stream, (input, output), context, Scope::Connection, signal).run().await;
}

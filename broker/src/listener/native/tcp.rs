//! Connections over TCP: accepted, seated, greeted and served, each on a shard.

use std::net::{SocketAddr, TcpStream as IdleStream};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use posthouse_model::Transport;
use posthouse_wire::{Address, Check, Ends, FaultCode, Outgoing};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Duration, timeout};

use super::context::Context;
use super::fault::Refusal;
use super::hello::{self, Arrival, NoHello, STANDING};
use super::input::Input;
use super::output::Output;
use super::session::{Scope, Session, Signal, last_words, signal_of};
use super::{PAYLOAD_BYTES_MAX, Shared};
use crate::listener::accept::Acceptor;
use crate::listener::address::contain;
use crate::listener::proxy;
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
    let refusal = too_many();
    shared.metrics.fault(refusal.code());
    let mut frames = Outgoing::new(Check::Crc32c);
    frames.frame(Address::CONNECTION, &refusal.frame(Ends::Connection));
    let bytes: Vec<u8> = frames.take().into_iter().flatten().collect();
    let _ = stream.try_write(&bytes);
}

fn too_many() -> Refusal {
    Refusal::new(FaultCode::TooManyConnections, "The broker has as many connections as it takes.")
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
    async fn serve(self, shard: Shard, stopping: Stopping) {
        let Self { stream, peer, seated, shared } = self;
        match TcpStream::from_std(stream) {
            Ok(stream) => {
                let connection = Connection { peer, seated, shared, shard };
                connection.serve(stream, stopping).await;
            }
            Err(error) => tracing::warn!(%peer, %error, "a connection is closed: the system does not watch it"),
        }
    }
}

/// A connection on its shard.
struct Connection {
    peer: SocketAddr,
    seated: Seated,
    shared: Arc<Shared>,
    shard: Shard,
}

impl Connection {
    async fn serve(self, stream: TcpStream, mut stopping: Stopping) {
        let Some((connection, stream)) = self.introduced(stream, &mut stopping).await else { return };
        let arrival = Arrival { source: connection.peer.ip(), transport: Transport::Plain, exporter: None };
        connection.greet(stream, arrival, stopping).await;
    }

    /// Greets the client and serves it until it leaves, is refused, makes room, or the broker stops.
    async fn greet<S: AsyncRead + AsyncWrite + Unpin + 'static>(
        self,
        mut stream: S,
        arrival: Arrival,
        stopping: Stopping,
    ) {
        let Self { peer, seated, shared, shard } = self;
        let _counted = shared.metrics.connection(shard.number());
        let seated = Arc::new(seated);
        let mut input = Input::new(arrival.check(), shared.received.intake(), PAYLOAD_BYTES_MAX);
        let mut output = Output::new(arrival.check());
        let Some(under_way) = seated.under_way(STANDING) else {
            return refuse(&mut stream, &mut output, &shared, &too_many()).await;
        };
        let greeted = {
            let greeting = hello::greet(&mut stream, &mut input, &mut output, &shared, &arrival);
            let ends = signal_of(stopping.clone(), seated.makes_room());
            tokio::select! {
                greeted = timeout(shared.settings.hello_seconds_max.seconds(), greeting) => Some(greeted),
                _ = pin!(ends) => None,
            }
        };
        let caller = match greeted {
            Some(Ok(Ok(caller))) => caller,
            Some(Ok(Err(NoHello::Gone))) | None => return,
            Some(Ok(Err(NoHello::Refused(refusal)))) => {
                tracing::debug!(%peer, code = refusal.code().name(), "a client is refused: {}", refusal.text());
                return refuse(&mut stream, &mut output, &shared, &refusal).await;
            }
            Some(Err(_)) => {
                let late = Refusal::new(FaultCode::Timeout, "The hello did not end in time.");
                return refuse(&mut stream, &mut output, &shared, &late).await;
            }
        };
        drop(under_way);
        let context = Context::new(shared, shard, caller, peer, Arc::clone(&seated));
        let signal = signal_for(Rc::clone(&context), seated, stopping);
        Session::new(stream, (input, output), context, Scope::Connection, signal).run().await;
    }

    /// The connection as that of its client, where a proxy made it. `None` if it ends here.
    async fn introduced(self, mut stream: TcpStream, stopping: &mut Stopping) -> Option<(Self, TcpStream)> {
        let Shared { seats, proxies, limits, .. } = &*self.shared;
        if !contain(proxies.as_slice(), self.peer.ip()) {
            return Some((self, stream));
        }
        let proxy = self.peer;
        let read = tokio::select! {
            read = timeout(limits.header_seconds_max.seconds(), proxy::read(&mut stream)) => read,
            () = self.seated.makes_room() => return None,
            () = stopping.requested() => return None,
        };
        match read {
            Ok(Ok(None)) => Some((self, stream)),
            Ok(Ok(Some(client))) => {
                // The proxy's seat is given back first: the client gets its own.
                drop(self.seated);
                match seats.take(client.ip()) {
                    Ok(seated) => Some((Self { peer: client, seated, ..self }, stream)),
                    Err(full) => {
                        tracing::debug!(%client, %proxy, ?full, "a connection through a proxy is refused");
                        turn_away(&stream, &self.shared);
                        None
                    }
                }
            }
            Ok(Err(error)) => {
                tracing::debug!(%proxy, %error, "a connection of a proxy is closed");
                None
            }
            Err(_) => {
                tracing::debug!(%proxy, "a connection of a proxy is closed: its PROXY header does not end");
                None
            }
        }
    }
}

/// Resolves when the broker stops or the connection has to make room, which is counted.
async fn signal_for(context: Rc<Context>, seated: Arc<Seated>, stopping: Stopping) -> Signal {
    let signal = signal_of(stopping, seated.makes_room()).await;
    if signal == Signal::MakeRoom {
        context.shared.metrics.connection_replaced();
    }
    signal
}

/// Ends a connection before its hello has ended.
async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    output: &mut Output,
    shared: &Shared,
    refusal: &Refusal,
) {
    shared.metrics.fault(refusal.code());
    output.frame(Address::CONNECTION, &refusal.frame(Ends::Connection));
    last_words(stream, output).await;
}

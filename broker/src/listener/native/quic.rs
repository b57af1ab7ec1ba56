//! Connections over QUIC: the frames of TCP over bidirectional streams that the client opens, one for the connection and
//! one for each link, so that a link whose client does not read blocks no other.
//!
//! A client may open one stream until it has proved who it is. After that it may have as many as links, and its buffers
//! grow ([`windows`](super::windows)). There is no 0-RTT. A client whose address is not validated has to come again with a token while many handshakes
//! are under way.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Poll};

use posthouse_model::Transport;
use posthouse_wire::{Check, EXPORTER_LABEL};
use quinn::{
    Connection, Endpoint, EndpointConfig, Incoming, RecvStream, SendStream, ServerConfig, TransportConfig, VarInt,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{timeout, timeout_at};

use super::fault::Refusal;
use super::hello::Arrival;
use super::input::Input;
use super::newcomer::{Greeted, Newcomer};
use super::output::Output;
use super::session::{Scope, Session, Signal, signal_of};
use super::tls;
use super::windows::{self, Grown};
use super::{PAYLOAD_BYTES_MAX, Shared};
use crate::listener::seats::Seated;
use crate::shard::{Shard, Shards};
use crate::shutdown::Stopping;
use crate::tls::{Credentials, LiveTls};

/// Handshakes under way, beyond which a client must show that it receives at its address.
const HANDSHAKES_MAX: usize = 64;
/// Handshakes that wait to be looked at.
const INCOMING_MAX: usize = 1024;
/// Bytes of the packets of one such handshake, and of all of them together.
const INCOMING_BYTES_MAX: u64 = 16 * 1024;
const INCOMING_BYTES_TOTAL_MAX: u64 = 4 * 1024 * 1024;
/// The code with which a connection is closed. What there is to say was said in frames.
const CLOSED: VarInt = VarInt::from_u32(0);

/// The endpoint of a UDP socket.
///
/// # Errors
/// The system's, if the socket cannot be used.
pub(super) fn endpoint(socket: UdpSocket, shared: &Shared, tls: &LiveTls) -> io::Result<Endpoint> {
    let config = server_config(shared, &tls.now());
    let runtime = quinn::default_runtime().ok_or_else(|| io::Error::other("QUIC needs a runtime"))?;
    Endpoint::new(EndpointConfig::default(), Some(config), socket, runtime)
}

/// What handshakes are made with.
fn server_config(shared: &Shared, credentials: &Credentials) -> ServerConfig {
    let mut transport = TransportConfig::default();
    let silence = shared.settings.silence_seconds_max.seconds();
    transport
        .max_concurrent_bidi_streams(1_u8.into())
        .max_concurrent_uni_streams(0_u8.into())
        .stream_receive_window(windows::STREAM_BYTES.into())
        .receive_window(windows::HELLO_BYTES.into())
        .send_window(windows::OWN_BYTES.into())
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(Some(silence.try_into().expect("two hours at most")));
    let mut config = ServerConfig::with_crypto(tls::quic(credentials));
    config
        .transport_config(Arc::new(transport))
        .max_incoming(INCOMING_MAX)
        .incoming_buffer_size(INCOMING_BYTES_MAX)
        .incoming_buffer_size_total(INCOMING_BYTES_TOTAL_MAX);
    config
}

/// Serves until the broker stops, then lets clients finish.
pub(super) async fn serve(endpoint: Endpoint, shared: Arc<Shared>, shards: Shards, stopping: Stopping) {
    let (connections, _) = watch::channel(());
    let handshakes = Arc::new(AtomicUsize::new(0));
    let mut stop = stopping.clone();
    let mut live = shared.secure.as_ref().map(|secure| secure.tls.clone());
    loop {
        let incoming = tokio::select! {
            incoming = endpoint.accept() => incoming,
            () = changed(&mut live) => {
                let credentials = live.as_ref().map(LiveTls::now);
                endpoint.set_server_config(credentials.map(|credentials| server_config(&shared, &credentials)));
                continue;
            }
            () = stop.requested() => break,
        };
        let Some(incoming) = incoming else { break };
        let peer = incoming.remote_address();
        if handshakes.load(Ordering::Relaxed) >= HANDSHAKES_MAX && incoming.may_retry() {
            // It fails only where the address was validated.
            let _ = incoming.retry();
            continue;
        }
        let seated = match shared.seats.take(peer.ip()) {
            Ok(seated) => seated,
            Err(full) => {
                tracing::debug!(%peer, ?full, "a connection over QUIC is refused");
                shared.metrics.connection_refused();
                incoming.refuse();
                continue;
            }
        };
        let handshake = Handshake::begin(&handshakes);
        let arrived = Arrived { incoming, peer, seated, shared: Arc::clone(&shared), handshake };
        let (stopping, open) = (stopping.clone(), connections.subscribe());
        shards.least_busy().spawn(move |shard| async move {
            let _open = open;
            arrived.serve(shard, stopping).await;
        });
    }
    endpoint.set_server_config(None);
    // The TCP side of the listener says if clients do not finish in time.
    let _ = timeout(shared.patience, connections.closed()).await;
    endpoint.close(CLOSED, b"");
    let _ = timeout(shared.patience, endpoint.wait_idle()).await;
}

/// Resolves when handshakes are to be made with other credentials.
async fn changed(tls: &mut Option<LiveTls>) {
    match tls {
        Some(tls) => tls.changed().await,
        None => std::future::pending().await,
    }
}

/// A handshake under way.
struct Handshake(Arc<AtomicUsize>);

impl Handshake {
    fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection that was admitted, on its way to its shard.
struct Arrived {
    incoming: Incoming,
    peer: SocketAddr,
    seated: Seated,
    shared: Arc<Shared>,
    handshake: Handshake,
}

impl Arrived {
    /// Serves the connection, whose packets are handled on the runtime of this thread.
    async fn serve(self, shard: Shard, mut stopping: Stopping) {
        let Self { incoming, peer, seated, shared, handshake } = self;
        let newcomer = Newcomer::new(peer, seated, Arc::clone(&shared), shard);
        let Ok(connecting) = incoming.accept() else { return };
        let opened = async {
            let connection = connecting.await?;
            let (send, receive) = connection.accept_bi().await?;
            Ok::<_, quinn::ConnectionError>((connection, Duplex { send, receive }))
        };
        let opened = tokio::select! {
            opened = timeout_at(newcomer.deadline(), opened) => opened,
            () = newcomer.is_unwanted(&mut stopping) => return,
        };
        drop(handshake);
        let (connection, mut stream) = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => {
                tracing::debug!(%peer, %error, "a connection over QUIC is closed");
                return;
            }
            Err(_) => {
                tracing::debug!(%peer, "a connection over QUIC is closed: its hello does not begin");
                return;
            }
        };
        let mut exporter = [0; 32];
        if connection.export_keying_material(&mut exporter, EXPORTER_LABEL, b"").is_err() {
            return;
        }
        let arrival = Arrival { source: peer.ip(), transport: Transport::Tls, exporter: Some(exporter) };
        if let Some(greeted) = newcomer.greet(&mut stream, arrival, &stopping).await {
            serve_connection(&connection, stream, greeted, stopping).await;
        }
        connection.close(CLOSED, b"");
    }
}

/// Serves a connection behind its hello: its first stream, and one for each link.
async fn serve_connection(connection: &Connection, stream: Duplex, greeted: Greeted, stopping: Stopping) {
    let shared = Arc::clone(&greeted.context.shared);
    let links_max = u32::try_from(shared.settings.links_max.get()).unwrap_or(u32::MAX);
    connection.set_max_concurrent_bi_streams(links_max.saturating_add(1).into());
    let _grown = Grown::grow(connection, &shared.quic_bytes);
    let (fail, failed) = oneshot::channel::<Refusal>();
    let signal = greeted.signal(stopping.clone());
    let signal = async move {
        tokio::select! {
            signal = signal => signal,
            Ok(refusal) = failed => Signal::Fail(refusal),
        }
    };
    let Greeted { context, input, output, seated: _seated, counted: _counted, .. } = greeted;
    let session = Session::new(stream, (input, output), Rc::clone(&context), Scope::Control, signal);
    let mut control = context.shard.spawn(session.run());
    let (mut links, mut fail) = (JoinSet::new(), Some(fail));
    let links_intake = shared.received.links();
    loop {
        tokio::select! {
            accepted = connection.accept_bi() => {
                let Ok((send, receive)) = accepted else { break };
                let input = Input::of_link(Check::Absent, links_intake.intake(), PAYLOAD_BYTES_MAX);
                let output = Output::new(Check::Absent);
                let signal = signal_of(stopping.clone(), std::future::pending());
                let stream = Duplex { send, receive };
                let session = Session::new(stream, (input, output), Rc::clone(&context), Scope::Link, signal);
                links.spawn_local(session.run());
            }
            Some(ended) = links.join_next() => {
                // What refuses the connection is said on its first stream.
                if let (Ok(Some(refusal)), Some(fail)) = (ended, fail.take_if(|fail| !fail.is_closed())) {
                    let _ = fail.send(refusal);
                }
            }
            _ = &mut control => break,
        }
    }
    connection.close(CLOSED, b"");
    // Each gives back what is unsettled.
    while links.join_next().await.is_some() {}
}

/// A bidirectional stream.
struct Duplex {
    send: SendStream,
    receive: RecvStream,
}

impl AsyncRead for Duplex {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        AsyncRead::poll_read(Pin::new(&mut self.receive), cx, buffer)
    }
}

impl AsyncWrite for Duplex {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(&mut self.send), cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(&mut self.send), cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_shutdown(Pin::new(&mut self.send), cx)
    }
}

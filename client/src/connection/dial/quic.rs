//! Makes QUIC connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;

use crate::address::Address;
use crate::connection::pipe::ByteStream;
use crate::error::{Error, ErrorKind, Result};

/// A connection on which nothing arrived for so long is lost: three heartbeats of the protocol.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// Packets that keep the mappings of routers alive, between heartbeats.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// What one stream may hold of bytes that were not read: the broker's limit of a link.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
/// The same for all streams of a connection.
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// Connects. Each connection has a UDP socket of its own.
pub(super) async fn connect(
    config: &Arc<rustls::ClientConfig>,
    server_name: &str,
    address: &Address,
    socket_address: SocketAddr,
) -> Result<quinn::Connection> {
    let unreachable = |text: String| Error::new(ErrorKind::Unreachable, format!("QUIC with {address} failed: {text}"));
    let crypto = QuicClientConfig::try_from(Arc::clone(config)).map_err(|error| unreachable(error.to_string()))?;
    let mut transport = quinn::TransportConfig::default();
    transport
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_idle_timeout(Some(IDLE_MAX.try_into().expect("30 seconds are a time of QUIC")))
        .stream_receive_window(STREAM_WINDOW_BYTES.into())
        .receive_window(CONNECTION_WINDOW_BYTES.into())
        .max_concurrent_uni_streams(0_u8.into())
        .max_concurrent_bidi_streams(0_u8.into());
    let mut client = quinn::ClientConfig::new(Arc::new(crypto));
    client.transport_config(Arc::new(transport));
    let any: SocketAddr = if socket_address.is_ipv6() { ([0_u16; 8], 0).into() } else { ([0_u8; 4], 0).into() };
    let endpoint = quinn::Endpoint::client(any).map_err(|error| unreachable(error.to_string()))?;
    let connecting = endpoint
        .connect_with(client, socket_address, server_name)
        .map_err(|error| Error::with_source(ErrorKind::InvalidArgument, error.to_string(), error))?;
    connecting.await.map_err(|error| unreachable(error.to_string()))
}

/// The stream of the hello, and the exporter of TLS.
pub(super) async fn first_stream(connection: &quinn::Connection) -> Result<(Box<dyn ByteStream>, [u8; 32])> {
    let mut exporter = [0; 32];
    connection
        .export_keying_material(&mut exporter, posthouse_wire::EXPORTER_LABEL, &[])
        .map_err(|_| Error::new(ErrorKind::Unreachable, "the TLS session of QUIC has no exporter"))?;
    let (send, receive) = connection.open_bi().await.map_err(|error| {
        Error::with_source(ErrorKind::Unreachable, format!("QUIC opened no stream: {error}"), error)
    })?;
    Ok((Box::new(tokio::io::join(receive, send)), exporter))
}

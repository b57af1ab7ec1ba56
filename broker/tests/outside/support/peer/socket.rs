//! Frames over TCP, TLS and QUIC. A task reads each stream and hands its frames over, so that a caller can wait for them
//! with a time limit.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use posthouse_wire::{Assembler, Check, EXPORTER_LABEL, Frame, Link, Outgoing, Splitter};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::support::PATIENCE;

/// What the streams of all connections run on.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().expect("a runtime")
});

/// The name in the broker's certificate.
pub(super) const SERVER_NAME: &str = "localhost";
/// The protocol's name in the handshake of TLS.
const ALPN: &[u8] = b"posthouse/1";
/// Bytes of a payload that comes in several frames.
const PAYLOAD_BYTES_MAX: usize = 64 << 20;

/// What carries the frames.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Transport {
    /// TCP, with checks in the frames.
    Tcp,
    /// TLS over TCP, where this certificate is trusted.
    Tls(CertificateDer<'static>),
    /// QUIC, where this certificate is trusted.
    Quic(CertificateDer<'static>),
}

impl Transport {
    /// Whether frames have checks.
    pub(crate) const fn check(&self) -> Check {
        match self {
            Self::Tcp => Check::Crc32c,
            Self::Tls(_) | Self::Quic(_) => Check::Absent,
        }
    }
}

/// The frames of a connection, or why it ended.
type Arrived = Result<Frame, String>;

/// An open connection.
pub(crate) struct Socket {
    writer: Writer,
    arrived: Receiver<Arrived>,
    /// The channel binding of TLS.
    pub exporter: Option<[u8; 32]>,
}

enum Writer {
    Stream(Box<dyn AsyncWrite + Send + Unpin>),
    Quic(Quic),
}

/// Each link has a stream of its own.
struct Quic {
    connection: quinn::Connection,
    streams: HashMap<Link, quinn::SendStream>,
    frames: Sender<Arrived>,
    /// Dropping it ends the connection.
    _endpoint: quinn::Endpoint,
}

impl Socket {
    /// Connects.
    pub(crate) fn open(address: SocketAddr, transport: &Transport) -> io::Result<Self> {
        RUNTIME.block_on(async {
            tokio::time::timeout(PATIENCE, connect(address, transport)).await.map_err(io::Error::other)?
        })
    }

    /// Writes the frames of a link.
    pub(crate) fn write(&mut self, link: Link, frames: &mut Outgoing) -> io::Result<()> {
        let mut chunks = frames.take();
        RUNTIME.block_on(async {
            let write = async {
                match &mut self.writer {
                    Writer::Stream(stream) => {
                        stream.write_all_buf(&mut chunks).await?;
                        stream.flush().await
                    }
                    Writer::Quic(quic) => quic.stream(link).await?.write_all_buf(&mut chunks).await,
                }
            };
            tokio::time::timeout(PATIENCE, write).await.map_err(io::Error::other)?
        })
    }

    /// The next frame, or why the connection ended; `None` after this time.
    pub(crate) fn next(&self, within: Duration) -> Option<Arrived> {
        self.arrived.recv_timeout(within).ok()
    }

    /// The link sends no more frames.
    pub(crate) fn finish(&mut self, link: Link) {
        if let Writer::Quic(quic) = &mut self.writer {
            quic.streams.remove(&link);
        }
    }
}

impl Quic {
    async fn stream(&mut self, link: Link) -> io::Result<&mut quinn::SendStream> {
        match self.streams.entry(link) {
            std::collections::hash_map::Entry::Occupied(stream) => Ok(stream.into_mut()),
            std::collections::hash_map::Entry::Vacant(place) => {
                let (send, receive) = self.connection.open_bi().await?;
                let is_connection = link == Link::CONNECTION;
                let end = if is_connection { End::OfConnection } else { End::OfLink };
                RUNTIME.spawn(read(receive, (Check::Absent, end), self.frames.clone()));
                Ok(place.insert(send))
            }
        }
    }
}

async fn connect(address: SocketAddr, transport: &Transport) -> io::Result<Socket> {
    let (frames, arrived) = channel();
    let (writer, exporter) = match transport {
        Transport::Tcp => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            (split(stream, Check::Crc32c, frames), None)
        }
        Transport::Tls(certificate) => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let connector = tokio_rustls::TlsConnector::from(Arc::new(trusting(certificate)));
            let name = ServerName::try_from(SERVER_NAME).expect("a name");
            let stream = connector.connect(name, stream).await?;
            let exporter = [0; 32];
            let exporter = stream.get_ref().1.export_keying_material(exporter, EXPORTER_LABEL, Some(&[]));
            (split(stream, Check::Absent, frames), Some(exporter.map_err(io::Error::other)?))
        }
        Transport::Quic(certificate) => {
            let mut endpoint = quinn::Endpoint::client((Ipv4Addr::LOCALHOST, 0).into())?;
            let tls = quinn::crypto::rustls::QuicClientConfig::try_from(trusting(certificate));
            let tls = tls.map_err(io::Error::other)?;
            endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(tls)));
            let connection = endpoint.connect(address, SERVER_NAME).map_err(io::Error::other)?.await?;
            let mut exporter = [0; 32];
            let exported = connection.export_keying_material(&mut exporter, EXPORTER_LABEL, &[]);
            exported.map_err(|_| io::Error::other("no exporter"))?;
            let quic = Quic { connection, streams: HashMap::new(), frames, _endpoint: endpoint };
            (Writer::Quic(quic), Some(exporter))
        }
    };
    Ok(Socket { writer, arrived, exporter })
}

fn trusting(certificate: &CertificateDer<'static>) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).expect("the provider has TLS 1.3");
    let mut configuration = builder.with_root_certificates(roots).with_no_client_auth();
    configuration.alpn_protocols = vec![ALPN.to_vec()];
    configuration
}

fn split(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    check: Check,
    frames: Sender<Arrived>,
) -> Writer {
    let (receive, send) = tokio::io::split(stream);
    RUNTIME.spawn(read(receive, (check, End::OfConnection), frames));
    Writer::Stream(Box::new(send))
}

/// What the end of a stream is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    OfConnection,
    /// A link was closed. Nothing more is to be said.
    OfLink,
}

/// Hands over the frames of a stream until it ends.
async fn read(mut stream: impl AsyncRead + Unpin, (check, end): (Check, End), frames: Sender<Arrived>) {
    let mut splitter = Splitter::new(check);
    // What a broker may send before READY is tested with the broker's listener, not here.
    splitter.allow_long_frames();
    let mut assembler = Assembler::new(PAYLOAD_BYTES_MAX);
    let why = loop {
        match splitter.next_frame().map_err(|error| error.to_string()) {
            Ok(Some(frame)) => match assembler.push(frame) {
                Ok(Some(frame)) => match frames.send(Ok(frame)) {
                    Ok(()) => continue,
                    Err(_) => return,
                },
                Ok(None) => continue,
                Err(error) => break error.to_string(),
            },
            Ok(None) => {}
            Err(error) => break error,
        }
        match stream.read_buf(splitter.buffer(16 << 10)).await {
            Ok(0) if end == End::OfLink => return,
            Ok(0) => break "the broker has closed the stream".to_owned(),
            Ok(_) => {}
            Err(error) => break error.to_string(),
        }
    };
    // The receiver is dropped once the connection is.
    let _ = frames.send(Err(why));
}

//! Certificates for the native protocol over TLS and QUIC: an authority, a broker's and a client's, made for one case.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use posthouse_wire::{Check, EXPORTER_LABEL};
use quinn::crypto::rustls::QuicClientConfig;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::runtime::Runtime;

use super::{Launch, Native, PATIENCE};

/// An authority, and the files that a broker is configured with.
pub(crate) struct Certificates {
    directory: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Certificates {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signed");
        let made = Self { directory: TempDir::with_prefix("posthouse-").expect("a directory"), authority };
        let (certificate, key) = made.issue("localhost");
        made.write("ca.pem", &made.authority.pem());
        made.write("broker.pem", &certificate.pem());
        made.write("broker.key", &key.serialize_pem());
        made
    }

    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        self.issue_until(name, OffsetDateTime::now_utc() + Duration::from_secs(3650 * 24 * 60 * 60))
    }

    fn issue_until(&self, name: &str, end: OffsetDateTime) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.not_after = end;
        (params.signed_by(&key, &self.authority).expect("signed"), key)
    }

    /// Replaces the broker's certificate and key by others, which end in this year.
    pub(crate) fn renew(&self, year: i32) {
        self.renew_until(rcgen::date_time_ymd(year, 1, 1));
    }

    /// As [`Certificates::renew`], with the time from now on.
    pub(crate) fn renew_for(&self, time: Duration) {
        self.renew_until(OffsetDateTime::now_utc() + time);
    }

    fn renew_until(&self, end: OffsetDateTime) {
        let (certificate, key) = self.issue_until("localhost", end);
        self.write("broker.pem", &certificate.pem());
        self.write("broker.key", &key.serialize_pem());
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("a file");
    }

    /// The text of a file.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("a file")
    }

    /// The flags that have a listener show the certificate, by the section of its settings.
    pub(crate) fn flags(&self, section: &str) -> Vec<String> {
        let section = section.replace('.', "-");
        let path = |name| self.path(name).display().to_string();
        vec![format!("--{section}-certificate"), path("broker.pem"), format!("--{section}-key"), path("broker.key")]
    }

    /// Has a listener show the certificate.
    pub(crate) fn secures(&self, section: &str, launch: Launch) -> Launch {
        let flags = self.flags(section);
        flags.chunks_exact(2).fold(launch, |launch, flag| launch.flag(flag[0].trim_start_matches("--"), &flag[1]))
    }

    /// Has a listener ask clients for a certificate of the authority.
    pub(crate) fn asks_clients_in(&self, section: &str, launch: Launch) -> Launch {
        launch.flag(&format!("{section}-client-ca"), &self.path("ca.pem").display().to_string())
    }

    /// A client of HTTP that trusts the authority, and offers these protocols.
    pub(crate) fn http_client(&self, shows: Shows, alpn: &[&[u8]]) -> Arc<ClientConfig> {
        let mut config = Arc::unwrap_or_clone(self.client(shows));
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    }

    /// The authority's certificate.
    pub(crate) fn authority_pem(&self) -> String {
        self.authority.pem()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Removes a file.
    pub(crate) fn lose(&self, name: &str) {
        std::fs::remove_file(self.path(name)).expect("it was there");
    }

    /// Has a broker show the certificate.
    pub(crate) fn configured(&self, launch: Launch) -> Launch {
        let path = |name| self.path(name).display().to_string();
        launch.flag("native-tls-certificate", &path("broker.pem")).flag("native-tls-key", &path("broker.key"))
    }

    /// Has a broker ask clients for a certificate of the authority.
    pub(crate) fn asks_clients(&self, launch: Launch) -> Launch {
        launch.flag("native-tls-client-ca", &self.path("ca.pem").display().to_string())
    }

    /// A client that trusts the authority, and shows a certificate of it if it has one.
    pub(crate) fn client(&self, shows: Shows) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).expect("a certificate");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("TLS 1.3")
            .with_root_certificates(roots);
        let mut config = match shows {
            Shows::Nothing => builder.with_no_client_auth(),
            Shows::Certificate => {
                let (certificate, key) = self.issue("client");
                let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
                let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
                builder.with_client_auth_cert(chain, key).expect("they belong together")
            }
        };
        config.alpn_protocols = vec![b"posthouse/1".to_vec()];
        Arc::new(config)
    }
}

/// What a client shows in the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shows {
    Nothing,
    Certificate,
}

/// A connection over TLS to a listener of HTTP.
pub(crate) struct Secured(StreamOwned<ClientConnection, TcpStream>);

impl Secured {
    /// Connects. `None` if the handshake fails on the client's side.
    pub(crate) fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> Option<Self> {
        let mut stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket takes a deadline");
        stream.set_nodelay(true).expect("a socket takes the option");
        let name = ServerName::try_from("localhost").expect("a name");
        let mut session = ClientConnection::new(Arc::clone(config), name).expect("a session");
        while session.is_handshaking() {
            session.complete_io(&mut stream).ok()?;
        }
        Some(Self(StreamOwned::new(session, stream)))
    }

    /// The protocol that the broker has chosen.
    pub(crate) fn protocol(&self) -> Option<Vec<u8>> {
        self.0.conn.alpn_protocol().map(<[u8]>::to_vec)
    }

    /// The certificate that the broker has shown.
    pub(crate) fn certificate(&self) -> Vec<u8> {
        self.0.conn.peer_certificates().expect("it has shown some")[0].to_vec()
    }
}

impl Read for Secured {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Secured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl super::http::Stream for Secured {
    fn finish(&mut self) -> std::io::Result<()> {
        self.0.conn.send_close_notify();
        self.0.flush()
    }
}

/// A connection over TLS, before the hello. The handshake must succeed on the client's side.
#[track_caller]
pub(crate) fn over_tls(address: SocketAddr, config: &Arc<ClientConfig>) -> Native {
    let mut stream = TcpStream::connect(address).expect("the broker listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket takes a deadline");
    let name = ServerName::try_from("localhost").expect("a name");
    let mut session = ClientConnection::new(Arc::clone(config), name).expect("a session");
    while session.is_handshaking() {
        session.complete_io(&mut stream).expect("the handshake succeeds");
    }
    let exporter = session.export_keying_material([0; 32], EXPORTER_LABEL, Some(&[])).expect("TLS 1.3");
    Native::over(Box::new(StreamOwned::new(session, stream)), Check::Absent, Some(exporter))
}

/// A connection over QUIC.
pub(crate) struct Quic {
    runtime: Arc<Runtime>,
    connection: quinn::Connection,
    _endpoint: quinn::Endpoint,
}

impl Quic {
    /// Connects. `None` if the broker refuses the handshake.
    pub(crate) fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> Option<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let (connection, endpoint) = runtime.block_on(async {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
            let runtime = quinn::default_runtime().expect("tokio");
            let endpoint =
                quinn::Endpoint::new(quinn::EndpointConfig::default(), None, socket, runtime).expect("an endpoint");
            let crypto = QuicClientConfig::try_from(Arc::clone(config)).expect("TLS 1.3");
            let config = quinn::ClientConfig::new(Arc::new(crypto));
            let connecting = endpoint.connect_with(config, address, "localhost").expect("valid");
            connecting.await.ok().map(|connection| (connection, endpoint))
        })?;
        Some(Self { runtime: Arc::new(runtime), connection, _endpoint: endpoint })
    }

    /// Opens a stream.
    #[track_caller]
    pub(crate) fn open(&self) -> Native {
        let (send, receive) = self.runtime.block_on(self.connection.open_bi()).expect("a stream");
        let mut exporter = [0; 32];
        self.connection.export_keying_material(&mut exporter, EXPORTER_LABEL, b"").expect("TLS 1.3");
        let stream = Duplex { runtime: Arc::clone(&self.runtime), send, receive };
        let mut native = Native::over(Box::new(stream), Check::Absent, Some(exporter));
        native.allow_long_frames();
        native
    }

    /// Opens a stream and writes to it, in so much time at most. `None` if the broker has not taken all of it.
    pub(crate) fn open_with(&self, bytes: &[u8], patience: Duration) -> Option<Opened> {
        let written = async {
            let (mut send, receive) = self.connection.open_bi().await.expect("a stream");
            send.write_all(bytes).await.expect("the connection is open");
            Opened { _send: send, _receive: receive }
        };
        self.runtime.block_on(async { tokio::time::timeout(patience, written).await.ok() })
    }

    /// Whether the broker lets a further stream be opened.
    pub(crate) fn may_open(&self) -> bool {
        self.runtime.block_on(async {
            tokio::time::timeout(Duration::from_millis(200), self.connection.open_bi()).await.is_ok()
        })
    }

    /// Waits until the connection has ended.
    pub(crate) fn ended(&self) {
        self.runtime.block_on(async {
            tokio::time::timeout(PATIENCE, self.connection.closed()).await.expect("the broker ends it");
        });
    }
}

/// A stream that says nothing more.
pub(crate) struct Opened {
    _send: quinn::SendStream,
    _receive: quinn::RecvStream,
}

/// A stream of a connection over QUIC, for one thread.
struct Duplex {
    runtime: Arc<Runtime>,
    send: quinn::SendStream,
    receive: quinn::RecvStream,
}

impl Read for Duplex {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.runtime.block_on(in_time(self.receive.read(buffer)));
        Ok(read.map_err(std::io::Error::other)?.unwrap_or(0))
    }
}

impl Write for Duplex {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.runtime.block_on(in_time(self.send.write(bytes))).map_err(std::io::Error::other)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Fails if something takes longer than [`PATIENCE`].
async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("an answer in time")
}

//! Makes connections to one address.

use std::net::SocketAddr;

use tokio::net::{TcpStream, lookup_host};

use crate::address::{Address, Transport};
use crate::connection::handshake::{Broker, Identity, Protection, shake};
use crate::connection::session::Session;
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Result};

#[cfg(feature = "quic")]
mod quic;

/// How connections are made, whatever the address.
#[derive(Debug)]
pub(crate) struct Dialer {
    transport: Transport,
    credentials: Option<Credentials>,
    region: String,
    #[cfg(feature = "tls")]
    tls: Option<Secured>,
}

/// What TLS and QUIC need.
#[cfg(feature = "tls")]
#[derive(Debug)]
struct Secured {
    tls: crate::tls::Tls,
    config: std::sync::Arc<rustls::ClientConfig>,
}

impl Dialer {
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] where the transport needs a feature that is not compiled in, or the options of
    /// TLS are wrong.
    pub(crate) fn new(
        transport: Transport,
        credentials: Option<Credentials>,
        region: String,
        #[cfg(feature = "tls")] tls: crate::tls::Tls,
    ) -> Result<Self> {
        if !is_compiled_in(transport) {
            let text = format!("this build of posthouse-client lacks the feature for {transport:?}");
            return Err(Error::new(ErrorKind::InvalidArgument, text));
        }
        Ok(Self {
            transport,
            credentials,
            region,
            #[cfg(feature = "tls")]
            tls: match transport {
                Transport::Tcp => None,
                Transport::Tls | Transport::Quic => Some(Secured { config: std::sync::Arc::new(tls.config()?), tls }),
            },
        })
    }

    fn identity(&self) -> Identity<'_> {
        Identity { credentials: self.credentials.as_ref(), region: &self.region }
    }

    /// Connects to one of the IP addresses of a host, in the order of the resolver.
    ///
    /// # Errors
    ///
    /// That of the last IP address. [`ErrorKind::Unreachable`] if the host has none.
    pub(crate) async fn dial(&self, address: &Address) -> Result<(Session, Broker)> {
        let unreachable = |error: std::io::Error| {
            Error::with_source(ErrorKind::Unreachable, format!("{address} cannot be reached: {error}"), error)
        };
        let found = lookup_host((address.host(), address.port())).await.map_err(unreachable)?;
        let mut last = Error::new(ErrorKind::Unreachable, format!("{address} has no IP address"));
        for socket_address in found {
            match self.dial_one(address, socket_address).await {
                Ok(connected) => return Ok(connected),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn dial_one(&self, address: &Address, socket_address: SocketAddr) -> Result<(Session, Broker)> {
        match self.transport {
            Transport::Tcp => {
                let stream = connect_tcp(address, socket_address).await?;
                let is_loopback = socket_address.ip().is_loopback();
                let protection = if is_loopback { Protection::Loopback } else { Protection::None };
                let (opened, broker) = shake(Box::new(stream), self.identity(), protection).await?;
                Ok((Session::over_tcp(opened), broker))
            }
            Transport::Tls => self.dial_tls(address, socket_address).await,
            Transport::Quic => self.dial_quic(address, socket_address).await,
        }
    }

    #[cfg(feature = "tls")]
    async fn dial_tls(&self, address: &Address, socket_address: SocketAddr) -> Result<(Session, Broker)> {
        let Secured { tls, config } = self.tls.as_ref().ok_or_else(not_compiled_in)?;
        let name = server_name(tls.name_for(address.host()))?;
        let stream = connect_tcp(address, socket_address).await?;
        let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::clone(config));
        let stream = connector.connect(name, stream).await.map_err(|error| {
            Error::with_source(ErrorKind::Unreachable, format!("TLS with {address} failed: {error}"), error)
        })?;
        let exporter = [0; 32];
        let label = posthouse_wire::EXPORTER_LABEL;
        let exporter = stream.get_ref().1.export_keying_material(exporter, label, Some(&[])).map_err(|error| {
            Error::with_source(ErrorKind::Unreachable, format!("TLS with {address} failed: {error}"), error)
        })?;
        let (opened, broker) = shake(Box::new(stream), self.identity(), Protection::Tls(exporter)).await?;
        Ok((Session::over_tcp(opened), broker))
    }

    #[cfg(not(feature = "tls"))]
    async fn dial_tls(&self, _: &Address, _: SocketAddr) -> Result<(Session, Broker)> {
        Err(not_compiled_in())
    }

    #[cfg(feature = "quic")]
    async fn dial_quic(&self, address: &Address, socket_address: SocketAddr) -> Result<(Session, Broker)> {
        let Secured { tls, config } = self.tls.as_ref().ok_or_else(not_compiled_in)?;
        let connection = quic::connect(config, tls.name_for(address.host()), address, socket_address).await?;
        let (stream, exporter) = quic::first_stream(&connection).await?;
        let (opened, broker) = shake(stream, self.identity(), Protection::Tls(exporter)).await?;
        Ok((Session::over_quic(opened, connection), broker))
    }

    #[cfg(not(feature = "quic"))]
    async fn dial_quic(&self, _: &Address, _: SocketAddr) -> Result<(Session, Broker)> {
        Err(not_compiled_in())
    }
}

fn is_compiled_in(transport: Transport) -> bool {
    match transport {
        Transport::Tcp => cfg!(feature = "tcp"),
        Transport::Tls => cfg!(feature = "tls"),
        Transport::Quic => cfg!(feature = "quic"),
    }
}

/// [`Dialer::new`] has refused the transport before.
fn not_compiled_in() -> Error {
    Error::new(ErrorKind::InvalidArgument, "this build of posthouse-client lacks the feature for this transport")
}

async fn connect_tcp(address: &Address, socket_address: SocketAddr) -> Result<TcpStream> {
    let unreachable = |error: std::io::Error| {
        Error::with_source(ErrorKind::Unreachable, format!("{address} cannot be reached: {error}"), error)
    };
    let stream = TcpStream::connect(socket_address).await.map_err(unreachable)?;
    // Frames are gathered before they are written: the kernel must not wait for more.
    stream.set_nodelay(true).map_err(unreachable)?;
    Ok(stream)
}

#[cfg(feature = "tls")]
fn server_name(name: &str) -> Result<rustls::pki_types::ServerName<'static>> {
    rustls::pki_types::ServerName::try_from(name.to_owned()).map_err(|error| {
        Error::with_source(ErrorKind::InvalidArgument, format!("{name:?} is no name of a server: {error}"), error)
    })
}

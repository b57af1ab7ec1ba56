//! Posthouse's native protocol, over TCP, TLS or QUIC, with the client library that applications use.
//!
//! A worker has a link (a producer or a consumer) of its own, and a connection of its own unless the URL says
//! `pipeline=N`: then N workers of a kind share a connection, so that N calls are under way on it at a time.
//!
//! The broker pushes messages to a consumer until the number of unsettled ones reaches the prefetch. `receive` returns up
//! to a batch of them and leaves the others for the next call. The prefetch is one batch unless the URL says `prefetch=N`,
//! so that a consumer does not hold messages that another could receive. `settle` deletes, and returns when the broker has
//! made that durable.
//!
//! The client library's reconnection is off: the driver opens another connection.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use posthouse_client::{Client, Tls};

use super::aws::credentials_of_environment;
use super::{Address, CONNECT_MAX, sqs};
use crate::target::{Consumer, Failure, Kind, Layout, Producer, Promise, Target};

mod failure;
mod lines;
mod receiver;
mod sender;
mod setup;

use failure::failure;
use lines::Lines;
use receiver::Receiver;
use sender::Sender;

const PORT: u16 = 9326;
/// The most workers of a connection: a connection has 256 links by default.
const PIPELINE_MAX: u32 = 256;
/// The most unsettled messages of a consumer.
const PREFETCH_MAX: u32 = 65_536;
/// The most bytes of a batch's bodies: they fit into the window that a producer has by default.
const BATCH_BYTES_MAX: usize = 8 << 20;
/// How long a client is without a connection until it ends.
const GIVE_UP: Duration = Duration::ZERO;

struct Native {
    dialer: Arc<Dialer>,
    producers: Lines,
    consumers: Lines,
    /// The most unsettled messages of a consumer; `None` for one batch.
    prefetch: Option<NonZeroU32>,
}

/// What a connection needs.
struct Dialer {
    url: String,
    access_key_id: String,
    secret: String,
    region: String,
    /// The authority that TLS and QUIC trust, in PEM; `None` for those of the system.
    authority: Option<Vec<u8>>,
}

/// Opens `posthouse[+tls|+quic]://[KEY:SECRET@]HOST[:PORT][?pipeline=N&prefetch=N&region=REGION&authority=FILE]`.
pub(super) fn open(address: &Address) -> Result<Arc<dyn Target>, Failure> {
    let [pipeline, prefetch, region, authority] =
        address.parameters(["pipeline", "prefetch", "region", "authority"])?;
    if !matches!(address.url().path(), "" | "/") {
        return Err(Failure::Unsupported(format!("{address}: a broker has no path")));
    }
    let pipeline = number(address, "pipeline", pipeline, PIPELINE_MAX)?.unwrap_or(NonZeroU32::MIN);
    let prefetch = number(address, "prefetch", prefetch, PREFETCH_MAX)?;
    if authority.is_some() && address.scheme() == "posthouse" {
        return Err(Failure::Unsupported(format!("{address}: only TLS and QUIC have an authority")));
    }
    let authority = authority.map(|file| {
        let read = std::fs::read(Path::new(&file));
        read.map_err(|error| Failure::Unsupported(format!("{address}: the authority `{file}`: {error}")))
    });
    let (host, port) = address.host_and_port(PORT)?;
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let (access_key_id, secret) = address.credentials().unwrap_or_else(credentials_of_environment);
    let dialer = Arc::new(Dialer {
        url: format!("{}://{host}:{port}", address.scheme()),
        access_key_id,
        secret,
        region: region.unwrap_or_default(),
        authority: authority.transpose()?,
    });
    let lines = || Lines::new(Arc::clone(&dialer), pipeline);
    Ok(Arc::new(Native { producers: lines(), consumers: lines(), dialer, prefetch }))
}

fn number(address: &Address, name: &str, text: Option<String>, max: u32) -> Result<Option<NonZeroU32>, Failure> {
    let number = text.map(|text| match text.parse::<NonZeroU32>() {
        Ok(number) if number.get() <= max => Ok(number),
        _ => Err(Failure::Unsupported(format!("{address}: {name} is a number from 1 to {max}, not `{text}`"))),
    });
    number.transpose()
}

impl Dialer {
    /// Connects.
    async fn connect(&self) -> Result<Client, Failure> {
        let mut builder = Client::builder(&self.url)
            .credentials(&self.access_key_id, &self.secret)
            .region(&self.region)
            .connect_timeout(CONNECT_MAX)
            .give_up_after(GIVE_UP);
        if let Some(authority) = &self.authority {
            builder = builder.tls(Tls::new().certificate_authority_pem(authority).map_err(|error| failure(&error))?);
        }
        builder.connect().await.map_err(|error| match failure(&error) {
            Failure::Disconnected(why) => Failure::Unreachable(why),
            other => other,
        })
    }
}

#[async_trait]
impl Target for Native {
    fn promise(&self, layout: &Layout) -> Result<Promise, Failure> {
        if layout.batch.saturating_mul(layout.body_bytes_max) > BATCH_BYTES_MAX {
            let why = format!("the bodies of a batch have at most {BATCH_BYTES_MAX} bytes together");
            return Err(Failure::Unsupported(why));
        }
        sqs::check_times(layout)?;
        Ok(if layout.kind == Kind::Fifo { Promise::FIFO } else { Promise::AT_LEAST_ONCE })
    }

    async fn prepare(&self, layout: &Layout) -> Result<(), Failure> {
        setup::make(&self.dialer.connect().await?, layout).await
    }

    async fn producer(&self, layout: &Layout) -> Result<Box<dyn Producer>, Failure> {
        Ok(Box::new(Sender::open(self.producers.line().await?, layout).await?))
    }

    async fn consumer(&self, layout: &Layout, destination: u32) -> Result<Box<dyn Consumer>, Failure> {
        let batch = u32::try_from(layout.batch).unwrap_or(PREFETCH_MAX);
        let prefetch = self.prefetch.map_or(batch, NonZeroU32::get);
        let queue = setup::queue_name(layout, destination);
        Ok(Box::new(Receiver::open(self.consumers.line().await?, &queue, prefetch).await?))
    }

    async fn remove(&self, layout: &Layout) -> Result<(), Failure> {
        setup::unmake(&self.dialer.connect().await?, layout).await
    }
}

#[cfg(test)]
mod tests;

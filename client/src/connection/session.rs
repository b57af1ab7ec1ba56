//! One connection with all its streams, from the hello to its end.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use posthouse_wire::Link;

use crate::connection::endpoint::{Endpoint, LinkEnd};
use crate::connection::pipe::{Departure, Ended, Opened, Pipe};
use crate::connection::registry::Registry;
use crate::error::{Error, ErrorKind, Result};

#[cfg(feature = "quic")]
mod quic;

/// A connection after the hello.
pub(crate) struct Session {
    /// The stream of the hello and of calls; over TCP of all links.
    control: Pipe,
    /// Links that have ended since the last look.
    ended: Vec<LinkEnd>,
    links: Links,
}

/// Where links are.
enum Links {
    /// On the stream of the hello.
    Together,
    /// Each on a stream of its own.
    #[cfg(feature = "quic")]
    Apart(quic::Streams),
}

/// Why a connection ended, if not by an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The client was closed, and everything is finished.
    Closed,
    /// The broker ends the connection.
    Left(Departure),
}

impl Session {
    /// A connection of TCP or TLS.
    pub(crate) fn over_tcp(opened: Opened) -> Self {
        Self { control: Pipe::new(opened), ended: Vec::new(), links: Links::Together }
    }

    /// A connection of QUIC.
    #[cfg(feature = "quic")]
    pub(crate) fn over_quic(opened: Opened, connection: quinn::Connection) -> Self {
        let streams = quic::Streams::new(connection, opened.terms.clone());
        Self { control: Pipe::new(opened), ended: Vec::new(), links: Links::Apart(streams) }
    }

    /// Attaches all endpoints and serves them until the connection ends. The first one is that of calls.
    ///
    /// # Errors
    ///
    /// The connection is lost.
    pub(crate) async fn drive(mut self, registry: &Registry) -> Result<End> {
        let mut endpoints = registry.all().into_iter();
        if let Some(calls) = endpoints.next() {
            self.control.attach(Link::CONNECTION, calls);
        }
        for endpoint in endpoints {
            self.attach(&endpoint, registry);
        }
        poll_fn(|context| self.poll(context, registry)).await
    }

    fn attach(&mut self, endpoint: &Arc<dyn Endpoint>, registry: &Registry) {
        let is_attached = match &mut self.links {
            Links::Together => match self.control.free_link() {
                Some(link) => {
                    self.control.attach(link, Arc::clone(endpoint));
                    true
                }
                None => false,
            },
            #[cfg(feature = "quic")]
            Links::Apart(streams) => streams.attach(Arc::clone(endpoint)),
        };
        if !is_attached {
            let text = "the connection has as many links as the broker allows: use another client";
            endpoint.end(&Error::new(ErrorKind::Refused, text));
            registry.remove(endpoint);
        }
    }

    fn poll(&mut self, context: &mut Context<'_>, registry: &Registry) -> Poll<Result<End>> {
        let news = registry.poll(context);
        for endpoint in news.fresh {
            self.attach(&endpoint, registry);
        }
        let control = self.control.poll(context, &mut self.ended);
        let mut are_links_done = match &mut self.links {
            Links::Together => true,
            #[cfg(feature = "quic")]
            Links::Apart(streams) => streams.poll(context, &mut self.ended)?,
        };
        for end in std::mem::take(&mut self.ended) {
            match end {
                LinkEnd::Ended(endpoint) => registry.remove(&endpoint),
                LinkEnd::Reopen(endpoint) => {
                    self.attach(&endpoint, registry);
                    are_links_done = false;
                    // What drives the new link was polled before there was one.
                    context.waker().wake_by_ref();
                }
            }
        }
        match control? {
            Poll::Ready(Ended::Left(departure)) if are_links_done => return Poll::Ready(Ok(End::Left(departure))),
            // The links of other streams are not done; each of them wakes this task when it is.
            Poll::Ready(Ended::Left(_) | Ended::Done) | Poll::Pending => {}
        }
        if news.is_closing && are_links_done && self.control.is_drained() {
            return Poll::Ready(Ok(End::Closed));
        }
        Poll::Pending
    }
}

//! The streams of a QUIC connection that carry one link each, so that a link that is slow holds up no other.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use posthouse_wire::{Check, Link, Outgoing, Splitter};
use tokio::task::JoinSet;

use crate::connection::endpoint::{Endpoint, LinkEnd};
use crate::connection::pipe::{Opened, Pipe, Terms};
use crate::connection::signal::Signals;
use crate::error::{Error, ErrorKind, Result};

/// The links of a QUIC connection. Each is driven by a task of its own.
pub(super) struct Streams {
    connection: quinn::Connection,
    terms: Terms,
    tasks: JoinSet<(Arc<dyn Endpoint>, Result<Ending>)>,
    /// To wake the tasks when the broker has announced the connection's end.
    signals: Vec<Arc<Signals>>,
    knows_departure: bool,
    last_link: Link,
}

/// How a link's stream ended.
enum Ending {
    /// The link has ended.
    Link,
    /// The link has ended, and its endpoint needs another one.
    Reopen,
    /// The broker ends the connection, and the link has nothing under way.
    Departure,
}

/// Closes the connection when the session is dropped.
impl Drop for Streams {
    fn drop(&mut self) {
        self.connection.close(0_u8.into(), b"");
    }
}

impl Streams {
    pub(super) fn new(connection: quinn::Connection, terms: Terms) -> Self {
        // The stream of the hello has the heartbeats.
        let terms = Terms { heartbeat: None, ..terms };
        Self {
            connection,
            terms,
            tasks: JoinSet::new(),
            signals: Vec::new(),
            knows_departure: false,
            last_link: Link::CONNECTION,
        }
    }

    /// Opens a stream for an endpoint. Returns whether the connection may have another link.
    pub(super) fn attach(&mut self, endpoint: Arc<dyn Endpoint>) -> bool {
        // 65,535 numbers are used in turn, and at most `limits.links` at once: with fewer than half of them in use, the
        // next number has long been free.
        if self.tasks.len() >= usize::from(self.terms.limits.links.min(u16::MAX / 2)) {
            return false;
        }
        self.last_link = Link::new(self.last_link.get().checked_add(1).unwrap_or(1));
        let (link, terms, connection) = (self.last_link, self.terms.clone(), self.connection.clone());
        let signals: Arc<Signals> = Arc::default();
        self.signals.push(Arc::clone(&signals));
        self.tasks.spawn(async move {
            let ending = serve(&connection, terms, signals, link, &endpoint).await;
            (endpoint, ending)
        });
        true
    }

    /// Whether no link has anything under way. Links that have ended are appended to `ended`.
    ///
    /// # Errors
    ///
    /// The connection is lost.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, ended: &mut Vec<LinkEnd>) -> Result<bool> {
        if !self.knows_departure && self.terms.departure.get().is_some() {
            self.knows_departure = true;
            self.signals.iter().for_each(|signals| signals.wake());
        }
        while let Poll::Ready(Some(joined)) = self.tasks.poll_join_next(context) {
            let (endpoint, ending) = joined.map_err(|error| {
                Error::with_source(ErrorKind::ConnectionLost, format!("the task of a link ended: {error}"), error)
            })?;
            match ending? {
                Ending::Link => ended.push(LinkEnd::Ended(endpoint)),
                Ending::Reopen => ended.push(LinkEnd::Reopen(endpoint)),
                Ending::Departure => {}
            }
            self.signals.retain(|signals| Arc::strong_count(signals) > 1);
        }
        Ok(self.tasks.is_empty())
    }
}

async fn serve(
    connection: &quinn::Connection,
    terms: Terms,
    signals: Arc<Signals>,
    link: Link,
    endpoint: &Arc<dyn Endpoint>,
) -> Result<Ending> {
    let (send, receive) = connection.open_bi().await.map_err(|error| {
        Error::with_source(ErrorKind::ConnectionLost, format!("QUIC opened no stream: {error}"), error)
    })?;
    let mut splitter = Splitter::new(Check::Absent);
    splitter.allow_long_frames();
    let stream = Box::new(tokio::io::join(receive, send));
    let opened = Opened { stream, splitter, out: Outgoing::new(Check::Absent), terms };
    let mut pipe = Pipe::with_signals(opened, signals);
    pipe.attach(link, Arc::clone(endpoint));
    let mut ended = Vec::new();
    poll_fn(|context| pipe.poll(context, &mut ended)).await?;
    Ok(match ended.pop() {
        None => Ending::Departure,
        Some(LinkEnd::Ended(_)) => Ending::Link,
        Some(LinkEnd::Reopen(_)) => Ending::Reopen,
    })
}

//! What a pipe and the ends of its links know of each other.

use std::sync::Arc;

use posthouse_wire::{Address, Encoded, Frame, FromBroker, Link, Outgoing, Payload, Request};

use crate::connection::requests::Requests;
use crate::connection::signal::Signal;
use crate::error::{Error, Result};

/// One end of a link. Over the life of the client it is attached to one connection after the other.
///
/// A pipe calls `attach`, then `write` and `read`, then `detach` or `end`. It calls `write` after `attach`, after each
/// signal, and again as long as `write` has written.
pub(crate) trait Endpoint: Send + Sync {
    /// A new connection: nothing was written on it yet.
    fn attach(&self, attachment: Attachment);

    /// Writes the next frame, if there is one.
    fn write(&self, line: &mut Line<'_>, pace: Pace) -> Progress;

    /// Takes a frame of this link.
    ///
    /// # Errors
    ///
    /// The connection cannot go on: the peer broke the protocol, or said that it must be made again.
    fn read(&self, frame: &Frame, content: FromBroker<'_>) -> Result<Reaction>;

    /// The connection has ended, and another one will be made.
    fn detach(&self, why: &Error);

    /// No other connection will be made.
    fn end(&self, why: &Error);

    /// Whether the connection can be left without a loss: nothing is unanswered or unsettled.
    fn is_idle(&self) -> bool;

    /// Whether a client whose other endpoints need none is to make a connection.
    fn needs_connection(&self) -> bool;

    /// The client is closing: finish what was begun, then close the link.
    fn finish(&self);
}

/// What an endpoint gets with a new connection.
#[derive(Clone, Debug)]
pub(crate) struct Attachment {
    pub(crate) signal: Signal,
    /// The identity of the broker's log: another one has other queues, and no memory of producers.
    pub(crate) log_identity: [u8; 16],
}

/// What a connection is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Everything.
    Full,
    /// The broker will end the connection: settle, and send nothing new.
    Finishing,
}

/// What `write` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It has written a frame, and may have another.
    Wrote,
    /// There is nothing to write until the next signal.
    Idle,
}

/// What follows from a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// The link goes on.
    Continue,
    /// The link goes on, and has something to write.
    Write,
    /// The link has ended for good.
    Ended,
    /// The link has ended, and its endpoint is to be attached to another one of this connection.
    Reopen,
}

/// A link that has ended, by what becomes of its endpoint.
pub(crate) enum LinkEnd {
    /// It has ended, too.
    Ended(Arc<dyn Endpoint>),
    /// It needs another link.
    Reopen(Arc<dyn Endpoint>),
}

/// Where an endpoint writes its frames.
pub(crate) struct Line<'a> {
    out: &'a mut Outgoing,
    link: Link,
    requests: &'a Requests,
}

impl<'a> Line<'a> {
    pub(crate) fn new(out: &'a mut Outgoing, link: Link, requests: &'a Requests) -> Self {
        Self { out, link, requests }
    }

    /// Writes a frame without an answer.
    pub(crate) fn send<P: Payload>(&mut self, payload: &P) {
        self.out.frame(Address::link(self.link), payload);
    }

    /// Writes a frame that belongs to a request that was made before.
    pub(crate) fn send_about<P: Payload>(&mut self, request: Request, payload: &P) {
        self.out.frame(Address::new(self.link, request), payload);
    }

    /// Writes a frame, and returns the number that its answer will have.
    pub(crate) fn ask<P: Payload>(&mut self, payload: &P) -> Request {
        let request = self.requests.begin();
        self.out.frame(Address::new(self.link, request), payload);
        request
    }

    /// The same for a payload with bodies.
    pub(crate) fn ask_encoded(&mut self, payload: &Encoded) -> Request {
        let request = self.requests.begin();
        self.out.encoded(Address::new(self.link, request), payload);
        request
    }
}

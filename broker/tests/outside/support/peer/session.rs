//! A connection after its hello: requests with their answers, and the deliveries of links.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use posthouse_wire::limits::NUMBER_MAX;
use posthouse_wire::{
    Address, Authentication, Call, Close, DeliveryNumber, Encoded, Ends, Fault, FaultCode, Features, Frame, FromBroker,
    GetHandle, Hello, Kind, Link, Minors, NONCE_BYTES, Outgoing, Payload, Pong, Prove, Request, Software, Text,
    Transcript,
};
use serde_json::Value;

use super::producers::Producer;
use super::socket::{Socket, Transport};
use crate::support::client::Refusal;
use crate::support::protocol::Service;
use crate::support::signature::Credentials;
use crate::support::{PATIENCE, sleep_ms};

/// The account, the user and the region that a connection works for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub access_key_id: String,
    pub secret: String,
    /// Empty for the broker's own.
    pub region: String,
}

impl Identity {
    /// Without credentials: a caller without a key.
    pub(crate) fn of(credentials: Option<&Credentials>) -> Self {
        let of = |text: fn(&Credentials) -> &String| credentials.map(text).cloned().unwrap_or_default();
        Self {
            access_key_id: of(|credentials| &credentials.access_key_id),
            secret: of(|credentials| &credentials.secret),
            region: of(|credentials| &credentials.region),
        }
    }
}

/// An open connection with one caller at a time.
pub(crate) struct Session {
    socket: Socket,
    outgoing: Outgoing,
    next_request: u32,
    next_link: u16,
    /// What arrived on links and answers no request.
    arrived: HashMap<Link, VecDeque<Frame>>,
    /// The open producers, by their targets.
    pub(super) producers: HashMap<String, Producer>,
    /// The consumers that are kept open because messages of theirs are not settled, the oldest first.
    pub(super) consumers: VecDeque<Link>,
}

impl Session {
    /// Connects and proves the identity.
    pub(crate) fn open(
        address: std::net::SocketAddr,
        transport: &Transport,
        identity: &Identity,
    ) -> Result<Self, Refusal> {
        let socket = Socket::open(address, transport).unwrap_or_else(|error| panic!("{transport:?}: {error}"));
        let mut session = Self {
            socket,
            outgoing: Outgoing::new(transport.check()),
            next_request: 1,
            next_link: 1,
            arrived: HashMap::new(),
            producers: HashMap::new(),
            consumers: VecDeque::new(),
        };
        session.hello(identity)?;
        Ok(session)
    }

    fn hello(&mut self, identity: &Identity) -> Result<(), Refusal> {
        let hello = Hello {
            minors: Minors::SUPPORTED,
            features: Features::default(),
            nonce: rand::random::<[u8; NONCE_BYTES]>(),
            region: text(&identity.region),
            access_key_id: text(&identity.access_key_id),
            software: Software { name: text("posthouse-outside"), version: text("1") },
        };
        let hello = Encoded::of(&hello);
        let challenge = self.exchange_encoded(Link::CONNECTION, &hello)?;
        let is_required = match FromBroker::decode(&challenge) {
            Ok(FromBroker::Challenge(challenge)) => challenge.authentication == Authentication::Required,
            other => panic!("no CHALLENGE: {other:?}"),
        };
        let (hello, exporter) = (hello.to_bytes(), self.socket.exporter.as_ref());
        let transcript = Transcript { hello: &hello, challenge: &challenge.payload, exporter };
        let proof = is_required.then(|| transcript.client_proof(identity.secret.as_bytes()));
        let expected = is_required.then(|| transcript.server_proof(identity.secret.as_bytes()));
        let ready = self.exchange(Link::CONNECTION, &Prove { proof })?;
        match FromBroker::decode(&ready) {
            Ok(FromBroker::Ready(ready)) => assert!(ready.proof == expected, "the broker knows the secret"),
            other => panic!("no READY: {other:?}"),
        }
        Ok(())
    }

    /// Calls an operation.
    pub(crate) fn call(&mut self, service: Service, action: &str, input: &Value) -> Result<Value, Refusal> {
        let operation = format!("{}.{action}", service.scope());
        let call = Call::encode(text(&operation), &Bytes::from(input.to_string()));
        let answer = self.exchange_encoded(Link::CONNECTION, &call)?;
        match FromBroker::decode(&answer) {
            Ok(FromBroker::Reply(reply)) => Ok(serde_json::from_slice(reply.output)
                .unwrap_or_else(|error| panic!("{error} in {:?}", String::from_utf8_lossy(reply.output)))),
            other => panic!("no REPLY: {other:?}"),
        }
    }

    /// A number for a new link.
    pub(super) fn link(&mut self) -> Link {
        let link = Link::new(self.next_link);
        self.next_link = self.next_link.checked_add(1).expect("a case opens fewer links");
        link
    }

    /// Closes a link. Returns once the broker has closed it, too.
    pub(super) fn close(&mut self, link: Link) {
        // A link that the broker has ended is unknown to it.
        match self.exchange(link, &Close) {
            Ok(_) => {}
            Err(refusal) => assert_eq!(refusal.code, FaultCode::UnknownLink.name(), "{refusal:?}"),
        }
        self.closed(link);
    }

    /// Forgets a link that the broker has closed.
    pub(super) fn closed(&mut self, link: Link) {
        self.socket.finish(link);
        self.arrived.remove(&link);
    }

    /// Sends a request. Returns its answer, or the refusal.
    pub(super) fn exchange<P: Payload>(&mut self, link: Link, payload: &P) -> Result<Frame, Refusal> {
        let request = self.ask(link, payload);
        self.answer(link, request)
    }

    /// As [`Session::exchange`].
    pub(super) fn exchange_encoded(&mut self, link: Link, payload: &Encoded) -> Result<Frame, Refusal> {
        let request = self.next_request();
        self.outgoing.encoded(Address::new(link, request), payload);
        self.flush(link);
        self.answer(link, request)
    }

    /// Sends a request without waiting for its answer, which [`Session::answer`] returns.
    pub(super) fn ask<P: Payload>(&mut self, link: Link, payload: &P) -> Request {
        let request = self.next_request();
        self.outgoing.frame(Address::new(link, request), payload);
        self.flush(link);
        request
    }

    /// Sends a frame that has no answer.
    pub(super) fn tell<P: Payload>(&mut self, link: Link, payload: &P) {
        self.outgoing.frame(Address::link(link), payload);
        self.flush(link);
    }

    fn next_request(&mut self) -> Request {
        let request = Request::new(self.next_request);
        self.next_request += 1;
        request
    }

    fn flush(&mut self, link: Link) {
        let written = self.socket.write(link, &mut self.outgoing);
        // Why the connection has ended is read from it.
        if written.is_err() {
            sleep_ms(10);
        }
    }

    /// The answer to a request.
    pub(super) fn answer(&mut self, link: Link, request: Request) -> Result<Frame, Refusal> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let frame = self.next(deadline).unwrap_or_else(|| panic!("no answer to {request:?} on {link:?}"));
            let is_answer = frame.address().request == request;
            match FromBroker::decode(&frame).unwrap_or_else(|error| panic!("{error}")) {
                FromBroker::Fault(fault) if is_answer || fault.ends() == Ends::Connection => {
                    return Err(refusal(&fault));
                }
                FromBroker::Fault(fault) if frame.address().link == link && fault.ends() == Ends::Link => {
                    return Err(refusal(&fault));
                }
                _ if is_answer => {
                    assert_eq!(frame.address().link, link, "an answer has the link of its request");
                    return Ok(frame);
                }
                _ => self.arrived.entry(frame.address().link).or_default().push_back(frame),
            }
        }
    }

    /// The next frame of a link that answers no request; `None` at the deadline.
    pub(super) fn arrival(&mut self, link: Link, deadline: Instant) -> Option<Frame> {
        loop {
            if let Some(frame) = self.arrived.entry(link).or_default().pop_front() {
                return Some(frame);
            }
            let frame = self.next(deadline)?;
            self.arrived.entry(frame.address().link).or_default().push_back(frame);
        }
    }

    /// Returns once the broker has taken every frame of a consumer's link that was sent before.
    pub(super) fn fence(&mut self, link: Link) -> Result<(), Refusal> {
        let delivery = DeliveryNumber::new(NUMBER_MAX).expect("the largest number");
        match self.exchange(link, &GetHandle { delivery }) {
            Err(refusal) if refusal.code == FaultCode::UnknownDelivery.name() => Ok(()),
            Err(refusal) => Err(refusal),
            Ok(frame) => panic!("no message has the largest number: {frame:?}"),
        }
    }

    /// The next frame that is no ping; `None` at the deadline.
    fn next(&mut self, deadline: Instant) -> Option<Frame> {
        loop {
            let within = deadline.saturating_duration_since(Instant::now());
            let frame = self.socket.next(within)?.unwrap_or_else(|end| panic!("the connection ended: {end}"));
            if frame.header.kind != Kind::Ping {
                return Some(frame);
            }
            let address = frame.address();
            self.outgoing.frame(address, &Pong);
            self.flush(address.link);
        }
    }
}

/// A text of a frame. Panics if it is too long.
pub(super) fn text(text: &str) -> Text<'_> {
    Text::new(text).unwrap_or_else(|error| panic!("{error}"))
}

/// A fault as the suites see refusals. The protocol has no status: this is the one that the fault has over HTTP.
pub(super) fn refusal(fault: &Fault<'_>) -> Refusal {
    let status = match fault.code() {
        Some(FaultCode::AccessDenied | FaultCode::AuthorizationError) => 403,
        Some(FaultCode::NotFound | FaultCode::SnsResourceNotFound) => 404,
        Some(FaultCode::Internal) => 500,
        Some(FaultCode::StorageFull | FaultCode::Unavailable) => 503,
        _ => 400,
    };
    Refusal { status, code: fault.name().into(), message: fault.text().into() }
}

//! A peer that speaks the broker's side of the protocol as a test tells it to.

use std::time::Duration;

use bytes::{Buf as _, Bytes};
use posthouse_client::{Client, ClientBuilder};
use posthouse_wire::{
    Address, Authentication, Challenge, Check, Close, Closed, ConnectionLimits, ConsumerOpened, Credit, DeliverBuilder,
    DeliveryHead, DeliveryNumber, Encoded, Features, Frame, FromClient, Kind, Link, List, MessageNumber, Outgoing,
    Payload, ProducerId, ProducerOpened, Ready, Sent, SettleRange, Software, Splitter, Text, Transcript,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// The secret of the key that peers with users know.
pub(crate) const SECRET: &str = "the secret of this key";

/// A listener on a port of its own.
pub(crate) struct Peer {
    listener: TcpListener,
    pub(crate) terms: Terms,
}

/// What a peer says in its hello.
#[derive(Clone)]
pub(crate) struct Terms {
    pub(crate) heartbeat_ms: u32,
    pub(crate) requests: u32,
    pub(crate) links: u16,
    pub(crate) log_identity: [u8; 16],
    /// The secret that the peer proves; `None` for a broker without users.
    pub(crate) secret: Option<&'static str>,
    pub(crate) members: Vec<String>,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            heartbeat_ms: 10_000,
            requests: 1_024,
            links: 64,
            log_identity: [7; 16],
            secret: None,
            members: Vec::new(),
        }
    }
}

impl Peer {
    pub(crate) async fn new() -> Self {
        Self::with(Terms::default()).await
    }

    pub(crate) async fn with(terms: Terms) -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.expect("a port"), terms }
    }

    /// A peer that takes the place of one that has ended.
    pub(crate) async fn at(address: &str) -> Self {
        Self { listener: TcpListener::bind(address).await.expect("the port is free"), terms: Terms::default() }
    }

    /// `host:port`
    pub(crate) fn address(&self) -> String {
        self.listener.local_addr().expect("an address").to_string()
    }

    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder(format!("posthouse://{}", self.address()))
    }

    /// A client, and the connection that it has made.
    pub(crate) async fn client(&self) -> (Client, Connection) {
        let (client, connection) = tokio::join!(self.builder().connect(), self.accept());
        (client.expect("a client"), connection)
    }

    /// The next connection, without a hello.
    pub(crate) async fn accept_raw(&self) -> TcpStream {
        soon(self.listener.accept()).await.expect("a connection").0
    }

    /// The next connection, after its hello.
    pub(crate) async fn accept(&self) -> Connection {
        let mut connection = Connection::new(self.accept_raw().await);
        connection.hello(&self.terms).await;
        connection
    }
}

/// The peer's end of a connection.
pub(crate) struct Connection {
    stream: TcpStream,
    splitter: Splitter,
    out: Outgoing,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, splitter: Splitter::new(Check::Crc32c), out: Outgoing::new(Check::Crc32c) }
    }

    /// Answers HELLO. Returns HELLO and the payload of CHALLENGE.
    pub(crate) async fn begin_hello(&mut self, terms: &Terms) -> (Frame, Bytes) {
        let hello = self.frame().await;
        let challenge = Challenge {
            minor: 0,
            authentication: if terms.secret.is_some() { Authentication::Required } else { Authentication::None },
            features: Features::default(),
            nonce: [9; 32],
            log_identity: terms.log_identity,
            heartbeat_ms: terms.heartbeat_ms,
            limits: ConnectionLimits { payload_bytes: 8 << 20, links: terms.links, requests: terms.requests },
            software: Software::default(),
        };
        let challenge = Encoded::of(&challenge);
        self.send_encoded(hello.address(), &challenge).await;
        (hello, challenge.to_bytes())
    }

    async fn hello(&mut self, terms: &Terms) {
        let (hello, challenge) = self.begin_hello(terms).await;
        let prove = self.frame().await;
        let transcript = Transcript { hello: &hello.payload, challenge: &challenge, exporter: None };
        let FromClient::Prove(proof) = decode(&prove) else { panic!("{prove:?}") };
        if let Some(secret) = terms.secret {
            // A secret that the client does not know is how a test makes an impostor.
            if secret == SECRET {
                assert_eq!(proof.proof, Some(transcript.client_proof(secret.as_bytes())));
            }
        }
        let members: Vec<_> = terms
            .members
            .iter()
            .map(|member| posthouse_wire::MemberAddress { address: Text::clipped(member) })
            .collect();
        let ready = Ready {
            proof: terms.secret.map(|secret| transcript.server_proof(secret.as_bytes())),
            account: Text::clipped("000000000000"),
            user: Text::EMPTY,
            addresses: List::of(&members),
        };
        self.send(prove.address(), &ready).await;
        self.splitter.allow_long_frames();
    }

    /// The next frame; `None` when the client has closed the connection.
    pub(crate) async fn try_frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.splitter.next_frame().expect("frames") {
                return Some(frame);
            }
            match soon(self.stream.read_buf(self.splitter.buffer(64 << 10))).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> Frame {
        self.try_frame().await.expect("a frame")
    }

    /// The next frame of a kind; others before it, such as grants of credit, are skipped.
    pub(crate) async fn frame_of(&mut self, kind: Kind) -> Frame {
        loop {
            let frame = self.frame().await;
            if frame.header.kind == kind {
                return frame;
            }
        }
    }

    /// That no frame arrives for a moment.
    pub(crate) async fn expect_silence(&mut self) {
        let found = timeout(Duration::from_millis(50), self.try_frame()).await;
        assert!(found.is_err(), "{found:?}");
    }

    pub(crate) async fn send<P: Payload>(&mut self, address: Address, payload: &P) {
        self.out.frame(address, payload);
        self.flush().await;
    }

    pub(crate) async fn send_encoded(&mut self, address: Address, payload: &Encoded) {
        self.out.encoded(address, payload);
        self.flush().await;
    }

    /// Sends bytes that need not be frames.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Sends nothing more.
    pub(crate) async fn shut_down(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    async fn flush(&mut self) {
        let mut chunks = self.out.take();
        while chunks.has_remaining() {
            // The client may have ended the connection.
            if self.stream.write_buf(&mut chunks).await.is_err() {
                return;
            }
        }
    }

    /// Answers the opening of a producer as a target that has `last` messages of it. Returns its link and id.
    pub(crate) async fn open_producer(&mut self, last: u64) -> (Link, ProducerId) {
        self.open_producer_with(ProducerOpened {
            is_known: last > 0,
            last: MessageNumber::new(last),
            ..producer_opened()
        })
        .await
    }

    pub(crate) async fn open_producer_with(&mut self, opened: ProducerOpened<'_>) -> (Link, ProducerId) {
        let frame = self.frame_of(Kind::OpenProducer).await;
        let FromClient::OpenProducer(open) = decode(&frame) else { panic!("{frame:?}") };
        self.send(frame.address(), &opened).await;
        (frame.address().link, open.producer)
    }

    /// Answers the opening of a consumer. Returns its link.
    pub(crate) async fn open_consumer(&mut self, visibility_seconds: u32) -> Link {
        let frame = self.frame_of(Kind::OpenConsumer).await;
        let opened = ConsumerOpened {
            is_fifo: false,
            visibility_seconds,
            unsettled_max: 65_536,
            held_bytes_max: 4 << 20,
            arn: Text::clipped("arn:aws:sqs:us-east-1:000000000000:orders"),
        };
        self.send(frame.address(), &opened).await;
        frame.address().link
    }

    /// The next SEND.
    pub(crate) async fn sending(&mut self) -> Sending {
        self.try_sending().await.expect("a SEND")
    }

    /// The next SEND; `None` when the client has closed the connection.
    pub(crate) async fn try_sending(&mut self) -> Option<Sending> {
        let frame = loop {
            let frame = self.try_frame().await?;
            if frame.header.kind == Kind::Send {
                break frame;
            }
        };
        let FromClient::Send(messages) = decode(&frame) else { panic!("{frame:?}") };
        let bodies = messages
            .entries()
            .map(|entry| String::from_utf8(entry.expect("an entry").body.to_vec()).expect("text"))
            .collect();
        Some(Sending { address: frame.address(), first: messages.first().get(), bodies })
    }

    /// Says that all messages of a SEND are stored.
    pub(crate) async fn confirm(&mut self, sending: &Sending) {
        self.answer(sending, &[], &[]).await;
    }

    pub(crate) async fn answer(
        &mut self,
        sending: &Sending,
        failures: &[posthouse_wire::Failure<'_>],
        duplicates: &[posthouse_wire::Duplicate],
    ) {
        let first = MessageNumber::new(sending.first).expect("a number");
        let count = u16::try_from(sending.bodies.len()).expect("few messages");
        let sent = Sent {
            first,
            count,
            failures: List::of(failures),
            duplicates: List::of(duplicates),
            sequence_numbers: List::default(),
        };
        self.send(sending.address, &sent).await;
    }

    /// The next CREDIT.
    pub(crate) async fn credit(&mut self) -> Credit {
        let frame = self.frame_of(Kind::Credit).await;
        let FromClient::Credit(credit) = decode(&frame) else { panic!("{frame:?}") };
        credit
    }

    /// Delivers messages with these bodies.
    pub(crate) async fn deliver(&mut self, link: Link, first: u64, bodies: &[&str]) {
        let mut builder = DeliverBuilder::new(DeliveryNumber::new(first).expect("a number"));
        for body in bodies {
            let head = DeliveryHead { receive_count: 1, sent_ms: 1_000, ..DeliveryHead::default() };
            builder.push(&head, &[Bytes::copy_from_slice(body.as_bytes())]).expect("room");
        }
        self.send_encoded(Address::link(link), &builder.finish().expect("messages")).await;
    }

    /// The next SETTLE.
    pub(crate) async fn settlement(&mut self) -> Settlement {
        let frame = self.frame_of(Kind::Settle).await;
        let FromClient::Settle(settle) = decode(&frame) else { panic!("{frame:?}") };
        Settlement { address: frame.address(), ranges: settle.ranges().iter().collect() }
    }

    /// Answers the CLOSE of a link.
    pub(crate) async fn close_link(&mut self) {
        let frame = self.frame_of(Kind::Close).await;
        assert_eq!(decode(&frame), FromClient::Close(Close));
        self.send(frame.address(), &Closed).await;
    }
}

/// A SEND that was received.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) address: Address,
    pub(crate) first: u64,
    pub(crate) bodies: Vec<String>,
}

impl Sending {
    /// The number of the first message.
    pub(crate) fn number(&self) -> usize {
        usize::try_from(self.first).expect("few messages")
    }
}

/// A SETTLE that was received.
#[derive(Debug)]
pub(crate) struct Settlement {
    pub(crate) address: Address,
    pub(crate) ranges: Vec<SettleRange>,
}

impl Settlement {
    pub(crate) fn shown(&self) -> Vec<String> {
        self.ranges.iter().map(|range| format!("{:?} {}+{}", range.verb, range.first, range.count)).collect()
    }
}

/// What a target says of a new producer.
pub(crate) fn producer_opened() -> ProducerOpened<'static> {
    ProducerOpened {
        is_known: false,
        last: None,
        is_fifo: false,
        has_content_based_deduplication: false,
        message_bytes_max: 1 << 20,
        window_messages: 65_536,
        window_bytes: 64 << 20,
        arn: Text::clipped("arn:aws:sqs:us-east-1:000000000000:orders"),
    }
}

pub(crate) fn decode(frame: &Frame) -> FromClient<'_> {
    FromClient::decode(frame).expect("a frame of a client")
}

/// The future's output, which is there in a moment unless the test fails.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(60), future).await.expect("it happens soon")
}

//! Peers that do not follow the protocol: the client leaves them, connects again, and never panics.

use bytes::Bytes;
use posthouse_client::{Client, Consumer, Producer};
use posthouse_wire::{
    Address, Challenge, Check, ConsumerOpened, DeliverBuilder, DeliveryHead, DeliveryNumber, Link, MessageNumber,
    Outgoing, Payload, Pong, Reply, Request, Sent, Settled, Text,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::peer::{Connection, Peer, producer_opened, soon};

/// The bytes of a frame.
fn bytes<P: Payload>(link: u16, request: u32, payload: &P) -> Vec<u8> {
    let mut out = Outgoing::new(Check::Crc32c);
    out.frame(Address::new(Link::new(link), Request::new(request)), payload);
    out.take().into_iter().flat_map(Bytes::into_iter).collect()
}

fn delivery(first: u64, count: usize) -> Vec<u8> {
    let mut builder = DeliverBuilder::new(DeliveryNumber::new(first).expect("a number"));
    for _ in 0..count {
        builder.push(&DeliveryHead::default(), &[Bytes::from_static(b"x")]).expect("room");
    }
    let mut out = Outgoing::new(Check::Crc32c);
    out.encoded(Address::link(Link::new(2)), &builder.finish().expect("a message"));
    out.take().into_iter().flat_map(Bytes::into_iter).collect()
}

/// A client with a producer on link 1 and a consumer on link 2, and a message that is not answered.
struct Used {
    peer: Peer,
    _client: Client,
    producer: Producer,
    _consumer: Consumer,
    connection: Connection,
}

impl Used {
    async fn new() -> Self {
        let peer = Peer::new().await;
        let (client, mut connection) = peer.client().await;
        let (producer, (link, _)) = tokio::join!(client.producer("orders").open(), connection.open_producer(0));
        assert_eq!(link, Link::new(1));
        let opening = client.consumer("orders").prefetch(10).open();
        let (consumer, link) = tokio::join!(opening, connection.open_consumer(30));
        assert_eq!(link, Link::new(2));
        connection.credit().await;
        let producer = producer.expect("a producer");
        drop(producer.enqueue("x").await.expect("room"));
        connection.sending().await;
        Self { peer, _client: client, producer, _consumer: consumer.expect("a consumer"), connection }
    }

    /// The client connects again and goes on.
    async fn recovers(mut self) {
        let mut connection = self.peer.accept().await;
        connection.open_producer(1).await;
        loop {
            let frame = connection.sending().await;
            connection.confirm(&frame).await;
            if frame.first == 1 {
                break;
            }
        }
        soon(self.producer.flush()).await.expect("stored");
        while self.connection.try_frame().await.is_some() {}
    }
}

#[tokio::test]
async fn frames_that_are_out_of_place_end_the_connection() {
    let sent = |first, count| Sent {
        first: MessageNumber::new(first).expect("a number"),
        count,
        failures: posthouse_wire::List::default(),
        duplicates: posthouse_wire::List::default(),
        sequence_numbers: posthouse_wire::List::default(),
    };
    let opened = ConsumerOpened {
        is_fifo: false,
        visibility_seconds: u32::MAX,
        unsettled_max: 0,
        held_bytes_max: 0,
        arn: Text::EMPTY,
    };
    let reply = {
        let mut out = Outgoing::new(Check::Crc32c);
        out.encoded(Address::link(Link::new(1)), &Reply::encode(&Bytes::from_static(b"{}")));
        out.take().into_iter().flat_map(Bytes::into_iter).collect::<Vec<u8>>()
    };
    let scripts: Vec<(&str, Vec<u8>)> = vec![
        ("an answer to nothing", bytes(1, 999, &sent(1, 1))),
        ("an answer for a link that is not open", bytes(77, 1, &sent(1, 1))),
        ("an answer on a consumer", bytes(2, 3, &sent(1, 1))),
        ("a second opening", bytes(1, 1, &producer_opened())),
        ("another opening", bytes(1, 1, &opened)),
        ("a settlement on a producer", bytes(1, 1, &Settled { exceptions: posthouse_wire::List::default() })),
        ("a reply on a link", reply),
        ("deliveries that leave out numbers", delivery(2, 1)),
        ("more deliveries than were granted", delivery(1, 11)),
        ("half a frame and the end", bytes(0, 0, &Pong)[..9].to_vec()),
        ("no frames", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        ("zeros", vec![0; 64]),
        ("a frame that is too long", vec![0xff; 64]),
    ];
    for (what, script) in scripts {
        println!("{what}");
        let mut used = Used::new().await;
        used.connection.send_bytes(&script).await;
        if what.starts_with("half") {
            used.connection.shut_down().await;
        }
        soon(used.recovers()).await;
    }
}

#[tokio::test]
async fn a_peer_that_damages_its_frames_cannot_make_the_client_panic() {
    let seed = 4;
    let mut random = StdRng::seed_from_u64(seed);
    let good: Vec<Vec<u8>> = vec![
        delivery(1, 3),
        bytes(0, 0, &Pong),
        bytes(2, 9, &Settled { exceptions: posthouse_wire::List::default() }),
        bytes(1, 1, &producer_opened()),
    ];
    for round in 0..60 {
        let mut used = Used::new().await;
        let mut script = good[random.random_range(0..good.len())].clone();
        let at = random.random_range(0..script.len());
        script[at] ^= 1 << random.random_range(0..8);
        println!("seed {seed}, round {round}: {script:02x?}");
        used.connection.send_bytes(&script).await;
        used.connection.shut_down().await;
        soon(used.recovers()).await;
    }
}

#[tokio::test]
async fn answers_that_nothing_asked_for_are_ignored_or_end_the_connection() {
    let used = Used::new().await;
    let Used { peer, _client: client, producer, _consumer, mut connection } = used;
    for number in 0..1_000 {
        connection.send_bytes(&bytes(0, number, &Pong)).await;
    }
    let fault = posthouse_wire::Fault::new(posthouse_wire::FaultCode::UnknownLink, posthouse_wire::Ends::Request, "");
    for (link, request) in [(0, 5_000), (1, 5_000), (2, 5_000), (99, 5_000)] {
        connection.send_bytes(&bytes(link, request, &fault)).await;
    }
    drop(producer.enqueue("y").await.expect("room"));
    let frame = connection.sending().await;
    assert_eq!(frame.first, 2);
    drop((peer, client));
}

#[tokio::test]
async fn garbage_during_the_hello_is_an_error() {
    let challenge = |minor| {
        let mut challenge = challenge();
        challenge.minor = minor;
        bytes(0, 0, &challenge)
    };
    let scripts: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(),
        vec![0; 5_000],
        bytes(0, 0, &Pong),
        bytes(1, 1, &producer_opened()),
        challenge(9),
        [challenge(0), bytes(0, 0, &Pong)].concat(),
        [challenge(0), delivery(1, 1)].concat(),
    ];
    for script in scripts {
        let peer = Peer::new().await;
        let connecting = peer.builder().connect();
        let scripting = async {
            let mut connection = Connection::new(peer.accept_raw().await);
            connection.send_bytes(&script).await;
            connection.shut_down().await;
            while connection.try_frame().await.is_some() {}
        };
        let (client, ()) = soon(async { tokio::join!(connecting, scripting) }).await;
        client.expect_err("no broker");
    }
}

fn challenge() -> Challenge<'static> {
    Challenge {
        minor: 0,
        authentication: posthouse_wire::Authentication::None,
        features: posthouse_wire::Features::default(),
        nonce: [0; 32],
        log_identity: [0; 16],
        heartbeat_ms: 0,
        limits: posthouse_wire::ConnectionLimits { payload_bytes: 0, links: 0, requests: 0 },
        software: posthouse_wire::Software::default(),
    }
}

//! Clients over QUIC that open as many streams as they can.

use std::time::Duration;

use posthouse_wire::{Address, AtEnd, Ends, FaultCode, Kind, Link, Ping, Request, TargetKind};

use super::{frame, is_alive};
use crate::shared::ALICE;
use crate::support::certificates::{Certificates, Quic, Shows};
use crate::support::{Launch, Native, sleep_ms};

const LINKS: usize = 4;
const STREAMS: u64 = 300;

pub(super) fn a_flood_of_streams_is_bounded() {
    let certificates = Certificates::new();
    let launch = Launch::new().configured(&format!("[native]\nlinks_max = {LINKS}"));
    let launch = launch.user("alice", "111111111111", ALICE.0, ALICE.1);
    let broker = certificates.configured(launch).start();
    let queue = broker.json_client().with_key(ALICE.0, ALICE.1).queue();
    let config = certificates.client(Shows::Nothing);
    let [(flood, mut control), (other, mut beside)] = [(); 2].map(|()| {
        let quic = Quic::connect(broker.native, &config).expect("the handshake succeeds");
        let mut native = quic.open();
        native.hello(ALICE.0, Some(ALICE.1)).expect("alice");
        (quic, native)
    });
    let mut producer = other.open();
    producer.producer(1, TargetKind::Queue, &queue.name, rand::random()).expect("it exists");
    let before = broker.memory_bytes();

    // Streams one after the other, each of which ends at once.
    for number in 1..=STREAMS {
        let refused = flood.open().consumer(7, "no-such-queue", AtEnd::GiveBack).expect_err("there is no such queue");
        assert_eq!(refused.code, FaultCode::QueueDoesNotExist);
        if number.is_multiple_of(50) {
            producer.send(1, number / 50, &["beside a flood"]).expect("stored");
        }
    }
    // As many at once as there may be, which say nothing.
    let silent: Vec<Native> = (0..LINKS).map(|_| flood.open()).collect();
    assert!(!flood.may_open(), "a stream for each link, and no more");
    is_alive(&mut control, "a flood of streams");
    is_alive(&mut beside, "a flood of another client's streams");
    producer.send(1, STREAMS / 50 + 1, &["beside silent streams"]).expect("stored");
    let grown = broker.memory_bytes().saturating_sub(before);
    assert!(grown < 16 << 20, "{STREAMS} streams take {grown} bytes");
    drop(silent);
    assert!(!broker.log().contains("panicked"), "{}", broker.log());
}

/// Connections whose streams all announce a frame and send most of it, to a broker that gives QUIC little.
pub(super) fn streams_with_half_a_frame_hold_little_memory() {
    const CONNECTIONS: usize = 4;
    const EACH: usize = 60_000;
    let certificates = Certificates::new();
    let launch = Launch::new().configured("[native]\nreceived_bytes_max = 16777216\nquic_bytes_max = 16777216");
    let broker = certificates.configured(launch).start();
    let queue = broker.json_client().queue();
    let config = certificates.client(Shows::Nothing);
    let connect = || {
        let quic = Quic::connect(broker.native, &config).expect("the handshake succeeds");
        let mut native = quic.open();
        native.hello("", None).expect("there are no users");
        (quic, native)
    };
    let (other, _control) = connect();
    let mut producer = other.open();
    producer.producer(1, TargetKind::Queue, &queue.name, rand::random()).expect("it exists");
    producer.send(1, 1, &["before"]).expect("stored");
    let before = broker.memory_bytes();
    let mut half = frame(0x10, 0, 1, 1, &[]);
    half[..4].copy_from_slice(&u32::try_from(EACH).expect("short").to_le_bytes());
    half.resize(EACH, 0);
    let mut kept = Vec::new();
    for _ in 0..CONNECTIONS {
        let (quic, control) = connect();
        let mut streams = Vec::new();
        // What finds no room is not read.
        while streams.len() < 200
            && let Some(stream) = quic.open_with(&half, Duration::from_millis(50))
        {
            streams.push(stream);
        }
        assert!(streams.len() > 10, "some of them fit");
        producer.send(1, 2 + kept.len() as u64, &["beside half frames"]).expect("stored");
        kept.push((quic, control, streams));
    }
    let grown = broker.memory_bytes().saturating_sub(before);
    // Twice: the windows of QUIC, and what is read.
    assert!(grown < 48 << 20, "half frames take {grown} bytes");
    drop(kept);
    producer.send(1, 2 + CONNECTIONS as u64, &["after"]).expect("stored");
}

/// A stream on which a frame came, and no link is opened: the connection ends, although the client shows signs of life.
pub(super) fn a_stream_that_opens_nothing_ends_its_connection() {
    let certificates = Certificates::new();
    let launch = Launch::new().configured("[native]\nheartbeat_seconds = 1\nsilence_seconds_max = 2");
    let broker = certificates.configured(launch).start();
    let quic = Quic::connect(broker.native, &certificates.client(Shows::Nothing)).expect("the handshake succeeds");
    let mut control = quic.open();
    control.hello("", None).expect("there are no users");
    let mut stream = quic.open();
    // Of a kind that a later version may have.
    stream.write(&frame(0xFF, 0, 7, 0, &[])).expect("the connection is open");
    let refused = loop {
        control.put(Address::new(Link::CONNECTION, Request::new(1)), &Ping);
        match control.answer() {
            Ok(pong) => assert_eq!(pong.header.kind, Kind::Pong),
            Err(refused) => break refused,
        }
        sleep_ms(100);
    };
    assert_eq!((refused.code, refused.ends), (FaultCode::Timeout, Ends::Connection));
    quic.ended();
}

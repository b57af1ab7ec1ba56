//! A client over QUIC that opens as many streams as it can.

use posthouse_wire::{AtEnd, FaultCode, TargetKind};

use super::is_alive;
use crate::shared::ALICE;
use crate::support::certificates::{Certificates, Quic, Shows};
use crate::support::{Launch, Native};

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

//! The memory of producers at its limit.

use posthouse_wire::TargetKind;

use crate::support::native::Opened;
use crate::support::{Broker, Launch, Native, Queue};

/// A batch of which every other message is refused, so that the broker remembers as much of it as there can be.
fn greedy() -> Vec<&'static str> {
    [["m", "\u{FFFF}"]; 256].concat()
}

/// A producer of which much is remembered. Returns its id.
fn crowd(broker: &Broker, queue: &Queue) -> [u8; 16] {
    let (id, batch) = (rand::random(), greedy());
    let mut native = Native::open(broker.native);
    native.producer(1, TargetKind::Queue, &queue.name, id).expect("it exists");
    for number in 0..4 {
        let sent = native.send(1, 1 + number * batch.len() as u64, &batch).expect("answered");
        assert_eq!(sent.failures.len(), batch.len() / 2);
    }
    id
}

/// The producer that was silent longest is forgotten, and whoever opens it learns that its messages may be stored: also
/// when the memory is free again, and after a restart. New producers are served all the time.
pub(super) fn a_producer_that_was_forgotten_early_is_not_taken_for_a_new_one() {
    let mut broker = Launch::new().configured("[limits]\nproducers_bytes_max = 1048576").start();
    let client = broker.json_client();
    let (queue, other, crowded) = (client.queue(), client.queue(), client.queue());
    let mut native = Native::open(broker.native);
    let open = |native: &mut Native, queue: &Queue, id| {
        let opened = native.open_producer(1, TargetKind::Queue, &queue.name, id).expect("it exists");
        native.close(1);
        opened
    };
    let (first, new) = (rand::random(), Opened { is_known: true, last: 0 });
    assert_eq!(open(&mut native, &queue, first), new, "nothing was forgotten");
    native.producer(1, TargetKind::Queue, &queue.name, first).expect("it exists");
    native.send(1, 1, &["m1"]).expect("stored");
    native.close(1);
    assert_eq!(open(&mut native, &queue, first), Opened { is_known: true, last: 1 });

    let crowd: Vec<_> = (0..24).map(|_| crowd(&broker, &crowded)).collect();
    let unknown = Opened { is_known: false, last: 0 };
    assert_eq!(open(&mut native, &queue, first), unknown);
    assert_eq!(open(&mut native, &crowded, crowd[0]), unknown);
    let last = crowd.last().copied().expect("some");
    assert_eq!(open(&mut native, &crowded, last), Opened { is_known: true, last: 2048 }, "the latest one is known");
    assert_eq!(open(&mut native, &other, rand::random()), new, "another queue has forgotten none");
    client.ok("DeleteQueue", &serde_json::json!({ "QueueUrl": crowded.url }));
    assert_eq!(open(&mut native, &queue, first), unknown, "there is room again, and it is forgotten all the same");

    native.producer(1, TargetKind::Queue, &queue.name, rand::random()).expect("it exists");
    native.send(1, 1, &["m2"]).expect("a new producer is served");
    drop(native);
    broker.stop();
    broker.restart();
    let mut native = Native::open(broker.native);
    assert_eq!(open(&mut native, &queue, first), unknown);
    queue.gives(&["m1", "m2"]);
}

//! Compaction beside requests: few messages that stay among many that go, pages, damage, a full disk, restarts.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::Duration;

use posthouse_core::{CompactionOptions, Options, verify};
use posthouse_disk::{Choice, Native};
use posthouse_engine::IndexOptions;
use posthouse_model::message::MessageDraft;
use posthouse_model::operation::{
    CreateQueue, DeleteMessage, PurgeQueue, ReceiveMessage, ReceivedMessage, SendMessage, Tags,
};
use posthouse_model::{
    AttributeChanges, Fault, MessageCount, MessageId, QueueAddress, ReceiveWait, Reply, Request, Seconds, WaitTime,
};

use super::{Broker, PATIENCE, options, presented};

const KIB: u64 = 1024;
const SLACK_BYTES: u64 = 1024 * KIB;
const SEGMENT_BYTES: u64 = 64 * KIB;

/// Messages that stay, and messages that go between two of them.
const KEPT: usize = 40;
const GOING: usize = 30;
const GOING_BYTES: usize = 4000;

fn compacting() -> Options {
    let mut options = options();
    options.log.segment_bytes = SEGMENT_BYTES;
    options.log.first_segment_bytes = SEGMENT_BYTES;
    options.log.tail_bytes = 64 * KIB;
    options.log.chunk_bytes = 32 << 10;
    options.checkpoint_bytes = 256 * KIB;
    options.engine.purge_interval = Seconds::new(0);
    options.compaction = CompactionOptions {
        bytes_per_second: 64 << 20,
        slack_bytes: SLACK_BYTES,
        table_bytes_max: 1 << 20,
        reserve_bytes: SEGMENT_BYTES / 2,
    };
    options
}

/// As [`compacting`], but nothing is moved.
fn without() -> Options {
    Options { compaction: CompactionOptions::OFF, ..compacting() }
}

fn address(name: &str) -> QueueAddress {
    format!("arn:aws:sqs:us-east-1:000000000000:{name}").parse().expect("valid")
}

fn create(broker: &Broker, name: &str) {
    let (name, attributes) = (address(name).name, AttributeChanges::default());
    assert!(broker.ask(Request::CreateQueue(CreateQueue { name, attributes, tags: Tags::default() })).is_ok());
}

fn send(queue: &str, body: &str) -> Request {
    let message = MessageDraft::new(MessageId::from_random([1; 16]), body, "000000000000");
    let (queue, message) = (address(queue), message.seal().expect("valid"));
    Request::SendMessage(SendMessage { queue, delay: None, message })
}

/// Sends messages that stay, with many between them that go.
fn fill(broker: &Broker) {
    create(broker, "kept");
    create(broker, "going");
    let going = "x".repeat(GOING_BYTES);
    for number in 0..KEPT {
        assert!(matches!(broker.ask(send("kept", &format!("kept {number}"))), Ok(Reply::SendMessage(_))));
        let answers: Vec<_> = (0..GOING).map(|_| broker.submit(send("going", &going))).collect();
        for answer in answers {
            assert!(matches!(answer.recv_timeout(PATIENCE), Ok(Ok(Reply::SendMessage(_)))));
        }
        assert!(broker.ask(Request::PurgeQueue(PurgeQueue { queue: address("going") })).is_ok());
    }
}

fn receive(broker: &Broker) -> Vec<ReceivedMessage> {
    let request = ReceiveMessage {
        queue: address("kept"),
        messages_max: MessageCount::new(5).expect("in range"),
        visibility_timeout: None,
        wait: Some(ReceiveWait::AtMost(WaitTime::new(1).expect("in range"))),
        attempt: None,
    };
    match broker.ask(Request::ReceiveMessage(request)) {
        Ok(Reply::ReceiveMessage(messages)) => messages,
        other => panic!("{other:?}"),
    }
}

/// Receives and deletes the messages that stayed, which must come in their order.
fn drain(broker: &Broker, from: usize, to: usize) {
    let mut next = from;
    while next < to {
        for message in receive(broker) {
            assert_eq!(message.message.body(), format!("kept {next}"));
            let delete = DeleteMessage { queue: address("kept"), handle: Ok(presented(message.handle)) };
            assert_eq!(broker.ask(Request::DeleteMessage(delete)), Ok(Reply::Done));
            next += 1;
        }
    }
}

fn bytes_on_disk(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).expect("a directory").flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// Waits until a condition holds.
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    const PAUSE: Duration = Duration::from_millis(20);
    let looks = PATIENCE.as_millis() / PAUSE.as_millis();
    let is_met = (0..looks).any(|_| {
        sleep(PAUSE);
        holds()
    });
    assert!(is_met, "{what}");
}

fn is_sound(directory: &Path) {
    let open = || Native::open(directory, Choice::Auto).map(|(disk, _)| disk);
    let verdict = verify(open, &compacting().log, &mut |_| ()).expect("can be read");
    assert!(verdict.is_sound(), "{verdict:?}");
}

#[test]
fn few_messages_that_stay_do_not_keep_the_files_of_those_that_went() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broker = Broker::start(directory.path(), compacting());
    fill(&broker);
    let path = directory.path();
    wait_until("the files go", || bytes_on_disk(path) <= SLACK_BYTES + 64 * KIB);
    drain(&broker, 0, 10);
    broker.stop();
    is_sound(path);

    // A checkpoint names what was moved; a start without one finds it in the log.
    for options in [without(), compacting()] {
        let broker = Broker::start(path, options);
        assert_eq!(broker.running.started.messages, KEPT as u64 - 10);
        broker.stop();
    }
    let mut soon = compacting();
    soon.checkpoint_bytes = 1;
    let broker = Broker::start(path, soon);
    drain(&broker, 10, KEPT);
    wait_until("the table is emptied", || super::pages::inspect(&broker).log.relocations == 0);
    broker.stop();
    is_sound(path);
}

/// What lies in pages is found without the pages being in memory, and pages move too.
#[test]
fn messages_in_pages_and_the_pages_themselves_are_moved() {
    let paged = |mut options: Options| {
        options.engine.index =
            IndexOptions { bytes_max: 500, page_messages: 2, record_pages: 2, ..IndexOptions::default() };
        options
    };
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broker = Broker::start(directory.path(), paged(compacting()));
    fill(&broker);
    let path = directory.path();
    assert!(super::pages::inspect(&broker).index.page_records_on_disk > 2);
    wait_until("the files go", || bytes_on_disk(path) <= SLACK_BYTES + 64 * KIB);
    assert!(super::pages::inspect(&broker).log.relocations >= KEPT as u64 / 2);
    broker.stop();
    is_sound(path);
    let broker = Broker::start(path, paged(compacting()));
    drain(&broker, 0, KEPT);
    broker.stop();
}

/// A record that is damaged is not moved: its message is set aside, and its segment stays.
#[test]
fn a_damaged_record_is_found_while_others_move() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broker = Broker::start(directory.path(), without());
    fill(&broker);
    broker.stop();
    let path = directory.path();
    let mut damaged = BTreeSet::new();
    for entry in fs::read_dir(path).expect("a directory").flatten() {
        let mut bytes = fs::read(entry.path()).expect("a file");
        if let Some(at) = bytes.windows(7).position(|body| body == b"kept 3\x00") {
            bytes[at] ^= 1;
            fs::write(entry.path(), bytes).expect("written");
            damaged.insert(entry.file_name());
        }
    }
    assert_eq!(damaged.len(), 1, "{damaged:?}");
    let broker = Broker::start(path, compacting());
    wait_until("the message is set aside", || broker.damaged().len() == 1);
    wait_until("the others move", || super::pages::inspect(&broker).log.relocations >= KEPT as u64 / 2);
    wait_until("its segment is left", || super::pages::inspect(&broker).compaction.segments_given_up >= 1);
    assert!(path.join(damaged.first().expect("one")).exists());
    let bodies: Vec<String> = receive(&broker).iter().map(|message| message.message.body().to_owned()).collect();
    assert_eq!(bodies, ["kept 0", "kept 1", "kept 2", "kept 4", "kept 5"]);
    broker.stop();
}

/// A disk that has no room for another file gets it from what is moved out of the reserve.
#[test]
fn a_full_disk_is_emptied_out_of_the_reserve() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broker = Broker::start(directory.path(), without());
    fill(&broker);
    broker.stop();
    let path = directory.path();
    for entry in fs::read_dir(path).expect("a directory").flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "spare") {
            fs::remove_file(entry.path()).expect("removed");
        }
    }
    let broker = Broker::start_full(path, compacting());
    let before = bytes_on_disk(path);
    wait_until("sends are taken again", || {
        let answer = broker.ask(send("going", "goes on"));
        assert!(matches!(answer, Ok(_) | Err(Fault::StorageFull)), "{answer:?}");
        answer.is_ok() && bytes_on_disk(path) < before / 2
    });
    assert!(broker.full.load(Ordering::Relaxed), "no file was ever created");
    drain(&broker, 0, KEPT);
    broker.stop();
    is_sound(path);
}

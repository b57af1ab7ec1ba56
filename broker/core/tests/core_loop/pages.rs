//! A backlog whose middle lies in pages that are not in memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc;

use posthouse_core::{Inspection, Options};
use posthouse_engine::IndexOptions;
use posthouse_model::message::MessageDraft;
use posthouse_model::operation::{CreateQueue, DeleteMessage, ReceiveMessage, SendMessage, Tags};
use posthouse_model::{AttributeChanges, Fault, MessageCount, MessageId, QueueAddress, Reply, Request};

use super::{Broker, PATIENCE, options, presented, queue, receive, send};

/// Messages of the backlog: pages of 8, of which a handful may be in memory.
pub(super) const MESSAGES: usize = 1500;

pub(super) fn paged() -> Options {
    let mut options = options();
    options.log.tail_bytes = 64 << 10;
    options.log.chunk_bytes = 64 << 10;
    options.checkpoint_bytes = 128 << 10;
    options.engine.index =
        IndexOptions { bytes_max: 2000, page_messages: 8, record_pages: 4, ..IndexOptions::default() };
    options
}

pub(super) fn inspect(broker: &Broker) -> std::sync::Arc<Inspection> {
    let (sender, receiver) = mpsc::channel();
    broker.inbox().inspect(Box::new(move |inspection| {
        let _ = sender.send(inspection);
    }));
    receiver.recv_timeout(PATIENCE).expect("inspected")
}

pub(super) fn fill(broker: &Broker) {
    for batch in 0..MESSAGES / 50 {
        let answers: Vec<_> = (0..50).map(|n| broker.submit(send(&format!("m{}", batch * 50 + n)))).collect();
        for answer in answers {
            assert!(matches!(answer.recv_timeout(PATIENCE), Ok(Ok(Reply::SendMessage(_)))));
        }
    }
}

/// A receive of ten messages.
pub(super) fn receive_ten(wait: u32) -> Request {
    let Request::ReceiveMessage(request) = receive(wait) else { unreachable!("it is a receive") };
    Request::ReceiveMessage(ReceiveMessage { messages_max: MessageCount::new(10).expect("in range"), ..request })
}

/// Receives and deletes messages up to this one, a multiple of ten, which must come in their order.
fn drain(broker: &Broker, from: usize, to: usize) {
    let mut next = from;
    while next < to {
        let Ok(Reply::ReceiveMessage(messages)) = broker.ask(receive_ten(5)) else { panic!("messages wait") };
        for message in messages {
            assert_eq!(message.message.body(), format!("m{next}"));
            let delete = DeleteMessage { queue: queue(), handle: Ok(presented(message.handle)) };
            assert_eq!(broker.ask(Request::DeleteMessage(delete)), Ok(Reply::Done));
            next += 1;
        }
    }
}

fn start(directory: &Path) -> Broker {
    Broker::start(directory, paged())
}

/// The messages come in their order, before and after restarts, which replay pages and checkpoints that refer to them.
#[test]
fn a_backlog_in_pages_is_received_in_its_order() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broker = start(directory.path());
    broker.create();
    fill(&broker);
    let index = inspect(&broker).index;
    assert!(index.page_records_on_disk > 30, "{index:?}");
    assert!(inspect(&broker).core.checkpoints > 0, "a checkpoint refers to pages");
    broker.stop();

    let broker = start(directory.path());
    assert_eq!(broker.running.started.messages, MESSAGES as u64);
    drain(&broker, 0, 700);
    broker.stop();

    let broker = start(directory.path());
    assert_eq!(broker.running.started.messages, MESSAGES as u64 - 700);
    drain(&broker, 700, MESSAGES);
    let index = inspect(&broker).index;
    assert_eq!((index.page_records, index.pages_in_memory), (0, 0), "no page is left");
    broker.stop();
}

/// While a page cannot be read its messages are not lost: receives are refused, and the queue takes messages.
#[test]
fn a_page_that_cannot_be_read_is_reported() {
    const EMFILE: i32 = 24;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broker = start(directory.path());
    broker.create();
    fill(&broker);
    drain(&broker, 0, 10);
    broker.read_errno.store(EMFILE, Ordering::Relaxed);
    let mut refused = None;
    for _ in 0..20 {
        // Messages of the first pages are in memory; their bodies cannot be read either.
        match broker.ask(receive_ten(0)) {
            Ok(_) => {}
            Err(fault) => {
                refused = Some(fault);
                break;
            }
        }
    }
    assert_eq!(refused, Some(Fault::Throttled));
    broker.send("goes on");
    broker.read_errno.store(0, Ordering::Relaxed);
    broker.stop();
    let broker = start(directory.path());
    assert_eq!(broker.running.started.messages, MESSAGES as u64 - 10 + 1);
    broker.stop();
}

/// Pages that were used up since the last checkpoint are read again by the next start. Their segments hold nothing live
/// any more, and lie before the start of replay.
#[test]
fn a_start_finds_the_pages_that_were_used_up_since_the_checkpoint() {
    let mut small = paged();
    small.log.segment_bytes = 64 << 10;
    small.log.first_segment_bytes = 64 << 10;
    let without_checkpoints = Options { checkpoint_bytes: 1 << 30, ..small.clone() };
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broker = Broker::start(directory.path(), small);
    broker.create();
    fill(&broker);
    assert!(inspect(&broker).core.checkpoints > 0, "a checkpoint refers to pages");
    broker.stop();

    let broker = Broker::start(directory.path(), without_checkpoints.clone());
    drain(&broker, 0, MESSAGES);
    broker.stop();

    let broker = Broker::start(directory.path(), without_checkpoints);
    assert_eq!(broker.running.started.messages, 0);
    broker.stop();
}

/// Groups of the FIFO queue, of which receives see a few at a time.
const GROUPS: usize = 60;

fn fifo() -> QueueAddress {
    "arn:aws:sqs:us-east-1:000000000000:q.fifo".parse().expect("valid")
}

fn windowed() -> Options {
    let mut options = paged();
    options.engine.index = IndexOptions { window_messages: 40, window_messages_min: 20, ..options.engine.index };
    options
}

/// Fills the FIFO queue: message n is in group n modulo [`GROUPS`].
fn fill_groups(broker: &Broker) {
    let attributes = AttributeChanges::parse([("FifoQueue", "true")]).expect("valid");
    let create = CreateQueue { name: fifo().name, attributes, tags: Tags::default() };
    assert_eq!(broker.ask(Request::CreateQueue(create)), Ok(Reply::Queue(fifo())));
    let send = |n: usize| {
        let (body, group, deduplication) = (format!("m{n}"), format!("group-{}", n % GROUPS), format!("id-{n}"));
        let draft = MessageDraft::new(MessageId::from_random([1; 16]), &body, "000000000000");
        let draft = MessageDraft { group: Some(&group), deduplication: Some(&deduplication), fifo: true, ..draft };
        Request::SendMessage(SendMessage { queue: fifo(), delay: None, message: draft.seal().expect("valid") })
    };
    for first in (0..MESSAGES).step_by(50) {
        let answers: Vec<_> = (first..first + 50).map(|n| broker.submit(send(n))).collect();
        for answer in answers {
            assert!(matches!(answer.recv_timeout(PATIENCE), Ok(Ok(Reply::SendMessage(_)))));
        }
    }
}

/// Receives and deletes this many messages. Each group's come in their order: `next` holds the next of each.
fn drain_groups(broker: &Broker, count: usize, next: &mut BTreeMap<usize, usize>) {
    let Request::ReceiveMessage(ten) = receive_ten(5) else { unreachable!("it is a receive") };
    let mut left = count;
    while left > 0 {
        let messages_max = MessageCount::new(i64::try_from(left.min(10)).expect("small")).expect("in range");
        let request = ReceiveMessage { queue: fifo(), messages_max, ..ten.clone() };
        let Ok(Reply::ReceiveMessage(messages)) = broker.ask(Request::ReceiveMessage(request)) else {
            panic!("messages wait");
        };
        for message in messages {
            let number: usize = message.message.body()[1..].parse().expect("a number");
            let expected = next.entry(number % GROUPS).or_insert(number % GROUPS);
            assert_eq!(number, *expected, "the next of its group");
            *expected += GROUPS;
            let delete = DeleteMessage { queue: fifo(), handle: Ok(presented(message.handle)) };
            assert_eq!(broker.ask(Request::DeleteMessage(delete)), Ok(Reply::Done));
            left -= 1;
        }
    }
}

/// The groups of a FIFO queue keep their order, before and after restarts, and its pages are used up.
#[test]
fn a_fifo_backlog_in_pages_is_received_in_the_order_of_its_groups() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broker = Broker::start(directory.path(), windowed());
    fill_groups(&broker);
    let index = inspect(&broker).index;
    assert!(index.page_records_on_disk > 20, "{index:?}");
    assert!(inspect(&broker).core.checkpoints > 0, "a checkpoint refers to pages");
    broker.stop();

    let mut next = BTreeMap::new();
    let broker = Broker::start(directory.path(), windowed());
    drain_groups(&broker, 700, &mut next);
    broker.stop();

    let broker = Broker::start(directory.path(), windowed());
    assert_eq!(broker.running.started.messages, MESSAGES as u64 - 700);
    drain_groups(&broker, MESSAGES - 700, &mut next);
    let index = inspect(&broker).index;
    assert_eq!((index.page_records, index.pages_in_memory), (0, 0), "no page is left");
    broker.stop();
}

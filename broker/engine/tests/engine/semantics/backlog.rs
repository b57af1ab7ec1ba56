//! Long waiting lists: what they take in memory, and what a checkpoint writes of them.

use posthouse_engine::{IndexOptions, Options, Outcome};
use posthouse_model::operation::*;
use posthouse_model::{AttributeChanges, MessageCount, Request, VisibilityTimeout};

use crate::world::{World, batch};

const ARN: &str = "arn:aws:sqs:us-east-1:000000000000";

/// Pages of 16 messages, and memory for so many of them. Checkpoints are written when a test says so.
fn pages(pages: u64) -> World {
    let index =
        IndexOptions { bytes_max: pages * 16 * 24, page_messages: 16, record_pages: 8, ..IndexOptions::default() };
    let mut world = World::new(Options { index, ..Options::default() });
    world.checkpointing = false;
    world
}

fn create(world: &mut World, name: &str, attributes: &[(&str, &str)]) {
    let attributes = AttributeChanges::parse(attributes.iter().copied()).expect("known names");
    let request = CreateQueue { name: name.parse().expect("a name"), attributes, tags: Tags::default() };
    world.ask(Request::CreateQueue(request)).expect("a new queue");
}

fn fill(world: &mut World, name: &str, tens: usize) {
    for _ in 0..tens {
        let entries = (0..10).map(|_| SendEntry::new(None, world.message(name, "a body", None, None).expect("valid")));
        let entries = batch(entries.collect());
        let request = SendMessageBatch::new(world.address(name), entries).expect("small");
        world.ask(Request::SendMessageBatch(request)).expect("sent");
    }
}

/// Receives up to ten messages, which are visible again at once. Returns how many.
fn receive(world: &mut World, name: &str) -> usize {
    let request = ReceiveMessage {
        queue: world.address(name),
        messages_max: MessageCount::new(10).expect("in range"),
        visibility_timeout: Some(VisibilityTimeout::new(0).expect("in range")),
        wait: None,
        attempt: None,
    };
    match world.call(Request::ReceiveMessage(request)).1 {
        Some((Outcome::Messages { messages, .. }, _)) => messages.len(),
        other => panic!("{other:?}"),
    }
}

/// The kinds of `PageStored` and `MessagesKept`.
const STORED: u8 = 71;
const KEPT: u8 = 50;

/// Writes a checkpoint. Returns the bytes of the pages that it stores, and of the messages that it keeps.
fn checkpoint(world: &mut World) -> (usize, usize) {
    let (before, made) = (world.journal.records.len(), world.checkpoints.len());
    world.checkpointing = true;
    while world.checkpoints.len() == made {
        world.checkpoint_slice(100);
    }
    world.checkpointing = false;
    let written = &world.journal.records[before..];
    let bytes = |kind| written.iter().filter(|record| record.kind == kind).map(|record| record.payload.len()).sum();
    (bytes(STORED), bytes(KEPT))
}

/// A message that waits is written by one checkpoint, in a page, and not again. Only the messages of the first page and of
/// the last are kept by each.
#[test]
fn a_checkpoint_writes_a_waiting_message_once() {
    const KEPT_MAX: usize = 2 * 16 * 30;
    let mut world = pages(1000);
    create(&mut world, "q", &[]);
    fill(&mut world, "q", 300);
    let (stored, kept) = checkpoint(&mut world);
    assert!((1..3000 * 8).contains(&stored) && kept < KEPT_MAX, "{stored} and {kept} bytes for 3000 messages");
    let (stored, kept) = checkpoint(&mut world);
    assert!(stored == 0 && kept < KEPT_MAX, "{stored} and {kept} bytes without new messages");
    assert_eq!(world.engine.index().page_records_on_disk, 0, "all pages are still in memory");
    world.check();
}

/// Dead letters, and messages that a task moves, take no more memory than the budget allows, and bring with them what is
/// known of them.
#[test]
fn dead_letters_wait_in_pages() {
    const MESSAGES: usize = 600;
    let mut world = pages(4);
    create(&mut world, "dead", &[]);
    let redrive = format!(r#"{{"deadLetterTargetArn":"{ARN}:dead","maxReceiveCount":1}}"#);
    create(&mut world, "q", &[("RedrivePolicy", &redrive)]);
    fill(&mut world, "q", MESSAGES / 10);
    while receive(&mut world, "q") > 0 {}
    let index = world.engine.index();
    assert!(index.page_records_on_disk > 3 && index.pages_in_memory < 100, "{index:?}");
    world.check();
    let request = StartMessageMoveTask {
        task: MoveTaskId::from_bytes(world.fresh_id()),
        source: world.address("dead"),
        destination: None,
        rate_per_second: None,
    };
    world.ask(Request::StartMessageMoveTask(request)).expect("a task");
    while world.engine.next_deadline().is_some_and(|due| due <= world.now) {
        world.tick();
    }
    let index = world.engine.index();
    assert!(index.page_records_on_disk > 3 && index.pages_in_memory < 100, "{index:?}");
    assert_eq!(world.engine.message_count(), MESSAGES as u64);
    world.check();
    let mut received = 0;
    loop {
        match receive(&mut world, "q") {
            0 => break,
            more => received += more,
        }
    }
    assert_eq!(received, MESSAGES, "each is received once, and goes back");
    world.check();
}

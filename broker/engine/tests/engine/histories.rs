//! Random histories of everything at once: queues that come and go, dead-letter queues, move tasks, rates, long polls,
//! purges, restarts, and a checkpoint that is being written all the while. Whatever happened, replaying it from the
//! first event, or from any checkpoint, gives the same state and the same references to bodies.

use crate::world::World;
use posthouse_engine::{Options, Outcome, Position};
use posthouse_model::message::ClientId;
use posthouse_model::operation::*;
use posthouse_model::{AttributeChanges, QueueAddress, ReceiptHandle, Request, Seconds};
use proptest::prelude::*;

/// Sources, a chain of dead-letter queues, and the same in FIFO.
const QUEUES: [&str; 6] = ["a", "b", "dead", "deadest", "f.fifo", "dead.fifo"];

#[derive(Clone, Copy, Debug)]
enum Op {
    Create(usize, usize),
    Set(usize, usize),
    Drop(usize),
    Purge(usize),
    Tag(usize, u8),
    Send { queue: usize, count: u8, group: u8, delay: u32, deduplication: u8 },
    Receive { queue: usize, max: u8, visibility: u32, wait: u32, attempt: u8 },
    Delete(usize, usize),
    Change(usize, u32),
    Move(usize, usize),
    Stop,
    Cancel,
    Advance(u64),
    Checkpoint(usize),
    Restart,
}

/// Weighted so that queues fill up, messages go round through dead-letter queues and back, and a checkpoint takes many
/// steps; what empties a queue is rare.
fn op() -> impl Strategy<Value = Op> {
    let queue = || prop_oneof![4 => Just(0), 2 => Just(1), 3 => Just(2), 1 => Just(3), 4 => Just(4), 3 => Just(5)];
    let visibility = prop_oneof![2 => Just(0), 3 => 1..3u32, 1 => 3..20u32];
    let span = prop_oneof![6 => 1..1000u64, 12 => 1000..4000u64, 1 => 4000..400_000u64];
    prop_oneof![
        4 => (queue(), 0..6usize).prop_map(|(queue, attributes)| Op::Create(queue, attributes)),
        2 => (queue(), 0..6usize).prop_map(|(queue, attributes)| Op::Set(queue, attributes)),
        1 => queue().prop_map(Op::Drop),
        1 => queue().prop_map(Op::Purge),
        1 => (queue(), 0..4u8).prop_map(|(queue, tag)| Op::Tag(queue, tag)),
        24 => (queue(), 1..10u8, 0..4u8, prop_oneof![3 => Just(0), 1 => 0..20u32], 0..100u8).prop_map(
            |(queue, count, group, delay, deduplication)| Op::Send { queue, count, group, delay, deduplication }),
        50 => (queue(), 1..=10u8, visibility, prop_oneof![2 => Just(0), 1 => 0..10u32], 0..6u8).prop_map(
            |(queue, max, visibility, wait, attempt)| Op::Receive { queue, max, visibility, wait, attempt }),
        4 => (0..10usize, 1..4usize).prop_map(|(index, count)| Op::Delete(index, count)),
        4 => (0..10usize, 0..40u32).prop_map(|(index, seconds)| Op::Change(index, seconds)),
        6 => (prop_oneof![Just(2), Just(3), Just(5)], 0..3usize).prop_map(|(queue, to)| Op::Move(queue, to)),
        1 => Just(Op::Stop),
        1 => Just(Op::Cancel),
        16 => span.prop_map(Op::Advance),
        8 => (1..8usize).prop_map(Op::Checkpoint),
        1 => Just(Op::Restart),
    ]
}

/// Some attributes for a queue.
fn attributes(queue: usize, choice: usize) -> Vec<(&'static str, String)> {
    const ARN: &str = "arn:aws:sqs:us-east-1:000000000000";
    let target = ["dead", "dead", "deadest", "a", "dead.fifo", "f.fifo"][queue];
    let redrive = format!(r#"{{"deadLetterTargetArn":"{ARN}:{target}","maxReceiveCount":1}}"#);
    match choice {
        0 | 1 => vec![("RedrivePolicy", redrive)],
        2 => vec![("MaxReceiveRate", "0.7".into()), ("MaxReceiveBurst", "4".into())],
        3 => vec![("MaxReceiveRate", String::new()), ("DelaySeconds", "3".into())],
        4 => vec![("MessageRetentionPeriod", "60".into())],
        _ => vec![("RedrivePolicy", String::new()), ("DelaySeconds", "0".into())],
    }
}

#[derive(Default)]
struct Client {
    handles: Vec<(QueueAddress, ReceiptHandle)>,
    waiting: Vec<posthouse_engine::Token>,
    tasks: Vec<MoveTaskHandle>,
}

fn changes(world_queue: usize, choice: usize, create: bool) -> AttributeChanges {
    let mut pairs = attributes(world_queue, choice);
    if create && QUEUES[world_queue].ends_with(".fifo") {
        pairs.push(("FifoQueue", "true".into()));
    }
    AttributeChanges::parse(pairs.iter().map(|(name, value)| (*name, value.as_str()))).expect("known names")
}

/// Does one thing. Faults are answers like any other here.
fn step(world: &mut World, client: &mut Client, op: &Op, step: usize) {
    let address = |world: &World, queue: usize| world.address(QUEUES[queue]);
    match *op {
        Op::Create(queue, choice) => {
            let (name, attributes) = (QUEUES[queue].parse().expect("a name"), changes(queue, choice, true));
            let _ = world.ask(Request::CreateQueue(CreateQueue { name, attributes, tags: Tags::default() }));
        }
        Op::Set(queue, choice) => {
            let changes = changes(queue, choice, false);
            let queue = address(world, queue);
            let _ = world.ask(Request::SetQueueAttributes(SetQueueAttributes { queue, changes }));
        }
        Op::Drop(queue) => {
            let queue = address(world, queue);
            let _ = world.ask(Request::DeleteQueue(DeleteQueue { queue }));
        }
        Op::Purge(queue) => {
            let queue = address(world, queue);
            let _ = world.ask(Request::PurgeQueue(PurgeQueue { queue }));
        }
        Op::Tag(queue, tag) => {
            let tags = Tags::parse([("tag", tag.to_string().as_str())]).expect("valid");
            let queue = address(world, queue);
            let _ = world.ask(Request::TagQueue(TagQueue { queue, tags }));
        }
        Op::Send { queue, count, group, delay, deduplication } => {
            let name = QUEUES[queue];
            let fifo = name.ends_with(".fifo");
            let group = (fifo || group > 0).then(|| format!("group-{group}"));
            let entries: Vec<SendEntry> = (0..count)
                .map(|index| {
                    let id = fifo.then(|| format!("id-{}", deduplication.wrapping_add(index)));
                    let body = format!("m{step}-{index}");
                    SendEntry {
                        id: BatchEntryId::parse(&index.to_string()).expect("valid"),
                        delay: (!fifo).then_some(Seconds(delay)),
                        message: world.message(name, &body, group.as_deref(), id.as_deref()),
                    }
                })
                .collect();
            let queue = address(world, queue);
            let _ = world.ask(Request::SendMessageBatch(SendMessageBatch { queue, entries }));
        }
        Op::Receive { queue, max, visibility, wait, attempt } => {
            let attempt = (attempt > 3).then(|| ClientId::receive_attempt(&attempt.to_string()).expect("valid"));
            let queue = address(world, queue);
            let request = ReceiveMessage {
                queue: queue.clone(),
                messages_max: max,
                visibility_timeout: Some(Seconds(visibility)),
                wait: Some(Seconds(wait)),
                attempt,
            };
            match world.call(Request::ReceiveMessage(request)) {
                (_, Some((Outcome::Messages(deliveries), after))) => {
                    let end = world.journal.records.last().expect("a queue was created").position;
                    assert!(after <= end || deliveries.iter().any(|d| d.handle.message.0 == after.get()));
                    for delivery in &deliveries {
                        world.open(delivery);
                        client.handles.insert(0, (queue.clone(), delivery.handle));
                    }
                }
                (_, Some(_)) => {}
                (token, None) => client.waiting.push(token),
            }
            client.handles.truncate(10);
        }
        Op::Delete(index, count) => {
            let Some((queue, _)) = client.handles.get(index).cloned() else { return };
            let handles = client.handles.iter().skip(index).take(count).enumerate();
            let entries = handles.map(|(index, (_, handle))| DeleteEntry {
                id: BatchEntryId::parse(&index.to_string()).expect("valid"),
                handle: Ok(*handle),
            });
            let entries = entries.collect();
            let _ = world.ask(Request::DeleteMessageBatch(DeleteMessageBatch { queue, entries }));
        }
        Op::Change(index, seconds) => {
            let Some((queue, handle)) = client.handles.get(index).cloned() else { return };
            let change = ChangeMessageVisibility { queue, handle, visibility_timeout: Seconds(seconds) };
            let _ = world.ask(Request::ChangeMessageVisibility(change));
        }
        Op::Move(queue, to) => {
            let request = StartMessageMoveTask {
                task: MoveTaskId(world.fresh_id()),
                source: address(world, queue),
                destination: (to > 0).then(|| address(world, to - 1)),
                rate_per_second: (to == 2).then_some(1),
            };
            if let Ok(Reply::StartMessageMoveTask(handle)) = world.ask(Request::StartMessageMoveTask(request)) {
                client.tasks.push(handle);
            }
        }
        Op::Stop => {
            if let Some(handle) = client.tasks.pop() {
                let _ = world.ask(Request::CancelMessageMoveTask(CancelMessageMoveTask { handle }));
            }
        }
        Op::Cancel => {
            if let Some(token) = client.waiting.pop() {
                world.engine.cancel(token);
            }
        }
        Op::Advance(millis) => world.advance(millis),
        Op::Checkpoint(budget) => world.checkpoint_slice(budget),
        Op::Restart => {
            world.restart();
            client.waiting.clear();
        }
    }
}

/// A world with most of the queues in it.
fn beginning(options: Options) -> (World, Client) {
    let (mut world, mut client) = (World::new(options), Client::default());
    for queue in [3, 2, 0, 5, 4] {
        step(&mut world, &mut client, &Op::Create(queue, 0), 0);
    }
    (world, client)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn replay_gives_the_same_state(ops in proptest::collection::vec(op(), 1..300)) {
        let options = Options { deleted_recently: Seconds(2), in_flight_max: 25, ..Options::default() };
        let (mut world, mut client) = beginning(options);
        for (number, op) in ops.into_iter().enumerate() {
            step(&mut world, &mut client, &op, number + 1);
        }
        world.check();
        let references: u64 = world.journal.references.values().sum();
        prop_assert_eq!(references, world.engine.message_count(), "one reference for each message");
    }

    /// A log that was cut anywhere is replayed without complaint, and the broker that comes of it goes on.
    #[test]
    fn any_beginning_of_the_journal_is_a_state(ops in proptest::collection::vec(op(), 1..60), cut in 0.0..1.0f64) {
        let (mut world, mut client) = beginning(Options::default());
        for (number, op) in ops.iter().enumerate() {
            step(&mut world, &mut client, op, number);
        }
        let whole = world.journal.records.len();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "an index")]
        world.journal.records.truncate((whole as f64 * cut) as usize);
        // A checkpoint counts only once its end is durable: what was cut may be just that.
        world.checkpoints.clear();
        world.restart();
        client.waiting.clear();
        for (number, op) in ops.into_iter().enumerate() {
            step(&mut world, &mut client, &op, whole + number);
        }
        world.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever lies in the journal, replay refuses it or takes it; it never panics.
    #[test]
    fn a_damaged_journal_is_refused_or_taken(
        ops in proptest::collection::vec(op(), 1..60),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1..=255u8), 1..4),
        from_checkpoint: bool,
    ) {
        let (mut world, mut client) = beginning(Options::default());
        for (number, op) in ops.into_iter().enumerate() {
            step(&mut world, &mut client, &op, number);
        }
        world.settle();
        for (record, byte, change) in damage {
            let index = record.index(world.journal.records.len());
            let record = &mut world.journal.records[index];
            let mut payload = record.payload.to_vec();
            let byte = byte.index(payload.len());
            payload[byte] ^= change;
            record.payload = payload.into();
        }
        let from = world.checkpoints.first().copied().filter(|_| from_checkpoint).unwrap_or(Position::ZERO);
        let mut engine = posthouse_engine::Engine::new(Options::default());
        let mut journal = crate::world::journal::Memory::default();
        for record in world.journal.records.iter().filter(|record| record.position >= from) {
            if engine.replay(record.position, record.kind, &record.payload, &mut journal).is_err() {
                break;
            }
        }
        let _ = engine.digest(world.now);
        journal.go_on_after(&world.journal);
        engine.tick(world.now, &mut journal, &mut Vec::new());
    }

    #[test]
    fn bytes_that_are_no_event_are_refused(kind: u8, payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut engine = posthouse_engine::Engine::new(Options::default());
        let mut journal = crate::world::journal::Memory::default();
        let _ = engine.replay(Position::new(4096), kind, &payload, &mut journal);
        let _ = engine.digest(crate::world::START);
    }
}

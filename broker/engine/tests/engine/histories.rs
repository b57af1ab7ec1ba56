//! Random histories of all operations: queues created and deleted, dead-letter queues, move tasks, rates, long polls,
//! purges, topics and their subscriptions, publications, restarts, and a checkpoint that is continuously written.
//! Replay from the first event, or from any checkpoint, gives the same state and the same references to bodies.

use std::collections::BTreeMap;

use crate::world::script::native::Produced;
use crate::world::{ReadFault, World, batch, presented, unreadable};
use bytes::Bytes;
use posthouse_engine::{IndexOptions, Options, Outcome, PeekedRef, Position, Quotas, Replayed, Unreadable};
use posthouse_model::message::{AttributeValue, ClientId, MessageAttribute};
use posthouse_model::notification::{PublicationDraft, Subject, unsubscribe_confirmation};
use posthouse_model::operation::*;
use posthouse_model::ranges::MoveRate;
use posthouse_model::topic_attributes::{
    SubscriptionAttribute, SubscriptionAttributeName, TopicAttribute, TopicAttributeName,
};
use posthouse_model::{
    AttributeChanges, Delay, MessageCount, MessageId, QueueAddress, ReceiptHandle, ReceiveWait, Request, Seconds,
    SubscriptionAddress, SubscriptionAttributes, Timestamp, TopicAddress, TopicAttributes, VisibilityTimeout, WaitTime,
};
use proptest::prelude::*;

/// Sources, a chain of dead-letter queues, and the same in FIFO.
const QUEUES: [&str; 6] = ["a", "b", "dead", "deadest", "f.fifo", "dead.fifo"];

const TOPICS: [&str; 3] = ["t", "u", "t.fifo"];
/// Protocols and endpoints: all queues, one that never exists, and endpoints of push delivery.
const ENDPOINTS: [(&str, &str); 10] = [
    ("sqs", "a"),
    ("sqs", "b"),
    ("sqs", "dead"),
    ("sqs", "f.fifo"),
    ("sqs", "dead.fifo"),
    ("sqs", "nowhere"),
    ("http", "http://h/"),
    ("https", "https://h/"),
    ("email", "a@example.com"),
    ("sms", "+15555550100"),
];

#[derive(Clone, Copy, Debug)]
enum Op {
    Topic(usize),
    TopicSet(usize, usize),
    Untopic(usize),
    Subscribe(usize, usize, usize),
    Confirm(usize),
    Unsubscribe(usize),
    SubscriptionSet(usize, usize),
    Publish {
        topic: usize,
        group: u8,
        deduplication: u8,
    },
    /// Some steps of publications that are under way.
    Slices(u8),
    Create(usize, usize),
    Set(usize, usize),
    Drop(usize),
    Purge(usize),
    Tag(usize, u8),
    Send {
        queue: usize,
        count: u8,
        group: u8,
        delay: u32,
        deduplication: u8,
    },
    Receive {
        queue: usize,
        max: u8,
        visibility: u32,
        wait: u32,
        attempt: u8,
    },
    /// A native producer sends messages to a queue or topic, the first `again` of which it has sent before.
    Produce {
        target: usize,
        producer: usize,
        again: u64,
        count: u64,
        answered: bool,
    },
    Delete(usize, usize),
    Settle(usize, usize),
    Change(usize, u32),
    Move(usize, usize),
    Stop,
    Cancel,
    Advance(u64),
    Checkpoint(usize),
    /// The records of some messages that were received are damaged.
    SetAside(usize, usize),
    /// Some messages that were received could not be read.
    GiveBack(usize, usize),
    /// The record of some message is damaged.
    Damage(usize),
    DropDamaged(usize),
    /// An operator looks at all messages of a queue.
    Peek(usize, i64),
    /// An operator deletes, moves or copies some messages that a look has shown.
    Select {
        queue: usize,
        first: usize,
        count: usize,
        choice: usize,
        to: usize,
    },
    Restart,
    Clock(i64),
}

/// Weighted so that queues fill, messages move to dead-letter queues and back, and a checkpoint takes many steps.
/// Operations that empty a queue are rare.
fn op() -> impl Strategy<Value = Op> {
    let queue = || prop_oneof![4 => Just(0), 2 => Just(1), 3 => Just(2), 1 => Just(3), 4 => Just(4), 3 => Just(5)];
    let visibility = prop_oneof![2 => Just(0), 3 => 1..3u32, 1 => 3..20u32];
    let span = prop_oneof![12 => 1..1000u64, 24 => 1000..4000u64, 2 => 4000..400_000u64, 1 => 400_000..200_000_000u64];
    let topic = || 0..TOPICS.len();
    prop_oneof![
        3 => topic().prop_map(Op::Topic),
        3 => (topic(), 0..6usize).prop_map(|(topic, choice)| Op::TopicSet(topic, choice)),
        1 => topic().prop_map(Op::Untopic),
        12 => (topic(), 0..ENDPOINTS.len(), 0..7usize).prop_map(
            |(topic, endpoint, choice)| Op::Subscribe(topic, endpoint, choice)),
        4 => (0..6usize).prop_map(Op::Confirm),
        2 => (0..10usize).prop_map(Op::Unsubscribe),
        4 => (0..10usize, 0..7usize).prop_map(|(index, choice)| Op::SubscriptionSet(index, choice)),
        20 => (topic(), 0..4u8, 0..30u8).prop_map(
            |(topic, group, deduplication)| Op::Publish { topic, group, deduplication }),
        12 => (1..5u8).prop_map(Op::Slices),
        4 => (queue(), 0..6usize).prop_map(|(queue, attributes)| Op::Create(queue, attributes)),
        2 => (queue(), 0..6usize).prop_map(|(queue, attributes)| Op::Set(queue, attributes)),
        1 => queue().prop_map(Op::Drop),
        1 => queue().prop_map(Op::Purge),
        1 => (queue(), 0..4u8).prop_map(|(queue, tag)| Op::Tag(queue, tag)),
        24 => (queue(), 1..10u8, 0..4u8, prop_oneof![3 => Just(0), 1 => 0..20u32], 0..100u8).prop_map(
            |(queue, count, group, delay, deduplication)| Op::Send { queue, count, group, delay, deduplication }),
        50 => (queue(), 1..=10u8, visibility, prop_oneof![2 => Just(0), 1 => 0..10u32], 0..6u8).prop_map(
            |(queue, max, visibility, wait, attempt)| Op::Receive { queue, max, visibility, wait, attempt }),
        30 => (0..TARGETS, 0..4usize, 0..5u64, 1..8u64, any::<bool>()).prop_map(
            |(target, producer, again, count, answered)| Op::Produce { target, producer, again, count, answered }),
        4 => (0..10usize, 1..4usize).prop_map(|(index, count)| Op::Delete(index, count)),
        6 => (0..10usize, 1..9usize).prop_map(|(index, count)| Op::Settle(index, count)),
        4 => (0..10usize, 0..40u32).prop_map(|(index, seconds)| Op::Change(index, seconds)),
        6 => (prop_oneof![Just(2), Just(3), Just(5)], 0..3usize).prop_map(|(queue, to)| Op::Move(queue, to)),
        1 => Just(Op::Stop),
        1 => Just(Op::Cancel),
        16 => span.prop_map(Op::Advance),
        8 => (1..8usize).prop_map(Op::Checkpoint),
        3 => (0..10usize, 1..4usize).prop_map(|(index, count)| Op::SetAside(index, count)),
        2 => (0..10usize, 1..4usize).prop_map(|(index, count)| Op::GiveBack(index, count)),
        2 => any::<usize>().prop_map(Op::Damage),
        2 => (0..5usize).prop_map(Op::DropDamaged),
        3 => (queue(), 1..20i64).prop_map(|(queue, max)| Op::Peek(queue, max)),
        4 => (queue(), 0..20usize, 1..6usize, 0..5usize, 0..QUEUES.len()).prop_map(
            |(queue, first, count, choice, to)| Op::Select { queue, first, count, choice, to }),
        1 => Just(Op::Restart),
        1 => prop_oneof![-400_000..400_000i64, -300_000_000..300_000_000i64].prop_map(Op::Clock),
    ]
}

/// Some attributes for a queue.
fn attributes(queue: usize, choice: usize) -> Vec<(&'static str, String)> {
    const ARN: &str = "arn:aws:sqs:us-east-1:000000000000";
    let target = ["dead", "dead", "deadest", "a", "dead.fifo", "f.fifo"][queue];
    let redrive = format!(r#"{{"deadLetterTargetArn":"{ARN}:{target}","maxReceiveCount":1}}"#);
    let fifo = QUEUES[queue].ends_with(".fifo");
    match choice {
        0 | 1 => vec![("RedrivePolicy", redrive)],
        2 if fifo => vec![("DeduplicationScope", "messageGroup".into())],
        4 if fifo => vec![("DeduplicationScope", "queue".into())],
        2 => vec![("MaxReceiveRate", "0.7".into()), ("MaxReceiveBurst", "4".into())],
        3 => vec![("MaxReceiveRate", String::new()), ("DelaySeconds", "3".into())],
        4 => vec![("MessageRetentionPeriod", "60".into())],
        _ => vec![("RedrivePolicy", String::new()), ("DelaySeconds", "0".into())],
    }
}

/// The queues and topics that native producers send to.
const TARGETS: usize = QUEUES.len() + TOPICS.len();

#[derive(Default)]
struct Client {
    /// The last number of each native producer in each target.
    numbers: BTreeMap<(usize, usize), u64>,
    handles: Vec<(QueueAddress, ReceiptHandle)>,
    waiting: Vec<posthouse_engine::RequestToken>,
    tasks: Vec<MoveTaskHandle>,
    /// Newest first.
    tokens: Vec<(TopicAddress, ConfirmationToken)>,
}

/// Some attribute for a topic.
fn topic_attribute(choice: usize) -> (TopicAttributeName, &'static str) {
    use TopicAttributeName as Name;
    match choice {
        0 => (Name::DisplayName, "x"),
        1 => (Name::SignatureVersion, "2"),
        2 => (Name::FifoThroughputScope, "MessageGroup"),
        3 => (Name::FifoThroughputScope, ""),
        4 => (Name::DeliveryPolicy, r#"{"http":{"defaultThrottlePolicy":{"maxReceivesPerSecond":2}}}"#),
        _ => (Name::DeliveryPolicy, ""),
    }
}

/// Some attribute for a subscription.
fn subscription_attribute(choice: usize) -> (SubscriptionAttributeName, &'static str) {
    use SubscriptionAttributeName as Name;
    match choice {
        0 => (Name::RawMessageDelivery, "true"),
        1 => (Name::FilterPolicy, r#"{"n":[{"numeric":["<",2]}]}"#),
        2 => (Name::FilterPolicyScope, "MessageBody"),
        3 => (Name::FilterPolicy, ""),
        4 => (Name::RedrivePolicy, r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:deadest"}"#),
        5 => (Name::DeliveryPolicy, r#"{"throttlePolicy":{"maxReceivesPerSecond":5}}"#),
        _ => (Name::RawMessageDelivery, "false"),
    }
}

/// Executes one operation of topics.
fn topic_step(world: &mut World, client: &mut Client, op: &Op, step: usize) {
    match *op {
        Op::Topic(topic) => {
            let fifo = TOPICS[topic].ends_with(".fifo").then_some(("FifoTopic", "true"));
            let _ = world.ask(Request::CreateTopic(CreateTopic {
                name: TOPICS[topic].parse().expect("a name"),
                attributes: TopicAttributes::parse(fifo).expect("valid"),
                tags: Tags::default(),
                data_protection: None,
            }));
        }
        Op::TopicSet(topic, choice) => {
            let (topic, (name, value)) = (world.topic(TOPICS[topic]), topic_attribute(choice));
            let attribute = TopicAttribute::parse(name, value);
            let _ = world.ask(Request::SetTopicAttributes(SetTopicAttributes { topic, attribute }));
        }
        Op::Untopic(topic) => {
            let topic = world.topic(TOPICS[topic]);
            let _ = world.ask(Request::DeleteTopic(DeleteTopic { topic }));
        }
        Op::Subscribe(topic, endpoint, choice) => {
            let mut attributes = SubscriptionAttributes::default();
            let (name, value) = subscription_attribute(choice);
            attributes.set(SubscriptionAttribute::parse(name, value).expect("valid"));
            let (protocol, endpoint) = ENDPOINTS[endpoint];
            let (request, token) =
                world.subscribing(TOPICS[topic], protocol, endpoint, Ok(attributes)).expect("an endpoint");
            let topic = request.topic.clone();
            if let Ok(Reply::Subscribed(subscribed)) = world.ask(Request::Subscribe(request)) {
                let subscription = subscribed.subscription.id;
                client.tokens.insert(0, (topic, ConfirmationToken { subscription, ..token }));
                client.tokens.truncate(10);
            }
        }
        Op::Confirm(index) => {
            let Some((topic, token)) = client.tokens.get(index).cloned() else { return };
            let authenticate_on_unsubscribe = index == 0;
            let request = ConfirmSubscription { topic, token, authenticate_on_unsubscribe };
            let _ = world.ask(Request::ConfirmSubscription(request));
        }
        Op::Unsubscribe(index) => {
            let Some((topic, token)) = client.tokens.get(index).cloned() else { return };
            let subscription = SubscriptionAddress { topic: topic.clone(), id: token.subscription };
            let token = ConfirmationToken { secret: world.fresh_id(), ..token };
            let confirmation = unsubscribe_confirmation(MessageId::from_random(world.fresh_id()), &token);
            let request = Unsubscribe { subscription, secret: token.secret, confirmation };
            let _ = world.ask(Request::Unsubscribe(request));
            client.tokens[index] = (topic, token);
        }
        Op::SubscriptionSet(index, choice) => {
            let Some((topic, token)) = client.tokens.get(index).cloned() else { return };
            let subscription = SubscriptionAddress { topic, id: token.subscription };
            let (name, value) = subscription_attribute(choice);
            let attribute = SubscriptionAttribute::parse(name, value);
            let request = SetSubscriptionAttributes { subscription, attribute };
            let _ = world.ask(Request::SetSubscriptionAttributes(request));
        }
        Op::Publish { topic, group, deduplication } => {
            let fifo = TOPICS[topic].ends_with(".fifo");
            let (group, id) = (format!("group-{group}"), format!("id-{deduplication}"));
            let (body, n) = (format!(r#"{{"n":{}}}"#, step % 3), (step % 4).to_string());
            let value = AttributeValue::Text(n.as_str().into());
            let target = PublishTarget::Topic(world.topic(TOPICS[topic]));
            let publication = PublicationDraft {
                subject: step.is_multiple_of(2).then(|| Subject::parse("subject").expect("valid")),
                attributes: vec![MessageAttribute { name: "n".into(), data_type: "Number".into(), value }],
                group: fifo.then_some(&group),
                deduplication: fifo.then_some(&id),
                ..PublicationDraft::new(MessageId::from_random(world.fresh_id()), &body, target.kind())
            };
            let _ = world.call(Request::Publish(Publish { target, publication: publication.seal() }));
        }
        Op::Slices(count) => (0..count).for_each(|_| {
            world.publish_some(None);
        }),
        _ => unreachable!("the others are not about topics"),
    }
}

fn changes(world_queue: usize, choice: usize, create: bool) -> AttributeChanges {
    let mut pairs = attributes(world_queue, choice);
    if create && QUEUES[world_queue].ends_with(".fifo") {
        pairs.push(("FifoQueue", "true".into()));
    }
    AttributeChanges::parse(pairs.iter().map(|(name, value)| (*name, value.as_str()))).expect("known names")
}

/// Executes one operation. A fault is a valid answer here.
fn step(world: &mut World, client: &mut Client, op: &Op, step: usize) {
    let address = |world: &World, queue: usize| world.address(QUEUES[queue]);
    match *op {
        Op::Topic(_)
        | Op::TopicSet(..)
        | Op::Untopic(_)
        | Op::Subscribe(..)
        | Op::Confirm(_)
        | Op::Unsubscribe(_)
        | Op::SubscriptionSet(..)
        | Op::Publish { .. }
        | Op::Slices(_) => topic_step(world, client, op, step),
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
            let delay = (!fifo).then(|| Delay::new(delay.into()).expect("in range"));
            let entries = (0..count).map(|index| {
                let id = fifo.then(|| format!("id-{}", deduplication.wrapping_add(index)));
                let body = format!("m{step}-{index}");
                SendEntry::new(delay, world.message(name, &body, group.as_deref(), id.as_deref()).expect("valid"))
            });
            let entries = batch(entries.collect());
            let batch = SendMessageBatch::new(address(world, queue), entries).expect("small");
            let _ = world.ask(Request::SendMessageBatch(batch));
        }
        Op::Receive { queue, max, visibility, wait, attempt } => {
            let attempt = (attempt > 3).then(|| ClientId::receive_attempt(&attempt.to_string()).expect("valid"));
            let queue = address(world, queue);
            let request = ReceiveMessage {
                queue: queue.clone(),
                messages_max: MessageCount::new(max.into()).expect("in range"),
                visibility_timeout: Some(VisibilityTimeout::new(visibility.into()).expect("in range")),
                wait: Some(ReceiveWait::AtMost(WaitTime::new(wait.into()).expect("in range"))),
                attempt,
            };
            match world.call(Request::ReceiveMessage(request)) {
                (_, Some((Outcome::Messages { messages: deliveries, .. }, after))) => {
                    let end = world.journal.records.last().expect("a queue was created").position;
                    assert!(after <= end || deliveries.iter().any(|d| d.handle.message == after.message_key()));
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
        Op::Produce { target, producer, again, count, answered } => {
            let name = QUEUES.iter().chain(&TOPICS).nth(target).expect("a target");
            let last = client.numbers.get(&(target, producer)).copied().unwrap_or_default();
            let (fifo, first) = (name.ends_with(".fifo"), last + 1 - again.min(last));
            let (producer_name, id) = (format!("p{producer}"), format!("id-{}", step % 40));
            let batch = Produced {
                producer: &producer_name,
                target: name,
                first,
                answered: if answered { last } else { 0 },
                group: (fifo || count % 2 == 0).then_some("group-1").filter(|_| fifo || target < QUEUES.len()),
                id: Some(id.as_str()).filter(|_| fifo),
                delay: None,
            };
            let bodies: Vec<String> = (first..first + count).map(|number| format!("p{number}")).collect();
            let mut bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
            if step.is_multiple_of(3) {
                *bodies.last_mut().expect("at least one") = "-";
            }
            let request = world.producing(&batch, &bodies).expect("a batch");
            if let Some((Outcome::Reply(Ok(_)), _)) = world.call(request).1 {
                client.numbers.insert((target, producer), last.max(first + count - 1));
            }
        }
        Op::Settle(index, count) => {
            let Some((queue, _)) = client.handles.get(index).cloned() else { return };
            let handles = client.handles.iter().skip(index).take(count).map(|(_, handle)| *handle);
            let settlements = handles.enumerate().map(|(place, handle)| {
                let span = VisibilityTimeout::new(i64::try_from(step % 5).expect("small")).expect("in range");
                let settlement = match (place + step) % 4 {
                    0 => DeliverySettlement::Delete,
                    1 => DeliverySettlement::Release(span),
                    2 => DeliverySettlement::Extend(span),
                    _ => DeliverySettlement::DeadLetter,
                };
                (handle, settlement)
            });
            let request = SettleMessages::new(queue, settlements.collect()).expect("a few");
            let _ = world.ask(Request::SettleMessages(request));
        }
        Op::Delete(index, count) => {
            let Some((queue, _)) = client.handles.get(index).cloned() else { return };
            let handles = client.handles.iter().skip(index).take(count);
            let entries = batch(handles.map(|(_, handle)| Ok(presented(*handle))).collect());
            let _ = world.ask(Request::DeleteMessageBatch(DeleteMessageBatch { queue, entries }));
        }
        Op::Change(index, seconds) => {
            let Some((queue, handle)) = client.handles.get(index).cloned() else { return };
            let change = ChangeMessageVisibility {
                queue,
                handle: Ok(presented(handle)),
                visibility_timeout: VisibilityTimeout::new(seconds.into()).expect("in range"),
            };
            let _ = world.ask(Request::ChangeMessageVisibility(change));
        }
        Op::Move(queue, to) => {
            let request = StartMessageMoveTask {
                task: MoveTaskId::from_bytes(world.fresh_id()),
                source: address(world, queue),
                destination: (to > 0).then(|| address(world, to - 1)),
                rate_per_second: (to == 2).then_some(MoveRate::MIN),
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
        Op::SetAside(index, count) => {
            let handles = client.handles.iter().skip(index).take(count);
            let damaged: Vec<Unreadable> = handles.map(|(_, handle)| unreadable(*handle)).collect();
            world.set_aside(&damaged);
        }
        Op::GiveBack(index, count) => {
            let handles = client.handles.iter().skip(index).take(count);
            let handles: Vec<ReceiptHandle> = handles.map(|(_, handle)| *handle).collect();
            let until = world.now + Seconds::new(5);
            world.engine.give_back(world.now, (&handles, until), &mut world.journal, &mut Vec::new());
        }
        Op::Damage(index) => {
            let bodies = world.journal.referred();
            let Some(body) = index.checked_rem(bodies.len()).map(|index| bodies[index]) else { return };
            world.faults.insert(body, ReadFault::Damaged);
            world.scrub();
            world.faults.clear();
        }
        Op::DropDamaged(count) => {
            let ids = world.engine.damaged().map(|message| message.id).take(count).collect();
            let request = DropDamagedMessages::new(ids).expect("a few");
            world.as_broker = true;
            let _ = world.ask(Request::DropDamagedMessages(request));
            world.as_broker = false;
        }
        Op::Peek(queue, max) => {
            if let Ok(messages) = world.peek(QUEUES[queue], ShownStates::ALL, max) {
                check_look(world, QUEUES[queue], &messages);
            }
        }
        Op::Select { queue, first, count, choice, to } => {
            let shown = world.peek(QUEUES[queue], ShownStates::ALL, 256).unwrap_or_default();
            let names = shown.iter().skip(first).take(count).map(|message| match message {
                PeekedRef::Message(reference, _) => {
                    MessageName { queue: reference.handle.queue, message: reference.handle.message }
                }
                PeekedRef::Whole(peeked) => peeked.name(),
            });
            let messages = Selected::new(names.collect()).expect("a few");
            let (queue, destination) = (address(world, queue), address(world, to));
            let in_flight = if choice < 2 { InFlightRule::Leave } else { InFlightRule::Take };
            let seed = MoveTaskId::from_bytes(world.fresh_id());
            let request = match choice {
                0 | 2 => Request::DeleteSelectedMessages(DeleteSelectedMessages { queue, messages, in_flight }),
                1 | 3 => {
                    let request = MoveSelectedMessages { queue, messages, in_flight, destination, seed };
                    Request::MoveSelectedMessages(request)
                }
                _ => Request::CopySelectedMessages(CopySelectedMessages { queue, messages, destination, seed }),
            };
            let _ = world.ask(request);
        }
        Op::Restart => {
            world.restart();
            client.waiting.clear();
        }
        Op::Clock(millis) => {
            let to = world.now.as_millis().checked_add_signed(millis).expect("a time after 1970");
            world.set_clock(Timestamp::from_millis(to));
        }
    }
}

/// Fails unless a look has shown each message of a queue once, in the order of their keys, in the states that are counted.
fn check_look(world: &mut World, queue: &str, messages: &[PeekedRef]) {
    let names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesDelayed",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfDamagedMessages",
    ];
    let names = names.iter().map(|name| name.parse().expect("an attribute")).collect();
    let request = GetQueueAttributes { queue: world.address(queue), names };
    let Ok(Reply::Attributes(view)) = world.ask(Request::GetQueueAttributes(request)) else { panic!("it is there") };
    let counted = |wanted: &str| {
        view.iter()
            .find(|(name, _)| name.to_string() == wanted)
            .map_or(0, |(_, count)| count.parse().expect("a number"))
    };
    let shown = |is_it: &dyn Fn(&PeekedRef) -> bool| messages.iter().filter(|message| is_it(message)).count();
    let in_state = |wanted: &str| {
        shown(&|message| match message {
            PeekedRef::Message(_, PeekedState::Visible) => wanted.ends_with("Messages") && !wanted.contains("Damaged"),
            PeekedRef::Message(_, PeekedState::Delayed(_)) => wanted.ends_with("Delayed"),
            PeekedRef::Message(_, PeekedState::InFlight(_)) => wanted.ends_with("NotVisible"),
            PeekedRef::Whole(_) => wanted.contains("Damaged"),
        })
    };
    for name in [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesDelayed",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfDamagedMessages",
    ] {
        assert_eq!(in_state(name), counted(name), "{name} of {queue}");
    }
    let keys = messages.iter().map(|message| match message {
        PeekedRef::Message(reference, _) => {
            world.open(reference);
            reference.handle.message
        }
        PeekedRef::Whole(peeked) => peeked.name().message,
    });
    let keys: Vec<_> = keys.collect();
    assert!(keys.is_sorted_by(|one, next| one < next), "each message once, in order");
}

/// A world in which most of the queues and topics exist.
fn beginning(options: Options) -> (World, Client) {
    let (mut world, mut client) = (World::new(options), Client::default());
    for queue in [3, 2, 0, 5, 4] {
        step(&mut world, &mut client, &Op::Create(queue, 0), 0);
    }
    for (topic, endpoint) in [(0, 0), (0, 5), (0, 7), (2, 3)] {
        step(&mut world, &mut client, &Op::Topic(topic), 0);
        step(&mut world, &mut client, &Op::Subscribe(topic, endpoint, 4), 0);
    }
    (world, client)
}

/// Options with which everything about a publication, and about a deleted topic, is done in the smallest slices.
fn sliced() -> Options {
    Options {
        deliveries_at_once_max: 1,
        deliveries_per_event_max: 2,
        deliveries_per_tick: 1,
        forgotten_per_tick: 1,
        visited_per_tick: 1,
        // Room for some producers.
        producers_bytes_max: 80 * 1024,
        ..Options::default()
    }
}

/// Executes a history. Fails unless replay gives the same state and the same references to bodies.
fn check_replay(ops: Vec<Op>, options: Options) {
    let options = Options { deleted_recently: Seconds::new(2), in_flight_max: 25, ..options };
    let (mut world, mut client) = beginning(options);
    for (number, op) in ops.into_iter().enumerate() {
        step(&mut world, &mut client, &op, number + 1);
    }
    world.check();
    let references: u64 = world.journal.references.values().map(|references| references.count).sum();
    let messages = world.engine.message_count() + world.engine.damaged().count() as u64;
    let pages = world.engine.index().page_records;
    assert_eq!(references, messages + pages, "one reference for each message, and one for each page");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn replay_gives_the_same_state(ops in proptest::collection::vec(op(), 1..300)) {
        // Quotas that are never reached: messages are counted, and `World` compares the counts with what is there.
        let quotas = Quotas { messages: Some(u64::MAX), ..Quotas::default() };
        check_replay(ops, Options { quotas, ..Options::default() });
    }

    /// Every publication to more than one queue takes several turns, has several events and gets into its queues one by
    /// one. Replay puts it into all of them at once: a queue never is in another state than that.
    #[test]
    fn slices_of_publications_cannot_be_told(ops in proptest::collection::vec(op(), 1..300)) {
        check_replay(ops, sliced());
    }

    /// All but the first and the last messages that wait in a queue lie in pages, few of which are in memory. Receives look
    /// at a few messages of a queue with groups.
    #[test]
    fn pages_cannot_be_told(
        ops in proptest::collection::vec(op(), 1..150),
        page_messages in 1..5usize,
        record_pages in 1..4usize,
        bytes_max in 0..200u64,
        window_messages in 1..8usize,
    ) {
        let window_messages_min = window_messages.div_ceil(2);
        let index = IndexOptions { bytes_max, page_messages, record_pages, window_messages, window_messages_min };
        check_replay(ops, Options { index, ..sliced() });
    }

    /// A log that was cut at any event is replayed without an error, and the resulting engine takes requests.
    #[test]
    fn any_beginning_of_the_journal_is_a_state(
        ops in proptest::collection::vec(op(), 1..60),
        cut in 0.0..1.0f64,
        slices: bool,
    ) {
        let index = IndexOptions { bytes_max: 48, page_messages: 2, record_pages: 2, window_messages: 3, window_messages_min: 2 };
        let (mut world, mut client) = beginning(if slices { Options { index, ..sliced() } } else { Options::default() });
        for (number, op) in ops.iter().enumerate() {
            step(&mut world, &mut client, op, number);
        }
        let whole = world.journal.records.len();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "an index")]
        world.journal.records.truncate((whole as f64 * cut) as usize);
        // A checkpoint is valid only once its end is durable. The cut may have removed the end.
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

    /// Replay of any bytes succeeds or returns an error. It never panics.
    #[test]
    fn a_damaged_journal_is_refused_or_taken(
        ops in proptest::collection::vec(op(), 1..60),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1..=255u8), 1..4),
        from_checkpoint: bool,
    ) {
        let index = IndexOptions { bytes_max: 48, page_messages: 2, record_pages: 2, window_messages: 3, window_messages_min: 2 };
        let (mut world, mut client) = beginning(Options { index, ..Options::default() });
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
        let mut replay = posthouse_engine::Replay::new(Options::default());
        let mut journal = crate::world::journal::Memory::default();
        let page = |position: Position| world.journal.find(position).unwrap_or_default();
        'replay: for record in world.journal.records.iter().filter(|record| record.position >= from) {
            loop {
                match replay.event(record.position, record.kind, &record.payload, &mut journal) {
                    Ok(Replayed::Applied) => break,
                    Ok(Replayed::PageWanted(request)) => {
                        if replay.page_read(request, &page(request.position()), &mut journal).is_err() {
                            break 'replay;
                        }
                    }
                    Err(_) => break 'replay,
                }
            }
        }
        let mut engine = replay.finish(world.now);
        let _ = engine.digest(world.now, &|record| page(record.position));
        journal.go_on_after(&world.journal);
        engine.tick(world.now, &mut journal, &mut Vec::new());
    }

    #[test]
    fn bytes_that_are_no_event_are_refused(kind: u8, payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut replay = posthouse_engine::Replay::new(Options::default());
        let mut journal = crate::world::journal::Memory::default();
        let _ = replay.event(Position::new(4096), kind, &payload.into(), &mut journal);
        let _ = replay.finish(crate::world::START).digest(crate::world::START, &|_| Bytes::new());
    }
}

/// A checkpoint from before groups took turns does not say whose turn it is. The groups are then served in the order of
/// their first messages.
#[test]
fn a_checkpoint_need_not_hold_turns() {
    const GROUPS_KEPT: u8 = 46;
    let (mut world, mut client) = (World::new(Options::default()), Client::default());
    step(&mut world, &mut client, &Op::Create(4, 5), 0);
    for (number, group) in [0, 1, 2, 0].into_iter().enumerate() {
        let deduplication = u8::try_from(number).expect("small");
        step(&mut world, &mut client, &Op::Send { queue: 4, count: 1, group, delay: 0, deduplication }, number);
    }
    let receive = Op::Receive { queue: 4, max: 2, visibility: 0, wait: 0, attempt: 0 };
    step(&mut world, &mut client, &receive, 9);
    world.checkpoints.clear();
    while world.checkpoints.len() < 2 {
        world.checkpoint_slice(1);
    }
    let turns = |record: &crate::world::journal::Record| record.kind == GROUPS_KEPT;
    assert!(world.journal.records.iter().any(turns), "group 0 has taken another turn than its first");
    let received = |world: &mut World, client: &mut Client| {
        step(world, client, &Op::Receive { queue: 4, max: 10, visibility: 0, wait: 0, attempt: 0 }, 10);
        let handles = client.handles.iter().take(4).rev();
        handles.map(|(_, handle)| handle.message).collect::<Vec<_>>()
    };
    let keys: Vec<_> = client.handles.iter().rev().map(|(_, handle)| handle.message).collect();
    let later = world.journal.records.clone();
    world.restart();
    let rotated = received(&mut world, &mut client);
    assert_eq!(rotated[2..], keys, "group 0 was served last");
    world.journal.records = later.into_iter().filter(|record| !turns(record)).collect();
    world.restart();
    let oldest_first = received(&mut world, &mut client);
    assert_eq!(oldest_first[..2], keys, "the oldest first message");
}

/// A subscription is made, and perhaps ended, between the start of a checkpoint and the slice with its topic. Replay
/// applies those events before the one with the topic.
#[test]
fn a_subscription_may_come_before_its_topic() {
    let ends: [&[Op]; 4] =
        [&[], &[Op::Unsubscribe(0)], &[Op::Untopic(0)], &[Op::Untopic(0), Op::Topic(0), Op::Subscribe(0, 6, 5)]];
    for end in ends {
        let (mut world, mut client) = (World::new(Options::default()), Client::default());
        world.checkpointing = false;
        step(&mut world, &mut client, &Op::Topic(0), 1);
        step(&mut world, &mut client, &Op::TopicSet(0, 4), 2);
        world.checkpointing = true;
        world.checkpoint_slice(1);
        world.checkpointing = false;
        step(&mut world, &mut client, &Op::Subscribe(0, 6, 0), 3);
        for op in end {
            step(&mut world, &mut client, op, 4);
        }
        world.checkpointing = true;
        world.check();
        assert_eq!(world.checkpoints.len(), 1, "the checkpoint that began before the subscription");
    }
}

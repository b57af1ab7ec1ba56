//! Publications that take several turns: what happens to the topic, its subscriptions and their queues in between.

use std::fmt::Write as _;

use posthouse_engine::{Options, Outcome, RequestToken};
use posthouse_model::notification::PublicationDraft;
use posthouse_model::operation::{
    CreateQueue, CreateTopic, DeleteQueue, DeleteTopic, Publish, PublishTarget, ReceiveMessage, Tags,
};
use posthouse_model::topic_attributes::{SubscriptionAttribute, SubscriptionAttributeName};
use posthouse_model::{
    AttributeChanges, MessageCount, MessageId, QueueAddress, ReceiveWait, Request, SubscriptionAttributes, Timestamp,
    TopicAttributes,
};

use crate::world::World;
use crate::world::script::{run, run_with};

/// A policy with 150 conditions that no other policy has. All of them are evaluated if the first ones do not hold.
fn costly(number: usize) -> SubscriptionAttributes {
    let mut policy = String::from(r#"{"a":["#);
    for place in 0..150 {
        let comma = if place > 0 { "," } else { "" };
        write!(policy, r#"{comma}{{"anything-but":{{"prefix":"{number}-{place}"}}}}"#).expect("a string takes it");
    }
    policy.push_str("]}");
    let mut attributes = SubscriptionAttributes::default();
    for (name, value) in [
        (SubscriptionAttributeName::FilterPolicyScope, "MessageBody"),
        (SubscriptionAttributeName::FilterPolicy, &policy),
    ] {
        attributes.set(SubscriptionAttribute::parse(name, value).expect("valid"));
    }
    attributes
}

fn create_queue(world: &mut World, name: &str) {
    let (name, attributes) = (name.parse().expect("a name"), AttributeChanges::parse([]).expect("none"));
    world.ask(Request::CreateQueue(CreateQueue { name, attributes, tags: Tags::default() })).expect("created");
}

fn publish(world: &mut World) -> (RequestToken, Option<Outcome>) {
    let target = PublishTarget::Topic(world.topic("t"));
    let id = MessageId::from_random(world.fresh_id());
    let publication = PublicationDraft::new(id, r#"{"a":"x"}"#, target.kind()).seal();
    let (token, answer) = world.call(Request::Publish(Publish { target, publication }));
    (token, answer.map(|(outcome, _)| outcome))
}

/// A topic with 200 costly policies. A publication to it is matched elsewhere.
fn costly_topic() -> World {
    let mut world = World::new(Options::default());
    world.checkpointing = false;
    world
        .ask(Request::CreateTopic(CreateTopic {
            name: "t".parse().expect("a name"),
            attributes: TopicAttributes::default(),
            tags: Tags::default(),
            data_protection: None,
        }))
        .expect("created");
    for number in 0..200 {
        let name = format!("q{number}");
        create_queue(&mut world, &name);
        subscribe(&mut world, &name, number);
    }
    world
}

fn subscribe(world: &mut World, queue: &str, number: usize) {
    let (request, _) = world.subscribing("t", "sqs", queue, Ok(costly(number))).expect("an endpoint");
    world.ask(Request::Subscribe(request)).expect("subscribed");
}

#[test]
fn costly_policies_are_matched_elsewhere() {
    let mut world = costly_topic();
    let (token, answer) = publish(&mut world);
    assert_eq!(answer, None, "it takes more than one turn");
    let (second, _) = publish(&mut world);
    world.settle();
    assert_eq!(world.late, [(token, "ok".to_owned()), (second, "ok".to_owned())], "in their order");
    assert_eq!(world.engine.message_count(), 400);
    world.check();
}

/// The indices are away: subscriptions come and go meanwhile, and a queue is deleted. The publication goes to those that
/// there were when it began, as far as their queues exist; the next one to those that there are.
#[test]
fn a_topic_may_change_while_its_policies_are_matched() {
    let mut world = costly_topic();
    let (token, _) = publish(&mut world);
    world.publish_some(None);
    for number in 200..240 {
        let name = format!("q{number}");
        create_queue(&mut world, &name);
        subscribe(&mut world, &name, number);
    }
    let queue = world.address("q7");
    world.ask(Request::DeleteQueue(DeleteQueue { queue })).expect("deleted");
    world.settle();
    assert_eq!(world.late, [(token, "ok".to_owned())]);
    assert_eq!(world.engine.message_count(), 199);
    let (second, _) = publish(&mut world);
    world.settle();
    assert_eq!(world.late.last(), Some(&(second, "ok".to_owned())));
    assert_eq!(world.engine.message_count(), 199 + 239);
    world.check();
}

#[test]
fn a_topic_may_end_while_its_policies_are_matched() {
    let mut world = costly_topic();
    let (token, _) = publish(&mut world);
    world.publish_some(None);
    let topic = world.topic("t");
    world.ask(Request::DeleteTopic(DeleteTopic { topic })).expect("deleted");
    world.settle();
    let (answered, answer) = world.late.first().expect("it is answered");
    assert_eq!(*answered, token);
    assert!(answer.starts_with("NotFound"), "{answer}");
    assert_eq!(world.engine.message_count(), 0);
    world.check();
}

/// Receives, deletions and purges see a publication in its queues, whichever slice has been reached.
#[test]
fn a_queue_is_caught_up_when_it_is_looked_at() {
    let script = "
        topic t
        create a
        create b
        create c
        subscribe t sqs a as=a RawMessageDelivery=true
        subscribe t sqs b as=b RawMessageDelivery=true
        subscribe t sqs c as=c RawMessageDelivery=true
        publish t m1
        send c m2
        receive c max=10 visibility=60s -> m1 m2
        delete c m1
        purge b
        publish t m3
        receive b max=10 -> m3
        restart
        receive a max=10 -> m1 m3
        receive c max=10 -> m3
    ";
    run(script);
    let sliced = Options {
        deliveries_at_once_max: 1,
        deliveries_per_event_max: 2,
        deliveries_per_tick: 1,
        ..Options::default()
    };
    run_with(&sliced, script);
}

/// The clock is set between two steps of a publication to a FIFO topic, which remembers its id in a queue of its own.
#[test]
fn the_clock_may_be_set_while_a_publication_is_collected() {
    for millis in [-262_000, 262_000] {
        let mut world = World::new(Options { deliveries_at_once_max: 1, deliveries_per_tick: 1, ..Options::default() });
        let create = CreateTopic {
            name: "t.fifo".parse().expect("a name"),
            attributes: TopicAttributes::parse([("FifoTopic", "true"), ("ContentBasedDeduplication", "true")])
                .expect("valid"),
            tags: Tags::default(),
            data_protection: None,
        };
        world.ask(Request::CreateTopic(create)).expect("created");
        for name in ["a.fifo", "b.fifo"] {
            let attributes = AttributeChanges::parse([("FifoQueue", "true")]).expect("valid");
            let create = CreateQueue { name: name.parse().expect("a name"), attributes, tags: Tags::default() };
            world.ask(Request::CreateQueue(create)).expect("created");
            let attributes = Ok(SubscriptionAttributes::default());
            let (request, _) = world.subscribing("t.fifo", "sqs", name, attributes).expect("an endpoint");
            world.ask(Request::Subscribe(request)).expect("subscribed");
        }
        let target = PublishTarget::Topic(world.topic("t.fifo"));
        let id = MessageId::from_random(world.fresh_id());
        let draft = PublicationDraft { group: Some("g"), ..PublicationDraft::new(id, "m", target.kind()) };
        let (token, answer) = world.call(Request::Publish(Publish { target, publication: draft.seal() }));
        assert!(answer.is_none(), "it takes more than one turn");
        let to = world.now.as_millis().checked_add_signed(millis).expect("a time after 1970");
        world.set_clock(Timestamp::from_millis(to));
        world.settle();
        assert_eq!(world.late, [(token, "ok".to_owned())]);
        world.check();
    }
}

/// Wherever a crash has cut off the journal, a publication of several events is in all its queues or in none.
#[test]
fn a_journal_that_ends_between_the_parts_of_a_publication_has_none_of_it() {
    const QUEUES: usize = 7;
    const PUBLISHED: u8 = 39;
    let options = Options { deliveries_at_once_max: 1, deliveries_per_event_max: 2, ..Options::default() };
    let mut world = World::new(options);
    let create = CreateTopic {
        name: "t".parse().expect("a name"),
        attributes: TopicAttributes::default(),
        tags: Tags::default(),
        data_protection: None,
    };
    world.ask(Request::CreateTopic(create)).expect("created");
    for number in 0..QUEUES {
        let name = format!("q{number}");
        create_queue(&mut world, &name);
        let (request, _) =
            world.subscribing("t", "sqs", &name, Ok(SubscriptionAttributes::default())).expect("an endpoint");
        world.ask(Request::Subscribe(request)).expect("subscribed");
    }
    let (begin, mut wholes) = (world.journal.records.len(), Vec::new());
    for _ in 0..3 {
        publish(&mut world);
        world.settle();
        wholes.push(world.journal.records.len());
    }
    let whole = world.journal.records.clone();
    let parts = whole[begin..].iter().filter(|record| record.kind == PUBLISHED).count();
    assert_eq!(parts, 3 * QUEUES.div_ceil(2), "each publication has several events");
    for cut in begin..=whole.len() {
        // Checkpoints that had not ended are of no use.
        world.checkpoints.clear();
        world.journal.records = whole[..cut].to_vec();
        world.restart();
        // The last part of a publication may come before slices of checkpoints.
        let last_part = |end: usize| whole[..end].iter().rposition(|record| record.kind == PUBLISHED);
        let expected = wholes.iter().filter(|end| last_part(**end).is_some_and(|last| last < cut)).count();
        for number in 0..QUEUES {
            let queue = world.address(&format!("q{number}"));
            assert_eq!(messages(&mut world, queue), expected, "queue {number} of a journal of {cut} records");
        }
    }
}

/// How many messages a queue has.
fn messages(world: &mut World, queue: QueueAddress) -> usize {
    let request = ReceiveMessage {
        queue,
        messages_max: MessageCount::MAX,
        visibility_timeout: None,
        wait: Some(ReceiveWait::ZERO),
        attempt: None,
    };
    match world.call(Request::ReceiveMessage(request)).1 {
        Some((Outcome::Messages { messages, .. }, _)) => messages.len(),
        other => panic!("{other:?}"),
    }
}

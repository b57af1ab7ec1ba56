//! Deleted topics whose subscriptions leave the indices in slices: no answer depends on how far that has come.

use posthouse_engine::{Options, Outcome};
use posthouse_model::operation::{CreateTopic, DeleteTopic, Reply, SettlePushes, Tags, WatchPushTargets};
use posthouse_model::{QueueAddress, Request, SubscriptionAttributes, TopicAttributes};

use crate::world::World;
use crate::world::script::{run, run_with};

/// Subscriptions are forgotten one by one, and the first one in the turn of the deletion.
fn one_by_one() -> Options {
    Options { deliveries_at_once_max: 1, deliveries_per_tick: 1, forgotten_per_tick: 1, ..Options::default() }
}

/// Runs a script with slices that matter, and without.
fn run_both(script: &str) {
    run(script);
    run_with(&one_by_one(), script);
}

#[test]
fn a_deleted_topic_is_not_found_at_once() {
    run_both(
        "
        topic t
        topic other
        create a
        create b
        subscribe t sqs a as=a RawMessageDelivery=true FilterPolicy={\"k\":[\"v\"]}
        subscribe t sqs b as=b RawMessageDelivery=true
        subscribe other sqs b as=kept RawMessageDelivery=true
        subscribe t http http://h/1 as=open -> pending
        subscribe t http http://h/2 as=closed -> pending
        subscribe t http http://h/3 as=waiting -> pending
        confirm open
        confirm closed
        unsubscribe closed
        publish t m1
        untopic t
        untopic t
        publish t m2 -> NotFound: Topic does not exist
        subs t -> NotFound: Topic does not exist
        subs -> kept
        topics -> other
        sub-get a -> NotFound
        sub-get open -> NotFound
        confirm waiting -> InvalidParameter: Invalid parameter: Token
        confirm closed -> InvalidParameter: Invalid parameter: Token
        unsubscribe b
        unsubscribe open
        receive b -> m1
        publish other m3
        receive b max=10 -> m3
        advance 3d
        subs -> kept
    ",
    );
}

/// A topic that is made at the address of one that was deleted has nothing of it.
#[test]
fn a_topic_may_be_made_again_at_once() {
    run_both(
        "
        topic t
        create a
        subscribe t sqs a as=a RawMessageDelivery=true
        subscribe t http http://h/1 as=open -> pending
        subscribe t http http://h/2 as=waiting -> pending
        confirm open
        untopic t
        topic t
        subs t -> nothing
        subs -> nothing
        topic-get t Confirmed Pending Deleted -> Confirmed=0 Pending=0 Deleted=0
        confirm waiting -> InvalidParameter: Invalid parameter: Token
        unsubscribe open
        subscribe t http http://h/1 as=again -> pending
        subscribe t sqs a as=b RawMessageDelivery=true FilterPolicy={\"k\":[\"v\"]}
        subs t -> again? b
        subs -> again? b
        publish t m1 k=v
        publish t m2
        receive a max=10 -> m1
        untopic t
        topic t
        subs -> nothing
        restart
        subs -> nothing
        advance 3d
        topic-get t Confirmed Pending -> Confirmed=0 Pending=0
    ",
    );
}

/// A subscription may be older than its queue.
#[test]
fn a_queue_that_is_made_again_is_found_by_its_subscriptions() {
    run_both(
        "
        topic t
        create other
        subscribe t sqs late as=late RawMessageDelivery=true
        subscribe t sqs other as=other RawMessageDelivery=true
        publish t m1
        create late
        publish t m2
        publish t m3
        receive late max=10 -> m2 m3
        drop late
        publish t m4
        create late
        publish t m5
        restart
        publish t m6
        receive late max=10 -> m5 m6
        receive other max=10 -> m1 m2 m3 m4 m5 m6
    ",
    );
}

/// Push delivery learns of each target that it is gone, whichever slice that comes in.
#[test]
fn push_targets_of_a_deleted_topic_end() {
    for options in [Options::default(), one_by_one()] {
        let mut world = World::new(options);
        let topic = world.topic("t");
        let name = topic.name.clone();
        let create =
            CreateTopic { name, attributes: TopicAttributes::default(), tags: Tags::default(), data_protection: None };
        world.ask(Request::CreateTopic(create)).expect("created");
        for number in 0..5 {
            let attributes = Ok(SubscriptionAttributes::default());
            let endpoint = format!("http://h/{number}");
            let (request, _) = world.subscribing("t", "http", &endpoint, attributes).expect("valid");
            world.ask(Request::Subscribe(request)).expect("subscribed");
        }
        let (seen, targets) = changes(&mut world, 0);
        assert_eq!(targets.iter().filter(|(_, is_there)| *is_there).count(), 5);
        let delete = DeleteTopic { topic };
        world.ask(Request::DeleteTopic(delete)).expect("deleted");
        // Their queues are not found from now on.
        for (queue, _) in &targets {
            let settle = SettlePushes { queue: queue.clone(), deliveries: Vec::new() };
            world.as_broker = true;
            assert!(world.ask(Request::SettlePushes(settle)).is_err());
            world.as_broker = false;
        }
        world.settle();
        let (_, ended) = changes(&mut world, seen);
        assert_eq!(ended.iter().filter(|(_, is_there)| !*is_there).count(), 5);
        assert_eq!(world.engine.queue_count(), 0);
        world.check();
    }
}

/// The targets that changed after a version, with whether each is there, and the version after them.
fn changes(world: &mut World, seen: u64) -> (u64, Vec<(QueueAddress, bool)>) {
    world.as_broker = true;
    let (_, answer) = world.call(Request::WatchPushTargets(WatchPushTargets { seen }));
    world.as_broker = false;
    match answer {
        Some((Outcome::Reply(Ok(Reply::PushChanges(changes))), _)) => {
            let targets = changes.changes.into_iter().map(|(queue, target)| (queue, target.is_some()));
            (changes.version, targets.collect())
        }
        other => panic!("{other:?}"),
    }
}

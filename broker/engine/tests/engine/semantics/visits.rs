//! What follows for subscriptions from a change of their topic, in slices: a crash in between changes nothing of it.

use posthouse_engine::Options;
use posthouse_model::operation::{ConfirmSubscription, CreateTopic, SetTopicAttributes, Tags};
use posthouse_model::topic_attributes::{TopicAttribute, TopicAttributeName};
use posthouse_model::{Request, SubscriptionAttributes, TopicAttributes};

use crate::world::World;

const SUBSCRIPTIONS: usize = 5;

/// A topic with subscriptions of endpoints that messages are pushed to.
fn pushing(options: Options) -> World {
    let mut world = World::new(options);
    world.checkpointing = false;
    let (name, attributes, tags) = (world.topic("t").name, TopicAttributes::default(), Tags::default());
    world.ask(Request::CreateTopic(CreateTopic { name, attributes, tags, data_protection: None })).expect("created");
    for number in 0..SUBSCRIPTIONS {
        let (endpoint, attributes) = (format!("http://h/{number}"), Ok(SubscriptionAttributes::default()));
        let (request, token) = world.subscribing("t", "http", &endpoint, attributes).expect("valid");
        world.ask(Request::Subscribe(request)).expect("subscribed");
        let topic = world.topic("t");
        let confirm = ConfirmSubscription { topic, token, authenticate_on_unsubscribe: false };
        world.ask(Request::ConfirmSubscription(confirm)).expect("confirmed");
    }
    world.settle();
    world
}

/// Sets how many messages a second each endpoint gets.
fn set_rate(world: &mut World, per_second: u32) {
    let policy = format!(r#"{{"http":{{"defaultThrottlePolicy":{{"maxReceivesPerSecond":{per_second}}}}}}}"#);
    let attribute = TopicAttribute::parse(TopicAttributeName::DeliveryPolicy, &policy);
    let topic = world.topic("t");
    world.ask(Request::SetTopicAttributes(SetTopicAttributes { topic, attribute })).expect("set");
}

#[test]
fn a_crash_while_subscriptions_take_over_a_delivery_policy_leaves_none_behind() {
    let mut world = pushing(Options { visited_per_tick: 1, ..Options::default() });
    let begin = world.journal.records.len();
    set_rate(&mut world, 7);
    assert_eq!(world.journal.records.len(), begin + 2, "the topic, and the first subscription");
    world.settle();
    let whole = world.journal.records.clone();
    assert_eq!(whole.len(), begin + 1 + SUBSCRIPTIONS, "each subscription has the rate");
    let kinds: Vec<u8> = whole[begin + 1..].iter().map(|record| record.kind).collect();
    assert_eq!(kinds, [kinds[0]; SUBSCRIPTIONS], "the events of the rates");
    let expected = world.digest();
    for cut in begin + 1..=whole.len() {
        world.journal.records = whole[..cut].to_vec();
        world.restart();
        world.settle();
        assert_eq!(world.journal.records.len(), whole.len(), "what was cut off is made up for");
        assert_eq!(world.digest(), expected, "after a cut at {cut}");
    }
}

#[test]
fn a_topic_that_changes_while_its_subscriptions_are_visited_is_visited_again() {
    let mut world = pushing(Options { visited_per_tick: 2, ..Options::default() });
    set_rate(&mut world, 7);
    world.tick();
    set_rate(&mut world, 9);
    set_rate(&mut world, 8);
    world.settle();
    world.check();
    let end = world.journal.records.len();
    // A start visits all of them, and would set what was left behind.
    world.restart();
    world.settle();
    assert_eq!(world.journal.records.len(), end, "each subscription has the latest rate");
}

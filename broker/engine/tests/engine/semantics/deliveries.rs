//! The operations of push delivery: its targets, their waiting messages, and how each delivery ended.

use std::sync::Arc;

use posthouse_engine::{Options, Outcome, ReceivedRef};
use posthouse_model::notification::PushFailure;
use posthouse_model::operation::*;
use posthouse_model::topic_attributes::{SubscriptionAttribute, SubscriptionAttributeName};
use posthouse_model::{
    AttributeChanges, Fault, MessageCount, QueueAddress, ReceiveWait, Request, Seconds, SubscriptionAddress,
    SubscriptionAttributes, Timestamp, TopicAttributes, VisibilityTimeout, WaitTime,
};

use crate::world::World;

/// A world with a topic `t` and a queue `dead`.
struct Push {
    world: World,
    seen: u64,
}

impl Push {
    fn new() -> Self {
        let mut push = Self { world: World::new(Options::default()), seen: 0 };
        push.prepare();
        push
    }

    fn prepare(&mut self) {
        let world = &mut self.world;
        let name = "t".parse().expect("valid");
        let attributes = TopicAttributes::default();
        let topic = CreateTopic { name, attributes, tags: Tags::default(), data_protection: None };
        world.ask(Request::CreateTopic(topic)).expect("created");
        let name = "dead".parse().expect("valid");
        let (attributes, tags) = (AttributeChanges::default(), Tags::default());
        world.ask(Request::CreateQueue(CreateQueue { name, attributes, tags })).expect("created");
    }

    fn subscribe(&mut self, endpoint: &str) -> (SubscriptionAddress, ConfirmationToken) {
        let attributes = Ok(SubscriptionAttributes::default());
        let (request, token) = self.world.subscribing("t", "http", endpoint, attributes).expect("valid");
        let address = SubscriptionAddress { topic: request.topic.clone(), id: request.id };
        self.world.ask(Request::Subscribe(request)).expect("subscribed");
        (address, token)
    }

    fn confirm(&mut self, address: &SubscriptionAddress, token: ConfirmationToken) {
        let topic = address.topic.clone();
        let request = ConfirmSubscription { topic, token, authenticate_on_unsubscribe: false };
        self.world.ask(Request::ConfirmSubscription(request)).expect("confirmed");
    }

    fn dead_letters_to(&mut self, subscription: &SubscriptionAddress, queue: &str) {
        let policy = format!(r#"{{"deadLetterTargetArn":"{}"}}"#, self.world.address(queue));
        let attribute = SubscriptionAttribute::parse(SubscriptionAttributeName::RedrivePolicy, &policy);
        let set = SetSubscriptionAttributes { subscription: subscription.clone(), attribute };
        self.world.ask(Request::SetSubscriptionAttributes(set)).expect("set");
    }

    fn as_broker<T>(&mut self, ask: impl FnOnce(&mut World) -> T) -> T {
        self.world.as_broker = true;
        let answer = ask(&mut self.world);
        self.world.as_broker = false;
        answer
    }

    /// The changes since the last call. Empty if the watch waits.
    fn changes(&mut self) -> Vec<(QueueAddress, Option<PushTarget>)> {
        let seen = self.seen;
        let (token, answer) = self.as_broker(|world| world.call(Request::WatchPushTargets(WatchPushTargets { seen })));
        match answer {
            Some((Outcome::Reply(Ok(Reply::PushChanges(changes))), _)) => {
                self.seen = changes.version;
                let changes = changes.changes.into_iter();
                changes.map(|(queue, target)| (queue, target.map(|target| (*target).clone()))).collect()
            }
            None => {
                self.world.engine.cancel(token);
                Vec::new()
            }
            other => panic!("{other:?}"),
        }
    }

    fn receive(&mut self, queue: &QueueAddress) -> Vec<ReceivedRef> {
        let request = ReceiveMessage {
            queue: queue.clone(),
            messages_max: MessageCount::MAX,
            visibility_timeout: VisibilityTimeout::new(20).ok(),
            wait: Some(ReceiveWait::ZERO),
            attempt: None,
        };
        match self.as_broker(|world| world.call(Request::ReceiveMessage(request))).1 {
            Some((Outcome::Messages { messages: deliveries, .. }, _)) => deliveries,
            other => panic!("{other:?}"),
        }
    }

    fn settle(&mut self, queue: &QueueAddress, deliveries: &[ReceivedRef], settlement: &Settlement) {
        let deliveries = deliveries.iter().map(|delivery| (delivery.handle, settlement.clone())).collect();
        let request = SettlePushes { queue: queue.clone(), deliveries };
        self.as_broker(|world| world.ask(Request::SettlePushes(request))).expect("settled");
    }

    fn publish(&mut self, body: &str) {
        let request = self.world.publishing("t", body);
        self.world.ask(Request::Publish(request)).expect("published");
    }

    fn bodies(&self, deliveries: &[ReceivedRef]) -> Vec<String> {
        deliveries.iter().map(|delivery| self.world.open(delivery).body().to_owned()).collect()
    }

    fn received_from_dead(&mut self) -> Vec<String> {
        let deliveries = self.receive_from("dead");
        self.bodies(&deliveries)
    }

    /// The messages that a client receives from a queue.
    fn receive_from(&mut self, queue: &str) -> Vec<ReceivedRef> {
        let queue = self.world.address(queue);
        let request = ReceiveMessage {
            queue,
            messages_max: MessageCount::MAX,
            visibility_timeout: None,
            wait: None,
            attempt: None,
        };
        match self.world.call(Request::ReceiveMessage(request)).1 {
            Some((Outcome::Messages { messages: deliveries, .. }, _)) => {
                assert!(
                    deliveries
                        .iter()
                        .filter_map(|delivery| delivery.dead_letter_source.as_ref())
                        .all(|source| !source.name.is_internal()),
                    "no internal queue shows"
                );
                deliveries
            }
            other => panic!("{other:?}"),
        }
    }
}

fn failed() -> Settlement {
    Settlement::Failed(Arc::new(PushFailure::new(Some(503), "the endpoint refused it for now")))
}

#[test]
fn a_subscription_is_a_target_from_its_making_to_its_end() {
    let mut push = Push::new();
    assert_eq!(push.changes(), [], "no target");
    let (address, token) = push.subscribe("http://example.com/a");
    let changes = push.changes();
    let [(queue, Some(target))] = &changes[..] else { panic!("{changes:?}") };
    assert!(queue.name.is_internal());
    let PushSource::Subscription { subscription, endpoint } = &target.source else { panic!("{target:?}") };
    assert_eq!((subscription, &*endpoint.text()), (&address, "http://example.com/a"));

    let asked = push.receive(queue);
    assert_eq!(push.bodies(&asked), [token.to_string()], "its endpoint gets a confirmation");
    push.settle(queue, &asked, &Settlement::Delivered);
    push.publish("before");
    push.confirm(&address, token);
    assert_eq!(push.changes().len(), 1);
    push.publish("after");
    let got = push.receive(queue);
    assert_eq!(push.bodies(&got), ["after"]);
    push.settle(queue, &got, &Settlement::Delivered);
    assert!(push.receive(queue).is_empty());

    push.publish("never delivered");
    let (secret, id) = (push.world.fresh_id(), push.world.fresh_id());
    let again = ConfirmationToken { subscription: address.id, secret };
    let confirmation =
        posthouse_model::notification::unsubscribe_confirmation(posthouse_model::MessageId::from_random(id), &again);
    let request = Unsubscribe { subscription: address.clone(), secret, confirmation };
    push.world.ask(Request::Unsubscribe(request)).expect("unsubscribed");
    let notified = push.receive(queue);
    assert_eq!(
        push.bodies(&notified),
        [again.to_string()],
        "the endpoint gets the confirmation of its end, and nothing else"
    );
    assert!(
        notified
            .iter()
            .all(|delivery| posthouse_model::notification::is_unsubscribe_confirmation(&push.world.open(delivery)))
    );
    push.settle(queue, &notified, &Settlement::Delivered);
    push.changes();
    push.world.advance(3 * 86_400_000);
    assert_eq!(push.changes(), [(queue.clone(), None)], "two days later nothing is left of it");
    push.world.check();
}

#[test]
fn what_fails_is_tried_again_and_goes_to_the_dead_letter_queue_in_the_end() {
    let mut push = Push::new();
    let (address, token) = push.subscribe("http://example.com/a");
    push.confirm(&address, token);
    push.dead_letters_to(&address, "dead");
    let queue = push.changes().pop().expect("a target").0;
    let asked = push.receive(&queue);
    push.settle(&queue, &asked, &failed());
    push.publish("m");
    for attempt in 1..=3 {
        let got = push.receive(&queue);
        assert_eq!((push.bodies(&got), got[0].receive_count), (vec!["m".to_owned()], attempt));
        push.settle(&queue, &got, &Settlement::Retry(Seconds::new(60)));
        assert!(push.receive(&queue).is_empty(), "not before its time");
        // The schedule continues with the next retry.
        push.world.restart();
        push.seen = 0;
        push.world.advance(59_000);
        assert!(push.receive(&queue).is_empty());
        push.world.advance(1000);
    }
    assert_eq!(push.changes().len(), 1, "the target is there after a restart");
    let got = push.receive(&queue);
    push.settle(&queue, &got, &failed());
    assert!(push.receive(&queue).is_empty());
    assert_eq!(push.received_from_dead(), ["m"], "and not its confirmation");
    push.world.restart();
    push.world.advance(60_000);
    assert_eq!(push.received_from_dead(), ["m"], "its body is found in the publication, under its first queue");
    push.world.check();
}

/// A dead letter bears why its push failed, through restarts, checkpoints, and the queues that it goes on to.
#[test]
fn a_dead_letter_keeps_the_failure_of_its_push() {
    let mut push = Push::new();
    let (address, token) = push.subscribe("http://example.com/a");
    push.confirm(&address, token);
    push.dead_letters_to(&address, "dead");
    let name = "other".parse().expect("valid");
    let (attributes, tags) = (AttributeChanges::default(), Tags::default());
    push.world.ask(Request::CreateQueue(CreateQueue { name, attributes, tags })).expect("created");
    let (dead, other) = (push.world.address("dead"), push.world.address("other"));
    let policy = format!(r#"{{"deadLetterTargetArn":"{other}","maxReceiveCount":2}}"#);
    let changes = AttributeChanges::parse([("RedrivePolicy", &*policy)]).expect("known");
    push.world.ask(Request::SetQueueAttributes(SetQueueAttributes { queue: dead, changes })).expect("set");
    let queue = push.changes().pop().expect("a target").0;
    for body in ["refused", "delivered", "unreachable"] {
        push.publish(body);
    }
    let got = push.receive(&queue);
    assert_eq!(push.bodies(&got), ["refused", "delivered", "unreachable"]);
    let refused = PushFailure::new(Some(404), "the endpoint refused it");
    let unreachable = PushFailure::new(None, "no connection");
    push.settle(&queue, &got[..1], &Settlement::Failed(Arc::new(refused.clone())));
    push.settle(&queue, &got[1..2], &Settlement::Delivered);
    push.settle(&queue, &got[2..], &Settlement::Failed(Arc::new(unreachable.clone())));
    let expected = [Some(refused), Some(unreachable)];
    let failures = |deliveries: &[ReceivedRef]| -> Vec<Option<PushFailure>> {
        deliveries.iter().map(|delivery| delivery.failure.as_deref().cloned()).collect()
    };
    let letters = push.receive_from("dead");
    assert_eq!(failures(&letters), expected);
    let now = push.world.now;
    assert!(letters.iter().all(|letter| (letter.receive_count, letter.sent) == (1, now)), "new messages: {letters:?}");
    push.world.check();
    push.world.restart();
    push.world.advance(60_000);
    assert_eq!(failures(&push.receive_from("dead")), expected, "after a checkpoint");
    push.world.advance(60_000);
    assert!(push.receive_from("dead").is_empty(), "they go on to the next dead-letter queue");
    assert_eq!(failures(&push.receive_from("other")), expected, "a failure stays with its message");
    push.world.advance(60_000);
    let task = MoveTaskId::from_bytes(push.world.fresh_id());
    let back = StartMessageMoveTask { task, source: other, destination: None, rate_per_second: None };
    push.world.ask(Request::StartMessageMoveTask(back)).expect("started");
    push.world.advance(1000);
    push.world.check();
    push.world.restart();
    let got = push.receive_from("dead");
    assert!(got.iter().all(|delivery| delivery.renamed.is_some()), "moved back");
    assert_eq!(failures(&got), expected, "a move keeps it, too");
    push.world.check();
}

#[test]
fn an_attempt_that_is_never_settled_is_made_again() {
    let mut push = Push::new();
    let (address, token) = push.subscribe("http://example.com/a");
    push.confirm(&address, token);
    let queue = push.changes().pop().expect("a target").0;
    let asked = push.receive(&queue);
    push.settle(&queue, &asked, &Settlement::Delivered);
    push.publish("m");
    let first = push.receive(&queue);
    push.world.advance(20_000);
    let second = push.receive(&queue);
    assert_eq!(second[0].receive_count, 2);
    // The first attempt settles after its visibility timeout, which has no effect.
    push.settle(&queue, &first, &Settlement::Delivered);
    push.settle(&queue, &second, &Settlement::Retry(Seconds::ZERO));
    let third = push.receive(&queue);
    assert_eq!(third[0].receive_count, 3);
    push.settle(&queue, &third, &Settlement::Delivered);
    push.world.advance(60_000);
    assert!(push.receive(&queue).is_empty());
    push.world.check();
}

#[test]
fn phone_numbers_share_a_queue_of_their_account() {
    let mut push = Push::new();
    let mut request = push.world.publishing("t", "hello");
    request.target = PublishTarget::PhoneNumber("+15555550100".parse().expect("valid"));
    push.world.ask(Request::Publish(request)).expect("published");
    let changes = push.changes();
    let [(queue, Some(PushTarget { source: PushSource::Direct { .. }, .. }))] = &changes[..] else {
        panic!("{changes:?}")
    };
    let got = push.receive(queue);
    assert_eq!(push.bodies(&got), ["hello"]);
    push.settle(queue, &got, &failed());
    assert!(push.receive(queue).is_empty());
    push.world.check();
}

#[test]
fn only_the_broker_may_call_the_operations_of_push() {
    let mut push = Push::new();
    let (_, _) = push.subscribe("http://example.com/a");
    let queue = push.changes().pop().expect("a target").0;
    let watch = push.world.ask(Request::WatchPushTargets(WatchPushTargets { seen: 0 }));
    assert!(matches!(watch, Err(Fault::AccessDenied(_))), "{watch:?}");
    push.world.account = Some("111111111111".parse().expect("valid"));
    let settle = SettlePushes { queue: queue.clone(), deliveries: Vec::new() };
    assert!(push.world.ask(Request::SettlePushes(settle)).is_err());
    let receive =
        ReceiveMessage { queue, messages_max: MessageCount::MIN, visibility_timeout: None, wait: None, attempt: None };
    assert!(push.world.ask(Request::ReceiveMessage(receive)).is_err());
}

#[test]
fn a_watch_waits_for_the_next_change() {
    let mut push = Push::new();
    let (token, answer) = push.as_broker(|world| world.call(Request::WatchPushTargets(WatchPushTargets { seen: 0 })));
    assert!(answer.is_none(), "no change");
    push.subscribe("http://example.com/a");
    let late = core::mem::take(&mut push.world.late);
    assert_eq!(late.iter().map(|(token, _)| *token).collect::<Vec<_>>(), [token]);
    let mut answers = Vec::new();
    push.seen = 0;
    push.changes();
    let seen = push.seen;
    let (token, answer) = push.as_broker(|world| world.call(Request::WatchPushTargets(WatchPushTargets { seen })));
    assert!(answer.is_none());
    push.world.engine.end_waits(&mut answers);
    assert_eq!(answers.iter().map(|answer| answer.token).collect::<Vec<_>>(), [token]);
    assert_ne!(push.world.now, Timestamp::EPOCH);
}

#[test]
fn receives_of_push_do_not_count_against_the_limit_of_clients() {
    let options = Options { waiters_max: 1, ..Options::default() };
    let mut push = Push { world: World::new(options), seen: 0 };
    push.prepare();
    for endpoint in ["http://example.com/a", "http://example.com/b"] {
        push.subscribe(endpoint);
    }
    for (queue, _) in push.changes() {
        let asked = push.receive(&queue);
        push.settle(&queue, &asked, &Settlement::Delivered);
        let wait = Some(ReceiveWait::Forever);
        let request =
            ReceiveMessage { queue, messages_max: MessageCount::MIN, visibility_timeout: None, wait, attempt: None };
        assert!(push.as_broker(|world| world.call(Request::ReceiveMessage(request))).1.is_none(), "it waits");
    }
    let queue = push.world.address("dead");
    let wait = Some(WaitTime::MAX.into());
    let request =
        ReceiveMessage { queue, messages_max: MessageCount::MIN, visibility_timeout: None, wait, attempt: None };
    assert!(push.world.call(Request::ReceiveMessage(request.clone())).1.is_none(), "there is room for one");
    assert!(matches!(push.world.ask(Request::ReceiveMessage(request)), Err(Fault::Throttled)), "and for no more");
}

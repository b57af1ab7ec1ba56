//! A publication of several events in a log that a crash has cut off: behind whichever byte of it the log ends, the
//! publication is in all its queues or in none.

use posthouse_core::Options;
use posthouse_model::notification::PublicationDraft;
use posthouse_model::operation::{CreateQueue, CreateTopic, Publish, PublishTarget, ReceiveMessage, Subscribe, Tags};
use posthouse_model::{
    AttributeChanges, Endpoint, MessageCount, MessageId, QueueAddress, ReceiveWait, Reply, Request,
    SubscriptionAttributes, SubscriptionId, SubscriptionProtocol, TopicAddress, TopicAttributes,
};

use super::torn::Copied;
use super::{Broker, options};

/// The kind of the events of publications.
const PUBLISHED: u8 = 39;
const QUEUES: u8 = 7;
/// Recipients that one event lists.
const PER_EVENT: u8 = 2;

fn small_parts() -> Options {
    let engine = posthouse_engine::Options {
        deliveries_at_once_max: 1,
        deliveries_per_event_max: usize::from(PER_EVENT),
        ..posthouse_engine::Options::default()
    };
    Options { engine, ..options() }
}

fn topic() -> TopicAddress {
    "arn:aws:sns:us-east-1:000000000000:t".parse().expect("valid")
}

fn queue(number: u8) -> QueueAddress {
    format!("arn:aws:sqs:us-east-1:000000000000:q{number}").parse().expect("valid")
}

fn furnish(broker: &Broker) {
    let (name, attributes, tags) = (topic().name, TopicAttributes::default(), Tags::default());
    let create = CreateTopic { name, attributes, tags, data_protection: None };
    broker.ask(Request::CreateTopic(create)).expect("created");
    for number in 0..QUEUES {
        let (name, attributes, tags) = (queue(number).name, AttributeChanges::default(), Tags::default());
        broker.ask(Request::CreateQueue(CreateQueue { name, attributes, tags })).expect("created");
        let subscribe = Subscribe {
            topic: topic(),
            endpoint: Endpoint::parse(SubscriptionProtocol::Sqs, &queue(number).to_string()),
            attributes: Ok(SubscriptionAttributes::default()),
            id: SubscriptionId::from_random([number; 16]),
            secret: [number; 16],
            confirmation: None,
        };
        broker.ask(Request::Subscribe(subscribe)).expect("subscribed");
    }
}

fn publish(broker: &Broker, number: u8) {
    let target = PublishTarget::Topic(topic());
    let id = MessageId::from_random([number; 16]);
    let publication = PublicationDraft::new(id, "a message", target.kind()).seal();
    broker.ask(Request::Publish(Publish { target, publication })).expect("published");
}

/// How many messages each queue has.
fn messages(broker: &Broker) -> Vec<usize> {
    let of = |number| {
        let receive = ReceiveMessage {
            queue: queue(number),
            messages_max: MessageCount::MAX,
            visibility_timeout: None,
            wait: Some(ReceiveWait::ZERO),
            attempt: None,
        };
        let Ok(Reply::ReceiveMessage(messages)) = broker.ask(Request::ReceiveMessage(receive)) else {
            panic!("a receive")
        };
        messages.len()
    };
    (0..QUEUES).map(of).collect()
}

#[test]
fn a_log_that_ends_within_a_publication_has_it_in_all_queues_or_in_none() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broker = Broker::start(directory.path(), small_parts());
    furnish(&broker);
    publish(&broker, 1);
    publish(&broker, 2);
    let copied = Copied::of_running(directory.path());
    broker.stop();

    let parts: Vec<_> = copied.records().into_iter().filter(|(_, kind)| *kind == PUBLISHED).collect();
    let each = usize::from(QUEUES.div_ceil(PER_EVENT));
    assert_eq!(parts.len(), 2 * each, "each publication has several events");
    for (number, (range, _)) in parts.iter().enumerate() {
        for cut in [range.start, range.start + 12, range.end] {
            let torn = copied.cut_off(cut);
            let broker = Broker::start(torn.path(), small_parts());
            let whole_parts = number + usize::from(cut == range.end);
            let expected = whole_parts / each;
            assert_eq!(messages(&broker), vec![expected; QUEUES.into()], "cut at {cut}");
            publish(&broker, 3);
            assert_eq!(messages(&broker), vec![1; QUEUES.into()], "the next publication after a cut at {cut}");
            broker.stop();
        }
    }
}

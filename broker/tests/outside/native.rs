//! The native protocol on its port: the hello, links, credit, settlements and calls, and what becomes of them when a
//! connection or the broker ends. Messages cross to and from SQS.

mod encrypted;
mod ends;
mod hello;

use posthouse_wire::{Address, AtEnd, Ends, FaultCode, Link, Ping, Request, TargetKind, Verb};
use serde_json::json;

use crate::shared::OPEN;
use crate::support::native::Refused;
use crate::support::{Launch, Native, Queue};

use encrypted::{
    a_certificate_that_cannot_be_read_is_named, clients_without_a_certificate_are_refused_where_one_is_asked_for,
    quic_carries_a_link_a_stream, tls_protects_a_connection_and_binds_its_proofs,
};
use ends::{
    a_client_that_never_reads_is_sent_what_its_link_may_hold, a_connection_that_breaks_gives_back_what_is_unsettled,
    a_link_may_keep_what_is_unsettled, a_stopping_broker_says_so_and_lets_clients_finish,
    silent_clients_are_asked_and_then_disconnected,
};
use hello::{
    a_hello_has_its_time, an_unknown_key_and_a_wrong_secret_are_refused_alike, both_sides_prove_the_secret,
    what_is_no_hello_is_refused,
};

crate::cases! {
    both_sides_prove_the_secret,
    an_unknown_key_and_a_wrong_secret_are_refused_alike,
    what_is_no_hello_is_refused,
    a_hello_has_its_time,
    messages_cross_between_sqs_and_native_links,
    a_frame_that_is_sent_again_is_stored_once,
    frames_are_answered_in_their_order_and_within_the_window,
    deliveries_stay_within_the_credit,
    settlements_do_what_their_verbs_say,
    a_topic_takes_publications_and_envelopes_are_those_of_sqs,
    a_fifo_queue_keeps_its_order_and_its_sequence_numbers,
    links_are_refused_with_the_names_of_sqs_and_sns,
    operations_are_called_by_name,
    a_long_poll_can_be_cancelled,
    a_connection_that_breaks_gives_back_what_is_unsettled,
    a_link_may_keep_what_is_unsettled,
    a_client_that_never_reads_is_sent_what_its_link_may_hold,
    a_stopping_broker_says_so_and_lets_clients_finish,
    silent_clients_are_asked_and_then_disconnected,
    tls_protects_a_connection_and_binds_its_proofs,
    quic_carries_a_link_a_stream,
    clients_without_a_certificate_are_refused_where_one_is_asked_for,
    a_certificate_that_cannot_be_read_is_named,
}

/// A connection to the shared broker without users, and a queue of its own.
#[track_caller]
fn open() -> (Native, Queue) {
    let broker = OPEN.get();
    (Native::open(broker.native), broker.json_client().queue())
}

/// A connection with a producer (link 1) and a consumer (link 2) of a queue.
#[track_caller]
fn linked(queue: &Queue) -> Native {
    let mut native = Native::open(OPEN.get().native);
    native.producer(1, TargetKind::Queue, &queue.name, rand::random()).expect("it exists");
    native.consumer(2, &queue.name, AtEnd::GiveBack).expect("it exists");
    native
}

fn messages_cross_between_sqs_and_native_links() {
    let (mut native, queue) = open();
    assert_eq!(native.producer(1, TargetKind::Queue, &queue.url, rand::random()), Ok(0));
    native.send(1, 1, &["a", "b"]).expect("stored");
    queue.gives(&["a", "b"]);
    native.consumer(2, &queue.arn(), AtEnd::GiveBack).expect("it exists");
    native.credit(2, 1);
    queue.send("c");
    let [message] = &native.messages(1)[..] else { panic!("one message") };
    assert_eq!((message.number, message.body.as_str(), message.receive_count), (1, "c", 1));
    let handle = native.handle(2, 1).expect("it is unsettled");
    queue.ok("DeleteMessage", json!({ "ReceiptHandle": handle }));
    assert_eq!(queue.counts(), [0, 2, 0], "only what SQS received is in flight");
    native.close(1);
    native.close(2);
    assert_eq!(native.send(1, 3, &["late"]).expect_err("closed").code, FaultCode::UnknownLink);
}

fn a_frame_that_is_sent_again_is_stored_once() {
    let (mut native, queue) = open();
    let id = rand::random();
    native.producer(1, TargetKind::Queue, &queue.name, id).expect("it exists");
    let first = native.send(1, 1, &["a", "b"]).expect("stored");
    assert_eq!((first.first, first.count, first.failures.len()), (1, 2, 0));
    drop(native);
    let mut native = Native::open(OPEN.get().native);
    assert_eq!(native.producer(9, TargetKind::Queue, &queue.name, id), Ok(2), "the broker remembers the producer");
    assert_eq!(native.send(9, 1, &["a", "b", "c"]).map(|sent| sent.failures), Ok(Vec::new()));
    queue.gives(&["a", "b", "c"]);
    let gap = native.send(9, 7, &["x"]).expect_err("numbers are left out");
    assert_eq!((gap.code, gap.ends), (FaultCode::OutOfSequence, Ends::Link));
    assert_eq!(native.producer(9, TargetKind::Queue, &queue.name, id), Ok(3), "the link's number is free");
    native.send(9, 4, &["d"]).expect("stored");
    queue.gives(&["d"]);
}

fn frames_are_answered_in_their_order_and_within_the_window() {
    let broker = Launch::new().configured("[native]\nwindow_messages_max = 100").start();
    let queue = broker.json_client().queue();
    let mut native = Native::open(broker.native);
    native.producer(1, TargetKind::Queue, &queue.name, rand::random()).expect("it exists");
    // Large and small ones in turns.
    let bodies = ["small".to_owned(), "x".repeat(100_000)];
    for number in 1..=20_usize {
        native.post(1, &Native::batch(number as u64, &[&bodies[number % 2]]));
    }
    for number in 1..=20 {
        assert_eq!(native.sent().expect("stored").first, number);
    }
    let exceeded = native.send(1, 21, &["m"; 101]).expect_err("one more than the window");
    assert_eq!((exceeded.code, exceeded.ends), (FaultCode::WindowExceeded, Ends::Link));
    assert_eq!(native.send(1, 21, &["m"]).expect_err("the link has ended").code, FaultCode::UnknownLink);
    assert_eq!(queue.counts(), [20, 0, 0]);
}

fn deliveries_stay_within_the_credit() {
    let (_, queue) = open();
    let mut native = linked(&queue);
    native.send(1, 1, &["1", "2", "3", "4", "5"]).expect("stored");
    native.credit(2, 2);
    native.credit(2, 1);
    assert_eq!(native.messages(2).len(), 2);
    assert_eq!(native.call("sqs.ListQueues", &json!({ "QueueNamePrefix": queue.name })).map(drop), Ok(()));
    native.credit(2, 5);
    assert_eq!(native.messages(3).last().expect("three").number, 5);
    native.put(Address::link(Link::new(2)), &posthouse_wire::Credit { messages: u64::MAX, bytes: 0 });
    let refused = native.refusal();
    assert_eq!((refused.code, refused.ends), (FaultCode::CreditOverflow, Ends::Link));
    queue.gives(&["1", "2", "3", "4", "5"]);
}

fn settlements_do_what_their_verbs_say() {
    let (_, dead) = open();
    let policy = json!({ "deadLetterTargetArn": dead.arn(), "maxReceiveCount": 10 }).to_string();
    let queue = OPEN.get().json_client().queue_with(&[("RedrivePolicy", &policy), ("VisibilityTimeout", "600")]);
    let mut native = linked(&queue);
    native.send(1, 1, &["delete", "release", "extend", "dead-letter", "keep"]).expect("stored");
    native.credit(2, 5);
    let numbers: Vec<(String, u64)> =
        native.messages(5).into_iter().map(|message| (message.body, message.number)).collect();
    let number = |body: &str| numbers.iter().find(|(found, _)| found == body).expect("delivered").1;
    let settled = native.settle(
        2,
        &[
            (Verb::Delete, number("delete"), 1),
            (Verb::Release { seconds: 0 }, number("release"), 1),
            (Verb::Extend { seconds: 60 }, number("extend"), 1),
            (Verb::DeadLetter, number("dead-letter"), 1),
            (Verb::Delete, 100, 3),
        ],
    );
    assert_eq!(settled, Ok(vec![(100, 3, FaultCode::UnknownDelivery)]));
    assert_eq!(queue.counts(), [1, 2, 0]);
    queue.gives(&["release"]);
    dead.gives(&["dead-letter"]);
    let again = native.settle(2, &[(Verb::Delete, number("delete"), 1), (Verb::Delete, number("extend"), 1)]);
    assert_eq!(again, Ok(vec![(number("delete"), 1, FaultCode::UnknownDelivery)]));
    let late = native.settle(2, &[(Verb::Extend { seconds: 50_000 }, number("keep"), 1)]);
    assert_eq!(late, Ok(vec![(number("keep"), 1, FaultCode::InvalidParameterValue)]));
}

fn a_topic_takes_publications_and_envelopes_are_those_of_sqs() {
    let (mut native, queue) = open();
    let topic = OPEN.get().json_client().topic();
    topic.subscribe_queue(&queue);
    native.producer(1, TargetKind::Topic, &topic.arn, rand::random()).expect("it exists");
    native.send(1, 1, &["over native"]).expect("published");
    native.consumer(2, &queue.name, AtEnd::GiveBack).expect("it exists");
    native.credit(2, 1);
    let [message] = &native.messages(1)[..] else { panic!("one message") };
    let envelope: serde_json::Value = serde_json::from_str(&message.body).expect("SNS's envelope");
    assert_eq!(envelope["Message"], json!("over native"));
    assert_eq!(envelope["TopicArn"], json!(topic.arn));
    assert!(envelope["Signature"].is_string() && envelope["UnsubscribeURL"].is_string(), "{envelope}");
}

fn a_fifo_queue_keeps_its_order_and_its_sequence_numbers() {
    let (mut native, _) = open();
    let queue = OPEN.get().json_client().fifo(&[("ContentBasedDeduplication", "true")]);
    native.producer(1, TargetKind::Queue, &queue.name, rand::random()).expect("it exists");
    let refused = native.send(1, 1, &["no group"]).expect("answered");
    assert_eq!(refused.failures, [(0, FaultCode::InvalidParameterValue)]);
    let sent = native.send_encoded(1, &Native::batch_to(2, "g", &["a", "b", "a"])).expect("its number is used up");
    assert_eq!((sent.failures.len(), sent.duplicates, sent.sequence_numbers), (0, vec![2], 3));
    native.consumer(2, &queue.name, AtEnd::GiveBack).expect("it exists");
    native.credit(2, 10);
    let messages = native.messages(2);
    assert_eq!(messages.iter().map(|message| message.body.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(messages.iter().all(|message| message.group == "g"));
    assert!(messages[0].sequence_number < messages[1].sequence_number);
}

fn links_are_refused_with_the_names_of_sqs_and_sns() {
    let (mut native, _) = open();
    let refused = |refused: Refused| (refused.code, refused.name, refused.ends);
    let producer = native.producer(1, TargetKind::Queue, "no-such-queue", rand::random()).map_err(refused);
    let no_queue = (FaultCode::QueueDoesNotExist, "AWS.SimpleQueueService.NonExistentQueue".to_owned(), Ends::Link);
    assert_eq!(producer, Err(no_queue.clone()));
    assert_eq!(native.consumer(1, "no-such-queue", AtEnd::GiveBack).map_err(refused), Err(no_queue));
    let topic = native.producer(1, TargetKind::Topic, "no-such-topic", rand::random()).map_err(refused);
    assert_eq!(topic, Err((FaultCode::NotFound, "NotFound".to_owned(), Ends::Link)));
}

fn operations_are_called_by_name() {
    let (mut native, queue) = open();
    let url =
        native.call("sqs.GetQueueUrl", &json!({ "QueueName": queue.name })).expect("it exists")["QueueUrl"].clone();
    native.call("sqs.SendMessage", &json!({ "QueueUrl": url, "MessageBody": "called" })).expect("sent");
    let received = native.call("sqs.ReceiveMessage", &json!({ "QueueUrl": url })).expect("received");
    assert_eq!(received["Messages"][0]["Body"], json!("called"));
    let topic = native.call("sns.CreateTopic", &json!({ "Name": queue.name })).expect("created")["TopicArn"].clone();
    assert_eq!(native.call("sns.DeleteTopic", &json!({ "TopicArn": topic })), Ok(json!({})));
    let unknown = native.call("sqs.Fly", &json!({})).expect_err("no such operation");
    assert_eq!(unknown.code, FaultCode::UnknownOperation);
    let malformed = native.call("sqs.GetQueueUrl", &json!({ "QueueName": 5 })).expect_err("a number is no text");
    assert_eq!(
        (malformed.code, malformed.text.as_str()),
        (FaultCode::MalformedCall, "NUMBER_VALUE can not be converted to a String")
    );
    let missing = native.call("sqs.GetQueueUrl", &json!({ "QueueName": "none" })).expect_err("no such queue");
    assert_eq!(missing.code, FaultCode::QueueDoesNotExist);
    let address = Address::new(Link::CONNECTION, Request::new(77));
    native.put(address, &Ping);
    assert_eq!(native.answer().expect("a pong").address(), address);
}

fn a_long_poll_can_be_cancelled() {
    let (mut native, queue) = open();
    let poll = native.ask("sqs.ReceiveMessage", &json!({ "QueueUrl": queue.url, "WaitTimeSeconds": 20 }));
    native.put(poll, &posthouse_wire::Cancel);
    assert_eq!(native.reply(poll).expect_err("cancelled").code, FaultCode::Cancelled);
    queue.send("for another");
    queue.gives(&["for another"]);
}

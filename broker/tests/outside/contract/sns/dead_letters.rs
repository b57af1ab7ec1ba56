//! Dead-letter queues of subscriptions, which take messages that a subscribed queue cannot take.

use serde_json::json;

use super::INVALID;
use crate::support::topic::{dead_letter_policy, envelope};
use crate::support::{Client, Queue};

super::cases! {
    a_deleted_queues_messages_go_to_the_dead_letters,
    without_a_dead_letter_queue_they_are_dropped,
    raw_and_wrapped_messages_keep_their_form,
    a_queue_that_is_made_again_gets_messages_again,
    a_queue_that_denies_the_topic_counts_as_deleted,
    only_what_matches_is_dead_lettered,
    a_fifo_topics_dead_letters_keep_their_order,
    the_dead_letter_queue_fits_the_topic,
}

fn a_deleted_queues_messages_go_to_the_dead_letters(client: &Client) {
    let (topic, queue, dead, other) = (client.topic(), client.queue(), client.queue(), client.queue());
    let subscription = topic.subscribe_raw(&queue);
    subscription.dead_letters_to(&dead);
    topic.subscribe_raw(&other);
    topic.publish("1");
    queue.ok("DeleteQueue", json!({}));
    topic.publish("2");
    dead.gives(&["2"]);
    other.gives(&["1", "2"]);
}

fn without_a_dead_letter_queue_they_are_dropped(client: &Client) {
    let (topic, queue, other) = (client.topic(), client.queue(), client.queue());
    topic.subscribe_raw(&queue);
    topic.subscribe_raw(&other);
    queue.ok("DeleteQueue", json!({}));
    topic.publish("m");
    other.gives(&["m"]);
    Queue::create(client, &queue.name, &[]).gives(&[]);
}

fn raw_and_wrapped_messages_keep_their_form(client: &Client) {
    let (topic, dead) = (client.topic(), client.queue());
    let wrapped_dead = client.queue();
    let (raw, wrapped) = (client.queue(), client.queue());
    topic.subscribe_raw(&raw).dead_letters_to(&dead);
    topic.subscribe_queue(&wrapped).dead_letters_to(&wrapped_dead);
    raw.ok("DeleteQueue", json!({}));
    wrapped.ok("DeleteQueue", json!({}));
    let attributes = json!({ "a": { "DataType": "String", "StringValue": "x" } });
    topic.publish_with(json!({ "Message": "m", "MessageAttributes": attributes }));
    let message = dead.receive_one();
    assert_eq!((message.body.as_str(), &message.whole["MessageAttributes"]["a"]["StringValue"]), ("m", &json!("x")));
    assert_eq!(envelope(&wrapped_dead.receive_one())["Message"], json!("m"));
}

fn a_queue_that_is_made_again_gets_messages_again(client: &Client) {
    let (topic, queue, dead) = (client.topic(), client.queue(), client.queue());
    topic.subscribe_raw(&queue).dead_letters_to(&dead);
    queue.ok("DeleteQueue", json!({}));
    topic.publish("meanwhile");
    let again = Queue::create(client, &queue.name, &[]);
    topic.publish("again");
    again.gives(&["again"]);
    dead.gives(&["meanwhile"]);
}

fn a_queue_that_denies_the_topic_counts_as_deleted(client: &Client) {
    let owner = client.in_own_account();
    let (topic, dead) = (owner.topic(), owner.queue());
    let foreign = client.in_own_account().queue();
    topic.subscribe_raw(&foreign).dead_letters_to(&dead);
    topic.publish("kept out");
    foreign.gives(&[]);
    dead.gives(&["kept out"]);
}

fn only_what_matches_is_dead_lettered(client: &Client) {
    let (topic, queue, dead) = (client.topic(), client.queue(), client.queue());
    let attributes = [
        ("RawMessageDelivery", "true"),
        ("FilterPolicyScope", "MessageBody"),
        ("FilterPolicy", r#"{"keep":[true]}"#),
        ("RedrivePolicy", &*dead_letter_policy(&dead)),
    ];
    topic.subscribe("sqs", &queue.arn(), &attributes);
    queue.ok("DeleteQueue", json!({}));
    topic.publish(r#"{"keep":false}"#);
    topic.publish(r#"{"keep":true}"#);
    dead.gives(&[r#"{"keep":true}"#]);
}

fn a_fifo_topics_dead_letters_keep_their_order(client: &Client) {
    let (topic, queue, dead) = (client.fifo_topic(&[]), client.fifo(&[]), client.fifo(&[]));
    topic.subscribe_raw(&queue).dead_letters_to(&dead);
    queue.ok("DeleteQueue", json!({}));
    for body in ["1", "2", "3"] {
        topic.publish_to_group("g", body);
    }
    let messages = dead.gives(&["1", "2", "3"]);
    assert_eq!(messages[0].attribute("MessageGroupId"), "g");
}

fn the_dead_letter_queue_fits_the_topic(client: &Client) {
    let (standard, fifo) = (client.queue(), client.fifo(&[]));
    let subscription = client.topic().subscribe_queue(&standard);
    subscription.set_refused("RedrivePolicy", &dead_letter_policy(&fifo)).expect(INVALID);
    let topic = client.fifo_topic(&[]);
    let subscription = topic.subscribe_queue(&fifo);
    subscription.set("RedrivePolicy", &dead_letter_policy(&client.fifo(&[])));
    let why = "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.";
    let refusal = subscription.set_refused("RedrivePolicy", &dead_letter_policy(&standard));
    assert_eq!(refusal.expect(INVALID).message, format!("Invalid parameter: {why}"));
    // What counts is the queue that is subscribed: the order of a standard queue's messages is not kept anyway.
    let (other, dead) = (client.queue(), client.queue());
    topic.subscribe_raw(&other).dead_letters_to(&dead);
    other.ok("DeleteQueue", json!({}));
    topic.publish_to_group("g", "m");
    dead.gives(&["m"]);
}

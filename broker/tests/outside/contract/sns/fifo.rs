//! FIFO topics: order, groups, deduplication, sequence numbers, and which queues may subscribe.

use serde_json::{Value, json};

use super::INVALID;
use crate::support::topic::envelope;
use crate::support::{Client, Queue, Topic};

super::cases! {
    messages_arrive_in_order,
    groups_and_ids_arrive_in_a_fifo_queue,
    a_standard_queue_may_stand_behind,
    a_fifo_queue_needs_a_fifo_topic,
    only_queues_may_subscribe,
    a_group_is_required,
    a_deduplication_id_is_required_unless_content_serves,
    an_id_is_taken_once,
    content_may_be_the_id,
    what_was_published_is_the_content,
    an_id_is_remembered_without_subscriptions,
    ids_may_be_a_groups_own,
    a_batch_is_deduplicated,
    sequence_numbers_grow,
    the_envelope_has_the_topics_sequence_number,
    topic_and_queue_have_sequence_numbers_of_their_own,
    a_standard_queue_does_not_show_the_ids,
    filters_leave_the_order,
}

fn fifo_pair(client: &Client) -> (Topic, Queue) {
    let (topic, queue) = (client.fifo_topic(&[]), client.fifo(&[]));
    topic.subscribe_raw(&queue);
    (topic, queue)
}

fn messages_arrive_in_order(client: &Client) {
    let (topic, queue) = fifo_pair(client);
    for number in 0..25 {
        topic.publish_to_group("g", &format!("{number:02}"));
    }
    let mut all = Vec::new();
    while all.len() < 25 {
        let received = queue.receive();
        assert!(!received.is_empty(), "after {all:?}");
        queue.delete_all(&received);
        all.extend(received.into_iter().map(|message| message.body));
    }
    let expected: Vec<String> = (0..25).map(|number| format!("{number:02}")).collect();
    assert_eq!(all, expected);
}

fn groups_and_ids_arrive_in_a_fifo_queue(client: &Client) {
    let (topic, queue) = fifo_pair(client);
    for (group, body) in [("a", "a1"), ("a", "a2"), ("b", "b1")] {
        topic.publish_to_group(group, body);
    }
    let a1 = queue.receive_one();
    assert_eq!((a1.body.as_str(), a1.attribute("MessageGroupId")), ("a1", "a"));
    assert_eq!(a1.attribute("MessageDeduplicationId"), "a1");
    let b1 = queue.receive_one();
    assert_eq!(b1.body, "b1", "group a is blocked");
    queue.delete(&a1);
    queue.gives(&["a2"]);
}

fn a_standard_queue_may_stand_behind(client: &Client) {
    let (topic, queue) = (client.fifo_topic(&[]), client.queue());
    topic.subscribe_raw(&queue);
    topic.publish_to_group("g", "1");
    topic.publish_to_group("g", "1");
    topic.publish_to_group("g", "2");
    queue.gives(&["1", "2"]);
}

fn a_fifo_queue_needs_a_fifo_topic(client: &Client) {
    let input = json!({ "Protocol": "sqs", "Endpoint": client.fifo(&[]).arn() });
    client.topic().refused("Subscribe", input).expect(INVALID).saying("FIFO");
}

fn only_queues_may_subscribe(client: &Client) {
    let topic = client.fifo_topic(&[]);
    for (protocol, endpoint) in [
        ("http", "http://example.com/"),
        ("email", "reader@example.com"),
        ("sms", "+15550100100"),
        ("lambda", "arn:aws:lambda:us-east-1:000000000000:function:f"),
    ] {
        topic.refused("Subscribe", json!({ "Protocol": protocol, "Endpoint": endpoint })).expect(INVALID);
    }
}

fn a_group_is_required(client: &Client) {
    let topic = client.fifo_topic(&[("ContentBasedDeduplication", "true")]);
    let refusal = topic.refused("Publish", json!({ "Message": "m" }));
    refusal.expect(INVALID).saying("MessageGroupId parameter is required");
    let long = "g".repeat(129);
    for group in ["", "a b", "ü", &long] {
        topic.refused("Publish", json!({ "Message": "m", "MessageGroupId": group })).expect(INVALID);
    }
}

fn a_deduplication_id_is_required_unless_content_serves(client: &Client) {
    let topic = client.fifo_topic(&[]);
    let input = json!({ "Message": "m", "MessageGroupId": "g" });
    topic.refused("Publish", input.clone()).expect(INVALID).saying("MessageDeduplicationId");
    topic.set("ContentBasedDeduplication", "true");
    topic.ok("Publish", input);
    let long = "d".repeat(129);
    for id in ["a b", "ü", &long] {
        let input = json!({ "Message": "m", "MessageGroupId": "g", "MessageDeduplicationId": id });
        topic.refused("Publish", input).expect(INVALID);
    }
}

fn an_id_is_taken_once(client: &Client) {
    let (topic, queue) = fifo_pair(client);
    let publish = |group: &str, body: &str, id: &str| {
        topic.publish_with(json!({ "Message": body, "MessageGroupId": group, "MessageDeduplicationId": id }))
    };
    let first = publish("g", "first", "d");
    let again = publish("g", "another body", "d");
    assert_eq!(again, first, "the answer is that of the first");
    assert_eq!(publish("another-group", "x", "d"), first, "ids are the topic's");
    publish("g", "second", "e");
    queue.gives(&["first", "second"]);
}

fn content_may_be_the_id(client: &Client) {
    let (topic, queue) = (client.fifo_topic(&[("ContentBasedDeduplication", "true")]), client.fifo(&[]));
    topic.subscribe_raw(&queue);
    let publish = |body: &str, subject: &str| {
        topic.publish_with(json!({ "Message": body, "Subject": subject, "MessageGroupId": "g" }))
    };
    assert_eq!(publish("m", "s"), publish("m", "another"), "only the message counts");
    publish("n", "s");
    let explicit = json!({ "Message": "m", "MessageGroupId": "g", "MessageDeduplicationId": "own" });
    topic.publish_with(explicit);
    queue.gives(&["m", "n", "m"]);
}

/// The deduplication id is computed from the publication, not from the body for a protocol.
fn what_was_published_is_the_content(client: &Client) {
    let (topic, queue) = (client.fifo_topic(&[("ContentBasedDeduplication", "true")]), client.fifo(&[]));
    topic.subscribe_raw(&queue);
    for other in ["a", "b", "b"] {
        let message = json!({ "default": "d", "http": other }).to_string();
        topic.publish_with(json!({ "Message": message, "MessageStructure": "json", "MessageGroupId": "g" }));
    }
    queue.gives(&["d", "d"]);
}

fn an_id_is_remembered_without_subscriptions(client: &Client) {
    let (topic, queue) = (client.fifo_topic(&[]), client.fifo(&[]));
    topic.publish_to_group("g", "early");
    topic.subscribe_raw(&queue);
    topic.publish_to_group("g", "early");
    topic.publish_to_group("g", "late");
    queue.gives(&["late"]);
}

fn ids_may_be_a_groups_own(client: &Client) {
    let topic = client.fifo_topic(&[("FifoThroughputScope", "MessageGroup")]);
    let per_group = [("DeduplicationScope", "messageGroup"), ("FifoThroughputLimit", "perMessageGroupId")];
    let queue = client.fifo(&per_group);
    topic.subscribe_raw(&queue);
    for (group, body) in [("a", "a1"), ("b", "b1"), ("a", "again")] {
        topic.publish_with(json!({ "Message": body, "MessageGroupId": group, "MessageDeduplicationId": "d" }));
    }
    let mut bodies: Vec<String> = queue.receive().into_iter().map(|message| message.body).collect();
    bodies.sort();
    assert_eq!(bodies, ["a1", "b1"]);
}

fn a_batch_is_deduplicated(client: &Client) {
    let (topic, queue) = fifo_pair(client);
    let entry = |id: &str, body: &str, deduplication: &str| json!({ "Id": id, "Message": body, "MessageGroupId": "g", "MessageDeduplicationId": deduplication });
    let entries = json!([entry("a", "1", "d"), entry("b", "2", "d"), entry("c", "3", "e")]);
    let output = topic.ok("PublishBatch", json!({ "PublishBatchRequestEntries": entries }));
    let id = |index: usize| output["Successful"][index]["MessageId"].clone();
    assert_eq!(output["Successful"].as_array().map(Vec::len), Some(3), "{output}");
    assert_eq!(id(0), id(1));
    assert_ne!(id(0), id(2));
    queue.gives(&["1", "3"]);
}

fn sequence(output: &Value) -> u128 {
    output["SequenceNumber"].as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{output}"))
}

fn sequence_numbers_grow(client: &Client) {
    let (topic, queue) = fifo_pair(client);
    let published: Vec<u128> = (0..5).map(|n| sequence(&topic.publish_to_group("g", &n.to_string()))).collect();
    assert!(published.is_sorted_by(|a, b| a < b), "{published:?}");
    let received: Vec<u128> =
        queue.receive().iter().map(|message| message.attribute("SequenceNumber").parse().expect("a number")).collect();
    assert!(received.len() == 5 && received.is_sorted_by(|a, b| a < b), "{received:?}");
    assert_eq!(client.topic().publish_with(json!({ "Message": "m" })).get("SequenceNumber"), None);
}

fn the_envelope_has_the_topics_sequence_number(client: &Client) {
    let (topic, queue) = (client.fifo_topic(&[]), client.fifo(&[]));
    topic.subscribe_queue(&queue);
    let published = topic.publish_to_group("g", "m");
    let envelope = envelope(&queue.receive_one());
    assert_eq!(envelope["SequenceNumber"], published["SequenceNumber"]);
    assert_eq!(envelope["MessageId"], published["MessageId"]);
    assert_eq!(envelope["Message"], json!("m"));
}

fn topic_and_queue_have_sequence_numbers_of_their_own(client: &Client) {
    let topic = client.fifo_topic(&[]);
    let (queue, wrapped, lost, dead) = (client.fifo(&[]), client.fifo(&[]), client.fifo(&[]), client.fifo(&[]));
    topic.subscribe_raw(&queue);
    topic.subscribe_queue(&wrapped);
    topic.subscribe_queue(&lost).dead_letters_to(&dead);
    lost.ok("DeleteQueue", json!({}));
    let published = topic.publish_to_group("g", "m");
    let number = published["SequenceNumber"].as_str().expect("a number");
    for queue in [&queue, &wrapped, &dead] {
        let received = queue.receive_one();
        let own = received.attribute("SequenceNumber");
        assert_ne!(own, number);
        for number in [own, number] {
            assert!(number.len() == 20 && !number.starts_with('0'), "{number}");
        }
        if received.body.starts_with('{') {
            assert_eq!(envelope(&received)["SequenceNumber"], json!(number));
        }
        queue.delete(&received);
    }
    let sent = queue.send_to_group("g", "n");
    assert_eq!(sent["SequenceNumber"].as_str(), Some(queue.receive_one().attribute("SequenceNumber")));
    // A duplicate answers with the first one's id and number, in a batch too.
    assert_eq!(topic.publish_to_group("g", "m"), published);
    let entry = json!({ "Id": "a", "Message": "m", "MessageGroupId": "g", "MessageDeduplicationId": "m" });
    let output = topic.ok("PublishBatch", json!({ "PublishBatchRequestEntries": [entry] }));
    assert_eq!(output["Successful"][0]["SequenceNumber"], published["SequenceNumber"]);
    assert_eq!(output["Successful"][0]["MessageId"], published["MessageId"]);
}

fn a_standard_queue_does_not_show_the_ids(client: &Client) {
    for attributes in [&[][..], &[("ContentBasedDeduplication", "true")]] {
        let topic = client.fifo_topic(attributes);
        let (raw, wrapped, lost, dead) = (client.queue(), client.queue(), client.queue(), client.queue());
        topic.subscribe_raw(&raw);
        topic.subscribe_queue(&wrapped);
        topic.subscribe_queue(&lost).dead_letters_to(&dead);
        lost.ok("DeleteQueue", json!({}));
        let published = topic.publish_to_group("g", "m");
        for queue in [raw, wrapped, dead] {
            let received = queue.receive_one();
            for name in ["MessageGroupId", "MessageDeduplicationId", "SequenceNumber"] {
                assert_eq!(received.whole["Attributes"][name], Value::Null, "{name}");
            }
            if received.body.starts_with('{') {
                let envelope = envelope(&received);
                assert_eq!(envelope["SequenceNumber"], published["SequenceNumber"]);
                assert_eq!(envelope.get("Signature"), None);
            }
        }
    }
}

fn filters_leave_the_order(client: &Client) {
    let (topic, queue) = (client.fifo_topic(&[]), client.fifo(&[]));
    let policy = ("FilterPolicy", r#"{"n":[{"numeric":[">=",5]}]}"#);
    topic.subscribe("sqs", &queue.arn(), &[("RawMessageDelivery", "true"), policy]);
    for number in 0..10 {
        let attributes = json!({ "n": { "DataType": "Number", "StringValue": number.to_string() } });
        topic.publish_with(json!({
            "Message": number.to_string(), "MessageGroupId": "g", "MessageDeduplicationId": number.to_string(),
            "MessageAttributes": attributes,
        }));
    }
    queue.gives(&["5", "6", "7", "8", "9"]);
}

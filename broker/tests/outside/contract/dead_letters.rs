//! Dead-letter queues: redrive, which queues may be sources, chains.

use serde_json::{Value, json};

use crate::support::client::INVALID_VALUE;
use crate::support::queue::{bodies, redrive_policy};
use crate::support::{Client, Queue, unique};

super::cases! {
    a_message_received_too_often_is_moved,
    a_moved_message_is_the_same_message,
    a_fifo_message_keeps_its_group_and_gets_a_deduplication_id,
    a_moved_fifo_message_frees_its_group,
    dead_letter_queues_may_be_chained,
    the_target_chooses_its_sources,
    allow_policies_are_checked,
    sources_are_listed,
    a_policy_applies_from_then_on,
}

/// Receives a message and makes it visible again, so many times.
fn receive_and_return(queue: &Queue, times: u32) {
    for time in 1..=times {
        let message = queue.receive_one();
        assert_eq!(message.receive_count(), time);
        queue.change_visibility(&message, 0);
    }
}

fn a_message_received_too_often_is_moved(client: &Client) {
    let (queue, dead) = (client.queue(), client.queue());
    queue.redrive_to(&dead, 2);
    queue.send("poison");
    receive_and_return(&queue, 2);
    dead.gives(&[]);
    queue.gives(&[]);
    dead.gives(&["poison"]);
    assert_eq!(queue.counts(), [0, 0, 0]);
}

fn a_moved_message_is_the_same_message(client: &Client) {
    let (queue, dead) = (client.queue(), client.queue());
    queue.redrive_to(&dead, 1);
    let attributes = json!({ "a": { "DataType": "String", "StringValue": "x" } });
    let trace = json!({ "AWSTraceHeader": { "DataType": "String", "StringValue": "Root=1" } });
    let sent = queue.ok(
        "SendMessage",
        json!({
            "MessageBody": "m", "MessageAttributes": attributes, "MessageSystemAttributes": trace,
            "MessageGroupId": "tenant",
        }),
    );
    let before = queue.receive_one();
    queue.change_visibility(&before, 0);
    queue.gives(&[]);
    let after = dead.receive_one();
    assert_eq!(json!(after.id()), sent["MessageId"]);
    assert_eq!(after.whole["MessageAttributes"], attributes);
    assert_eq!(after.whole["MD5OfMessageAttributes"], before.whole["MD5OfMessageAttributes"]);
    assert_eq!(after.attribute("DeadLetterQueueSourceArn"), queue.arn());
    assert_eq!(before.whole["Attributes"]["DeadLetterQueueSourceArn"], Value::Null);
    for kept in ["AWSTraceHeader", "MessageGroupId", "SenderId", "SentTimestamp"] {
        assert_eq!(after.attribute(kept), before.attribute(kept), "{kept}");
    }
}

fn a_fifo_message_keeps_its_group_and_gets_a_deduplication_id(client: &Client) {
    let (queue, dead) = (client.fifo(&[]), client.fifo(&[]));
    queue.redrive_to(&dead, 1);
    queue.send_to_group("g-1", "m");
    receive_and_return(&queue, 1);
    queue.gives(&[]);
    let message = dead.receive_one();
    assert_eq!(message.attribute("MessageGroupId"), "g-1");
    assert_eq!(message.attribute("MessageDeduplicationId"), message.id());
}

fn a_moved_fifo_message_frees_its_group(client: &Client) {
    let (queue, dead) = (client.fifo(&[]), client.fifo(&[]));
    queue.redrive_to(&dead, 1);
    queue.send_to_group("g", "poison");
    queue.send_to_group("g", "next");
    receive_and_return(&queue, 1);
    assert_eq!(bodies(&queue.receive_with(&json!({ "WaitTimeSeconds": 2 }))), ["next"]);
    dead.gives(&["poison"]);
}

fn dead_letter_queues_may_be_chained(client: &Client) {
    let (first, second, third) = (client.queue(), client.queue(), client.queue());
    first.redrive_to(&second, 1);
    second.redrive_to(&third, 1);
    first.send("m");
    for (from, to) in [(&first, &second), (&second, &third)] {
        from.change_visibility(&from.receive_one(), 0);
        from.gives(&[]);
        assert_eq!(to.counts()[0], 1);
    }
    let message = third.receive_one();
    assert_eq!(message.body, "m");
}

fn the_target_chooses_its_sources(client: &Client) {
    let (dead, friend, stranger) = (client.queue(), client.queue(), client.queue());
    let name = |source: &Queue| {
        let policy = redrive_policy(&dead.arn(), 3);
        source.call("SetQueueAttributes", json!({ "Attributes": { "RedrivePolicy": policy } }))
    };
    dead.set(&[("RedriveAllowPolicy", r#"{"redrivePermission":"denyAll"}"#)]);
    name(&friend).expect_err("no queue may").expect(INVALID_VALUE);
    let input = json!({
        "QueueName": format!("q-{}", unique()),
        "Attributes": { "RedrivePolicy": redrive_policy(&dead.arn(), 3) }
    });
    client.refused("CreateQueue", &input).expect(INVALID_VALUE);
    let by_queue = json!({ "redrivePermission": "byQueue", "sourceQueueArns": [friend.arn()] }).to_string();
    dead.set(&[("RedriveAllowPolicy", &by_queue)]);
    name(&friend).expect("it is named");
    name(&stranger).expect_err("it is not named").expect(INVALID_VALUE);
    dead.set(&[("RedriveAllowPolicy", r#"{"redrivePermission":"allowAll"}"#)]);
    name(&stranger).expect("all may");
}

fn allow_policies_are_checked(client: &Client) {
    let queue = client.queue();
    let arn = queue.arn();
    let eleven = vec![arn.as_str(); 11];
    for text in [
        "x".to_owned(),
        "{}".into(),
        json!({ "redrivePermission": "some" }).to_string(),
        json!({ "redrivePermission": "byQueue" }).to_string(),
        json!({ "redrivePermission": "byQueue", "sourceQueueArns": [] }).to_string(),
        json!({ "redrivePermission": "byQueue", "sourceQueueArns": ["not an ARN"] }).to_string(),
        json!({ "redrivePermission": "byQueue", "sourceQueueArns": eleven }).to_string(),
        json!({ "redrivePermission": "allowAll", "sourceQueueArns": [arn] }).to_string(),
    ] {
        let refusal = queue.refused("SetQueueAttributes", json!({ "Attributes": { "RedriveAllowPolicy": text } }));
        let known = [INVALID_VALUE, "InvalidAttributeValue"];
        assert!(known.contains(&refusal.code.as_str()), "{text}: {refusal:?}");
    }
}

fn sources_are_listed(client: &Client) {
    let client = client.in_own_account();
    let dead = Queue::create(&client, "dead", &[]);
    for name in ["source-1", "source-2", "source-3", "stranger"] {
        let queue = Queue::create(&client, name, &[]);
        if name != "stranger" {
            queue.redrive_to(&dead, 3);
        }
    }
    let list = |input: Value| {
        let output = dead.ok("ListDeadLetterSourceQueues", input);
        let names: Vec<String> = output["queueUrls"]
            .as_array()
            .cloned()
            .unwrap_or_default()
            .iter()
            .map(|url| url.as_str().and_then(|url| url.rsplit('/').next()).expect("a URL").to_owned())
            .collect();
        (names, output["NextToken"].clone())
    };
    assert_eq!(list(json!({})).0, ["source-1", "source-2", "source-3"]);
    let (page, token) = list(json!({ "MaxResults": 2 }));
    assert_eq!(page, ["source-1", "source-2"]);
    assert_eq!(list(json!({ "MaxResults": 2, "NextToken": token })), (vec!["source-3".to_owned()], Value::Null));
}

fn a_policy_applies_from_then_on(client: &Client) {
    let (queue, dead) = (client.queue(), client.queue());
    queue.send("m");
    receive_and_return(&queue, 3);
    queue.redrive_to(&dead, 3);
    queue.gives(&[]);
    dead.gives(&["m"]);
}

//! Message move tasks: from a dead-letter queue back to the sources, or elsewhere.

use serde_json::{Value, json};

use crate::support::client::INVALID_VALUE;
use crate::support::queue::bodies;
use crate::support::{Client, Queue, eventually};

super::cases! {
    messages_go_back_to_where_they_came_from,
    messages_go_where_they_are_sent,
    a_running_task_can_be_cancelled,
    one_task_at_a_time,
    only_dead_letter_queues_have_tasks,
    parameters_are_checked,
    moved_messages_keep_what_they_carry,
}

/// A queue and its dead-letter queue, which holds messages with these bodies.
fn dead_lettered(client: &Client, sent: &[&str]) -> (Queue, Queue) {
    let (queue, dead) = (client.queue(), client.queue());
    queue.redrive_to(&dead, 1);
    queue.send_all(sent);
    for message in queue.gives(sent) {
        queue.change_visibility(&message, 0);
    }
    queue.gives(&[]);
    assert_eq!(dead.counts()[0], sent.len() as u64);
    (queue, dead)
}

fn start(dead: &Queue, input: Value) -> String {
    let mut input = input;
    input["SourceArn"] = json!(dead.arn());
    let output = dead.client.ok("StartMessageMoveTask", &input);
    output["TaskHandle"].as_str().unwrap_or_else(|| panic!("no handle in {output}")).to_owned()
}

fn tasks(dead: &Queue) -> Vec<Value> {
    let output = dead.client.ok("ListMessageMoveTasks", &json!({ "SourceArn": dead.arn(), "MaxResults": 10 }));
    output["Results"].as_array().cloned().unwrap_or_default()
}

fn await_status(dead: &Queue, status: &str) -> Value {
    eventually(&format!("a task that is {status}"), || {
        tasks(dead).into_iter().next().filter(|task| task["Status"] == json!(status))
    })
}

fn messages_go_back_to_where_they_came_from(client: &Client) {
    let (queue, dead) = dead_lettered(client, &["a", "b", "c"]);
    assert!(tasks(&dead).is_empty());
    start(&dead, json!({}));
    let task = await_status(&dead, "COMPLETED");
    assert_eq!(task["SourceArn"], json!(dead.arn()));
    assert_eq!(task["ApproximateNumberOfMessagesMoved"], json!(3));
    assert!(task["StartedTimestamp"].as_u64().is_some_and(|time| time > 1_600_000_000_000), "{task}");
    assert_eq!(task["TaskHandle"], Value::Null, "a finished task cannot be cancelled");
    let received = queue.receive_with(&json!({ "WaitTimeSeconds": 5 }));
    assert_eq!(bodies(&received), ["a", "b", "c"]);
    assert!(received.iter().all(|message| message.receive_count() == 1), "they count as new");
    assert_eq!(dead.counts(), [0, 0, 0]);
}

fn messages_go_where_they_are_sent(client: &Client) {
    let (queue, dead) = dead_lettered(client, &["a", "b"]);
    let elsewhere = client.queue();
    start(&dead, json!({ "DestinationArn": elsewhere.arn() }));
    let task = await_status(&dead, "COMPLETED");
    assert_eq!(task["DestinationArn"], json!(elsewhere.arn()));
    elsewhere.gives(&["a", "b"]);
    queue.gives(&[]);
}

fn a_running_task_can_be_cancelled(client: &Client) {
    let bodies: Vec<String> = (0..10).map(|number| format!("m{number}")).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    let (queue, dead) = dead_lettered(client, &bodies);
    let handle = start(&dead, json!({ "MaxNumberOfMessagesPerSecond": 1 }));
    let running = await_status(&dead, "RUNNING");
    assert_eq!(running["TaskHandle"], json!(handle));
    assert_eq!(running["MaxNumberOfMessagesPerSecond"], json!(1));
    assert_eq!(running["ApproximateNumberOfMessagesToMove"], json!(10));
    let output = client.ok("CancelMessageMoveTask", &json!({ "TaskHandle": handle }));
    let moved = output["ApproximateNumberOfMessagesMoved"].as_u64().expect("a number");
    assert!(moved < 10, "{moved}");
    await_status(&dead, "CANCELLED");
    assert_eq!(queue.counts()[0] + dead.counts()[0], 10, "nothing is lost between the two");
    let refusal = client.refused("CancelMessageMoveTask", &json!({ "TaskHandle": handle }));
    assert!((400..500).contains(&refusal.status), "{refusal:?}");
}

fn one_task_at_a_time(client: &Client) {
    let (_, dead) = dead_lettered(client, &["a", "b", "c", "d"]);
    let handle = start(&dead, json!({ "MaxNumberOfMessagesPerSecond": 1 }));
    let refusal = client.refused("StartMessageMoveTask", &json!({ "SourceArn": dead.arn() }));
    refusal.expect(INVALID_VALUE).worded(
        "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
    );
    client.ok("CancelMessageMoveTask", &json!({ "TaskHandle": handle }));
    await_status(&dead, "CANCELLED");
    start(&dead, json!({}));
    await_status(&dead, "COMPLETED");
    let statuses: Vec<Value> = tasks(&dead).iter().map(|task| task["Status"].clone()).collect();
    assert_eq!(statuses, ["COMPLETED", "CANCELLED"], "the latest first");
}

fn only_dead_letter_queues_have_tasks(client: &Client) {
    let refusal = client.refused("StartMessageMoveTask", &json!({ "SourceArn": client.queue().arn() }));
    assert!(
        [INVALID_VALUE, "AWS.SimpleQueueService.UnsupportedOperation"].contains(&refusal.code.as_str()),
        "{refusal:?}"
    );
    let nowhere = "arn:aws:sqs:us-east-1:000000000000:never-created";
    for (action, input) in [
        ("StartMessageMoveTask", json!({ "SourceArn": nowhere })),
        ("ListMessageMoveTasks", json!({ "SourceArn": nowhere })),
    ] {
        client.refused(action, &input).expect("ResourceNotFoundException");
    }
}

fn parameters_are_checked(client: &Client) {
    let (_, dead) = dead_lettered(client, &["m"]);
    let source = dead.arn();
    for (action, input) in [
        ("StartMessageMoveTask", json!({ "SourceArn": source, "MaxNumberOfMessagesPerSecond": 0 })),
        ("StartMessageMoveTask", json!({ "SourceArn": source, "MaxNumberOfMessagesPerSecond": 501 })),
        ("StartMessageMoveTask", json!({ "SourceArn": "not an ARN" })),
        ("StartMessageMoveTask", json!({ "SourceArn": source, "DestinationArn": source })),
        ("ListMessageMoveTasks", json!({ "SourceArn": source, "MaxResults": 0 })),
        ("ListMessageMoveTasks", json!({ "SourceArn": source, "MaxResults": 11 })),
        ("CancelMessageMoveTask", json!({ "TaskHandle": "not a handle" })),
    ] {
        let refusal = client.refused(action, &input);
        assert!((400..500).contains(&refusal.status), "{action} {input}: {refusal:?}");
    }
    assert_eq!(dead.counts(), [1, 0, 0]);
}

fn moved_messages_keep_what_they_carry(client: &Client) {
    let (queue, dead) = (client.fifo(&[]), client.fifo(&[]));
    queue.redrive_to(&dead, 1);
    let attributes = json!({ "a": { "DataType": "Number", "StringValue": "1" } });
    let input = json!({
        "MessageBody": "m", "MessageGroupId": "g", "MessageDeduplicationId": "d", "MessageAttributes": attributes
    });
    queue.ok("SendMessage", input);
    queue.change_visibility(&queue.receive_one(), 0);
    queue.gives(&[]);
    start(&dead, json!({}));
    await_status(&dead, "COMPLETED");
    let message = queue.receive_with(&json!({ "WaitTimeSeconds": 5 })).remove(0);
    assert_eq!(message.body, "m");
    assert_eq!(message.whole["MessageAttributes"], attributes);
    assert_eq!(message.attribute("MessageGroupId"), "g");
}

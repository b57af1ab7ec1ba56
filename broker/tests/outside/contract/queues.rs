//! Queues without messages: creating, naming, finding, listing, tagging, purging, deleting.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::client::{INVALID_VALUE, MISSING, NO_QUEUE};
use crate::support::queue::{bodies, map};
use crate::support::{Client, Queue, sleep_ms, unique};

super::cases! {
    a_queue_is_found_under_its_name,
    creating_again_with_equal_attributes_gives_the_same_queue,
    creating_again_with_another_value_is_refused,
    names_are_checked,
    a_fifo_queue_is_named_so,
    listing_follows_the_prefix,
    listing_goes_page_by_page,
    tags_are_set_replaced_and_removed,
    tags_obey_their_limits,
    purging_removes_every_message,
    a_deleted_queue_does_not_exist,
    deleting_a_queue_ends_its_long_polls_with_an_error,
    every_action_refuses_a_missing_queue,
    required_parameters_are_required,
}

fn a_queue_is_found_under_its_name(client: &Client) {
    let queue = client.queue();
    assert!(queue.url.starts_with("http://sqs.test:9324/"), "the Host header's: {}", queue.url);
    assert!(queue.url.ends_with(&format!("/000000000000/{}", queue.name)), "{}", queue.url);
    let found = client.ok("GetQueueUrl", &json!({ "QueueName": queue.name }));
    assert_eq!(found["QueueUrl"], json!(queue.url));
    let owner = json!({ "QueueName": queue.name, "QueueOwnerAWSAccountId": "000000000000" });
    assert_eq!(client.ok("GetQueueUrl", &owner)["QueueUrl"], json!(queue.url));
    assert_eq!(queue.arn(), format!("arn:aws:sqs:us-east-1:000000000000:{}", queue.name));
    client.refused("GetQueueUrl", &json!({ "QueueName": "never-created" })).expect(NO_QUEUE);
}

fn creating_again_with_equal_attributes_gives_the_same_queue(client: &Client) {
    let queue = client.queue_with(&[("VisibilityTimeout", "7"), ("DelaySeconds", "0")]);
    queue.send("kept");
    for attributes in [
        &[("VisibilityTimeout", "7"), ("DelaySeconds", "0")][..],
        &[("VisibilityTimeout", "7")],
        &[("MaximumMessageSize", "1048576")],
        &[],
    ] {
        assert_eq!(Queue::create(client, &queue.name, attributes).url, queue.url, "{attributes:?}");
    }
    queue.gives(&["kept"]);
}

fn creating_again_with_another_value_is_refused(client: &Client) {
    let queue = client.queue_with(&[("VisibilityTimeout", "7")]);
    for (name, value) in [("VisibilityTimeout", "8"), ("DelaySeconds", "1"), ("MessageRetentionPeriod", "60")] {
        let input = json!({ "QueueName": queue.name, "Attributes": { name: value } });
        client.refused("CreateQueue", &input).expect("QueueAlreadyExists").saying(name);
    }
    queue.set(&[("VisibilityTimeout", "8")]);
    assert_eq!(Queue::create(client, &queue.name, &[("VisibilityTimeout", "8")]).url, queue.url);
}

fn names_are_checked(client: &Client) {
    let unique = unique();
    let longest = format!("{}-{unique:08}", "n".repeat(71));
    assert_eq!(longest.len(), 80);
    for name in [format!("A-z_09-{unique}"), longest.clone()] {
        assert!(Queue::create(client, &name, &[]).url.ends_with(&name));
    }
    for name in ["a.b", "a b", "a/b", "ü", "a:b", "a\nb", &format!("{longest}x")] {
        client.refused("CreateQueue", &json!({ "QueueName": name })).expect(INVALID_VALUE);
    }
}

fn a_fifo_queue_is_named_so(client: &Client) {
    let (standard, fifo) = (format!("q-{}", unique()), format!("q-{}.fifo", unique()));
    for (name, attributes, valid) in [
        (&fifo, json!({ "FifoQueue": "true" }), true),
        (&fifo, json!({}), false),
        (&fifo, json!({ "FifoQueue": "false" }), false),
        (&standard, json!({ "FifoQueue": "true" }), false),
        (&standard, json!({}), true),
    ] {
        let input = json!({ "QueueName": name, "Attributes": attributes });
        match client.call("CreateQueue", &input) {
            Ok(_) => assert!(valid, "{input}"),
            Err(refusal) => assert!(!valid && refusal.status == 400, "{input}: {refusal:?}"),
        }
    }
}

fn names(urls: &Value) -> Vec<String> {
    let name = |url: &Value| url.as_str().and_then(|url| url.rsplit('/').next()).expect("a URL").to_owned();
    urls.as_array().map(|urls| urls.iter().map(name).collect()).unwrap_or_default()
}

fn listing_follows_the_prefix(client: &Client) {
    let client = client.in_own_account();
    for name in ["alpha-1", "alpha-2", "beta"] {
        Queue::create(&client, name, &[]);
    }
    let list = |input: Value| names(&client.ok("ListQueues", &input)["QueueUrls"]);
    assert_eq!(list(json!({})), ["alpha-1", "alpha-2", "beta"]);
    assert_eq!(list(json!({ "QueueNamePrefix": "alpha" })), ["alpha-1", "alpha-2"]);
    assert_eq!(list(json!({ "QueueNamePrefix": "gamma" })), [""; 0]);
    assert_eq!(list(json!({ "QueueNamePrefix": "" })).len(), 3);
}

fn listing_goes_page_by_page(client: &Client) {
    let client = client.in_own_account();
    let made: Vec<String> = (0..7).map(|number| format!("page-{number}")).collect();
    for name in &made {
        Queue::create(&client, name, &[]);
    }
    let mut listed = Vec::new();
    let mut pages = Vec::new();
    let mut token = Value::Null;
    loop {
        let input = match &token {
            Value::Null => json!({ "QueueNamePrefix": "page-", "MaxResults": 3 }),
            token => json!({ "QueueNamePrefix": "page-", "MaxResults": 3, "NextToken": token }),
        };
        let page = client.ok("ListQueues", &input);
        let names = names(&page["QueueUrls"]);
        pages.push(names.len());
        listed.extend(names);
        token = page["NextToken"].clone();
        let Some(text) = token.as_str() else { break };
        STANDARD.decode(text).expect("padded base64 of the standard alphabet");
    }
    assert_eq!((listed, pages), (made, vec![3, 3, 1]));
    for results in [0, 1001, -1] {
        client.refused("ListQueues", &json!({ "MaxResults": results })).expect(INVALID_VALUE);
    }
    client.refused("ListQueues", &json!({ "MaxResults": 3, "NextToken": "not a token" })).expect(INVALID_VALUE);
}

fn tags_are_set_replaced_and_removed(client: &Client) {
    let name = format!("q-{}", unique());
    let output = client.ok("CreateQueue", &json!({ "QueueName": name, "tags": { "team": "mail", "empty": "" } }));
    let queue = Queue { client: client.clone(), name, url: output["QueueUrl"].as_str().expect("a URL").to_owned() };
    let tags = || queue.ok("ListQueueTags", json!({}))["Tags"].clone();
    assert_eq!(tags(), json!({ "team": "mail", "empty": "" }));
    queue.ok("TagQueue", json!({ "Tags": { "team": "post", "stage": "ü & <b>" } }));
    assert_eq!(tags(), json!({ "team": "post", "empty": "", "stage": "ü & <b>" }));
    queue.ok("UntagQueue", json!({ "TagKeys": ["empty", "stage", "never there"] }));
    assert_eq!(tags(), json!({ "team": "post" }));
    queue.ok("UntagQueue", json!({ "TagKeys": ["team"] }));
    assert!(tags().as_object().is_none_or(serde_json::Map::is_empty));
}

fn tags_obey_their_limits(client: &Client) {
    let queue = client.queue();
    let (long_key, long_value) = ("k".repeat(129), "v".repeat(257));
    for tags in [json!({ &long_key: "v" }), json!({ "k": &long_value }), json!({ "aws:k": "v" })] {
        queue.refused("TagQueue", json!({ "Tags": tags })).expect(INVALID_VALUE);
    }
    for keys in [json!([]), json!([""]), json!(["k", ""]), json!([&long_key])] {
        queue
            .refused("UntagQueue", json!({ "TagKeys": keys }))
            .expect(INVALID_VALUE)
            .worded("Tag keys must be between 1 and 128 characters in length.");
    }
    queue
        .refused("TagQueue", json!({ "Tags": {} }))
        .expect(MISSING)
        .worded("The request must contain the parameter Tags.");
    let fifty: Vec<(String, &str)> = (0..50).map(|number| (format!("t{number}"), "v")).collect();
    let fifty: Vec<(&str, &str)> = fifty.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    queue.ok("TagQueue", json!({ "Tags": map(&fifty) }));
    queue.refused("TagQueue", json!({ "Tags": { "one more": "v" } })).expect(INVALID_VALUE);
    queue.ok("TagQueue", json!({ "Tags": { "t0": "replaced" } }));
}

fn purging_removes_every_message(client: &Client) {
    let queue = client.queue();
    queue.send_all(&["waiting", "in flight", "delayed"]);
    let in_flight = queue.receive_one();
    queue.ok("SendMessage", json!({ "MessageBody": "later", "DelaySeconds": 900 }));
    queue.ok("PurgeQueue", json!({}));
    queue.gives(&[]);
    assert_eq!(queue.counts(), [0, 0, 0]);
    // Deleting a purged message succeeds, like deleting one twice.
    queue.delete(&in_flight);
    queue.send("after");
    queue.gives(&["after"]);
}

fn a_deleted_queue_does_not_exist(client: &Client) {
    let queue = client.queue();
    queue.send("lost");
    queue.ok("DeleteQueue", json!({}));
    queue.refused("SendMessage", json!({ "MessageBody": "m" })).expect(NO_QUEUE);
    queue.refused("ReceiveMessage", json!({})).expect(NO_QUEUE);
    client.refused("GetQueueUrl", &json!({ "QueueName": queue.name })).expect(NO_QUEUE);
    let again = Queue::create(client, &queue.name, &[("VisibilityTimeout", "1")]);
    assert_eq!(again.url, queue.url, "a name may be taken again");
    again.gives(&[]);
}

fn deleting_a_queue_ends_its_long_polls_with_an_error(client: &Client) {
    let queue = client.queue();
    std::thread::scope(|scope| {
        let polls: Vec<_> =
            (0..3).map(|_| scope.spawn(|| queue.call("ReceiveMessage", json!({ "WaitTimeSeconds": 20 })))).collect();
        sleep_ms(300);
        queue.ok("DeleteQueue", json!({}));
        for poll in polls {
            let answer = poll.join().expect("no panic");
            answer.expect_err("the queue was deleted").expect(NO_QUEUE);
        }
    });
}

fn every_action_refuses_a_missing_queue(client: &Client) {
    let url = "http://sqs.test:9324/000000000000/never-created";
    let entry = json!([{ "Id": "e", "MessageBody": "m", "ReceiptHandle": "h", "VisibilityTimeout": 1 }]);
    for (action, mut input) in [
        ("AddPermission", json!({ "Label": "l", "AWSAccountIds": ["123456789012"], "Actions": ["*"] })),
        ("DeleteQueue", json!({})),
        ("GetQueueAttributes", json!({ "AttributeNames": ["All"] })),
        ("ListDeadLetterSourceQueues", json!({})),
        ("ListQueueTags", json!({})),
        ("PurgeQueue", json!({})),
        ("ReceiveMessage", json!({})),
        ("RemovePermission", json!({ "Label": "l" })),
        ("SendMessage", json!({ "MessageBody": "m" })),
        ("SendMessageBatch", json!({ "Entries": [{ "Id": "e", "MessageBody": "m" }] })),
        ("SetQueueAttributes", json!({ "Attributes": { "DelaySeconds": "1" } })),
        ("TagQueue", json!({ "Tags": { "k": "v" } })),
        ("UntagQueue", json!({ "TagKeys": ["k"] })),
    ] {
        input["QueueUrl"] = json!(url);
        client.refused(action, &input).expect(NO_QUEUE).saying("The specified queue does not exist");
    }
    // The queue comes before the handle.
    for (action, input) in [
        ("DeleteMessage", json!({ "QueueUrl": url, "ReceiptHandle": "h" })),
        ("ChangeMessageVisibility", json!({ "QueueUrl": url, "ReceiptHandle": "h", "VisibilityTimeout": 1 })),
    ] {
        client.refused(action, &input).expect(NO_QUEUE);
    }
    for action in ["DeleteMessageBatch", "ChangeMessageVisibilityBatch"] {
        let mut entries = entry.clone();
        entries[0].as_object_mut().expect("an entry").remove("MessageBody");
        client.refused(action, &json!({ "QueueUrl": url, "Entries": entries })).expect(NO_QUEUE);
    }
}

fn required_parameters_are_required(client: &Client) {
    let queue = client.queue();
    for (action, input) in [
        ("CreateQueue", json!({})),
        ("GetQueueUrl", json!({})),
        ("SendMessage", json!({ "QueueUrl": queue.url })),
        ("DeleteMessage", json!({ "QueueUrl": queue.url })),
        ("ChangeMessageVisibility", json!({ "QueueUrl": queue.url, "ReceiptHandle": "h" })),
        ("ChangeMessageVisibility", json!({ "QueueUrl": queue.url, "VisibilityTimeout": 1 })),
        ("SetQueueAttributes", json!({ "QueueUrl": queue.url })),
        ("TagQueue", json!({ "QueueUrl": queue.url })),
        ("AddPermission", json!({ "QueueUrl": queue.url, "AWSAccountIds": ["123456789012"], "Actions": ["*"] })),
        ("RemovePermission", json!({ "QueueUrl": queue.url })),
        ("StartMessageMoveTask", json!({})),
        ("CancelMessageMoveTask", json!({})),
        ("ListMessageMoveTasks", json!({})),
    ] {
        let refusal = client.refused(action, &input);
        assert_eq!(refusal.code, MISSING, "{action} {input}: {refusal:?}");
    }
    assert_eq!(bodies(&queue.receive()), [""; 0]);
}

//! Queue attributes: defaults, ranges, which may be set and which are shown.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::support::client::NO_QUEUE;
use crate::support::{Client, unique};

super::cases! {
    a_new_standard_queue_has_the_defaults,
    a_new_fifo_queue_has_the_defaults,
    numbers_have_ranges,
    booleans_and_words_are_checked,
    every_settable_attribute_is_kept,
    only_what_was_asked_for_is_shown,
    unknown_and_read_only_names_are_refused,
    fifo_attributes_belong_to_fifo_queues,
    one_type_of_encryption_at_a_time,
    nulls_in_documents_are_absent_members,
    high_throughput_needs_scope_by_group,
    an_empty_value_removes_a_policy,
    redrive_policies_are_checked,
    access_policies_are_checked,
    timestamps_are_in_seconds,
    a_refused_change_changes_nothing,
}

fn a_new_standard_queue_has_the_defaults(client: &Client) {
    let attributes = client.queue().attributes();
    for (name, value) in [
        ("ApproximateNumberOfMessages", "0"),
        ("ApproximateNumberOfMessagesDelayed", "0"),
        ("ApproximateNumberOfMessagesNotVisible", "0"),
        ("DelaySeconds", "0"),
        ("MaximumMessageSize", "1048576"),
        ("MessageRetentionPeriod", "345600"),
        ("ReceiveMessageWaitTimeSeconds", "0"),
        ("SqsManagedSseEnabled", "true"),
        ("VisibilityTimeout", "30"),
    ] {
        assert_eq!(attributes[name], json!(value), "{name}");
    }
    for absent in ["FifoQueue", "ContentBasedDeduplication", "Policy", "RedrivePolicy", "RedriveAllowPolicy"] {
        assert_eq!(attributes[absent], Value::Null, "{absent}");
    }
}

fn a_new_fifo_queue_has_the_defaults(client: &Client) {
    let attributes = client.fifo(&[]).attributes();
    for (name, value) in [
        ("FifoQueue", "true"),
        ("ContentBasedDeduplication", "false"),
        ("DeduplicationScope", "queue"),
        ("FifoThroughputLimit", "perQueue"),
        ("VisibilityTimeout", "30"),
    ] {
        assert_eq!(attributes[name], json!(value), "{name}");
    }
}

fn numbers_have_ranges(client: &Client) {
    let queue = client.queue();
    for (name, low, high) in [
        ("DelaySeconds", 0, 900),
        ("MaximumMessageSize", 1024, 1_048_576),
        ("MessageRetentionPeriod", 60, 1_209_600),
        ("ReceiveMessageWaitTimeSeconds", 0, 20),
        ("VisibilityTimeout", 0, 43_200),
        ("KmsDataKeyReusePeriodSeconds", 60, 86_400),
    ] {
        for value in [low, high] {
            queue.set(&[(name, &value.to_string())]);
            if name != "KmsDataKeyReusePeriodSeconds" {
                assert_eq!(queue.attribute(name), Some(value.to_string()), "{name}");
            }
        }
        for value in [(low - 1).to_string(), (high + 1).to_string(), "x".into(), "1.5".into(), String::new()] {
            let attributes = json!({ name: value });
            let refusal = queue.refused("SetQueueAttributes", json!({ "Attributes": attributes }));
            refusal.expect("InvalidAttributeValue").saying(name);
            let input = json!({ "QueueName": format!("q-{}", unique()), "Attributes": attributes });
            client.refused("CreateQueue", &input).expect("InvalidAttributeValue").saying(name);
        }
    }
}

fn booleans_and_words_are_checked(client: &Client) {
    let queue = client.fifo(&[]);
    for (name, value) in [
        ("SqsManagedSseEnabled", "yes"),
        ("ContentBasedDeduplication", "1"),
        ("DeduplicationScope", "group"),
        ("FifoThroughputLimit", "perGroup"),
    ] {
        let refusal = queue.refused("SetQueueAttributes", json!({ "Attributes": { name: value } }));
        refusal.expect("InvalidAttributeValue").saying(name);
    }
}

fn every_settable_attribute_is_kept(client: &Client) {
    let dead = client.fifo(&[]);
    let redrive = json!({ "deadLetterTargetArn": dead.arn(), "maxReceiveCount": 4 }).to_string();
    let queue = client.fifo(&[]);
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "s", "Effect": "Allow", "Principal": "*", "Action": "SQS:SendMessage", "Resource": queue.arn() }
    ]})
    .to_string();
    let set = [
        ("ContentBasedDeduplication", "true"),
        ("DeduplicationScope", "messageGroup"),
        ("DelaySeconds", "3"),
        ("FifoThroughputLimit", "perMessageGroupId"),
        ("KmsDataKeyReusePeriodSeconds", "600"),
        ("KmsMasterKeyId", "alias/mail"),
        ("MaxReceiveBurst", "20"),
        ("MaxReceiveRate", "2.5"),
        ("MaximumMessageSize", "2048"),
        ("MessageRetentionPeriod", "3600"),
        ("ReceiveMessageWaitTimeSeconds", "2"),
        ("SqsManagedSseEnabled", "false"),
        ("VisibilityTimeout", "31"),
    ];
    queue.set(&set);
    queue.set(&[
        ("Policy", &policy),
        ("RedriveAllowPolicy", r#"{"redrivePermission":"denyAll"}"#),
        ("RedrivePolicy", &redrive),
    ]);
    let attributes = queue.attributes();
    for (name, value) in set {
        assert_eq!(attributes[name], json!(value), "{name}");
    }
    let parsed = |text: &Value| -> Value { serde_json::from_str(text.as_str().expect("text")).expect("JSON") };
    for (name, text) in [
        ("Policy", &*policy),
        ("RedriveAllowPolicy", r#"{"redrivePermission":"denyAll"}"#),
        ("RedrivePolicy", &redrive),
    ] {
        assert_eq!(parsed(&attributes[name]), parsed(&json!(text)), "{name}");
    }
}

fn only_what_was_asked_for_is_shown(client: &Client) {
    let queue = client.queue();
    let show = |names: Value| queue.ok("GetQueueAttributes", json!({ "AttributeNames": names }))["Attributes"].clone();
    assert_eq!(show(json!(["DelaySeconds"])), json!({ "DelaySeconds": "0" }));
    let two = json!({ "DelaySeconds": "0", "VisibilityTimeout": "30" });
    assert_eq!(show(json!(["VisibilityTimeout", "DelaySeconds"])), two);
    assert_eq!(show(json!(["All"])), queue.attributes());
    let none = queue.ok("GetQueueAttributes", json!({}));
    assert!(none["Attributes"].as_object().is_none_or(serde_json::Map::is_empty), "{none}");
    queue.refused("GetQueueAttributes", json!({ "AttributeNames": ["Colour"] })).expect("InvalidAttributeName");
}

fn unknown_and_read_only_names_are_refused(client: &Client) {
    let queue = client.queue();
    for name in ["Colour", "QueueArn", "CreatedTimestamp", "LastModifiedTimestamp", "ApproximateNumberOfMessages"] {
        let refusal = queue.refused("SetQueueAttributes", json!({ "Attributes": { name: "1" } }));
        refusal.expect("InvalidAttributeName").saying(name);
        let input = json!({ "QueueName": format!("q-{}", unique()), "Attributes": { name: "1" } });
        client.refused("CreateQueue", &input).expect("InvalidAttributeName");
    }
}

fn fifo_attributes_belong_to_fifo_queues(client: &Client) {
    let standard = client.queue();
    let unknown = |name: &str| format!("Unknown Attribute {name}.");
    let fifo_only = |name: &str| format!("You can specify the {name} only when FifoQueue is set to true.");
    for (name, value, words) in [
        ("ContentBasedDeduplication", "true", &unknown as &dyn Fn(&str) -> String),
        ("DeduplicationScope", "queue", &fifo_only),
        ("FifoThroughputLimit", "perQueue", &fifo_only),
        ("FifoQueue", "true", &unknown),
        ("FifoQueue", "false", &unknown),
    ] {
        let attributes = json!({ name: value });
        let refusal = standard.refused("SetQueueAttributes", json!({ "Attributes": attributes }));
        refusal.expect("InvalidAttributeName").worded(&words(name));
        if value != "true" || name != "FifoQueue" {
            let input = json!({ "QueueName": format!("q-{}", unique()), "Attributes": attributes });
            client.refused("CreateQueue", &input).expect("InvalidAttributeName").worded(&words(name));
        }
    }
    let fifo = client.fifo(&[]);
    fifo.refused("SetQueueAttributes", json!({ "Attributes": { "FifoQueue": "false" } }))
        .expect("InvalidAttributeValue")
        .worded("Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.");
    fifo.set(&[("FifoQueue", "true")]);
    assert_eq!(fifo.attribute("FifoQueue").as_deref(), Some("true"));
}

fn one_type_of_encryption_at_a_time(client: &Client) {
    let both = json!({ "KmsMasterKeyId": "alias/x", "SqsManagedSseEnabled": "true" });
    let words = "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or \
                 SQS SSE.";
    let queue = client.queue();
    queue.refused("SetQueueAttributes", json!({ "Attributes": both })).expect("InvalidAttributeName").worded(words);
    let input = json!({ "QueueName": format!("q-{}", unique()), "Attributes": both });
    client.refused("CreateQueue", &input).expect("InvalidAttributeName").worded(words);
}

fn nulls_in_documents_are_absent_members(client: &Client) {
    let (dead, queue) = (client.queue(), client.queue());
    let redrive = json!({ "deadLetterTargetArn": dead.arn(), "maxReceiveCount": 4, "redriveType": null });
    let allow = json!({ "redrivePermission": "allowAll", "sourceQueueArns": null });
    queue.set(&[("RedrivePolicy", &redrive.to_string()), ("RedriveAllowPolicy", &allow.to_string())]);
    assert_eq!(queue.attribute("RedriveAllowPolicy").as_deref(), Some(r#"{"redrivePermission":"allowAll"}"#));
    let missing = json!({ "deadLetterTargetArn": null, "maxReceiveCount": 4 }).to_string();
    queue
        .refused("SetQueueAttributes", json!({ "Attributes": { "RedrivePolicy": missing } }))
        .expect("InvalidParameterValue")
        .saying("does not contain mandatory attribute: deadLetterTargetArn");
}

fn high_throughput_needs_scope_by_group(client: &Client) {
    let queue = client.fifo(&[]);
    let limit = ("FifoThroughputLimit", "perMessageGroupId");
    let refusal = queue.refused("SetQueueAttributes", json!({ "Attributes": { limit.0: limit.1 } }));
    assert_eq!(refusal.status, 400, "{refusal:?}");
    queue.set(&[limit, ("DeduplicationScope", "messageGroup")]);
    assert_eq!(queue.attribute(limit.0).as_deref(), Some(limit.1));
}

fn an_empty_value_removes_a_policy(client: &Client) {
    let (dead, queue) = (client.queue(), client.queue());
    queue.redrive_to(&dead, 3);
    queue.set(&[
        ("RedriveAllowPolicy", r#"{"redrivePermission":"denyAll"}"#),
        ("KmsMasterKeyId", "alias/x"),
        ("MaxReceiveRate", "5"),
    ]);
    for name in ["RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId", "MaxReceiveRate"] {
        assert!(queue.attribute(name).is_some(), "{name}");
        queue.set(&[(name, "")]);
        assert_eq!(queue.attribute(name), None, "{name}");
    }
}

fn redrive_policies_are_checked(client: &Client) {
    let (queue, dead, fifo) = (client.queue(), client.queue(), client.fifo(&[]));
    let policy =
        |target: &str, count: Value| json!({ "deadLetterTargetArn": target, "maxReceiveCount": count }).to_string();
    let there = dead.arn();
    for text in [policy(&there, json!(1)), policy(&there, json!(1000)), policy(&there, json!("5"))] {
        queue.set(&[("RedrivePolicy", &text)]);
    }
    for text in [
        "x".into(),
        "[]".into(),
        "{}".into(),
        json!({ "deadLetterTargetArn": there }).to_string(),
        json!({ "maxReceiveCount": 3 }).to_string(),
        policy(&there, json!(0)),
        policy(&there, json!(1001)),
        policy(&there, json!("many")),
        policy("not an ARN", json!(3)),
        policy("arn:aws:sqs:us-east-1:000000000000:never-created", json!(3)),
        policy(&fifo.arn(), json!(3)),
    ] {
        let refusal = queue.refused("SetQueueAttributes", json!({ "Attributes": { "RedrivePolicy": text } }));
        let known = ["InvalidParameterValue", "InvalidAttributeValue", NO_QUEUE];
        assert!(known.contains(&refusal.code.as_str()), "{text}: {refusal:?}");
    }
}

fn access_policies_are_checked(client: &Client) {
    let queue = client.queue();
    for text in ["x", "[]", r#"{"Statement":[{"Effect":"Perhaps"}]}"#, r#"{"Statement":"all"}"#] {
        let refusal = queue.refused("SetQueueAttributes", json!({ "Attributes": { "Policy": text } }));
        refusal.expect("InvalidAttributeValue");
    }
    assert_eq!(queue.attribute("Policy"), None);
    // What should be an ARN is not checked to be one.
    let unresolved = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "$sqs_queue_arn",
            "Condition": { "ArnEquals": { "aws:SourceArn": "$sns_topic_arn" } },
        }],
    })
    .to_string();
    queue.set(&[("Policy", &unresolved)]);
    assert_eq!(queue.attribute("Policy"), Some(unresolved));
}

fn timestamps_are_in_seconds(client: &Client) {
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let before = now();
    let queue = client.queue();
    queue.set(&[("DelaySeconds", "1")]);
    let after = now();
    let attributes = queue.attributes();
    for name in ["CreatedTimestamp", "LastModifiedTimestamp"] {
        let time: u64 = attributes[name].as_str().and_then(|text| text.parse().ok()).expect("seconds");
        assert!((before..=after).contains(&time), "{name} {time} is not in {before}..={after}");
    }
}

fn a_refused_change_changes_nothing(client: &Client) {
    let queue = client.queue();
    let before = queue.attributes();
    let mixed = json!({ "Attributes": { "DelaySeconds": "5", "VisibilityTimeout": "50000" } });
    queue.refused("SetQueueAttributes", mixed).expect("InvalidAttributeValue");
    assert_eq!(queue.attributes(), before);
}

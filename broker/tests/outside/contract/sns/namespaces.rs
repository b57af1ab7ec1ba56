//! Topics and queues of several accounts and regions.

use serde_json::{Value, json};

use super::INVALID;
use crate::support::{Client, Queue, Topic, unique};

super::cases! {
    a_name_may_exist_in_every_region_and_account,
    a_topic_is_known_in_its_own_region_only,
    an_application_is_known_in_its_own_region_only,
    an_unsigned_request_reaches_every_region,
    other_accounts_need_a_permission,
    a_topic_delivers_to_another_region,
    a_queue_of_another_account_must_allow_the_topic,
    a_condition_names_the_topic,
    another_account_may_subscribe_its_own_queue,
    a_subscription_belongs_to_its_subscriber,
    a_topic_of_the_queues_account_needs_no_policy,
}

fn a_name_may_exist_in_every_region_and_account(client: &Client) {
    let here = client.in_own_account();
    let owners = [here.clone(), here.in_region("eu-west-1"), client.in_own_account()];
    let topics: Vec<Topic> = owners.iter().map(|owner| Topic::create(owner, "orders", &[])).collect();
    let queues: Vec<Queue> = owners.iter().map(Client::queue).collect();
    for (index, (topic, queue)) in topics.iter().zip(&queues).enumerate() {
        assert!(topics[..index].iter().all(|other| other.arn != topic.arn));
        topic.subscribe_raw(queue);
        topic.publish(&format!("of {index}"));
        let listed = topic.client.ok("ListTopics", &json!({}));
        assert_eq!(listed["Topics"], json!([{ "TopicArn": topic.arn }]), "each sees its own");
    }
    for (index, queue) in queues.iter().enumerate() {
        queue.gives(&[&format!("of {index}")]);
    }
    topics[0].ok("DeleteTopic", json!({}));
    assert_eq!(topics[1].counts(), [1, 0, 0], "the others stay");
}

/// Calls actions with the ARN of a resource of another region. Each must say so by the parameter of the ARN.
fn refused_elsewhere(client: &Client, parameter: &str, arn: &str, actions: &[(&str, Value)]) {
    for (action, input) in actions {
        let mut input = input.clone();
        input[parameter] = json!(arn);
        let refusal = client.sns().refused(action, &input);
        let expected = (400, INVALID, format!("Invalid parameter: {parameter}"));
        assert_eq!((refusal.status, &*refusal.code, refusal.message), expected, "{action} {arn}");
    }
}

fn a_topic_is_known_in_its_own_region_only(client: &Client) {
    let (topic, queue) = (client.in_region("ap-south-1").topic(), client.queue());
    let subscription = topic.subscribe_raw(&queue);
    let entries = json!([{ "Id": "a", "Message": "m" }]);
    let actions = [
        ("Publish", json!({ "Message": "m" })),
        ("PublishBatch", json!({ "PublishBatchRequestEntries": entries })),
        ("Subscribe", json!({ "Protocol": "sqs", "Endpoint": client.queue().arn() })),
        ("ListSubscriptionsByTopic", json!({})),
        ("GetTopicAttributes", json!({})),
        ("SetTopicAttributes", json!({ "AttributeName": "DisplayName", "AttributeValue": "x" })),
        ("AddPermission", json!({ "Label": "l", "AWSAccountId": ["123456789012"], "ActionName": ["Publish"] })),
        ("RemovePermission", json!({ "Label": "l" })),
        ("DeleteTopic", json!({})),
    ];
    let of_resources = [
        ("TagResource", json!({ "Tags": [{ "Key": "k", "Value": "v" }] })),
        ("UntagResource", json!({ "TagKeys": ["k"] })),
        ("ListTagsForResource", json!({})),
        ("GetDataProtectionPolicy", json!({})),
        ("PutDataProtectionPolicy", json!({ "DataProtectionPolicy": "{}" })),
    ];
    // A region knows nothing of the others: neither what exists there nor whose it is.
    for arn in [&*topic.arn, "arn:aws:sns:ap-south-1:000000000000:none", "arn:aws:sns:ap-south-1:123456789012:none"] {
        refused_elsewhere(client, "TopicArn", arn, &actions);
        refused_elsewhere(client, "ResourceArn", arn, &of_resources);
        let of_subscriptions = [
            ("GetSubscriptionAttributes", json!({})),
            ("SetSubscriptionAttributes", json!({ "AttributeName": "RawMessageDelivery", "AttributeValue": "false" })),
            ("Unsubscribe", json!({})),
        ];
        let id = subscription.arn.rsplit(':').next().expect("a part");
        refused_elsewhere(client, "SubscriptionArn", &format!("{arn}:{id}"), &of_subscriptions);
    }
    assert_eq!(topic.counts(), [1, 0, 0], "nothing has changed");
    topic.publish("still delivered");
    queue.gives(&["still delivered"]);
}

fn an_application_is_known_in_its_own_region_only(client: &Client) {
    let abroad = client.in_region("ap-south-1").sns();
    let input = json!({ "Name": format!("a-{}", unique()), "Platform": "GCM", "Attributes": { "PlatformCredential": "secret" } });
    let output = abroad.ok("CreatePlatformApplication", &input);
    let application = output["PlatformApplicationArn"].as_str().expect("an ARN");
    let output = abroad.ok("CreatePlatformEndpoint", &json!({ "PlatformApplicationArn": application, "Token": "t" }));
    let endpoint = output["EndpointArn"].as_str().expect("an ARN");
    let of_applications = [
        ("GetPlatformApplicationAttributes", json!({})),
        ("SetPlatformApplicationAttributes", json!({ "Attributes": { "Enabled": "false" } })),
        ("CreatePlatformEndpoint", json!({ "Token": "other" })),
        ("ListEndpointsByPlatformApplication", json!({})),
        ("DeletePlatformApplication", json!({})),
    ];
    refused_elsewhere(client, "PlatformApplicationArn", application, &of_applications);
    let of_endpoints = [
        ("GetEndpointAttributes", json!({})),
        ("SetEndpointAttributes", json!({ "Attributes": { "Enabled": "false" } })),
        ("DeleteEndpoint", json!({})),
    ];
    refused_elsewhere(client, "EndpointArn", endpoint, &of_endpoints);
    refused_elsewhere(client, "TargetArn", endpoint, &[("Publish", json!({ "Message": "m" }))]);
    abroad.ok("Publish", &json!({ "TargetArn": endpoint, "Message": "m" }));
}

/// Nothing in an unsigned request but its ARN names a region.
fn an_unsigned_request_reaches_every_region(client: &Client) {
    let (topic, queue) = (client.in_region("ap-south-1").topic(), client.queue());
    let unsigned = topic.as_seen_by(&client.anonymous());
    let subscription = unsigned.subscribe_raw(&queue);
    unsigned.publish("m");
    queue.gives(&["m"]);
    subscription.unsubscribe();
    assert_eq!(unsigned.counts()[0], 0);
}

fn other_accounts_need_a_permission(client: &Client) {
    let (owner, other) = (client.in_own_account(), client.in_own_account());
    let foreign = owner.topic().as_seen_by(&other);
    for (action, input) in [
        ("Publish", json!({ "Message": "m" })),
        ("PublishBatch", json!({ "PublishBatchRequestEntries": [{ "Id": "a", "Message": "m" }] })),
        ("Subscribe", json!({ "Protocol": "sqs", "Endpoint": other.queue().arn() })),
        ("GetTopicAttributes", json!({})),
        ("SetTopicAttributes", json!({ "AttributeName": "DisplayName", "AttributeValue": "x" })),
        ("ListSubscriptionsByTopic", json!({})),
        ("DeleteTopic", json!({})),
        ("AddPermission", json!({ "Label": "l", "AWSAccountId": [other.account()], "ActionName": ["Publish"] })),
    ] {
        let refusal = foreign.refused(action, input);
        assert_eq!((refusal.code.as_str(), refusal.status), ("AuthorizationError", 403), "{action}");
    }
}

fn a_topic_delivers_to_another_region(client: &Client) {
    let (topic, queue) = (client.topic(), client.in_region("eu-west-1").queue());
    topic.subscribe_raw(&queue);
    topic.publish("far away");
    queue.gives(&["far away"]);
}

/// A policy that lets SNS send, under this condition.
fn let_in(queue: &Queue, condition: &Value) {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "sqs:SendMessage",
            "Resource": queue.arn(), "Condition": condition,
        }],
    });
    queue.set(&[("Policy", &policy.to_string())]);
}

fn a_queue_of_another_account_must_allow_the_topic(client: &Client) {
    let (topic, queue) = (client.in_own_account().topic(), client.in_own_account().queue());
    topic.subscribe_raw(&queue);
    topic.publish("kept out");
    queue.gives(&[]);
    let_in(&queue, &json!({}));
    topic.publish("let in");
    queue.gives(&["let in"]);
    queue.set(&[("Policy", "")]);
    topic.publish("kept out again");
    queue.gives(&[]);
}

fn a_condition_names_the_topic(client: &Client) {
    let owner = client.in_own_account();
    let (topic, other) = (owner.topic(), owner.topic());
    let queue = client.in_own_account().queue();
    for from in [&topic, &other] {
        from.subscribe_raw(&queue);
    }
    for (condition, expected) in [
        (json!({ "ArnEquals": { "aws:SourceArn": topic.arn } }), &["1"][..]),
        (json!({ "ArnLike": { "aws:SourceArn": other.arn } }), &["2"]),
        (json!({ "ArnLike": { "aws:SourceArn": "arn:aws:sns:*:*:t-*" } }), &["1", "2"]),
        (json!({ "StringEquals": { "aws:SourceAccount": owner.account() } }), &["1", "2"]),
        (json!({ "StringEquals": { "aws:SourceAccount": "123456789012" } }), &[]),
    ] {
        let_in(&queue, &condition);
        topic.publish("1");
        other.publish("2");
        queue.gives(expected);
    }
}

fn another_account_may_subscribe_its_own_queue(client: &Client) {
    let (owner, subscriber) = (client.in_own_account(), client.in_own_account());
    let (topic, queue) = (owner.topic(), subscriber.queue());
    let grant = json!({ "Label": "l", "AWSAccountId": [subscriber.account()], "ActionName": ["Subscribe"] });
    topic.ok("AddPermission", grant);
    let_in(&queue, &json!({ "ArnEquals": { "aws:SourceArn": topic.arn } }));
    let subscription = topic.as_seen_by(&subscriber).subscribe_raw(&queue);
    topic.publish("across accounts");
    queue.gives(&["across accounts"]);
    assert_eq!(subscription.attribute("Owner").as_deref(), Some(subscriber.account()));
    subscription.unsubscribe();
    topic.publish("no more");
    queue.gives(&[]);
}

fn a_subscription_belongs_to_its_subscriber(client: &Client) {
    let (owner, stranger) = (client.in_own_account(), client.in_own_account());
    let subscription = owner.topic().subscribe_queue(&owner.queue());
    let mut foreign = subscription.clone();
    foreign.client = stranger.sns();
    foreign.set_refused("RawMessageDelivery", "true").expect("AuthorizationError");
    foreign.refused("GetSubscriptionAttributes", json!({})).expect("AuthorizationError");
    foreign.refused("Unsubscribe", json!({})).expect("AuthorizationError");
    assert_eq!(subscription.attribute("RawMessageDelivery").as_deref(), Some("false"));
}

fn a_topic_of_the_queues_account_needs_no_policy(client: &Client) {
    let owner = client.in_own_account();
    let (topic, queue) = (owner.topic(), owner.queue());
    topic.subscribe_raw(&queue);
    topic.publish("m");
    queue.gives(&["m"]);
}

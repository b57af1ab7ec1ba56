//! Topics without messages: creating, naming, listing, tagging, deleting, data protection.

use serde_json::{Value, json};

use super::{INVALID, NOT_FOUND, pages};
use crate::support::{Client, Topic, unique};

super::cases! {
    a_topic_has_an_arn,
    creating_again_gives_the_same_topic,
    creating_again_with_other_attributes_is_refused,
    creating_again_with_other_tags_is_refused,
    names_are_checked,
    a_fifo_topic_is_named_so,
    listing_goes_page_by_page,
    tags_are_set_replaced_and_removed,
    tags_obey_their_limits,
    a_deleted_topic_does_not_exist,
    deleting_twice_is_fine,
    every_action_refuses_a_missing_topic,
    required_parameters_are_required,
    malformed_arns_are_refused,
    a_data_protection_policy_is_kept,
}

fn a_topic_has_an_arn(client: &Client) {
    let topic = client.topic();
    assert_eq!(topic.arn, format!("arn:aws:sns:us-east-1:000000000000:{}", topic.name));
    let elsewhere = client.in_region("eu-west-1").topic();
    assert_eq!(elsewhere.arn, format!("arn:aws:sns:eu-west-1:000000000000:{}", elsewhere.name));
}

fn creating_again_gives_the_same_topic(client: &Client) {
    let topic = client.topic();
    let queue = client.queue();
    topic.subscribe_raw(&queue);
    topic.set("DisplayName", "Orders");
    for attributes in [&[][..], &[("DisplayName", "Orders")]] {
        assert_eq!(Topic::create(client, &topic.name, attributes).arn, topic.arn, "{attributes:?}");
    }
    topic.publish("still subscribed");
    queue.gives(&["still subscribed"]);
}

fn creating_again_with_other_attributes_is_refused(client: &Client) {
    let topic = client.topic();
    topic.set("DisplayName", "Orders");
    for (name, value) in [("DisplayName", "Invoices"), ("SignatureVersion", "2")] {
        let input = json!({ "Name": topic.name, "Attributes": { name: value } });
        let refusal = client.sns().refused("CreateTopic", &input);
        refusal.expect(INVALID).saying("Topic already exists with different attributes");
    }
    assert_eq!(topic.attribute("DisplayName").as_deref(), Some("Orders"));
}

fn creating_again_with_other_tags_is_refused(client: &Client) {
    let sns = client.sns();
    let name = format!("t-{}", unique());
    let input = |value: &str| json!({ "Name": name, "Tags": [{ "Key": "team", "Value": value }] });
    let arn = sns.ok("CreateTopic", &input("mail"))["TopicArn"].clone();
    assert_eq!(sns.ok("CreateTopic", &input("mail"))["TopicArn"], arn);
    let refusal = sns.refused("CreateTopic", &input("post"));
    refusal.expect(INVALID).saying("already exists with different tags");
}

fn names_are_checked(client: &Client) {
    let unique = unique();
    let longest = format!("{}-{unique:08}", "n".repeat(247));
    assert_eq!(longest.len(), 256);
    for name in [format!("A-z_09-{unique}"), longest.clone()] {
        assert!(Topic::create(client, &name, &[]).arn.ends_with(&name));
    }
    for name in ["a.b", "a b", "a/b", "ü", "a:b", "a\nb", "", &format!("{longest}x")] {
        let refusal = client.sns().refused("CreateTopic", &json!({ "Name": name }));
        refusal.expect(INVALID).saying("Topic Name");
    }
}

fn a_fifo_topic_is_named_so(client: &Client) {
    let (standard, fifo) = (format!("t-{}", unique()), format!("t-{}.fifo", unique()));
    for (name, attributes, valid) in [
        (&fifo, json!({ "FifoTopic": "true" }), true),
        (&fifo, json!({}), false),
        (&fifo, json!({ "FifoTopic": "false" }), false),
        (&standard, json!({ "FifoTopic": "true" }), false),
        (&standard, json!({ "ContentBasedDeduplication": "true" }), false),
        (&standard, json!({ "FifoThroughputScope": "Topic" }), false),
        (&standard, json!({}), true),
    ] {
        let input = json!({ "Name": name, "Attributes": attributes });
        match client.sns().call("CreateTopic", &input) {
            Ok(_) => assert!(valid, "{input}"),
            Err(refusal) => {
                assert!(!valid, "{input}: {refusal:?}");
                refusal.expect(INVALID);
            }
        }
    }
}

fn listing_goes_page_by_page(client: &Client) {
    let client = client.in_own_account();
    let sns = client.sns();
    assert_eq!(pages(&sns, "ListTopics", &json!({}), "Topics"), (vec![], vec![0]));
    let mut made: Vec<Value> = (0..101)
        .map(|number| json!({ "TopicArn": Topic::create(&client, &format!("page-{number:03}"), &[]).arn }))
        .collect();
    let (mut listed, sizes) = pages(&sns, "ListTopics", &json!({}), "Topics");
    let text = |value: &Value| value.to_string();
    made.sort_by_key(text);
    listed.sort_by_key(text);
    assert_eq!((listed, sizes), (made, vec![100, 1]));
    let elsewhere = client.in_region("eu-west-1").sns();
    assert_eq!(pages(&elsewhere, "ListTopics", &json!({}), "Topics").1, [0]);
    sns.refused("ListTopics", &json!({ "NextToken": "not a token" })).expect(INVALID);
    // The listing of a topic's subscriptions pages like that of topics.
    let topic = client.topic();
    for number in 0..101 {
        topic.subscribe("sms", &format!("+1555{number:07}"), &[]);
    }
    let of_topic = json!({ "TopicArn": topic.arn });
    let (by_topic, sizes) = pages(&sns, "ListSubscriptionsByTopic", &of_topic, "Subscriptions");
    assert_eq!(sizes, [100, 1]);
    let (all, sizes) = pages(&sns, "ListSubscriptions", &json!({}), "Subscriptions");
    assert_eq!((all.len(), sizes), (101, vec![100, 1]));
    let mut arns: Vec<&str> = by_topic.iter().filter_map(|item| item["SubscriptionArn"].as_str()).collect();
    arns.sort_unstable();
    arns.dedup();
    assert_eq!(arns.len(), 101, "no page repeats another");
    sns.refused("ListSubscriptions", &json!({ "NextToken": "not a token" })).expect(INVALID);
}

/// Tags as a map, because their order is not defined.
fn tags(topic: &Topic) -> Value {
    let output = topic.client.ok("ListTagsForResource", &json!({ "ResourceArn": topic.arn }));
    let tags = output["Tags"].as_array().cloned().unwrap_or_default();
    let pair = |tag: &Value| (tag["Key"].as_str().expect("a key").to_owned(), tag["Value"].clone());
    Value::Object(tags.iter().map(pair).collect())
}

fn tag(topic: &Topic, tags: &[(&str, &str)]) -> Result<Value, crate::support::Refusal> {
    let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    topic.client.call("TagResource", &json!({ "ResourceArn": topic.arn, "Tags": tags }))
}

fn untag(topic: &Topic, keys: &[&str]) {
    topic.client.ok("UntagResource", &json!({ "ResourceArn": topic.arn, "TagKeys": keys }));
}

fn tags_are_set_replaced_and_removed(client: &Client) {
    let name = format!("t-{}", unique());
    let given = json!([{ "Key": "team", "Value": "mail" }, { "Key": "empty", "Value": "" }]);
    client.sns().ok("CreateTopic", &json!({ "Name": name, "Tags": given }));
    let topic = Topic { client: client.sns(), arn: format!("arn:aws:sns:us-east-1:000000000000:{name}"), name };
    assert_eq!(tags(&topic), json!({ "team": "mail", "empty": "" }));
    tag(&topic, &[("team", "post"), ("stage", "ü & <b>")]).expect("tagged");
    assert_eq!(tags(&topic), json!({ "team": "post", "empty": "", "stage": "ü & <b>" }));
    untag(&topic, &["empty", "stage", "never there"]);
    assert_eq!(tags(&topic), json!({ "team": "post" }));
    untag(&topic, &["team"]);
    assert_eq!(tags(&topic), json!({}));
}

fn tags_obey_their_limits(client: &Client) {
    let topic = client.topic();
    let (long_key, long_value) = ("k".repeat(129), "v".repeat(257));
    for (key, value) in [(&*long_key, "v"), ("k", &*long_value), ("aws:k", "v"), ("", "v")] {
        let refusal = tag(&topic, &[(key, value)]).expect_err(key);
        assert!((400..500).contains(&refusal.status), "{key}={value}: {refusal:?}");
    }
    tag(&topic, &[("twice", "a"), ("twice", "b")]).expect_err("a key is there twice").expect(INVALID);
    let fifty: Vec<String> = (0..50).map(|number| format!("t{number}")).collect();
    let fifty: Vec<(&str, &str)> = fifty.iter().map(|key| (key.as_str(), "v")).collect();
    tag(&topic, &fifty).expect("as many as there may be");
    tag(&topic, &[("one more", "v")]).expect_err("too many").expect("TagLimitExceeded");
    tag(&topic, &[("t0", "replaced")]).expect("not one more");
}

fn a_deleted_topic_does_not_exist(client: &Client) {
    let topic = client.topic();
    let queue = client.queue();
    let subscription = topic.subscribe_raw(&queue);
    topic.set("DisplayName", "Old");
    topic.ok("DeleteTopic", json!({}));
    topic.refused("Publish", json!({ "Message": "m" })).expect(NOT_FOUND).saying("Topic does not exist");
    subscription.refused("GetSubscriptionAttributes", json!({})).expect(NOT_FOUND);
    let again = Topic::create(client, &topic.name, &[]);
    assert_eq!(again.arn, topic.arn, "a name may be taken again");
    assert_eq!(again.attribute("DisplayName").unwrap_or_default(), "");
    again.publish("to no subscriber");
    queue.gives(&[]);
    assert_eq!(again.counts(), [0, 0, 0]);
}

fn deleting_twice_is_fine(client: &Client) {
    let topic = client.topic();
    topic.ok("DeleteTopic", json!({}));
    topic.ok("DeleteTopic", json!({}));
}

fn every_action_refuses_a_missing_topic(client: &Client) {
    let arn = "arn:aws:sns:us-east-1:000000000000:never-created";
    let queue = client.queue().arn();
    for (action, input) in [
        ("AddPermission", json!({ "Label": "l", "AWSAccountId": ["123456789012"], "ActionName": ["Publish"] })),
        ("GetTopicAttributes", json!({})),
        ("ListSubscriptionsByTopic", json!({})),
        ("Publish", json!({ "Message": "m" })),
        ("PublishBatch", json!({ "PublishBatchRequestEntries": [{ "Id": "e", "Message": "m" }] })),
        ("RemovePermission", json!({ "Label": "l" })),
        ("SetTopicAttributes", json!({ "AttributeName": "DisplayName", "AttributeValue": "x" })),
        ("Subscribe", json!({ "Protocol": "sqs", "Endpoint": queue })),
    ] {
        let mut input = input;
        input["TopicArn"] = json!(arn);
        let refusal = client.sns().refused(action, &input);
        refusal.expect(NOT_FOUND).saying("Topic does not exist");
        assert_eq!(refusal.status, 404, "{action}");
    }
    for (action, input, code) in [
        ("GetDataProtectionPolicy", json!({}), NOT_FOUND),
        ("PutDataProtectionPolicy", json!({ "DataProtectionPolicy": "{}" }), NOT_FOUND),
        ("ListTagsForResource", json!({}), "ResourceNotFound"),
        ("TagResource", json!({ "Tags": [{ "Key": "k", "Value": "v" }] }), "ResourceNotFound"),
        ("UntagResource", json!({ "TagKeys": ["k"] }), "ResourceNotFound"),
    ] {
        let mut input = input;
        input["ResourceArn"] = json!(arn);
        let refusal = client.sns().refused(action, &input);
        assert_eq!((refusal.code.as_str(), refusal.status), (code, 404), "{action}: {refusal:?}");
    }
}

fn required_parameters_are_required(client: &Client) {
    let topic = client.topic().arn;
    for (action, input) in [
        ("CreateTopic", json!({})),
        ("DeleteTopic", json!({})),
        ("GetTopicAttributes", json!({})),
        ("SetTopicAttributes", json!({ "TopicArn": topic })),
        ("Publish", json!({ "TopicArn": topic })),
        ("Publish", json!({ "Message": "m" })),
        ("PublishBatch", json!({ "TopicArn": topic })),
        ("Subscribe", json!({ "TopicArn": topic, "Endpoint": "http://example.com/" })),
        ("Subscribe", json!({ "TopicArn": topic, "Protocol": "http" })),
        ("Subscribe", json!({ "Protocol": "http", "Endpoint": "http://example.com/" })),
        ("Unsubscribe", json!({})),
        ("ConfirmSubscription", json!({ "TopicArn": topic })),
        ("ConfirmSubscription", json!({ "Token": "x" })),
        ("GetSubscriptionAttributes", json!({})),
        ("SetSubscriptionAttributes", json!({ "AttributeName": "RawMessageDelivery" })),
        ("ListSubscriptionsByTopic", json!({})),
        ("AddPermission", json!({ "TopicArn": topic, "AWSAccountId": ["123456789012"], "ActionName": ["Publish"] })),
        ("RemovePermission", json!({ "TopicArn": topic })),
        ("ListTagsForResource", json!({})),
        ("TagResource", json!({ "ResourceArn": topic })),
        ("UntagResource", json!({ "ResourceArn": topic })),
        ("GetDataProtectionPolicy", json!({})),
        ("CreatePlatformApplication", json!({ "Name": "a", "Attributes": {} })),
        ("CreatePlatformEndpoint", json!({ "Token": "x" })),
        ("DeletePlatformApplication", json!({})),
        ("GetEndpointAttributes", json!({})),
        ("CheckIfPhoneNumberIsOptedOut", json!({})),
        ("OptInPhoneNumber", json!({})),
        ("CreateSMSSandboxPhoneNumber", json!({})),
        ("VerifySMSSandboxPhoneNumber", json!({ "PhoneNumber": "+15550100100" })),
    ] {
        let refusal = client.sns().refused(action, &input);
        let codes = [INVALID, "ValidationError", "ValidationException", "MissingParameter"];
        assert!(codes.contains(&refusal.code.as_str()) && refusal.status == 400, "{action} {input}: {refusal:?}");
    }
}

fn malformed_arns_are_refused(client: &Client) {
    for arn in [
        "x",
        "arn:aws:sns",
        "arn:aws:sns:us-east-1:000000000000:",
        "arn:aws:sns:us-east-1:12345:orders",
        "arn:aws:sqs:us-east-1:000000000000:orders",
        "arn:aws:sns:us-east-1:000000000000:a b",
        "arn:aws:sns:US EAST:000000000000:orders",
        "arn:aws:sns:us-east-1:000000000000:orders:01234567-89ab-4def-8123-456789abcdef",
    ] {
        for (action, input) in [
            ("GetTopicAttributes", json!({ "TopicArn": arn })),
            ("DeleteTopic", json!({ "TopicArn": arn })),
            ("Publish", json!({ "TopicArn": arn, "Message": "m" })),
            ("ListSubscriptionsByTopic", json!({ "TopicArn": arn })),
            ("ListTagsForResource", json!({ "ResourceArn": arn })),
        ] {
            client.sns().refused(action, &input).expect(INVALID);
        }
    }
    for arn in
        ["x", "arn:aws:sns:us-east-1:000000000000:orders", "arn:aws:sns:us-east-1:000000000000:orders:not-a-uuid"]
    {
        for action in ["GetSubscriptionAttributes", "Unsubscribe"] {
            client.sns().refused(action, &json!({ "SubscriptionArn": arn })).expect(INVALID);
        }
    }
}

fn a_data_protection_policy_is_kept(client: &Client) {
    let topic = client.topic();
    let policy = json!({
        "Name": "p", "Version": "2021-06-01",
        "Statement": [{ "DataDirection": "Inbound", "Principal": ["*"], "Operation": { "Deny": {} } }],
    })
    .to_string();
    let resource = json!({ "ResourceArn": topic.arn });
    let shown = || topic.client.ok("GetDataProtectionPolicy", &resource)["DataProtectionPolicy"].clone();
    assert_eq!(shown().as_str().unwrap_or_default(), "");
    let put = |policy: &str| json!({ "ResourceArn": topic.arn, "DataProtectionPolicy": policy });
    topic.client.ok("PutDataProtectionPolicy", &put(&policy));
    assert_eq!(shown(), json!(policy));
    topic.client.refused("PutDataProtectionPolicy", &put(&"x".repeat(30_721))).expect(INVALID);
    topic.client.refused("PutDataProtectionPolicy", &put("not JSON")).expect(INVALID);
    let sideways = put(&policy.replace("Inbound", "Sideways"));
    topic.client.refused("PutDataProtectionPolicy", &sideways).expect(INVALID).worded(
        "Invalid parameter: DataProtectionPolicy Reason: Statement DataDirection must be either Inbound or Outbound",
    );
    assert_eq!(shown(), json!(policy));
    topic.client.ok("PutDataProtectionPolicy", &put(""));
    assert_eq!(shown().as_str().unwrap_or_default(), "");
    let created = json!({ "Name": format!("t-{}", unique()), "DataProtectionPolicy": policy });
    let arn = topic.client.ok("CreateTopic", &created)["TopicArn"].clone();
    let shown = topic.client.ok("GetDataProtectionPolicy", &json!({ "ResourceArn": arn }));
    assert_eq!(shown["DataProtectionPolicy"], json!(policy));
}

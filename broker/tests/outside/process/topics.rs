//! Topics across restarts and crashes, and their metrics.

use serde_json::{Value, json};

use crate::support::broker::sample;
use crate::support::topic::{dead_letter_policy, envelope};
use crate::support::{Client, Endpoint, Launch, eventually};

/// Creates an object of each kind. Returns the checks that all of them exist.
fn furnish(client: &Client) -> impl Fn() + use<> {
    let (topic, fifo) = (client.topic(), client.fifo_topic(&[("ContentBasedDeduplication", "true")]));
    topic.set("DisplayName", "Orders");
    topic.set("SignatureVersion", "2");
    let tags = json!({ "ResourceArn": topic.arn, "Tags": [{ "Key": "team", "Value": "mail" }] });
    topic.client.ok("TagResource", &tags);
    let protection = json!({ "ResourceArn": topic.arn, "DataProtectionPolicy": r#"{"Name":"p"}"# });
    topic.client.ok("PutDataProtectionPolicy", &protection);
    topic.ok("AddPermission", json!({ "Label": "l", "AWSAccountId": ["123456789012"], "ActionName": ["Publish"] }));
    let (raw, wrapped, filtered, deleted, dead) =
        (client.queue(), client.queue(), client.queue(), client.queue(), client.queue());
    topic.subscribe_raw(&raw);
    topic.subscribe_queue(&wrapped);
    let policy = [("FilterPolicy", r#"{"colour":["red"]}"#), ("RawMessageDelivery", "true")];
    topic.subscribe("sqs", &filtered.arn(), &policy);
    let lost = topic.subscribe("sqs", &deleted.arn(), &[("RedrivePolicy", &dead_letter_policy(&dead))]);
    deleted.ok("DeleteQueue", json!({}));
    let pending = topic.subscribe("email", "reader@example.com", &[]);
    let ended = topic.subscribe("sms", "+15550100100", &[]);
    ended.unsubscribe();
    let ordered = client.fifo(&[]);
    fifo.subscribe_raw(&ordered);
    let first = fifo.publish_with(json!({ "Message": "1", "MessageGroupId": "g" }));
    topic.publish("before");
    let deleted = client.topic();
    deleted.ok("DeleteTopic", json!({}));
    let platform = platform(client);
    let shown = {
        let topic = topic.clone();
        // The count of deleted subscriptions starts at zero with the process.
        move || {
            let mut attributes = topic.attributes();
            attributes["SubscriptionsDeleted"].take();
            (attributes, lost.attributes(), pending.attributes())
        }
    };
    let before = shown();
    move || {
        assert_eq!(shown(), before);
        assert_eq!(topic.counts()[..2], [4, 1]);
        let resource = |action: &str| topic.client.ok(action, &json!({ "ResourceArn": topic.arn }));
        assert_eq!(resource("ListTagsForResource")["Tags"], json!([{ "Key": "team", "Value": "mail" }]));
        assert_eq!(resource("GetDataProtectionPolicy")["DataProtectionPolicy"], json!(r#"{"Name":"p"}"#));
        ended.refused("GetSubscriptionAttributes", json!({})).expect("NotFound");
        deleted.refused("Publish", json!({ "Message": "m" })).expect("NotFound");
        let attributes = json!({ "colour": { "DataType": "String", "StringValue": "red" } });
        topic.publish_with(json!({ "Message": "red", "MessageAttributes": attributes }));
        topic.publish("plain");
        raw.gives(&["before", "red", "plain"]);
        filtered.gives(&["red"]);
        for queue in [&wrapped, &dead] {
            let messages: Vec<Value> = queue.receive().iter().map(|m| envelope(m)["Message"].clone()).collect();
            assert_eq!(messages, ["before", "red", "plain"]);
        }
        let again = fifo.publish_with(json!({ "Message": "1", "MessageGroupId": "g" }));
        assert_eq!(again, first, "what was published is remembered");
        let second = fifo.publish_with(json!({ "Message": "2", "MessageGroupId": "g" }));
        assert!(second["SequenceNumber"].as_str() > first["SequenceNumber"].as_str(), "{second} after {first}");
        ordered.gives(&["1", "2"]);
        platform();
    }
}

/// Creates applications, endpoints and SMS state. Returns the check that they exist.
fn platform(client: &Client) -> impl Fn() + use<> {
    let sns = client.in_own_account().sns();
    let input = json!({ "Name": "app", "Platform": "GCM", "Attributes": { "PlatformCredential": "k" } });
    let application = sns.ok("CreatePlatformApplication", &input)["PlatformApplicationArn"].clone();
    let input = json!({ "PlatformApplicationArn": application, "Token": "device", "CustomUserData": "data" });
    let endpoint = sns.ok("CreatePlatformEndpoint", &input)["EndpointArn"].clone();
    sns.ok("SetSMSAttributes", &json!({ "attributes": { "DefaultSenderID": "Posthouse" } }));
    sns.ok("CreateSMSSandboxPhoneNumber", &json!({ "PhoneNumber": "+15550100100" }));
    let every = move || {
        [
            sns.ok("ListPlatformApplications", &json!({})),
            sns.ok("ListEndpointsByPlatformApplication", &json!({ "PlatformApplicationArn": application })),
            sns.ok("GetEndpointAttributes", &json!({ "EndpointArn": endpoint })),
            sns.ok("GetSMSAttributes", &json!({})),
            sns.ok("ListSMSSandboxPhoneNumbers", &json!({})),
        ]
    };
    let before = every();
    move || assert_eq!(every(), before)
}

pub(super) fn a_clean_restart_keeps_topics() {
    let mut broker = Launch::new().start();
    let check = furnish(&broker.json_client());
    broker.stop();
    broker.restart();
    check();
}

/// Restored from a checkpoint and from the records after it.
pub(super) fn a_crash_keeps_topics() {
    for storage in ["", "[storage]\nsegment_bytes = 8388608\ncheckpoint_bytes = 1048576"] {
        let mut broker = Launch::new().configured(storage).start();
        let client = broker.json_client();
        let check = furnish(&client);
        if !storage.is_empty() {
            let other = client.queue();
            for _ in 0..12 {
                other.send(&"x".repeat(1024 * 1024));
            }
        }
        broker.kill();
        broker.restart();
        check();
    }
}

pub(super) fn pushes_are_counted() {
    let broker = Launch::new().start();
    let endpoint = Endpoint::start();
    let topic = broker.json_client().topic();
    topic.subscribe_endpoint(&endpoint, "/", &[]);
    topic.publish("m");
    endpoint.await_notifications("/", 1);
    let labels = ["protocol=\"http\"", "outcome=\"delivered\""];
    eventually("a confirmation and a notification in the metrics", || {
        let count = sample(&broker.metrics(), "posthouse_push_deliveries_total", &labels);
        (count == Some(2.0)).then_some(())
    });
    let metrics = broker.metrics();
    for (name, labels, value) in [
        ("posthouse_requests_total", &["action=\"Publish\"", "outcome=\"OK\""][..], 1.0),
        ("posthouse_push_targets", &[], 1.0),
        ("posthouse_push_in_flight", &[], 0.0),
        ("posthouse_push_attempts_count", &["protocol=\"http\""], 2.0),
    ] {
        assert_eq!(sample(&metrics, name, labels), Some(value), "{name} {labels:?} in:\n{metrics}");
    }
}

pub(super) fn the_key_is_kept() {
    let mut broker = Launch::new().start();
    let client = broker.json_client();
    let (topic, queue) = (client.topic(), client.queue());
    topic.subscribe_queue(&queue);
    let certificate = || {
        topic.publish("m");
        let envelope = envelope(&queue.receive_one());
        envelope["SigningCertURL"].as_str().expect("a URL").to_owned()
    };
    let before = certificate();
    let pem = broker.follow(&before);
    broker.stop();
    broker.restart();
    assert_eq!(certificate(), before);
    assert_eq!(broker.follow(&before).body, pem.body);
    assert!(!pem.text().contains("PRIVATE KEY"), "{}", pem.text());
}

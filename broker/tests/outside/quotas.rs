//! Quotas: what an account may hold, and how more is refused. The engine's tables say what counts.

use serde_json::json;

use crate::shared::ALICE;
use crate::support::{Broker, Client, Launch, PROTOCOLS};

crate::cases! {
    each_quota_is_refused_in_awss_words,
    devices_have_a_quota,
    filter_policies_have_a_bound_in_bytes,
    an_account_at_its_quota_leaves_the_others_alone,
    what_is_held_is_counted_again_after_a_start,
}

/// A broker with these quotas.
fn with(quotas: &str) -> Broker {
    Launch::new().configured(&format!("[quotas]\n{quotas}")).start()
}

fn each_quota_is_refused_in_awss_words() {
    let broker = with("queues = 2\ntopics = 1\nsubscriptions = 1\nmessages = 1");
    for (index, &protocol) in PROTOCOLS.iter().enumerate() {
        let client = broker.client(protocol).with_key(&format!("11111111111{index}"), "secret");
        let (queue, topic) = (client.queue(), client.topic());
        client.queue();
        let refused = client.refused("CreateQueue", &json!({ "QueueName": "third" }));
        refused.expect("OverLimit").worded("The account may hold at most 2 queues.");
        let refused = client.sns().refused("CreateTopic", &json!({ "Name": "second" }));
        refused.expect("TopicLimitExceeded").worded("An account can have at most 1 topics.");
        topic.subscribe_raw(&queue);
        let phone = json!({ "Protocol": "sms", "Endpoint": "+15555550100" });
        let refused = topic.refused("Subscribe", phone);
        refused.expect("SubscriptionLimitExceeded").worded("An account can own at most 1 subscriptions.");
        topic.publish("fills the quota");
        let refused = queue.refused("SendMessage", json!({ "MessageBody": "more" }));
        refused.expect("OverLimit").worded("The account may hold at most 1 messages.");
        let refused = topic.refused("Publish", json!({ "Message": "more" }));
        refused.expect("Throttled").worded("The account may hold at most 1 messages.");
        let received = queue.receive_one();
        assert_eq!(received.body, "fills the quota");
        queue.delete(&received);
        queue.send("fits again");
        queue.ok("PurgeQueue", json!({}));
        topic.publish("fits again");
        queue.gives(&["fits again"]);
    }
}

fn devices_have_a_quota() {
    let broker = with("endpoints = 2");
    let client = broker.json_client().sns();
    let create = |name: &str| {
        let attributes = json!({ "PlatformCredential": "secret" });
        client.call("CreatePlatformApplication", &json!({ "Name": name, "Platform": "GCM", "Attributes": attributes }))
    };
    let application = create("shop").expect("the first");
    let application = &application["PlatformApplicationArn"];
    let register = |token: &str| {
        client.call("CreatePlatformEndpoint", &json!({ "PlatformApplicationArn": application, "Token": token }))
    };
    let device = register("one").expect("the second");
    let refused = register("two").expect_err("one too many");
    refused
        .expect("Throttled")
        .worded("The account may hold at most 2 platform applications, endpoints and phone numbers.");
    create("other").expect_err("one too many").expect("Throttled");
    assert_eq!(register("one").expect("known already"), device);
    client.ok("DeleteEndpoint", &json!({ "EndpointArn": device["EndpointArn"] }));
    register("two").expect("there is room again");
    client.ok("DeletePlatformApplication", &json!({ "PlatformApplicationArn": application }));
    create("other").expect("the devices went with their application");
}

fn filter_policies_have_a_bound_in_bytes() {
    let mut broker = Launch::new()
        .configured("[limits]\ntopic_filter_bytes_max = 1048576\naccount_filter_bytes_max = 1572864")
        .start();
    // It counts 400,000 bytes and some hundred for its parts.
    let policy = json!({ "colour": ["x".repeat(200_000)] }).to_string();
    for (index, &protocol) in PROTOCOLS.iter().enumerate() {
        let client = broker.client(protocol).with_key(&format!("11111111111{index}"), "secret");
        let (one, other) = (client.topic(), client.topic());
        let filter = |number: u32| json!({ "Protocol": "sms", "Endpoint": format!("+1555555010{number}"), "Attributes": { "FilterPolicy": policy } });
        one.ok("Subscribe", filter(0));
        one.ok("Subscribe", filter(1));
        let refused = one.refused("Subscribe", filter(2));
        refused
            .expect("FilterPolicyLimitExceeded")
            .worded("The filter policies of a topic can take at most 1048576 bytes of memory.");
        let plain = one.subscribe("sms", "+15555550103", &[]);
        plain.set_refused("FilterPolicy", &policy).expect("FilterPolicyLimitExceeded");
        other.ok("Subscribe", filter(0));
        let refused = other.refused("Subscribe", filter(1));
        refused
            .expect("FilterPolicyLimitExceeded")
            .worded("The filter policies of an account can take at most 1572864 bytes of memory.");
        plain.set("FilterPolicy", r#"{"colour":["red"]}"#);
    }
    broker.kill();
    broker.restart();
    let client = broker.json_client().with_key("111111111110", "secret");
    let attributes = json!({ "FilterPolicy": policy });
    let input = json!({ "Protocol": "sms", "Endpoint": "+15555550100", "Attributes": attributes });
    client.topic().refused("Subscribe", input).expect("FilterPolicyLimitExceeded");
}

/// The key of another user.
const BOB: (&str, &str) = ("AKIDBOB", "bob's secret");

/// A client that signs with a key.
fn user(broker: &Broker, key: (&str, &str)) -> Client {
    broker.json_client().with_key(key.0, key.1)
}

fn an_account_at_its_quota_leaves_the_others_alone() {
    let broker = Launch::new()
        .user("alice", "111111111111", ALICE.0, ALICE.1)
        .user("bob", "222222222222", BOB.0, BOB.1)
        .configured("[quotas]\nbytes = 4000")
        .start();
    let (alice, bob) = (user(&broker, ALICE).queue(), user(&broker, BOB).queue());
    let body = "x".repeat(1500);
    alice.send(&body);
    alice.send(&body);
    let refused = alice.refused("SendMessage", json!({ "MessageBody": body }));
    refused.expect("OverLimit").worded("The account may hold at most 4000 bytes of messages.");
    bob.send(&body);
    bob.gives(&[&body]);
    alice.gives(&[&body, &body]);
}

fn what_is_held_is_counted_again_after_a_start() {
    let mut broker = with("messages = 3");
    let queue = broker.json_client().queue();
    queue.send("1");
    queue.send("2");
    broker.kill();
    broker.restart();
    queue.send("3");
    queue.refused("SendMessage", json!({ "MessageBody": "4" })).expect("OverLimit");
    let received = queue.receive_one();
    queue.delete(&received);
    broker.stop();
    broker.restart();
    queue.send("4");
    queue.refused("SendMessage", json!({ "MessageBody": "5" })).expect("OverLimit");
}

//! Authorization of the actions of SNS.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::{alice, bob, clients, exchange, refused};
use crate::shared::USERS;
use crate::support::form::encode;
use crate::support::protocol::Service;
use crate::support::signature::{Credentials, sign};
use crate::support::{Queue, Topic, json_protocol};

pub(super) fn topics_take_right_signatures() {
    for client in clients(&USERS.get()) {
        let (topic, queue) = (client.topic(), client.queue());
        assert_eq!(topic.arn.split(':').nth(4), Some("111111111111"));
        topic.subscribe_raw(&queue);
        topic.as_seen_by(&client.with_key("AKIDANTON", "anton's secret")).publish("from anton ü & <b>");
        queue.gives(&["from anton ü & <b>"]);
        let wrong = topic.as_seen_by(&client.with_key("AKIDALICE", "wrong"));
        let refusal = wrong.refused("Publish", json!({ "Message": "m" }));
        assert_eq!((refusal.status, refusal.code.as_str()), (403, "SignatureDoesNotMatch"));
    }
}

pub(super) fn a_subscription_shows_its_subscriber() {
    for client in clients(&USERS.get()) {
        let topic = client.topic();
        let principal = |topic: &Topic, queue: &Queue| topic.subscribe_queue(queue).attribute("SubscriptionPrincipal");
        let own = principal(&topic, &client.queue());
        assert_eq!(own.as_deref(), Some("arn:aws:iam::111111111111:user/alice"));
        let anton = client.with_key("AKIDANTON", "anton's secret");
        let colleague = principal(&topic.as_seen_by(&anton), &client.queue());
        assert_eq!(colleague.as_deref(), Some("arn:aws:iam::111111111111:user/anton"));
    }
}

/// SNS refuses a request that is signed for SQS, and SQS one that is signed for SNS.
pub(super) fn a_signature_is_for_one_service() {
    let actions = [(Service::Sns, "ListTopics", Service::Sqs), (Service::Sqs, "ListQueues", Service::Sns)];
    for (asked, action, signed) in actions {
        let mut request = json_protocol::request_to(asked, action, "{}");
        sign(&mut request, &Credentials { service: signed, ..alice() }, SystemTime::now());
        refused(action, &exchange(&request), &["SignatureDoesNotMatch"]);
    }
}

/// Sets a topic's policy to one statement.
fn allow(topic: &Topic, principal: &Value, action: &str, condition: &Value) {
    let statement = json!({
        "Effect": "Allow", "Principal": principal, "Action": action, "Resource": topic.arn, "Condition": condition,
    });
    topic.set("Policy", &json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string());
}

pub(super) fn a_topics_policy_allows_other_accounts() {
    for client in clients(&USERS.get()) {
        let (topic, queue) = (client.topic(), client.queue());
        topic.subscribe_raw(&queue);
        let foreign = topic.as_seen_by(&bob(&client));
        foreign.refused("Publish", json!({ "Message": "m" })).expect("AuthorizationError");
        allow(&topic, &json!({ "AWS": "222222222222" }), "SNS:Publish", &json!({}));
        foreign.publish("let in");
        foreign.refused("GetTopicAttributes", json!({})).expect("AuthorizationError");
        allow(&topic, &json!({ "AWS": "arn:aws:iam::222222222222:user/carol" }), "SNS:Publish", &json!({}));
        foreign.refused("Publish", json!({ "Message": "m" })).expect("AuthorizationError");
        // A caller may subscribe queues of its own account only.
        let pattern = json!({ "StringLike": { "sns:Endpoint": "arn:aws:sqs:*:222222222222:*" } });
        allow(&topic, &json!({ "AWS": "222222222222" }), "SNS:Subscribe", &pattern);
        let own = bob(&client).queue();
        let input = |endpoint: &str, protocol: &str| json!({ "Protocol": protocol, "Endpoint": endpoint });
        foreign.ok("Subscribe", input(&own.arn(), "sqs"));
        foreign.refused("Subscribe", input(&queue.arn(), "sqs")).expect("AuthorizationError");
        let pattern = json!({ "StringEquals": { "sns:Protocol": "https" } });
        allow(&topic, &json!("*"), "SNS:Subscribe", &pattern);
        foreign.refused("Subscribe", input("http://example.com/", "http")).expect("AuthorizationError");
        foreign.ok("Subscribe", input("https://example.com/", "https"));
        queue.gives(&["let in"]);
    }
}

pub(super) fn a_queues_policy_allows_topics() {
    for client in clients(&USERS.get()) {
        let (topic, theirs): (Topic, Queue) = (client.topic(), bob(&client).queue());
        topic.subscribe_raw(&theirs);
        topic.publish("kept out");
        let statement = json!({
            "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "sqs:SendMessage",
            "Resource": theirs.arn(), "Condition": { "ArnEquals": { "aws:SourceArn": topic.arn } },
        });
        theirs.set(&[("Policy", &json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string())]);
        topic.publish("let in");
        theirs.gives(&["let in"]);
    }
}

pub(super) fn anonymous_publishers_need_a_policy() {
    for client in clients(&USERS.get()) {
        let (topic, queue) = (client.topic(), client.queue());
        topic.subscribe_raw(&queue);
        let stranger = topic.as_seen_by(&client.anonymous());
        assert_eq!(stranger.refused("Publish", json!({ "Message": "m" })).status, 403);
        allow(&topic, &json!("*"), "SNS:Publish", &json!({}));
        stranger.publish("from an anonymous caller");
        assert_eq!(stranger.refused("DeleteTopic", json!({})).status, 403);
        queue.gives(&["from an anonymous caller"]);
    }
}

/// The link in a notification ends a subscription without keys, unless it was confirmed with keys.
pub(super) fn a_forged_link_ends_nothing() {
    let broker = USERS.get();
    for client in clients(&broker) {
        let (topic, queue) = (client.topic(), client.queue());
        let subscription = topic.subscribe_raw(&queue);
        let url = format!("http://{}/?Action=Unsubscribe&SubscriptionArn={}", broker.sqs, encode(&subscription.arn));
        assert_eq!(broker.follow(&url).status, 403);
        let pending = topic.subscribe("email", "reader@example.com", &[]);
        for token in ["0".repeat(64), pending.arn.rsplit(':').next().expect("a part").replace('-', "").repeat(2)] {
            let url = format!(
                "http://{}/?Action=ConfirmSubscription&TopicArn={}&Token={token}",
                broker.sqs,
                encode(&topic.arn)
            );
            let status = broker.follow(&url).status;
            assert!((400..500).contains(&status), "{status}");
        }
        assert_eq!(topic.counts(), [1, 1, 0]);
        topic.publish("still subscribed");
        queue.gives(&["still subscribed"]);
    }
}

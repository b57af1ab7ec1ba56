//! `GetTopicAttributes` and `SetTopicAttributes`.

use serde_json::{Value, json};

use super::INVALID;
use crate::support::Client;

super::cases! {
    a_new_topic_shows_defaults,
    what_is_set_is_shown,
    values_are_checked,
    actions_of_other_services_are_refused,
    an_empty_value_sets_the_default_back,
    a_fifo_topic_shows_its_own,
    fifo_topic_cannot_be_changed,
    delivery_policies_are_merged_over_the_defaults,
    policies_are_checked,
    counts_follow_subscriptions,
    refusals_name_the_map_that_a_value_came_in,
    delivery_policies_are_shown_as_the_members_that_were_given,
}

fn a_new_topic_shows_defaults(client: &Client) {
    let topic = client.topic();
    let attributes = topic.attributes();
    assert_eq!(attributes["TopicArn"], json!(topic.arn));
    assert_eq!(attributes["Owner"], json!("000000000000"));
    assert_eq!(attributes["DisplayName"], json!(""));
    assert_eq!(topic.counts(), [0, 0, 0]);
    let json = |name: &str| -> Value {
        let text = attributes[name].as_str().unwrap_or_else(|| panic!("{name} of {attributes}"));
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let policy = json("Policy");
    assert_eq!(policy["Statement"][0]["Resource"], json!(topic.arn), "{policy}");
    assert_eq!(policy["Statement"][0]["Effect"], json!("Allow"));
    let retry = &json("EffectiveDeliveryPolicy")["http"]["defaultHealthyRetryPolicy"];
    for (name, value) in [("numRetries", 3), ("minDelayTarget", 20), ("maxDelayTarget", 20), ("numNoDelayRetries", 0)] {
        assert_eq!(retry[name], json!(value), "{name} of {retry}");
    }
    assert_eq!(retry["backoffFunction"], json!("linear"));
    for absent in ["DeliveryPolicy", "FifoTopic", "KmsMasterKeyId"] {
        assert_eq!(attributes[absent].as_str().unwrap_or_default(), "", "{absent}");
    }
}

fn what_is_set_is_shown(client: &Client) {
    let topic = client.topic();
    for (name, value) in [
        ("DisplayName", "Orders of today: ü & <b>"),
        ("SignatureVersion", "2"),
        ("TracingConfig", "Active"),
        ("KmsMasterKeyId", "alias/aws/sns"),
        ("MaximumMessageSize", "2048"),
        ("HTTPSuccessFeedbackSampleRate", "50"),
        ("SQSFailureFeedbackRoleArn", "arn:aws:iam::000000000000:role/feedback"),
    ] {
        topic.set(name, value);
        assert_eq!(topic.attribute(name).as_deref(), Some(value), "{name}");
    }
}

fn values_are_checked(client: &Client) {
    let topic = client.topic();
    let long = "n".repeat(101);
    for (name, value) in [
        ("DisplayName", &*long),
        ("SignatureVersion", "3"),
        ("TracingConfig", "Maybe"),
        ("MaximumMessageSize", "1023"),
        ("MaximumMessageSize", "1048577"),
        ("HTTPSuccessFeedbackSampleRate", "101"),
        ("SQSFailureFeedbackRoleArn", "no-role"),
        ("DeliveryPolicy", "not JSON"),
        ("Policy", "not JSON"),
        ("TopicArn", "x"),
        ("Colour", "red"),
        ("", "x"),
    ] {
        let input = json!({ "AttributeName": name, "AttributeValue": value });
        topic.refused("SetTopicAttributes", input).expect(INVALID);
        let input = json!({ "Name": format!("{}-new", topic.name), "Attributes": { name: value } });
        client.sns().refused("CreateTopic", &input).expect(INVALID);
    }
}

/// A value in a map has another prefix than one that comes alone.
fn actions_of_other_services_are_refused(client: &Client) {
    let topic = client.topic();
    let policy = |action: &str, resource: &str| {
        let statement = json!({ "Effect": "Allow", "Principal": "*", "Action": action, "Resource": resource });
        json!({ "Statement": [statement] }).to_string()
    };
    let wrong = policy("sqs:SendMessage", &topic.arn);
    let alone = json!({ "AttributeName": "Policy", "AttributeValue": wrong });
    let refusal = topic.refused("SetTopicAttributes", alone);
    assert_eq!(refusal.message, "Invalid parameter: Policy statement action out of service scope!");
    let in_map = json!({ "Name": format!("{}-new", topic.name), "Attributes": { "Policy": wrong } });
    let refusal = client.sns().refused("CreateTopic", &in_map);
    assert_eq!(refusal.message, "Invalid parameter: Attributes Reason: Policy statement action out of service scope!");
    topic.set("Policy", &policy("sns:Publish", "orders"));
}

fn an_empty_value_sets_the_default_back(client: &Client) {
    let topic = client.topic();
    let defaults = topic.attributes();
    topic.set("DisplayName", "Orders");
    topic.set(
        "DeliveryPolicy",
        r#"{"http":{"defaultHealthyRetryPolicy":{"numRetries":7,"minDelayTarget":20,"maxDelayTarget":20}}}"#,
    );
    assert_ne!(topic.attributes(), defaults);
    for name in ["DisplayName", "DeliveryPolicy"] {
        topic.set(name, "");
    }
    assert_eq!(topic.attributes(), defaults);
}

fn a_fifo_topic_shows_its_own(client: &Client) {
    let topic = client.fifo_topic(&[("ContentBasedDeduplication", "true"), ("FifoThroughputScope", "MessageGroup")]);
    for (name, value) in
        [("FifoTopic", "true"), ("ContentBasedDeduplication", "true"), ("FifoThroughputScope", "MessageGroup")]
    {
        assert_eq!(topic.attribute(name).as_deref(), Some(value), "{name}");
    }
    topic.set("ContentBasedDeduplication", "false");
    assert_eq!(topic.attribute("ContentBasedDeduplication").as_deref(), Some("false"));
    let plain = client.fifo_topic(&[]);
    assert_eq!(plain.attribute("FifoThroughputScope"), None, "a scope that was not set");
    assert_eq!(plain.attribute("ContentBasedDeduplication").as_deref(), Some("false"));
}

fn fifo_topic_cannot_be_changed(client: &Client) {
    for (topic, value) in [(client.topic(), "true"), (client.fifo_topic(&[]), "false")] {
        let input = json!({ "AttributeName": "FifoTopic", "AttributeValue": value });
        topic.refused("SetTopicAttributes", input).expect(INVALID);
    }
    for name in ["ContentBasedDeduplication", "FifoThroughputScope"] {
        let value = if name == "FifoThroughputScope" { "Topic" } else { "true" };
        let input = json!({ "AttributeName": name, "AttributeValue": value });
        client.topic().refused("SetTopicAttributes", input).expect(INVALID);
    }
}

fn delivery_policies_are_merged_over_the_defaults(client: &Client) {
    let topic = client.topic();
    topic.set(
        "DeliveryPolicy",
        r#"{"http":{"defaultHealthyRetryPolicy":{"numRetries":7,"minDelayTarget":1,"maxDelayTarget":9},
            "disableSubscriptionOverrides":true}}"#,
    );
    let effective: Value =
        serde_json::from_str(&topic.attribute("EffectiveDeliveryPolicy").expect("it is shown")).expect("JSON");
    let retry = &effective["http"]["defaultHealthyRetryPolicy"];
    for (name, value) in [("numRetries", 7), ("minDelayTarget", 1), ("maxDelayTarget", 9), ("numNoDelayRetries", 0)] {
        assert_eq!(retry[name], json!(value), "{name} of {retry}");
    }
    assert_eq!(effective["http"]["disableSubscriptionOverrides"], json!(true));
    for policy in [
        r#"{"http":{"defaultHealthyRetryPolicy":{"numRetries":101}}}"#,
        r#"{"http":{"defaultHealthyRetryPolicy":{"numRetries":-1}}}"#,
        r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":30,"maxDelayTarget":20}}}"#,
        r#"{"http":{"defaultHealthyRetryPolicy":{"maxDelayTarget":3601}}}"#,
        r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":0}}}"#,
        r#"{"http":{"defaultHealthyRetryPolicy":{"backoffFunction":"random"}}}"#,
        r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":1,"maxDelayTarget":1,"numRetries":2,"numNoDelayRetries":3}}}"#,
        r#"{"http":{"defaultThrottlePolicy":{"maxReceivesPerSecond":0}}}"#,
        r#"{"http":{"defaultHealthyRetryPolicy":"often"}}"#,
        r#"{"pigeon":{}}"#,
        "[]",
    ] {
        let input = json!({ "AttributeName": "DeliveryPolicy", "AttributeValue": policy });
        let refusal = topic.refused("SetTopicAttributes", input);
        assert_eq!(refusal.code, INVALID, "{policy}");
    }
}

fn policies_are_checked(client: &Client) {
    let topic = client.topic();
    let of = |statement: &Value| json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    let right = json!({
        "Sid": "s", "Effect": "Allow", "Principal": "*", "Action": "SNS:Publish", "Resource": topic.arn,
    });
    let with = |name: &str, value: Value| {
        let mut statement = right.clone();
        statement[name] = value;
        of(&statement)
    };
    topic.set("Policy", &of(&right));
    let shown: Value = serde_json::from_str(&topic.attribute("Policy").expect("it is shown")).expect("JSON");
    assert_eq!(shown["Statement"][0]["Sid"], json!("s"));
    for policy in [
        "{}".to_owned(),
        "[]".to_owned(),
        with("Effect", json!("Perhaps")),
        with("Action", json!("SNS:Sing")),
        with("Action", json!("SQS:SendMessage")),
        with("Principal", json!({ "AWS": "no-account" })),
        with("Condition", json!({ "Sometimes": { "aws:SourceArn": "x" } })),
        with("Sid", json!("x".repeat(31_000))),
    ] {
        let input = json!({ "AttributeName": "Policy", "AttributeValue": policy });
        let refusal = topic.refused("SetTopicAttributes", input);
        assert_eq!(refusal.code, INVALID, "{policy}: {refusal:?}");
    }
}

fn counts_follow_subscriptions(client: &Client) {
    let topic = client.topic();
    let queue = client.queue();
    let subscription = topic.subscribe_queue(&queue);
    topic.subscribe("email", "reader@example.com", &[]);
    assert_eq!(topic.counts(), [1, 1, 0]);
    subscription.unsubscribe();
    assert_eq!(topic.counts(), [0, 1, 1]);
}

/// The words of a value that is set alone follow `Invalid parameter: `; in a map `Attributes Reason: ` comes before them.
fn refusals_name_the_map_that_a_value_came_in(client: &Client) {
    let topic = client.topic();
    let retry = |members: &str| format!(r#"{{"http":{{"defaultHealthyRetryPolicy":{{{members}}}}}}}"#);
    let delayed = |members: &str| retry(&format!(r#""minDelayTarget":1,"maxDelayTarget":2,{members}"#));
    let statement = json!({ "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": topic.arn });
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    for (name, value, why) in [
        (
            "SQSSuccessFeedbackSampleRate",
            "500".to_owned(),
            "SQSSuccessFeedbackSampleRate: 500 value provided is not an integer between 0-100",
        ),
        (
            "LambdaSuccessFeedbackSampleRate",
            "half".to_owned(),
            "LambdaSuccessFeedbackSampleRate: half value provided is not an integer between 0-100",
        ),
        (
            "DeliveryPolicy",
            delayed(r#""numRetries":300"#),
            "DeliveryPolicy: http.defaultHealthyRetryPolicy.numRetries must be less than or equal to 100",
        ),
        (
            "DeliveryPolicy",
            delayed(r#""numNoDelayRetries":-1"#),
            "DeliveryPolicy: http.defaultHealthyRetryPolicy.numNoDelayRetries must be greater than or equal to 0",
        ),
        (
            "DeliveryPolicy",
            retry(r#""minDelayTarget":"1""#),
            "DeliveryPolicy: http.defaultHealthyRetryPolicy.minDelayTarget type mismatch, expecting integer, received a string",
        ),
        (
            "DeliveryPolicy",
            retry(r#""numRetries":3"#),
            "DeliveryPolicy: http.defaultHealthyRetryPolicy.minDelayTarget must be specified",
        ),
        ("Policy", policy, "Policy statement action out of service scope!"),
    ] {
        let input = json!({ "AttributeName": name, "AttributeValue": value });
        topic.refused("SetTopicAttributes", input).expect(INVALID).worded(&format!("Invalid parameter: {why}"));
        let input = json!({ "Name": format!("{}-new", topic.name), "Attributes": { name: value } });
        let refusal = client.sns().refused("CreateTopic", &input);
        refusal.expect(INVALID).worded(&format!("Invalid parameter: Attributes Reason: {why}"));
    }
}

fn delivery_policies_are_shown_as_the_members_that_were_given(client: &Client) {
    let topic = client.topic();
    for (given, shown) in [
        (
            r#"{"http":{"defaultRequestPolicy":{"headerContentType":"application/json"}}}"#,
            r#"{"http":{"disableSubscriptionOverrides":false,"defaultRequestPolicy":{"headerContentType":"application/json"}}}"#,
        ),
        (
            r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":5,"maxDelayTarget":6,"numRetries":1}}}"#,
            r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":5,"maxDelayTarget":6,"numRetries":1},"disableSubscriptionOverrides":false}}"#,
        ),
        (r#"{"http":{"defaultHealthyRetryPolicy":null}}"#, r#"{"http":{"disableSubscriptionOverrides":false}}"#),
    ] {
        topic.set("DeliveryPolicy", given);
        assert_eq!(topic.attribute("DeliveryPolicy").as_deref(), Some(shown), "{given}");
    }
}

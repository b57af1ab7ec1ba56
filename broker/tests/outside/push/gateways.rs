//! The operator's gateways: the posts to them, and deliveries for which no gateway is configured.

use serde_json::{Value, json};

use super::caller;
use crate::support::broker::sample;
use crate::support::endpoint::{Answer, Arrival};
use crate::support::{Broker, Client, Endpoint, Launch, eventually};

/// A broker with a gateway for everything, each at a path of its own, and the gateways' server.
fn broker() -> (Broker, Endpoint) {
    broker_of(Endpoint::start())
}

fn broker_of(endpoint: Endpoint) -> (Broker, Endpoint) {
    let gateway = |name: &str| format!("[push.{name}]\nurl = \"{}\"", endpoint.url(&format!("/{name}")));
    let all = ["sms", "mobile", "lambda", "firehose"].map(gateway).join("\n");
    (Launch::new().configured(&all).start(), endpoint)
}

/// Waits for a post whose message is this; its JSON.
fn posted(gateways: &Endpoint, path: &str, message: &str) -> Value {
    let is_it = |arrival: &&Arrival| arrival.path == path && arrival.json()["message"] == json!(message);
    let arrival = gateways.until(&format!("{message:?} at {path}"), |all| all.iter().find(is_it).cloned());
    assert_eq!((arrival.method.as_str(), arrival.header("content-type")), ("POST", "application/json"));
    arrival.json()
}

fn device(sns: &Client, platform: &str, attributes: &Value, token: &str) -> String {
    let input = json!({ "Name": "app", "Platform": platform, "Attributes": attributes });
    let application = sns.ok("CreatePlatformApplication", &input)["PlatformApplicationArn"].clone();
    let input = json!({ "PlatformApplicationArn": application, "Token": token });
    sns.ok("CreatePlatformEndpoint", &input)["EndpointArn"].as_str().expect("an ARN").to_owned()
}

pub(super) fn text_messages_go_to_the_gateway() {
    let (broker, gateways) = broker();
    let client = caller(&broker);
    let topic = client.topic();
    let attributes = json!({ "AWS.SNS.SMS.SenderID": { "DataType": "String", "StringValue": "Posthouse" } });
    let input = json!({ "PhoneNumber": "+15550100100", "Message": "direct ü", "MessageAttributes": attributes });
    let id = client.sns().ok("Publish", &input)["MessageId"].clone();
    let post = posted(&gateways, "/sms", "direct ü");
    for (name, value) in [
        ("protocol", json!("sms")),
        ("endpoint", json!("+15550100100")),
        ("messageId", id),
        ("attempt", json!(1)),
        ("topicArn", Value::Null),
        ("messageAttributes", json!({ "AWS.SNS.SMS.SenderID": { "Type": "String", "Value": "Posthouse" } })),
    ] {
        assert_eq!(post[name], value, "{name} of {post}");
    }
    let subscription = topic.subscribe("sms", "+1 (555) 010-0101", &[]);
    topic.publish("by topic");
    let post = posted(&gateways, "/sms", "by topic");
    assert_eq!(post["endpoint"], json!("+15550100101"));
    assert_eq!((&post["topicArn"], &post["subscriptionArn"]), (&json!(topic.arn), &json!(subscription.arn)));
}

pub(super) fn devices_get_what_is_for_their_platform() {
    let (broker, gateways) = broker();
    let client = caller(&broker);
    let sns = client.sns();
    let google = device(&sns, "GCM", &json!({ "PlatformCredential": "k" }), "google-device");
    let amazon = device(&sns, "ADM", &json!({ "PlatformPrincipal": "p", "PlatformCredential": "k" }), "amazon-device");
    let structured =
        |run: &str| json!({ "default": format!("{run} for all"), "GCM": format!("{run} for google") }).to_string();
    for arn in [&google, &amazon] {
        let input = json!({ "TargetArn": arn, "Message": structured("direct"), "MessageStructure": "json" });
        sns.ok("Publish", &input);
    }
    let post = posted(&gateways, "/mobile", "direct for google");
    let application = "arn:aws:sns:us-east-1:000000000000:app/GCM/app";
    assert_eq!((&post["endpoint"], &post["applicationArn"]), (&json!(google), &json!(application)));
    assert_eq!((&post["platform"], &post["token"]), (&json!("GCM"), &json!("google-device")));
    assert_eq!(posted(&gateways, "/mobile", "direct for all")["endpoint"], json!(amazon));
    let topic = client.topic();
    topic.subscribe("application", &google, &[]);
    topic.subscribe("application", &amazon, &[]);
    topic.publish_with(json!({ "Message": structured("topic"), "MessageStructure": "json" }));
    for (message, arn) in [("topic for google", &google), ("topic for all", &amazon)] {
        let post = posted(&gateways, "/mobile", message);
        assert_eq!((&post["protocol"], &post["endpoint"]), (&json!("application"), &json!(arn)));
    }
}

pub(super) fn functions_and_streams_have_gateways() {
    let (broker, gateways) = broker();
    let topic = caller(&broker).topic();
    let function = "arn:aws:lambda:us-east-1:000000000000:function:f";
    let stream = "arn:aws:firehose:us-east-1:000000000000:deliverystream/s";
    topic.subscribe("lambda", function, &[]);
    topic.subscribe("firehose", stream, &[("SubscriptionRoleArn", "arn:aws:iam::000000000000:role/r")]);
    topic.publish_with(json!({ "Message": "m", "Subject": "s" }));
    for (path, endpoint) in [("/lambda", function), ("/firehose", stream)] {
        let post = posted(&gateways, path, "m");
        assert_eq!((&post["endpoint"], &post["subject"]), (&json!(endpoint), &json!("s")));
    }
}

/// A delivery without a gateway is counted and logged.
pub(super) fn a_missing_gateway_is_logged_and_counted() {
    let broker = Launch::new().start();
    let client = caller(&broker);
    client.sns().ok("Publish", &json!({ "PhoneNumber": "+15550100100", "Message": "m" }));
    eventually("a count", || {
        let count = sample(&broker.metrics(), "posthouse_push_undeliverable_total", &[]);
        count.is_some_and(|count| count >= 1.0).then_some(())
    });
    assert!(broker.log().contains("no gateway"), "{}", broker.log());
    // A subscription without a gateway is retried and dead-lettered like any that fails.
    let (topic, dead) = (client.topic(), client.queue());
    topic.subscribe("sms", "+15550100100", &[]).dead_letters_to(&dead);
    topic.publish("to the dead letters");
    let body = crate::support::topic::awaited_bodies(&dead, 1).remove(0);
    assert!(body.contains("to the dead letters"), "{body}");
}

/// A gateway answers that a number has opted out, or that a device's token is no longer valid.
pub(super) fn a_gateway_may_opt_out_or_disable() {
    const OPTED_OUT: Answer = Answer::Body(r#"{"optedOut": true, "endpointDisabled": true}"#);
    let (broker, gateways) = broker_of(Endpoint::answering_all(|_, _| OPTED_OUT));
    let client = caller(&broker);
    let sns = client.sns();
    let (topic, dead) = (client.topic(), client.queue());
    topic.subscribe("sms", "+15550100100", &[]).dead_letters_to(&dead);
    // The gateway gets one post, and none for later publications.
    topic.publish("first");
    let bodies = crate::support::topic::awaited_bodies(&dead, 1);
    assert!(bodies[0].contains("first"), "{bodies:?}");
    let number = json!({ "phoneNumber": "+15550100100" });
    assert_eq!(sns.ok("CheckIfPhoneNumberIsOptedOut", &number)["isOptedOut"], json!(true));
    assert_eq!(sns.ok("ListPhoneNumbersOptedOut", &json!({}))["phoneNumbers"], json!(["+15550100100"]));
    let input = json!({ "PhoneNumber": "+15550100100", "Message": "m" });
    assert_eq!(sns.refused("Publish", &input).code, "InvalidParameter");
    topic.publish("second");
    let bodies = crate::support::topic::awaited_bodies(&dead, 1);
    assert!(bodies[0].contains("second"), "{bodies:?}");
    assert_eq!(gateways.arrivals().len(), 1);
    let device = device(&sns, "GCM", &json!({ "PlatformCredential": "k" }), "device");
    let input = json!({ "TargetArn": device, "Message": "m" });
    sns.ok("Publish", &input);
    let attributes = json!({ "EndpointArn": device });
    eventually("a disabled endpoint", || {
        let shown = sns.ok("GetEndpointAttributes", &attributes);
        (shown["Attributes"]["Enabled"] == json!("false")).then_some(())
    });
    assert_eq!(sns.refused("Publish", &input).code, "EndpointDisabled");
}

pub(super) fn a_password_reaches_its_phone() {
    let (broker, gateways) = broker();
    let sns = caller(&broker).sns();
    sns.ok("CreateSMSSandboxPhoneNumber", &json!({ "PhoneNumber": "+15550100100" }));
    let post = gateways.until("a password", |arrivals| arrivals.iter().find(|a| a.path == "/sms").map(Arrival::json));
    assert_eq!(post["endpoint"], json!("+15550100100"));
    let text = post["message"].as_str().expect("a text");
    let password: String = text.chars().filter(char::is_ascii_digit).collect();
    let verify = json!({ "PhoneNumber": "+15550100100", "OneTimePassword": password });
    sns.ok("VerifySMSSandboxPhoneNumber", &verify);
    let listed = sns.ok("ListSMSSandboxPhoneNumbers", &json!({}))["PhoneNumbers"].clone();
    assert_eq!(listed, json!([{ "PhoneNumber": "+15550100100", "Status": "Verified" }]));
}

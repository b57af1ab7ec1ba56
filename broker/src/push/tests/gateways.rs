//! Protocols that need a gateway, and their failure without one.

use std::sync::atomic::Ordering;

use posthouse_model::operation::{SetEndpointAttributes, SmsOptOut};
use posthouse_model::topic_name::Platform;
use posthouse_model::{EndpointAttributes, EndpointChanges, Request, Seconds};

use super::endpoint::{Behaviour, TestEndpoint};
use super::*;
use crate::metrics::Counted;

const PHONE: &str = "+15555550100";
const DEVICE: &str = "arn:aws:sns:eu-west-1:123456789012:endpoint/GCM/app/01234567-89ab-4def-8123-456789abcdef";

/// Each protocol, the section of its gateway, and an endpoint.
const PROTOCOLS: [(&str, &str, &str); 4] = [
    ("sms", "sms", PHONE),
    ("application", "mobile", DEVICE),
    ("lambda", "lambda", "arn:aws:lambda:eu-west-1:123456789012:function:f"),
    ("firehose", "firehose", "arn:aws:firehose:eu-west-1:123456789012:deliverystream/s"),
];

/// Push delivery with one gateway for phones and devices, and a device.
fn fixture(gateway: &TestEndpoint) -> Fixture {
    let url = gateway.url("/");
    let more = "[push]\nresponse_bytes_max = 64";
    let fixture = Fixture::new(&options(&format!("{more}\n[push.sms]\nurl = '{url}'\n[push.mobile]\nurl = '{url}'")));
    fixture.core.device(DEVICE, device(&[("CustomUserData", "user")]));
    fixture
}

fn direct() -> PushTarget {
    let region = "eu-west-1".parse().expect("a region");
    let account = "210987654321".parse().expect("an account");
    PushTarget { source: PushSource::Direct { region, account }, ..target("sms", PHONE) }
}

/// The request that opts a number out of an account's messages.
fn opted_out(account: &str) -> Request {
    Request::SmsOptOut(SmsOptOut {
        region: "eu-west-1".parse().expect("a region"),
        account: account.parse().expect("an account"),
        phone_number: PHONE.parse().expect("a number"),
    })
}

/// A device with a token and these attributes.
fn device(more: &[(&str, &str)]) -> EndpointAttributes {
    let given = [("Token", "t1")].into_iter().chain(more.iter().copied());
    let given = EndpointChanges::parse(Platform::Gcm, given).expect("valid");
    EndpointAttributes::new(Platform::Gcm, &given).expect("valid")
}

/// The request that disables the device.
fn disabled() -> Request {
    Request::SetEndpointAttributes(SetEndpointAttributes {
        endpoint: DEVICE.parse().expect("an endpoint"),
        changes: Ok(EndpointChanges::of_enabled(false)),
    })
}

#[tokio::test]
async fn each_protocol_has_its_gateway() {
    for (protocol, section, address) in PROTOCOLS {
        let gateway = TestEndpoint::start(|_| Behaviour::Status(202)).await;
        let url = format!("http://ann:secret@{}/{section}", gateway.address);
        // The network rules apply to endpoints that subscribers choose, not to the operator's gateways.
        let fixture = Fixture::new(&options(&format!("[push]\ndeny = '127.0.0.0/8'\n[push.{section}]\nurl = '{url}'")));
        fixture.core.device(DEVICE, device(&[]));
        fixture.core.target(queue(1), Some(target(protocol, address)));
        fixture.core.send(&queue(1), message("Hi").sealed());
        assert_eq!(fixture.core.settled(1).await[0].1, Settled::Delivered, "{protocol}");
        let request = gateway.arrived(1).await.remove(0);
        assert_eq!(request.line, format!("POST /{section} HTTP/1.1"));
        assert_eq!(request.headers["content-type"], "application/json");
        assert_eq!(request.headers["authorization"], "Basic YW5uOnNlY3JldA==");
        let json: serde_json::Value = serde_json::from_str(&request.body).expect("JSON");
        assert_eq!(
            (&json["protocol"], &json["endpoint"], &json["message"]),
            (&protocol.into(), &address.into(), &"Hi".into())
        );
    }
}

#[tokio::test]
async fn without_a_gateway_a_message_fails_and_is_counted() {
    for (protocol, _, address) in PROTOCOLS.into_iter().chain([("email", "", "a@example.com")]) {
        let fixture = Fixture::new(&options(""));
        fixture.core.target(queue(1), Some(target(protocol, address)));
        fixture.core.send(&queue(1), message("Hi").sealed());
        assert_eq!(fixture.core.settled(1).await[0].1, Settled::Failed, "{protocol}");
        let counted = fixture.metrics.count(protocol.parse().expect("a protocol"), Counted::Failed);
        assert_eq!(counted, 1, "{protocol}");
    }
}

#[tokio::test]
async fn a_direct_message_names_its_target() {
    let gateway = TestEndpoint::start(|_| Behaviour::Status(200)).await;
    let fixture = fixture(&gateway);
    fixture.core.target(queue(1), Some(direct()));
    let keys = [
        fixture.core.send(&queue(1), message("to a phone").for_phone("+15555550123").sealed()),
        fixture.core.send(&queue(1), message("to a device").for_device(DEVICE).sealed()),
    ];
    fixture.core.done(&keys).await;
    let mut sent: Vec<(String, String)> = gateway
        .requests()
        .iter()
        .map(|request| {
            let json: serde_json::Value = serde_json::from_str(&request.body).expect("JSON");
            (json["endpoint"].to_string(), json["message"].to_string())
        })
        .collect();
    sent.sort();
    assert_eq!(sent[0], (r#""+15555550123""#.into(), r#""to a phone""#.into()));
    assert_eq!(sent[1], (format!("\"{DEVICE}\""), r#""to a device""#.into()));
}

#[tokio::test]
async fn a_failed_gateway_is_retried_on_the_schedule_of_the_protocol() {
    for (protocol, section, address, delays) in
        [("sms", "sms", "+15555550100", [10, 10, 10]), ("lambda", "lambda", PROTOCOLS[2].2, [0, 0, 0])]
    {
        let failing = TestEndpoint::start(|number| Behaviour::Status(if number < 3 { 500 } else { 200 })).await;
        let fixture = Fixture::new(&options(&format!("[push.{section}]\nurl = '{}'", failing.url("/"))));
        fixture.core.target(queue(1), Some(target(protocol, address)));
        fixture.core.send(&queue(1), message("Hi").sealed());
        let settled: Vec<_> = fixture.core.settled(4).await.into_iter().map(|(_, how)| how).collect();
        let retries = delays.map(|seconds| Settled::Retry(Seconds::new(seconds)));
        assert_eq!((&settled[..3], settled[3]), (&retries[..], Settled::Delivered), "{protocol}");
    }
}

#[tokio::test]
async fn a_post_to_the_mobile_gateway_names_the_device() {
    let gateway = TestEndpoint::start(|_| Behaviour::Status(200)).await;
    let fixture = fixture(&gateway);
    for (number, target) in [(1, target("application", DEVICE)), (2, direct())] {
        fixture.core.target(queue(number), Some(target));
        let key = fixture.core.send(&queue(number), message("Hi").for_device(DEVICE).sealed());
        fixture.core.done(&[key]).await;
    }
    for request in gateway.requests() {
        let json: serde_json::Value = serde_json::from_str(&request.body).expect("JSON");
        for (name, value) in [
            ("endpoint", DEVICE),
            ("platform", "GCM"),
            ("applicationArn", "arn:aws:sns:eu-west-1:123456789012:app/GCM/app"),
            ("token", "t1"),
            ("customUserData", "user"),
        ] {
            assert_eq!(json[name], value, "{name}");
        }
    }
    assert_eq!(gateway.requests().len(), 2);
}

#[tokio::test]
async fn nothing_is_posted_for_a_disabled_device() {
    const MISSING: &str = "arn:aws:sns:eu-west-1:123456789012:endpoint/GCM/app/76543210-89ab-4def-8123-456789abcdef";
    let gateway = TestEndpoint::start(|_| Behaviour::Status(200)).await;
    let fixture = fixture(&gateway);
    fixture.core.device(DEVICE, device(&[("Enabled", "false")]));
    for (number, endpoint) in [(1, DEVICE), (2, MISSING)] {
        fixture.core.target(queue(number), Some(target("application", endpoint)));
        fixture.core.send(&queue(number), message("Hi").sealed());
        assert_eq!(fixture.core.settled(usize::from(number)).await.pop().expect("one").1, Settled::Failed);
    }
    assert!(gateway.requests().is_empty());
    assert!(fixture.core.reports().is_empty());
}

/// A gateway's report about a recipient is sent to the core loop, and repeated while the inbox is full.
#[tokio::test]
async fn a_gateway_may_opt_a_number_out_or_disable_a_device() {
    let (phone, device) = (message("Hi").for_phone(PHONE), message("Hi").for_device(DEVICE));
    let (phone, device) = (phone.sealed(), device.sealed());
    let topic = message("Hi").sealed();
    let padding = " ".repeat(64);
    for (target, message, body, settlement, reports) in [
        (target("sms", PHONE), &topic, r#"{"optedOut":true}"#, Settled::Failed, vec![opted_out("123456789012")]),
        (direct(), &phone, r#"{"optedOut":true}"#, Settled::Failed, vec![opted_out("210987654321")]),
        (direct(), &phone, r#"{"optedOut":false}"#, Settled::Delivered, vec![]),
        (direct(), &phone, &format!(r#"{{"optedOut":true}}{padding}"#), Settled::Delivered, vec![]),
        (target("application", DEVICE), &topic, r#"{"endpointDisabled":true}"#, Settled::Failed, vec![disabled()]),
        (direct(), &device, r#"{"endpointDisabled":true}"#, Settled::Failed, vec![disabled()]),
        (direct(), &device, "sent", Settled::Delivered, vec![]),
    ] {
        for refusals in [0, 3] {
            let answer = format!("content-length: {}\r\n\r\n{body}", body.len());
            let gateway = TestEndpoint::start(move |_| Behaviour::Answer(200, answer.clone())).await;
            let fixture = fixture(&gateway);
            fixture.core.refuse(refusals);
            fixture.core.target(queue(1), Some(target.clone()));
            fixture.core.send(&queue(1), message.clone());
            assert_eq!(fixture.core.settled(1).await[0].1, settlement, "{body}");
            assert_eq!(fixture.core.reports(), reports, "{body}");
            assert_eq!(gateway.requests().len(), 1, "{body}");
        }
    }
}

/// A body that ends early has no effect.
#[tokio::test]
async fn an_incomplete_body_is_ignored() {
    let answer = "content-length: 99\r\n\r\n{\"optedOut\":true}";
    let gateway = TestEndpoint::start(move |_| Behaviour::Answer(200, answer.into())).await;
    let url = gateway.url("/");
    let fixture = Fixture::new(&options(&format!("[push]\ntimeout_seconds = 1\n[push.sms]\nurl = '{url}'")));
    fixture.core.target(queue(1), Some(target("sms", PHONE)));
    fixture.core.send(&queue(1), message("Hi").sealed());
    assert_eq!(fixture.core.settled(1).await[0].1, Settled::Delivered);
    assert!(fixture.core.reports().is_empty());
}

#[tokio::test]
async fn all_subscriptions_share_the_connections_of_a_gateway() {
    let gateway = TestEndpoint::start(|_| Behaviour::Held(200)).await;
    let url = gateway.url("/");
    let fixture =
        Fixture::new(&options(&format!("[push]\nconnections_per_endpoint = 1\n[push.lambda]\nurl = '{url}'")));
    let function = "arn:aws:lambda:eu-west-1:123456789012:function:f";
    for number in 1..=4 {
        fixture.core.target(queue(number), Some(target("lambda", function)));
    }
    fixture.core.receiving(4).await;
    let keys: Vec<_> = (1..=4).map(|number| fixture.core.send(&queue(number), message("m").sealed())).collect();
    for arrived in 1..=4 {
        assert_eq!(gateway.arrived(arrived).await.len(), arrived);
        gateway.release();
    }
    fixture.core.done(&keys).await;
    assert_eq!(gateway.connections.load(Ordering::Relaxed), 1);
}

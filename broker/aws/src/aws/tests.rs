//! Helpers for the tests of both services, and tests of the choice of a request's service.

pub(crate) mod random;
pub(crate) mod replies;

use core::net::Ipv4Addr;

use http::{HeaderMap, Request as HttpRequest};

use super::*;
use crate::protocol::segments::Segments;

/// The key that seals receipt handles.
pub(crate) const KEY: [u8; 16] = *b"0123456789abcdef";

/// One codec serves every thread of the listener.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Aws>();
    shared::<Encoder>();
};

/// Users without access keys. Every signature is refused, and unsigned callers are anonymous.
pub(crate) struct NoKeys;

impl posthouse_model::Keys for NoKeys {
    fn find(&self, _: &str) -> Option<posthouse_model::Credential<'_>> {
        None
    }
}

pub(crate) fn options() -> Options {
    Options {
        access: Access::Open,
        default_region: "eu-west-1".parse().expect("valid"),
        public_url: None,
        handle_key: HandleKey::new(KEY),
        signer: Signer::awaiting(),
        allowed_hosts: AllowedHosts::default(),
    }
}

/// Judges a head and decodes the request.
pub(crate) fn whole(
    aws: &Aws,
    parts: &Parts,
    body: &Bytes,
    arrival: &Arrival,
    random: &mut dyn FnMut() -> [u8; 16],
) -> Result<Decoded, Box<Refused>> {
    aws.decode(&aws.look(parts, arrival)?, body, arrival, random)
}

/// A codec that verifies signatures.
pub(crate) fn secured() -> Aws {
    Aws::new(Options { access: Access::Secured(Box::new(NoKeys)), ..options() })
}

pub(crate) fn arrival() -> Arrival {
    Arrival {
        now: Timestamp::from_millis(0),
        source: Ipv4Addr::LOCALHOST.into(),
        transport: Transport::Plain,
        request_id: RequestId::from_random([0; 16]),
    }
}

/// A request by account 123456789012 in the default region.
pub(crate) fn request(headers: &[(&str, &str)], method: &str, url: &str) -> Parts {
    let mut request = HttpRequest::builder()
        .method(method)
        .uri(url)
        .header("host", "localhost:9324")
        .header("authorization", "AWS4-HMAC-SHA256 Credential=123456789012/x");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a valid request").into_parts().0
}

pub(crate) fn json_request(target: &str) -> Parts {
    request(&[("content-type", "application/x-amz-json-1.0"), ("x-amz-target", target)], "POST", "/")
}

pub(crate) fn query_request() -> Parts {
    request(&[("content-type", "application/x-www-form-urlencoded; charset=utf-8")], "POST", "/")
}

pub(crate) fn decode(parts: &Parts, body: &str) -> Result<Decoded, Box<Refused>> {
    let mut drawn = 0;
    let mut random = || {
        drawn += 1;
        [drawn; 16]
    };
    whole(&Aws::new(options()), parts, &Bytes::copy_from_slice(body.as_bytes()), &arrival(), &mut random)
}

pub(crate) fn decode_query(body: &str) -> Result<Decoded, Box<Refused>> {
    decode(&query_request(), body)
}

/// Status, the headers that matter, and the body.
pub(crate) fn shown(response: Response) -> String {
    let response = response.into_http(HeaderMap::new());
    let mut text = response.status().as_str().to_owned();
    for name in ["content-type", "x-amzn-query-error", "retry-after"] {
        if let Some(value) = response.headers().get(name) {
            text.push(' ');
            text.push_str(value.to_str().expect("ASCII"));
        }
    }
    assert_eq!(response.headers()["x-amzn-requestid"], "00000000-0000-4000-8000-000000000000");
    text.push('\n');
    text.push_str(&flat(response.into_body()));
    text
}

pub(crate) fn body(response: Response) -> String {
    flat(response.into_body())
}

fn flat(body: Segments) -> String {
    String::from_utf8(body.flatten().collect()).expect("UTF-8")
}

/// The Query code and the message of a refusal.
pub(crate) fn refusal(decoded: Result<Decoded, Box<Refused>>) -> String {
    let refused = match decoded {
        Ok(decoded) => return format!("{:?}", decoded.call.request),
        Err(refused) => refused,
    };
    let code = refused.code;
    let text = body(refused.response);
    let json = text.starts_with('{');
    let (start, end) = if json { ("\"message\":\"", "\"}") } else { ("<Message>", "</Message>") };
    let message =
        text.split_once(start).and_then(|(_, rest)| rest.split_once(end)).map_or(&*text, |(message, _)| message);
    format!(
        "{code}: {}",
        message.replace("\\\"", "\"").replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">")
    )
}

/// Fails unless the answer is a valid response.
pub(crate) fn check(decoded: Result<Decoded, Box<Refused>>) {
    if let Err(refused) = decoded {
        assert!(!refused.response.status().is_success());
        assert!(!body(refused.response).is_empty());
    }
}

#[test]
fn the_signature_or_else_the_action_decides_the_service_of_a_form() {
    for (scope, form, expected) in [
        ("sns", "Action=ListTopics", Ok(Action::ListTopics)),
        ("sqs", "Action=ListQueues", Ok(Action::ListQueues)),
        ("sns", "Action=RemovePermission", Ok(Action::RemoveTopicPermission)),
        ("sqs", "Action=RemovePermission", Ok(Action::RemovePermission)),
        ("sqs", "Action=RemovePermission&Version=2010-03-31", Ok(Action::RemovePermission)),
        ("sqs", "Action=ListTopics", Err("The action ListTopics is not valid for this endpoint.")),
        ("sns", "Action=ListQueues", Err("Could not find operation ListQueues for version 2010-03-31")),
        ("iam", "Action=ListTopics", Ok(Action::ListTopics)),
        ("", "Action=RemovePermission&Version=2010-03-31", Ok(Action::RemoveTopicPermission)),
        ("", "Action=RemovePermission&Version=2012-11-05&TopicArn=x", Ok(Action::RemovePermission)),
        ("", "Action=ListTopics&Version=2012-11-05", Err("The action ListTopics is not valid for this endpoint.")),
        ("", "Action=ListQueues", Ok(Action::ListQueues)),
        ("", "Action=ListTopics", Ok(Action::ListTopics)),
        ("", "Action=RemovePermission&QueueUrl=x", Ok(Action::RemovePermission)),
        ("", "Action=RemovePermission&TopicArn=x", Ok(Action::RemoveTopicPermission)),
        ("", "Action=Fly", Err("The action Fly is not valid for this endpoint.")),
        ("", "Action=SettlePushes", Err("The action SettlePushes is not valid for this endpoint.")),
        ("push", "Action=WatchPushTargets", Err("The action WatchPushTargets is not valid for this endpoint.")),
    ] {
        let credential = format!("AWS4-HMAC-SHA256 Credential=123456789012/20260101/eu-west-1/{scope}/aws4_request");
        let header = credential.parse::<http::HeaderValue>().expect("valid");
        for signed_in_url in [false, true] {
            let url = format!("/?X-Amz-Credential=123456789012%2F20260101%2Feu-west-1%2F{scope}%2Faws4_request");
            let mut parts = request(
                &[("content-type", "application/x-www-form-urlencoded")],
                "POST",
                if signed_in_url { &url } else { "/" },
            );
            parts.headers.remove("authorization");
            if !signed_in_url {
                parts.headers.insert("authorization", header.clone());
            }
            let decoded = decode(&parts, form);
            let found = match (&decoded, expected) {
                (Ok(decoded), Ok(_)) => Ok(decoded.encoder.action()),
                (Err(refused), Ok(_)) => Ok(refused.action.expect("an action")),
                (_, Err(message)) => {
                    assert_eq!(refusal(decoded), format!("InvalidAction: {message}"), "{scope} {form}");
                    continue;
                }
            };
            assert_eq!(found, expected, "{scope} {form}");
        }
    }
}

#[test]
fn json_is_for_the_service_of_its_target() {
    for (target, action) in [
        ("AmazonSQS.ListQueues", Some(Action::ListQueues)),
        ("AmazonSQS.RemovePermission", Some(Action::RemovePermission)),
        ("AmazonSNS.RemovePermission", Some(Action::RemoveTopicPermission)),
        ("AmazonSimpleNotificationService.ListTopics", Some(Action::ListTopics)),
        ("AmazonSNS.ListTopics", Some(Action::ListTopics)),
        ("AmazonSNS.ListQueues", None),
        ("AmazonSQS.ListTopics", None),
        ("AmazonSNS.WatchPushTargets", None),
        ("AmazonS3.ListTopics", None),
        ("ListTopics", None),
    ] {
        let found = match decode(&json_request(target), "{}") {
            Ok(decoded) => Some(decoded.encoder.action()),
            Err(refused) => refused.action,
        };
        assert_eq!(found, action, "{target}");
    }
}

#[test]
fn a_signature_for_one_service_does_not_open_the_other() {
    let scope = |service: &str| {
        format!(
            "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature={}",
            "0".repeat(64)
        )
    };
    for (target, service) in [("AmazonSQS.ListQueues", "sns"), ("AmazonSNS.ListTopics", "sqs")] {
        let mut parts = json_request(target);
        parts.headers.insert("authorization", scope(service).parse().expect("valid"));
        parts.headers.insert("x-amz-date", "20260101T000000Z".parse().expect("valid"));
        let refused = refusal(whole(&secured(), &parts, &Bytes::from("{}"), &arrival(), &mut || [0; 16]));
        assert!(
            refused.starts_with("SignatureDoesNotMatch: Credential should be scoped to correct service"),
            "{refused}"
        );
    }
}

#[test]
fn a_listeners_refusal_speaks_the_likely_service() {
    let namespace = |authorization: &str| {
        let mut parts = query_request();
        parts.headers.insert("authorization", authorization.parse().expect("valid"));
        body(refuse(Some(&parts), &TransportFault::TimedOut, arrival().request_id))
    };
    let scope = "AWS4-HMAC-SHA256 Credential=123456789012/20260101/eu-west-1/SERVICE/aws4_request";
    assert!(namespace(&scope.replace("SERVICE", "sns")).contains(sns::SNS.dialect.namespace));
    assert!(namespace(&scope.replace("SERVICE", "sqs")).contains(sqs::SQS.dialect.namespace));
    assert!(namespace("none").contains(sqs::SQS.dialect.namespace));
}

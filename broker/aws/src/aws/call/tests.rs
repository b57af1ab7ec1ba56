//! Calls against the same requests over HTTP. Replies are checked where the golden bytes of both services are
//! (`check_replies`).

use core::net::Ipv4Addr;

use posthouse_model::{Identity, RegionSource, Service, Transport};

use super::*;
use crate::aws::tests::{KEY, body, decode as decode_http, json_request};

fn calls() -> Calls {
    Calls {
        base_url: "http://localhost:9324".parse().expect("valid"),
        handle_key: HandleKey::new(KEY),
        signer: Signer::awaiting(),
    }
}

fn caller() -> Caller {
    Caller {
        identity: Identity::root("123456789012".parse().expect("valid")),
        region: "eu-west-1".parse().expect("valid"),
        region_source: RegionSource::Signature,
        source: Ipv4Addr::LOCALHOST.into(),
        transport: Transport::Plain,
    }
}

fn decode(name: &str, input: &str) -> Result<DecodedCall, CallRefused> {
    let mut drawn = 0;
    let mut random = || {
        drawn += 1;
        [drawn; 16]
    };
    calls().decode(name, input.as_bytes(), caller(), &mut random)
}

const REQUESTS: [(Service, &str, &str); 2] = [
    (Service::Sqs, "AmazonSQS", include_str!("../../sqs/tests/requests.txt")),
    (Service::Sns, "AmazonSimpleNotificationService", include_str!("../../sns/tests/requests.txt")),
];

#[test]
fn every_action_is_the_request_that_it_is_over_http() {
    let mut seen = Vec::new();
    for (service, target, requests) in REQUESTS {
        for row in requests.split_terminator("\n\n") {
            let lines: Vec<&str> = row.lines().collect();
            let [name, json, _form] = lines[..] else { panic!("three lines: {row}") };
            let over_http = decode_http(&json_request(&format!("{target}.{name}")), json)
                .unwrap_or_else(|refused| panic!("{name}: {}", body(refused.response)));
            let called = format!("{}.{name}", service.as_str());
            let decoded = decode(&called, json).unwrap_or_else(|refused| panic!("{called}: {refused:?}"));
            assert_eq!(decoded.call.request, over_http.call.request, "{called}");
            assert_eq!(decoded.call.caller, caller());
            assert_eq!(decoded.encoder.action(), over_http.encoder.action());
            assert_eq!(decoded.encoder.answer_bytes_max(), over_http.encoder.answer_bytes_max());
            seen.push(decoded.encoder.action());
        }
    }
    let has_codec = |action: &Action| matches!(action.service(), Service::Sqs | Service::Sns);
    let all: Vec<_> = Action::ALL.iter().copied().filter(has_codec).collect();
    assert_eq!(seen, all, "every action has its bytes");
}

#[test]
fn a_refusal_has_the_code_and_the_sentence_of_its_service() {
    let url = r#""QueueUrl":"http://h/123456789012/q""#;
    for (name, input, code, message) in [
        ("sqs.Fly", "{}", "UnknownOperationException", "There is no action sqs.Fly."),
        ("s3.ListQueues", "{}", "UnknownOperationException", "There is no action s3.ListQueues."),
        ("ListQueues", "{}", "UnknownOperationException", "There is no action ListQueues."),
        ("push.WatchPushTargets", "{}", "UnknownOperationException", "There is no action push.WatchPushTargets."),
        ("", "", "UnknownOperationException", "There is no action ."),
        ("sqs.ListQueues", "[]", "MalformedInput", "Start of list found where not expected."),
        ("sqs.ListQueues", "\u{fffd}", "MalformedInput", "expected value at line 1 column 1"),
        ("sqs.PurgeQueue", "", "MissingParameter", "The request must contain the parameter QueueUrl."),
        (
            "sqs.PurgeQueue",
            r#"{"QueueUrl":"http://h/1/q"}"#,
            "AWS.SimpleQueueService.NonExistentQueue",
            "The specified queue does not exist.",
        ),
        (
            "sqs.DeleteMessage",
            &format!(r#"{{{url}}}"#),
            "MissingParameter",
            "The request must contain the parameter ReceiptHandle.",
        ),
        (
            "sns.DeleteTopic",
            r#"{"TopicArn":"x"}"#,
            "InvalidParameter",
            "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1",
        ),
    ] {
        let refused = decode(name, input).expect_err(name);
        assert_eq!((refused.code, &*refused.message), (code, message), "{name}");
        let is_fault = matches!(refused.cause, CallFault::Fault(_));
        assert_eq!(is_fault, !matches!(code, "UnknownOperationException" | "MalformedInput"), "{name}");
    }
    let refused = calls().decode("sqs.ListQueues", b"\"\xff\"", caller(), &mut || [0; 16]).expect_err("not UTF-8");
    assert_eq!((refused.code, &*refused.message), ("MalformedInput", "The request is not valid UTF-8."));
}

#[test]
fn a_fault_of_the_engine_is_worded_by_the_service_of_its_call() {
    let sqs = decode("sqs.ListQueues", "").expect("valid").encoder;
    let sns = decode("sns.ListTopics", "").expect("valid").encoder;
    let codes = |fault: Fault| [sqs.refuse(fault.clone()).code, sns.refuse(fault).code];
    assert_eq!(codes(Fault::Throttled), ["RequestThrottled", "Throttled"]);
    assert_eq!(codes(Fault::Internal), ["InternalFailure", "InternalError"]);
    assert_eq!(CallRefused::of(Fault::QueueDoesNotExist).code, "AWS.SimpleQueueService.NonExistentQueue");
    assert_eq!(CallRefused::by_sns(Fault::QueueDoesNotExist).code, "NotFound");
}

#[test]
fn a_queue_and_a_topic_have_a_name_and_an_arn_and_a_queue_has_a_url() {
    let (calls, caller) = (calls(), caller());
    let queue = |text: &str| calls.queue(text, &caller).map(|queue| queue.to_string());
    let arn = "arn:aws:sqs:eu-west-1:123456789012:q";
    for text in ["q", arn, "http://localhost:9324/123456789012/q", "123456789012/q"] {
        assert_eq!(queue(text).as_deref(), Ok(arn), "{text}");
    }
    assert_eq!(
        queue("arn:aws:sqs:us-east-1:000000000001:q").as_deref(),
        Ok("arn:aws:sqs:us-east-1:000000000001:q"),
        "whether it exists is for the engine"
    );
    for text in ["", "/", "arn:", "arn:aws:sns:eu-west-1:123456789012:t", "a b", "a/b/c/d"] {
        assert_eq!(queue(text), Err(Fault::QueueDoesNotExist), "{text}");
    }
    let topic = |text: &str| calls.topic(text, &caller).map(|topic| topic.to_string());
    let arn = "arn:aws:sns:eu-west-1:123456789012:t.fifo";
    assert_eq!((topic("t.fifo").as_deref(), topic(arn).as_deref()), (Ok(arn), Ok(arn)));
    for text in ["", "arn:", "arn:aws:sqs:eu-west-1:123456789012:q", "a b", "http://h/t"] {
        assert_eq!(topic(text), Err(SnsFault::NotFound(SnsResource::Topic).into()), "{text}");
    }
    let anonymous = Caller { identity: Identity::Anonymous, ..caller };
    assert!(calls.topic("t", &anonymous).is_err() && calls.queue("q", &anonymous).is_err());
}

//! Random requests: each gets a response, and none causes a panic.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::aws::tests::random::{self, joined};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        select(vec![TOPIC, SUBSCRIPTION, APPLICATION, ENDPOINT, "+15555550100", "sqs", "https", "json", "true"])
            .prop_map(String::from),
    ]
}

fn json() -> impl Strategy<Value = String> {
    random::json(member(), text())
}

/// Names of members of any input.
fn member() -> impl Strategy<Value = &'static str> {
    select(vec![
        "TopicArn",
        "TargetArn",
        "ResourceArn",
        "SubscriptionArn",
        "PlatformApplicationArn",
        "EndpointArn",
        "PhoneNumber",
        "phoneNumber",
        "Name",
        "Platform",
        "Protocol",
        "Endpoint",
        "Attributes",
        "attributes",
        "AttributeName",
        "AttributeValue",
        "Tags",
        "TagKeys",
        "Key",
        "Value",
        "Label",
        "AWSAccountId",
        "ActionName",
        "Token",
        "CustomUserData",
        "AuthenticateOnUnsubscribe",
        "ReturnSubscriptionArn",
        "DataProtectionPolicy",
        "Message",
        "MessageStructure",
        "Subject",
        "MessageAttributes",
        "DataType",
        "StringValue",
        "BinaryValue",
        "MessageGroupId",
        "MessageDeduplicationId",
        "PublishBatchRequestEntries",
        "Id",
        "NextToken",
        "nextToken",
        "MaxResults",
        "LanguageCode",
        "OneTimePassword",
        "unknown",
    ])
}

fn form() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        select(vec!["1", "2", "01", "-1", "x", "", "member", "entry", "key", "value", "4294967296"])
            .prop_map(String::from),
        member().prop_map(String::from),
    ];
    let value = prop_oneof!["[ -~]{0,8}", "(%[0-9A-Fa-f]{2}){0,4}", "%.?", Just(String::from(TOPIC)), "-?[0-9]{0,22}"];
    let pair = (vec(segment, 1..6), value).prop_map(|(name, value)| format!("{}={value}", name.join(".")));
    vec(pair, 0..12).prop_map(|pairs| pairs.join("&"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_json(action in select(actions()), body in json()) {
        check(decode_json(action.as_str(), &body));
    }

    #[test]
    fn any_members(action in select(actions()), members in vec((member(), json()), 0..6)) {
        check(decode_json(action.as_str(), &format!("{{{}}}", joined(&members))));
    }

    #[test]
    fn any_texts(action in select(actions()), members in vec((member(), text()), 0..6)) {
        let members: Vec<String> =
            members.iter().map(|(name, value)| format!("\"{name}\":{}", serde_json::Value::from(&**value))).collect();
        check(decode_json(action.as_str(), &format!("{{\"TopicArn\":\"{TOPIC}\",{}}}", members.join(","))));
    }

    #[test]
    fn any_form(action in select(actions()), form in form()) {
        check(decode_form(action.as_str(), &form));
    }

    #[test]
    fn any_bytes(
        action in select(actions()),
        query in any::<bool>(),
        start in select(vec!["", "{", "Action=Publish&", "{\"PublishBatchRequestEntries\":[{"]),
        bytes in vec(any::<u8>(), 0..200),
    ) {
        let parts = if query { query_request() } else { json_request(action.as_str()) };
        let body = Bytes::from([start.as_bytes(), &bytes].concat());
        check(whole(&crate::Aws::new(crate::aws::tests::options()), &parts, &body, &arrival(), &mut || [7; 16]));
    }
}

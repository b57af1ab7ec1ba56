//! Random requests: each gets a response, and none causes a panic.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::aws::tests::random::{self, joined};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), select(vec![URL, HANDLE, ARN]).prop_map(String::from)]
}

fn json() -> impl Strategy<Value = String> {
    random::json(member(), text())
}

/// Names of members of any input.
fn member() -> impl Strategy<Value = &'static str> {
    select(vec![
        "QueueUrl",
        "QueueName",
        "Attributes",
        "AttributeNames",
        "tags",
        "Tags",
        "TagKeys",
        "Entries",
        "Id",
        "MessageBody",
        "DelaySeconds",
        "MessageAttributes",
        "MessageSystemAttributes",
        "AWSTraceHeader",
        "DataType",
        "StringValue",
        "BinaryValue",
        "StringListValues",
        "ReceiptHandle",
        "VisibilityTimeout",
        "MaxNumberOfMessages",
        "WaitTimeSeconds",
        "MessageAttributeNames",
        "MessageSystemAttributeNames",
        "NextToken",
        "MaxResults",
        "SourceArn",
        "DestinationArn",
        "TaskHandle",
        "Label",
        "AWSAccountIds",
        "Actions",
        "MessageGroupId",
        "MessageDeduplicationId",
        "unknown",
    ])
}

fn form() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        select(vec!["1", "2", "01", "-1", "x", "", "Name", "Key", "Value", "4294967296"]).prop_map(String::from),
        member().prop_map(String::from),
        select(operation::QUERY_NAMES.to_vec()).prop_map(|(query, _)| query.to_owned()),
    ];
    let value = prop_oneof!["[ -~]{0,8}", "(%[0-9A-Fa-f]{2}){0,4}", "%.?", Just(String::from(URL)), "-?[0-9]{0,22}"];
    let pair = (vec(segment, 1..5), value).prop_map(|(name, value)| format!("{}={value}", name.join(".")));
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
        check(decode_json(action.as_str(), &format!("{{\"QueueUrl\":\"{URL}\",{}}}", joined(&members))));
    }

    #[test]
    fn any_form(action in select(actions()), form in form()) {
        check(decode_query(&format!("Action={action}&{form}")));
    }

    #[test]
    fn any_bytes(
        action in select(actions()),
        query in any::<bool>(),
        start in select(vec!["", "{", "Action=SendMessage&", "{\"Entries\":[{"]),
        bytes in vec(any::<u8>(), 0..200),
    ) {
        let parts = if query { query_request() } else { json_request(action.as_str()) };
        let body = Bytes::from([start.as_bytes(), &bytes].concat());
        check(whole(&Aws::new(options()), &parts, &body, &arrival(), &mut || [7; 16]));
    }

    #[test]
    fn any_url_and_host(path in "/[!-~&&[^?#]]{0,40}", query in "[!-~&&[^#]]{0,40}", host in "[ -~]{0,40}") {
        if let Ok(request) = HttpRequest::get(format!("{path}?Action=PurgeQueue&{query}")).header("host", host).body(()) {
            check(decode(&request.into_parts().0, ""));
        }
    }

    #[test]
    fn every_body_comes_back_as_it_went_in(text in any::<String>(), clean in "[a-z]{0,20}") {
        use posthouse_model::operation::ReceivedMessage;
        let text = format!("x{}{clean}", text.replace(|c: char| c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}'), "\t"));
        let message = requests::message(1, &text, &[], |_| {});
        let received = ReceivedMessage {
            handle: requests::handle(),
            id: message.id(),
            message,
            sent: Timestamp::EPOCH,
            receive_count: 1,
            first_received: Timestamp::EPOCH,
            sequence_number: None,
            dead_letter_source: None,
            notification: None,
            failure: None,
        };
        let encoder = decode_json("ReceiveMessage", &format!("{{\"QueueUrl\":\"{URL}\"}}")).expect("valid").encoder;
        let response = body(encoder.encode(&Ok(Reply::ReceiveMessage(vec![received]))));
        let json: serde_json::Value = serde_json::from_str(&response).expect("JSON");
        prop_assert_eq!(json["Messages"][0]["Body"].as_str(), Some(&*text));
    }
}

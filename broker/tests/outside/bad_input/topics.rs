//! Malformed, hostile and oversized requests to SNS.

use serde_json::{Value, json};

use super::{damage, each_refused, still_works};
use crate::shared::STRICT;
use crate::support::form::{encode, form};
use crate::support::http::Request;
use crate::support::protocol::Service;
use crate::support::{Topic, json_protocol, query_protocol};

fn topic() -> Topic {
    STRICT.get().json_client().topic()
}

/// A request over JSON.
fn json(action: &str, body: impl Into<Vec<u8>>) -> Request {
    json_protocol::request_to(Service::Sns, action, body)
}

/// A call over both protocols.
fn both(action: &str, input: &Value) -> [Request; 2] {
    let form = form(&query_protocol::parameters_of(Service::Sns, action, input));
    [json(action, input.to_string()), query_protocol::request(form)]
}

pub(super) fn malformed_json_for_topics() {
    let arn = topic().arn;
    let publish = |rest: &str| format!(r#"{{"TopicArn":"{arn}","Message":"m",{rest}}}"#);
    let bodies: Vec<(&str, String)> = vec![
        ("nothing", String::new()),
        ("an open object", "{".into()),
        ("a list", "[]".into()),
        ("a number as ARN", r#"{"TopicArn":1,"Message":"m"}"#.into()),
        ("a number as message", format!(r#"{{"TopicArn":"{arn}","Message":1}}"#)),
        ("an object as subject", publish(r#""Subject":{}"#)),
        ("attributes as list", publish(r#""MessageAttributes":[1]"#)),
        ("an attribute as text", publish(r#""MessageAttributes":{"a":"x"}"#)),
        ("binary that is not base64", publish(r#""MessageAttributes":{"a":{"DataType":"Binary","BinaryValue":"*"}}"#)),
        ("a deep list", publish(&format!(r#""Subject":{}"#, "[".repeat(100_000)))),
        ("half a surrogate pair", publish(r#""Subject":"\ud800""#)),
        ("zeros", "\0".repeat(1000)),
    ];
    each_refused(bodies.into_iter().map(|(what, body)| (what.to_owned(), json("Publish", body))));
    let subscribe = |rest: &str| format!(r#"{{"TopicArn":"{arn}","Protocol":"sms","Endpoint":"+15550100100",{rest}}}"#);
    each_refused([
        ("attributes as list".to_owned(), json("Subscribe", subscribe(r#""Attributes":[]"#))),
        ("a number as attribute".to_owned(), json("Subscribe", subscribe(r#""Attributes":{"FilterPolicy":1}"#))),
        ("text as flag".to_owned(), json("Subscribe", subscribe(r#""ReturnSubscriptionArn":"perhaps""#))),
        ("entries as object".to_owned(), {
            json("PublishBatch", format!(r#"{{"TopicArn":"{arn}","PublishBatchRequestEntries":{{}}}}"#))
        }),
        ("a number as entry".to_owned(), {
            json("PublishBatch", format!(r#"{{"TopicArn":"{arn}","PublishBatchRequestEntries":[1]}}"#))
        }),
        ("tags as map".to_owned(), json("TagResource", format!(r#"{{"ResourceArn":"{arn}","Tags":{{"a":"b"}}}}"#))),
        ("an unknown action".to_owned(), json("Explode", "{}")),
        ("an action of the other service".to_owned(), json("SendMessage", "{}")),
    ]);
}

pub(super) fn malformed_forms_for_topics() {
    let arn = encode(&topic().arn);
    let publish = format!("Action=Publish&Version=2010-03-31&TopicArn={arn}");
    let many: String = (0..100_000).map(|number| format!("&a{number}=b")).collect();
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("an unknown action", b"Action=Explode&Version=2010-03-31".to_vec()),
        ("no message", publish.clone().into_bytes()),
        ("an open escape", format!("{publish}&Message=%").into_bytes()),
        ("a message in bad UTF-8", format!("{publish}&Message=%C3%28").into_bytes()),
        ("many parameters", format!("{publish}{many}").into_bytes()),
        ("an entry without value", format!("{publish}&Message=m&MessageAttributes.entry.1.Name=a").into_bytes()),
        ("an entry without name", {
            format!("{publish}&Message=m&MessageAttributes.entry.1.Value.DataType=String").into_bytes()
        }),
        ("binary that is not base64", {
            format!(
                "{publish}&Message=m&MessageAttributes.entry.1.Name=a&MessageAttributes.entry.1.Value.DataType=Binary\
                 &MessageAttributes.entry.1.Value.BinaryValue=*"
            )
            .into_bytes()
        }),
        ("a member of no number", {
            format!("Action=PublishBatch&TopicArn={arn}&PublishBatchRequestEntries.member.x.Id=a").into_bytes()
        }),
        ("a member of a huge number", {
            format!("Action=PublishBatch&TopicArn={arn}&PublishBatchRequestEntries.member.99999999999999999999.Id=a")
                .into_bytes()
        }),
        ("a tag without key", format!("Action=TagResource&ResourceArn={arn}&Tags.member.1.Value=v").into_bytes()),
    ];
    each_refused(bodies.into_iter().map(|(what, body)| (what.to_owned(), query_protocol::request(body))));
}

/// Filter policies built to be expensive are refused, and quickly.
pub(super) fn hostile_filter_policies() {
    let (broker, topic) = (STRICT.get(), topic());
    let queue = broker.json_client().queue().arn();
    let list = |count: usize, item: &dyn Fn(usize) -> String| (0..count).map(item).collect::<Vec<_>>().join(",");
    let nested = |depth: usize| format!("{}{{\"a\":[1]}}{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    let or = |depth: usize| format!("{}{{\"a\":[1]}}{}", "{\"$or\":[".repeat(depth), ",{\"b\":[1]}]}".repeat(depth));
    let policies = [
        ("many values", format!(r#"{{"a":[{}]}}"#, list(10_000, &|n| n.to_string()))),
        ("many keys", format!("{{{}}}", list(1_000, &|n| format!(r#""k{n}":[1]"#)))),
        ("many combinations", format!("{{{}}}", list(5, &|k| format!(r#""k{k}":[{}]"#, list(20, &|n| n.to_string()))))),
        ("deep nesting", nested(1_000)),
        ("bottomless nesting", nested(50_000)),
        ("deep alternatives", or(200)),
        ("bottomless alternatives", or(20_000)),
        ("alternatives of alternatives", {
            let pair = r#"{"$or":[{"a":[1]},{"b":[1]}]}"#;
            format!(r#"{{"$or":[{}]}}"#, list(200, &|_| pair.to_owned()))
        }),
        ("many prefixes", format!(r#"{{"a":[{}]}}"#, list(5_000, &|n| format!(r#"{{"prefix":"{n}"}}"#)))),
        ("a long prefix", format!(r#"{{"a":[{{"prefix":"{}"}}]}}"#, "x".repeat(300_000))),
        ("many ranges", {
            format!(r#"{{"a":[{}]}}"#, list(5_000, &|n| format!(r#"{{"numeric":[">",{n},"<",{}]}}"#, n + 1)))
        }),
        ("a huge number", format!(r#"{{"a":[{{"numeric":["<",{}]}}]}}"#, "9".repeat(5_000))),
        ("many dots", format!(r#"{{"{}":[1]}}"#, "a.".repeat(100_000))),
        ("no text", "\u{0}".to_owned()),
    ];
    let mut requests = Vec::new();
    for scope in ["MessageAttributes", "MessageBody"] {
        for (what, policy) in &policies {
            let input = json!({
                "TopicArn": topic.arn, "Protocol": "sqs", "Endpoint": queue,
                "Attributes": { "FilterPolicy": policy, "FilterPolicyScope": scope },
            });
            requests.extend(both("Subscribe", &input).map(|request| (format!("{what} over {scope}"), request)));
        }
    }
    each_refused(requests);
    assert_eq!(topic.counts(), [0, 0, 0]);
}

/// A topic with a filter over bodies takes any body. The body matches or does not, and no answer is an error.
pub(super) fn hostile_structures() {
    let (broker, topic) = (STRICT.get(), topic());
    let queue = broker.json_client().queue();
    let attributes = [
        ("RawMessageDelivery", "true"),
        ("FilterPolicyScope", "MessageBody"),
        ("FilterPolicy", r#"{"a":{"b":["x"]}}"#),
    ];
    topic.subscribe("sqs", &queue.arn(), &attributes);
    let deep = |open: &str| open.repeat(40_000);
    let wide = format!("[{}]", vec![r#"{"a":{"b":"y"}}"#; 10_000].join(","));
    let arrays = format!(r#"{{"a":{{"b":[{}]}}}}"#, vec!["\"y\""; 20_000].join(","));
    for body in [&*deep("["), &deep(r#"{"a":"#), &wide, &arrays, "{", "\u{feff}{}", r#"{"a":{"b":"x"}}"#] {
        topic.publish(body);
    }
    queue.gives(&[r#"{"a":{"b":"x"}}"#]);
    // The same texts as bodies for each protocol.
    let mut requests = Vec::new();
    for (what, message) in
        [("a deep list", deep("[")), ("a deep object", deep(r#"{"default":"#)), ("a list", "[\"default\"]".into())]
    {
        let input = json!({ "TopicArn": topic.arn, "Message": message, "MessageStructure": "json" });
        requests.extend(both("Publish", &input).map(|request| (what.to_owned(), request)));
    }
    each_refused(requests);
}

pub(super) fn hostile_policies() {
    let topic = topic();
    let statement = |more: &str| {
        format!(r#"{{"Effect":"Allow","Principal":"*","Action":"SNS:Publish","Resource":"{}"{more}}}"#, topic.arn)
    };
    let many = vec![statement(""); 300].join(",");
    let conditions = (0..5_000).map(|n| format!(r#""k{n}":"v""#)).collect::<Vec<_>>().join(",");
    let documents = [
        ("Policy", "{".to_owned()),
        ("Policy", "[".repeat(30_000)),
        ("Policy", r#"{"Statement":"#.repeat(2_000)),
        ("Policy", format!(r#"{{"Statement":[{many}]}}"#)),
        ("Policy", {
            format!(r#"{{"Statement":[{}]}}"#, statement(&format!(r#","Condition":{{"StringLike":{{{conditions}}}}}"#)))
        }),
        ("DeliveryPolicy", "{".to_owned()),
        ("DeliveryPolicy", "[".repeat(100_000)),
        ("DeliveryPolicy", r#"{"http":"#.repeat(10_000)),
        ("DeliveryPolicy", r#"{"http":{"defaultHealthyRetryPolicy":{"numRetries":1e400}}}"#.to_owned()),
        ("DeliveryPolicy", r#"{"http":{"defaultHealthyRetryPolicy":{"numRetries":99999999999999999999}}}"#.to_owned()),
        (
            "DeliveryPolicy",
            r#"{"http":{"defaultRequestPolicy":{"headerContentType":"text/plain\r\nX: y"}}}"#.to_owned(),
        ),
    ];
    let requests = documents.iter().flat_map(|(name, document)| {
        let input = json!({ "TopicArn": topic.arn, "AttributeName": name, "AttributeValue": document });
        let what: String = format!("{name}: {}", document.chars().take(60).collect::<String>());
        both("SetTopicAttributes", &input).map(|request| (what.clone(), request))
    });
    each_refused(requests.collect::<Vec<_>>());
}

pub(super) fn more_than_there_may_be() {
    let topic = topic();
    let attribute = json!({ "DataType": "String", "StringValue": "x" });
    let attributes = |count: usize| -> Value {
        Value::Object((0..count).map(|number| (format!("a{number}"), attribute.clone())).collect())
    };
    // SNS limits the bytes of attributes and not their number. More than the ten that a queue takes are allowed.
    topic.publish_with(json!({ "Message": "m", "MessageAttributes": attributes(11) }));
    let with_arn = |mut input: Value| {
        input["TopicArn"] = json!(topic.arn);
        input
    };
    let arn = |length: usize| format!("arn:aws:sns:us-east-1:000000000000:{}", "x".repeat(length));
    let tags: Vec<Value> = (0..51).map(|n| json!({ "Key": format!("k{n}"), "Value": "v" })).collect();
    let entries: Vec<Value> = (0..1000).map(|n| json!({ "Id": n.to_string(), "Message": "m" })).collect();
    let accounts: Vec<String> = (0..2_000).map(|n| format!("{n:012}")).collect();
    let mut requests = Vec::new();
    for (what, action, input) in [
        ("attributes", "Publish", with_arn(json!({ "Message": "m", "MessageAttributes": attributes(1_000) }))),
        ("a long subject", "Publish", with_arn(json!({ "Message": "m", "Subject": "s".repeat(100_000) }))),
        ("entries", "PublishBatch", with_arn(json!({ "PublishBatchRequestEntries": entries }))),
        ("a long ARN", "Publish", json!({ "TopicArn": arn(100_000), "Message": "m" })),
        ("a long name", "CreateTopic", json!({ "Name": "x".repeat(100_000) })),
        ("tags", "TagResource", json!({ "ResourceArn": topic.arn, "Tags": tags })),
        ("accounts", "AddPermission", {
            with_arn(json!({ "Label": "l", "AWSAccountId": accounts, "ActionName": ["Publish"] }))
        }),
        ("a long endpoint", "Subscribe", {
            with_arn(json!({ "Protocol": "http", "Endpoint": format!("http://h/{}", "x".repeat(3_000)) }))
        }),
        ("a long token", "ConfirmSubscription", with_arn(json!({ "Token": "a".repeat(100_000) }))),
        ("a long page token", "ListTopics", json!({ "NextToken": "a".repeat(100_000) })),
    ] {
        requests.extend(both(action, &input).map(|request| (what.to_owned(), request)));
    }
    each_refused(requests);
    still_works(&STRICT.get());
}

pub(super) fn random_damage_to_topics() {
    let (broker, topic) = (STRICT.get(), topic());
    let queue = broker.json_client().queue().arn();
    let publish = json!({
        "TopicArn": topic.arn, "Message": r#"{"default":"m","sqs":"q"}"#, "Subject": "s", "MessageStructure": "json",
        "MessageAttributes": { "a": { "DataType": "String.Array", "StringValue": "[1,\"x\"]" } },
    });
    let subscribe = json!({
        "TopicArn": topic.arn, "Protocol": "sqs", "Endpoint": queue,
        "Attributes": {
            "FilterPolicy": r#"{"a":[{"numeric":[">",1,"<",5]},{"prefix":"x"}],"$or":[{"b":[null]},{"c":["d"]}]}"#,
        },
    });
    let policy = json!({
        "TopicArn": topic.arn, "AttributeName": "DeliveryPolicy",
        "AttributeValue": r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":1,"maxDelayTarget":9,"numRetries":7,"backoffFunction":"geometric"}}}"#,
    });
    let valid: Vec<Vec<u8>> = [("Publish", publish), ("Subscribe", subscribe), ("SetTopicAttributes", policy)]
        .iter()
        .flat_map(|(action, input)| both(action, input))
        .map(|request| request.to_bytes())
        .collect();
    damage("random_damage_to_topics", &valid);
}

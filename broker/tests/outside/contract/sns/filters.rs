//! Filter policies: which of a topic's messages reach which queue. Every policy of a table is one subscription of the
//! same topic, so that the cases hold for many subscriptions at once.

use serde_json::{Value, json};

use super::INVALID;
use crate::support::{Client, Queue, Topic};

super::cases! {
    policies_over_attributes,
    policies_over_bodies,
    policies_that_sns_refuses,
    refusals_say_what_is_wrong_and_where,
    nesting_needs_the_body,
    batches_are_filtered_message_by_message,
    no_subscription_is_missed_among_many,
}

/// A message: its name, and its content.
type Sample = (&'static str, &'static str);

/// The attributes by name: a string, a number, an array; or by their type.
fn attributes(text: &str) -> Value {
    let values: Value = serde_json::from_str(text).expect("a table of JSON");
    let mut attributes = json!({});
    for (name, value) in values.as_object().expect("by name") {
        let (data_type, text) = match value {
            Value::String(text) => ("String", text.clone()),
            Value::Array(_) => ("String.Array", value.to_string()),
            _ => ("Number", value.to_string()),
        };
        attributes[name] = json!({ "DataType": data_type, "StringValue": text });
    }
    attributes
}

const ATTRIBUTES: &[Sample] = &[
    ("none", "{}"),
    ("red", r#"{"colour":"red","size":1}"#),
    ("Red", r#"{"colour":"Red","size":1.0}"#),
    ("dark-red", r#"{"colour":"dark-red","size":10}"#),
    ("green", r#"{"colour":"green","size":-3.5}"#),
    ("many", r#"{"colour":["red","blue"],"flags":[true,null,7]}"#),
    ("number", r#"{"colour":7}"#),
    ("inside", r#"{"ip":"10.1.2.3"}"#),
    ("outside", r#"{"ip":"192.168.0.1"}"#),
];

/// A policy over attributes and the messages that it lets through.
const BY_ATTRIBUTE: &[(&str, &[&str])] = &[
    ("{}", &["none", "red", "Red", "dark-red", "green", "many", "number", "inside", "outside"]),
    (r#"{"colour":["red"]}"#, &["red", "many"]),
    (r#"{"colour":["red","green"]}"#, &["red", "green", "many"]),
    (r#"{"colour":["yellow"]}"#, &[]),
    (r#"{"shape":["round"]}"#, &[]),
    (r#"{"colour":["red"],"size":[1]}"#, &["red"]),
    (r#"{"size":[1]}"#, &["red", "Red"]),
    (r#"{"size":["1"]}"#, &[]),
    (r#"{"colour":[7]}"#, &["number"]),
    (r#"{"flags":[true]}"#, &["many"]),
    (r#"{"flags":[null]}"#, &["many"]),
    (r#"{"flags":[7,false]}"#, &["many"]),
    (r#"{"flags":[false]}"#, &[]),
    (r#"{"colour":[{"prefix":"dark"}]}"#, &["dark-red"]),
    (r#"{"colour":[{"suffix":"red"}]}"#, &["red", "dark-red", "many"]),
    (r#"{"colour":[{"equals-ignore-case":"RED"}]}"#, &["red", "Red", "many"]),
    (r#"{"colour":[{"anything-but":"red"}]}"#, &["Red", "dark-red", "green", "many", "number"]),
    (r#"{"colour":[{"anything-but":["red","blue"]}]}"#, &["Red", "dark-red", "green", "number"]),
    (r#"{"colour":[{"anything-but":{"prefix":"dark"}}]}"#, &["red", "Red", "green", "many", "number"]),
    (r#"{"size":[{"numeric":["=",1]}]}"#, &["red", "Red"]),
    (r#"{"size":[{"numeric":["<",1]}]}"#, &["green"]),
    (r#"{"size":[{"numeric":[">=",1]}]}"#, &["red", "Red", "dark-red"]),
    (r#"{"size":[{"numeric":[">",0,"<=",5]}]}"#, &["red", "Red"]),
    (r#"{"size":[{"anything-but":[1]}]}"#, &["dark-red", "green"]),
    (r#"{"colour":[{"exists":true}]}"#, &["red", "Red", "dark-red", "green", "many", "number"]),
    (r#"{"colour":[{"exists":false}]}"#, &["inside", "outside"]),
    (r#"{"size":[1.0000001]}"#, &["red", "Red"]),
    (r#"{"size":[1.00001]}"#, &[]),
    (r#"{"ip":[{"cidr":"10.0.0.0/8"}]}"#, &["inside"]),
    (r#"{"$or":[{"colour":["green"]},{"ip":[{"cidr":"192.168.0.0/24"}]}]}"#, &["green", "outside"]),
    (r#"{"size":[{"numeric":[">",0]}],"$or":[{"colour":["red"]},{"colour":["dark-red"]}]}"#, &["red", "dark-red"]),
];

const BODIES: &[Sample] = &[
    ("text", "no JSON at all"),
    ("list", r#"[{"order":{"total":5}}]"#),
    ("small", r#"{"order":{"total":5,"state":"open"},"tags":["a","b"]}"#),
    ("large", r#"{"order":{"total":5000,"state":"paid"},"tags":[]}"#),
    ("items", r#"{"order":{"items":[{"name":"pen"},{"name":"ink","rare":true}]}}"#),
    ("null", r#"{"order":null}"#),
    ("dots", r#"{"order.state":"open","order":{"kind.code":9007199254740993}}"#),
    ("staff", r#"{"staff":[{"name":"John","ids":[1]},{"name":"Anna"}]}"#),
];

/// A policy over bodies and the messages that it lets through.
const BY_BODY: &[(&str, &[&str])] = &[
    (r#"{"order":{"state":["open"]}}"#, &["small", "dots"]),
    (r#"{"order.state":["open"]}"#, &["small", "dots"]),
    (r#"{"order.kind":{"code":[9007199254740993]}}"#, &["dots"]),
    (r#"{"order":{"kind.code":[9007199254740992]}}"#, &[]),
    (r#"{"order.state":["open"],"order":{"kind":{"code":[{"exists":true}]}}}"#, &["dots"]),
    (r#"{"staff":{"ids":[{"exists":false}],"name":["Anna"]}}"#, &[]),
    (r#"{"staff":{"name":["Anna"],"zone":[{"exists":false}]}}"#, &["staff"]),
    (r#"{"staff":{"ids":[1],"name":["Anna"]}}"#, &[]),
    (r#"{"order":{"state":["open","paid"]}}"#, &["small", "large", "dots"]),
    (r#"{"order":{"total":[{"numeric":[">",100]}]}}"#, &["large"]),
    (r#"{"order":{"state":[{"exists":false}]}}"#, &["items", "null", "staff"]),
    (r#"{"tags":["b"]}"#, &["small"]),
    (r#"{"order":{"items":{"name":["ink"]}}}"#, &["items"]),
    (r#"{"order":{"items":{"rare":[true]}}}"#, &["items"]),
    (r#"{"order":[null]}"#, &["null"]),
    (r#"{"order":{"state":["open"]},"tags":["c"]}"#, &[]),
    (r#"{"$or":[{"tags":["a"]},{"order":{"total":[5000]}}]}"#, &["small", "large"]),
];

/// All visible messages of a queue, without waiting.
fn everything(queue: &Queue) -> Vec<String> {
    let mut bodies = Vec::new();
    loop {
        let received = queue.receive();
        if received.is_empty() {
            return bodies;
        }
        bodies.extend(received.into_iter().map(|message| message.body));
    }
}

/// Subscribes a raw queue for each policy, publishes, and compares what reached each queue.
fn check(client: &Client, scope: &str, table: &[(&str, &[&str])], publish: impl Fn(&Topic), name: fn(&str) -> String) {
    let topic = client.topic();
    let queues: Vec<Queue> = table
        .iter()
        .map(|(policy, _)| {
            let queue = client.queue();
            let attributes = [("RawMessageDelivery", "true"), ("FilterPolicyScope", scope), ("FilterPolicy", *policy)];
            topic.subscribe("sqs", &queue.arn(), &attributes);
            queue
        })
        .collect();
    publish(&topic);
    let mut wrong = Vec::new();
    for ((policy, expected), queue) in table.iter().zip(&queues) {
        let given: Vec<String> = everything(queue).iter().map(|body| name(body)).collect();
        if given != *expected {
            wrong.push(format!("{policy}: {given:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn policies_over_attributes(client: &Client) {
    let publish = |topic: &Topic| {
        for (name, sample) in ATTRIBUTES {
            topic.publish_with(json!({ "Message": name, "MessageAttributes": attributes(sample) }));
        }
    };
    check(client, "MessageAttributes", BY_ATTRIBUTE, publish, str::to_owned);
}

fn policies_over_bodies(client: &Client) {
    let publish = |topic: &Topic| {
        for (_, body) in BODIES {
            topic.publish(body);
        }
    };
    let name = |body: &str| {
        let found = BODIES.iter().find(|(_, sample)| *sample == body);
        found.unwrap_or_else(|| panic!("{body}")).0.to_owned()
    };
    check(client, "MessageBody", BY_BODY, publish, name);
}

fn policies_that_sns_refuses(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    let arn = queue.arn();
    let values = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
    let six_keys = r#"{"a":["x"],"b":["x"],"c":["x"],"d":["x"],"e":["x"],"f":["x"]}"#;
    let combinations = format!(r#"{{"a":[{0}],"b":[{0}],"c":[{0}]}}"#, values(6));
    let large = format!(r#"{{"a":["{}"]}}"#, "x".repeat(256 * 1024));
    for (policy, reason) in [
        ("x", None),
        ("[]", None),
        (r#"{"a":"x"}"#, None),
        (r#"{"a":[]}"#, None),
        (r#"{"a":[["x"]]}"#, None),
        (r#"{"a":[{"startswith":"x"}]}"#, Some("nrecognized match type")),
        (r#"{"a":[{"prefix":1}]}"#, None),
        (r#"{"a":[{"prefix":"x","suffix":"y"}]}"#, None),
        (r#"{"a":[{"numeric":[">"]}]}"#, None),
        (r#"{"a":[{"numeric":["<",1,">",2]}]}"#, None),
        (r#"{"a":[{"numeric":["!",1]}]}"#, None),
        (r#"{"a":[{"numeric":[">",5,"<",1]}]}"#, None),
        (r#"{"a":[{"exists":"yes"}]}"#, None),
        (r#"{"a":[{"cidr":"10.0.0.0/33"}]}"#, None),
        (r#"{"a":[{"anything-but":[]}]}"#, None),
        (r#"{"a":[{}]}"#, None),
        (six_keys, Some("5")),
        (&combinations, Some("too complex")),
        (&large, None),
    ] {
        let input = json!({ "Protocol": "sqs", "Endpoint": arn, "Attributes": { "FilterPolicy": policy } });
        let refusal = topic.refused("Subscribe", input);
        assert_eq!((refusal.code.as_str(), refusal.status), (INVALID, 400), "{refusal:?}");
        if let Some(reason) = reason {
            refusal.saying(reason);
        }
    }
    assert_eq!(topic.counts(), [0, 0, 0]);
}

/// SNS counts in the text without white space, and quotes it. A value in a map has another prefix than one that comes alone.
fn refusals_say_what_is_wrong_and_where(client: &Client) {
    let subscription = client.topic().subscribe_queue(&client.queue());
    let (topic, queue) = (client.topic(), client.queue());
    let redacted = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column:";
    let at = |source: &str, column: usize| format!("[Source: (String)\"{source}\"; line: 1, column: {column}]");
    for (policy, reason) in [
        (
            "{invalidjson}",
            format!(
                "FilterPolicy: failed to parse JSON. Unexpected character ('i' (code 105)): was expecting double-quote \
                 to start field name\n at {redacted} 2]"
            ),
        ),
        (
            "invalid-json",
            format!(
                "FilterPolicy: failed to parse JSON. Unrecognized token 'invalid': was expecting (JSON String, Number, \
                 Array, Object or token 'null', 'true' or 'false')\n at {redacted} 8]"
            ),
        ),
        (
            r#"{"key": [{"suffix": "value", "prefix": "value2"}]}"#,
            format!(
                "FilterPolicy: Only one key allowed in match expression\n at {}",
                at(r#"{"key":[{"suffix":"value","prefix":"value2"}]}"#, 37)
            ),
        ),
        (r#"{"key": []}"#, format!("FilterPolicy: Empty arrays are not allowed\n at {}", at(r#"{"key":[]}"#, 10))),
        (
            r#"{"key": {"suffix": "value"}}"#,
            format!(
                "FilterPolicy: \"suffix\" must be an object or an array\n at {}",
                at(r#"{"key":{"suffix":"value"}}"#, 19)
            ),
        ),
        (
            r#"{"object": {"key": [{"prefix": "auto-"}]}}"#,
            "Filter policy scope MessageAttributes does not support nested filter policy".to_owned(),
        ),
        (r#"{"key": [{"cidr": "bad-filter/64"}]}"#, "FilterPolicy: Nonstandard IP address: bad-filter".to_owned()),
        (
            r#"{"key": [{"numeric": [">", 3, "<", 1]}]}"#,
            format!(
                "FilterPolicy: Bottom must be less than top\n at {}",
                at(r#"{"key":[{"numeric":[">",3,"<",1]}]}"#, 33)
            ),
        ),
    ] {
        let input = json!({ "Protocol": "sqs", "Endpoint": queue.arn(), "Attributes": { "FilterPolicy": policy } });
        let in_map = topic.refused("Subscribe", input);
        assert_eq!(in_map.message, format!("Invalid parameter: Attributes Reason: {reason}"));
        let alone = subscription.set_refused("FilterPolicy", policy);
        assert_eq!(alone.message, format!("Invalid parameter: {reason}"));
    }
    // It is shown as it was given.
    let spaced = r#"{ "key": [ "value" ] }"#;
    subscription.set("FilterPolicy", spaced);
    assert_eq!(subscription.attribute("FilterPolicy").as_deref(), Some(spaced));
}

fn nesting_needs_the_body(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    let nested = r#"{"order":{"state":["open"]}}"#;
    let input = |scope: &str| {
        json!({
            "Protocol": "sqs", "Endpoint": queue.arn(),
            "Attributes": { "FilterPolicy": nested, "FilterPolicyScope": scope },
        })
    };
    topic.refused("Subscribe", input("MessageAttributes")).expect(INVALID);
    topic.ok("Subscribe", input("MessageBody"));
}

fn batches_are_filtered_message_by_message(client: &Client) {
    let topic = client.topic();
    let (odd, even) = (client.queue(), client.queue());
    for (queue, parity) in [(&odd, "odd"), (&even, "even")] {
        let policy = json!({ "parity": [parity] }).to_string();
        topic.subscribe("sqs", &queue.arn(), &[("RawMessageDelivery", "true"), ("FilterPolicy", &policy)]);
    }
    let entry = |number: usize| {
        let parity = if number.is_multiple_of(2) { r#"{"parity":"even"}"# } else { r#"{"parity":"odd"}"# };
        json!({ "Id": number.to_string(), "Message": number.to_string(), "MessageAttributes": attributes(parity) })
    };
    let entries: Vec<Value> = (0..10).map(entry).collect();
    topic.ok("PublishBatch", json!({ "PublishBatchRequestEntries": entries }));
    odd.gives(&["1", "3", "5", "7", "9"]);
    even.gives(&["0", "2", "4", "6", "8"]);
}

fn no_subscription_is_missed_among_many(client: &Client) {
    let topic = client.topic();
    let queues: Vec<Queue> = (0..60)
        .map(|number| {
            let queue = client.queue();
            let policy = match number % 3 {
                0 => json!({ "n": [number] }),
                1 => json!({ "n": [{ "numeric": ["=", number] }] }),
                _ => json!({ "text": [{ "prefix": format!("{number}-") }] }),
            };
            let attributes = [("RawMessageDelivery", "true"), ("FilterPolicy", &*policy.to_string())];
            topic.subscribe("sqs", &queue.arn(), &attributes);
            queue
        })
        .collect();
    for number in 0..60 {
        let sample = json!({ "n": number, "text": format!("{number}-x") }).to_string();
        topic.publish_with(json!({ "Message": number.to_string(), "MessageAttributes": attributes(&sample) }));
    }
    for (number, queue) in queues.iter().enumerate() {
        queue.gives(&[&number.to_string()]);
    }
}

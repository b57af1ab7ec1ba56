//! Topics in the admin API.

use serde_json::{Value as Json, json};

use crate::shared::OPEN;
use crate::support::{eventually, unique};

pub(super) fn a_topic_says_who_would_get_a_message() {
    let broker = OPEN.get();
    let (admin, client) = (broker.admin_api(), broker.json_client());
    let name = format!("match-{}", unique());
    let sns_call = |action: &str, body: &Json| client.sns().ok(action, body);
    let topic = sns_call("CreateTopic", &json!({"Name": name}))["TopicArn"].as_str().expect("an ARN").to_owned();
    for (queue, attributes) in [
        ("all", json!({})),
        ("red", json!({"FilterPolicy": r#"{"colour": ["red"], "size": [{"numeric": [">", 5]}]}"#})),
        ("body", json!({"FilterPolicyScope": "MessageBody", "FilterPolicy": r#"{"order": {"paid": [true]}}"#})),
    ] {
        let endpoint = format!("arn:aws:sqs:us-east-1:000000000000:{name}-{queue}");
        client.ok("CreateQueue", &json!({"QueueName": format!("{name}-{queue}")}));
        let body = json!({"TopicArn": topic, "Protocol": "sqs", "Endpoint": endpoint, "Attributes": attributes});
        sns_call("Subscribe", &body);
    }
    let path = format!("/v1/topics/000000000000/{name}");
    let ask = |message: Json| {
        let answer = admin.post(&format!("{path}/match"), &message);
        let items = answer["items"].as_array().expect("items").clone();
        let of = |queue: &str| {
            let is = |item: &&Json| item["endpoint"].as_str().is_some_and(|endpoint| endpoint.ends_with(queue));
            items.iter().find(is).expect("the subscription").clone()
        };
        ["all", "red", "body"].map(|queue| of(&format!("{name}-{queue}")))
    };
    let [all, red, body] =
        ask(json!({"body": "no JSON", "attributes": {"colour": {"type": "String", "value": "red"}}}));
    assert_eq!((&all["gets"], &all["reason"], &all["scope"]), (&json!(true), &json!(null), &json!(null)));
    assert_eq!((&red["gets"], &red["reason"]), (&json!(false), &json!("filter_policy")));
    assert_eq!(red["failed"], json!([{"keys": ["size"], "only_together": false}]));
    assert_eq!((&body["gets"], &body["reason"]), (&json!(false), &json!("body_is_no_object")));
    let attributes = json!({"colour": {"type": "String", "value": "red"}, "size": {"type": "Number", "value": "6"}});
    let [_, red, body] = ask(json!({"body": r#"{"order": {"paid": true}}"#, "attributes": attributes}));
    assert_eq!((&red["gets"], &body["gets"], &body["scope"]), (&json!(true), &json!(true), &json!("MessageBody")));

    let subscriptions = admin.get(&format!("{path}/subscriptions"));
    assert_eq!(subscriptions["items"].as_array().expect("items").len(), 3);
    let view = admin.get(&path);
    assert_eq!((&view["arn"], &view["fifo"]), (&json!(topic), &json!(false)));
    let published = admin.post(&format!("{path}/publish"), &json!({"body": "hello", "subject": "s"}));
    assert_eq!(published["message_id"].as_str().expect("an id").len(), 36);
    let item = eventually("the publication is counted", || {
        let list = admin.get(&format!("/v1/topics?filter={name}"));
        let item = list["items"][0].clone();
        (item["since_start"]["published"] == 1).then_some(item)
    });
    assert_eq!(item["subscriptions_confirmed"], 3, "{item}");
    let next = admin.get(&format!("/v1/topics?limit=1&filter={name}"))["next"].clone();
    assert_eq!(next, json!(null));
}

pub(super) fn bad_input_to_topics_is_refused() {
    let broker = OPEN.get();
    let admin = broker.admin_api();
    let name = format!("bad-{}", unique());
    broker.json_client().sns().ok("CreateTopic", &json!({"Name": name}));
    let topic = format!("/v1/topics/000000000000/{name}");
    for (method, target, body, status, code) in [
        ("GET", "/v1/topics/000000000000/none".to_owned(), "", 404, "not_found"),
        ("GET", "/v1/topics/000000000000/none/subscriptions".to_owned(), "", 404, "not_found"),
        ("POST", "/v1/topics/000000000000/none/match".to_owned(), r#"{"body": "a"}"#, 404, "not_found"),
        ("POST", "/v1/topics/000000000000/none/publish".to_owned(), r#"{"body": "a"}"#, 404, "not_found"),
        ("GET", format!("{topic}/subscriptions?after=bm8"), "", 400, "bad_request"),
        ("GET", "/v1/topics?sort=depth".to_owned(), "", 400, "bad_request"),
        ("POST", format!("{topic}/match"), r#"{"body": ""}"#, 400, "bad_request"),
        ("POST", format!("{topic}/match"), "{}", 400, "bad_request"),
        ("POST", format!("{topic}/publish"), r#"{"body": ""}"#, 400, "bad_request"),
        ("POST", format!("{topic}/publish"), r#"{"body": "a", "subject": "\n"}"#, 400, "bad_request"),
        ("POST", format!("{topic}/publish"), r#"{"body": "a", "structure": "json"}"#, 400, "bad_request"),
    ] {
        assert_eq!(admin.refused(method, &target, body), (status, code.to_owned()), "{method} {target} {body}");
    }
}

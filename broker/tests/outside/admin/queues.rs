//! Queues in the admin API: listing, one queue, and what an operator does with one.

use serde_json::{Value as Json, json};

use super::{OPERATOR, with_roles};
use crate::shared::OPEN;
use crate::support::admin::Admin;
use crate::support::{Broker, Launch, eventually, unique};

/// The names of the items of a listing.
fn names(list: &Json) -> Vec<String> {
    let items = list["items"].as_array().expect("items");
    items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
}

/// All parts of a listing.
fn all(admin: &Admin, target: &str) -> Vec<String> {
    let (mut found, mut next) = (Vec::new(), target.to_owned());
    loop {
        let list = admin.get(&next);
        found.extend(names(&list));
        match list["next"].as_str() {
            Some(after) => next = format!("{target}&after={after}"),
            None => return found,
        }
    }
}

pub(super) fn queues_are_sorted_filtered_and_cut_by_the_broker() {
    const COUNT: usize = 2_500;
    let declared: String = (0..COUNT).map(|number| format!("[[queues]]\nname = \"q-{number:04}\"\n")).collect();
    let broker = Launch::new().configured(&declared).start();
    let admin = broker.admin_api();
    for (queue, messages) in [("q-1000", 3), ("q-2000", 5), ("q-0500", 4)] {
        for number in 0..messages {
            admin.post(&format!("/v1/queues/000000000000/{queue}/messages"), &json!({"body": number.to_string()}));
        }
    }
    let expected: Vec<_> = (0..COUNT).map(|number| format!("q-{number:04}")).collect();
    assert_eq!(all(&admin, "/v1/queues?limit=1000"), expected, "each once, by name");
    assert_eq!(names(&admin.get("/v1/queues")).len(), 100, "the default limit");
    assert_eq!(all(&admin, "/v1/queues?limit=7&filter=-24"), expected[2_400..]);
    // A look serves a second.
    let deepest = eventually("the messages are seen", || {
        let list = admin.get("/v1/queues?sort=depth&limit=3");
        (names(&list) == ["q-2000", "q-0500", "q-1000"]).then_some(list)
    });
    assert_eq!(deepest["items"][0]["messages_visible"], 5);
    assert!(deepest["items"][0]["oldest_message_age_seconds"].is_u64(), "{deepest}");
    assert_eq!(names(&admin.get("/v1/queues?sort=age&limit=3")), ["q-1000", "q-2000", "q-0500"]);
    assert_eq!(all(&admin, "/v1/queues?sort=depth&limit=999").len(), COUNT, "each once, in any order");
    let rates = admin.get("/v1/queues?sort=rate&limit=1");
    assert!(rates["items"][0]["per_second"]["sent"].is_number(), "an order by rates has rates: {rates}");
    assert_eq!(names(&admin.get("/v1/queues?account=111111111111")), [""; 0]);
    assert_eq!(names(&admin.get("/v1/queues?region=eu-west-1")), [""; 0]);
}

pub(super) fn a_body_that_is_too_long_is_not_read() {
    let admin = OPEN.get().admin_api();
    let mut request = admin.request("POST", "/v1/queues/000000000000/none/messages", "");
    request.set("Content-Length", "2097153");
    assert_eq!(admin.exchange(&request).status, 413);
}

/// Attributes count like bodies: a listing of messages is cut at some megabytes.
pub(super) fn a_listing_of_messages_is_bounded_in_bytes() {
    let broker = OPEN.get();
    let (admin, client) = (broker.admin_api(), broker.json_client());
    let name = format!("large-{}", unique());
    client.ok("CreateQueue", &json!({"QueueName": name}));
    let messages = format!("/v1/queues/000000000000/{name}/messages");
    let message = json!({"body": "b", "attributes": {"a": {"type": "String", "value": "v".repeat(250_000)}}});
    for _ in 0..25 {
        admin.post(&messages, &message);
    }
    let list = admin.get(&format!("{messages}?limit=1000&body_bytes_max=0"));
    let listed = list["items"].as_array().expect("items").len();
    assert!((10..25).contains(&listed) && list["next"].is_string(), "{listed}");
    let next = list["next"].as_str().expect("a cursor");
    let rest = admin.get(&format!("{messages}?limit=1000&body_bytes_max=0&after={next}"));
    assert_eq!(rest["items"].as_array().expect("items").len(), 25 - listed);
}

fn with_dead_letters() -> Broker {
    with_roles()
        .configured(
            "[[queues]]\nname = \"orders\"\naccount = \"111111111111\"\n[queues.attributes]\n\
             RedrivePolicy = { deadLetterTargetArn = \"arn:aws:sqs:us-east-1:111111111111:dead\", maxReceiveCount = 1 }\n\
             [[queues]]\nname = \"dead\"\naccount = \"111111111111\"",
        )
        .start()
}

pub(super) fn a_queue_is_shown_with_its_relations() {
    let broker = with_dead_letters();
    let admin = broker.admin_api().with_key(OPERATOR);
    let (orders, dead) = ("arn:aws:sqs:us-east-1:111111111111:orders", "arn:aws:sqs:us-east-1:111111111111:dead");
    let queue = admin.get("/v1/queues/111111111111/orders");
    assert_eq!(queue["arn"], orders);
    assert_eq!(queue["dead_letter_target"], json!({"arn": dead, "max_receive_count": 1}));
    assert_eq!(queue["attributes"]["VisibilityTimeout"], "30");
    assert_eq!(queue["waiting_receives"], 0);
    let queue = admin.get("/v1/queues/111111111111/dead");
    assert_eq!((&queue["dead_letter_sources"], &queue["dead_letter_target"]), (&json!([orders]), &json!(null)));
    assert_eq!(admin.get("/v1/queues/111111111111/dead?region=us-east-1")["arn"], dead);
    let elsewhere = admin.refused("GET", "/v1/queues/111111111111/dead?region=eu-west-1", "");
    assert_eq!(elsewhere, (404, "not_found".into()));
}

pub(super) fn messages_are_sent_redriven_and_purged() {
    let broker = with_dead_letters();
    let admin = broker.admin_api().with_key(OPERATOR);
    let send = |queue: &str, body: Json| admin.post(&format!("/v1/queues/111111111111/{queue}/messages"), &body);
    let depth = |queue: &str| {
        let queue = admin.get(&format!("/v1/queues/111111111111/{queue}"));
        queue["attributes"]["ApproximateNumberOfMessages"].as_str().expect("a count").parse::<u64>().expect("a number")
    };
    let sent = send(
        "dead",
        json!({"body": "one", "attributes": {"a": {"type": "Number", "value": "1"},
        "b": {"type": "Binary", "value_base64": "AAE="}}}),
    );
    assert_eq!(sent["message_id"].as_str().expect("an id").len(), 36);
    send("dead", json!({"body": "two", "delay_seconds": 0}));
    assert_eq!(depth("dead"), 2);
    let redrive = "/v1/queues/111111111111/dead/redrive";
    let destination = "arn:aws:sqs:us-east-1:111111111111:orders";
    let started = admin.post(redrive, &json!({"destination": destination, "messages_per_second": 1}));
    assert!(started["task"].is_string(), "{started}");
    let task = &admin.get(redrive)["items"][0];
    assert_eq!((&task["status"], &task["destination"]), (&json!("running"), &json!(destination)), "{task}");
    let twice = admin.refused("POST", redrive, json!({"destination": destination}).to_string());
    assert_eq!(twice.0 / 100, 4, "one at a time: {twice:?}");
    let (status, cancelled) = admin.call("DELETE", redrive, "");
    assert_eq!(status, 200, "{cancelled}");
    assert_eq!(admin.refused("DELETE", redrive, ""), (409, "conflict".into()), "none runs");
    admin.post(redrive, &json!({"destination": destination}));
    eventually("both are moved", || (depth("orders") == 2).then_some(()));
    eventually("the task has ended", || (admin.get(redrive)["items"][0]["status"] == "completed").then_some(()));
    assert_eq!(admin.post("/v1/queues/111111111111/orders/purge", &json!({}))["purged"], destination);
    assert_eq!(depth("orders"), 0);
    assert_eq!(admin.call("DELETE", "/v1/queues/111111111111/orders", "").0, 200);
    assert_eq!(admin.refused("GET", "/v1/queues/111111111111/orders", ""), (404, "not_found".into()));
}

pub(super) fn bad_input_to_queues_is_refused() {
    let broker = OPEN.get();
    let admin = broker.admin_api();
    let name = format!("bad-input-{}.fifo", unique());
    broker.json_client().ok("CreateQueue", &json!({"QueueName": name, "Attributes": {"FifoQueue": "true"}}));
    let queue = format!("/v1/queues/000000000000/{name}");
    let (not_found, bad) = ((404, "not_found"), (400, "bad_request"));
    let send = |body: &str| (("POST", format!("{queue}/messages")), body.as_bytes().to_vec());
    let long = format!(r#"{{"body": "{}"}}"#, "x".repeat(2_000_000));
    for ((method, target), body, (status, code)) in [
        (("GET", "/v1/queues/000000000000/none".to_owned()), vec![], not_found),
        (("GET", "/v1/queues/000000000000/no%20name".to_owned()), vec![], not_found),
        (("GET", "/v1/queues/12/none".to_owned()), vec![], bad),
        (("GET", "/v1/queues/000000000000/%FF".to_owned()), vec![], bad),
        (("GET", format!("{queue}?region=")), vec![], bad),
        (("GET", format!("{queue}?colour=red")), vec![], bad),
        (("GET", "/v1/queues?sort=colour".to_owned()), vec![], bad),
        (("GET", "/v1/queues?account=1".to_owned()), vec![], bad),
        (("GET", "/v1/queues?after=bm8".to_owned()), vec![], bad),
        (("GET", "/v1/queues?limit=100000".to_owned()), vec![], bad),
        (("POST", "/v1/queues/000000000000/none/purge".to_owned()), vec![], not_found),
        (("DELETE", "/v1/queues/000000000000/none".to_owned()), vec![], not_found),
        (("POST", "/v1/queues/000000000000/none/messages".to_owned()), br#"{"body": "a"}"#.to_vec(), not_found),
        (("POST", "/v1/queues/000000000000/none/redrive".to_owned()), b"{}".to_vec(), not_found),
        (("DELETE", format!("{queue}/redrive")), vec![], (409, "conflict")),
    ]
    .into_iter()
    .chain(
        [
            ("", bad),
            ("{", bad),
            ("[]", bad),
            (r#"{"body": 1}"#, bad),
            (r#"{"body": "a", "colour": "red"}"#, bad),
            (r#"{"body": "a"}"#, bad),
            (r#"{"body": ""}"#, bad),
            (r#"{"body": "a", "group_id": "g g"}"#, bad),
            (r#"{"body": "a", "group_id": "g", "deduplication_id": ""}"#, bad),
            (r#"{"body": "\u0000", "group_id": "g", "deduplication_id": "d"}"#, bad),
            (r#"{"body": "a", "group_id": "g", "delay_seconds": -1}"#, bad),
            (r#"{"body": "a", "group_id": "g", "delay_seconds": 901}"#, bad),
            (r#"{"body": "a", "group_id": "g", "attributes": {"a": {"type": "Number"}}}"#, bad),
            (r#"{"body": "a", "group_id": "g", "attributes": {"a": {"type": "Number", "value": "x"}}}"#, bad),
            (r#"{"body": "a", "group_id": "g", "attributes": {"a": {"type": "Binary", "value_base64": "?"}}}"#, bad),
            (&long, bad),
        ]
        .map(|(body, expected)| {
            let (request, body) = send(body);
            (request, body, expected)
        }),
    )
    .chain([(send("").0, vec![0xff, 0xfe], bad)])
    {
        let start = String::from_utf8_lossy(&body).chars().take(60).collect::<String>();
        assert_eq!(admin.refused(method, &target, body), (status, code.to_owned()), "{method} {target} {start}");
    }
}

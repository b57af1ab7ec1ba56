//! Looking at messages without receiving them: LocalStack's endpoint on the AWS API.

use std::time::SystemTime;

use serde_json::{Value as Json, json};

use crate::shared::{ALICE, OPEN, USERS};
use crate::support::http::{Request, Response};
use crate::support::signature::{Credentials, sign};
use crate::support::{Broker, json_protocol, unique};

crate::cases! {
    messages_are_shown_and_not_received,
    a_path_may_name_the_queue_and_a_receive_may_be_sent_to_it,
    what_cannot_be_looked_at_is_refused,
    a_look_needs_the_permission_of_a_receive,
}

const PATH: &str = "/_aws/sqs/messages";

fn get(broker: &Broker, target: &str, accept: &str) -> Response {
    let request = Request::new("GET", target, "").header("Host", "localhost:9324").header("Accept", accept);
    broker.connect().exchange(&request).expect("an answer")
}

/// The messages of a look in JSON.
fn shown(broker: &Broker, query: &str) -> Vec<Json> {
    let response = get(broker, &format!("{PATH}{query}"), "application/json");
    assert_eq!(response.status, 200, "{}", response.text());
    let answer: Json = serde_json::from_slice(&response.body).expect("JSON");
    let messages = &answer["ReceiveMessageResponse"]["ReceiveMessageResult"]["Messages"];
    messages.as_array().cloned().unwrap_or_default()
}

fn bodies(messages: &[Json]) -> Vec<&str> {
    messages.iter().map(|message| message["Body"].as_str().expect("a body")).collect()
}

fn attribute<'a>(message: &'a Json, name: &str) -> Option<&'a str> {
    let attributes = message["Attributes"].as_array().into_iter().flatten();
    attributes.into_iter().find(|pair| pair["Name"] == name).and_then(|pair| pair["Value"].as_str())
}

fn messages_are_shown_and_not_received() {
    let broker = OPEN.get();
    let queue = broker.json_client().queue();
    queue.send("in flight");
    assert_eq!(queue.receive_one().body, "in flight");
    queue.send("visible <&>");
    queue.ok("SendMessage", json!({"MessageBody": "delayed", "DelaySeconds": 600}));
    let query = format!("?QueueUrl={}", queue.url);
    for _ in 0..3 {
        let messages = shown(&broker, &query);
        assert_eq!(bodies(&messages), ["visible <&>"]);
        assert_eq!(messages[0]["ReceiptHandle"], "SQS/BACKDOOR/ACCESS");
        assert_eq!(attribute(&messages[0], "ApproximateReceiveCount"), Some("0"));
        assert_eq!(attribute(&messages[0], "IsVisible"), None);
    }
    let messages = shown(&broker, &format!("{query}&ShowInvisible=true&ShowDelayed=True"));
    assert_eq!(bodies(&messages), ["in flight", "visible <&>", "delayed"]);
    let states: Vec<_> =
        messages.iter().map(|message| (attribute(message, "IsVisible"), attribute(message, "IsDelayed"))).collect();
    let (yes, no) = (Some("true"), Some("false"));
    assert_eq!(states, [(no, no), (yes, no), (yes, yes)]);
    assert_eq!(attribute(&messages[0], "ApproximateReceiveCount"), Some("1"));
    let xml = get(&broker, &format!("{PATH}{query}"), "*/*");
    assert_eq!(xml.header("content-type"), Some("text/xml"));
    assert!(xml.text().contains("<Body>visible &lt;&amp;&gt;</Body>"), "{}", xml.text());
    assert_eq!(queue.receive_one().receive_count(), 1, "the first receive");
}

fn a_path_may_name_the_queue_and_a_receive_may_be_sent_to_it() {
    let broker = OPEN.get();
    let queue = broker.json_client().queue();
    queue.send_all(&["one", "two"]);
    assert_eq!(bodies(&shown(&broker, &format!("/us-east-1/000000000000/{}", queue.name))), ["one", "two"]);
    let mut receive = json_protocol::request("ReceiveMessage", json!({"QueueUrl": queue.url}).to_string());
    receive.target = PATH.into();
    let response = broker.connect().exchange(&receive).expect("an answer");
    let answer: Json = serde_json::from_slice(&response.body).expect("JSON");
    let messages = answer["Messages"].as_array().expect("messages");
    assert_eq!(messages.iter().map(|message| &message["Body"]).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(messages[0]["Attributes"]["ApproximateReceiveCount"], "0");
    queue.gives(&["one", "two"]);
}

fn what_cannot_be_looked_at_is_refused() {
    let broker = OPEN.get();
    for (target, status, code) in [
        (PATH.to_owned(), 400, "MissingParameter"),
        (format!("{PATH}?QueueUrl=http://localhost:9324/000000000000/no-such-queue"), 400, "NonExistentQueue"),
        (format!("{PATH}/us-east-1/000000000000"), 400, "NonExistentQueue"),
        (format!("{PATH}?Action=PurgeQueue&QueueUrl=http://localhost:9324/000000000000/q"), 400, "InvalidAction"),
    ] {
        let response = get(&broker, &target, "*/*");
        assert_eq!(response.status, status, "{target}: {}", response.text());
        assert!(response.text().contains(code), "{target}: {}", response.text());
    }
}

fn a_look_needs_the_permission_of_a_receive() {
    let broker = USERS.get();
    let name = format!("looked-at-{}", unique());
    let alice = Credentials::new(ALICE.0, ALICE.1, "us-east-1");
    let signed = |mut request: Request| {
        sign(&mut request, &alice, SystemTime::now());
        broker.connect().exchange(&request).expect("an answer")
    };
    let created = signed(json_protocol::request("CreateQueue", json!({"QueueName": name}).to_string()));
    assert_eq!(created.status, 200, "{}", created.text());
    let url = format!("http://sqs.test:9324/111111111111/{name}");
    let sent = json!({"QueueUrl": url, "MessageBody": "hers"}).to_string();
    assert_eq!(signed(json_protocol::request("SendMessage", sent)).status, 200);
    let target = format!("{PATH}?QueueUrl={}", url.replace(':', "%3A").replace('/', "%2F"));
    let unsigned = get(&broker, &target, "*/*");
    assert_eq!(unsigned.status, 403, "{}", unsigned.text());
    let response = signed(Request::new("GET", &target, "").header("Host", "sqs.test:9324"));
    assert!(response.text().contains("<Body>hers</Body>"), "{}", response.text());
}

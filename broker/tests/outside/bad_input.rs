//! Malformed, hostile and oversized requests. Each gets a client's error in its protocol, or its connection is closed.
//! The broker neither panics nor hangs, and keeps serving, on the same connection where HTTP allows it.

mod topics;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use crate::shared::{OPEN, STRICT};
use crate::support::broker::sample;
use crate::support::form::{encode, form};
use crate::support::http::{Connection, Request, Response};
use crate::support::{Broker, Launch, PROTOCOLS, eventually, json_protocol, query_protocol, seed, sleep_ms};

use topics::{
    hostile_filter_policies, hostile_policies, hostile_structures, malformed_forms_for_topics,
    malformed_json_for_topics, more_than_there_may_be, random_damage_to_topics,
};

crate::cases! {
    malformed_json,
    malformed_forms,
    requests_that_name_no_action,
    wrong_content_types,
    wrong_methods,
    forms_of_dots,
    malformed_http,
    bodies_that_cannot_be_read,
    headers_that_are_too_large,
    bodies_that_are_too_large,
    requests_that_end_early,
    headers_that_never_end,
    bodies_that_never_end,
    a_connection_that_says_nothing,
    garbage_behind_a_request,
    pipelined_requests_are_answered_in_order,
    a_closed_connection_cancels_its_long_poll,
    a_client_may_end_its_sending,
    connections_have_a_limit,
    random_damage,
    hostile_filter_policies,
    hostile_policies,
    hostile_structures,
    malformed_forms_for_topics,
    malformed_json_for_topics,
    more_than_there_may_be,
    random_damage_to_topics,
}

/// Fails unless the broker serves a new connection and has not panicked.
#[track_caller]
fn still_works(broker: &Broker) {
    for protocol in PROTOCOLS {
        let queue = broker.client(*protocol).queue();
        queue.send("still here");
        queue.gives(&["still here"]);
    }
    assert!(!broker.log().contains("panicked"), "{}", broker.log());
}

/// Fails unless the answer is a client's error.
#[track_caller]
fn blames_the_client(what: &str, response: &Response) {
    assert!((400..500).contains(&response.status), "{what}: {response:?}");
}

/// Sends each body over one connection, which must stay usable.
fn each_refused(requests: impl IntoIterator<Item = (String, Request)>) {
    let broker = STRICT.get();
    let mut connection = broker.connect();
    for (what, request) in requests {
        let response = connection.exchange(&request).unwrap_or_else(|error| panic!("{what}: {error}"));
        blames_the_client(&what, &response);
        assert!(response.header("x-amzn-requestid").is_some(), "{what}: {response:?}");
        assert!(!response.body.is_empty(), "{what}: the answer gives a reason");
        let valid = json_protocol::request("ListQueues", r#"{"QueueNamePrefix":"none-"}"#);
        let response = connection.exchange(&valid).unwrap_or_else(|error| panic!("after {what}: {error}"));
        assert_eq!(response.status, 200, "after {what}: {response:?}");
    }
    still_works(&broker);
}

fn malformed_json() {
    let broker = STRICT.get();
    let url = broker.json_client().queue().url;
    let deep = |open: &str| open.repeat(100_000);
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", b"".to_vec()),
        ("an open object", b"{".to_vec()),
        ("a list", b"[]".to_vec()),
        ("a string", b"\"x\"".to_vec()),
        ("null", b"null".to_vec()),
        ("a number", b"1".to_vec()),
        ("not JSON", b"QueueUrl=x".to_vec()),
        ("two objects", br#"{"QueueUrl":"x"}{"#.to_vec()),
        ("a comma too many", br#"{"QueueUrl":"x",}"#.to_vec()),
        ("a number as URL", br#"{"QueueUrl":1,"MessageBody":"m"}"#.to_vec()),
        ("null as URL", br#"{"QueueUrl":null,"MessageBody":"m"}"#.to_vec()),
        ("a number as body", format!(r#"{{"QueueUrl":"{url}","MessageBody":1}}"#).into_bytes()),
        ("an object as body", format!(r#"{{"QueueUrl":"{url}","MessageBody":{{}}}}"#).into_bytes()),
        ("text as delay", format!(r#"{{"QueueUrl":"{url}","MessageBody":"m","DelaySeconds":"x"}}"#).into_bytes()),
        ("a fraction as delay", format!(r#"{{"QueueUrl":"{url}","MessageBody":"m","DelaySeconds":1.5}}"#).into_bytes()),
        (
            "a delay beyond numbers",
            format!(r#"{{"QueueUrl":"{url}","MessageBody":"m","DelaySeconds":99999999999999999999}}"#).into_bytes(),
        ),
        (
            "a delay beyond floats",
            format!(r#"{{"QueueUrl":"{url}","MessageBody":"m","DelaySeconds":1e400}}"#).into_bytes(),
        ),
        ("attributes as list", format!(r#"{{"QueueUrl":"{url}","MessageBody":"m","MessageAttributes":[1]}}"#).into_bytes()),
        (
            "an attribute as text",
            format!(r#"{{"QueueUrl":"{url}","MessageBody":"m","MessageAttributes":{{"a":"x"}}}}"#).into_bytes(),
        ),
        (
            "binary that is not base64",
            format!(
                r#"{{"QueueUrl":"{url}","MessageBody":"m","MessageAttributes":{{"a":{{"DataType":"Binary","BinaryValue":"*"}}}}}}"#
            )
            .into_bytes(),
        ),
        ("half a surrogate pair", format!(r#"{{"QueueUrl":"{url}","MessageBody":"\ud800"}}"#).into_bytes()),
        ("an unknown escape", format!(r#"{{"QueueUrl":"{url}","MessageBody":"\x"}}"#).into_bytes()),
        ("a raw control character", format!("{{\"QueueUrl\":\"{url}\",\"MessageBody\":\"\u{1}\"}}").into_bytes()),
        ("broken UTF-8", [br#"{"QueueUrl":"x","MessageBody":""#.as_slice(), b"\xff\xfe\"}"].concat()),
        ("a deep list", deep("[").into_bytes()),
        ("a deep object", deep(r#"{"a":"#).into_bytes()),
        ("a deep list as body", format!(r#"{{"QueueUrl":"{url}","MessageBody":{}"#, deep("[")).into_bytes()),
        ("zeros", vec![0; 1000]),
    ];
    each_refused(bodies.into_iter().map(|(what, body)| (what.to_owned(), json_protocol::request("SendMessage", body))));
    let entries = format!(r#"{{"QueueUrl":"{url}","Entries":{{}}}}"#);
    let number = format!(r#"{{"QueueUrl":"{url}","Entries":[1]}}"#);
    each_refused([
        ("entries as object".to_owned(), json_protocol::request("SendMessageBatch", entries)),
        ("a number as entry".to_owned(), json_protocol::request("SendMessageBatch", number)),
    ]);
}

fn malformed_forms() {
    let broker = STRICT.get();
    let url = encode(&broker.json_client().queue().url);
    let send = format!("Action=SendMessage&QueueUrl={url}");
    let many: String = (0..100_000).map(|number| format!("&a{number}=b")).collect();
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", b"".to_vec()),
        ("ampersands", b"&&&&".to_vec()),
        ("no action", format!("QueueUrl={url}&MessageBody=m").into_bytes()),
        ("an empty action", b"Action=&MessageBody=m".to_vec()),
        ("an unknown action", b"Action=Explode".to_vec()),
        ("an action in bad UTF-8", b"Action=%FF%FE".to_vec()),
        ("an open escape", format!("{send}&MessageBody=%").into_bytes()),
        ("a wrong escape", format!("{send}&MessageBody=%ZZ").into_bytes()),
        ("a body in bad UTF-8", format!("{send}&MessageBody=%C3%28").into_bytes()),
        ("raw bytes", [send.as_bytes(), b"&MessageBody=\xff\xfe"].concat()),
        ("text as delay", format!("{send}&MessageBody=m&DelaySeconds=soon").into_bytes()),
        ("a delay beyond numbers", format!("{send}&MessageBody=m&DelaySeconds=99999999999999999999").into_bytes()),
        ("many parameters", format!("{send}{many}").into_bytes()),
        ("an attribute without value", format!("{send}&MessageBody=m&MessageAttribute.1.Name=a").into_bytes()),
        (
            "binary that is not base64",
            format!(
                "{send}&MessageBody=m&MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=Binary\
                 &MessageAttribute.1.Value.BinaryValue=*"
            )
            .into_bytes(),
        ),
        (
            "a batch without entries",
            format!("Action=SendMessageBatch&QueueUrl={url}&SendMessageBatchRequestEntry=1").into_bytes(),
        ),
        (
            "an entry of no number",
            format!("Action=SendMessageBatch&QueueUrl={url}&SendMessageBatchRequestEntry.x.Id=a").into_bytes(),
        ),
        (
            "an entry of a huge number",
            format!("Action=SendMessageBatch&QueueUrl={url}&SendMessageBatchRequestEntry.99999999999999999999.Id=a")
                .into_bytes(),
        ),
        ("JSON", br#"{"QueueUrl":"x"}"#.to_vec()),
        ("zeros", vec![0; 1000]),
    ];
    each_refused(bodies.into_iter().map(|(what, body)| (what.to_owned(), query_protocol::request(body))));
}

fn requests_that_name_no_action() {
    let json = |target: &str| json_protocol::request("x", "{}").header("X-Amz-Target", target);
    let get = |target: &str| Request::new("GET", target, "").header("Host", "h");
    each_refused(
        [
            ("an unknown target", json("AmazonSQS.Explode")),
            ("another service", json("DynamoDB_20120810.ListTables")),
            ("no dot", json("SendMessage")),
            ("an empty target", json("")),
            ("a long target", json(&"x".repeat(4000))),
            ("a bare GET", get("/")),
            ("a GET of nothing", get("/no/such/thing/at/all")),
            ("a GET of an unknown action", get("/?Action=Explode")),
            ("a GET with a broken query", get("/?Action=%ZZ")),
        ]
        .map(|(what, request)| (what.to_owned(), request)),
    );
}

fn wrong_content_types() {
    let form = "Action=Explode";
    let of = |kind: &str, body: &str| Request::new("POST", "/", body).header("Host", "h").header("Content-Type", kind);
    each_refused(
        [
            ("plain text", of("text/plain", form)),
            ("XML", of("text/xml", "<a/>")),
            ("many parts", of("multipart/form-data; boundary=x", "--x--")),
            ("JSON without a target", of("application/json", "{}")),
            ("none", Request::new("POST", "/", form).header("Host", "h")),
            ("nonsense", of(";;;===", form)),
        ]
        .map(|(what, request)| (what.to_owned(), request)),
    );
}

fn wrong_methods() {
    let broker = STRICT.get();
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
        let response =
            broker.connect().exchange(&Request::new(method, "/", "").header("Host", "h")).expect("an answer");
        blames_the_client(method, &response);
    }
    still_works(&broker);
}

/// What the broker answers to bytes, if it answers: the status of its first answer.
fn answer(broker: &Broker, bytes: &[u8]) -> Option<Response> {
    let mut connection = broker.connect();
    // The broker may close before all is written.
    let _ = connection.write(bytes);
    let _ = connection.finish();
    final_response(&mut connection)
}

/// The next response that is no interim one.
fn final_response(connection: &mut Connection) -> Option<Response> {
    loop {
        let response = connection.read().ok()?;
        if response.status >= 200 {
            return Some(response);
        }
    }
}

/// Names of parameters are sorted by their segments, of which a body of the largest size has millions.
fn forms_of_dots() {
    let broker = OPEN.get();
    let name = |number: usize| format!("{}{}=", ".".repeat(900 + number * 7 % 100), number * 31 % 7919);
    let many: Vec<String> = (0..7_900).map(name).collect();
    for form in [format!("{}=x", ".".repeat(8_000_000)), many.join("&")] {
        let request = query_protocol::request(format!("Action=ListQueues&{form}"));
        assert_eq!(broker.connect().exchange(&request).expect("an answer").status, 200);
    }
}

fn malformed_http() {
    let broker = STRICT.get();
    let post = "POST / HTTP/1.1\r\nHost: h\r\n";
    for bytes in [
        "\r\n\r\n".to_owned(),
        "GET\r\n\r\n".into(),
        "GET / HTTP/9.9\r\nHost: h\r\n\r\n".into(),
        "GET  /  HTTP/1.1\r\n\r\n".into(),
        "G\0T / HTTP/1.1\r\nHost: h\r\n\r\n".into(),
        "GET / HTTP/1.1\r\nHost : h\r\n\r\n".into(),
        "GET / HTTP/1.1\r\nno colon\r\n\r\n".into(),
        "GET / HTTP/1.1\r\nHost: \u{1}\r\n\r\n".into(),
        format!("{post}Content-Length: -1\r\n\r\n"),
        format!("{post}Content-Length: x\r\n\r\n"),
        format!("{post}Content-Length: 99999999999999999999999\r\n\r\n"),
        format!("{post}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        format!("{post}Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n"),
        format!("{post}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n\r\n"),
        format!("{post}Transfer-Encoding: gzip\r\n\r\n"),
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}".into(),
        "SSH-2.0-OpenSSH_9.6\r\n".into(),
    ] {
        if let Some(response) = answer(&broker, bytes.as_bytes()) {
            blames_the_client(&bytes, &response);
        }
    }
    // A server that trusts the shorter of two lengths lets a second request hide in the body of the first.
    let smuggled = format!(
        "{post}Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.ListQueues\r\nContent-Length: 2\r\n\
         Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
    );
    if let Some(response) = answer(&broker, smuggled.as_bytes()) {
        assert!(response.status < 500, "{response:?}");
    }
    still_works(&broker);
}

/// Each error names its cause.
fn bodies_that_cannot_be_read() {
    let broker = STRICT.get();
    let queue = broker.json_client().queue();
    let message = json!({ "QueueUrl": queue.url, "MessageBody": "m" });
    let json = json_protocol::request("SendMessage", message.to_string());
    let query = query_protocol::request(form(&query_protocol::parameters("SendMessage", &message)));
    for valid in [json, query] {
        let mut compressed = valid.clone().header("Content-Encoding", "gzip");
        compressed.body = b"\x1f\x8b\x08\x00\x00\x00\x00\x00".to_vec();
        let response = broker.connect().exchange(&compressed).expect("an answer");
        assert_eq!(response.status, 415, "{response:?}");
        assert!(response.text().contains("Content-Encoding gzip"), "{}", response.text());
        let mut broken = valid.clone();
        let at = broken.body.len() - 3;
        broken.body[at] = 0xff;
        let response = broker.connect().exchange(&broken).expect("an answer");
        assert_eq!(response.status, 400, "{response:?}");
        assert!(response.text().contains("not valid UTF-8"), "{}", response.text());
        let plain = valid.header("Content-Encoding", "identity");
        assert_eq!(broker.connect().exchange(&plain).expect("an answer").status, 200);
    }
    queue.gives(&["m", "m"]);
}

fn headers_that_are_too_large() {
    let broker = STRICT.get();
    let valid = || json_protocol::request("ListQueues", "{}");
    let many: Vec<Request> = vec![
        valid().header("X-Long", &"x".repeat(20_000)),
        (0..2_000).fold(valid(), |request, number| request.header(&format!("X-{number}"), "some value")),
        Request::new("GET", &format!("/?Action=ListQueues&QueueNamePrefix={}", "x".repeat(20_000)), "")
            .header("Host", "h"),
    ];
    for request in many {
        let response = answer(&broker, &request.to_bytes()).expect("an answer");
        assert!([400, 414, 431].contains(&response.status), "{response:?}");
    }
    assert_eq!(broker.connect().exchange(&valid().header("X-Long", &"x".repeat(4_000))).expect("fits").status, 200);
    still_works(&broker);
}

fn bodies_that_are_too_large() {
    let broker = STRICT.get();
    let head = |more: &str| {
        format!(
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-amz-json-1.0\r\n\
             X-Amz-Target: AmazonSQS.SendMessage\r\n{more}\r\n\r\n"
        )
    };
    // Refused for its announced length, before a byte of the body is sent.
    let mut connection = broker.connect();
    connection.write(head("Content-Length: 1000000000").as_bytes()).expect("accepted");
    let refusal = json_protocol::answer(&connection.read().expect("an answer")).expect_err("too large");
    assert_eq!(refusal.status, 413, "{refusal:?}");
    // Refused as soon as it is longer than the limit.
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let chunked = head("Transfer-Encoding: chunked") + &chunk.repeat(40);
    let response = answer(&broker, chunked.as_bytes());
    assert_eq!(response.map(|response| response.status), Some(413));
    still_works(&broker);
}

fn requests_that_end_early() {
    let broker = STRICT.get();
    let whole = json_protocol::request("SendMessage", r#"{"QueueUrl":"x","MessageBody":"m"}"#).to_bytes();
    for end in 0..whole.len() {
        if let Some(response) = answer(&broker, &whole[..end]) {
            blames_the_client(&format!("the first {end} bytes"), &response);
        }
    }
    still_works(&broker);
}

fn headers_that_never_end() {
    let broker = STRICT.get();
    let mut connection = broker.connect();
    connection.write(b"POST / HTTP/1.1\r\nHost: h\r\n").expect("accepted");
    // Single bytes with pauses do not extend the deadline.
    let closed = (0..100).any(|number| {
        sleep_ms(100);
        connection.write(format!("X-{number}: y\r\n").as_bytes()).is_err()
    });
    assert!(closed, "the connection was kept for ten seconds");
    still_works(&broker);
}

fn bodies_that_never_end() {
    let broker = STRICT.get();
    let mut connection = broker.connect();
    let request = json_protocol::request("SendMessage", "").header("Content-Length", "1000");
    connection.write(&request.to_bytes()).expect("accepted");
    for _ in 0..5 {
        // On a busy machine the connection may be closed by now.
        let _ = connection.write(b" ");
        sleep_ms(100);
    }
    let refusal = json_protocol::answer(&connection.read().expect("an answer")).expect_err("too slow");
    assert_eq!(refusal.status, 408, "{refusal:?}");
    still_works(&broker);
}

fn a_connection_that_says_nothing() {
    let broker = STRICT.get();
    assert!(broker.connect().is_closed(), "within the deadline of the headers");
    still_works(&broker);
}

fn garbage_behind_a_request() {
    let broker = STRICT.get();
    let valid = json_protocol::request("ListQueues", r#"{"QueueNamePrefix":"none-"}"#).to_bytes();
    let mut connection = broker.connect();
    connection.write(&[&valid[..], b"\x00\x01garbage\r\n\r\n"].concat()).expect("accepted");
    assert_eq!(connection.read().expect("the valid one is answered").status, 200);
    if let Ok(response) = connection.read() {
        blames_the_client("the garbage", &response);
    }
    assert!(connection.is_closed());
    still_works(&broker);
}

fn pipelined_requests_are_answered_in_order() {
    let broker = STRICT.get();
    let mut connection = broker.connect();
    let mut bytes = Vec::new();
    for number in 0..20 {
        let input = json!({ "QueueName": format!("pipelined-{number:02}") }).to_string();
        bytes.extend_from_slice(&json_protocol::request("CreateQueue", input).to_bytes());
        bytes.extend_from_slice(&json_protocol::request("CreateQueue", "{").to_bytes());
    }
    connection.write(&bytes).expect("accepted");
    for number in 0..20 {
        let created = json_protocol::answer(&connection.read().expect("an answer")).expect("valid");
        assert!(created["QueueUrl"].as_str().is_some_and(|url| url.ends_with(&format!("-{number:02}"))), "{created}");
        blames_the_client("the malformed one between", &connection.read().expect("an answer"));
    }
}

fn a_closed_connection_cancels_its_long_poll() {
    let broker = STRICT.get();
    let queue = broker.json_client().queue();
    for number in 0..5 {
        let mut connection = broker.connect();
        let poll = json_protocol::request(
            "ReceiveMessage",
            json!({ "QueueUrl": queue.url, "WaitTimeSeconds": 20 }).to_string(),
        );
        connection.write(&poll.to_bytes()).expect("accepted");
        sleep_ms(100);
        drop(connection);
        sleep_ms(100);
        let body = number.to_string();
        queue.send(&body);
        // No consumer has received it.
        let received = queue.gives(&[&body]);
        queue.delete(&received[0]);
    }
}

/// A client that still reads is answered, a long poll among them. Interim responses may come before the answer.
fn a_client_may_end_its_sending() {
    let broker = STRICT.get();
    let queue = broker.json_client().queue();
    for wait in [0, 1, 20] {
        let poll = json!({ "QueueUrl": queue.url, "WaitTimeSeconds": wait });
        let json = json_protocol::request("ReceiveMessage", poll.to_string());
        let query = query_protocol::request(form(&query_protocol::parameters("ReceiveMessage", &poll)));
        let get = form(&query_protocol::parameters("ReceiveMessage", &poll));
        let get = Request::new("GET", &format!("/?{get}"), "").header("Host", "h");
        for request in [json, query, get] {
            let mut connection = broker.connect();
            connection.write(&request.to_bytes()).expect("accepted");
            connection.finish().expect("half closed");
            if wait == 20 {
                sleep_ms(300);
                queue.send("m");
            }
            let response = final_response(&mut connection).expect("an answer");
            assert_eq!(response.status, 200, "{response:?}");
            assert_eq!(response.text().contains("ReceiptHandle"), wait == 20, "{}", response.text());
            assert!(connection.is_closed());
        }
        queue.ok("PurgeQueue", json!({}));
    }
}

fn connections_have_a_limit() {
    let broker = Launch::new().configured("[limits]\nconnections_max = 4").start();
    let list = json_protocol::request("ListQueues", "{}");
    let queue = broker.json_client().queue();
    let receive = json!({ "QueueUrl": queue.url, "WaitTimeSeconds": 20 }).to_string();
    // A connection that is idle would make room.
    let hold = |number: u32| {
        let mut connection = broker.connect();
        connection.write(&json_protocol::request("ReceiveMessage", receive.clone()).to_bytes()).expect("accepted");
        eventually("the receive waits", || {
            let waiting = sample(&broker.metrics(), "posthouse_waiting_receives", &[]);
            (waiting == Some(f64::from(number))).then_some(())
        });
        connection
    };
    let mut held: Vec<Connection> = (1..=4).map(hold).collect();
    let mut one_more = broker.connect();
    let response = one_more.exchange(&list).or_else(|_| one_more.read());
    if let Ok(response) = response {
        assert_eq!(response.status, 503, "{response:?}");
    }
    assert!(one_more.is_closed());
    drop(held.pop());
    eventually("room after others left", || {
        broker.connect().exchange(&list).ok().filter(|response| response.status == 200)
    });
    let send = json!({ "QueueUrl": queue.url, "MessageBody": "m" }).to_string();
    // The broker may learn a little later that the connection before it has ended.
    eventually("room for a sender", || {
        let answer = broker.connect().exchange(&json_protocol::request("SendMessage", send.clone()));
        answer.ok().filter(|answer| answer.status == 200)
    });
    // Receives are served in the order in which they came.
    assert!(held[0].read().expect("those within go on").text().contains("Body"));
}

/// Valid requests with bytes changed, removed and repeated at random. No answer is a server's error.
fn random_damage() {
    let broker = STRICT.get();
    let url = broker.json_client().queue().url;
    let message = json!({
        "QueueUrl": url, "MessageBody": "body", "DelaySeconds": 1,
        "MessageAttributes": { "a": { "DataType": "Number", "StringValue": "1" } }
    });
    damage(
        "random_damage",
        &[
            json_protocol::request("SendMessage", message.to_string()).to_bytes(),
            query_protocol::request(form(&query_protocol::parameters("SendMessage", &message))).to_bytes(),
            json_protocol::request("ReceiveMessage", json!({ "QueueUrl": url }).to_string()).to_bytes(),
        ],
    );
}

/// Damages valid requests at random places. Fails if an answer is a server's error.
fn damage(case: &str, valid: &[Vec<u8>]) {
    let seed = seed(case);
    let mut random = StdRng::seed_from_u64(seed);
    let broker = STRICT.get();
    for round in 0..600 {
        let mut bytes = valid[round % valid.len()].clone();
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(0..bytes.len());
            match random.random_range(0..4) {
                0 => bytes[at] = random.random(),
                1 => drop(bytes.drain(at..(at + random.random_range(1..20)).min(bytes.len()))),
                2 => bytes.insert(at, random.random()),
                _ => {
                    let piece = bytes[at..(at + 30).min(bytes.len())].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        if let Some(response) = answer(&broker, &bytes) {
            assert!(
                response.status < 500,
                "seed {seed}, round {round}: {response:?} to {}",
                String::from_utf8_lossy(&bytes)
            );
        }
    }
    still_works(&broker);
}

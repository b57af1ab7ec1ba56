//! What clients without a key, slow clients and clients behind proxies get: small bodies, a part of the memory and of the
//! connections, and never those of others.

use std::time::{Duration, Instant, SystemTime};

use serde_json::json;

use crate::shared::ALICE;
use crate::support::broker::sample;
use crate::support::http::{Connection, Request, Response};
use crate::support::signature::{Credentials, sign};
use crate::support::{Broker, Client, Launch, eventually, json_protocol, query_protocol, sleep_ms};

mod proxies;

use proxies::{
    a_proxy_says_who_the_client_is, addresses_that_are_no_proxies_cannot, health_checks_of_a_proxy_are_its_own,
    what_is_no_header_closes_the_connection,
};

crate::cases! {
    bodies_without_a_key_lock_no_client_out,
    a_body_that_stops_makes_room_where_there_are_no_users,
    the_size_of_a_body_depends_on_its_head,
    an_anonymous_message_of_a_mebibyte_is_taken,
    connections_without_a_key_lock_no_client_out,
    the_longest_idle_connection_makes_room,
    a_body_must_keep_pace,
    a_receive_that_waits_holds_no_body,
    an_idle_scraper_keeps_no_probe_out,
    a_proxy_says_who_the_client_is,
    addresses_that_are_no_proxies_cannot,
    health_checks_of_a_proxy_are_its_own,
    what_is_no_header_closes_the_connection,
}

/// A broker with one user, and these limits.
fn launch(limits: &str) -> Launch {
    Launch::new().configured(&format!("[limits]\n{limits}")).user("alice", "111111111111", ALICE.0, ALICE.1)
}

fn alice(broker: &Broker) -> Client {
    let credentials = Some(Credentials::new(ALICE.0, ALICE.1, "us-east-1"));
    Client { credentials, ..broker.json_client() }
}

fn signed(mut request: Request) -> Request {
    sign(&mut request, &Credentials::new(ALICE.0, ALICE.1, "us-east-1"), SystemTime::now());
    request
}

/// The head of a request whose body is announced to have so many bytes.
fn head(request: &Request, body_bytes: usize) -> Vec<u8> {
    let mut request = request.clone().header("Content-Length", &body_bytes.to_string());
    request.body.clear();
    request.to_bytes()
}

/// Connections that send `sent` of the `announced` bytes of an unsigned request's body, and then nothing.
fn unfinished(broker: &Broker, connections: usize, sent: usize, announced: usize) -> Vec<Connection> {
    let request = json_protocol::request("SendMessage", "");
    let begin = |_| {
        let mut connection = broker.connect();
        connection.write(&head(&request, announced)).expect("accepted");
        // The broker may refuse the body while it is sent.
        let _ = connection.write(&vec![b' '; sent]);
        connection
    };
    (0..connections).map(begin).collect()
}

fn bodies_without_a_key_lock_no_client_out() {
    let broker =
        launch("bodies_bytes_max = 4194304\nbody_bytes_max = 1048576\nunsigned_body_bytes_max = 262144").start();
    let queue = alice(&broker).queue();
    let attackers = unfinished(&broker, 33, 260_000, 262_144);
    // Their part is a quarter. A client with a key has all the rest.
    let body = "x".repeat(900_000);
    for _ in 0..3 {
        queue.send(&body);
    }
    // One without a key gets in once a body of theirs has stopped for half a second.
    let anonymous = json_protocol::request(
        "SendMessage",
        json!({ "QueueUrl": queue.url, "MessageBody": body[..200_000] }).to_string(),
    );
    let answer = eventually("an anonymous client's turn", || {
        let response = broker.connect().exchange(&anonymous).ok()?;
        (response.status != 503).then_some(response)
    });
    assert_eq!(answer.status, 403, "it is read, and refused for want of a policy: {}", answer.text());
    drop(attackers);
}

fn a_body_that_stops_makes_room_where_there_are_no_users() {
    let broker = Launch::new().configured("[limits]\nbodies_bytes_max = 1048576\nbody_bytes_max = 1048576").start();
    let queue = broker.json_client().queue();
    let attackers = unfinished(&broker, 4, 262_000, 1_048_576);
    let send = json_protocol::request(
        "SendMessage",
        json!({ "QueueUrl": queue.url, "MessageBody": "m".repeat(50_000) }).to_string(),
    );
    eventually("room for a message", || {
        broker.connect().exchange(&send).is_ok_and(|response| response.status == 200).then_some(())
    });
    drop(attackers);
}

fn the_size_of_a_body_depends_on_its_head() {
    let broker = launch("body_bytes_max = 200000\nunsigned_body_bytes_max = 100000").start();
    let queue = alice(&broker).queue();
    let body = json!({ "QueueUrl": queue.url, "MessageBody": "x".repeat(150_000) }).to_string();
    let exchange = |request: &Request| broker.connect().exchange(request).expect("an answer");
    let send = || json_protocol::request("SendMessage", body.clone());
    assert_eq!(exchange(&signed(send())).status, 200);
    let mut old = send();
    sign(&mut old, &Credentials::new(ALICE.0, ALICE.1, "us-east-1"), SystemTime::now() - Duration::from_secs(3600));
    let mut unknown = send();
    sign(&mut unknown, &Credentials::new("AKIDNOBODY", "x", "us-east-1"), SystemTime::now());
    for (what, request) in [("unsigned", send()), ("a date long past", old), ("an unknown key", unknown)] {
        // Only the head is sent, so the broker cannot have waited for the body.
        let mut connection = broker.connect();
        connection.write(&head(&request, request.body.len())).expect("accepted");
        let response = connection.read().expect("an answer");
        assert_eq!(response.status, 413, "{what}");
        assert!(response.text().contains("without the access key of a user"), "{what}: {}", response.text());
    }
    let longer = json_protocol::request("SendMessage", "x".repeat(200_001));
    let response = exchange(&signed(longer));
    assert!(response.status == 413 && response.text().contains("larger than 200000 bytes"), "{}", response.text());
}

fn an_anonymous_message_of_a_mebibyte_is_taken() {
    let broker = launch("").start();
    let queue = alice(&broker).queue();
    let policy =
        json!({ "Statement": [{ "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*" }] });
    queue.set(&[("Policy", &policy.to_string()), ("MaximumMessageSize", "1048576")]);
    // Each character takes three in the form.
    let form = format!("Action=SendMessage&QueueUrl={}&MessageBody={}", queue.url, "%3D".repeat(1_048_576));
    let response = broker.connect().exchange(&query_protocol::request(form)).expect("an answer");
    assert_eq!(response.status, 200, "{}", response.text());
}

fn answers(connection: &mut Connection, request: &Request) -> bool {
    connection.exchange(request).is_ok_and(|response: Response| response.status == 200)
}

fn connections_without_a_key_lock_no_client_out() {
    let broker = launch("connections_max = 40").start();
    let list = || signed(json_protocol::request("ListQueues", "{}"));
    let mut before = broker.connect();
    assert!(answers(&mut before, &list()));
    // Idle ones, ones that never finish a head, and ones that never finish a body.
    let mut attackers = Vec::new();
    for number in 0..120 {
        let mut connection = broker.connect();
        let bytes = match number % 3 {
            0 => json_protocol::request("ListQueues", "{}").to_bytes(),
            1 => b"POST / HTTP/1.1\r\nHost: h\r\n".to_vec(),
            _ => head(&json_protocol::request("ListQueues", ""), 1000),
        };
        let _ = connection.write(&bytes);
        attackers.push(connection);
        if number % 10 == 0 {
            assert!(answers(&mut broker.connect(), &list()), "a newcomer with a key is served, after {number}");
        }
    }
    assert!(answers(&mut before, &list()), "a client with a key keeps its connection");
    let open = sample(&broker.metrics(), "posthouse_connections", &[]).expect("it is counted");
    assert!(open <= 40.0 + 32.0, "{open}");
}

fn the_longest_idle_connection_makes_room() {
    let broker = Launch::new().configured("[limits]\nconnections_max = 3").start();
    let list = json_protocol::request("ListQueues", "{}");
    let queue = broker.json_client().queue();
    let receive = json!({ "QueueUrl": queue.url, "WaitTimeSeconds": 20 }).to_string();
    // `queue` has used one connection, which is the first to go.
    let mut waits = broker.connect();
    waits.write(&json_protocol::request("ReceiveMessage", receive).to_bytes()).expect("accepted");
    let mut idle = broker.connect();
    assert!(answers(&mut idle, &list));
    sleep_ms(10);
    let mut newer = broker.connect();
    assert!(answers(&mut newer, &list) && answers(&mut idle, &list));
    sleep_ms(10);
    let mut newest = broker.connect();
    assert!(answers(&mut newest, &list));
    assert!(newer.is_closed(), "it was idle the longest");
    assert!(answers(&mut idle, &list) && answers(&mut newest, &list));
    let send = json!({ "QueueUrl": queue.url, "MessageBody": "m" }).to_string();
    assert!(answers(&mut newest, &json_protocol::request("SendMessage", send)));
    assert_eq!(waits.read().expect("a request under way is not cut off").status, 200);
}

fn a_body_must_keep_pace() {
    let broker = launch("body_grace_seconds = 1\nbody_seconds_max = 20\nbody_bytes_per_second_min = 1000").start();
    let start = Instant::now();
    // It trickles, which a deadline between two reads would allow.
    let mut slow = unfinished(&broker, 1, 10, 100_000).remove(0);
    let trickles = std::thread::spawn(move || {
        for _ in 0..40 {
            sleep_ms(50);
            if slow.write(b"  ").is_err() {
                break;
            }
        }
        slow.read()
    });
    let mut stopped = unfinished(&broker, 1, 90_000, 100_000).remove(0);
    let response = stopped.read().expect("an answer");
    assert_eq!(response.status, 408, "{}", response.text());
    if let Ok(response) = trickles.join().expect("no panic") {
        assert_eq!(response.status, 408);
    }
    assert!(start.elapsed() < Duration::from_secs(15), "both long before the time that a body may take");
}

/// A receive that brought a large body, of which nothing is needed, and waits for messages.
fn a_receive_that_waits_holds_no_body() {
    let broker = launch("bodies_bytes_max = 2097152\nbody_bytes_max = 1048576").start();
    let client = alice(&broker);
    let (empty, queue) = (client.queue(), client.queue());
    let padding = "x".repeat(700_000);
    let receive = json!({ "QueueUrl": empty.url, "WaitTimeSeconds": 20, "Padding": padding }).to_string();
    let waiting: Vec<_> = (0..4)
        .map(|number| {
            let mut connection = broker.connect();
            connection
                .write(&signed(json_protocol::request("ReceiveMessage", receive.clone())).to_bytes())
                .expect("accepted");
            eventually("the receive waits", || {
                let metrics = broker.metrics();
                let waiting = sample(&metrics, "posthouse_waiting_receives", &[]);
                waiting.is_some_and(|waiters| waiters > f64::from(number)).then_some(())
            });
            connection
        })
        .collect();
    eventually("room for another client", || {
        let send = json!({ "QueueUrl": queue.url, "MessageBody": padding }).to_string();
        answers(&mut broker.connect(), &signed(json_protocol::request("SendMessage", send))).then_some(())
    });
    drop(waiting);
}

fn an_idle_scraper_keeps_no_probe_out() {
    let broker = launch("").start();
    let idle: Vec<_> = (0..200).filter_map(|_| Connection::open(broker.admin).ok()).collect();
    let health = broker.admin_get("/healthz").expect("an answer");
    assert_eq!(health.status, 200);
    drop(idle);
}

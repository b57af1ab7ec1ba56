//! Push endpoints, events, sessions and the storage in the admin API.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value as Json, json};

use super::{NONE, OPERATOR, VIEWER, with_roles};
use crate::shared::OPEN;
use crate::support::admin::Admin;
use crate::support::endpoint::Answer;
use crate::support::http::Response;
use crate::support::{Broker, Endpoint, Launch, PATIENCE, Topic, eventually, unique};

/// A notification fails, is to be tried again in ten minutes, and is tried at once.
pub(super) fn a_push_endpoint_is_shown_and_tried_now() {
    let broker = OPEN.get();
    let admin = broker.admin_api();
    let endpoint = Endpoint::answering(|_, earlier| Answer::Status(if earlier == 0 { 503 } else { 200 }));
    let topic = Topic::create(&broker.json_client(), &format!("push-{}", unique()), &[]);
    let policy = r#"{"healthyRetryPolicy":{"minDelayTarget":600,"maxDelayTarget":600,"numRetries":3}}"#;
    topic.subscribe_endpoint(&endpoint, "/", &[("DeliveryPolicy", policy)]);
    topic.publish("hello");
    let list = format!("/v1/push?filter={}", topic.name);
    let target = eventually("the failure is shown", || {
        let target = admin.get(&list)["items"][0].clone();
        (target["latest_attempt"]["status"] == 503 && target["waiting"] == 1).then_some(target)
    });
    assert_eq!((&target["protocol"], &target["backlog"], &target["failures"]), (&json!("http"), &json!(1), &json!(1)));
    assert_eq!(target["latest_attempt"]["delivered"], false, "{target}");
    assert!(target["next_retry"].is_string() && target["window"].is_u64(), "{target}");
    assert_eq!(admin.get(&format!("{list}&failing=true"))["items"].as_array().map(Vec::len), Some(1));
    let id = target["id"].as_str().expect("an id");
    eventually("it is tried now", || {
        let asked = admin.post(&format!("/v1/push/{id}/retry"), &json!({}));
        assert!(asked["deliveries"].is_u64(), "{asked}");
        (endpoint.notifications("/").len() == 2).then_some(())
    });
    eventually("it arrived", || {
        let target = admin.get(&list)["items"][0].clone();
        (target["latest_attempt"]["delivered"] == true && target["backlog"] == 0 && target["failures"] == 0)
            .then_some(())
    });
    for id in ["none", "%FF", "bm8"] {
        let refused = admin.refused("POST", &format!("/v1/push/{id}/retry"), "");
        assert_eq!(refused, (404, "not_found".into()), "{id}");
    }
}

pub(super) fn events_are_sent_each_second() {
    let broker = OPEN.get();
    let name = format!("events-{}", unique());
    broker.json_client().ok("CreateQueue", &json!({"QueueName": name}));
    let open = |target: &str| {
        let mut stream = TcpStream::connect(broker.admin).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        write!(stream, "GET {target} HTTP/1.1\r\nhost: {}\r\n\r\n", broker.admin).expect("sent");
        BufReader::new(stream)
    };
    let mut watcher = open(&format!("/v1/events?filter={name}"));
    let looks = |watcher: &mut BufReader<TcpStream>, count: usize| {
        let lines = watcher.lines().map(|line| line.expect("a line"));
        let data = lines.filter_map(|line| line.strip_prefix("data: ").map(str::to_owned));
        data.take(count).map(|data| serde_json::from_str(&data).expect("JSON")).collect::<Vec<Json>>()
    };
    // The first look may be one that another test caused before there was the queue.
    let seen = looks(&mut watcher, 3).split_off(1);
    for look in &seen {
        assert_eq!(look["items"]["items"][0]["name"], name, "{look}");
        assert!(look["queues"]["count"].is_u64() && look["storage"].is_object(), "{look}");
    }
    assert_ne!(seen[0]["now"], seen[1]["now"]);
    assert!(seen[1]["items"]["items"][0]["per_second"].is_object(), "two looks make rates: {}", seen[1]);
    // Other watchers take all places that are left.
    let watchers: Vec<_> = (0..31).map(|_| open("/v1/events?limit=1")).collect();
    let refused = eventually("no place is left", || {
        let answer = broker.admin_get("/v1/events?colour=red").expect("an answer");
        assert_eq!(answer.status, 400, "{answer:?}");
        let mut one_more = open("/v1/events?limit=1");
        let mut status = String::new();
        one_more.read_line(&mut status).expect("a status");
        status.contains(" 429 ").then_some(status)
    });
    assert!(refused.contains("429"));
    drop(watchers);
    let mut again = eventually("the places are free again", || {
        let mut watcher = open("/v1/events?limit=1");
        let mut status = String::new();
        watcher.read_line(&mut status).expect("a status");
        status.contains(" 200 ").then_some(watcher)
    });
    assert_eq!(looks(&mut again, 1).len(), 1);
}

/// Logs in. Returns the answer, and the cookie as a request has it.
fn login(admin: &Admin, (id, secret): (&str, &str)) -> (Response, Option<String>) {
    let body = json!({"access_key_id": id, "secret_access_key": secret}).to_string();
    let request = admin.request("POST", "/v1/login", body).header("Content-Type", "application/json");
    let answer = admin.exchange(&request);
    let cookie = answer.header("set-cookie").and_then(|cookie| cookie.split(';').next()).map(str::to_owned);
    (answer, cookie)
}

pub(super) fn a_browser_logs_in_and_out() {
    let broker = with_roles().start();
    let admin = broker.admin_api();
    let (answer, cookie) = login(&admin, VIEWER);
    assert_eq!(answer.status, 200, "{answer:?}");
    let set = answer.header("set-cookie").expect("a cookie");
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(set.contains(attribute), "{set}");
    }
    assert!(!answer.text().contains(VIEWER.1));
    let cookie = cookie.expect("a cookie");
    let with = |method: &str, target: &str, headers: &[(&str, &str)]| {
        let mut request = admin.request(method, target, "{}").header("Cookie", &cookie);
        headers.iter().for_each(|(name, value)| request.set(name, value));
        admin.exchange(&request).status
    };
    let own = format!("http://{}", broker.admin);
    assert_eq!(with("GET", "/v1/overview", &[]), 200);
    assert_eq!(with("GET", "/v1/overview", &[("Origin", "https://evil.example")]), 403);
    assert_eq!(with("POST", "/v1/queues/111111111111/q/purge", &[("Origin", &own)]), 403, "a viewer changes nothing");
    assert_eq!(with("POST", "/v1/logout", &[]), 403, "the browser does not say for which page");
    assert_eq!(with("POST", "/v1/logout", &[("Origin", &own)]), 200);
    assert_eq!(with("GET", "/v1/overview", &[]), 401, "the session has ended");

    assert_eq!(login(&admin, NONE).0.status, 403, "it has no role");
    let operator = login(&admin, OPERATOR).1.expect("a cookie");
    let request = admin.request("POST", "/v1/queues/111111111111/none/purge", "{}").header("Cookie", &operator);
    assert_eq!(admin.exchange(&request.header("Sec-Fetch-Site", "same-origin")).status, 404, "an operator may");
    let body = json!({"access_key_id": "a", "secret_access_key": "x".repeat(5_000)}).to_string();
    assert_eq!(admin.refused("POST", "/v1/login", body), (413, "too_large".into()));
    assert_eq!(admin.refused("GET", "/v1/login", ""), (405, "method_not_allowed".into()));
    for _ in 0..5 {
        assert_eq!(login(&admin, (OPERATOR.0, "wrong")).0.status, 401);
    }
    assert_eq!(login(&admin, OPERATOR).0.status, 429, "this address failed too often");
    let open = OPEN.get().admin_api();
    assert_eq!(login(&open, OPERATOR).0.status, 409, "there are no users");
}

/// A session and a stream of events end when the secret of their user changes, whoever has the key then.
pub(super) fn a_session_ends_with_the_secret_of_its_user() {
    let user = |name: &str, secret: &str| {
        format!(
            "[[users]]\nname = \"{name}\"\naccount = \"111111111111\"\naccess_key_id = \"AKIDONE\"\n\
             secret_access_key = \"{secret}\"\nrole = \"operator\"\n"
        )
    };
    let mut broker = Launch::new().configured(&user("one", "first")).start();
    let admin = broker.admin_api();
    let cookie = login(&admin, ("AKIDONE", "first")).1.expect("a cookie");
    let status = || admin.exchange(&admin.request("GET", "/v1/overview", "").header("Cookie", &cookie)).status;
    assert_eq!(status(), 200);
    let mut stream = TcpStream::connect(broker.admin).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let host = broker.admin;
    write!(stream, "GET /v1/events HTTP/1.1\r\nhost: {host}\r\ncookie: {cookie}\r\nconnection: close\r\n\r\n")
        .expect("sent");
    broker.reconfigure(&user("one", "first"));
    broker.reload();
    assert_eq!(status(), 200, "a reload that changes nothing ends no session");
    broker.reconfigure(&user("two", "second"));
    broker.reload();
    assert_eq!(status(), 401, "the key is another user's");
    let mut events = String::new();
    stream.read_to_string(&mut events).expect("the stream ends");
    assert!(events.contains("event: look"), "{events}");
}

pub(super) fn probes_may_need_a_role() {
    let broker = with_roles().flag("admin-probes", "viewer").spawn();
    eventually("it listens", || broker.admin_get("/readyz").ok());
    let admin = broker.admin_api();
    let status = |admin: &Admin, path: &str| admin.exchange(&admin.request("GET", path, "")).status;
    let viewer = admin.clone().with_key(VIEWER);
    eventually("it is ready", || (status(&viewer, "/readyz") == 200).then_some(()));
    for path in ["/healthz", "/readyz", "/metrics"] {
        let found = [&admin, &admin.clone().with_key(NONE), &viewer].map(|admin| status(admin, path));
        assert_eq!(found, [401, 403, 200], "{path}");
    }
}

pub(super) fn the_storage_and_damage_are_shown() {
    let broker: &Broker = &OPEN.get();
    let admin = broker.admin_api();
    let storage = admin.get("/v1/storage");
    assert!(storage["log"]["file_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{storage}");
    assert_eq!((&storage["full"], &storage["failure"]), (&json!(false), &json!(null)));
    assert_eq!(storage["backup"], json!({"state": "none"}));
    assert_eq!(admin.get("/v1/damaged"), json!({"items": [], "next": null}));
    assert_eq!(admin.post("/v1/damaged/drop", &json!({"ids": ["7-00000000002a1f38"]})), json!({"dropped": []}));
    assert_eq!(admin.refused("POST", "/v1/damaged/drop", r#"{"ids": ["x"]}"#), (400, "bad_request".into()));
    assert_eq!(admin.refused("GET", "/v1/damaged?after=x", ""), (400, "bad_request".into()));
}

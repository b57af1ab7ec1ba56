//! Web pages against a broker without users: what a page makes its visitor's browser send is refused, and nothing that a
//! program sends is.

use serde_json::json;

use crate::shared::{ALICE, OPEN, USERS};
use crate::support::http::{Request, Response};
use crate::support::signature::{Credentials, sign};
use crate::support::{Broker, Launch, json_protocol};

crate::cases! {
    a_page_cannot_delete_a_queue,
    a_preflight_is_not_answered,
    a_page_whose_name_was_rebound_cannot_call,
    programs_may_call_by_any_name,
    links_of_notifications_may_be_followed,
    listed_hosts_exclude_all_others,
    signed_requests_may_come_from_a_browser,
}

/// What browsers add to a request of another site's page: a form, an image, a script request without a preflight.
const PAGES: &[&[(&str, &str)]] = &[
    &[("Origin", "https://evil.example")],
    &[("Origin", "null")],
    &[("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")],
    &[("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Mode", "navigate")],
    &[("Accept-Language", "en-US,en;q=0.9"), ("User-Agent", "Mozilla/5.0"), ("Referer", "http://evil.example/")],
    &[("Accept-Language", "*"), ("User-Agent", "aws-sdk-go")],
];

fn with(mut request: Request, headers: &[(&str, &str)]) -> Request {
    for (name, value) in headers {
        request.set(name, value);
    }
    request
}

fn exchange(broker: &Broker, request: &Request) -> Response {
    broker.connect().exchange(request).expect("an answer")
}

#[track_caller]
fn is_denied(response: &Response, because: &str) {
    assert_eq!(response.status, 403, "{response:?}");
    assert!(response.text().contains("AccessDenied") && response.text().contains(because), "{}", response.text());
    let cors = "access-control-allow-origin";
    assert_eq!(response.header(cors), None, "a page must not read this");
}

fn a_page_cannot_delete_a_queue() {
    let broker = OPEN.get();
    let queue = broker.json_client().queue();
    let form = format!("Action=DeleteQueue&QueueUrl=/000000000000/{}", queue.name);
    for page in PAGES {
        for host in ["localhost:9324", "127.0.0.1:9324", "192.168.1.5:9324", "posthouse:9324", "evil.example:9324"] {
            let image = Request::new("GET", &format!("/?{form}"), "").header("Host", host);
            is_denied(&exchange(&broker, &with(image, page)), "takes no requests of web pages");
        }
        // The content types of forms, which need no preflight. The parameters may be in the URL.
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
            let post = Request::new("POST", &format!("/?{form}"), form.clone())
                .header("Host", "localhost:9324")
                .header("Content-Type", kind);
            is_denied(&exchange(&broker, &with(post, page)), "takes no requests of web pages");
        }
        let json = json_protocol::request("DeleteQueue", json!({ "QueueUrl": queue.url }).to_string());
        is_denied(&exchange(&broker, &with(json, page)), "takes no requests of web pages");
    }
    queue.send("it is still there");
}

/// The refusal makes the browser drop the request that it asked for.
fn a_preflight_is_not_answered() {
    let preflight = Request::new("OPTIONS", "/", "")
        .header("Host", "localhost:9324")
        .header("Origin", "https://evil.example")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "x-amz-target");
    let response = exchange(&OPEN.get(), &preflight);
    assert_eq!(response.status, 405, "{response:?}");
    assert_eq!(response.header("access-control-allow-origin"), None);
}

/// DNS rebinding: the page and the broker have the same name, which the attacker's name server resolves to loopback.
fn a_page_whose_name_was_rebound_cannot_call() {
    let broker = OPEN.get();
    let host = "evil.example:9324";
    for page in [("Origin", "http://evil.example:9324"), ("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "none")]
    {
        let request = with(json_protocol::request("ListQueues", "{}"), &[("Host", host), page]);
        is_denied(&exchange(&broker, &request), "`allowed_hosts`");
        // The same page on the broker's own name is the broker's own.
        let own = page.1.replace("evil.example", "localhost");
        let request = with(request, &[("Host", "localhost:9324"), (page.0, &own)]);
        assert_eq!(exchange(&broker, &request).status, 200, "{page:?}");
    }
}

fn programs_may_call_by_any_name() {
    let broker = OPEN.get();
    for host in
        ["posthouse:9324", "sqs.us-east-1.localhost.localstack.cloud:4566", "sqs.eu-west-1.amazonaws.com", "a.b.svc"]
    {
        for headers in [
            &[("User-Agent", "Boto3/1.42.0 md/Botocore#1.42.0 ua/2.1"), ("Accept-Encoding", "identity")][..],
            &[("User-Agent", "aws-sdk-js/3.9 lang/js"), ("X-Amz-User-Agent", "aws-sdk-js/3.9")],
            // Node's `fetch`.
            &[("Accept-Language", "*"), ("Sec-Fetch-Mode", "cors"), ("User-Agent", "node"), ("Accept", "*/*")],
        ] {
            let request = with(json_protocol::request("ListQueues", "{}"), headers).header("Host", host);
            assert_eq!(exchange(&broker, &request).status, 200, "{host} {headers:?}");
        }
    }
}

fn links_of_notifications_may_be_followed() {
    let broker = OPEN.get();
    for link in [
        "/?Action=Unsubscribe&SubscriptionArn=arn:aws:sns:us-east-1:000000000000:t:9c3b6f3e-0000-4000-8000-000000000000",
        "/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:us-east-1:000000000000:t&Token=x",
    ] {
        for page in PAGES {
            let request = with(Request::new("GET", link, "").header("Host", "queues.example.com"), page);
            let response = exchange(&broker, &request);
            assert!(!response.text().contains("AccessDenied"), "{link}: {}", response.text());
        }
    }
}

fn listed_hosts_exclude_all_others() {
    let broker = Launch::new().top("allowed_hosts = \"queues.example.com, .svc\"").start();
    for (host, status) in [
        ("queues.example.com:9324", 200),
        ("posthouse.svc", 200),
        ("localhost:9324", 200),
        ("127.0.0.1:9324", 200),
        ("posthouse", 403),
        ("evil.example", 403),
    ] {
        let request = json_protocol::request("ListQueues", "{}").header("Host", host);
        let response = exchange(&broker, &request);
        assert_eq!(response.status, status, "{host}: {}", response.text());
    }
}

/// A page has no user's key, so a signature says enough.
fn signed_requests_may_come_from_a_browser() {
    let broker = USERS.get();
    for page in PAGES {
        let mut request = with(json_protocol::request("ListQueues", "{}"), page).header("Host", "evil.example");
        sign(&mut request, &Credentials::new(ALICE.0, ALICE.1, "us-east-1"), std::time::SystemTime::now());
        assert_eq!(exchange(&broker, &request).status, 200, "{page:?}");
    }
}

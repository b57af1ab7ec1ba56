//! Authentication and authorization: signatures, anonymous callers, other accounts, policies, and a broker without
//! users.

mod topics;

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::shared::{ALICE, USERS};
use crate::support::client::NO_QUEUE;
use crate::support::http::{Request, Response};
use crate::support::signature::{Credentials, presign, sign};
use crate::support::{Broker, Client, Launch, PROTOCOLS, Queue, form, json_protocol, query_protocol};

use topics::{
    a_forged_link_ends_nothing, a_queues_policy_allows_topics, a_signature_is_for_one_service,
    a_subscription_shows_its_subscriber, a_topics_policy_allows_other_accounts, anonymous_publishers_need_a_policy,
    topics_take_right_signatures,
};

crate::cases! {
    a_right_signature_is_taken,
    users_of_an_account_share_it,
    wrong_signatures_are_refused,
    a_changed_request_fails_its_signature,
    clocks_may_differ_a_little,
    malformed_signatures_are_refused,
    a_presigned_url_works_until_it_expires,
    refusals_come_in_the_protocol_of_the_request,
    anonymous_callers_need_a_policy,
    other_accounts_need_a_permission,
    a_deny_goes_before_an_allow,
    conditions_are_evaluated,
    secrets_are_not_logged,
    without_users_every_credential_is_taken,
    without_users_only_loopback_is_bound,
    with_users_any_address_may_be_bound,
    topics_take_right_signatures,
    a_signature_is_for_one_service,
    a_topics_policy_allows_other_accounts,
    a_queues_policy_allows_topics,
    anonymous_publishers_need_a_policy,
    a_forged_link_ends_nothing,
    a_subscription_shows_its_subscriber,
}

fn alice() -> Credentials {
    Credentials::new(ALICE.0, ALICE.1, "us-east-1")
}

fn clients(broker: &Broker) -> impl Iterator<Item = Client> + '_ {
    PROTOCOLS.iter().map(|protocol| Client { credentials: Some(alice()), ..broker.client(*protocol) })
}

fn bob(client: &Client) -> Client {
    client.with_key("AKIDBOB", "bob's secret")
}

fn list_queues() -> Request {
    json_protocol::request("ListQueues", "{}")
}

fn exchange(request: &Request) -> Response {
    USERS.get().connect().exchange(request).expect("an answer")
}

/// Fails unless the answer refuses with 403 and one of these codes.
#[track_caller]
fn refused(what: &str, response: &Response, codes: &[&str]) {
    let refusal = json_protocol::answer(response).expect_err(what);
    assert_eq!(refusal.status, 403, "{what}: {refusal:?}");
    assert!(codes.contains(&refusal.code.as_str()), "{what}: {refusal:?}");
}

fn a_right_signature_is_taken() {
    for client in clients(&USERS.get()) {
        let queue = client.queue();
        assert_eq!(queue.arn().split(':').nth(4), Some("111111111111"));
        queue.send("signed & sealed ü");
        queue.gives(&["signed & sealed ü"]);
        let elsewhere = client.in_region("eu-central-1").queue();
        assert_eq!(elsewhere.arn().split(':').nth(3), Some("eu-central-1"));
    }
}

fn users_of_an_account_share_it() {
    for client in clients(&USERS.get()) {
        let queue = client.queue();
        queue.as_seen_by(&client.with_key("AKIDANTON", "anton's secret")).send("from anton");
        queue.gives(&["from anton"]);
    }
}

fn wrong_signatures_are_refused() {
    for (what, key, secret, code) in [
        ("another's secret", "AKIDALICE", "bob's secret", "SignatureDoesNotMatch"),
        ("an empty secret", "AKIDALICE", "", "SignatureDoesNotMatch"),
        ("an unknown key", "AKIDUNKNOWN", "alice's secret/+=", "InvalidClientTokenId"),
        ("an account as key", "111111111111", "any", "InvalidClientTokenId"),
    ] {
        let mut request = list_queues();
        sign(&mut request, &Credentials::new(key, secret, "us-east-1"), SystemTime::now());
        refused(what, &exchange(&request), &[code]);
    }
}

fn a_changed_request_fails_its_signature() {
    let signed = |target: &str| {
        let mut request = list_queues().header("X-Amz-Extra", "as signed");
        target.clone_into(&mut request.target);
        sign(&mut request, &alice(), SystemTime::now());
        request
    };
    assert_eq!(exchange(&signed("/")).status, 200);
    assert_eq!(exchange(&signed("/?b=2&a=%20x&empty=")).status, 200);
    type Change = fn(&mut Request);
    let changes: [(&str, Change); 6] = [
        ("the body", |request| request.body = br#"{"MaxResults":1}"#.to_vec()),
        ("a header", |request| request.set("X-Amz-Extra", "changed")),
        ("the host", |request| request.set("Host", "elsewhere")),
        ("the action", |request| request.set("X-Amz-Target", "AmazonSQS.DeleteQueue")),
        ("the query", |request| "/?a=1".clone_into(&mut request.target)),
        ("the date", |request| {
            let date = request.find("X-Amz-Date").expect("it is signed").to_owned();
            let last = if date.ends_with("0Z") { "1Z" } else { "0Z" };
            request.set("X-Amz-Date", &format!("{}{last}", &date[..date.len() - 2]));
        }),
    ];
    for (what, change) in changes {
        let mut request = signed("/");
        change(&mut request);
        refused(what, &exchange(&request), &["SignatureDoesNotMatch"]);
    }
}

fn clocks_may_differ_a_little() {
    let at = |time: SystemTime| {
        let mut request = list_queues();
        sign(&mut request, &alice(), time);
        exchange(&request)
    };
    let (now, minutes) = (SystemTime::now(), |minutes: u64| Duration::from_secs(minutes * 60));
    for time in [now - minutes(4), now + minutes(4)] {
        assert_eq!(at(time).status, 200);
    }
    for (what, time) in [("an old request", now - minutes(20)), ("a request of the future", now + minutes(20))] {
        refused(what, &at(time), &["SignatureDoesNotMatch", "RequestExpired"]);
    }
}

fn malformed_signatures_are_refused() {
    let mut signed = list_queues();
    sign(&mut signed, &alice(), SystemTime::now());
    let right = signed.find("Authorization").expect("it was signed").to_owned();
    for wrong in [
        String::new(),
        "Bearer token".into(),
        "AWS4-HMAC-SHA256".into(),
        right.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"),
        right.replace("Credential=", "Key="),
        right.replace("/aws4_request", ""),
        right.replace("/sqs/", "/sns/"),
        right.replace("Signature=", "Signature=zz"),
        right.split(", SignedHeaders").next().expect("a part").to_owned(),
        right.replace("host;", ""),
    ] {
        let mut request = signed.clone();
        request.set("Authorization", &wrong);
        let response = exchange(&request);
        assert!([400, 403].contains(&response.status), "{wrong}: {response:?}");
    }
}

fn a_presigned_url_works_until_it_expires() {
    let broker = USERS.get();
    let client = clients(&broker).next().expect("a protocol");
    let queue = client.queue();
    queue.send("m");
    let parameters = [
        ("Action", "ReceiveMessage"),
        ("QueueUrl", queue.url.as_str()),
        ("VisibilityTimeout", "0"),
        ("Version", "2012-11-05"),
    ];
    let get = |target: &str| exchange(&Request::new("GET", target, "").header("Host", "sqs.test:9324"));
    let url = |at: SystemTime, seconds: u32| presign("/", &parameters, "sqs.test:9324", &alice(), at, seconds);
    let now = SystemTime::now();
    let answer = query_protocol::answer("ReceiveMessage", &get(&url(now, 60))).expect("it is signed");
    assert_eq!(answer["Messages"][0]["Body"], json!("m"));
    let ago = |seconds: u64| now - Duration::from_secs(seconds);
    assert_eq!(get(&url(ago(3_000), 3_600)).status, 200, "its own time counts, not the clock's skew");
    for (what, target) in [
        ("an expired one", url(ago(120), 60)),
        ("a changed parameter", url(now, 60).replace("VisibilityTimeout=0", "VisibilityTimeout=9")),
        ("a longer life", url(now, 60).replace("X-Amz-Expires=60", "X-Amz-Expires=61")),
    ] {
        let refusal = query_protocol::answer("ReceiveMessage", &get(&target)).expect_err(what);
        assert_eq!(refusal.status, 403, "{what}: {refusal:?}");
    }
}

fn refusals_come_in_the_protocol_of_the_request() {
    let mut request = query_protocol::request(form::form(&query_protocol::parameters("ListQueues", &json!({}))));
    sign(&mut request, &Credentials::new("AKIDALICE", "wrong", "us-east-1"), SystemTime::now());
    let refusal = query_protocol::answer("ListQueues", &exchange(&request)).expect_err("a wrong secret");
    assert_eq!((refusal.status, refusal.code.as_str()), (403, "SignatureDoesNotMatch"));
}

fn set_policy(queue: &Queue, statements: &Value) {
    let policy = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    queue.set(&[("Policy", &policy)]);
}

#[track_caller]
fn denied(answer: Result<Value, crate::support::Refusal>) {
    let refusal = answer.expect_err("no policy allows it");
    assert!((400..500).contains(&refusal.status), "{refusal:?}");
    let codes = ["AccessDenied", NO_QUEUE, "MissingAuthenticationToken"];
    assert!(codes.contains(&refusal.code.as_str()), "{refusal:?}");
}

fn anonymous_callers_need_a_policy() {
    for client in clients(&USERS.get()) {
        let queue = client.queue();
        let anonymous = queue.as_seen_by(&client.anonymous());
        let send = json!({ "MessageBody": "from an anonymous caller" });
        denied(anonymous.call("SendMessage", send.clone()));
        denied(client.anonymous().call("ListQueues", &json!({})));
        denied(client.anonymous().call("CreateQueue", &json!({ "QueueName": "anonymous" })));
        set_policy(
            &queue,
            &json!([{ "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": queue.arn() }]),
        );
        anonymous.ok("SendMessage", send);
        denied(anonymous.call("ReceiveMessage", json!({})));
        queue.gives(&["from an anonymous caller"]);
    }
}

fn other_accounts_need_a_permission() {
    for client in clients(&USERS.get()) {
        let queue = client.queue();
        let foreign = queue.as_seen_by(&bob(&client));
        denied(foreign.call("SendMessage", json!({ "MessageBody": "m" })));
        queue.ok(
            "AddPermission",
            json!({ "Label": "bob", "AWSAccountIds": ["222222222222"], "Actions": ["SendMessage", "ReceiveMessage"] }),
        );
        foreign.send("m");
        foreign.gives(&["m"]);
        denied(foreign.call("PurgeQueue", json!({})));
        denied(foreign.call("DeleteQueue", json!({})));
        denied(foreign.call("SetQueueAttributes", json!({ "Attributes": { "DelaySeconds": "1" } })));
        let batch = json!({ "Entries": [{ "Id": "a", "MessageBody": "b" }] });
        foreign.ok("SendMessageBatch", batch);
        queue.ok("RemovePermission", json!({ "Label": "bob" }));
        denied(foreign.call("SendMessage", json!({ "MessageBody": "m" })));
        // The same name in bob's account is another queue.
        assert_ne!(Queue::create(&bob(&client), &queue.name, &[]).url, queue.url);
    }
}

fn a_deny_goes_before_an_allow() {
    for client in clients(&USERS.get()) {
        let queue = client.queue();
        let foreign = queue.as_seen_by(&bob(&client));
        set_policy(
            &queue,
            &json!([
                { "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::222222222222:root" }, "Action": "sqs:*",
                  "Resource": queue.arn() },
                { "Effect": "Deny", "Principal": "*", "Action": ["sqs:Receive*"], "Resource": "*" },
            ]),
        );
        foreign.send("m");
        denied(foreign.call("ReceiveMessage", json!({})));
    }
}

fn conditions_are_evaluated() {
    for client in clients(&USERS.get()) {
        let queue = client.queue();
        let foreign = queue.as_seen_by(&bob(&client));
        for (condition, allowed) in [
            (json!({ "IpAddress": { "aws:SourceIp": "127.0.0.0/8" } }), true),
            (json!({ "IpAddress": { "aws:SourceIp": ["10.0.0.0/8", "127.0.0.1"] } }), true),
            (json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } }), false),
            (json!({ "NotIpAddress": { "aws:SourceIp": "10.0.0.0/8" } }), true),
            (json!({ "Bool": { "aws:SecureTransport": "true" } }), false),
            (json!({ "Bool": { "aws:SecureTransport": "false" } }), true),
            (json!({ "StringEquals": { "aws:PrincipalAccount": "222222222222" } }), true),
            (json!({ "StringEquals": { "aws:PrincipalAccount": "111111111111" } }), false),
            (json!({ "DateGreaterThan": { "aws:CurrentTime": "2020-01-01T00:00:00Z" } }), true),
            (json!({ "DateLessThan": { "aws:CurrentTime": "2020-01-01T00:00:00Z" } }), false),
            (json!({ "IpAddress": { "aws:SourceIp": "127.0.0.1" }, "Bool": { "aws:SecureTransport": "true" } }), false),
        ] {
            set_policy(
                &queue,
                &json!([{ "Effect": "Allow", "Principal": { "AWS": "222222222222" }, "Action": "SQS:SendMessage",
                         "Resource": queue.arn(), "Condition": condition }]),
            );
            let answer = foreign.call("SendMessage", json!({ "MessageBody": "m" }));
            assert_eq!(answer.is_ok(), allowed, "{condition}: {answer:?}");
        }
    }
}

fn secrets_are_not_logged() {
    let mut broker = Launch::new()
        .configured("log = \"trace\"")
        .user("alice", "111111111111", "AKIDALICE", "alice's secret/+=")
        .start();
    for client in clients(&broker) {
        client.queue().send("m");
    }
    broker.stop();
    let log = broker.log();
    assert!(!log.is_empty());
    assert!(!log.contains("alice's secret"), "{log}");
}

fn without_users_every_credential_is_taken() {
    let broker = Launch::new().start();
    for protocol in PROTOCOLS {
        let client = broker.client(*protocol);
        let queue = client.queue();
        for caller in [client.with_key("anyone", "anything"), client.anonymous(), client.with_key("test", "")] {
            queue.as_seen_by(&caller).send("m");
        }
        assert_eq!(queue.counts(), [3, 0, 0]);
    }
    let log = broker.log().to_lowercase();
    assert!(log.contains("no") && log.contains("users"), "the start says so:\n{log}");
}

fn without_users_only_loopback_is_bound() {
    for launch in [
        Launch::new().flag("listen", "0.0.0.0:0"),
        Launch::new().flag("listen", "[::]:0"),
        Launch::new().flag("admin-listen", "0.0.0.0:0"),
        Launch::new().variable("POSTHOUSE_ADMIN_LISTEN", "0.0.0.0:0").without_ports(),
    ] {
        let said = launch.fails();
        assert!(said.contains("loopback") && said.contains("allow_anonymous_network"), "{said}");
    }
}

fn with_users_any_address_may_be_bound() {
    // Checked with `check-config`, so that no test listens on an address that other machines reach.
    let users = Launch::new().user("alice", "111111111111", "AKIDALICE", "secret");
    users.top("listen = \"0.0.0.0:9324\"").check_config().expect("users make it safe");
    let by_name = Launch::new().top("listen = \"0.0.0.0:9324\"\nallow_anonymous_network = true");
    by_name.check_config().expect("the operator says so by name");
    let refusal = Launch::new().top("listen = \"0.0.0.0:9324\"").check_config().expect_err("neither");
    assert!(refusal.contains("loopback"), "{refusal}");
}

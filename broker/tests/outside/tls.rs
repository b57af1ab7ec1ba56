//! TLS of the AWS API and of the admin listener: what clients see, what certificates decide, what a reload replaces, and
//! what a hostile client gains.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::support::broker::sample;
use crate::support::certificates::{Certificates, Quic, Secured, Shows, over_tls};
use crate::support::http::{Connection, Request};
use crate::support::{Broker, Launch, PATIENCE, PROTOCOLS, eventually, sleep_ms};

crate::cases! {
    the_api_works_over_tls_in_each_protocol,
    clients_choose_the_version_of_http,
    policies_may_ask_for_tls,
    a_client_without_tls_is_told_so,
    clients_may_have_to_show_a_certificate,
    handshakes_that_stand_still_end,
    handshakes_are_bounded_in_number,
    certificates_are_replaced_while_clients_are_connected,
    files_that_cannot_be_used_change_nothing,
    a_certificate_that_ends_soon_is_warned_of,
    files_that_cannot_be_used_stop_the_start,
    the_admin_listener_and_its_commands_use_tls,
}

/// A broker whose AWS API has TLS.
fn secured(certificates: &Certificates) -> Launch {
    certificates.secures("tls", Launch::new())
}

fn the_api_works_over_tls_in_each_protocol() {
    let certificates = Certificates::new();
    let broker = secured(&certificates).start();
    for protocol in PROTOCOLS {
        let client = broker.client_over_tls(*protocol, certificates.http_client(Shows::Nothing, &[]));
        let queue = client.queue();
        assert!(queue.url.starts_with("https://"), "{}", queue.url);
        let large = "ü".repeat(200_000);
        queue.send(&large);
        queue.gives(&[&large]);
        let topic = client.topic();
        topic.subscribe_queue(&queue);
        topic.publish("by topic");
        let envelope = queue.receive_one().body;
        assert!(envelope.contains("https://"), "{envelope}");
    }
    let mut broker = broker;
    broker.stop();
}

fn clients_choose_the_version_of_http() {
    let certificates = Certificates::new();
    let broker = secured(&certificates).start();
    for (offered, chosen) in
        [(&[&b"h2"[..], b"http/1.1"][..], Some(&b"h2"[..])), (&[b"http/1.1"], Some(b"http/1.1")), (&[], None)]
    {
        let client = certificates.http_client(Shows::Nothing, offered);
        let mut secured = Secured::connect(broker.sqs, &client).expect("a handshake");
        assert_eq!(secured.protocol().as_deref(), chosen);
        if chosen == Some(b"h2") {
            // The preface and empty settings: the broker answers with its own.
            secured.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").expect("written");
            let mut frame = [0; 9];
            secured.read_exact(&mut frame).expect("a frame");
            assert_eq!(frame[3], 4, "SETTINGS");
        }
    }
    let stranger = certificates.http_client(Shows::Nothing, &[b"spdy/1"]);
    assert!(Secured::connect(broker.sqs, &stranger).is_none(), "there is no protocol in common");
}

fn policies_may_ask_for_tls() {
    let policy = json!({ "Statement": [
        { "Effect": "Allow", "Action": "sqs:*", "Resource": "*" },
        { "Effect": "Deny", "Action": "sqs:*", "Resource": "*", "Condition": { "Bool": { "aws:SecureTransport": "false" } } },
    ] });
    let user = |launch: Launch| {
        launch.configured(&format!(
            "[[users]]\nname = \"ann\"\naccount = \"111122223333\"\naccess_key_id = \"AKIAANN\"\nsecret_access_key = \"s\"\n\
             policy = '{policy}'"
        ))
    };
    let certificates = Certificates::new();
    let broker = user(secured(&certificates)).start();
    let client = broker.client_over_tls(PROTOCOLS[0], certificates.http_client(Shows::Nothing, &[]));
    client.with_key("AKIAANN", "s").ok("ListQueues", &json!({}));
    let plain = user(Launch::new()).start();
    plain.json_client().with_key("AKIAANN", "s").refused("ListQueues", &json!({})).expect("AccessDenied");
}

fn a_client_without_tls_is_told_so() {
    let certificates = Certificates::new();
    let broker = certificates.secures("admin.tls", secured(&certificates)).spawn();
    await_admin(&broker, &certificates);
    for address in [broker.sqs, broker.admin] {
        let request = Request::new("POST", "/", "x".repeat(10_000)).header("Host", "localhost");
        let mut connection = Connection::open(address).expect("it listens");
        let answer = connection.exchange(&request).expect("an answer");
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.text().contains("use https://"), "{answer:?}");
        assert!(connection.is_closed());
    }
    // What is neither: the connection is closed, and the broker lives.
    for bytes in [&b"\x16\x03\x01\xff\xffnonsense"[..], b"\0\0\0\0", b"\x16"] {
        let mut stream = TcpStream::connect(broker.sqs).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
        stream.write_all(bytes).expect("written");
        stream.shutdown(std::net::Shutdown::Write).expect("shut down");
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    }
    broker.client_over_tls(PROTOCOLS[0], certificates.http_client(Shows::Nothing, &[])).queue();
}

fn clients_may_have_to_show_a_certificate() {
    let certificates = Certificates::new();
    let broker = certificates.asks_clients_in("tls", secured(&certificates)).start();
    let client = |shows| broker.client_over_tls(PROTOCOLS[0], certificates.http_client(shows, &[]));
    client(Shows::Certificate).queue().send("m");
    let mut nothing =
        Secured::connect(broker.sqs, &certificates.http_client(Shows::Nothing, &[])).expect("its side is done");
    let _ = nothing.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(nothing.read(&mut [0; 100]).is_err(), "an alert: a certificate is required");
}

/// Begins a handshake and does not go on with it.
fn half_a_handshake(broker: &Broker) -> TcpStream {
    let mut stream = TcpStream::connect(broker.sqs).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
    // The record says that 512 bytes follow.
    stream.write_all(&[&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], &[7; 100]].concat()).expect("written");
    stream
}

fn ends(mut stream: TcpStream) {
    let mut rest = Vec::new();
    // An alert may come first, and a reset is an end as well.
    let _ = stream.read_to_end(&mut rest);
    assert!(rest.len() < 100, "{rest:?}");
}

fn handshakes_that_stand_still_end() {
    let certificates = Certificates::new();
    let broker = secured(&certificates).configured("[limits]\nheader_seconds_max = 1").start();
    let silent = TcpStream::connect(broker.sqs).expect("it listens");
    silent.set_read_timeout(Some(PATIENCE)).expect("a deadline");
    let half = half_a_handshake(&broker);
    let begun = std::time::Instant::now();
    ends(half);
    ends(silent);
    assert!(begun.elapsed() < PATIENCE, "the broker has ended them");
    broker.client_over_tls(PROTOCOLS[0], certificates.http_client(Shows::Nothing, &[])).queue();
}

fn handshakes_are_bounded_in_number() {
    let certificates = Certificates::new();
    let limits = "[limits]\nheader_seconds_max = 600\nhandshakes_max = 4";
    let broker = secured(&certificates).configured(limits).start();
    let first = half_a_handshake(&broker);
    sleep_ms(100);
    let later: Vec<_> = (0..4).map(|_| half_a_handshake(&broker)).collect();
    ends(first);
    // A client that goes on is served while all others stand still.
    for _ in 0..3 {
        broker.client_over_tls(PROTOCOLS[0], certificates.http_client(Shows::Nothing, &[])).queue();
    }
    drop(later);
}

/// The certificate that a new connection is shown.
fn shown(broker: &Broker, certificates: &Certificates) -> Vec<u8> {
    let client = certificates.http_client(Shows::Nothing, &[]);
    Secured::connect(broker.sqs, &client).expect("a handshake").certificate()
}

fn certificates_are_replaced_while_clients_are_connected() {
    let certificates = Certificates::new();
    let launch = certificates.configured(secured(&certificates));
    let mut broker = launch.start();
    let config = certificates.http_client(Shows::Nothing, &[]);
    let client = broker.client_over_tls(PROTOCOLS[0], config.clone());
    let queue = client.queue();
    let mut open = Secured::connect(broker.sqs, &config).expect("a handshake");
    let native = certificates.client(Shows::Nothing);
    let mut streaming = over_tls(broker.native, &native);
    streaming.hello("123456789012", None).expect("no users");
    let quic = Quic::connect(broker.native, &native).expect("a handshake");
    let before = shown(&broker, &certificates);
    certificates.renew(2100);
    assert_eq!(shown(&broker, &certificates), before, "not before it is asked to");
    let said = broker.reload();
    assert!(said.contains("certificate of tls"), "{said}");
    assert!(said.contains("certificate of native.tls"), "{said}");
    let after = shown(&broker, &certificates);
    assert_ne!(after, before);
    // What was open goes on.
    open.write_all(b"GET /?Action=ListQueues HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("written");
    let mut answer = [0; 12];
    open.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200");
    streaming.call("sqs.ListQueues", &json!({})).expect("it is as it was");
    let mut stream = quic.open();
    stream.hello("123456789012", None).expect("it is as it was");
    queue.send("m");
    Quic::connect(broker.native, &native).expect("a handshake with the new certificate");
    let said = broker.reload();
    assert!(said.contains("nothing has changed"), "{said}");
    broker.stop();
}

fn files_that_cannot_be_used_change_nothing() {
    let certificates = Certificates::new();
    let mut broker = secured(&certificates).start();
    let before = shown(&broker, &certificates);
    let stranger = Certificates::new();
    for (what, damage) in [
        (
            "it is not the key of the certificate",
            &(|| certificates.write("broker.key", &stranger.read("broker.key"))) as &dyn Fn(),
        ),
        ("holds no private key", &|| certificates.write("broker.key", "")),
        ("No such file", &|| certificates.lose("broker.key")),
        ("holds no certificate", &|| certificates.write("broker.pem", "nonsense")),
        ("it has expired", &|| certificates.renew(1999)),
    ] {
        certificates.renew(2090);
        damage();
        let said = broker.reload();
        assert!(said.contains("not reloaded: everything is as it was") && said.contains(what), "{what}\n{said}");
        assert_eq!(shown(&broker, &certificates), before, "{what}");
    }
    certificates.renew(2090);
    broker.reload();
    assert_ne!(shown(&broker, &certificates), before);
    broker.stop();
}

fn days_left(broker: &Broker) -> f64 {
    sample(&broker.metrics(), "posthouse_tls_certificate_expiry_days", &["listener=\"tls\""]).expect("it is counted")
}

fn a_certificate_that_ends_soon_is_warned_of() {
    let certificates = Certificates::new();
    certificates.renew_for(Duration::from_secs(10 * 24 * 60 * 60));
    let mut broker = secured(&certificates).start();
    eventually("a warning", || broker.log().contains("the certificate expires soon").then_some(()));
    let days = days_left(&broker);
    assert!((9.9..10.0).contains(&days), "{days}");
    let warnings = |broker: &Broker| broker.log().matches("the certificate expires soon").count();
    certificates.renew_for(Duration::from_secs(9 * 24 * 60 * 60));
    broker.reload();
    eventually("a warning of the next one", || (warnings(&broker) >= 2).then_some(()));
    certificates.renew_for(Duration::from_secs(30 * 24 * 60 * 60));
    broker.reload();
    assert!(days_left(&broker) > 29.0);
    assert_eq!(warnings(&broker), 2, "one for each that ends soon");
    broker.stop();
    // An expired one does not keep a broker from starting: a restart must not make an outage of it.
    certificates.renew(1999);
    broker.restart();
    eventually("an error", || broker.log().contains("the certificate has expired").then_some(()));
    assert!(days_left(&broker) < 0.0);
    broker.stop();
}

fn files_that_cannot_be_used_stop_the_start() {
    let certificates = Certificates::new();
    certificates.write("broker.key", &Certificates::new().read("broker.key"));
    for section in ["tls", "admin.tls", "native.tls"] {
        let said = certificates.secures(section, Launch::new()).fails();
        assert!(said.contains(&format!("`{section}.key`")), "{said}");
        assert!(said.contains("it is not the key of the certificate"), "{said}");
    }
    let said = Launch::new().flag("tls-certificate", "x.pem").fails();
    assert!(said.contains("`tls.certificate` and `tls.key` must be set together"), "{said}");
    let said = Launch::new().flag("admin-tls-client-ca", "x.pem").fails();
    assert!(said.contains("`admin.tls.client_ca` needs"), "{said}");
}

fn admin_get(broker: &Broker, certificates: &Certificates, path: &str) -> Option<(u16, String)> {
    let secured = Secured::connect(broker.admin, &certificates.http_client(Shows::Nothing, &[]))?;
    let request = Request::new("GET", path, "").header("Host", "localhost");
    let answer = Connection::over(secured).exchange(&request).ok()?;
    Some((answer.status, answer.text().to_owned()))
}

fn await_admin(broker: &Broker, certificates: &Certificates) {
    eventually("it is ready", || (admin_get(broker, certificates, "/readyz")?.0 == 200).then_some(()));
}

fn the_admin_listener_and_its_commands_use_tls() {
    let certificates = Certificates::new();
    let launch = certificates.secures("admin.tls", Launch::new());
    let broker = launch.spawn();
    await_admin(&broker, &certificates);
    let (status, metrics) = admin_get(&broker, &certificates, "/metrics").expect("an answer");
    assert_eq!(status, 200);
    let days = sample(&metrics, "posthouse_tls_certificate_expiry_days", &["listener=\"admin.tls\""]);
    assert!(days.is_some_and(|days| days > 1.0), "{metrics}");
    // The command finds the certificate in the configuration, and trusts that one alone.
    let listed = broker.command(&["damaged", "list"], &certificates.flags("admin.tls"));
    assert!(listed.status.success(), "{listed:?}");
    let stranger = Certificates::new();
    let refused = broker.command(&["damaged", "list"], &stranger.flags("admin.tls"));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("another certificate"), "{said}");
}

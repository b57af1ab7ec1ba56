//! HTTP and HTTPS endpoints: the requests to them, and the meaning of their answers.

use std::sync::atomic::Ordering;

use ::http::HeaderMap;
use posthouse_model::{Seconds, SubscriptionProtocol};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::endpoint::{Behaviour, TestEndpoint};
use super::*;
use crate::metrics::Counted;
use crate::push::http::Client;
use crate::push::sockets::Sockets;
use crate::push::url::Url;

const SUBSCRIPTION: &str = "arn:aws:sns:eu-west-1:123456789012:orders:02020202-0202-4202-8202-020202020202";

/// Delivers one message to an endpoint. Returns its settlement.
async fn deliver(options: &Options, target: PushTarget, message: ReceivedMessage) -> Settled {
    let fixture = Fixture::new(options);
    fixture.core.target(queue(1), Some(target));
    fixture.core.send(&queue(1), message);
    let settled = fixture.core.settled(1).await;
    settled[0].1
}

#[tokio::test]
async fn what_an_answer_means() {
    let retry = Settled::Retry(Seconds::new(20));
    for (behaviour, settlement) in [
        (Behaviour::Status(200), Settled::Delivered),
        (Behaviour::Status(204), Settled::Delivered),
        (Behaviour::Answer(200, "content-length: 5\r\n\r\nhello".into()), Settled::Delivered),
        (Behaviour::Answer(200, "\r\nuntil the end".into()), Settled::Delivered),
        (Behaviour::Flood(200), Settled::Delivered),
        (Behaviour::Flood(500), retry),
        (Behaviour::Status(404), Settled::Failed),
        (Behaviour::Status(403), Settled::Failed),
        (Behaviour::Status(429), retry),
        (Behaviour::Status(500), retry),
        (Behaviour::Status(503), retry),
        (Behaviour::Close, retry),
        (Behaviour::Answer(200, "content-length: x\r\n\r\n".into()), retry),
        (Behaviour::Hang, retry),
    ] {
        let behave = behaviour.clone();
        let endpoint =
            TestEndpoint::start(move |number| if number == 0 { behave.clone() } else { Behaviour::Status(200) });
        let endpoint = endpoint.await;
        let options = options("[push]\ntimeout_seconds = 1\nresponse_bytes_max = 1024");
        let target = target_with("http", &endpoint.url("/"), "{}");
        let found = deliver(&options, target, message("m").raw().sealed()).await;
        assert_eq!(found, settlement, "{behaviour:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let elsewhere = TestEndpoint::start(|_| Behaviour::Status(200)).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("location: {}\r\ncontent-length: 0\r\n\r\n", elsewhere.url("/"));
        let endpoint = TestEndpoint::start(move |_| Behaviour::Answer(status, location.clone())).await;
        let settled = deliver(&options(""), target("http", &endpoint.url("/")), message("m").sealed()).await;
        assert_eq!(settled, Settled::Failed, "{status}");
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_notification_has_the_headers_and_body_of_sns() {
    let endpoint = TestEndpoint::start(|_| Behaviour::Status(200)).await;
    let published = message("Hello").attribute("colour", "String", "red").in_trace("Root=1-5").sealed();
    deliver(&options(""), target("http", &endpoint.url("/hook?a=b")), published).await;
    let request = endpoint.arrived(1).await.remove(0);
    assert_eq!(request.line, "POST /hook?a=b HTTP/1.1");
    for (header, value) in [
        ("x-amz-sns-message-type", "Notification"),
        ("x-amz-sns-message-id", "01010101-0101-4101-8101-010101010101"),
        ("x-amz-sns-topic-arn", "arn:aws:sns:eu-west-1:123456789012:orders"),
        ("x-amz-sns-subscription-arn", SUBSCRIPTION),
        ("content-type", "text/plain; charset=UTF-8"),
        ("connection", "Keep-Alive"),
        ("user-agent", "Amazon Simple Notification Service Agent"),
        ("accept-encoding", "gzip,deflate"),
        ("x-amzn-trace-id", "Root=1-5"),
        ("host", &endpoint.address.to_string()),
    ] {
        assert_eq!(request.headers.get(header).map(String::as_str), Some(value), "{header}");
    }
    assert!(!request.headers.contains_key("x-amz-sns-rawdelivery"));
    assert!(!request.headers.contains_key("authorization"));
    let envelope: serde_json::Value = serde_json::from_str(&request.body).expect("JSON");
    for (member, value) in [
        ("Type", "Notification"),
        ("MessageId", "01010101-0101-4101-8101-010101010101"),
        ("TopicArn", "arn:aws:sns:eu-west-1:123456789012:orders"),
        ("Subject", "News"),
        ("Message", "Hello"),
        ("Timestamp", "2001-09-09T01:46:40.123Z"),
        ("SignatureVersion", "2"),
        ("SigningCertURL", "http://posthouse.example/certificate.pem"),
        ("UnsubscribeURL", &format!("http://posthouse.example/?Action=Unsubscribe&SubscriptionArn={SUBSCRIPTION}")),
    ] {
        assert_eq!(envelope[member], *value, "{member}");
    }
    assert_eq!(envelope["MessageAttributes"]["colour"]["Value"], "red");
    assert!(envelope["Signature"].is_string());
}

#[tokio::test]
async fn a_raw_message_is_the_body_and_nothing_else() {
    let endpoint = TestEndpoint::start(|_| Behaviour::Status(200)).await;
    let policy = r#"{"requestPolicy":{"headerContentType":"application/json"}}"#;
    let target = target_with("http", &endpoint.url(""), policy);
    deliver(&options(""), target, message("{\"a\":1}").raw().sealed()).await;
    let request = endpoint.arrived(1).await.remove(0);
    assert_eq!((request.line.as_str(), request.body.as_str()), ("POST / HTTP/1.1", "{\"a\":1}"));
    assert_eq!(request.headers["x-amz-sns-rawdelivery"], "true");
    assert_eq!(request.headers["content-type"], "application/json");
}

#[tokio::test]
async fn credentials_of_the_url_become_a_header() {
    let endpoint = TestEndpoint::start(|_| Behaviour::Status(200)).await;
    let url = format!("http://ann:s%3Ae@{}/", endpoint.address);
    deliver(&options(""), target("http", &url), message("m").sealed()).await;
    let request = endpoint.arrived(1).await.remove(0);
    assert_eq!(request.headers["authorization"], "Basic YW5uOnM6ZQ==");
    assert_eq!(request.headers["host"], endpoint.address.to_string());
}

#[tokio::test]
async fn confirmations_carry_the_token() {
    let endpoint = TestEndpoint::start(|_| Behaviour::Status(200)).await;
    for (ended, kind) in [(false, "SubscriptionConfirmation"), (true, "UnsubscribeConfirmation")] {
        let asking = if ended { unsubscribe_confirmation_message() } else { asking() };
        deliver(&options(""), target("http", &endpoint.url("/")), asking).await;
        let request = endpoint.requests().pop().expect("delivered");
        assert_eq!(request.headers["x-amz-sns-message-type"], kind);
        assert_eq!(request.headers.contains_key("x-amz-sns-subscription-arn"), ended);
        let envelope: serde_json::Value = serde_json::from_str(&request.body).expect("JSON");
        assert_eq!(envelope["Type"], kind);
        assert_eq!(envelope["Token"], token().to_string());
        let url = format!(
            "http://posthouse.example/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:123456789012:orders&Token={}",
            token()
        );
        assert_eq!(envelope["SubscribeURL"], url);
    }
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let endpoint = TestEndpoint::start(|_| Behaviour::Answer(200, "content-length: 2\r\n\r\nok".into())).await;
    let fixture = Fixture::new(&options("[push]\nconnections_per_endpoint = 1"));
    fixture.core.target(queue(1), Some(target("http", &endpoint.url("/"))));
    let keys: Vec<_> = (0..20).map(|_| fixture.core.send(&queue(1), message("m").raw().sealed())).collect();
    fixture.core.done(&keys).await;
    assert_eq!(endpoint.connections.load(Ordering::Relaxed), 1);
}

/// An endpoint may close an idle connection. That is no failed attempt.
#[tokio::test]
async fn a_closed_idle_connection_is_replaced_without_a_retry() {
    let endpoint = TestEndpoint::start(|_| Behaviour::AnswerAndClose(200)).await;
    let fixture = Fixture::new(&options("[push]\nconnections_per_endpoint = 1"));
    fixture.core.target(queue(1), Some(target("http", &endpoint.url("/"))));
    let keys: Vec<_> = (0..20).map(|_| fixture.core.send(&queue(1), message("m").raw().sealed())).collect();
    fixture.core.done(&keys).await;
    assert_eq!(fixture.metrics.count(SubscriptionProtocol::Http, Counted::Delivered), 20);
}

#[tokio::test]
async fn the_rules_apply_to_the_address_and_not_to_the_name() {
    let endpoint = TestEndpoint::start(|_| Behaviour::Status(200)).await;
    let port = endpoint.address.port();
    for (rules, host, settlement) in [
        ("", "127.0.0.1", Settled::Delivered),
        ("", "localhost", Settled::Delivered),
        ("deny = '127.0.0.0/8, ::1'", "127.0.0.1", Settled::Failed),
        ("deny = '127.0.0.0/8, ::1'", "localhost", Settled::Failed),
        ("deny = '127.0.0.0/8, ::1'", "[::ffff:127.0.0.1]", Settled::Failed),
        ("deny = '127.0.0.0/8, ::1'\nallow = 'localhost'", "localhost", Settled::Delivered),
        ("deny = '127.0.0.0/8, ::1'\nallow = '127.0.0.1'", "localhost", Settled::Delivered),
        ("", "169.254.169.254", Settled::Failed),
        ("", "0.0.0.0", Settled::Failed),
    ] {
        let target = target("http", &format!("http://{host}:{port}/"));
        let found = deliver(&options(&format!("[push]\n{rules}")), target, message("m").sealed()).await;
        assert_eq!(found, settlement, "{rules} {host}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_retried() {
    let endpoint = TestEndpoint::start(|_| Behaviour::Status(200)).await;
    let unused = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = unused.local_addr().expect("it is bound");
    drop(unused);
    for url in [format!("http://{address}/"), "http://no-such-host.invalid/".into(), {
        // An endpoint without TLS.
        format!("https://{}/", endpoint.address)
    }] {
        let protocol = if url.starts_with("https") { "https" } else { "http" };
        let settled = deliver(&options(""), target_with(protocol, &url, "{}"), message("m").sealed()).await;
        assert_eq!(settled, Settled::Retry(Seconds::new(20)), "{url}");
    }
}

#[tokio::test]
async fn https_is_verified_by_the_operators_authorities_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let ca_file = directory.path().join("ca.pem");
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, key).expect("a certificate");
    std::fs::write(&ca_file, issuer.pem()).expect("it is written");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .expect("they belong together");
    let endpoint = TestEndpoint::start_secure(tokio_rustls::TlsAcceptor::from(Arc::new(server))).await;
    let port = endpoint.address.port();
    let trusting = format!("[push]\nca_file = '{}'", ca_file.display());
    let retry = Settled::Retry(Seconds::new(20));
    for (source, host, settlement) in [
        (trusting.as_str(), "localhost", Settled::Delivered),
        (trusting.as_str(), "127.0.0.1", retry),
        ("", "localhost", retry),
    ] {
        let target = target_with("https", &format!("https://{host}:{port}/"), "{}");
        assert_eq!(deliver(&options(source), target, message("m").sealed()).await, settlement, "{source} {host}");
    }
}

#[tokio::test]
async fn a_file_of_authorities_that_cannot_be_used_stops_the_start() {
    let directory = tempfile::tempdir().expect("a directory");
    let empty = directory.path().join("empty.pem");
    std::fs::write(&empty, "nothing").expect("it is written");
    for path in [directory.path().join("missing.pem"), empty] {
        let options = options(&format!("[push]\nca_file = '{}'", path.display()));
        let core = Arc::new(core::Asked(FakeCore::new()));
        let refused = PushDelivery::start(core, signer(), &options, PushMetrics::new()).err().expect("refused");
        assert!(refused.to_string().contains(&path.display().to_string()), "{refused}");
    }
}

#[tokio::test]
async fn a_request_that_is_dropped_closes_its_connection() {
    /// Larger than the socket buffers of both sides.
    const BODY_BYTES: usize = 64 * 1024 * 1024;

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    let client = ClientOptions {
        tls: tls::client(&[]).expect("valid"),
        idle_max: PATIENCE,
        response_bytes_max: 0,
        lookups: Lookups::new(),
        sockets: Sockets::new(1),
    };
    let client = Client::new(Url::parse(&url).expect("valid"), None, client).expect("valid");
    let body = bytes::Bytes::from(vec![b'x'; BODY_BYTES]);
    let request = || webhook::request(HeaderMap::new(), body.clone());
    let begun = async {
        let (mut stream, _) = listener.accept().await.expect("it connects");
        stream.read_u8().await.expect("it begins");
        stream
    };
    let mut stream = tokio::select! {
        stream = begun => stream,
        _ = client.post(request, Instant::now() + PATIENCE) => panic!("nothing answers"),
    };
    // The request was dropped. The bytes written before arrive, and no more.
    let mut read = Vec::new();
    let _ = soon(stream.read_to_end(&mut read)).await;
    assert!(read.len() < BODY_BYTES, "the rest was written all the same");
}

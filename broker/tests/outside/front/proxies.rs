//! The PROXY protocol. The test's own address, 127.0.0.1, is that of the proxy.

use serde_json::{Value, json};

use super::{launch, signed};
use crate::support::http::Connection;
use crate::support::{Broker, Queue, eventually, json_protocol};

/// A broker behind a proxy at `proxy`, and a queue to which anonymous callers at 198.51.100.0/24 and 2001:db8::/32 may send.
fn behind(proxy: &str) -> Broker {
    let log = "log = \"info,posthouse::listener=debug\"";
    launch("header_seconds_max = 1").top(&format!("proxy_from = \"{proxy}\"\n{log}")).start()
}

const LINE: &[u8] = b"PROXY TCP4 198.51.100.7 203.0.113.1 51234 9324\r\n";

fn binary(command: u8, family: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("short").to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &length, payload].concat()
}

/// A connection that begins with these bytes.
fn beginning(broker: &Broker, header: &[u8]) -> Connection {
    let mut connection = broker.connect();
    connection.write(header).expect("accepted");
    connection
}

/// Makes a queue through a proxy, as the user, and lets anonymous callers at some addresses send to it.
fn queue_for_some(broker: &Broker, header: &[u8]) -> String {
    let mut connection = beginning(broker, header);
    let mut ask = |action: &str, input: Value| {
        let request = signed(json_protocol::request(action, input.to_string()));
        let response = connection.exchange(&request).expect("an answer");
        assert_eq!(response.status, 200, "{}", response.text());
        json_protocol::answer(&response).expect("done")
    };
    let created = ask("CreateQueue", json!({ "QueueName": "q" }));
    let url = created["QueueUrl"].as_str().expect("a URL").to_owned();
    let condition = json!({ "IpAddress": { "aws:SourceIp": ["198.51.100.0/24", "2001:db8::/32"] } });
    let statement = json!({ "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*", "Condition": condition });
    let policy = json!({ "Statement": [statement] }).to_string();
    ask("SetQueueAttributes", json!({ "QueueUrl": url, "Attributes": { "Policy": policy } }));
    url
}

/// The status of an anonymous send on a connection.
fn send(connection: &mut Connection, url: &str) -> u16 {
    let request = json_protocol::request("SendMessage", json!({ "QueueUrl": url, "MessageBody": "m" }).to_string());
    connection.exchange(&request).expect("an answer").status
}

pub(super) fn a_proxy_says_who_the_client_is() {
    let broker = behind("192.0.2.1, 127.0.0.1");
    let url = queue_for_some(&broker, LINE);
    let v4 = |last: u8| [198, 51, 100, last, 203, 0, 113, 1, 0xc8, 0x22, 0x24, 0x6c];
    let v6 = [&[0x20, 0x01, 0x0d, 0xb8][..], &[0; 11], &[1], &[0; 16], &[0xc8, 0x22, 0x24, 0x6c]].concat();
    for (header, status) in [
        (LINE.to_vec(), 200),
        (b"PROXY TCP6 2001:db8::1 2001:db8::2 51234 9324\r\n".to_vec(), 200),
        (binary(0x21, 0x11, &v4(8)), 200),
        (binary(0x21, 0x11, &[&v4(9)[..], &[4, 0, 1, 0]].concat()), 200),
        (binary(0x21, 0x21, &v6), 200),
        (b"PROXY TCP4 203.0.113.7 203.0.113.1 51234 9324\r\n".to_vec(), 403),
        (b"PROXY UNKNOWN\r\n".to_vec(), 403),
    ] {
        // The header may come a byte at a time, or with the request in one piece.
        let mut slow = broker.connect();
        for byte in &header {
            slow.write(&[*byte]).expect("accepted");
        }
        assert_eq!(send(&mut slow, &url), status, "{}", header.escape_ascii());
        let request = json_protocol::request("SendMessage", json!({ "QueueUrl": url, "MessageBody": "m" }).to_string());
        let mut quick = beginning(&broker, &[&header[..], &request.to_bytes()].concat());
        assert_eq!(quick.read().expect("an answer").status, status);
        assert_eq!(send(&mut quick, &url), status, "the client stays the same for the whole connection");
    }
    assert!(broker.log().contains("peer=198.51.100.7"), "the log has the client");
}

pub(super) fn addresses_that_are_no_proxies_cannot() {
    let broker = behind("192.0.2.1");
    for header in [LINE.to_vec(), binary(0x21, 0x11, &[0; 12])] {
        let mut connection = beginning(&broker, &header);
        let response = connection.read();
        assert!(response.is_err() || response.is_ok_and(|response| response.status == 400));
    }
    let queue: Queue = super::alice(&broker).queue();
    queue.send("clients need no header");
}

/// A proxy that checks whether the broker lives speaks for itself.
pub(super) fn health_checks_of_a_proxy_are_its_own() {
    let broker = behind("127.0.0.0/8");
    let url = queue_for_some(&broker, LINE);
    for payload in [&b""[..], &[198, 51, 100, 7, 203, 0, 113, 1, 0xc8, 0x22, 0x24, 0x6c]] {
        let mut connection = beginning(&broker, &binary(0x20, 0x11, payload));
        assert_eq!(send(&mut connection, &url), 403, "its own address may not send");
    }
    drop(broker.connect());
    assert_eq!(send(&mut beginning(&broker, LINE), &url), 200);
}

pub(super) fn what_is_no_header_closes_the_connection() {
    let broker = behind("127.0.0.1");
    for header in [
        &b"GET /?Action=ListQueues HTTP/1.1\r\nHost: h\r\n\r\n"[..],
        b"PROXY TCP4 198.51.100.7 203.0.113.1 51234\r\n",
        b"PROXY TCP4 localhost 203.0.113.1 51234 9324\r\n",
        &[b"PROXY UNKNOWN "[..].to_vec(), vec![b'x'; 200]].concat(),
        &binary(0x21, 0x12, &[0; 12]),
        &binary(0x21, 0x11, &[0; 5000]),
        // It does not end within a second.
        b"PROXY TCP4 198.51",
    ] {
        assert!(beginning(&broker, header).is_closed(), "{}", header.escape_ascii());
    }
    let log = eventually("each is in the log", || {
        let log = broker.log();
        (log.matches("a connection of a proxy is closed").count() >= 7).then_some(log)
    });
    for reason in ["there is no PROXY header", "line is malformed", "header is malformed", "too long", "does not end"] {
        assert!(log.contains(reason), "{reason}: {log}");
    }
}

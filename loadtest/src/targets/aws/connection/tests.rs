//! Connections to servers that respond from a script, right or wrong.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use super::super::{Endpoint, Service};
use super::*;

/// The responses of a connection to its requests, after which it is closed.
type Script = &'static [&'static str];

/// Serves one connection for each script, one after the other. The thread returns all requests as one text.
fn serve(scripts: &'static [Script]) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let server = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for script in scripts {
            let (mut stream, _) = listener.accept().expect("a client");
            for answer in *script {
                read_request(&mut stream, &mut asked);
                asked.push(b'\n');
                stream.write_all(answer.as_bytes()).expect("writable");
            }
        }
        String::from_utf8(asked).expect("ASCII")
    });
    (address, server)
}

/// Appends a request. All requests here end with `$`, and have it nowhere else.
fn read_request(stream: &mut std::net::TcpStream, asked: &mut Vec<u8>) {
    while asked.last() != Some(&b'$') {
        let mut byte = [0];
        if stream.read(&mut byte).expect("readable") == 0 {
            break;
        }
        asked.push(byte[0]);
    }
}

fn head() -> Head {
    let address = "sqs+http://localhost:1".parse().expect("a URL");
    Head::new(&Endpoint::from_address(&address, Service::Sqs).expect("an endpoint"), "A", "/")
}

async fn open(address: SocketAddr) -> Connection {
    Connection::open(&address.ip().to_string(), address.port()).await.expect("connected")
}

/// The response to one request, of a server with this script.
async fn answer_of(script: &'static [Script]) -> Result<Answer, Failure> {
    let (address, server) = serve(script);
    let mut connection = open(address).await;
    let answer = connection.exchange(&head(), b"$").await;
    drop(connection);
    server.join().expect("served");
    answer
}

fn text(answer: &Answer) -> (u16, &str) {
    (answer.status, std::str::from_utf8(&answer.body).expect("ASCII"))
}

#[tokio::test]
async fn bodies_end_where_the_head_says() {
    let scripts: [(&'static [Script], _, _); 6] = [
        (&[&["HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"]], 200, "abc"),
        (&[&["HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n"]], 400, ""),
        (&[&["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n"]], 200, "abc"),
        (&[&["HTTP/1.1 200 OK\r\n\r\nabc"]], 200, "abc"),
        (&[&["HTTP/1.0 200 OK\r\n\r\nabc"]], 200, "abc"),
        (&[&["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"]], 204, ""),
    ];
    for (script, status, body) in scripts {
        let answer = answer_of(script).await.expect("an answer");
        assert_eq!(text(&answer), (status, body), "{script:?}");
    }
}

#[tokio::test]
async fn answers_that_are_none_are_told_from_broken_connections() {
    let malformed: [&'static [Script]; 7] = [
        &[&["SSH-2.0-OpenSSH_9.9\r\n\r\n"]],
        &[&["HTTP/2.0 200 OK\r\n\r\n"]],
        &[&["HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"]],
        &[&["HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"]],
        &[&["HTTP/1.1 200 OK\r\nContent-Length: 999999999999999\r\n\r\n"]],
        &[&["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"]],
        &[&["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"]],
    ];
    for script in malformed {
        let answer = answer_of(script).await;
        assert!(matches!(answer, Err(Failure::Malformed(_))), "{script:?}: {answer:?}");
    }
    let broken: [&'static [Script]; 5] = [
        &[&[""]],
        &[&["HTTP/1.1 200 OK\r\nContent-"]],
        &[&["HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"]],
        &[&["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"]],
        &[&["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab"]],
    ];
    for script in broken {
        let answer = answer_of(script).await;
        assert!(matches!(answer, Err(Failure::Disconnected(_))), "{script:?}: {answer:?}");
    }
}

/// A server whose response goes on until the client closes the connection.
fn serve_endlessly(start: &'static str, more: &'static str) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        read_request(&mut stream, &mut Vec::new());
        let more = more.repeat(1000);
        let mut written = stream.write_all(start.as_bytes());
        while written.is_ok() {
            written = stream.write_all(more.as_bytes());
        }
    });
    (address, server)
}

#[tokio::test]
async fn endless_answers_are_given_up() {
    for (start, more) in [
        ("HTTP/1.1 200 OK\r\n", "A: b\r\n"),
        ("HTTP/1.1 200 OK\r\nA: ", "0123456789"),
        ("HTTP/1.1 200 OK\r\n\r\n", "0123456789"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "A\r\n0123456789\r\n"),
    ] {
        let (address, server) = serve_endlessly(start, more);
        let mut connection = open(address).await;
        let answer = connection.exchange(&head(), b"$").await;
        assert!(matches!(answer, Err(Failure::Malformed(_))), "{start:?}: {answer:?}");
        drop(connection);
        server.join().expect("stopped when the client closed the connection");
    }
}

#[tokio::test]
async fn a_connection_carries_many_calls() {
    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na";
    let (address, server) = serve(&[&[OK, "HTTP/1.1 404 No\r\nContent-Length: 1\r\n\r\nb", OK]]);
    let mut connection = open(address).await;
    for (body, expected) in [(&b"1$"[..], (200, "a")), (b"2$", (404, "b")), (b"3$", (200, "a"))] {
        assert_eq!(text(&connection.exchange(&head(), body).await.expect("an answer")), expected);
    }
    let asked = server.join().expect("served");
    let requests: Vec<_> = asked.split_inclusive("$\n").collect();
    assert_eq!(requests.len(), 3);
    for (request, body) in requests.iter().zip(["1$", "2$", "3$"]) {
        assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("\r\nhost: localhost:1\r\n"), "{request}");
        assert!(request.contains("\r\ncontent-length: 2\r\n"), "{request}");
        assert!(request.contains("\r\nx-amz-target: AmazonSQS.A\r\n"), "{request}");
        assert!(request.ends_with(&format!("\r\n\r\n{body}\n")), "{request}");
    }
}

#[tokio::test]
async fn an_announced_end_is_no_failure() {
    let (address, server) = serve(&[
        &["HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na"],
        &["HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nb"],
        &["HTTP/1.1 200 OK\r\n\r\nc"],
        &["HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nd"],
    ]);
    let mut connection = open(address).await;
    for expected in ["a", "b", "c", "d"] {
        assert_eq!(text(&connection.exchange(&head(), b"$").await.expect("an answer")).1, expected);
    }
    server.join().expect("served");
    // The server did not announce this close.
    let broken = connection.exchange(&head(), b"$").await;
    assert!(matches!(broken, Err(Failure::Disconnected(_))), "{broken:?}");
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    drop(listener);
    let failure = Connection::open("127.0.0.1", port).await.err().expect("the port is closed");
    assert!(matches!(&failure, Failure::Unreachable(why) if why.contains(&port.to_string())), "{failure}");
}

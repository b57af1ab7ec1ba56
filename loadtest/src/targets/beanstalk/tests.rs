//! The adapter against a real beanstalkd if one is installed, and against a server of these tests with rare responses.

use std::time::Instant;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::super::testing::{self, Server, layout, messages, target};
use super::*;

/// Starts a beanstalkd that syncs every write. Returns it with its target.
fn beanstalkd() -> Option<(Server, Arc<dyn Target>)> {
    let server = Server::start("beanstalkd", |command, site| {
        command.args(["-l", "127.0.0.1", "-f", "0", "-b"]).arg(site.directory);
        command.arg("-p").arg(site.port.to_string());
    })?;
    let target = target(&format!("beanstalk://127.0.0.1:{}", server.port()));
    Some((server, target))
}

fn bodies(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| std::str::from_utf8(&delivery.body).expect("ASCII")).collect()
}

#[tokio::test]
async fn what_is_sent_is_received_once_and_gone_when_settled() -> Result<(), Failure> {
    let Some((_server, target)) = beanstalkd() else { return Ok(()) };
    let layout = layout("round-trip", Kind::Queue);
    target.prepare(&layout).await?;
    let mut producer = target.producer(&layout).await?;
    let mut consumer = target.consumer(&layout, 0).await?;
    let mut deliveries = Vec::new();

    consumer.receive(10, Duration::ZERO, &mut deliveries).await?;
    assert!(deliveries.is_empty(), "the tube is new");

    assert_eq!(producer.send(&messages(["one"])).await?, []);
    assert_eq!(producer.send(&messages(["two", "three", "four"])).await?, []);
    consumer.receive(1, Duration::from_secs(5), &mut deliveries).await?;
    assert_eq!(bodies(&deliveries), ["one"]);
    consumer.settle(&deliveries).await?;
    deliveries.clear();

    consumer.receive(10, Duration::from_secs(5), &mut deliveries).await?;
    assert_eq!(bodies(&deliveries), ["two", "three", "four"]);
    consumer.settle(&deliveries).await?;

    drop(consumer);
    let mut consumer = target.consumer(&layout, 0).await?;
    deliveries.clear();
    consumer.receive(10, Duration::ZERO, &mut deliveries).await?;
    assert!(deliveries.is_empty(), "all are settled");
    Ok(())
}

#[tokio::test]
async fn two_consumers_share_and_what_one_leaves_comes_again() -> Result<(), Failure> {
    let Some((_server, target)) = beanstalkd() else { return Ok(()) };
    let layout = layout("shared", Kind::Queue);
    let mut producer = target.producer(&layout).await?;
    producer.send(&messages(["1", "2", "3", "4"])).await?;
    let mut one = target.consumer(&layout, 0).await?;
    let mut other = target.consumer(&layout, 0).await?;
    let (mut ones, mut others) = (Vec::new(), Vec::new());
    one.receive(2, Duration::ZERO, &mut ones).await?;
    other.receive(10, Duration::ZERO, &mut others).await?;
    assert_eq!(bodies(&ones), ["1", "2"]);
    assert_eq!(bodies(&others), ["3", "4"]);
    other.settle(&others).await?;

    drop(one);
    others.clear();
    while others.len() < 2 {
        other.receive(10, Duration::from_secs(5), &mut others).await?;
    }
    assert_eq!(bodies(&others), ["1", "2"], "the server takes back what a closed connection held");
    other.settle(&others).await
}

#[tokio::test]
async fn large_batches_do_not_block_each_other() -> Result<(), Failure> {
    let Some((_server, target)) = beanstalkd() else { return Ok(()) };
    let layout = layout("large", Kind::Queue);
    let batch: Vec<_> = (0..1000).map(|n| Outgoing { body: format!("{n:060000}"), ..Outgoing::default() }).collect();
    let mut producer = target.producer(&layout).await?;
    let mut consumer = target.consumer(&layout, 0).await?;
    assert_eq!(producer.send(&batch).await?, []);
    let mut deliveries = Vec::new();
    consumer.receive(1000, Duration::from_secs(5), &mut deliveries).await?;
    assert!(bodies(&deliveries).iter().eq(batch.iter().map(|message| &message.body)));
    consumer.settle(&deliveries).await
}

#[tokio::test]
async fn delayed_jobs_come_no_sooner() -> Result<(), Failure> {
    let Some((_server, target)) = beanstalkd() else { return Ok(()) };
    let layout = layout("delayed", Kind::Delay(Duration::from_secs(1)));
    let mut producer = target.producer(&layout).await?;
    let mut consumer = target.consumer(&layout, 0).await?;
    let sent = Instant::now();
    producer.send(&messages(["late"])).await?;
    let mut deliveries = Vec::new();
    while deliveries.is_empty() {
        consumer.receive(1, Duration::from_secs(5), &mut deliveries).await?;
    }
    assert!(sent.elapsed() >= Duration::from_secs(1), "after {:?}", sent.elapsed());
    consumer.settle(&deliveries).await
}

#[tokio::test]
async fn jobs_that_are_too_big_are_refused_and_the_others_taken() -> Result<(), Failure> {
    let Some((_server, target)) = beanstalkd() else { return Ok(()) };
    let layout = layout("big", Kind::Queue);
    let mut producer = target.producer(&layout).await?;
    let refusals = producer.send(&messages(["before", &"x".repeat(65_536), "after"])).await?;
    assert_eq!(refusals, [(1, "JOB_TOO_BIG".to_owned())]);
    let mut consumer = target.consumer(&layout, 0).await?;
    let mut deliveries = Vec::new();
    consumer.receive(10, Duration::ZERO, &mut deliveries).await?;
    assert_eq!(bodies(&deliveries), ["before", "after"]);
    Ok(())
}

#[tokio::test]
async fn settling_what_is_no_longer_there_is_a_failure() -> Result<(), Failure> {
    let Some((_server, target)) = beanstalkd() else { return Ok(()) };
    let layout = layout("settled", Kind::Queue);
    target.producer(&layout).await?.send(&messages(["job"])).await?;
    let mut consumer = target.consumer(&layout, 0).await?;
    let mut deliveries = Vec::new();
    consumer.receive(1, Duration::from_secs(5), &mut deliveries).await?;
    consumer.settle(&deliveries).await?;
    let again = consumer.settle(&deliveries).await;
    assert!(matches!(again, Err(Failure::Refused(_))), "{again:?}");
    Ok(())
}

#[tokio::test]
async fn nothing_is_left_when_it_is_removed() -> Result<(), Failure> {
    let Some((server, target)) = beanstalkd() else { return Ok(()) };
    let ready = layout("removed", Kind::Queue);
    let delayed = Layout { kind: Kind::Delay(Duration::from_secs(600)), ..ready.clone() };
    let many: Vec<_> = (0..250).map(|_| Outgoing { body: "left".to_owned(), ..Outgoing::default() }).collect();
    target.producer(&ready).await?.send(&many).await?;
    target.producer(&delayed).await?.send(&many).await?;
    target.remove(&ready).await?;
    let mut connection = connection_to(&server, &ready).await?;
    assert_eq!(connection.kick().await?, 0, "no job is delayed");
    let mut left = Vec::new();
    connection.reserve(1, 0, &mut left).await?;
    assert!(left.is_empty(), "no job is ready");
    target.remove(&ready).await
}

/// A connection to the server that uses the tube of the layout.
async fn connection_to(server: &Server, layout: &Layout) -> Result<Connection, Failure> {
    let mut connection = Connection::open("127.0.0.1", server.port()).await?;
    connection.use_tube(&tube(layout)).await?;
    connection.watch_only(&tube(layout)).await?;
    Ok(connection)
}

#[tokio::test]
async fn a_server_that_dies_is_noticed() {
    let Some((mut server, target)) = beanstalkd() else { return };
    testing::a_server_that_dies_is_noticed(&*target, || server.kill()).await;
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    testing::a_closed_port_is_unreachable("beanstalk").await;
}

#[test]
fn what_it_cannot_do_it_says() {
    let server = target("beanstalk://127.0.0.1");
    for kind in [Kind::Queue, Kind::Delay(Duration::from_secs(2))] {
        assert_eq!(server.promise(&layout("other", kind)), Ok(Promise::AT_LEAST_ONCE));
    }
    let fanout = Kind::Fanout { queues: 2, filtered: false };
    let kinds = [Kind::Fifo, fanout, Kind::Delay(Duration::from_millis(1500))];
    let urls = ["beanstalk://me:secret@127.0.0.1", "beanstalk://127.0.0.1?tube=mine", "beanstalk:///tube"];
    testing::what_it_cannot_do_it_says("beanstalk://127.0.0.1", &kinds, &urls);
}

/// A server for one connection that sends `answer` and closes its side. The task returns what the client sent, when the
/// client has closed the connection.
async fn fake(answer: &[u8]) -> (Connection, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback has free ports");
    let port = listener.local_addr().expect("it is bound").port();
    let answer = answer.to_owned();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client comes");
        // The client may close the connection before the end of the response.
        if stream.write_all(&answer).await.is_ok() && stream.shutdown().await.is_ok() {
            let mut sent = String::new();
            stream.read_to_string(&mut sent).await.expect("clients speak ASCII");
            return sent;
        }
        String::new()
    });
    (Connection::open("127.0.0.1", port).await.expect("it listens"), server)
}

/// The result of a call as a cell of a table.
fn outcome<T: std::fmt::Debug>(result: Result<T, Failure>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(failure) => failure.to_string(),
    }
}

#[tokio::test]
async fn answers_to_put() {
    let cases: &[(&str, &str)] = &[
        ("INSERTED 1\r\nINSERTED 2\r\n", "[]"),
        ("INSERTED 1\r\nBURIED 2\r\n", r#"[(1, "BURIED 2")]"#),
        ("JOB_TOO_BIG\r\nINSERTED 2\r\n", r#"[(0, "JOB_TOO_BIG")]"#),
        ("DRAINING\r\nDRAINING\r\n", r#"[(0, "DRAINING"), (1, "DRAINING")]"#),
        ("OUT_OF_MEMORY\r\nINTERNAL_ERROR\r\n", r#"[(0, "OUT_OF_MEMORY"), (1, "INTERNAL_ERROR")]"#),
        ("EXPECTED_CRLF\r\nINSERTED 1\r\n", "answered what cannot be read: `EXPECTED_CRLF`"),
        ("BAD_FORMAT\r\n", "answered what cannot be read: `BAD_FORMAT`"),
        ("UNKNOWN_COMMAND\r\n", "answered what cannot be read: `UNKNOWN_COMMAND`"),
        ("HTTP/1.1 400 Bad Request\r\n", "answered what cannot be read: `HTTP/1.1 400 Bad Request`"),
        ("\x1b[2J\r\n", r"answered what cannot be read: `\x1b[2J`"),
        ("\r\n", "answered what cannot be read: ``"),
        ("INSERTED 1\n", r"answered what cannot be read: `INSERTED 1\n`"),
        ("INSERTED 1\r\nINSER", "lost the connection: the server closed the connection"),
        ("", "lost the connection: the server closed the connection"),
    ];
    for (answer, expected) in cases {
        let (mut connection, server) = fake(answer.as_bytes()).await;
        let result = connection.put(&messages(["first", "second"]), 3, 30).await;
        assert_eq!(&outcome(result), expected, "{answer:?}");
        drop(connection);
        let sent = server.await.expect("the server does not panic");
        assert_eq!(sent, "put 1024 3 30 5\r\nfirst\r\nput 1024 3 30 6\r\nsecond\r\n");
    }
}

#[tokio::test]
async fn answers_to_reserve() {
    let cases: &[(&str, &str)] = &[
        ("TIMED_OUT\r\n", "[]"),
        ("DEADLINE_SOON\r\n", "[]"),
        ("RESERVED 7 2\r\nab\r\nTIMED_OUT\r\n", r#"["7 ab"]"#),
        ("RESERVED 7 2\r\nab\r\nDEADLINE_SOON\r\n", r#"["7 ab"]"#),
        ("RESERVED 7 2\r\nab\r\nOUT_OF_MEMORY\r\n", r#"["7 ab"]"#),
        ("RESERVED 7 2\r\n\r\n\r\nRESERVED 18446744073709551615 0\r\n\r\n", r#"["7 \r\n", "18446744073709551615 "]"#),
        ("OUT_OF_MEMORY\r\n", "refused: OUT_OF_MEMORY"),
        ("INTERNAL_ERROR\r\n", "refused: INTERNAL_ERROR"),
        ("BAD_FORMAT\r\n", "answered what cannot be read: `BAD_FORMAT`"),
        ("NOT_FOUND\r\n", "answered what cannot be read: `NOT_FOUND`"),
        ("RESERVED\r\n", "answered what cannot be read: `RESERVED`"),
        ("RESERVED 7\r\n", "answered what cannot be read: `RESERVED 7`"),
        ("RESERVED x 2\r\nab\r\n", "answered what cannot be read: `RESERVED x 2`"),
        ("RESERVED 7 -2\r\nab\r\n", "answered what cannot be read: `RESERVED 7 -2`"),
        (
            "RESERVED 7 1048577\r\n",
            "answered what cannot be read: a job of 1048577 bytes, which the load test has not sent",
        ),
        ("RESERVED 7 2\r\nabcd", "answered what cannot be read: a job of 2 bytes does not end there"),
        ("RESERVED 7 2\r\na", "lost the connection: the server closed the connection"),
        ("RESERVED 7 2\r\nab\r\n", "lost the connection: the server closed the connection"),
    ];
    for (answer, expected) in cases {
        let (mut connection, _server) = fake(answer.as_bytes()).await;
        let mut deliveries = Vec::new();
        let result = connection.reserve(2, 1, &mut deliveries).await;
        let jobs = deliveries.iter().map(|delivery| {
            let id = job(delivery).expect("a number");
            format!("{id} {}", String::from_utf8_lossy(&delivery.body))
        });
        let jobs: Vec<_> = jobs.collect();
        assert_eq!(&outcome(result.map(|()| jobs)), expected, "{answer:?}");
    }
}

#[tokio::test]
async fn answers_to_the_other_commands() {
    let two = [7, 8].map(|id| Delivery { body: Bytes::new(), settle_key: SettleKey::Number(id) });
    let cases: &[(&str, &str)] = &[
        ("DELETED\r\nDELETED\r\n", "0"),
        ("NOT_FOUND\r\nDELETED\r\n", "1"),
        ("INTERNAL_ERROR\r\nDELETED\r\n", "refused: INTERNAL_ERROR"),
        ("DELETED\r\nUNKNOWN_COMMAND\r\n", "answered what cannot be read: `UNKNOWN_COMMAND`"),
        ("DELETED\r\n", "lost the connection: the server closed the connection"),
    ];
    for (answer, expected) in cases {
        let (mut connection, _server) = fake(answer.as_bytes()).await;
        assert_eq!(&outcome(connection.delete(&two).await), expected, "{answer:?}");
    }
    for answer in ["USING other\r\n", "BAD_FORMAT\r\n", "\r\n"] {
        let (mut connection, _server) = fake(answer.as_bytes()).await;
        let used = connection.use_tube("mine").await;
        assert!(matches!(used, Err(Failure::Malformed(_))), "{answer:?}: {used:?}");
    }
    for answer in ["WATCHING 2\r\nNOT_IGNORED\r\n", "WATCHING 3\r\n"] {
        let (mut connection, _server) = fake(answer.as_bytes()).await;
        let watched = connection.watch_only("mine").await;
        assert!(matches!(watched, Err(Failure::Malformed(_))), "{answer:?}: {watched:?}");
    }
}

#[tokio::test]
async fn a_refusal_leaves_the_connection_in_step() {
    let two = [7, 8].map(|id| Delivery { body: Bytes::new(), settle_key: SettleKey::Number(id) });
    let (mut connection, _server) = fake(b"OUT_OF_MEMORY\r\nDELETED\r\nKICKED 5\r\n").await;
    assert!(matches!(connection.delete(&two).await, Err(Failure::Refused(_))));
    assert_eq!(connection.kick().await, Ok(5));
}

#[tokio::test]
async fn an_endless_line_is_not_read_to_its_end() {
    let (mut connection, _server) = fake(&vec![b'x'; 4 << 20]).await;
    let result = connection.put(&messages(["first"]), 0, 30).await;
    assert_eq!(result, Err(Failure::Malformed("a line of more than 256 bytes".to_owned())));
}

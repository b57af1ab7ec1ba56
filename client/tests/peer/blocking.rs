//! The blocking facade: its verbs, its thread, and what it refuses.

use std::thread;
use std::time::Duration;

use posthouse_client::blocking::{Client, Consumer, Delivery, Producer};
use posthouse_client::{ErrorKind, Window};
use posthouse_wire::{Handle, Kind, List, Reply, Settled, Text};
use serde_json::json;
use tokio::sync::oneshot;

use crate::peer::{Connection, Peer, soon};

/// Runs a program on a thread that has no runtime.
fn on_a_thread<T: Send + 'static>(program: impl FnOnce() -> T + Send + 'static) -> oneshot::Receiver<T> {
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || sender.send(program()));
    receiver
}

fn url(peer: &Peer) -> String {
    format!("posthouse://{}", peer.address())
}

async fn client(peer: &Peer) -> (Client, Connection) {
    let url = url(peer);
    let connecting = on_a_thread(move || Client::builder(url).connect());
    let connection = peer.accept().await;
    (soon(connecting).await.expect("no panic").expect("a client"), connection)
}

async fn producer(client: &Client, connection: &mut Connection) -> Producer {
    let builder = client.producer("orders").window(Window::messages(2));
    let opening = on_a_thread(move || builder.open());
    connection.open_producer(0).await;
    soon(opening).await.expect("no panic").expect("a producer")
}

async fn consumer(client: &Client, connection: &mut Connection, bodies: &[&str]) -> Consumer {
    let builder = client.consumer("orders").prefetch(8).visibility(Duration::from_secs(30));
    let opening = on_a_thread(move || builder.open());
    let link = connection.open_consumer(30).await;
    connection.credit().await;
    connection.deliver(link, 1, bodies).await;
    soon(opening).await.expect("no panic").expect("a consumer")
}

async fn settled(connection: &mut Connection, expected: &str) {
    let settlement = connection.settlement().await;
    assert_eq!(settlement.shown(), [expected]);
    connection.send(settlement.address, &Settled { exceptions: List::default() }).await;
}

#[tokio::test]
async fn a_producer_blocks_until_its_messages_are_stored() {
    let peer = Peer::new().await;
    let (client, mut connection) = client(&peer).await;
    let producer = producer(&client, &mut connection).await;
    assert_eq!((producer.arn(), producer.is_fifo()), ("arn:aws:sqs:us-east-1:000000000000:orders", false));
    let sending = on_a_thread({
        let producer = producer.clone();
        move || -> posthouse_client::Result<()> {
            producer.send("a")?;
            let confirmation = producer.enqueue("b")?;
            assert!(!confirmation.wait()?.is_duplicate());
            producer.send_all(["c", "d", "e"])?;
            drop(producer.try_enqueue("f").expect("room"));
            drop(producer.enqueue_within("g", Duration::from_secs(10)).expect("room"));
            assert!(producer.enqueue_within("h", Duration::from_millis(10)).expect_err("no room").is_full());
            producer.flush()?;
            producer.close()
        }
    });
    let mut bodies = Vec::new();
    while bodies.len() < 7 {
        let frame = connection.sending().await;
        if frame.bodies[0] == "f" {
            // The window is full for longer than the program waits.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        connection.confirm(&frame).await;
        bodies.extend(frame.bodies);
    }
    assert_eq!(bodies.concat(), "abcdefg");
    connection.close_link().await;
    soon(sending).await.expect("no panic").expect("all are stored");
    let error = on_a_thread(move || producer.send("late")).await.expect("no panic").expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_consumer_blocks_until_there_is_a_message() {
    let peer = Peer::new().await;
    let (client, mut connection) = client(&peer).await;
    let mut consumer = consumer(&client, &mut connection, &["a", "b", "c", "d"]).await;
    assert_eq!(consumer.visibility(), Duration::from_secs(30));
    let stopper = consumer.stopper();
    let receiving = on_a_thread(move || -> posthouse_client::Result<Vec<String>> {
        let first = consumer.try_next()?.expect("a message");
        first.extend(Duration::from_secs(60))?;
        assert_eq!(first.receipt_handle()?, "the handle");
        first.ack_durable()?;
        consumer.try_next_within(Duration::from_secs(10))?.expect("a message").nack_durable(Duration::from_secs(5))?;
        consumer.try_next()?.expect("a message").dead_letter_durable()?;
        consumer.try_next()?.expect("a message").ack();
        consumer.settled()?;
        assert!(consumer.try_next_within(Duration::from_millis(10))?.is_none(), "no message");
        // The iteration ends when the consumer is stopped.
        let rest = consumer.by_ref().map(|delivery| delivery.map(|delivery| delivery.text().into_owned())).collect();
        consumer.close()?;
        rest
    });
    settled(&mut connection, "Extend { seconds: 60 } 1+1").await;
    let asked = connection.frame_of(Kind::GetHandle).await;
    connection.send(asked.address(), &Handle { handle: Text::clipped("the handle") }).await;
    settled(&mut connection, "Delete 1+1").await;
    settled(&mut connection, "Release { seconds: 5 } 2+1").await;
    settled(&mut connection, "DeadLetter 3+1").await;
    settled(&mut connection, "Delete 4+1").await;
    stopper.stop();
    connection.close_link().await;
    assert!(soon(receiving).await.expect("no panic").expect("no failure").is_empty());
    let closing = on_a_thread(move || client.close());
    soon(closing).await.expect("no panic").expect("closed");
    assert!(connection.try_frame().await.is_none(), "the connection ends");
}

#[tokio::test]
async fn calls_and_administration_are_waited_for() {
    let peer = Peer::new().await;
    let (client, mut connection) = client(&peer).await;
    let calling = on_a_thread(move || {
        let output = client.call("sqs.ListQueues", json!({}))?;
        client.wait(client.admin().queue_url("orders")).map(|url| (output, url))
    });
    for output in [br#"{"n":1}"#.as_slice(), br#"{"QueueUrl":"http://h/1/orders"}"#] {
        let asked = connection.frame_of(Kind::Call).await;
        connection.send_encoded(asked.address(), &Reply::encode(&bytes::Bytes::from_static(output))).await;
    }
    let (output, url) = soon(calling).await.expect("no panic").expect("outputs");
    assert_eq!((output, url.as_str()), (json!({"n": 1}), "http://h/1/orders"));
}

#[tokio::test]
async fn what_was_enqueued_is_sent_after_everything_was_dropped() {
    let peer = Peer::new().await;
    let (client, mut connection) = client(&peer).await;
    let producer = producer(&client, &mut connection).await;
    let enqueuing = on_a_thread(move || drop(producer.enqueue("a").expect("room")));
    soon(enqueuing).await.expect("no panic");
    // A handle may be dropped within a runtime.
    drop(client);
    let frame = connection.sending().await;
    assert_eq!(frame.bodies, ["a"]);
    connection.confirm(&frame).await;
    connection.close_link().await;
    assert!(connection.try_frame().await.is_none(), "the connection ends");
}

#[tokio::test]
async fn a_method_that_would_block_is_refused_within_a_runtime() {
    let refused = |error: posthouse_client::Error| assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    let peer = Peer::new().await;
    refused(Client::builder(url(&peer)).connect().expect_err("a runtime"));
    let (client, mut connection) = client(&peer).await;
    let producer = producer(&client, &mut connection).await;
    let mut consumer = consumer(&client, &mut connection, &["a", "b", "c"]).await;
    let taking = on_a_thread(move || {
        let deliveries: Vec<Delivery> = (0..3).map_while(|_| consumer.try_next().expect("no failure")).collect();
        (deliveries, consumer)
    });
    let (mut deliveries, mut consumer) = soon(taking).await.expect("no panic");

    refused(client.producer("x").open().expect_err("a runtime"));
    refused(client.consumer("x").open().expect_err("a runtime"));
    refused(client.call("sqs.ListQueues", json!({})).expect_err("a runtime"));
    refused(client.wait(client.admin().list_queues("")).expect_err("a runtime"));
    refused(producer.send("x").expect_err("a runtime"));
    refused(producer.enqueue("x").expect_err("a runtime"));
    refused(producer.send_all(["x"]).expect_err("a runtime"));
    refused(producer.flush().expect_err("a runtime"));
    let error = producer.enqueue_within("x", Duration::ZERO).expect_err("a runtime");
    assert!(!error.is_full());
    assert_eq!(error.into_message().body(), "x");
    refused(consumer.try_next().expect_err("a runtime"));
    refused(consumer.settled().expect_err("a runtime"));
    refused(deliveries[0].extend(Duration::ZERO).expect_err("a runtime"));
    refused(deliveries[0].receipt_handle().expect_err("a runtime"));
    let in_spawn_blocking = tokio::task::spawn_blocking({
        let producer = producer.clone();
        move || producer.send("x")
    });
    refused(in_spawn_blocking.await.expect("no panic").expect_err("a runtime"));

    // What does not block works. A delivery that was not settled durably is given back.
    deliveries.remove(0).ack();
    settled(&mut connection, "Delete 1+1").await;
    refused(deliveries.remove(0).ack_durable().expect_err("a runtime"));
    settled(&mut connection, "Release { seconds: 0 } 2+1").await;
    drop(deliveries);
    settled(&mut connection, "Release { seconds: 0 } 3+1").await;
    drop(producer.try_enqueue("y").expect("room"));
    let frame = connection.sending().await;
    assert_eq!(frame.bodies, ["y"], "nothing else was sent");
    connection.confirm(&frame).await;
    refused(client.close().expect_err("a runtime"));
    for _ in 0..2 {
        connection.close_link().await;
    }
    assert!(connection.try_frame().await.is_none(), "the client closes in the background");
}

#[tokio::test]
async fn no_address_answers() {
    let peer = Peer::new().await;
    let url = url(&peer);
    drop(peer);
    let connecting = on_a_thread(move || Client::builder(url).connect());
    assert_eq!(soon(connecting).await.expect("no panic").expect_err("nothing listens").kind(), ErrorKind::Unreachable);
    let connecting = on_a_thread(|| Client::builder("http://127.0.0.1").connect());
    assert_eq!(soon(connecting).await.expect("no panic").expect_err("no URL").kind(), ErrorKind::InvalidArgument);
}

//! Futures that are dropped before they have returned. Those of `enqueue`, `send`, `try_next`, `call` and
//! `for_each_concurrent` are in the files of their subjects.

use std::future::Future;
use std::time::Duration;

use posthouse_client::{Client, Consumer, ErrorKind, Producer, Window};
use posthouse_wire::{Ends, Failure, Fault, FaultCode, Handle, Kind, List, Settled, Text};
use tokio::time::timeout;

use crate::peer::{Connection, Peer, soon};

/// Polls a future for a moment, and drops it.
async fn begun<F: Future>(future: F) {
    assert!(timeout(Duration::from_millis(20), future).await.is_err(), "it waits");
}

async fn producer(peer: &Peer) -> (Client, Producer, Connection) {
    let (client, mut connection) = peer.client().await;
    let opening = client.producer("orders").window(Window::messages(2)).open();
    let (producer, _) = tokio::join!(opening, connection.open_producer(0));
    (client, producer.expect("a producer"), connection)
}

async fn consumer(peer: &Peer) -> (Client, Consumer, Connection) {
    let (client, mut connection) = peer.client().await;
    let (consumer, link) = tokio::join!(client.consumer("orders").open(), connection.open_consumer(30));
    connection.credit().await;
    connection.deliver(link, 1, &["a", "b"]).await;
    (client, consumer.expect("a consumer"), connection)
}

async fn settled(connection: &mut Connection, expected: &str) {
    let settlement = connection.settlement().await;
    assert_eq!(settlement.shown(), [expected]);
    connection.send(settlement.address, &Settled { exceptions: List::default() }).await;
}

#[tokio::test]
async fn connecting_leaves_nothing_behind() {
    let peer = Peer::new().await;
    let mut connecting = Box::pin(peer.builder().connect());
    let accepting = async {
        let mut connection = Connection::new(peer.accept_raw().await);
        connection.frame().await;
        connection
    };
    let mut connection = tokio::select! {
        _ = &mut connecting => panic!("the peer has not answered"),
        connection = accepting => connection,
    };
    begun(connecting).await;
    assert!(connection.try_frame().await.is_none(), "the connection ends");
}

#[tokio::test]
async fn a_producer_whose_opening_is_dropped_is_closed() {
    let peer = Peer::new().await;
    let (client, mut connection) = peer.client().await;
    begun(client.producer("orders").open()).await;
    connection.open_producer(0).await;
    connection.close_link().await;
}

#[tokio::test]
async fn a_flush_that_is_dropped_reports_nothing_and_the_next_one_does() {
    let peer = Peer::new().await;
    let (_client, producer, mut connection) = producer(&peer).await;
    drop(producer.enqueue("x").await.expect("room"));
    begun(producer.flush()).await;
    let frame = connection.sending().await;
    let fault = Fault::new(FaultCode::InvalidMessageContents, Ends::Request, "the reason");
    connection.answer(&frame, &[Failure { index: 0, fault }], &[]).await;
    assert_eq!(soon(producer.flush()).await.expect_err("refused").kind(), ErrorKind::Refused);
}

#[tokio::test]
async fn of_messages_that_are_sent_together_the_first_ones_are_sent() {
    let peer = Peer::new().await;
    let (_client, producer, mut connection) = producer(&peer).await;
    begun(producer.send_all(["a", "b", "c", "d"])).await;
    let mut bodies = Vec::new();
    while bodies.len() < 2 {
        let frame = connection.sending().await;
        connection.confirm(&frame).await;
        bodies.extend(frame.bodies);
    }
    assert_eq!(bodies, ["a", "b"]);
    soon(producer.flush()).await.expect("stored");
    connection.expect_silence().await;
}

#[tokio::test]
async fn a_wait_for_room_with_a_limit_takes_no_room() {
    let peer = Peer::new().await;
    let (_client, producer, mut connection) = producer(&peer).await;
    producer.try_enqueue("a").map(drop).expect("room");
    producer.try_enqueue("b").map(drop).expect("room");
    begun(producer.enqueue_within("c", Duration::from_secs(60))).await;
    let mut bodies = Vec::new();
    while bodies.len() < 2 {
        let frame = connection.sending().await;
        connection.confirm(&frame).await;
        bodies.extend(frame.bodies);
    }
    soon(producer.flush()).await.expect("stored");
    producer.try_enqueue("d").map(drop).expect("room");
    producer.try_enqueue("e").map(drop).expect("room");
}

#[tokio::test]
async fn a_producer_is_closed_although_nothing_waits_for_it() {
    let peer = Peer::new().await;
    let (_client, producer, mut connection) = producer(&peer).await;
    let clone = producer.clone();
    drop(producer.enqueue("a").await.expect("room"));
    drop(producer.close());
    assert_eq!(clone.enqueue("b").await.expect_err("closed").kind(), ErrorKind::Closed);
    let frame = connection.sending().await;
    connection.confirm(&frame).await;
    connection.close_link().await;
}

#[tokio::test]
async fn a_settlement_is_made_although_nothing_waits_for_it() {
    let peer = Peer::new().await;
    let (_client, mut consumer, mut connection) = consumer(&peer).await;
    let delivery = soon(consumer.try_next()).await.expect("no failure").expect("a delivery");
    drop(delivery.extend(Duration::from_secs(60)));
    settled(&mut connection, "Extend { seconds: 60 } 1+1").await;
    begun(delivery.receipt_handle()).await;
    let asked = connection.frame_of(Kind::GetHandle).await;
    connection.send(asked.address(), &Handle { handle: Text::clipped("nothing waits for it") }).await;
    drop(delivery.ack_durable());
    settled(&mut connection, "Delete 1+1").await;
    let delivery = soon(consumer.try_next()).await.expect("no failure").expect("a delivery");
    let settling = delivery.nack_durable(Duration::from_secs(5));
    begun(settling).await;
    settled(&mut connection, "Release { seconds: 5 } 2+1").await;
    soon(consumer.settled()).await;
}

#[tokio::test]
async fn a_consumer_and_a_client_are_closed_although_nothing_waits_for_them() {
    let peer = Peer::new().await;
    let (client, mut consumer, mut connection) = consumer(&peer).await;
    let delivery = soon(consumer.try_next()).await.expect("no failure").expect("a delivery");
    drop(consumer.close());
    settled(&mut connection, "Release { seconds: 0 } 2+1").await;
    delivery.ack();
    settled(&mut connection, "Delete 1+1").await;
    connection.close_link().await;
    let clone = client.clone();
    drop(client.close());
    assert!(connection.try_frame().await.is_none(), "the connection ends");
    assert_eq!(soon(clone.producer("orders").open()).await.expect_err("closed").kind(), ErrorKind::Closed);
}

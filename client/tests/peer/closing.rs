//! The ends of producers, consumers and clients.

use posthouse_client::ErrorKind;

use crate::peer::{Peer, soon};

#[tokio::test]
async fn a_producer_that_is_closed_waits_for_its_answers() {
    let peer = Peer::new().await;
    let (client, mut connection) = peer.client().await;
    let (producer, _) = tokio::join!(client.producer("orders").open(), connection.open_producer(0));
    let producer = producer.expect("a producer");
    let clone = producer.clone();
    drop(producer.enqueue("a").await.expect("room"));
    let closing = tokio::spawn(producer.close());
    let frame = connection.sending().await;
    assert!(!closing.is_finished());
    connection.confirm(&frame).await;
    soon(closing).await.expect("no panic").expect("stored");
    assert_eq!(clone.send("b").await.expect_err("closed").kind(), ErrorKind::Closed);
    connection.close_link().await;
}

#[tokio::test]
async fn what_was_enqueued_is_sent_after_everything_was_dropped() {
    let peer = Peer::new().await;
    let (client, mut connection) = peer.client().await;
    let (producer, _) = tokio::join!(client.producer("orders").open(), connection.open_producer(0));
    drop(producer.expect("a producer").enqueue("a").await.expect("room"));
    drop(client);
    let frame = connection.sending().await;
    assert_eq!(frame.bodies, ["a"]);
    connection.confirm(&frame).await;
    connection.close_link().await;
    assert!(connection.try_frame().await.is_none(), "the connection ends");
}

#[tokio::test]
async fn a_client_that_is_closed_waits_for_deliveries_and_ends_all() {
    let peer = Peer::new().await;
    let (client, mut connection) = peer.client().await;
    let (producer, _) = tokio::join!(client.producer("orders").open(), connection.open_producer(0));
    let producer = producer.expect("a producer");
    let (consumer, link) = tokio::join!(client.consumer("orders").open(), connection.open_consumer(30));
    let mut consumer = consumer.expect("a consumer");
    connection.credit().await;
    connection.deliver(link, 1, &["a"]).await;
    let delivery = soon(consumer.try_next()).await.expect("no failure").expect("a delivery");
    let closing = tokio::spawn(client.clone().close());
    connection.close_link().await;
    assert!(soon(consumer.try_next()).await.expect("no failure").is_none());
    assert!(!closing.is_finished());
    delivery.ack();
    let settlement = connection.settlement().await;
    assert_eq!(settlement.shown(), ["Delete 1+1"]);
    let settled = posthouse_wire::Settled { exceptions: posthouse_wire::List::default() };
    connection.send(settlement.address, &settled).await;
    connection.close_link().await;
    soon(closing).await.expect("no panic");
    assert!(connection.try_frame().await.is_none(), "the connection ends");
    assert_eq!(producer.send("x").await.expect_err("closed").kind(), ErrorKind::Closed);
    assert_eq!(client.producer("y").open().await.expect_err("closed").kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_client_without_a_connection_is_closed_at_once_if_nothing_waits() {
    let peer = Peer::new().await;
    let (client, connection) = peer.client().await;
    drop(connection);
    drop(peer);
    soon(client.close()).await;
}

#[tokio::test]
async fn an_opening_that_is_cancelled_closes_the_link() {
    let peer = Peer::new().await;
    let (client, mut connection) = peer.client().await;
    let opening = tokio::spawn({
        let client = client.clone();
        async move { client.consumer("orders").open().await }
    });
    let frame = connection.frame_of(posthouse_wire::Kind::OpenConsumer).await;
    opening.abort();
    let _ = opening.await;
    let opened = posthouse_wire::ConsumerOpened {
        is_fifo: false,
        visibility_seconds: 30,
        unsettled_max: 1,
        held_bytes_max: 1,
        arn: posthouse_wire::Text::EMPTY,
    };
    connection.send(frame.address(), &opened).await;
    connection.close_link().await;
}

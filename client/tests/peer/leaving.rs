//! GO_AWAY.

use posthouse_wire::{Address, Ends, Fault, FaultCode, GoAway, Kind, List, Reason, Settled, Text};

use crate::peer::{Peer, soon};

fn away(reason: Reason, address: &str) -> GoAway<'_> {
    GoAway { reason, grace_ms: 10_000, address: Text::clipped(address) }
}

#[tokio::test]
async fn a_client_finishes_and_goes_where_the_broker_says() {
    let (old, new) = (Peer::new().await, Peer::new().await);
    let (client, mut connection) = old.client().await;
    let (producer, (_, id)) = tokio::join!(client.producer("orders").open(), connection.open_producer(0));
    let producer = producer.expect("a producer");
    let (consumer, link) = tokio::join!(client.consumer("orders").open(), connection.open_consumer(30));
    let mut consumer = consumer.expect("a consumer");
    connection.credit().await;
    connection.deliver(link, 1, &["a"]).await;
    let delivery = soon(consumer.try_next()).await.expect("no failure").expect("a delivery");
    let first = producer.enqueue("m1").await.expect("room");
    let frame = connection.sending().await;
    let refused = producer.enqueue("m2").await.expect("room");
    let behind = connection.sending().await;

    connection.send(Address::CONNECTION, &away(Reason::Moved, &new.address())).await;
    // A request that the broker did not look at belongs to the next connection.
    connection.send(behind.address, &Fault::new(FaultCode::GoingAway, Ends::Request, "going")).await;
    connection.confirm(&frame).await;
    soon(first).await.expect("stored");
    let later = producer.enqueue("m3").await.expect("room");
    delivery.ack();
    let settlement = connection.settlement().await;
    assert_eq!(settlement.shown(), ["Delete 1+1"]);
    connection.send(settlement.address, &Settled { exceptions: List::default() }).await;
    while let Some(frame) = connection.try_frame().await {
        assert_ne!(frame.header.kind, Kind::Send, "nothing new is sent");
    }

    let mut connection = new.accept().await;
    let (_, again) = connection.open_producer(1).await;
    assert_eq!(again, id);
    let mut found = Vec::new();
    while found.len() < 2 {
        let frame = connection.sending().await;
        found.extend((frame.first..).zip(frame.bodies.clone()));
        connection.confirm(&frame).await;
    }
    assert_eq!(found, [(2, "m2".to_owned()), (3, "m3".to_owned())]);
    soon(refused).await.expect("stored");
    soon(later).await.expect("stored");
}

#[tokio::test]
async fn the_time_to_finish_is_bounded() {
    let peer = Peer::new().await;
    let (client, mut connection) = peer.client().await;
    let (producer, _) = tokio::join!(client.producer("orders").open(), connection.open_producer(0));
    let confirmation = producer.expect("a producer").enqueue("a").await.expect("room");
    connection.sending().await;
    let away = GoAway { reason: Reason::Stopping, grace_ms: 100, address: Text::EMPTY };
    connection.send(Address::CONNECTION, &away).await;
    let mut next = peer.accept().await;
    next.open_producer(1).await;
    let frame = next.sending().await;
    next.confirm(&frame).await;
    soon(confirmation).await.expect("stored");
}

#[tokio::test]
async fn a_client_that_was_idle_connects_again_when_it_is_used() {
    let peer = Peer::new().await;
    let (client, mut connection) = peer.client().await;
    connection.send(Address::CONNECTION, &away(Reason::Overloaded, "")).await;
    assert!(connection.try_frame().await.is_none(), "the client leaves");
    let accepting = tokio::time::timeout(std::time::Duration::from_millis(300), peer.accept()).await;
    assert!(accepting.is_err(), "it needs no connection");
    let opening = tokio::spawn(async move { client.producer("orders").open().await });
    peer.accept().await.open_producer(0).await;
    soon(opening).await.expect("no panic").expect("a producer");
}

#[tokio::test]
async fn members_that_the_broker_names_are_tried() {
    let other = Peer::new().await;
    let terms = crate::peer::Terms { members: vec![other.address()], ..crate::peer::Terms::default() };
    let peer = Peer::with(terms).await;
    let (client, connection) = peer.client().await;
    drop(peer);
    drop(connection);
    let opening = tokio::spawn(async move { client.producer("orders").open().await });
    other.accept().await.open_producer(0).await;
    soon(opening).await.expect("no panic").expect("a producer");
}

#[tokio::test]
async fn an_opening_behind_go_away_waits_for_the_next_connection() {
    let (old, new) = (Peer::new().await, Peer::new().await);
    let (client, mut connection) = old.client().await;
    let (_held, _) = tokio::join!(client.producer("held").open(), connection.open_producer(0));
    // One was written before GO_AWAY arrived, and is refused.
    let early = tokio::spawn({
        let client = client.clone();
        async move { client.producer("early").open().await }
    });
    let refused = connection.frame_of(Kind::OpenProducer).await;
    let early_consumer = tokio::spawn({
        let client = client.clone();
        async move { client.consumer("early").open().await }
    });
    let refused_consumer = connection.frame_of(Kind::OpenConsumer).await;
    connection.send(Address::CONNECTION, &away(Reason::Overloaded, &new.address())).await;
    // The client reads GO_AWAY before this is answered.
    let ping = Address::new(posthouse_wire::Link::CONNECTION, posthouse_wire::Request::new(1));
    connection.send(ping, &posthouse_wire::Ping).await;
    connection.frame_of(Kind::Pong).await;
    let late = tokio::spawn(async move { client.consumer("late").open().await });
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    for frame in [refused, refused_consumer] {
        connection.send(frame.address(), &Fault::new(FaultCode::GoingAway, Ends::Request, "going")).await;
    }
    while let Some(frame) = connection.try_frame().await {
        assert_ne!(frame.header.kind, Kind::OpenConsumer, "nothing new is opened");
    }

    let mut connection = new.accept().await;
    for _ in 0..2 {
        connection.open_producer(0).await;
    }
    for _ in 0..2 {
        connection.open_consumer(30).await;
    }
    soon(early).await.expect("no panic").expect("a producer");
    drop(soon(early_consumer).await.expect("no panic").expect("a consumer"));
    drop(soon(late).await.expect("no panic").expect("a consumer"));
}

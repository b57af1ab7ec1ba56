//! What a lost connection changes, and what it does not.

use std::time::Duration;

use posthouse_client::{Client, ErrorKind, Producer};
use posthouse_wire::{Address, Ends, Fault, FaultCode, MessageNumber, ProducerId, ProducerOpened};

use tokio::time::timeout;

use crate::peer::{Connection, Peer, Terms, producer_opened, soon};

async fn producer(peer: &Peer) -> (Client, Producer, Connection, ProducerId) {
    let (client, mut connection) = peer.client().await;
    let (producer, (_, id)) = tokio::join!(client.producer("orders").open(), connection.open_producer(0));
    (client, producer.expect("a producer"), connection, id)
}

#[tokio::test]
async fn what_was_not_answered_is_sent_again_in_order_with_the_same_numbers() {
    let peer = Peer::new().await;
    let (_client, producer, mut connection, id) = producer(&peer).await;
    let mut confirmations = Vec::new();
    let mut frames = Vec::new();
    for body in ["a", "b", "c"] {
        confirmations.push(producer.enqueue(body).await.expect("room"));
        frames.push(connection.sending().await);
    }
    connection.confirm(&frames[0]).await;
    soon(confirmations.remove(0)).await.expect("stored");
    drop(connection);
    // What is enqueued meanwhile waits behind.
    confirmations.push(producer.enqueue("d").await.expect("room"));

    let mut connection = peer.accept().await;
    // The broker has stored `b`, and its answer was lost.
    let (_, again) = connection.open_producer(2).await;
    assert_eq!(again, id);
    let mut found = Vec::new();
    while found.len() < 3 {
        let frame = connection.sending().await;
        found.extend((frame.first..).zip(frame.bodies.clone()));
        connection.confirm(&frame).await;
    }
    assert_eq!(found, [(2, "b".to_owned()), (3, "c".to_owned()), (4, "d".to_owned())]);
    for confirmation in confirmations {
        soon(confirmation).await.expect("stored");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_again_and_again_loses_and_doubles_nothing() {
    let peer = Peer::new().await;
    let (_client, producer, connection, _) = producer(&peer).await;
    drop(connection);
    let sending = tokio::spawn({
        let producer = producer.clone();
        async move { producer.send_all((0..2_000).map(|number| number.to_string())).await }
    });
    let mut stored: Vec<String> = Vec::new();
    let mut connections = 0;
    while !sending.is_finished() {
        let mut connection = peer.accept().await;
        let last = MessageNumber::new(stored.len() as u64);
        connection.open_producer_with(ProducerOpened { is_known: true, last, ..producer_opened() }).await;
        connections += 1;
        // The fifth connection is a good one.
        for _ in 0..if connections < 5 { 3 } else { usize::MAX } {
            // When all are confirmed, nothing more is sent.
            let Ok(Some(frame)) = timeout(Duration::from_millis(300), connection.try_sending()).await else { break };
            assert!(frame.number() <= stored.len() + 1, "a gap");
            let known = stored.len() + 1 - frame.number();
            stored.extend(frame.bodies.iter().skip(known).cloned());
            connection.confirm(&frame).await;
        }
        // The answers to these are lost.
        for _ in 0..2 {
            let Ok(Some(frame)) = timeout(Duration::from_millis(20), connection.try_sending()).await else { break };
            let known = stored.len() + 1 - frame.number();
            stored.extend(frame.bodies.iter().skip(known).cloned());
        }
    }
    soon(sending).await.expect("no panic").expect("all are stored");
    assert_eq!(stored, (0..2_000).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_broker_that_no_longer_knows_the_producer_makes_outcomes_unknown() {
    let peer = Peer::new().await;
    let (_client, producer, mut connection, id) = producer(&peer).await;
    let sent = producer.enqueue("sent").await.expect("room");
    connection.sending().await;
    drop(connection);
    let mut connection = peer.accept().await;
    let waiting = producer.enqueue("never sent").await.expect("room");
    let (_, again) = connection.open_producer(0).await;
    assert_eq!(again, id);
    assert_eq!(soon(sent).await.expect_err("unknown").kind(), ErrorKind::OutcomeUnknown);
    // What no connection has carried is sent as the first message of another producer id.
    connection.close_link().await;
    let (_, other) = connection.open_producer(0).await;
    assert_ne!(other, id);
    let frame = connection.sending().await;
    assert_eq!((frame.first, &frame.bodies[..]), (1, &["never sent".to_owned()][..]));
    connection.confirm(&frame).await;
    soon(waiting).await.expect("stored");
}

#[tokio::test]
async fn another_log_knows_no_producer() {
    let mut peer = Peer::new().await;
    let (_client, producer, mut connection, _) = producer(&peer).await;
    let sent = producer.enqueue("sent").await.expect("room");
    connection.sending().await;
    peer.terms = Terms { log_identity: [8; 16], ..Terms::default() };
    drop(connection);
    let mut connection = peer.accept().await;
    connection.open_producer(5).await;
    assert_eq!(soon(sent).await.expect_err("unknown").kind(), ErrorKind::OutcomeUnknown);
}

#[tokio::test]
async fn a_producer_that_was_forgotten_while_idle_goes_on_under_another_id() {
    let peer = Peer::new().await;
    let (_client, producer, mut connection, id) = producer(&peer).await;
    let first = producer.enqueue("a").await.expect("room");
    let frame = connection.sending().await;
    connection.confirm(&frame).await;
    soon(first).await.expect("stored");
    let second = producer.enqueue("b").await.expect("room");
    let frame = connection.sending().await;
    assert_eq!(frame.first, 2);
    let third = producer.enqueue("c").await.expect("room");
    let behind = connection.sending().await;
    let fault = Fault::new(FaultCode::OutOfSequence, Ends::Request, "a gap");
    connection.send(frame.address, &fault).await;
    connection.send(behind.address, &fault).await;
    connection.close_link().await;
    let (_, other) = connection.open_producer(0).await;
    assert_ne!(other, id);
    let mut bodies = Vec::new();
    while bodies.len() < 2 {
        let frame = connection.sending().await;
        assert_eq!(frame.number(), bodies.len() + 1);
        connection.confirm(&frame).await;
        bodies.extend(frame.bodies);
    }
    assert_eq!(bodies, ["b", "c"]);
    soon(second).await.expect("stored");
    soon(third).await.expect("stored");
}

#[tokio::test]
async fn a_broker_that_takes_no_number_is_left() {
    let peer = Peer::new().await;
    let (_client, producer, mut connection, _) = producer(&peer).await;
    drop(producer.enqueue("a").await.expect("room"));
    let fault = Fault::new(FaultCode::OutOfSequence, Ends::Request, "a gap");
    for _ in 0..3 {
        let frame = connection.sending().await;
        connection.send(frame.address, &fault).await;
        connection.close_link().await;
        connection.open_producer(0).await;
    }
    let frame = connection.sending().await;
    connection.send(frame.address, &fault).await;
    connection.close_link().await;
    assert!(connection.try_frame().await.is_none(), "the client has ended the connection");
    let mut connection = peer.accept().await;
    connection.open_producer_with(producer_opened()).await;
}

#[tokio::test]
async fn a_retriable_fault_of_a_link_makes_the_connection_again() {
    let peer = Peer::new().await;
    let (_client, producer, mut connection, _) = producer(&peer).await;
    let confirmation = producer.enqueue("a").await.expect("room");
    let frame = connection.sending().await;
    let fault = Fault::new(FaultCode::Unavailable, Ends::Link, "later");
    connection.send(Address::link(frame.address.link), &fault).await;
    let mut connection = peer.accept().await;
    // The first frame is the only one that the broker has stored.
    connection.open_producer(1).await;
    let frame = connection.sending().await;
    assert_eq!(frame.first, 1);
    connection.confirm(&frame).await;
    soon(confirmation).await.expect("stored");
}

#[tokio::test]
async fn a_connection_that_the_broker_ends_for_good_ends_the_client() {
    let peer = Peer::new().await;
    let (client, producer, mut connection, _) = producer(&peer).await;
    let fault = Fault::new(FaultCode::NotAuthenticated, Ends::Connection, "the key was revoked");
    connection.send(Address::CONNECTION, &fault).await;
    let error = soon(producer.send("a")).await.expect_err("ended");
    // The message may have been written before the fault arrived.
    assert!(matches!(error.kind(), ErrorKind::NotAuthenticated | ErrorKind::OutcomeUnknown), "{error}");
    assert_eq!(soon(client.producer("b").open()).await.expect_err("ended").kind(), ErrorKind::NotAuthenticated);
}

#[tokio::test]
async fn an_opening_waits_for_the_next_connection() {
    let peer = Peer::new().await;
    let (client, connection) = peer.client().await;
    let opening = tokio::spawn(async move { client.producer("orders").open().await });
    drop(connection);
    let mut connection = peer.accept().await;
    connection.open_producer(0).await;
    soon(opening).await.expect("no panic").expect("a producer");
}

#[tokio::test]
async fn the_next_address_of_the_list_takes_over_and_the_list_is_gone_through_again() {
    let (first, second) = (Peer::new().await, Peer::new().await);
    let address = first.address();
    let connecting = Client::builder(format!("posthouse://{address},{}", second.address())).connect();
    let (client, connection) = tokio::join!(connecting, first.accept());
    let client = client.expect("a client");
    drop(connection);
    drop(first);
    let opening = tokio::spawn({
        let client = client.clone();
        async move { client.producer("orders").open().await }
    });
    let mut connection = second.accept().await;
    connection.open_producer(0).await;
    let producer = soon(opening).await.expect("no panic").expect("a producer");
    drop(connection);
    drop(second);
    let confirmation = producer.enqueue("x").await.expect("room");
    let again = Peer::at(&address).await;
    let mut connection = again.accept().await;
    // The message may have been written to the second one before the client saw that it had ended.
    connection.open_producer_with(ProducerOpened { is_known: true, ..producer_opened() }).await;
    let frame = connection.sending().await;
    connection.confirm(&frame).await;
    soon(confirmation).await.expect("stored");
}

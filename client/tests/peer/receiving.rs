//! Consumers: credit, settlements, and deliveries whose connection was lost.

use std::time::Duration;

use futures_util::StreamExt as _;
use posthouse_client::{Client, Consumer, ErrorKind, OnDisconnect};
use posthouse_wire::{
    Address, Ends, Fault, FaultCode, FromClient, Handle, Kind, List, NotSettled, RateLimit, Settled, Text,
};

use crate::peer::{Connection, Peer, Settlement, decode, soon};

/// A consumer with a prefetch, and the peer's end with its link.
async fn consumer(peer: &Peer, prefetch: u32) -> (Client, Consumer, Connection, posthouse_wire::Link) {
    let (client, mut connection) = peer.client().await;
    let opening = client.consumer("orders").prefetch(prefetch).open();
    let (consumer, link) = tokio::join!(opening, connection.open_consumer(30));
    (client, consumer.expect("a consumer"), connection, link)
}

/// The settlements until `count` deliveries are settled, each frame answered.
async fn settlements(connection: &mut Connection, count: u32) -> Vec<String> {
    let (mut shown, mut settled) = (Vec::new(), 0);
    while settled < count {
        let settlement = connection.settlement().await;
        settled += settlement.ranges.iter().map(|range| range.count).sum::<u32>();
        shown.extend(settlement.shown());
        answer(connection, &settlement, &[]).await;
    }
    shown
}

async fn answer(connection: &mut Connection, settlement: &Settlement, exceptions: &[NotSettled]) {
    connection.send(settlement.address, &Settled { exceptions: List::of(exceptions) }).await;
}

#[tokio::test]
async fn credit_is_granted_as_deliveries_are_settled() {
    let peer = Peer::new().await;
    let (_client, mut consumer, mut connection, link) = consumer(&peer, 8).await;
    assert_eq!(connection.credit().await.messages, 8);
    connection.deliver(link, 1, &["a", "b", "c", "d", "e", "f", "g", "h"]).await;
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(soon(consumer.try_next()).await.expect("no failure").expect("a delivery"));
    }
    assert_eq!(held.iter().map(|delivery| delivery.text().into_owned()).collect::<String>(), "abcdefgh");
    connection.expect_silence().await;
    held.remove(0).ack();
    assert_eq!(settlements(&mut connection, 1).await, ["Delete 1+1"]);
    held.remove(0).nack(Duration::from_secs(5));
    let settlement = connection.settlement().await;
    assert_eq!(settlement.shown(), ["Release { seconds: 5 } 2+1"]);
    assert_eq!(connection.credit().await.messages, 10);
}

#[tokio::test]
async fn settlements_of_neighbours_are_one_range() {
    let peer = Peer::new().await;
    let (_client, mut consumer, mut connection, link) = consumer(&peer, 100).await;
    connection.credit().await;
    let bodies: Vec<_> = (0..100).map(|_| "x").collect();
    connection.deliver(link, 1, &bodies).await;
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(soon(consumer.try_next()).await.expect("no failure").expect("a delivery"));
    }
    // On one thread, all are settled before the connection's task runs.
    held.drain(..40).rev().for_each(posthouse_client::Delivery::ack);
    held.remove(0).dead_letter();
    drop(held.remove(0));
    held.drain(..).for_each(posthouse_client::Delivery::ack);
    let shown = settlements(&mut connection, 100).await;
    assert_eq!(shown, ["Delete 1+40", "Delete 43+58", "Release { seconds: 0 } 42+1", "DeadLetter 41+1"]);
    soon(consumer.settled()).await;
}

#[tokio::test]
async fn a_durable_settlement_has_a_result() {
    let peer = Peer::new().await;
    let (_client, mut consumer, mut connection, link) = consumer(&peer, 8).await;
    connection.credit().await;
    connection.deliver(link, 1, &["a", "b", "c"]).await;
    let mut tasks = Vec::new();
    for _ in 0..3 {
        let delivery = soon(consumer.try_next()).await.expect("no failure").expect("a delivery");
        tasks.push(tokio::spawn(delivery.ack_durable()));
    }
    let number = posthouse_wire::DeliveryNumber::new(2).expect("a number");
    let mut settled = 0;
    while settled < 3 {
        let settlement = connection.settlement().await;
        settled += settlement.ranges.iter().map(|range| range.count).sum::<u32>();
        let is_in = settlement.ranges.iter().any(|range| range.first <= number);
        let exceptions = [NotSettled::new(number, 1, FaultCode::NotInFlight)];
        answer(&mut connection, &settlement, if is_in { &exceptions } else { &[] }).await;
    }
    let mut results = Vec::new();
    for task in tasks {
        results.push(soon(task).await.expect("no panic").map_err(|error| error.kind()));
    }
    assert_eq!(results, [Ok(()), Err(ErrorKind::DeliveryEnded), Ok(())]);
}

#[tokio::test]
async fn deliveries_of_a_lost_connection_have_ended_and_the_consumer_goes_on() {
    let peer = Peer::new().await;
    let (_client, mut consumer, mut connection, link) = consumer(&peer, 8).await;
    connection.credit().await;
    connection.deliver(link, 1, &["a", "b", "c"]).await;
    let held = soon(consumer.try_next()).await.expect("no failure").expect("a delivery");
    let unanswered = soon(consumer.try_next()).await.expect("no failure").expect("a delivery");
    let unanswered = tokio::spawn(unanswered.ack_durable());
    connection.settlement().await;
    drop(connection);
    assert_eq!(soon(unanswered).await.expect("no panic").expect_err("lost").kind(), ErrorKind::DeliveryEnded);

    let mut connection = peer.accept().await;
    let link = connection.open_consumer(30).await;
    assert_eq!(connection.credit().await.messages, 8, "the first credit of the connection");
    let extended = soon(held.extend(Duration::from_secs(9))).await;
    assert_eq!(extended.expect_err("lost").kind(), ErrorKind::DeliveryEnded);
    assert_eq!(soon(held.receipt_handle()).await.expect_err("lost").kind(), ErrorKind::DeliveryEnded);
    assert_eq!(soon(held.ack_durable()).await.expect_err("lost").kind(), ErrorKind::DeliveryEnded);
    // `c` was not taken before the connection was lost.
    connection.deliver(link, 1, &["c again"]).await;
    let delivery = soon(consumer.try_next()).await.expect("no failure").expect("a delivery");
    assert_eq!(delivery.text(), "c again");
    delivery.ack();
    assert_eq!(settlements(&mut connection, 1).await, ["Delete 1+1"]);
}

#[tokio::test]
async fn visibility_timeouts_are_extended_while_deliveries_are_held() {
    let peer = Peer::new().await;
    let (client, mut connection) = peer.client().await;
    let opening = client.consumer("orders").extend_automatically_up_to(Duration::from_secs(60)).open();
    let (consumer, link) = tokio::join!(opening, connection.open_consumer(1));
    let mut consumer = consumer.expect("a consumer");
    connection.credit().await;
    connection.deliver(link, 1, &["a", "b", "c"]).await;
    let first = soon(consumer.try_next()).await.expect("no failure").expect("a delivery");
    let second = soon(consumer.try_next()).await.expect("no failure").expect("a delivery");
    second.ack();
    assert_eq!(settlements(&mut connection, 1).await, ["Delete 2+1"]);
    // `a` is held, and `c` waits to be taken.
    let extensions = connection.settlement().await;
    assert_eq!(extensions.shown(), ["Extend { seconds: 1 } 1+1", "Extend { seconds: 1 } 3+1"]);
    answer(&mut connection, &extensions, &[]).await;
    drop(first);
    assert_eq!(settlements(&mut connection, 1).await, ["Release { seconds: 0 } 1+1"]);
    assert_eq!(settlements(&mut connection, 1).await, ["Extend { seconds: 1 } 3+1"]);
}

#[tokio::test]
async fn a_delivery_that_waited_past_its_visibility_timeout_is_not_handed_out() {
    let peer = Peer::new().await;
    let (client, mut connection) = peer.client().await;
    let opening = client.consumer("orders").prefetch(1).open();
    let (consumer, link) = tokio::join!(opening, connection.open_consumer(1));
    let mut consumer = consumer.expect("a consumer");
    assert_eq!(connection.credit().await.messages, 1);
    connection.deliver(link, 1, &["late"]).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let receiving = tokio::spawn(async move { consumer.try_next().await });
    assert_eq!(connection.credit().await.messages, 2, "there is room for another one");
    connection.deliver(link, 2, &["in time"]).await;
    let delivery = soon(receiving).await.expect("no panic").expect("no failure").expect("a delivery");
    assert_eq!(delivery.text(), "in time");
}

#[tokio::test]
async fn a_queue_without_a_visibility_timeout_is_received_from() {
    let peer = Peer::new().await;
    let (client, mut connection) = peer.client().await;
    let opening = client.consumer("orders").visibility(Duration::ZERO).open();
    let (consumer, link) = tokio::join!(opening, connection.open_consumer(0));
    let mut consumer = consumer.expect("a consumer");
    connection.credit().await;
    connection.deliver(link, 1, &["a"]).await;
    let delivery = soon(consumer.try_next()).await.expect("no failure").expect("a delivery");
    assert_eq!((delivery.text().as_ref(), consumer.visibility()), ("a", Duration::ZERO));
}

#[tokio::test]
async fn what_a_consumer_asks_for_crosses() {
    let peer = Peer::new().await;
    let (client, mut connection) = peer.client().await;
    let opening = tokio::spawn({
        let builder = client.consumer("orders").visibility(Duration::from_millis(4_500)).rate_limit(2.5);
        builder.on_disconnect(OnDisconnect::KeepInFlight).open()
    });
    let frame = connection.frame_of(Kind::OpenConsumer).await;
    let FromClient::OpenConsumer(open) = decode(&frame) else { panic!("{frame:?}") };
    assert_eq!(open.queue.as_str(), "orders");
    assert_eq!(open.visibility, posthouse_wire::Visibility::Seconds(5));
    assert_eq!(open.rate, RateLimit::per_second(2.5));
    assert_eq!(open.at_end, posthouse_wire::AtEnd::KeepInFlight);
    opening.abort();
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = client.consumer("orders").rate_limit(rate).open().await.expect_err("no rate");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
}

#[tokio::test]
async fn a_receipt_handle_can_be_had() {
    let peer = Peer::new().await;
    let (_client, mut consumer, mut connection, link) = consumer(&peer, 8).await;
    connection.credit().await;
    connection.deliver(link, 1, &["a"]).await;
    let delivery = soon(consumer.try_next()).await.expect("no failure").expect("a delivery");
    let asking = async {
        let frame = connection.frame_of(Kind::GetHandle).await;
        connection.send(frame.address(), &Handle { handle: Text::clipped("the handle") }).await;
    };
    let (handle, ()) = tokio::join!(delivery.receipt_handle(), asking);
    assert_eq!(handle.expect("a handle"), "the handle");
    delivery.keep();
    connection.expect_silence().await;
}

#[tokio::test]
async fn a_consumer_that_is_dropped_gives_back_what_was_not_taken() {
    let peer = Peer::new().await;
    let (_client, mut consumer, mut connection, link) = consumer(&peer, 8).await;
    connection.credit().await;
    connection.deliver(link, 1, &["a", "b", "c"]).await;
    let held = soon(consumer.try_next()).await.expect("no failure").expect("a delivery");
    drop(consumer);
    assert_eq!(settlements(&mut connection, 2).await, ["Release { seconds: 0 } 2+2"]);
    // What arrives late is given back, too.
    connection.deliver(link, 4, &["late"]).await;
    assert_eq!(settlements(&mut connection, 1).await, ["Release { seconds: 0 } 4+1"]);
    held.ack();
    assert_eq!(settlements(&mut connection, 1).await, ["Delete 1+1"]);
    connection.close_link().await;
}

#[tokio::test]
async fn a_wait_that_is_cancelled_loses_no_message() {
    let peer = Peer::new().await;
    let (_client, mut consumer, mut connection, link) = consumer(&peer, 8).await;
    connection.credit().await;
    for _ in 0..3 {
        let waited = tokio::time::timeout(Duration::from_millis(5), consumer.try_next()).await;
        assert!(waited.is_err());
    }
    connection.deliver(link, 1, &["a"]).await;
    let delivery = soon(consumer.next()).await.expect("a delivery").expect("no failure");
    assert_eq!(delivery.text(), "a");
}

#[tokio::test]
async fn a_failure_is_returned_once() {
    let peer = Peer::new().await;
    let (_client, mut consumer, mut connection, link) = consumer(&peer, 8).await;
    let fault = Fault::new(FaultCode::QueueDoesNotExist, Ends::Link, "deleted");
    connection.send(Address::link(link), &fault).await;
    assert_eq!(soon(consumer.try_next()).await.expect_err("deleted").kind(), ErrorKind::NotFound);
    assert!(soon(consumer.try_next()).await.expect("once").is_none());
}

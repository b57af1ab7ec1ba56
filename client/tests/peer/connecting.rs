//! The hello, addresses, and heartbeats.

use std::time::{Duration, Instant};

use posthouse_client::{Client, ErrorKind};
use posthouse_wire::{Address, Ends, Fault, FaultCode, FromClient, Kind, Pong};

use crate::peer::{Connection, Peer, SECRET, Terms, decode, soon};

#[tokio::test]
async fn both_sides_prove_the_secret() {
    let peer = Peer::with(Terms { secret: Some(SECRET), ..Terms::default() }).await;
    let connecting = peer.builder().credentials("AKIAORDERS", SECRET).connect();
    let (client, _connection) = tokio::join!(connecting, peer.accept());
    client.expect("a client");
}

#[tokio::test]
async fn a_peer_that_does_not_know_the_secret_is_refused() {
    let peer = Peer::with(Terms { secret: Some("another secret"), ..Terms::default() }).await;
    let connecting = peer.builder().credentials("AKIAORDERS", SECRET).connect();
    let (client, _connection) = tokio::join!(connecting, peer.accept());
    assert_eq!(client.expect_err("an impostor").kind(), ErrorKind::NotAuthenticated);
}

#[tokio::test]
async fn a_broker_with_users_needs_credentials() {
    let peer = Peer::with(Terms { secret: Some(SECRET), ..Terms::default() }).await;
    let connecting = peer.builder().connect();
    let accepting = async {
        let mut connection = Connection::new(peer.accept_raw().await);
        connection.begin_hello(&peer.terms).await;
        connection
    };
    let (client, _connection) = tokio::join!(connecting, accepting);
    assert_eq!(client.expect_err("no credentials").kind(), ErrorKind::NotAuthenticated);
}

#[tokio::test]
async fn a_fault_during_the_hello_is_the_error_of_connecting() {
    let peer = Peer::new().await;
    let connecting = peer.builder().credentials("AKIAUNKNOWN", SECRET).connect();
    let accepting = async {
        let mut connection = Connection::new(peer.accept_raw().await);
        let hello = connection.frame().await;
        let fault = Fault::new(FaultCode::NotAuthenticated, Ends::Connection, "no such key");
        connection.send(hello.address(), &fault).await;
        hello
    };
    let (client, hello) = tokio::join!(connecting, accepting);
    let error = client.expect_err("a fault");
    assert_eq!((error.kind(), error.fault_name()), (ErrorKind::NotAuthenticated, Some("NotAuthenticated")));
    let FromClient::Hello(hello) = decode(&hello) else { panic!("{hello:?}") };
    assert_eq!(hello.access_key_id.as_str(), "AKIAUNKNOWN");
    assert_eq!(hello.software.name.as_str(), "posthouse-client");
}

#[tokio::test]
async fn the_next_address_is_tried() {
    let (dead, mute, peer) = (Peer::new().await, Peer::new().await, Peer::new().await);
    let dead_address = dead.address();
    drop(dead);
    let url = format!("posthouse://{dead_address},{},{}", mute.address(), peer.address());
    // The mute peer takes connections and says nothing.
    let connecting = Client::builder(url).connect_timeout(Duration::from_millis(200)).connect();
    let (client, _connection) = tokio::join!(connecting, peer.accept());
    client.expect("a client");
}

#[tokio::test]
async fn no_address_answers() {
    let peer = Peer::new().await;
    let builder = peer.builder();
    drop(peer);
    let error = builder.connect().await.expect_err("nothing listens");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.is_retriable());
}

#[tokio::test]
async fn wrong_options_are_refused_before_anything_is_done() {
    for url in ["http://127.0.0.1", "posthouse://", "posthouse://a b"] {
        let error = Client::builder(url).connect().await.expect_err(url);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
    let error = Client::builder("posthouse://127.0.0.1").connect_timeout(Duration::ZERO).connect().await;
    assert_eq!(error.expect_err("no time").kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn a_side_that_is_silent_pings_and_is_given_up() {
    let peer = Peer::with(Terms { heartbeat_ms: 500, ..Terms::default() }).await;
    let (client, mut connection) = peer.client().await;
    let (producer, _) = tokio::join!(client.producer("orders").open(), connection.open_producer(0));
    let _producer = producer.expect("a producer");
    let ping = connection.frame().await;
    assert_eq!(ping.header.kind, Kind::Ping);
    connection.send(ping.address(), &Pong).await;
    let silent_since = Instant::now();
    while let Some(frame) = connection.try_frame().await {
        assert_eq!(frame.header.kind, Kind::Ping);
    }
    assert!(silent_since.elapsed() >= Duration::from_millis(1_000), "three heartbeats");
    peer.accept().await;
}

#[tokio::test]
async fn a_ping_is_answered() {
    let peer = Peer::new().await;
    let (_client, mut connection) = peer.client().await;
    connection
        .send(Address::new(posthouse_wire::Link::CONNECTION, posthouse_wire::Request::new(7)), &posthouse_wire::Ping)
        .await;
    let pong = connection.frame().await;
    assert_eq!((pong.header.kind, pong.address().request.get()), (Kind::Pong, 7));
}

#[tokio::test]
async fn a_client_that_gives_up_fails_what_waits() {
    let peer = Peer::new().await;
    let connecting = peer.builder().give_up_after(Duration::from_millis(100)).connect();
    let (client, mut connection) = tokio::join!(connecting, peer.accept());
    let client = client.expect("a client");
    let opening = client.producer("orders").open();
    let (producer, _) = tokio::join!(opening, connection.open_producer(0));
    let producer = producer.expect("a producer");
    drop(connection);
    drop(peer);
    let error = soon(producer.send("x")).await.expect_err("no broker");
    // The message may have been written before the connection was found to be lost.
    assert!(matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::OutcomeUnknown), "{error}");
    let error = soon(client.producer("orders").open()).await.expect_err("the client has ended");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

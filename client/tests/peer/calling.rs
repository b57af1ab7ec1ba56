//! Calls.

use std::time::Duration;

use bytes::Bytes;
use posthouse_client::ErrorKind;
use posthouse_wire::{Ends, Fault, FaultCode, FromClient, Kind, Reply};
use serde_json::json;

use crate::peer::{Peer, decode, soon};

#[tokio::test]
async fn a_call_is_answered_whatever_the_order() {
    let peer = Peer::new().await;
    let (client, mut connection) = peer.client().await;
    let first = client.call("sqs.CreateQueue", json!({"QueueName": "orders"}));
    let second = client.call("sns.ListTopics", json!({}));
    let scripting = async {
        let (first, second) = (connection.frame_of(Kind::Call).await, connection.frame_of(Kind::Call).await);
        let FromClient::Call(call) = decode(&first) else { panic!("{first:?}") };
        assert_eq!(call.operation.as_str(), "sqs.CreateQueue");
        assert_eq!(call.parameters, br#"{"QueueName":"orders"}"#);
        let fault = Fault::new(FaultCode::AccessDenied, Ends::Request, "not allowed");
        connection.send(second.address(), &fault).await;
        let output = Reply::encode(&Bytes::from_static(br#"{"QueueUrl":"http://h/1/orders"}"#));
        connection.send_encoded(first.address(), &output).await;
    };
    let (first, second, ()) = soon(async { tokio::join!(first, second, scripting) }).await;
    assert_eq!(first.expect("an output")["QueueUrl"], "http://h/1/orders");
    assert_eq!(second.expect_err("refused").kind(), ErrorKind::AccessDenied);
}

#[tokio::test]
async fn a_call_that_is_dropped_is_cancelled() {
    let peer = Peer::new().await;
    let (client, mut connection) = peer.client().await;
    let call = tokio::spawn(async move {
        let waited = tokio::time::timeout(Duration::from_millis(50), client.call("sqs.ListQueues", json!({}))).await;
        assert!(waited.is_err());
        client
    });
    let asked = connection.frame_of(Kind::Call).await;
    let cancel = connection.frame_of(Kind::Cancel).await;
    assert_eq!(asked.address(), cancel.address());
    let fault = Fault::new(FaultCode::Cancelled, Ends::Request, "cancelled");
    connection.send(asked.address(), &fault).await;
    soon(call).await.expect("no panic");
}

#[tokio::test]
async fn a_call_that_was_written_has_an_unknown_outcome_when_the_connection_breaks() {
    let peer = Peer::new().await;
    let (client, mut connection) = peer.client().await;
    let written = tokio::spawn({
        let client = client.clone();
        async move { client.call("sqs.DeleteQueue", json!({"QueueUrl": "orders"})).await }
    });
    connection.frame_of(Kind::Call).await;
    drop(connection);
    assert_eq!(soon(written).await.expect("no panic").expect_err("lost").kind(), ErrorKind::OutcomeUnknown);
    // One that is made meanwhile waits for the next connection.
    let waiting = tokio::spawn(async move { client.call("sqs.ListQueues", json!({})).await });
    let mut connection = peer.accept().await;
    let asked = connection.frame_of(Kind::Call).await;
    connection.send_encoded(asked.address(), &Reply::encode(&Bytes::from_static(b"{}"))).await;
    assert_eq!(soon(waiting).await.expect("no panic").expect("an output"), json!({}));
}

#[tokio::test]
async fn a_reply_may_be_longer_than_a_frame() {
    let peer = Peer::new().await;
    let (client, mut connection) = peer.client().await;
    let name = "q".repeat(10_000);
    let urls: Vec<_> = (0..400).map(|number| format!("http://127.0.0.1:9324/000000000000/{name}{number}")).collect();
    let output = Bytes::from(json!({ "QueueUrls": urls }).to_string());
    assert!(output.len() > 3 << 20);
    let scripting = async {
        let asked = connection.frame_of(Kind::Call).await;
        connection.send_encoded(asked.address(), &Reply::encode(&output)).await;
    };
    let (output, ()) = soon(async { tokio::join!(client.call("sqs.ListQueues", json!({})), scripting) }).await;
    assert_eq!(output.expect("an output")["QueueUrls"][399], urls[399]);
}

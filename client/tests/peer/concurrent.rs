//! `for_each_concurrent`: how many handlers run, what becomes of their messages, and how it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use posthouse_client::{Client, Consumer, Delivery, ErrorKind};
use posthouse_wire::{Address, Ends, Fault, FaultCode, Link, List, Settled};
use tokio::sync::{Barrier, Semaphore, mpsc};

use crate::peer::{Connection, Peer, soon};

const RETRY_AFTER: Duration = Duration::from_secs(7);

async fn consumer(peer: &Peer, bodies: &[&str]) -> (Client, Consumer, Connection, Link) {
    let (client, mut connection) = peer.client().await;
    let opening = client.consumer("orders").prefetch(16).open();
    let (consumer, link) = tokio::join!(opening, connection.open_consumer(30));
    connection.credit().await;
    connection.deliver(link, 1, bodies).await;
    (client, consumer.expect("a consumer"), connection, link)
}

/// The settlements until `count` deliveries are settled, each frame answered; sorted.
async fn settlements(connection: &mut Connection, count: u32) -> Vec<String> {
    let (mut shown, mut settled) = (Vec::new(), 0);
    while settled < count {
        let settlement = connection.settlement().await;
        settled += settlement.ranges.iter().map(|range| range.count).sum::<u32>();
        shown.extend(settlement.shown());
        connection.send(settlement.address, &Settled { exceptions: List::default() }).await;
    }
    shown.sort();
    shown
}

/// A handler that says so when it begins, and returns when it is allowed to.
fn gated() -> (impl Fn(Arc<Delivery>) -> Handling + Send + Sync + 'static, Arc<Semaphore>, mpsc::UnboundedReceiver<()>)
{
    let (gate, (began, beginnings)) = (Arc::new(Semaphore::new(0)), mpsc::unbounded_channel());
    let handler = {
        let gate = Arc::clone(&gate);
        move |_| -> Handling {
            let (gate, began) = (Arc::clone(&gate), began.clone());
            Box::pin(async move {
                began.send(()).map_err(|error| error.to_string())?;
                gate.acquire().await.map_err(|error| error.to_string())?.forget();
                Ok(())
            })
        }
    };
    (handler, gate, beginnings)
}

type Handling = std::pin::Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

#[tokio::test]
async fn results_settle_and_a_failure_is_returned_when_the_handlers_have_ended() {
    let peer = Peer::new().await;
    let (_client, consumer, mut connection, link) = consumer(&peer, &["a", "b", "c"]).await;
    let barrier = Arc::new(Barrier::new(3));
    // The future is spawned: it and those of the handlers can be sent to other threads.
    let handling = tokio::spawn(consumer.for_each_concurrent(3, RETRY_AFTER, move |delivery: Arc<Delivery>| {
        let barrier = Arc::clone(&barrier);
        async move {
            // Three are at work at once, or none of them gets further.
            barrier.wait().await;
            if delivery.text() == "b" { Err("not this one") } else { Ok(()) }
        }
    }));
    assert_eq!(settlements(&mut connection, 3).await, ["Delete 1+1", "Delete 3+1", "Release { seconds: 7 } 2+1"]);
    let fault = Fault::new(FaultCode::QueueDoesNotExist, Ends::Link, "deleted");
    connection.send(Address::link(link), &fault).await;
    assert_eq!(soon(handling).await.expect("no panic").expect_err("deleted").kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn no_more_handlers_run_than_the_limit_allows() {
    let peer = Peer::new().await;
    let bodies: Vec<_> = (0..12).map(|_| "x").collect();
    let (_client, consumer, mut connection, _) = consumer(&peer, &bodies).await;
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let stopper = consumer.stopper();
    let handling = tokio::spawn(consumer.for_each_concurrent(3, RETRY_AFTER, {
        let most = Arc::clone(&most);
        move |_| {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(5)).await;
                running.fetch_sub(1, Ordering::SeqCst);
                Ok::<(), String>(())
            }
        }
    }));
    settlements(&mut connection, 12).await;
    stopper.stop();
    soon(handling).await.expect("no panic").expect("stopped");
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_handler_that_panics_gives_its_message_back_and_the_others_go_on() {
    let peer = Peer::new().await;
    let (_client, consumer, mut connection, _) = consumer(&peer, &["early", "late", "good"]).await;
    let stopper = consumer.stopper();
    let handling = tokio::spawn(consumer.for_each_concurrent(1, RETRY_AFTER, |delivery: Arc<Delivery>| {
        assert_ne!(delivery.text(), "early", "this panic is part of the test");
        async move {
            tokio::task::yield_now().await;
            assert_ne!(delivery.text(), "late", "this panic is part of the test");
            Ok::<(), String>(())
        }
    }));
    let shown = settlements(&mut connection, 3).await.join(", ");
    assert!(
        [
            "Delete 3+1, Release { seconds: 7 } 1+2",
            "Delete 3+1, Release { seconds: 7 } 1+1, Release { seconds: 7 } 2+1"
        ]
        .contains(&shown.as_str()),
        "{shown}"
    );
    stopper.stop();
    soon(handling).await.expect("no panic").expect("stopped");
}

#[tokio::test]
async fn a_consumer_that_is_stopped_begins_no_handler_and_waits_for_those_that_run() {
    let peer = Peer::new().await;
    let (_client, consumer, mut connection, link) = consumer(&peer, &["a", "b", "c", "d"]).await;
    let (handler, gate, mut beginnings) = gated();
    let stopper = consumer.stopper();
    let handling = tokio::spawn(consumer.for_each_concurrent(2, RETRY_AFTER, handler));
    for _ in 0..2 {
        soon(beginnings.recv()).await.expect("a handler");
    }
    stopper.stop();
    stopper.clone().stop();
    assert_eq!(settlements(&mut connection, 2).await, ["Release { seconds: 0 } 3+2"]);
    // What arrives late is given back, too.
    connection.deliver(link, 5, &["e"]).await;
    assert_eq!(settlements(&mut connection, 1).await, ["Release { seconds: 0 } 5+1"]);
    assert!(!handling.is_finished());
    gate.add_permits(2);
    let settlement = connection.settlement().await;
    assert_eq!(settlement.shown()[0][..8], *"Delete 1");
    // The answer is waited for.
    assert!(!handling.is_finished());
    connection.send(settlement.address, &Settled { exceptions: List::default() }).await;
    if settlement.ranges[0].count == 1 {
        settlements(&mut connection, 1).await;
    }
    soon(handling).await.expect("no panic").expect("stopped");
    assert!(beginnings.try_recv().is_err(), "no other handler has begun");
    connection.close_link().await;
}

#[tokio::test]
async fn a_client_that_is_closed_waits_for_the_handlers() {
    let peer = Peer::new().await;
    let (client, consumer, mut connection, _) = consumer(&peer, &["a"]).await;
    let (handler, gate, mut beginnings) = gated();
    let handling = tokio::spawn(consumer.for_each_concurrent(2, RETRY_AFTER, handler));
    soon(beginnings.recv()).await.expect("a handler");
    let closing = tokio::spawn(client.close());
    gate.add_permits(1);
    assert_eq!(settlements(&mut connection, 1).await, ["Delete 1+1"]);
    soon(handling).await.expect("no panic").expect("closed");
    connection.close_link().await;
    soon(closing).await.expect("no panic");
}

#[tokio::test]
async fn handlers_that_are_dropped_give_their_messages_back_at_once() {
    let peer = Peer::new().await;
    let (_client, consumer, mut connection, _) = consumer(&peer, &["a", "b", "c"]).await;
    let (handler, _gate, mut beginnings) = gated();
    let handling = tokio::spawn(consumer.for_each_concurrent(2, RETRY_AFTER, handler));
    for _ in 0..2 {
        soon(beginnings.recv()).await.expect("a handler");
    }
    handling.abort();
    let shown = settlements(&mut connection, 3).await;
    assert!(shown.iter().all(|range| range.starts_with("Release { seconds: 0 }")), "{shown:?}");
    connection.close_link().await;
}

#[tokio::test]
async fn a_delivery_that_a_handler_keeps_is_settled_and_can_be_read() {
    let peer = Peer::new().await;
    let (_client, consumer, mut connection, _) = consumer(&peer, &["a"]).await;
    let stopper = consumer.stopper();
    let (kept, mut keeping) = mpsc::unbounded_channel();
    let handling = tokio::spawn(consumer.for_each_concurrent(1, RETRY_AFTER, move |delivery: Arc<Delivery>| {
        let kept = kept.clone();
        async move { kept.send(delivery) }
    }));
    assert_eq!(settlements(&mut connection, 1).await, ["Delete 1+1"]);
    let delivery = soon(keeping.recv()).await.expect("a delivery");
    assert_eq!(delivery.text(), "a");
    assert_eq!(soon(delivery.extend(RETRY_AFTER)).await.expect_err("settled").kind(), ErrorKind::DeliveryEnded);
    assert_eq!(soon(delivery.receipt_handle()).await.expect_err("settled").kind(), ErrorKind::DeliveryEnded);
    drop(delivery);
    stopper.stop();
    soon(handling).await.expect("no panic").expect("stopped");
    connection.close_link().await;
}

//! Producers on one connection: confirmations, gathering, windows, failures.

use std::time::Duration;

use posthouse_client::{ErrorKind, Message, MessageId, Producer, TryEnqueueError, Window};
use posthouse_wire::{
    Duplicate, Ends, Failure, Fault, FaultCode, Kind, MessageNumber, ProducerId, ProducerOpened, Remedy,
};

use crate::peer::{Connection, Peer, decode, producer_opened, soon};

/// A producer with this window, and the peer's end.
async fn producer(window: Window) -> (Producer, Connection, ProducerId) {
    let peer = Peer::new().await;
    let (client, mut connection) = peer.client().await;
    let opening = client.producer("orders").window(window).open();
    let (producer, (_, id)) = tokio::join!(opening, connection.open_producer(0));
    (producer.expect("a producer"), connection, id)
}

fn fault(code: FaultCode) -> Fault<'static> {
    Fault::new(code, Ends::Request, "the reason").named("TheName")
}

fn id(producer: ProducerId, number: u64) -> String {
    let number = MessageNumber::new(number).expect("a number");
    let hex: String = posthouse_wire::message_id(producer, number).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[tokio::test]
async fn a_send_returns_when_the_broker_confirms() {
    let (producer, mut connection, producer_id) = producer(Window::default()).await;
    assert_eq!(producer.arn(), "arn:aws:sqs:us-east-1:000000000000:orders");
    for number in 1..=3 {
        let sending = tokio::spawn({
            let producer = producer.clone();
            async move { producer.send(format!("m{number}")).await }
        });
        let frame = connection.sending().await;
        assert_eq!((frame.first, &frame.bodies[..]), (number, &[format!("m{number}")][..]));
        assert!(!sending.is_finished());
        connection.confirm(&frame).await;
        let sent = soon(sending).await.expect("no panic").expect("stored");
        assert_eq!(sent.message_id().to_string(), id(producer_id, number));
        assert_eq!((sent.sequence_number(), sent.is_duplicate()), (None, false));
    }
}

#[tokio::test]
async fn what_a_message_has_crosses() {
    let (producer, mut connection, _) = producer(Window::default()).await;
    let message = Message::new("x")
        .group("g1")
        .deduplication_id("d1")
        .delay(Duration::from_millis(4_500))
        .trace_header("Root=1")
        .attribute("n", 7)
        .attribute("b", posthouse_client::Attribute::binary(vec![1, 2]));
    drop(producer.enqueue(message).await.expect("room"));
    let frame = connection.frame_of(Kind::Send).await;
    let posthouse_wire::FromClient::Send(messages) = decode(&frame) else { panic!("{frame:?}") };
    let entry = messages.entries().next().expect("a message").expect("an entry");
    let texts = [entry.head.group, entry.head.deduplication, entry.head.trace_header, entry.head.subject];
    assert_eq!(texts.map(posthouse_wire::Text::as_str), ["g1", "d1", "Root=1", ""]);
    assert_eq!(entry.head.delay, posthouse_wire::Delay::Seconds(5));
    let attributes: Vec<_> = entry
        .head
        .attributes
        .iter()
        .map(|attribute| attribute.expect("an attribute"))
        .map(|attribute| format!("{} {} {:?}", attribute.name, attribute.data_type, attribute.value))
        .collect();
    assert_eq!(attributes, ["n Number Text(\"7\")", "b Binary Binary([1, 2])"]);
}

#[tokio::test]
async fn messages_gather_while_frames_are_unanswered() {
    let (producer, mut connection, _) = producer(Window::default()).await;
    let mut frames = Vec::new();
    for number in 0..4 {
        drop(producer.enqueue(format!("m{number}")).await.expect("room"));
        frames.push(connection.sending().await);
    }
    for number in 4..600 {
        drop(producer.enqueue(format!("m{number}")).await.expect("room"));
    }
    // A frame that is full is written; the others wait for an answer.
    let full = connection.sending().await;
    assert_eq!((full.first, full.bodies.len()), (5, 512));
    connection.expect_silence().await;
    connection.confirm(&frames[0]).await;
    connection.confirm(&frames[1]).await;
    let rest = connection.sending().await;
    assert_eq!((rest.first, rest.bodies.len()), (517, 84));
    for frame in [&frames[2], &frames[3], &full, &rest] {
        connection.confirm(frame).await;
    }
    soon(producer.flush()).await.expect("all are stored");
}

#[tokio::test]
async fn each_message_fails_alone_and_a_failure_is_reported_once() {
    let (producer, mut connection, producer_id) = producer(Window::default()).await;
    let blocking = producer.enqueue("blocks").await.expect("room");
    let first = connection.sending().await;
    let mut held = Vec::new();
    for body in ["a", "b", "c", "d"] {
        held.push(producer.enqueue(body).await.expect("room"));
    }
    let mut frames = Vec::new();
    while frames.iter().map(|frame: &crate::peer::Sending| frame.bodies.len()).sum::<usize>() < 4 {
        frames.push(connection.sending().await);
    }
    connection.confirm(&first).await;
    soon(blocking).await.expect("stored");
    // `b` and `c` are refused; the confirmation of `c` is dropped before, that of `b` reports it.
    drop(held.remove(2));
    for frame in &frames {
        let failures: Vec<_> = (0_u16..)
            .zip(&frame.bodies)
            .filter(|(_, body)| ["b", "c"].contains(&body.as_str()))
            .map(|(index, _)| Failure { index, fault: fault(FaultCode::InvalidMessageContents) })
            .collect();
        connection.answer(frame, &failures, &[]).await;
    }
    let outcomes = [soon(held.remove(0)).await, soon(held.remove(0)).await, soon(held.remove(0)).await];
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok(), "{outcomes:?}");
    let error = outcomes[1].as_ref().expect_err("refused");
    assert_eq!((error.kind(), error.fault_name()), (ErrorKind::Refused, Some("TheName")));
    assert_eq!(outcomes[2].as_ref().expect("stored").message_id().to_string(), id(producer_id, 5));
    let error = soon(producer.flush()).await.expect_err("the dropped one");
    assert_eq!(error.fault_name(), Some("TheName"));
    soon(producer.flush()).await.expect("it was reported");
    // A confirmation that is dropped after the answer is reported, too.
    let late = producer.enqueue("late").await.expect("room");
    let frame = connection.sending().await;
    connection.answer(&frame, &[Failure { index: 0, fault: fault(FaultCode::AccessDenied) }], &[]).await;
    soon(producer.flush()).await.expect("the confirmation has it");
    drop(late);
    assert_eq!(soon(producer.flush()).await.expect_err("now").kind(), ErrorKind::AccessDenied);
}

#[tokio::test]
async fn a_duplicate_has_the_id_of_the_first_message() {
    let (producer, mut connection, _) = producer(Window::default()).await;
    let confirmation = producer.enqueue(Message::new("x").deduplication_id("d")).await.expect("room");
    let frame = connection.sending().await;
    connection.answer(&frame, &[], &[Duplicate { index: 0, id: [0xab; 16] }]).await;
    let sent = soon(confirmation).await.expect("stored before");
    assert!(sent.is_duplicate());
    let first: MessageId = sent.message_id();
    assert_eq!(first.as_bytes(), &[0xab; 16]);
}

#[tokio::test]
async fn a_full_window_gives_the_message_back_or_waits() {
    let (producer, mut connection, _) = producer(Window::messages(2)).await;
    drop(producer.enqueue("a").await.expect("room"));
    drop(producer.try_enqueue("b").expect("room"));
    let TryEnqueueError::Full(message) = producer.try_enqueue("c").expect_err("full") else { panic!("not full") };
    assert_eq!(message.body(), "c");
    let error = producer.enqueue_within("d", Duration::from_millis(10)).await.expect_err("full");
    assert!(error.is_full());
    assert_eq!(error.into_message().body(), "d");

    // A wait that is cancelled leaves nothing behind.
    let waited = tokio::time::timeout(Duration::from_millis(10), producer.enqueue("cancelled")).await;
    assert!(waited.is_err());
    let waiting = tokio::spawn({
        let producer = producer.clone();
        async move { producer.enqueue("e").await }
    });
    let frame = connection.sending().await;
    assert_eq!(frame.bodies[0], "a");
    connection.confirm(&frame).await;
    drop(soon(waiting).await.expect("no panic").expect("room"));
    let mut bodies = frame.bodies;
    while bodies.len() < 3 {
        let frame = connection.sending().await;
        connection.confirm(&frame).await;
        bodies.extend(frame.bodies);
    }
    assert_eq!(bodies, ["a", "b", "e"]);
    soon(producer.flush()).await.expect("all are stored");
}

#[tokio::test]
async fn the_window_in_bytes_holds_and_a_larger_message_goes_alone() {
    let (producer, mut connection, _) = producer(Window::bytes(1_000)).await;
    drop(producer.try_enqueue("x".repeat(600)).expect("room"));
    assert!(producer.try_enqueue("x".repeat(600)).expect_err("no room").is_full());
    let frame = connection.sending().await;
    connection.confirm(&frame).await;
    soon(producer.flush()).await.expect("stored");
    drop(producer.try_enqueue("x".repeat(5_000)).expect("alone"));
    assert!(producer.try_enqueue("x").expect_err("no room").is_full());
}

#[tokio::test]
async fn the_brokers_window_holds() {
    let peer = Peer::new().await;
    let (client, mut connection) = peer.client().await;
    let opened = ProducerOpened { window_messages: 3, ..producer_opened() };
    let (producer, _) = tokio::join!(client.producer("orders").open(), connection.open_producer_with(opened));
    let producer = producer.expect("a producer");
    for number in 0..10 {
        drop(producer.enqueue(format!("m{number}")).await.expect("room"));
    }
    let mut bodies = Vec::new();
    let mut unanswered: Vec<crate::peer::Sending> = Vec::new();
    while bodies.len() < 10 {
        while unanswered.iter().map(|frame| frame.bodies.len()).sum::<usize>() < 3 && bodies.len() < 10 {
            let frame = connection.sending().await;
            bodies.extend(frame.bodies.clone());
            unanswered.push(frame);
        }
        assert!(unanswered.iter().map(|frame| frame.bodies.len()).sum::<usize>() <= 3);
        connection.expect_silence().await;
        for frame in unanswered.drain(..) {
            connection.confirm(&frame).await;
        }
    }
    assert_eq!(bodies, (0..10).map(|number| format!("m{number}")).collect::<Vec<_>>());
    soon(producer.flush()).await.expect("all are stored");
}

#[tokio::test]
async fn a_send_that_is_cancelled_is_sent_and_flushed() {
    let (producer, mut connection, _) = producer(Window::default()).await;
    let cancelled = tokio::time::timeout(Duration::from_millis(50), producer.send("x")).await;
    assert!(cancelled.is_err());
    let frame = connection.sending().await;
    connection.answer(&frame, &[Failure { index: 0, fault: fault(FaultCode::StorageFull) }], &[]).await;
    let error = soon(producer.flush()).await.expect_err("refused");
    assert!(error.is_retriable());
}

#[tokio::test]
async fn many_messages_are_sent_in_order() {
    let (producer, mut connection, _) = producer(Window::messages(700)).await;
    let sending = tokio::spawn({
        let producer = producer.clone();
        async move { producer.send_all((0..3_000).map(|number| number.to_string())).await }
    });
    let mut bodies = Vec::new();
    while bodies.len() < 3_000 {
        let frame = connection.sending().await;
        assert_eq!(frame.number(), bodies.len() + 1);
        connection.confirm(&frame).await;
        bodies.extend(frame.bodies);
    }
    assert_eq!(bodies, (0..3_000).map(|number| number.to_string()).collect::<Vec<_>>());
    soon(sending).await.expect("no panic").expect("all are stored");
}

#[tokio::test]
async fn a_message_that_no_frame_can_carry_is_refused_by_the_client() {
    let (producer, mut connection, _) = producer(Window::default()).await;
    for message in [Message::new("x".repeat(3 << 20)), Message::new("x").group("g".repeat(10_000))] {
        let error = producer.send(message).await.expect_err("too large");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
    // Its room is free again.
    drop(producer.try_enqueue("y").expect("room"));
    let frame = connection.sending().await;
    assert_eq!((frame.first, frame.bodies.len()), (1, 1));
}

#[tokio::test]
async fn a_large_body_crosses_whole() {
    let (producer, mut connection, _) = producer(Window::default()).await;
    let body: String = (0..1_000_000_u32).map(|index| char::from(b'a' + (index % 26) as u8)).collect();
    drop(producer.enqueue(body.clone()).await.expect("room"));
    let frame = connection.sending().await;
    assert!(frame.bodies == [body]);
}

#[tokio::test]
async fn a_frame_that_is_refused_as_a_whole_fails_its_messages() {
    let (producer, mut connection, _) = producer(Window::default()).await;
    let confirmation = producer.enqueue("x").await.expect("room");
    let frame = connection.sending().await;
    connection.send(frame.address, &fault(FaultCode::Throttled)).await;
    let error = soon(confirmation).await.expect_err("refused");
    assert!(error.is_retriable());
    assert_eq!(fault(FaultCode::Throttled).remedy(), Remedy::Retry);
}

#[tokio::test]
async fn a_link_that_ends_fails_what_waits_and_the_others_go_on() {
    let peer = Peer::new().await;
    let (client, mut connection) = peer.client().await;
    let (orders, (link, _)) = tokio::join!(client.producer("orders").open(), connection.open_producer(0));
    let (other, _) = tokio::join!(client.producer("other").open(), connection.open_producer(0));
    let (orders, other) = (orders.expect("a producer"), other.expect("a producer"));
    let confirmation = orders.enqueue("x").await.expect("room");
    connection.sending().await;
    let fault = Fault::new(FaultCode::QueueDoesNotExist, Ends::Link, "deleted");
    connection.send(posthouse_wire::Address::link(link), &fault).await;
    assert_eq!(soon(confirmation).await.expect_err("unknown").kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(soon(orders.send("y")).await.expect_err("ended").kind(), ErrorKind::NotFound);
    let sending = tokio::spawn(async move { other.send("z").await });
    let frame = connection.sending().await;
    connection.confirm(&frame).await;
    soon(sending).await.expect("no panic").expect("stored");
}

#[tokio::test]
async fn a_producer_that_may_not_be_opened_is_an_error() {
    let peer = Peer::new().await;
    let (client, mut connection) = peer.client().await;
    let refusing = async {
        let frame = connection.frame_of(Kind::OpenProducer).await;
        let fault = Fault::new(FaultCode::QueueDoesNotExist, Ends::Link, "no such queue");
        connection.send(frame.address(), &fault.named("AWS.SimpleQueueService.NonExistentQueue")).await;
    };
    let (producer, ()) = tokio::join!(client.producer("nothing").open(), refusing);
    let error = producer.expect_err("no queue");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.fault_name(), Some("AWS.SimpleQueueService.NonExistentQueue"));
}

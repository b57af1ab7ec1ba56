//! Clients that take as much as they can: links, requests, connections, and the memory of frames that do not end.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use posthouse_wire::{Address, AtEnd, Check, Ends, FaultCode, Kind, Link, Ping, Request, TargetKind};
use serde_json::json;

use super::{Bystander, CHECK, CONSUMER, MORE, NONE, PRODUCER, checked, frame, head, is_alive, linked, one_message};
use crate::support::{Broker, Launch, Native, PATIENCE, eventually, sleep_ms};

pub(super) fn links_and_requests_have_limits() {
    let broker = Launch::new().configured("[native]\nlinks_max = 2\nrequests_max = 2\nwindow_messages_max = 1").start();
    let queue = broker.json_client().queue();
    let mut bystander = Bystander::new(&broker);
    let mut native = Native::open(broker.native);
    let mut open =
        |link| native.producer(link, TargetKind::Queue, &queue.name, rand::random()).map_err(|refused| refused.code);
    assert_eq!([open(1), open(2), open(3)], [Ok(0), Ok(0), Err(FaultCode::TooManyLinks)]);
    is_alive(&mut native, "a link too many");
    native.close(2);
    native.consumer(3, &queue.name, AtEnd::GiveBack).expect("there is room again");

    let poll = json!({ "QueueUrl": queue.url, "WaitTimeSeconds": 20 });
    let polls = [native.ask("sqs.ReceiveMessage", &poll), native.ask("sqs.ReceiveMessage", &poll)];
    let third = native.ask("sqs.ReceiveMessage", &poll);
    assert_eq!(native.reply(third).expect_err("there are two already").code, FaultCode::TooManyRequests);
    for poll in polls {
        native.put(poll, &posthouse_wire::Cancel);
        assert_eq!(native.reply(poll).expect_err("cancelled").code, FaultCode::Cancelled);
    }

    let refused = native.send(1, 1, &["two", "messages"]).expect_err("the window has room for one");
    assert_eq!((refused.code, refused.ends), (FaultCode::WindowExceeded, Ends::Link));
    is_alive(&mut native, "more than the window");
    bystander.is_served();
}

/// A connection behind its hello, and its socket.
fn with_socket(broker: &Broker) -> (Native, TcpStream) {
    let socket = TcpStream::connect(broker.native).expect("the broker listens");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket takes a deadline");
    let stream = socket.try_clone().expect("one more handle");
    let mut native = Native::over(Box::new(stream), Check::Crc32c, None);
    native.hello("", None).expect("there are no users");
    (native, socket)
}

/// 60 clients announce frames of 2 MiB, send most of each, and then nothing.
pub(super) fn frames_that_do_not_end_hold_little_memory() {
    const CLIENTS: usize = 60;
    const FRAME: usize = 2 << 20;
    const ALL: u64 = 16 << 20;
    let broker = Launch::new()
        .configured(&format!("[native]\nheartbeat_seconds = 1\nsilence_seconds_max = 5\nreceived_bytes_max = {ALL}"))
        .start();
    let mut bystander = Bystander::new(&broker);
    bystander.is_served();
    let before = broker.memory_bytes();
    let mut header = frame(0x10, CHECK, 1, 1, &[]);
    header[..4].copy_from_slice(&u32::try_from(FRAME).expect("2 MiB").to_le_bytes());
    let mut clients = Vec::new();
    for client in 0..CLIENTS {
        let (native, mut socket) = with_socket(&broker);
        socket.set_write_timeout(Some(Duration::from_millis(10))).expect("a socket takes a deadline");
        // What finds no room is not read, so that the write takes its deadline.
        let _ = socket.write_all(&[&header[..], &vec![0; FRAME - 1]].concat());
        clients.push(native);
        if client.is_multiple_of(10) {
            bystander.is_served();
        }
    }
    bystander.is_served();
    let grown = broker.memory_bytes().saturating_sub(before);
    let most = ALL + CLIENTS as u64 * (128 << 10) + (16 << 20);
    assert!(grown < most, "{CLIENTS} frames of 2 MiB take {grown} bytes, and {most} are allowed");
    let refused = clients[0].refusal();
    assert_eq!((refused.code, refused.ends), (FaultCode::Timeout, Ends::Connection));
    bystander.is_served();
    drop(clients);
    let mut native = Native::open(broker.native);
    let queue = broker.json_client().queue();
    native.producer(1, TargetKind::Queue, &queue.name, rand::random()).expect("it exists");
    native.write(&frame(Kind::Send.number(), CHECK, 1, 1, &one_message(1, 1))).expect("the connection is open");
    assert_eq!(native.sent().expect("stored").count, 1);
}

/// Ten times as many connections as there may be, all of which say nothing.
pub(super) fn silent_connections_make_room_for_others() {
    let broker = Launch::new().configured("[limits]\nconnections_max = 40").start();
    let mut bystander = Bystander::new(&broker);
    let silent: Vec<TcpStream> = (0..400).filter_map(|_| TcpStream::connect(broker.native).ok()).collect();
    bystander.is_served();
    let mut late = eventually("another client is greeted", || {
        let mut native = Native::connect(broker.native);
        native.hello("", None).ok().map(|_| native)
    });
    is_alive(&mut late, "hundreds of silent connections");
    bystander.is_served();
    assert!(!broker.log().contains("panicked"), "{}", broker.log());
    drop(silent);
}

/// A part of a CALL, and then nothing but signs of life.
pub(super) fn a_payload_that_does_not_end_is_refused_whatever_lies_between() {
    let broker = Launch::new().configured("[native]\nheartbeat_seconds = 1\nsilence_seconds_max = 2").start();
    let (mut native, mut socket) = with_socket(&broker);
    let ping = native.frame(Address::new(Link::CONNECTION, Request::NONE), &Ping);
    native.write(&frame(Kind::Call.number(), CHECK | MORE, 0, 1, &[0; 1000])).expect("the connection is open");
    let pings = std::thread::spawn(move || {
        // The broker ends the connection meanwhile.
        while socket.write_all(&ping).is_ok() {
            sleep_ms(100);
        }
    });
    let refused = loop {
        match native.answer() {
            Ok(pong) => assert_eq!(pong.header.kind, Kind::Pong),
            Err(refused) => break refused,
        }
    };
    assert_eq!((refused.code, refused.ends), (FaultCode::Timeout, Ends::Connection));
    drop(native);
    pings.join().expect("no panic");
}

/// Ten thousand connections, some hundred at a time, of which each sends half a HELLO.
pub(super) fn ten_thousand_connections_hold_little_memory() {
    const AT_ONCE: usize = 200;
    let broker = Launch::new().configured("[limits]\nconnections_max = 100").start();
    let mut bystander = Bystander::new(&broker);
    let before = broker.memory_bytes();
    let mut open = std::collections::VecDeque::new();
    for number in 0..10_000 {
        let mut socket = TcpStream::connect(broker.native).expect("the broker listens");
        // The broker may have refused it.
        let _ = socket.write_all(&frame(Kind::Hello.number(), CHECK, 0, 1, &[0; 40])[..30]);
        open.push_back(socket);
        if open.len() > AT_ONCE {
            open.pop_front();
        }
        if number % 1_000 == 999 {
            bystander.is_served();
        }
    }
    let grown = broker.memory_bytes().saturating_sub(before);
    assert!(grown < 32 << 20, "ten thousand connections leave {grown} bytes");
    drop(open);
    bystander.is_served();
    assert!(!broker.log().contains("panicked"), "{}", broker.log());
}

/// A client that asks on and on and reads nothing: once answers wait for it, no more is read.
pub(super) fn answers_that_are_not_read_hold_little_memory() {
    const MOST: usize = 64 << 20;
    let broker = Launch::new().configured("[native]\nheartbeat_seconds = 1\n[limits]\nwrite_seconds_max = 1").start();
    let mut bystander = Bystander::new(&broker);
    bystander.is_served();
    let before = broker.memory_bytes();
    // Each of these is answered with a longer FAULT.
    let close = checked(Kind::Close, NONE, 1, &[0, 0]).repeat(1_000);
    let mut socket = with_socket(&broker).1;
    socket.set_write_timeout(Some(Duration::from_secs(3))).expect("a socket takes a deadline");
    let mut written = 0;
    while socket.write_all(&close).is_ok() {
        written += close.len();
        assert!(written < MOST, "the broker reads on, although nothing is read of its answers");
    }
    bystander.is_served();
    let grown = broker.memory_bytes().saturating_sub(before);
    assert!(grown < 4 << 20, "answers that are not read take {grown} bytes");
    eventually("the client is disconnected", || {
        broker.metrics().contains("native_connections_not_reading_total 1").then_some(())
    });
    bystander.is_served();
}

/// Many SETTLEs at once, each with as many ranges as there may be over one delivery.
pub(super) fn settlements_of_one_delivery_are_answered_however_many() {
    const SETTLES: u32 = 300;
    let broker = crate::shared::OPEN.get();
    let queue = broker.json_client().queue();
    let mut bystander = Bystander::new(&broker);
    let mut native = linked(&broker, &queue);
    native.send(PRODUCER, 1, &["a"]).expect("stored");
    native.credit(CONSUMER, 1);
    native.messages(1);
    let range = head(&[&[3], &60_u32.to_le_bytes(), &1_u64.to_le_bytes(), &1_u32.to_le_bytes()]);
    let payload = [&head(&[&1024_u16.to_le_bytes()]), &range.repeat(1024)[..]].concat();
    let all: Vec<u8> =
        (1..=SETTLES).flat_map(|request| checked(Kind::Settle, CONSUMER, 1_000_000 + request, &payload)).collect();
    native.write(&all).expect("the broker reads on");
    for request in 1..=SETTLES {
        let answer = native.answer().expect("the delivery exists");
        assert_eq!((answer.header.kind, answer.address().request.get()), (Kind::Settled, 1_000_000 + request));
        if request.is_multiple_of(50) {
            bystander.is_served();
        }
    }
    assert_eq!(queue.counts(), [0, 1, 0]);
}

//! Clients that take as much as they can: links, requests, connections, and the memory of frames that do not end.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use posthouse_wire::{AtEnd, Check, Ends, FaultCode, Kind, TargetKind};
use serde_json::json;

use super::{Bystander, CHECK, frame, is_alive, one_message};
use crate::support::{Broker, Launch, Native, PATIENCE, eventually};

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
        .configured(&format!("[native]\nheartbeat_seconds = 1\nsilence_seconds_max = 2\nreceived_bytes_max = {ALL}"))
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

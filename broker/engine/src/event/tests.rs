//! Each event: its golden bytes, its round trip, and that it is refused when it is cut or too long.

use std::borrow::Cow;

use posthouse_model::message::MessageDraft;
use posthouse_model::operation::{MoveTaskId, MoveTaskStatus, Tags};
use posthouse_model::{
    AttributeChanges, MessageId, MessageKey, QueueAddress, QueueAttributes, QueueId, StoredMessage, Timestamp,
};

use super::checkpoint::*;
use super::dead_lettered::*;
use super::enqueued::*;
use super::move_task::*;
use super::queue::*;
use super::received::*;
use super::removed::*;
use super::visibility_changed::*;
use super::*;
use crate::answer::BodyRef;
use crate::journal::Position;
use crate::queue::bucket::Bucket;
use crate::queue::deduplication::{Original, ScopedKey};
use crate::queue::messages::State;
use crate::queue::move_task::MoveTask;

const QUEUE: QueueId = QueueId(7);
const TIME: Timestamp = Timestamp::from_millis(0x0102_0304);
const UNTIL: Timestamp = Timestamp::from_millis(0x0102_0306);
const KEY: MessageKey = MessageKey(0x1000);
const TASK: MoveTaskId = MoveTaskId([0xAA; 16]);
const BODY: BodyRef = BodyRef { position: Position::new(0x1000), length: 0x90 };

fn address() -> QueueAddress {
    "arn:aws:sqs:us-east-1:000000000001:q".parse().expect("valid")
}

fn settings() -> Settings {
    let changes = AttributeChanges::parse([("DelaySeconds", "5")]).expect("known");
    Settings::of(&changes.apply(&QueueAttributes::default()).expect("valid"))
}

fn tags() -> Tags {
    Tags::parse([("k", "v")]).expect("valid")
}

fn message() -> StoredMessage {
    let draft = MessageDraft {
        id: MessageId::from_random([1; 16]),
        body: "hi",
        attributes: Vec::new(),
        trace_header: None,
        group: Some("g"),
        deduplication: None,
        fifo: false,
        sender: "s",
    };
    draft.seal().expect("valid")
}

fn kept(state: State) -> MessageKept<'static> {
    MessageKept {
        key: MessageKey(0x2001),
        body: BODY,
        state,
        sent: TIME,
        received: TIME,
        first_received: TIME,
        generation: 1,
        inherited: 2,
        source: Some(0),
        renamed: Some(MessageId::from_bytes([0xBB; 16])),
        group: "g",
    }
}

/// One of each kind, with as much in it as it can have.
fn events() -> Vec<Event<'static>> {
    let began = Position::new(0x3000);
    let task = MoveTask {
        id: TASK,
        destination: Some(address()),
        rate_per_second: Some(5),
        status: MoveTaskStatus::Failed,
        moved: 1,
        to_move: 2,
        failure: Some("x".into()),
        started: TIME,
        until: KEY,
        next: UNTIL,
    };
    let fresh = MessageKept {
        key: KEY,
        body: BODY,
        received: Timestamp::EPOCH,
        first_received: Timestamp::EPOCH,
        generation: 0,
        inherited: 0,
        source: None,
        renamed: None,
        ..kept(State::Ready)
    };
    vec![
        Event::Enqueued(Enqueued { queue: QUEUE, sent: TIME, visible: UNTIL, message: Cow::Owned(message()) }),
        Event::Received(Received {
            queue: QUEUE,
            time: TIME,
            until: UNTIL,
            tokens: Some(1.5),
            repeated: true,
            attempt: "a",
            messages: Cow::Owned(vec![KEY]),
        }),
        Event::Deleted(Removed { queue: QUEUE, time: TIME, messages: Cow::Owned(vec![KEY, MessageKey(2)]) }),
        Event::Expired(Removed { queue: QUEUE, time: TIME, messages: Cow::Owned(vec![KEY]) }),
        Event::VisibilityChanged(VisibilityChanged {
            queue: QUEUE,
            time: TIME,
            messages: Cow::Owned(vec![(KEY, UNTIL)]),
        }),
        Event::DeadLettered(DeadLettered {
            source: QUEUE,
            target: QueueId(8),
            time: TIME,
            address: Cow::Owned(address()),
            messages: vec![DeadLetter {
                key: KEY,
                body: BODY,
                receive_count: 3,
                sent: TIME,
                first_received: UNTIL,
                renamed: Some(MessageId::from_bytes([0xBB; 16])),
                group: "g".into(),
            }],
        }),
        Event::MoveTaskStarted(MoveTaskStarted {
            source: QUEUE,
            time: TIME,
            task: TASK,
            destination: Some(address()),
            rate_per_second: Some(9),
            to_move: 4,
        }),
        Event::Moved(Moved {
            source: QUEUE,
            time: TIME,
            task: TASK,
            messages: vec![MovedMessage { key: KEY, destination: QueueId(8), body: BODY, group: "g".into() }],
        }),
        Event::MoveTaskEnded(MoveTaskEnded {
            source: QUEUE,
            time: TIME,
            task: TASK,
            status: MoveTaskStatus::Failed,
            failure: "x",
        }),
        Event::QueueCreated(QueueCreated {
            queue: QUEUE,
            time: TIME,
            address: address(),
            settings: settings(),
            tags: tags(),
        }),
        Event::QueueDeleted(Emptied { queue: QUEUE, time: TIME }),
        Event::AttributesChanged(AttributesChanged { queue: QUEUE, time: TIME, settings: settings() }),
        Event::TagsChanged(TagsChanged { queue: QUEUE, time: TIME, tags: tags() }),
        Event::Purged(Emptied { queue: QUEUE, time: TIME }),
        Event::CheckpointBegan(CheckpointBegan { time: TIME, next_queue: QueueId(9) }),
        Event::QueueKept(QueueKept {
            began,
            queue: QUEUE,
            created: TIME,
            modified: UNTIL,
            purged: Some(TIME),
            bucket: Some(Bucket { tokens: 1.5, at: TIME }),
            lanes_since: Some(KEY),
            address: address(),
            settings: settings(),
            tags: tags(),
            move_tasks: vec![task],
        }),
        Event::OriginalsKept(OriginalsKept {
            began,
            queue: QUEUE,
            originals: vec![Original {
                message: KEY,
                key: ScopedKey([0xCC; 16]),
                id: MessageId::from_bytes([0xBB; 16]),
                sent: TIME,
            }],
        }),
        Event::AttemptsKept(AttemptsKept {
            began,
            queue: QUEUE,
            attempts: vec![AttemptKept {
                id: "a",
                position: Position::new(0x1800),
                began: TIME,
                until: UNTIL,
                messages: Cow::Owned(vec![KEY]),
            }],
        }),
        Event::MessagesKept(MessagesKept {
            began,
            queue: QUEUE,
            sources: vec![address()],
            messages: vec![
                kept(State::InFlight(UNTIL)),
                MessageKept { key: MessageKey(0x2000), ..kept(State::Delayed(UNTIL)) },
                fresh,
            ],
        }),
        Event::NamesKept(NamesKept { began, names: vec![(address(), TIME)] }),
        Event::CheckpointEnded(CheckpointEnded { began }),
    ]
}

fn payload(event: &Event<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    event.encode(&mut bytes);
    bytes.extend_from_slice(event.tail());
    bytes
}

/// Hexadecimal digits; runs of more than four equal bytes as `byte*count`.
fn shown(bytes: &[u8]) -> String {
    let runs = bytes.chunk_by(|a, b| a == b).map(|run| {
        let byte = format!("{:02x}", run[0]);
        if run.len() > 4 { format!(" {byte}*{} ", run.len()) } else { byte.repeat(run.len()) }
    });
    runs.collect::<String>()
}

#[test]
fn golden_bytes() {
    let golden = include_str!("golden.txt").lines().filter(|line| !line.starts_with('#'));
    let written: Vec<String> =
        events().iter().map(|event| format!("{} {}", event.kind(), shown(&payload(event)))).collect();
    let golden: Vec<&str> = golden.collect();
    assert_eq!(written, golden);
}

#[test]
fn every_event_round_trips() {
    let events = events();
    assert_eq!(events.len(), 21, "one of each kind");
    for event in &events {
        assert_eq!(Event::decode(event.kind(), &payload(event)).as_ref(), Ok(event));
    }
}

#[test]
fn what_is_cut_or_too_long_is_refused() {
    for event in events() {
        let whole = payload(&event);
        for cut in 0..whole.len() {
            assert!(Event::decode(event.kind(), &whole[..cut]).is_err(), "{cut} bytes of {event:?}");
        }
        let longer = [whole.as_slice(), &[0]].concat();
        assert!(Event::decode(event.kind(), &longer).is_err(), "a byte more than {event:?}");
    }
}

#[test]
fn a_kind_that_was_never_given_is_refused() {
    for kind in (0..16).chain([30, 31]).chain(39..=u8::MAX) {
        assert!(Event::decode(kind, &[0; 64]).is_err(), "{kind}");
    }
}

#[test]
fn the_message_of_a_record_shares_its_memory() {
    let event = Event::Enqueued(Enqueued { queue: QUEUE, sent: TIME, visible: TIME, message: Cow::Owned(message()) });
    let payload = Bytes::from(payload(&event));
    let opened = stored_message(payload.clone()).expect("it is there");
    assert_eq!(opened, message());
    assert_eq!(opened.as_bytes().as_ptr(), payload[24..].as_ptr());
    for cut in 0..payload.len() {
        assert!(stored_message(payload.slice(..cut)).is_err());
    }
}

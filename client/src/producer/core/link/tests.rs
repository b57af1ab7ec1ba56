//! Producers that were idle, on a connection whose clock a test sets.

use std::sync::Arc;

use posthouse_wire::{
    Check, Closed, FromClient, Kind, Link, List, Outgoing, Payload, ProducerOpened, Sent, Splitter, TargetKind,
};
use tokio::sync::oneshot;

use super::*;
use crate::connection::{Requests, Signal, Signals};
use crate::message::{Message, Sendable as _};
use crate::producer::core::Target;

const LINK: Link = Link::new(1);

/// A producer that is attached to a connection, and the frames that it has written.
struct Attached {
    core: Arc<Core>,
    requests: Requests,
    splitter: Splitter,
    /// A producer whose opening nothing waits for is closed.
    _opening: oneshot::Receiver<Result<Terms>>,
}

impl Attached {
    fn new() -> Self {
        let target = Target { kind: TargetKind::Queue, name: "orders".to_owned() };
        let (opened, opening) = oneshot::channel();
        let (core, requests) = (Core::new(target, Window::default(), opened), Requests::new(8));
        let mut splitter = Splitter::new(Check::Absent);
        splitter.allow_long_frames();
        let attached = Self { core, requests, splitter, _opening: opening };
        attached.attach();
        attached
    }

    /// A new connection.
    fn attach(&self) {
        let signal = Signal::new(&Arc::<Signals>::default(), LINK);
        self.core.attach(Attachment { signal, log_identity: [7; 16] });
    }

    fn push(&self, body: &str) {
        let message = Message::new(body);
        let draft = message.draft().expect("short");
        let cost = self.core.room.cost(draft.content_bytes());
        self.core.room.try_take(cost).expect("room");
        drop(self.core.push(&draft, cost).expect("room"));
    }

    /// What the producer writes next.
    fn written(&mut self, write: impl FnOnce(&Core, &mut Line<'_>) -> Progress) -> Option<Frame> {
        let mut out = Outgoing::new(Check::Absent);
        write(&self.core, &mut Line::new(&mut out, LINK, &self.requests));
        for piece in out.take() {
            self.splitter.buffer(piece.len()).extend_from_slice(&piece);
        }
        self.splitter.next_frame().expect("a frame")
    }

    fn next(&mut self) -> Frame {
        self.written(|core, line| core.write(line, Pace::Full)).expect("a frame")
    }

    /// What the producer writes this much later, if it is open and has a message.
    fn later(&mut self, later: Duration) -> Frame {
        let write = |core: &Core, line: &mut Line<'_>| core.lock().write_frame(line, Instant::now() + later);
        self.written(write).expect("a frame")
    }

    fn answer<P: Payload>(&self, asked: &Frame, payload: &P) {
        let mut out = Outgoing::new(Check::Absent);
        out.frame(asked.address(), payload);
        let mut splitter = Splitter::new(Check::Absent);
        for piece in out.take() {
            splitter.buffer(piece.len()).extend_from_slice(&piece);
        }
        let frame = splitter.next_frame().expect("a frame").expect("a whole one");
        self.core.read(&frame, FromBroker::decode(&frame).expect("a payload")).expect("it is taken");
    }

    /// Opens the producer at a target that knows this number of it. Returns its id.
    fn open(&mut self, last: u64) -> ProducerId {
        let asked = self.next();
        let opened = ProducerOpened {
            is_known: true,
            last: MessageNumber::new(last),
            is_fifo: false,
            has_content_based_deduplication: false,
            message_bytes_max: 1 << 20,
            window_messages: 100,
            window_bytes: 1 << 20,
            arn: Text::EMPTY,
        };
        self.answer(&asked, &opened);
        let FromClient::OpenProducer(open) = FromClient::decode(&asked).expect("a payload") else {
            panic!("{asked:?}")
        };
        open.producer
    }

    fn confirm(&self, asked: &Frame) {
        let first = first_of(asked);
        let empty = Sent {
            first: MessageNumber::new(first).expect("a number"),
            count: 1,
            failures: List::default(),
            duplicates: List::default(),
            sequence_numbers: List::default(),
        };
        self.answer(asked, &empty);
    }
}

fn first_of(frame: &Frame) -> u64 {
    match FromClient::decode(frame) {
        Ok(FromClient::Send(messages)) => messages.first().get(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_producer_that_was_idle_goes_on_under_another_id() {
    let mut attached = Attached::new();
    let id = attached.open(0);
    attached.push("a");
    let frame = attached.next();
    attached.confirm(&frame);
    attached.push("b");
    let frame = attached.later(IDLE_MAX - Duration::from_secs(1));
    assert_eq!((frame.header.kind, first_of(&frame)), (Kind::Send, 2), "not idle for long");
    attached.confirm(&frame);

    attached.push("c");
    let close = attached.later(IDLE_MAX * 2);
    assert_eq!(close.header.kind, Kind::Close);
    attached.answer(&close, &Closed);
    attached.attach();
    assert_ne!(attached.open(0), id);
    let frame = attached.next();
    assert_eq!(first_of(&frame), 1);
    // The connection breaks before the broker has stored it. The broker knows that this producer has stored nothing.
    attached.core.detach(&Error::closed("connection"));
    attached.attach();
    attached.open(0);
    let again = attached.next();
    assert_eq!((again.header.kind, again.payload), (Kind::Send, frame.payload));
}

#[test]
fn frames_that_are_unanswered_keep_their_id_however_late_the_next_one_is() {
    let mut attached = Attached::new();
    attached.open(0);
    attached.push("a");
    attached.next();
    attached.push("b");
    let frame = attached.later(IDLE_MAX * 2);
    assert_eq!((frame.header.kind, first_of(&frame)), (Kind::Send, 2));
}

//! Random histories of one queue against a simple model: a list of messages in the order of sending, searched from the
//! front, and for a FIFO queue a list of the groups whose turn it is. Every receive must return exactly the model's messages.
//!
//! It follows that no message is lost, or delivered while in flight or after its delete, that groups stay in order and
//! take turns, that duplicates are dropped, and that what a native producer sends again is stored once, in standard, fair
//! and FIFO queues. The same holds where receives look at the first few messages only, and all others lie in pages of one
//! message, which are on the disk or not.

use crate::world::script::native::Produced;
use crate::world::{World, presented};
use posthouse_engine::{IndexOptions, Options, Outcome};
use posthouse_model::operation::{
    ChangeMessageVisibility, CreateQueue, DeleteMessage, ReceiveMessage, Reply, SendMessage, Tags,
};
use posthouse_model::{AttributeChanges, Delay, Fault, MessageCount, ReceiptHandle, Request, VisibilityTimeout};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Standard,
    Fair,
    Fifo,
}

#[derive(Clone, Debug)]
enum Op {
    Send {
        group: u8,
        delay: u32,
        deduplication: u8,
    },
    /// A native producer sends messages, the first `again` of which it has sent before.
    Produce {
        producer: usize,
        again: u64,
        count: u64,
        group: u8,
        deduplication: u8,
    },
    Receive {
        max: u8,
        visibility: u32,
    },
    /// Deletes with the handle of one of the latest receives.
    Delete(usize),
    Change(usize, u32),
    Advance(u64),
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0..5u8, prop_oneof![3 => Just(0), 1 => 0..20u32], 0..200u8)
            .prop_map(|(group, delay, deduplication)| Op::Send { group, delay, deduplication }),
        4 => (0..3usize, 0..6u64, 1..6u64, 0..5u8, 0..200u8).prop_map(|(producer, again, count, group, deduplication)| {
            Op::Produce { producer, again, count, group, deduplication }
        }),
        4 => (1..=10u8, 0..30u32).prop_map(|(max, visibility)| Op::Receive { max, visibility }),
        3 => (0..12usize).prop_map(Op::Delete),
        1 => (0..12usize, 0..40u32).prop_map(|(index, seconds)| Op::Change(index, seconds)),
        2 => (1..20_000u64).prop_map(Op::Advance),
        1 => (290_000..310_000u64).prop_map(Op::Advance),
        1 => Just(Op::Restart),
    ]
}

/// One message of the model. Times are milliseconds.
#[derive(Clone, Debug)]
struct Message {
    body: String,
    group: Option<String>,
    visible_from: u64,
    in_flight: bool,
    generation: u32,
    received: u64,
    sent: Turn,
    /// Whether receives look at it.
    in_window: bool,
}

/// A time, and the number of the event or of the message that something happened to at that time.
type Turn = (u64, u64);

/// The queue of the model.
struct Model {
    kind: Kind,
    /// Messages that receives look at.
    window: usize,
    /// Whether the window has no end.
    is_open: bool,
    events: u64,
    messages: Vec<Message>,
    /// Deduplication ids with the times of their originals.
    originals: Vec<(u8, u64)>,
    /// The groups of a FIFO queue whose first message can be received, in the order in which that began.
    turns: Vec<(Turn, Option<String>)>,
}

impl Model {
    fn new(kind: Kind, window: usize) -> Self {
        let (messages, originals, turns) = (Vec::new(), Vec::new(), Vec::new());
        Self { kind, window, is_open: true, events: 0, messages, originals, turns }
    }

    /// The turn of an event that happens now.
    fn event(&mut self, now: u64) -> Turn {
        self.events += 1;
        (now, self.events)
    }

    /// Ends a full window, and moves messages into one that has room. A standard queue has no window.
    fn move_window(&mut self) {
        if self.kind != Kind::Fifo {
            return;
        }
        loop {
            let has_room = self.messages.iter().filter(|message| message.in_window).count() < self.window;
            match self.messages.iter_mut().find(|message| !message.in_window) {
                _ if self.is_open == has_room => break,
                _ if self.is_open => self.is_open = false,
                Some(message) => {
                    message.in_window = true;
                    let turn = message.sent;
                    self.take_turns(turn);
                }
                None => self.is_open = true,
            }
        }
    }

    fn send(&mut self, now: u64, body: &str, group: Option<String>, delay: u32, deduplication: u8) {
        if self.kind == Kind::Fifo {
            self.originals.retain(|(_, sent)| sent + 300_000 > now);
            if self.originals.iter().any(|(id, _)| *id == deduplication) {
                return;
            }
            self.originals.push((deduplication, now));
        }
        self.advance(now);
        let visible_from = now + u64::from(delay) * 1000;
        let (body, sent) = (body.to_owned(), self.event(now));
        self.messages.push(Message {
            body,
            group,
            visible_from,
            in_flight: false,
            generation: 0,
            received: 0,
            sent,
            in_window: self.is_open,
        });
        self.take_turns(sent);
    }

    /// Ends visibility timeouts one after the other.
    fn advance(&mut self, now: u64) {
        loop {
            let timeouts = self.messages.iter_mut().filter(|message| message.in_flight && message.visible_from <= now);
            let Some(message) = timeouts.min_by_key(|message| message.visible_from) else { break };
            message.in_flight = false;
            let turn = (message.visible_from, message.sent.1);
            self.take_turns(turn);
        }
    }

    /// Ends the turns of groups without messages in the window, or whose first message is in flight. Gives the others this
    /// turn.
    fn take_turns(&mut self, turn: Turn) {
        let firsts = self.messages.iter().enumerate().filter(|(index, message)| {
            message.in_window && !self.messages[..*index].iter().any(|earlier| earlier.group == message.group)
        });
        let free: Vec<_> =
            firsts.filter(|(_, message)| !message.in_flight).map(|(_, message)| message.group.clone()).collect();
        self.turns.retain(|(_, group)| free.contains(group));
        let has_turn = |group: &Option<String>| self.turns.iter().any(|(_, other)| other == group);
        let new: Vec<_> = free.into_iter().filter(|group| !has_turn(group)).map(|group| (turn, group)).collect();
        self.turns.extend(new);
        self.turns.sort();
    }

    fn receive(&mut self, now: u64, max: usize, visibility: u32) -> Vec<(String, u32)> {
        self.advance(now);
        let mut taken = Vec::new();
        while taken.len() < max {
            let Some(index) = self.next(now, &taken) else { break };
            taken.push(index);
        }
        let until = now + u64::from(visibility) * 1000;
        for &index in &taken {
            let turn = self.event(now);
            let message = &mut self.messages[index];
            message.generation += 1;
            message.received = now;
            message.visible_from = until;
            message.in_flight = true;
            self.take_turns(turn);
            self.messages[index].in_flight = until > now;
            self.take_turns(turn);
        }
        taken.iter().map(|&index| (self.messages[index].body.clone(), self.messages[index].generation)).collect()
    }

    /// The next message of a receive, given those that it has taken.
    fn next(&self, now: u64, taken: &[usize]) -> Option<usize> {
        let ready = |index: &usize| {
            let message = &self.messages[*index];
            message.in_window && message.visible_from <= now && !taken.contains(index)
        };
        let of_group = |index: usize| {
            let group = &self.messages[index].group;
            self.messages.iter().enumerate().filter(move |(_, other)| other.group == *group)
        };
        let all = 0..self.messages.len();
        match self.kind {
            Kind::Standard => all.clone().find(ready),
            Kind::Fair => all.clone().filter(ready).min_by_key(|&index| {
                let load = of_group(index).filter(|(other, m)| m.in_flight || taken.contains(other)).count();
                (load, index)
            }),
            Kind::Fifo => {
                // The first of each group that is not taken yet, if it is not in flight.
                let next_of = |group: &Option<String>| {
                    let mut of_group = all.clone().filter(|&index| self.messages[index].group == *group);
                    of_group.find(|index| !taken.contains(index)).filter(ready)
                };
                self.turns.iter().find_map(|(_, group)| next_of(group))
            }
        }
    }
}

/// How the messages of a history are kept.
#[derive(Clone, Copy, Debug)]
struct Keeping {
    index: IndexOptions,
    checkpointing: bool,
}

fn in_memory(checkpointing: bool) -> Keeping {
    Keeping { index: IndexOptions::default(), checkpointing }
}

/// Receives look at `window` messages.
fn in_window(window: usize, bytes_max: u64, checkpointing: bool) -> Keeping {
    let (window_messages, window_messages_min) = (window, window);
    let index = IndexOptions { bytes_max, page_messages: 1, record_pages: 2, window_messages, window_messages_min };
    Keeping { index, checkpointing }
}

fn run(kind: Kind, ops: Vec<Op>, keeping: Keeping) {
    let Keeping { index, checkpointing } = keeping;
    let mut world = World::new(Options { index, ..Options::default() });
    (world.checkpointing, world.ticking) = (checkpointing, true);
    let name = if kind == Kind::Fifo { "q.fifo" } else { "q" };
    let attributes: &[(&str, &str)] = if kind == Kind::Fifo { &[("FifoQueue", "true")] } else { &[] };
    let attributes = AttributeChanges::parse(attributes.iter().copied()).expect("valid");
    let create = CreateQueue { name: name.parse().expect("valid"), attributes, tags: Tags::default() };
    world.ask(Request::CreateQueue(create)).expect("created");
    let queue = world.address(name);
    let mut model = Model::new(kind, index.window_messages);
    // The latest receives, newest first.
    let mut handles: Vec<(String, ReceiptHandle)> = Vec::new();
    // The last number of each producer.
    let mut numbers = [0_u64; 3];
    let group_of = |group: u8| match kind {
        Kind::Standard => None,
        Kind::Fair if group == 0 => None,
        Kind::Fair | Kind::Fifo => Some(format!("group-{group}")),
    };
    for (step, op) in ops.into_iter().enumerate() {
        let now = world.now.as_millis();
        match op {
            Op::Send { group, delay, deduplication } => {
                let delay = if kind == Kind::Fifo { 0 } else { delay };
                let group = group_of(group);
                let (body, id) = (format!("m{step}"), format!("id-{deduplication}"));
                let id = Some(id.as_str()).filter(|_| kind == Kind::Fifo);
                let message = world.message(name, &body, group.as_deref(), id).expect("valid");
                let send = SendMessage {
                    queue: queue.clone(),
                    delay: Some(Delay::new(delay.into()).expect("in range")),
                    message,
                };
                world.ask(Request::SendMessage(send)).expect("sent");
                model.send(now, &body, group, delay, deduplication);
            }
            Op::Produce { producer, again, count, group, deduplication } => {
                let (group, last) = (group_of(group), numbers[producer]);
                let first = last + 1 - again.min(last);
                let text = |number: u64| format!("p{producer}-{number}");
                // In FIFO each message is a batch with a deduplication id of its own, another one when it is sent again.
                let batch = if kind == Kind::Fifo { 1 } else { usize::try_from(count).expect("small") };
                let all: Vec<u64> = (first..first + count).collect();
                for numbered in all.chunks(batch) {
                    let used = deduplication.wrapping_add(u8::try_from(numbered[0] % 100).expect("small"));
                    let (name_of, id) = (format!("p{producer}"), format!("id-{used}"));
                    let produced = Produced {
                        producer: &name_of,
                        target: name,
                        first: numbered[0],
                        answered: numbers[producer],
                        group: group.as_deref(),
                        id: Some(id.as_str()).filter(|_| kind == Kind::Fifo),
                        delay: None,
                    };
                    let bodies: Vec<String> = numbered.iter().copied().map(text).collect();
                    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
                    let request = world.producing(&produced, &bodies).expect("a batch");
                    assert!(matches!(world.ask(request), Ok(Reply::MessagesSent(_))), "step {step}");
                    for number in numbered.iter().copied().filter(|number| *number > numbers[producer]) {
                        model.send(now, &text(number), group.clone(), 0, used);
                    }
                    numbers[producer] = numbers[producer].max(*numbered.last().expect("a chunk is not empty"));
                    model.move_window();
                }
            }
            Op::Receive { max, visibility } => {
                let request = ReceiveMessage {
                    queue: queue.clone(),
                    messages_max: MessageCount::new(max.into()).expect("in range"),
                    visibility_timeout: Some(VisibilityTimeout::new(visibility.into()).expect("in range")),
                    wait: None,
                    attempt: None,
                };
                let (_, Some((Outcome::Messages { messages: deliveries, .. }, _))) =
                    world.call(Request::ReceiveMessage(request))
                else {
                    panic!("a receive without a wait is answered at once");
                };
                let got: Vec<(String, u32)> = deliveries
                    .iter()
                    .map(|delivery| (world.open(delivery).body().to_owned(), delivery.receive_count))
                    .collect();
                assert_eq!(got, model.receive(now, usize::from(max), visibility), "step {step}");
                for delivery in deliveries {
                    handles.insert(0, (world.open(&delivery).body().to_owned(), delivery.handle));
                }
            }
            Op::Delete(index) => {
                let Some((body, handle)) = handles.get(index).cloned() else { continue };
                model.advance(now);
                let expected = delete(&mut model, now, (&body, handle));
                let result = world
                    .ask(Request::DeleteMessage(DeleteMessage { queue: queue.clone(), handle: Ok(presented(handle)) }));
                assert_eq!(result.map_err(|fault| core::mem::discriminant(&fault)), expected, "step {step}");
            }
            Op::Change(index, seconds) => {
                let Some((body, handle)) = handles.get(index).cloned() else { continue };
                model.advance(now);
                let found = model.messages.iter_mut().find(|message| message.body == body);
                let is_current = |message: &Message| message.in_flight && message.generation == handle.generation;
                let changed = found.filter(|message| kind != Kind::Fifo || is_current(message));
                let (queue, visibility_timeout) =
                    (queue.clone(), VisibilityTimeout::new(seconds.into()).expect("in range"));
                let change = ChangeMessageVisibility { queue, handle: Ok(presented(handle)), visibility_timeout };
                let result = world.ask(Request::ChangeMessageVisibility(change));
                assert_eq!(result.is_ok(), changed.is_some(), "step {step}");
                if let Some(message) = changed {
                    message.visible_from = now + u64::from(seconds) * 1000;
                    message.in_flight = seconds > 0;
                    let turn = model.event(now);
                    model.take_turns(turn);
                }
            }
            Op::Advance(millis) => world.advance(millis),
            Op::Restart => world.restart(),
        }
        model.move_window();
        let expected: Vec<&str> = model.messages.iter().map(|message| message.body.as_str()).collect();
        assert_eq!(world.engine.message_count(), expected.len() as u64, "step {step}: {expected:?}");
    }
    world.check();
}

/// Deletes in the model. Returns the answer that the engine must give.
fn delete(
    model: &mut Model,
    now: u64,
    (body, handle): (&str, ReceiptHandle),
) -> Result<Reply, core::mem::Discriminant<Fault>> {
    let Some(index) = model.messages.iter().position(|message| message.body == body) else { return Ok(Reply::Done) };
    let message = &model.messages[index];
    let is_current = message.generation == handle.generation && message.in_flight;
    if model.kind == Kind::Fifo && !is_current {
        return Err(core::mem::discriminant(&Fault::ReceiptHandleExpired("".into())));
    }
    model.messages.remove(index);
    let turn = model.event(now);
    model.take_turns(turn);
    Ok(Reply::Done)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn standard(ops in proptest::collection::vec(op(), 1..120), checkpointing: bool) {
        run(Kind::Standard, ops, in_memory(checkpointing));
    }

    #[test]
    fn fair(ops in proptest::collection::vec(op(), 1..120), checkpointing: bool) {
        run(Kind::Fair, ops, in_memory(checkpointing));
    }

    #[test]
    fn fifo(ops in proptest::collection::vec(op(), 1..120), checkpointing: bool) {
        run(Kind::Fifo, ops, in_memory(checkpointing));
    }

    #[test]
    fn fifo_in_a_window(
        ops in proptest::collection::vec(op(), 1..120),
        window in 1..6usize,
        bytes_max in 0..100u64,
        checkpointing: bool,
    ) {
        run(Kind::Fifo, ops, in_window(window, bytes_max, checkpointing));
    }
}

//! The loop on a real disk in a temporary directory: what is acknowledged is durable, long polls are answered, and
//! every end (shutdown, a failed disk, a full inbox) answers every request.

mod clock;
mod cold;
mod compaction;
mod damage;
mod pages;
mod peeks;
mod producers;
mod publications;
mod slow_disk;
mod torn;

use core::net::{IpAddr, Ipv4Addr};
use core::task::Waker;
use core::time::Duration;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use posthouse_core::{
    Clock, CompactionOptions, Durability, Environment, Inbox, Options, Outbox, Refused, Responder, Response, Running,
    ScrubOptions, start,
};
use posthouse_disk::{Choice, Completion, Disk, DiskOutcome, Entry, Native, Operation, OperationId};
use posthouse_model::message::MessageDraft;
use posthouse_model::operation::{
    CreateQueue, DamagedMessage, DeleteMessage, ListDamagedMessages, ReceiveMessage, ReceivedMessage, SendMessage,
    Sent, Tags,
};
use posthouse_model::{
    AccountId, AttributeChanges, Call, Caller, Fault, HandleKey, Identity, MessageCount, MessageId, PageSize,
    PresentedHandle, QueueAddress, ReceiptHandle, ReceiveWait, RegionSource, Reply, Request, Timestamp, Transport,
    WaitTime,
};
use slow_disk::{Gate, SlowWrites};

/// The disk of this machine, whose writes fail once the switch is on or are slow while a rate is set, whose reads fail
/// with an error of the system while there is one, and which creates no file while it is full. The simulated disk cannot stand in for it: the loop runs on its own thread here, sleeps in the
/// disk, and is woken through it.
struct Switched {
    disk: Native,
    fail: Arc<AtomicBool>,
    read_errno: Arc<AtomicI32>,
    full: Arc<AtomicBool>,
    /// Creations that the full disk refuses.
    refused: Vec<OperationId>,
    slow: SlowWrites,
}

impl Disk for Switched {
    fn submit(&mut self, id: OperationId, operation: Operation) {
        self.slow.note(id, &operation);
        let operation = match operation {
            Operation::Create { .. } if self.full.load(Ordering::Relaxed) => {
                self.refused.push(id);
                Operation::Open { name: "no such file".into() }
            }
            operation => operation,
        };
        self.disk.submit(id, operation);
    }

    fn wait(&mut self, timeout: Option<Duration>, completions: &mut Vec<Completion>) -> io::Result<()> {
        self.disk.wait(timeout, completions)?;
        for completion in completions.iter_mut().filter(|completion| self.refused.contains(&completion.id)) {
            completion.result = Err(io::ErrorKind::StorageFull.into());
        }
        if self.fail.load(Ordering::Relaxed) {
            for completion in &mut *completions {
                if matches!(completion.result, Ok(DiskOutcome::Written(_))) {
                    completion.result = Err(io::Error::other("the switch is on"));
                }
            }
        } else if let errno @ 1.. = self.read_errno.load(Ordering::Relaxed) {
            for completion in &mut *completions {
                if matches!(completion.result, Ok(DiskOutcome::Read(_))) {
                    completion.result = Err(io::Error::from_raw_os_error(errno));
                }
            }
        }
        self.slow.hold(completions);
        Ok(())
    }

    fn waker(&self) -> Waker {
        self.disk.waker()
    }

    fn list(&self) -> io::Result<Vec<Entry>> {
        self.disk.list()
    }
}

struct WallClock;

impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "the clock that the loop is given has to come from somewhere")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        Timestamp::from_millis(u64::try_from(since.as_millis()).expect("before the year 584,556,049"))
    }
}

/// A clock whose reading can be held up.
#[derive(Clone, Default)]
struct HeldClock(Arc<Hold>);

#[derive(Default)]
struct Hold {
    /// Whether the next reading is held up.
    armed: AtomicBool,
    /// Whether a reading is held up now.
    holds: AtomicBool,
    released: AtomicBool,
}

impl Clock for HeldClock {
    fn now(&self) -> Timestamp {
        let now = WallClock.now();
        if self.0.armed.swap(false, Ordering::SeqCst) {
            self.0.holds.store(true, Ordering::SeqCst);
            while !self.0.released.load(Ordering::SeqCst) {
                thread::yield_now();
            }
        }
        now
    }
}

type Answered = Result<Reply, Fault>;

struct Channel {
    answers: Sender<Answered>,
    abandoned: Arc<AtomicBool>,
    /// Messages that the answer has room for.
    room: usize,
}

impl Channel {
    fn new() -> (Self, Receiver<Answered>) {
        let (answers, receiver) = mpsc::channel();
        (Self { answers, abandoned: Arc::default(), room: usize::MAX }, receiver)
    }
}

impl Responder for Channel {
    type Outbox = Gathering;

    fn respond(self, response: Response, outbox: &mut Gathering) {
        outbox.responses.push((self.answers, response));
    }

    fn reserve(&mut self, lengths: &[u32]) -> usize {
        lengths.len().min(self.room)
    }

    fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }
}

/// Responses that leave when they are flushed.
#[derive(Default)]
struct Gathering {
    responses: Vec<(Sender<Answered>, Response)>,
    /// How many responses each flush with any passed on.
    flushes: Arc<Mutex<Vec<usize>>>,
}

impl Outbox for Gathering {
    fn flush(&mut self) {
        if !self.responses.is_empty() {
            self.flushes.lock().expect("no panic").push(self.responses.len());
        }
        for (answers, response) in self.responses.drain(..) {
            // The error says that the test has ended.
            let _ = answers.send(match response {
                Response::Answer(answer) => answer,
                Response::NoRoom { .. } => Err(Fault::Throttled),
                Response::Unreadable => Ok(Reply::ReceiveMessage(Vec::new())),
            });
        }
    }
}

struct Test;

impl Environment for Test {
    type Disk = Switched;
    type Clock = WallClock;
    type Responder = Channel;
}

struct Held;

impl Environment for Held {
    type Disk = Switched;
    type Clock = HeldClock;
    type Responder = Channel;
}

struct Broker {
    running: Running<Channel>,
    fail: Arc<AtomicBool>,
    read_errno: Arc<AtomicI32>,
    full: Arc<AtomicBool>,
    gate: Arc<Gate>,
    flushes: Arc<Mutex<Vec<usize>>>,
}

const PATIENCE: Duration = Duration::from_secs(20);

fn options() -> Options {
    Options {
        durability: Durability::Fsync,
        inbox_length: 64,
        unsynced_bytes_max: 8 << 20,
        unsynced_wait_max: Duration::ZERO,
        replies_pending_max: 1024,
        checkpoint_bytes: 64 << 20,
        listed_max: 1000,
        scrub: ScrubOptions::OFF,
        compaction: CompactionOptions::OFF,
        log: posthouse_log::Options::new([7; 16]),
        engine: posthouse_engine::Options::default(),
    }
}

impl Broker {
    fn start(directory: &Path, options: Options) -> Self {
        Self::start_with::<Test>(directory, options, WallClock)
    }

    /// Starts on a disk that has no room for another file.
    fn start_full(directory: &Path, options: Options) -> Self {
        Self::start_on::<Test>(directory, options, WallClock, Arc::new(AtomicBool::new(true)))
    }

    fn start_with<E>(directory: &Path, options: Options, clock: E::Clock) -> Self
    where
        E: Environment<Disk = Switched, Responder = Channel>,
        E::Clock: Send + 'static,
    {
        Self::start_on::<E>(directory, options, clock, Arc::default())
    }

    fn start_on<E>(directory: &Path, options: Options, clock: E::Clock, full: Arc<AtomicBool>) -> Self
    where
        E: Environment<Disk = Switched, Responder = Channel>,
        E::Clock: Send + 'static,
    {
        let is_full = Arc::clone(&full);
        let (fail, read_errno) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI32::new(0)));
        let (path, switch, errno) = (directory.to_owned(), Arc::clone(&fail), Arc::clone(&read_errno));
        let gate = Arc::<Gate>::default();
        let slow = SlowWrites::new(Arc::clone(&gate));
        let open = move || {
            let (disk, _) = Native::open(&path, Choice::Auto)?;
            Ok(Switched { disk, fail: switch, read_errno: errno, full: is_full, refused: Vec::new(), slow })
        };
        let outbox = Gathering::default();
        let flushes = Arc::clone(&outbox.flushes);
        let running = start::<E>(options, open, clock, outbox).expect("starts");
        Self { running, fail, read_errno, full, gate, flushes }
    }

    fn inbox(&self) -> &Inbox<Channel> {
        &self.running.inbox
    }

    fn submit(&self, request: Request) -> Receiver<Answered> {
        let (responder, receiver) = Channel::new();
        assert!(self.inbox().submit(call(request), responder).is_ok(), "the inbox has room");
        receiver
    }

    fn ask(&self, request: Request) -> Answered {
        self.submit(request).recv_timeout(PATIENCE).expect("answered")
    }

    fn create(&self) {
        let name = queue().name;
        let request = CreateQueue { name, attributes: AttributeChanges::default(), tags: Tags::default() };
        assert_eq!(self.ask(Request::CreateQueue(request)), Ok(Reply::Queue(queue())));
    }

    fn send(&self, body: &str) -> Sent {
        match self.ask(send(body)) {
            Ok(Reply::SendMessage(sent)) => sent,
            other => panic!("{other:?}"),
        }
    }

    fn receive(&self, wait: u32) -> Vec<ReceivedMessage> {
        match self.ask(receive(wait)) {
            Ok(Reply::ReceiveMessage(messages)) => messages,
            other => panic!("{other:?}"),
        }
    }

    /// The damaged messages.
    fn damaged(&self) -> Vec<DamagedMessage> {
        let request = Request::ListDamagedMessages(ListDamagedMessages { after: None, results_max: PageSize::MAX });
        let (responder, receiver) = Channel::new();
        let call = Call { caller: Caller::broker(queue().region), request };
        assert!(self.inbox().submit(call, responder).is_ok(), "the inbox has room");
        match receiver.recv_timeout(PATIENCE).expect("answered") {
            Ok(Reply::DamagedMessages(page)) => page.items,
            other => panic!("{other:?}"),
        }
    }

    fn stop(self) {
        self.running.inbox.shut_down();
        self.running.join().expect("a clean end");
    }
}

fn queue() -> QueueAddress {
    "arn:aws:sqs:us-east-1:000000000000:q".parse().expect("valid")
}

fn call(request: Request) -> Call {
    let identity = Identity::root(AccountId::DEFAULT);
    let source = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let region_source = RegionSource::Signature;
    Call {
        caller: Caller { identity, region: queue().region, region_source, source, transport: Transport::Plain },
        request,
    }
}

fn send(body: &str) -> Request {
    let message = MessageDraft::new(MessageId::from_random([1; 16]), body, "000000000000");
    Request::SendMessage(SendMessage { queue: queue(), delay: None, message: message.seal().expect("valid") })
}

fn receive(wait: u32) -> Request {
    Request::ReceiveMessage(ReceiveMessage {
        queue: queue(),
        messages_max: MessageCount::MAX,
        visibility_timeout: None,
        wait: Some(ReceiveWait::AtMost(WaitTime::new(wait.into()).expect("in range"))),
        attempt: None,
    })
}

/// The core loop looks at what a handle says. Its text may be sealed with any key.
fn presented(handle: ReceiptHandle) -> PresentedHandle {
    PresentedHandle::new(handle, HandleKey::new([0; 16]).seal(handle))
}

#[test]
fn what_was_acknowledged_is_there_after_a_restart() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broker = Broker::start(directory.path(), options());
    broker.create();
    for n in 0..5 {
        broker.send(&format!("m{n}"));
    }
    let first = broker.receive(0).into_iter().next().expect("five wait");
    let delete = DeleteMessage { queue: queue(), handle: Ok(presented(first.handle)) };
    assert_eq!(broker.ask(Request::DeleteMessage(delete)), Ok(Reply::Done));
    broker.stop();

    let broker = Broker::start(directory.path(), options());
    assert_eq!((broker.running.started.queues, broker.running.started.messages), (1, 4));
    assert!(broker.receive(0).is_empty(), "the others are still in flight");
    broker.send("new");
    assert_eq!(broker.receive(0).iter().map(|m| m.message.body().to_owned()).collect::<Vec<_>>(), ["new"]);
    broker.stop();
}

#[test]
fn a_receive_takes_what_its_answer_has_room_for() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broker = Broker::start(directory.path(), options());
    broker.create();
    let receive_with = |room, wait| {
        let (responder, receiver) = Channel::new();
        assert!(
            broker.inbox().submit(call(receive(wait)), Channel { room, ..responder }).is_ok(),
            "the inbox has room"
        );
        receiver
    };
    let bodies = |answer: Receiver<Answered>| match answer.recv_timeout(PATIENCE).expect("answered") {
        Ok(Reply::ReceiveMessage(messages)) => messages.iter().map(|m| m.message.body().to_owned()).collect(),
        Ok(other) => panic!("{other:?}"),
        Err(fault) => vec![fault.name().to_owned()],
    };
    let (without, with) = (receive_with(0, 20), receive_with(2, 20));
    broker.send("m0");
    assert_eq!((bodies(without), bodies(with)), (vec!["Throttled".to_owned()], vec!["m0".to_owned()]));
    for n in 1..4 {
        broker.send(&format!("m{n}"));
    }
    assert_eq!(bodies(receive_with(0, 0)), ["Throttled"]);
    assert_eq!(bodies(receive_with(2, 0)), ["m1", "m2"]);
    assert_eq!(bodies(receive_with(2, 0)), ["m3"]);
    broker.stop();
}

#[test]
fn a_long_poll_is_answered_by_a_send_a_shutdown_and_not_after_its_cancellation() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broker = Broker::start(directory.path(), options());
    broker.create();

    let poll = broker.submit(receive(20));
    broker.send("hello");
    let answer = poll.recv_timeout(PATIENCE).expect("answered");
    assert!(matches!(&answer, Ok(Reply::ReceiveMessage(messages)) if messages.len() == 1), "{answer:?}");

    // Whether the cancellation overtakes its request or not. A receive in between makes sure that it does not.
    for overtaken in [true, false] {
        let (responder, cancelled) = Channel::new();
        let abandoned = Arc::clone(&responder.abandoned);
        let token = broker.inbox().submit(call(receive(20)), responder).unwrap_or_else(|_| panic!("room"));
        if !overtaken {
            assert!(broker.receive(0).is_empty());
        }
        abandoned.store(true, Ordering::Relaxed);
        broker.inbox().cancel(token);
        let answer = cancelled.recv_timeout(PATIENCE);
        assert_eq!(answer, Err(RecvTimeoutError::Disconnected), "forgotten without an answer");
    }
    broker.send("for the next one");
    assert_eq!(broker.receive(5).len(), 1, "the cancelled poll took nothing");

    let poll = broker.submit(receive(20));
    broker.inbox().end_waits();
    assert_eq!(poll.recv_timeout(PATIENCE), Ok(Ok(Reply::ReceiveMessage(Vec::new()))));
    assert!(broker.receive(20).is_empty(), "nothing waits any more");
    broker.stop();
}

#[test]
fn after_a_failed_write_every_request_is_refused_and_a_restart_recovers() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broker = Broker::start(directory.path(), options());
    broker.create();
    broker.send("safe");
    let poll_of_nothing = {
        assert_eq!(broker.receive(0).len(), 1);
        broker.submit(receive(20))
    };
    broker.fail.store(true, Ordering::Relaxed);
    assert!(matches!(broker.ask(send("lost")), Err(Fault::Unavailable(_))));
    assert!(matches!(poll_of_nothing.recv_timeout(PATIENCE), Ok(Err(Fault::Unavailable(_)))));
    assert!(matches!(broker.ask(receive(0)), Err(Fault::Unavailable(_))));
    let (sender, inspected) = mpsc::channel();
    broker.inbox().inspect(Box::new(move |view| sender.send(view).expect("the test listens")));
    assert!(inspected.recv_timeout(PATIENCE).expect("inspected").failure.is_some());
    broker.running.inbox.shut_down();
    assert!(broker.running.join().is_err(), "a failed log does not close well");

    let broker = Broker::start(directory.path(), options());
    let messages = broker.running.started.messages;
    assert!((1..=2).contains(&messages), "what was acknowledged is there; what was refused may be: {messages}");
    broker.stop();
}

/// What is being written when the disk fails never becomes durable, so the limit on unsynced bytes stays reached.
#[test]
fn a_log_that_fails_with_a_full_backlog_still_refuses_and_ends() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broker = Broker::start(directory.path(), Options { unsynced_bytes_max: 1, ..options() });
    broker.create();
    broker.fail.store(true, Ordering::Relaxed);
    let first = broker.submit(send("under way"));
    for _ in 0..3 {
        assert!(matches!(broker.ask(send("later")), Err(Fault::Unavailable(_))));
    }
    assert!(matches!(first.recv_timeout(PATIENCE), Ok(Err(Fault::Unavailable(_)))));
    broker.running.inbox.shut_down();
    assert!(broker.running.join().is_err());
}

#[test]
fn a_state_larger_than_the_checkpoint_interval_is_not_written_over_and_over() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broker = Broker::start(directory.path(), Options { checkpoint_bytes: 4 << 10, ..options() });
    broker.create();
    for n in 0..400 {
        broker.send(&format!("m{n}"));
    }
    let checkpoints = || {
        let (sender, inspected) = mpsc::channel();
        broker.inbox().inspect(Box::new(move |view| sender.send(view.core.checkpoints).expect("the test listens")));
        inspected.recv_timeout(PATIENCE).expect("inspected")
    };
    assert!(checkpoints() > 0);
    // A checkpoint that was being written ends. Then nothing is written, so none is due.
    let settled = (0..200).any(|_| {
        let before = checkpoints();
        thread::sleep(Duration::from_millis(20));
        before == checkpoints()
    });
    assert!(settled, "an idle broker writes checkpoints for ever");
    broker.stop();
}

#[test]
fn a_stopped_loop_gives_requests_back() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broker = Broker::start(directory.path(), options());
    let inbox = broker.inbox().clone();
    broker.stop();
    let (responder, _receiver) = Channel::new();
    assert!(matches!(inbox.submit(call(receive(0)), responder), Err(Refused::Stopped(_))));
}

/// Enough to fill several small segments, so that checkpoints run, dead segments are recycled, and messages are read
/// back from the disk rather than from memory.
#[test]
fn checkpoints_recycle_and_cold_messages_come_back_whole() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut small = options();
    small.log.segment_bytes = 1 << 20;
    small.log.first_segment_bytes = 1 << 20;
    small.log.tail_bytes = 256 << 10;
    small.log.chunk_bytes = 64 << 10;
    small.checkpoint_bytes = 2 << 20;
    let broker = Broker::start(directory.path(), small.clone());
    broker.create();
    let body = |n: usize| format!("{n}:{}", "x".repeat(20_000));
    for round in 0..20 {
        for n in 0..20 {
            broker.send(&body(round * 20 + n));
        }
        let mut received = 0;
        while received < 20 {
            for message in broker.receive(5) {
                let number: usize =
                    message.message.body().split(':').next().and_then(|n| n.parse().ok()).expect("numbered");
                assert_eq!(message.message.body(), body(number));
                received += 1;
                // The last round's messages stay, to be found by the restart.
                if round < 19 {
                    let delete = DeleteMessage { queue: queue(), handle: Ok(presented(message.handle)) };
                    assert_eq!(broker.ask(Request::DeleteMessage(delete)), Ok(Reply::Done));
                }
            }
        }
    }
    let (sender, inspected) = mpsc::channel();
    broker.inbox().inspect(Box::new(move |view| sender.send(view).expect("the test listens")));
    let view = inspected.recv_timeout(PATIENCE).expect("inspected");
    assert!(view.core.checkpoints > 0, "8 MB were written, checkpoints are due every 2 MB");
    assert!(view.log.segments < 8, "{:?}", view.log);
    broker.stop();

    let broker = Broker::start(directory.path(), small);
    assert_eq!(broker.running.started.messages, 20);
    broker.stop();
}

/// A loop that is held up between reading the clock and taking requests must not handle a request that arrived
/// meanwhile at the earlier time: its delay would end too early.
#[test]
fn a_request_is_not_handled_at_a_time_before_it_came() {
    let directory = tempfile::tempdir().expect("a directory");
    let clock = HeldClock::default();
    let broker = Broker::start_with::<Held>(directory.path(), options(), clock.clone());
    broker.create();
    clock.0.armed.store(true, Ordering::SeqCst);
    let first = broker.submit(receive(0));
    while !clock.0.holds.load(Ordering::SeqCst) {
        thread::yield_now();
    }
    thread::sleep(Duration::from_millis(20));
    let came = WallClock.now();
    let sent = broker.submit(send("late"));
    clock.0.released.store(true, Ordering::SeqCst);
    assert!(matches!(first.recv_timeout(PATIENCE), Ok(Ok(_))));
    assert!(matches!(sent.recv_timeout(PATIENCE), Ok(Ok(_))));
    let [message] = &broker.receive(0)[..] else { panic!("one message") };
    assert!(message.sent >= came, "sent at {:?}, and came at {came:?}", message.sent);
    broker.stop();
}

/// All responses of an iteration are passed on together, whatever they wait for.
#[test]
fn the_responses_of_one_iteration_leave_in_one_flush() {
    let directory = tempfile::tempdir().expect("a directory");
    let clock = HeldClock::default();
    let broker = Broker::start_with::<Held>(directory.path(), options(), clock.clone());
    broker.create();
    let before = broker.flushes.lock().expect("no panic").len();
    clock.0.armed.store(true, Ordering::SeqCst);
    let first = broker.submit(receive(0));
    while !clock.0.holds.load(Ordering::SeqCst) {
        thread::yield_now();
    }
    let empty: Vec<_> = (0..20).map(|_| broker.submit(receive(0))).collect();
    let sent: Vec<_> = (0..20).map(|n| broker.submit(send(&format!("m{n}")))).collect();
    clock.0.released.store(true, Ordering::SeqCst);
    for answer in [first].into_iter().chain(empty).chain(sent) {
        assert!(matches!(answer.recv_timeout(PATIENCE), Ok(Ok(_))));
    }
    // The first, those that depend on no event, and those that depend on one commit.
    assert_eq!(broker.flushes.lock().expect("no panic")[before..], [1, 20, 20]);
    broker.stop();
}

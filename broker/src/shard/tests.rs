//! Shards with a core loop on the disk of this machine.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use posthouse_core::{Clock, CompactionOptions, Durability, Environment, Options, Running, ScrubOptions};
use posthouse_disk::{Choice, Native};
use posthouse_model::operation::{CreateQueue, ListQueues, ReceiveMessage, Tags};
use posthouse_model::{
    AccountId, AttributeChanges, Caller, Fault, Identity, MessageCount, PageSize, QueueAddress, ReceiveWait, Reply,
    Timestamp, WaitTime,
};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::*;
use crate::core_client::Outbox;

const PATIENCE: Duration = Duration::from_secs(20);

struct Now;

impl Clock for Now {
    fn now(&self) -> Timestamp {
        crate::clock::now()
    }
}

struct Test;

impl Environment for Test {
    type Disk = Native;
    type Clock = Now;
    type Responder = ReplySender;
}

/// A core loop with shards.
struct Broker {
    running: Running<ReplySender>,
    shards: ShardThreads,
    _directory: TempDir,
}

fn start(shards: u16) -> Broker {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().to_owned();
    let options = Options {
        durability: Durability::Fsync,
        inbox_length: 1024,
        unsynced_bytes_max: 8 << 20,
        unsynced_wait_max: Duration::ZERO,
        replies_pending_max: 1024,
        checkpoint_bytes: 64 << 20,
        listed_max: 0,
        scrub: ScrubOptions::OFF,
        compaction: CompactionOptions::OFF,
        log: posthouse_log::Options::new([7; 16]),
        engine: posthouse_engine::Options::default(),
    };
    let open = move || Native::open(&path, Choice::Auto).map(|(disk, _)| disk);
    let (outbox, mailboxes) = Outbox::new(shards);
    let running = posthouse_core::start::<Test>(options, open, Now, outbox).expect("starts");
    let shards = ShardThreads::start(mailboxes, &running.inbox, &Handle::current()).expect("starts");
    Broker { running, shards, _directory: directory }
}

impl Broker {
    /// What a task on the least busy shard returns.
    async fn run<F, T>(&self, task: impl FnOnce(Shard) -> F + Send + 'static) -> T
    where
        F: Future<Output = T> + 'static,
        T: Send + 'static,
    {
        timeout(PATIENCE, self.begin(task)).await.expect("in time").expect("it does not panic")
    }

    /// The same, and what tells when a task that panics has ended.
    fn begin<F, T>(&self, task: impl FnOnce(Shard) -> F + Send + 'static) -> oneshot::Receiver<T>
    where
        F: Future<Output = T> + 'static,
        T: Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        self.shards.shards().least_busy().spawn(|shard| async move {
            let _ = sender.send(task(shard).await);
        });
        receiver
    }

    async fn stop(self) {
        self.shards.stop().await;
        self.running.inbox.shut_down();
        self.running.join().expect("a clean end");
    }
}

fn queue() -> QueueAddress {
    "arn:aws:sqs:us-east-1:000000000000:q".parse().expect("valid")
}

fn call(request: impl Into<Request>) -> Call {
    let caller = Caller { identity: Identity::root(AccountId::DEFAULT), ..Caller::broker(queue().region) };
    Call { caller, request: request.into() }
}

fn listing() -> Call {
    call(ListQueues { prefix: "".into(), results_max: PageSize::ONE, after: None })
}

fn creation() -> Call {
    call(CreateQueue { name: queue().name, attributes: AttributeChanges::default(), tags: Tags::default() })
}

fn long_poll() -> Call {
    call(ReceiveMessage {
        queue: queue(),
        messages_max: MessageCount::MAX,
        visibility_timeout: None,
        wait: Some(ReceiveWait::AtMost(WaitTime::new(20).expect("in range"))),
        attempt: None,
    })
}

#[tokio::test]
async fn calls_of_many_tasks_are_answered_each_with_its_own() {
    let broker = start(2);
    let answered = broker.run(|shard| async move {
        let tasks: Vec<_> = (0..200)
            .map(|number| {
                let own = shard.clone();
                shard.spawn(async move {
                    let answer = own.call(if number % 2 == 0 { creation() } else { listing() }).await;
                    matches!(answer, Ok(Reply::Queue(_))) == (number % 2 == 0) && answer.is_ok()
                })
            })
            .collect();
        let mut answered = Vec::new();
        for task in tasks {
            answered.push(task.await.expect("it does not panic"));
        }
        answered
    });
    assert_eq!(answered.await, [true; 200]);
    broker.stop().await;
}

#[tokio::test]
async fn a_call_that_is_dropped_is_cancelled() {
    let broker = start(1);
    let waiting = broker.run(|shard| async move {
        assert!(shard.call(creation()).await.is_ok());
        let own = shard.clone();
        let poll = shard.spawn(async move { own.call(long_poll()).await });
        // Once this is answered, the loop has the long poll.
        assert!(shard.call(listing()).await.is_ok());
        poll.abort();
        assert!(poll.await.expect_err("aborted").is_cancelled());
        assert!(shard.call(listing()).await.is_ok());
        // Never polled: the loop may get the note before the request, or both.
        let never = Box::pin(shard.call(long_poll()));
        drop(never);
        let mut begun = Box::pin(shard.call(long_poll()));
        assert!(poll_fn(|cx| Poll::Ready(begun.as_mut().poll(cx).is_pending())).await);
        drop(begun);
        assert!(shard.call(listing()).await.is_ok());
    });
    waiting.await;
    assert_eq!(waiting_receives(&broker).await, 0);
    broker.stop().await;
}

async fn waiting_receives(broker: &Broker) -> usize {
    let (sender, inspected) = oneshot::channel();
    broker.running.inbox.inspect(Box::new(move |inspection| {
        let _ = sender.send(inspection.waiting_receives);
    }));
    timeout(PATIENCE, inspected).await.expect("in time").expect("inspected")
}

async fn next<T>(queue: &mut AnswerQueue<T>) -> (T, Answer) {
    let (note, delivery) = poll_fn(|cx| queue.poll_next(cx)).await;
    (note, delivery.into_answer())
}

#[tokio::test]
async fn answers_of_a_queue_come_with_their_notes() {
    let broker = start(2);
    let asked = broker.run(|shard| async move {
        let mut queue = AnswerQueue::new(shard);
        for round in 0..3 {
            for number in 0..100 {
                queue.ask(if number % 2 == 0 { creation() } else { listing() }, None, (round, number));
            }
            let mut answered = BTreeSet::new();
            for _ in 0..100 {
                let (note, answer) = next(&mut queue).await;
                assert_eq!(matches!(answer, Ok(Reply::Queue(_))), note.1 % 2 == 0, "{answer:?}");
                answered.insert(note);
            }
            assert!(answered.into_iter().eq((0..100).map(|number| (round, number))));
            assert!(!queue.has_answers());
        }
    });
    asked.await;
    broker.stop().await;
}

#[tokio::test]
async fn a_queue_that_is_dropped_cancels_what_may_wait_and_leaves_its_slots() {
    let broker = start(1);
    let slots = broker.run(|shard| async move {
        assert!(shard.call(creation()).await.is_ok());
        for _ in 0..10 {
            let mut queue = AnswerQueue::new(shard.clone());
            queue.ask(long_poll(), None, ());
            queue.ask(listing(), None, ());
            assert!(next(&mut queue).await.1.is_ok());
            // One of these is answered and not taken, the others are not answered.
            queue.ask(listing(), None, ());
            assert!(shard.call(listing()).await.is_ok());
            queue.ask(listing(), None, ());
            queue.ask(long_poll(), None, ());
        }
        assert!(shard.call(listing()).await.is_ok());
        shard.0.callers.borrow().slots()
    });
    let (slots, free) = slots.await;
    assert_eq!(slots, free);
    assert_eq!(waiting_receives(&broker).await, 0);
    broker.stop().await;
}

#[tokio::test]
async fn a_receive_is_ended_once() {
    let broker = start(1);
    let ended = broker.run(|shard| async move {
        assert!(shard.call(creation()).await.is_ok());
        let mut queue = AnswerQueue::new(shard.clone());
        let number = queue.ask(long_poll(), None, "ended");
        assert!(shard.call(listing()).await.is_ok());
        let (note, last) = queue.end_stand(number).expect("it waits");
        assert_eq!(note, "ended");
        assert_eq!(last.await.into_answer(), Ok(Reply::ReceiveMessage(Vec::new())));
        let answered = queue.ask(listing(), None, "answered");
        assert!(shard.call(listing()).await.is_ok());
        assert!(queue.end_stand(answered).is_none());
        assert_eq!(next(&mut queue).await.0, "answered");
        let dropped = queue.ask(long_poll(), None, "dropped");
        drop(queue.end_stand(dropped));
        shard.0.callers.borrow().slots()
    });
    let (slots, free) = ended.await;
    assert_eq!(slots, free);
    assert_eq!(waiting_receives(&broker).await, 0);
    broker.stop().await;
}

#[tokio::test]
async fn a_panic_ends_its_task_alone() {
    let mut broker = start(1);
    let panics = broker.begin(|shard| async move {
        assert!(shard.call(listing()).await.is_ok());
        panic!("on purpose");
    });
    assert!(timeout(PATIENCE, panics).await.expect("in time").is_err());
    let early = broker.begin(|_| -> std::future::Ready<()> { panic!("on purpose") });
    assert!(timeout(PATIENCE, early).await.expect("in time").is_err());
    assert!(broker.run(|shard| async move { shard.call(listing()).await }).await.is_ok());
    let shards = broker.shards.shards();
    let none_left = async {
        while shards.least_busy().connections() > 0 {
            task::yield_now().await;
        }
    };
    timeout(PATIENCE, none_left).await.expect("in time");
    assert!(timeout(Duration::from_millis(10), broker.shards.broken()).await.is_err(), "the thread lives");
    broker.stop().await;
}

#[tokio::test]
async fn works_hold_no_task_up() {
    let broker = start(1);
    let (release, released) = mpsc::channel::<()>();
    let worked = broker.begin(|shard| async move { shard.work(move || released.recv().is_ok()).await });
    assert!(broker.run(|shard| async move { shard.call(listing()).await }).await.is_ok());
    release.send(()).expect("it waits");
    assert!(timeout(PATIENCE, worked).await.expect("in time").expect("it does not panic"));
    let panics = broker.begin(|shard| async move { shard.work(|| panic!("on purpose")).await });
    assert!(timeout(PATIENCE, panics).await.expect("in time").is_err());
    broker.stop().await;
}

#[tokio::test]
async fn connections_go_to_the_least_busy_shard() {
    let broker = start(3);
    let (release, released) = watch::channel(false);
    let mut numbers = Vec::new();
    for _ in 0..6 {
        let (sender, number) = oneshot::channel();
        let mut released = released.clone();
        broker.shards.shards().least_busy().spawn(|shard| async move {
            let _ = sender.send(shard.number().index());
            let _ = released.wait_for(|released| *released).await;
        });
        numbers.push(timeout(PATIENCE, number).await.expect("in time").expect("it runs"));
    }
    assert_eq!(numbers, [0, 1, 2, 0, 1, 2]);
    release.send_replace(true);
    broker.stop().await;
}

#[tokio::test]
async fn the_end_of_the_loop_answers_what_waits_and_what_comes() {
    let Broker { running, shards, _directory } = start(1);
    let (ended, has_ended) = watch::channel(false);
    let (sender, answers) = oneshot::channel();
    let inbox = running.inbox.clone();
    shards.shards().least_busy().spawn(|shard| async move {
        assert!(shard.call(creation()).await.is_ok());
        let own = shard.clone();
        let poll = shard.spawn(async move { own.call(long_poll()).await });
        let mut queue = AnswerQueue::new(shard.clone());
        queue.ask(long_poll(), None, ());
        assert!(shard.call(listing()).await.is_ok());
        inbox.shut_down();
        let poll = poll.await.expect("it does not panic");
        assert_eq!(next(&mut queue).await.1, poll);
        let mut has_ended = has_ended;
        let _ = has_ended.wait_for(|ended| *ended).await;
        let _ = sender.send((poll, shard.call(listing()).await));
    });
    task::spawn_blocking(|| running.join().expect("a clean end")).await.expect("joined");
    ended.send_replace(true);
    let (poll, late) = timeout(PATIENCE, answers).await.expect("in time").expect("answered");
    assert_eq!(poll, Ok(Reply::ReceiveMessage(Vec::new())));
    assert!(matches!(late, Err(Fault::Unavailable(_))), "{late:?}");
    shards.stop().await;
}

#[tokio::test]
async fn a_stop_drops_what_still_runs() {
    struct Dropped(Arc<AtomicBool>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    let broker = start(1);
    let dropped = Arc::new(AtomicBool::new(false));
    let own = Dropped(Arc::clone(&dropped));
    let (sender, begun) = oneshot::channel();
    let shards = broker.shards.shards();
    shards.least_busy().spawn(|shard| async move {
        let _own = own;
        assert!(shard.call(creation()).await.is_ok());
        let _ = sender.send(());
        let _ = shard.call(long_poll()).await;
    });
    timeout(PATIENCE, begun).await.expect("in time").expect("it runs");
    broker.stop().await;
    assert!(dropped.load(Ordering::SeqCst));
    // What comes later is dropped.
    let late = Arc::new(AtomicBool::new(false));
    let own = Dropped(Arc::clone(&late));
    shards.least_busy().spawn(|_| async move { drop(own) });
    assert!(late.load(Ordering::SeqCst));
    assert_eq!(shards.least_busy().connections(), 0);
}

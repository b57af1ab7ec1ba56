//! The I/O shards: a few threads, each with a runtime of its own that owns its connections.
//!
//! A connection is given to a shard when it is accepted ([`Shards::least_busy`]), and its tasks stay on that shard's
//! thread. So nothing that belongs to a connection is locked, and the tasks of a shard wake each other without a system
//! call. A [`Shard`] is what a task has of its thread: it asks the core loop ([`Shard::call`], [`Shard::receive`]), spawns
//! further tasks on the same thread, and passes on work that would hold the thread up ([`Shard::work`]).
//!
//! ```text
//! task -> Shard::call -> Inbox -> core loop -> Outbox, flushed once a commit -> Mailbox -> Callers -> task
//! ```
//!
//! What is no connection of a client (accepting, the admin listener, push delivery, declarations, signals) runs on the
//! runtime of the background.
//!
//! Invariants:
//! * a shard's thread runs until [`ShardThreads::stop`], or the broker ends ([`ShardThreads::broken`]);
//! * every call of a task is answered, also if the core loop ends or panics;
//! * a task that panics ends alone.

mod answer_queue;
mod callers;
mod looking;
mod receiving;
mod standing;

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};

use posthouse_core::{Inbox, RequestToken};
use posthouse_model::{Call, Request};
use tokio::runtime::{Builder, Handle, LocalOptions, LocalRuntime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Semaphore, watch};
use tokio::task::{self, JoinError};

use crate::answer_budget::AnswerRoom;
use crate::core_client::{
    self, Answer, Delivery, Letter, LoopEnded, Mailbox, ReplySender, ShardCaller, ShardNumber, Slot,
};
pub(crate) use answer_queue::{AnswerQueue, RequestNumber};
use callers::Callers;
pub(crate) use looking::LOOK_BYTES_MAX;
pub(crate) use receiving::Patience;
pub(crate) use standing::Bounds;

/// Works of one shard that may be under way elsewhere at once. What they hold is not given back if their clients
/// disconnect meanwhile, so this bounds that memory: some tens of MiB a shard.
const WORKS_MAX: usize = 16;

/// All shards. Clones are cheap and stand for the same ones.
#[derive(Clone)]
pub struct Shards(Arc<[ShardHandle]>);

impl Shards {
    /// The shard that has the fewest connections.
    #[must_use]
    pub fn least_busy(&self) -> &ShardHandle {
        self.0.iter().min_by_key(|shard| shard.connections()).expect("there is one at least")
    }
}

/// A shard as other threads see it.
pub struct ShardHandle {
    /// Each order is a connection that has a seat, or the end, so that the seats bound what waits here.
    orders: UnboundedSender<Order>,
    connections: Arc<AtomicUsize>,
}

/// What other threads have for a shard.
enum Order {
    Serve(Box<dyn FnOnce(Shard) + Send>),
    Stop,
}

impl ShardHandle {
    /// Has the shard call `serve` and run what it returns, which counts as a connection until it ends. The future need
    /// not be `Send`: it never leaves the shard's thread. After [`ShardThreads::stop`] it is not run.
    pub fn spawn<F>(&self, serve: impl FnOnce(Shard) -> F + Send + 'static)
    where
        F: Future<Output = ()> + 'static,
    {
        let counted = Counted::new(&self.connections);
        let order = move |shard: Shard| {
            let own = shard.clone();
            // Within the task, so that a panic of `serve` ends the task alone.
            shard.spawn(async move {
                let _counted = counted;
                serve(own).await;
            });
        };
        // The error says that the shard has been stopped, and drops what was to be served.
        let _ = self.orders.send(Order::Serve(Box::new(order)));
    }

    /// Connections that were given to the shard and have not ended.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Counts a connection, for as long as it lives.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The threads of the shards.
pub struct ShardThreads {
    shards: Shards,
    threads: Vec<JoinHandle<()>>,
    broken: watch::Receiver<bool>,
}

impl ShardThreads {
    /// Starts a shard for each mailbox, of which there must be one at least. Works run on the blocking threads of
    /// `background`.
    ///
    /// # Errors
    /// The system's error if a thread or its runtime cannot be made. Those that were started end then.
    pub fn start(mailboxes: Vec<Mailbox>, inbox: &Inbox<ReplySender>, background: &Handle) -> io::Result<Self> {
        assert!(!mailboxes.is_empty(), "a broker has one shard at least");
        let (alarm, broken) = watch::channel(false);
        let (mut handles, mut threads) = (Vec::new(), Vec::new());
        for mailbox in mailboxes {
            let (orders, received) = unbounded_channel();
            let (report, reported) = mpsc::sync_channel(1);
            let seed = Seed { mailbox, inbox: inbox.clone(), background: background.clone() };
            let name = format!("shard-{}", seed.mailbox.number().index());
            let alarm = Alarm(alarm.clone());
            let body = move || {
                let _alarm = alarm;
                match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
                    Ok(runtime) => {
                        let _ = report.send(Ok(()));
                        run(runtime, seed, received);
                    }
                    Err(error) => {
                        let _ = report.send(Err(error));
                    }
                }
            };
            threads.push(thread::Builder::new().name(name).spawn(body)?);
            reported.recv().map_err(|_| io::Error::other("the thread of a shard panicked"))??;
            handles.push(ShardHandle { orders, connections: Arc::default() });
        }
        Ok(Self { shards: Shards(handles.into()), threads, broken })
    }

    /// What connections are given to.
    #[must_use]
    pub fn shards(&self) -> Shards {
        self.shards.clone()
    }

    /// Resolves if a thread has panicked: a bug, reported by the panic itself. Its connections are closed, and the broker
    /// must end.
    pub async fn broken(&mut self) {
        if self.broken.wait_for(|broken| *broken).await.is_err() {
            // All threads have ended without a panic.
            std::future::pending::<()>().await;
        }
    }

    /// Ends the shards, and with them all tasks that still run: their connections are closed and their requests
    /// cancelled. Returns once that is done.
    pub async fn stop(self) {
        for shard in &*self.shards.0 {
            // The error says that the thread has panicked, which has been reported.
            let _ = shard.orders.send(Order::Stop);
        }
        let join = move || self.threads.into_iter().for_each(|thread| drop(thread.join()));
        // It fails only if the background ends first.
        let _ = task::spawn_blocking(join).await;
    }
}

/// Raises the alarm where its thread panics.
struct Alarm(watch::Sender<bool>);

impl Drop for Alarm {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.send_replace(true);
        }
    }
}

/// What a shard grows from on its thread.
struct Seed {
    mailbox: Mailbox,
    inbox: Inbox<ReplySender>,
    background: Handle,
}

/// Runs a shard until it is stopped, then drops its tasks.
fn run(runtime: LocalRuntime, seed: Seed, orders: UnboundedReceiver<Order>) {
    let Seed { mailbox, inbox, background } = seed;
    let inner = Inner {
        number: mailbox.number(),
        inbox,
        background,
        callers: RefCell::default(),
        works: Arc::new(Semaphore::new(WORKS_MAX)),
    };
    let mut post = Post { shard: Shard(Rc::new(inner)), mailbox: Some(mailbox), letters: Vec::new(), orders };
    runtime.block_on(poll_fn(|cx| post.poll(cx)));
    // Blocking work of the runtime itself, if there is any, need not be waited for.
    runtime.shutdown_background();
}

/// What comes to a shard from other threads. It is polled by the runtime's own task, so that a wake-up from another thread
/// goes through no queue.
struct Post {
    shard: Shard,
    /// `None` once the core loop has ended.
    mailbox: Option<Mailbox>,
    /// Empty between two polls.
    letters: Vec<Letter>,
    orders: UnboundedReceiver<Order>,
}

impl Post {
    /// Resolves when the shard is to end.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.take_letters(cx);
        while let Poll::Ready(order) = self.orders.poll_recv(cx) {
            match order {
                Some(Order::Serve(serve)) => serve(self.shard.clone()),
                // All handles are dropped, or it is stopped.
                None | Some(Order::Stop) => return Poll::Ready(()),
            }
        }
        Poll::Pending
    }

    fn take_letters(&mut self, cx: &Context<'_>) {
        let Some(mailbox) = &self.mailbox else { return };
        let callers = &self.shard.0.callers;
        while let Poll::Ready(taken) = mailbox.poll(&mut self.letters, cx) {
            if taken == Err(LoopEnded) {
                self.mailbox = None;
                let wakers = callers.borrow_mut().end();
                wakers.into_iter().for_each(Waker::wake);
                return;
            }
            for letter in self.letters.drain(..) {
                let waker = callers.borrow_mut().deliver(letter);
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
        }
    }
}

/// A shard as its own tasks see it. Clones are cheap and stand for the same one.
#[derive(Clone)]
pub struct Shard(Rc<Inner>);

struct Inner {
    number: ShardNumber,
    inbox: Inbox<ReplySender>,
    background: Handle,
    callers: RefCell<Callers>,
    /// Works that may still begin.
    works: Arc<Semaphore>,
}

impl Shard {
    /// Which of the shards it is.
    #[must_use]
    pub fn number(&self) -> ShardNumber {
        self.0.number
    }

    /// Runs a task on this thread. A panic ends the task alone.
    pub fn spawn<F>(&self, task: F) -> task::JoinHandle<F::Output>
    where
        F: Future + 'static,
    {
        task::spawn_local(task)
    }

    /// Submits a request to the core loop and waits for its answer. If the future is dropped first, the request is
    /// cancelled: one that waits takes no messages, any other is done or not. A receive for a client is
    /// [`Shard::receive`], which bounds what its answer holds.
    ///
    /// # Errors
    /// What the request is refused with: [`Fault::Throttled`](posthouse_model::Fault) if the inbox is full,
    /// [`Fault::Unavailable`](posthouse_model::Fault) if the core loop has ended.
    pub async fn call(&self, call: impl Into<Box<Call>>) -> Answer {
        self.submit(call.into(), None).await.into_answer()
    }

    /// Whether a batch of a producer would find the inbox full now.
    pub(crate) fn is_inbox_full(&self) -> bool {
        self.0.inbox.is_full_for_batches()
    }

    /// Does work that takes more than about a millisecond on a thread of the background, and returns what it returns.
    /// The other tasks of this thread go on meanwhile. At most [`WORKS_MAX`] works are under way, the next waits. If the
    /// future is dropped, a work that has begun ends nevertheless: it must own what it uses, and what bounds the
    /// memory of that.
    ///
    /// # Panics
    /// If the work panics.
    pub async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let permit = Arc::clone(&self.0.works).acquire_owned().await.expect("it is never closed");
        let worked = self.0.background.spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        match worked.await.map_err(JoinError::try_into_panic) {
            Ok(worked) => worked,
            Err(Ok(panic)) => resume_unwind(panic),
            // The background has ended, and the process is about to.
            Err(Err(_)) => std::future::pending().await,
        }
    }

    /// Whether it may take long to prepare a request for the core loop.
    pub(crate) fn is_laborious(&self, request: &Request) -> bool {
        self.0.inbox.is_laborious(request)
    }

    /// Submits a request. `room` is that of a receive's answer.
    async fn submit(&self, call: Box<Call>, room: Option<AnswerRoom>) -> Delivery {
        let Inner { number, inbox, callers, .. } = &*self.0;
        let may_wait = call.request.action().may_wait();
        let call = if self.is_laborious(&call.request) {
            let inbox = inbox.clone();
            self.work(move || inbox.prepare(call)).await
        } else {
            inbox.prepare(call)
        };
        let (slot, mark) = {
            let mut callers = callers.borrow_mut();
            let slot = callers.enter();
            (slot, may_wait.then(|| callers.mark(slot)))
        };
        // From here on the slot is left when this is dropped.
        let mut waiting = Waiting { shard: self.clone(), slot, request: None };
        match inbox.submit_prepared(call, ReplySender::on_shard(ShardCaller { shard: *number, slot, mark }, room)) {
            Ok(token) => {
                waiting.request = Some(token);
                waiting.await
            }
            Err(refused) => core_client::refusal(&refused),
        }
    }
}

/// A caller in its slot. Dropping it leaves the slot, and cancels the request if there is no answer yet.
struct Waiting {
    shard: Shard,
    slot: Slot,
    /// The request, until it is answered.
    request: Option<RequestToken>,
}

impl Future for Waiting {
    type Output = Delivery;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Delivery> {
        let polled = self.shard.0.callers.borrow_mut().poll(self.slot, cx);
        if polled.is_ready() {
            self.request = None;
        }
        polled
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Inner { inbox, callers, .. } = &*self.shard.0;
        // In this order: the core loop may read the note before the request, whose mark then says that it is abandoned.
        callers.borrow_mut().leave(self.slot);
        if let Some(token) = self.request {
            inbox.cancel(token);
        }
    }
}

#[cfg(test)]
mod tests;

//! Requests of one task whose answers come into a queue: for a task that has many requests under way at once.
//!
//! A request is submitted when it is asked, without a future of its own. What the task needs for its answer, the note, waits
//! here. The answers come in the order in which the core loop gave them, and those of one hand-over wake the task once.
//!
//! Dropping the queue leaves the slots of all requests that are not answered, and cancels those that may wait.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use posthouse_core::RequestToken;
use posthouse_model::Call;

use super::{Shard, Waiting};
use crate::answer_budget::AnswerRoom;
use crate::core_client::{self, Delivery, ReplySender, ShardCaller, Slot};

/// Requests of one task and their answers. `T` is the note.
pub(crate) struct AnswerQueue<T> {
    shard: Shard,
    arrivals: Rc<Arrivals>,
    /// Each request at its number; `None` where a number is free.
    asked: Vec<Option<Asked<T>>>,
    free: Vec<u32>,
}

/// A request that is not answered.
struct Asked<T> {
    note: T,
    under_way: Option<UnderWay>,
}

/// A request that the core loop has, or is about to have.
#[derive(Clone, Copy)]
struct UnderWay {
    slot: Slot,
    token: RequestToken,
    may_wait: bool,
}

/// The number of a request within its queue, until it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestNumber(u32);

/// Answers that the task has not taken.
#[derive(Default)]
pub(super) struct Arrivals {
    deliveries: RefCell<VecDeque<(RequestNumber, Delivery)>>,
    /// The task, while it waits.
    waker: RefCell<Option<Waker>>,
}

impl Arrivals {
    /// Adds an answer. Returns what wakes the task, if it waits.
    pub(super) fn add(&self, number: RequestNumber, delivery: Delivery) -> Option<Waker> {
        self.deliveries.borrow_mut().push_back((number, delivery));
        self.waker.take()
    }
}

impl<T> AnswerQueue<T> {
    /// A queue without requests, for a task of the shard.
    pub(crate) fn new(shard: Shard) -> Self {
        Self { shard, arrivals: Rc::default(), asked: Vec::new(), free: Vec::new() }
    }

    /// Submits a request, whose answer comes with `note`. `room` is that of a receive's answer. If the request cannot be
    /// taken, that is its answer. Requests that take long to prepare ([`Shard::is_laborious`]) are not for a queue.
    pub(crate) fn ask(&mut self, call: impl Into<Box<Call>>, room: Option<AnswerRoom>, note: T) -> RequestNumber {
        let call = call.into();
        debug_assert!(!self.shard.is_laborious(&call.request), "it would hold the shard's thread up");
        let number = self.number();
        let may_wait = call.request.action().may_wait();
        let super::Inner { number: shard, inbox, callers, .. } = &*self.shard.0;
        let (slot, mark) = {
            let mut callers = callers.borrow_mut();
            let slot = callers.enter_queue(&self.arrivals, number);
            (slot, may_wait.then(|| callers.mark(slot)))
        };
        let caller = ShardCaller { shard: *shard, slot, mark };
        let under_way = match inbox.submit(call, ReplySender::on_shard(caller, room)) {
            Ok(token) => Some(UnderWay { slot, token, may_wait }),
            Err(refused) => {
                callers.borrow_mut().leave(slot);
                // The task is running, and looks into the queue before it waits.
                self.arrivals.deliveries.borrow_mut().push_back((number, core_client::refusal(&refused)));
                None
            }
        };
        self.asked[number.0 as usize] = Some(Asked { note, under_way });
        number
    }

    /// The next answer, with the note of its request. If there is none, the task is woken when one comes.
    pub(crate) fn poll_next(&mut self, cx: &Context<'_>) -> Poll<(T, Delivery)> {
        let next = self.arrivals.deliveries.borrow_mut().pop_front();
        if let Some((number, delivery)) = next {
            return Poll::Ready((self.take(number).note, delivery));
        }
        let mut waker = self.arrivals.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Whether an answer can be taken.
    pub(crate) fn has_answers(&self) -> bool {
        !self.arrivals.deliveries.borrow().is_empty()
    }

    /// Takes a request out of the queue: its answer comes through the future instead, and dropping that cancels it. `None`
    /// if the answer is in the queue already.
    pub(super) fn withdraw(&mut self, number: RequestNumber) -> Option<(T, Waiting)> {
        let UnderWay { slot, token, .. } = self.asked[number.0 as usize].as_ref()?.under_way?;
        if !self.shard.0.callers.borrow_mut().leave_queue(slot) {
            return None;
        }
        let waiting = Waiting { shard: self.shard.clone(), slot, request: Some(token) };
        Some((self.take(number).note, waiting))
    }

    fn number(&mut self) -> RequestNumber {
        RequestNumber(self.free.pop().unwrap_or_else(|| {
            self.asked.push(None);
            u32::try_from(self.asked.len() - 1).expect("a task has fewer requests than that")
        }))
    }

    fn take(&mut self, number: RequestNumber) -> Asked<T> {
        self.free.push(number.0);
        self.asked[number.0 as usize].take().expect("a request has one answer")
    }
}

impl<T> Drop for AnswerQueue<T> {
    fn drop(&mut self) {
        for UnderWay { slot, token, may_wait } in self.asked.iter().flatten().filter_map(|asked| asked.under_way) {
            // If the answer has come, the slot was left then. The order is that of a caller that waits alone.
            if self.shard.0.callers.borrow_mut().leave_queue(slot) {
                self.shard.0.callers.borrow_mut().leave(slot);
                if may_wait {
                    self.shard.0.inbox.cancel(token);
                }
            }
        }
    }
}

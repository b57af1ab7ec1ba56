//! The callers of one shard that wait for the core loop, each in a slot.
//!
//! Everything here is of one thread. A slot keeps its memory when its caller leaves, and the next caller gets it in a new
//! generation: an answer to a caller that has left is dropped. A shard has as many slots as it ever had callers at
//! once.

use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::answer_queue::{Arrivals, RequestNumber};
use crate::core_client::{Delivery, Letter, Mark, Slot};

/// The slots.
#[derive(Default)]
pub(super) struct Callers {
    places: Vec<Place>,
    /// The indices of free slots. The one that was left last is taken first: its memory is in the processor's caches.
    free: Vec<u32>,
}

struct Place {
    mark: Mark,
    state: State,
}

enum State {
    Free,
    /// It waits. `None`: it has not been polled yet.
    Waiting(Option<Waker>),
    Answered(Delivery),
    /// Its answer goes into a queue, and the slot is free then.
    Queued(Rc<Arrivals>, RequestNumber),
}

impl Callers {
    /// A slot for a caller that begins to wait. [`Callers::leave`] ends it.
    pub(super) fn enter(&mut self) -> Slot {
        self.enter_as(State::Waiting(None))
    }

    /// A slot for a request whose answer goes into a queue. The answer ends it, or [`Callers::leave`].
    pub(super) fn enter_queue(&mut self, arrivals: &Rc<Arrivals>, number: RequestNumber) -> Slot {
        self.enter_as(State::Queued(Rc::clone(arrivals), number))
    }

    /// Has the answer wait in the slot, for a caller that polls for it and then leaves. Returns whether there is no answer
    /// yet; otherwise nothing has changed.
    pub(super) fn leave_queue(&mut self, slot: Slot) -> bool {
        let place = self.place(slot.index);
        let is_there = place.mark.generation() == slot.generation;
        if is_there {
            debug_assert!(matches!(place.state, State::Queued(..)), "a slot leaves its queue once");
            place.state = State::Waiting(None);
        }
        is_there
    }

    fn enter_as(&mut self, state: State) -> Slot {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place { mark: Mark::default(), state: State::Free });
            u32::try_from(self.places.len() - 1).expect("a process has fewer callers than that")
        });
        let place = self.place(index);
        debug_assert!(matches!(place.state, State::Free), "a free slot has no caller");
        place.state = state;
        Slot { index, generation: place.mark.generation() }
    }

    /// What says to other threads whether the slot's caller has left.
    pub(super) fn mark(&self, slot: Slot) -> Mark {
        self.places[slot.index as usize].mark.clone()
    }

    /// What the core loop sent. If nothing has come yet, the task is woken when it does.
    pub(super) fn poll(&mut self, slot: Slot, cx: &Context<'_>) -> Poll<Delivery> {
        let place = self.place(slot.index);
        debug_assert_eq!(place.mark.generation(), slot.generation, "only its caller asks, until it leaves");
        match &mut place.state {
            State::Waiting(Some(waker)) if waker.will_wake(cx.waker()) => Poll::Pending,
            State::Waiting(waker) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            State::Answered(_) | State::Free | State::Queued(..) => {
                match core::mem::replace(&mut place.state, State::Waiting(None)) {
                    State::Answered(delivery) => Poll::Ready(delivery),
                    State::Free | State::Waiting(_) | State::Queued(..) => {
                        unreachable!("a caller that polls has a slot of its own until it leaves")
                    }
                }
            }
        }
    }

    /// Frees a slot. A letter to it that still comes is dropped.
    pub(super) fn leave(&mut self, slot: Slot) {
        let place = self.place(slot.index);
        place.mark.advance();
        place.state = State::Free;
        self.free.push(slot.index);
    }

    /// Puts a letter into its slot. Returns what wakes the caller; `None` if it has left, or does not wait.
    pub(super) fn deliver(&mut self, letter: Letter) -> Option<Waker> {
        let Letter { slot, delivery } = letter;
        if self.place(slot.index).mark.generation() != slot.generation {
            return None;
        }
        self.answer(slot, delivery)
    }

    /// Answers all callers that wait, because the core loop has ended. Returns what wakes them.
    pub(super) fn end(&mut self) -> Vec<Waker> {
        let waits = |(index, place): (u32, &Place)| match place.state {
            State::Waiting(_) | State::Queued(..) => Some(Slot { index, generation: place.mark.generation() }),
            State::Free | State::Answered(_) => None,
        };
        let waiting: Vec<Slot> = (0..).zip(&self.places).filter_map(waits).collect();
        waiting.into_iter().filter_map(|slot| self.answer(slot, Delivery::stopping())).collect()
    }

    fn answer(&mut self, slot: Slot, delivery: Delivery) -> Option<Waker> {
        let state = &mut self.place(slot.index).state;
        match core::mem::replace(state, State::Free) {
            State::Waiting(waker) => {
                *state = State::Answered(delivery);
                waker
            }
            State::Queued(arrivals, number) => {
                self.leave(slot);
                arrivals.add(number, delivery)
            }
            State::Free | State::Answered(_) => unreachable!("a request gets one response"),
        }
    }

    /// How many slots there are, and how many of them are free.
    #[cfg(test)]
    pub(super) fn slots(&self) -> (usize, usize) {
        (self.places.len(), self.free.len())
    }

    fn place(&mut self, index: u32) -> &mut Place {
        &mut self.places[index as usize]
    }
}

#[cfg(test)]
mod tests {
    use posthouse_core::Response;
    use posthouse_model::{Fault, Reply};

    use super::*;

    fn letter(slot: Slot) -> Letter {
        Letter { slot, delivery: Delivery::of(Ok(Reply::Done)) }
    }

    fn is_done(delivery: &Poll<Delivery>) -> bool {
        matches!(delivery, Poll::Ready(Delivery { response: Response::Answer(Ok(Reply::Done)), room: None }))
    }

    #[test]
    fn a_letter_finds_its_caller_and_no_later_one_of_the_same_slot() {
        let (mut callers, cx) = (Callers::default(), Context::from_waker(Waker::noop()));
        let (first, second) = (callers.enter(), callers.enter());
        let mark = callers.mark(first);
        assert!(callers.poll(first, &cx).is_pending());
        assert!(callers.deliver(letter(first)).is_some());
        assert!(callers.deliver(letter(second)).is_none(), "it has not been polled");
        assert!(is_done(&callers.poll(second, &cx)) && is_done(&callers.poll(first, &cx)));
        assert_eq!(mark.generation(), first.generation);
        callers.leave(first);
        assert_ne!(mark.generation(), first.generation, "other threads see that the caller has left");

        let third = callers.enter();
        assert_eq!((third.index, callers.places.len()), (first.index, 2));
        assert!(callers.poll(third, &cx).is_pending());
        assert!(callers.deliver(letter(first)).is_none());
        assert!(callers.poll(third, &cx).is_pending(), "what came too late was not its own");
        callers.leave(third);
        assert!(callers.deliver(letter(third)).is_none());
    }

    #[test]
    fn the_end_of_the_loop_answers_all_that_wait() {
        let (mut callers, cx) = (Callers::default(), Context::from_waker(Waker::noop()));
        let slots = [(); 4].map(|()| callers.enter());
        assert!(callers.poll(slots[0], &cx).is_pending());
        assert!(callers.deliver(letter(slots[1])).is_none());
        callers.leave(slots[3]);
        assert_eq!(callers.end().len(), 1);
        for slot in [slots[0], slots[2]] {
            let Poll::Ready(delivery) = callers.poll(slot, &cx) else { panic!("it still waits") };
            assert!(matches!(delivery.response, Response::Answer(Err(Fault::Unavailable(_)))));
        }
        assert!(is_done(&callers.poll(slots[1], &cx)), "what came before the end is passed on");
    }
}

//! What a look at the messages of a queue shows.
//!
//! A look is short: it meets [`PEEKED_MAX`](posthouse_model::limits::PEEKED_MAX) messages at most, and shows records of
//! [`PEEKED_BYTES_MAX`] bytes or one message. The next one goes on behind the last message that it met. Whatever happens
//! between two looks, none shows a message twice, and a message that is there all the time is shown, unless it gets
//! another key: a dead letter or a moved message is a new one.

use core::iter::Peekable;

use posthouse_model::limits::PEEKED_BYTES_MAX;
use posthouse_model::operation::{MessageName, PeekMessages, Peeked, PeekedState, ShownStates};
use posthouse_model::{MessageKey, Timestamp};

use super::serve::reference;
use crate::answer::{Outcome, PeekedRef};
use crate::queue::Queue;
use crate::queue::damaged::Damaged;
use crate::queue::message::{Message, MessageState};
use crate::queue::messages::Met;
use crate::queue::pages::looking::BroughtPage;
use crate::state::pages::PageRequest;

/// A look that is under way.
struct Look<'a> {
    queue: &'a Queue,
    now: Timestamp,
    states: ShownStates,
    messages: Vec<PeekedRef>,
    bytes: u64,
}

/// Looks at a queue: [`Outcome::Peeked`], or [`Outcome::PeekPage`] if the first that it meets is in a page that is not in
/// memory and not the one brought.
pub(crate) fn peek(queue: &Queue, request: &PeekMessages, brought: Option<&BroughtPage>, now: Timestamp) -> Outcome {
    let from = match request.after {
        None => Some(MessageKey::MIN),
        Some(after) => after.get().checked_add(1).map(MessageKey::new),
    };
    let Some(from) = from else { return Outcome::Peeked { messages: Vec::new(), next: None } };
    // Without the visible ones no page is needed: all that pages list can be received.
    let (all, touched) = if request.states.visible {
        (Some(queue.messages.look(from, brought)), None)
    } else {
        (None, Some(queue.messages.look_at_touched(from)))
    };
    let mut present = all.into_iter().flatten().chain(touched.into_iter().flatten()).peekable();
    let mut damaged = queue.damaged.from(from).peekable();
    let mut look = Look { queue, now, states: request.states, messages: Vec::new(), bytes: 0 };
    let mut last = None;
    for _ in 0..request.messages_max.get() {
        let met = match next(&mut present, &mut damaged) {
            None => return Outcome::Peeked { messages: look.messages, next: None },
            Some(met) => met,
        };
        let place = match met {
            Next::Damaged(key, message) => {
                look.damaged(key, message);
                key
            }
            Next::Present(Met::Message(key, message)) => {
                if !look.message(key, &message) {
                    break;
                }
                key
            }
            Next::Present(Met::Page(page)) => {
                if last.is_none() {
                    let page = PageRequest { queue: queue.id, page };
                    return Outcome::PeekPage { peek: Box::new(request.clone()), page };
                }
                break;
            }
            Next::Present(Met::Unread(page)) => {
                let name = |message| MessageName { queue: queue.id, message };
                let (first, last) = (name(page.first), name(page.last));
                look.messages.push(PeekedRef::Whole(Peeked::Unlisted { first, last, messages: page.live }));
                page.last
            }
        };
        last = Some(place);
    }
    let is_over = present.peek().is_none() && damaged.peek().is_none();
    Outcome::Peeked { messages: look.messages, next: last.filter(|_| !is_over) }
}

enum Next<'a> {
    Present(Met<'a>),
    Damaged(MessageKey, &'a Damaged),
}

/// The next of what is in the queue and what was set aside, by key.
fn next<'a>(
    present: &mut Peekable<impl Iterator<Item = Met<'a>>>,
    damaged: &mut Peekable<impl Iterator<Item = (MessageKey, &'a Damaged)>>,
) -> Option<Next<'a>> {
    let damaged_is_next = match (present.peek(), damaged.peek()) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(Met::Message(key, _)), Some((other, _))) => other < key,
        (Some(Met::Page(page)), Some((other, _))) => *other < page.first,
        (Some(Met::Unread(page)), Some((other, _))) => *other < page.last,
    };
    if damaged_is_next {
        damaged.next().map(|(key, message)| Next::Damaged(key, message))
    } else {
        present.next().map(Next::Present)
    }
}

impl Look<'_> {
    /// Shows a message, if it is in a state to show. Returns `false` if it has no room.
    fn message(&mut self, key: MessageKey, message: &Message) -> bool {
        // The queue may not have been advanced to now.
        let (state, is_shown) = match message.state {
            MessageState::Delayed(until) if until > self.now => (PeekedState::Delayed(until), self.states.delayed),
            MessageState::InFlight(until) if until > self.now => (PeekedState::InFlight(until), self.states.in_flight),
            MessageState::Ready | MessageState::Delayed(_) | MessageState::InFlight(_) => {
                (PeekedState::Visible, self.states.visible)
            }
        };
        if !is_shown {
            return true;
        }
        let bytes = self.bytes + u64::from(message.body.length);
        if bytes > PEEKED_BYTES_MAX && self.bytes > 0 {
            return false;
        }
        self.bytes = bytes;
        self.messages.push(PeekedRef::Message(Box::new(reference(self.queue, key, message)), state));
        true
    }

    fn damaged(&mut self, key: MessageKey, damaged: &Damaged) {
        if self.states.damaged {
            self.messages.push(PeekedRef::Whole(Peeked::Damaged {
                name: MessageName { queue: self.queue.id, message: key },
                cause: damaged.cause,
                sent: damaged.sent,
                receive_count: damaged.receive_count,
                group: damaged.group.clone(),
            }));
        }
    }
}

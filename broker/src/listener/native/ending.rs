//! How the end of a link is answered, and answers that keep the order of their requests.

use std::collections::VecDeque;

use posthouse_wire::Address;

use super::fault::Refusal;

/// How the end of a link is answered, once nothing of the link is under way: its number is free from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// With CLOSED.
    Closed(Address),
    /// With a FAULT that ends the link: of the request in the address, or of the link alone.
    Fault(Address, Refusal),
    /// Not at all: the session ends, or the client knows.
    Quiet,
}

/// Answers that are given in the order of their requests.
#[derive(Debug)]
pub(super) struct InOrder<T> {
    /// The ticket of the first request that is not answered.
    first: u64,
    answers: VecDeque<Option<T>>,
}

/// A request's place in the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

impl<T> Default for InOrder<T> {
    fn default() -> Self {
        Self { first: 0, answers: VecDeque::new() }
    }
}

impl<T> InOrder<T> {
    /// The place of a request, behind all others.
    pub(super) fn begin(&mut self) -> Ticket {
        self.answers.push_back(None);
        Ticket(self.first + self.answers.len() as u64 - 1)
    }

    /// Notes the answer of a request.
    pub(super) fn finish(&mut self, Ticket(ticket): Ticket, answer: T) {
        let place = ticket.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        if let Some(place) = place.and_then(|index| self.answers.get_mut(index)) {
            *place = Some(answer);
        }
    }

    /// The next answer whose request is the first one. `None` while that is under way, or where none is.
    pub(super) fn next(&mut self) -> Option<T> {
        let answer = self.answers.front_mut()?.take()?;
        self.answers.pop_front();
        self.first += 1;
        Some(answer)
    }

    /// Requests that are not answered.
    pub(super) fn len(&self) -> usize {
        self.answers.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_waits_for_those_before_it() {
        let mut order = InOrder::default();
        let [first, second, third] = [(); 3].map(|()| order.begin());
        order.finish(second, "second");
        assert_eq!((order.next(), order.len()), (None, 3));
        order.finish(first, "first");
        assert_eq!([order.next(), order.next(), order.next()], [Some("first"), Some("second"), None]);
        let fourth = order.begin();
        order.finish(third, "third");
        order.finish(fourth, "fourth");
        assert_eq!([order.next(), order.next(), order.next()], [Some("third"), Some("fourth"), None]);
        assert_eq!(order.len(), 0);
    }
}

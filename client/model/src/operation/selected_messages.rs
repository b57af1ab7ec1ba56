//! `DeleteSelectedMessages`, `MoveSelectedMessages` and `CopySelectedMessages`: what an operator does with messages that a
//! look has shown.
//!
//! A message is named ([`MessageName`]) and needs no receipt handle. One request is one event: after a crash all of it has
//! happened, or nothing.
//!
//! A message in flight is with a consumer, which may be about to delete it. By [`InFlightRule::Leave`] it is left alone. By
//! [`InFlightRule::Take`] it is taken from its consumer, whose receipt handle then deletes nothing. A copy leaves its
//! original as it is, so that it asks no rule. A damaged message is left alone: its record is all that is left of it, and
//! `DropDamagedMessages` gives that up.

use std::collections::BTreeSet;

use crate::limits::SELECTED_MAX;
use crate::name::QueueAddress;
use crate::operation::{MessageName, MoveTaskId};

/// Up to [`SELECTED_MAX`] messages, each of them once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected(Vec<MessageName>);

/// More messages than one request may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManySelected;

impl Selected {
    /// These messages. One that is named again counts once.
    ///
    /// # Errors
    /// [`TooManySelected`] if there are more than [`SELECTED_MAX`].
    pub fn new(mut names: Vec<MessageName>) -> Result<Self, TooManySelected> {
        if names.len() > SELECTED_MAX {
            return Err(TooManySelected);
        }
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(*name));
        Ok(Self(names))
    }

    /// The messages.
    #[must_use]
    pub fn names(&self) -> &[MessageName] {
        &self.0
    }
}

/// What happens to a message that a consumer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InFlightRule {
    /// It is left alone.
    Leave,
    /// It is taken from its consumer.
    Take,
}

/// Deletes messages of a queue. Needs the permission of `DeleteMessage`.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteSelectedMessages {
    /// The queue that holds them.
    pub queue: QueueAddress,
    /// The messages.
    pub messages: Selected,
    /// What happens to those in flight.
    pub in_flight: InFlightRule,
}

/// Moves messages to the end of a queue, where each is a new one: with another id, sent now, never received. The
/// destination may be the queue itself. Needs the permissions of `ReceiveMessage` and `DeleteMessage` on the one queue, and
/// that of `SendMessage` on the other.
#[derive(Clone, Debug, PartialEq)]
pub struct MoveSelectedMessages {
    /// The queue that holds them.
    pub queue: QueueAddress,
    /// The messages.
    pub messages: Selected,
    /// What happens to those in flight.
    pub in_flight: InFlightRule,
    /// The queue that they go to: of the same account and the same type.
    pub destination: QueueAddress,
    /// Sixteen random bytes, from which the new ids are made. No move task has them.
    pub seed: MoveTaskId,
}

/// Sends messages again: puts a copy of each to the end of a queue, as [`MoveSelectedMessages`] does, and leaves the
/// originals as they are. Needs the permission of `ReceiveMessage` on the one queue, and that of `SendMessage` on the other.
#[derive(Clone, Debug, PartialEq)]
pub struct CopySelectedMessages {
    /// The queue that holds them.
    pub queue: QueueAddress,
    /// The messages.
    pub messages: Selected,
    /// The queue that the copies go to: of the same account and the same type. It may be the queue itself.
    pub destination: QueueAddress,
    /// Sixteen random bytes, from which the new ids are made. No move task has them.
    pub seed: MoveTaskId,
}

/// What became of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectedOutcome {
    /// What was asked.
    Done,
    /// Nothing: the queue does not hold it, or no longer.
    NotFound,
    /// Nothing: a consumer has it.
    InFlight,
    /// Nothing: its record cannot be read.
    Damaged,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receipt::{MessageKey, QueueId};

    #[test]
    fn a_message_counts_once_and_the_order_stays() {
        let name = |key| MessageName { queue: QueueId::FIRST, message: MessageKey::new(key) };
        let selected = Selected::new(vec![name(9), name(3), name(9), name(4), name(3)]).expect("a few");
        assert_eq!(selected.names(), [name(9), name(3), name(4)]);
        assert_eq!(Selected::new(vec![name(1); SELECTED_MAX + 1]), Err(TooManySelected));
    }
}

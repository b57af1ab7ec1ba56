//! Applying events about damaged messages, and about messages that could not be read for a time.

use super::NO_MESSAGE;
use crate::event::damaged_kept::DamagedKept;
use crate::event::given_back::GivenBack;
use crate::event::removed::Removed;
use crate::event::set_aside::SetAside;
use crate::journal::{Journal, Position};
use crate::malformed::Malformed;
use crate::queue::damaged::Damaged;
use crate::state::State;

impl State {
    pub(super) fn set_aside(
        &mut self,
        position: Position,
        event: &SetAside,
        journal: &mut dyn Journal,
    ) -> Result<(), Malformed> {
        let Some(queue) = self.queue_for_change(event.queue)? else { return Ok(()) };
        queue.advance(event.time);
        let mut found = true;
        for (index, item) in event.messages.iter().enumerate() {
            // A receive attempt that is repeated must not name what is no longer there. Attempts may be known before
            // their messages while a checkpoint is read back.
            queue.attempts.forget(item.key);
            let Some(message) = queue.messages.get(item.key) else {
                found = false;
                continue;
            };
            let damaged = Damaged {
                body: message.body,
                cause: item.cause,
                found: event.time,
                sent: message.sent,
                receive_count: item.receive_count,
                group: queue.messages.group(item.key, &message).unwrap_or_default().into(),
            };
            // The reference to the body passes from the one to the other.
            queue.messages.remove(item.key, Self::turn(event.time, position, index)?);
            queue.damaged.insert(item.key, damaged);
            queue.counters.set_aside += 1;
        }
        queue.messages.release_pages(journal);
        self.damaged_changed(event.queue);
        if found { Ok(()) } else { self.skip(NO_MESSAGE) }
    }

    pub(super) fn damaged_dropped(&mut self, event: &Removed<'_>, journal: &mut dyn Journal) -> Result<(), Malformed> {
        let Some(queue) = self.queue_for_change(event.queue)? else { return Ok(()) };
        let mut found = true;
        for key in event.messages.iter() {
            match queue.damaged.remove(*key) {
                Some(body) => journal.release(body),
                None => found = false,
            }
        }
        self.damaged_changed(event.queue);
        if found { Ok(()) } else { self.skip(NO_MESSAGE) }
    }

    pub(super) fn given_back(
        &mut self,
        position: Position,
        event: &GivenBack<'_>,
        journal: &mut dyn Journal,
    ) -> Result<(), Malformed> {
        let Some(queue) = self.queue_for_change(event.queue)? else { return Ok(()) };
        queue.advance(event.time);
        let mut found = true;
        for (index, key) in event.messages.iter().enumerate() {
            queue.attempts.forget(*key);
            found &= queue.messages.give_back(*key, Self::turn(event.time, position, index)?, event.until);
        }
        queue.messages.release_pages(journal);
        if found { Ok(()) } else { self.skip(NO_MESSAGE) }
    }

    /// Reads back damaged messages that a checkpoint keeps. One that was set aside after its slice of messages is known
    /// already.
    pub(super) fn damaged_kept(&mut self, event: &DamagedKept, journal: &mut dyn Journal) -> Result<(), Malformed> {
        if !self.restores(event.began) {
            return Ok(());
        }
        let queue = self.get_mut(event.queue).ok_or(super::NO_QUEUE)?;
        for (key, message) in &event.messages {
            if queue.messages.get(*key).is_some() {
                return Err("its message is not damaged");
            }
            if !queue.damaged.contains(*key) {
                queue.damaged.insert(*key, message.clone());
                journal.retain(message.body);
            }
        }
        self.damaged_changed(event.queue);
        Ok(())
    }
}

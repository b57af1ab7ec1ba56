//! Applying a publication: each recipient gets the message, and a FIFO topic remembers it.
//!
//! A publication to many queues is put into them in slices (`crate::state::deliveries`). In replay it is put into all of them at
//! once.

use crate::event::published::{Part, Published};
use crate::journal::{BodyRef, Journal, Position};
use crate::malformed::Malformed;
use crate::state::State;
use crate::state::deliveries::{Copies, Wide};

impl State {
    pub(super) fn published(
        &mut self,
        position: Position,
        event: &Published<'_>,
        journal: &mut dyn Journal,
    ) -> Result<(), Malformed> {
        let is_wide = event.recipients.len() > self.deliveries.at_once_max() && event.deduplication_queue.is_none();
        if event.part == Part::Whole && !is_wide {
            return self.published_at_once(position, event, journal);
        }
        let mut wide = match (event.part.follows(), self.deliveries.take_unfinished()) {
            (false, _) => Box::new(Wide::new(Copies::of(position, event))),
            (true, Some(wide)) if wide.is_of(&event.message.id()) => wide,
            (true, _) => return Err("it follows no part of its publication"),
        };
        wide.add_part(position, event.length(), event.recipients.iter().map(|recipient| recipient.queue))?;
        match event.part {
            Part::First | Part::Middle => {
                self.deliveries.put_unfinished(wide);
                return Ok(());
            }
            Part::Whole | Part::Last => self.end = wide.last_key()?,
        }
        if self.deliveries.go_in_slices() {
            self.deliveries.add(wide, journal);
            return Ok(());
        }
        for queue in wide.queues() {
            if let Some(queue) = self.queue_for_change(queue)? {
                wide.put_into(queue, journal);
            }
        }
        Ok(())
    }

    fn published_at_once(
        &mut self,
        position: Position,
        event: &Published<'_>,
        journal: &mut dyn Journal,
    ) -> Result<(), Malformed> {
        let copies = Copies::of(position, event);
        let body = BodyRef { position, length: event.length() };
        let (mut last, mut copy) = (None, 0);
        for recipient in &*event.recipients {
            copy = if last == Some(recipient.queue) { copy + 1 } else { 0 };
            last = Some(recipient.queue);
            // Each copy takes 24 bytes of the record, so its key is below the position of the next event.
            let key = self.item_key(position, copy)?;
            let Some(queue) = self.queue_for_change(recipient.queue)? else { continue };
            copies.put(queue, key, body);
            journal.retain(body);
        }
        if let Some(queue) = event.deduplication_queue
            && let Some(queue) = self.queue_for_change(queue)?
        {
            copies.remember(queue, position.message_key());
        }
        Ok(())
    }
}

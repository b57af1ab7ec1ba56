//! Applying that waiting messages were stored as a page, and reading back the stored pages of a checkpoint.

use crate::event::pages::{PageKept, PageStored};
use crate::journal::{BodyRef, Journal, Position};
use crate::malformed::Malformed;
use crate::state::State;

impl State {
    pub(super) fn page_stored(
        &mut self,
        position: Position,
        event: &PageStored,
        journal: &mut dyn Journal,
    ) -> Result<(), Malformed> {
        let Some(queue) = self.queue_for_change(event.queue)? else { return Ok(()) };
        let record = BodyRef { position, length: event.length() };
        queue.messages.store(record, &event.messages, journal)
    }

    pub(super) fn page_kept(&mut self, event: &PageKept, journal: &mut dyn Journal) -> Result<(), Malformed> {
        if !self.restores(event.began) {
            return Ok(());
        }
        let restoring = self.restoring.as_mut().expect("this part belongs to what is being restored");
        let below = restoring.below.get_mut(&event.queue).ok_or(super::NO_QUEUE)?;
        let page = &event.page;
        if page.last >= *below {
            return Err("its messages do not descend");
        }
        // Touched messages among those of the page come after it.
        *below = page.last;
        let queue = self.get_mut(event.queue).ok_or(super::NO_QUEUE)?;
        let has_lanes = queue.is_fifo() || queue.messages.lanes_since().is_some_and(|since| page.last >= since);
        if has_lanes || queue.messages.first_fresh().is_some_and(|first| page.last >= first) {
            return Err("its page is not one that can be");
        }
        page.bodies.iter().for_each(|(region, references)| journal.retain_many(*region, *references));
        journal.retain(page.record);
        queue.messages.insert_page(page.clone());
        Ok(())
    }
}

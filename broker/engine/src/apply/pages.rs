//! Applying that waiting messages were stored as a page, that the window of a queue was moved, and reading back the stored
//! pages of a checkpoint.

use crate::event::pages::{PageKept, PageStored};
use crate::event::window_moved::WindowMoved;
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
        queue.messages.store(record, &event.messages, &event.groups, journal)
    }

    /// The queue does not count as changed, so that one decision moves its window by a bounded number of events.
    pub(super) fn window_moved(&mut self, event: WindowMoved, journal: &mut dyn Journal) -> Result<(), Malformed> {
        let Some(queue) = self.get_mut(event.queue) else { return self.skip(super::NO_QUEUE) };
        queue.advance(event.time);
        queue.messages.move_window(event.through, journal)
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
        if !queue.messages.is_laneless(page) || queue.messages.has_fresh_up_to(page.last) {
            return Err("its page is not one that can be");
        }
        page.bodies.iter().for_each(|(region, references)| journal.retain_many(*region, *references));
        journal.retain(page.record);
        queue.messages.insert_page(page.clone());
        Ok(())
    }
}

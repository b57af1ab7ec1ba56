//! Applying a publication: each recipient gets the message, and a FIFO topic remembers it.

use crate::answer::BodyRef;
use crate::event::published::Published;
use crate::journal::{Journal, Position};
use crate::malformed::Malformed;
use crate::queue::deduplication::Original;
use crate::queue::messages::{End, Message, MessageState};
use crate::state::State;

impl State {
    pub(super) fn published(
        &mut self,
        position: Position,
        event: &Published<'_>,
        journal: &mut dyn Journal,
    ) -> Result<(), Malformed> {
        let first = position.message_key();
        let body = BodyRef { position, length: event.length() };
        let group = event.message.group();
        let deduplication = event.message.deduplication_key();
        let original = |scoped| Original { message: first, key: scoped, id: event.message.id(), sent: event.time };
        let (mut last, mut copy) = (None, 0);
        for recipient in &*event.recipients {
            copy = if last == Some(recipient.queue) { copy + 1 } else { 0 };
            last = Some(recipient.queue);
            // Each copy takes 24 bytes of the record, so its key is below the position of the next event.
            let key = self.item_key(position, copy)?;
            let Some(queue) = self.queue_for_change(recipient.queue)? else { continue };
            queue.advance(event.time);
            // All copies have one deduplication id. The queue remembers it once.
            if copy == 0
                && queue.is_fifo()
                && let Some(deduplication) = deduplication
            {
                queue.remember(deduplication, group, original);
            }
            let mut message = Message::new(body, event.time);
            let visible = event.time + queue.attributes.delay.seconds();
            if visible > event.time {
                message.state = MessageState::Delayed(visible);
            }
            queue.counters.sent += 1;
            // Messages of an internal queue are pushed in their order, without regard to groups. A standard queue does
            // not know the groups of a FIFO topic.
            let is_grouped = queue.is_fifo() || event.deduplication_queue.is_none();
            let group = group.filter(|_| is_grouped && !queue.address.name.is_internal());
            queue.messages.insert(key, message, group, End::Back);
            journal.retain(position);
        }
        if let Some(queue) = event.deduplication_queue
            && let Some(deduplication) = deduplication
            && let Some(queue) = self.queue_for_change(queue)?
        {
            queue.advance(event.time);
            queue.remember(deduplication, group, original);
        }
        Ok(())
    }
}

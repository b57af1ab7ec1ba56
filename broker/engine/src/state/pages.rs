//! Stored pages of waiting messages: which one an event needs, storing and reading it, and dropping it from memory.
//!
//! A page in memory is no part of the durable state. The running engine and replay read pages and drop them as they need;
//! no answer and no event shows it.

use bytes::Bytes;
use posthouse_model::{MessageKey, QueueId};

use super::State;
use crate::budget::IndexOverview;
use crate::event::Event;
use crate::event::pages::PageStored;
use crate::journal::{BodyRef, Journal, Position};
use crate::malformed::Malformed;
use crate::queue::pages::PageRef;

/// A page of waiting messages that is to be read from the journal: the payload of one of its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    pub(crate) queue: QueueId,
    pub(crate) page: PageRef,
}

impl PageRequest {
    /// The queue whose messages the page lists.
    #[must_use]
    pub const fn queue(&self) -> QueueId {
        self.queue
    }

    /// The position of the record.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.page.record.position
    }

    /// The length of the record's payload, in bytes.
    #[must_use]
    pub const fn length(&self) -> u32 {
        self.page.record.length
    }
}

impl State {
    /// The page that must be in memory before an event can be applied, and is not. `None` if there is none.
    pub(crate) fn page_wanted(&self, event: &Event<'_>) -> Option<PageRequest> {
        if !self.budget.has_spilled() {
            return None;
        }
        match event {
            Event::Received(event) => self.page_of(event.queue, event.messages.iter().copied()),
            Event::Deleted(event) | Event::Expired(event) => self.page_of(event.queue, event.messages.iter().copied()),
            Event::VisibilityChanged(event) => self.page_of(event.queue, event.messages.iter().map(|(key, _)| *key)),
            Event::DeadLettered(event) => self.page_of(event.source, event.messages.iter().map(|letter| letter.key)),
            Event::Moved(event) => self.page_of(event.source, event.messages.iter().map(|moved| moved.key)),
            Event::SetAside(event) => self.page_of(event.queue, event.messages.iter().map(|item| item.key)),
            Event::GivenBack(event) => self.page_of(event.queue, event.messages.iter().copied()),
            Event::PageStored(event) => {
                let (first, last) = event.messages.first().zip(event.messages.last())?;
                let page = self.get(event.queue)?.messages.page_between(first.entry.key, last.entry.key)?;
                Some(PageRequest { queue: event.queue, page })
            }
            Event::WindowMoved(event) => {
                let page = self.get(event.queue)?.messages.page_up_to(event.through)?;
                Some(PageRequest { queue: event.queue, page })
            }
            Event::Enqueued(_)
            | Event::NumberedEnqueued(_)
            | Event::Published(_)
            | Event::NumberedPublished(_)
            | Event::MoveTaskStarted(_)
            | Event::MoveTaskEnded(_)
            | Event::Copied(_)
            | Event::QueueCreated(_)
            | Event::QueueDeleted(_)
            | Event::AttributesChanged(_)
            | Event::TagsChanged(_)
            | Event::Purged(_)
            | Event::TopicSet(_)
            | Event::TopicDeleted(_)
            | Event::SubscriptionSet(_)
            | Event::SubscriptionDeleted(_)
            | Event::RegistrySet(_)
            | Event::RegistryDeleted(_)
            | Event::DamagedDropped(_)
            | Event::ClockSet(_)
            | Event::ProducerNoted(_)
            | Event::ProducerForgotten(_)
            | Event::ProducersKept(_)
            | Event::MissedKept(_)
            | Event::CheckpointBegan(_)
            | Event::QueueKept(_)
            | Event::OriginalsKept(_)
            | Event::AttemptsKept(_)
            | Event::MessagesKept(_)
            | Event::DamagedKept(_)
            | Event::GroupsKept(_)
            | Event::NamesKept(_)
            | Event::PageKept(_)
            | Event::CheckpointEnded(_) => None,
        }
    }

    /// The page that one of these messages of a queue can be in, if it is not in memory.
    pub(crate) fn page_of(&self, queue: QueueId, mut keys: impl Iterator<Item = MessageKey>) -> Option<PageRequest> {
        let messages = &self.get(queue)?.messages;
        let page = keys.find_map(|key| messages.page_of(key))?;
        Some(PageRequest { queue, page })
    }

    /// Whether a page is there and not in memory.
    pub(crate) fn is_spilled(&self, request: PageRequest) -> bool {
        let PageRequest { queue, page } = request;
        self.get(queue).is_some_and(|queue| queue.messages.is_spilled(page))
    }

    /// Takes in a page that was read. Does nothing if it is not wanted any more.
    ///
    /// # Errors
    /// If it is not the page that was written.
    pub(crate) fn load_page(
        &mut self,
        request: PageRequest,
        payload: &Bytes,
        journal: &dyn Journal,
    ) -> Result<(), Malformed> {
        let PageRequest { queue: id, page } = request;
        let Some(queue) = self.get_mut(id) else { return Ok(()) };
        let stored = PageStored::of_record(payload)?;
        if stored.queue != id {
            return Err("a page is that of another queue");
        }
        if queue.messages.load_page(page, stored.messages, &stored.groups, journal)? {
            self.note_loaded(request);
        }
        Ok(())
    }

    /// Stores the next page of a queue with keys below `below`, and keeps its messages in memory, so that a checkpoint can
    /// refer to it. Returns how many messages it has; `None` if there is nothing to store.
    pub(crate) fn store_page(&mut self, id: QueueId, below: MessageKey, journal: &mut dyn Journal) -> Option<usize> {
        let (messages, groups) = self.get(id)?.messages.storable(below);
        let (count, first) = (messages.len(), messages.first()?.entry.key);
        let event = Event::PageStored(PageStored { queue: id, messages, groups });
        let mut payload = Vec::new();
        event.encode(&mut payload);
        let position = journal.append(event.kind(), &[&payload]);
        self.apply(position, &event, journal).expect("pages that can be stored");
        let Event::PageStored(PageStored { messages, groups, .. }) = event else { return None };
        let length = u32::try_from(payload.len()).expect("a page has far fewer bytes than 2^32");
        let page = PageRef { record: BodyRef { position, length }, first };
        let loaded = self.get_mut(id)?.messages.load_page(page, messages, &groups, journal);
        if loaded.expect("the messages that were stored") {
            self.note_loaded(PageRequest { queue: id, page });
        }
        Some(count)
    }

    fn note_loaded(&mut self, request: PageRequest) {
        // Pages that are used up leave when it is their turn, or all together once they may be half of the list.
        let IndexOverview { page_records, page_records_on_disk, .. } = self.budget.overview();
        let in_memory = usize::try_from(page_records - page_records_on_disk).unwrap_or(usize::MAX);
        if self.loaded.len() > 64 && self.loaded.len() / 2 > in_memory {
            let mut loaded = core::mem::take(&mut self.loaded);
            loaded.retain(|PageRequest { queue, page }| {
                self.get(*queue).is_some_and(|queue| queue.messages.has_page(*page))
            });
            self.loaded = loaded;
        }
        self.loaded.push_back(request);
    }

    /// Drops pages from memory, those first that were read first, while they take more than their share of the budget.
    pub(crate) fn evict_pages(&mut self, journal: &dyn Journal) {
        while self.budget.is_exceeded_by_loaded() && self.evict_page(journal) {}
    }

    /// Drops the page from memory that was read before all others, but for those of queues that wait for another one: what
    /// waits may need both. Returns `false` if there is none.
    pub(crate) fn evict_page(&mut self, journal: &dyn Journal) -> bool {
        for _ in 0..self.loaded.len() {
            let Some(request) = self.loaded.pop_front() else { break };
            let PageRequest { queue, page } = request;
            // Pages that are used up by now are skipped.
            let Some(queue) = self.get_mut(queue) else { continue };
            if queue.awaits_page {
                self.loaded.push_back(request);
            } else if queue.messages.evict_page(page, journal) {
                return true;
            }
        }
        false
    }
}

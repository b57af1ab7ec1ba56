//! A search for all references into parts of the journal: what compaction moves.
//!
//! The journal counts references and does not know which records they lead to. [`ReferenceSearch`] looks at all messages, in
//! slices between which requests are handled, and finds each record in some ranges that a reference leads to. A reference
//! that comes while the search is under way may be missed. So the owner of the journal notes those
//! ([`Journal::retain`](crate::Journal::retain)), and takes both together. What was found may have been released since:
//! to move it is a waste, and no more.
//!
//! Invariant: a reference that is there from the beginning of the search to its end is found. A message stays under its key
//! as long as it is in its queue, whatever becomes of it there: it is received, its page is stored, read or dropped. So
//! the search goes through the keys of a queue and looks at all that the queue has between two of them at once. The last
//! step looks at the queue's damaged messages, which were among the others before they were set aside. What leaves for
//! another queue is retained there.

use std::collections::BTreeMap;

use bytes::Bytes;
use posthouse_model::{MessageKey, QueueId};

use super::State;
use super::pages::PageRequest;
use crate::event::pages::PageStored;
use crate::event::{InvalidEvent, kind};
use crate::journal::{BodyRef, Position};
use crate::queue::Queue;
use crate::queue::pages::PageRef;
use crate::queue::pages::stored::PageSummary;

/// What a reference was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Referrer {
    /// A message: the record holds its body.
    Message,
    /// A queue: the record holds a page of its messages, and only this queue refers to it.
    Page,
}

/// A record that a reference leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundReference {
    /// The record.
    pub record: BodyRef,
    /// What refers to it.
    pub referrer: Referrer,
}

/// What a search does next.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferenceStep {
    /// There is more to look at.
    More,
    /// A page that is not in memory has references into the ranges. The caller reads its record and passes it to
    /// [`ReferenceSearch::page_read`]. The search goes on meanwhile.
    Page {
        /// The page.
        request: PageRequest,
        /// A position of each region that its messages refer to. If the record cannot be read, not all references into these
        /// are found.
        regions: Vec<Position>,
    },
    /// All has been looked at, but for pages that are still being read.
    Done,
}

/// A search for all references into some ranges of positions.
#[derive(Debug)]
pub struct ReferenceSearch {
    /// In the order of positions. None is empty, and no two overlap.
    ranges: Vec<(Position, Position)>,
    stage: Stage,
    /// The pages that were asked for, by record, as they were when they were met. A message that leaves a page before it is
    /// read may have a key that the search has passed: it counts as being there.
    pages: BTreeMap<Position, PageSummary>,
    /// Pages to be asked for, and the regions that their messages referred to when they were met.
    wanted: Vec<(PageRequest, Vec<Position>)>,
    found: Vec<FoundReference>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Publications that are not in all their queues yet.
    Deliveries,
    /// The messages of a queue from this key on.
    Queue(QueueId, MessageKey),
    Done,
}

impl ReferenceSearch {
    /// A search that has not begun, for references into these ranges: each from its first position to before its second,
    /// in ascending order, none empty, and no two of them overlapping.
    #[must_use]
    pub fn new(ranges: Vec<(Position, Position)>) -> Self {
        debug_assert!(ranges.iter().all(|(start, end)| start < end));
        debug_assert!(ranges.iter().zip(ranges.iter().skip(1)).all(|(one, next)| one.1 <= next.0));
        Self { ranges, stage: Stage::Deliveries, pages: BTreeMap::new(), wanted: Vec::new(), found: Vec::new() }
    }

    /// What was found so far. A record is there as often as references to it were found.
    pub fn take_found(&mut self) -> Vec<FoundReference> {
        core::mem::take(&mut self.found)
    }

    /// Takes in the record of a page that the search has asked for: the messages are found that were left in it when it was met.
    ///
    /// # Errors
    /// [`InvalidEvent`] if it is not the record of the page. What the page refers to is not known then.
    pub fn page_read(&mut self, request: PageRequest, payload: &Bytes) -> Result<(), InvalidEvent> {
        let invalid = |reason| InvalidEvent { kind: kind::PageStored, reason };
        let stored = PageStored::of_record(payload).map_err(invalid)?;
        if stored.queue != request.queue {
            return Err(invalid("a page is that of another queue"));
        }
        let summary = self.pages.get(&request.page.record.position).cloned();
        for message in &stored.messages {
            if summary.as_ref().is_none_or(|summary| summary.is_left(message.entry.key)) {
                self.meet(message.body(), Referrer::Message);
            }
        }
        Ok(())
    }

    fn is_within(&self, position: Position) -> bool {
        let before = self.ranges.partition_point(|(start, _)| *start <= position);
        before.checked_sub(1).is_some_and(|index| position < self.ranges[index].1)
    }

    fn meet(&mut self, record: BodyRef, referrer: Referrer) {
        if self.is_within(record.position) {
            self.found.push(FoundReference { record, referrer });
        }
    }

    /// Looks at the messages of a queue from a key on, at about `budget` of them. Returns the key to go on at; `None` if
    /// all were looked at.
    fn look_at(&mut self, queue: &Queue, from: MessageKey, budget: usize) -> Option<MessageKey> {
        let fresh = queue.messages.fresh_from(from).map(|(key, _)| key);
        let touched = queue.messages.touched_from(from).map(|(key, _)| key);
        // The messages and the pages before `next` are at most twice as many each as the budget.
        let page = queue.messages.stored_between(from, MessageKey::MAX).nth(budget).map(|page| page.stored().first);
        let message = fresh.take(budget + 1).nth(budget).into_iter().chain(touched.take(budget + 1).nth(budget));
        let next = message.chain(page).min();
        let end = next.unwrap_or(MessageKey::MAX);
        let before_end = |key: MessageKey| next.is_none() || key < end;
        for (_, body) in queue.messages.fresh_from(from).take_while(|(key, _)| before_end(*key)) {
            self.meet(body, Referrer::Message);
        }
        for (_, body) in queue.messages.touched_from(from).take_while(|(key, _)| before_end(*key)) {
            self.meet(body, Referrer::Message);
        }
        for page in queue.messages.stored_between(from, end) {
            let stored = page.stored();
            self.meet(stored.record, Referrer::Page);
            let leads_here = page.page().is_none() && stored.bodies.iter().any(|(region, _)| self.is_within(*region));
            if leads_here && !self.pages.contains_key(&stored.record.position) {
                self.pages.insert(stored.record.position, stored.clone());
                let page = PageRef { record: stored.record, first: stored.first };
                let regions = stored.bodies.iter().map(|(region, _)| *region).collect();
                self.wanted.push((PageRequest { queue: queue.id, page }, regions));
            }
        }
        next
    }
}

impl State {
    /// Does the next step of a search, in which it looks at about `budget` messages.
    pub(crate) fn search_references(&self, search: &mut ReferenceSearch, budget: usize) -> ReferenceStep {
        if let Some((request, regions)) = search.wanted.pop() {
            return ReferenceStep::Page { request, regions };
        }
        let mut left = budget.max(1);
        while left > 0 {
            left -= 1;
            search.stage = match search.stage {
                Stage::Deliveries => {
                    self.deliveries.bodies().for_each(|body| search.meet(body, Referrer::Message));
                    Stage::Queue(QueueId::new(0), MessageKey::MIN)
                }
                Stage::Queue(from, key) => {
                    let Some(id) = self.first_from(from) else {
                        search.stage = Stage::Done;
                        continue;
                    };
                    let key = if id == from { key } else { MessageKey::MIN };
                    // A queue that counts as deleted is never read again.
                    let Some(queue) = self.get(id) else {
                        search.stage = id.next().map_or(Stage::Done, |next| Stage::Queue(next, MessageKey::MIN));
                        continue;
                    };
                    let before = search.found.len();
                    let next = search.look_at(queue, key, left.max(1));
                    match next {
                        Some(next) => {
                            left = 0;
                            Stage::Queue(id, next)
                        }
                        None => {
                            let damaged = queue.damaged.after(None).map(|(_, damaged)| damaged.body);
                            damaged.for_each(|body| search.meet(body, Referrer::Message));
                            let looked = queue.messages.in_memory() + search.found.len() - before;
                            left = left.saturating_sub(looked);
                            id.next().map_or(Stage::Done, |next| Stage::Queue(next, MessageKey::MIN))
                        }
                    }
                }
                Stage::Done => break,
            };
        }
        match search.wanted.pop() {
            Some((request, regions)) => ReferenceStep::Page { request, regions },
            None if search.stage == Stage::Done => ReferenceStep::Done,
            None => ReferenceStep::More,
        }
    }
}

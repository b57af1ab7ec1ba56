//! The filter policies of one topic, and where they are matched.
//!
//! Most searches are little work and are done at once, on the thread of the engine ([`Filters::find`]). A topic whose
//! policies need more than [`AT_ONCE_WORK_MAX`] lends its indices to a [`Search`], which any thread may run. The indices
//! are away until the search comes back. Changes that come meanwhile are noted, and made by the next search before it
//! looks at its message, or when the indices are back. So a search finds the policies as they were when it was begun.
//! Changes that take long are never made on the thread of the engine: the indices go away to have them made.

use std::sync::Arc;

use posthouse_filter::{Allowance, Event, Index, Policy, Scope, Scratch, Unfinished};
use posthouse_model::{StoredMessage, TopicAddress};

use crate::hash::Seed;
use crate::topic::message_events::{self, BodyEvent, MessageEvents};

/// The work of one search that is done at once: some hundred microseconds, or two milliseconds if nothing is cached.
const AT_ONCE_WORK_MAX: u64 = 16_384;

/// Changes that are made at once when indices come back. With more the indices go away again to have them made.
const CHANGES_AT_ONCE_MAX: usize = 16;

/// Both indices of a topic, by the part of a message that policies look at. The keys are slots of the fan-out.
#[derive(Debug)]
pub(super) struct Indices {
    seed: Seed,
    by_attributes: Option<Box<Index<u32>>>,
    by_body: Option<Box<Index<u32>>>,
    /// Whether the last search was more work than is done at once.
    is_heavy: bool,
}

/// Where a change of the policies is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// At once: it takes little.
    AtOnce,
    /// By a search, on another thread.
    Elsewhere,
}

/// A change of the policies.
#[derive(Debug)]
pub(super) enum Change {
    Insert(u32, Policy),
    Remove(u32, Scope),
}

/// Where the indices are.
#[derive(Debug)]
pub(super) enum Filters {
    /// With what is to be changed before they say anything: nothing, or something that is to be changed elsewhere.
    Here(Box<Indices>, Changes),
    /// With a search. What has changed since is to be made when they come back.
    Away(Changes),
}

/// Changes that are to be made, in their order.
#[derive(Debug, Default)]
pub(super) struct Changes {
    all: Vec<Change>,
    /// Whether one of them takes long.
    is_long: bool,
}

impl Changes {
    fn push(&mut self, change: Change, work: Work) {
        self.all.push(change);
        self.is_long |= work == Work::Elsewhere;
    }
}

/// A message that is to be matched.
#[derive(Debug)]
pub(crate) struct Matched {
    pub(crate) message: StoredMessage,
    pub(crate) events: MessageEvents,
    pub(crate) allowance: Allowance,
}

/// The indices of a topic on their way to another thread and back. [`Search::run`] does the work.
#[derive(Debug)]
pub struct Search {
    pub(crate) topic: Arc<TopicAddress>,
    /// The number of the fan-out that they belong to.
    pub(crate) table: u64,
    indices: Box<Indices>,
    changes: Changes,
    /// `None` if only changes are to be made.
    matched: Option<Matched>,
    found: Option<Found>,
}

/// What a search has found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) slots: Result<Vec<u32>, Unfinished>,
    pub(crate) allowance: Allowance,
}

impl Indices {
    pub(super) const fn new(seed: Seed) -> Self {
        Self { seed, by_attributes: None, by_body: None, is_heavy: false }
    }

    const fn index(&mut self, scope: Scope) -> &mut Option<Box<Index<u32>>> {
        match scope {
            Scope::MessageAttributes => &mut self.by_attributes,
            Scope::MessageBody => &mut self.by_body,
        }
    }

    fn make(&mut self, change: &Change) {
        match change {
            Change::Insert(slot, policy) => {
                let seed = self.seed;
                let index = self.index(policy.scope());
                index.get_or_insert_with(|| Box::new(Index::new(seed.bytes()))).insert(*slot, policy);
            }
            Change::Remove(slot, scope) => {
                let kept = self.index(*scope);
                let index = kept.as_mut().expect("it is there while a slot is in it");
                index.remove(*slot);
                if index.is_empty() {
                    *kept = None;
                }
            }
        }
    }

    /// Appends the slots whose policies match. Events that are needed and were not made before are made here.
    fn find(
        &self,
        (message, events): (&StoredMessage, &MessageEvents),
        allowance: &mut Allowance,
        scratch: &mut Scratch,
        out: &mut Vec<u32>,
    ) -> Result<(), Unfinished> {
        out.clear();
        if let Some(index) = &self.by_attributes {
            let made;
            let event = match &events.attributes {
                Some(event) => event,
                None => {
                    made = message_events::of_attributes(message);
                    &made
                }
            };
            index.find(event, allowance, scratch, out)?;
        }
        if let Some(index) = &self.by_body {
            let made;
            let event = match &events.body {
                BodyEvent::Object(event) => Some(event),
                BodyEvent::NoObject => None,
                BodyEvent::Unread => {
                    made = Event::body(message.body());
                    made.as_ref()
                }
            };
            if let Some(event) = event {
                let by_attributes = core::mem::take(out);
                index.find(event, allowance, scratch, out)?;
                if out.is_empty() {
                    *out = by_attributes;
                } else {
                    out.extend_from_slice(&by_attributes);
                }
            }
        }
        Ok(())
    }
}

impl Filters {
    pub(super) fn new(seed: Seed) -> Self {
        Self::Here(Box::new(Indices::new(seed)), Changes::default())
    }

    pub(super) fn change(&mut self, change: Change, work: Work) {
        match self {
            Self::Here(indices, changes) if changes.all.is_empty() && work == Work::AtOnce => indices.make(&change),
            Self::Here(_, changes) | Self::Away(changes) => changes.push(change, work),
        }
    }

    /// Replaces `out` by the slots whose policies match, if that is little work. Returns false if it is more, or if the
    /// indices are away or about to go: nothing is known then.
    pub(super) fn find(
        &mut self,
        matched: (&StoredMessage, &MessageEvents),
        scratch: &mut Scratch,
        out: &mut Vec<u32>,
    ) -> Result<bool, Unfinished> {
        let Self::Here(indices, changes) = self else { return Ok(false) };
        if indices.is_heavy || !changes.all.is_empty() {
            return Ok(false);
        }
        match indices.find(matched, &mut Allowance::of(AT_ONCE_WORK_MAX), scratch, out) {
            Ok(()) => Ok(true),
            Err(Unfinished::TooMuchWork) => {
                indices.is_heavy = true;
                Ok(false)
            }
            Err(Unfinished::TooManyValues) => Err(Unfinished::TooManyValues),
        }
    }

    /// Lends the indices to a search. `None` while they are away, or if the search has nothing to do.
    pub(super) fn lend(&mut self, topic: &Arc<TopicAddress>, table: u64, matched: Option<Matched>) -> Option<Search> {
        match self {
            Self::Here(_, changes) if matched.is_some() || !changes.all.is_empty() => {}
            Self::Here(..) | Self::Away(_) => return None,
        }
        let Self::Here(indices, changes) = core::mem::replace(self, Self::Away(Changes::default())) else {
            unreachable!("looked at above")
        };
        let topic = Arc::clone(topic);
        Some(Search { topic, table, indices, changes, matched, found: None })
    }

    /// Takes the indices back. Returns the search again if there are more changes to make than are made at once.
    pub(super) fn take_back(&mut self, mut search: Search) -> Option<Search> {
        let Self::Away(changes) = self else { unreachable!("the indices are in one place") };
        if changes.is_long || changes.all.len() > CHANGES_AT_ONCE_MAX {
            search.changes = core::mem::take(changes);
            return Some(search);
        }
        let mut indices = search.indices;
        changes.all.iter().for_each(|change| indices.make(change));
        *self = Self::Here(indices, Changes::default());
        None
    }
}

impl Search {
    /// Makes the changes that have come, and matches the message. It takes up to some seconds.
    pub fn run(&mut self) {
        core::mem::take(&mut self.changes).all.iter().for_each(|change| self.indices.make(change));
        let Some(Matched { message, events, mut allowance }) = self.matched.take() else { return };
        let (before, mut slots) = (allowance.left(), Vec::new());
        let found = self.indices.find((&message, &events), &mut allowance, &mut Scratch::new(), &mut slots);
        self.indices.is_heavy = before - allowance.left() > AT_ONCE_WORK_MAX / 2;
        self.found = Some(Found { slots: found.map(|()| slots), allowance });
    }

    /// What was found, once.
    pub(crate) const fn take_found(&mut self) -> Option<Found> {
        self.found.take()
    }
}

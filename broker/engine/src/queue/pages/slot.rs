//! One place in the list of pages: a page that was filled in memory, or one that is stored.

use posthouse_model::{MessageKey, Timestamp};

use super::page::Page;
use super::stored::{PageSummary, StoredPage};

/// A place in the list.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) held: Held,
    /// What the index of ages has of it, if it is there: a time before which none of its messages was sent, and the key
    /// that its first message had.
    pub(super) age: Option<(Timestamp, MessageKey)>,
}

/// What is in it.
#[derive(Debug)]
pub(super) enum Held {
    Filled(Page),
    Stored(Box<StoredPage>),
}

impl Slot {
    pub(super) const fn new(held: Held) -> Self {
        Self { held, age: None }
    }

    /// The page, if it is in memory.
    pub(super) fn page(&self) -> Option<&Page> {
        match &self.held {
            Held::Filled(page) => Some(page),
            Held::Stored(stored) => stored.page(),
        }
    }

    /// The page, if it is stored.
    pub(super) fn stored(&self) -> Option<&StoredPage> {
        match &self.held {
            Held::Stored(stored) => Some(stored),
            Held::Filled(_) => None,
        }
    }

    pub(super) fn first_key(&self) -> MessageKey {
        match &self.held {
            Held::Filled(page) => page.first().expect("no page is empty").key,
            Held::Stored(stored) => stored.stored().first,
        }
    }

    pub(super) fn last_key(&self) -> MessageKey {
        match &self.held {
            Held::Filled(page) => page.last().expect("no page is empty").key,
            Held::Stored(stored) => stored.stored().last,
        }
    }

    pub(super) fn live(&self) -> usize {
        match &self.held {
            Held::Filled(page) => page.live(),
            Held::Stored(stored) => stored.stored().live as usize,
        }
    }

    /// A time before which none of its messages was sent.
    pub(super) fn oldest(&self) -> Timestamp {
        match &self.held {
            Held::Filled(page) => page.oldest(),
            Held::Stored(stored) => stored.stored().oldest,
        }
    }

    /// Makes [`Slot::oldest`] the time of the oldest message, if the page is in memory.
    pub(super) fn find_oldest(&mut self) {
        match &mut self.held {
            Held::Filled(page) => page.find_oldest(),
            Held::Stored(stored) => stored.find_oldest(),
        }
    }

    /// The page, if it is stored and not in memory.
    pub(super) fn spilled(&self) -> Option<&PageSummary> {
        self.stored().filter(|stored| stored.page().is_none()).map(StoredPage::stored)
    }
}

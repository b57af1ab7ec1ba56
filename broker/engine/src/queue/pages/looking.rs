//! Looking at the list from a key on, with pages that are not in memory and that the look brings itself.

use posthouse_model::MessageKey;

use super::page::{Page, Waiting, WaitingRef};
use super::stored::PageSummary;
use super::{PageRef, Pages};
use crate::journal::BodyRef;

/// What a look at the list meets, in the order of the keys.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Above<'a> {
    Message(WaitingRef<'a>),
    /// A page that is not in memory and that the look does not bring.
    Spilled(&'a PageSummary),
    /// A page that cannot be read. It has the place of its last message.
    Unread(&'a PageSummary),
}

/// A page that a look brings, because it is not in memory: what was read of its record. It stays out of memory.
#[derive(Debug)]
pub(crate) struct BroughtPage {
    record: BodyRef,
    /// `None` if the record cannot be read.
    left: Option<Page>,
}

impl Pages {
    /// A page as a look brings it. `messages` are those of its record, `None` if it cannot be read. `None` if the page is in
    /// memory or no longer there.
    pub(crate) fn bring(&self, page: PageRef, messages: Option<Vec<Waiting>>) -> Option<BroughtPage> {
        let stored = self.slots[self.slot_of(page.first)?].spilled().filter(|stored| stored.record == page.record)?;
        let left = messages.map(|messages| stored.left_of(messages));
        Some(BroughtPage { record: page.record, left: left.filter(|left| left.live() == stored.live as usize) })
    }

    /// The messages with keys from `from` on and the pages that hold such and are not in memory, the lowest first. `brought`
    /// stands for the page that it is of.
    pub(crate) fn above<'a>(
        &'a self,
        from: MessageKey,
        brought: Option<&'a BroughtPage>,
    ) -> impl Iterator<Item = Above<'a>> {
        let first = self.slots.partition_point(|slot| slot.last_key() < from);
        self.slots.range(first..).flat_map(move |slot| {
            let (page, unlisted) = match slot.spilled() {
                None => (slot.page(), None),
                Some(stored) => match brought.filter(|page| page.record == stored.record) {
                    None => (None, Some(Above::Spilled(stored))),
                    Some(BroughtPage { left: None, .. }) => (None, Some(Above::Unread(stored))),
                    Some(BroughtPage { left: Some(left), .. }) => (Some(left), None),
                },
            };
            let messages = page.into_iter().flat_map(move |page| page.messages_from(from));
            messages.map(Above::Message).chain(unlisted)
        })
    }
}

impl Above<'_> {
    /// Where it stands in the order of the keys, for a look from `from` on.
    pub(crate) fn place(&self, from: MessageKey) -> MessageKey {
        match self {
            Self::Message(message) => message.entry.key,
            Self::Spilled(page) => page.first.max(from),
            Self::Unread(page) => page.last,
        }
    }
}

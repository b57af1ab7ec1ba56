//! Looking at the messages of a queue in the order of their keys, whatever their states. A look changes nothing and brings
//! the pages that it needs itself, so that those in memory stay what receives need.

use std::borrow::Cow;

use posthouse_model::MessageKey;

use super::Messages;
use crate::queue::message::{Message, unfold};
use crate::queue::pages::PageRef;
use crate::queue::pages::looking::{Above, BroughtPage};
use crate::queue::pages::page::Waiting;
use crate::queue::pages::stored::PageSummary;

/// What a look meets.
#[derive(Debug)]
pub(crate) enum Met<'a> {
    Message(MessageKey, Cow<'a, Message>),
    /// A page to be brought first.
    Page(PageRef),
    /// A page that cannot be read. It comes behind the other messages up to its last one.
    Unread(&'a PageSummary),
}

impl Messages {
    /// The messages with keys from `from` on. Ends to be of use with the first [`Met::Page`].
    pub(crate) fn look<'a>(
        &'a self,
        from: MessageKey,
        brought: Option<&'a BroughtPage>,
    ) -> impl Iterator<Item = Met<'a>> {
        let behind = self.behind.as_ref().map(|behind| behind.pages.above(from, brought));
        let mut fresh = self.fresh.above(from, brought).chain(behind.into_iter().flatten()).peekable();
        let mut touched = self.touched.range(from..).peekable();
        core::iter::from_fn(move || {
            let fresh_is_next = match (fresh.peek(), touched.peek()) {
                (Some(part), Some((key, _))) => part.place(from) <= **key,
                (part, _) => part.is_some(),
            };
            if fresh_is_next {
                fresh.next().map(|part| match part {
                    Above::Message(message) => Met::Message(message.entry.key, Cow::Owned(unfold(message))),
                    Above::Spilled(page) => Met::Page(PageRef { record: page.record, first: page.first }),
                    Above::Unread(page) => Met::Unread(page),
                })
            } else {
                touched.next().map(|(key, message)| Met::Message(*key, Cow::Borrowed(message)))
            }
        })
    }

    /// The messages with keys from `from` on that are in no page: all that cannot be received are among them.
    pub(crate) fn look_at_touched(&self, from: MessageKey) -> impl Iterator<Item = Met<'_>> {
        self.touched.range(from..).map(|(key, message)| Met::Message(*key, Cow::Borrowed(message)))
    }

    /// A page as a look brings it: the messages of its record, `None` if it cannot be read. `None` if the page is in memory
    /// or no longer there.
    pub(crate) fn bring(&self, page: PageRef, messages: Option<Vec<Waiting>>) -> Option<BroughtPage> {
        self.list_of(page.first).bring(page, messages)
    }
}

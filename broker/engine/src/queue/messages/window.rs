//! The window of a queue with groups: the first messages, which lanes know, and those behind them, which no lane knows.
//!
//! ```text
//!    fresh ---------------------------- behind -------------------------->
//!    (listed in lanes)        through | (in pages, on the disk for the most part)
//! ```
//!
//! A group whose messages are all behind the window needs no memory, so that a queue may have any number of groups. Receives
//! look at the window only, as those of SQS look at the first 120,000 messages of a FIFO queue (SQS Developer Guide, "FIFO
//! queue delivery logic").
//!
//! The window ends where an event says, [`Messages::move_window`], and nothing else changes it: so it is the same in replay,
//! whatever pages are in memory. [`Messages::window_step`] says when it is to be moved. While lanes know all messages there is
//! no such event: a queue with few messages never has one.
//!
//! A message that enters the window gives its group the turn that its arrival would have given: when it was sent, and its
//! key.
//!
//! Invariants: a message is behind the window exactly if its key is above `through`; behind the window `Entry::lane` and
//! `Message::lane` are numbers of `groups`, which counts each message in memory; `touched` counts the touched messages
//! there.

use core::ops::Bound::{Excluded, Included, Unbounded};

use posthouse_model::MessageKey;

use super::{End, Messages};
use crate::journal::Journal;
use crate::malformed::Malformed;
use crate::queue::group_names::GroupNames;
use crate::queue::lanes::{Lanes, Turn};
use crate::queue::message::Message;
use crate::queue::pages::{PageRef, Pages};

/// What is behind the window.
#[derive(Debug)]
pub(super) struct Behind {
    /// The last key of the window.
    pub(super) through: MessageKey,
    /// The fresh messages.
    pub(super) pages: Pages,
    /// The groups of the messages in memory, fresh and touched.
    pub(super) groups: GroupNames,
    /// How many messages are touched.
    pub(super) touched: usize,
}

impl Behind {
    fn is_empty(&self) -> bool {
        self.touched == 0 && self.pages.len() == 0
    }
}

/// What the window of a queue needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WindowStep {
    /// An event that has it end at this key.
    MoveThrough(MessageKey),
    /// A page, before it can be moved on.
    Read(PageRef),
}

impl Messages {
    /// The last key of the window. `None` while lanes know all messages.
    pub(crate) fn window_through(&self) -> Option<MessageKey> {
        self.behind.as_ref().map(|behind| behind.through)
    }

    /// Messages of the window: in a FIFO queue all of them, in a standard queue those that wait and were never received.
    fn window_len(&self, lanes: &Lanes) -> usize {
        let touched = if self.kind.is_fifo() { self.touched.len() } else { 0 };
        let behind = self.behind.as_ref().filter(|_| self.kind.is_fifo()).map_or(0, |behind| behind.touched);
        self.fresh.len() - lanes.unlisted + touched - behind
    }

    /// What the window needs now: an end if it has none and is full, to be moved on if it has room for a page of messages.
    /// `None` if it needs nothing.
    pub(crate) fn window_step(&self) -> Option<WindowStep> {
        let lanes = self.lanes.as_ref().filter(|_| self.kind.is_fifo())?;
        let budget = self.fresh.budget();
        let (length, step) = (self.window_len(lanes), budget.options().page_messages);
        let Some(behind) = &self.behind else {
            if length < budget.options().window_messages_min || length < budget.window_messages() {
                return None;
            }
            let touched = self.touched.last_key_value().map(|(key, _)| *key);
            return touched.max(self.fresh.last_key()).map(WindowStep::MoveThrough);
        };
        let window = budget.window_messages();
        let room = window.saturating_sub(length);
        let step = step.min(window.div_ceil(2));
        if room < step {
            return None;
        }
        if behind.is_empty() {
            return Some(WindowStep::MoveThrough(MessageKey::MAX));
        }
        self.first_behind(behind, room.min(step))
    }

    /// Moves the window on over up to `messages` messages, or reads the page that these are in.
    fn first_behind(&self, behind: &Behind, messages: usize) -> Option<WindowStep> {
        let page = behind.pages.first_spilled();
        let bound = page.map_or(Unbounded, |page| Excluded(page.first));
        let mut fresh = behind.pages.head().map(|entry| entry.key).peekable();
        let mut touched = self.touched.range((Excluded(behind.through), bound)).map(|(key, _)| *key).peekable();
        let mut next = || match (fresh.peek(), touched.peek()) {
            (Some(one), Some(other)) if other < one => touched.next(),
            (Some(_), _) => fresh.next(),
            (None, _) => touched.next(),
        };
        let mut last = None;
        for _ in 0..messages {
            match next() {
                Some(key) => last = Some(key),
                None => break,
            }
        }
        match (last, page) {
            (None, Some(page)) => Some(WindowStep::Read(page)),
            (Some(_), None) if next().is_none() => Some(WindowStep::MoveThrough(MessageKey::MAX)),
            (last, _) => last.map(WindowStep::MoveThrough),
        }
    }

    /// The page that the window needs before a message can be available. `None` if one is available, or if the window needs
    /// no page.
    pub(super) fn page_for_window(&self) -> Option<PageRef> {
        if self.behind.is_none() || self.has_available() {
            return None;
        }
        match self.window_step() {
            Some(WindowStep::Read(page)) => Some(page),
            Some(WindowStep::MoveThrough(_)) | None => None,
        }
    }

    /// The first page behind the window that is not in memory and has messages up to a key.
    pub(crate) fn page_up_to(&self, through: MessageKey) -> Option<PageRef> {
        self.behind.as_ref()?.pages.first_spilled().filter(|page| page.first <= through)
    }

    /// Whether messages below a key are behind the window while none in it is available: they wait until a group of the
    /// window is free.
    pub(crate) fn is_held_up(&self, below: MessageKey) -> bool {
        let Some(behind) = &self.behind else { return false };
        let touched = self.touched.range((Excluded(behind.through), Unbounded)).next().map(|(key, _)| *key);
        let first = [touched, behind.pages.first_key()].into_iter().flatten().min();
        !self.has_available() && first.is_some_and(|first| first < below)
    }

    /// Adds a message behind the window.
    #[cold]
    pub(super) fn insert_behind(&mut self, key: MessageKey, mut message: Message, group: Option<&str>, end: End) {
        let Some(behind) = &mut self.behind else { return };
        message.lane = behind.groups.enter(group);
        if end != End::Returned && message.is_fresh() {
            let message = message.fold(key);
            match end {
                End::Back => behind.pages.push_back(message),
                End::Front | End::Returned => behind.pages.push_front(message),
            }
        } else {
            behind.touched += 1;
            self.ages.insert((message.sent, key));
            self.enter(key, message.lane, message.state);
            self.touched.insert(key, message);
        }
    }

    /// Has the window end at `through`, as an event says: it gets an end, or the messages up to there enter it.
    /// [`MessageKey::MAX`] is no end: lanes know all messages then.
    ///
    /// # Errors
    /// If there are no lanes, if the window would end before messages that are in it, or if a page was not read
    /// ([`Messages::page_up_to`]).
    pub(crate) fn move_window(&mut self, through: MessageKey, journal: &mut dyn Journal) -> Result<(), Malformed> {
        const BACK: Malformed = "its window ends before messages that are in it";
        if self.lanes.is_none() {
            return Err("its queue has no groups");
        }
        let Some(mut behind) = self.behind.take() else {
            let touched = self.touched.last_key_value().map(|(key, _)| *key);
            if touched.max(self.fresh.last_key()).is_some_and(|last| last > through) {
                return Err(BACK);
            }
            if through < MessageKey::MAX {
                let budget = self.fresh.budget();
                let groups = GroupNames::new(self.seed, budget.clone());
                let pages = Pages::new(budget.clone());
                self.behind = Some(Box::new(Behind { through, pages, groups, touched: 0 }));
            }
            return Ok(());
        };
        let is_unread = behind.pages.first_spilled().is_some_and(|page| page.first <= through);
        if through < behind.through || is_unread {
            let reason = if is_unread { "its messages are in a page that was not read" } else { BACK };
            self.behind = Some(behind);
            return Err(reason);
        }
        self.enter_window(&mut behind, through);
        behind.pages.release_used(journal);
        behind.through = through;
        if through < MessageKey::MAX {
            self.behind = Some(behind);
        }
        Ok(())
    }

    /// Puts the messages up to `through` into lanes, in the order of their keys.
    fn enter_window(&mut self, behind: &mut Behind, through: MessageKey) {
        let mut after = behind.through;
        loop {
            let fresh = behind.pages.first_key().filter(|key| *key <= through);
            let touched = self.touched.range((Excluded(after), Included(through))).next();
            let touched = touched.map(|(key, message)| (*key, message.sent, message.lane, message.state));
            match (fresh, touched) {
                (None, None) => break,
                (fresh, Some((key, sent, number, state))) if fresh.is_none_or(|fresh| key < fresh) => {
                    let lane = self.lane_for(behind, number);
                    if let Some(message) = self.touched.get_mut(&key) {
                        message.lane = lane;
                    }
                    behind.touched -= 1;
                    after = key;
                    self.enter_lane(key, lane, state);
                    self.rank(lane, Turn { at: sent, key });
                }
                (Some(key), _) => self.enter_fresh(behind, key),
                (None, Some(_)) => unreachable!("a touched message without a fresh one was taken above"),
            }
        }
    }

    fn enter_fresh(&mut self, behind: &mut Behind, key: MessageKey) {
        let mut message = behind.pages.take(key).expect("its page is in memory");
        let (lane, sent) = (self.lane_for(behind, message.entry.lane), message.entry.sent);
        message.entry.lane = lane;
        self.fresh.push_back(message);
        if let Some(lane) = self.lane_mut(lane) {
            lane.fresh.push_back(key);
        }
        self.rank(lane, Turn { at: sent, key });
    }

    /// The slot of the lane of a group that was behind the window. A message passes from the one to the other.
    fn lane_for(&mut self, behind: &mut Behind, number: u32) -> u32 {
        let lane = self.lanes.as_mut().map_or(0, |lanes| lanes.enter(behind.groups.text(number)));
        behind.groups.leave(number);
        lane
    }
}

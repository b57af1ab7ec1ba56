//! The messages of one queue, each in one of three states, and the indices that find the next one.
//!
//! ```text
//!    insert --> Delayed --(delay over)--> Ready <--(visibility over, or set to 0)-- InFlight
//!    insert ----------------------------> Ready --(receive)-----------------------> InFlight
//! ```
//!
//! A message that waits for its first receive is *fresh*: an entry in [`Pages`], which may lie on the disk. A message that
//! was delayed or received is *touched* and has a [`Message`]. It stays touched when it is ready again. Ready messages are
//! served in the order of their keys, by lane if there are lanes. In a FIFO queue a message that is not ready holds back
//! what is behind it in its lane. Lanes know the first messages only, those of the window (`window`).
//!
//! What needs a page that is not in memory is refused as if the message were not there. [`Messages::page_of`] and
//! [`Messages::page_for_head`] say beforehand which page to read.
//!
//! Invariants: a key is in `fresh` or in `touched`, never in both; a touched message is in exactly the indices of its
//! state; `ages` has all touched messages; `in_flight` and `delayed` count the states; a lane of a FIFO queue lists what
//! is delayed or in flight as held; a message is in a lane exactly if it is not behind the window. `Messages::check` looks
//! at them.

#[cfg(any(test, debug_assertions))]
mod check;
mod look;
mod paged;
#[cfg(test)]
mod tests;
pub(crate) mod window;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use posthouse_model::{MessageKey, Timestamp};

use super::lanes::{GROUPLESS, Lane, Lanes, QueueKind, Turn};
use super::message::{Message, MessageState, unfold};
use super::pages::page::Waiting;
use super::pages::stored::StoredPage;
use super::pages::{Below, Pages};
use crate::budget::Budget;
use crate::hash::Seed;
use crate::journal::{BodyRef, Journal, Position};
use crate::quota::{Load, Tally};
use crate::shift::Shift;
pub(crate) use look::Met;
use window::Behind;

/// Where a new message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Behind all others: it just came.
    Back,
    /// Before all others: a checkpoint is read, the highest keys first.
    Front,
    /// As `Front`, for a message that was delayed or given back and is ready again.
    Returned,
}

/// What a checkpoint keeps of the messages of a queue.
#[derive(Clone, Debug)]
pub(crate) enum Kept<'a> {
    /// A message that is in no stored page.
    Message(MessageKey, KeptMessage<'a>),
    /// A stored page.
    Page(&'a StoredPage),
}

/// A message, and where it is.
#[derive(Clone, Debug)]
pub(crate) enum KeptMessage<'a> {
    Fresh(Message),
    Touched(&'a Message),
}

impl KeptMessage<'_> {
    pub(crate) const fn message(&self) -> &Message {
        match self {
            Self::Fresh(message) => message,
            Self::Touched(message) => message,
        }
    }

    /// Whether it is touched.
    pub(crate) const fn is_touched(&self) -> bool {
        matches!(self, Self::Touched(_))
    }
}

/// The messages of one queue.
#[derive(Debug)]
pub(crate) struct Messages {
    kind: QueueKind,
    seed: Seed,
    pub(super) fresh: Pages,
    pub(super) touched: BTreeMap<MessageKey, Message>,
    /// The touched messages that are ready, while there are no lanes.
    pub(super) returned: BTreeSet<MessageKey>,
    deadlines: BTreeSet<(Timestamp, MessageKey)>,
    /// The touched messages by the time they were sent.
    ages: BTreeSet<(Timestamp, MessageKey)>,
    pub(super) lanes: Option<Box<Lanes>>,
    /// The messages behind the window. `None` while lanes know all messages.
    behind: Option<Box<Behind>>,
    in_flight: usize,
    delayed: usize,
    /// The lengths of all records, as the messages name them.
    bytes: u64,
    /// Where the messages of the queue's account are counted, if a quota limits them.
    tally: Option<Arc<Tally>>,
}

impl Messages {
    /// No messages. `lanes_since` is the first key that may have a lane in a standard queue, which a checkpoint says;
    /// `None` before the first message with a group.
    pub(crate) fn new(kind: QueueKind, lanes_since: Option<MessageKey>, seed: Seed) -> Self {
        let since = if kind.is_fifo() { Some(MessageKey::MIN) } else { lanes_since };
        Self {
            kind,
            seed,
            fresh: Pages::default(),
            touched: BTreeMap::new(),
            returned: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            ages: BTreeSet::new(),
            lanes: since.map(|since| Box::new(Lanes::new(kind, since, seed, Arc::default()))),
            behind: None,
            in_flight: 0,
            delayed: 0,
            bytes: 0,
            tally: None,
        }
    }

    /// Has the pages of the messages, and their groups, counted in a budget from now on. There are no messages yet.
    pub(crate) fn keep_within(&mut self, budget: &Arc<Budget>) {
        self.fresh = Pages::new(Arc::clone(budget));
        if let Some(lanes) = &mut self.lanes {
            **lanes = Lanes::new(self.kind, lanes.since, self.seed, Arc::clone(budget));
        }
    }

    /// Counts all messages, and those that come and go from now on, in `tally`.
    pub(crate) fn count_in(&mut self, tally: Option<Arc<Tally>>) {
        if let Some(tally) = &tally {
            tally.add(self.load());
        }
        self.tally = tally;
    }

    /// Counts the messages in no tally and their groups in no budget any more. Returns the tally that they were counted in.
    /// After that they are only dismantled.
    pub(crate) fn count_nowhere(&mut self) -> Option<Arc<Tally>> {
        if let Some(lanes) = &mut self.lanes {
            lanes.count_nowhere();
        }
        if let Some(behind) = &mut self.behind {
            behind.groups.count_nowhere();
        }
        let tally = self.tally.take();
        if let Some(tally) = &tally {
            tally.take(self.load());
        }
        tally
    }

    /// The first key whose message may have a lane. `None` in a FIFO queue, and before the first message with a group.
    pub(crate) fn lanes_since(&self) -> Option<MessageKey> {
        self.lanes.as_ref().filter(|_| !self.kind.is_fifo()).map(|lanes| lanes.since)
    }

    pub(crate) fn len(&self) -> usize {
        self.fresh.len() + self.touched.len() + self.behind.as_ref().map_or(0, |behind| behind.pages.len())
    }

    /// How many there are, and the lengths of their records.
    pub(crate) fn load(&self) -> Load {
        Load { messages: self.len() as u64, bytes: self.bytes }
    }

    pub(crate) const fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(crate) const fn delayed(&self) -> usize {
        self.delayed
    }

    /// How many messages are ready. In a FIFO queue some of them may be behind one that is not.
    pub(crate) fn visible(&self) -> usize {
        self.len() - self.in_flight - self.delayed
    }

    /// Whether a receive would find something.
    pub(crate) fn has_available(&self) -> bool {
        match &self.lanes {
            Some(lanes) => lanes.available() > 0,
            None => self.fresh.len() > 0 || !self.returned.is_empty(),
        }
    }

    /// How many messages, or in a FIFO queue groups, receives can share.
    pub(crate) fn available(&self) -> usize {
        match &self.lanes {
            Some(lanes) if self.kind.is_fifo() => lanes.available(),
            _ => self.visible(),
        }
    }

    /// A touched message. `None` if the message is fresh or not here.
    pub(crate) fn touched(&self, key: MessageKey) -> Option<&Message> {
        self.touched.get(&key)
    }

    /// Looks a message up. `None` if it is not here, or if its page is not in memory.
    pub(crate) fn get(&self, key: MessageKey) -> Option<Cow<'_, Message>> {
        let fresh = || self.list_of(key).get(key).map(unfold).map(Cow::Owned);
        self.touched.get(&key).map(Cow::Borrowed).or_else(fresh)
    }

    /// The group of a message that [`Messages::get`] gave.
    pub(crate) fn group(&self, key: MessageKey, message: &Message) -> Option<&str> {
        match self.behind.as_ref().filter(|behind| key > behind.through) {
            Some(behind) => behind.groups.text(message.lane),
            None => self.lanes.as_ref().and_then(|lanes| lanes.group(message.lane)),
        }
    }

    /// The list that has a message with this key, if the message is fresh.
    fn list_of(&self, key: MessageKey) -> &Pages {
        match &self.behind {
            Some(behind) if key > behind.through => &behind.pages,
            Some(_) | None => &self.fresh,
        }
    }

    /// Whether a message with this key is behind the window.
    fn is_behind(&self, key: MessageKey) -> bool {
        self.behind.as_ref().is_some_and(|behind| key > behind.through)
    }

    /// The messages with keys below `bound`, and the stored pages whose keys all are, the highest first. A page has the
    /// place of its last key, so that it comes before touched messages between its first key and its last.
    pub(crate) fn below(&self, bound: MessageKey) -> impl Iterator<Item = Kept<'_>> {
        let mut fresh = self.fresh_below(bound).peekable();
        let mut touched = self.touched.range(..bound).rev().peekable();
        core::iter::from_fn(move || {
            let fresh_is_next = match (fresh.peek(), touched.peek()) {
                (Some(part), Some((key, _))) => part.last_key() > **key,
                (part, _) => part.is_some(),
            };
            if fresh_is_next {
                fresh.next().map(|part| match part {
                    Below::Message(message) => Kept::Message(message.entry.key, KeptMessage::Fresh(unfold(message))),
                    Below::Page(page) => Kept::Page(page),
                })
            } else {
                touched.next().map(|(key, message)| Kept::Message(*key, KeptMessage::Touched(message)))
            }
        })
    }

    /// The fresh messages with keys below `bound`, and the stored pages whose keys all are, the highest first.
    pub(crate) fn fresh_below(&self, bound: MessageKey) -> impl Iterator<Item = Below<'_>> {
        let behind = self.behind.as_ref().map(|behind| behind.pages.below(bound));
        behind.into_iter().flatten().chain(self.fresh.below(bound))
    }

    /// The touched messages between two keys, the highest first.
    pub(crate) fn touched_between(
        &self,
        first: MessageKey,
        last: MessageKey,
    ) -> impl Iterator<Item = (MessageKey, &Message)> {
        self.touched.range(first..=last).rev().map(|(key, message)| (*key, message))
    }

    /// The fresh messages whose bodies lie where their keys say, from `first` to before `end`, and their bodies. Those in
    /// pages that are not in memory are left out.
    pub(crate) fn fresh_between(
        &self,
        first: MessageKey,
        end: MessageKey,
    ) -> impl Iterator<Item = (MessageKey, BodyRef)> {
        let behind = self.behind.as_ref().map(|behind| behind.pages.in_memory_between(first, end));
        let fresh = self.fresh.in_memory_between(first, end).chain(behind.into_iter().flatten());
        let fresh = fresh.map(|message| (message.entry.key, message.body()));
        fresh.filter(|(key, body)| body.position == Position::of(*key))
    }

    /// All other messages with keys from `from` on, and their bodies, in the order of their keys. Those in pages that are
    /// not in memory are left out.
    pub(crate) fn others_from(&self, from: MessageKey) -> impl Iterator<Item = (MessageKey, BodyRef)> {
        let touched = self.touched.range(from..).map(|(key, message)| (*key, message.body));
        let behind = self.behind.as_ref().map(|behind| behind.pages.among_extras_from(from));
        let fresh = self.fresh.among_extras_from(from).chain(behind.into_iter().flatten());
        let fresh = fresh.map(|message| (message.entry.key, message.body()));
        let fresh = fresh.filter(|(key, body)| body.position != Position::of(*key));
        let (mut touched, mut fresh) = (touched.peekable(), fresh.peekable());
        core::iter::from_fn(move || match (touched.peek(), fresh.peek()) {
            (Some((one, _)), Some((other, _))) if other < one => fresh.next(),
            (Some(_), _) => touched.next(),
            (None, _) => fresh.next(),
        })
    }

    /// Adds a message. `end` says whether its key is above or below all others.
    pub(crate) fn insert(&mut self, key: MessageKey, mut message: Message, group: Option<&str>, end: End) {
        let sent = message.sent;
        self.bytes += u64::from(message.body.length);
        if let Some(tally) = &self.tally {
            tally.add(one(message.body));
        }
        if group.is_some() && self.lanes.is_none() {
            self.open_lanes(key);
        }
        if self.is_behind(key) {
            self.insert_behind(key, message, group, end);
            return;
        }
        let lane = self.lanes.as_mut().map_or(GROUPLESS, |lanes| lanes.enter(group));
        message.lane = lane;
        if end != End::Returned && message.is_fresh() {
            let message = message.fold(key);
            let in_lane = match &mut self.lanes {
                Some(lanes) if key >= lanes.since => Some(&mut lanes.get_mut(lane).fresh),
                Some(lanes) => {
                    lanes.unlisted += 1;
                    None
                }
                None => None,
            };
            if end == End::Back {
                self.fresh.push_back(message);
                in_lane.into_iter().for_each(|fresh| fresh.push_back(key));
            } else {
                self.fresh.push_front(message);
                in_lane.into_iter().for_each(|fresh| fresh.push_front(key));
            }
        } else {
            self.ages.insert((message.sent, key));
            self.enter(key, lane, message.state);
            self.touched.insert(key, message);
        }
        if end != End::Back
            && let Some(lanes) = &mut self.lanes
        {
            // The lane's turn is that of the message which is now its first, unless the checkpoint says another.
            lanes.end_turn(lane);
        }
        self.rank(lane, Turn { at: sent, key });
    }

    /// Whether a fresh message of the same list has this key or a lower one.
    pub(crate) fn has_fresh_up_to(&self, key: MessageKey) -> bool {
        self.list_of(key).first_key().is_some_and(|first| first <= key)
    }

    /// Opens lanes for the first message with a group in a standard queue. All messages before it share one lane.
    fn open_lanes(&mut self, since: MessageKey) {
        let mut lanes = Lanes::new(self.kind, since, self.seed, Arc::clone(self.fresh.budget()));
        lanes.unlisted = self.fresh.len();
        let groupless = lanes.get_mut(GROUPLESS);
        groupless.returned = core::mem::take(&mut self.returned);
        groupless.in_flight = count(self.in_flight);
        self.lanes = Some(Box::new(lanes));
        self.rank(GROUPLESS, Turn { at: Timestamp::EPOCH, key: since });
    }

    /// Puts a message in flight until `until` and counts the receive. `turn` is the receive. Returns `false` if it is
    /// not here.
    pub(crate) fn receive(&mut self, key: MessageKey, turn: Turn, until: Timestamp) -> bool {
        let now = turn.at;
        let found = self.set_state(key, MessageState::InFlight(until), turn, |message| {
            message.generation = message.generation.saturating_add(1);
            message.received = now;
            if message.first_received == Timestamp::EPOCH {
                message.first_received = now;
            }
        });
        if found && until <= now {
            // A timeout of zero is over at once. Its lane was served all the same and takes a new turn.
            self.set_state(key, MessageState::Ready, turn, |_| {});
        }
        found
    }

    /// Sets when a message becomes ready: at once if `until` is not after the time of `turn`, which is the event that
    /// says so. Returns `false` if the message is not here.
    pub(crate) fn hide(&mut self, key: MessageKey, turn: Turn, until: Timestamp) -> bool {
        let state = if until > turn.at { MessageState::InFlight(until) } else { MessageState::Ready };
        self.set_state(key, state, turn, |_| {})
    }

    /// Undoes the receive of a message that is in flight, and hides it until `until`. Returns `false` if it is not here.
    pub(crate) fn give_back(&mut self, key: MessageKey, turn: Turn, until: Timestamp) -> bool {
        let state = if until > turn.at { MessageState::InFlight(until) } else { MessageState::Ready };
        self.set_state(key, state, turn, |message| {
            message.generation = message.generation.saturating_sub(1);
            if message.generation == 0 {
                // A checkpoint keeps a message that was never received without these times.
                message.received = Timestamp::EPOCH;
                if message.inherited == 0 {
                    message.first_received = Timestamp::EPOCH;
                }
            }
        })
    }

    fn set_state(
        &mut self,
        key: MessageKey,
        state: MessageState,
        turn: Turn,
        change: impl FnOnce(&mut Message),
    ) -> bool {
        let lane = if let Some(message) = self.touched.get_mut(&key) {
            let old = core::mem::replace(&mut message.state, state);
            let lane = message.lane;
            change(message);
            self.leave(key, lane, old);
            lane
        } else if let Some(taken) = self.take_fresh(key) {
            let mut message = unfold(taken.view());
            message.state = state;
            change(&mut message);
            self.ages.insert((message.sent, key));
            self.touched.insert(key, message);
            if let Some(behind) = self.behind.as_mut().filter(|behind| key > behind.through) {
                behind.touched += 1;
            }
            taken.entry.lane
        } else {
            return false;
        };
        self.enter(key, lane, state);
        if !self.is_behind(key) {
            self.rank(lane, turn);
        }
        true
    }

    fn take_fresh(&mut self, key: MessageKey) -> Option<Waiting> {
        if let Some(behind) = self.behind.as_mut().filter(|behind| key > behind.through) {
            return behind.pages.take(key);
        }
        let taken = self.fresh.take(key)?;
        match &mut self.lanes {
            Some(lanes) if key >= lanes.since => lanes.get_mut(taken.entry.lane).take_fresh(key),
            Some(lanes) => lanes.unlisted -= 1,
            None => {}
        }
        Some(taken)
    }

    /// Removes a message. `turn` is the event that says so. Returns its body, or `None` if it is not here.
    pub(crate) fn remove(&mut self, key: MessageKey, turn: Turn) -> Option<BodyRef> {
        let (lane, body) = if let Some(message) = self.touched.remove(&key) {
            self.ages.remove(&(message.sent, key));
            self.leave(key, message.lane, message.state);
            if let Some(behind) = self.behind.as_mut().filter(|behind| key > behind.through) {
                behind.touched -= 1;
            }
            (message.lane, message.body)
        } else {
            let taken = self.take_fresh(key)?;
            (taken.entry.lane, taken.body())
        };
        self.bytes -= u64::from(body.length);
        if let Some(tally) = &self.tally {
            tally.take(one(body));
        }
        if let Some(behind) = self.behind.as_mut().filter(|behind| key > behind.through) {
            behind.groups.leave(lane);
            return Some(body);
        }
        if let Some(lanes) = &mut self.lanes {
            lanes.leave(lane);
        }
        self.rank(lane, turn);
        Some(body)
    }

    /// Makes up to `budget` messages ready whose delay or visibility timeout ends by `now`. Returns how many.
    pub(crate) fn advance(&mut self, now: Timestamp, budget: usize) -> usize {
        for done in 0..budget {
            match self.deadlines.first() {
                Some(&(deadline, key)) if deadline <= now => {
                    self.set_state(key, MessageState::Ready, Turn { at: deadline, key }, |_| {})
                }
                _ => return done,
            };
        }
        budget
    }

    /// How many times [`Messages::shift`] has to move, about. A message that is touched has several, in indices.
    pub(crate) fn times(&self) -> usize {
        self.len() + 16 * self.touched.len()
    }

    /// Moves every time with the clock, which was set. No delay or visibility timeout ends before `shift.from`.
    pub(crate) fn shift(&mut self, shift: Shift) {
        for message in self.touched.values_mut() {
            message.sent = shift.corrected(message.sent);
            message.first_received = shift.corrected(message.first_received);
            message.received = shift.moved(message.received);
            message.state = match message.state {
                MessageState::Ready => MessageState::Ready,
                MessageState::Delayed(until) => MessageState::Delayed(shift.moved(until)),
                MessageState::InFlight(until) => MessageState::InFlight(shift.moved(until)),
            };
        }
        let deadlines = self.touched.iter().filter_map(|(key, message)| match message.state {
            MessageState::Ready => None,
            MessageState::Delayed(until) | MessageState::InFlight(until) => Some((until, *key)),
        });
        self.deadlines = deadlines.collect();
        self.ages = self.touched.iter().map(|(key, message)| (message.sent, *key)).collect();
        self.fresh.shift(shift);
        if let Some(behind) = &mut self.behind {
            behind.pages.shift(shift);
        }
        if let Some(lanes) = &mut self.lanes {
            lanes.shift(shift);
        }
    }

    /// When the next delay or visibility timeout ends.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// A time before which no message was sent: that of the oldest one, but for what [`Pages::oldest`] says.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        let touched = self.ages.first().map(|(sent, _)| *sent);
        let behind = self.behind.as_ref().and_then(|behind| behind.pages.oldest());
        [self.fresh.oldest(), touched, behind].into_iter().flatten().min()
    }

    /// Messages that were sent at `bound` or before, at most `messages_max`, without those in pages that are not in memory.
    pub(crate) fn sent_by(&mut self, bound: Timestamp, messages_max: usize) -> Vec<MessageKey> {
        let touched = self.ages.iter().take_while(|(sent, _)| *sent <= bound).map(|(_, key)| *key);
        let mut found: Vec<MessageKey> = touched.take(messages_max).collect();
        found.extend(self.fresh.sent_by(bound, messages_max - found.len()));
        if let Some(behind) = &mut self.behind {
            found.extend(behind.pages.sent_by(bound, messages_max - found.len()));
        }
        found
    }

    /// Drops about `budget` messages and the references to their bodies. Returns how many steps that took; none if there
    /// are no messages left. The indices are not kept up to date: only for messages of a deleted or purged queue, which are
    /// counted nowhere.
    pub(crate) fn dismantle(&mut self, budget: usize, journal: &mut dyn Journal) -> usize {
        let mut done = 0;
        while done < budget
            && let Some((_, message)) = self.touched.pop_first()
        {
            journal.release(message.body);
            done += 1;
        }
        done += self.fresh.dismantle(budget - done, journal);
        match &mut self.behind {
            Some(behind) => done + behind.pages.dismantle(budget.saturating_sub(done), journal),
            None => done,
        }
    }

    fn enter(&mut self, key: MessageKey, lane: u32, state: MessageState) {
        match state {
            MessageState::Ready => {}
            MessageState::Delayed(until) => {
                self.deadlines.insert((until, key));
                self.delayed += 1;
            }
            MessageState::InFlight(until) => {
                self.deadlines.insert((until, key));
                self.in_flight += 1;
            }
        }
        if !self.is_behind(key) {
            self.enter_lane(key, lane, state);
        }
    }

    /// Lists a touched message in its lane.
    fn enter_lane(&mut self, key: MessageKey, lane: u32, state: MessageState) {
        let kind = self.kind;
        match (self.lane_mut(lane), state) {
            (Some(lane), MessageState::Ready) => {
                lane.returned.insert(key);
            }
            (None, MessageState::Ready) => {
                self.returned.insert(key);
            }
            (Some(lane), MessageState::Delayed(_) | MessageState::InFlight(_)) => {
                lane.in_flight += u32::from(matches!(state, MessageState::InFlight(_)));
                if kind.is_fifo() {
                    lane.held.insert(key);
                }
            }
            (None, MessageState::Delayed(_) | MessageState::InFlight(_)) => {}
        }
    }

    fn leave(&mut self, key: MessageKey, lane: u32, state: MessageState) {
        match state {
            MessageState::Ready => {}
            MessageState::Delayed(until) => {
                self.deadlines.remove(&(until, key));
                self.delayed -= 1;
            }
            MessageState::InFlight(until) => {
                self.deadlines.remove(&(until, key));
                self.in_flight -= 1;
            }
        }
        if self.is_behind(key) {
            return;
        }
        let kind = self.kind;
        match (self.lane_mut(lane), state) {
            (Some(lane), MessageState::Ready) => {
                lane.returned.remove(&key);
            }
            (None, MessageState::Ready) => {
                self.returned.remove(&key);
            }
            (Some(lane), MessageState::Delayed(_) | MessageState::InFlight(_)) => {
                lane.in_flight -= u32::from(matches!(state, MessageState::InFlight(_)));
                if kind.is_fifo() {
                    lane.held.remove(key);
                }
            }
            (None, MessageState::Delayed(_) | MessageState::InFlight(_)) => {}
        }
    }

    fn lane_mut(&mut self, lane: u32) -> Option<&mut Lane> {
        self.lanes.as_mut().map(|lanes| lanes.get_mut(lane))
    }

    fn rank(&mut self, lane: u32, turn: Turn) {
        if let Some(lanes) = &mut self.lanes {
            let before = self.fresh.first_key().filter(|key| lane == GROUPLESS && *key < lanes.since);
            lanes.rank(lane, before, turn);
        }
    }
}

/// What one message counts as.
fn one(body: BodyRef) -> Load {
    Load { messages: 1, bytes: u64::from(body.length) }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).expect("fewer messages in flight than 2^32: each is in memory")
}

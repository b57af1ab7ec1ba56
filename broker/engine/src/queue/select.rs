//! Which messages a receive gets. Selecting reads [`Messages`] and changes nothing.
//!
//! Without lanes it takes the lowest keys. In a FIFO queue it takes as many as possible of the group whose turn it is, up
//! to the first message that is delayed or in flight, then of the next (SQS Developer Guide, "FIFO queue delivery
//! logic"). A selection in a FIFO queue looks at no more groups than it takes messages from, unless its messages are
//! bounded by a key. In a fair queue it takes one message at a time from
//! the lane that then has the fewest messages in flight.

use core::iter::Peekable;

use posthouse_model::MessageKey;

use super::lanes::{GROUPLESS, Rank};
use super::messages::Messages;

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// Messages at most.
    pub(crate) messages_max: usize,
    /// Groups at most, in a FIFO queue.
    pub(crate) groups_max: usize,
    /// Messages that were received this often in this queue are not delivered but set aside.
    pub(crate) receives_max: u32,
    /// Only messages below this key.
    pub(crate) below: MessageKey,
}

impl Wanted {
    /// Up to `messages_max` messages without further conditions.
    pub(crate) const fn any(messages_max: usize) -> Self {
        Self { messages_max, groups_max: usize::MAX, receives_max: u32::MAX, below: MessageKey::MAX }
    }
}

/// How many messages one selection sets aside at most.
const SET_ASIDE_MAX: usize = 100;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    /// Messages to deliver, in the order of delivery.
    pub(crate) deliver: Vec<MessageKey>,
    /// Messages that were received too often.
    pub(crate) set_aside: Vec<MessageKey>,
    /// The lengths of the records of the messages to deliver. Their reader fills them in.
    pub(crate) lengths: Vec<u32>,
}

impl Selection {
    fn is_full(&self, wanted: &Wanted) -> bool {
        self.deliver.len() >= wanted.messages_max || self.set_aside.len() >= SET_ASIDE_MAX
    }

    /// Adds a message. Returns whether it is to be delivered; otherwise it is set aside.
    fn add(&mut self, key: MessageKey, generation: u32, wanted: &Wanted) -> bool {
        let deliver = generation < wanted.receives_max;
        if deliver {
            self.deliver.push(key);
        } else {
            self.set_aside.push(key);
        }
        deliver
    }
}

/// A lane that a selection takes messages from, with the load that it would have by then.
struct Cursor<I: Iterator<Item = MessageKey>> {
    load: u32,
    ready: Peekable<I>,
}

impl Messages {
    /// Selects messages to deliver, in the order of delivery. Clears `selection` first. As many fresh messages are in memory
    /// as are wanted ([`Messages::page_for_head`]).
    pub(crate) fn select(&self, wanted: &Wanted, selection: &mut Selection) {
        selection.deliver.clear();
        selection.set_aside.clear();
        match &self.lanes {
            None => self.select_in_order(wanted, selection),
            Some(lanes) if lanes.is_fifo() => self.select_groups(lanes.order(), wanted, selection),
            Some(lanes) => self.select_fairly(lanes.order(), wanted, selection),
        }
    }

    fn select_in_order(&self, wanted: &Wanted, selection: &mut Selection) {
        for key in self.ready(None) {
            if selection.is_full(wanted) || key >= wanted.below {
                break;
            }
            selection.add(key, self.generation(key), wanted);
        }
    }

    fn select_groups(&self, order: impl Iterator<Item = Rank>, wanted: &Wanted, selection: &mut Selection) {
        for Rank { slot, .. } in order.take(wanted.groups_max) {
            let held = self.lanes.as_ref().and_then(|lanes| lanes.get(slot).held.first());
            let end = held.map_or(wanted.below, |held| held.min(wanted.below));
            for key in self.ready(Some(slot)).take_while(|key| *key < end) {
                if selection.is_full(wanted) {
                    return;
                }
                selection.add(key, self.generation(key), wanted);
            }
        }
    }

    fn select_fairly(&self, order: impl Iterator<Item = Rank>, wanted: &Wanted, selection: &mut Selection) {
        let mut order = order.filter(|rank| rank.turn.key < wanted.below).peekable();
        let mut cursors = Vec::new();
        while !selection.is_full(wanted) {
            let opened = cursors
                .iter_mut()
                .enumerate()
                .filter_map(|(index, cursor): (usize, &mut Cursor<_>)| {
                    let head = *cursor.ready.peek().filter(|key| **key < wanted.below)?;
                    Some((cursor.load, head, index))
                })
                .min();
            let index = match (opened, order.peek().copied()) {
                (Some((load, head, index)), Some(next)) if (load, head) < (next.load, next.turn.key) => index,
                (_, Some(Rank { load, slot, .. })) => {
                    order.next();
                    cursors.push(Cursor { load, ready: self.ready(Some(slot)).peekable() });
                    cursors.len() - 1
                }
                (Some((_, _, index)), None) => index,
                (None, None) => break,
            };
            let cursor = &mut cursors[index];
            let Some(key) = cursor.ready.next() else { break };
            if selection.add(key, self.generation(key), wanted) {
                cursor.load += 1;
            }
        }
    }

    /// How often a message was received here.
    fn generation(&self, key: MessageKey) -> u32 {
        self.touched.get(&key).map_or(0, |message| message.generation)
    }

    /// The ready messages of a lane, or of a queue without lanes, in the order of their keys.
    fn ready(&self, slot: Option<u32>) -> impl Iterator<Item = MessageKey> + '_ {
        let lane = slot.and_then(|slot| self.lanes.as_ref().map(|lanes| lanes.get(slot)));
        // Fresh messages that no lane lists: all of them without lanes, else those before the first group.
        let unlisted = match (&self.lanes, slot) {
            (None, _) => MessageKey::MAX,
            (Some(lanes), Some(GROUPLESS)) => lanes.since,
            (Some(_), _) => MessageKey::MIN,
        };
        let unlisted = self.fresh.head().map(|entry| entry.key).take_while(move |key| *key < unlisted);
        let listed = lane.into_iter().flat_map(|lane| lane.fresh.iter().copied());
        let returned = lane.map_or(&self.returned, |lane| &lane.returned).iter().copied();
        merge(unlisted.chain(listed), returned)
    }
}

/// Two ascending lists as one.
fn merge(
    left: impl Iterator<Item = MessageKey>,
    right: impl Iterator<Item = MessageKey>,
) -> impl Iterator<Item = MessageKey> {
    let (mut left, mut right) = (left.peekable(), right.peekable());
    core::iter::from_fn(move || match (left.peek(), right.peek()) {
        (Some(a), Some(b)) if b < a => right.next(),
        (Some(_), _) => left.next(),
        (None, _) => right.next(),
    })
}

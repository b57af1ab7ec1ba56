//! Whose turn it is in a FIFO queue, for checkpoints and digests. How lanes take turns is in `lanes`.

use std::collections::BTreeMap;

use posthouse_model::{MessageKey, Timestamp};

use super::lanes::{Lanes, Turn};
use super::message::MessageState;
use super::messages::Messages;

/// Groups that [`Messages::turns_after`] has looked at.
#[derive(Debug)]
pub(crate) struct Turns<'a> {
    /// Those whose turn is another than that of their first message's arrival.
    pub(crate) turns: Vec<(&'a str, Turn)>,
    /// How many groups there were.
    pub(crate) lanes: usize,
    /// The turn of the last of them.
    pub(crate) last: Option<Turn>,
}

impl Messages {
    /// The groups of a FIFO queue that can be served at `now`, each with its turn, in the order of their names. A group
    /// whose first message is ready by then, but was not made ready yet, counts.
    pub(crate) fn turns_at(&self, now: Timestamp) -> Vec<(&str, Turn)> {
        let Some(lanes) = self.fifo_lanes() else { return Vec::new() };
        let turns = lanes.turns_after(None).map(|(turn, slot)| (slot, turn)).collect::<BTreeMap<_, _>>();
        let due = |key: MessageKey| match self.touched.get(&key)?.state {
            MessageState::Delayed(until) | MessageState::InFlight(until) if until <= now => {
                Some(Turn { at: until, key })
            }
            _ => None,
        };
        let groups = lanes.groups().filter_map(|(slot, lane)| {
            let turn = turns.get(&slot).copied().or_else(|| due(lane.held.first()?))?;
            Some((lanes.group(slot)?, turn))
        });
        let mut groups = groups.collect::<Vec<_>>();
        groups.sort_unstable();
        groups
    }

    /// Looks at up to `lanes_max` groups of a FIFO queue that can be served, in the order of their turns, after the turn
    /// `after`.
    pub(crate) fn turns_after(&self, after: Option<Turn>, lanes_max: usize) -> Turns<'_> {
        let mut seen = Turns { turns: Vec::new(), lanes: 0, last: None };
        let Some(lanes) = self.fifo_lanes() else { return seen };
        for (turn, slot) in lanes.turns_after(after).take(lanes_max) {
            seen.lanes += 1;
            seen.last = Some(turn);
            let first = lanes.get(slot).first_ready();
            let sent = first.and_then(|key| Some(Turn { at: self.get(key)?.sent, key }));
            seen.turns.extend(lanes.group(slot).filter(|_| sent != Some(turn)).map(|group| (group, turn)));
        }
        seen
    }

    /// The last turn of a group that can be served. `None` if there is none, or if this is no FIFO queue.
    pub(crate) fn last_turn(&self) -> Option<Turn> {
        self.fifo_lanes()?.last_turn()
    }

    /// Sets the turn of a FIFO queue's group to what a checkpoint says. Does nothing if the group cannot be served.
    pub(crate) fn set_turn(&mut self, group: &str, turn: Turn) {
        if let Some(lanes) = &mut self.lanes {
            lanes.set_turn(group, turn);
        }
    }

    fn fifo_lanes(&self) -> Option<&Lanes> {
        self.lanes.as_deref().filter(|lanes| lanes.is_fifo())
    }
}

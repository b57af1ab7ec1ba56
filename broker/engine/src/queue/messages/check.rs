//! The invariants of a queue's messages, looked at in tests and debug builds.

use std::collections::BTreeSet;

use posthouse_model::MessageKey;

use super::Messages;
use crate::queue::lanes::GROUPLESS;
use crate::queue::message::{Message, MessageState};
use crate::queue::pages::Below;
use crate::queue::pages::page::Entry;

impl Messages {
    /// Panics unless the invariants hold that this file's header states, and those of the pages and the lanes.
    pub(crate) fn check(&self) {
        self.fresh.check();
        self.check_behind();
        let (mut ready, mut deadlines, mut ages) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let (mut in_flight, mut delayed) = (0, 0);
        for (&key, message) in &self.touched {
            assert!(self.list_of(key).get(key).is_none(), "message {key:?} is both fresh and touched");
            ages.insert((message.sent, key));
            match message.state {
                MessageState::Ready => {
                    ready.insert(key);
                }
                MessageState::Delayed(until) => {
                    deadlines.insert((until, key));
                    delayed += 1;
                }
                MessageState::InFlight(until) => {
                    deadlines.insert((until, key));
                    in_flight += 1;
                }
            }
        }
        assert_eq!((self.in_flight, self.delayed), (in_flight, delayed), "messages in flight and delayed");
        let touched = self.touched.values().map(|message| u64::from(message.body.length));
        let fresh = self.fresh_below(MessageKey::MAX).map(|part| match part {
            Below::Message(message) => u64::from(message.entry.length),
            Below::Page(page) => page.bytes(),
        });
        assert_eq!(self.bytes, touched.chain(fresh).sum::<u64>(), "bytes of the records of all messages");
        assert_eq!(self.deadlines, deadlines, "the deadlines of messages that are delayed or in flight");
        assert_eq!(self.ages, ages, "the ages of touched messages");
        match &self.lanes {
            None => assert_eq!(self.returned, ready, "touched messages that are ready"),
            Some(lanes) => {
                let window = || self.touched.iter().filter(|(key, _)| !self.is_behind(**key));
                let is_in_flight = |message: &Message| matches!(message.state, MessageState::InFlight(_));
                lanes.check(window().filter(|(_, message)| is_in_flight(message)).count());
                assert!(self.returned.is_empty(), "lanes list the ready messages");
                let listed = window().filter(|(key, message)| lanes.get(message.lane).returned.contains(key));
                ready.retain(|key| !self.is_behind(*key));
                assert!(listed.map(|(key, _)| *key).eq(ready), "each lane lists its ready messages");
                if self.kind.is_fifo() {
                    let held = window().filter(|(_, message)| message.state != MessageState::Ready);
                    let is_listed =
                        |(key, message): (&MessageKey, &Message)| lanes.get(message.lane).held.contains(*key);
                    assert!(held.clone().all(is_listed), "each lane lists what is delayed or in flight");
                    let count: usize = lanes.groups().map(|(_, lane)| lane.held.len()).sum();
                    assert_eq!(count + lanes.get(GROUPLESS).held.len(), held.count(), "lanes hold nothing else back");
                }
                let fresh = self.fresh.in_memory_between(lanes.since, MessageKey::MAX);
                let fresh: Vec<&Entry> = fresh.map(|message| message.entry).collect();
                let is_listed = |entry: &&Entry| lanes.get(entry.lane).fresh.binary_search(&entry.key).is_ok();
                assert!(fresh.iter().all(is_listed), "each lane lists its fresh messages");
                assert_eq!(lanes.fresh_count(), fresh.len(), "lanes list no other messages as fresh");
                assert_eq!(
                    self.fresh.len() - lanes.unlisted,
                    fresh.len(),
                    "all others are below the first key of lanes"
                );
            }
        }
    }

    fn check_behind(&self) {
        let Some(behind) = &self.behind else { return };
        assert!(self.lanes.is_some(), "a window is one of lanes");
        behind.pages.check();
        let is_behind = |key: Option<MessageKey>| key.is_none_or(|key| key > behind.through);
        assert!(is_behind(behind.pages.first_key()), "pages behind the window");
        assert!(!is_behind(self.fresh.last_key()) || self.fresh.len() == 0, "fresh messages in the window");
        let touched = || self.touched.iter().filter(|(key, _)| **key > behind.through);
        assert_eq!(behind.touched, touched().count(), "touched messages behind the window");
        let fresh = behind.pages.in_memory_between(MessageKey::MIN, MessageKey::MAX).map(|message| message.entry.lane);
        behind.groups.check(fresh.chain(touched().map(|(_, message)| message.lane)));
    }
}

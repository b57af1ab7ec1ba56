//! Tests of the messages of one queue.

use super::*;
use crate::journal::{Position, References};

const NOW: Timestamp = Timestamp::from_millis(1_000_000);

/// The bodies that were released.
#[derive(Default)]
struct Released(Vec<u64>);

impl Journal for Released {
    fn append(&mut self, _: u8, _: &[&[u8]]) -> Position {
        unreachable!("messages write no events")
    }

    fn region_end(&self, position: Position) -> Position {
        position
    }

    fn retain_many(&mut self, _: Position, _: References) {}

    fn release_many(&mut self, region: Position, _: References) {
        self.0.push(region.get());
    }
}

fn sent(key: u64) -> Message {
    Message::new(BodyRef { position: Position::new(key), length: 100 }, NOW)
}

fn turn(key: u64) -> Turn {
    Turn { at: NOW, key: MessageKey::new(key) }
}

/// A lane lives as long as it has messages, in whatever state; its slot is used again.
#[test]
fn lanes_come_and_go_with_their_messages() {
    for kind in [QueueKind::Standard, QueueKind::Fifo] {
        let mut messages = Messages::new(kind, None, Seed::new([7; 16]));
        for round in 0..100 {
            let keys = [1, 2, 3].map(|index| MessageKey::new(round * 10 + index));
            for key in keys {
                messages.insert(key, sent(key.get()), Some(&format!("group-{round}-{}", key.get() % 2)), End::Back);
            }
            messages.receive(keys[0], turn(round), Timestamp::NEVER);
            for key in keys {
                assert_eq!(messages.remove(key, turn(round)), Some(sent(key.get()).body));
            }
            let lanes = messages.lanes.as_ref().expect("there were groups");
            assert_eq!((lanes.available(), lanes.slot_count()), (0, 3), "the groupless lane and two more");
            assert_eq!((messages.len(), messages.in_flight(), messages.oldest()), (0, 0, None));
        }
    }
}

/// What a million waiting messages cost is what an entry costs: nothing else grows with them.
#[test]
fn a_waiting_message_is_an_entry_and_nothing_more() {
    let mut messages = Messages::new(QueueKind::Standard, None, Seed::new([7; 16]));
    for key in 1..=10_000 {
        messages.insert(MessageKey::new(key), sent(key), None, End::Back);
    }
    assert_eq!((messages.len(), messages.touched.len(), messages.ages.len()), (10_000, 0, 0));
    assert!(messages.returned.is_empty() && messages.deadlines.is_empty() && messages.lanes.is_none());
}

#[test]
fn dismantling_names_every_body_once() {
    let mut messages = Messages::new(QueueKind::Standard, None, Seed::new([7; 16]));
    for key in 1..=10 {
        messages.insert(MessageKey::new(key), sent(key), None, End::Back);
    }
    messages.receive(MessageKey::new(4), turn(11), Timestamp::NEVER);
    let mut journal = Released::default();
    while messages.dismantle(3, &mut journal) > 0 {}
    journal.0.sort_unstable();
    assert_eq!(journal.0, (1..=10).collect::<Vec<_>>());
}

//! One number for the whole durable state: two engines with equal digests are in the same state.
//!
//! What is hashed is what a checkpoint would write, in a fixed order, with everything done that time alone does. So
//! neither how a state came about nor how it lies in memory shows.

use core::hash::Hasher as _;

use bytes::Bytes;
use posthouse_model::{MessageKey, QueueId, Timestamp};
use siphasher::sip128::{Hasher128 as _, SipHasher24};

use crate::checkpoint::{message_kept, queue_kept};
use crate::event::Event;
use crate::event::checkpoint::{
    AttemptKept, AttemptsKept, CheckpointBegan, GroupsKept, MessagesKept, NamesKept, OriginalsKept, QueueKept,
};
use crate::event::damaged_kept::DamagedKept;
use crate::event::pages::PageStored;
use crate::event::producer::{MissedKept, ProducersKept};
use crate::event::registry::RegistrySet;
use crate::event::topic::{SubscriptionSet, TopicSet};
use crate::event::window_moved::WindowMoved;
use crate::journal::{BodyRef, Position};
use crate::queue::Queue;
use crate::queue::message::{MessageState, unfold};
use crate::queue::messages::KeptMessage;
use crate::queue::pages::Below;
use crate::queue::pages::groups::PageGroups;
use crate::queue::pages::page::WaitingRef;
use crate::queue::pages::stored::StoredPage;
use crate::state::State;

struct Digest {
    hasher: SipHasher24,
    bytes: Vec<u8>,
}

impl Digest {
    fn add(&mut self, event: &Event<'_>) {
        self.bytes.clear();
        event.encode(&mut self.bytes);
        self.hasher.write_u64(self.bytes.len() as u64);
        self.hasher.write(&self.bytes);
    }
}

/// Reads the record of a page.
pub(crate) type ReadPage<'a> = dyn Fn(BodyRef) -> Bytes + 'a;

/// A digest of the durable state at `now`. Pages that are not in memory are read with `read`.
pub(crate) fn of(state: &State, now: Timestamp, read: &ReadPage<'_>) -> [u8; 16] {
    debug_assert!(state.deliveries.is_empty(), "each queue has what was published to it");
    debug_assert!(!state.topics.has_remains(), "what belongs to deleted topics was forgotten");
    let mut digest = Digest { hasher: SipHasher24::new(), bytes: Vec::new() };
    let next_queue = state.next_queue();
    digest.add(&Event::CheckpointBegan(CheckpointBegan { time: Timestamp::EPOCH, next_queue }));
    for entry in state.registry.entries(None) {
        digest.add(&Event::RegistrySet(RegistrySet(entry)));
    }
    for topic in state.topics.from(None) {
        digest.add(&Event::TopicSet(TopicSet(topic.definition.clone())));
        for subscription in topic.subscriptions_after(None) {
            digest.add(&Event::SubscriptionSet(SubscriptionSet(subscription.definition.clone())));
        }
    }
    for queue in state.queues() {
        add_queue(&mut digest, queue, now, read);
    }
    for producer in state.producers.after(None).filter(|producer| !producer.is_over(now)) {
        let producers = vec![producer.clone()];
        digest.add(&Event::ProducersKept(ProducersKept { began: Position::ZERO, producers }));
    }
    for (target, until) in state.producers.missed_after(None).filter(|(_, until)| *until > now) {
        let missed = vec![(target.clone(), until)];
        digest.add(&Event::MissedKept(MissedKept { began: Position::ZERO, missed }));
    }
    for (address, deleted) in &state.deleted {
        if *deleted + state.options.deleted_recently > now {
            let names = vec![(address.clone(), *deleted)];
            digest.add(&Event::NamesKept(NamesKept { began: Position::ZERO, names }));
        }
    }
    digest.hasher.finish128().as_bytes()
}

fn add_queue(digest: &mut Digest, queue: &Queue, now: Timestamp, read: &ReadPage<'_>) {
    let began = Position::ZERO;
    // Where lanes begin shows in no answer.
    digest.add(&Event::QueueKept(QueueKept { lanes_since: None, ..queue_kept(queue, began) }));
    for original in queue.deduplication.below(MessageKey::MAX).filter(|original| !original.is_over(now)) {
        digest.add(&Event::OriginalsKept(OriginalsKept { began, queue: queue.id, originals: vec![*original] }));
    }
    for (id, attempt) in queue.attempts.before(Position::new(u64::MAX)) {
        if !attempt.is_over(now) {
            let (position, began_at, until) = (attempt.position, attempt.began, attempt.until);
            let messages = (&*attempt.messages).into();
            let attempts = vec![AttemptKept { id, position, began: began_at, until, messages }];
            digest.add(&Event::AttemptsKept(AttemptsKept { began, queue: queue.id, attempts }));
        }
    }
    for (key, damaged) in queue.damaged.below(MessageKey::MAX) {
        digest.add(&Event::DamagedKept(DamagedKept { began, queue: queue.id, messages: vec![(key, damaged.clone())] }));
    }
    for turn in queue.messages.turns_at(now) {
        digest.add(&Event::GroupsKept(GroupsKept { began, queue: queue.id, groups: vec![turn] }));
    }
    if let Some(through) = queue.messages.window_through() {
        digest.add(&Event::WindowMoved(WindowMoved { queue: queue.id, time: Timestamp::EPOCH, through }));
    }
    let mut add_message = |key: MessageKey, kept: &KeptMessage<'_>, group: Option<&str>| {
        let message = kept.message();
        let source = message.origin.as_ref().and_then(|origin| origin.source.as_deref());
        let mut kept_message = message_kept(key, message, group, source.map(|_| 0));
        if let MessageState::Delayed(until) | MessageState::InFlight(until) = kept_message.state
            && until <= now
        {
            kept_message.state = MessageState::Ready;
        }
        kept_message.returned = kept.is_touched() && kept_message.is_fresh();
        let (sources, messages) = (source.cloned().into_iter().collect(), vec![kept_message]);
        digest.add(&Event::MessagesKept(MessagesKept { began, queue: queue.id, sources, messages }));
    };
    for (key, message) in queue.messages.touched_between(MessageKey::MIN, MessageKey::MAX) {
        add_message(key, &KeptMessage::Touched(message), queue.messages.group(key, message));
    }
    for part in queue.messages.fresh_below(MessageKey::MAX) {
        match part {
            Below::Message(message) => add_fresh(queue, message, &mut add_message),
            Below::Page(page) => match page.page() {
                Some(page) => page.messages().rev().for_each(|message| add_fresh(queue, message, &mut add_message)),
                None => {
                    let PageStored { messages, groups, .. } = of_record(page, read);
                    for message in page.stored().left_of(messages).messages().rev() {
                        let group = groups.get(message.entry.lane);
                        add_message(message.entry.key, &KeptMessage::Fresh(unfold(message)), group);
                    }
                }
            },
        }
    }
}

/// Adds a message that is in memory.
fn add_fresh(queue: &Queue, message: WaitingRef<'_>, add: &mut impl FnMut(MessageKey, &KeptMessage<'_>, Option<&str>)) {
    let (key, message) = (message.entry.key, unfold(message));
    let group = queue.messages.group(key, &message).map(ToOwned::to_owned);
    add(key, &KeptMessage::Fresh(message), group.as_deref());
}

/// A stored page that is not in memory. An empty one if its record cannot be read, which no sound journal brings about.
fn of_record(page: &StoredPage, read: &ReadPage<'_>) -> PageStored {
    let record = read(page.stored().record);
    let none = PageStored { queue: QueueId::new(0), messages: Vec::new(), groups: PageGroups::default() };
    PageStored::of_record(&record).unwrap_or(none)
}

//! The recipients of a publication: a dense table of the confirmed subscriptions of a topic.
//!
//! A subscription has a slot. Subscriptions without a filter policy are listed. The others are found by their policies
//! ([`filters`]). One whose [`Filter`] lets no message through is in neither. The cost of finding grows with the number
//! of recipients. Slots are reused and are never written to the log.
//!
//! A publication that takes several turns of the core loop works with the slots of its beginning. While one is under way
//! ([`FanOut::pin`]) a slot that is given back keeps its row and is not reused.

mod filters;

use std::sync::Arc;

use posthouse_filter::{Policy, Scope, Scratch, Unfinished};
use posthouse_model::notification::NotificationForm;
use posthouse_model::topic_name::Platform;
use posthouse_model::{QueueId, StoredMessage, SubscriptionId, SubscriptionProtocol, TopicAddress};

use super::message_events::MessageEvents;
use crate::hash::Seed;
use filters::{Change, Filters};

pub use filters::Search;
pub(crate) use filters::{Found, Matched, Work};

/// What a publication has to know of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) subscription: SubscriptionId,
    /// Its internal queue, or the queue that was its endpoint when it was last looked for: it may have been deleted since,
    /// and another one may have been created at its address. `None` where there was none.
    pub(crate) queue: Option<QueueId>,
    pub(crate) protocol: SubscriptionProtocol,
    /// Of a device.
    pub(crate) platform: Option<Platform>,
    pub(crate) form: NotificationForm,
    /// Whether its endpoint is a queue of another account than the topic's or the subscription's, whose policy has to
    /// allow the delivery.
    pub(crate) foreign: bool,
}

/// Which messages a subscription receives.
#[derive(Debug)]
pub(crate) enum Filter {
    /// All: it has no filter policy.
    Open,
    /// Those that its filter policy matches.
    Policy(Policy),
    /// None: an earlier version took its filter policy, which [`Policy::parse`] refuses now.
    Closed {
        /// The length of the policy.
        text_bytes: u64,
    },
}

impl Filter {
    /// The bytes of memory that the policy and its text take at most.
    pub(crate) const fn memory_bytes(&self) -> u64 {
        match self {
            Self::Open => 0,
            Self::Policy(policy) => policy.memory_bytes(),
            Self::Closed { text_bytes } => *text_bytes,
        }
    }
}

/// What finding works with, kept from one publication to the next.
#[derive(Debug, Default)]
pub(crate) struct Matching {
    scratch: Scratch,
    /// The slots whose policies match.
    found: Vec<u32>,
}

/// How many recipients a message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matches {
    /// This many.
    Counted(usize),
    /// It takes more work to say than is done at once, or the indices are away.
    Unknown,
}

/// Where a slot's subscription is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Home {
    /// Nowhere: the slot is free.
    Free,
    /// Nowhere: the slot will be free when no publication is under way.
    Left,
    /// At this place of the list of those without a filter policy.
    Unfiltered(u32),
    Attributes,
    Body,
    /// In no list and no index: it receives no message.
    Closed,
}

/// The subscription in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occupant {
    Present(Target),
    /// It has left the slot since the publication began: it was deleted, or has another slot by now.
    Left(SubscriptionId),
}

/// The table of one topic.
#[derive(Debug)]
pub(crate) struct FanOut {
    /// Of all tables that the engine ever had, this one has this number.
    number: u64,
    /// By slot.
    targets: Vec<(Target, Home)>,
    free: Vec<u32>,
    unfiltered: Vec<u32>,
    filters: Filters,
    /// While a publication is under way: the slots that were given back since.
    pinned: Option<Vec<u32>>,
}

impl FanOut {
    pub(super) fn new(number: u64, seed: Seed) -> Self {
        let filters = Filters::new(seed);
        Self { number, targets: Vec::new(), free: Vec::new(), unfiltered: Vec::new(), filters, pinned: None }
    }

    /// The number of this table. No other one has it.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// Gives a subscription a slot.
    pub(super) fn insert(&mut self, target: Target, filter: Filter, work: Work) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.targets.push((target, Home::Free));
            u32::try_from(self.targets.len() - 1).expect("a topic has fewer subscriptions than 2^32")
        });
        let home = match filter {
            Filter::Open => {
                self.unfiltered.push(slot);
                Home::Unfiltered(u32::try_from(self.unfiltered.len() - 1).expect("there are fewer than slots"))
            }
            Filter::Policy(policy) => {
                let home = match policy.scope() {
                    Scope::MessageAttributes => Home::Attributes,
                    Scope::MessageBody => Home::Body,
                };
                self.filters.change(Change::Insert(slot, policy), work);
                home
            }
            Filter::Closed { text_bytes: _ } => Home::Closed,
        };
        self.targets[slot as usize] = (target, home);
        slot
    }

    /// Takes a slot back.
    pub(super) fn remove(&mut self, slot: u32, work: Work) {
        let home = if self.pinned.is_some() { Home::Left } else { Home::Free };
        match core::mem::replace(&mut self.targets[slot as usize].1, home) {
            Home::Free | Home::Left => unreachable!("a slot is given back once"),
            Home::Unfiltered(place) => {
                self.unfiltered.swap_remove(place as usize);
                if let Some(moved) = self.unfiltered.get(place as usize) {
                    self.targets[*moved as usize].1 = Home::Unfiltered(place);
                }
            }
            Home::Attributes => self.filters.change(Change::Remove(slot, Scope::MessageAttributes), work),
            Home::Body => self.filters.change(Change::Remove(slot, Scope::MessageBody), work),
            Home::Closed => {}
        }
        self.pinned.as_mut().unwrap_or(&mut self.free).push(slot);
    }

    /// What a slot says of its subscription.
    pub(crate) fn target(&self, slot: u32) -> Target {
        self.targets[slot as usize].0
    }

    /// The subscription in a slot that the publication under way has begun with.
    pub(crate) fn occupant(&self, slot: u32) -> Occupant {
        match self.targets[slot as usize] {
            (target, Home::Left | Home::Free) => Occupant::Left(target.subscription),
            (target, Home::Unfiltered(_) | Home::Attributes | Home::Body | Home::Closed) => Occupant::Present(target),
        }
    }

    /// Replaces what a slot says of its subscription, whose policy stays.
    pub(super) fn set_target(&mut self, slot: u32, target: Target) {
        self.targets[slot as usize].0 = target;
    }

    /// Which queue the endpoint of a subscription is now.
    pub(super) fn set_queue(&mut self, slot: u32, queue: QueueId) {
        self.targets[slot as usize].0.queue = Some(queue);
    }

    /// Finds the subscriptions that a message goes to, if that is little work. [`FanOut::slots`] returns them then.
    ///
    /// # Errors
    /// [`Unfinished::TooManyValues`]
    pub(crate) fn find(
        &mut self,
        message: &StoredMessage,
        events: &MessageEvents,
        matching: &mut Matching,
    ) -> Result<Matches, Unfinished> {
        let Matching { scratch, found } = matching;
        if !self.filters.find((message, events), scratch, found)? {
            return Ok(Matches::Unknown);
        }
        Ok(Matches::Counted(self.unfiltered.len() + found.len()))
    }

    /// The slots of the subscriptions without a filter policy, and those that [`FanOut::find`] has just found.
    pub(crate) fn slots<'a>(&'a self, matching: &'a Matching) -> impl Iterator<Item = u32> + use<'a> {
        self.unfiltered.iter().chain(&matching.found).copied()
    }

    /// The slots of the subscriptions without a filter policy.
    pub(crate) fn unfiltered(&self) -> &[u32] {
        &self.unfiltered
    }

    /// A publication is under way: slots that are given back keep their rows until [`FanOut::unpin`].
    pub(crate) fn pin(&mut self) {
        self.pinned.get_or_insert_default();
    }

    /// No publication is under way.
    pub(crate) fn unpin(&mut self) {
        for slot in self.pinned.take().into_iter().flatten() {
            self.targets[slot as usize].1 = Home::Free;
            self.free.push(slot);
        }
    }

    /// Lends the indices to a search for the recipients of a message, or to have changes made that take long. `None` while
    /// they are away, or if there is nothing to do.
    pub(crate) fn lend(&mut self, topic: &Arc<TopicAddress>, matched: Option<Matched>) -> Option<Search> {
        self.filters.lend(topic, self.number, matched)
    }

    /// Takes the indices back. Returns the search again if it has more to do first.
    pub(crate) fn take_back(&mut self, search: Search) -> Option<Search> {
        self.filters.take_back(search)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::filter_hints::Scopes;
    use posthouse_filter::Dialect;
    use posthouse_model::MessageId;
    use posthouse_model::message::{AttributeValue, MessageAttribute};
    use posthouse_model::notification::{PublicationDraft, PublicationKind};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const CLOSED: u8 = 10;

    fn message(n: u8) -> StoredMessage {
        let value = AttributeValue::Text(n.to_string().into());
        let body = format!(r#"{{"n":{}}}"#, n + 1);
        let draft = PublicationDraft {
            attributes: vec![MessageAttribute { name: "n".into(), data_type: "Number.int".into(), value }],
            ..PublicationDraft::new(MessageId::from_bytes([1; 16]), &body, PublicationKind::StandardTopic)
        };
        draft.seal().expect("valid").default_message().clone()
    }

    /// Zero is no policy, then some about attributes, and some about bodies. The last is one that is refused now.
    fn filter(choice: u8) -> Filter {
        let scope = if choice > 4 { Scope::MessageBody } else { Scope::MessageAttributes };
        let text = format!(r#"{{"n":[{}]}}"#, choice % 5);
        match choice {
            0 => Filter::Open,
            CLOSED => Filter::Closed { text_bytes: 0 },
            _ => Filter::Policy(Policy::parse(&text, scope, Dialect::Sns).expect("valid")),
        }
    }

    fn wants(choice: u8, n: u8) -> bool {
        choice != CLOSED && (choice == 0 || choice % 5 == if choice > 4 { n + 1 } else { n })
    }

    proptest! {
        /// Whatever came and went, exactly those are found that want the message, each once, with their queues as they
        /// were set last.
        #[test]
        fn finds_who_wants_it(steps in proptest::collection::vec((0..3u8, 0..12u8, 0..=CLOSED), 1..80)) {
            let mut fan_out = FanOut::new(1, Seed::new([3; 16]));
            let mut there: BTreeMap<u8, (u32, u8, Option<QueueId>)> = BTreeMap::new();
            let mut matching = Matching::default();
            for (number, (action, who, choice)) in steps.into_iter().enumerate() {
                let queue = QueueId::new(u32::try_from(number).expect("few steps"));
                match (action, there.get_mut(&who)) {
                    (0, None) => {
                        let target = Target {
                            subscription: SubscriptionId::from_bytes([who; 16]),
                            queue: None,
                            protocol: SubscriptionProtocol::Sqs,
                            platform: None,
                            form: NotificationForm::Envelope,
                            foreign: false,
                        };
                        let slot = fan_out.insert(target, filter(choice), Work::AtOnce);
                        there.insert(who, (slot, choice, None));
                    }
                    (1, Some((slot, ..))) => {
                        fan_out.remove(*slot, Work::AtOnce);
                        there.remove(&who);
                    }
                    (_, Some((slot, _, known))) => {
                        fan_out.set_queue(*slot, queue);
                        *known = Some(queue);
                    }
                    (_, None) => {}
                }
                let n = choice % 4;
                let message = message(n);
                // Prepared before, in part or not at all: that changes nothing.
                let events = MessageEvents::of(&message, Scopes::SETS[number % 4]);
                let counted = fan_out.find(&message, &events, &mut matching).expect("few values");
                let mut found: Vec<_> = fan_out.slots(&matching).map(|slot| fan_out.target(slot)).collect();
                prop_assert_eq!(counted, Matches::Counted(found.len()));
                found.sort_by_key(|target| target.subscription);
                let got: Vec<_> = found.iter().map(|target| (target.subscription, target.queue)).collect();
                let wanted = there.iter().filter(|(_, (_, choice, _))| wants(*choice, n));
                let wanted: Vec<_> =
                    wanted.map(|(who, (_, _, queue))| (SubscriptionId::from_bytes([*who; 16]), *queue)).collect();
                prop_assert_eq!(got, wanted);
            }
        }
    }
}

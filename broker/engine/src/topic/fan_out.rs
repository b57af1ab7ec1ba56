//! The recipients of a publication: a dense table of the confirmed subscriptions of a topic.
//!
//! A subscription has a slot. Subscriptions without a filter policy are listed. The others are in one of two indices,
//! by the part of a message that their policy looks at. One whose [`Filter`] lets no message through is in neither. The cost of finding grows with the number of recipients. Slots
//! are reused and are never written to the log.

use posthouse_filter::{Event, Index, Policy, Scope, Scratch, TooManyValues};
use posthouse_model::notification::NotificationForm;
use posthouse_model::topic_name::Platform;
use posthouse_model::{QueueId, StoredMessage, SubscriptionId, SubscriptionProtocol};

use super::message_events::{self, BodyEvent, MessageEvents};
use crate::hash::Seed;

/// What a publication has to know of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) subscription: SubscriptionId,
    /// Its internal queue, or the queue that is its endpoint; `None` where that does not exist.
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
    Closed,
}

/// What finding works with, kept from one publication to the next.
#[derive(Debug, Default)]
pub(crate) struct Matching {
    scratch: Scratch,
    slots: Vec<u32>,
}

/// Where a slot's subscription is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Home {
    /// Nowhere: the slot is free.
    Free,
    /// At this place of the list of those without a filter policy.
    Unfiltered(u32),
    Attributes,
    Body,
    /// In no list and no index: it receives no message.
    Closed,
}

/// The table of one topic.
#[derive(Debug)]
pub(crate) struct FanOut {
    seed: Seed,
    /// By slot.
    targets: Vec<(Target, Home)>,
    free: Vec<u32>,
    unfiltered: Vec<u32>,
    by_attributes: Option<Box<Index<u32>>>,
    by_body: Option<Box<Index<u32>>>,
}

impl FanOut {
    pub(super) const fn new(seed: Seed) -> Self {
        Self { seed, targets: Vec::new(), free: Vec::new(), unfiltered: Vec::new(), by_attributes: None, by_body: None }
    }

    /// Gives a subscription a slot.
    pub(super) fn insert(&mut self, target: Target, filter: &Filter) -> u32 {
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
                let (index, home) = match policy.scope() {
                    Scope::MessageAttributes => (&mut self.by_attributes, Home::Attributes),
                    Scope::MessageBody => (&mut self.by_body, Home::Body),
                };
                index.get_or_insert_with(|| Box::new(Index::new(self.seed.bytes()))).insert(slot, policy);
                home
            }
            Filter::Closed => Home::Closed,
        };
        self.targets[slot as usize] = (target, home);
        slot
    }

    /// Takes a slot back.
    pub(super) fn remove(&mut self, slot: u32) {
        match core::mem::replace(&mut self.targets[slot as usize].1, Home::Free) {
            Home::Free => unreachable!("a slot is given back once"),
            Home::Unfiltered(place) => {
                self.unfiltered.swap_remove(place as usize);
                if let Some(moved) = self.unfiltered.get(place as usize) {
                    self.targets[*moved as usize].1 = Home::Unfiltered(place);
                }
            }
            Home::Attributes => remove(&mut self.by_attributes, slot),
            Home::Body => remove(&mut self.by_body, slot),
            Home::Closed => {}
        }
        self.free.push(slot);
    }

    /// What a slot says of its subscription.
    #[cfg(any(test, debug_assertions))]
    pub(super) fn target(&self, slot: u32) -> Target {
        self.targets[slot as usize].0
    }

    /// Which queue the endpoint of a subscription is now.
    pub(super) fn set_queue(&mut self, slot: u32, queue: Option<QueueId>) {
        self.targets[slot as usize].0.queue = queue;
    }

    /// Adds the targets that a message goes to; after an error only some of them. Events that are needed and were not
    /// made before are made here.
    pub(super) fn find(
        &self,
        message: &StoredMessage,
        events: &MessageEvents,
        matching: &mut Matching,
        out: &mut Vec<Target>,
    ) -> Result<(), TooManyValues> {
        let target = |slot: &u32| self.targets[*slot as usize].0;
        out.extend(self.unfiltered.iter().map(target));
        let Matching { scratch, slots } = matching;
        if let Some(index) = &self.by_attributes {
            let made;
            let event = match &events.attributes {
                Some(event) => event,
                None => {
                    made = message_events::of_attributes(message);
                    &made
                }
            };
            index.find(event, scratch, slots)?;
            out.extend(slots.iter().map(target));
        }
        if let Some(index) = &self.by_body {
            let made;
            let event = match &events.body {
                BodyEvent::Object(event) => Some(event),
                BodyEvent::NoObject => None,
                BodyEvent::Unread => {
                    made = Event::body(message.body());
                    made.as_ref()
                }
            };
            if let Some(event) = event {
                index.find(event, scratch, slots)?;
                out.extend(slots.iter().map(target));
            }
        }
        Ok(())
    }
}

fn remove(index: &mut Option<Box<Index<u32>>>, slot: u32) {
    let kept = index.as_mut().expect("it is there while a slot is in it");
    kept.remove(slot);
    if kept.is_empty() {
        *index = None;
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
            CLOSED => Filter::Closed,
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
            let mut fan_out = FanOut::new(Seed::new([3; 16]));
            let mut there: BTreeMap<u8, (u32, u8, Option<QueueId>)> = BTreeMap::new();
            let (mut matching, mut found) = (Matching::default(), Vec::new());
            for (number, (action, who, choice)) in steps.into_iter().enumerate() {
                let queue = Some(QueueId::new(u32::try_from(number).expect("few steps")));
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
                        let slot = fan_out.insert(target, &filter(choice));
                        there.insert(who, (slot, choice, None));
                    }
                    (1, Some((slot, ..))) => {
                        fan_out.remove(*slot);
                        there.remove(&who);
                    }
                    (_, Some((slot, _, known))) => {
                        fan_out.set_queue(*slot, queue);
                        *known = queue;
                    }
                    (_, None) => {}
                }
                let n = choice % 4;
                found.clear();
                let message = message(n);
                // Prepared before, in part or not at all: that changes nothing.
                let events = MessageEvents::of(&message, Scopes::SETS[number % 4]);
                fan_out.find(&message, &events, &mut matching, &mut found).expect("few values");
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

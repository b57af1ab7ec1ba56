//! Which topics have filter policies, and which subscriptions large ones, for the threads that prepare requests before the
//! engine decides about them.
//!
//! [`FilterHints`] is a table of fixed size. A topic has the slot that its address hashes to, and a slot says which
//! parts of a message the filter policies of its topics look at. Topics that share a slot have their messages prepared
//! for each other's policies.
//!
//! Beside it is a list of the filter policies that take long to parse, and of those that look at bodies.
//!
//! The engine writes both and never reads them. A reader may see an older value than the engine works with. Either way a
//! request is prepared in vain, or the engine prepares it itself. No decision depends on these hints.

use core::hash::BuildHasher;
use core::sync::atomic::{AtomicU8, Ordering};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use posthouse_filter::Scope;
use posthouse_model::topic_attributes::FilterPolicyText;
use posthouse_model::{SubscriptionId, TopicAddress};

use super::parsed::ParsedBytes;
use crate::hash::Seed;

/// Slots of the table: a topic without filter policies rarely shares one with a topic that has some, up to some
/// hundred of these.
const SLOTS: usize = 4096;

/// Length of the longest filter policy that is parsed in a tenth of a millisecond.
const SHORT_BYTES: usize = 4096;

/// Which parts of a message have to be prepared for a topic, as far as is known outside of the engine.
#[derive(Debug)]
pub struct FilterHints {
    seed: Seed,
    slots: Box<[AtomicU8; SLOTS]>,
    known: Mutex<BTreeMap<SubscriptionId, KnownFilter>>,
    parsed: Arc<ParsedBytes>,
}

/// The filter policy of a subscription, as far as is known outside of the engine.
#[derive(Clone, Debug)]
pub(crate) struct KnownFilter {
    /// `None` if it is short.
    pub(crate) text: Option<FilterPolicyText>,
    pub(crate) scope: Scope,
}

impl KnownFilter {
    /// What is assumed of a subscription of which nothing is known.
    const USUAL: Self = Self { text: None, scope: Scope::MessageAttributes };

    /// What is to be known of a subscription with this policy and scope. `None` if that is what is assumed.
    pub(crate) fn of(text: Option<&FilterPolicyText>, scope: Scope) -> Option<Self> {
        let text = text.filter(|text| text.as_str().len() > SHORT_BYTES).cloned();
        let known = Self { text, scope };
        (known.text.is_some() || known.scope != Self::USUAL.scope).then_some(known)
    }
}

impl FilterHints {
    fn new(seed: Seed) -> Self {
        let slots = Box::new([const { AtomicU8::new(0) }; SLOTS]);
        Self { seed, slots, known: Mutex::default(), parsed: Arc::default() }
    }

    /// What is known of the filter policy of a subscription.
    pub(crate) fn known(&self, subscription: SubscriptionId) -> KnownFilter {
        self.list().get(&subscription).cloned().unwrap_or(KnownFilter::USUAL)
    }

    /// The memory of filter policies that are parsed before the engine decides.
    pub(crate) const fn parsed(&self) -> &Arc<ParsedBytes> {
        &self.parsed
    }

    fn list(&self) -> MutexGuard<'_, BTreeMap<SubscriptionId, KnownFilter>> {
        // A panic leaves the list whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The parts of a message that filter policies of confirmed subscriptions to the topic may look at.
    #[must_use]
    pub fn scopes(&self, topic: &TopicAddress) -> Scopes {
        Scopes(self.slots[self.slot(topic)].load(Ordering::Relaxed))
    }

    fn slot(&self, topic: &TopicAddress) -> usize {
        usize::try_from(self.seed.hash_one(topic) % SLOTS as u64).expect("the remainder is less than `SLOTS`")
    }
}

/// A set of the parts of a message that filter policies look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// Every set.
    #[cfg(test)]
    pub(crate) const SETS: [Self; 4] = [Self(0), Self(1), Self(2), Self(3)];

    /// Whether no policy looks at any part.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether a policy may look at this part.
    #[must_use]
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & bit(scope) != 0
    }
}

/// A table without filter policies, which no engine writes.
impl Default for FilterHints {
    fn default() -> Self {
        Self::new(Seed::default())
    }
}

const fn bit(scope: Scope) -> u8 {
    1 << index(scope)
}

const fn index(scope: Scope) -> usize {
    match scope {
        Scope::MessageAttributes => 0,
        Scope::MessageBody => 1,
    }
}

/// The engine's side of the table: it counts the filter policies of each slot.
#[derive(Debug)]
pub(crate) struct FilterCounts {
    hints: Arc<FilterHints>,
    /// By slot, then by scope.
    counts: Box<[[u32; 2]]>,
}

impl FilterCounts {
    pub(crate) fn new(seed: Seed) -> Self {
        Self { hints: Arc::new(FilterHints::new(seed)), counts: vec![[0; 2]; SLOTS].into() }
    }

    /// The table, for other threads to read.
    pub(crate) const fn hints(&self) -> &Arc<FilterHints> {
        &self.hints
    }

    /// Notes the filter policy of a subscription in place of what was known of it.
    pub(crate) fn know(&mut self, id: SubscriptionId, known: Option<KnownFilter>) {
        let mut list = self.hints.list();
        match known {
            Some(known) => list.insert(id, known),
            None => list.remove(&id),
        };
    }

    /// Forgets the filter policy of a subscription.
    pub(crate) fn forget(&mut self, id: SubscriptionId) {
        self.hints.list().remove(&id);
    }

    /// A confirmed subscription to the topic has a filter policy of this scope.
    pub(crate) fn add(&mut self, topic: &TopicAddress, scope: Scope) {
        let slot = self.hints.slot(topic);
        self.counts[slot][index(scope)] += 1;
        self.hints.slots[slot].fetch_or(bit(scope), Ordering::Relaxed);
    }

    /// A policy that was added is no longer in force.
    pub(crate) fn remove(&mut self, topic: &TopicAddress, scope: Scope) {
        let slot = self.hints.slot(topic);
        let count = &mut self.counts[slot][index(scope)];
        *count = count.checked_sub(1).expect("a policy is removed once for each time that it was added");
        if *count == 0 {
            self.hints.slots[slot].fetch_and(!bit(scope), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_shown_while_a_policy_of_it_is_there() {
        let topic: TopicAddress = "arn:aws:sns:eu-west-1:111111111111:orders".parse().expect("an ARN");
        let mut counts = FilterCounts::new(Seed::new([7; 16]));
        let hints = Arc::clone(counts.hints());
        let shown = || [Scope::MessageAttributes, Scope::MessageBody].map(|scope| hints.scopes(&topic).contains(scope));
        assert_eq!(shown(), [false, false]);
        counts.add(&topic, Scope::MessageBody);
        counts.add(&topic, Scope::MessageBody);
        counts.add(&topic, Scope::MessageAttributes);
        assert_eq!(shown(), [true, true]);
        counts.remove(&topic, Scope::MessageBody);
        counts.remove(&topic, Scope::MessageAttributes);
        assert_eq!(shown(), [false, true]);
        counts.remove(&topic, Scope::MessageBody);
        assert_eq!(shown(), [false, false]);
    }
}

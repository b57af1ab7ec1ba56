//! Topics, their subscriptions, and the indices over both.
//!
//! Everything here is durable state and changes only when an event is applied, but for two things that follow from it
//! or from nothing durable: the table that a publication is fanned out by ([`fan_out`]), which knows the queues that
//! there are now, and the count of subscriptions that have ended.
//!
//! A subscription is in its topic for as long as it exists. While it is confirmed it has a slot in the fan-out; while
//! it waits for its confirmation or for its end it has none, and time will delete it (`Topics::next_lapse`). One that
//! has ended can be found by its id alone: it is in no listing and no count.

pub(crate) mod definition;
pub(crate) mod fan_out;
pub(crate) mod filter_hints;
pub(crate) mod message_events;
pub(crate) mod subscription;

use core::ops::Bound::{Excluded, Included, Unbounded};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;
use posthouse_filter::Policy as FilterPolicy;
use posthouse_model::limits::{CONFIRMATION_TOKEN_SECONDS, TOPIC_MESSAGE_SIZE_DEFAULT_BYTES};
use posthouse_model::topic_attributes::FilterPolicyText;
use posthouse_model::{
    AccountId, Endpoint, QueueAddress, QueueId, Region, Seconds, SubscriptionAddress, SubscriptionId, Timestamp,
    TopicAddress,
};
use posthouse_policy::Policy;

use crate::hash::Seed;
use crate::journal::Position;
use crate::overview::TopicCounters;
use crate::shift::Shift;
use definition::{Status, SubscriptionDefinition, TopicDefinition};
use fan_out::{FanOut, Filter};
use filter_hints::{FilterCounts, FilterHints};
use subscription::Subscription;

/// Bytes of a filter policy whose memory [`Topics::check`] computes anew.
#[cfg(any(test, debug_assertions))]
const CHECKED_POLICY_BYTES: usize = 200;

/// How long a subscription may stay unconfirmed, and how long its end can be undone (SNS API Reference,
/// `ConfirmSubscription`: "Confirmation tokens are valid for two days").
const LAPSE: Seconds = Seconds::new(CONFIRMATION_TOKEN_SECONDS);

/// One topic.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) definition: TopicDefinition,
    /// The policy that its attributes hold as a text.
    pub(crate) policy: Option<Policy>,
    /// The position of the last event about the topic itself. Answers that show it wait for that.
    pub(crate) changed: Position,
    /// Not durable: subscriptions that were deleted since the start.
    pub(crate) deleted: u64,
    /// Not durable: what happened to it since the start.
    pub(crate) counters: TopicCounters,
    subscriptions: BTreeMap<SubscriptionId, Box<Subscription>>,
    /// Those that have not ended.
    by_endpoint: BTreeMap<Arc<Endpoint>, SubscriptionId>,
    confirmed: usize,
    filtered: usize,
    /// Of all subscriptions, in whatever state.
    filter_bytes: u64,
    fan_out: FanOut,
}

impl Topic {
    /// A topic without attributes and subscriptions. `table` is the number of its fan-out.
    pub(crate) fn new(address: TopicAddress, table: u64, seed: Seed) -> Self {
        Self {
            definition: TopicDefinition::unset(address),
            policy: None,
            changed: Position::ZERO,
            deleted: 0,
            counters: TopicCounters::default(),
            subscriptions: BTreeMap::new(),
            by_endpoint: BTreeMap::new(),
            confirmed: 0,
            filtered: 0,
            filter_bytes: 0,
            fan_out: FanOut::new(table, seed),
        }
    }

    /// Takes over a definition from the event at `changed`. `policy` is the policy that its attributes hold.
    pub(crate) fn define(&mut self, definition: TopicDefinition, policy: Option<Policy>, changed: Position) {
        let address = Arc::clone(&self.definition.address);
        self.definition = TopicDefinition { address, ..definition };
        self.policy = policy;
        self.changed = changed;
    }

    pub(crate) fn is_fifo(&self) -> bool {
        self.definition.address.name.is_fifo()
    }

    /// A subscription in any state.
    pub(crate) fn subscription(&self, id: SubscriptionId) -> Option<&Subscription> {
        self.subscriptions.get(&id).map(|subscription| &**subscription)
    }

    /// All subscriptions after this one, in the order of their ids, those that have ended too.
    pub(crate) fn subscriptions_after(&self, after: Option<SubscriptionId>) -> impl Iterator<Item = &Subscription> {
        let from = after.map_or(Unbounded, Excluded);
        self.subscriptions.range((from, Unbounded)).map(|(_, subscription)| &**subscription)
    }

    /// The subscription of an endpoint that has not ended.
    pub(crate) fn find(&self, endpoint: &Endpoint) -> Option<&Subscription> {
        self.by_endpoint.get(endpoint).and_then(|id| self.subscription(*id))
    }

    /// Whether a subscription can be put into the topic as it is defined: it is new or keeps its endpoint and its
    /// queue, and no other subscription that has not ended has its endpoint.
    pub(crate) fn may_put(&self, new: &SubscriptionDefinition) -> bool {
        let keeps = self
            .subscription(new.id)
            .is_none_or(|old| old.definition.endpoint == new.endpoint && old.definition.queue == new.queue);
        let is_free = self.find(&new.endpoint).is_none_or(|found| found.definition.id == new.id);
        keeps && (new.status == Status::Ended || is_free)
    }

    /// Whether its `MaximumMessageSize` is above the default.
    pub(crate) fn takes_large_messages(&self) -> bool {
        self.definition.attributes.maximum_message_size_bytes() > TOPIC_MESSAGE_SIZE_DEFAULT_BYTES
    }

    /// The endpoints of the subscriptions that have not ended.
    pub(crate) fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.by_endpoint.keys().map(|endpoint| &**endpoint)
    }

    /// How many subscriptions are confirmed.
    pub(crate) const fn confirmed(&self) -> usize {
        self.confirmed
    }

    /// How many subscriptions wait for their confirmation.
    pub(crate) fn pending(&self) -> usize {
        self.by_endpoint.len() - self.confirmed
    }

    /// How many subscriptions have not ended.
    pub(crate) fn subscribed(&self) -> usize {
        self.by_endpoint.len()
    }

    /// How many subscriptions that have not ended have a filter policy.
    pub(crate) const fn filtered(&self) -> usize {
        self.filtered
    }

    /// The bytes of memory that the filter policies of all subscriptions take, in whatever state these are: a subscription
    /// that waits for its confirmation, or can be taken back, needs no room when that happens.
    pub(crate) const fn filter_bytes(&self) -> u64 {
        self.filter_bytes
    }

    /// The table that publications are fanned out by.
    pub(crate) const fn fan_out(&self) -> &FanOut {
        &self.fan_out
    }

    /// The table that publications are fanned out by. Nothing durable is in it.
    pub(crate) const fn fan_out_mut(&mut self) -> &mut FanOut {
        &mut self.fan_out
    }
}

/// What an account has of topics and subscriptions, in all regions together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(crate) topics: u64,
    /// In any state, also those that have ended and can be taken back.
    pub(crate) subscriptions: u64,
    /// The bytes of memory that the filter policies of these subscriptions take.
    pub(crate) filter_bytes: u64,
}

/// All topics.
#[derive(Debug)]
pub(crate) struct Topics {
    topics: BTreeMap<Arc<TopicAddress>, Box<Topic>>,
    by_id: HashMap<SubscriptionId, Arc<TopicAddress>, Seed>,
    /// The subscription whose messages an internal queue holds.
    by_queue: BTreeMap<QueueId, (Arc<TopicAddress>, SubscriptionId)>,
    /// The confirmed subscriptions that go straight to a queue, by the queue's address, whether it exists or not.
    by_target: BTreeMap<QueueAddress, BTreeSet<(Arc<TopicAddress>, SubscriptionId)>>,
    /// The subscriptions that have not ended, by their owner.
    owned: BTreeMap<AccountId, BTreeSet<(Arc<TopicAddress>, SubscriptionId)>>,
    /// The subscriptions that are not confirmed, by the time since when.
    unconfirmed: BTreeSet<(Timestamp, SubscriptionId)>,
    counts: BTreeMap<(Region, AccountId), usize>,
    /// What each account has in all regions. An account that has nothing has no entry.
    accounts: BTreeMap<AccountId, Owned>,
    /// The filter policies of confirmed subscriptions.
    filters: FilterCounts,
    /// Not durable: the filter policy of the subscription that is about to be put, if it was just parsed.
    parsed: Option<(FilterPolicyText, FilterPolicy)>,
    /// Not durable: what happened to topics that were deleted since the start.
    pub(crate) counters_of_deleted: TopicCounters,
    /// The number of the last fan-out that was made.
    tables: u64,
    seed: Seed,
}

impl Topics {
    pub(crate) fn new(seed: Seed) -> Self {
        Self {
            topics: BTreeMap::new(),
            by_id: HashMap::with_hasher(seed),
            by_queue: BTreeMap::new(),
            by_target: BTreeMap::new(),
            owned: BTreeMap::new(),
            unconfirmed: BTreeSet::new(),
            counts: BTreeMap::new(),
            accounts: BTreeMap::new(),
            filters: FilterCounts::new(seed),
            parsed: None,
            counters_of_deleted: TopicCounters::default(),
            tables: 0,
            seed,
        }
    }

    /// Which topics have filter policies, for other threads to read.
    pub(crate) const fn filter_hints(&self) -> &Arc<FilterHints> {
        self.filters.hints()
    }

    /// The topic at an address.
    pub(crate) fn find(&self, address: &TopicAddress) -> Option<&Topic> {
        self.topics.get(address).map(|topic| &**topic)
    }

    /// The topic at an address. What is durable in it is for `apply` to change.
    pub(crate) fn get_mut(&mut self, address: &TopicAddress) -> Option<&mut Topic> {
        self.topics.get_mut(address).map(|topic| &mut **topic)
    }

    /// The topic at an address, which is made where there is none.
    pub(crate) fn entry(&mut self, address: &TopicAddress) -> &mut Topic {
        if !self.topics.contains_key(address) {
            self.tables += 1;
            let topic = Topic::new(address.clone(), self.tables, self.seed);
            *self.counts.entry((address.region.clone(), address.account)).or_default() += 1;
            self.count(address.account, |owned| owned.topics += 1);
            self.topics.insert(Arc::clone(&topic.definition.address), Box::new(topic));
        }
        self.get_mut(address).expect("made above")
    }

    /// The topics from an address on, in the order of their addresses.
    pub(crate) fn from(&self, address: Option<&TopicAddress>) -> impl Iterator<Item = &Topic> {
        let from = address.map_or(Unbounded, Included);
        self.topics.range::<TopicAddress, _>((from, Unbounded)).map(|(_, topic)| &**topic)
    }

    /// The first topic after an address, in the order of the addresses.
    pub(crate) fn after(&self, address: Option<&TopicAddress>) -> Option<&Topic> {
        let from = address.map_or(Unbounded, Excluded);
        self.topics.range::<TopicAddress, _>((from, Unbounded)).next().map(|(_, topic)| &**topic)
    }

    /// How many topics an account has in a region.
    pub(crate) fn count_in(&self, region: &Region, account: AccountId) -> usize {
        self.counts.get(&(region.clone(), account)).copied().unwrap_or_default()
    }

    /// What an account has in all regions.
    pub(crate) fn owned(&self, account: AccountId) -> Owned {
        self.accounts.get(&account).copied().unwrap_or_default()
    }

    fn count(&mut self, account: AccountId, change: impl FnOnce(&mut Owned)) {
        let owned = self.accounts.entry(account).or_default();
        change(owned);
        if *owned == Owned::default() {
            self.accounts.remove(&account);
        }
    }

    /// The topic of a subscription.
    pub(crate) fn of_subscription(&self, id: SubscriptionId) -> Option<&Arc<TopicAddress>> {
        self.by_id.get(&id)
    }

    /// A subscription in any state.
    pub(crate) fn subscription(&self, address: &SubscriptionAddress) -> Option<&Subscription> {
        self.find(&address.topic)?.subscription(address.id)
    }

    /// The subscription whose deliveries an internal queue holds.
    pub(crate) fn queue_of_subscription(&self, queue: QueueId) -> Option<&(Arc<TopicAddress>, SubscriptionId)> {
        self.by_queue.get(&queue)
    }

    /// The subscriptions of an owner to topics of a region that have not ended, after this one, in the order of their
    /// addresses.
    pub(crate) fn owned_by<'a>(
        &'a self,
        owner: AccountId,
        region: &'a Region,
        after: Option<&SubscriptionAddress>,
    ) -> impl Iterator<Item = (&'a Topic, &'a Subscription)> {
        // The lowest of all addresses in the region; `-` comes before digits, letters and underscores.
        let name = "-".parse().expect("a hyphen is a valid name");
        let first = TopicAddress { region: region.clone(), account: AccountId::DEFAULT, name };
        let from = match after.filter(|after| after.topic >= first) {
            Some(after) => Excluded((Arc::new(after.topic.clone()), after.id)),
            None => Included((Arc::new(first), SubscriptionId::from_bytes([0; 16]))),
        };
        let owned = self.owned.get(&owner).into_iter().flat_map(move |owned| owned.range((from.clone(), Unbounded)));
        let here = owned.take_while(|(topic, _)| topic.region == *region);
        here.filter_map(|(topic, id)| {
            let topic = self.find(topic)?;
            topic.subscription(*id).map(|subscription| (topic, subscription))
        })
    }

    /// When the next unconfirmed subscription lapses, and which one it is.
    pub(crate) fn next_lapse(&self) -> Option<(Timestamp, SubscriptionId)> {
        self.unconfirmed.first().map(|(since, id)| (*since + LAPSE, *id))
    }

    /// Moves every time with the clock, which was set.
    pub(crate) fn shift(&mut self, shift: Shift) {
        self.unconfirmed.clear();
        for topic in self.topics.values_mut() {
            topic.definition.created = shift.corrected(topic.definition.created);
            for subscription in topic.subscriptions.values_mut() {
                let definition = &mut subscription.definition;
                definition.created = shift.corrected(definition.created);
                definition.since = shift.moved(definition.since);
                if !definition.is_confirmed() {
                    self.unconfirmed.insert((definition.since, definition.id));
                }
            }
        }
    }

    /// Keeps a policy for the next [`Topics::put`], so that a decision and its event parse a text once.
    pub(crate) fn keep_parsed(&mut self, text: FilterPolicyText, policy: FilterPolicy) {
        self.parsed = Some((text, policy));
    }

    /// Which messages a subscription receives.
    fn filter_of(&mut self, subscription: &Subscription) -> Filter {
        match self.parsed.take() {
            Some((text, policy)) if subscription.has_filter(&text, policy.scope()) => Filter::Policy(policy),
            Some(_) | None => subscription.filter(),
        }
    }

    /// Enters a subscription, or one that is changed in place of the old one.
    pub(crate) fn put(&mut self, mut subscription: Subscription, target: Option<QueueId>) {
        let id = subscription.definition.id;
        self.take(&subscription.definition.topic, id);
        let filter = self.filter_of(&subscription);
        let filter_bytes = filter.memory_bytes();
        subscription.filter_bytes = filter_bytes;
        let topic = self.entry(&subscription.definition.topic);
        let shared = Arc::clone(&topic.definition.address);
        subscription.definition.topic = Arc::clone(&shared);
        let to = subscription.definition.endpoint.queue().filter(|_| subscription.is_confirmed()).cloned();
        let (owner, queue, since) =
            (subscription.definition.owner, subscription.definition.queue, subscription.definition.since);
        let status = subscription.definition.status;
        let scope = subscription.scope_in_force();
        topic.put(subscription, target, filter);
        if let Some(scope) = scope {
            self.filters.add(&shared, scope);
        }
        self.by_id.insert(id, Arc::clone(&shared));
        self.count(owner, |owned| {
            owned.subscriptions += 1;
            owned.filter_bytes += filter_bytes;
        });
        if let Some(queue) = queue {
            self.by_queue.insert(queue, (Arc::clone(&shared), id));
        }
        if let Some(to) = to {
            self.by_target.entry(to).or_default().insert((Arc::clone(&shared), id));
        }
        if !matches!(status, Status::Confirmed { .. }) {
            self.unconfirmed.insert((since, id));
        }
        if status != Status::Ended {
            self.owned.entry(owner).or_default().insert((shared, id));
        }
    }

    /// Takes a subscription out, if it is there.
    pub(crate) fn take(&mut self, address: &TopicAddress, id: SubscriptionId) -> Option<Box<Subscription>> {
        let topic = self.get_mut(address)?;
        let shared = Arc::clone(&topic.definition.address);
        let subscription = topic.take(id)?;
        self.forget(shared, &subscription);
        Some(subscription)
    }

    /// Takes a topic out with all its subscriptions, if it is there.
    pub(crate) fn remove(&mut self, address: &TopicAddress) -> Option<Box<Topic>> {
        let topic = self.topics.remove(address)?;
        self.counters_of_deleted += topic.counters;
        self.count(address.account, |owned| owned.topics -= 1);
        let place = (address.region.clone(), address.account);
        let count = self.counts.get_mut(&place).expect("the topic was counted when it was made");
        *count -= 1;
        if *count == 0 {
            self.counts.remove(&place);
        }
        for subscription in topic.subscriptions.values() {
            self.forget(Arc::clone(&topic.definition.address), subscription);
        }
        Some(topic)
    }

    /// Takes a subscription out of the indices.
    fn forget(&mut self, topic: Arc<TopicAddress>, subscription: &Subscription) {
        let id = subscription.definition.id;
        self.by_id.remove(&id);
        self.count(subscription.definition.owner, |owned| {
            owned.subscriptions -= 1;
            owned.filter_bytes -= subscription.filter_bytes;
        });
        if let Some(scope) = subscription.scope_in_force() {
            self.filters.remove(&topic, scope);
        }
        self.unconfirmed.remove(&(subscription.definition.since, id));
        if let Some(queue) = subscription.definition.queue {
            self.by_queue.remove(&queue);
        }
        let entry = (topic, id);
        if let Some(to) = subscription.definition.endpoint.queue()
            && let Some(entries) = self.by_target.get_mut(to)
        {
            entries.remove(&entry);
            if entries.is_empty() {
                self.by_target.remove(to);
            }
        }
        if let Some(entries) = self.owned.get_mut(&subscription.definition.owner) {
            entries.remove(&entry);
            if entries.is_empty() {
                self.owned.remove(&subscription.definition.owner);
            }
        }
    }

    /// Panics unless the indices agree with the subscriptions, and each confirmed one stands in its fan-out with the
    /// queue that `queue_at` finds.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self, queue_at: impl Fn(&QueueAddress) -> Option<QueueId>) {
        let (mut unconfirmed, mut by_queue, mut count) = (BTreeSet::new(), BTreeMap::new(), 0);
        let mut accounts: BTreeMap<AccountId, Owned> = BTreeMap::new();
        for topic in self.topics.values() {
            accounts.entry(topic.definition.address.account).or_default().topics += 1;
            let (mut confirmed, mut filtered, mut subscribed, mut filter_bytes) = (0, 0, 0, 0);
            for (id, subscription) in &topic.subscriptions {
                let definition = &subscription.definition;
                count += 1;
                let owned = accounts.entry(definition.owner).or_default();
                owned.subscriptions += 1;
                // To parse long policies at every step would take longer than the tests.
                if definition.attributes.filter_policy().is_some_and(|text| text.as_str().len() <= CHECKED_POLICY_BYTES)
                {
                    assert_eq!(subscription.filter_bytes, subscription.filter().memory_bytes(), "of one policy");
                }
                owned.filter_bytes += subscription.filter_bytes;
                filter_bytes += subscription.filter_bytes;
                assert_eq!(
                    (definition.id, &definition.topic),
                    (*id, &topic.definition.address),
                    "a subscription is in its topic"
                );
                assert_eq!(self.by_id.get(id), Some(&topic.definition.address), "a subscription is found by its id");
                by_queue.extend(definition.queue.map(|queue| (queue, (Arc::clone(&topic.definition.address), *id))));
                if !definition.is_confirmed() {
                    unconfirmed.insert((definition.since, *id));
                }
                if definition.status != Status::Ended {
                    subscribed += 1;
                    filtered += usize::from(subscription.is_filtered());
                    assert_eq!(topic.by_endpoint.get(&definition.endpoint), Some(id), "an endpoint's subscription");
                }
                assert_eq!(subscription.slot.is_some(), definition.is_confirmed(), "confirmed ones have a slot");
                if let Some(slot) = subscription.slot {
                    confirmed += 1;
                    let queue = definition.queue.or_else(|| queue_at(definition.endpoint.queue()?));
                    assert_eq!(
                        topic.fan_out.target(slot),
                        subscription.target(&topic.definition.address, queue),
                        "its target"
                    );
                }
            }
            assert_eq!((topic.confirmed, topic.filtered), (confirmed, filtered), "counts of a topic");
            assert_eq!(topic.filter_bytes, filter_bytes, "the memory of a topic's filter policies");
            assert_eq!(topic.by_endpoint.len(), subscribed, "endpoints of a topic");
        }
        assert_eq!(self.by_id.len(), count, "ids of subscriptions");
        assert_eq!(self.unconfirmed, unconfirmed, "subscriptions that may lapse");
        assert_eq!(self.by_queue, by_queue, "internal queues of subscriptions");
        assert_eq!(self.counts.values().sum::<usize>(), self.topics.len(), "topics of all accounts");
        assert_eq!(self.accounts, accounts, "what each account has");
    }

    /// A queue was created at an address, or the one there was deleted.
    pub(crate) fn queue_changed(&mut self, address: &QueueAddress, queue: Option<QueueId>) {
        let Self { topics, by_target, .. } = self;
        for (topic, id) in by_target.get(address).into_iter().flatten() {
            if let Some(topic) = topics.get_mut(topic)
                && let Some(slot) = topic.subscriptions.get(id).and_then(|subscription| subscription.slot)
            {
                topic.fan_out.set_queue(slot, queue);
            }
        }
    }
}

impl Topic {
    fn put(&mut self, mut subscription: Subscription, target: Option<QueueId>, filter: Filter) {
        self.filter_bytes += subscription.filter_bytes;
        if subscription.definition.status != Status::Ended {
            self.by_endpoint.insert(Arc::clone(&subscription.definition.endpoint), subscription.definition.id);
            self.filtered += usize::from(subscription.is_filtered());
        }
        if subscription.is_confirmed() {
            self.confirmed += 1;
            let target = subscription.target(&self.definition.address, target);
            subscription.slot = Some(self.fan_out.insert(target, filter));
        }
        self.subscriptions.insert(subscription.definition.id, Box::new(subscription));
    }

    fn take(&mut self, id: SubscriptionId) -> Option<Box<Subscription>> {
        let subscription = self.subscriptions.remove(&id)?;
        self.filter_bytes -= subscription.filter_bytes;
        if subscription.definition.status != Status::Ended {
            self.by_endpoint.remove(&subscription.definition.endpoint);
            self.filtered -= usize::from(subscription.is_filtered());
        }
        if let Some(slot) = subscription.slot {
            self.confirmed -= 1;
            self.fan_out.remove(slot);
        }
        Some(subscription)
    }
}

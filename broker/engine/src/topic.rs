//! Topics, their subscriptions, and the indices over both.
//!
//! Everything here is durable state and changes only when an event is applied, but for two things that follow from it
//! or from nothing durable: the table that a publication is fanned out by ([`fan_out`]), which knows the queues that
//! there are now or were, and the count of subscriptions that have ended.
//!
//! A subscription is in its topic for as long as it exists. While it is confirmed it has a slot in the fan-out; while
//! it waits for its confirmation or for its end it has none, and time will delete it (`Topics::next_lapse`). One that
//! has ended can be found by its id alone: it is in no listing and no count.
//!
//! A deleted topic is found nowhere from its event on. Its subscriptions leave the indices in slices ([`remains`]). An
//! entry of an index may therefore name a subscription that its topic does not have.

pub(crate) mod definition;
pub(crate) mod fan_out;
pub(crate) mod filter_hints;
pub(crate) mod message_events;
pub(crate) mod owned;
pub(crate) mod parsed;
pub(crate) mod remains;
pub(crate) mod subscription;

use core::ops::Bound::{Excluded, Included, Unbounded};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use hashbrown::HashMap;
use posthouse_filter::Policy as FilterPolicy;
use posthouse_model::limits::{CONFIRMATION_TOKEN_SECONDS, TOPIC_MESSAGE_SIZE_DEFAULT_BYTES};
use posthouse_model::topic_attributes::FilterPolicyText;
use posthouse_model::{
    AccountId, Endpoint, QueueId, Region, Seconds, SubscriptionAddress, SubscriptionId, Timestamp, TopicAddress,
};
use posthouse_policy::Policy;

use crate::hash::Seed;
use crate::journal::Position;
use crate::overview::TopicCounters;
use crate::shift::Shift;
use definition::{Status, SubscriptionDefinition, TopicDefinition};
use fan_out::{FanOut, Filter, Search, Work};
use filter_hints::{FilterCounts, FilterHints, KnownFilter};
use owned::OwnedSubscription;
use remains::{Remains, RemovedTopic};
use subscription::Subscription;

/// Bytes of a filter policy whose memory [`Topics::check`] computes anew.
#[cfg(any(test, debug_assertions))]
const CHECKED_POLICY_BYTES: usize = 200;

/// Memory of the largest filter policy that is put into the indices, or taken out of them, at once: some hundred
/// microseconds.
const AT_ONCE_BYTES_MAX: u64 = 128 * 1024;

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

    /// How many subscriptions it has, in whatever state.
    pub(crate) fn subscription_count(&self) -> usize {
        self.subscriptions.len()
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

/// Where a confirmed subscription gets its slot.
#[derive(Debug)]
enum Place {
    New(Filter, Work),
    /// It keeps the one that it had, with the policy in it. `None` if it is not confirmed.
    Kept(Option<u32>),
}

/// All topics.
#[derive(Debug)]
pub(crate) struct Topics {
    topics: BTreeMap<Arc<TopicAddress>, Box<Topic>>,
    by_id: HashMap<SubscriptionId, Arc<TopicAddress>, Seed>,
    /// The subscription whose messages an internal queue holds.
    by_queue: BTreeMap<QueueId, (Arc<TopicAddress>, SubscriptionId)>,
    /// The subscriptions that have not ended, by their owner.
    owned: BTreeMap<AccountId, BTreeSet<OwnedSubscription>>,
    /// The subscriptions that are not confirmed, by the time since when.
    unconfirmed: BTreeSet<(Timestamp, SubscriptionId)>,
    counts: BTreeMap<(Region, AccountId), usize>,
    /// What each account has in all regions. An account that has nothing has no entry.
    accounts: BTreeMap<AccountId, Owned>,
    /// The filter policies of confirmed subscriptions.
    filters: FilterCounts,
    /// Not durable: the filter policy of the subscription that is about to be put, if it was just parsed.
    parsed: Option<(FilterPolicyText, FilterPolicy)>,
    /// Not durable: whether what takes long is done elsewhere, and the topics that have such work.
    work: Option<Vec<Arc<TopicAddress>>>,
    /// Not durable: the deleted topics whose subscriptions are still in the indices.
    remains: VecDeque<Remains>,
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
            owned: BTreeMap::new(),
            unconfirmed: BTreeSet::new(),
            counts: BTreeMap::new(),
            accounts: BTreeMap::new(),
            filters: FilterCounts::new(seed),
            parsed: None,
            work: None,
            remains: VecDeque::new(),
            counters_of_deleted: TopicCounters::default(),
            tables: 0,
            seed,
        }
    }

    /// Which topics have filter policies, for other threads to read.
    pub(crate) const fn filter_hints(&self) -> &Arc<FilterHints> {
        self.filters.hints()
    }

    /// From now on large filter policies are put into the indices, and taken out of them, elsewhere: by the searches of
    /// [`Topics::take_work`].
    pub(crate) fn begin_slices(&mut self) {
        self.work = Some(Vec::new());
    }

    /// What is to be done elsewhere in the indices of a topic. `None` if there is nothing.
    pub(crate) fn take_work(&mut self) -> Option<Search> {
        loop {
            let address = self.work.as_mut()?.pop()?;
            let search = self.topics.get_mut(&address).and_then(|topic| topic.fan_out.lend(&address, None));
            if search.is_some() {
                return search;
            }
        }
    }

    /// How long a change of the indices by a policy of this size takes.
    const fn work_of(&self, filter_bytes: u64) -> Work {
        if self.work.is_some() && filter_bytes > AT_ONCE_BYTES_MAX { Work::Elsewhere } else { Work::AtOnce }
    }

    /// Notes that the indices of a topic may have changes that are to be made elsewhere.
    fn note_work(&mut self, topic: &Arc<TopicAddress>, work: Work) {
        if let (Work::Elsewhere, Some(topics)) = (work, &mut self.work) {
            topics.push(Arc::clone(topic));
        }
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

    /// The topic of a subscription, which may be deleted.
    pub(crate) fn of_subscription(&self, id: SubscriptionId) -> Option<&Arc<TopicAddress>> {
        self.by_id.get(&id)
    }

    /// A subscription in any state.
    pub(crate) fn subscription(&self, address: &SubscriptionAddress) -> Option<&Subscription> {
        self.find(&address.topic)?.subscription(address.id)
    }

    /// The subscription whose deliveries an internal queue holds. Its topic may be deleted.
    pub(crate) fn queue_of_subscription(&self, queue: QueueId) -> Option<&(Arc<TopicAddress>, SubscriptionId)> {
        self.by_queue.get(&queue)
    }

    /// When the next unconfirmed subscription lapses, and which one it is. None lapses before those of deleted topics have
    /// left the index.
    pub(crate) fn next_lapse(&self) -> Option<(Timestamp, SubscriptionId)> {
        self.unconfirmed.first().filter(|_| self.remains.is_empty()).map(|(since, id)| (*since + LAPSE, *id))
    }

    /// Moves the times with the clock, which was set, by which unconfirmed subscriptions lapse. Those of deleted topics
    /// lapse no more.
    pub(crate) fn shift(&mut self, shift: Shift) {
        let unconfirmed = core::mem::take(&mut self.unconfirmed);
        let moved = unconfirmed.into_iter().map(|(since, id)| {
            let topic = self.by_id.get(&id).and_then(|topic| self.topics.get_mut(topic));
            let subscription = topic.and_then(|topic| topic.subscriptions.get_mut(&id));
            let Some(definition) = subscription.map(|subscription| &mut subscription.definition) else {
                return (since, id);
            };
            definition.since = shift.moved(since);
            (definition.since, id)
        });
        self.unconfirmed = moved.collect();
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
        let old = self.lift(&subscription.definition.topic, id);
        let place = match old {
            Some(old) if old.filters_as(&subscription) => {
                subscription.filter_bytes = old.filter_bytes;
                Place::Kept(old.slot)
            }
            Some(_) | None => {
                self.vacate(&subscription.definition.topic, old.as_deref());
                let filter = self.filter_of(&subscription);
                subscription.filter_bytes = filter.memory_bytes();
                Place::New(filter, self.work_of(subscription.filter_bytes))
            }
        };
        self.parsed = None;
        let text = subscription.definition.attributes.filter_policy();
        self.filters.know(id, KnownFilter::of(text, subscription.scope()));
        let filter_bytes = subscription.filter_bytes;
        let work = self.work_of(filter_bytes);
        let topic = self.entry(&subscription.definition.topic);
        let shared = Arc::clone(&topic.definition.address);
        subscription.definition.topic = Arc::clone(&shared);
        let (owner, queue, since) =
            (subscription.definition.owner, subscription.definition.queue, subscription.definition.since);
        let status = subscription.definition.status;
        let scope = subscription.scope_in_force();
        let owned = OwnedSubscription { topic: Arc::clone(&shared), table: topic.fan_out.number(), id };
        topic.put(subscription, target, place);
        self.note_work(&shared, work);
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
        if !matches!(status, Status::Confirmed { .. }) {
            self.unconfirmed.insert((since, id));
        }
        if status != Status::Ended {
            self.owned.entry(owner).or_default().insert(owned);
        }
    }

    /// Takes a subscription out, if it is there.
    pub(crate) fn take(&mut self, address: &TopicAddress, id: SubscriptionId) -> Option<Box<Subscription>> {
        let subscription = self.lift(address, id)?;
        self.vacate(address, Some(&subscription));
        Some(subscription)
    }

    /// Takes a subscription out, if it is there, but for its slot.
    fn lift(&mut self, address: &TopicAddress, id: SubscriptionId) -> Option<Box<Subscription>> {
        let topic = self.get_mut(address)?;
        let owned =
            OwnedSubscription { topic: Arc::clone(&topic.definition.address), table: topic.fan_out.number(), id };
        let subscription = topic.lift(id)?;
        self.forget(&owned, &subscription);
        Some(subscription)
    }

    /// Takes the slot of a subscription back that was lifted.
    fn vacate(&mut self, address: &TopicAddress, lifted: Option<&Subscription>) {
        let Some((slot, filter_bytes)) = lifted.and_then(|lifted| Some((lifted.slot?, lifted.filter_bytes))) else {
            return;
        };
        let work = self.work_of(filter_bytes);
        let Some(topic) = self.get_mut(address) else { return };
        topic.fan_out.remove(slot, work);
        let address = Arc::clone(&topic.definition.address);
        self.note_work(&address, work);
    }

    /// Takes a topic out, if it is there. Its subscriptions are in the indices until [`Topics::forget_some`] has taken
    /// them out. Returns the queue in which a FIFO topic remembers its publications.
    pub(crate) fn remove(&mut self, address: &TopicAddress) -> Option<RemovedTopic> {
        let topic = self.topics.remove(address)?;
        self.counters_of_deleted += topic.counters;
        self.count(address.account, |owned| owned.topics -= 1);
        let place = (address.region.clone(), address.account);
        let count = self.counts.get_mut(&place).expect("the topic was counted when it was made");
        *count -= 1;
        if *count == 0 {
            self.counts.remove(&place);
        }
        let removed = RemovedTopic {
            address: Arc::clone(&topic.definition.address),
            deduplication_queue: topic.definition.deduplication_queue,
        };
        self.remains.push_back(Remains::of(topic));
        Some(removed)
    }

    /// Takes a subscription out of the indices.
    fn forget(&mut self, owned: &OwnedSubscription, subscription: &Subscription) {
        let definition = &subscription.definition;
        self.by_id.remove(&owned.id);
        self.filters.forget(owned.id);
        self.count(definition.owner, |owned| {
            owned.subscriptions -= 1;
            owned.filter_bytes -= subscription.filter_bytes;
        });
        if let Some(scope) = subscription.scope_in_force() {
            self.filters.remove(&owned.topic, scope);
        }
        if !definition.is_confirmed() {
            self.unconfirmed.remove(&(definition.since, owned.id));
        }
        if let Some(queue) = definition.queue {
            self.by_queue.remove(&queue);
        }
        if let Some(entries) = self.owned.get_mut(&definition.owner) {
            entries.remove(owned);
            if entries.is_empty() {
                self.owned.remove(&definition.owner);
            }
        }
    }

    /// Panics unless the indices agree with the subscriptions, and each confirmed one stands in its fan-out with the
    /// queue that `queue_at` finds, or with one that does not exist any more.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(
        &self,
        queue_at: impl Fn(&posthouse_model::QueueAddress) -> Option<QueueId>,
        queue_exists: impl Fn(QueueId) -> bool,
    ) {
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
                    let target = topic.fan_out.target(slot);
                    let stale = target.queue.filter(|queue| !queue_exists(*queue));
                    let queue = definition.queue.or_else(|| queue_at(definition.endpoint.queue()?));
                    let is_known = target.queue.is_some() && stale.is_none();
                    let queue = if is_known { queue } else { target.queue };
                    assert_eq!(target, subscription.target(&topic.definition.address, queue), "its target");
                }
            }
            assert_eq!((topic.confirmed, topic.filtered), (confirmed, filtered), "counts of a topic");
            assert_eq!(topic.filter_bytes, filter_bytes, "the memory of a topic's filter policies");
            assert_eq!(topic.by_endpoint.len(), subscribed, "endpoints of a topic");
        }
        for subscription in self.remains.iter().flat_map(Remains::left) {
            let definition = &subscription.definition;
            count += 1;
            let owned = accounts.entry(definition.owner).or_default();
            owned.subscriptions += 1;
            owned.filter_bytes += subscription.filter_bytes;
            by_queue.extend(definition.queue.map(|queue| (queue, (Arc::clone(&definition.topic), definition.id))));
            if !definition.is_confirmed() {
                unconfirmed.insert((definition.since, definition.id));
            }
        }
        assert_eq!(self.by_id.len(), count, "ids of subscriptions");
        assert_eq!(self.unconfirmed, unconfirmed, "subscriptions that may lapse");
        assert_eq!(self.by_queue, by_queue, "internal queues of subscriptions");
        assert_eq!(self.counts.values().sum::<usize>(), self.topics.len(), "topics of all accounts");
        assert_eq!(self.accounts, accounts, "what each account has");
    }
}

impl Topic {
    /// Notes which queue the endpoint of a subscription is now.
    pub(crate) fn set_queue(&mut self, subscription: SubscriptionId, queue: QueueId) {
        if let Some(slot) = self.subscription(subscription).and_then(Subscription::slot) {
            self.fan_out.set_queue(slot, queue);
        }
    }

    fn put(&mut self, mut subscription: Subscription, target: Option<QueueId>, place: Place) {
        self.filter_bytes += subscription.filter_bytes;
        if subscription.definition.status != Status::Ended {
            self.by_endpoint.insert(Arc::clone(&subscription.definition.endpoint), subscription.definition.id);
            self.filtered += usize::from(subscription.is_filtered());
        }
        if subscription.is_confirmed() {
            self.confirmed += 1;
            let target = subscription.target(&self.definition.address, target);
            subscription.slot = Some(match place {
                Place::New(filter, work) => self.fan_out.insert(target, filter, work),
                Place::Kept(slot) => {
                    let slot = slot.expect("a confirmed subscription has a slot");
                    self.fan_out.set_target(slot, target);
                    slot
                }
            });
        }
        self.subscriptions.insert(subscription.definition.id, Box::new(subscription));
    }

    /// Takes a subscription out, but for its slot.
    fn lift(&mut self, id: SubscriptionId) -> Option<Box<Subscription>> {
        let subscription = self.subscriptions.remove(&id)?;
        self.filter_bytes -= subscription.filter_bytes;
        if subscription.definition.status != Status::Ended {
            self.by_endpoint.remove(&subscription.definition.endpoint);
            self.filtered -= usize::from(subscription.is_filtered());
        }
        self.confirmed -= usize::from(subscription.slot.is_some());
        Some(subscription)
    }
}

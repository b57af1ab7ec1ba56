//! The durable state: all queues, the indices over their names, all topics, and the registry.
//!
//! It changes in `apply` only, besides what time alone changes in a queue. Nothing that depends on hash order or on
//! slots of this process can be seen in it.

use core::ops::Bound::{Excluded, Unbounded};
pub(crate) mod changed_topics;
pub(crate) mod deliveries;
pub(crate) mod pages;
pub(crate) mod producers;
pub(crate) mod references;
pub(crate) mod removals;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use hashbrown::HashMap;
use posthouse_model::{AccountId, MessageKey, QueueAddress, QueueId, Timestamp};

use crate::budget::Budget;
use crate::discarded::Discarded;
use crate::hash::Seed;
use crate::journal::{Journal, Position};
use crate::malformed::Malformed;
use crate::options::Options;
use crate::overview::Counters;
use crate::producer::NumberedTarget;
use crate::queue::Queue;
use crate::queue::attempts::Attempts;
use crate::queue::damaged::DamagedMessages;
use crate::queue::deduplication::Deduplication;
use crate::queue::messages::Messages;
use crate::quota::{Holding, Holdings};
use crate::registry::Registry;
use crate::topic::remains::Forgotten;
use crate::topic::{Topic, Topics};
use changed_topics::ChangedTopics;
use deliveries::Deliveries;
use pages::PageRequest;
use producers::Producers;
use removals::Removals;

/// Names of deleted queues that are remembered at most: past it a name is free at once.
const DELETED_NAMES_MAX: usize = 10_000;

/// Items of a value that is dropped at once: some hundred microseconds. Larger values are dropped elsewhere.
pub(crate) const DROPPED_MAX: usize = 1000;
/// Bytes of filter policies, likewise.
const DROPPED_BYTES_MAX: u64 = 1024 * 1024;

/// The number that no queue gets, so that there always is a next one.
const QUEUE_LAST: QueueId = QueueId::MAX;

/// All queue numbers of the data directory were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

/// A checkpoint that is being read back.
#[derive(Debug)]
pub(crate) struct Restoring {
    /// Where it began.
    pub(crate) began: Position,
    /// For each of its queues, the key below which messages are still to come.
    pub(crate) below: BTreeMap<QueueId, MessageKey>,
}

/// Messages of a deleted or purged queue whose bodies are still to be released.
#[derive(Debug)]
struct Released {
    messages: Messages,
    damaged: DamagedMessages,
    /// Whether there were so many messages that what held them is dropped elsewhere.
    is_large: bool,
}

/// Everything durable.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) options: Options,
    /// Where the pages of all queues are counted.
    pub(crate) budget: Arc<Budget>,
    pub(crate) topics: Topics,
    pub(crate) registry: Registry,
    pub(crate) producers: Producers,
    holdings: Holdings,
    queues: BTreeMap<QueueId, Box<Queue>>,
    by_address: HashMap<Arc<QueueAddress>, QueueId, Seed>,
    /// Without internal queues, which are in no listing.
    names: BTreeMap<Arc<QueueAddress>, QueueId>,
    /// The queues whose `RedrivePolicy` names a queue, by that queue.
    sources: BTreeMap<QueueAddress, BTreeSet<Arc<QueueAddress>>>,
    /// The queues that have damaged messages.
    damaged: BTreeSet<QueueId>,
    /// When queues were deleted, while that still keeps their names from being taken.
    pub(crate) deleted: BTreeMap<QueueAddress, Timestamp>,
    next_queue: QueueId,
    /// The last key that was given: events and messages after it have larger ones.
    pub(crate) end: Position,
    pub(crate) restoring: Option<Restoring>,
    /// Not durable: publications that are not in all their queues yet.
    pub(crate) deliveries: Deliveries,
    /// Not durable: queues that events have changed since `Decision::settle` last took them.
    pub(crate) changed_queues: Vec<QueueId>,
    /// Not durable: internal queues whose push target has changed and that `Decision::settle` has not taken yet.
    pub(crate) changed_targets: VecDeque<QueueId>,
    /// Not durable: topics whose attributes have changed, until all their subscriptions have been visited.
    pub(crate) changed_topics: ChangedTopics,
    /// Not durable: what happened in queues that were deleted since the start, but for the broker's own.
    pub(crate) counters_of_deleted: Counters,
    /// Not durable: pages that were read into memory, in that order. Some of them are used up.
    pub(crate) loaded: VecDeque<PageRequest>,
    /// Not durable: deleted messages whose bodies are still to be released.
    release_backlog: Vec<Released>,
    /// Not durable: the queues that were deleted while publications collect their recipients.
    pub(crate) removals: Removals,
    /// Not durable: what is to be dropped elsewhere.
    pub(crate) discarded: Vec<Discarded>,
}

impl State {
    pub(crate) fn new(options: Options) -> Self {
        let seed = options.seed;
        Self {
            budget: Arc::new(Budget::new(options.index)),
            options,
            topics: Topics::new(seed),
            registry: Registry::default(),
            producers: Producers::default(),
            holdings: Holdings::default(),
            queues: BTreeMap::new(),
            by_address: HashMap::with_hasher(seed),
            names: BTreeMap::new(),
            sources: BTreeMap::new(),
            damaged: BTreeSet::new(),
            deleted: BTreeMap::new(),
            next_queue: QueueId::FIRST,
            end: Position::ZERO,
            restoring: None,
            deliveries: Deliveries::new(),
            changed_queues: Vec::new(),
            changed_targets: VecDeque::new(),
            changed_topics: ChangedTopics::default(),
            counters_of_deleted: Counters::default(),
            loaded: VecDeque::new(),
            release_backlog: Vec::new(),
            removals: Removals::default(),
            discarded: Vec::new(),
        }
    }

    /// Panics unless the indices over queues and topics agree with them, and the invariants of each hold.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self) {
        assert_eq!(self.by_address.len(), self.queues.len(), "each queue has one address");
        for (id, queue) in &self.queues {
            queue.check();
            let found = Some(*id).filter(|_| !self.has_lost_topic(&queue.address, *id));
            assert_eq!((queue.id, self.find(&queue.address)), (*id, found), "a queue is found at its address");
            assert!(*id < self.next_queue, "the number of a queue was given");
            assert_eq!(self.damaged.contains(id), !queue.damaged.is_empty(), "queues with damaged messages");
            assert_eq!(self.names.contains_key(&queue.address), !queue.address.name.is_internal(), "listed queues");
            if let Some(redrive) = &queue.attributes.redrive {
                let sources = self.sources.get(&redrive.target);
                assert!(sources.is_some_and(|sources| sources.contains(&queue.address)), "sources of a redrive target");
            }
        }
        self.check_holdings();
        self.topics.check(|address| self.find(address), |queue| self.get(queue).is_some());
        self.registry.check();
        self.producers.check();
    }

    /// Panics unless the holdings are what the queues hold.
    #[cfg(any(test, debug_assertions))]
    fn check_holdings(&self) {
        let mut counted: BTreeMap<AccountId, Holding> = BTreeMap::new();
        for queue in self.queues.values() {
            let holding = counted.entry(queue.address.account).or_default();
            holding.queues += u64::from(!queue.address.name.is_internal());
            if self.options.quotas.limit_messages() {
                let load = queue.messages.load();
                holding.load.messages += load.messages;
                holding.load.bytes += load.bytes;
            }
        }
        assert!(self.holdings.accounts().eq(counted.keys().copied()), "accounts that hold anything");
        for (account, holding) in counted {
            assert_eq!(self.holding(account), holding, "what the account {account} holds");
        }
    }

    /// What an account holds of queues and messages.
    pub(crate) fn holding(&self, account: AccountId) -> Holding {
        self.holdings.of(account)
    }

    /// The queue at an address.
    pub(crate) fn find(&self, address: &QueueAddress) -> Option<QueueId> {
        self.by_address.get(address).copied().filter(|queue| !self.has_lost_topic(address, *queue))
    }

    /// The queue with this number.
    pub(crate) fn get(&self, queue: QueueId) -> Option<&Queue> {
        self.queues.get(&queue).map(|queue| &**queue).filter(|queue| !self.has_lost_topic(&queue.address, queue.id))
    }

    /// The queue with this number. What is durable in it is for `apply` to change.
    pub(crate) fn get_mut(&mut self, queue: QueueId) -> Option<&mut Queue> {
        if self.topics.has_remains() {
            self.get(queue)?;
        }
        self.queues.get_mut(&queue).map(|queue| &mut **queue)
    }

    /// Whether a queue belongs to a subscription of a deleted topic. Such a queue counts as deleted, and will be removed
    /// ([`State::forget_some`]).
    fn has_lost_topic(&self, address: &QueueAddress, queue: QueueId) -> bool {
        self.topics.has_remains() && address.name.is_internal() && self.topics.has_lost(queue)
    }

    /// All queues in the order of their numbers.
    pub(crate) fn queues(&self) -> impl Iterator<Item = &Queue> {
        self.queues.values().map(|queue| &**queue).filter(|queue| !self.has_lost_topic(&queue.address, queue.id))
    }

    /// All queues, to be counted anew, those that count as deleted too.
    pub(crate) fn queues_mut(&mut self) -> impl Iterator<Item = &mut Queue> {
        self.queues.values_mut().map(|queue| &mut **queue)
    }

    /// The queues that have damaged messages, from this number on.
    pub(crate) fn damaged_from(&self, queue: QueueId) -> impl Iterator<Item = &Queue> {
        self.damaged.range(queue..).filter_map(|queue| self.get(*queue))
    }

    /// Enters a queue in the index of those with damaged messages, or takes it out.
    pub(crate) fn damaged_changed(&mut self, queue: QueueId) {
        let has_damaged = self.get(queue).is_some_and(|queue| !queue.damaged.is_empty());
        if has_damaged {
            self.damaged.insert(queue);
        } else if !self.damaged.is_empty() {
            self.damaged.remove(&queue);
        }
    }

    /// The first queue whose number is at least this. It may count as deleted: [`State::get`] is `None` then.
    pub(crate) fn first_from(&self, queue: QueueId) -> Option<QueueId> {
        self.queues.range(queue..).next().map(|(id, _)| *id)
    }

    pub(crate) fn queue_count(&self) -> usize {
        self.queues.len()
    }

    /// The queues at addresses from this one on, in their order.
    pub(crate) fn names_from<'a>(&'a self, first: &QueueAddress) -> impl Iterator<Item = &'a Arc<QueueAddress>> {
        let bounds = (core::ops::Bound::Included(first), Unbounded);
        self.names.range::<QueueAddress, _>(bounds).map(|(address, _)| address)
    }

    /// The queues that name this address as their dead-letter queue, after one of them, in the order of their addresses.
    pub(crate) fn sources_of<'a>(
        &'a self,
        target: &QueueAddress,
        after: Option<&QueueAddress>,
    ) -> impl Iterator<Item = &'a Arc<QueueAddress>> + use<'a> {
        let bounds = (after.map_or(Unbounded, Excluded), Unbounded);
        self.sources.get(target).map(|sources| sources.range::<QueueAddress, _>(bounds)).into_iter().flatten()
    }

    /// When the name of a deleted queue becomes free.
    pub(crate) fn name_rests_until(&self, address: &QueueAddress) -> Option<Timestamp> {
        self.deleted.get(address).map(|deleted| *deleted + self.options.deleted_recently)
    }

    /// The number that the next queue gets. The event that creates a queue of this number takes it.
    ///
    /// # Errors
    /// [`Exhausted`] if all numbers were given: a number is never given again.
    pub(crate) fn allocate_queue(&self) -> Result<QueueId, Exhausted> {
        if self.next_queue == QUEUE_LAST { Err(Exhausted) } else { Ok(self.next_queue) }
    }

    /// The lowest number that no queue ever had.
    pub(crate) const fn next_queue(&self) -> QueueId {
        self.next_queue
    }

    /// Takes the number of a queue that an event creates. All lower numbers count as given.
    pub(crate) fn take_queue(&mut self, queue: QueueId) -> Result<(), Malformed> {
        self.next_queue = queue.next().ok_or("its queue's number is too large")?;
        Ok(())
    }

    /// Sets the lowest number that no queue ever had to what a checkpoint says.
    pub(crate) fn restore_next_queue(&mut self, next_queue: QueueId) {
        self.next_queue = next_queue;
    }

    pub(crate) fn insert(&mut self, mut queue: Queue) {
        queue.messages.keep_within(&self.budget);
        let tally = self.holdings.enter(&queue.address);
        queue.messages.count_in(Some(tally).filter(|_| self.options.quotas.limit_messages()));
        let (id, address) = (queue.id, Arc::clone(&queue.address));
        self.by_address.insert(Arc::clone(&address), id);
        if !address.name.is_internal() {
            self.names.insert(Arc::clone(&address), id);
            self.deleted.remove(&*address);
        }
        self.queues.insert(id, Box::new(queue));
        self.link(id);
    }

    /// Removes a queue. Its name rests from `now` on.
    pub(crate) fn remove(&mut self, id: QueueId, now: Timestamp) {
        self.unlink(id);
        let Some(queue) = self.queues.remove(&id) else { return };
        let Queue { address, mut messages, damaged, deduplication, attempts, counters, .. } = *queue;
        self.removals.note(id);
        self.producers.forget_target(&NumberedTarget::Queue(id));
        messages.count_nowhere();
        self.holdings.leave(&address);
        self.by_address.remove(&*address);
        self.damaged.remove(&id);
        self.defer_release(messages, damaged);
        self.discard_remembered(deduplication, attempts);
        if address.name.is_internal() {
            return;
        }
        self.names.remove(&*address);
        self.counters_of_deleted += counters;
        if self.options.deleted_recently.get() > 0 {
            let rest = self.options.deleted_recently;
            self.deleted.retain(|_, deleted| *deleted + rest > now);
            if self.deleted.len() < DELETED_NAMES_MAX {
                self.deleted.insert((*address).clone(), now);
            }
        }
    }

    /// Has what a FIFO queue remembered dropped elsewhere, if it is much.
    pub(crate) fn discard_remembered(&mut self, deduplication: Deduplication, attempts: Attempts) {
        if deduplication.len() + attempts.len() > DROPPED_MAX {
            self.discarded.push(Discarded::from((deduplication, attempts)));
        }
    }

    /// Takes up to `budget` subscriptions of deleted topics out of the indices, with their internal queues. Returns how
    /// many.
    pub(crate) fn forget_some(&mut self, budget: usize) -> usize {
        if !self.topics.has_remains() {
            return 0;
        }
        let Forgotten { subscriptions, queues, topics } = self.topics.forget_some(budget);
        for queue in queues {
            // Only names that a client gives rest.
            self.remove(queue, Timestamp::EPOCH);
            self.changed_targets.push_back(queue);
        }
        let is_large =
            |topic: &Topic| topic.subscription_count() > DROPPED_MAX || topic.filter_bytes() > DROPPED_BYTES_MAX;
        self.discarded.extend(topics.into_iter().filter(|topic| is_large(topic)).map(Discarded::from));
        subscriptions
    }

    /// Enters a queue's redrive target in the index.
    pub(crate) fn link(&mut self, id: QueueId) {
        if let Some(queue) = self.queues.get(&id)
            && let Some(redrive) = &queue.attributes.redrive
        {
            self.sources.entry(redrive.target.clone()).or_default().insert(Arc::clone(&queue.address));
        }
    }

    /// Takes a queue's redrive target out of the index.
    pub(crate) fn unlink(&mut self, id: QueueId) {
        if let Some(queue) = self.queues.get(&id)
            && let Some(redrive) = &queue.attributes.redrive
            && let Some(sources) = self.sources.get_mut(&redrive.target)
        {
            sources.remove(&*queue.address);
            if sources.is_empty() {
                self.sources.remove(&redrive.target);
            }
        }
    }

    /// Drops the messages of a deleted or purged queue. [`State::release_some`] releases their bodies in slices.
    pub(crate) fn defer_release(&mut self, messages: Messages, damaged: DamagedMessages) {
        if messages.len() > 0 || !damaged.is_empty() {
            let is_large = messages.len() > DROPPED_MAX;
            self.release_backlog.push(Released { messages, damaged, is_large });
        }
    }

    /// Whether references of messages that no queue has any more are still to be released.
    pub(crate) fn has_releases(&self) -> bool {
        !self.release_backlog.is_empty() || self.topics.has_remains()
    }

    /// Whether there is work that goes on in slices.
    pub(crate) fn has_work(&self) -> bool {
        !self.release_backlog.is_empty()
            || !self.deliveries.is_empty()
            || self.topics.has_remains()
            || !self.changed_topics.is_empty()
            || !self.changed_targets.is_empty()
    }

    /// Releases up to `budget` bodies of deleted messages. Returns how many.
    pub(crate) fn release_some(&mut self, budget: usize, journal: &mut dyn Journal) -> usize {
        let mut done = 0;
        while let Some(Released { messages, damaged, .. }) = self.release_backlog.last_mut() {
            done += messages.dismantle(budget.saturating_sub(done), journal);
            while done < budget
                && let Some(body) = damaged.pop()
            {
                journal.release(body);
                done += 1;
            }
            if messages.len() > 0 || !damaged.is_empty() {
                break;
            }
            // A queue with many groups has much to free besides its messages.
            let released = self.release_backlog.pop().filter(|released| released.is_large);
            self.discarded.extend(released.map(|released| Discarded::from(released.messages)));
        }
        done
    }
}

//! Quotas: how much an account may hold, and what it holds.
//!
//! An account holds queues that clients can name, topics, subscriptions that it owns, and the messages in all of its
//! queues, in whatever state. The internal queues of a topic's subscriptions are its account's. What an account holds
//! is counted as it changes, follows from the rest of the state, and is stored nowhere.
//!
//! More bounds are here because they bound memory in the same way: the entries of an account in the registry, what a FIFO
//! queue remembers for five minutes, and the filter policies of a topic and of an account.
//!
//! A quota refuses what is new: `CreateQueue`, `CreateTopic`, `Subscribe`, a message that is sent or published. It never
//! drops what is there. Dead letters and moved messages change queues within their account, and confirmations of
//! subscriptions belong to a subscription that was counted: none of them is refused.

use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;
use std::collections::BTreeMap;
use std::sync::Arc;

use posthouse_model::fault::{FilterPolicyLimit, Limit, Quota};
use posthouse_model::{AccountId, QueueAddress};

use crate::refusal::{LoadQuota, Refusal};

/// How much each account may hold, in all regions together. `None`: as much as there is room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quotas {
    /// Queues, without internal ones.
    pub queues: Option<u64>,
    /// Topics.
    pub topics: Option<u64>,
    /// Subscriptions that the account owns, in any state.
    pub subscriptions: Option<u64>,
    /// Messages in all queues. A publication counts once in each queue that it goes to.
    pub messages: Option<u64>,
    /// Bytes of the records of these messages.
    pub bytes: Option<u64>,
    /// Platform applications and endpoints, SMS settings, and phone numbers of which something is known.
    pub endpoints: Option<u64>,
    /// Deduplication ids and receive attempts that one FIFO queue or FIFO topic may remember at once. Each is remembered
    /// for five minutes, so that this is a bound on a rate, and not one of an account.
    pub fifo_ids: Option<u64>,
    /// Bytes of memory that the filter policies of one topic take. Here a subscription's filter policy counts while the
    /// subscription is there, in any state, with [`Policy::memory_bytes`](posthouse_filter::Policy::memory_bytes).
    pub topic_filter_bytes: Option<u64>,
    /// Bytes of memory that the filter policies take of the subscriptions that the account owns.
    pub account_filter_bytes: Option<u64>,
}

impl Quotas {
    /// Whether messages have to be counted.
    pub(crate) const fn limit_messages(&self) -> bool {
        self.messages.is_some() || self.bytes.is_some()
    }
}

/// Messages and the bytes of their records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

/// The messages in all queues of one account. The messages of each queue (`queue::messages`) count themselves here.
///
/// It is atomic only so that an engine can be sent to another thread: one thread at a time changes it.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    messages: AtomicU64,
    bytes: AtomicU64,
}

impl Tally {
    /// What there is.
    pub(crate) fn load(&self) -> Load {
        Load { messages: self.messages.load(Relaxed), bytes: self.bytes.load(Relaxed) }
    }

    pub(crate) fn add(&self, more: Load) {
        let Load { messages, bytes } = self.load();
        self.messages.store(messages + more.messages, Relaxed);
        self.bytes.store(bytes + more.bytes, Relaxed);
    }

    pub(crate) fn take(&self, less: Load) {
        let Load { messages, bytes } = self.load();
        self.messages.store(messages - less.messages, Relaxed);
        self.bytes.store(bytes - less.bytes, Relaxed);
    }
}

/// What one account holds of queues and messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holding {
    /// Without internal queues.
    pub(crate) queues: u64,
    /// Zero while no quota limits messages.
    pub(crate) load: Load,
}

/// What each account holds of queues and messages. An account without queues has no entry.
#[derive(Debug, Default)]
pub(crate) struct Holdings(BTreeMap<AccountId, Account>);

#[derive(Debug, Default)]
struct Account {
    queues: u64,
    internal: u64,
    tally: Arc<Tally>,
}

impl Holdings {
    /// What an account holds.
    pub(crate) fn of(&self, account: AccountId) -> Holding {
        self.0
            .get(&account)
            .map_or_else(Holding::default, |account| Holding { queues: account.queues, load: account.tally.load() })
    }

    /// Counts a queue. Returns where its messages count themselves.
    pub(crate) fn enter(&mut self, queue: &QueueAddress) -> Arc<Tally> {
        let account = self.0.entry(queue.account).or_default();
        *account.count_of(queue) += 1;
        Arc::clone(&account.tally)
    }

    /// Counts a queue no more. Its messages count themselves no more either.
    pub(crate) fn leave(&mut self, queue: &QueueAddress) {
        let Some(account) = self.0.get_mut(&queue.account) else { return };
        *account.count_of(queue) -= 1;
        if account.queues == 0 && account.internal == 0 {
            debug_assert_eq!(account.tally.load(), Load::default(), "messages are in queues");
            self.0.remove(&queue.account);
        }
    }

    /// The accounts that hold anything.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn accounts(&self) -> impl Iterator<Item = AccountId> {
        self.0.keys().copied()
    }
}

impl Account {
    fn count_of(&mut self, queue: &QueueAddress) -> &mut u64 {
        if queue.name.is_internal() { &mut self.internal } else { &mut self.queues }
    }
}

impl Quotas {
    /// Checks that an account that holds `holding` may hold one more queue.
    ///
    /// # Errors
    /// The quota that is reached.
    pub(crate) fn check_queue(&self, holding: Holding) -> Result<(), Limit> {
        check(self.queues, Quota::Queues, holding.queues, 1)
    }

    /// Checks that an account whose part of the registry has `entries` entries may have one more.
    ///
    /// # Errors
    /// The quota that is reached.
    pub(crate) fn check_entry(&self, entries: u64) -> Result<(), Limit> {
        check(self.endpoints, Quota::Endpoints, entries, 1)
    }

    /// Checks that `growth` fits into what the filter policies of a topic and those of an account take.
    ///
    /// # Errors
    /// The bound that is reached. A policy that takes no more than the one before always fits.
    pub(crate) fn check_filters(&self, topic: u64, account: u64, growth: Growth) -> Result<(), FilterPolicyLimit> {
        let exceeds = |held, max| growth.new > growth.old && held - growth.old + growth.new > max;
        match (self.topic_filter_bytes, self.account_filter_bytes) {
            (Some(max), _) if exceeds(topic, max) => Err(FilterPolicyLimit::TopicBytes { max }),
            (_, Some(max)) if exceeds(account, max) => Err(FilterPolicyLimit::AccountBytes { max }),
            (_, _) => Ok(()),
        }
    }

    /// Checks that an account that holds `holding` may hold `more` messages.
    ///
    /// # Errors
    /// The quota that is reached.
    pub(crate) fn check_messages(&self, holding: Holding, more: Load) -> Result<(), Refusal> {
        let reached = |of| move |max| Refusal::Quota { of, max };
        fits(self.messages, holding.load.messages, more.messages).map_err(reached(LoadQuota::Messages))?;
        fits(self.bytes, holding.load.bytes, more.bytes).map_err(reached(LoadQuota::Bytes))
    }
}

/// The memory of a filter policy, and of the one that it replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Growth {
    /// Zero if there was none.
    pub(crate) old: u64,
    pub(crate) new: u64,
}

fn check(quota: Option<u64>, of: Quota, held: u64, more: u64) -> Result<(), Limit> {
    fits(quota, held, more).map_err(|max| Limit::Quota { of, max })
}

/// Whether what is held and more is within a quota.
///
/// # Errors
/// The quota.
fn fits(quota: Option<u64>, held: u64, more: u64) -> Result<(), u64> {
    match quota {
        Some(max) if held.saturating_add(more) > max => Err(max),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_given_back() {
        let region: posthouse_model::Region = "eu-west-1".parse().expect("valid");
        let queue = |name: &str| QueueAddress {
            region: region.clone(),
            account: AccountId::DEFAULT,
            name: name.parse().expect("valid"),
        };
        let mut holdings = Holdings::default();
        let (tally, load) = (holdings.enter(&queue("a")), Load { messages: 3, bytes: 300 });
        tally.add(load);
        holdings.enter(&queue("b")).add(load);
        let both = Load { messages: 6, bytes: 600 };
        assert_eq!(holdings.of(AccountId::DEFAULT), Holding { queues: 2, load: both });
        tally.take(both);
        holdings.leave(&queue("a"));
        holdings.leave(&queue("b"));
        assert!(holdings.0.is_empty(), "an account that holds nothing takes no memory");
    }

    #[test]
    fn a_quota_may_be_reached_and_not_exceeded() {
        let quotas = Quotas { messages: Some(10), bytes: Some(100), ..Quotas::default() };
        let holding = Holding { queues: 9, load: Load { messages: 8, bytes: 80 } };
        let check = |messages, bytes| quotas.check_messages(holding, Load { messages, bytes });
        assert_eq!(check(2, 20), Ok(()));
        assert_eq!(check(3, 20), Err(Refusal::Quota { of: LoadQuota::Messages, max: 10 }));
        assert_eq!(check(1, 21), Err(Refusal::Quota { of: LoadQuota::Bytes, max: 100 }));
        assert_eq!(check(1, u64::MAX), Err(Refusal::Quota { of: LoadQuota::Bytes, max: 100 }));
        assert_eq!(quotas.check_queue(holding), Ok(()), "no quota");
    }
}

//! Push delivery as the engine sees it: the push target of each internal queue, watches for changed targets, and the
//! results of pushes.
//!
//! Nothing here is durable. Each change of a target raises the version of the whole set. A watch names a version and is
//! answered with the targets that changed after it, once there is one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use posthouse_model::delivery_policy::DeliveryPolicy;
use posthouse_model::operation::{PushChanges, PushSource, PushTarget, Reply, SettlePushes, Settlement, Tags};
use posthouse_model::{
    AccountId, MessageKey, QueueAddress, QueueId, QueueName, ReceiptHandle, Region, SubscriptionAddress,
};

use super::Decision;
use crate::answer::{Outcome, RequestToken};
use crate::event::Event;
use crate::event::queue::{QueueCreated, Settings};
use crate::event::removed::Removed;
use crate::event::visibility_changed::VisibilityChanged;
use crate::journal::Position;
use crate::queue::Queue;
use crate::queue::internal::{self, DIRECT};
use crate::queue::message::MessageState;
use crate::state::{Exhausted, State};
use crate::topic::subscription::Subscription;

/// Changed targets that one answer lists at most. The next watch gets the rest.
const CHANGES_MAX: usize = 1000;

/// Changed targets that one decision takes note of at most. The next one goes on.
const TARGETS_MAX: usize = 250;

/// The latest change of each push target, and the watches that wait for the next change.
#[derive(Debug, Default)]
pub(crate) struct PushLog {
    version: u64,
    /// The latest change of each queue that is or was a target, by version.
    changes: BTreeMap<u64, QueueId>,
    targets: BTreeMap<QueueId, (u64, Arc<QueueAddress>)>,
    /// The targets that were deleted, by version.
    deleted: BTreeMap<u64, QueueId>,
    watchers: Vec<(RequestToken, u64)>,
}

impl PushLog {
    /// Notes that the target of a queue was added, changed or removed. `address` is `None` if it was removed; a target
    /// that was added and removed between two watches is then skipped.
    fn changed(&mut self, queue: QueueId, address: Option<&Arc<QueueAddress>>) {
        let known = self.targets.get(&queue).map(|(version, address)| (*version, Arc::clone(address)));
        let Some(address) = address.cloned().or_else(|| known.as_ref().map(|(_, address)| Arc::clone(address))) else {
            return;
        };
        if let Some((version, _)) = known {
            self.changes.remove(&version);
        }
        self.version += 1;
        self.changes.insert(self.version, queue);
        self.targets.insert(queue, (self.version, address));
    }

    /// Notes that a queue was deleted, if a watch may have been answered with its target.
    fn was_deleted(&mut self, queue: QueueId) {
        if self.targets.contains_key(&queue) {
            self.changed(queue, None);
            self.deleted.insert(self.version, queue);
        }
    }

    /// Drops deleted targets that changed at `seen` or before. There is one watcher, push delivery, so no other watch
    /// can ask for them.
    fn forget_deleted(&mut self, seen: u64) {
        while let Some(first) = self.deleted.first_entry().filter(|first| *first.key() <= seen) {
            let (version, queue) = first.remove_entry();
            self.targets.remove(&queue);
            self.changes.remove(&version);
        }
    }

    /// Drops the watch of a request whose caller has disconnected.
    pub(crate) fn cancel(&mut self, token: RequestToken) {
        self.watchers.retain(|(watcher, _)| *watcher != token);
    }

    /// Takes out all watches, each with an answer that lists no change. The caller must answer them.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = (RequestToken, PushChanges)> + use<> {
        core::mem::take(&mut self.watchers)
            .into_iter()
            .map(|(token, seen)| (token, PushChanges { version: seen, changes: Vec::new() }))
    }
}

impl State {
    /// Whether [`State::push_target`] is `Some`.
    fn is_push_target(&self, queue: &Queue) -> bool {
        self.topics.queue_of_subscription(queue.id).is_some() || queue.address.name.is_internal_of(DIRECT)
    }

    /// The push target of an internal queue. `None` if the queue does not exist or is no push target, as the
    /// deduplication queue of a topic.
    fn push_target(&self, queue: QueueId) -> Option<PushTarget> {
        let address = &self.get(queue)?.address;
        if let Some((topic, id)) = self.topics.queue_of_subscription(queue) {
            let topic = self.topics.find(topic)?;
            let subscription = topic.subscription(*id)?;
            let (of_topic, own) = (&topic.definition.attributes, &subscription.definition.attributes);
            return Some(PushTarget {
                source: PushSource::Subscription {
                    subscription: SubscriptionAddress { topic: (*topic.definition.address).clone(), id: *id },
                    endpoint: (*subscription.definition.endpoint).clone(),
                },
                signature_version: of_topic.signature_version(),
                delivery_policy: DeliveryPolicy::effective(of_topic.delivery_policy(), own.delivery_policy()),
                display_name: of_topic.display_name().into(),
            });
        }
        address.name.is_internal_of(DIRECT).then(|| PushTarget {
            source: PushSource::Direct { region: address.region.clone(), account: address.account },
            signature_version: posthouse_model::topic_attributes::SignatureVersion::default(),
            delivery_policy: DeliveryPolicy::default(),
            display_name: Box::default(),
        })
    }
}

impl Decision<'_> {
    /// Answers a watch if a target changed after version `seen`. Otherwise the watch waits.
    pub(crate) fn watch_deliveries(&mut self, token: RequestToken, seen: u64) {
        let push = &mut self.volatile.push;
        push.forget_deleted(seen);
        push.watchers.push((token, seen));
        self.answer_watches();
    }

    /// Notes which targets events have changed, up to [`TARGETS_MAX`], and answers the watches.
    pub(crate) fn settle_targets(&mut self) {
        if self.state.changed_targets.is_empty() {
            return;
        }
        let taken = self.state.changed_targets.len().min(TARGETS_MAX);
        let queues: Vec<QueueId> = self.state.changed_targets.drain(..taken).collect();
        for queue in queues {
            let (state, push) = (&self.state, &mut self.volatile.push);
            match state.get(queue) {
                Some(found) if state.is_push_target(found) => push.changed(queue, Some(&found.address)),
                Some(_) => {}
                None => push.was_deleted(queue),
            }
        }
        self.answer_watches();
    }

    /// Answers the watches that have not seen the latest version.
    fn answer_watches(&mut self) {
        let (state, push) = (&self.state, &mut self.volatile.push);
        let version = push.version;
        let (behind, waiting) = push.watchers.drain(..).partition(|(_, seen)| *seen < version);
        push.watchers = waiting;
        let behind: Vec<(RequestToken, u64)> = behind;
        for (token, seen) in behind {
            let mut version = seen;
            let mut changes = Vec::new();
            for (&at, &queue) in self.volatile.push.changes.range(seen + 1..).take(CHANGES_MAX) {
                let (_, address) = &self.volatile.push.targets[&queue];
                changes.push(((**address).clone(), state.push_target(queue).map(Arc::new)));
                version = at;
            }
            let reply = Reply::PushChanges(PushChanges { version, changes });
            // The answer does not wait until the target is durable: push delivery runs in this process, so a crash that
            // loses the target ends push delivery too.
            self.answers.push(crate::answer::Answer {
                token,
                outcome: Outcome::Reply(Ok(reply)),
                after: Position::ZERO,
            });
        }
    }

    /// The internal queue of what an account publishes in a region to phone numbers and platform endpoints. It is
    /// created if there is none yet.
    ///
    /// # Errors
    /// [`Exhausted`] if it would have to be created and all queue numbers were given.
    pub(crate) fn direct_queue(&mut self, region: &Region, account: AccountId) -> Result<QueueId, Exhausted> {
        let address = QueueAddress { region: region.clone(), account, name: QueueName::internal(DIRECT) };
        if let Some(queue) = self.state().find(&address) {
            return Ok(queue);
        }
        let queue = self.state().allocate_queue()?;
        self.emit(&Event::QueueCreated(QueueCreated {
            queue,
            time: self.now,
            address,
            settings: Settings::of(&internal::attributes(None)),
            tags: Tags::default(),
        }));
        self.state.changed_targets.push_back(queue);
        Ok(queue)
    }

    /// Applies the results of pushes: deletes messages that were delivered, hides those that are to be retried, and
    /// dead-letters or deletes those that failed. Results whose receipt handle is out of date are skipped.
    pub(crate) fn settle_deliveries(&mut self, queue: QueueId, request: &SettlePushes) {
        let (mut deleted, mut failed, mut retried) = (Vec::new(), Vec::new(), Vec::new());
        for (handle, settlement) in &request.deliveries {
            let Some(key) = self.in_flight(queue, *handle) else { continue };
            match settlement {
                Settlement::Delivered => deleted.push(key),
                Settlement::Failed(failure) => failed.push((key, failure)),
                Settlement::Retry(after) => retried.push((key, self.now + *after)),
            }
        }
        if !retried.is_empty() {
            let messages = Cow::Owned(retried);
            self.emit(&Event::VisibilityChanged(VisibilityChanged { queue, time: self.now, messages }));
        }
        if !failed.is_empty() {
            self.count_failed(queue, failed.len());
            match self.dead_letter_queue_of(queue) {
                Some(target) => {
                    let failed = failed.into_iter().map(|(key, failure)| (key, Some(Arc::clone(failure))));
                    self.dead_letter(queue, target, failed);
                }
                None => deleted.extend(failed.into_iter().map(|(key, _)| key)),
            }
        }
        if !deleted.is_empty() {
            let messages = Cow::Owned(deleted);
            self.emit(&Event::Deleted(Removed { queue, time: self.now, messages }));
        }
    }

    /// The message of a receipt handle. `None` if the handle is not that of the latest receive.
    fn in_flight(&self, queue: QueueId, handle: ReceiptHandle) -> Option<MessageKey> {
        let message = self.queue(queue).messages.get(handle.message).filter(|_| handle.queue == queue)?;
        let latest = handle.generation == message.generation && matches!(message.state, MessageState::InFlight(_));
        // The handle has a later generation than the message if a crash lost the receive, which need not be durable.
        (latest || handle.generation > message.generation).then_some(handle.message)
    }

    /// The subscription whose messages an internal queue holds. `None` if it holds those of no subscription.
    fn subscription_of(&self, queue: QueueId) -> Option<&Subscription> {
        let (topic, id) = self.state().topics.queue_of_subscription(queue)?;
        self.state().topics.find(topic)?.subscription(*id)
    }

    /// The dead-letter queue of the subscription of an internal queue. `None` if there is none, or if the subscription
    /// is not confirmed: its queue then holds confirmations, which are no dead letters.
    fn dead_letter_queue_of(&self, queue: QueueId) -> Option<QueueId> {
        let subscription = self.subscription_of(queue).filter(|subscription| subscription.is_confirmed())?;
        self.state().find(subscription.dead_letters()?)
    }

    /// Counts failed deliveries in the topic of the subscription of an internal queue.
    fn count_failed(&mut self, queue: QueueId, deliveries: usize) {
        let topics = &mut self.state.topics;
        let Some((topic, _)) = topics.queue_of_subscription(queue) else { return };
        let topic = Arc::clone(topic);
        if let Some(topic) = topics.get_mut(&topic) {
            topic.counters.failed += deliveries as u64;
        }
    }
}

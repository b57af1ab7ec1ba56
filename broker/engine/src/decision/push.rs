//! Push delivery as the engine sees it: which internal queues have somebody to deliver to, who waits to hear of changes,
//! and what became of deliveries.
//!
//! Nothing here is durable. The set of targets has a version, which every change raises; a watcher names the version
//! that it knows and hears what is newer, as soon as there is something.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use posthouse_model::delivery_policy::DeliveryPolicy;
use posthouse_model::operation::{PushChanges, PushSource, PushTarget, Reply, SettlePushes, Settlement, Tags};
use posthouse_model::topic_attributes::{SubscriptionAttributeName, TopicAttributeName};
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
use crate::queue::messages::MessageState;
use crate::state::{Exhausted, State};
use crate::topic::subscription::Subscription;

/// Changes that one answer tells at most.
const CHANGES_MAX: usize = 1000;

/// The targets' latest changes, and who waits for the next.
#[derive(Debug, Default)]
pub(crate) struct PushLog {
    version: u64,
    /// The latest change of each queue that is or was a target, by version.
    changes: BTreeMap<u64, QueueId>,
    targets: BTreeMap<QueueId, (u64, Arc<QueueAddress>)>,
    gone: BTreeSet<QueueId>,
    watchers: Vec<(RequestToken, u64)>,
}

impl PushLog {
    /// Notes that a queue's target is new, different or gone.
    fn changed(&mut self, queue: QueueId, address: Option<&Arc<QueueAddress>>) {
        let known = self.targets.get(&queue).map(|(version, address)| (*version, Arc::clone(address)));
        // What came and went between two looks was never seen.
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

    /// Notes that a queue is gone, if anybody may have heard of it.
    fn is_gone(&mut self, queue: QueueId) {
        if self.targets.contains_key(&queue) {
            self.changed(queue, None);
            self.gone.insert(queue);
        }
    }

    /// Forgets those that are gone and that every watcher has heard of: there is one watcher.
    fn forget_gone(&mut self, seen: u64) {
        let heard: Vec<QueueId> = self
            .gone
            .iter()
            .filter(|queue| self.targets.get(queue).is_some_and(|(version, _)| *version <= seen))
            .copied()
            .collect();
        for queue in heard {
            self.gone.remove(&queue);
            if let Some((version, _)) = self.targets.remove(&queue) {
                self.changes.remove(&version);
            }
        }
    }

    /// A watcher went away.
    pub(crate) fn cancel(&mut self, token: RequestToken) {
        self.watchers.retain(|(watcher, _)| *watcher != token);
    }

    /// Everybody who waits.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = (RequestToken, PushChanges)> + use<> {
        core::mem::take(&mut self.watchers)
            .into_iter()
            .map(|(token, seen)| (token, PushChanges { version: seen, changes: Vec::new() }))
    }
}

impl State {
    /// Whether [`State::push_target`] has an answer.
    fn is_push_target(&self, queue: &Queue) -> bool {
        self.topics.queue_of_subscription(queue.id).is_some() || queue.address.name.is_internal_of(DIRECT)
    }

    /// Whom the messages of an internal queue are for; `None` where the queue is gone or for nobody.
    fn push_target(&self, queue: QueueId) -> Option<PushTarget> {
        let address = &self.get(queue)?.address;
        if let Some((topic, id)) = self.topics.queue_of_subscription(queue) {
            let topic = self.topics.find(topic)?;
            let subscription = topic.subscription(*id)?;
            let policies = (
                topic.attributes.get(TopicAttributeName::DeliveryPolicy),
                subscription.definition.attributes.get(SubscriptionAttributeName::DeliveryPolicy),
            );
            return Some(PushTarget {
                source: PushSource::Subscription {
                    subscription: SubscriptionAddress { topic: (*topic.address).clone(), id: *id },
                    endpoint: (*subscription.definition.endpoint).clone(),
                },
                raw: subscription.definition.attributes.is_raw()
                    && subscription.definition.endpoint.protocol().may_be_raw(),
                signature_version: topic.attributes.signature_version(),
                delivery_policy: DeliveryPolicy::effective(policies.0, policies.1),
                display_name: topic.attributes.get(TopicAttributeName::DisplayName).unwrap_or_default().into(),
            });
        }
        address.name.is_internal_of(DIRECT).then(|| PushTarget {
            source: PushSource::Direct { region: address.region.clone(), account: address.account },
            raw: false,
            signature_version: posthouse_model::topic_attributes::SignatureVersion::default(),
            delivery_policy: DeliveryPolicy::default(),
            display_name: Box::default(),
        })
    }
}

impl Decision<'_> {
    /// Makes a watcher wait, or answers it where there is something that it has not seen.
    pub(crate) fn watch_deliveries(&mut self, token: RequestToken, seen: u64) {
        let push = &mut self.volatile.push;
        push.forget_gone(seen);
        push.watchers.push((token, seen));
        self.tell_watchers();
    }

    /// Notes which targets events have changed, and tells whoever waits for that.
    pub(crate) fn settle_targets(&mut self) {
        if self.state.changed_targets.is_empty() {
            return;
        }
        for queue in core::mem::take(&mut self.state.changed_targets) {
            let (state, push) = (&self.state, &mut self.volatile.push);
            match state.get(queue) {
                Some(found) if state.is_push_target(found) => push.changed(queue, Some(&found.address)),
                Some(_) => {}
                None => push.is_gone(queue),
            }
        }
        self.tell_watchers();
    }

    fn tell_watchers(&mut self) {
        let (state, push) = (&self.state, &mut self.volatile.push);
        let news = push.version;
        let (heard, waiting) = push.watchers.drain(..).partition(|(_, seen)| *seen < news);
        push.watchers = waiting;
        let heard: Vec<(RequestToken, u64)> = heard;
        for (token, seen) in heard {
            let mut version = seen;
            let mut changes = Vec::new();
            for (&at, &queue) in self.volatile.push.changes.range(seen + 1..).take(CHANGES_MAX) {
                let (_, address) = &self.volatile.push.targets[&queue];
                changes.push(((**address).clone(), state.push_target(queue).map(Arc::new)));
                version = at;
            }
            let reply = Reply::PushChanges(PushChanges { version, changes });
            // A target is told of before it is durable: losing it in a crash loses what was told of it, too.
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
        self.state.changed_targets.push(queue);
        Ok(queue)
    }

    /// Carries out what became of deliveries.
    pub(crate) fn settle_deliveries(&mut self, queue: QueueId, request: &SettlePushes) {
        let (mut gone, mut failed, mut retried) = (Vec::new(), Vec::new(), Vec::new());
        for (handle, settlement) in &request.deliveries {
            let Some(key) = self.in_flight(queue, *handle) else { continue };
            match settlement {
                Settlement::Delivered => gone.push(key),
                Settlement::Failed => failed.push(key),
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
                Some(target) => self.dead_letter(queue, target, &failed),
                None => gone.append(&mut failed),
            }
        }
        if !gone.is_empty() {
            let messages = Cow::Owned(gone);
            self.emit(&Event::Deleted(Removed { queue, time: self.now, messages }));
        }
    }

    /// The message of a handle whose receive is the latest.
    fn in_flight(&self, queue: QueueId, handle: ReceiptHandle) -> Option<MessageKey> {
        let message = self.queue(queue).messages.get(handle.message).filter(|_| handle.queue == queue)?;
        let latest = handle.generation == message.generation && matches!(message.state, MessageState::InFlight(_));
        // A later generation than the message knows of: a crash has lost the receive.
        (latest || handle.generation > message.generation).then_some(handle.message)
    }

    /// The subscription whose deliveries an internal queue holds.
    fn subscription_of(&self, queue: QueueId) -> Option<&Subscription> {
        let (topic, id) = self.state().topics.queue_of_subscription(queue)?;
        self.state().topics.find(topic)?.subscription(*id)
    }

    /// Where the failed deliveries of an internal queue go. The confirmations of a subscription that was not confirmed,
    /// or has ended, go nowhere.
    fn dead_letter_queue_of(&self, queue: QueueId) -> Option<QueueId> {
        let subscription = self.subscription_of(queue).filter(|subscription| subscription.is_confirmed())?;
        self.state().find(subscription.dead_letters.as_ref()?)
    }

    fn count_failed(&mut self, queue: QueueId, deliveries: usize) {
        let topics = &mut self.state.topics;
        let Some((topic, _)) = topics.queue_of_subscription(queue) else { return };
        let topic = Arc::clone(topic);
        if let Some(topic) = topics.get_mut(&topic) {
            topic.counters.failed += deliveries as u64;
        }
    }
}

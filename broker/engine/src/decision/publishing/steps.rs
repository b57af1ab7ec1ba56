//! The steps of one publication to a topic that exists: its recipients are found and collected, and its events written.
//!
//! Which step comes next, and when, is said by the line of the topic's requests in the parent module.

use std::sync::Arc;

use posthouse_filter::{Allowance, Unfinished};
use posthouse_model::message::DeduplicationKey;
use posthouse_model::operation::{PublishTarget, Published};
use posthouse_model::{Publication, QueueId, SequenceNumber, StoredMessage, SubscriptionId, TopicAddress};

use super::recipients::{Envelope, Recipients, Written};
use super::{AtOnce, Begun, Collecting, Stage, Step};
use crate::decision::{Decision, Scratch};
use crate::journal::Position;
use crate::producer::Exception;
use crate::refusal::Refusal;
use crate::topic::Topic;
use crate::topic::fan_out::{Matched, Matches, Occupant, Target};
use crate::topic::message_events::MessageEvents;
use crate::topic::subscription::Subscription;

/// Subscriptions that one slice collects at most. Each takes some hundred nanoseconds.
const SLICE: usize = 1_000;

/// As many subscriptions as one that needs the policy of its queue to be evaluated.
const FOREIGN_COST: usize = 10;

impl Decision<'_> {
    /// Does the next step of a publication to a topic that exists.
    ///
    /// # Errors
    /// Why it is refused.
    pub(super) fn advance_publication(
        &mut self,
        address: &Arc<TopicAddress>,
        (publication, events): (&Publication, &MessageEvents),
        (allowance, at_once): (Allowance, &mut AtOnce),
        stage: Stage,
    ) -> Result<Step, Refusal> {
        Ok(match stage {
            Stage::Waiting => match self.begin_publication(address, publication, events, at_once)? {
                Begun::Published(published, after) => Step::Ended((published, after)),
                Begun::Later(Stage::Waiting) => self.lend_indices(address, (publication, events), allowance),
                Begun::Later(stage) => Step::Goes(stage),
            },
            Stage::Matching(unfiltered) => Step::Blocked(Stage::Matching(unfiltered)),
            Stage::Collecting(collecting) => self.collect(address, publication, collecting),
            Stage::Collected(collecting) => {
                let deliveries = &self.state().deliveries;
                let may_write = if self.state().options.quotas.limit_messages() {
                    // Only what is in its queues is counted.
                    deliveries.is_empty()
                } else {
                    deliveries.has_room(collecting.recipients.len())
                };
                if !may_write {
                    return Ok(Step::Goes(Stage::Collected(collecting)));
                }
                let load = collecting.recipients.load(publication, address.account, 0);
                if let Err(refusal) = self.check_messages(address.account, load) {
                    self.abandon(address, &Stage::Collected(collecting));
                    return Err(refusal);
                }
                Step::Ended(self.write_collected(address, publication, collecting))
            }
        })
    }

    /// Sends the indices of a topic away to match a message.
    fn lend_indices(
        &mut self,
        address: &Arc<TopicAddress>,
        (publication, events): (&Publication, &MessageEvents),
        allowance: Allowance,
    ) -> Step {
        let matched = Matched { message: publication.default_message().clone(), events: events.clone(), allowance };
        let topic = self.state.topics.get_mut(address).expect("the topic was found in this decision");
        let fan_out = topic.fan_out_mut();
        match fan_out.lend(address, Some(matched)) {
            None => Step::Blocked(Stage::Waiting),
            Some(search) => {
                fan_out.pin();
                self.volatile.publishing.searches.push_back(search);
                Step::Blocked(Stage::Matching(self.topic(address).fan_out().unfiltered().to_vec()))
            }
        }
    }

    /// Checks a publication, and publishes it if it has few recipients that are quickly found. Otherwise says how it goes
    /// on: [`Stage::Waiting`] if its recipients take much work to find, or [`Stage::Collecting`].
    ///
    /// # Errors
    /// Why it cannot be published.
    pub(super) fn begin_publication(
        &mut self,
        address: &TopicAddress,
        publication: &Publication,
        events: &MessageEvents,
        at_once: &mut AtOnce,
    ) -> Result<Begun, Refusal> {
        let topic = self.topic(address);
        let bytes_max = topic.definition.attributes.maximum_message_size_bytes();
        if publication.size_bytes() > bytes_max {
            return Err(Refusal::TooLong { bytes_max });
        }
        if let Some(queue) = topic.definition.deduplication_queue {
            self.advance(queue);
            let duplicate = find_duplicate(self, self.topic(address), queue, publication.default_message())?;
            if let Some((published, after)) = duplicate {
                if let Some(numbers) = &mut self.numbers {
                    numbers.except(Exception::Duplicate { message: after.message_key(), id: published.id });
                }
                return Ok(Begun::Published(published, after));
            }
            self.check_ids(queue)?;
        }
        self.with_scratch(|decision, scratch| {
            let Scratch { matching, recipients } = scratch;
            let topic = decision.state.topics.get_mut(address).expect("the topic was found in this decision");
            let fan_out = topic.fan_out_mut();
            let found = fan_out.find(publication.default_message(), events, matching).map_err(refusal)?;
            let Matches::Counted(count) = found else { return Ok(Begun::Later(Stage::Waiting)) };
            if count > at_once.recipients {
                fan_out.pin();
                let slots = fan_out.slots(matching).collect();
                let removed = decision.state.removals.watch();
                return Ok(Begun::Later(Stage::Collecting(Collecting::new(slots, removed))));
            }
            at_once.recipients -= count;
            recipients.clear();
            let fan_out = decision.topic(address).fan_out();
            for slot in fan_out.slots(matching) {
                recipients.add(decision, address, publication, &fan_out.target(slot));
            }
            decision.keep_found(address, recipients);
            decision.check_messages(address.account, recipients.load(publication, address.account, 0))?;
            recipients.sort();
            let (published, after) = decision.write_publication(address, publication, recipients, count);
            Ok(Begun::Published(published, after))
        })
    }

    /// Collects the next slice of recipients.
    fn collect(&mut self, address: &TopicAddress, publication: &Publication, mut collecting: Collecting) -> Step {
        let (mut left, fan_out) = (SLICE, self.topic(address).fan_out());
        while left > 0
            && let Some(slot) = collecting.slots.get(collecting.next)
        {
            collecting.next += 1;
            let target = match fan_out.occupant(*slot) {
                Occupant::Present(target) => Some(target),
                Occupant::Left(subscription) => self.topic(address).target_of(subscription),
            };
            if let Some(target) = target {
                left = left.saturating_sub(if target.foreign { FOREIGN_COST } else { 1 });
                collecting.recipients.add(self, address, publication, &target);
            }
        }
        self.keep_found(address, &mut collecting.recipients);
        if collecting.next < collecting.slots.len() {
            return Step::Goes(Stage::Collecting(collecting));
        }
        collecting.recipients.sort();
        Step::Goes(Stage::Collected(collecting))
    }

    /// Has the next publication find the queues at once that this one had to look for.
    fn keep_found(&mut self, address: &TopicAddress, recipients: &mut Recipients) {
        if !recipients.found.is_empty()
            && let Some(topic) = self.state.topics.get_mut(address)
        {
            recipients.found.drain(..).for_each(|(subscription, queue)| topic.set_queue(subscription, queue));
        }
    }

    /// Writes a publication whose recipients are collected.
    fn write_collected(
        &mut self,
        address: &TopicAddress,
        publication: &Publication,
        mut collecting: Collecting,
    ) -> (Published, Position) {
        let removed = self.state.removals.since(collecting.removed);
        if !removed.is_empty() {
            collecting.recipients.replace(self, address, removed);
            collecting.recipients.sort();
        }
        let (recipients, matched) = (&collecting.recipients, collecting.slots.len());
        let written = self.write_publication(address, publication, recipients, matched);
        self.state.removals.unwatch();
        if let Some(topic) = self.state.topics.get_mut(address) {
            topic.fan_out_mut().unpin();
        }
        written
    }

    /// Emits the events of a publication to `matched` subscriptions, and counts them.
    fn write_publication(
        &mut self,
        address: &TopicAddress,
        publication: &Publication,
        recipients: &Recipients,
        matched: usize,
    ) -> (Published, Position) {
        let definition = &self.topic(address).definition;
        let (deduplication_queue, signature_version) =
            (definition.deduplication_queue, definition.attributes.signature_version());
        let target = PublishTarget::Topic(address.clone());
        let envelope = Envelope { target: &target, signature_version, deduplication_queue };
        let Written { first, last } = recipients.write(self, publication, envelope);
        if let Some(topic) = self.state.topics.get_mut(address) {
            topic.counters.published += 1;
            topic.counters.matched += matched as u64;
            topic.counters.failed += recipients.failed;
        }
        let sequence_number = deduplication_queue.map(|_| SequenceNumber::in_topic(first.message_key()));
        (Published { id: publication.id(), sequence_number }, last)
    }

    /// Ends a publication that is not written, of a topic that exists.
    pub(super) fn abandon(&mut self, address: &TopicAddress, stage: &Stage) {
        self.forget(stage);
        if let (Stage::Collecting(_) | Stage::Collected(_), Some(topic)) = (stage, self.state.topics.get_mut(address)) {
            topic.fan_out_mut().unpin();
        }
    }

    /// Ends the watch of a publication that is not written.
    pub(super) fn forget(&mut self, stage: &Stage) {
        match stage {
            Stage::Waiting | Stage::Matching(_) => {}
            Stage::Collecting(_) | Stage::Collected(_) => self.state.removals.unwatch(),
        }
    }
}

impl Collecting {
    pub(super) fn new(slots: Vec<u32>, removed: usize) -> Self {
        let mut recipients = Recipients::default();
        recipients.clear();
        Self { slots, next: 0, recipients, removed }
    }
}

impl Topic {
    /// The row of a subscription in the fan-out, if it is confirmed.
    fn target_of(&self, id: SubscriptionId) -> Option<Target> {
        self.subscription(id).and_then(Subscription::slot).map(|slot| self.fan_out().target(slot))
    }
}

/// Why a message was not matched. It goes to no recipient. A message whose values cannot be matched within
/// the limits of filtering never can be. One of a request that has used up its work can be published by itself.
pub(super) const fn refusal(unfinished: Unfinished) -> Refusal {
    match unfinished {
        Unfinished::TooManyValues => Refusal::TooManyFilterValues,
        Unfinished::TooMuchWork => Refusal::Throttled,
    }
}

/// Checks the deduplication id of a publication to a FIFO topic. Returns the answer of the original if the publication
/// is a duplicate of one in the last five minutes.
///
/// # Errors
/// If the publication has no deduplication id and the topic does not derive one from the body.
fn find_duplicate(
    decision: &Decision<'_>,
    topic: &Topic,
    deduplication_queue: QueueId,
    message: &StoredMessage,
) -> Result<Option<(Published, Position)>, Refusal> {
    let key = deduplication_key(topic, message)?;
    let queue = decision.queue(deduplication_queue);
    let original = queue.deduplication.find(key, message.group(), decision.now);
    Ok(original.map(|original| {
        let sequence_number = Some(SequenceNumber::in_topic(original.message));
        (Published { id: original.id, sequence_number }, Position::of(original.message))
    }))
}

/// The key that a FIFO topic remembers of a message.
///
/// # Errors
/// If the message has no deduplication id and the topic does not derive one from the body.
pub(crate) fn deduplication_key(topic: &Topic, message: &StoredMessage) -> Result<DeduplicationKey, Refusal> {
    let deduplicates = message.deduplication_is_explicit() || topic.definition.attributes.content_based_deduplication();
    let key = message.deduplication_key().filter(|_| deduplicates);
    key.ok_or(Refusal::DeduplicationIdMissing)
}

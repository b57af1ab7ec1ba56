//! `Publish` and `PublishBatch`.
//!
//! One event puts a publication into all its recipients, so that after a crash either all or none of them have it. The
//! recipients are the queues of `sqs` subscriptions and the internal queues of pushed subscriptions. If a queue cannot
//! take the message (it was deleted, its policy denies it, or the message is too large), the subscription's dead-letter
//! queue takes its place. A publication with more than [`PUBLICATION_DELIVERIES_MAX`] recipients is more than one
//! event.

use std::borrow::Cow;
use std::collections::BTreeMap;

use posthouse_filter::TooManyValues;
use posthouse_model::fault::{Limit, Rule};
use posthouse_model::limits::{
    MESSAGE_ATTRIBUTES_MAX, PUBLICATION_DELIVERIES_MAX, SMS_CHARS_MAX, TOPIC_MESSAGE_SIZE_DEFAULT_BYTES,
};
use posthouse_model::message::DeduplicationKey;
use posthouse_model::notification::{NotificationForm, too_long};
use posthouse_model::operation::{BatchReply, Publish, PublishBatch, PublishTarget, Published, Reply};
use posthouse_model::topic_attributes::SignatureVersion;
use posthouse_model::topic_name::Platform;
use posthouse_model::{
    AccountId, Action, Caller, EndpointAddress, Fault, PhoneNumber, Publication, QueueId, Region, SequenceNumber,
    SnsFault, StoredMessage, SubscriptionId, SubscriptionProtocol, TopicAddress,
};

use super::{Answered, DecisionResult};
use crate::access::{self, Resource};
use crate::decision::{Decision, Scratch};
use crate::event::Event;
use crate::event::published::{self, Recipient};
use crate::journal::Position;
use crate::prepared::Events;
use crate::quota::Load;
use crate::state::Exhausted;
use crate::topic::Topic;
use crate::topic::fan_out::Target;
use crate::topic::message_events::MessageEvents;

/// Bytes of events that the entries of one batch may write. The entries after that are throttled, because a wide
/// fan-out of ten entries would delay all other requests.
const BATCH_BYTES_MAX: u64 = 4 * 1024 * 1024;

pub(super) fn one(decision: &mut Decision<'_>, caller: &Caller, request: &Publish, events: &Events) -> DecisionResult {
    // The target is looked at before the message is judged (recorded from AWS).
    let publication = || request.publication.as_ref().map_err(Clone::clone);
    let (published, after) = match &request.target {
        PublishTarget::Topic(topic) => {
            decision.authorize_topic(caller, Action::Publish, topic)?;
            to_topic(decision, topic, publication()?, events.get(0))?
        }
        target @ PublishTarget::Endpoint(endpoint) => {
            let recipient = DirectRecipient::endpoint(decision, caller, endpoint)?;
            to_recipient(decision, target, &recipient, publication()?)?
        }
        target @ PublishTarget::PhoneNumber(number) => {
            decision.account(caller, Action::Publish)?;
            decision.authorize(caller, Action::Publish, Resource::PhoneNumber(number))?;
            let recipient = DirectRecipient::phone_number(decision, caller, number)?;
            to_recipient(decision, target, &recipient, publication()?)?
        }
    };
    Ok(Answered { reply: Reply::Published(published), after })
}

pub(super) fn batch(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &PublishBatch,
    events: &Events,
) -> DecisionResult {
    decision.authorize_topic(caller, Action::PublishBatch, &request.topic)?;
    let entries = request.entries.as_ref().map_err(Clone::clone)?;
    let topic = decision.topic(&request.topic);
    // What is wrong with any of them is found before the first is published (recorded from AWS).
    for (_, entry) in entries.iter().filter(|_| topic.definition.deduplication_queue.is_some()) {
        deduplication_key(topic, entry.publication.default_message())?;
    }
    let bytes: u64 = entries.iter().map(|(_, entry)| u64::from(entry.publication.size_bytes())).sum();
    if bytes > u64::from(topic.definition.attributes.maximum_message_size_bytes()) {
        return Err(Fault::BatchRequestTooLong(bytes));
    }
    let mut last = Position::ZERO;
    let start = decision.end().get();
    let results = entries.iter().enumerate().map(|(index, (id, entry))| {
        if let Some(fault) = &entry.refused {
            return (id.clone(), Err(fault.clone()));
        }
        if decision.end().get() - start > BATCH_BYTES_MAX {
            return (id.clone(), Err(Fault::Throttled));
        }
        let result = to_topic(decision, &request.topic, &entry.publication, events.get(index));
        let published = result.map(|(published, after)| {
            last = last.max(after);
            published
        });
        (id.clone(), published)
    });
    let reply = Reply::PublishedBatch(BatchReply::collect(results.collect::<Vec<_>>()));
    Ok(Answered { reply, after: last })
}

/// Publishes to a topic. Returns the reply and the position that it waits for. The caller has been authorized.
fn to_topic(
    decision: &mut Decision<'_>,
    address: &TopicAddress,
    publication: &Publication,
    events: &MessageEvents,
) -> Result<(Published, Position), Fault> {
    let topic = decision.topic(address);
    if publication.size_bytes() > topic.definition.attributes.maximum_message_size_bytes() {
        return Err(too_long());
    }
    let deduplication_queue = topic.definition.deduplication_queue;
    if let Some(queue) = deduplication_queue {
        decision.advance(queue);
        if let Some(duplicate) =
            find_duplicate(decision, decision.topic(address), queue, publication.default_message())?
        {
            return Ok(duplicate);
        }
        decision.check_ids(queue)?;
    }
    let signature_version = decision.topic(address).definition.attributes.signature_version();
    let target = PublishTarget::Topic(address.clone());
    let (matched, failed, written) = decision.with_scratch(|decision, scratch| {
        let Scratch { matching, targets, recipients } = scratch;
        targets.clear();
        let found = decision.topic(address).matching(publication.default_message(), events, matching, targets);
        found.map_err(|TooManyValues| too_many_values())?;
        let mut fan_out = FanOut::new(publication, recipients);
        for target in &*targets {
            fan_out.add(decision, address, target);
        }
        decision.check_messages(address.account, fan_out.load(address.account, 0))?;
        let failed = fan_out.failed;
        let written = fan_out.write(decision, &target, signature_version, deduplication_queue);
        Ok::<_, Fault>((targets.len() as u64, failed, written))
    })?;
    if let Some(topic) = decision.state.topics.get_mut(address) {
        topic.counters.published += 1;
        topic.counters.matched += matched;
        topic.counters.failed += failed;
    }
    let sequence_number = deduplication_queue.map(|_| SequenceNumber::in_topic(written.first.message_key()));
    Ok((Published { id: publication.id(), sequence_number }, written.last))
}

/// The fault of a message whose values cannot be matched within the limits of filtering. It goes to no recipient.
fn too_many_values() -> Fault {
    SnsFault::invalid("Message", Rule::TooManyFilterValues)
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
) -> Result<Option<(Published, Position)>, Fault> {
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
fn deduplication_key(topic: &Topic, message: &StoredMessage) -> Result<DeduplicationKey, Fault> {
    let deduplicates = message.deduplication_is_explicit() || topic.definition.attributes.content_based_deduplication();
    let key = message.deduplication_key().filter(|_| deduplicates);
    key.ok_or_else(|| SnsFault::invalid("MessageDeduplicationId", Rule::DeduplicationIdMissing))
}

/// A phone number or a platform endpoint that takes publications.
struct DirectRecipient {
    /// Whose internal queue the publication goes through.
    account: AccountId,
    region: Region,
    protocol: SubscriptionProtocol,
    platform: Option<Platform>,
}

impl DirectRecipient {
    /// The recipient of a platform endpoint.
    ///
    /// # Errors
    /// If the endpoint or its application does not exist or is not enabled, or the caller may not publish to it.
    fn endpoint(decision: &Decision<'_>, caller: &Caller, endpoint: &EndpointAddress) -> Result<Self, Fault> {
        let account = decision.account(caller, Action::Publish)?;
        decision.authorize(caller, Action::Publish, Resource::PlatformEndpoint(endpoint))?;
        check_enabled(decision, endpoint)?;
        let EndpointAddress { application, .. } = endpoint;
        let (region, platform) = (application.region.clone(), Some(application.platform));
        Ok(Self { account, region, protocol: SubscriptionProtocol::Application, platform })
    }

    /// The recipient of a phone number. The caller has been authorized.
    ///
    /// # Errors
    /// If the number has opted out of the account's messages, or the caller has no account.
    fn phone_number(decision: &Decision<'_>, caller: &Caller, number: &PhoneNumber) -> Result<Self, Fault> {
        let account = decision.account(caller, Action::Publish)?;
        let region = caller.region.clone();
        if decision.state().registry.is_opted_out(account, &region, number) {
            return Err(SnsFault::invalid("PhoneNumber", Rule::OptedOut));
        }
        Ok(Self { account, region, protocol: SubscriptionProtocol::Sms, platform: None })
    }
}

/// Publishes to a phone number or a platform endpoint, through the account's internal queue for these.
fn to_recipient(
    decision: &mut Decision<'_>,
    target: &PublishTarget,
    recipient: &DirectRecipient,
    publication: &Publication,
) -> Result<(Published, Position), Fault> {
    let DirectRecipient { account, region, protocol, platform } = recipient;
    let text = publication.messages().nth(publication.index_for(*protocol, *platform));
    let is_long = |text: &StoredMessage| text.body().chars().count() > SMS_CHARS_MAX;
    if publication.size_bytes() > TOPIC_MESSAGE_SIZE_DEFAULT_BYTES
        || *protocol == SubscriptionProtocol::Sms && text.is_some_and(is_long)
    {
        return Err(too_long());
    }
    let queue = decision.direct_queue(region, *account).map_err(|Exhausted| Fault::OverLimit(Limit::Queues))?;
    let written = decision.with_scratch(|decision, scratch| {
        let mut fan_out = FanOut::new(publication, &mut scratch.recipients);
        let index = publication.index_for(*protocol, *platform);
        fan_out.push(queue, index, SubscriptionId::from_bytes([0; 16]), NotificationForm::Envelope);
        fan_out.count(decision, queue);
        decision.check_messages(*account, fan_out.load(*account, 0))?;
        Ok::<_, Fault>(fan_out.write(decision, target, SignatureVersion::default(), None))
    })?;
    Ok((Published { id: publication.id(), sequence_number: None }, written.last))
}

/// Sends a phone number of the sandbox its one-time password.
pub(super) fn one_time_password(
    decision: &mut Decision<'_>,
    caller: &Caller,
    number: PhoneNumber,
    message: &Publication,
) -> Result<(), Fault> {
    let recipient = DirectRecipient::phone_number(decision, caller, &number)?;
    to_recipient(decision, &PublishTarget::PhoneNumber(number), &recipient, message).map(|_| ())
}

/// Checks that a platform endpoint and its application exist and are enabled.
fn check_enabled(decision: &Decision<'_>, address: &EndpointAddress) -> Result<(), Fault> {
    let registry = &decision.state().registry;
    let endpoint = registry.endpoint(address).ok_or_else(|| SnsFault::invalid("TargetArn", Rule::NoSuchTarget))?;
    if !registry.application_is_enabled(&address.application) {
        return Err(SnsFault::PlatformApplicationDisabled.into());
    }
    if !endpoint.is_enabled() {
        return Err(SnsFault::EndpointDisabled.into());
    }
    Ok(())
}

/// Whether a subscriber's phone number has opted out of the messages of the topic's account.
fn is_unwanted(decision: &Decision<'_>, topic: &TopicAddress, subscription: SubscriptionId) -> bool {
    let subscription = decision.topic(topic).subscription(subscription);
    let number = subscription.and_then(|subscription| subscription.definition.endpoint.phone_number());
    number.is_some_and(|number| decision.state().registry.is_opted_out(topic.account, &topic.region, number))
}

/// The recipients of one publication while they are collected.
struct FanOut<'a> {
    publication: &'a Publication,
    recipients: &'a mut Vec<Recipient>,
    /// Indices of the publication's messages that a recipient gets. The default message always comes first.
    used: Vec<usize>,
    failed: u64,
    /// How many copies each account gets. Empty while no quota limits messages.
    copies: BTreeMap<AccountId, u64>,
}

impl<'a> FanOut<'a> {
    /// No recipients yet. What `recipients` held is dropped.
    fn new(publication: &'a Publication, recipients: &'a mut Vec<Recipient>) -> Self {
        recipients.clear();
        Self { publication, recipients, used: vec![0], failed: 0, copies: BTreeMap::new() }
    }

    /// Adds a subscription's queue, or its dead-letter queue if that queue cannot take the message.
    ///
    /// A queue of another account takes it only if that account has room for it. The topic's own account is judged by
    /// what the whole publication brings it ([`FanOut::load`]): if it has no room, the publication is refused.
    fn add(&mut self, decision: &Decision<'_>, address: &TopicAddress, target: &Target) {
        let admission = target.queue.map_or(Admission::Refuse, |queue| self.admit(decision, address, target, queue));
        let queue = match admission {
            Admission::Accept => target.queue,
            Admission::Duplicate => return,
            Admission::Refuse => decision
                .topic(address)
                .subscription(target.subscription)
                .and_then(|subscription| decision.state().find(subscription.dead_letters()?))
                .filter(|queue| self.has_room(decision, address, *queue)),
        };
        match queue {
            Some(queue) => {
                self.count(decision, queue);
                let index = self.publication.index_for(target.protocol, target.platform);
                self.push(queue, index, target.subscription, target.form);
            }
            None => self.failed += 1,
        }
    }

    /// Whether a subscriber's queue can take the message.
    fn admit(&self, decision: &Decision<'_>, topic: &TopicAddress, target: &Target, id: QueueId) -> Admission {
        if target.protocol == SubscriptionProtocol::Sms && is_unwanted(decision, topic, target.subscription) {
            return Admission::Refuse;
        }
        if target.protocol.is_pushed() {
            return Admission::Accept;
        }
        let Some(queue) = decision.state().get(id) else { return Admission::Refuse };
        let message = self.publication.default_message();
        let too_many = target.form == NotificationForm::Raw && message.attributes_count() > MESSAGE_ATTRIBUTES_MAX;
        let too_long = self.publication.size_bytes() > queue.attributes.maximum_message_size.get();
        let allowed = !target.foreign || access::may_deliver(decision.state(), topic, id, decision.now);
        if too_many || too_long || !allowed || !self.has_room(decision, topic, id) {
            return Admission::Refuse;
        }
        let original = message
            .deduplication_key()
            .filter(|_| queue.is_fifo())
            .and_then(|key| queue.deduplication.find(key, message.group(), decision.now));
        if original.is_some() { Admission::Duplicate } else { Admission::Accept }
    }

    /// Whether the account of a queue has room for one more copy, unless it is the topic's own.
    fn has_room(&self, decision: &Decision<'_>, topic: &TopicAddress, queue: QueueId) -> bool {
        if !decision.state().options.quotas.limit_messages() {
            return true;
        }
        let account = decision.queue(queue).address.account;
        account == topic.account || decision.check_messages(account, self.load(account, 1)).is_ok()
    }

    /// Counts a copy for the account of its queue.
    fn count(&mut self, decision: &Decision<'_>, queue: QueueId) {
        if decision.state().options.quotas.limit_messages() {
            *self.copies.entry(decision.queue(queue).address.account).or_default() += 1;
        }
    }

    /// What the publication brings an account, with `more` copies than were counted.
    fn load(&self, account: AccountId, more: u64) -> Load {
        let messages = self.copies.get(&account).copied().unwrap_or_default() + more;
        let record = u64::from(self.publication.size_bytes()) + published::recipients_bytes(self.recipients.len());
        Load { messages, bytes: messages * record }
    }

    /// Adds a queue that gets the publication's message at `index`.
    fn push(&mut self, queue: QueueId, index: usize, subscription: SubscriptionId, form: NotificationForm) {
        let message = self.used.iter().position(|used| *used == index).unwrap_or_else(|| {
            self.used.push(index);
            self.used.len() - 1
        });
        let message = u16::try_from(message).expect("there are fewer protocols and platforms than 2^16");
        self.recipients.push(Recipient { queue, message, form, subscription });
    }

    /// Emits the events of the publication. Returns their positions.
    fn write(
        self,
        decision: &mut Decision<'_>,
        target: &PublishTarget,
        signature_version: SignatureVersion,
        deduplication_queue: Option<QueueId>,
    ) -> Written {
        self.recipients.sort_by_key(|recipient| recipient.queue);
        let others: Vec<_> = self.used[1..]
            .iter()
            .filter_map(|index| self.publication.messages().nth(*index))
            .map(Cow::Borrowed)
            .collect();
        let recipients = &*self.recipients;
        let mut first = None;
        // Without recipients an event is needed only for the deduplication queue of a FIFO topic.
        let alone = (recipients.is_empty() && deduplication_queue.is_some()).then_some(recipients.as_slice());
        for part in recipients.chunks(PUBLICATION_DELIVERIES_MAX).chain(alone) {
            let position = decision.emit(&Event::Published(published::Published {
                time: decision.now,
                target: Cow::Borrowed(target),
                subject: self.publication.subject().map(Cow::Borrowed),
                signature_version,
                deduplication_queue,
                recipients: Cow::Borrowed(part),
                others: others.clone(),
                message: Cow::Borrowed(self.publication.default_message()),
            }));
            first.get_or_insert(position);
        }
        // The answer to a publication without recipients depends on every event that removed one.
        Written { first: first.unwrap_or(Position::ZERO), last: decision.end() }
    }
}

/// The positions of the events of one publication.
struct Written {
    /// The first event, which a FIFO topic remembers.
    first: Position,
    /// The last event, which the publisher's answer waits for.
    last: Position,
}

/// Whether a queue takes a publication.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Admission {
    Accept,
    /// It has the publication: a FIFO queue remembers its deduplication id.
    Duplicate,
    Refuse,
}

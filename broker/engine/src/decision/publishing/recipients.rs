//! The recipients of one publication while they are collected, and the events that give it to them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use posthouse_model::limits::MESSAGE_ATTRIBUTES_MAX;
use posthouse_model::notification::NotificationForm;
use posthouse_model::operation::PublishTarget;
use posthouse_model::topic_attributes::SignatureVersion;
use posthouse_model::{AccountId, Publication, QueueId, SubscriptionId, SubscriptionProtocol, TopicAddress};

use crate::access;
use crate::decision::Decision;
use crate::event::Event;
use crate::event::published::{Part, Published, Recipient, recipients_bytes};
use crate::journal::Position;
use crate::producer::Exception;
use crate::quota::Load;
use crate::topic::fan_out::Target;

/// The recipients of one publication.
#[derive(Debug, Default)]
pub(crate) struct Recipients {
    list: Vec<Recipient>,
    /// Indices of the publication's messages that a recipient gets. The default message always comes first.
    used: Vec<usize>,
    /// Subscriptions whose queue and dead-letter queue cannot take the message.
    pub(crate) failed: u64,
    /// Subscriptions whose queue was created after they were, or again, with that queue.
    pub(crate) found: Vec<(SubscriptionId, QueueId)>,
    /// How many copies each account gets. Empty while no quota limits messages.
    copies: BTreeMap<AccountId, u64>,
}

/// What the events of a publication say besides its messages and recipients.
#[derive(Clone, Copy)]
pub(crate) struct Envelope<'a> {
    pub(crate) target: &'a PublishTarget,
    pub(crate) signature_version: SignatureVersion,
    /// The queue in which a FIFO topic remembers the publication.
    pub(crate) deduplication_queue: Option<QueueId>,
}

/// The positions of the events of one publication.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    /// The first event, which a FIFO topic remembers.
    pub(crate) first: Position,
    /// The last event, which the publisher's answer waits for.
    pub(crate) last: Position,
}

/// Whether a queue takes a publication.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Admission {
    Accept,
    /// It has the publication: a FIFO queue remembers its deduplication id.
    Duplicate,
    Refuse,
    /// It does not exist.
    Missing,
}

impl Recipients {
    /// Starts with no recipients, in the memory of earlier ones.
    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.used.clear();
        self.used.push(0);
        self.failed = 0;
        self.found.clear();
        self.copies.clear();
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.list.len()
    }

    /// Adds a subscription's queue, or its dead-letter queue if that queue cannot take the message.
    ///
    /// A queue of another account takes it only if that account has room for it. The topic's own account is judged by
    /// what the whole publication brings it ([`Recipients::load`]): if it has no room, the publication is refused.
    pub(crate) fn add(
        &mut self,
        decision: &Decision<'_>,
        address: &TopicAddress,
        publication: &Publication,
        target: &Target,
    ) {
        let admit = |queue| self.admit(decision, address, publication, (target, queue));
        let (mut queue, mut admission) = (target.queue, target.queue.map_or(Admission::Missing, admit));
        if admission == Admission::Missing {
            queue = endpoint_queue(decision, address, target.subscription);
            admission = queue.map_or(Admission::Missing, admit);
            self.found.extend(queue.map(|queue| (target.subscription, queue)));
        }
        let queue = match admission {
            Admission::Accept => queue,
            Admission::Duplicate => return,
            Admission::Refuse | Admission::Missing => decision
                .topic(address)
                .subscription(target.subscription)
                .and_then(|subscription| decision.state().find(subscription.dead_letters()?))
                .filter(|queue| self.has_room(decision, address, publication, *queue)),
        };
        match queue {
            Some(queue) => {
                self.count(decision, queue);
                let index = publication.index_for(target.protocol, target.platform);
                self.push(queue, index, target.subscription, target.form);
            }
            None => self.failed += 1,
        }
    }

    /// Whether a subscriber's queue can take the message.
    fn admit(
        &self,
        decision: &Decision<'_>,
        topic: &TopicAddress,
        publication: &Publication,
        (target, id): (&Target, QueueId),
    ) -> Admission {
        if target.protocol == SubscriptionProtocol::Sms && is_unwanted(decision, topic, target.subscription) {
            return Admission::Refuse;
        }
        if target.protocol.is_pushed() {
            return Admission::Accept;
        }
        let Some(queue) = decision.state().get(id) else { return Admission::Missing };
        let message = publication.default_message();
        let too_many = target.form == NotificationForm::Raw && message.attributes_count() > MESSAGE_ATTRIBUTES_MAX;
        let too_long = publication.size_bytes() > queue.attributes.maximum_message_size.get();
        let allowed = !target.foreign || access::may_deliver(decision.state(), topic, id, decision.now);
        if too_many || too_long || !allowed || !self.has_room(decision, topic, publication, id) {
            return Admission::Refuse;
        }
        let original = message
            .deduplication_key()
            .filter(|_| queue.is_fifo())
            .and_then(|key| queue.deduplication.find(key, message.group(), decision.now));
        if original.is_some() { Admission::Duplicate } else { Admission::Accept }
    }

    /// Whether the account of a queue has room for one more copy, unless it is the topic's own.
    fn has_room(
        &self,
        decision: &Decision<'_>,
        topic: &TopicAddress,
        publication: &Publication,
        queue: QueueId,
    ) -> bool {
        if !decision.state().options.quotas.limit_messages() {
            return true;
        }
        let account = decision.queue(queue).address.account;
        account == topic.account || decision.check_messages(account, self.load(publication, account, 1)).is_ok()
    }

    /// Counts a copy for the account of its queue.
    pub(crate) fn count(&mut self, decision: &Decision<'_>, queue: QueueId) {
        if decision.state().options.quotas.limit_messages() {
            *self.copies.entry(decision.queue(queue).address.account).or_default() += 1;
        }
    }

    /// What the publication brings an account, with `more` copies than were counted.
    pub(crate) fn load(&self, publication: &Publication, account: AccountId, more: u64) -> Load {
        let messages = self.copies.get(&account).copied().unwrap_or_default() + more;
        let record = u64::from(publication.size_bytes()) + recipients_bytes(self.list.len());
        Load { messages, bytes: messages * record }
    }

    /// Adds a queue that gets the publication's message at `index`.
    pub(crate) fn push(&mut self, queue: QueueId, index: usize, subscription: SubscriptionId, form: NotificationForm) {
        let message = self.used.iter().position(|used| *used == index).unwrap_or_else(|| {
            self.used.push(index);
            self.used.len() - 1
        });
        let message = u16::try_from(message).expect("there are fewer protocols and platforms than 2^16");
        self.list.push(Recipient { queue, message, form, subscription });
    }

    /// Gives the messages of queues that do not exist any more to the dead-letter queues of their subscriptions.
    /// `removed` are the queues that were deleted since the first recipient was added.
    pub(crate) fn replace(&mut self, decision: &Decision<'_>, topic: &TopicAddress, mut removed: Vec<QueueId>) {
        removed.sort_unstable();
        let is_removed = |queue: QueueId| removed.binary_search(&queue).is_ok();
        let mut kept = Vec::with_capacity(self.list.len());
        for recipient in self.list.drain(..) {
            let subscription = || decision.topic(topic).subscription(recipient.subscription);
            let dead_letters = || decision.state().find(subscription()?.dead_letters()?);
            let queue = if is_removed(recipient.queue) { dead_letters() } else { Some(recipient.queue) };
            match queue {
                Some(queue) => kept.push(Recipient { queue, ..recipient }),
                None => self.failed += 1,
            }
        }
        self.list = kept;
    }

    /// Brings the recipients into the order of their events.
    pub(crate) fn sort(&mut self) {
        self.list.sort_by_key(|recipient| recipient.queue);
    }

    /// Emits the events of the publication. Returns their positions. The recipients must be sorted, and their queues
    /// must exist.
    pub(crate) fn write(
        &self,
        decision: &mut Decision<'_>,
        publication: &Publication,
        envelope: Envelope<'_>,
    ) -> Written {
        let others: Vec<_> =
            self.used[1..].iter().filter_map(|index| publication.messages().nth(*index)).map(Cow::Borrowed).collect();
        // A FIFO topic has few subscriptions.
        let is_fifo = envelope.deduplication_queue.is_some();
        let each = if is_fifo { usize::MAX } else { decision.state().options.deliveries_per_event_max };
        let mut first = None;
        // Without recipients an event is needed only for the deduplication queue of a FIFO topic.
        let alone = (self.list.is_empty() && envelope.deduplication_queue.is_some()).then_some(self.list.as_slice());
        let count = self.list.len().div_ceil(each);
        let mut numbers = decision.numbers.take();
        for (index, recipients) in self.list.chunks(each).chain(alone).enumerate() {
            let event = Published {
                time: decision.now,
                target: Cow::Borrowed(envelope.target),
                subject: publication.subject().map(Cow::Borrowed),
                signature_version: envelope.signature_version,
                deduplication_queue: envelope.deduplication_queue,
                recipients: Cow::Borrowed(recipients),
                others: others.clone(),
                message: Cow::Borrowed(publication.default_message()),
                part: Part::of(index, count),
            };
            // The last part brings the number. Nothing may come between the parts, so the note comes before the first.
            let position = match (&mut numbers, event.part) {
                (Some(numbers), Part::Whole | Part::Last) => {
                    decision.emit_numbered(numbers, &Event::NumberedPublished(event))
                }
                (Some(numbers), Part::First) => {
                    decision.note_next(numbers);
                    decision.emit(&Event::Published(event))
                }
                (Some(_), Part::Middle) | (None, _) => decision.emit(&Event::Published(event)),
            };
            first.get_or_insert(position);
        }
        if let Some(numbers) = numbers.as_mut().filter(|_| first.is_none()) {
            numbers.except(Exception::Unheard);
        }
        decision.numbers = numbers;
        // The answer to a publication without recipients depends on every event that removed one.
        Written { first: first.unwrap_or(Position::ZERO), last: decision.end() }
    }
}

/// The queue that is the endpoint of a subscription, if it exists.
fn endpoint_queue(decision: &Decision<'_>, topic: &TopicAddress, subscription: SubscriptionId) -> Option<QueueId> {
    let subscription = decision.topic(topic).subscription(subscription)?;
    decision.state().find(subscription.definition.endpoint.queue()?)
}

/// Whether a subscriber's phone number has opted out of the messages of the topic's account.
fn is_unwanted(decision: &Decision<'_>, topic: &TopicAddress, subscription: SubscriptionId) -> bool {
    let subscription = decision.topic(topic).subscription(subscription);
    let number = subscription.and_then(|subscription| subscription.definition.endpoint.phone_number());
    number.is_some_and(|number| decision.state().registry.is_opted_out(topic.account, &topic.region, number))
}

//! `Publish` and `PublishBatch`.
//!
//! `crate::decision::publishing` decides who gets a publication to a topic. The events of a publication put it into all
//! its recipients, so that after a crash either all or none of them have it. The recipients are the queues of `sqs`
//! subscriptions and the internal queues of pushed subscriptions. If a queue cannot take the message (it was deleted, its
//! policy denies it, or the message is too large), the subscription's dead-letter queue takes its place. What is published
//! to a phone number or a platform endpoint goes through the account's internal queue for these.

use posthouse_model::fault::{Limit, Rule};
use posthouse_model::limits::{SMS_CHARS_MAX, TOPIC_MESSAGE_SIZE_DEFAULT_BYTES};
use posthouse_model::notification::{NotificationForm, too_long};
use posthouse_model::operation::{BatchReply, Publish, PublishBatch, PublishTarget, Published, Reply};
use posthouse_model::topic_attributes::SignatureVersion;
use posthouse_model::topic_name::Platform;
use posthouse_model::{
    AccountId, Action, Caller, EndpointAddress, Fault, PhoneNumber, Publication, Region, SnsFault, StoredMessage,
    SubscriptionId, SubscriptionProtocol,
};

use super::Answered;
use crate::access::Resource;
use crate::answer::RequestToken;
use crate::decision::publishing::recipients::Envelope;
use crate::decision::publishing::{Begun, Entry, Form, PublishRequest, deduplication_key};
use crate::decision::{Decision, Scratch};
use crate::journal::Position;
use crate::prepared::Events;
use crate::refusal::Refusal;
use crate::state::Exhausted;

/// Returns `None` if a later turn answers.
pub(super) fn one(
    decision: &mut Decision<'_>,
    caller: &Caller,
    token: RequestToken,
    (request, events): (&Publish, &Events),
) -> Result<Option<Answered>, Fault> {
    // The target is looked at before the message is judged (recorded from AWS).
    let publication = || request.publication.as_ref().map_err(Clone::clone);
    let (published, after) = match &request.target {
        PublishTarget::Topic(topic) => {
            decision.authorize_topic(caller, Action::Publish, topic)?;
            let (publication, events) = (publication()?, events.get(0));
            let mut at_once = decision.at_once();
            let begun = decision.publish_at_once(topic, publication, events, &mut at_once);
            match begun.map_err(Refusal::of_topic)? {
                Begun::Published(published, after) => (published, after),
                Begun::Later(stage) => {
                    let entry = Entry { publication: Ok(publication.clone()), events: events.clone() };
                    let (entries, results, after) = (vec![entry], Vec::new(), Position::ZERO);
                    let request = PublishRequest { token, entries, results, after, form: Form::One, stage };
                    let later = decision.publish_later(topic, Box::new(request));
                    return later.map(|()| None).map_err(|_| Fault::Throttled);
                }
            }
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
    Ok(Some(Answered { reply: Reply::Published(published), after }))
}

/// Returns `None` if a later turn answers.
pub(super) fn batch(
    decision: &mut Decision<'_>,
    caller: &Caller,
    token: RequestToken,
    (request, events): (&PublishBatch, &Events),
) -> Result<Option<Answered>, Fault> {
    decision.authorize_topic(caller, Action::PublishBatch, &request.topic)?;
    let entries = request.entries.as_ref().map_err(Clone::clone)?;
    let topic = decision.topic(&request.topic);
    // What is wrong with any of them is found before the first is published (recorded from AWS).
    for (_, entry) in entries.iter().filter(|_| topic.definition.deduplication_queue.is_some()) {
        deduplication_key(topic, entry.publication.default_message()).map_err(Refusal::of_topic)?;
    }
    let bytes: u64 = entries.iter().map(|(_, entry)| u64::from(entry.publication.size_bytes())).sum();
    if bytes > u64::from(topic.definition.attributes.maximum_message_size_bytes()) {
        return Err(Fault::BatchRequestTooLong(bytes));
    }
    let (mut results, mut last) = (Vec::with_capacity(entries.iter().len()), Position::ZERO);
    let mut at_once = decision.at_once();
    for (index, (_, entry)) in entries.iter().enumerate() {
        let begun = match &entry.refused {
            Some(fault) => Err(fault.clone()),
            None => decision
                .publish_at_once(&request.topic, &entry.publication, events.get(index), &mut at_once)
                .map_err(Refusal::of_topic),
        };
        match begun {
            Ok(Begun::Published(published, after)) => {
                last = last.max(after);
                results.push(Ok(published));
            }
            Err(fault) => results.push(Err(fault)),
            Ok(Begun::Later(stage)) => {
                let form = Form::Batch(entries.iter().map(|(id, _)| id.clone()).collect());
                let entries = entries.iter().enumerate().map(|(index, (_, entry))| Entry {
                    publication: entry.refused.clone().map_or_else(|| Ok(entry.publication.clone()), Err),
                    events: events.get(index).clone(),
                });
                let request_later =
                    PublishRequest { token, entries: entries.collect(), results, after: last, form, stage };
                let later = decision.publish_later(&request.topic, Box::new(request_later));
                return later.map(|()| None).map_err(|_| Fault::Throttled);
            }
        }
    }
    let results = entries.iter().map(|(id, _)| id.clone()).zip(results);
    let reply = Reply::PublishedBatch(BatchReply::collect(results));
    Ok(Some(Answered { reply, after: last }))
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
    let written = decision.with_scratch(|decision, Scratch { recipients, .. }| {
        recipients.clear();
        let index = publication.index_for(*protocol, *platform);
        recipients.push(queue, index, SubscriptionId::from_bytes([0; 16]), NotificationForm::Envelope);
        recipients.count(decision, queue);
        let load = recipients.load(publication, *account, 0);
        decision.check_messages(*account, load).map_err(Refusal::of_topic)?;
        let signature_version = SignatureVersion::default();
        let envelope = Envelope { target, signature_version, deduplication_queue: None };
        Ok::<_, Fault>(recipients.write(decision, publication, envelope))
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

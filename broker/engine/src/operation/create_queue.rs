//! `CreateQueue`, and the rules for attributes that depend on other queues.

use posthouse_model::fault::{AttributeRule, InvalidValue, Limit, RedriveRule};
use posthouse_model::operation::{CreateQueue, Reply};
use posthouse_model::{
    Action, AttributeChanges, Caller, Fault, QueueAddress, QueueAttributeName, QueueAttributes, QueueId, Service,
};
use posthouse_policy::{Detail, Policy};

use super::{Answered, DecisionResult};
use crate::access::Resource;
use crate::decision::Decision;
use crate::event::Event;
use crate::event::queue::{QueueCreated, Settings};
use crate::state::Exhausted;

/// Bytes of `KmsMasterKeyId` at most: the limit of `KeyId` in the AWS KMS API reference.
const KMS_KEY_ID_BYTES_MAX: usize = 2048;

pub(super) fn create(decision: &mut Decision<'_>, caller: &Caller, request: &CreateQueue) -> DecisionResult {
    let account = decision.account(caller, Action::CreateQueue)?;
    let address = QueueAddress { region: caller.region.clone(), account, name: request.name.clone() };
    let (new, tags) = (Resource::NewQueue(&address), Detail::Tags(&request.tags));
    decision.authorize_with(caller, Action::CreateQueue, new, tags)?;
    // Tags need a permission of their own (SQS API reference, `CreateQueue`).
    if !request.tags.is_empty() {
        decision.authorize_with(caller, Action::TagQueue, new, tags)?;
    }
    let attributes = request.attributes.apply(&QueueAttributes::default())?;
    check_type(request)?;
    if let Some(existing) = decision.state().find(&address) {
        same_attributes(decision, existing, &request.attributes, &attributes)?;
        return Ok(Answered::done(decision, Reply::Queue(address)));
    }
    if decision.state().name_rests_until(&address).is_some_and(|until| until > decision.now) {
        return Err(Fault::QueueDeletedRecently { interval: decision.state().options.deleted_recently });
    }
    check(decision, &address, &request.attributes, &attributes)?;
    let holding = decision.state().holding(account);
    decision.state().options.quotas.check_queue(holding).map_err(Fault::OverLimit)?;
    let queue = decision.state().allocate_queue().map_err(|Exhausted| Fault::OverLimit(Limit::Queues))?;
    decision.emit(&Event::QueueCreated(QueueCreated {
        queue,
        time: decision.now,
        address: address.clone(),
        settings: Settings::of(&attributes),
        tags: request.tags.clone(),
    }));
    Ok(Answered::done(decision, Reply::Queue(address)))
}

/// Checks that a queue's name and `FifoQueue` agree. SQS refuses `FifoQueue` with the value `false` as an unknown
/// attribute.
fn check_type(request: &CreateQueue) -> Result<(), Fault> {
    let name = QueueAttributeName::FifoQueue;
    match (request.attributes.get(name), request.name.is_fifo()) {
        (None, false) => Ok(()),
        (Some(value), true) if value.eq_ignore_ascii_case("true") => Ok(()),
        (Some(value), false) if value.eq_ignore_ascii_case("true") => Err(Fault::invalid(InvalidValue::FifoQueueName)),
        (Some(_), _) => Err(Fault::unknown_attribute(name.as_str())),
        (None, true) => Err(Fault::invalid(InvalidValue::QueueName)),
    }
}

/// Checks that an existing queue has each attribute value that the request names. Tags are not compared (SQS API
/// reference, `CreateQueue`).
fn same_attributes(
    decision: &Decision<'_>,
    existing: QueueId,
    changes: &AttributeChanges,
    wanted: &QueueAttributes,
) -> Result<(), Fault> {
    let existing = &decision.queue(existing).attributes;
    match changes.iter().find(|(name, _)| wanted.get(*name) != existing.get(*name)) {
        Some((name, _)) => Err(Fault::QueueNameExists { attribute: name.as_str() }),
        None => Ok(()),
    }
}

/// Checks what the model cannot: the syntax of the policy, and the rules that involve other queues.
pub(super) fn check(
    decision: &Decision<'_>,
    queue: &QueueAddress,
    changes: &AttributeChanges,
    attributes: &QueueAttributes,
) -> Result<(), Fault> {
    use QueueAttributeName as Name;
    if changes.get(Name::KmsMasterKeyId).is_some_and(|id| id.len() > KMS_KEY_ID_BYTES_MAX) {
        return Err(Fault::invalid_attribute(Name::KmsMasterKeyId.as_str()));
    }
    if changes.get(Name::Policy).is_some()
        && let Some(policy) = &attributes.policy
    {
        Policy::parse(Service::Sqs, policy).map_err(|problem| {
            let rule = Some(AttributeRule::Policy(problem));
            Fault::InvalidAttributeValue { attribute: Name::Policy.as_str(), rule }
        })?;
    }
    match changes.get(Name::RedrivePolicy) {
        Some(text) => check_redrive(decision, queue, text, attributes),
        None => Ok(()),
    }
}

fn check_redrive(
    decision: &Decision<'_>,
    queue: &QueueAddress,
    text: &str,
    attributes: &QueueAttributes,
) -> Result<(), Fault> {
    let Some(redrive) = &attributes.redrive else { return Ok(()) };
    let target = &redrive.target;
    let invalid = |rule| Err(Fault::invalid(InvalidValue::RedrivePolicy { policy: text.into(), rule }));
    if target == queue {
        return invalid(RedriveRule::Itself);
    }
    if target.account != queue.account {
        return invalid(RedriveRule::Owner);
    }
    if target.region != queue.region {
        return invalid(RedriveRule::Region);
    }
    let Some(found) = decision.state().find(target) else {
        return invalid(RedriveRule::NotFound);
    };
    let found = &decision.queue(found).attributes;
    if found.fifo != attributes.fifo {
        return invalid(RedriveRule::QueueType);
    }
    if found.redrive_allow.as_ref().is_some_and(|allow| !allow.allows(queue)) {
        return invalid(RedriveRule::NotAllowed);
    }
    Ok(())
}

//! Who may do what with which queue or topic.
//!
//! Every user of the account that owns one may do everything with it. Everybody else may do what its policy allows;
//! `CreateQueue` and `ListQueues` name no queue and are always about the caller's own account, and so are their likes
//! among topics. The broker itself may do everything with its own internal queues, which nobody else can reach; into
//! the queues of subscribers it delivers as the service principal `sns.amazonaws.com`.

use posthouse_model::fault::{Denial, Denied, Grant, SnsResource};
use posthouse_model::{
    AccountId, Action, Caller, Endpoint, Fault, Identity, QueueAddress, QueueId, SnsFault, Timestamp, TopicAddress,
};
use posthouse_policy::{Question, Resource, Verdict};

use crate::state::State;

/// The queue at an address, if the caller may do this with it.
pub(crate) fn authorize(
    state: &State,
    caller: &Caller,
    action: Action,
    address: &QueueAddress,
    now: Timestamp,
) -> Result<QueueId, Fault> {
    let found = state.find(address);
    let is_internal = address.name.is_internal();
    if is_internal != (caller.identity == Identity::Broker) {
        return Err(Fault::QueueDoesNotExist);
    }
    if is_internal || caller.account() == Some(address.account) {
        return found.ok_or(Fault::QueueDoesNotExist);
    }
    let id = found.ok_or(Fault::QueueDoesNotExist)?;
    let policy = state.get(id).and_then(|queue| queue.policy.as_ref());
    let resource = Resource::Queue(address);
    let question = Question { caller, action, resource, now, source: None, endpoint: None };
    let decision = policy.map(|policy| policy.evaluate(&question));
    match (decision, action) {
        (Some(Verdict::Allow), _) => Ok(id),
        // Asking for a URL is how one finds out whether a queue exists.
        (_, Action::GetQueueUrl) => Err(Fault::QueueDoesNotExist),
        _ => Err(denied(caller, action, address)),
    }
}

/// The account that a caller acts for.
pub(crate) fn account(caller: &Caller, action: Action) -> Result<AccountId, Fault> {
    caller.account().ok_or_else(|| Fault::AccessDenied(not_granted(caller, action, None, Grant::OwnersOnly)))
}

fn denied(caller: &Caller, action: Action, address: &QueueAddress) -> Fault {
    Fault::AccessDenied(not_granted(caller, action, Some(address), Grant::NotAllowed))
}

fn not_granted(caller: &Caller, action: Action, resource: Option<&dyn core::fmt::Display>, grant: Grant) -> Denied {
    let resource = resource.map(|resource| resource.to_string().into());
    let action = action.as_str();
    Denied::NotGranted(Box::new(Denial { caller: caller.identity.clone(), action, resource, grant }))
}

/// Whether the policy of a queue lets the broker put a topic's messages into it, as the service principal of SNS. Where
/// queue, topic and subscription belong to one account nobody needs to ask.
pub(crate) fn may_deliver(state: &State, topic: &TopicAddress, queue: QueueId, now: Timestamp) -> bool {
    let Some(queue) = state.get(queue) else { return false };
    let Some(policy) = &queue.policy else { return false };
    let caller = Caller::broker(topic.region.clone());
    let question = Question {
        caller: &caller,
        action: Action::SendMessage,
        resource: Resource::Queue(&queue.address),
        now,
        source: Some(topic),
        endpoint: None,
    };
    policy.evaluate(&question) == Verdict::Allow
}

/// Whether the caller may do this with a topic, which exists then. `endpoint` is who is to be subscribed.
pub(crate) fn authorize_topic(
    state: &State,
    caller: &Caller,
    action: Action,
    address: &TopicAddress,
    endpoint: Option<&Endpoint>,
    now: Timestamp,
) -> Result<(), Fault> {
    let topic = state.topics.find(address);
    if caller.account() == Some(address.account) {
        return topic.map(|_| ()).ok_or_else(|| SnsFault::not_found(SnsResource::Topic));
    }
    let policy = topic.and_then(|topic| topic.policy.as_ref());
    let resource = Resource::Topic(address);
    let question = Question { caller, action, resource, now, source: None, endpoint };
    match policy.map(|policy| policy.evaluate(&question)) {
        Some(Verdict::Allow) => Ok(()),
        decision => {
            let grant = if decision == Some(Verdict::Deny) { Grant::Denied } else { Grant::NotAllowed };
            Err(SnsFault::AuthorizationError(not_granted(caller, action, Some(address), grant)).into())
        }
    }
}

/// The account that a caller of SNS's acts for.
pub(crate) fn sns_account(caller: &Caller, action: Action) -> Result<AccountId, Fault> {
    caller
        .account()
        .ok_or_else(|| SnsFault::AuthorizationError(not_granted(caller, action, None, Grant::OwnersOnly)).into())
}

/// Whether a caller's account is the one that owns a resource of SNS's: one without a policy is for nobody else.
pub(crate) fn owner(
    caller: &Caller,
    action: Action,
    owner: AccountId,
    resource: &impl core::fmt::Display,
) -> Result<(), Fault> {
    if caller.account() == Some(owner) {
        return Ok(());
    }
    Err(SnsFault::AuthorizationError(not_granted(caller, action, Some(resource), Grant::OwnersOnly)).into())
}

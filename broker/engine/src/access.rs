//! Access: which caller may call which action on which resource.
//!
//! [`check`] is the only place where that is decided. Operations reach it through `authorize_queue`,
//! `authorize_topic`, `authorize_account` and `authorize` of [`Decision`](crate::decision::Decision). The rules:
//!
//! 1. A resource of SNS exists in its own region only. An unsigned request, which names no region, reaches every region.
//! 2. A queue of push delivery exists for the broker alone, and no other queue exists for the broker.
//! 3. The account that owns a resource may do everything with it. A subscription has two owners: the account that
//!    subscribed, and the owner of its topic.
//! 4. Any other caller may do what the policy of a queue or a topic allows. Other resources have no policy.
//! 5. Every caller may learn whether a queue exists, except from `GetQueueUrl`: a queue without access is absent to it.
//!    Whether a topic or a subscription exists is known to its owners only.
//!
//! A refusal is a fact, [`Denied`]. [`Access::fault`] is the only place where it becomes a fault, whose words are those
//! of the codec.

use posthouse_model::fault::{self, Denial, Grant, Rule, SnsResource};
use posthouse_model::topic_name::{ApplicationAddress, EndpointAddress, SubscriptionAddress};
use posthouse_model::{
    AccountId, Action, Caller, Endpoint, Fault, Identity, QueueAddress, QueueId, Region, Service, SnsFault, Timestamp,
    TopicAddress,
};
use posthouse_policy::{Question, Verdict};

use crate::queue::Queue;
use crate::state::State;
use crate::topic::Topic;
use crate::topic::subscription::Subscription;

/// One call, as far as access depends on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) action: Action,
    pub(crate) resource: Resource<'a>,
    /// The endpoint of a `Subscribe`; `None` for every other action.
    pub(crate) endpoint: Option<&'a Endpoint>,
    pub(crate) now: Timestamp,
}

/// The resource that an action is called on, with the result of looking up its address.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Resource<'a> {
    /// The caller's own account: the action names no resource.
    Account,
    /// The broker itself: the action is one of push delivery.
    Broker,
    Queue(&'a QueueAddress, Option<QueueId>),
    /// A queue that the broker puts a message of a topic into, as the service principal of SNS.
    Recipient(&'a Queue, &'a TopicAddress),
    Topic(&'a TopicAddress, Option<&'a Topic>),
    Subscription(&'a SubscriptionAddress, Option<&'a Subscription>),
    Application(&'a ApplicationAddress),
    PlatformEndpoint(&'a EndpointAddress),
}

/// Why a caller may not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// The resource does not exist, or the caller may not know that it does.
    Absent,
    /// The resource is not in the region that the caller asks. This parameter names it.
    Elsewhere(&'static str),
    /// Only the broker may call the action.
    BrokerOnly,
    /// Neither the caller's account nor a policy grants it.
    Ungranted(Grant),
}

/// Checks access. A queue, topic or subscription that it allows access to exists; whether an application or a platform
/// endpoint does is not looked at.
pub(crate) fn check(state: &State, access: &Access<'_>) -> Result<(), Denied> {
    check_region(access)?;
    if let Resource::Queue(address, found) = access.resource
        && (found.is_none() || address.name.is_internal() != access.is_broker())
    {
        return Err(Denied::Absent);
    }
    // Policies of identities belong here, before the owner's account is let in: a statement that denies will bind the
    // account's users too, and a user of another account will need an identity's statement besides the resource's.
    if access.is_owner() {
        return if access.resource.exists() { Ok(()) } else { Err(Denied::Absent) };
    }
    let hides = access.action == Action::GetQueueUrl;
    granted_by_policy(state, access).map_err(|denied| if hides { Denied::Absent } else { denied })
}

/// Checks that the caller reaches the region of a resource of SNS. A region knows nothing of the others, so neither the
/// account of the resource nor whether it exists is looked at.
pub(crate) fn check_region(access: &Access<'_>) -> Result<(), Denied> {
    match access.regional() {
        Some((region, parameter)) if !access.caller.reaches(region) => Err(Denied::Elsewhere(parameter)),
        Some(_) | None => Ok(()),
    }
}

/// Evaluates the policy of the resource for a caller that does not own the resource.
fn granted_by_policy(state: &State, access: &Access<'_>) -> Result<(), Denied> {
    let (resource, policy) = match access.resource {
        Resource::Account | Resource::Subscription(..) | Resource::Application(_) | Resource::PlatformEndpoint(_) => {
            return Err(Denied::Ungranted(Grant::OwnersOnly));
        }
        Resource::Broker => return Err(Denied::BrokerOnly),
        Resource::Queue(address, found) => {
            let queue = found.and_then(|id| state.get(id));
            (posthouse_policy::Resource::Queue(address), queue.and_then(|queue| queue.policy.as_ref()))
        }
        Resource::Recipient(queue, _) => (posthouse_policy::Resource::Queue(&queue.address), queue.policy.as_ref()),
        Resource::Topic(address, found) => {
            (posthouse_policy::Resource::Topic(address), found.and_then(|topic| topic.policy.as_ref()))
        }
    };
    let Access { caller, action, endpoint, now, .. } = *access;
    let question = Question { caller, action, resource, now, source: access.source(), endpoint };
    match policy.map(|policy| policy.evaluate(&question)) {
        Some(Verdict::Allow) => Ok(()),
        Some(Verdict::Deny) => Err(Denied::Ungranted(Grant::Denied)),
        Some(Verdict::Silent) | None => Err(Denied::Ungranted(Grant::NotAllowed)),
    }
}

/// Whether the policy of a queue lets the broker put a topic's messages into it. A fan-out asks this only where queue,
/// topic and subscription do not all belong to one account.
pub(crate) fn may_deliver(state: &State, topic: &TopicAddress, queue: QueueId, now: Timestamp) -> bool {
    let Some(queue) = state.get(queue) else { return false };
    let access = Access {
        caller: &Caller::broker(topic.region.clone()),
        action: Action::SendMessage,
        resource: Resource::Recipient(queue, topic),
        endpoint: None,
        now,
    };
    check(state, &access).is_ok()
}

impl<'a> Access<'a> {
    fn is_broker(&self) -> bool {
        self.caller.identity == Identity::Broker
    }

    /// Whether the caller may call any action on the resource without a policy.
    fn is_owner(&self) -> bool {
        let owns = |account: AccountId| self.caller.account() == Some(account);
        match self.resource {
            Resource::Account => self.caller.account().is_some(),
            Resource::Broker => self.is_broker(),
            // One that exists for the broker is the broker's own.
            Resource::Queue(address, _) => self.is_broker() || owns(address.account),
            Resource::Recipient(..) => false,
            Resource::Topic(address, _) => owns(address.account),
            Resource::Subscription(address, found) => {
                owns(address.topic.account) || found.is_some_and(|subscription| owns(subscription.definition.owner))
            }
            Resource::Application(address) => owns(address.account),
            Resource::PlatformEndpoint(address) => {
                let is_push = matches!(self.action, Action::GetEndpointAttributes | Action::SetEndpointAttributes);
                owns(address.application.account) || (is_push && self.is_broker())
            }
        }
    }

    /// The region of a resource of SNS, and the parameter that names it. `None` for a resource of SQS, and for the
    /// device of a `Subscribe`: the topic is what the action is called on.
    fn regional(&self) -> Option<(&'a Region, &'static str)> {
        let region = match self.resource {
            Resource::Account | Resource::Broker | Resource::Queue(..) | Resource::Recipient(..) => return None,
            Resource::Topic(address, _) => &address.region,
            Resource::Subscription(address, _) => &address.topic.region,
            Resource::Application(address) => &address.region,
            Resource::PlatformEndpoint(_) if self.action == Action::Subscribe => return None,
            Resource::PlatformEndpoint(address) => &address.application.region,
        };
        self.parameter().map(|parameter| (region, parameter))
    }

    /// The parameter in which the action takes its resource of SNS, as SNS's service model names it. SNS's refusals of
    /// `ConfirmSubscription` say `Topic`. `None` if the action is called on no such resource.
    const fn parameter(&self) -> Option<&'static str> {
        match self.action {
            Action::ConfirmSubscription => Some("Topic"),
            Action::GetDataProtectionPolicy
            | Action::ListTagsForResource
            | Action::PutDataProtectionPolicy
            | Action::TagResource
            | Action::UntagResource => Some("ResourceArn"),
            Action::AddTopicPermission
            | Action::DeleteTopic
            | Action::GetTopicAttributes
            | Action::ListSubscriptionsByTopic
            | Action::PublishBatch
            | Action::RemoveTopicPermission
            | Action::SetTopicAttributes
            | Action::Subscribe => Some("TopicArn"),
            Action::GetSubscriptionAttributes | Action::SetSubscriptionAttributes | Action::Unsubscribe => {
                Some("SubscriptionArn")
            }
            Action::CreatePlatformEndpoint
            | Action::DeletePlatformApplication
            | Action::GetPlatformApplicationAttributes
            | Action::ListEndpointsByPlatformApplication
            | Action::SetPlatformApplicationAttributes => Some("PlatformApplicationArn"),
            Action::DeleteEndpoint | Action::GetEndpointAttributes | Action::SetEndpointAttributes => {
                Some("EndpointArn")
            }
            Action::Publish => match self.resource {
                Resource::PlatformEndpoint(_) => Some("TargetArn"),
                Resource::Account
                | Resource::Broker
                | Resource::Queue(..)
                | Resource::Recipient(..)
                | Resource::Topic(..)
                | Resource::Subscription(..)
                | Resource::Application(_) => Some("TopicArn"),
            },
            Action::AddPermission
            | Action::CancelMessageMoveTask
            | Action::ChangeMessageVisibility
            | Action::ChangeMessageVisibilityBatch
            | Action::CreateQueue
            | Action::DeleteMessage
            | Action::DeleteMessageBatch
            | Action::DeleteQueue
            | Action::GetQueueAttributes
            | Action::GetQueueUrl
            | Action::ListDeadLetterSourceQueues
            | Action::ListMessageMoveTasks
            | Action::ListQueueTags
            | Action::ListQueues
            | Action::PurgeQueue
            | Action::ReceiveMessage
            | Action::RemovePermission
            | Action::SendMessage
            | Action::SendMessageBatch
            | Action::SetQueueAttributes
            | Action::StartMessageMoveTask
            | Action::TagQueue
            | Action::UntagQueue
            | Action::CheckIfPhoneNumberIsOptedOut
            | Action::CreatePlatformApplication
            | Action::CreateSMSSandboxPhoneNumber
            | Action::CreateTopic
            | Action::DeleteSMSSandboxPhoneNumber
            | Action::GetSMSAttributes
            | Action::GetSMSSandboxAccountStatus
            | Action::ListOriginationNumbers
            | Action::ListPhoneNumbersOptedOut
            | Action::ListPlatformApplications
            | Action::ListSMSSandboxPhoneNumbers
            | Action::ListSubscriptions
            | Action::ListTopics
            | Action::OptInPhoneNumber
            | Action::SetSMSAttributes
            | Action::VerifySMSSandboxPhoneNumber
            | Action::SettlePushes
            | Action::SmsOptOut
            | Action::WatchPushTargets
            | Action::DropDamagedMessages
            | Action::ListDamagedMessages => None,
        }
    }

    /// The topic that the broker acts for.
    const fn source(&self) -> Option<&'a TopicAddress> {
        match self.resource {
            Resource::Recipient(_, topic) => Some(topic),
            Resource::Account
            | Resource::Broker
            | Resource::Queue(..)
            | Resource::Topic(..)
            | Resource::Subscription(..)
            | Resource::Application(_)
            | Resource::PlatformEndpoint(_) => None,
        }
    }

    /// The fault that answers a call which [`check`] refused, in the terms of the action's service.
    pub(crate) fn fault(&self, denied: Denied) -> Fault {
        let action = self.action.as_str();
        let denied = match denied {
            Denied::Absent => return self.resource.not_found(),
            Denied::Elsewhere(parameter) => return SnsFault::invalid(parameter, Rule::Malformed),
            Denied::BrokerOnly => fault::Denied::NotBroker { action },
            Denied::Ungranted(grant) => {
                let (caller, resource) = (self.caller.identity.clone(), self.resource.arn());
                fault::Denied::NotGranted(Box::new(Denial { caller, action, resource, grant }))
            }
        };
        match self.action.service() {
            Service::Sns => SnsFault::AuthorizationError(denied).into(),
            Service::Sqs | Service::Push | Service::Admin => Fault::AccessDenied(denied),
        }
    }
}

impl Resource<'_> {
    /// Whether the resource is there, as far as it was looked for.
    const fn exists(&self) -> bool {
        match self {
            Self::Queue(_, found) => found.is_some(),
            Self::Topic(_, found) => found.is_some(),
            Self::Subscription(_, found) => found.is_some(),
            Self::Account | Self::Broker | Self::Recipient(..) | Self::Application(_) | Self::PlatformEndpoint(_) => {
                true
            }
        }
    }

    /// The fault that says that the resource is not there.
    fn not_found(&self) -> Fault {
        match self {
            Self::Queue(..) | Self::Recipient(..) => Fault::QueueDoesNotExist,
            Self::Topic(..) => SnsFault::not_found(SnsResource::Topic),
            Self::Subscription(..) => SnsFault::not_found(SnsResource::Subscription),
            Self::Account | Self::Broker | Self::Application(_) | Self::PlatformEndpoint(_) => {
                unreachable!("`check` does not look for it")
            }
        }
    }

    fn arn(&self) -> Option<Box<str>> {
        let text = match self {
            Self::Account | Self::Broker => return None,
            Self::Queue(address, _) => address.to_string(),
            Self::Recipient(queue, _) => queue.address.to_string(),
            Self::Topic(address, _) => address.to_string(),
            Self::Subscription(address, _) => address.to_string(),
            Self::Application(address) => address.to_string(),
            Self::PlatformEndpoint(address) => address.to_string(),
        };
        Some(text.into())
    }
}

//! Access: which caller may call which action on which resource.
//!
//! [`check`] is the only place where that is decided. Operations reach it through `authorize_queue`,
//! `authorize_topic`, `authorize_account` and `authorize` of [`Decision`](crate::decision::Decision). The rules:
//!
//! 1. A resource of SNS exists in its own region only. An unsigned request, which names no region, reaches every region.
//! 2. A queue of push delivery exists for the broker alone, and no other queue exists for the broker.
//! 3. Policies decide: those of the caller's user and, for a queue or a topic, that of the resource. How they are put
//!    together is AWS's rule, [`posthouse_policy::authorize`]. Only a queue and a topic have a policy. Any other
//!    resource is for its owner's account alone. A subscription has two owners: the account that subscribed, and the
//!    owner of its topic.
//! 4. Every caller may learn whether a queue exists, but `GetQueueUrl` hides a queue of another account from a caller
//!    without access. Whether a topic or a subscription exists is known only to callers who have access to it.
//!
//! A refusal is a fact, [`Denied`]. [`Access::fault`] is the only place where it becomes a fault, whose words are those
//! of the codec.

use posthouse_model::fault::{self, Denial, Grant, Rule, SnsResource};
use posthouse_model::operation::Tags;
use posthouse_model::topic_name::{ApplicationAddress, EndpointAddress, SubscriptionAddress};
use posthouse_model::{
    AccountId, Action, Caller, Fault, Identity, Permissions, PhoneNumber, QueueAddress, QueueId, Region, Service,
    SnsFault, Timestamp, TopicAddress,
};
use posthouse_policy::{Detail, Policy, PolicySet, Question, Standing, authorized_as};

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
    /// What else the request says that conditions look at.
    pub(crate) detail: Detail<'a>,
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
    /// The queue that `CreateQueue` makes in the caller's account, whether or not it is there. The policy of one that is
    /// there has no say.
    NewQueue(&'a QueueAddress),
    /// A queue that the broker puts a message of a topic into, as the service principal of SNS.
    Recipient(&'a Queue),
    Topic(&'a TopicAddress, Option<&'a Topic>),
    /// The topic that `CreateTopic` makes in the caller's account, as [`Resource::NewQueue`].
    NewTopic(&'a TopicAddress),
    Subscription(&'a SubscriptionAddress, Option<&'a Subscription>),
    Application(&'a ApplicationAddress),
    PlatformEndpoint(&'a EndpointAddress),
    /// The platform endpoint that a `Subscribe` names. The action is called on the topic, so that policies are not asked
    /// about the endpoint. It must be the caller's own.
    Device(&'a EndpointAddress),
    /// A phone number that a message of the caller's account is sent to.
    PhoneNumber(&'a PhoneNumber),
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
    /// The policies do not grant it.
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
    if access.is_brokers() {
        return access.existing();
    }
    let standing = access.standing(state);
    // No policy binds an account itself, so that none is looked up.
    if let Standing::Root = standing {
        return access.existing();
    }
    let is_owner = matches!(standing, Standing::Owner(_));
    match access.resource {
        Resource::Broker => return Err(Denied::BrokerOnly),
        Resource::Device(_) if is_owner => return Ok(()),
        Resource::Queue(..) | Resource::Recipient(_) | Resource::Topic(..) => {}
        Resource::Account
        | Resource::NewQueue(_)
        | Resource::NewTopic(_)
        | Resource::Subscription(..)
        | Resource::Application(_)
        | Resource::PlatformEndpoint(_)
        | Resource::Device(_)
        | Resource::PhoneNumber(_) => {
            if !is_owner {
                return Err(Denied::Ungranted(Grant::OwnersOnly));
            }
        }
    }
    let hides = access.action == Action::GetQueueUrl && !is_owner;
    let denied = |grant| if hides { Denied::Absent } else { Denied::Ungranted(grant) };
    let (question, policy) = access.question(state).ok_or(Denied::BrokerOnly)?;
    posthouse_policy::authorize(standing, policy, &question).map_err(denied)?;
    access.existing()
}

/// Checks that the caller's identity policies, if it has some, allow an action that any caller may call who has a token
/// or a link.
pub(crate) fn check_user(state: &State, access: &Access<'_>) -> Result<(), Denied> {
    match (access.policies(state), access.question(state)) {
        (Some(own), Some((question, _))) => posthouse_policy::authorize_user(own, &question).map_err(Denied::Ungranted),
        (Some(_) | None, _) => Ok(()),
    }
}

/// Checks that the caller reaches the region of a resource of SNS. A region knows nothing of the others, so neither the
/// account of the resource nor whether it exists is looked at.
pub(crate) fn check_region(access: &Access<'_>) -> Result<(), Denied> {
    match access.regional() {
        Some((region, parameter)) if !access.caller.reaches(region) => Err(Denied::Elsewhere(parameter)),
        Some(_) | None => Ok(()),
    }
}

/// Whether the policy of a queue lets the broker put a topic's messages into it. A fan-out asks this only where queue,
/// topic and subscription do not all belong to one account.
pub(crate) fn may_deliver(state: &State, topic: &TopicAddress, queue: QueueId, now: Timestamp) -> bool {
    let Some(queue) = state.get(queue) else { return false };
    let access = Access {
        caller: &Caller::broker(topic.region.clone()),
        action: Action::SendMessage,
        resource: Resource::Recipient(queue),
        detail: Detail::Source(topic),
        now,
    };
    check(state, &access).is_ok()
}

impl<'a> Access<'a> {
    fn is_broker(&self) -> bool {
        self.caller.identity == Identity::Broker
    }

    /// Whether the resource is the broker's, and the broker calls. A queue that exists for the broker is its own.
    fn is_brokers(&self) -> bool {
        let is_push = matches!(self.action, Action::GetEndpointAttributes | Action::SetEndpointAttributes);
        self.is_broker()
            && match self.resource {
                Resource::Broker | Resource::Queue(..) => true,
                Resource::PlatformEndpoint(_) => is_push,
                Resource::Account
                | Resource::NewQueue(_)
                | Resource::Recipient(_)
                | Resource::Topic(..)
                | Resource::NewTopic(_)
                | Resource::Subscription(..)
                | Resource::Application(_)
                | Resource::Device(_)
                | Resource::PhoneNumber(_) => false,
            }
    }

    /// How the caller stands to the resource.
    fn standing<'s>(&self, state: &'s State) -> Standing<'s> {
        match self.caller.account() {
            Some(account) if !self.is_owned_by(account) => Standing::Other(self.policies(state)),
            Some(_) if self.caller.identity.is_root() => Standing::Root,
            Some(_) => Standing::Owner(self.policies(state)),
            None => Standing::NoAccount,
        }
    }

    fn is_owned_by(&self, account: AccountId) -> bool {
        match self.resource {
            Resource::Account | Resource::PhoneNumber(_) => true,
            Resource::Broker | Resource::Recipient(_) => false,
            Resource::Queue(address, _) | Resource::NewQueue(address) => address.account == account,
            Resource::Topic(address, _) | Resource::NewTopic(address) => address.account == account,
            Resource::Subscription(address, found) => {
                let subscriber = found.map(|subscription| subscription.definition.owner);
                address.topic.account == account || subscriber == Some(account)
            }
            Resource::Application(address) => address.account == account,
            Resource::PlatformEndpoint(address) | Resource::Device(address) => address.application.account == account,
        }
    }

    /// The identity policies of the caller's user, if it has some.
    fn policies<'s>(&self, state: &'s State) -> Option<&'s PolicySet> {
        match self.caller.identity {
            Identity::User { permissions: Permissions::Limited(id), .. } => Some(state.options.identities.get(id)),
            Identity::User { permissions: Permissions::Full, .. } | Identity::Anonymous | Identity::Broker => None,
        }
    }

    /// What policies are asked, with the policy of the resource. `None` if the resource is the broker, or is of an
    /// account and the caller has none.
    fn question<'s>(&self, state: &'s State) -> Option<(Question<'s>, Option<&'s Policy>)>
    where
        'a: 's,
    {
        let of_queue = |queue: &'s Queue| (Some(&queue.tags), queue.policy.as_ref());
        let of_topic = |topic: &'s Topic| (Some(&topic.definition.tags), topic.policy.as_ref());
        let nothing: (Option<&Tags>, Option<&Policy>) = (None, None);
        let (tags, policy) = match self.resource {
            Resource::Queue(_, found) => found.and_then(|id| state.get(id)).map_or(nothing, of_queue),
            Resource::Recipient(queue) => of_queue(queue),
            Resource::Topic(_, found) => found.map_or(nothing, of_topic),
            Resource::Account
            | Resource::Broker
            | Resource::NewQueue(_)
            | Resource::NewTopic(_)
            | Resource::Subscription(..)
            | Resource::Application(_)
            | Resource::PlatformEndpoint(_)
            | Resource::Device(_)
            | Resource::PhoneNumber(_) => nothing,
        };
        let Access { caller, action, detail, now, .. } = *self;
        let resource = self.subject()?;
        Some((Question { caller, action, resource, tags, now, detail }, policy))
    }

    /// The resource as policies and refusals name it.
    fn subject(&self) -> Option<posthouse_policy::Resource<'a>> {
        use posthouse_policy::Resource as Subject;
        let (region, account) = (&self.caller.region, self.caller.account());
        Some(match self.resource {
            Resource::Account => Subject::Account(self.action.service(), region, account?),
            Resource::Broker => return None,
            Resource::Queue(address, _) | Resource::NewQueue(address) => Subject::Queue(address),
            Resource::Recipient(queue) => Subject::Queue(&queue.address),
            Resource::Topic(address, _) | Resource::NewTopic(address) => Subject::Topic(address),
            Resource::Subscription(address, _) => Subject::Subscription(address),
            Resource::Application(address) => Subject::Application(address),
            Resource::PlatformEndpoint(address) | Resource::Device(address) => Subject::PlatformEndpoint(address),
            Resource::PhoneNumber(number) => Subject::PhoneNumber(number, region, account?),
        })
    }

    /// Succeeds if the resource is there, as far as it was looked for.
    const fn existing(&self) -> Result<(), Denied> {
        if self.resource.exists() { Ok(()) } else { Err(Denied::Absent) }
    }

    /// The region of a resource of SNS, and the parameter that names it. `None` for a resource of SQS, and for the
    /// device of a `Subscribe`: the topic is what the action is called on.
    fn regional(&self) -> Option<(&'a Region, &'static str)> {
        let region = match self.resource {
            Resource::Account
            | Resource::Broker
            | Resource::Queue(..)
            | Resource::NewQueue(_)
            | Resource::Recipient(_)
            | Resource::NewTopic(_)
            | Resource::Device(_)
            | Resource::PhoneNumber(_) => return None,
            Resource::Topic(address, _) => &address.region,
            Resource::Subscription(address, _) => &address.topic.region,
            Resource::Application(address) => &address.region,
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
                | Resource::NewQueue(_)
                | Resource::Recipient(_)
                | Resource::Topic(..)
                | Resource::NewTopic(_)
                | Resource::Subscription(..)
                | Resource::Application(_)
                | Resource::Device(_)
                | Resource::PhoneNumber(_) => Some("TopicArn"),
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
            | Action::CopySelectedMessages
            | Action::DeleteSelectedMessages
            | Action::DropDamagedMessages
            | Action::ListDamagedMessages
            | Action::MoveSelectedMessages
            | Action::PeekMessages
            | Action::OpenConsumer
            | Action::OpenProducer
            | Action::PublishMessages
            | Action::SendMessages
            | Action::SettleMessages => None,
        }
    }

    /// The fault that answers a call which [`check`] refused, in the terms of the action's service.
    pub(crate) fn fault(&self, denied: Denied) -> Fault {
        let action = authorized_as(self.action).as_str();
        let denied = match denied {
            Denied::Absent => return self.resource.not_found(),
            Denied::Elsewhere(parameter) => return SnsFault::invalid(parameter, Rule::Malformed),
            Denied::BrokerOnly => fault::Denied::NotBroker { action },
            Denied::Ungranted(grant) => {
                let caller = self.caller.identity.clone();
                let resource = self.subject().map(|subject| subject.to_string().into());
                fault::Denied::NotGranted(Box::new(Denial { caller, action, resource, grant }))
            }
        };
        match self.action.service() {
            Service::Sns => SnsFault::AuthorizationError(denied).into(),
            Service::Sqs | Service::Push | Service::Admin | Service::Native => Fault::AccessDenied(denied),
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
            Self::Account
            | Self::Broker
            | Self::NewQueue(_)
            | Self::Recipient(_)
            | Self::NewTopic(_)
            | Self::Application(_)
            | Self::PlatformEndpoint(_)
            | Self::Device(_)
            | Self::PhoneNumber(_) => true,
        }
    }

    /// The fault that says that the resource is not there.
    fn not_found(&self) -> Fault {
        match self {
            Self::Queue(..) | Self::Recipient(_) => Fault::QueueDoesNotExist,
            Self::Topic(..) => SnsFault::not_found(SnsResource::Topic),
            Self::Subscription(..) => SnsFault::not_found(SnsResource::Subscription),
            Self::Account
            | Self::Broker
            | Self::NewQueue(_)
            | Self::NewTopic(_)
            | Self::Application(_)
            | Self::PlatformEndpoint(_)
            | Self::Device(_)
            | Self::PhoneNumber(_) => unreachable!("`check` does not look for it"),
        }
    }
}

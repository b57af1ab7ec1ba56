//! What a request is about, and whether it changes more than messages.

use core::fmt;

use posthouse_model::operation::{ProducerTarget, PublishTarget, StorageEffect};
use posthouse_model::{
    Action, ApplicationAddress, EndpointAddress, PhoneNumber, QueueAddress, Request, SubscriptionAddress, TopicAddress,
};

/// What a request is about.
pub(super) enum Resource {
    Queue(QueueAddress),
    Topic(TopicAddress),
    Subscription(SubscriptionAddress),
    Application(ApplicationAddress),
    Endpoint(EndpointAddress),
    PhoneNumber(PhoneNumber),
    /// The name of what is to be made.
    Name(Box<str>),
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(address) => address.fmt(f),
            Self::Topic(address) => address.fmt(f),
            Self::Subscription(address) => address.fmt(f),
            Self::Application(address) => address.fmt(f),
            Self::Endpoint(address) => address.fmt(f),
            Self::PhoneNumber(number) => number.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl Resource {
    /// The resource of a request; `None` where it is about the account as a whole.
    pub(super) fn of(request: &Request) -> Option<Self> {
        macro_rules! clone {
            ($kind:ident, $address:expr) => {
                Some(Self::$kind($address.clone()))
            };
        }
        match request {
            Request::AddPermission(r) => clone!(Queue, r.queue),
            Request::CancelMessageMoveTask(r) => clone!(Queue, r.handle.source),
            Request::ChangeMessageVisibility(r) => clone!(Queue, r.queue),
            Request::ChangeMessageVisibilityBatch(r) => clone!(Queue, r.queue),
            Request::CreateQueue(r) => Some(Self::Name(r.name.as_str().into())),
            Request::DeleteMessage(r) => clone!(Queue, r.queue),
            Request::DeleteMessageBatch(r) => clone!(Queue, r.queue),
            Request::DeleteQueue(r) => clone!(Queue, r.queue),
            Request::GetQueueAttributes(r) => clone!(Queue, r.queue),
            Request::GetQueueUrl(r) => clone!(Queue, r.queue),
            Request::ListDeadLetterSourceQueues(r) => clone!(Queue, r.queue),
            Request::ListMessageMoveTasks(r) => clone!(Queue, r.source),
            Request::ListQueueTags(r) => clone!(Queue, r.queue),
            Request::PurgeQueue(r) => clone!(Queue, r.queue),
            Request::ReceiveMessage(r) => clone!(Queue, r.queue),
            Request::RemovePermission(r) => clone!(Queue, r.queue),
            Request::SendMessage(r) => clone!(Queue, r.queue),
            Request::SendMessageBatch(r) => clone!(Queue, r.queue()),
            Request::SetQueueAttributes(r) => clone!(Queue, r.queue),
            Request::StartMessageMoveTask(r) => clone!(Queue, r.source),
            Request::TagQueue(r) => clone!(Queue, r.queue),
            Request::UntagQueue(r) => clone!(Queue, r.queue),
            Request::AddTopicPermission(r) => clone!(Topic, r.topic),
            Request::ConfirmSubscription(r) => clone!(Topic, r.topic),
            Request::CreateTopic(r) => Some(Self::Name(r.name.as_str().into())),
            Request::DeleteTopic(r) => clone!(Topic, r.topic),
            Request::GetDataProtectionPolicy(r) => clone!(Topic, r.topic),
            Request::GetTopicAttributes(r) => clone!(Topic, r.topic),
            Request::ListSubscriptionsByTopic(r) => clone!(Topic, r.topic),
            Request::ListTagsForResource(r) => clone!(Topic, r.topic),
            Request::PublishBatch(r) => clone!(Topic, r.topic),
            Request::PutDataProtectionPolicy(r) => clone!(Topic, r.topic),
            Request::RemoveTopicPermission(r) => clone!(Topic, r.topic),
            Request::SetTopicAttributes(r) => clone!(Topic, r.topic),
            Request::Subscribe(r) => clone!(Topic, r.topic),
            Request::TagResource(r) => clone!(Topic, r.topic),
            Request::UntagResource(r) => clone!(Topic, r.topic),
            Request::Publish(r) => Some(match &r.target {
                PublishTarget::Topic(topic) => Self::Topic(topic.clone()),
                PublishTarget::Endpoint(endpoint) => Self::Endpoint(endpoint.clone()),
                PublishTarget::PhoneNumber(number) => Self::PhoneNumber(number.clone()),
            }),
            Request::GetSubscriptionAttributes(r) => clone!(Subscription, r.subscription),
            Request::SetSubscriptionAttributes(r) => clone!(Subscription, r.subscription),
            Request::Unsubscribe(r) => clone!(Subscription, r.subscription),
            Request::CreatePlatformApplication(r) => clone!(Application, r.application),
            Request::CreatePlatformEndpoint(r) => clone!(Application, r.application),
            Request::DeletePlatformApplication(r) => clone!(Application, r.application),
            Request::GetPlatformApplicationAttributes(r) => clone!(Application, r.application),
            Request::ListEndpointsByPlatformApplication(r) => clone!(Application, r.application),
            Request::SetPlatformApplicationAttributes(r) => clone!(Application, r.application),
            Request::DeleteEndpoint(r) => clone!(Endpoint, r.endpoint),
            Request::GetEndpointAttributes(r) => clone!(Endpoint, r.endpoint),
            Request::SetEndpointAttributes(r) => clone!(Endpoint, r.endpoint),
            Request::CheckIfPhoneNumberIsOptedOut(r) => clone!(PhoneNumber, r.phone_number),
            Request::CreateSMSSandboxPhoneNumber(r) => clone!(PhoneNumber, r.phone_number),
            Request::DeleteSMSSandboxPhoneNumber(r) => clone!(PhoneNumber, r.phone_number),
            Request::OptInPhoneNumber(r) => clone!(PhoneNumber, r.phone_number),
            Request::VerifySMSSandboxPhoneNumber(r) => clone!(PhoneNumber, r.phone_number),
            Request::OpenProducer(r) => Some(match &r.target {
                ProducerTarget::Queue(queue) => Self::Queue(queue.clone()),
                ProducerTarget::Topic(topic) => Self::Topic(topic.clone()),
            }),
            Request::CopySelectedMessages(r) => clone!(Queue, r.queue),
            Request::DeleteSelectedMessages(r) => clone!(Queue, r.queue),
            Request::MoveSelectedMessages(r) => clone!(Queue, r.queue),
            Request::PeekMessages(r) => clone!(Queue, r.queue),
            Request::OpenConsumer(r) => clone!(Queue, r.queue),
            Request::ListQueues(_)
            | Request::GetSMSAttributes(_)
            | Request::GetSMSSandboxAccountStatus(_)
            | Request::ListOriginationNumbers(_)
            | Request::ListPhoneNumbersOptedOut(_)
            | Request::ListPlatformApplications(_)
            | Request::ListSMSSandboxPhoneNumbers(_)
            | Request::ListSubscriptions(_)
            | Request::ListTopics(_)
            | Request::SetSMSAttributes(_)
            | Request::SettlePushes(_)
            | Request::SmsOptOut(_)
            | Request::WatchPushTargets(_)
            | Request::DropDamagedMessages(_)
            | Request::ListDamagedMessages(_)
            | Request::PublishMessages(_)
            | Request::SendMessages(_)
            | Request::SettleMessages(_) => None,
        }
    }
}

/// Whether an action changes more than messages.
pub(super) fn is_change(action: Action) -> bool {
    match action {
        Action::ChangeMessageVisibility
        | Action::ChangeMessageVisibilityBatch
        | Action::DeleteMessage
        | Action::DeleteMessageBatch
        | Action::Publish
        | Action::PublishBatch
        | Action::PublishMessages
        | Action::ReceiveMessage
        | Action::SendMessage
        | Action::SendMessageBatch
        | Action::SendMessages
        | Action::SettleMessages
        | Action::SettlePushes => false,
        action => action.storage_effect() != StorageEffect::Reads,
    }
}

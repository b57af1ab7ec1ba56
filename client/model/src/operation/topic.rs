//! Topics: `CreateTopic`, `DeleteTopic`, their attributes, tags, permissions and data protection policies.

use std::collections::BTreeSet;

use super::Tags;
use crate::data_protection::DataProtectionPolicy;
use crate::delivery_policy::DeliveryPolicy;
use crate::fault::Fault;
use crate::name::AccountId;
use crate::topic_attributes::{TopicAttribute, TopicAttributes};
use crate::topic_name::{TopicAddress, TopicName};

/// Creates a topic, or finds the one that exists.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateTopic {
    /// `Name`
    pub name: TopicName,
    /// `Attributes`
    pub attributes: TopicAttributes,
    /// `Tags`
    pub tags: Tags,
    /// `DataProtectionPolicy`
    pub data_protection: Option<DataProtectionPolicy>,
}

/// Deletes a topic with all its subscriptions. Deleting one that does not exist succeeds.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteTopic {
    /// `TopicArn`
    pub topic: TopicAddress,
}

/// Shows a topic's attributes and counters.
#[derive(Clone, Debug, PartialEq)]
pub struct GetTopicAttributes {
    /// `TopicArn`
    pub topic: TopicAddress,
}

/// Sets one attribute of a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct SetTopicAttributes {
    /// `TopicArn`
    pub topic: TopicAddress,
    /// `AttributeName` and `AttributeValue`, or what is wrong with the value. The engine returns that fault once it has
    /// found the topic.
    pub attribute: Result<TopicAttribute, Fault>,
}

/// Lists the topics of the caller's account and region.
#[derive(Clone, Debug, PartialEq)]
pub struct ListTopics {
    /// `NextToken`: the topic that the page before ended with.
    pub after: Option<TopicAddress>,
}

/// Shows a topic's data protection policy.
#[derive(Clone, Debug, PartialEq)]
pub struct GetDataProtectionPolicy {
    /// `ResourceArn`
    pub topic: TopicAddress,
}

/// Sets a topic's data protection policy, which is stored and returned and nothing more.
#[derive(Clone, Debug, PartialEq)]
pub struct PutDataProtectionPolicy {
    /// `ResourceArn`
    pub topic: TopicAddress,
    /// `DataProtectionPolicy`; `None` takes it away. One that is not valid is refused once the topic is found.
    pub policy: Result<Option<DataProtectionPolicy>, Fault>,
}

/// SNS's `AddPermission`: adds a statement to the topic's policy.
#[derive(Clone, Debug, PartialEq)]
pub struct AddTopicPermission {
    /// `TopicArn`
    pub topic: TopicAddress,
    /// `Label`: the statement's `Sid`.
    pub label: Box<str>,
    /// `AWSAccountId`: one account at least.
    pub accounts: Vec<AccountId>,
    /// `ActionName`: actions without their `SNS:` prefix, one at least.
    pub actions: Vec<Box<str>>,
}

/// SNS's `RemovePermission`: removes a statement from the topic's policy.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoveTopicPermission {
    /// `TopicArn`
    pub topic: TopicAddress,
    /// `Label`
    pub label: Box<str>,
}

/// Adds or replaces tags of a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct TagResource {
    /// `ResourceArn`
    pub topic: TopicAddress,
    /// `Tags`
    pub tags: Tags,
}

/// Removes tags of a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct UntagResource {
    /// `ResourceArn`
    pub topic: TopicAddress,
    /// `TagKeys`
    pub keys: BTreeSet<Box<str>>,
}

/// Lists the tags of a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct ListTagsForResource {
    /// `ResourceArn`
    pub topic: TopicAddress,
}

/// A topic as `GetTopicAttributes` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicView {
    /// The topic: `TopicArn` and `Owner`.
    pub topic: TopicAddress,
    /// What it was given.
    pub attributes: TopicAttributes,
    /// `Policy`: the one it was given, or SNS's default.
    pub policy: Box<str>,
    /// `EffectiveDeliveryPolicy`: what was given over SNS's defaults.
    pub effective_delivery_policy: DeliveryPolicy,
    /// `SubscriptionsConfirmed`
    pub confirmed: u64,
    /// `SubscriptionsPending`
    pub pending: u64,
    /// `SubscriptionsDeleted`
    pub deleted: u64,
}

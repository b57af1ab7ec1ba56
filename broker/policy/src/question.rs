//! The question that policies are asked: one call, on one resource.

use core::fmt;
use std::collections::BTreeSet;

use posthouse_model::operation::Tags;
use posthouse_model::topic_name::{ApplicationAddress, EndpointAddress, SubscriptionAddress};
use posthouse_model::{AccountId, Action, Caller, Endpoint, PhoneNumber, QueueAddress, Region, Service};
use posthouse_model::{Timestamp, TopicAddress};

/// One call, as policies see it.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The caller, with its address and how the request came.
    pub caller: &'a Caller,
    /// The action that is called. A batch is evaluated as the single action of its entries.
    pub action: Action,
    /// The resource that the action is called on.
    pub resource: Resource<'a>,
    /// The tags of the resource, the values of `aws:ResourceTag/…`; `None` where it does not exist or has no tags.
    pub tags: Option<&'a Tags>,
    /// The time of the call.
    pub now: Timestamp,
    /// What else the call says.
    pub detail: Detail<'a>,
}

/// What some calls say beyond their action and resource.
#[derive(Clone, Copy, Debug)]
pub enum Detail<'a> {
    /// Nothing.
    None,
    /// The topic whose message the broker puts into a queue: the value of `aws:SourceArn`. Its account is the value of
    /// `aws:SourceAccount` and `aws:SourceOwner`.
    Source(&'a TopicAddress),
    /// The endpoint of a `Subscribe`: the value of `sns:Endpoint`. Its protocol is the value of `sns:Protocol`.
    Endpoint(&'a Endpoint),
    /// The tags that the request sets: the values of `aws:RequestTag/…` and, by their keys, of `aws:TagKeys`.
    Tags(&'a Tags),
    /// The keys of the tags that the request removes: the values of `aws:TagKeys`.
    TagKeys(&'a BTreeSet<Box<str>>),
}

/// What an action is called on. Displayed as the ARN that policies compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource<'a> {
    /// All that an account has in a region: the action names no resource. `arn:aws:sqs:REGION:ACCOUNT:`, and for SNS
    /// `arn:aws:sns:REGION:ACCOUNT:*`, as the refusals of the services write it.
    Account(Service, &'a Region, AccountId),
    /// A queue.
    Queue(&'a QueueAddress),
    /// A topic.
    Topic(&'a TopicAddress),
    /// A subscription: the ARN of its topic, a colon, and its id.
    Subscription(&'a SubscriptionAddress),
    /// A platform application.
    Application(&'a ApplicationAddress),
    /// A platform endpoint.
    PlatformEndpoint(&'a EndpointAddress),
    /// A phone number, which messages of an account are sent to. It is no ARN: of all patterns only `*` and those that
    /// begin with `+` match it.
    PhoneNumber(&'a PhoneNumber, &'a Region, AccountId),
}

impl<'a> Resource<'a> {
    /// The account that owns the resource.
    #[must_use]
    pub const fn account(self) -> AccountId {
        match self {
            Self::Account(_, _, account) | Self::PhoneNumber(_, _, account) => account,
            Self::Queue(queue) => queue.account,
            Self::Topic(topic) => topic.account,
            Self::Subscription(subscription) => subscription.topic.account,
            Self::Application(application) => application.account,
            Self::PlatformEndpoint(endpoint) => endpoint.application.account,
        }
    }

    /// The region that the resource is in.
    #[must_use]
    pub const fn region(self) -> &'a Region {
        match self {
            Self::Account(_, region, _) | Self::PhoneNumber(_, region, _) => region,
            Self::Queue(queue) => &queue.region,
            Self::Topic(topic) => &topic.region,
            Self::Subscription(subscription) => &subscription.topic.region,
            Self::Application(application) => &application.region,
            Self::PlatformEndpoint(endpoint) => &endpoint.application.region,
        }
    }
}

impl fmt::Display for Resource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(service, region, account) => {
                let all = if *service == Service::Sns { "*" } else { "" };
                write!(f, "arn:aws:{}:{region}:{account}:{all}", service.as_str())
            }
            Self::Queue(queue) => queue.fmt(f),
            Self::Topic(topic) => topic.fmt(f),
            Self::Subscription(subscription) => subscription.fmt(f),
            Self::Application(application) => application.fmt(f),
            Self::PlatformEndpoint(endpoint) => endpoint.fmt(f),
            Self::PhoneNumber(number, _, _) => number.fmt(f),
        }
    }
}

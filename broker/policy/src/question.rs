//! The question that a policy is asked: one call, on one resource.

use core::fmt;

use posthouse_model::{AccountId, Action, Caller, Endpoint, QueueAddress, Region, Timestamp, TopicAddress};

/// One call, as [`Policy::evaluate`](crate::Policy::evaluate) sees it.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The caller, with its address and whether it came over TLS.
    pub caller: &'a Caller,
    /// The action that is called. A batch is evaluated as the single action of its entries.
    pub action: Action,
    /// The resource that the action is called on, which has the policy.
    pub resource: Resource<'a>,
    /// The time of the call.
    pub now: Timestamp,
    /// The topic whose message the broker puts into a queue; `None` for every other call. It is the value of
    /// `aws:SourceArn`, and its account that of `aws:SourceAccount`.
    pub source: Option<&'a TopicAddress>,
    /// The endpoint of a `Subscribe`; `None` for every other call. It is the value of `sns:Endpoint`, and its protocol
    /// that of `sns:Protocol`.
    pub endpoint: Option<&'a Endpoint>,
}

/// A resource that has a policy. Displayed as its ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource<'a> {
    /// A queue.
    Queue(&'a QueueAddress),
    /// A topic.
    Topic(&'a TopicAddress),
}

impl<'a> Resource<'a> {
    /// The account that owns the resource.
    #[must_use]
    pub const fn account(self) -> AccountId {
        match self {
            Self::Queue(queue) => queue.account,
            Self::Topic(topic) => topic.account,
        }
    }

    /// The region that the resource is in.
    #[must_use]
    pub const fn region(self) -> &'a Region {
        match self {
            Self::Queue(queue) => &queue.region,
            Self::Topic(topic) => &topic.region,
        }
    }
}

impl fmt::Display for Resource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(queue) => queue.fmt(f),
            Self::Topic(topic) => topic.fmt(f),
        }
    }
}

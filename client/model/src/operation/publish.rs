//! `Publish` and `PublishBatch`.

use super::Batch;
use crate::endpoint::PhoneNumber;
use crate::fault::Fault;
use crate::message::MessageId;
use crate::notification::{Publication, PublicationKind};
use crate::receipt::SequenceNumber;
use crate::topic_name::{EndpointAddress, TopicAddress};

/// Where a publication goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublishTarget {
    /// `TopicArn`, or `TargetArn` with a topic's ARN.
    Topic(TopicAddress),
    /// `TargetArn` with a platform endpoint's ARN.
    Endpoint(EndpointAddress),
    /// `PhoneNumber`
    PhoneNumber(PhoneNumber),
}

impl PublishTarget {
    /// What is published there.
    #[must_use]
    pub fn kind(&self) -> PublicationKind {
        match self {
            Self::Topic(topic) => PublicationKind::of_topic(topic),
            Self::Endpoint(endpoint) => PublicationKind::Endpoint(endpoint.application.platform),
            Self::PhoneNumber(_) => PublicationKind::PhoneNumber,
        }
    }
}

/// Publishes one message.
#[derive(Clone, Debug, PartialEq)]
pub struct Publish {
    /// Where to.
    pub target: PublishTarget,
    /// What, or why it cannot be published: SNS says so only after it has looked at the target.
    pub publication: Result<Publication, Fault>,
}

/// Publishes up to ten messages to a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishBatch {
    /// `TopicArn`
    pub topic: TopicAddress,
    /// `PublishBatchRequestEntries`, or why none of them can be published: SNS says so only after it has looked at the
    /// topic.
    pub entries: Result<Batch<PublishEntry>, Fault>,
}

/// One entry of a `PublishBatch`.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishEntry {
    /// What it publishes.
    pub publication: Publication,
    /// Why it fails alone, although it counts with the others: its `Subject` breaks a rule.
    pub refused: Option<Fault>,
}

/// What a publisher gets for a message that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// `MessageId`
    pub id: MessageId,
    /// `SequenceNumber`, on a FIFO topic.
    pub sequence_number: Option<SequenceNumber>,
}

//! `Publish` and `PublishBatch`.

use super::Batch;
use crate::endpoint::PhoneNumber;
use crate::fault::Fault;
use crate::message::MessageId;
use crate::notification::Publication;
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

/// Publishes one message.
#[derive(Clone, Debug, PartialEq)]
pub struct Publish {
    /// Where to.
    pub target: PublishTarget,
    /// What.
    pub publication: Publication,
}

/// Publishes up to ten messages to a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishBatch {
    /// `TopicArn`
    pub topic: TopicAddress,
    /// `PublishBatchRequestEntries`: what each entry publishes, or why it cannot. Such an entry fails alone.
    pub entries: Batch<Result<Publication, Fault>>,
}

/// What a publisher gets for a message that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// `MessageId`
    pub id: MessageId,
    /// `SequenceNumber`, on a FIFO topic.
    pub sequence_number: Option<SequenceNumber>,
}

//! The events about topics and subscriptions: `TopicSet`, `TopicDeleted`, `SubscriptionSet`, `SubscriptionDeleted`.
//!
//! The two that set hold the whole definition. They create what they name or replace it, so a checkpoint can write them
//! again. They also create the internal queue that they name, if its number was not given before.
//!
//! | event | bytes |
//! |---|---|
//! | `TopicSet` | created u64, ms; deduplication queue u32, zero for none; ARN; attributes; tags; data protection policy, empty for none |
//! | `TopicDeleted` | time u64, ms; ARN |
//! | `SubscriptionSet` | id 16; secret 16; since u64, ms; created u64, ms; internal queue u32, zero for none; status u8; owner u64; ARN of the topic; protocol u8 + n; endpoint; attributes; name of the user that subscribed u8 + n |
//! | `SubscriptionDeleted` | time u64, ms; id 16; ARN of the topic |
//!
//! Attributes and tags are a count (u32) and so many pairs of texts; a text is its length (u32) and its bytes. A status
//! is 0 pending, 1 confirmed, 2 confirmed and authenticated, 3 ended.

use std::sync::Arc;

use posthouse_model::{
    AccountId, DataProtectionPolicy, Endpoint, QueueId, ROOT_USER, SubscriptionAttributes, SubscriptionId, Timestamp,
    TopicAddress, TopicAttributes,
};

use super::bytes::{Reader, Writer};
use super::queue::{decode_tags, encode_tags};
use crate::malformed::Malformed;
use crate::topic::definition::{Status, SubscriptionDefinition, TopicDefinition};

/// A topic was created or changed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TopicSet(pub(crate) TopicDefinition);

impl TopicSet {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        let Self(definition) = self;
        out.time(definition.created);
        out.queue(definition.deduplication_queue.unwrap_or(NO_QUEUE));
        out.text(&definition.address.to_string());
        let attributes: Vec<_> = definition.attributes.iter().collect();
        out.count(attributes.len());
        for (name, value) in attributes {
            out.text(name.as_str());
            out.text(&value);
        }
        encode_tags(&definition.tags, out);
        out.text(definition.data_protection.as_ref().map_or("", DataProtectionPolicy::as_str));
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self(TopicDefinition {
            created: bytes.time()?,
            deduplication_queue: optional_queue(bytes)?,
            address: Arc::new(topic(bytes)?),
            attributes: {
                let pairs = bytes.list(8, |bytes| Ok((bytes.text()?, bytes.text()?)))?;
                TopicAttributes::restore(pairs).ok_or("an attribute is invalid")?
            },
            tags: decode_tags(bytes)?,
            data_protection: DataProtectionPolicy::restore(bytes.text()?),
        }))
    }
}

/// A topic was deleted, with all its subscriptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopicDeleted {
    pub(crate) time: Timestamp,
    pub(crate) topic: TopicAddress,
}

impl TopicDeleted {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.time(self.time);
        out.text(&self.topic.to_string());
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { time: bytes.time()?, topic: topic(bytes)? })
    }
}

/// A subscription was made or changed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SubscriptionSet(pub(crate) SubscriptionDefinition);

impl SubscriptionSet {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        let Self(definition) = self;
        out.array(definition.id.as_bytes());
        out.array(&definition.secret);
        out.time(definition.since);
        out.time(definition.created);
        out.queue(definition.queue.unwrap_or(NO_QUEUE));
        out.u8(match definition.status {
            Status::Pending => 0,
            Status::Confirmed { authenticated: false } => 1,
            Status::Confirmed { authenticated: true } => 2,
            Status::Ended => 3,
        });
        out.u64(definition.owner.number());
        out.text(&definition.topic.to_string());
        out.short_text(definition.endpoint.protocol().as_str());
        out.text(&definition.endpoint.text());
        let attributes: Vec<_> = definition.attributes.iter().collect();
        out.count(attributes.len());
        for (name, value) in attributes {
            out.text(name.as_str());
            out.text(&value);
        }
        out.short_text(&definition.subscriber);
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        let Self(definition) = Self::decode_without_subscriber(bytes)?;
        Ok(Self(SubscriptionDefinition { subscriber: bytes.short_text()?.into(), ..definition }))
    }

    /// Reads the kind that names no subscriber: it was the account itself, as far as is known.
    pub(super) fn decode_without_subscriber(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self(SubscriptionDefinition {
            id: SubscriptionId::from_bytes(bytes.array()?),
            secret: bytes.array()?,
            since: bytes.time()?,
            created: bytes.time()?,
            queue: optional_queue(bytes)?,
            status: match bytes.u8()? {
                0 => Status::Pending,
                1 => Status::Confirmed { authenticated: false },
                2 => Status::Confirmed { authenticated: true },
                3 => Status::Ended,
                _ => return Err("a status is unknown"),
            },
            owner: AccountId::from_number(bytes.u64()?).ok_or("an account has more than twelve digits")?,
            topic: Arc::new(topic(bytes)?),
            endpoint: {
                let protocol = bytes.short_text()?.parse().map_err(|_| "a protocol is unknown")?;
                let endpoint = Endpoint::parse(protocol, bytes.text()?);
                Arc::new(endpoint.map_err(|_| "an endpoint is malformed")?)
            },
            attributes: {
                let pairs = bytes.list(8, |bytes| Ok((bytes.text()?, bytes.text()?)))?;
                SubscriptionAttributes::restore(pairs).ok_or("an attribute is invalid")?
            },
            subscriber: ROOT_USER.into(),
        }))
    }
}

/// A subscription was deleted, with what was still to be delivered to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SubscriptionDeleted {
    pub(crate) time: Timestamp,
    pub(crate) id: SubscriptionId,
    pub(crate) topic: TopicAddress,
}

impl SubscriptionDeleted {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.time(self.time);
        out.array(self.id.as_bytes());
        out.text(&self.topic.to_string());
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { time: bytes.time()?, id: SubscriptionId::from_bytes(bytes.array()?), topic: topic(bytes)? })
    }
}

/// The number that no queue has.
const NO_QUEUE: QueueId = QueueId::new(0);

fn optional_queue(bytes: &mut Reader<'_>) -> Result<Option<QueueId>, Malformed> {
    Ok(Some(bytes.queue()?).filter(|queue| *queue != NO_QUEUE))
}

fn topic(bytes: &mut Reader<'_>) -> Result<TopicAddress, Malformed> {
    bytes.text()?.parse().map_err(|_| "a topic's ARN is malformed")
}

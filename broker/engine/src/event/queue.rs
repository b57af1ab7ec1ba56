//! The events about queues themselves: `QueueCreated`, `QueueDeleted`, `AttributesChanged`, `TagsChanged`, `Purged`.
//!
//! Each begins with the queue (u32) and the time (u64, ms). Then:
//!
//! | event | what follows |
//! |---|---|
//! | `QueueCreated` | ARN, settings, tags |
//! | `QueueDeleted` | nothing |
//! | `AttributesChanged` | settings |
//! | `TagsChanged` | tags |
//! | `Purged` | nothing |
//!
//! Settings and tags are a count (u32) and so many pairs of texts; a text is its length (u32) and its bytes. Settings
//! are all attributes that have a value, by SQS's names and in SQS's spelling; what is not named has its default.

use posthouse_model::operation::Tags;
use posthouse_model::{AttributeChanges, QueueAddress, QueueAttributes, QueueId, Timestamp};

use super::bytes::{Reader, Writer};
use crate::malformed::Malformed;

/// Attributes as they are stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings(pub(crate) QueueAttributes);

impl Settings {
    /// The attributes as they will be read back: what has no effect and is not shown is not kept.
    pub(crate) fn of(attributes: &QueueAttributes) -> Self {
        let settings: Vec<_> = attributes.settings().collect();
        let pairs = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let changes = AttributeChanges::parse(pairs).and_then(|changes| changes.apply(&QueueAttributes::default()));
        Self(changes.expect("what attributes say of themselves is valid"))
    }

    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.count(self.0.settings().count());
        for (name, value) in self.0.settings() {
            out.text(name.as_str());
            out.text(&value);
        }
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        let pairs = bytes.list(8, |bytes| Ok((bytes.text()?, bytes.text()?)))?;
        let changes = AttributeChanges::parse(pairs.iter().copied()).map_err(|_| "an attribute is unknown")?;
        changes.apply(&QueueAttributes::default()).map(Self).map_err(|_| "an attribute's value is invalid")
    }
}

pub(super) fn encode_tags(tags: &Tags, out: &mut Writer<'_>) {
    out.count(tags.iter().count());
    for (key, value) in tags.iter() {
        out.text(key);
        out.text(value);
    }
}

pub(super) fn decode_tags(bytes: &mut Reader<'_>) -> Result<Tags, Malformed> {
    let pairs = bytes.list(8, |bytes| Ok((bytes.text()?, bytes.text()?)))?;
    Tags::parse(pairs.iter().copied()).map_err(|_| "a tag is invalid")
}

/// A queue was created.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct QueueCreated {
    pub(crate) queue: QueueId,
    pub(crate) time: Timestamp,
    pub(crate) address: QueueAddress,
    pub(crate) settings: Settings,
    pub(crate) tags: Tags,
}

impl QueueCreated {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.queue(self.queue);
        out.time(self.time);
        out.address(Some(&self.address));
        self.settings.encode(out);
        encode_tags(&self.tags, out);
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            queue: bytes.queue()?,
            time: bytes.time()?,
            address: bytes.address()?.ok_or("an ARN is missing")?,
            settings: Settings::decode(bytes)?,
            tags: decode_tags(bytes)?,
        })
    }
}

/// A queue was deleted, or all its messages were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Emptied {
    pub(crate) queue: QueueId,
    pub(crate) time: Timestamp,
}

impl Emptied {
    pub(super) fn encode(self, out: &mut Writer<'_>) {
        out.queue(self.queue);
        out.time(self.time);
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { queue: bytes.queue()?, time: bytes.time()? })
    }
}

/// Attributes of a queue were set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AttributesChanged {
    pub(crate) queue: QueueId,
    pub(crate) time: Timestamp,
    pub(crate) settings: Settings,
}

impl AttributesChanged {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.queue(self.queue);
        out.time(self.time);
        self.settings.encode(out);
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { queue: bytes.queue()?, time: bytes.time()?, settings: Settings::decode(bytes)? })
    }
}

/// The tags of a queue were set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TagsChanged {
    pub(crate) queue: QueueId,
    pub(crate) time: Timestamp,
    pub(crate) tags: Tags,
}

impl TagsChanged {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        out.queue(self.queue);
        out.time(self.time);
        encode_tags(&self.tags, out);
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { queue: bytes.queue()?, time: bytes.time()?, tags: decode_tags(bytes)? })
    }
}

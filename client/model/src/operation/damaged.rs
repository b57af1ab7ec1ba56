//! Damaged messages: listing and dropping them. Only the broker itself makes these requests ([`crate::Identity::Broker`]),
//! for its admin listener.
//!
//! A message whose record cannot be read is set aside: it is no longer received, retried, dead-lettered, moved or
//! expired, and its record stays on the disk until the message is dropped.

use core::fmt;

use super::MessageName;
use crate::limits::{DAMAGED_DROPPED_MAX, DAMAGED_LISTED_MAX};
use crate::name::QueueAddress;
use crate::ranges::PageSize;
use crate::time::Timestamp;

/// Lists the damaged messages of all queues, in the order of their ids; answered with a [`super::Page`].
#[derive(Clone, Debug, PartialEq)]
pub struct ListDamagedMessages {
    /// Only messages after this one; `None` for the first page.
    pub after: Option<DamagedId>,
    /// Messages at most.
    pub results_max: PageSize<DAMAGED_LISTED_MAX>,
}

/// Drops damaged messages for good: their records may be overwritten from then on. Answered with the ids of those that
/// were dropped; an id that names no damaged message is skipped.
#[derive(Clone, Debug, PartialEq)]
pub struct DropDamagedMessages {
    ids: Vec<DamagedId>,
}

/// More ids than one request may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyIds;

impl DropDamagedMessages {
    /// A request that drops these messages.
    ///
    /// # Errors
    /// [`TooManyIds`] if there are more than [`DAMAGED_DROPPED_MAX`].
    pub fn new(ids: Vec<DamagedId>) -> Result<Self, TooManyIds> {
        if ids.len() <= DAMAGED_DROPPED_MAX { Ok(Self { ids }) } else { Err(TooManyIds) }
    }

    /// The messages, at most [`DAMAGED_DROPPED_MAX`].
    #[must_use]
    pub fn ids(&self) -> &[DamagedId] {
        &self.ids
    }
}

/// The name of a damaged message.
pub type DamagedId = MessageName;

/// Why a record cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DamageCause {
    /// Two reads returned bytes whose checksum is wrong.
    Checksum,
    /// The disk returned an error for two reads, or the file is too short.
    Unreadable,
    /// The file of the record is missing.
    Missing,
    /// The record is whole and holds no such message.
    Content,
}

impl DamageCause {
    /// The cause in a word, for logs and listings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Checksum => "checksum",
            Self::Unreadable => "unreadable",
            Self::Missing => "missing",
            Self::Content => "content",
        }
    }
}

impl fmt::Display for DamageCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A damaged message, as far as it is known without its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedMessage {
    /// Its name in requests.
    pub id: DamagedId,
    /// The queue that holds it.
    pub queue: QueueAddress,
    /// Why its record cannot be read.
    pub cause: DamageCause,
    /// When it was set aside.
    pub found: Timestamp,
    /// When it was sent.
    pub sent: Timestamp,
    /// How often a consumer received it before.
    pub receive_count: u32,
    /// Its `MessageGroupId`; empty for none.
    pub group: Box<str>,
    /// Where its record lies.
    pub record: RecordPlace,
}

/// Where a record lies on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPlace {
    /// The position of the record in the log.
    pub position: u64,
    /// The length of the record's payload, in bytes.
    pub length: u32,
    /// The file and the offset of the record in it, in bytes; `None` if no file holds the position.
    pub file: Option<(Box<str>, u64)>,
}

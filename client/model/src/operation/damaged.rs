//! Damaged messages: listing and dropping them. Only the broker itself makes these requests ([`crate::Identity::Broker`]),
//! for its admin listener.
//!
//! A message whose record cannot be read is set aside: it is no longer received, retried, dead-lettered, moved or
//! expired, and its record stays on the disk until the message is dropped.

use core::fmt;
use core::num::ParseIntError;
use core::str::FromStr;

use crate::limits::{DAMAGED_DROPPED_MAX, DAMAGED_LISTED_MAX};
use crate::name::QueueAddress;
use crate::ranges::PageSize;
use crate::receipt::{MessageKey, QueueId};
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

/// Names a message of any queue. Its text is the number of the queue and the key of the message in sixteen hexadecimal
/// digits: `7-00000000002a1f38`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DamagedId {
    /// The queue that holds the message.
    pub queue: QueueId,
    /// The message in it.
    pub message: MessageKey,
}

/// A text that is no [`DamagedId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidDamagedId;

impl From<ParseIntError> for InvalidDamagedId {
    fn from(_: ParseIntError) -> Self {
        Self
    }
}

impl fmt::Display for InvalidDamagedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id is a number, a hyphen and sixteen hexadecimal digits")
    }
}

impl core::error::Error for InvalidDamagedId {}

impl fmt::Display for DamagedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:016x}", self.queue.get(), self.message.get())
    }
}

impl FromStr for DamagedId {
    type Err = InvalidDamagedId;

    fn from_str(text: &str) -> Result<Self, InvalidDamagedId> {
        let (queue, message) = text.split_once('-').ok_or(InvalidDamagedId)?;
        let digits = queue.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || message.len() != 16 || !message.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(InvalidDamagedId);
        }
        let (queue, message) = (queue.parse()?, u64::from_str_radix(message, 16)?);
        Ok(Self { queue: QueueId::new(queue), message: MessageKey::new(message) })
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let id = DamagedId { queue: QueueId::new(7), message: MessageKey::new(0x2a_1f38) };
        assert_eq!(id.to_string(), "7-00000000002a1f38");
        assert_eq!("7-00000000002a1f38".parse(), Ok(id));
        for wrong in ["", "7", "7-", "-00000000002a1f38", "7-2a1f38", "+7-00000000002a1f38", "7-+0000000002a1f38"] {
            assert_eq!(wrong.parse::<DamagedId>(), Err(InvalidDamagedId), "{wrong}");
        }
        assert_eq!("4294967296-0000000000000000".parse::<DamagedId>(), Err(InvalidDamagedId));
    }
}

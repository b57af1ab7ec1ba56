//! What the batch operations share: entries with their ids, and results entry by entry.

use compact_str::CompactString;

use crate::fault::{BatchEntryIdRule, Fault, excerpt};
use crate::limits::{BATCH_ENTRIES_MAX, BATCH_ENTRY_ID_CHARS_MAX};
use crate::operation::Action;

/// The `Id` that ties a batch entry to its result: 1 to 80 letters, digits, hyphens and underscores.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchEntryId(CompactString);

impl BatchEntryId {
    /// Parses an entry's id.
    ///
    /// # Errors
    /// [`Fault::InvalidBatchEntryId`]
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let rule = if text.is_empty() {
            BatchEntryIdRule::Empty
        } else if text.chars().nth(BATCH_ENTRY_ID_CHARS_MAX).is_some() {
            BatchEntryIdRule::TooLong
        } else if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            BatchEntryIdRule::Character
        } else {
            return Ok(Self(CompactString::new(text)));
        };
        Err(Fault::InvalidBatchEntryId { id: excerpt(text).into(), rule })
    }

    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The ids of a batch: 1 to 10 of them, distinct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchIds(Vec<BatchEntryId>);

impl BatchIds {
    /// Parses the ids of a batch of `action`, in the order of its entries.
    ///
    /// # Errors
    /// The fault that SQS answers the whole request with: [`Fault::EmptyBatchRequest`],
    /// [`Fault::TooManyEntriesInBatchRequest`], [`Fault::InvalidBatchEntryId`] or
    /// [`Fault::BatchEntryIdsNotDistinct`], in this order.
    pub fn parse<'a>(action: Action, ids: impl ExactSizeIterator<Item = &'a str>) -> Result<Self, Fault> {
        Self::check_count(action, ids.len())?;
        let ids: Vec<_> = ids.map(BatchEntryId::parse).collect::<Result<_, _>>()?;
        for (index, id) in ids.iter().enumerate() {
            if ids[..index].contains(id) {
                return Err(Fault::BatchEntryIdsNotDistinct(id.as_str().into()));
            }
        }
        Ok(Self(ids))
    }

    /// Checks how many entries a batch has, before its ids are known.
    ///
    /// # Errors
    /// [`Fault::EmptyBatchRequest`] or [`Fault::TooManyEntriesInBatchRequest`].
    pub const fn check_count(action: Action, entries: usize) -> Result<(), Fault> {
        match entries {
            0 => Err(Fault::EmptyBatchRequest { action: action.as_str() }),
            1..=BATCH_ENTRIES_MAX => Ok(()),
            more => Err(Fault::TooManyEntriesInBatchRequest(more)),
        }
    }

    /// The batch of these ids and as many entries, in the same order.
    ///
    /// # Panics
    /// Where there are more or fewer entries than ids.
    pub fn with<T>(self, entries: impl ExactSizeIterator<Item = T>) -> Batch<T> {
        assert_eq!(self.0.len(), entries.len(), "each entry has its id");
        Batch(self.0.into_iter().zip(entries).collect())
    }
}

/// What one batch request asks: 1 to 10 entries with distinct ids, in the order of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch<T>(Vec<(BatchEntryId, T)>);

impl<T> Batch<T> {
    /// A batch of `action`: entries with their ids.
    ///
    /// # Errors
    /// Those of [`BatchIds::parse`].
    pub fn new(action: Action, entries: Vec<(&str, T)>) -> Result<Self, Fault> {
        let ids = BatchIds::parse(action, entries.iter().map(|(id, _)| *id))?;
        Ok(ids.with(entries.into_iter().map(|(_, entry)| entry)))
    }

    /// The entries with their ids, in the order of the request.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&BatchEntryId, &T)> {
        self.0.iter().map(|(id, entry)| (id, entry))
    }

    /// The batch of what `change` makes of each entry.
    ///
    /// # Errors
    /// The first error of `change`.
    pub fn try_map<U, E>(self, mut change: impl FnMut(T) -> Result<U, E>) -> Result<Batch<U>, E> {
        let entries = self.0.into_iter().map(|(id, entry)| Ok((id, change(entry)?)));
        entries.collect::<Result<_, E>>().map(Batch)
    }
}

/// A batch's results: each entry either succeeded or failed.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchReply<T> {
    /// The entries that succeeded, in the order of the request.
    pub successful: Vec<(BatchEntryId, T)>,
    /// The entries that failed, in the order of the request.
    pub failed: Vec<BatchFailure>,
}

impl<T> BatchReply<T> {
    /// Sorts results into successes and failures.
    pub fn collect(results: impl IntoIterator<Item = (BatchEntryId, Result<T, Fault>)>) -> Self {
        let mut reply = Self { successful: Vec::new(), failed: Vec::new() };
        for (id, result) in results {
            match result {
                Ok(value) => reply.successful.push((id, value)),
                Err(fault) => reply.failed.push(BatchFailure { id, fault }),
            }
        }
        reply
    }
}

/// An entry that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchFailure {
    /// The entry's id.
    pub id: BatchEntryId,
    /// Why.
    pub fault: Fault,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries() {
        let long = "i".repeat(80);
        let too_long = "i".repeat(81);
        let eleven: Vec<String> = (0..11).map(|n| n.to_string()).collect();
        let invalid = |id: &str, rule| Some(Fault::InvalidBatchEntryId { id: id.into(), rule });
        let eleven: Vec<&str> = eleven.iter().map(String::as_str).collect();
        for (ids, expected) in [
            (vec!["a", "b-_1", &long], None),
            (eleven[..10].to_vec(), None),
            (vec![], Some(Fault::EmptyBatchRequest { action: "SendMessageBatch" })),
            (eleven, Some(Fault::TooManyEntriesInBatchRequest(11))),
            (vec!["a", "b", "a"], Some(Fault::BatchEntryIdsNotDistinct("a".into()))),
            (vec![""], invalid("", BatchEntryIdRule::Empty)),
            (vec!["a.b"], invalid("a.b", BatchEntryIdRule::Character)),
            (vec![too_long.as_str()], invalid(&too_long, BatchEntryIdRule::TooLong)),
        ] {
            assert_eq!(BatchIds::parse(Action::SendMessageBatch, ids.iter().copied()).err(), expected, "{ids:?}");
        }
    }
}

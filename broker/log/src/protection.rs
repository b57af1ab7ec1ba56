//! How the records of one segment are stored: as they are, or encrypted with the segment's data key.
//!
//! Invariant: a data key encrypts in the run that made it, and in no other. So no two records are encrypted with one key
//! at one position: within a run each position is given once, and the next run, which may give positions again behind a
//! torn end, has other keys. A segment of an earlier run is therefore read and never appended to
//! ([`Protection::takes_records`]).

use std::sync::Arc;

use bytes::Bytes;
use posthouse_encryption::{DataKey, Encryption, RecordPlace, SegmentPlace, TAG_BYTES, UnwrapError, WrappedKey};

/// How the records of a segment are stored.
#[derive(Clone, Debug)]
pub(crate) enum Protection {
    /// As they are.
    Plain,
    /// Encrypted with a key that this run has made. Records may be appended.
    Own {
        /// The key as the header keeps it.
        wrapped: WrappedKey,
        key: Arc<DataKey>,
    },
    /// Encrypted, and only read.
    Closed {
        /// The key as the header keeps it.
        wrapped: WrappedKey,
        /// The key, since it was first needed.
        key: Option<Arc<DataKey>>,
    },
}

impl Protection {
    /// That of a segment which this run plans: with a fresh key, if new data is encrypted.
    pub(crate) fn planned(encryption: &Encryption, place: &SegmentPlace) -> Self {
        match encryption.fresh_key(place) {
            Some((key, wrapped)) => Self::Own { wrapped, key: Arc::new(key) },
            None => Self::Plain,
        }
    }

    /// That of a segment with this key in its header.
    pub(crate) fn found(key: Option<WrappedKey>) -> Self {
        key.map_or(Self::Plain, |wrapped| Self::Closed { wrapped, key: None })
    }

    /// The key as the header keeps it.
    pub(crate) fn wrapped(&self) -> Option<WrappedKey> {
        match self {
            Self::Plain => None,
            Self::Own { wrapped, .. } | Self::Closed { wrapped, .. } => Some(*wrapped),
        }
    }

    /// The key that this run encrypts with.
    pub(crate) fn own_key(&self) -> Option<Arc<DataKey>> {
        match self {
            Self::Own { key, .. } => Some(Arc::clone(key)),
            Self::Plain | Self::Closed { .. } => None,
        }
    }

    /// Whether this run may append records.
    pub(crate) fn takes_records(&self, encryption: &Encryption) -> bool {
        match self {
            Self::Plain => encryption.first().is_none(),
            Self::Own { .. } => true,
            Self::Closed { .. } => false,
        }
    }

    /// How many bytes of the record a payload of `length` bytes takes.
    pub(crate) fn stored_bytes(&self, length: usize) -> usize {
        match self {
            Self::Plain => length,
            Self::Own { .. } | Self::Closed { .. } => length + TAG_BYTES,
        }
    }

    /// The key, to decrypt with. `None` if the records are not encrypted.
    ///
    /// # Errors
    ///
    /// The master key is not known, or did not wrap this key for this segment.
    pub(crate) fn key(
        &mut self,
        encryption: &Encryption,
        place: &SegmentPlace,
    ) -> Result<Option<Arc<DataKey>>, UnwrapError> {
        match self {
            Self::Plain => Ok(None),
            Self::Own { key, .. } | Self::Closed { key: Some(key), .. } => Ok(Some(Arc::clone(key))),
            Self::Closed { wrapped, key } => {
                let opened = Arc::new(encryption.unwrap(wrapped, place)?);
                Ok(Some(Arc::clone(key.insert(opened))))
            }
        }
    }

    /// Drops the key of a segment that is neither appended to nor read. The wrapped key stays.
    pub(crate) fn forget_key(&mut self) {
        if let Some(wrapped) = self.wrapped() {
            *self = Self::Closed { wrapped, key: None };
        }
    }
}

/// The payload of a record from the bytes that are stored of it, or `None` if they were not encrypted with this key at
/// this place. Without a key, the stored bytes are the payload.
pub(crate) fn open(key: Option<&DataKey>, place: &RecordPlace, stored: Bytes) -> Option<Bytes> {
    match key {
        None => Some(stored),
        Some(key) => key.open(place, &stored).ok().map(Bytes::from),
    }
}

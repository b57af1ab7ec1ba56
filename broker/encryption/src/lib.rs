//! Encryption at rest: the master keys of an operator, the data keys that they wrap, and what data keys encrypt.
//!
//! A [`KeyRing`] holds the master keys of a key file. [`Encryption`] adds a source of random bytes and gives each segment
//! of the log a fresh [`DataKey`], together with the [`WrappedKey`] that the segment's header keeps. A data key seals and
//! opens the records of its segment. [`Encryption::seal_file`] seals the content of a small file. The cipher is
//! AES-256-GCM everywhere. `docs/format.md` draws the bytes and argues why no nonce is used twice.
//!
//! There is no clock, no entropy, no file and no thread in this crate: the text of the key file and the source of random
//! bytes come from the caller.
//!
//! # Invariants
//!
//! * A key never appears in the output of `Debug`, `Display` or an error. A [`KeyId`] does.
//! * A value that was opened is what was sealed for the same purpose, log and place, or opening fails.

#![forbid(unsafe_code)]

mod cipher;
mod data_key;
mod encryption;
mod key_ring;
mod master_key;
mod sealed_file;
mod wrapped_key;

pub use cipher::{KEY_BYTES, TAG_BYTES};
pub use data_key::{DataKey, Forged, RecordPlace};
pub use encryption::{Encryption, Random};
pub use key_ring::{KeyFileError, KeyRing};
pub use master_key::KeyId;
pub use sealed_file::{OpenFileError, SEALED_FILE_LABEL};
pub use wrapped_key::{SegmentPlace, UnwrapError, WRAPPED_KEY_BYTES, WrappedKey};

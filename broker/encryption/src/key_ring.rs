//! The master keys of a key file.
//!
//! The file has one key a line, as base64 (RFC 4648, section 4, with padding) of 32 bytes. Space around a key, empty lines
//! and lines that begin with `#` have no meaning. The first key encrypts new data. All keys decrypt. The word `none` in
//! place of the first key leaves new data unencrypted.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::{
    cipher::KEY_BYTES,
    master_key::{KeyId, MasterKey},
};

/// The word that stands for no key.
const NONE: &str = "none";

/// The master keys that a broker knows. The default knows none, and new data is not encrypted.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    /// The key for new data, which is also in `known`.
    first: Option<MasterKey>,
    known: Vec<MasterKey>,
}

/// Why the text of a key file was refused. Lines count from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyFileError {
    /// No line holds a key.
    Empty,
    /// The line is not the base64 of 32 bytes.
    NotAKey {
        /// The line.
        line: usize,
    },
    /// The line repeats a key.
    Repeated {
        /// The line.
        line: usize,
        /// The key on it.
        id: KeyId,
    },
    /// `none` stands behind a key.
    NoneNotFirst {
        /// The line.
        line: usize,
    },
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("it holds no key; a key is a line with the base64 of 32 random bytes"),
            Self::NotAKey { line } => {
                write!(formatter, "line {line} is no key; a key is a line with the base64 of 32 random bytes")
            }
            Self::Repeated { line, id } => write!(formatter, "line {line} repeats key {id}"),
            Self::NoneNotFirst { line } => write!(formatter, "line {line}: `{NONE}` can only stand before all keys"),
        }
    }
}

impl std::error::Error for KeyFileError {}

impl KeyRing {
    /// Reads the text of a key file.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`], for the first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        let mut ring = Self::default();
        let mut is_none = false;
        for (index, content) in text.lines().map(str::trim).enumerate() {
            let line = index + 1;
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            if content == NONE {
                if is_none || !ring.known.is_empty() {
                    return Err(KeyFileError::NoneNotFirst { line });
                }
                is_none = true;
                continue;
            }
            let bytes = BASE64_STANDARD.decode(content).map_err(|_| KeyFileError::NotAKey { line })?;
            let bytes: [u8; KEY_BYTES] = bytes.try_into().map_err(|_| KeyFileError::NotAKey { line })?;
            let key = MasterKey::new(&bytes);
            if ring.find(key.id()).is_some() {
                return Err(KeyFileError::Repeated { line, id: key.id() });
            }
            ring.known.push(key);
        }
        if ring.known.is_empty() {
            return Err(KeyFileError::Empty);
        }
        ring.first = ring.known.first().filter(|_| !is_none).cloned();
        Ok(ring)
    }

    /// The key that new data is encrypted with. `None` if new data is not encrypted.
    #[must_use]
    pub fn first(&self) -> Option<KeyId> {
        self.first.as_ref().map(MasterKey::id)
    }

    /// Whether the ring holds the key.
    #[must_use]
    pub fn knows(&self, id: KeyId) -> bool {
        self.find(id).is_some()
    }

    /// The keys of the ring, in the order of the file.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.known.iter().map(MasterKey::id)
    }

    /// The key for new data.
    pub(crate) fn writing(&self) -> Option<&MasterKey> {
        self.first.as_ref()
    }

    /// The key with this identifier.
    pub(crate) fn find(&self, id: KeyId) -> Option<&MasterKey> {
        self.known.iter().find(|key| key.id() == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(byte: u8) -> String {
        BASE64_STANDARD.encode([byte; KEY_BYTES])
    }

    #[test]
    fn the_first_key_writes_and_all_are_known() {
        let text = format!("# the new key\n\n  {}\t\r\n{}\n", line(1), line(2));
        let ring = KeyRing::parse(&text).unwrap();
        let ids: Vec<KeyId> = ring.ids().collect();
        assert_eq!(ids.len(), 2);
        assert_eq!(ring.first(), Some(ids[0]));
        assert!(ids.iter().all(|id| ring.knows(*id)));
        assert!(!ring.knows(KeyId::new([0; 8])));
    }

    #[test]
    fn an_id_is_the_beginning_of_the_sha_256_of_the_key() {
        // `printf '\0%.0s' $(seq 32) | sha256sum | cut -c1-16`
        let ring = KeyRing::parse(&line(0)).unwrap();
        assert_eq!(ring.first().unwrap().to_string(), "66687aadf862bd77");
    }

    #[test]
    fn none_leaves_new_data_unencrypted_and_the_keys_known() {
        let ring = KeyRing::parse(&format!("none\n{}", line(1))).unwrap();
        assert_eq!((ring.first(), ring.ids().count()), (None, 1));
        assert_eq!(KeyRing::default().first(), None);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        let cases = [
            (String::new(), KeyFileError::Empty),
            ("# only\n\n".into(), KeyFileError::Empty),
            ("none\n".into(), KeyFileError::Empty),
            (format!("{}\nx", line(1)), KeyFileError::NotAKey { line: 2 }),
            (line(1)[..43].into(), KeyFileError::NotAKey { line: 1 }),
            (BASE64_STANDARD.encode([1; 31]), KeyFileError::NotAKey { line: 1 }),
            (BASE64_STANDARD.encode([1; 33]), KeyFileError::NotAKey { line: 1 }),
            (format!("{}\nnone", line(1)), KeyFileError::NoneNotFirst { line: 2 }),
            (format!("none\nnone\n{}", line(1)), KeyFileError::NoneNotFirst { line: 2 }),
        ];
        for (text, error) in cases {
            assert_eq!(KeyRing::parse(&text).unwrap_err(), error, "{text:?}");
        }
        let id = KeyRing::parse(&line(1)).unwrap().first().unwrap();
        let repeated = format!("{}\n#\n{}", line(1), line(1));
        assert_eq!(KeyRing::parse(&repeated).unwrap_err(), KeyFileError::Repeated { line: 3, id });
    }

    #[test]
    fn a_key_does_not_show() {
        let ring = KeyRing::parse(&line(7)).unwrap();
        let shown = format!("{ring:?}");
        assert!(
            shown.contains(&ring.first().unwrap().to_string()) && !shown.contains("7, 7") && !shown.contains("0707")
        );
    }
}

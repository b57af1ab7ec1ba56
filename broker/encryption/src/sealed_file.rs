//! A small file that a master key has encrypted, as text between two lines like those of PEM (RFC 7468).
//!
//! The base64 between the lines holds:
//!
//! | offset | size | what |
//! |-------:|-----:|------|
//! | 0 | 1 | version: 1 |
//! | 1 | 8 | identifier of the master key |
//! | 9 | 12 | nonce, random |
//! | 21 | - | the content, encrypted with AES-256-GCM |
//! | end - 16 | 16 | tag |
//!
//! The additional data is `posthouse file`, a zero byte and the purpose of the file.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::{
    cipher::{NONCE_BYTES, TAG_BYTES},
    key_ring::KeyRing,
    master_key::{KeyId, MasterKey},
};

/// The label in the first and the last line.
pub const SEALED_FILE_LABEL: &str = "POSTHOUSE ENCRYPTED FILE";

const VERSION: u8 = 1;
const HEAD_BYTES: usize = 1 + 8 + NONCE_BYTES;
/// Characters of base64 in a line, as in PEM.
const LINE_CHARS: usize = 64;

/// Why a sealed file could not be opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenFileError {
    /// The text is not a sealed file.
    NotSealed,
    /// The text begins as a sealed file, and is damaged, or was sealed for another purpose.
    Damaged,
    /// The key ring does not hold the master key.
    UnknownKey(KeyId),
}

impl fmt::Display for OpenFileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSealed => formatter.write_str("it is not encrypted"),
            Self::Damaged => formatter.write_str("it is encrypted and damaged"),
            Self::UnknownKey(id) => write!(formatter, "it needs key {id}, which the key file does not hold"),
        }
    }
}

impl std::error::Error for OpenFileError {}

/// The text of a file with this content. The nonce must be random.
pub(crate) fn seal(master: &MasterKey, nonce: [u8; NONCE_BYTES], purpose: &str, content: &str) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend(master.id().bytes());
    bytes.extend(nonce);
    bytes.extend(content.as_bytes());
    let tag = master.seal(nonce, &context(purpose), &mut bytes[HEAD_BYTES..]);
    bytes.extend(tag);
    let encoded = BASE64_STANDARD.encode(bytes);
    let mut text = format!("-----BEGIN {SEALED_FILE_LABEL}-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(LINE_CHARS));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    text.push_str(&format!("-----END {SEALED_FILE_LABEL}-----\n"));
    text
}

/// The content of a sealed file, and the key that it is sealed with.
///
/// # Errors
///
/// [`OpenFileError`].
pub(crate) fn open(ring: &KeyRing, purpose: &str, text: &str) -> Result<(KeyId, String), OpenFileError> {
    let (begin, end) = (format!("-----BEGIN {SEALED_FILE_LABEL}-----"), format!("-----END {SEALED_FILE_LABEL}-----"));
    let body = text.trim().strip_prefix(&begin).ok_or(OpenFileError::NotSealed)?;
    let body = body.strip_suffix(&end).ok_or(OpenFileError::Damaged)?;
    let encoded: String = body.split_ascii_whitespace().collect();
    let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| OpenFileError::Damaged)?;
    let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>().ok_or(OpenFileError::Damaged)?;
    let (content, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(OpenFileError::Damaged)?;
    if head[0] != VERSION {
        return Err(OpenFileError::Damaged);
    }
    let id = KeyId::new(head[1..9].try_into().expect("eight bytes"));
    let master = ring.find(id).ok_or(OpenFileError::UnknownKey(id))?;
    let nonce = head[9..].try_into().expect("twelve bytes");
    let mut content = content.to_vec();
    master.open(nonce, &context(purpose), &mut content, tag).ok_or(OpenFileError::Damaged)?;
    String::from_utf8(content).map(|content| (id, content)).map_err(|_| OpenFileError::Damaged)
}

/// The additional data.
fn context(purpose: &str) -> Vec<u8> {
    [b"posthouse file\0", purpose.as_bytes()].concat()
}

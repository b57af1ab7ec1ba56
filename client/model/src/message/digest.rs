//! The MD5 digests that SQS answers with and SDKs check.
//!
//! Source of the attribute encoding: "Calculating the MD5 message digest for message attributes" in the SQS developer
//! guide. Attributes in the order of their names; each name, data type and value with its length before it, as a
//! 32-bit big-endian number; one byte between type and value that tells text (1) from binary (2).

use md5::{Digest, Md5};

use super::attribute::{AttributeValue, MessageAttribute};

/// `MD5OfMessageBody`
#[must_use]
pub fn body_md5(body: &str) -> [u8; 16] {
    Md5::digest(body).into()
}

/// `MD5OfMessageBody` of a body that is these parts, one after the other.
#[must_use]
pub fn body_md5_of_parts(parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> [u8; 16] {
    let mut md5 = Md5::new();
    parts.into_iter().for_each(|part| md5.update(part));
    md5.finalize().into()
}

/// `MD5OfMessageAttributes` of attributes that are sorted by name.
#[must_use]
pub fn attributes_md5<'a>(attributes: impl IntoIterator<Item = MessageAttribute<'a>>) -> [u8; 16] {
    let mut md5 = Md5::new();
    for attribute in attributes {
        update(&mut md5, attribute.name.as_bytes());
        update(&mut md5, attribute.data_type.as_bytes());
        md5.update([match attribute.value {
            AttributeValue::Text(_) => 1,
            AttributeValue::Binary(_) => 2,
        }]);
        update(&mut md5, attribute.value.as_bytes());
    }
    md5.finalize().into()
}

fn update(md5: &mut Md5, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("parts of a message are below its limit of 1 MiB");
    md5.update(length.to_be_bytes());
    md5.update(bytes);
}

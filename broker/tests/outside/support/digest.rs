//! The digests that SQS gives for bodies and attributes, computed from the documentation.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde_json::Value;

use super::signature::hex;

/// The digest of a body.
pub(crate) fn md5(text: &str) -> String {
    hex(&Md5::digest(text))
}

/// The digest of attributes as AWS describes it: names sorted; name, type and value each after its length in four
/// bytes, big-endian; one byte says which kind of value.
pub(crate) fn attributes_md5(attributes: &Value) -> String {
    let mut digest = Md5::new();
    let mut part = |bytes: &[u8], kind: Option<u8>| {
        if let Some(kind) = kind {
            digest.update([kind]);
        }
        digest.update(u32::try_from(bytes.len()).expect("short").to_be_bytes());
        digest.update(bytes);
    };
    // `serde_json` sorts the keys of a map.
    for (name, attribute) in attributes.as_object().expect("a map") {
        part(name.as_bytes(), None);
        part(attribute["DataType"].as_str().expect("a type").as_bytes(), None);
        match (&attribute["StringValue"], &attribute["BinaryValue"]) {
            (Value::String(text), _) => part(text.as_bytes(), Some(1)),
            (_, Value::String(base64)) => part(&STANDARD.decode(base64).expect("base64"), Some(2)),
            _ => panic!("an attribute without value: {attribute}"),
        }
    }
    hex(&digest.finalize())
}

//! Percent-encoding as AWS wants it in forms, URLs and canonical requests: everything but the unreserved characters.

/// Encodes one name or value.
pub(crate) fn encode(text: &str) -> String {
    encode_bytes(text.as_bytes())
}

/// Encodes bytes that need not be text.
pub(crate) fn encode_bytes(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// A form: `name=value` pairs with ampersands between them.
pub(crate) fn form<N: AsRef<str>, V: AsRef<str>>(pairs: &[(N, V)]) -> String {
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encode(name.as_ref()), encode(value.as_ref()))).collect();
    pairs.join("&")
}

//! Percent-encoding of forms, URLs and canonical requests: every byte but the unreserved characters of RFC 3986 becomes
//! `%XX` with capital digits.

/// Appends the encoding of `bytes` to a buffer.
pub fn encode_into(buffer: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| !UNRESERVED[usize::from(*byte)]) {
        let byte = rest[at];
        buffer.extend_from_slice(&rest[..at]);
        buffer.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        rest = &rest[at + 1..];
    }
    buffer.extend_from_slice(rest);
}

/// The encoding of `bytes`, which need not be UTF-8.
#[must_use]
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref();
    let mut buffer = Vec::with_capacity(bytes.len());
    encode_into(&mut buffer, bytes);
    String::from_utf8(buffer).expect("what is encoded is ASCII")
}

const UNRESERVED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reserved_byte_is_encoded() {
        let text = "aZ09-._~ +/&=%\n\u{e4}";
        assert_eq!(encode(text), "aZ09-._~%20%2B%2F%26%3D%25%0A%C3%A4");
        let mut buffer = b"a=".to_vec();
        encode_into(&mut buffer, text.as_bytes());
        assert_eq!(buffer, b"a=aZ09-._~%20%2B%2F%26%3D%25%0A%C3%A4");
    }
}

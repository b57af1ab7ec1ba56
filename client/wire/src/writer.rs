//! Writes payloads: the counterpart of `reader`.

use bytes::{BufMut as _, BytesMut};

use crate::text::Text;

/// Writes a head: what `fields` writes, behind its length.
pub(crate) fn head(out: &mut BytesMut, fields: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_u16_le(0);
    fields(out);
    let length = u16::try_from(out.len() - start - 2).expect("limits.rs proves that a head is below 64 KiB");
    out[start..start + 2].copy_from_slice(&length.to_le_bytes());
}

/// Writes a text: its length, then its bytes.
pub(crate) fn text(out: &mut BytesMut, text: Text<'_>) {
    out.put_u16_le(u16::try_from(text.as_str().len()).expect("a text has at most 8 KiB"));
    out.put_slice(text.as_str().as_bytes());
}

/// A flag's bit where it is set.
pub(crate) const fn bit(set: bool, flag: u8) -> u8 {
    if set { flag } else { 0 }
}

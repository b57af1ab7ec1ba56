//! The ids of messages that producers send: both sides compute them, so that SENT does not carry them, and so that a
//! message that is sent again has the same id without a memory of ids.

use core::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher24};

use crate::number::{MessageNumber, ProducerId};

/// The id of a message, as the sixteen bytes of a UUID: SipHash-2-4-128 of the number in eight bytes, little-endian,
/// under the producer's id, with the bits of version 4 (RFC 9562), which all ids of the broker have.
#[must_use]
pub fn message_id(producer: ProducerId, number: MessageNumber) -> [u8; 16] {
    let mut hasher = SipHasher24::new_with_key(producer.as_bytes());
    hasher.write(&number.get().to_le_bytes());
    let mut id = hasher.finish128().as_bytes();
    id[6] = id[6] & 0x0F | 0x40;
    id[8] = id[8] & 0x3F | 0x80;
    id
}

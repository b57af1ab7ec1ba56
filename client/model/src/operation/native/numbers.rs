//! Producers and the numbers of their messages.

use core::fmt;

use siphasher::sip128::SipHasher24;

use crate::fault::{Fault, NativeFault};
use crate::message::MessageId;
use crate::message_number::MessageNumber;

/// A producer's identity: sixteen random bytes that the client has chosen and shows to no other. The ids of the
/// producer's messages follow from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerId([u8; 16]);

impl ProducerId {
    /// The producer with these random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The sixteen bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The id of the producer's message with this number: the SipHash-2-4-128 of the number (u64, little-endian) under
    /// the producer's id, with the version bits of a random UUID.
    #[must_use]
    pub fn message_id(&self, number: MessageNumber) -> MessageId {
        MessageId::from_random(SipHasher24::new_with_key(&self.0).hash(&number.get().to_le_bytes()).as_bytes())
    }
}

/// The bytes are not shown: a client that knows them can compute the ids of messages to come.
impl fmt::Debug for ProducerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProducerId(secret)")
    }
}

/// Whose messages a batch brings, and which numbers they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbering {
    /// The producer.
    pub producer: ProducerId,
    /// The number of the first message of the batch. The others follow it one by one.
    pub first: MessageNumber,
    /// The last number that was answered on this connection, by [`super::ProducerOpened`] or a reply to a batch;
    /// [`MessageNumber::NONE`] before that. The producer may go on from there although the engine has forgotten it, since
    /// none of the numbers after it can have been stored before.
    pub answered: MessageNumber,
}

impl Numbering {
    /// Checks that so many messages have a number each.
    pub(super) const fn check(&self, messages: usize) -> Result<(), Fault> {
        let last = self.first.get().checked_add(messages as u64);
        if self.first.get() == 0 || last.is_none() { Err(Fault::Native(NativeFault::NumberOutOfRange)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_ids() {
        let producer = ProducerId::from_bytes(*b"0123456789abcdef");
        assert_eq!(producer.message_id(MessageNumber::FIRST).to_string(), "78658add-2f8a-4f99-819f-e0a4c34f3e75");
        assert_eq!(
            producer.message_id(MessageNumber::new(u64::MAX)).to_string(),
            "a761858e-319e-487d-ae59-5160034db1a9"
        );
    }

    #[test]
    fn each_message_has_a_number() {
        let check = |first, messages| {
            let (producer, first) = (ProducerId::from_bytes([1; 16]), MessageNumber::new(first));
            Numbering { producer, first, answered: MessageNumber::NONE }.check(messages).is_ok()
        };
        assert!(check(1, 512) && check(u64::MAX - 512, 512));
        assert!(!check(0, 1) && !check(u64::MAX - 511, 512) && !check(u64::MAX, 1));
    }
}

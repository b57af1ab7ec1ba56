//! Receipt handles: opaque to clients, authenticated, self-describing.
//!
//! A handle names the queue, the message in it and which receive of the message it belongs to, so that a delete is a
//! look-up and needs no search. [`HandleKey::open`] refuses a handle whose tag the broker's key does not give.
//!
//! ```
//! use posthouse_model::{HandleKey, MessageKey, QueueId, ReceiptHandle};
//!
//! let key = HandleKey::new([7; 16]);
//! let handle = ReceiptHandle { queue: QueueId::new(1), message: MessageKey::new(4096), generation: 1 };
//! let sealed = key.seal(handle);
//! assert_eq!(key.open(sealed.as_str()), Some(handle));
//! assert_eq!(HandleKey::new([8; 16]).open(sealed.as_str()), None);
//! ```
//!
//! The sealed form is 33 bytes, in 44 characters of base64. The alphabet is the standard one, as in AWS's handles: clients
//! split at the `-` and the `_` of the URL-safe one. Earlier versions sealed with that, and their handles still open.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 1 | version, 1 |
//! | 1 | 4 | queue, u32 |
//! | 5 | 8 | message key, u64 |
//! | 13 | 4 | generation, u32 |
//! | 17 | 16 | SipHash-2-4-128 of the bytes before, with the broker's key |

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use siphasher::sip128::SipHasher24;

/// A queue's number: given at creation, never given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueId(u32);

impl QueueId {
    /// The first queue's number.
    pub const FIRST: Self = Self(1);
    /// The largest number. No queue has it.
    pub const MAX: Self = Self(u32::MAX);

    /// The queue with this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The queue's number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The number after this one; `None` after [`QueueId::MAX`].
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }
}

/// A message's number in its queue: unique there, and larger for a message that came later.
///
/// The engine takes the position of the event that put the message into the queue, plus the message's index in that
/// event. The message's [`SequenceNumber`] in a FIFO queue is made from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageKey(u64);

impl MessageKey {
    /// Not above any message's key.
    pub const MIN: Self = Self(0);
    /// Not below any message's key.
    pub const MAX: Self = Self(u64::MAX);

    /// The message with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The message's number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// A message's place in the order of its FIFO queue or topic: a number of twenty digits that does not start with zero.
///
/// The numbers of topics and those of queues have no number in common, so that a message that a topic put into a queue
/// has two different ones, as on AWS. AWS's numbers of topics begin at 10^19 too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceNumber(u128);

impl SequenceNumber {
    /// The least number of a topic.
    const TOPIC: u128 = 10_000_000_000_000_000_000;
    /// The least number of a queue.
    const QUEUE: u128 = 30_000_000_000_000_000_000;

    /// The place of a message in the order of its FIFO queue.
    #[must_use]
    pub fn in_queue(message: MessageKey) -> Self {
        Self(Self::QUEUE + u128::from(message.0))
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u128 {
        self.0
    }

    /// The place of a publication in the order of its FIFO topic. `first` is the key that its message has in the queues
    /// that got it first, and that the topic's deduplication remembers.
    #[must_use]
    pub fn in_topic(first: MessageKey) -> Self {
        Self(Self::TOPIC + u128::from(first.0))
    }
}

const _: () = assert!(SequenceNumber::TOPIC + (u64::MAX as u128) < SequenceNumber::QUEUE);
const _: () = assert!(SequenceNumber::TOPIC >= 10_u128.pow(19), "the least number of twenty digits");
const _: () = assert!(SequenceNumber::QUEUE + (u64::MAX as u128) < 10_u128.pow(20), "the next has 21 digits");

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What a receipt handle says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReceiptHandle {
    /// The queue that the message was received from.
    pub queue: QueueId,
    /// The message.
    pub message: MessageKey,
    /// Which receive of the message this is: 1 for its first.
    pub generation: u32,
}

const VERSION: u8 = 1;
const TAGGED: usize = 17;
const SEALED: usize = TAGGED + 16;
/// Characters of a sealed handle.
pub const SEALED_CHARS: usize = 44;
const _: () = assert!(SEALED_CHARS == SEALED.div_ceil(3) * 4);

/// The key that receipt handles are sealed with: secret, one for the life of a data directory.
#[derive(Clone, Copy)]
pub struct HandleKey([u8; 16]);

impl HandleKey {
    /// From sixteen random bytes.
    #[must_use]
    pub const fn new(secret: [u8; 16]) -> Self {
        Self(secret)
    }

    /// The handle's text, as clients see it.
    #[must_use]
    pub fn seal(&self, handle: ReceiptHandle) -> SealedHandle {
        let mut bytes = [0; SEALED];
        bytes[0] = VERSION;
        bytes[1..5].copy_from_slice(&handle.queue.0.to_le_bytes());
        bytes[5..13].copy_from_slice(&handle.message.0.to_le_bytes());
        bytes[13..TAGGED].copy_from_slice(&handle.generation.to_le_bytes());
        let tag = self.tag(&bytes[..TAGGED]);
        bytes[TAGGED..].copy_from_slice(&tag);
        let mut text = [0; SEALED_CHARS];
        let length = STANDARD.encode_slice(bytes, &mut text).expect("44 characters hold 33 bytes");
        debug_assert_eq!(length, SEALED_CHARS);
        SealedHandle(text)
    }

    /// The handle in `text` together with `text`; `None` where [`HandleKey::open`] is.
    #[must_use]
    pub fn present(&self, text: &str) -> Option<PresentedHandle> {
        let handle = self.open(text)?;
        let text = text.as_bytes().try_into().expect("`open` refuses texts of another length");
        Some(PresentedHandle::new(handle, SealedHandle(text)))
    }

    /// The handle in `text`, in either alphabet of base64; `None` where [`HandleKey::seal`] of this key did not make it.
    #[must_use]
    pub fn open(&self, text: &str) -> Option<ReceiptHandle> {
        if text.len() != SEALED_CHARS {
            return None;
        }
        let mut bytes = [0; SEALED];
        let length = STANDARD.decode_slice(text, &mut bytes);
        let length = length.or_else(|_| URL_SAFE_NO_PAD.decode_slice(text, &mut bytes)).ok()?;
        if length != SEALED || bytes[0] != VERSION {
            return None;
        }
        // All sixteen bytes are compared, so that the time it takes does not depend on how many of a forged tag are
        // right.
        let wrong = self.tag(&bytes[..TAGGED]).iter().zip(&bytes[TAGGED..]).fold(0, |wrong, (a, b)| wrong | (a ^ b));
        let number = |range: core::ops::Range<usize>| {
            bytes[range].iter().rev().fold(0u64, |number, byte| number << 8 | u64::from(*byte))
        };
        (wrong == 0).then(|| ReceiptHandle {
            queue: QueueId::new(u32::try_from(number(1..5)).expect("four bytes")),
            message: MessageKey::new(number(5..13)),
            generation: u32::try_from(number(13..TAGGED)).expect("four bytes"),
        })
    }

    fn tag(&self, bytes: &[u8]) -> [u8; 16] {
        SipHasher24::new_with_key(&self.0).hash(bytes).as_bytes()
    }
}

impl fmt::Debug for HandleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandleKey(secret)")
    }
}

/// The text of a sealed handle: 44 characters of base64.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SealedHandle([u8; SEALED_CHARS]);

impl SealedHandle {
    /// The handle as clients see it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).expect("base64 is ASCII")
    }
}

impl fmt::Debug for SealedHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A receipt handle as a request presents it: what it says, and its text, which some faults repeat.
///
/// [`HandleKey::present`] makes it. It is [`Copy`] and allocates nothing, because every delete carries one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresentedHandle {
    handle: ReceiptHandle,
    text: SealedHandle,
}

impl PresentedHandle {
    /// A handle and the text that it was sealed in.
    #[must_use]
    pub const fn new(handle: ReceiptHandle, text: SealedHandle) -> Self {
        Self { handle, text }
    }

    /// What the handle says.
    #[must_use]
    pub const fn handle(&self) -> ReceiptHandle {
        self.handle
    }

    /// The handle as the client wrote it.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HANDLE: ReceiptHandle =
        ReceiptHandle { queue: QueueId::new(7), message: MessageKey::new(0x0102_0304_0506_0708), generation: 3 };

    #[test]
    fn sequence_numbers_have_twenty_digits_and_keep_the_order() {
        let numbers = [
            SequenceNumber::in_topic(MessageKey::MIN),
            SequenceNumber::in_topic(MessageKey::new(3000)),
            SequenceNumber::in_topic(MessageKey::MAX),
            SequenceNumber::in_queue(MessageKey::MIN),
            SequenceNumber::in_queue(MessageKey::new(3000)),
            SequenceNumber::in_queue(MessageKey::MAX),
        ];
        assert!(numbers.is_sorted_by(|a, b| a < b));
        let texts = numbers.map(|number| number.to_string());
        assert!(texts.is_sorted_by(|a, b| a < b) && texts.iter().all(|text| text.len() == 20), "{texts:?}");
        assert_eq!(texts[1], "10000000000000003000");
    }

    #[test]
    fn a_handle_round_trips_under_its_own_key_only() {
        let key = HandleKey::new([1; 16]);
        let sealed = key.seal(HANDLE);
        assert_eq!(key.open(sealed.as_str()), Some(HANDLE));
        assert_eq!(HandleKey::new([2; 16]).open(sealed.as_str()), None);
    }

    #[test]
    fn a_presented_handle_keeps_its_text() {
        let key = HandleKey::new([1; 16]);
        let sealed = key.seal(HANDLE);
        let presented = key.present(sealed.as_str()).expect("sealed by this key");
        assert_eq!((presented.handle(), presented.text()), (HANDLE, sealed.as_str()));
        assert_eq!(presented, PresentedHandle::new(HANDLE, sealed));
        assert_eq!(HandleKey::new([2; 16]).present(sealed.as_str()), None);
    }

    #[test]
    fn golden_text() {
        let sealed = HandleKey::new(*b"0123456789abcdef").seal(HANDLE);
        assert_eq!(sealed.as_str(), "AQcAAAAIBwYFBAMCAQMAAABBVZjAhxx/ii9QJQ3EpGXo");
    }

    #[test]
    fn a_handle_of_an_earlier_version_opens() {
        let key = HandleKey::new(*b"0123456789abcdef");
        assert_eq!(key.open("AQcAAAAIBwYFBAMCAQMAAABBVZjAhxx_ii9QJQ3EpGXo"), Some(HANDLE));
    }

    #[test]
    fn no_handle_has_a_character_that_clients_split_at() {
        let key = HandleKey::new([1; 16]);
        for message in (0..1000).map(MessageKey::new) {
            let sealed = key.seal(ReceiptHandle { message, ..HANDLE });
            assert!(!sealed.as_str().contains(['-', '_']), "{sealed:?}");
        }
    }

    #[test]
    fn every_changed_or_missing_character_is_refused() {
        let key = HandleKey::new([1; 16]);
        let sealed = key.seal(HANDLE);
        for cut in 0..SEALED_CHARS {
            assert_eq!(key.open(&sealed.as_str()[..cut]), None);
            let mut changed = sealed.0;
            changed[cut] = if changed[cut] == b'A' { b'B' } else { b'A' };
            assert_eq!(key.open(core::str::from_utf8(&changed).expect("ASCII")), None, "character {cut}");
        }
        assert_eq!(key.open("not base64 at all, but as long as a handle!!"), None);
    }
}

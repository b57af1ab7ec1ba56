//! Little-endian numbers, texts and lists, written one after the other and read back with every length checked.

use std::sync::Arc;

use bytes::Bytes;
use posthouse_model::notification::PushFailure;
use posthouse_model::operation::MoveTaskId;
use posthouse_model::ranges::MoveRate;
use posthouse_model::{MessageId, MessageKey, QueueAddress, QueueId, Timestamp};

use crate::journal::Position;
use crate::malformed::Malformed;

/// Writes the parts of one event.
#[derive(Debug)]
pub(crate) struct Writer<'a>(pub(crate) &'a mut Vec<u8>);

impl Writer<'_> {
    pub(crate) fn u8(&mut self, number: u8) {
        self.0.push(number);
    }

    pub(crate) fn u16(&mut self, number: u16) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn u32(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn f64(&mut self, number: f64) {
        self.u64(number.to_bits());
    }

    pub(crate) fn time(&mut self, time: Timestamp) {
        self.u64(time.as_millis());
    }

    pub(crate) fn queue(&mut self, queue: QueueId) {
        self.u32(queue.get());
    }

    pub(crate) fn key(&mut self, key: MessageKey) {
        self.u64(key.get());
    }

    pub(crate) fn position(&mut self, position: Position) {
        self.u64(position.get());
    }

    pub(crate) fn array(&mut self, bytes: &[u8; 16]) {
        self.0.extend_from_slice(bytes);
    }

    /// Bytes whose length stands elsewhere.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// A number that takes as many bytes as it needs: seven bits in each, the lowest first, the top bit set in each but the
    /// last.
    pub(crate) fn variable(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.u8(u8::try_from(number & 0x7F).expect("seven bits") | 0x80);
            number >>= 7;
        }
        self.u8(u8::try_from(number).expect("seven bits"));
    }

    /// The bytes that [`Writer::variable`] writes for a number.
    pub(crate) const fn variable_bytes(number: u64) -> u32 {
        (u64::BITS - (number | 1).leading_zeros()).div_ceil(7)
    }

    /// How many items follow.
    pub(crate) fn count(&mut self, items: usize) {
        self.u32(u32::try_from(items).expect("an event has far fewer items than 2^32"));
    }

    /// A text of at most 255 bytes.
    pub(crate) fn short_text(&mut self, text: &str) {
        self.u8(u8::try_from(text.len()).expect("group and attempt ids have at most 128 bytes, names fewer"));
        self.0.extend_from_slice(text.as_bytes());
    }

    /// A text of any length.
    pub(crate) fn text(&mut self, text: &str) {
        self.u32(u32::try_from(text.len()).expect("no text comes near 4 GiB: requests are limited"));
        self.0.extend_from_slice(text.as_bytes());
    }

    /// An ARN, empty for none.
    pub(crate) fn address(&mut self, address: Option<&QueueAddress>) {
        self.text(&address.map(ToString::to_string).unwrap_or_default());
    }

    /// Why a push was given up: the status of the last response, zero without one, and the error in words.
    pub(crate) fn push_failure(&mut self, failure: &PushFailure) {
        self.u16(failure.status().unwrap_or(0));
        self.text(failure.error());
    }
}

/// Reads the parts of one event.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    payload: &'a Bytes,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads a payload from its beginning.
    pub(crate) fn new(payload: &'a Bytes) -> Self {
        Self { payload, rest: payload }
    }

    /// How many bytes are left.
    pub(crate) const fn length(&self) -> usize {
        self.rest.len()
    }

    /// The next so many bytes.
    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or("it is too short")?;
        self.rest = rest;
        Ok(bytes)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.bytes(N).map(|bytes| bytes.try_into().expect("as many bytes as asked for"))
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        self.fixed().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        self.fixed().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.fixed().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        self.fixed().map(u64::from_le_bytes)
    }

    /// A number of [`Writer::variable`].
    pub(crate) fn variable(&mut self) -> Result<u64, Malformed> {
        let mut number = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7F);
            if bits << shift >> shift != bits {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                let is_shortest = byte > 0 || shift == 0;
                return if is_shortest { Ok(number) } else { Err("a number has too many bytes") };
            }
        }
        Err("a number has too many bits")
    }

    /// A number that is neither infinite nor none.
    pub(crate) fn f64(&mut self) -> Result<f64, Malformed> {
        Some(f64::from_bits(self.u64()?)).filter(|number| number.is_finite()).ok_or("a number is not finite")
    }

    pub(crate) fn time(&mut self) -> Result<Timestamp, Malformed> {
        self.u64().map(Timestamp::from_millis)
    }

    pub(crate) fn queue(&mut self) -> Result<QueueId, Malformed> {
        self.u32().map(QueueId::new)
    }

    pub(crate) fn key(&mut self) -> Result<MessageKey, Malformed> {
        self.u64().map(MessageKey::new)
    }

    pub(crate) fn position(&mut self) -> Result<Position, Malformed> {
        self.u64().map(Position::new)
    }

    /// The length of a message's record, which is never empty.
    pub(crate) fn body_length(&mut self) -> Result<u32, Malformed> {
        Some(self.u32()?).filter(|length| *length > 0).ok_or("a body has no length")
    }

    pub(crate) fn message_id(&mut self) -> Result<MessageId, Malformed> {
        self.fixed().map(MessageId::from_bytes)
    }

    pub(crate) fn task_id(&mut self) -> Result<MoveTaskId, Malformed> {
        self.fixed().map(MoveTaskId::from_bytes)
    }

    /// The rate of a move task; zero stands for none.
    pub(crate) fn move_rate(&mut self) -> Result<Option<MoveRate>, Malformed> {
        match self.u32()? {
            0 => Ok(None),
            rate => MoveRate::new(rate.into()).map(Some).map_err(|_| "a rate out of its range"),
        }
    }

    pub(crate) fn array(&mut self) -> Result<[u8; 16], Malformed> {
        self.fixed()
    }

    pub(crate) fn short_text(&mut self) -> Result<&'a str, Malformed> {
        let length = usize::from(self.u8()?);
        core::str::from_utf8(self.bytes(length)?).map_err(|_| "a text is not UTF-8")
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Malformed> {
        let length = self.u32()? as usize;
        core::str::from_utf8(self.bytes(length)?).map_err(|_| "a text is not UTF-8")
    }

    pub(crate) fn address(&mut self) -> Result<Option<QueueAddress>, Malformed> {
        match self.text()? {
            "" => Ok(None),
            text => QueueAddress::stored(text).map(Some).map_err(|_| "an ARN is malformed"),
        }
    }

    /// Why a push was given up.
    pub(crate) fn push_failure(&mut self) -> Result<Arc<PushFailure>, Malformed> {
        let (status, error) = (self.u16()?, self.text()?);
        let failure = PushFailure::new(Some(status).filter(|status| *status > 0), error);
        Some(Arc::new(failure)).filter(|failure| failure.error() == error).ok_or("an error cannot be shown")
    }

    /// A list with its count before it. A count that cannot be true is refused before anything is allocated for it.
    pub(crate) fn list<T>(
        &mut self,
        item_bytes_min: usize,
        read: impl Fn(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = self.u32()? as usize;
        if count > self.rest.len() / item_bytes_min {
            return Err("it is too short for its items");
        }
        (0..count).map(|_| read(self)).collect()
    }

    /// A number of variable length that fits into 32 bits.
    pub(crate) fn variable_u32(&mut self) -> Result<u32, Malformed> {
        u32::try_from(self.variable()?).map_err(|_| "a number is out of its range")
    }

    /// As [`Reader::list`], with a count of variable length.
    pub(crate) fn variable_list<T>(
        &mut self,
        item_bytes_min: usize,
        read: impl Fn(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = self.variable()?;
        if count > (self.rest.len() / item_bytes_min) as u64 {
            return Err("it is too short for its items");
        }
        (0..count).map(|_| read(self)).collect()
    }

    /// The next so many bytes, sharing the payload's memory.
    pub(crate) fn shared(&mut self, length: usize) -> Result<Bytes, Malformed> {
        self.bytes(length).map(|bytes| self.payload.slice_ref(bytes))
    }

    /// All that is left, sharing the payload's memory.
    pub(crate) fn shared_rest(&mut self) -> Bytes {
        self.payload.slice_ref(core::mem::take(&mut self.rest))
    }

    /// Succeeds if no byte is left.
    pub(crate) const fn end(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err("it is too long") }
    }
}

//! A message as the broker delivered it.

use std::ops::Range;

use bytes::Bytes;
use posthouse_wire::{DeliveredEntry, Frame, Malformed};

use crate::message::{Attribute, MessageId};

/// What the broker said of a message.
pub(crate) struct Content {
    pub(crate) payload: Bytes,
    pub(crate) body: Range<usize>,
    pub(crate) sender: Range<usize>,
    pub(crate) id: MessageId,
    pub(crate) sent_ms: u64,
    pub(crate) first_received_ms: u64,
    pub(crate) receive_count: u32,
    pub(crate) sequence_number: u128,
    /// `None` for a message that has none of it.
    pub(crate) extras: Option<Box<Extras>>,
}

/// What most messages do not have.
#[derive(Default)]
pub(crate) struct Extras {
    pub(crate) group: String,
    pub(crate) deduplication_id: String,
    pub(crate) trace_header: String,
    pub(crate) dead_letter_source: String,
    pub(crate) attributes: Vec<(String, Attribute)>,
}

impl Content {
    /// # Errors
    ///
    /// An attribute is not what it should be.
    pub(crate) fn read(frame: &Frame, entry: &DeliveredEntry<'_>) -> Result<Self, Malformed> {
        let head = &entry.head;
        let is_plain = head.attributes.is_empty()
            && [head.group, head.deduplication, head.trace_header, head.dead_letter_source]
                .iter()
                .all(|text| text.as_str().is_empty());
        let extras = if is_plain {
            None
        } else {
            let attributes = head.attributes.iter().map(|attribute| {
                let attribute = attribute?;
                let value = Attribute::received(attribute.data_type.as_str(), attribute.value);
                Ok((attribute.name.as_str().to_owned(), value))
            });
            Some(Box::new(Extras {
                group: head.group.as_str().to_owned(),
                deduplication_id: head.deduplication.as_str().to_owned(),
                trace_header: head.trace_header.as_str().to_owned(),
                dead_letter_source: head.dead_letter_source.as_str().to_owned(),
                attributes: attributes.collect::<Result<_, Malformed>>()?,
            }))
        };
        Ok(Self {
            payload: frame.payload.clone(),
            body: place_of(&frame.payload, entry.body),
            sender: place_of(&frame.payload, head.sender.as_str().as_bytes()),
            id: MessageId::from_bytes(head.id),
            sent_ms: head.sent_ms,
            first_received_ms: head.first_received_ms,
            receive_count: head.receive_count,
            sequence_number: head.sequence_number,
            extras,
        })
    }
}

/// Where a part of a payload is in it.
fn place_of(payload: &Bytes, part: &[u8]) -> Range<usize> {
    if part.is_empty() {
        return 0..0;
    }
    let start = part.as_ptr().addr() - payload.as_ptr().addr();
    start..start + part.len()
}

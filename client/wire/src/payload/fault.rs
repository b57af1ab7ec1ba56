//! FAULT: a refusal, of a request, a link or the connection.

use bytes::{BufMut as _, BytesMut};

use super::{Decode, Payload};
use crate::error::Malformed;
use crate::fault_code::{FaultCode, Remedy};
use crate::kind::Kind;
use crate::limits::{FAULT_NAME_BYTES_MAX, FAULT_TEXT_BYTES_MAX};
use crate::reader::{Head, Reader};
use crate::text::Text;
use crate::writer;

const RETRIABLE: u8 = 1;
const CLOSES_LINK: u8 = 1 << 1;
const CLOSES_CONNECTION: u8 = 1 << 2;

/// What ends with a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// The request that it answers.
    Request,
    /// The link that it names.
    Link,
    /// The connection.
    Connection,
}

/// A refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault<'a> {
    number: u16,
    remedy: Remedy,
    ends: Ends,
    name: Text<'a>,
    text: Text<'a>,
}

impl<'a> Fault<'a> {
    /// A refusal in the protocol's own name; `text` is cut where it is too long.
    #[must_use]
    pub fn new(code: FaultCode, ends: Ends, text: &'a str) -> Self {
        Self {
            number: code.number(),
            remedy: code.remedy(),
            ends,
            name: Text::clipped_to(code.name(), FAULT_NAME_BYTES_MAX),
            text: Text::clipped_to(text, FAULT_TEXT_BYTES_MAX),
        }
    }

    /// The same under another name: that which SQS or SNS has for it.
    #[must_use]
    pub fn named(self, name: &'a str) -> Self {
        Self { name: Text::clipped_to(name, FAULT_NAME_BYTES_MAX), ..self }
    }

    /// Its code; `None` for one that only a newer peer knows.
    #[must_use]
    pub const fn code(&self) -> Option<FaultCode> {
        FaultCode::from_number(self.number)
    }

    /// The number of its code.
    #[must_use]
    pub const fn number(&self) -> u16 {
        self.number
    }

    /// What a client can do, by what the peer says: it holds for unknown codes, too.
    #[must_use]
    pub const fn remedy(&self) -> Remedy {
        self.remedy
    }

    /// What ends with it.
    #[must_use]
    pub const fn ends(&self) -> Ends {
        self.ends
    }

    /// The name that SQS or SNS has for it, or the protocol's.
    #[must_use]
    pub const fn name(&self) -> &'a str {
        self.name.as_str()
    }

    /// A sentence for people.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text.as_str()
    }

    pub(super) fn read(head: &mut Head<'a>) -> Result<Self, Malformed> {
        let number = head.u16("code")?;
        let flags = head.u8_or("flags", 0)?;
        let ends = if flags & CLOSES_CONNECTION != 0 {
            Ends::Connection
        } else if flags & CLOSES_LINK != 0 {
            Ends::Link
        } else {
            Ends::Request
        };
        Ok(Self {
            number,
            remedy: if flags & RETRIABLE != 0 { Remedy::Retry } else { Remedy::Change },
            ends,
            name: Text::clipped_to(head.text_or_empty("name")?.as_str(), FAULT_NAME_BYTES_MAX),
            text: Text::clipped_to(head.text_or_empty("text")?.as_str(), FAULT_TEXT_BYTES_MAX),
        })
    }

    pub(super) fn write_fields(&self, out: &mut BytesMut) {
        out.put_u16_le(self.number);
        let ends = match self.ends {
            Ends::Request => 0,
            Ends::Link => CLOSES_LINK,
            Ends::Connection => CLOSES_CONNECTION,
        };
        out.put_u8(ends | writer::bit(self.remedy == Remedy::Retry, RETRIABLE));
        writer::text(out, self.name);
        writer::text(out, self.text);
    }
}

impl Payload for Fault<'_> {
    const KIND: Kind = Kind::Fault;

    fn write(&self, out: &mut BytesMut) {
        writer::head(out, |out| self.write_fields(out));
    }
}

impl<'a> Decode<'a> for Fault<'a> {
    fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        Self::read(&mut Reader::new(payload).head()?)
    }
}

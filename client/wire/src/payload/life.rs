//! CLOSE, CLOSED, CANCEL, PING, PONG and GO_AWAY: the ends of links, requests and connections.

use bytes::{BufMut as _, BytesMut};

use super::{Decode, Payload};
use crate::error::Malformed;
use crate::kind::Kind;
use crate::reader::Reader;
use crate::text::Text;
use crate::writer;

macro_rules! empty {
    ($($(#[$doc:meta])* $name:ident,)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name;

        impl Payload for $name {
            const KIND: Kind = Kind::$name;

            fn write(&self, out: &mut BytesMut) {
                writer::head(out, |_| ());
            }
        }

        impl Decode<'_> for $name {
            fn decode(payload: &[u8]) -> Result<Self, Malformed> {
                Reader::new(payload).head().map(|_| Self)
            }
        }
    )+};
}

empty! {
    /// Closes the link of the header. What a consumer has not settled is given back, unless its link said otherwise.
    Close,
    /// The answer to CLOSE: the link's number may be used again.
    Closed,
    /// Ends the CALL whose request the header bears. The CALL is answered with a fault, or with its reply where that was
    /// on its way already.
    Cancel,
    /// Asks whether the peer lives.
    Ping,
    /// The answer to PING, with its request.
    Pong,
}

/// Why the broker ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The broker stops. Also what an unknown reason is read as.
    Stopping,
    /// The queues and topics are served at the address now.
    Moved,
    /// The broker has as many connections as it takes, and another one gets the seat of this one, which was idle.
    Overloaded,
}

impl Reason {
    const fn number(self) -> u8 {
        match self {
            Self::Stopping => 0,
            Self::Moved => 1,
            // 2 is reserved.
            Self::Overloaded => 3,
        }
    }

    const fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Moved,
            3 => Self::Overloaded,
            _ => Self::Stopping,
        }
    }
}

/// The broker will end the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoAway<'a> {
    /// Why.
    pub reason: Reason,
    /// How long the connection stays open for answers and settlements, in milliseconds.
    pub grace_ms: u32,
    /// Where to connect instead, `host:port`; empty for any other address that the client knows, or this one later.
    pub address: Text<'a>,
}

impl Payload for GoAway<'_> {
    const KIND: Kind = Kind::GoAway;

    fn write(&self, out: &mut BytesMut) {
        writer::head(out, |out| {
            out.put_u8(self.reason.number());
            out.put_u32_le(self.grace_ms);
            writer::text(out, self.address);
        });
    }
}

impl<'a> Decode<'a> for GoAway<'a> {
    fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut head = Reader::new(payload).head()?;
        Ok(Self {
            reason: Reason::from_number(head.u8_or("reason", 0)?),
            grace_ms: head.u32_or("grace", 0)?,
            address: head.text_or_empty("address")?,
        })
    }
}

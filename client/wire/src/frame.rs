//! A frame, and what it is to the side that receives it.

use bytes::Bytes;

use crate::error::DecodeError;
use crate::header::Header;
use crate::kind::Kind;
use crate::number::Address;
use crate::payload::{
    Call, Cancel, Challenge, Close, Closed, ConsumerOpened, Credit, Decode, Deliver, Fault, GetHandle, GoAway, Handle,
    Hello, OpenConsumer, OpenProducer, OtherProtocol, Ping, Pong, ProducerOpened, Prove, Ready, Reply, SendMessages,
    Sent, Settle, Settled,
};

/// A frame whose header is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is and where it belongs.
    pub header: Header,
    /// Its payload: a slice of the buffer that it was read into, which stays in memory as long as one slice of it does.
    pub payload: Bytes,
}

impl Frame {
    /// Where it belongs.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.header.address
    }

    /// A part of the payload that was read in place, such as a body, as bytes that are not copied.
    ///
    /// # Panics
    /// Where `part` is no part of the payload.
    #[must_use]
    pub fn share(&self, part: &[u8]) -> Bytes {
        self.payload.slice_ref(part)
    }

    fn read<'a, T: Decode<'a>>(&'a self) -> Result<T, DecodeError> {
        T::decode(&self.payload).map_err(|malformed| DecodeError::Malformed { header: self.header, malformed })
    }

    fn unexpected<T>(&self) -> Result<T, DecodeError> {
        Err(DecodeError::UnexpectedFrame { header: self.header })
    }
}

/// A frame that a client sent, read in place.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is documented where its payload is")]
pub enum FromClient<'a> {
    Hello(Hello<'a>),
    Prove(Prove),
    OpenProducer(OpenProducer<'a>),
    OpenConsumer(OpenConsumer<'a>),
    Close(Close),
    Send(SendMessages<'a>),
    Credit(Credit),
    Settle(Settle<'a>),
    GetHandle(GetHandle),
    Call(Call<'a>),
    Cancel(Cancel),
    Ping(Ping),
    Pong(Pong),
}

impl<'a> FromClient<'a> {
    /// Reads a whole payload: the parts of one that was cut go through [`crate::Assembler`] first.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedFrame`] for a kind that a client does not send, [`DecodeError::BadMagic`] and
    /// [`DecodeError::MajorVersion`] for a HELLO of another protocol, [`DecodeError::Malformed`] for the rest.
    pub fn decode(frame: &'a Frame) -> Result<Self, DecodeError> {
        match frame.header.kind {
            Kind::Hello => {
                Hello::check_version(&frame.payload).map_err(|other| match other {
                    OtherProtocol::Magic => DecodeError::BadMagic,
                    OtherProtocol::Major(major) => DecodeError::MajorVersion { major },
                })?;
                frame.read().map(Self::Hello)
            }
            Kind::Prove => frame.read().map(Self::Prove),
            Kind::OpenProducer => frame.read().map(Self::OpenProducer),
            Kind::OpenConsumer => frame.read().map(Self::OpenConsumer),
            Kind::Close => frame.read().map(Self::Close),
            Kind::Send => frame.read().map(Self::Send),
            Kind::Credit => frame.read().map(Self::Credit),
            Kind::Settle => frame.read().map(Self::Settle),
            Kind::GetHandle => frame.read().map(Self::GetHandle),
            Kind::Call => frame.read().map(Self::Call),
            Kind::Cancel => frame.read().map(Self::Cancel),
            Kind::Ping => frame.read().map(Self::Ping),
            Kind::Pong => frame.read().map(Self::Pong),
            Kind::Challenge
            | Kind::Ready
            | Kind::ProducerOpened
            | Kind::ConsumerOpened
            | Kind::Closed
            | Kind::Sent
            | Kind::Deliver
            | Kind::Settled
            | Kind::Handle
            | Kind::Reply
            | Kind::GoAway
            | Kind::Fault => frame.unexpected(),
        }
    }
}

/// A frame that a broker sent, read in place.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is documented where its payload is")]
pub enum FromBroker<'a> {
    Challenge(Challenge<'a>),
    Ready(Ready<'a>),
    ProducerOpened(ProducerOpened<'a>),
    ConsumerOpened(ConsumerOpened<'a>),
    Closed(Closed),
    Sent(Sent<'a>),
    Deliver(Deliver<'a>),
    Settled(Settled<'a>),
    Handle(Handle<'a>),
    Reply(Reply<'a>),
    Ping(Ping),
    Pong(Pong),
    GoAway(GoAway<'a>),
    Fault(Fault<'a>),
}

impl<'a> FromBroker<'a> {
    /// Reads a whole payload: the parts of one that was cut go through [`crate::Assembler`] first.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedFrame`] for a kind that a broker does not send, [`DecodeError::Malformed`] for the rest.
    pub fn decode(frame: &'a Frame) -> Result<Self, DecodeError> {
        match frame.header.kind {
            Kind::Challenge => frame.read().map(Self::Challenge),
            Kind::Ready => frame.read().map(Self::Ready),
            Kind::ProducerOpened => frame.read().map(Self::ProducerOpened),
            Kind::ConsumerOpened => frame.read().map(Self::ConsumerOpened),
            Kind::Closed => frame.read().map(Self::Closed),
            Kind::Sent => frame.read().map(Self::Sent),
            Kind::Deliver => frame.read().map(Self::Deliver),
            Kind::Settled => frame.read().map(Self::Settled),
            Kind::Handle => frame.read().map(Self::Handle),
            Kind::Reply => frame.read().map(Self::Reply),
            Kind::Ping => frame.read().map(Self::Ping),
            Kind::Pong => frame.read().map(Self::Pong),
            Kind::GoAway => frame.read().map(Self::GoAway),
            Kind::Fault => frame.read().map(Self::Fault),
            Kind::Hello
            | Kind::Prove
            | Kind::OpenProducer
            | Kind::OpenConsumer
            | Kind::Close
            | Kind::Send
            | Kind::Credit
            | Kind::Settle
            | Kind::GetHandle
            | Kind::Call
            | Kind::Cancel => frame.unexpected(),
        }
    }
}

//! HELLO, CHALLENGE, PROVE and READY: versions, limits, and the proofs that both sides know the secret.

use bytes::{BufMut as _, BytesMut};

use super::{Decode, Payload};
use crate::error::{Malformed, Problem};
use crate::kind::Kind;
use crate::limits::ADDRESSES_MAX;
use crate::list::{Item, ItemHead, List};
use crate::proof::Proof;
use crate::reader::{Head, Reader};
use crate::text::Text;
use crate::writer;

/// The first four bytes of a HELLO.
pub const MAGIC: [u8; 4] = *b"PSTH";
/// The major version: behind another one nothing but the magic is the same.
pub const MAJOR: u8 = 1;
/// The newest minor version of this crate.
pub const MINOR: u8 = 0;
/// The bytes of a nonce.
pub const NONCE_BYTES: usize = 32;

/// The minor versions that a client speaks, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minors {
    min: u8,
    max: u8,
}

impl Minors {
    /// Those of this crate.
    pub const SUPPORTED: Self = Self { min: 0, max: MINOR };

    /// From `min` to `max`; `None` where there are none between.
    #[must_use]
    pub const fn new(min: u8, max: u8) -> Option<Self> {
        if min <= max { Some(Self { min, max }) } else { None }
    }

    /// The newest one that both sides speak.
    #[must_use]
    pub fn newest_in_common(self, other: Self) -> Option<u8> {
        let newest = self.max.min(other.max);
        (newest >= self.min && newest >= other.min).then_some(newest)
    }
}

/// Optional parts of the protocol, a bit each. Version 1.0 has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features(u64);

impl Features {
    /// Those of this crate.
    pub const SUPPORTED: Self = Self(0);

    /// From the bits.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Those that both sides have.
    #[must_use]
    pub const fn in_common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// Who a side is, for logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Software<'a> {
    /// The name of the program or the library.
    pub name: Text<'a>,
    /// Its version.
    pub version: Text<'a>,
}

/// The client's first frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello<'a> {
    /// The minor versions that the client speaks.
    pub minors: Minors,
    /// The features that the client has.
    pub features: Features,
    /// Random bytes, fresh for this connection.
    pub nonce: [u8; NONCE_BYTES],
    /// The region whose queues and topics are meant; empty for the broker's own.
    pub region: Text<'a>,
    /// The access key; empty where the client has none.
    pub access_key_id: Text<'a>,
    /// The client.
    pub software: Software<'a>,
}

impl Payload for Hello<'_> {
    const KIND: Kind = Kind::Hello;

    fn write(&self, out: &mut BytesMut) {
        out.put_slice(&MAGIC);
        out.put_u8(MAJOR);
        writer::head(out, |out| {
            out.put_u8(self.minors.min);
            out.put_u8(self.minors.max);
            out.put_u64_le(self.features.0);
            out.put_slice(&self.nonce);
            writer::text(out, self.region);
            writer::text(out, self.access_key_id);
            write_software(out, &self.software);
        });
    }
}

/// What [`Hello::check_version`] finds in the first bytes of a HELLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OtherProtocol {
    Magic,
    Major(u8),
}

impl Hello<'_> {
    /// Judges the bytes that no version changes.
    pub(crate) fn check_version(payload: &[u8]) -> Result<(), OtherProtocol> {
        match payload.split_first_chunk() {
            Some((&MAGIC, [MAJOR, ..])) => Ok(()),
            Some((&MAGIC, [major, ..])) => Err(OtherProtocol::Major(*major)),
            Some((&MAGIC, [])) | Some(_) | None => Err(OtherProtocol::Magic),
        }
    }
}

impl<'a> Decode<'a> for Hello<'a> {
    fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        reader.take(MAGIC.len() + 1, "magic")?;
        let mut head = reader.head()?;
        let (min, max) = (head.u8("minor min")?, head.u8("minor max")?);
        Ok(Self {
            minors: Minors::new(min, max).ok_or(Malformed::new("minor max", Problem::Value))?,
            features: Features(head.u64("features")?),
            nonce: head.array("nonce")?,
            region: head.text_or_empty("region")?,
            access_key_id: head.text_or_empty("access key id")?,
            software: read_software(&mut head)?,
        })
    }
}

/// Whether the client has to prove that it knows a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// The broker has users.
    Required,
    /// It has none: both proofs are absent.
    None,
}

const AUTHENTICATION_REQUIRED: u8 = 1;

/// What a connection may hold; set by the broker's operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Bytes of a payload that is cut into several frames.
    pub payload_bytes: u32,
    /// Links that are open at once.
    pub links: u16,
    /// Requests without an answer.
    pub requests: u32,
}

/// The broker's answer to HELLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge<'a> {
    /// The minor version that the connection goes on with.
    pub minor: u8,
    /// Whether a proof is needed.
    pub authentication: Authentication,
    /// The features that both sides have.
    pub features: Features,
    /// Random bytes, fresh for this connection.
    pub nonce: [u8; NONCE_BYTES],
    /// The identity of the broker's log: another one means other queues and no memory of producers.
    pub log_identity: [u8; 16],
    /// A side that has sent nothing for this time sends a PING.
    pub heartbeat_ms: u32,
    /// What the connection may hold.
    pub limits: ConnectionLimits,
    /// The broker.
    pub software: Software<'a>,
}

impl Payload for Challenge<'_> {
    const KIND: Kind = Kind::Challenge;

    fn write(&self, out: &mut BytesMut) {
        writer::head(out, |out| {
            out.put_u8(self.minor);
            out.put_u8(writer::bit(self.authentication == Authentication::Required, AUTHENTICATION_REQUIRED));
            out.put_u64_le(self.features.0);
            out.put_slice(&self.nonce);
            out.put_slice(&self.log_identity);
            out.put_u32_le(self.heartbeat_ms);
            out.put_u32_le(self.limits.payload_bytes);
            out.put_u16_le(self.limits.links);
            out.put_u32_le(self.limits.requests);
            write_software(out, &self.software);
        });
    }
}

impl<'a> Decode<'a> for Challenge<'a> {
    fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut head = Reader::new(payload).head()?;
        let minor = head.u8("minor")?;
        let flags = head.u8("flags")?;
        Ok(Self {
            minor,
            authentication: if flags & AUTHENTICATION_REQUIRED != 0 {
                Authentication::Required
            } else {
                Authentication::None
            },
            features: Features(head.u64("features")?),
            nonce: head.array("nonce")?,
            log_identity: head.array("log identity")?,
            heartbeat_ms: head.u32("heartbeat")?,
            limits: ConnectionLimits {
                payload_bytes: head.u32("payload bytes")?,
                links: head.u16("links")?,
                requests: head.u32("requests")?,
            },
            software: read_software(&mut head)?,
        })
    }
}

/// The client's proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prove {
    /// The proof; `None` where the broker has no users or the client no secret.
    pub proof: Option<Proof>,
}

impl Payload for Prove {
    const KIND: Kind = Kind::Prove;

    fn write(&self, out: &mut BytesMut) {
        writer::head(out, |out| write_proof(out, self.proof.as_ref()));
    }
}

impl Decode<'_> for Prove {
    fn decode(payload: &[u8]) -> Result<Self, Malformed> {
        Ok(Self { proof: read_proof(&mut Reader::new(payload).head()?)? })
    }
}

/// The broker's proof; the connection is open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ready<'a> {
    /// The proof; `None` where the broker has no users.
    pub proof: Option<Proof>,
    /// The account that the connection works in.
    pub account: Text<'a>,
    /// The name of the user; empty where the broker has no users.
    pub user: Text<'a>,
    /// Other addresses, `host:port`, at which the same queues and topics are reached.
    pub addresses: List<'a, MemberAddress<'a>>,
}

/// An address at which the same queues and topics are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberAddress<'a> {
    /// `host:port`
    pub address: Text<'a>,
}

impl<'a> Item<'a> for MemberAddress<'a> {
    fn read(head: &mut ItemHead<'a>) -> Result<Self, Malformed> {
        Ok(Self { address: head.0.text("address")? })
    }

    fn write(&self, out: &mut BytesMut) {
        writer::text(out, self.address);
    }
}

impl Payload for Ready<'_> {
    const KIND: Kind = Kind::Ready;

    fn write(&self, out: &mut BytesMut) {
        writer::head(out, |out| {
            write_proof(out, self.proof.as_ref());
            writer::text(out, self.account);
            writer::text(out, self.user);
            out.put_u16_le(self.addresses.count());
        });
        self.addresses.write(out);
    }
}

impl<'a> Decode<'a> for Ready<'a> {
    fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        let mut head = reader.head()?;
        let proof = read_proof(&mut head)?;
        let (account, user) = (head.text_or_empty("account")?, head.text_or_empty("user")?);
        let addresses = head.u16_or("addresses", 0)?;
        if addresses > ADDRESSES_MAX {
            return Err(Malformed::new("addresses", Problem::TooLong));
        }
        Ok(Self { proof, account, user, addresses: List::read(&mut reader, addresses)? })
    }
}

/// A byte that says how long the proof is, 0 or 32, and the proof.
fn write_proof(out: &mut BytesMut, proof: Option<&Proof>) {
    match proof {
        Some(proof) => {
            out.put_u8(32);
            out.put_slice(proof.as_bytes());
        }
        None => out.put_u8(0),
    }
}

fn read_proof(head: &mut Head<'_>) -> Result<Option<Proof>, Malformed> {
    match head.u8("proof")? {
        0 => Ok(None),
        32 => Ok(Some(Proof::from_bytes(head.array("proof")?))),
        _ => Err(Malformed::new("proof", Problem::Value)),
    }
}

fn write_software(out: &mut BytesMut, software: &Software<'_>) {
    writer::text(out, software.name);
    writer::text(out, software.version);
}

fn read_software<'a>(head: &mut Head<'a>) -> Result<Software<'a>, Malformed> {
    Ok(Software { name: head.text_or_empty("name")?, version: head.text_or_empty("version")? })
}

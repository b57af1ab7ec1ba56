//! Why bytes are not a frame. The errors carry facts; [`DecodeError::fault_code`] is what the peer is answered with.

use core::fmt;

use crate::fault_code::FaultCode;
use crate::header::Header;
use crate::kind::Kind;

/// A payload that is not what its kind says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The field, by its name in `docs/protocol.md`.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The payload, the head or the entry ends before the field does.
    Short,
    /// A text is not UTF-8.
    NotUtf8,
    /// A text or a list is longer than the protocol allows.
    TooLong,
    /// A value that the protocol does not allow.
    Value,
}

impl Malformed {
    pub(crate) const fn new(field: &'static str, problem: Problem) -> Self {
        Self { field, problem }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self.problem {
            Problem::Short => "ends early",
            Problem::NotUtf8 => "is not UTF-8",
            Problem::TooLong => "is too long",
            Problem::Value => "has a value that is not allowed",
        };
        write!(f, "the field `{}` {problem}", self.field)
    }
}

impl core::error::Error for Malformed {}

/// Why the bytes of a connection are refused. Behind each of them the connection cannot go on, but for
/// [`DecodeError::UnexpectedFrame`] and [`DecodeError::Malformed`], whose frame ends where its header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// A header announces a longer payload than is allowed now.
    FrameTooLong {
        /// Bytes of the payload.
        length: u32,
        /// How many are allowed.
        max: u32,
    },
    /// A kind that this side does not know and that may not be skipped.
    UnknownKind {
        /// The kind's number.
        kind: u8,
        /// The link in the header.
        link: u16,
        /// The request in the header.
        request: u32,
    },
    /// A header has a flag that the protocol does not define, or that its kind may not have.
    UnknownFlags {
        /// All flags.
        flags: u8,
    },
    /// The check of a frame is wrong.
    Checksum {
        /// The one in the header.
        found: u32,
        /// The one of the bytes.
        computed: u32,
    },
    /// A frame without a check, where each frame needs one.
    ChecksumMissing,
    /// The first four bytes of a HELLO are not the protocol's name.
    BadMagic,
    /// A HELLO of a major version that this side does not speak.
    MajorVersion {
        /// The version.
        major: u8,
    },
    /// The parts of a payload are longer together than is allowed.
    PayloadTooLong {
        /// How many bytes are allowed.
        max: usize,
    },
    /// Parts of more payloads than one are open in the same link, or a part follows that belongs to none.
    PartOutOfPlace {
        /// The header of the frame.
        header: Header,
    },
    /// A kind that the other side sends, or that is not allowed in this state.
    UnexpectedFrame {
        /// The header of the frame.
        header: Header,
    },
    /// A payload that is not what its kind says.
    Malformed {
        /// The header of the frame.
        header: Header,
        /// What is wrong.
        malformed: Malformed,
    },
}

impl DecodeError {
    /// The code that the peer is answered with.
    #[must_use]
    pub const fn fault_code(&self) -> FaultCode {
        match self {
            Self::FrameTooLong { .. } => FaultCode::FrameTooLong,
            Self::UnknownKind { .. } => FaultCode::UnknownKind,
            Self::UnknownFlags { .. } | Self::PartOutOfPlace { .. } | Self::Malformed { .. } => FaultCode::Malformed,
            Self::Checksum { .. } | Self::ChecksumMissing => FaultCode::Checksum,
            Self::BadMagic => FaultCode::BadMagic,
            Self::MajorVersion { .. } => FaultCode::Version,
            Self::PayloadTooLong { .. } => FaultCode::PayloadTooLong,
            Self::UnexpectedFrame { .. } => FaultCode::UnexpectedFrame,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FrameTooLong { length, max } => {
                write!(f, "a frame announces {length} bytes of payload, and {max} are allowed")
            }
            Self::UnknownKind { kind, .. } => write!(f, "a frame has the unknown kind {kind:#04x}"),
            Self::UnknownFlags { flags } => {
                write!(f, "a frame has the flags {flags:#04x}, not all of which are allowed")
            }
            Self::Checksum { found, computed } => {
                write!(f, "the check of a frame is {found:#010x}, and that of its bytes {computed:#010x}")
            }
            Self::ChecksumMissing => f.write_str("a frame has no check"),
            Self::BadMagic => f.write_str("a HELLO does not start with the protocol's name"),
            Self::MajorVersion { major } => write!(f, "a HELLO is of the unknown major version {major}"),
            Self::PayloadTooLong { max } => write!(f, "the parts of a payload are longer than {max} bytes together"),
            Self::PartOutOfPlace { header } => {
                write!(f, "a {} is a part of a payload that it does not belong to", header.kind)
            }
            Self::UnexpectedFrame { header } => write!(f, "a {} is not allowed here", header.kind),
            Self::Malformed { header: Header { kind, .. }, malformed } => write_malformed(f, *kind, *malformed),
        }
    }
}

fn write_malformed(f: &mut fmt::Formatter<'_>, kind: Kind, malformed: Malformed) -> fmt::Result {
    write!(f, "{kind}: {malformed}")
}

impl core::error::Error for DecodeError {}

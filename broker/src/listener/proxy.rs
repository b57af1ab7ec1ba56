//! The PROXY protocol, versions 1 and 2: a header with which a proxy begins each connection, and which says who the
//! client is. (HAProxy, "The PROXY protocol", revision 2024/04.)
//!
//! ```text
//! 1   PROXY TCP4 198.51.100.1 203.0.113.1 51234 9324\r\n
//! 2   \r\n\r\n\0\r\nQUIT\n  version|command  family|transport  length(2)  source  destination  ports  TLVs
//! ```
//!
//! The header counts only on connections from the addresses that the operator names, and there it must be the first that
//! arrives. On any other connection it is not looked for, so that no client can say who it is.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::str::FromStr;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// The longest header of version 1, as its specification says.
const LINE_BYTES_MAX: usize = 107;
/// The longest header of version 2 that is read behind its first 16 bytes. The addresses take 36; the rest is TLVs, of
/// which a load balancer adds some hundred bytes.
const PAYLOAD_BYTES_MAX: usize = 4096;
/// The shortest header: `PROXY UNKNOWN` and the end of the line.
const HEADER_BYTES_MIN: usize = 15;
/// The fixed part of version 2.
const FIXED_BYTES: usize = 16;
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const LINE_START: &[u8; 6] = b"PROXY ";

/// What the bytes at the beginning of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A part of a header, of which at least this many bytes are missing.
    Partial(usize),
    /// A whole header.
    Whole {
        /// The client, if the header names one. A proxy's own connection (a health check) and one of unknown origin
        /// have none.
        client: Option<SocketAddr>,
        /// How long the header is.
        bytes: usize,
    },
    /// No header.
    Malformed(Malformed),
}

/// Why bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// They begin as neither version does.
    Missing,
    /// A line of version 1 that does not end, or is not as specified.
    Line,
    /// A version, a command or a family of addresses that version 2 does not define, or addresses that are cut off.
    Binary,
    /// A header of version 2 that is longer than is read.
    TooLong,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "there is no PROXY header",
            Self::Line => "the PROXY line is malformed",
            Self::Binary => "the PROXY header is malformed",
            Self::TooLong => "the PROXY header is too long",
        })
    }
}

/// Reads a header from the first bytes of a connection, of which there may be too few or too many.
#[must_use]
pub fn parse(input: &[u8]) -> Parsed {
    if input.is_empty() {
        return Parsed::Partial(HEADER_BYTES_MIN);
    }
    let begins = |with: &[u8]| input.iter().zip(with).all(|(a, b)| a == b);
    if begins(SIGNATURE) {
        return parse_binary(input);
    }
    if begins(LINE_START) {
        return parse_line(input);
    }
    Parsed::Malformed(Malformed::Missing)
}

fn parse_line(input: &[u8]) -> Parsed {
    let head = &input[..input.len().min(LINE_BYTES_MAX)];
    let Some(end) = head.windows(2).position(|bytes| bytes == b"\r\n") else {
        if input.len() >= LINE_BYTES_MAX {
            return Parsed::Malformed(Malformed::Line);
        }
        let ending = if head.last() == Some(&b'\r') { 1 } else { 2 };
        return Parsed::Partial(
            ending.max(HEADER_BYTES_MIN.saturating_sub(input.len())).min(LINE_BYTES_MAX - input.len()),
        );
    };
    let bytes = end + 2;
    match std::str::from_utf8(&input[..end]).ok().and_then(client_of_line) {
        Some(client) => Parsed::Whole { client, bytes },
        None => Parsed::Malformed(Malformed::Line),
    }
}

/// The client that a line names, without its end. The outer `None` is for a line that is malformed.
fn client_of_line(line: &str) -> Option<Option<SocketAddr>> {
    let mut words = line.split(' ');
    let (_proxy, family) = (words.next()?, words.next()?);
    if family == "UNKNOWN" {
        // What follows is to be ignored.
        return Some(None);
    }
    let (source, destination) = (words.next()?, words.next()?);
    let (source_port, destination_port) = (port(words.next()?)?, port(words.next()?)?);
    if words.next().is_some() {
        return None;
    }
    fn address<A: FromStr>(text: &str) -> Option<A> {
        text.parse().ok()
    }
    let (source, destination): (SocketAddr, SocketAddr) = match family {
        "TCP4" => (
            SocketAddrV4::new(address(source)?, source_port).into(),
            SocketAddrV4::new(address(destination)?, destination_port).into(),
        ),
        "TCP6" => (
            SocketAddrV6::new(address(source)?, source_port, 0, 0).into(),
            SocketAddrV6::new(address(destination)?, destination_port, 0, 0).into(),
        ),
        _ => return None,
    };
    debug_assert_eq!(source.is_ipv4(), destination.is_ipv4());
    Some(Some(source))
}

/// Decimal digits without a sign or zeros in front.
fn port(text: &str) -> Option<u16> {
    let canonical = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| canonical)
}

fn parse_binary(input: &[u8]) -> Parsed {
    let Some((fixed, rest)) = input.split_first_chunk::<FIXED_BYTES>() else {
        return Parsed::Partial(FIXED_BYTES - input.len());
    };
    let [.., version_and_command, family, length_high, length_low] = *fixed;
    let length = usize::from(u16::from_be_bytes([length_high, length_low]));
    if length > PAYLOAD_BYTES_MAX {
        return Parsed::Malformed(Malformed::TooLong);
    }
    let Some(payload) = rest.get(..length) else { return Parsed::Partial(length - rest.len()) };
    let whole = |client| Parsed::Whole { client, bytes: FIXED_BYTES + length };
    match (version_and_command, family) {
        // LOCAL: the proxy's own connection. What follows is to be ignored.
        (0x20, _) => whole(None),
        // TCP over IPv4 and IPv6: source, destination, and the port of each.
        (0x21, 0x11) => match payload.first_chunk::<12>() {
            Some(&[a, b, c, d, _, _, _, _, high, low, _, _]) => {
                let client = SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low]));
                whole(Some(client.into()))
            }
            None => Parsed::Malformed(Malformed::Binary),
        },
        (0x21, 0x21) => match (payload.first_chunk::<16>(), payload.get(32..36)) {
            (Some(source), Some(&[high, low, _, _])) => {
                let client = SocketAddrV6::new(Ipv6Addr::from(*source), u16::from_be_bytes([high, low]), 0, 0);
                whole(Some(client.into()))
            }
            _ => Parsed::Malformed(Malformed::Binary),
        },
        // A client whose address the proxy does not know, or a Unix socket: it has none that counts here.
        (0x21, 0x00 | 0x31) => whole(None),
        _ => Parsed::Malformed(Malformed::Binary),
    }
}

/// Why a connection of a proxy is closed before its first request.
#[derive(Debug)]
pub(super) enum ProxyError {
    Malformed(Malformed),
    /// It broke off or failed.
    Io(io::Error),
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(malformed) => malformed.fmt(f),
            Self::Io(error) => error.fmt(f),
        }
    }
}

/// Reads the header, and no byte more. The client that it names, if it names one.
///
/// # Errors
/// [`ProxyError`]
pub(super) async fn read(stream: &mut TcpStream) -> Result<Option<SocketAddr>, ProxyError> {
    let mut input = Vec::with_capacity(LINE_BYTES_MAX);
    let mut missing = HEADER_BYTES_MIN;
    loop {
        let start = input.len();
        input.resize(start + missing, 0);
        stream.read_exact(&mut input[start..]).await.map_err(ProxyError::Io)?;
        match parse(&input) {
            Parsed::Partial(bytes) => missing = bytes,
            Parsed::Whole { client, bytes } => {
                debug_assert_eq!(bytes, input.len(), "no more is read than a header has at least");
                return Ok(client);
            }
            Parsed::Malformed(malformed) => return Err(ProxyError::Malformed(malformed)),
        }
    }
}

#[cfg(test)]
mod tests;

//! The client of the admin listener, for commands that ask the broker that runs.
//!
//! The admin listener is on the machine of the operator, so one connection without a pool and without TLS is enough.

use core::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long the broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of an answer: a page of a listing is well below it.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Why the broker did not do what was asked.
#[derive(Debug)]
pub enum AdminError {
    /// The admin listener cannot be reached, or its answer cannot be read.
    Io {
        /// Where it was expected.
        admin: SocketAddr,
        /// What went wrong.
        source: io::Error,
    },
    /// It refused.
    Refused {
        /// The status line's code.
        status: String,
        /// What it said.
        text: String,
    },
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { admin, source } if source.kind() == io::ErrorKind::ConnectionRefused => write!(
                f,
                "no broker listens on {admin}: start it, or name the address of its admin listener with --admin-listen"
            ),
            Self::Io { admin, source } => write!(f, "the admin listener at {admin}: {source}"),
            Self::Refused { status, text } => write!(f, "the broker answered {status}: {}", text.trim_end()),
        }
    }
}

impl std::error::Error for AdminError {}

/// An answer with the status 200.
pub(crate) struct Answer {
    /// Its body.
    pub(crate) text: String,
    headers: Vec<(String, String)>,
}

impl Answer {
    /// The value of a header, whose name is in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| &**value)
    }
}

/// Sends one request, `METHOD PATH` with a body, and reads the answer.
///
/// # Errors
/// [`AdminError`] for any other status than 200.
pub(crate) fn exchange(admin: SocketAddr, request: &str, body: &str) -> Result<Answer, AdminError> {
    let answer = send(reachable(admin), request, body).map_err(|source| AdminError::Io { admin, source })?;
    let malformed = || AdminError::Io { admin, source: io::ErrorKind::InvalidData.into() };
    let (head, text) = answer.split_once("\r\n\r\n").ok_or_else(malformed)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).ok_or_else(malformed)?;
    if status != "200" {
        return Err(AdminError::Refused { status: status.into(), text: text.into() });
    }
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    Ok(Answer { text: text.into(), headers: lines.filter_map(header).collect() })
}

fn send(admin: SocketAddr, request: &str, body: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&admin, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let length = body.len();
    // The answer to a request of HTTP/1.0 has its length, and ends with the connection.
    write!(stream, "{request} HTTP/1.0\r\nhost: {admin}\r\ncontent-length: {length}\r\n\r\n{body}")?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    Ok(answer)
}

/// The address to connect to: loopback for a listener on all addresses.
fn reachable(admin: SocketAddr) -> SocketAddr {
    let ip = match admin.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, admin.port())
}

//! `posthouse damaged list` and `posthouse damaged drop`: the client of the admin listener's `/damaged`.
//!
//! The admin listener is on the machine of the operator, so one connection without a pool and without TLS is enough.

use core::fmt;
use std::io::{self, Read as _, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use posthouse_model::operation::DamagedId;

use crate::listener::admin::NEXT;

/// How long the broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of an answer: a page of the listing is well below it.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Ids of one request.
const IDS_MAX: usize = posthouse_model::limits::DAMAGED_DROPPED_MAX;

/// Why a command failed.
#[derive(Debug)]
pub enum DamagedError {
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
    /// Some ids name no damaged message.
    Unknown(Vec<DamagedId>),
}

impl fmt::Display for DamagedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { admin, source } => write!(f, "the admin listener at {admin}: {source}"),
            Self::Refused { status, text } => write!(f, "the broker answered {status}: {}", text.trim_end()),
            Self::Unknown(ids) => {
                f.write_str("no damaged message has the id")?;
                ids.iter().try_for_each(|id| write!(f, " {id}"))
            }
        }
    }
}

impl std::error::Error for DamagedError {}

/// Prints all damaged messages, one a line, under a line that names the fields.
///
/// # Errors
/// [`DamagedError`] if the broker does not answer with them.
pub fn list(admin: SocketAddr, out: &mut impl Write) -> Result<(), DamagedError> {
    let failed = |source| DamagedError::Io { admin, source };
    let mut path = "/damaged".to_owned();
    let mut headings = 0;
    loop {
        let answer = exchange(admin, &format!("GET {path}"), "")?;
        // The further pages repeat the line with the names.
        let mut lines = answer.text.split_inclusive('\n').skip(headings);
        lines.try_for_each(|line| out.write_all(line.as_bytes())).map_err(failed)?;
        headings = 1;
        match answer.next {
            Some(next) => path = format!("/damaged?after={next}"),
            None => return out.flush().map_err(failed),
        }
    }
}

/// Drops damaged messages, and prints the ids of those that were dropped.
///
/// # Errors
/// [`DamagedError`] if the broker does not drop all of them. The others are dropped.
pub fn drop_all(admin: SocketAddr, ids: &[DamagedId], out: &mut impl Write) -> Result<(), DamagedError> {
    let mut unknown = Vec::new();
    for ids in ids.chunks(IDS_MAX) {
        let body: String = ids.iter().map(|id| format!("{id}\n")).collect();
        let answer = exchange(admin, "DELETE /damaged", &body)?;
        out.write_all(answer.text.as_bytes()).map_err(|source| DamagedError::Io { admin, source })?;
        let dropped: Vec<&str> = answer.text.lines().collect();
        unknown.extend(ids.iter().filter(|id| !dropped.contains(&&*id.to_string())));
    }
    if unknown.is_empty() { Ok(()) } else { Err(DamagedError::Unknown(unknown)) }
}

struct Answer {
    text: String,
    /// The header that names the next page.
    next: Option<String>,
}

/// Sends one request, `METHOD PATH` with a body, and reads the answer.
fn exchange(admin: SocketAddr, request: &str, body: &str) -> Result<Answer, DamagedError> {
    let answer = send(reachable(admin), request, body).map_err(|source| DamagedError::Io { admin, source })?;
    let malformed = || DamagedError::Io { admin, source: io::ErrorKind::InvalidData.into() };
    let (head, text) = answer.split_once("\r\n\r\n").ok_or_else(malformed)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).ok_or_else(malformed)?;
    let mut headers = lines.filter_map(|line| line.split_once(':'));
    let next = headers.find(|(name, _)| name.eq_ignore_ascii_case(NEXT.as_str())).map(|(_, value)| value.trim().into());
    if status == "200" {
        Ok(Answer { text: text.into(), next })
    } else {
        Err(DamagedError::Refused { status: status.into(), text: text.into() })
    }
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

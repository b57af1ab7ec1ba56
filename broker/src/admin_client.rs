//! The client of the admin listener, for commands that ask the broker that runs. [`AdminApi`] speaks JSON with the API below
//! `/v1`, and signs if it has a key.
//!
//! The admin listener is on the machine of the operator, so one connection without a pool is enough. Where it has TLS, the
//! command reads its certificate from the configuration, and trusts that one alone.

use core::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use posthouse_aws_client::sigv4::{CanonicalRequest, Credentials, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::configuration::Secret;

mod endpoint;

pub use endpoint::AdminEndpoint;

/// The service that requests to the admin API are signed for.
pub(crate) const SERVICE: &str = "posthouse";
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
    /// The admin API refused.
    Api {
        /// The code of its table, such as `not_found`.
        error: String,
        /// What to do.
        message: String,
    },
    /// The answer is longer than this client takes, or ended early.
    Cut {
        /// Bytes that came.
        received: usize,
        /// Bytes that it has.
        length: usize,
    },
    /// The answer of the admin API is not what this version of the client expects.
    Unexpected(serde_json::Error),
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { admin, source } if source.kind() == io::ErrorKind::ConnectionRefused => write!(
                f,
                "no broker listens on {admin}: start it, or name the address of its admin listener with --admin-listen"
            ),
            Self::Io { admin, source } => write!(f, "the admin listener at {admin}: {source}"),
            Self::Api { error, message } => write!(f, "the broker refused ({error}): {message}"),
            Self::Cut { received, length } => write!(
                f,
                "of an answer of {length} bytes {received} were read: ask for less at a time, or again if the connection \
                 broke"
            ),
            Self::Unexpected(error) => write!(
                f,
                "the broker's answer cannot be read: {error}. Is the command of another version than the broker?"
            ),
            Self::Refused { status, text } => write!(f, "the broker answered {status}: {}", text.trim_end()),
        }
    }
}

impl std::error::Error for AdminError {}

/// The key that requests are signed with.
#[derive(Clone, Debug)]
pub struct AccessKey {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: Secret,
}

/// The admin API of one broker.
#[derive(Clone, Debug)]
pub struct AdminApi {
    admin: AdminEndpoint,
    key: Option<AccessKey>,
}

/// The body of a refusal.
#[derive(Deserialize)]
struct Refusal {
    error: String,
    message: String,
}

impl AdminApi {
    /// The API of the broker whose admin listener is at this address. Where the broker has users, it takes a key of one with
    /// a role.
    #[must_use]
    pub fn new(admin: impl Into<AdminEndpoint>, key: Option<AccessKey>) -> Self {
        Self { admin: admin.into(), key }
    }

    /// Reads `target`, path and query as the request line has them.
    ///
    /// # Errors
    /// [`AdminError`]
    pub fn get<T: DeserializeOwned>(&self, target: &str) -> Result<T, AdminError> {
        self.exchange("GET", target, &[])
    }

    /// Sends a body to `target`.
    ///
    /// # Errors
    /// [`AdminError`]
    pub fn post<B: Serialize, T: DeserializeOwned>(&self, target: &str, body: &B) -> Result<T, AdminError> {
        self.exchange("POST", target, &serde_json::to_vec(body).map_err(AdminError::Unexpected)?)
    }

    /// Deletes `target`.
    ///
    /// # Errors
    /// [`AdminError`]
    pub fn delete<T: DeserializeOwned>(&self, target: &str) -> Result<T, AdminError> {
        self.exchange("DELETE", target, &[])
    }

    fn exchange<T: DeserializeOwned>(&self, method: &str, target: &str, body: &[u8]) -> Result<T, AdminError> {
        let admin = self.admin.address();
        let mut headers = vec![("content-type", "application/json".to_owned())];
        if let Some(key) = &self.key {
            headers.extend(signature(key, (method, target), admin, body));
        }
        let answer = exchange_raw(&self.admin, &format!("{method} {target}"), &headers, body)?;
        if answer.status.starts_with('2') {
            return serde_json::from_str(&answer.text).map_err(AdminError::Unexpected);
        }
        Err(match serde_json::from_str(&answer.text) {
            Ok(Refusal { error, message }) => AdminError::Api { error, message },
            Err(_) => AdminError::Refused { status: answer.status, text: answer.text },
        })
    }
}

/// The headers of a signature that covers the request and its host.
fn signature(
    key: &AccessKey,
    (method, target): (&str, &str),
    admin: SocketAddr,
    body: &[u8],
) -> [(&'static str, String); 2] {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (at, host) = (Timestamp::from_unix_seconds(now), admin.to_string());
    let credentials = Credentials {
        access_key_id: key.id.clone(),
        secret: key.secret.expose().to_owned(),
        region: "us-east-1".to_owned(),
        service: SERVICE,
    };
    let signed = [("host", host.as_str()), ("x-amz-date", at.as_str())];
    let request = CanonicalRequest::new(method, target).headers(signed).body(body);
    [("x-amz-date", at.as_str().to_owned()), ("authorization", credentials.authorization(&request, &at))]
}

/// An answer.
pub(crate) struct Answer {
    status: String,
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

/// Sends one request, `METHOD PATH` with a body, signed if the endpoint has a key, and reads the answer.
///
/// # Errors
/// [`AdminError`] for any other status than 200.
pub(crate) fn exchange(admin: &AdminEndpoint, request: &str, body: &str) -> Result<Answer, AdminError> {
    let request_line = request.split_once(' ').unwrap_or((request, ""));
    let key = admin.key();
    let headers = key.map(|key| signature(key, request_line, admin.address(), body.as_bytes()));
    let answer =
        exchange_raw(admin, request, headers.as_ref().map_or(&[][..], |headers| headers.as_slice()), body.as_bytes())?;
    if answer.status == "200" {
        return Ok(answer);
    }
    Err(AdminError::Refused { status: answer.status, text: answer.text })
}

fn exchange_raw(
    endpoint: &AdminEndpoint,
    request: &str,
    headers: &[(&str, String)],
    body: &[u8],
) -> Result<Answer, AdminError> {
    let admin = endpoint.address();
    let answer = send(endpoint, request, headers, body).map_err(|source| AdminError::Io { admin, source })?;
    let malformed = || AdminError::Io { admin, source: io::ErrorKind::InvalidData.into() };
    let (head, text) = answer.split_once("\r\n\r\n").ok_or_else(malformed)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).ok_or_else(malformed)?;
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers: Vec<(String, String)> = lines.filter_map(header).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, length)| length.parse().ok());
    if let Some(length) = length.filter(|length: &usize| *length != text.len()) {
        return Err(AdminError::Cut { received: text.len(), length });
    }
    Ok(Answer { status: status.into(), text: text.into(), headers })
}

fn send(endpoint: &AdminEndpoint, request: &str, headers: &[(&str, String)], body: &[u8]) -> io::Result<String> {
    let mut stream = endpoint.connect(PATIENCE)?;
    let admin = endpoint.address();
    let length = body.len();
    // The answer to a request of HTTP/1.0 has its length, and ends with the connection.
    let mut head = format!("{request} HTTP/1.0\r\nhost: {admin}\r\ncontent-length: {length}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(&[head.as_bytes(), b"\r\n", body].concat())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    // An answer at the limit may end within a character.
    Ok(String::from_utf8(answer).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

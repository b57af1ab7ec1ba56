//! The framing of HTTP/1.1 responses, as pure functions over what has been read: RFC 9112, sections 4 to 7.
//!
//! Limits: a head has [`HEAD_BYTES_MAX`] bytes and [`HEADERS_MAX`] headers, the line of a chunk [`CHUNK_LINE_BYTES_MAX`].

use httparse::{EMPTY_HEADER, Header, Status};

use crate::target::Failure;

/// The longest head, and the longest trailers.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// The most headers of a response.
const HEADERS_MAX: usize = 100;
/// The longest line with the size of a chunk.
const CHUNK_LINE_BYTES_MAX: usize = 4 * 1024;

/// What matters of the head of a response.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ResponseHead {
    /// The status code.
    pub(super) status: u16,
    /// Where the body ends.
    pub(super) end: End,
    /// Whether the server closes the connection after this response.
    pub(super) is_last: bool,
}

/// Where a body ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// After so many bytes.
    Length(u64),
    /// With its last chunk.
    Chunks,
    /// Where the connection ends.
    Close,
}

impl ResponseHead {
    /// Parses a head, and says how many bytes it has. `None` if it is not whole.
    ///
    /// # Errors
    /// [`Failure::Malformed`].
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Failure> {
        let mut headers = [EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        let Status::Complete(length) = response.parse(bytes).map_err(|error| malformed(&error))? else {
            return if bytes.len() > HEAD_BYTES_MAX { Err(too_long("a head")) } else { Ok(None) };
        };
        let status = response.code.expect("it is complete");
        let framing = Framing::of(response.headers)?;
        let (end, is_framed) = match framing {
            _ if matches!(status, 100..200 | 204 | 304) => (End::Length(0), true),
            Framing { is_chunked: true, .. } => (End::Chunks, true),
            Framing { length: Some(length), is_encoded: false, .. } => (End::Length(length), true),
            Framing { .. } => (End::Close, false),
        };
        let is_persistent = framing.persistence.unwrap_or(response.version == Some(1));
        Ok(Some((Self { status, end, is_last: !(is_framed && is_persistent) }, length)))
    }

    /// Whether another head follows, that of the response.
    pub(super) const fn is_interim(&self) -> bool {
        matches!(self.status, 100..200)
    }
}

/// What the headers say of a body and a connection.
#[derive(Clone, Copy, Default)]
struct Framing {
    length: Option<u64>,
    /// Whether there is a transfer coding, so that no length counts.
    is_encoded: bool,
    /// Whether the last transfer coding is `chunked`.
    is_chunked: bool,
    /// Whether the connection stays open; `None` if the version says.
    persistence: Option<bool>,
}

impl Framing {
    fn of(headers: &[Header<'_>]) -> Result<Self, Failure> {
        let mut framing = Self::default();
        for Header { name, value } in headers {
            if name.eq_ignore_ascii_case("content-length") {
                let length = parse_length(value)?;
                if framing.length.is_some_and(|before| before != length) {
                    return Err(Failure::Malformed("two lengths of one body".to_owned()));
                }
                framing.length = Some(length);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                framing.is_encoded = true;
                framing.is_chunked =
                    options(value).last().is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked"));
            } else if name.eq_ignore_ascii_case("connection") {
                for option in options(value) {
                    if option.eq_ignore_ascii_case(b"close") {
                        framing.persistence = Some(false);
                    } else if option.eq_ignore_ascii_case(b"keep-alive") {
                        framing.persistence = Some(framing.persistence.unwrap_or(true));
                    }
                }
            }
        }
        Ok(framing)
    }
}

/// The members of a list.
fn options(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

fn parse_length(value: &[u8]) -> Result<u64, Failure> {
    let digits = str::from_utf8(value.trim_ascii()).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let length = digits.and_then(|digits| digits.parse().ok());
    length.ok_or_else(|| Failure::Malformed("a length of a body that is no number".to_owned()))
}

/// The beginning of a chunk.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    /// So many bytes follow, and the end of a line.
    Data(u64),
    /// The body has ended. The trailers belong to what was parsed.
    Last,
}

impl Chunk {
    /// Parses the beginning of a chunk, and says how many bytes it has. `None` if it is not whole.
    ///
    /// # Errors
    /// [`Failure::Malformed`].
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Failure> {
        let size = httparse::parse_chunk_size(bytes);
        let size = size.map_err(|_| Failure::Malformed("a chunk without a size".to_owned()))?;
        let Status::Complete((start, size)) = size else {
            return if bytes.len() > CHUNK_LINE_BYTES_MAX { Err(too_long("the line of a chunk")) } else { Ok(None) };
        };
        if size > 0 {
            return Ok(Some((Self::Data(size), start)));
        }
        let mut trailers = [EMPTY_HEADER; HEADERS_MAX];
        match httparse::parse_headers(&bytes[start..], &mut trailers).map_err(|error| malformed(&error))? {
            Status::Complete((length, _)) => Ok(Some((Self::Last, start + length))),
            Status::Partial if bytes.len() > HEAD_BYTES_MAX => Err(too_long("trailers")),
            Status::Partial => Ok(None),
        }
    }
}

fn malformed(error: &httparse::Error) -> Failure {
    Failure::Malformed(error.to_string())
}

fn too_long(what: &str) -> Failure {
    Failure::Malformed(format!("{what} of an answer that does not end"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_truncation_of_a_head_is_incomplete() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: Close\r\n\r\nabc";
        let whole = text.len() - 3;
        for length in 0..whole {
            assert_eq!(ResponseHead::parse(&text[..length]).expect("a beginning"), None, "{length}");
        }
        let head = ResponseHead { status: 200, end: End::Length(3), is_last: true };
        assert_eq!(ResponseHead::parse(text).expect("a head"), Some((head, whole)));
    }

    #[test]
    fn the_headers_say_where_a_body_ends_and_whether_the_connection_does() {
        let end = |headers: &str| {
            let text = format!("HTTP/1.{headers}\r\n\r\n");
            let (head, length) = ResponseHead::parse(text.as_bytes()).expect("a head").expect("whole");
            assert_eq!(length, text.len());
            (head.end, head.is_last)
        };
        assert_eq!(end("1 200 OK\r\nContent-Length: 7\r\nContent-Length: 7"), (End::Length(7), false));
        assert_eq!(end("1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: gzip, Chunked"), (End::Chunks, false));
        assert_eq!(end("1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: gzip"), (End::Close, true));
        assert_eq!(end("1 200 OK"), (End::Close, true));
        assert_eq!(end("1 204 No Content"), (End::Length(0), false));
        assert_eq!(end("1 100 Continue"), (End::Length(0), false));
        assert_eq!(end("0 200 OK\r\nContent-Length: 0"), (End::Length(0), true));
        assert_eq!(end("0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive"), (End::Length(0), false));
        assert_eq!(end("1 200 OK\r\nContent-Length: 0\r\nConnection: x, close, keep-alive"), (End::Length(0), true));
    }

    #[test]
    fn chunks_are_cut_anywhere() {
        let text = b"1f;name=value\r\n";
        for length in 0..text.len() {
            assert_eq!(Chunk::parse(&text[..length]).expect("a beginning"), None, "{length}");
        }
        assert_eq!(Chunk::parse(text).expect("a chunk"), Some((Chunk::Data(31), text.len())));
        let last = b"0\r\nTrailer: x\r\n\r\n";
        for length in 0..last.len() {
            assert_eq!(Chunk::parse(&last[..length]).expect("a beginning"), None, "{length}");
        }
        assert_eq!(Chunk::parse(last).expect("a chunk"), Some((Chunk::Last, last.len())));
    }
}

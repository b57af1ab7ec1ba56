//! What every AWS service of this crate needs, whatever it says: which protocol a request speaks, its signature, the
//! Query form, the two writers, the shape of an error.
//!
//! No action, no queue and no fault of the engine is named here: a service brings them in its
//! [`ServiceCodec`](service::ServiceCodec).

pub(crate) mod access_policy;
pub(crate) mod answer_size;
pub(crate) mod attribute;
pub(crate) mod browser;
pub(crate) mod fault;
pub(crate) mod form;
pub(crate) mod host;
pub(crate) mod input;
pub(crate) mod page_token;
pub(crate) mod public_url;
pub(crate) mod refusal;
pub mod response;
pub mod segments;
pub(crate) mod service;
pub mod sigv4;
pub(crate) mod text;
pub(crate) mod trace;
pub(crate) mod writer;

use core::fmt;

use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::request::Parts;

use form::Form;
pub use response::Response;

/// The name of a request in logs, traces and `x-amzn-RequestId`: a random UUID.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId([u8; 36]);

impl RequestId {
    /// From random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 16]) -> Self {
        let mut text = [0; 36];
        posthouse_model::MessageId::from_random(bytes).encode(&mut text);
        Self(text)
    }

    /// The 36 characters of the UUID.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).expect("a UUID's text is ASCII")
    }

    fn header(self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).expect("a UUID's text is a header value")
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a request is written, and so its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `application/x-amz-json-1.0`; the action is in `X-Amz-Target`.
    Json10,
    /// `application/x-amz-json-1.1`: the same, tolerated.
    Json11,
    /// A form in the body or the URL, answered in XML.
    Query,
    /// The same form, answered in JSON: what the XML holds, one object for an element.
    QueryJson,
}

impl Protocol {
    /// The protocol of a request. Whatever is not JSON is taken for Query, as AWS does. A request of Query is answered in
    /// JSON if one of the media types in its `Accept` is `application/json`.
    #[must_use]
    pub fn of(parts: &Parts) -> Self {
        let content_type = parts.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        let is = |media_type: &str| {
            content_type.get(..media_type.len()).is_some_and(|start| start.eq_ignore_ascii_case(media_type.as_bytes()))
        };
        if is("application/x-amz-json-1.0") {
            Self::Json10
        } else if is("application/x-amz-json-1.1") {
            Self::Json11
        } else if accepts_json(parts) {
            Self::QueryJson
        } else {
            Self::Query
        }
    }

    /// The protocol of a request with this form. `ContentType=JSON` asks as `Accept` does: boto 2 calls SNS so.
    #[must_use]
    pub(crate) fn with_form(self, form: &Form<'_>) -> Self {
        if self == Self::Query && form.get("ContentType") == Some("JSON") { Self::QueryJson } else { self }
    }

    /// The name for logs and metrics: `json` or `query`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json10 | Self::Json11 => "json",
            Self::Query | Self::QueryJson => "query",
        }
    }

    /// Whether requests and answers are AWS's JSON.
    #[must_use]
    pub const fn is_json(self) -> bool {
        matches!(self, Self::Json10 | Self::Json11)
    }

    /// Whether answers are JSON.
    #[must_use]
    pub const fn answers_in_json(self) -> bool {
        matches!(self, Self::Json10 | Self::Json11 | Self::QueryJson)
    }

    const fn content_type(self) -> HeaderValue {
        match self {
            Self::Json10 => HeaderValue::from_static("application/x-amz-json-1.0"),
            Self::Json11 => HeaderValue::from_static("application/x-amz-json-1.1"),
            Self::Query => HeaderValue::from_static("text/xml"),
            Self::QueryJson => HeaderValue::from_static("application/json"),
        }
    }
}

fn accepts_json(parts: &Parts) -> bool {
    let accepted = parts.headers.get_all(ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    let mut media_types = accepted.flat_map(|value| value.split(','));
    media_types.any(|range| range.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json"))
}

/// What one service's answers have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// The namespace of its XML.
    pub(crate) namespace: &'static str,
    /// Whether the items of a list or a map stand among the other members, or in an element of their own.
    pub(crate) flattened: bool,
    /// What stands in an XML error behind its message.
    pub(crate) error_detail: &'static str,
}

/// What a listener refuses before there is a request to decode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportFault {
    /// 413: the body is, or says it is, larger than this.
    BodyTooLarge {
        /// The listener's limit.
        limit_bytes: u64,
    },
    /// 413: the same of a request whose head shows no key of a user in time.
    UnsignedBodyTooLarge {
        /// The listener's limit for such requests.
        limit_bytes: u64,
    },
    /// 431: the headers are larger than the listener takes.
    HeadersTooLarge,
    /// 408: the request did not arrive within its deadline.
    TimedOut,
    /// 405: neither GET nor POST.
    MethodNotAllowed,
    /// 400: not HTTP, or a body that broke off; the text says what.
    BadRequest(&'static str),
    /// 503 with `Retry-After`: connections, memory or the inbox are at their limit, or the broker is stopping.
    Overloaded {
        /// When trying again makes sense.
        retry_after_seconds: u32,
    },
    /// 500: the broker failed at this request; its log says how.
    Internal,
}

//! The shape of an error in both protocols, and the faults that the protocols themselves know.
//!
//! A fault is a [`Row`] (codes, status, whose fault) and a message. The table of the engine's faults belongs to the
//! service; the one here is of what goes wrong before a service is asked.

use core::fmt;

use http::StatusCode;
use posthouse_model::Identity;
use posthouse_model::fault::{Denial, Grant, PolicyType};
use posthouse_model::identity::user_arn;

use super::response::QueryError;
use super::segments::Segments;
use super::sigv4::AuthFault;
use super::text::{Undecodable, escape_json, escape_xml};
use super::{Dialect, Protocol, RequestId, Response, TransportFault};

/// When to try again where a fault does not say.
const RETRY_AFTER_SECONDS: u32 = 1;

/// How one fault is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The `__type` of the JSON protocol, with its namespace.
    pub(crate) json_type: &'static str,
    /// The `Code` of the Query protocol, in JSON the first half of `x-amzn-query-error`.
    pub(crate) query_code: &'static str,
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// `Sender` or `Receiver`, the second half.
    pub(crate) sender: bool,
}

impl Row {
    /// A fault of the caller.
    pub(crate) const fn sender(json_type: &'static str, query_code: &'static str, status: StatusCode) -> Self {
        Self { json_type, query_code, status, sender: true }
    }

    /// A fault of the broker.
    pub(crate) const fn receiver(json_type: &'static str, query_code: &'static str, status: StatusCode) -> Self {
        Self { json_type, query_code, status, sender: false }
    }

    /// The error response.
    pub(crate) fn respond(self, protocol: Protocol, dialect: Dialect, message: &str, id: RequestId) -> Response {
        let kind = if self.sender { "Sender" } else { "Receiver" };
        let mut body = Vec::with_capacity(384 + message.len());
        match protocol {
            Protocol::Json10 | Protocol::Json11 => {
                put(&mut body, &["{\"__type\":\"", self.json_type, "\",\"message\":\""]);
                escape_json(&mut body, message);
                body.extend_from_slice(b"\"}");
            }
            Protocol::QueryJson => {
                put(&mut body, &["{\"Error\":{\"Code\":\"", self.query_code, "\",\"Message\":\""]);
                escape_json(&mut body, message);
                put(&mut body, &["\",\"Type\":\"", kind, "\"},\"RequestId\":\"", id.as_str(), "\"}"]);
            }
            Protocol::Query => {
                put(
                    &mut body,
                    &["<?xml version=\"1.0\"?><ErrorResponse xmlns=\"", dialect.namespace, "\"><Error><Type>"],
                );
                put(&mut body, &[kind, "</Type><Code>", self.query_code, "</Code><Message>"]);
                escape_xml(&mut body, message);
                put(&mut body, &["</Message>", dialect.error_detail, "</Error><RequestId>", id.as_str()]);
                put(&mut body, &["</RequestId></ErrorResponse>"]);
            }
        }
        let mut response = Response::new(protocol, self.status, Segments::from(body), id);
        if protocol.is_json() {
            response = response.with_query_error(QueryError { code: self.query_code, kind });
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response = response.with_retry_after(RETRY_AFTER_SECONDS);
        }
        response
    }
}

fn put(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

/// A caller as AWS's messages name it.
pub(crate) struct Principal<'a>(pub(crate) &'a Identity);

impl fmt::Display for Principal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Identity::Anonymous => f.write_str("An anonymous caller"),
            Identity::Broker => f.write_str("The broker"),
            Identity::User { account, name, .. } => write!(f, "User: {}", user_arn(*account, name)),
        }
    }
}

/// The sentence about a caller without a grant, as both services write it. `action` is the action with its service, in
/// the letters of the service's sentences.
pub(crate) fn not_granted(denial: &Denial, action: &str) -> String {
    let mut text = format!("{} is not authorized to perform: {action}", Principal(&denial.caller));
    let mut add = |parts: &[&str]| parts.iter().for_each(|part| text.push_str(part));
    if let Some(resource) = &denial.resource {
        add(&[" on resource: ", resource]);
    }
    match denial.grant {
        Grant::OwnersOnly => {}
        Grant::NotAllowed(PolicyType::Identity) => {
            add(&[" because no identity-based policy allows the ", action, " action"]);
        }
        Grant::NotAllowed(PolicyType::Resource) => {
            add(&[" because no resource-based policy allows the ", action, " action"]);
        }
        Grant::Denied(PolicyType::Identity) => add(&[" with an explicit deny in an identity-based policy"]),
        Grant::Denied(PolicyType::Resource) => add(&[" with an explicit deny in a resource-based policy"]),
    }
    text
}

/// Why a broker without users refuses a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BrowserFault {
    /// A page of another site caused it, as this header says.
    OtherSite(&'static str),
    /// A browser sent it and does not say for which page.
    UnknownSite,
    /// A browser sent it to a host name that is not known to be the broker's.
    ForeignHost,
    /// It was sent to a host name that `allowed_hosts` does not list.
    HostNotAllowed,
}

impl fmt::Display for BrowserFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherSite(header) => write!(
                f,
                "This broker has no users and takes no requests of web pages: the {header} header names another site."
            ),
            Self::UnknownSite => f.write_str(
                "This broker has no users and takes no requests of web pages: a browser sent this one and does not say \
                 for which page.",
            ),
            Self::ForeignHost => f.write_str(
                "This broker has no users and takes no requests of web pages: a browser sent this one to a host name \
                 that is neither that of `public_url` nor listed in `allowed_hosts`.",
            ),
            Self::HostNotAllowed => {
                f.write_str("This broker has no users, and the Host header is not listed in `allowed_hosts`.")
            }
        }
    }
}

/// What a protocol refuses by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProtocolFault {
    /// Neither protocol finds an action in the request.
    UnknownOperation,
    /// The action is none of this service's; the text says so in its words.
    InvalidAction(Box<str>),
    /// The body or a member of it is not what the action takes; the text says what.
    Malformed(Box<str>),
    /// The form has a broken escape or too many parameters.
    MalformedQueryString,
    /// The body or the URL's parameters are not UTF-8.
    NotUtf8,
    /// The body is compressed, as this `Content-Encoding` says.
    Encoded(Box<str>),
    /// A request that names no queue, neither by a `QueueUrl` nor by its own address, which this is.
    InvalidAddress(Box<str>),
    /// The signature is not right.
    Authentication(AuthFault),
    /// A web page may have caused the request, and the broker has no users.
    Browser(BrowserFault),
    /// The listener refused the request.
    Transport(TransportFault),
}

impl ProtocolFault {
    /// How the fault is written.
    pub(crate) const fn row(&self) -> Row {
        const BAD_REQUEST: StatusCode = StatusCode::BAD_REQUEST;
        const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;
        match self {
            Self::UnknownOperation => Row::sender(
                "com.amazon.coral.service#UnknownOperationException",
                "UnknownOperationException",
                StatusCode::NOT_FOUND,
            ),
            Self::InvalidAction(_) => {
                Row::sender("com.amazon.coral.service#UnknownOperationException", "InvalidAction", BAD_REQUEST)
            }
            Self::Malformed(_) | Self::NotUtf8 => {
                Row::sender("com.amazon.coral.service#SerializationException", "MalformedInput", BAD_REQUEST)
            }
            Self::MalformedQueryString => {
                Row::sender("com.amazon.coral.service#SerializationException", "MalformedQueryString", BAD_REQUEST)
            }
            Self::Encoded(_) => Row::sender(
                "com.amazon.coral.service#SerializationException",
                "InvalidHttpRequest",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ),
            Self::InvalidAddress(_) => {
                Row::sender("com.amazonaws.sqs#InvalidAddress", "InvalidAddress", StatusCode::NOT_FOUND)
            }
            Self::Authentication(AuthFault::IncompleteSignature(_)) => {
                Row::sender("com.amazon.coral.service#IncompleteSignatureException", "IncompleteSignature", FORBIDDEN)
            }
            Self::Authentication(AuthFault::UnknownAccessKey) => {
                Row::sender("com.amazon.coral.service#UnrecognizedClientException", "InvalidClientTokenId", FORBIDDEN)
            }
            Self::Authentication(AuthFault::Mismatch(_)) => {
                Row::sender("com.amazon.coral.service#InvalidSignatureException", "SignatureDoesNotMatch", FORBIDDEN)
            }
            Self::Authentication(AuthFault::Expired(_)) => {
                Row::sender("com.amazon.coral.service#InvalidSignatureException", "RequestExpired", FORBIDDEN)
            }
            Self::Browser(_) => {
                Row::sender("com.amazon.coral.service#AccessDeniedException", "AccessDenied", FORBIDDEN)
            }
            Self::Transport(fault) => fault.row(),
        }
    }

    /// The response. In Query an unknown operation is answered with an empty element and no message.
    pub(crate) fn respond(&self, protocol: Protocol, dialect: Dialect, id: RequestId) -> Response {
        if *self == Self::UnknownOperation && !protocol.is_json() {
            let body = b"<UnknownOperationException/>".to_vec();
            return Response::new(Protocol::Query, StatusCode::NOT_FOUND, Segments::from(body), id);
        }
        let response = self.row().respond(protocol, dialect, &self.to_string(), id);
        if let Self::Transport(TransportFault::Overloaded { retry_after_seconds }) = self {
            return response.with_retry_after(*retry_after_seconds);
        }
        response
    }
}

impl TransportFault {
    const fn row(&self) -> Row {
        match self {
            Self::BodyTooLarge { .. } | Self::UnsignedBodyTooLarge { .. } => Row::sender(
                "com.amazon.coral.service#RequestEntityTooLargeException",
                "RequestEntityTooLarge",
                StatusCode::PAYLOAD_TOO_LARGE,
            ),
            Self::HeadersTooLarge => Row::sender(
                "com.amazon.coral.service#RequestEntityTooLargeException",
                "RequestHeaderSectionTooLarge",
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            ),
            Self::TimedOut => Row::sender(
                "com.amazon.coral.service#RequestTimeoutException",
                "RequestTimeout",
                StatusCode::REQUEST_TIMEOUT,
            ),
            Self::MethodNotAllowed => Row::sender(
                "com.amazon.coral.service#UnknownOperationException",
                "InvalidHttpRequest",
                StatusCode::METHOD_NOT_ALLOWED,
            ),
            Self::BadRequest(_) => Row::sender(
                "com.amazon.coral.service#SerializationException",
                "InvalidHttpRequest",
                StatusCode::BAD_REQUEST,
            ),
            Self::Overloaded { .. } => Row::receiver(
                "com.amazon.coral.service#ServiceUnavailableException",
                "ServiceUnavailable",
                StatusCode::SERVICE_UNAVAILABLE,
            ),
            Self::Internal => Row::receiver(
                "com.amazon.coral.service#InternalFailure",
                "InternalFailure",
                StatusCode::INTERNAL_SERVER_ERROR,
            ),
        }
    }
}

impl From<Undecodable> for ProtocolFault {
    fn from(reason: Undecodable) -> Self {
        match reason {
            Undecodable::Escape => Self::MalformedQueryString,
            Undecodable::Utf8 => Self::NotUtf8,
        }
    }
}

impl From<AuthFault> for ProtocolFault {
    fn from(fault: AuthFault) -> Self {
        Self::Authentication(fault)
    }
}

impl From<BrowserFault> for ProtocolFault {
    fn from(fault: BrowserFault) -> Self {
        Self::Browser(fault)
    }
}

impl From<TransportFault> for ProtocolFault {
    fn from(fault: TransportFault) -> Self {
        Self::Transport(fault)
    }
}

impl fmt::Display for ProtocolFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownOperation => f.write_str("The request names no operation of this service."),
            Self::InvalidAction(message) | Self::Malformed(message) => f.write_str(message),
            Self::MalformedQueryString => f.write_str("The query string contains a syntax error."),
            Self::NotUtf8 => f.write_str("The request is not valid UTF-8."),
            Self::Encoded(encoding) => {
                write!(f, "The request has the Content-Encoding {encoding}; a body must be sent without one.")
            }
            Self::InvalidAddress(url) => write!(f, "The address {url} is not valid for this endpoint."),
            Self::Authentication(fault) => fault.fmt(f),
            Self::Browser(fault) => fault.fmt(f),
            Self::Transport(fault) => fault.fmt(f),
        }
    }
}

impl fmt::Display for TransportFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BodyTooLarge { limit_bytes } => {
                write!(f, "The request is larger than {limit_bytes} bytes, the most that the broker takes.")
            }
            Self::UnsignedBodyTooLarge { limit_bytes } => write!(
                f,
                "The request is larger than {limit_bytes} bytes, the most that the broker takes without the access key of \
                 a user and a date near the broker's."
            ),
            Self::HeadersTooLarge => f.write_str("The request's headers are larger than the broker takes."),
            Self::TimedOut => f.write_str("The request did not arrive in time."),
            Self::MethodNotAllowed => f.write_str("The request method must be GET or POST."),
            Self::BadRequest(what) => f.write_str(what),
            Self::Overloaded { .. } => f.write_str("The broker is at its limits or stopping; try again."),
            Self::Internal => f.write_str("The broker failed at this request; its log says how."),
        }
    }
}

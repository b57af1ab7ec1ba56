//! A response before it is HTTP: its body, and as values the few headers that responses of both services have.
//!
//! The listener makes it HTTP with a header map of its choice, which may be that of the request.

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

use super::segments::Segments;
use super::{Protocol, RequestId};

/// The request's id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
/// The code that an error has in Query, in JSON responses.
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");

/// A response, ready for the listener.
#[derive(Debug)]
pub struct Response {
    status: StatusCode,
    content_type: HeaderValue,
    /// `None` for a response that no action has.
    request_id: Option<RequestId>,
    query_error: Option<QueryError>,
    retry_after_seconds: Option<u32>,
    body: Segments,
}

/// The value of `x-amzn-query-error`: the code, and `Sender` or `Receiver`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueryError {
    pub(crate) code: &'static str,
    pub(crate) kind: &'static str,
}

impl Response {
    /// The response to a request.
    pub(crate) const fn new(protocol: Protocol, status: StatusCode, body: Segments, request_id: RequestId) -> Self {
        Self {
            status,
            content_type: protocol.content_type(),
            request_id: Some(request_id),
            query_error: None,
            retry_after_seconds: None,
            body,
        }
    }

    /// A document that no action returns, with this media type.
    #[must_use]
    pub const fn of_document(media_type: &'static str, body: Segments) -> Self {
        Self {
            status: StatusCode::OK,
            content_type: HeaderValue::from_static(media_type),
            request_id: None,
            query_error: None,
            retry_after_seconds: None,
            body,
        }
    }

    pub(crate) const fn with_query_error(mut self, error: QueryError) -> Self {
        self.query_error = Some(error);
        self
    }

    pub(crate) const fn with_retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The body.
    #[must_use]
    pub const fn body(&self) -> &Segments {
        &self.body
    }

    /// The body alone.
    #[must_use]
    pub fn into_body(self) -> Segments {
        self.body
    }

    /// The response as HTTP, with its headers in `headers`, which is emptied first and keeps its memory.
    #[must_use]
    pub fn into_http(self, mut headers: HeaderMap) -> http::Response<Segments> {
        let Self { status, content_type, request_id, query_error, retry_after_seconds, body } = self;
        headers.clear();
        headers.insert(CONTENT_TYPE, content_type);
        if let Some(id) = request_id {
            headers.insert(REQUEST_ID, id.header());
        }
        if let Some(QueryError { code, kind }) = query_error {
            let value = HeaderValue::try_from(format!("{code};{kind}"));
            headers.insert(QUERY_ERROR, value.expect("codes are ASCII"));
        }
        if let Some(seconds) = retry_after_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        let mut response = http::Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

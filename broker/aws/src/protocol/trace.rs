//! The trace that a request belongs to, which its messages carry on.

use http::request::Parts;
use posthouse_model::message::TraceId;

/// The value of `X-Amzn-Trace-Id`, AWS X-Ray's header. `None` without one, or where it cannot be a trace.
pub(crate) fn of_request(parts: &Parts) -> Option<TraceId<'_>> {
    parts.headers.get("x-amzn-trace-id").and_then(|value| TraceId::of_header(value.as_bytes()))
}

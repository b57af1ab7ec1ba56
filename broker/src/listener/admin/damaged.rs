//! `/damaged`: the damaged messages of all queues.
//!
//! * `GET /damaged?after=ID`: the messages after an id, one line each, up to [`DAMAGED_LISTED_MAX`]. Fields are
//!   separated by tabs, in the order of [`COLUMNS`], and the first line names them. If there are more, the header
//!   `posthouse-next` has the `after` of the next page.
//! * `DELETE /damaged`: drops the messages whose ids are in the body, separated by white space. The answer has the ids that
//!   were dropped, one a line.
//!
//! Where there are users, it takes one with a role to list, and an operator to drop. Without users this listener
//! authenticates no client, so a web page that an operator visits must not be able to drop messages. A
//! page of another origin cannot make a browser send DELETE without asking first, which is answered 405, and a browser
//! sends the header `Origin` with each DELETE: a request with one is refused.

use std::fmt::Write as _;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use posthouse_model::limits::{DAMAGED_DROPPED_MAX, DAMAGED_LISTED_MAX};
use posthouse_model::operation::{DamagedId, DamagedMessage, DropDamagedMessages, ListDamagedMessages};
use posthouse_model::{Caller, Fault, PageSize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{is_from_a_page, text};
use crate::core_client::{CoreClient, ask};

/// The fields of a line.
pub(crate) const COLUMNS: [&str; 10] =
    ["id", "queue", "cause", "found", "sent", "receives", "group", "file", "offset", "bytes"];

/// Where the next page begins.
pub(crate) const NEXT: HeaderName = HeaderName::from_static("posthouse-next");

/// Bytes of a body that names messages: the ids of one request, with room for white space.
const BODY_BYTES_MAX: usize = 40 * DAMAGED_DROPPED_MAX;

/// How long a body may take.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// Answers a request for this path.
pub(super) async fn answer(core: &dyn CoreClient, request: Request<Body>) -> Response<Full<Bytes>> {
    if is_from_a_page(request.headers()) {
        return text(StatusCode::FORBIDDEN, "requests of web pages are refused\n");
    }
    match *request.method() {
        Method::GET | Method::HEAD => list(core, request.uri().query().unwrap_or_default()).await,
        Method::DELETE => drop_some(core, request).await,
        _ => text(StatusCode::METHOD_NOT_ALLOWED, "GET or DELETE\n"),
    }
}

async fn list(core: &dyn CoreClient, query: &str) -> Response<Full<Bytes>> {
    let after = match query.strip_prefix("after=") {
        None if query.is_empty() => None,
        None => return text(StatusCode::BAD_REQUEST, "the only parameter is `after`\n"),
        Some(id) => match id.parse::<DamagedId>() {
            Ok(id) => Some(id),
            Err(error) => return text(StatusCode::BAD_REQUEST, format!("{error}\n")),
        },
    };
    let results_max = PageSize::<DAMAGED_LISTED_MAX>::MAX;
    match ask(core, caller(), ListDamagedMessages { after, results_max }).await {
        Ok(page) => {
            let lines = core::iter::once(COLUMNS.join("\t")).chain(page.items.iter().map(line));
            let mut response = text(StatusCode::OK, lines.map(|line| line + "\n").collect::<String>());
            let next = page.next.and_then(|next| HeaderValue::from_str(&next.to_string()).ok());
            if let Some(next) = next {
                response.headers_mut().insert(NEXT, next);
            }
            response
        }
        Err(fault) => refused(&fault),
    }
}

async fn drop_some(core: &dyn CoreClient, request: Request<Body>) -> Response<Full<Bytes>> {
    let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect();
    let body = match tokio::time::timeout(BODY_PATIENCE, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return text(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long\n");
        }
        Ok(Err(_)) => return text(StatusCode::BAD_REQUEST, "the body ended early\n"),
        Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "the body came too slowly\n"),
    };
    let body = String::from_utf8_lossy(&body);
    let ids: Result<Vec<DamagedId>, _> = body.split_whitespace().map(str::parse).collect();
    let request = match ids.map(DropDamagedMessages::new) {
        Ok(Ok(request)) => request,
        Ok(Err(_)) => return text(StatusCode::BAD_REQUEST, format!("at most {DAMAGED_DROPPED_MAX} ids\n")),
        Err(error) => return text(StatusCode::BAD_REQUEST, format!("{error}\n")),
    };
    match ask(core, caller(), request).await {
        Ok(dropped) => {
            for id in &dropped {
                tracing::warn!(%id, "a damaged message was dropped");
            }
            text(StatusCode::OK, dropped.iter().map(|id| format!("{id}\n")).collect::<String>())
        }
        Err(fault) => refused(&fault),
    }
}

/// The broker itself. What it asks here concerns the queues of all regions.
fn caller() -> Caller {
    Caller::broker("local".parse().expect("a region's name"))
}

fn refused(fault: &Fault) -> Response<Full<Bytes>> {
    text(StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", fault.name()))
}

/// A message as one line, without its end.
fn line(message: &DamagedMessage) -> String {
    let (file, offset) = match &message.record.file {
        Some((file, offset)) => (&**file, offset.to_string()),
        None => ("-", "-".into()),
    };
    let group = if message.group.is_empty() { "-" } else { &message.group };
    let mut line = String::new();
    let _ = write!(
        line,
        "{}\t{}\t{}\t{}\t{}\t{}\t{group}\t{file}\t{offset}\t{}",
        message.id,
        message.queue,
        message.cause,
        shown(message.found.as_millis()),
        shown(message.sent.as_millis()),
        message.receive_count,
        message.record.length,
    );
    line
}

/// A time as RFC 3339 writes it, in UTC.
fn shown(millis: u64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_else(|| millis.to_string())
}

#[cfg(test)]
mod tests {
    use posthouse_model::operation::{DamageCause, RecordPlace};
    use posthouse_model::{MessageKey, QueueId, Timestamp};

    use super::*;

    #[test]
    fn a_line_has_a_field_for_each_column() {
        let mut message = DamagedMessage {
            id: DamagedId { queue: QueueId::new(7), message: MessageKey::new(0x2a_1f38) },
            queue: "arn:aws:sqs:us-east-1:000000000000:q".parse().expect("valid"),
            cause: DamageCause::Checksum,
            found: Timestamp::from_millis(1_700_000_000_250),
            sent: Timestamp::EPOCH,
            receive_count: 2,
            group: "g".into(),
            record: RecordPlace {
                position: 0x2a_1f38,
                length: 90,
                file: Some(("0000000000001000.segment".into(), 4096)),
            },
        };
        assert_eq!(
            line(&message),
            "7-00000000002a1f38\tarn:aws:sqs:us-east-1:000000000000:q\tchecksum\t2023-11-14T22:13:20.25Z\t\
             1970-01-01T00:00:00Z\t2\tg\t0000000000001000.segment\t4096\t90"
        );
        (message.group, message.record.file) = ("".into(), None);
        let line = line(&message);
        assert_eq!(line.split('\t').count(), COLUMNS.len());
        assert!(line.ends_with("\t2\t-\t-\t-\t90"), "{line}");
    }
}

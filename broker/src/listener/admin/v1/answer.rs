//! Answers: JSON, times as text, and the headers that keep a browser from doing more with an answer than showing it.

use axum::response::{IntoResponse, Response};
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use posthouse_model::{QueueAddress, Timestamp, TopicAddress};
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// The headers of every answer. An answer holds data only, so a page that shows it may load and run nothing.
const PROTECTION: [(HeaderName, &str); 4] = [
    (CONTENT_SECURITY_POLICY, "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
];

/// Adds the headers of every answer.
pub(super) async fn protect(mut response: Response) -> Response {
    for (name, value) in PROTECTION {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A body of JSON.
pub(super) struct Json<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let mut body = serde_json::to_vec(&self.0).expect("the types of answers have text keys and finite numbers");
        body.push(b'\n');
        ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
    }
}

/// A part of a listing.
#[derive(Serialize)]
pub(super) struct List<T> {
    pub(super) items: Vec<T>,
    /// The `after` of the next part; `null` on the last one.
    pub(super) next: Option<String>,
}

/// Which queue or topic something is said of.
#[derive(Serialize)]
pub(super) struct Named {
    arn: String,
    account: String,
    region: String,
    name: String,
    fifo: bool,
}

impl From<&QueueAddress> for Named {
    fn from(address: &QueueAddress) -> Self {
        let QueueAddress { region, account, name } = address;
        Self {
            arn: address.to_string(),
            account: account.to_string(),
            region: region.as_str().to_owned(),
            name: name.as_str().to_owned(),
            fifo: name.is_fifo(),
        }
    }
}

impl From<&TopicAddress> for Named {
    fn from(address: &TopicAddress) -> Self {
        let TopicAddress { region, account, name } = address;
        Self {
            arn: address.to_string(),
            account: account.to_string(),
            region: region.as_str().to_owned(),
            name: name.as_str().to_owned(),
            fifo: name.is_fifo(),
        }
    }
}

/// A time as RFC 3339 writes it, in UTC, with milliseconds.
pub(super) struct Time(pub(super) Timestamp);

const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = self.0.as_millis();
        let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).ok();
        match time.and_then(|time| time.format(TIME).ok()) {
            Some(text) => serializer.serialize_str(&text),
            // After the year 9999.
            None => serializer.collect_str(&millis),
        }
    }
}

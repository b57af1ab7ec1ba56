//! What handlers take: parameters of the query, a position in a listing, values that are written as text.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::http::request::Parts;
use posthouse_model::message::{AttributeValue, MessageAttribute};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::answer::List;
use super::error::ApiError;

/// Items of a listing where the request names no number.
const LIMIT_DEFAULT: usize = 100;
/// Items of a listing at most.
const LIMIT_MAX: usize = 1_000;

/// The parameters of the query, as a type that names all of them.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Query(params) =
            Query::try_from_uri(&parts.uri).map_err(|error| ApiError::bad_request(error.body_text()))?;
        Ok(Self(params))
    }
}

/// The parameters of a listing without an order of its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paging {
    #[serde(default)]
    limit: Limit,
    after: Option<Cursor>,
}

impl Paging {
    /// The part of `items` that is asked for. They are in the order of their keys, which differ.
    pub(super) fn cut<T>(self, items: impl IntoIterator<Item = T>, key: impl Fn(&T) -> String) -> List<T> {
        let after = self.after.map(|cursor| cursor.0);
        let mut items = items.into_iter().skip_while(|item| after.as_ref().is_some_and(|after| key(item) <= *after));
        let page: Vec<T> = items.by_ref().take(self.limit.0).collect();
        let next = items.next().and(page.last()).map(|last| Cursor(key(last)).to_string());
        List { items: page, next }
    }
}

/// How many items a listing has at most: 1 to 1,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "usize")]
pub(super) struct Limit(usize);

impl Limit {
    pub(super) const fn get(self) -> usize {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(LIMIT_DEFAULT)
    }
}

impl TryFrom<usize> for Limit {
    type Error = String;

    fn try_from(limit: usize) -> Result<Self, String> {
        if (1..=LIMIT_MAX).contains(&limit) { Ok(Self(limit)) } else { Err(format!("it is from 1 to {LIMIT_MAX}")) }
    }
}

/// The key of an item, as a text that says nothing to clients.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String")]
pub(super) struct Cursor(pub(super) String);

impl TryFrom<String> for Cursor {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let key = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        key.map(Self).ok_or("it is not the `next` of a listing")
    }
}

impl Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

/// A value that is written as text, such as an ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parsed<T>(pub(super) T);

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|error| serde::de::Error::custom(format!("{text:?}: {error}")))
    }
}

/// An attribute of a message: a value that is text, or one of bytes as base64.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AttributeInput {
    #[serde(rename = "type")]
    data_type: String,
    value: Option<String>,
    value_base64: Option<String>,
}

impl AttributeInput {
    /// The attribute of this name.
    ///
    /// # Errors
    /// `bad_request` unless there is exactly one value.
    pub(super) fn named<'a>(&'a self, name: &'a str) -> Result<MessageAttribute<'a>, ApiError> {
        let value = match (&self.value, &self.value_base64) {
            (Some(text), None) => AttributeValue::Text(Cow::Borrowed(text)),
            (None, Some(text)) => {
                let bytes = STANDARD.decode(text).map_err(|error| {
                    ApiError::bad_request(format!("the attribute {name}: `value_base64` is no base64: {error}"))
                })?;
                AttributeValue::Binary(Cow::Owned(bytes))
            }
            (None, None) | (Some(_), Some(_)) => {
                let message = format!("the attribute {name} needs either `value` or `value_base64`");
                return Err(ApiError::bad_request(message));
            }
        };
        Ok(MessageAttribute { name: Cow::Borrowed(name), data_type: Cow::Borrowed(&self.data_type), value })
    }
}

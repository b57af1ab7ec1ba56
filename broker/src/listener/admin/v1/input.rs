//! What handlers take: the queue of the path, parameters of the query, the body, a position in a listing, and the core loop.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use hyper::http::request::Parts;
use posthouse_model::message::{AttributeValue, MessageAttribute};
use posthouse_model::{AccountId, Caller, Identity, QueueAddress, Region, RegionSource, TopicAddress, Transport};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::super::{Peer, Serving, Stage};
use super::Api;
use super::answer::List;
use super::error::{ApiError, Code};

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

/// A body of JSON.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|error| ApiError::bad_request(error.body_text()))?;
        let body = if body.is_empty() { b"{}" } else { &*body };
        serde_json::from_slice(body).map(Self).map_err(|error| ApiError::bad_request(format!("the body: {error}")))
    }
}

/// The parameters of a route that names one queue or topic and takes nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InRegion {
    /// [`QueueOf`] reads it.
    #[serde(rename = "region")]
    _region: Option<serde::de::IgnoredAny>,
}

/// The account and the name in a path, the region in the query, and the client that sent the request.
struct Named {
    account: AccountId,
    name: String,
    region: Region,
    caller: Caller,
}

impl Named {
    async fn of(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        let Path((account, name)) = Path::<(String, String)>::from_request_parts(parts, api)
            .await
            .map_err(|error| ApiError::bad_request(error.body_text()))?;
        let account = account
            .parse()
            .map_err(|_| ApiError::bad_request(format!("{account:?} is no account; allowed: twelve digits")))?;
        let Query(parameters) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|error| ApiError::bad_request(error.body_text()))?;
        let region = match parameters.into_iter().find(|(name, _)| name == "region") {
            Some((_, region)) => {
                region.parse().map_err(|error| ApiError::bad_request(format!("`region` is {region:?}: {error}")))?
            }
            None => api.configuration.settings.general.region.clone(),
        };
        let peer = parts.extensions.get::<Peer>().ok_or_else(|| ApiError::new(Code::Internal, "no peer"))?;
        // What the role of the user allows is decided; for SQS and SNS the account itself calls.
        let caller = Caller {
            identity: Identity::root(account),
            region: region.clone(),
            region_source: RegionSource::Signature,
            source: peer.0,
            transport: Transport::Plain,
        };
        Ok(Self { account, name, region, caller })
    }
}

/// The queue that a path names, in the region that the parameter `region` names or else the broker's own.
pub(super) struct QueueOf {
    pub(super) address: QueueAddress,
    caller: Caller,
}

impl QueueOf {
    /// The account that the queue belongs to, as the caller of an operation.
    pub(super) fn caller(&self) -> Caller {
        self.caller.clone()
    }
}

impl FromRequestParts<Arc<Api>> for QueueOf {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        let Named { account, name, region, caller } = Named::of(parts, api).await?;
        let name =
            name.parse().map_err(|_| ApiError::new(Code::NotFound, format!("no queue can have the name {name:?}")))?;
        Ok(Self { address: QueueAddress { region, account, name }, caller })
    }
}

/// The topic that a path names, in the region that the parameter `region` names or else the broker's own.
pub(super) struct TopicOf {
    pub(super) address: TopicAddress,
    caller: Caller,
}

impl TopicOf {
    /// The account that the topic belongs to, as the caller of an operation.
    pub(super) fn caller(&self) -> Caller {
        self.caller.clone()
    }
}

impl FromRequestParts<Arc<Api>> for TopicOf {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        let Named { account, name, region, caller } = Named::of(parts, api).await?;
        let name =
            name.parse().map_err(|_| ApiError::new(Code::NotFound, format!("no topic can have the name {name:?}")))?;
        Ok(Self { address: TopicAddress { region, account, name }, caller })
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

/// The core loop of a broker that serves.
pub(super) struct Core(pub(super) Serving);

impl FromRequestParts<Arc<Api>> for Core {
    type Rejection = ApiError;

    async fn from_request_parts(_: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        match &*api.stage.borrow() {
            Stage::Serving(serving) => Ok(Self(serving.clone())),
            Stage::Recovering => Err(ApiError::new(Code::Unavailable, "the broker is starting: try again")),
            Stage::Stopping => Err(ApiError::new(Code::Unavailable, "the broker is stopping")),
        }
    }
}

//! What the routes about one queue or topic take: the queue or topic of the path, the body, and the core loop.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use bytes::Bytes;
use hyper::http::request::Parts;
use posthouse_model::{AccountId, Caller, Identity, QueueAddress, Region, RegionSource, TopicAddress, Transport};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::{Peer, Serving, Stage};
use super::Api;
use super::error::{ApiError, Code};

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

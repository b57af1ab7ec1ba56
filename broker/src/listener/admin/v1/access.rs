//! Who calls, and whether it may.
//!
//! 1. No request that a browser sends for a page of another origin is answered. A change must not leave that open.
//! 2. Without users, only programs on this machine are let in. They may do everything.
//! 3. With users, each request is signed with Signature Version 4 for the service `posthouse`, or has the cookie of a session
//!    (`sessions`). The user of the access key must have a role, and each route says which ([`check_role`]).
//!
//! A body is read before its request's signature can be verified, so there is a bound for one and for all together, and
//! none is read of a request whose head shows no access key.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::Method;
use hyper::body::Body as _;
use hyper::http::request::Parts;
use posthouse_aws::{AllowedHosts, AuthFault, SentFor};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use super::super::Peer;
use super::error::{ApiError, Code};
use super::sessions::TokenHash;
use super::{Api, Lasting};
use crate::clock;
use crate::configuration::{Role, User};
use crate::live_users::is_same;

/// Bytes of a body: a message of 1 MiB as JSON or as base64.
pub(super) const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Bytes of all bodies that are being read or worked on: as many as eight of the longest.
const BODIES_BYTES_MAX: usize = 8 * BODY_BYTES_MAX;
/// Bytes of the body of a login, which anyone may send.
const LOGIN_BYTES_MAX: usize = 4 * 1024;
/// How long a body may take, the wait for room included: 64 KiB a second of the longest.
const BODY_PATIENCE: Duration = Duration::from_secs(32);

/// Who sent a request that was let in.
#[derive(Clone, Debug)]
pub(super) struct Principal {
    /// Its user; `None` without users.
    user: Option<Arc<User>>,
    pub(super) role: Role,
    /// The session that it is of, if it is of one.
    session: Option<TokenHash>,
}

impl Principal {
    /// A program on this machine, where there are no users.
    const LOCAL: Self = Self { user: None, role: Role::Operator, session: None };

    fn of(user: &Arc<User>, session: Option<TokenHash>) -> Result<Self, ApiError> {
        let role = user.role.ok_or_else(|| {
            let name = &user.name;
            let message =
                format!("user {name} has no role in the admin API: `role` in its `[[users]]` entry gives one");
            ApiError::new(Code::Forbidden, message)
        })?;
        Ok(Self { user: Some(Arc::clone(user)), role, session })
    }

    /// Whether it would still be let in: its user is there with the same secret and a role, and its session has not ended.
    pub(super) fn still(&self, lasting: &Lasting) -> bool {
        let users = lasting.users();
        match &self.user {
            None => users.is_empty(),
            Some(known) => {
                users.of_key(&known.access_key_id).is_some_and(|user| is_same(user, known) && user.role.is_some())
                    && self
                        .session
                        .as_ref()
                        .is_none_or(|session| lasting.sessions.is_alive(session, Instant::now().into()))
            }
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let principal = parts.extensions.get::<Self>().cloned();
        principal.ok_or_else(|| ApiError::new(Code::Internal, "a request without a principal"))
    }
}

/// The room of bodies, in bytes.
pub(super) struct Bodies(Semaphore);

impl Bodies {
    pub(super) fn new() -> Self {
        Self(Semaphore::new(BODIES_BYTES_MAX))
    }
}

/// Lets a request in with its [`Principal`] and its whole body, or refuses it.
pub(super) async fn authenticate(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    // The room of the body is held until the answer is there.
    let (principal, body, _room) = match let_in(&api, &parts, body).await {
        Ok(admitted) => admitted,
        Err(refused) => return refused.into_response(),
    };
    parts.extensions.insert(principal);
    next.run(Request::from_parts(parts, Body::from(body))).await
}

async fn let_in<'a>(
    api: &'a Api,
    parts: &Parts,
    body: Body,
) -> Result<(Principal, Bytes, Option<SemaphorePermit<'a>>), ApiError> {
    check_page(parts)?;
    let Some(verifier) = &api.verifier else {
        check_local(parts)?;
        let (body, room) = read(api, body, BODY_BYTES_MAX).await?;
        return Ok((Principal::LOCAL, body, room));
    };
    let now = clock::now();
    let unauthorized = |fault: AuthFault| ApiError::new(Code::Unauthorized, fault.to_string());
    let head = verifier.look(parts, now).map_err(unauthorized)?;
    let Some(head) = head else {
        let principal = session(api, parts)?;
        let (body, room) = read(api, body, BODY_BYTES_MAX).await?;
        return Ok((principal, body, room));
    };
    let (body, room) = read(api, body, BODY_BYTES_MAX).await?;
    verifier.verify(&head, &body, now).map_err(unauthorized)?;
    let user = api.users.of_key(head.access_key_id()).expect("the verifier knows the key from the same users");
    Ok((Principal::of(user, None)?, body, room))
}

/// The headers by which a proxy says that it passes a request on.
const FORWARDED: [&str; 4] = ["forwarded", "via", "x-forwarded-for", "x-real-ip"];

/// Refuses requests of other machines. What a proxy on this machine passes on may be of any.
fn check_local(parts: &Parts) -> Result<(), ApiError> {
    let local = parts.extensions.get::<Peer>().is_some_and(|peer| peer.0.to_canonical().is_loopback());
    if local && FORWARDED.iter().all(|name| !parts.headers.contains_key(*name)) {
        return Ok(());
    }
    let message = "without `[[users]]` this is for programs on the broker's machine only, and for none behind a proxy";
    Err(ApiError::new(Code::Forbidden, message))
}

/// Lets a request of `/damaged` or `/backup` in. Returns its body, unread where there are no users.
pub(super) async fn admit_operation(api: &Api, parts: &Parts, body: Body, role: Role) -> Result<Body, ApiError> {
    if api.verifier.is_none() {
        check_local(parts)?;
        return Ok(body);
    }
    let (principal, body, _room) = let_in(api, parts, body).await?;
    if principal.role < role {
        let message = format!("this needs the role `{}`", role.as_str());
        return Err(ApiError::new(Code::Forbidden, message));
    }
    Ok(Body::from(body))
}

/// Checks that a request without a body comes from a user with a role.
pub(super) fn check_probe(api: &Api, parts: &Parts) -> Result<(), ApiError> {
    let Some(verifier) = &api.verifier else { return Ok(()) };
    let now = clock::now();
    let unauthorized = |fault: AuthFault| ApiError::new(Code::Unauthorized, fault.to_string());
    let Some(head) = verifier.look(parts, now).map_err(unauthorized)? else {
        return session(api, parts).map(drop);
    };
    verifier.verify(&head, &[], now).map_err(unauthorized)?;
    let user = api.users.of_key(head.access_key_id()).expect("the verifier knows the key from the same users");
    Principal::of(user, None).map(drop)
}

/// The user whose session a request's cookie names.
fn session(api: &Api, parts: &Parts) -> Result<Principal, ApiError> {
    let found = api.lasting.sessions.find(&parts.headers, Instant::now().into());
    // A session is of a user with its secret, and not of whichever user has the key by now.
    let user = found
        .as_ref()
        .and_then(|(_, known)| api.users.of_key(&known.access_key_id).filter(|user| is_same(user, known)));
    let user = user.ok_or_else(|| {
        let message = "log in, or sign the request with Signature Version 4 for the service `posthouse`, with the access \
                       key of a user that has a role";
        ApiError::new(Code::Unauthorized, message)
    })?;
    Principal::of(user, found.as_ref().map(|(session, _)| *session))
}

/// Lets a request of a client in that has yet to say who it is.
pub(super) async fn admit(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let read = match check_page(&parts) {
        Ok(()) => read(&api, body, LOGIN_BYTES_MAX).await,
        Err(refused) => Err(refused),
    };
    match read {
        Ok((body, _room)) => next.run(Request::from_parts(parts, Body::from(body))).await,
        Err(refused) => refused.into_response(),
    }
}

/// Refuses requests that a page of another origin causes.
fn check_page(parts: &Parts) -> Result<(), ApiError> {
    let refused = match AllowedHosts::sent_for(parts) {
        SentFor::Program | SentFor::OwnPage => false,
        SentFor::OtherPage => true,
        SentFor::UnknownPage => !parts.method.is_safe(),
    };
    if refused {
        let message = "a web page of another origin, or one that the browser does not name, may not call this";
        return Err(ApiError::new(Code::Forbidden, message));
    }
    Ok(())
}

async fn read(api: &Api, body: Body, bytes_max: usize) -> Result<(Bytes, Option<SemaphorePermit<'_>>), ApiError> {
    if body.is_end_stream() {
        return Ok((Bytes::new(), None));
    }
    let too_long = || ApiError::new(Code::TooLarge, format!("a body has {bytes_max} bytes at most here"));
    let too_slow = |_| ApiError::new(Code::Timeout, "the body came too slowly");
    let until = Instant::now() + BODY_PATIENCE;
    let bytes = body.size_hint().upper().unwrap_or(bytes_max as u64);
    let bytes = u32::try_from(bytes).ok().filter(|bytes| *bytes as usize <= bytes_max).ok_or_else(too_long)?;
    let room = timeout_at(until, api.bodies.0.acquire_many(bytes)).await;
    let room = room.map_err(|_| ApiError::new(Code::Unavailable, "too many bodies are being read: try again"))?;
    let room = room.expect("the semaphore is never closed");
    match timeout_at(until, Limited::new(body, bytes_max).collect()).await.map_err(too_slow)? {
        Ok(body) => Ok((body.to_bytes(), Some(room))),
        Err(error) if error.is::<LengthLimitError>() => Err(too_long()),
        Err(_) => Err(ApiError::bad_request("the body ended early")),
    }
}

/// What a route needs.
#[derive(Clone)]
pub(super) struct Needed {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) role: Role,
}

/// Refuses a request whose principal has a lower role.
pub(super) async fn check_role(
    State(needed): State<Needed>,
    principal: Principal,
    request: Request,
    next: Next,
) -> Response {
    if principal.role >= needed.role {
        return next.run(request).await;
    }
    let Needed { method, path, role } = needed;
    let user = principal.user.as_ref().map_or("no user", |user| &user.name);
    tracing::info!(user, %method, path, "the role of a user of the admin API does not allow a request");
    let (needed, held) = (role.as_str(), principal.role.as_str());
    let message = format!("{method} {path} needs the role `{needed}`, and the user has the role `{held}`");
    ApiError::new(Code::Forbidden, message).into_response()
}

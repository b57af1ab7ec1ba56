//! Sessions of browsers: `POST /v1/login` with an access key and its secret, and `POST /v1/logout`.
//!
//! A session is in memory only. Its token is 32 random bytes, which the browser keeps in a cookie that no script reads
//! (`HttpOnly`) and that no other site's request bears (`SameSite=Strict`). The broker keeps a hash of the token, so a copy of
//! its memory is no token. A session ends when it was not used for [`IDLE_MAX`], after [`AGE_MAX`] in any case, and with its
//! user: each request looks up the user of the key anew.
//!
//! Failed logins are limited for each address and key, and less so for each address. A secret that is worth guessing has far
//! more bits than that leaves time for; the limit keeps guessers out of the log, and short secrets a little safer.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use posthouse_model::identity::user_arn;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::super::Peer;
use super::Api;
use super::answer::Json;
use super::error::{ApiError, Code};
use super::queue_path::Body;
use crate::configuration::{User, Users};

/// The name of the cookie.
const COOKIE_NAME: &str = "posthouse_session";
/// How long a session lasts without a request.
const IDLE_MAX: Duration = Duration::from_secs(30 * 60);
/// How long a session lasts.
const AGE_MAX: Duration = Duration::from_secs(12 * 60 * 60);
/// Sessions at once. For one more, the one that was not used for the longest ends.
const SESSIONS_MAX: usize = 1_000;
/// Failed logins with one key from one network within [`FAILURES_WITHIN`].
const FAILURES_MAX: u32 = 5;
/// Failed logins with all keys from one network. Others behind the same address can log in until then.
const NETWORK_FAILURES_MAX: u32 = 50;
/// How long an address waits after so many.
const FAILURES_WITHIN: Duration = Duration::from_secs(60);
/// Addresses whose failures are remembered. For one more, the one that failed first is forgotten.
const ADDRESSES_MAX: usize = 1_024;

/// What the broker keeps of a token.
pub(super) type TokenHash = [u8; 32];

/// The sessions, and the failed logins.
#[derive(Default)]
pub(super) struct Sessions(Mutex<Known>);

#[derive(Default)]
struct Known {
    sessions: BTreeMap<TokenHash, Session>,
    failures: BTreeMap<Guesser, Failures>,
}

/// Who tries to log in: the network that an address is in, and the hash of the key's id that it tries, or `None` for all that it
/// tries.
type Guesser = (IpAddr, Option<TokenHash>);

struct Session {
    /// The user as it was when it logged in.
    user: Arc<User>,
    begun: Instant,
    used: Instant,
}

#[derive(Clone, Copy)]
struct Failures {
    since: Instant,
    count: u32,
}

impl Sessions {
    /// The session that a request's cookie names, and its user.
    pub(super) fn find(&self, headers: &HeaderMap, now: Instant) -> Option<(TokenHash, Arc<User>)> {
        let token = token(headers)?;
        let mut known = self.known();
        let hash = hash(token);
        let session = known.sessions.get_mut(&hash)?;
        if session.has_ended(now) {
            known.sessions.remove(&hash);
            return None;
        }
        session.used = now;
        Some((hash, Arc::clone(&session.user)))
    }

    /// Whether a session has not ended. That is no use of it.
    pub(super) fn is_alive(&self, session: &TokenHash, now: Instant) -> bool {
        self.known().sessions.get(session).is_some_and(|session| !session.has_ended(now))
    }

    /// Begins a session. Returns its token.
    fn begin(&self, user: Arc<User>, now: Instant) -> String {
        let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let mut known = self.known();
        known.sessions.retain(|_, session| !session.has_ended(now));
        if known.sessions.len() >= SESSIONS_MAX {
            let oldest = known.sessions.iter().min_by_key(|(_, session)| session.used).map(|(hash, _)| *hash);
            oldest.and_then(|hash| known.sessions.remove(&hash));
        }
        known.sessions.insert(hash(&token), Session { user, begun: now, used: now });
        token
    }

    fn end(&self, headers: &HeaderMap) {
        if let Some(token) = token(headers) {
            self.known().sessions.remove(&hash(token));
        }
    }

    /// Whether an address may try to log in with a key.
    fn may_try(&self, address: IpAddr, access_key_id: &str, now: Instant) -> bool {
        let mut known = self.known();
        known.failures.retain(|_, failures| now.duration_since(failures.since) < FAILURES_WITHIN);
        let fewer = |guesser, max| known.failures.get(&guesser).is_none_or(|failures: &Failures| failures.count < max);
        let network = network(address);
        fewer((network, Some(hash(access_key_id))), FAILURES_MAX) && fewer((network, None), NETWORK_FAILURES_MAX)
    }

    fn failed(&self, address: IpAddr, access_key_id: &str, now: Instant) {
        let mut known = self.known();
        let network = network(address);
        for guesser in [(network, Some(hash(access_key_id))), (network, None)] {
            known.failures.entry(guesser).or_insert(Failures { since: now, count: 0 }).count += 1;
        }
        while known.failures.len() > ADDRESSES_MAX {
            let first = known.failures.iter().min_by_key(|(_, failures)| failures.since).map(|(address, _)| *address);
            first.and_then(|address| known.failures.remove(&address));
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn has_ended(&self, now: Instant) -> bool {
        now.duration_since(self.used) >= IDLE_MAX || now.duration_since(self.begun) >= AGE_MAX
    }
}

/// The token in the cookies of a request.
fn token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE_NAME).map(|(_, token)| token)
}

/// What counts as one client: an IPv4 address, or the first 64 bits of an IPv6 one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

fn hash(token: &str) -> TokenHash {
    Sha256::digest(token).into()
}

/// What a browser logs in with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    access_key_id: String,
    secret_access_key: String,
}

#[derive(Serialize)]
pub(super) struct LoggedIn {
    user: String,
    role: &'static str,
    idle_seconds_max: u64,
    seconds_max: u64,
}

/// Begins a session.
pub(super) async fn login(
    State(api): State<Arc<Api>>,
    Extension(Peer(address)): Extension<Peer>,
    Body(login): Body<Login>,
) -> Result<Response, ApiError> {
    if api.users.is_empty() {
        return Err(ApiError::new(Code::Conflict, "there are no `[[users]]`: no login is needed"));
    }
    let now = Instant::now();
    if !api.lasting.sessions.may_try(address, &login.access_key_id, now) {
        let message = "too many failed logins from this address: wait a minute";
        return Err(ApiError::new(Code::TooMany, message));
    }
    if !is_right(&api.users, &login) {
        api.lasting.sessions.failed(address, &login.access_key_id, now);
        tracing::info!(%address, access_key_id = ?login.access_key_id, "a login to the admin API failed");
        return Err(ApiError::new(Code::Unauthorized, "the access key or its secret is wrong"));
    }
    let user = api.users.of_key(&login.access_key_id).expect("its secret was just compared");
    let role = user.role.ok_or_else(|| {
        let message = format!("user {} has no role in the admin API", user.name);
        ApiError::new(Code::Forbidden, message)
    })?;
    let body = Json(LoggedIn {
        user: user_arn(user.account, &user.name),
        role: role.as_str(),
        idle_seconds_max: IDLE_MAX.as_secs(),
        seconds_max: AGE_MAX.as_secs(),
    });
    let token = api.lasting.sessions.begin(Arc::clone(user), now);
    Ok(with_cookie(&api, body.into_response(), &format!("{token}; Max-Age={}", AGE_MAX.as_secs())))
}

#[derive(Serialize)]
pub(super) struct LoggedOut {}

/// Ends the session of the request, if it has one.
pub(super) async fn logout(State(api): State<Arc<Api>>, headers: HeaderMap) -> Response {
    api.lasting.sessions.end(&headers);
    with_cookie(&api, Json(LoggedOut {}).into_response(), "; Max-Age=0")
}

/// Compares the secret in constant time. If there is no such key, another comparison takes its time.
fn is_right(users: &Users, login: &Login) -> bool {
    let user = users.of_key(&login.access_key_id);
    let expected = user.map_or("", |user| user.secret_access_key.expose());
    let same = hash(expected).ct_eq(&hash(&login.secret_access_key));
    bool::from(same) && user.is_some()
}

fn with_cookie(api: &Api, mut response: Response, value: &str) -> Response {
    // A browser must not send it in plain text to a listener, or a proxy before it, that has TLS.
    let settings = &api.configuration.settings;
    let is_https = settings.general.public_url.get().is_some_and(|url| url.as_str().starts_with("https://"));
    let secure = if settings.admin_tls().is_some() || is_https { "; Secure" } else { "" };
    let cookie = format!("{COOKIE_NAME}={value}; Path=/; HttpOnly; SameSite=Strict{secure}");
    let cookie = HeaderValue::from_str(&cookie).expect("a token of base64 and fixed texts");
    response.headers_mut().insert(SET_COOKIE, cookie);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> Arc<User> {
        Arc::new(User {
            name: "ann".into(),
            account: posthouse_model::AccountId::DEFAULT,
            access_key_id: "A1".into(),
            secret_access_key: crate::configuration::Secret::new("s"),
            permissions: posthouse_model::Permissions::Full,
            role: None,
        })
    }

    fn headers(cookie: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(cookie).expect("a header"))])
    }

    #[test]
    fn a_session_ends_when_it_is_idle_and_when_it_is_old() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        let cookie = headers(&format!("other=1; {COOKIE_NAME}={}", sessions.begin(user(), start)));
        let (session, found) = sessions.find(&cookie, start).expect("it has begun");
        assert_eq!(found.access_key_id, "A1");
        assert!(sessions.is_alive(&session, start) && !sessions.is_alive(&session, start + IDLE_MAX));
        assert!(sessions.find(&headers("posthouse_session=x"), start).is_none());
        let mut now = start;
        while now.duration_since(start) + IDLE_MAX / 2 < AGE_MAX {
            now += IDLE_MAX / 2;
            assert!(sessions.find(&cookie, now).is_some(), "it is used");
        }
        assert!(sessions.find(&cookie, now + IDLE_MAX / 2).is_none(), "it is old");
        let cookie = headers(&format!("{COOKIE_NAME}={}", sessions.begin(user(), start)));
        assert!(sessions.find(&cookie, start + IDLE_MAX).is_none(), "it was idle");
        let cookie = headers(&format!("{COOKIE_NAME}={}", sessions.begin(user(), start)));
        sessions.end(&cookie);
        assert!(sessions.find(&cookie, start).is_none(), "it was ended");
    }

    #[test]
    fn sessions_and_failures_are_bounded() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        let first = headers(&format!("{COOKIE_NAME}={}", sessions.begin(user(), start)));
        for _ in 0..SESSIONS_MAX {
            sessions.begin(user(), start + Duration::from_secs(1));
        }
        assert!(sessions.find(&first, start).is_none(), "the one that was not used for the longest ended");
        let address = |number: u32| IpAddr::from(number.to_be_bytes());
        for _ in 0..FAILURES_MAX {
            assert!(sessions.may_try(address(0), "A1", start));
            sessions.failed(address(0), "A1", start);
        }
        assert!(!sessions.may_try(address(0), "A1", start));
        assert!(sessions.may_try(address(0), "A2", start), "another key");
        assert!(sessions.may_try(address(1), "A1", start), "another address");
        for number in FAILURES_MAX..NETWORK_FAILURES_MAX {
            sessions.failed(address(0), &number.to_string(), start);
        }
        assert!(!sessions.may_try(address(0), "A2", start), "too many with other keys");
        assert!(sessions.may_try(address(0), "A1", start + FAILURES_WITHIN), "later");
        let same = |one: &str, other: &str| {
            network(one.parse().expect("an address")) == network(other.parse().expect("an address"))
        };
        assert!(same("2001:db8::1", "2001:db8::ffff:1") && !same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1") && !same("192.0.2.1", "192.0.2.2"));
        for number in 0..2_000 {
            sessions.failed(address(number), "A1", start);
        }
        assert_eq!(sessions.known().failures.len(), ADDRESSES_MAX);
    }
}

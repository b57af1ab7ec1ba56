//! The admin listener: `/healthz`, `/readyz`, `/metrics`, `/damaged`, `/backup`, and the admin API below `/v1`. Where there are
//! users, all but the first three need a user with a role.
//!
//! * `/healthz`: 200 while the broker works, 503 with the reason once its log has failed or its core loop hangs. A
//!   supervisor may restart the broker for it.
//! * `/readyz`: 200 while every request is served. 503 with the reason before recovery is done, while stopping, while
//!   the disk is full so that sends are refused, and whenever `/healthz` is 503.
//! * `/metrics`: the Prometheus text.
//! * `/damaged`: the messages whose records cannot be read, to list and to drop (`damaged`).
//! * `/backup`: copies of the data directory, for programs on this machine only (`backup`).
//! * `/v1/…`: everything that an operator looks at and does, as JSON (`v1`).
//!
//! Probes read what the core loop has published ([`posthouse_core::Status`]) and share one sign of life a second
//! (`pulse`); scrapers share one text (`scrape`). What clients of this listener do therefore does not add up in the core
//! loop.

mod backup;
mod damaged;
mod pulse;
mod scrape;
mod v1;

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, ORIGIN};
use hyper::service::{Service as _, service_fn};
use hyper::{Method, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use posthouse_aws::{AllowedHosts, Standing};
use posthouse_core::{Conditions, Inbox, Status};
use posthouse_log::Failure;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;

use super::accept::Acceptor;
use super::address::Shares;
use super::seats::{SeatLimits, Seated, Seats};
use super::stream::{Secure, Stream};
use crate::audit::{Audit, Occasion, Outcome};
use crate::backup::Backups;
use crate::configuration::{Configuration, Networks, Role};
use crate::core_client::ReplySender;
use crate::metrics::Metrics;
use crate::push::PushBoard;
pub(crate) use damaged::NEXT;
use pulse::Pulse;
use scrape::Scrapes;

/// Connections at once. For one more the connection that has been idle the longest is closed.
pub(crate) const CONNECTIONS_MAX: usize = 64;
/// How long a connection may last. Scrapers reconnect.
const CONNECTION_PATIENCE: Duration = Duration::from_secs(600);
/// How long the handshake of TLS may take.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may take to send a request, also between two requests.
const HEADER_PATIENCE: Duration = Duration::from_secs(60);

/// The stage of the broker's life.
#[derive(Clone)]
pub enum Stage {
    /// It replays its log.
    Recovering,
    /// It serves.
    Serving(Serving),
    /// It finishes the requests that are under way.
    Stopping,
}

/// The core loop of a broker that serves, as probes see it.
#[derive(Clone)]
pub struct Serving {
    inbox: Inbox<ReplySender>,
    status: Arc<Status>,
    pulse: Arc<Pulse>,
}

impl Serving {
    /// The loop behind this inbox, which publishes its conditions in `status`.
    #[must_use]
    pub fn new(inbox: Inbox<ReplySender>, status: Arc<Status>) -> Self {
        Self { inbox, status, pulse: Arc::default() }
    }
}

/// What the listener needs of the broker, in every stage of its life.
pub struct Surroundings {
    /// The configuration that the broker runs with, which a reload replaces.
    pub configuration: watch::Receiver<Arc<Configuration>>,
    /// By which names a browser may call the listener.
    pub allowed_hosts: AllowedHosts,
    /// What is counted outside the core loop.
    pub metrics: Metrics,
    /// The copies of the data directory.
    pub backups: Backups,
    /// The push targets.
    pub push: PushBoard,
    /// What connections are protected with, if they are.
    pub secure: Option<Secure>,
    /// Who changed what, and who was refused.
    pub audit: Arc<Audit>,
}

/// The address of the client that sent a request.
#[derive(Clone, Copy, Debug)]
struct Peer(IpAddr);

/// What an answer is made from.
#[derive(Clone)]
struct Source {
    stage: watch::Receiver<Stage>,
    scrapes: Arc<Scrapes>,
    /// By which names a browser may call this listener.
    allowed_hosts: Arc<AllowedHosts>,
    backups: Backups,
    audit: Arc<Audit>,
    /// The API of the configuration of the moment.
    api: watch::Receiver<Served>,
}

/// The API of one configuration.
#[derive(Clone)]
struct Served {
    api: Arc<v1::Api>,
    router: TowerToHyperService<Router>,
}

/// Serves until it is dropped.
pub async fn serve(
    listener: TcpListener,
    stage: watch::Receiver<Stage>,
    Surroundings { mut configuration, allowed_hosts, metrics, backups, push, secure, audit }: Surroundings,
) {
    let shares = Shares::new(100, Networks::default());
    let seats = Seats::new(SeatLimits { seats_max: CONNECTIONS_MAX, unkeyed_max: usize::MAX, shares });
    let listener = Acceptor::new(listener, "the admin listener");
    let scrapes = Scrapes::new(metrics, stage.clone());
    let lasting = v1::Lasting::new(&configuration.borrow(), backups.clone(), push);
    let of_stage = stage.clone();
    let api_of = |configuration: &mut watch::Receiver<Arc<Configuration>>| {
        let configuration = Arc::clone(&configuration.borrow_and_update());
        let api = Arc::new(v1::Api::new(of_stage.clone(), configuration, lasting.clone()));
        Served { router: TowerToHyperService::new(v1::router(Arc::clone(&api))), api }
    };
    let (current, api) = watch::channel(api_of(&mut configuration));
    let source = Source { stage, scrapes, allowed_hosts: Arc::new(allowed_hosts), backups, audit, api };
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.next(&seats) => accepted,
            Ok(()) = configuration.changed() => {
                current.send_replace(api_of(&mut configuration));
                continue;
            }
        };
        // If requests are under way on all others, the scraper is disconnected and tries again.
        if let Ok(seated) = seats.take(peer.ip()) {
            let (secure, seated, source) = (secure.clone(), Arc::new(seated), source.clone());
            tokio::spawn(async move {
                let stream = match secure {
                    None => Stream::Plain(stream),
                    Some(secure) => {
                        let accepted = tokio::select! {
                            accepted = secure.accept(stream, Instant::now() + HANDSHAKE_PATIENCE) => accepted,
                            () = seated.makes_room() => return,
                        };
                        match accepted {
                            Ok(stream) => stream,
                            Err(no_tls) => return no_tls.end_http(peer).await,
                        }
                    }
                };
                connection(stream, peer.ip(), seated, source).await;
            });
        }
    }
}

/// Serves one connection until it ends, has lasted long enough, or makes room for another.
async fn connection(stream: Stream, peer: IpAddr, seated: Arc<Seated>, source: Source) {
    let noted = Arc::clone(&seated);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        // One with a body may never end: it does not keep the connection from making room.
        let has_body = !request.body().is_end_stream();
        let under_way = (!has_body).then(|| noted.under_way(Standing::Keyed));
        let source = source.clone();
        async move {
            let answered = answer(request, peer, source).await;
            drop(under_way);
            answered
        }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_PATIENCE);
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // The timeout also ends clients that never read the response.
        ended = tokio::time::timeout(CONNECTION_PATIENCE, serving) => {
            if let Ok(Err(error)) = ended {
                tracing::debug!(%error, "an admin connection ended");
            }
        }
        () = seated.makes_room() => {}
    }
}

/// Answers a request, and notes it in the audit log if it asks for a change or is refused.
async fn answer(
    request: hyper::Request<Incoming>,
    peer: IpAddr,
    source: Source,
) -> Result<hyper::Response<Body>, Infallible> {
    let (began, audit) = (Instant::now(), Arc::clone(&source.audit));
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let key = access_key(request.headers());
    let answered = route(request, peer, source).await?;
    let status = answered.status();
    let outcome = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Outcome::Refused(status.as_str()),
        status if status.is_success() => Outcome::Done,
        status => Outcome::Failed(status.canonical_reason().unwrap_or("-")),
    };
    if changes || matches!(outcome, Outcome::Refused(_)) {
        let occasion = Occasion { protocol: "admin", peer, request_id: &"-", elapsed: began.elapsed() };
        audit.admin((&key, method.as_str(), &path), outcome, &occasion);
    }
    Ok(answered)
}

/// The access key that a request names as its signer's; `local` where it names none.
fn access_key(headers: &HeaderMap) -> String {
    let authorization = headers.get(hyper::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let credential = authorization.and_then(|text| text.split_once("Credential=")).map(|(_, rest)| rest);
    let key = credential.and_then(|rest| rest.split(['/', ',', ' ']).next());
    key.map_or_else(|| "local".into(), |key| key.chars().take(128).collect())
}

async fn route(
    request: hyper::Request<Incoming>,
    peer: IpAddr,
    source: Source,
) -> Result<hyper::Response<Body>, Infallible> {
    let (mut parts, body) = request.into_parts();
    if source.allowed_hosts.is_rebound(&parts) {
        let refused = text(StatusCode::FORBIDDEN, "a web page may not call this by a name outside `allowed_hosts`\n");
        return Ok(refused.map(Body::new));
    }
    let path = parts.uri.path();
    if path == "/v1" || path.starts_with("/v1/") {
        parts.extensions.insert(Peer(peer));
        let router = source.api.borrow().router.clone();
        return router.call(hyper::Request::from_parts(parts, body)).await;
    }
    let probed = matches!(path, "/healthz" | "/readyz" | "/metrics");
    if let Some(refused) = probed.then(|| source.api.borrow().api.refuses_probe(&parts)).flatten() {
        return Ok(refused);
    }
    let mut body = Body::new(body);
    if matches!(path, "/damaged" | "/backup") {
        let reads = parts.method.is_safe() && path == "/damaged";
        let role = if reads { Role::Viewer } else { Role::Operator };
        parts.extensions.insert(Peer(peer));
        let api = Arc::clone(&source.api.borrow().api);
        body = match api.admit(&parts, body, role).await {
            Ok(body) => body,
            Err(refused) => return Ok(refused),
        };
    }
    let answered = plain(hyper::Request::from_parts(parts, body), peer, source).await;
    Ok(answered.map(Body::new))
}

/// Answers a request for anything but the API.
async fn plain(request: hyper::Request<Body>, peer: IpAddr, source: Source) -> hyper::Response<Full<Bytes>> {
    let Source { stage, scrapes, backups, .. } = source;
    let stage = stage.borrow().clone();
    if request.uri().path() == "/damaged" {
        return match &stage {
            Stage::Serving(serving) => damaged::answer(&serving.inbox, request).await,
            Stage::Recovering => text(StatusCode::SERVICE_UNAVAILABLE, "recovering\n"),
            Stage::Stopping => text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
        };
    }
    if request.uri().path() == "/backup" {
        let inbox = match &stage {
            Stage::Serving(serving) => Some(&serving.inbox),
            Stage::Recovering | Stage::Stopping => None,
        };
        return backup::answer(&backups, inbox, peer, request).await;
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    }
    match request.uri().path() {
        "/healthz" => match &stage {
            Stage::Serving(serving) => probed(unhealthy(serving).await),
            Stage::Recovering | Stage::Stopping => probed(None),
        },
        "/readyz" => probed(match &stage {
            Stage::Serving(serving) => match unready(&serving.status.conditions()) {
                None => unhealthy(serving).await,
                reason => reason,
            },
            Stage::Recovering => Some("recovering".into()),
            Stage::Stopping => Some("stopping".into()),
        }),
        "/metrics" => match scrapes.text().await {
            Some(metrics) => {
                let mut response = text(StatusCode::OK, metrics);
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
                response
            }
            None => text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written\n"),
        },
        _ => text(StatusCode::NOT_FOUND, "/healthz, /readyz, /metrics, /damaged, /backup or /v1/overview\n"),
    }
}

/// Whether a browser sent the request for a page of any origin.
fn is_from_a_page(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    headers.contains_key(ORIGIN) || site.is_some_and(|site| site != "none" && site != "same-origin")
}

/// Why a restart might help. `None` if the broker works.
async fn unhealthy(serving: &Serving) -> Option<String> {
    match serving.status.conditions() {
        Conditions { failed: Some(reason), .. } => Some(failed(&reason)),
        Conditions { failed: None, .. } if serving.pulse.is_felt(&serving.inbox).await => None,
        Conditions { failed: None, .. } => Some("the core loop does not answer".into()),
    }
}

/// Why requests are refused. `None` if all are served.
fn unready(conditions: &Conditions) -> Option<String> {
    match conditions {
        Conditions { failed: Some(reason), .. } => Some(failed(reason)),
        Conditions { short: Some(reason), .. } => Some(format!(
            "the log gets no more files: {reason}. Every request that adds data is refused; receives and deletes are \
             served"
        )),
        Conditions { failed: None, short: None } => None,
    }
}

fn failed(reason: &Failure) -> String {
    format!("the log has failed: {reason}. Every request is refused until the broker is restarted")
}

/// The answer to a probe: 503 with the reason, if there is one.
fn probed(reason: Option<String>) -> hyper::Response<Full<Bytes>> {
    match reason {
        None => text(StatusCode::OK, "ok\n"),
        Some(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> hyper::Response<Full<Bytes>> {
    let mut response = hyper::Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn requests_of_pages_are_recognized() {
        let headers = |name: &'static str, value| {
            HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))])
        };
        for (name, value, expected) in [
            ("host", "127.0.0.1:9325", false),
            ("origin", "http://evil.example", true),
            ("origin", "null", true),
            ("sec-fetch-site", "none", false),
            ("sec-fetch-site", "cross-site", true),
            ("sec-fetch-site", "same-site", true),
        ] {
            assert_eq!(is_from_a_page(&headers(name, value)), expected, "{name}: {value}");
        }
    }
}

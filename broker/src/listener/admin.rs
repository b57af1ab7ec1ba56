//! The admin listener: `/healthz`, `/readyz`, `/metrics`. It authenticates no client and is meant for loopback.
//!
//! * `/healthz`: 200 while the broker works, 503 with the reason once its log has failed.
//! * `/readyz`: 200 once recovery is done and requests are served; 503 before, while stopping, and after a failure.
//! * `/metrics`: the Prometheus text.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Method, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use posthouse_core::{Inbox, Inspection};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot, watch};

use super::accept;
use crate::core_client::ReplySender;
use crate::metrics::Metrics;

/// Connections at once. Any more wait in the backlog.
const CONNECTIONS_MAX: usize = 64;
/// How long a connection may last. Scrapers reconnect.
const CONNECTION_PATIENCE: Duration = Duration::from_secs(600);
/// How long a client may take to send a request, also between two requests.
const HEADER_PATIENCE: Duration = Duration::from_secs(60);
/// How long the core loop may take to describe itself.
const INSPECTION_PATIENCE: Duration = Duration::from_secs(5);

/// The stage of the broker's life.
#[derive(Clone)]
pub enum Stage {
    /// It replays its log.
    Recovering,
    /// It serves.
    Serving(Inbox<ReplySender>),
    /// It finishes the requests that are under way.
    Stopping,
}

/// Serves until it is dropped.
pub async fn serve(listener: TcpListener, stage: watch::Receiver<Stage>, metrics: Metrics) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let stream = match accept::next(&listener).await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the admin listener cannot accept a connection");
                tokio::time::sleep(accept::PAUSE).await;
                continue;
            }
        };
        let (stage, metrics) = (stage.clone(), metrics.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, stage.clone(), metrics.clone()));
            let mut builder = hyper::server::conn::http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEADER_PATIENCE);
            let serving = builder.serve_connection(TokioIo::new(stream), service);
            // The timeout also ends clients that never read the response.
            if let Ok(Err(error)) = tokio::time::timeout(CONNECTION_PATIENCE, serving).await {
                tracing::debug!(%error, "an admin connection ended");
            }
            drop(permit);
        });
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    stage: watch::Receiver<Stage>,
    metrics: Metrics,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let stage = stage.borrow().clone();
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n"));
    }
    Ok(match request.uri().path() {
        "/healthz" => match &stage {
            Stage::Serving(inbox) => health(inbox).await,
            Stage::Recovering | Stage::Stopping => text(StatusCode::OK, "ok\n"),
        },
        "/readyz" => match &stage {
            Stage::Serving(inbox) => health(inbox).await,
            Stage::Recovering => text(StatusCode::SERVICE_UNAVAILABLE, "recovering\n"),
            Stage::Stopping => text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
        },
        "/metrics" => {
            let inspection = match &stage {
                Stage::Serving(inbox) => inspect(inbox).await,
                Stage::Recovering | Stage::Stopping => None,
            };
            let mut response = text(StatusCode::OK, metrics.text(inspection));
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
            response
        }
        _ => text(StatusCode::NOT_FOUND, "/healthz, /readyz or /metrics\n"),
    })
}

async fn health(inbox: &Inbox<ReplySender>) -> hyper::Response<Full<Bytes>> {
    match inspect(inbox).await {
        Some(Inspection { failure: Some(reason), .. }) => {
            text(StatusCode::SERVICE_UNAVAILABLE, format!("the log has failed: {reason}\n"))
        }
        Some(_) => text(StatusCode::OK, "ok\n"),
        None => text(StatusCode::SERVICE_UNAVAILABLE, "the core loop does not answer\n"),
    }
}

async fn inspect(inbox: &Inbox<ReplySender>) -> Option<Inspection> {
    let (sender, answer) = oneshot::channel();
    // The error of `send` says that the scraper has disconnected.
    inbox.inspect(Box::new(move |inspection| drop(sender.send(inspection))));
    tokio::time::timeout(INSPECTION_PATIENCE, answer).await.ok()?.ok()
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> hyper::Response<Full<Bytes>> {
    let mut response = hyper::Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
}

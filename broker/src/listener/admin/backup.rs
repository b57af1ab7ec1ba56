//! `/backup`: copies of the data directory, made while the broker runs.
//!
//! * `PUT /backup` begins one. The body is an [`Order`] as JSON.
//! * `GET /backup` has the [`Status`] of the latest one as JSON.
//! * `DELETE /backup` stops the one that is being made.
//!
//! The broker writes a copy of all data to a path that the request names, with its own rights. Only programs on the
//! broker's machine may ask for that: requests from other addresses than loopback ones are refused, wherever the listener
//! listens, and so are those of web pages and those that a proxy has passed on. Where there are users, it takes an operator
//! besides.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, Response, StatusCode};
use posthouse_core::Inbox;

use super::{is_from_a_page, text};
use crate::backup::{Backups, KEPT_MAX, Order, Refused};
use crate::core_client::ReplySender;

/// Bytes of a body: a path of the longest kind, and two numbers.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// How long a body may take.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// Answers a request for this path. Without an inbox no backup can begin.
pub(super) async fn answer(
    backups: &Backups,
    inbox: Option<&Inbox<ReplySender>>,
    peer: IpAddr,
    request: Request<Body>,
) -> Response<Full<Bytes>> {
    if !peer.to_canonical().is_loopback() {
        return text(StatusCode::FORBIDDEN, "backups are made for programs on this machine only\n");
    }
    if is_from_a_page(request.headers()) {
        return text(StatusCode::FORBIDDEN, "requests of web pages are refused\n");
    }
    match *request.method() {
        Method::GET | Method::HEAD => {
            let status = serde_json::to_string(&backups.status()).expect("a status is JSON");
            text(StatusCode::OK, format!("{status}\n"))
        }
        Method::PUT => match inbox {
            Some(inbox) => begin(backups, inbox, request.into_body()).await,
            None => text(StatusCode::SERVICE_UNAVAILABLE, "the broker is starting or stopping\n"),
        },
        Method::DELETE if backups.stop() => text(StatusCode::OK, "stopping\n"),
        Method::DELETE => text(StatusCode::CONFLICT, "no backup is being made\n"),
        _ => text(StatusCode::METHOD_NOT_ALLOWED, "GET, PUT or DELETE\n"),
    }
}

async fn begin(backups: &Backups, inbox: &Inbox<ReplySender>, body: Body) -> Response<Full<Bytes>> {
    let body = match tokio::time::timeout(BODY_PATIENCE, Limited::new(body, BODY_BYTES_MAX).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return text(StatusCode::BAD_REQUEST, "the body is too long or ended early\n"),
        Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "the body came too slowly\n"),
    };
    let order: Order = match serde_json::from_slice(&body) {
        Ok(order) => order,
        Err(error) => return text(StatusCode::BAD_REQUEST, format!("the body: {error}\n")),
    };
    if !(1..=KEPT_MAX).contains(&order.keep) {
        return text(StatusCode::BAD_REQUEST, format!("`keep` is from 1 to {KEPT_MAX}\n"));
    }
    if !order.to.is_absolute() {
        return text(StatusCode::BAD_REQUEST, "`to` is an absolute path\n");
    }
    match backups.begin(order, inbox.clone()) {
        Ok(()) => text(StatusCode::OK, "begun\n"),
        Err(Refused::Running(to)) => {
            text(StatusCode::CONFLICT, format!("a backup to {} is being made already\n", to.display()))
        }
        Err(Refused::Thread(error)) => text(StatusCode::SERVICE_UNAVAILABLE, format!("no thread for it: {error}\n")),
    }
}

//! The admin API: JSON below `/v1`. What each route takes and answers is in `docs/openapi.json`.
//!
//! Invariants:
//! * each route is a row of [`routes`] with the role that it needs, and no handler runs for a caller without it;
//! * a handler decides nothing about queues and topics. Operations of SQS and SNS go to the core loop as the same requests
//!   that their clients make; all else is an inspection, or an operation of the model that only this API has;
//! * an answer holds no secret: no secret access key, no password, no text of a setting that is one.

mod access;
mod answer;
mod configuration;
mod error;
mod input;
mod messages;
mod queue_path;
mod receiving;
mod selected;
mod looks;
mod matching;
mod overview;
mod queue;
mod queues;
mod ranking;
mod redrive;
mod topic;
mod topics;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::{MethodFilter, MethodRouter};
use hyper::Method;
use posthouse_aws::Verifier;
use tokio::sync::watch;

use super::Stage;
use crate::admin_client::SERVICE;
use crate::configuration::{Configuration, Role, Users};
use access::{Bodies, Needed, authenticate, check_role};
use error::{ApiError, Code};
use looks::Looks;

/// What handlers work with.
pub(super) struct Api {
    stage: watch::Receiver<Stage>,
    configuration: Arc<Configuration>,
    users: Users,
    /// `None` without users.
    verifier: Option<Verifier>,
    bodies: Bodies,
    looks: Looks,
}

impl Api {
    pub(super) fn new(stage: watch::Receiver<Stage>, configuration: Arc<Configuration>) -> Self {
        let users = Users::new(configuration.users.clone());
        let verifier = (!users.is_empty()).then(|| Verifier::new(SERVICE, Box::new(users.clone())));
        let looks = Looks::new(configuration.settings.limits.admin_listed_max.count());
        Self { stage, configuration, users, verifier, bodies: Bodies::new(), looks }
    }
}

/// One route, and the role that it needs.
struct Route {
    method: Method,
    path: &'static str,
    role: Role,
    handler: MethodRouter<Arc<Api>>,
}

/// A route that only reads.
fn get<H: Handler<T, Arc<Api>>, T: 'static>(path: &'static str, handler: H) -> Route {
    Route { method: Method::GET, path, role: Role::Viewer, handler: axum::routing::get(handler) }
}

/// A route that only reads, and whose question is a body.
fn ask<H: Handler<T, Arc<Api>>, T: 'static>(path: &'static str, handler: H) -> Route {
    Route { method: Method::POST, path, role: Role::Viewer, handler: axum::routing::post(handler) }
}

/// A route that changes something.
fn change<H: Handler<T, Arc<Api>>, T: 'static>(method: Method, path: &'static str, handler: H) -> Route {
    let filter = MethodFilter::try_from(method.clone()).expect("a method that routes have");
    Route { method, path, role: Role::Operator, handler: axum::routing::on(filter, handler) }
}

/// All routes.
fn routes() -> Vec<Route> {
    vec![
        get("/v1/overview", overview::show),
        get("/v1/users", users::list),
        get("/v1/configuration", configuration::show),
        get("/v1/queues/{account}/{name}/messages", messages::peek),
        change(Method::POST, "/v1/queues/{account}/{name}/messages/delete", selected::delete),
        change(Method::POST, "/v1/queues/{account}/{name}/messages/move", selected::move_some),
        change(Method::POST, "/v1/queues/{account}/{name}/messages/resend", selected::resend),
        change(Method::POST, "/v1/queues/{account}/{name}/messages/receive", receiving::receive),
        get("/v1/queues", queues::list),
        get("/v1/queues/{account}/{name}", queue::show),
        change(Method::DELETE, "/v1/queues/{account}/{name}", queue::delete),
        change(Method::POST, "/v1/queues/{account}/{name}/messages", queue::send),
        change(Method::POST, "/v1/queues/{account}/{name}/purge", queue::purge),
        get("/v1/queues/{account}/{name}/redrive", redrive::show),
        change(Method::POST, "/v1/queues/{account}/{name}/redrive", redrive::start),
        change(Method::DELETE, "/v1/queues/{account}/{name}/redrive", redrive::cancel),
        get("/v1/topics", topics::list),
        get("/v1/topics/{account}/{name}", topic::show),
        get("/v1/topics/{account}/{name}/subscriptions", topic::subscriptions),
        ask("/v1/topics/{account}/{name}/match", matching::explain),
        change(Method::POST, "/v1/topics/{account}/{name}/publish", topic::publish),
    ]
}

/// Answers every request whose path begins with `/v1`. Each has the address of its client as the extension
/// [`Peer`](super::Peer).
pub(super) fn router(api: Api) -> Router {
    let api = Arc::new(api);
    let with_route = |router: Router<Arc<Api>>, route: Route| {
        let Route { method, path, role, handler } = route;
        router.route(path, handler.route_layer(from_fn_with_state(Needed { method, path, role }, check_role)))
    };
    let unknown = || async { ApiError::new(Code::NotFound, "there is no such route: docs/openapi.json has all") };
    let not_allowed = || async { ApiError::new(Code::MethodNotAllowed, "this route does not have this method") };
    routes()
        .into_iter()
        .fold(Router::new(), with_route)
        .fallback(unknown)
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn_with_state(Arc::clone(&api), authenticate))
        .layer(map_response(answer::protect))
        .with_state(api)
}

#[cfg(test)]
mod tests;

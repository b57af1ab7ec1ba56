//! The admin API: JSON below `/v1`. What each route takes and answers is in `docs/openapi.json`.
//!
//! Invariants:
//! * each route but that of the login is a row of [`routes`] with the role that it needs, and no handler runs for a caller
//!   without it;
//! * a handler decides nothing about queues and topics. Operations of SQS and SNS go to the core loop as the same requests
//!   that their clients make; all else is an inspection, or an operation of the model that only this API has;
//! * an answer holds no secret: no secret access key, no password, no text of a setting that is one.

mod access;
mod answer;
mod configuration;
mod damage;
mod error;
mod events;
mod input;
mod looks;
mod matching;
mod messages;
mod overview;
mod push;
mod queue;
mod queue_path;
mod queues;
mod ranking;
mod receiving;
mod redrive;
mod selected;
mod sessions;
mod storage;
mod topic;
mod topics;
mod users;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::handler::Handler;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, MethodRouter};
use hyper::Method;
use hyper::http::request::Parts;
use posthouse_aws::Verifier;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::Stage;
use crate::admin_client::SERVICE;
use crate::backup::Backups;
use crate::configuration::{Configuration, Probes, Role, Users};
use crate::push::PushBoard;
use access::{Bodies, Needed, admit, authenticate, check_role};
use error::{ApiError, Code};
use events::Watchers;
use looks::Looks;
use sessions::Sessions;

/// What handlers work with.
pub(super) struct Api {
    stage: watch::Receiver<Stage>,
    configuration: Arc<Configuration>,
    users: Users,
    /// `None` without users.
    verifier: Option<Verifier>,
    bodies: Bodies,
    lasting: Lasting,
}

/// What stays when the configuration is reloaded. Clones share it.
#[derive(Clone)]
pub(super) struct Lasting {
    backups: Backups,
    push: PushBoard,
    sessions: Arc<Sessions>,
    watchers: Watchers,
    looks: Looks,
    works: Works,
    /// Those of the configuration of the moment.
    users: Arc<RwLock<Users>>,
}

/// The work that few requests do at once. Clones share it.
#[derive(Clone)]
struct Works {
    /// Looks at messages, each of which holds some megabytes until its answer is sent.
    peeks: Arc<Semaphore>,
    /// Matching of a topic's policies, which may take a second of a processor.
    matches: Arc<Semaphore>,
}

/// Requests at once that list messages.
const PEEKS_MAX: usize = 4;
/// How long a request waits for its turn.
const TURN_PATIENCE: Duration = Duration::from_secs(10);

/// A turn of `works`.
///
/// # Errors
/// `too_many` if none comes within [`TURN_PATIENCE`].
async fn turn(works: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, ApiError> {
    match tokio::time::timeout(TURN_PATIENCE, Arc::clone(works).acquire_owned()).await {
        Ok(permit) => Ok(permit.expect("the semaphore is never closed")),
        Err(_) => Err(ApiError::new(Code::TooMany, "others ask for the same kind of work: try again")),
    }
}

impl Lasting {
    pub(super) fn new(configuration: &Configuration, backups: Backups, push: PushBoard) -> Self {
        let listed_max = configuration.settings.limits.admin_listed_max.count();
        let works = Works { peeks: Arc::new(Semaphore::new(PEEKS_MAX)), matches: Arc::new(Semaphore::new(1)) };
        Self {
            backups,
            push,
            sessions: Arc::default(),
            watchers: Watchers::new(),
            looks: Looks::new(listed_max),
            works,
            users: Arc::new(RwLock::new(Users::new(configuration.users.clone()))),
        }
    }

    /// The users of the configuration of the moment.
    fn users(&self) -> Users {
        self.users.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Api {
    pub(super) fn new(stage: watch::Receiver<Stage>, configuration: Arc<Configuration>, lasting: Lasting) -> Self {
        let users = Users::new(configuration.users.clone());
        let verifier = (!users.is_empty()).then(|| Verifier::new(SERVICE, Box::new(users.clone())));
        *lasting.users.write().unwrap_or_else(PoisonError::into_inner) = users.clone();
        Self { stage, configuration, users, verifier, bodies: Bodies::new(), lasting }
    }
}

impl Api {
    /// Lets a request of `/damaged` or `/backup` in, where there are users with a role of at least this. Returns its body.
    ///
    /// # Errors
    /// The refusal.
    pub(super) async fn admit(&self, parts: &Parts, body: Body, role: Role) -> Result<Body, Response> {
        access::admit_operation(self, parts, body, role).await.map_err(ApiError::into_response)
    }

    /// The refusal of a request of `/healthz`, `/readyz` or `/metrics`, if the configuration asks for a role.
    pub(super) fn refuses_probe(&self, parts: &Parts) -> Option<Response> {
        match self.configuration.settings.admin.probes {
            Probes::Open => None,
            Probes::Viewer => access::check_probe(self, parts).err().map(ApiError::into_response),
        }
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

/// The one route that no signature and no session is needed for.
const LOGIN: &str = "/v1/login";

/// All other routes.
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
        get("/v1/push", push::list),
        change(Method::POST, "/v1/push/{id}/retry", push::retry),
        get("/v1/storage", storage::show),
        get("/v1/damaged", damage::list),
        change(Method::POST, "/v1/damaged/drop", damage::drop_some),
        get("/v1/events", events::watch),
        ask("/v1/logout", sessions::logout),
    ]
}

/// Answers every request whose path begins with `/v1`. Each has the address of its client as the extension
/// [`Peer`](super::Peer).
pub(super) fn router(api: Arc<Api>) -> Router {
    let with_route = |router: Router<Arc<Api>>, route: Route| {
        let Route { method, path, role, handler } = route;
        router.route(path, handler.route_layer(from_fn_with_state(Needed { method, path, role }, check_role)))
    };
    let unknown = || async { ApiError::new(Code::NotFound, "there is no such route: docs/openapi.json has all") };
    let not_allowed = || async { ApiError::new(Code::MethodNotAllowed, "this route does not have this method") };
    let open = Router::new()
        .route(LOGIN, axum::routing::post(sessions::login))
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn_with_state(Arc::clone(&api), admit));
    routes()
        .into_iter()
        .fold(Router::new(), with_route)
        .fallback(unknown)
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn_with_state(Arc::clone(&api), authenticate))
        .merge(open)
        .layer(map_response(answer::protect))
        .with_state(api)
}

#[cfg(test)]
mod tests;

//! `GET /v1/events`: server-sent events, one a second, for consoles and `top`.
//!
//! Each event is a look: the overview, and the queues that the parameters select, as `GET /v1/queues` answers them. All
//! watchers share the look of a second, and nothing is computed while there are none. There are up to [`WATCHERS_MAX`]
//! watchers. One that does not read is disconnected: its events wait in a channel of [`UNREAD_MAX`].

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream;
use hyper::header::{CONTENT_TYPE, HeaderName};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{MissedTickBehavior, interval};

use super::super::{Serving, Stage};
use super::Api;
use super::access::Principal;
use super::answer::{List, Time};
use super::error::{ApiError, Code};
use super::input::Params;
use super::overview::StateView;
use super::queues::{Query, QueueItem};
use crate::clock;

/// Watchers at once: half of the connections of the admin listener.
const WATCHERS_MAX: usize = 32;
/// The time between two events.
const SECOND: Duration = Duration::from_secs(1);
/// Events that may wait for one watcher, besides what its connection buffers.
const UNREAD_MAX: usize = 4;
/// Tells proxies not to collect events.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Who watches.
#[derive(Clone)]
pub(super) struct Watchers(Arc<Semaphore>);

impl Watchers {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(WATCHERS_MAX)))
    }
}

/// What an event says.
#[derive(Serialize)]
struct LookView {
    now: Time,
    #[serde(flatten)]
    state: StateView,
    items: List<QueueItem>,
}

/// Answers with events until the watcher disconnects or the broker stops.
pub(super) async fn watch(State(api): State<Arc<Api>>, principal: Principal, Params(query): Params<Query>) -> Response {
    let Ok(place) = Arc::clone(&api.lasting.watchers.0).try_acquire_owned() else {
        let message = format!("{WATCHERS_MAX} clients watch already: close one of them");
        return ApiError::new(Code::TooMany, message).into_response();
    };
    let (sender, receiver) = mpsc::channel(UNREAD_MAX);
    tokio::spawn(tell((api, principal), query, sender, place));
    let events = stream::unfold(receiver, |mut receiver| async {
        let event: Bytes = receiver.recv().await?;
        Some((Ok::<_, Infallible>(event), receiver))
    });
    let headers = [(CONTENT_TYPE, "text/event-stream"), (X_ACCEL_BUFFERING, "no")];
    (headers, Body::from_stream(events)).into_response()
}

/// Sends an event a second. Ends if the watcher has disconnected, has not read the events before, or would not be let in any
/// more.
async fn tell(
    (api, principal): (Arc<Api>, Principal),
    query: Query,
    events: mpsc::Sender<Bytes>,
    _place: OwnedSemaphorePermit,
) {
    let query = Arc::new(query);
    let mut seconds = interval(SECOND);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        if events.is_closed() || !principal.still(&api.lasting) {
            return;
        }
        let stage = api.stage.borrow().clone();
        let event = match stage {
            Stage::Serving(serving) => match look(&api, &serving, &query).await {
                Ok(look) => event("look", &look),
                Err(error) => event("problem", &error.body()),
            },
            Stage::Recovering => event("problem", &ApiError::new(Code::Unavailable, "the broker is starting").body()),
            Stage::Stopping => return,
        };
        if events.try_send(event).is_err() {
            return;
        }
    }
}

async fn look(api: &Api, serving: &Serving, query: &Arc<Query>) -> Result<LookView, ApiError> {
    let look = api.lasting.looks.latest(&serving.inbox).await?;
    let state = StateView::from(&*look.inspection);
    let query = Arc::clone(query);
    let cut = tokio::task::spawn_blocking(move || query.cut(&look)).await;
    let items = cut.map_err(|_| ApiError::new(Code::Internal, "the listing failed: the log has the reason"))??;
    Ok(LookView { now: Time(clock::now()), state, items })
}

/// An event of this name, as a server-sent one. JSON without line breaks needs one line of data.
fn event(name: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).expect("the types of answers have text keys and finite numbers");
    format!("event: {name}\ndata: {data}\n\n").into()
}

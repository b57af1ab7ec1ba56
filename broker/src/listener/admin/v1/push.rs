//! `GET /v1/push`: the endpoints that messages are pushed to; and `POST /v1/push/{id}/retry`: trying one at once.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use posthouse_model::operation::GetQueueAttributes;
use posthouse_model::{Caller, Fault, QueueAddress, QueueAttributeName};
use serde::{Deserialize, Serialize};

use super::Api;
use super::answer::{Json, List, Time};
use super::error::{ApiError, Code};
use super::input::{Cursor, Limit, Params};
use super::queue_path::Core;
use crate::core_client::{CoreClient, ask};
use crate::push::board;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    #[serde(default)]
    limit: Limit,
    after: Option<Cursor>,
    /// A part of the subscription's ARN or of the endpoint.
    filter: Option<String>,
    /// Only those whose latest attempt failed, or only the others.
    failing: Option<bool>,
}

#[derive(Serialize)]
pub(super) struct TargetItem {
    id: String,
    /// The subscription's ARN, or whose publications to phones and devices these are.
    name: String,
    protocol: &'static str,
    endpoint: String,
    /// Messages that are still to be delivered, those under way included. `null` if the subscription was just deleted.
    backlog: Option<u64>,
    /// Deliveries that may be under way at once: more while they arrive, fewer while they fail.
    window: usize,
    under_way: usize,
    /// Attempts that failed since one arrived.
    failures: u64,
    latest_attempt: Option<AttemptView>,
    /// When the next delivery is tried again, as far as it is known.
    next_retry: Option<Time>,
    /// Deliveries that are known to wait for that.
    waiting: usize,
}

#[derive(Serialize)]
struct AttemptView {
    at: Time,
    delivered: bool,
    /// The status of the response, if there was one.
    status: Option<u16>,
    reason: String,
    milliseconds: u64,
}

/// Answers with a part of the targets.
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Core(serving): Core,
    Params(query): Params<Query>,
) -> Result<Json<List<TargetItem>>, ApiError> {
    let after = query.after.as_ref().map(|cursor| queue_of(&cursor.0)).transpose()?;
    let (limit, board) = (query.limit.get(), api.lasting.push.clone());
    let select = move || board.after(after.as_ref(), limit + 1, |state| query.selects(state));
    let selected = tokio::task::spawn_blocking(select).await;
    let mut selected = selected
        .map_err(|_| ApiError::new(Code::Internal, "the listing failed: the log of the broker has the reason"))?;
    let more = selected.len() > limit;
    selected.truncate(limit);
    let next = selected.last().filter(|_| more).map(|(queue, _)| id(queue));
    let mut items = Vec::with_capacity(selected.len());
    for (queue, state) in selected {
        items.push(TargetItem::of(&queue, state, backlog(&serving.inbox, &queue).await?));
    }
    Ok(Json(List { items, next }))
}

impl Query {
    fn selects(&self, state: &board::State) -> bool {
        let is_failing = state.latest.as_ref().is_some_and(|latest| !latest.delivered);
        self.failing.is_none_or(|failing| failing == is_failing)
            && self.filter.as_ref().is_none_or(|part| state.name.contains(&**part) || state.endpoint.contains(&**part))
    }
}

impl TargetItem {
    fn of(queue: &QueueAddress, state: board::State, backlog: Option<u64>) -> Self {
        let (next_retry, waiting) = (state.next_retry().map(Time), state.waiting());
        Self {
            id: id(queue),
            name: state.name,
            protocol: state.protocol,
            endpoint: state.endpoint,
            backlog,
            window: state.window,
            under_way: state.under_way,
            failures: state.failures,
            latest_attempt: state.latest.map(|latest| AttemptView {
                at: Time(latest.at),
                delivered: latest.delivered,
                status: latest.status,
                reason: latest.reason,
                milliseconds: u64::try_from(latest.took.as_millis()).unwrap_or(u64::MAX),
            }),
            next_retry,
            waiting,
        }
    }
}

/// The messages in the queue of a target. `None` if it was deleted.
async fn backlog(core: &dyn CoreClient, queue: &QueueAddress) -> Result<Option<u64>, ApiError> {
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
    ];
    let request = GetQueueAttributes { queue: queue.clone(), names: names.into() };
    match ask(core, Caller::broker(queue.region.clone()), request).await {
        Ok(counts) => Ok(Some(counts.values().filter_map(|count| count.parse::<u64>().ok()).sum())),
        Err(Fault::QueueDoesNotExist) => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}

#[derive(Serialize)]
pub(super) struct Retried {
    /// Deliveries that are tried now.
    deliveries: usize,
}

/// Tries the deliveries of a target now that wait for their next attempt.
pub(super) async fn retry(
    State(api): State<Arc<Api>>,
    Core(_): Core,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Retried>, ApiError> {
    let unknown = || ApiError::new(Code::NotFound, "there is no such push endpoint: GET /v1/push has their ids");
    let Path(id) = id.map_err(|_| unknown())?;
    let cursor = Cursor::try_from(id).map_err(|_| unknown())?;
    let queue = queue_of(&cursor.0).map_err(|_| unknown())?;
    let entry = api.lasting.push.find(&queue).ok_or_else(unknown)?;
    Ok(Json(Retried { deliveries: entry.try_now() }))
}

/// What names a target: its queue, in a form that fits into a path.
fn id(queue: &QueueAddress) -> String {
    Cursor(queue.to_string()).to_string()
}

fn queue_of(text: &str) -> Result<QueueAddress, ApiError> {
    QueueAddress::stored(text).map_err(|_| ApiError::bad_request("`after` is not the `next` of a listing"))
}

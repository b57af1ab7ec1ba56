//! `/v1/damaged`: the messages whose records cannot be read, to list and to drop.

use posthouse_model::limits::{DAMAGED_DROPPED_MAX, DAMAGED_LISTED_MAX};
use posthouse_model::operation::{DamagedId, DamagedMessage, DropDamagedMessages, ListDamagedMessages};
use posthouse_model::{Caller, PageSize};
use serde::{Deserialize, Serialize};

use super::answer::{Json, List, Time};
use super::error::ApiError;
use super::input::{Limit, Params, Parsed};
use super::queue_path::{Body, Core};
use crate::core_client::ask;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    #[serde(default)]
    limit: Limit,
    after: Option<Parsed<DamagedId>>,
}

#[derive(Serialize)]
pub(super) struct DamagedItem {
    id: String,
    queue: String,
    cause: &'static str,
    found: Time,
    sent: Time,
    receive_count: u32,
    group_id: Option<String>,
    /// The file and the place in it; `null` if the segment is not there any more.
    file: Option<String>,
    offset: Option<u64>,
    bytes: u32,
}

impl From<DamagedMessage> for DamagedItem {
    fn from(message: DamagedMessage) -> Self {
        let bytes = message.record.length;
        let (file, offset) = message.record.file.unzip();
        Self {
            id: message.id.to_string(),
            queue: message.queue.to_string(),
            cause: message.cause.as_str(),
            found: Time(message.found),
            sent: Time(message.sent),
            receive_count: message.receive_count,
            group_id: (!message.group.is_empty()).then(|| message.group.to_string()),
            file: file.map(|file| file.to_string()),
            offset,
            bytes,
        }
    }
}

/// The broker itself. What it asks here concerns the queues of all regions.
fn caller() -> Caller {
    Caller::broker("local".parse().expect("a region's name"))
}

/// Answers with a part of the damaged messages.
pub(super) async fn list(
    Core(serving): Core,
    Params(query): Params<Query>,
) -> Result<Json<List<DamagedItem>>, ApiError> {
    let limit = i64::try_from(query.limit.get()).ok().and_then(|limit| PageSize::<DAMAGED_LISTED_MAX>::new(limit).ok());
    let results_max = limit.unwrap_or(PageSize::MAX);
    let after = query.after.map(|after| after.0);
    let page = ask(&serving.inbox, caller(), ListDamagedMessages { after, results_max }).await?;
    let items = page.items.into_iter().map(DamagedItem::from).collect();
    Ok(Json(List { items, next: page.next.map(|next| next.to_string()) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ids {
    ids: Vec<Parsed<DamagedId>>,
}

#[derive(Serialize)]
pub(super) struct Dropped {
    /// Those that were there.
    dropped: Vec<String>,
}

/// Drops damaged messages.
pub(super) async fn drop_some(Core(serving): Core, Body(Ids { ids }): Body<Ids>) -> Result<Json<Dropped>, ApiError> {
    let request = DropDamagedMessages::new(ids.into_iter().map(|id| id.0).collect());
    let request = request.map_err(|_| ApiError::bad_request(format!("at most {DAMAGED_DROPPED_MAX} ids")))?;
    let dropped = ask(&serving.inbox, caller(), request).await?;
    for id in &dropped {
        tracing::warn!(%id, "a damaged message was dropped");
    }
    Ok(Json(Dropped { dropped: dropped.iter().map(ToString::to_string).collect() }))
}

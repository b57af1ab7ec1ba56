//! `POST /v1/queues/{account}/{name}/messages/{delete,move,resend}`: what an operator does with messages that a listing has
//! shown. One request is one event: all of it happens, or nothing.

use posthouse_model::QueueAddress;
use posthouse_model::limits::SELECTED_MAX;
use posthouse_model::operation::{
    CopySelectedMessages, DeleteSelectedMessages, InFlightRule, MessageName, MoveSelectedMessages, MoveTaskId,
    Operation, Selected, SelectedOutcome,
};
use serde::{Deserialize, Serialize};

use super::super::Serving;
use super::answer::Json;
use super::error::ApiError;
use super::input::Params;
use super::queue_path::{Body, Core, InRegion, QueueOf};
use crate::core_client::ask;

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum InFlight {
    #[default]
    Leave,
    Take,
}

impl From<InFlight> for InFlightRule {
    fn from(rule: InFlight) -> Self {
        match rule {
            InFlight::Leave => Self::Leave,
            InFlight::Take => Self::Take,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deletion {
    ids: Vec<String>,
    #[serde(default)]
    in_flight: InFlight,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Move {
    ids: Vec<String>,
    #[serde(default)]
    in_flight: InFlight,
    /// The name or the ARN of a queue of the same account.
    to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Resend {
    ids: Vec<String>,
    /// As for a move; without it the queue itself.
    to: Option<String>,
}

/// What became of the messages.
#[derive(Serialize)]
pub(super) struct OutcomeView {
    /// With how many it was done.
    done: usize,
    /// Each that was named, once, in the order of the request.
    items: Vec<ItemView>,
}

#[derive(Serialize)]
struct ItemView {
    id: String,
    outcome: &'static str,
}

pub(super) async fn delete(
    Core(serving): Core,
    queue: QueueOf,
    _: Params<InRegion>,
    Body(wanted): Body<Deletion>,
) -> Result<Json<OutcomeView>, ApiError> {
    let (messages, in_flight) = (selected(&wanted.ids)?, wanted.in_flight.into());
    let request = DeleteSelectedMessages { queue: queue.address.clone(), messages: messages.clone(), in_flight };
    carry_out(&serving, &queue, &messages, request).await
}

pub(super) async fn move_some(
    Core(serving): Core,
    queue: QueueOf,
    _: Params<InRegion>,
    Body(wanted): Body<Move>,
) -> Result<Json<OutcomeView>, ApiError> {
    let (messages, in_flight) = (selected(&wanted.ids)?, wanted.in_flight.into());
    let request = MoveSelectedMessages {
        queue: queue.address.clone(),
        messages: messages.clone(),
        in_flight,
        destination: destination(&queue.address, &wanted.to)?,
        seed: MoveTaskId::from_bytes(rand::random()),
    };
    carry_out(&serving, &queue, &messages, request).await
}

pub(super) async fn resend(
    Core(serving): Core,
    queue: QueueOf,
    _: Params<InRegion>,
    Body(wanted): Body<Resend>,
) -> Result<Json<OutcomeView>, ApiError> {
    let messages = selected(&wanted.ids)?;
    let destination = match &wanted.to {
        Some(to) => destination(&queue.address, to)?,
        None => queue.address.clone(),
    };
    let seed = MoveTaskId::from_bytes(rand::random());
    let request = CopySelectedMessages { queue: queue.address.clone(), messages: messages.clone(), destination, seed };
    carry_out(&serving, &queue, &messages, request).await
}

fn selected(ids: &[String]) -> Result<Selected, ApiError> {
    let names: Result<Vec<MessageName>, _> = ids.iter().map(|id| id.parse()).collect();
    let names = names.map_err(|error| ApiError::bad_request(format!("{error}, as the listing of messages shows")))?;
    if names.is_empty() {
        return Err(ApiError::bad_request("`ids` names no message"));
    }
    Selected::new(names).map_err(|_| ApiError::bad_request(format!("a request names {SELECTED_MAX} messages at most")))
}

/// A queue of the account and the region of another one, by its name; or by its ARN.
fn destination(queue: &QueueAddress, to: &str) -> Result<QueueAddress, ApiError> {
    if to.starts_with("arn:") {
        return to.parse().map_err(|_| ApiError::bad_request("`to` is not the ARN of a queue"));
    }
    let name = to.parse().map_err(|error| ApiError::bad_request(format!("`to`: {error}")))?;
    Ok(QueueAddress { name, ..queue.clone() })
}

async fn carry_out<O: Operation<Reply = Vec<SelectedOutcome>>>(
    serving: &Serving,
    queue: &QueueOf,
    messages: &Selected,
    request: O,
) -> Result<Json<OutcomeView>, ApiError> {
    let outcomes = ask(&serving.inbox, queue.caller(), request).await?;
    let items = messages.names().iter().zip(&outcomes).map(|(name, outcome)| ItemView {
        id: name.to_string(),
        outcome: match outcome {
            SelectedOutcome::Done => "done",
            SelectedOutcome::NotFound => "not_found",
            SelectedOutcome::InFlight => "in_flight",
            SelectedOutcome::Damaged => "damaged",
        },
    });
    let done = outcomes.iter().filter(|outcome| **outcome == SelectedOutcome::Done).count();
    Ok(Json(OutcomeView { done, items: items.collect() }))
}

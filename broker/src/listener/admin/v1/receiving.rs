//! `POST /v1/queues/{account}/{name}/messages/receive`: a receive as a consumer's, for an operator who tries a queue.
//!
//! What was received is in flight and comes back after its visibility timeout, unless it is deleted by its id
//! (`selected`). So no message is lost with an answer that does not arrive.

use posthouse_model::operation::ReceiveMessage;
use posthouse_model::{OutOfRange, ReceiveWait, SqsMessageCount, VisibilityTimeout, WaitTime};
use serde::{Deserialize, Serialize};

use super::answer::Json;
use super::error::ApiError;
use super::input::Params;
use super::messages::MessageView;
use super::queue_path::{Body, Core, InRegion, QueueOf};
use crate::core_client::ask;

/// What to receive.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Messages at most, 1 to 10; one without it.
    max: Option<i64>,
    #[serde(default)]
    wait_seconds: i64,
    /// The queue's visibility timeout without it.
    visibility_seconds: Option<i64>,
}

#[derive(Serialize)]
pub(super) struct ReceivedView {
    items: Vec<MessageView>,
}

fn refused(parameter: &str, error: OutOfRange) -> ApiError {
    let OutOfRange { value, min, max } = error;
    ApiError::bad_request(format!("`{parameter}` is {value}; allowed: {min} to {max}"))
}

/// Receives.
pub(super) async fn receive(
    Core(serving): Core,
    queue: QueueOf,
    _: Params<InRegion>,
    Body(wanted): Body<Wanted>,
) -> Result<Json<ReceivedView>, ApiError> {
    let messages_max = SqsMessageCount::new(wanted.max.unwrap_or(1)).map_err(|error| refused("max", error))?;
    let wait = WaitTime::new(wanted.wait_seconds).map_err(|error| refused("wait_seconds", error))?;
    let visibility_timeout = wanted.visibility_seconds.map(VisibilityTimeout::new).transpose();
    let request = ReceiveMessage {
        queue: queue.address.clone(),
        messages_max: messages_max.into(),
        visibility_timeout: visibility_timeout.map_err(|error| refused("visibility_seconds", error))?,
        wait: Some(ReceiveWait::AtMost(wait)),
        attempt: None,
    };
    let received = ask(&serving.inbox, queue.caller(), request).await?;
    let items = received.iter().map(|message| MessageView::of_message(message, ("in_flight", None), usize::MAX));
    Ok(Json(ReceivedView { items: items.collect() }))
}

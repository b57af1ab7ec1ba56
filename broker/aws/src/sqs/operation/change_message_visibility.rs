//! `ChangeMessageVisibility` and `ChangeMessageVisibilityBatch`.

use posthouse_model::fault::RangedParameter;
use posthouse_model::operation::{ChangeMessageVisibility, ChangeMessageVisibilityBatch};
use posthouse_model::{Fault, SqsAction, VisibilityTimeout};
use serde::Deserialize;

use super::batch;
use crate::protocol::input::{Integer, List, Object, Text};
use crate::protocol::refusal::Refusal;
use crate::sqs::context::{Context, required, within};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Input<'a> {
    queue_url: Option<Text<'a>>,
    receipt_handle: Option<Text<'a>>,
    visibility_timeout: Option<Integer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct BatchInput<'a> {
    queue_url: Option<Text<'a>>,
    entries: Option<List<Object<Entry<'a>>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
struct Entry<'a> {
    id: Option<Text<'a>>,
    receipt_handle: Option<Text<'a>>,
    visibility_timeout: Option<Integer>,
}

pub(super) fn decode(input: &Input<'_>, context: &Context<'_>) -> Result<ChangeMessageVisibility, Refusal> {
    let queue = context.queue(input.queue_url.as_ref())?;
    let handle = required(input.receipt_handle.as_ref(), "ReceiptHandle")?;
    let visibility_timeout = timeout(required(input.visibility_timeout, "VisibilityTimeout")?)?;
    Ok(ChangeMessageVisibility { queue, handle: context.handle(handle), visibility_timeout })
}

pub(super) fn decode_batch(
    input: BatchInput<'_>,
    context: &Context<'_>,
) -> Result<ChangeMessageVisibilityBatch, Refusal> {
    let queue = context.queue(input.queue_url.as_ref())?;
    let entries =
        batch::entries(SqsAction::ChangeMessageVisibilityBatch, input.entries, |entry: &Entry<'_>| entry.id.as_ref())?;
    let entries = entries.try_map(|entry| {
        let handle = required(entry.receipt_handle.as_ref(), "ReceiptHandle")?;
        let visibility_timeout = required(entry.visibility_timeout, "VisibilityTimeout")?;
        Ok::<_, Fault>(timeout(visibility_timeout).and_then(|timeout| Ok((context.handle(handle)?, timeout))))
    });
    Ok(ChangeMessageVisibilityBatch { queue, entries: entries? })
}

fn timeout(number: Integer) -> Result<VisibilityTimeout, Fault> {
    within(number, RangedParameter::ChangedVisibilityTimeout)
}

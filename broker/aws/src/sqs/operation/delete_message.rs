//! `DeleteMessage` and `DeleteMessageBatch`.

use posthouse_model::SqsAction;
use posthouse_model::operation::{DeleteMessage, DeleteMessageBatch};
use serde::Deserialize;

use super::batch;
use crate::protocol::input::{List, Object, Text};
use crate::protocol::refusal::Refusal;
use crate::sqs::context::{Context, required};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Input<'a> {
    queue_url: Option<Text<'a>>,
    receipt_handle: Option<Text<'a>>,
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
}

pub(super) fn decode(input: &Input<'_>, context: &Context<'_>) -> Result<DeleteMessage, Refusal> {
    let queue = context.queue(input.queue_url.as_ref())?;
    let handle = context.handle(required(input.receipt_handle.as_ref(), "ReceiptHandle")?);
    Ok(DeleteMessage { queue, handle })
}

pub(super) fn decode_batch(input: BatchInput<'_>, context: &Context<'_>) -> Result<DeleteMessageBatch, Refusal> {
    let queue = context.queue(input.queue_url.as_ref())?;
    let entries = batch::entries(SqsAction::DeleteMessageBatch, input.entries, |entry: &Entry<'_>| entry.id.as_ref())?;
    let entries = entries
        .try_map(|entry| required(entry.receipt_handle.as_ref(), "ReceiptHandle").map(|text| context.handle(text)));
    Ok(DeleteMessageBatch { queue, entries: entries? })
}

//! The actions that take a queue and nothing else, `DeleteQueue`, `GetQueueUrl` and `PurgeQueue`; and the answer that
//! is a queue's URL.

use posthouse_model::QueueAddress;
use posthouse_model::operation::{DeleteQueue, GetQueueUrl, PurgeQueue};
use serde::Deserialize;

use crate::protocol::input::Text;
use crate::protocol::refusal::Refusal;
use crate::protocol::writer::Writer;
use crate::sqs::context::{Context, required};
use crate::sqs::url::UrlBase;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Input<'a> {
    pub(super) queue_url: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct GetQueueUrlInput<'a> {
    queue_name: Option<Text<'a>>,
    #[serde(rename = "QueueOwnerAWSAccountId")]
    owner: Option<Text<'a>>,
}

pub(super) fn decode_delete_queue(input: &Input<'_>, context: &Context<'_>) -> Result<DeleteQueue, Refusal> {
    Ok(DeleteQueue { queue: context.queue(input.queue_url.as_ref())? })
}

pub(super) fn decode_purge_queue(input: &Input<'_>, context: &Context<'_>) -> Result<PurgeQueue, Refusal> {
    Ok(PurgeQueue { queue: context.queue(input.queue_url.as_ref())? })
}

pub(super) fn decode_get_queue_url(
    input: &GetQueueUrlInput<'_>,
    context: &Context<'_>,
) -> Result<GetQueueUrl, Refusal> {
    let name = required(input.queue_name.as_ref(), "QueueName")?;
    Ok(GetQueueUrl { queue: context.named_queue(name, input.owner.as_ref())? })
}

pub(super) fn encode(writer: &mut Writer, queue: &QueueAddress, url_base: &UrlBase) {
    writer.text("QueueUrl", &url_base.queue_url(queue));
}

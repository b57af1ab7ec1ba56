//! `CreateQueue`; its answer is in `queue.rs`.

use posthouse_model::AttributeChanges;
use posthouse_model::operation::{CreateQueue, Tags};
use serde::Deserialize;

use crate::protocol::input::{Entries, Text};
use crate::protocol::refusal::Refusal;
use crate::sqs::context::{queue_name, required};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Input<'a> {
    queue_name: Option<Text<'a>>,
    attributes: Option<Entries<'a, Text<'a>>>,
    // The one member of the service model that starts with a small letter.
    #[serde(rename = "tags", alias = "Tags")]
    tags: Option<Entries<'a, Text<'a>>>,
}

pub(super) fn decode(input: &Input<'_>) -> Result<CreateQueue, Refusal> {
    let name = queue_name(required(input.queue_name.as_ref(), "QueueName")?)?;
    let attributes = AttributeChanges::parse(input.attributes.iter().flat_map(Entries::texts))?;
    let tags = Tags::parse(input.tags.iter().flat_map(Entries::texts))?;
    Ok(CreateQueue { name, attributes, tags })
}

//! `SetQueueAttributes`.

use posthouse_model::AttributeChanges;
use posthouse_model::operation::SetQueueAttributes;
use serde::Deserialize;

use crate::protocol::input::{Entries, Text};
use crate::protocol::refusal::Refusal;
use crate::sqs::context::{Context, required};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Input<'a> {
    queue_url: Option<Text<'a>>,
    attributes: Option<Entries<'a, Text<'a>>>,
}

pub(super) fn decode(input: &Input<'_>, context: &Context<'_>) -> Result<SetQueueAttributes, Refusal> {
    let queue = context.queue(input.queue_url.as_ref())?;
    let attributes = required(input.attributes.as_ref(), "Attributes")?;
    Ok(SetQueueAttributes { queue, changes: AttributeChanges::parse(attributes.texts())? })
}

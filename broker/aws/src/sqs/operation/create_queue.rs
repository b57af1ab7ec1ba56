//! `CreateQueue`; its answer is in `queue.rs`.

use posthouse_model::fault::InvalidValue;
use posthouse_model::operation::{CreateQueue, Tags};
use posthouse_model::{AttributeChanges, Fault, QueueAttributeName};
use serde::Deserialize;

use crate::protocol::input::{Entries, Text};
use crate::protocol::refusal::Refusal;
use crate::sqs::context::required;

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
    let attributes = || input.attributes.iter().flat_map(Entries::texts);
    let name = required(input.queue_name.as_ref(), "QueueName")?;
    let name = name.parse().map_err(|_| Fault::invalid(broken_name(attributes())))?;
    let attributes = AttributeChanges::parse(attributes())?;
    let tags = Tags::parse(input.tags.iter().flat_map(Entries::texts))?;
    Ok(CreateQueue { name, attributes, tags })
}

/// What is said of a name that no queue can have. The rule for FIFO queues has a sentence of its own.
fn broken_name<'t>(mut attributes: impl Iterator<Item = (&'t str, &'t str)>) -> InvalidValue {
    let is_fifo = attributes
        .any(|(name, value)| name == QueueAttributeName::FifoQueue.as_str() && value.eq_ignore_ascii_case("true"));
    if is_fifo { InvalidValue::FifoQueueName } else { InvalidValue::QueueName }
}

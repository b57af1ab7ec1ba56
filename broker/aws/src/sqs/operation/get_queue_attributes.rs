//! `GetQueueAttributes`.

use std::collections::BTreeSet;

use posthouse_model::operation::GetQueueAttributes;
use posthouse_model::{Fault, QueueAttributeName, QueueView};
use serde::Deserialize;

use super::ATTRIBUTES;
use crate::protocol::input::{List, Text};
use crate::protocol::refusal::Refusal;
use crate::protocol::text::excerpt;
use crate::protocol::writer::Writer;
use crate::sqs::context::Context;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Input<'a> {
    queue_url: Option<Text<'a>>,
    attribute_names: Option<List<Text<'a>>>,
}

pub(super) fn decode(input: &Input<'_>, context: &Context<'_>) -> Result<GetQueueAttributes, Refusal> {
    let queue = context.queue(input.queue_url.as_ref())?;
    let mut names = BTreeSet::new();
    for name in input.attribute_names.iter().flatten() {
        if &**name == "All" {
            names.extend(QueueAttributeName::ALL.iter().copied());
        } else {
            names.insert(name.parse().map_err(|_| Fault::unknown_attribute(excerpt(name)))?);
        }
    }
    Ok(GetQueueAttributes { queue, names })
}

/// SQS leaves the map out where it is empty.
pub(super) fn encode(writer: &mut Writer, attributes: &QueueView) {
    if !attributes.is_empty() {
        writer.map(ATTRIBUTES, "Name", attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    }
}

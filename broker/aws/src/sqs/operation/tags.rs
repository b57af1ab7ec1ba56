//! `TagQueue`, `UntagQueue` and `ListQueueTags`.

use posthouse_model::operation::{ListQueueTags, TagKeys, TagQueue, Tags, UntagQueue};
use serde::Deserialize;

use super::queue;
use crate::protocol::input::{Entries, List, Text};
use crate::protocol::refusal::Refusal;
use crate::protocol::writer::{Plural, Writer};
use crate::sqs::context::{Context, required};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct TagInput<'a> {
    queue_url: Option<Text<'a>>,
    tags: Option<Entries<'a, Text<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct UntagInput<'a> {
    queue_url: Option<Text<'a>>,
    tag_keys: Option<List<Text<'a>>>,
}

pub(super) fn decode_tag(input: &TagInput<'_>, context: &Context<'_>) -> Result<TagQueue, Refusal> {
    let queue = context.queue(input.queue_url.as_ref())?;
    // A map without entries counts as none: Query cannot tell the two apart.
    let tags = required(input.tags.as_ref().filter(|tags| !tags.0.is_empty()), "Tags")?;
    Ok(TagQueue { queue, tags: Tags::parse(tags.texts())? })
}

pub(super) fn decode_untag(input: &UntagInput<'_>, context: &Context<'_>) -> Result<UntagQueue, Refusal> {
    let queue = context.queue(input.queue_url.as_ref())?;
    let keys = required(input.tag_keys.as_ref(), "TagKeys")?;
    Ok(UntagQueue { queue, keys: TagKeys::parse(keys.iter().map(|key| &**key))? })
}

pub(super) fn decode_list(input: &queue::Input<'_>, context: &Context<'_>) -> Result<ListQueueTags, Refusal> {
    Ok(ListQueueTags { queue: context.queue(input.queue_url.as_ref())? })
}

/// SQS leaves the map out where it is empty.
pub(super) fn encode(writer: &mut Writer, tags: &Tags) {
    if !tags.is_empty() {
        writer.map(Plural("Tags", "Tag"), "Key", tags.iter());
    }
}

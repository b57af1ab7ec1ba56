//! One queue: what it is and has, and what an operator does with it. Each operation is the request of SQS that does the same,
//! made in the name of the queue's account.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use posthouse_model::limits::LIST_RESULTS_MAX;
use posthouse_model::message::{MessageDraft, TraceHeader};
use posthouse_model::operation::{
    DeleteQueue, GetQueueAttributes, ListDeadLetterSourceQueues, ListQueueTags, PurgeQueue, SendMessage,
};
use posthouse_model::redrive::RedrivePolicy;
use posthouse_model::{Delay, Identity, MessageId, PageSize, QueueAttributeName};
use serde::{Deserialize, Serialize};

use super::Api;
use super::answer::{Json, Named};
use super::error::ApiError;
use super::input::{AttributeInput, Params};
use super::queue_path::{Body, Core, InRegion, QueueOf};
use super::queues::Figures;
use crate::core_client::ask;

#[derive(Serialize)]
pub(super) struct QueueView {
    #[serde(flatten)]
    named: Named,
    /// As SQS names and writes them, but for the counts.
    attributes: BTreeMap<&'static str, String>,
    tags: BTreeMap<String, String>,
    /// The queue that messages of this one go to which were received too often.
    dead_letter_target: Option<DeadLetterTarget>,
    /// The queues whose messages come here when they were received too often.
    dead_letter_sources: Vec<String>,
    /// Whether there are more sources than are listed.
    more_sources: bool,
    /// Missing if the broker has more queues than `limits.admin_listed_max` and this is none of the first, or if it was made
    /// after the look.
    #[serde(flatten)]
    figures: Option<Figures>,
}

#[derive(Serialize)]
struct DeadLetterTarget {
    arn: String,
    max_receive_count: u32,
}

/// Answers with everything about a queue but its messages.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    Core(serving): Core,
    queue: QueueOf,
    _: Params<InRegion>,
) -> Result<Json<QueueView>, ApiError> {
    let core = &serving.inbox;
    let (caller, address) = (queue.caller(), queue.address);
    let names = QueueAttributeName::ALL.iter().copied().collect();
    let attributes = ask(core, caller.clone(), GetQueueAttributes { queue: address.clone(), names }).await?;
    let tags = ask(core, caller.clone(), ListQueueTags { queue: address.clone() }).await?;
    let sources = ListDeadLetterSourceQueues {
        queue: address.clone(),
        results_max: PageSize::<LIST_RESULTS_MAX>::MAX,
        after: None,
    };
    let sources = ask(core, caller, sources).await?;
    let look = api.lasting.looks.latest(core).await?;
    let place = look.inspection.overview.queues.iter().position(|queue| *queue.address == address);
    let figures = place.map(|place| {
        let rates = look.rates.as_ref().map(|rates| &rates.queues[place]);
        Figures::of(&look.inspection.overview.queues[place], rates)
    });
    let policy = attributes.get(&QueueAttributeName::RedrivePolicy).and_then(|text| RedrivePolicy::parse(text).ok());
    Ok(Json(QueueView {
        named: Named::from(&address),
        attributes: attributes.into_iter().map(|(name, value)| (name.as_str(), value)).collect(),
        tags: tags.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        dead_letter_target: policy.map(|policy| DeadLetterTarget {
            arn: policy.target.to_string(),
            max_receive_count: policy.max_receive_count.get(),
        }),
        dead_letter_sources: sources.queues.iter().map(ToString::to_string).collect(),
        more_sources: sources.more,
        figures,
    }))
}

#[derive(Serialize)]
pub(super) struct Purged {
    purged: String,
}

/// Deletes all messages of a queue.
pub(super) async fn purge(Core(serving): Core, queue: QueueOf, _: Params<InRegion>) -> Result<Json<Purged>, ApiError> {
    ask(&serving.inbox, queue.caller(), PurgeQueue { queue: queue.address.clone() }).await?;
    Ok(Json(Purged { purged: queue.address.to_string() }))
}

#[derive(Serialize)]
pub(super) struct Deleted {
    deleted: String,
}

/// Deletes a queue with its messages.
pub(super) async fn delete(
    Core(serving): Core,
    queue: QueueOf,
    _: Params<InRegion>,
) -> Result<Json<Deleted>, ApiError> {
    ask(&serving.inbox, queue.caller(), DeleteQueue { queue: queue.address.clone() }).await?;
    Ok(Json(Deleted { deleted: queue.address.to_string() }))
}

/// A message to send.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    body: String,
    #[serde(default)]
    attributes: BTreeMap<String, AttributeInput>,
    delay_seconds: Option<i64>,
    group_id: Option<String>,
    deduplication_id: Option<String>,
    trace_header: Option<String>,
}

#[derive(Serialize)]
pub(super) struct SentView {
    message_id: String,
    sequence_number: Option<String>,
}

/// Sends one message.
pub(super) async fn send(
    Core(serving): Core,
    queue: QueueOf,
    _: Params<InRegion>,
    Body(draft): Body<Draft>,
) -> Result<Json<SentView>, ApiError> {
    let sender = posthouse_aws::sender_id(&Identity::root(queue.address.account));
    let delay = draft.delay_seconds.map(Delay::new).transpose();
    let delay = delay.map_err(|error| {
        ApiError::bad_request(format!("`delay_seconds` is {}; allowed: {} to {}", error.value, error.min, error.max))
    })?;
    let attributes = draft.attributes.iter().map(|(name, input)| input.named(name)).collect::<Result<_, _>>()?;
    let message = MessageDraft {
        id: MessageId::from_random(rand::random()),
        body: &draft.body,
        attributes,
        trace_header: draft.trace_header.as_deref().map(TraceHeader::Attribute),
        group: draft.group_id.as_deref(),
        deduplication: draft.deduplication_id.as_deref(),
        fifo: queue.address.name.is_fifo(),
        sender: &sender,
    };
    let message = message.seal()?;
    let sent =
        ask(&serving.inbox, queue.caller(), SendMessage { queue: queue.address.clone(), delay, message }).await?;
    Ok(Json(SentView {
        message_id: sent.id.to_string(),
        sequence_number: sent.sequence_number.map(|number| number.to_string()),
    }))
}

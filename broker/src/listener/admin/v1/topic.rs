//! One topic: what it is, its subscriptions, and publishing to it. Each operation is the request of SNS that does the same,
//! made in the name of the topic's account.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use posthouse_model::notification::{PublicationDraft, PublicationKind, Subject};
use posthouse_model::operation::{
    GetSubscriptionAttributes, GetTopicAttributes, ListSubscriptionsByTopic, ListTagsForResource, Page, Publish,
    PublishTarget, SubscriptionSummary, SubscriptionView,
};
use posthouse_model::{Caller, Fault, MessageId, SnsFault, SubscriptionAddress, TopicAddress};
use serde::{Deserialize, Serialize};

use super::Api;
use super::answer::{Json, List, Named};
use super::error::ApiError;
use super::input::{AttributeInput, Cursor, Params};
use super::queue_path::{Body, Core, InRegion, TopicOf};
use super::topics::TopicFigures;
use crate::core_client::{CoreClient, ask};

#[derive(Serialize)]
pub(super) struct View {
    #[serde(flatten)]
    named: Named,
    /// Those that were set, as SNS names and writes them, and the policy.
    attributes: BTreeMap<&'static str, String>,
    tags: BTreeMap<String, String>,
    /// Missing if the broker has more topics than `limits.admin_listed_max` and this is none of the first.
    #[serde(flatten)]
    figures: Option<TopicFigures>,
}

/// Answers with everything about a topic but its subscriptions.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    Core(serving): Core,
    topic: TopicOf,
    _: Params<InRegion>,
) -> Result<Json<View>, ApiError> {
    let core = &serving.inbox;
    let (caller, address) = (topic.caller(), topic.address);
    let view = ask(core, caller.clone(), GetTopicAttributes { topic: address.clone() }).await?;
    let tags = ask(core, caller, ListTagsForResource { topic: address.clone() }).await?;
    let look = api.lasting.looks.latest(core).await?;
    let topics = &look.inspection.overview.topics;
    let place = topics.binary_search_by(|topic| (*topic.address).cmp(&address)).ok();
    let figures = place.map(|place| {
        let rates = look.rates.as_ref().map(|rates| &rates.topics[place]);
        TopicFigures::of(&topics[place], rates)
    });
    let set = view.attributes.iter().map(|(name, value)| (name.as_str(), value.into_owned()));
    Ok(Json(View {
        named: Named::from(&address),
        attributes: set.chain([("Policy", view.policy.into_string())]).collect(),
        tags: tags.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        figures,
    }))
}

/// The parameters of a listing of subscriptions. A part holds up to a hundred.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    /// `TopicOf` reads it.
    #[serde(rename = "region")]
    _region: Option<serde::de::IgnoredAny>,
    after: Option<Cursor>,
}

#[derive(Serialize)]
pub(super) struct SubscriptionItem {
    arn: String,
    owner: String,
    protocol: &'static str,
    endpoint: String,
    pending: bool,
    /// Those that were set, as SNS names and writes them.
    attributes: BTreeMap<&'static str, String>,
}

impl From<SubscriptionView> for SubscriptionItem {
    fn from(view: SubscriptionView) -> Self {
        let SubscriptionSummary { subscription, pending, owner, endpoint } = view.summary;
        Self {
            arn: subscription.to_string(),
            owner: owner.to_string(),
            protocol: endpoint.protocol().as_str(),
            endpoint: endpoint.shown().into_owned(),
            pending,
            attributes: view.attributes.iter().map(|(name, value)| (name.as_str(), value.into_owned())).collect(),
        }
    }
}

/// Answers with a part of a topic's subscriptions.
pub(super) async fn subscriptions(
    Core(serving): Core,
    topic: TopicOf,
    Params(query): Params<Query>,
) -> Result<Json<List<SubscriptionItem>>, ApiError> {
    let (views, next) = page(&serving.inbox, &topic, query.after.as_ref()).await?;
    Ok(Json(List { items: views.into_iter().map(SubscriptionItem::from).collect(), next }))
}

/// Up to a hundred subscriptions of a topic in the order of their ids, and the cursor of those that follow.
pub(super) async fn page(
    core: &dyn CoreClient,
    topic: &TopicOf,
    after: Option<&Cursor>,
) -> Result<(Vec<SubscriptionView>, Option<String>), ApiError> {
    let after = after.map(|cursor| place(&topic.address, cursor)).transpose()?;
    let listing = ListSubscriptionsByTopic { topic: topic.address.clone(), after };
    let Page { items, next } = ask(core, topic.caller(), listing).await?;
    let mut views = Vec::with_capacity(items.len());
    for SubscriptionSummary { subscription, .. } in items {
        // One that was deleted since is left out.
        views.extend(view(core, topic.caller(), subscription).await?);
    }
    Ok((views, next.map(|next| Cursor(next.to_string()).to_string())))
}

/// The subscription that a cursor names, which must be one of the topic.
fn place(topic: &TopicAddress, cursor: &Cursor) -> Result<SubscriptionAddress, ApiError> {
    let address = cursor.0.parse::<SubscriptionAddress>().ok().filter(|address| address.topic == *topic);
    address.ok_or_else(|| ApiError::bad_request("`after` is not the `next` of a listing of this topic"))
}

async fn view(
    core: &dyn CoreClient,
    caller: Caller,
    subscription: SubscriptionAddress,
) -> Result<Option<SubscriptionView>, ApiError> {
    match ask(core, caller, GetSubscriptionAttributes { subscription }).await {
        Ok(view) => Ok(Some(*view)),
        Err(Fault::Sns(SnsFault::NotFound(_))) => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}

/// A message to publish.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    body: String,
    subject: Option<String>,
    /// `json`: the body holds a text for each protocol.
    structure: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, AttributeInput>,
    group_id: Option<String>,
    deduplication_id: Option<String>,
}

#[derive(Serialize)]
pub(super) struct PublishedView {
    message_id: String,
    sequence_number: Option<String>,
}

/// Publishes one message.
pub(super) async fn publish(
    Core(serving): Core,
    topic: TopicOf,
    _: Params<InRegion>,
    Body(draft): Body<Draft>,
) -> Result<Json<PublishedView>, ApiError> {
    let publication = PublicationDraft {
        id: MessageId::from_random(rand::random()),
        message: &draft.body,
        structure: draft.structure.as_deref(),
        subject: draft.subject.as_deref().map(Subject::parse).transpose()?,
        attributes: draft.attributes.iter().map(|(name, input)| input.named(name)).collect::<Result<_, _>>()?,
        group: draft.group_id.as_deref(),
        deduplication: draft.deduplication_id.as_deref(),
        trace: None,
        kind: PublicationKind::of_topic(&topic.address),
    };
    let publication = publication.seal();
    let request = Publish { target: PublishTarget::Topic(topic.address.clone()), publication };
    let published = ask(&serving.inbox, topic.caller(), request).await?;
    Ok(Json(PublishedView {
        message_id: published.id.to_string(),
        sequence_number: published.sequence_number.map(|number| number.to_string()),
    }))
}

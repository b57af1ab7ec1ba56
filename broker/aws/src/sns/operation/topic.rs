//! Topics: `CreateTopic`, `DeleteTopic`, their attributes, tags, permissions and data protection policies.

use std::borrow::Cow;
use std::collections::BTreeMap;

use posthouse_model::fault::{Origin, Rule};
use posthouse_model::limits::PERMISSION_LABEL_CHARS_MAX;
use posthouse_model::operation::{
    AddTopicPermission, CreateTopic, DeleteTopic, GetDataProtectionPolicy, GetTopicAttributes, ListTagsForResource,
    ListTopics, Page, PutDataProtectionPolicy, RemoveTopicPermission, SetTopicAttributes, TagResource, Tags, TopicView,
    UntagResource,
};
use posthouse_model::topic_attributes::{TopicAttribute, TopicAttributeName};
use posthouse_model::{DataProtectionPolicy, Fault, SnsFault, TopicAddress, TopicAttributes};
use serde::Deserialize;

use super::ATTRIBUTES;
use crate::protocol::input::{Entries, List, Object, Text};
use crate::protocol::refusal::Refusal;
use crate::protocol::writer::{Plural, Writer};
use crate::sns::context::{Tag, after, arn, items, next_token, required, tag_key, tags, text};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct CreateInput<'a> {
    name: Option<Text<'a>>,
    attributes: Option<Entries<'a, Text<'a>>>,
    tags: Option<List<Object<Tag<'a>>>>,
    data_protection_policy: Option<Text<'a>>,
}

/// What takes a topic and perhaps one attribute.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct TopicInput<'a> {
    topic_arn: Option<Text<'a>>,
    attribute_name: Option<Text<'a>>,
    attribute_value: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct PermissionInput<'a> {
    topic_arn: Option<Text<'a>>,
    label: Option<Text<'a>>,
    #[serde(rename = "AWSAccountId")]
    accounts: Option<List<Text<'a>>>,
    #[serde(rename = "ActionName")]
    actions: Option<List<Text<'a>>>,
}

/// What takes a topic as a resource.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct ResourceInput<'a> {
    resource_arn: Option<Text<'a>>,
    tags: Option<List<Object<Tag<'a>>>>,
    tag_keys: Option<List<Text<'a>>>,
    data_protection_policy: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct ListInput<'a> {
    next_token: Option<Text<'a>>,
}

pub(super) fn decode_create(input: &CreateInput<'_>) -> Result<CreateTopic, Refusal> {
    let name = text(input.name.as_ref(), "Name")?;
    Ok(CreateTopic {
        name: name.parse().map_err(|_| SnsFault::invalid("Name", Rule::TopicName))?,
        attributes: TopicAttributes::parse(input.attributes.iter().flat_map(Entries::texts))?,
        tags: tags(input.tags.as_deref().unwrap_or_default())?,
        data_protection: data_protection_policy(input.data_protection_policy.as_deref().unwrap_or_default())?,
    })
}

pub(super) fn decode_delete(input: &TopicInput<'_>) -> Result<DeleteTopic, Refusal> {
    Ok(DeleteTopic { topic: topic(input)? })
}

pub(super) fn decode_get_attributes(input: &TopicInput<'_>) -> Result<GetTopicAttributes, Refusal> {
    Ok(GetTopicAttributes { topic: topic(input)? })
}

pub(super) fn decode_set_attributes(input: &TopicInput<'_>) -> Result<SetTopicAttributes, Refusal> {
    let topic = topic(input)?;
    let name: TopicAttributeName = text(input.attribute_name.as_ref(), "AttributeName")?.parse()?;
    let value = input.attribute_value.as_deref().unwrap_or_default();
    Ok(SetTopicAttributes { topic, attribute: TopicAttribute::parse(name, value) })
}

pub(super) fn decode_list(input: &ListInput<'_>) -> Result<ListTopics, Refusal> {
    Ok(ListTopics { after: after(input.next_token.as_ref(), "NextToken")? })
}

pub(super) fn decode_add_permission(input: &PermissionInput<'_>) -> Result<AddTopicPermission, Refusal> {
    let topic = arn(input.topic_arn.as_ref(), "TopicArn")?;
    let label = label(input.label.as_ref())?;
    let accounts = items(input.accounts.as_ref(), "AWSAccountId")?.iter();
    let accounts =
        accounts.map(|account| account.parse().map_err(|_| SnsFault::invalid("AWSAccountId", Rule::AccountId)));
    let actions = items(input.actions.as_ref(), "ActionName")?;
    Ok(AddTopicPermission {
        topic,
        label,
        accounts: accounts.collect::<Result<_, _>>()?,
        // Which actions may be granted, and how many, is a rule of policies: the engine's.
        actions: actions.iter().map(|action| (&**action).into()).collect(),
    })
}

pub(super) fn decode_remove_permission(input: &PermissionInput<'_>) -> Result<RemoveTopicPermission, Refusal> {
    let topic = arn(input.topic_arn.as_ref(), "TopicArn")?;
    Ok(RemoveTopicPermission { topic, label: label(input.label.as_ref())? })
}

pub(super) fn decode_get_data_protection(input: &ResourceInput<'_>) -> Result<GetDataProtectionPolicy, Refusal> {
    Ok(GetDataProtectionPolicy { topic: resource(input)? })
}

pub(super) fn decode_put_data_protection(input: &ResourceInput<'_>) -> Result<PutDataProtectionPolicy, Refusal> {
    let topic = resource(input)?;
    let policy = required(input.data_protection_policy.as_ref(), "DataProtectionPolicy")?;
    Ok(PutDataProtectionPolicy { topic, policy: data_protection_policy(policy) })
}

pub(super) fn decode_tag(input: &ResourceInput<'_>) -> Result<TagResource, Refusal> {
    let topic = resource(input)?;
    let list = required(input.tags.as_ref(), "Tags")?;
    Ok(TagResource { topic, tags: tags(list)? })
}

pub(super) fn decode_untag(input: &ResourceInput<'_>) -> Result<UntagResource, Refusal> {
    let topic = resource(input)?;
    let keys = required(input.tag_keys.as_ref(), "TagKeys")?.iter().enumerate();
    let keys = keys.map(|(index, key)| {
        tag_key(key, Origin::ListItem { list: "tagKeys", number: index + 1, member: None })?;
        Ok::<Box<str>, Fault>((&**key).into())
    });
    Ok(UntagResource { topic, keys: keys.collect::<Result<_, _>>()? })
}

pub(super) fn decode_list_tags(input: &ResourceInput<'_>) -> Result<ListTagsForResource, Refusal> {
    Ok(ListTagsForResource { topic: resource(input)? })
}

fn topic(input: &TopicInput<'_>) -> Result<TopicAddress, Fault> {
    arn(input.topic_arn.as_ref(), "TopicArn")
}

fn resource(input: &ResourceInput<'_>) -> Result<TopicAddress, Fault> {
    arn(input.resource_arn.as_ref(), "ResourceArn")
}

fn label(label: Option<&Text<'_>>) -> Result<Box<str>, Fault> {
    let label = text(label, "Label")?;
    let fits = (1..=PERMISSION_LABEL_CHARS_MAX).contains(&label.len());
    if fits && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        Ok(label.into())
    } else {
        Err(SnsFault::invalid("Label", Rule::Malformed))
    }
}

fn data_protection_policy(text: &str) -> Result<Option<DataProtectionPolicy>, Fault> {
    DataProtectionPolicy::parse(text).map_err(|rule| SnsFault::invalid("DataProtectionPolicy", rule))
}

/// What was set, with what a topic is and counts, and the defaults that SNS shows.
pub(super) fn encode_attributes(writer: &mut Writer, view: &TopicView) {
    let mut shown: BTreeMap<&str, Cow<'_, str>> =
        view.attributes.iter().map(|(name, value)| (name.as_str(), value)).collect();
    shown.insert("TopicArn", view.topic.to_string().into());
    shown.insert("Owner", view.topic.account.to_string().into());
    shown.insert("Policy", (&*view.policy).into());
    shown.insert("EffectiveDeliveryPolicy", view.effective_delivery_policy.to_topic_json().into());
    shown.insert("SubscriptionsConfirmed", view.confirmed.to_string().into());
    shown.insert("SubscriptionsPending", view.pending.to_string().into());
    shown.insert("SubscriptionsDeleted", view.deleted.to_string().into());
    shown.entry("DisplayName").or_insert("".into());
    if view.topic.name.is_fifo() {
        shown.entry("FifoTopic").or_insert("true".into());
        shown.entry("ContentBasedDeduplication").or_insert("false".into());
    }
    writer.map(ATTRIBUTES, "key", shown.iter().map(|(name, value)| (*name, &**value)));
}

pub(super) fn encode_list(writer: &mut Writer, page: &Page<TopicAddress>) {
    writer.list(Plural("Topics", "member"), &page.items, |writer, topic| {
        writer.text("TopicArn", &topic.to_string());
    });
    next_token(writer, "NextToken", page.next.as_ref());
}

pub(super) fn encode_tags(writer: &mut Writer, tags: &Tags) {
    writer.list(Plural("Tags", "member"), tags.iter(), |writer, (key, value)| {
        writer.text("Key", key);
        writer.text("Value", value);
    });
}

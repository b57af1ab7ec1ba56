//! Subscriptions: making, confirming, showing and ending them.
//!
//! What an endpoint has to confirm with is made here, since it needs chance: a token, and the message that bears it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use posthouse_model::fault::Rule;
use posthouse_model::identity::user_arn;
use posthouse_model::operation::{
    ConfirmSubscription, ConfirmationToken, GetSubscriptionAttributes, ListSubscriptions, ListSubscriptionsByTopic,
    Page, SetSubscriptionAttributes, Subscribe, Subscribed, SubscriptionSummary, SubscriptionView, Unsubscribe,
};
use posthouse_model::topic_attributes::{SubscriptionAttribute, SubscriptionAttributeName};
use posthouse_model::{
    Endpoint, Fault, MessageId, SnsFault, SubscriptionAddress, SubscriptionAttributes, SubscriptionId,
    SubscriptionProtocol, TopicAddress, notification,
};
use serde::Deserialize;

use super::ATTRIBUTES;
use crate::protocol::input::{Entries, Flag, Text};
use crate::protocol::refusal::Refusal;
use crate::protocol::writer::{Plural, Writer};
use crate::sns::context::{Context, after, arn, next_token, subscription, text};

/// What `Subscribe` answers instead of an ARN until the endpoint has confirmed.
const PENDING: &str = "pending confirmation";
/// The same in listings.
const PENDING_LISTED: &str = "PendingConfirmation";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct SubscribeInput<'a> {
    topic_arn: Option<Text<'a>>,
    protocol: Option<Text<'a>>,
    endpoint: Option<Text<'a>>,
    attributes: Option<Entries<'a, Text<'a>>>,
    return_subscription_arn: Option<Flag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct ConfirmInput<'a> {
    topic_arn: Option<Text<'a>>,
    token: Option<Text<'a>>,
    authenticate_on_unsubscribe: Option<Text<'a>>,
}

/// What takes a subscription and perhaps one attribute.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct SubscriptionInput<'a> {
    subscription_arn: Option<Text<'a>>,
    attribute_name: Option<Text<'a>>,
    attribute_value: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct ListInput<'a> {
    topic_arn: Option<Text<'a>>,
    next_token: Option<Text<'a>>,
}

/// When the answer to `Subscribe` shows the subscription's ARN: `ReturnSubscriptionArn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArnShown {
    /// Also while the subscription waits for its confirmation.
    Always,
    /// Only where no confirmation is waited for.
    OnceConfirmed,
}

/// The request, and whether its caller wants to see the ARN though the endpoint has not confirmed.
pub(super) fn decode_subscribe(
    input: &SubscribeInput<'_>,
    context: &mut Context<'_>,
) -> Result<(Subscribe, ArnShown), Refusal> {
    let topic = arn(input.topic_arn.as_ref(), "TopicArn")?;
    let protocol: SubscriptionProtocol = text(input.protocol.as_ref(), "Protocol")?.parse()?;
    let endpoint = Endpoint::parse(protocol, input.endpoint.as_deref().unwrap_or_default());
    let attributes = SubscriptionAttributes::parse(input.attributes.iter().flat_map(Entries::texts));
    let id = SubscriptionId::from_random((context.random)());
    let secret = (context.random)();
    let confirmation = protocol.needs_confirmation().then(|| {
        let message = MessageId::from_random((context.random)());
        notification::confirmation(message, &ConfirmationToken { subscription: id, secret })
    });
    let request = Subscribe { topic, endpoint, attributes, id, secret, confirmation };
    let shown = match input.return_subscription_arn {
        Some(Flag(true)) => ArnShown::Always,
        Some(Flag(false)) | None => ArnShown::OnceConfirmed,
    };
    Ok((request, shown))
}

pub(super) fn decode_confirm(input: &ConfirmInput<'_>) -> Result<ConfirmSubscription, Refusal> {
    let topic = confirmed_topic(input.topic_arn.as_ref())?;
    let token = text(input.token.as_ref(), "Token")?;
    let authenticate = input.authenticate_on_unsubscribe.as_deref().unwrap_or_default();
    let authenticate_on_unsubscribe = match authenticate {
        text if text.eq_ignore_ascii_case("true") => true,
        text if text.is_empty() || text.eq_ignore_ascii_case("false") => false,
        _ => return Err(SnsFault::invalid("AuthenticateOnUnsubscribe", Rule::Malformed).into()),
    };
    let is_hexadecimal = token.len().is_multiple_of(2) && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    let rule = if is_hexadecimal { Rule::Malformed } else { Rule::TokenNotHexadecimal };
    let token = token.parse().map_err(|_| SnsFault::invalid("Token", rule))?;
    Ok(ConfirmSubscription { topic, token, authenticate_on_unsubscribe })
}

/// `TopicArn` of `ConfirmSubscription`. SNS calls it `Topic` where it is malformed.
fn confirmed_topic(member: Option<&Text<'_>>) -> Result<TopicAddress, Fault> {
    let arn = member.ok_or_else(|| SnsFault::invalid("TopicArn", Rule::Missing))?;
    arn.parse().map_err(|_| SnsFault::invalid("Topic", Rule::Malformed))
}

pub(super) fn decode_unsubscribe(
    input: &SubscriptionInput<'_>,
    context: &mut Context<'_>,
) -> Result<Unsubscribe, Refusal> {
    let subscription = subscription(input.subscription_arn.as_ref())?;
    let secret = (context.random)();
    let message = MessageId::from_random((context.random)());
    let token = ConfirmationToken { subscription: subscription.id, secret };
    Ok(Unsubscribe { subscription, secret, confirmation: notification::unsubscribe_confirmation(message, &token) })
}

pub(super) fn decode_get_attributes(input: &SubscriptionInput<'_>) -> Result<GetSubscriptionAttributes, Refusal> {
    Ok(GetSubscriptionAttributes { subscription: subscription(input.subscription_arn.as_ref())? })
}

pub(super) fn decode_set_attributes(input: &SubscriptionInput<'_>) -> Result<SetSubscriptionAttributes, Refusal> {
    let subscription = subscription(input.subscription_arn.as_ref())?;
    let name: SubscriptionAttributeName = text(input.attribute_name.as_ref(), "AttributeName")?.parse()?;
    let value = input.attribute_value.as_deref().unwrap_or_default();
    Ok(SetSubscriptionAttributes { subscription, attribute: SubscriptionAttribute::parse(name, value) })
}

pub(super) fn decode_list(input: &ListInput<'_>) -> Result<ListSubscriptions, Refusal> {
    Ok(ListSubscriptions { after: after(input.next_token.as_ref(), "NextToken")? })
}

pub(super) fn decode_list_by_topic(input: &ListInput<'_>) -> Result<ListSubscriptionsByTopic, Refusal> {
    let topic = arn(input.topic_arn.as_ref(), "TopicArn")?;
    let after = after(input.next_token.as_ref(), "NextToken")?;
    Ok(ListSubscriptionsByTopic { topic, after })
}

/// `Subscribe`'s answer. A subscription that waits for its confirmation has [`PENDING`] for an ARN, unless the request
/// asked for it.
pub(super) fn encode_subscribed(writer: &mut Writer, subscribed: &Subscribed, shown: ArnShown) {
    if subscribed.pending && shown == ArnShown::OnceConfirmed {
        writer.text("SubscriptionArn", PENDING);
    } else {
        writer.text("SubscriptionArn", &subscribed.subscription.to_string());
    }
}

/// What was set, with what a subscription is, and the defaults that SNS shows.
pub(super) fn encode_attributes(writer: &mut Writer, view: &SubscriptionView) {
    let SubscriptionSummary { subscription, pending, owner, endpoint } = &view.summary;
    let flag = |flag: bool| Cow::Borrowed(if flag { "true" } else { "false" });
    let mut shown: BTreeMap<&str, Cow<'_, str>> =
        view.attributes.iter().map(|(name, value)| (name.as_str(), value)).collect();
    shown.insert("SubscriptionArn", subscription.to_string().into());
    shown.insert("TopicArn", subscription.topic.to_string().into());
    shown.insert("Owner", owner.to_string().into());
    shown.insert("SubscriptionPrincipal", user_arn(*owner, &view.subscriber).into());
    shown.insert("Protocol", endpoint.protocol().as_str().into());
    shown.insert("Endpoint", endpoint.shown());
    shown.insert("PendingConfirmation", flag(*pending));
    shown.insert("ConfirmationWasAuthenticated", flag(view.confirmation_was_authenticated));
    shown.insert("RawMessageDelivery", flag(view.attributes.is_raw()));
    // SNS keeps a scope without a policy and does not show it (recorded from AWS).
    match view.attributes.filter_policy() {
        Some(_) => shown.insert("FilterPolicyScope", view.attributes.filter_policy_scope().as_str().into()),
        None => shown.remove("FilterPolicyScope"),
    };
    if let Some(policy) = &view.effective_delivery_policy {
        shown.insert("EffectiveDeliveryPolicy", policy.to_json().into());
    }
    writer.map(ATTRIBUTES, "key", shown.iter().map(|(name, value)| (*name, &**value)));
}

pub(super) fn encode_list(writer: &mut Writer, page: &Page<SubscriptionSummary, SubscriptionAddress>) {
    writer.list(Plural("Subscriptions", "member"), &page.items, |writer, summary| {
        let SubscriptionSummary { subscription, pending, owner, endpoint } = summary;
        if *pending {
            writer.text("SubscriptionArn", PENDING_LISTED);
        } else {
            writer.text("SubscriptionArn", &subscription.to_string());
        }
        writer.text("Owner", &owner.to_string());
        writer.text("Protocol", endpoint.protocol().as_str());
        writer.text("Endpoint", &endpoint.shown());
        writer.text("TopicArn", &subscription.topic.to_string());
    });
    next_token(writer, "NextToken", page.next.as_ref());
}

//! `POST /v1/topics/{account}/{name}/match`: which subscriptions would get a message, and which keys of their filter policies
//! keep it from the others. Nothing is published.
//!
//! Policies are matched here, one after the other, by the definition that the engine's index is tested against. A part of the
//! answer covers up to a hundred subscriptions.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use posthouse_engine::filter_event;
use posthouse_filter::{Allowance, Dialect, Event, Policy, Scope, Unfinished, Unmet};
use posthouse_model::MessageId;
use posthouse_model::message::{MessageDraft, StoredMessage};
use posthouse_model::operation::SubscriptionView;
use posthouse_model::topic_attributes::FilterPolicyScope;
use serde::{Deserialize, Serialize};

use super::answer::{Json, List};
use super::error::{ApiError, Code};
use super::input::{AttributeInput, Cursor, Params};
use super::queue_path::{Body, Core, InRegion, TopicOf};
use super::topic::page;
use super::{Api, turn};

/// The work of one request, as the filter crate counts it: a fifth of a second, or three seconds if nothing is cached.
const WORK_MAX: u64 = 20_000_000;

/// The message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    body: String,
    #[serde(default)]
    attributes: BTreeMap<String, AttributeInput>,
    after: Option<Cursor>,
}

#[derive(Serialize)]
pub(super) struct MatchItem {
    arn: String,
    protocol: &'static str,
    endpoint: String,
    /// Whether the subscription would get the message.
    gets: bool,
    /// Why not; `null` if it would.
    reason: Option<Reason>,
    /// The part of the message that the filter policy is about; `null` without one.
    scope: Option<&'static str>,
    /// For each alternative of the filter policy (more than one with `$or`) the keys that the message does not meet.
    failed: Vec<Failed>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    /// It waits for its confirmation.
    Pending,
    /// Its filter policy is about the body, and the body is no JSON object.
    BodyIsNoObject,
    /// Its filter policy does not match.
    FilterPolicy,
}

/// Keys that are not met.
#[derive(Serialize)]
struct Failed {
    /// With dots between their parts.
    keys: Vec<String>,
    /// Whether each of them is met alone, but not all by the same element of an array.
    only_together: bool,
}

/// The events of the message, one of each scope.
struct Events {
    attributes: Option<Event>,
    body: Option<Event>,
}

/// Answers with a part of the subscriptions.
pub(super) async fn explain(
    State(api): State<Arc<Api>>,
    Core(serving): Core,
    topic: TopicOf,
    _: Params<InRegion>,
    Body(question): Body<Question>,
) -> Result<Json<List<MatchItem>>, ApiError> {
    let message = message(&question)?;
    let _turn = turn(&api.lasting.works.matches).await?;
    let (views, next) = page(&serving.inbox, &topic, question.after.as_ref()).await?;
    // Policies of 256 KiB take milliseconds to parse.
    let matched = tokio::task::spawn_blocking(move || {
        let events = Events {
            attributes: filter_event(&message, Scope::MessageAttributes),
            body: filter_event(&message, Scope::MessageBody),
        };
        let mut allowance = Allowance::of(WORK_MAX);
        views.iter().map(|view| MatchItem::of(view, &events, &mut allowance)).collect::<Result<_, _>>()
    });
    let failed = |_| ApiError::new(Code::Internal, "the matching failed: the log of the broker has the reason");
    Ok(Json(List { items: matched.await.map_err(failed)??, next }))
}

fn message(question: &Question) -> Result<StoredMessage, ApiError> {
    let attributes = question.attributes.iter().map(|(name, input)| input.named(name)).collect::<Result<_, _>>()?;
    let draft = MessageDraft::new(MessageId::from_random([0; 16]), &question.body, "");
    Ok(MessageDraft { attributes, ..draft }.seal()?)
}

impl MatchItem {
    /// # Errors
    /// `too_many` if that takes more work than is left.
    fn of(view: &SubscriptionView, events: &Events, allowance: &mut Allowance) -> Result<Self, ApiError> {
        let summary = &view.summary;
        let policy = view.attributes.filter_policy();
        let scope = view.attributes.filter_policy_scope();
        let (reason, failed) = match policy {
            None => (None, Vec::new()),
            Some(policy) => filtered(policy.as_str(), scope, events, allowance)?,
        };
        let reason = if summary.pending { Some(Reason::Pending) } else { reason };
        Ok(Self {
            arn: summary.subscription.to_string(),
            protocol: summary.endpoint.protocol().as_str(),
            endpoint: summary.endpoint.shown().into_owned(),
            gets: reason.is_none(),
            reason,
            scope: policy.map(|_| scope.as_str()),
            failed,
        })
    }
}

/// What keeps the message from a policy, if anything does.
fn filtered(
    text: &str,
    scope: FilterPolicyScope,
    events: &Events,
    allowance: &mut Allowance,
) -> Result<(Option<Reason>, Vec<Failed>), ApiError> {
    let (event, scope) = match scope {
        FilterPolicyScope::MessageAttributes => (&events.attributes, Scope::MessageAttributes),
        FilterPolicyScope::MessageBody => (&events.body, Scope::MessageBody),
    };
    let Some(event) = event else { return Ok((Some(Reason::BodyIsNoObject), Vec::new())) };
    // A policy that was stored by a version with other limits keeps every message out.
    let Ok(policy) = Policy::parse(text, scope, Dialect::Sns) else {
        return Ok((Some(Reason::FilterPolicy), Vec::new()));
    };
    let too_much = |unfinished: Unfinished| {
        let message = format!("{unfinished}: ask with a shorter message, or on from an earlier `next`");
        ApiError::new(Code::TooMany, message)
    };
    Ok(match policy.explain(event, allowance).map_err(too_much)? {
        None => (None, Vec::new()),
        Some(unmet) => {
            let failed = unmet.into_iter().map(|Unmet { keys, only_together }| Failed { keys, only_together });
            (Some(Reason::FilterPolicy), failed.collect())
        }
    })
}

//! `GET /v1/queues/{account}/{name}/messages`: the messages of a queue, without receiving them.
//!
//! The core loop hands out some messages a look and evaluates no filter. This asks for one look after the other and keeps
//! what the filters let through, until the listing is full, the queue has ended, or [`LOOKS_MAX`] looks or
//! [`SHOWN_BYTES_MAX`] bytes were used up: then the answer may be short, and its `next` leads on.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use posthouse_model::message::{AttributeValue, MessageAttribute};
use posthouse_model::notification::{NotificationForm, NotificationSource};
use posthouse_model::operation::{
    DamageCause, MessageName, PeekMessages, Peeked, PeekedState, ReceivedMessage, ShownStates,
};
use posthouse_model::{Caller, MessageKey, PageSize, QueueAddress, Timestamp};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::answer::{Json, List, Time};
use super::error::ApiError;
use super::input::{Cursor, Limit, Params};
use super::queue_path::{Core, QueueOf};
use super::{Api, turn};
use crate::core_client::{CoreClient, ask};

/// Looks that one request makes at most: some four thousand messages.
const LOOKS_MAX: usize = 16;
/// Bytes of messages after which no further look is made.
const SHOWN_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What a message counts besides its body, its subject and its attributes: the texts of all its other fields are short.
const VIEW_BYTES: usize = 2_048;
/// What an attribute counts besides its name and its value.
const FIELDS_BYTES: usize = 128;

/// What to show.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default)]
    limit: Limit,
    after: Option<Cursor>,
    /// [`QueueOf`] reads it.
    #[serde(rename = "region")]
    _region: Option<IgnoredAny>,
    /// States, separated by commas; all without it.
    state: Option<String>,
    /// Only messages whose body has this text in it.
    contains: Option<String>,
    /// Only messages with this attribute: `NAME`, or `NAME=VALUE`.
    attribute: Option<String>,
    /// Only messages of this group.
    group: Option<String>,
    /// How many bytes of a body are shown at most.
    body_bytes_max: Option<usize>,
}

/// The conditions of a listing.
struct Filter {
    contains: Option<String>,
    attribute: Option<(String, Option<String>)>,
    group: Option<String>,
}

impl Filter {
    fn lets_through(&self, peeked: &Peeked) -> bool {
        match peeked {
            Peeked::Message(message, _) => self.matches(message),
            // Nothing is known of it that a condition could look at.
            Peeked::Unreadable { .. } => self.contains.is_none() && self.attribute.is_none() && self.group.is_none(),
            Peeked::Damaged { group, .. } => {
                self.contains.is_none()
                    && self.attribute.is_none()
                    && self.group.as_ref().is_none_or(|wanted| **wanted == **group)
            }
            // Any of them may be meant.
            Peeked::Unlisted { .. } => true,
        }
    }

    fn matches(&self, received: &ReceivedMessage) -> bool {
        let message = &received.message;
        let has_attribute = |(name, value): &(String, Option<String>)| {
            message.attributes().any(|attribute| {
                attribute.name == *name
                    && value.as_ref().is_none_or(|value| attribute.value.as_bytes() == value.as_bytes())
            })
        };
        self.group.as_ref().is_none_or(|group| message.group() == Some(group))
            && self.attribute.as_ref().is_none_or(has_attribute)
            && self.contains.as_ref().is_none_or(|text| message.body().contains(&**text))
    }
}

/// One message.
#[derive(Serialize)]
pub(super) struct MessageView {
    /// What names it in changes: no other message ever has the same.
    id: String,
    state: &'static str,
    /// When it can be received again; `null` unless it is delayed or in flight.
    visible_at: Option<Time>,
    message_id: Option<String>,
    sent_at: Option<Time>,
    first_received_at: Option<Time>,
    receive_count: Option<u32>,
    sender: Option<String>,
    group_id: Option<String>,
    deduplication_id: Option<String>,
    sequence_number: Option<String>,
    dead_letter_source: Option<String>,
    /// The ARN of the subscription, platform endpoint, or the phone number that it was published for.
    published_for: Option<String>,
    subject: Option<String>,
    /// Whether consumers get it in SNS's envelope. `body` is without.
    envelope: bool,
    push_failure: Option<FailureView>,
    attributes: Vec<AttributeView>,
    /// Bytes of the whole body.
    body_bytes: Option<usize>,
    body: Option<String>,
    /// Why it cannot be read: `unavailable` if only for now.
    damage: Option<&'static str>,
    /// Of messages that are not listed, because their page cannot be read: how many they are, and the last of them. `id` is
    /// the first.
    unlisted: Option<UnlistedView>,
}

#[derive(Serialize)]
struct FailureView {
    status: Option<u16>,
    error: String,
}

#[derive(Serialize)]
struct UnlistedView {
    messages: u32,
    last: String,
}

#[derive(Serialize)]
struct AttributeView {
    name: String,
    #[serde(rename = "type")]
    data_type: String,
    value: Option<String>,
    value_base64: Option<String>,
}

impl From<MessageAttribute<'_>> for AttributeView {
    fn from(attribute: MessageAttribute<'_>) -> Self {
        let (value, value_base64) = match &attribute.value {
            AttributeValue::Text(text) => (Some(text.clone().into_owned()), None),
            AttributeValue::Binary(bytes) => (None, Some(STANDARD.encode(bytes))),
        };
        Self { name: attribute.name.into_owned(), data_type: attribute.data_type.into_owned(), value, value_base64 }
    }
}

impl MessageView {
    fn unread(name: MessageName, state: &'static str) -> Self {
        Self {
            id: name.to_string(),
            state,
            visible_at: None,
            message_id: None,
            sent_at: None,
            first_received_at: None,
            receive_count: None,
            sender: None,
            group_id: None,
            deduplication_id: None,
            sequence_number: None,
            dead_letter_source: None,
            published_for: None,
            subject: None,
            envelope: false,
            push_failure: None,
            attributes: Vec::new(),
            body_bytes: None,
            body: None,
            damage: None,
            unlisted: None,
        }
    }

    fn of(peeked: &Peeked, body_bytes_max: usize) -> Self {
        match peeked {
            Peeked::Message(message, state) => Self::of_message(message, shown(*state), body_bytes_max),
            Peeked::Unreadable { name, state, cause, sent, receive_count } => {
                let (state, visible_at) = shown(*state);
                Self {
                    visible_at,
                    damage: Some(cause.map_or("unavailable", DamageCause::as_str)),
                    sent_at: Some(Time(*sent)),
                    receive_count: Some(*receive_count),
                    ..Self::unread(*name, state)
                }
            }
            Peeked::Damaged { name, cause, sent, receive_count, group } => Self {
                damage: Some(cause.as_str()),
                sent_at: Some(Time(*sent)),
                receive_count: Some(*receive_count),
                group_id: Some(group.to_string()).filter(|group| !group.is_empty()),
                ..Self::unread(*name, "damaged")
            },
            Peeked::Unlisted { first, last, messages } => Self {
                damage: Some("page"),
                unlisted: Some(UnlistedView { messages: *messages, last: last.to_string() }),
                ..Self::unread(*first, "unlisted")
            },
        }
    }

    /// About as many bytes as it takes as JSON, but for escapes.
    fn shown_bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let attribute = |attribute: &AttributeView| {
            FIELDS_BYTES + attribute.name.len() + text(&attribute.value) + text(&attribute.value_base64)
        };
        let attributes: usize = self.attributes.iter().map(attribute).sum();
        let failure = self.push_failure.as_ref().map_or(0, |failure| failure.error.len());
        VIEW_BYTES + text(&self.body) + text(&self.subject) + attributes + failure
    }

    /// A message whose record was read, in a state.
    pub(super) fn of_message(
        received: &ReceivedMessage,
        (state, visible_at): (&'static str, Option<Time>),
        body_bytes_max: usize,
    ) -> Self {
        let name = MessageName { queue: received.handle.queue, message: received.handle.message };
        let (message, body) = (&received.message, received.message.body());
        let notification = received.notification.as_deref();
        let cut = &body[..body.floor_char_boundary(body_bytes_max)];
        Self {
            visible_at,
            message_id: Some(received.id.to_string()),
            sent_at: Some(Time(received.sent)),
            first_received_at: Some(Time(received.first_received))
                .filter(|_| received.first_received != Timestamp::EPOCH),
            receive_count: Some(received.receive_count),
            sender: Some(message.sender().to_owned()),
            group_id: message.group().map(Into::into),
            deduplication_id: message.deduplication().map(Into::into),
            sequence_number: received.sequence_number.map(|number| number.to_string()),
            dead_letter_source: received.dead_letter_source.as_ref().map(ToString::to_string),
            published_for: notification.map(|notification| match &notification.source {
                NotificationSource::Subscription(subscription) => subscription.to_string(),
                NotificationSource::PhoneNumber(number) => number.as_str().to_owned(),
                NotificationSource::Endpoint(endpoint) => endpoint.to_string(),
            }),
            subject: notification.and_then(|notification| notification.subject.as_deref()).map(Into::into),
            envelope: notification.is_some_and(|notification| notification.form == NotificationForm::Envelope),
            push_failure: received.failure.as_ref().map(|failed| FailureView {
                status: failed.failure.status(),
                error: failed.failure.error().to_owned(),
            }),
            attributes: message.attributes().map(Into::into).collect(),
            body_bytes: Some(body.len()),
            body: Some(cut.to_owned()),
            ..Self::unread(name, state)
        }
    }
}

pub(super) async fn peek(
    State(api): State<Arc<Api>>,
    Core(serving): Core,
    queue: QueueOf,
    Params(wanted): Params<Wanted>,
) -> Result<Response, ApiError> {
    let attribute = wanted.attribute.map(|text| match text.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (text, None),
    });
    let filter = Filter { contains: wanted.contains, attribute, group: wanted.group };
    let after = wanted.after.map(|cursor| {
        let key = u64::from_str_radix(&cursor.0, 16).map(MessageKey::new);
        key.map_err(|_| ApiError::bad_request("`after` is not the `next` of a listing of messages"))
    });
    let states = states(wanted.state.as_deref())?;
    let body_bytes_max = wanted.body_bytes_max.unwrap_or(usize::MAX);
    let (caller, queue) = (queue.caller(), queue.address);
    let listing =
        Listing { core: &serving.inbox, caller, queue, states, filter, limit: wanted.limit.get(), body_bytes_max };
    // Held until the answer is sent or given up.
    let turn = turn(&api.lasting.works.peeks).await?;
    let answer = Json(listing.read(after.transpose()?).await?).into_response();
    Ok(answer.map(|body| {
        axum::body::Body::new(body.map_frame(move |frame| {
            let _held = &turn;
            frame
        }))
    }))
}

/// What one request lists.
struct Listing<'a> {
    core: &'a dyn CoreClient,
    caller: Caller,
    queue: QueueAddress,
    states: ShownStates,
    filter: Filter,
    limit: usize,
    body_bytes_max: usize,
}

impl Listing<'_> {
    async fn read(self, mut after: Option<MessageKey>) -> Result<List<MessageView>, ApiError> {
        let Self { core, caller, queue, states, filter, limit, body_bytes_max } = self;
        let (mut items, mut bytes): (Vec<MessageView>, usize) = (Vec::new(), 0);
        for _ in 0..LOOKS_MAX {
            let request = PeekMessages { queue: queue.clone(), after, states, messages_max: PageSize::MAX };
            let page = ask(core, caller.clone(), request).await?;
            for peeked in page.items {
                if !filter.lets_through(&peeked) {
                    continue;
                }
                let view = MessageView::of(&peeked, body_bytes_max);
                bytes += view.shown_bytes();
                items.push(view);
                if items.len() == limit || bytes >= SHOWN_BYTES_MAX {
                    // More may follow: the next listing says so, or is empty.
                    return Ok(List { items, next: Some(cursor(last_key(&peeked))) });
                }
            }
            after = page.next;
            if after.is_none() || bytes >= SHOWN_BYTES_MAX {
                break;
            }
        }
        Ok(List { items, next: after.map(cursor) })
    }
}

/// A state, and when the message can be received again.
fn shown(state: PeekedState) -> (&'static str, Option<Time>) {
    match state {
        PeekedState::Visible => ("visible", None),
        PeekedState::Delayed(until) => ("delayed", Some(Time(until))),
        PeekedState::InFlight(until) => ("in_flight", Some(Time(until))),
    }
}

const fn last_key(peeked: &Peeked) -> MessageKey {
    match peeked {
        Peeked::Message(message, _) => message.handle.message,
        Peeked::Unreadable { name, .. } | Peeked::Damaged { name, .. } => name.message,
        Peeked::Unlisted { last, .. } => last.message,
    }
}

fn cursor(key: MessageKey) -> String {
    Cursor(format!("{:x}", key.get())).to_string()
}

/// The states of a list of them.
fn states(text: Option<&str>) -> Result<ShownStates, ApiError> {
    let Some(text) = text else { return Ok(ShownStates::ALL) };
    let mut states = ShownStates { visible: false, delayed: false, in_flight: false, damaged: false };
    for state in text.split(',') {
        match state {
            "visible" => states.visible = true,
            "delayed" => states.delayed = true,
            "in_flight" => states.in_flight = true,
            "damaged" => states.damaged = true,
            _ => {
                let message = "`state` is a list of `visible`, `delayed`, `in_flight` and `damaged`";
                return Err(ApiError::bad_request(message));
            }
        }
    }
    Ok(states)
}

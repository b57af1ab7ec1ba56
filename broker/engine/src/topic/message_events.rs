//! The events of a message, which filter policies are matched against: one of its attributes and one of its body.
//!
//! Both are pure functions of the message, so that any thread may make them.

use posthouse_filter::{Attribute, Event, Scope, TooManyNodes, Value};
use posthouse_model::StoredMessage;
use posthouse_model::message::{AttributeValue, MessageAttribute};

use super::filter_hints::Scopes;

/// Nodes that an event may have in any case, and bytes of its message for each node more.
///
/// A node has 16 bytes, and usual JSON has one for each 16 bytes of text. So events that wait for the engine take at most
/// a few times the bytes of their requests, which the listeners bound.
const NODES_ALWAYS: usize = 64;
const BYTES_PER_NODE_MIN: usize = 8;

/// The events of one message, as far as they were made before the engine decides about it.
#[derive(Clone, Debug)]
pub(crate) struct MessageEvents {
    /// `None` where it was not made.
    pub(crate) attributes: Option<Event>,
    pub(crate) body: BodyEvent,
}

/// The event of a message's body.
#[derive(Clone, Debug)]
pub(crate) enum BodyEvent {
    /// It was not made.
    Unread,
    /// The body is not a JSON object: no policy about bodies matches it.
    NoObject,
    Object(Event),
}

impl MessageEvents {
    /// None was made.
    pub(crate) const UNREAD: Self = Self { attributes: None, body: BodyEvent::Unread };

    /// Makes the events of the scopes. An event that has too many nodes for the size of its message is left to the
    /// engine.
    pub(crate) fn of(message: &StoredMessage, scopes: Scopes) -> Self {
        let mut events = Self::UNREAD;
        let nodes_max = NODES_ALWAYS + message.size_bytes() as usize / BYTES_PER_NODE_MIN;
        if scopes.contains(Scope::MessageAttributes) {
            events.attributes = Some(of_attributes(message)).filter(|event| event.nodes() <= nodes_max);
        }
        if scopes.contains(Scope::MessageBody) {
            events.body = match Event::body_within(message.body(), nodes_max) {
                Ok(Some(event)) => BodyEvent::Object(event),
                Ok(None) => BodyEvent::NoObject,
                Err(TooManyNodes) => BodyEvent::Unread,
            };
        }
        events
    }
}

/// The event of a message that filter policies of a scope are matched against. `None` if they are about the body, and it is no
/// JSON object: none of them matches then.
#[must_use]
pub fn filter_event(message: &StoredMessage, scope: Scope) -> Option<Event> {
    match scope {
        Scope::MessageAttributes => Some(of_attributes(message)),
        Scope::MessageBody => Event::body(message.body()),
    }
}

/// The event of a message's attributes.
pub(crate) fn of_attributes(message: &StoredMessage) -> Event {
    let (count, text) = message.attributes().fold((0, 0), |(count, text), attribute| {
        let value = match &attribute.value {
            AttributeValue::Text(text) => text.len(),
            AttributeValue::Binary(_) => 0,
        };
        (count + 1, text + attribute.name.len() + value)
    });
    let mut event = Event::with_capacity(count, text);
    message.attributes().for_each(|attribute| event.push_attribute(as_filtered(&attribute)));
    event
}

/// An attribute as filter policies see it: the custom label of a type is ignored.
fn as_filtered<'a>(attribute: &'a MessageAttribute<'_>) -> Attribute<'a> {
    let base = attribute.data_type.split('.').next().unwrap_or_default();
    let value = match (&*attribute.data_type, base, &attribute.value) {
        ("String.Array", _, AttributeValue::Text(text)) => Value::StringArray(text),
        (_, "Number", AttributeValue::Text(text)) => Value::Number(text),
        (_, _, AttributeValue::Text(text)) => Value::String(text),
        (_, _, AttributeValue::Binary(_)) => Value::Binary,
    };
    Attribute { name: &attribute.name, value }
}

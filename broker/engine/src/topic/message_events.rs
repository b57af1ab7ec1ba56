//! The events of a message, which filter policies are matched against: one of its attributes and one of its body.
//!
//! Both are pure functions of the message, so that any thread may make them.

use posthouse_filter::{Attribute, Event, Scope, TooManyNodes, Value};
use posthouse_model::StoredMessage;
use posthouse_model::message::{AttributeValue, MessageAttribute};

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

    /// Makes the events of the scopes that are wanted. An event with more than `nodes` nodes is not made. Afterwards
    /// `nodes` is reduced by those that were made.
    pub(crate) fn of(message: &StoredMessage, is_wanted: impl Fn(Scope) -> bool, nodes: &mut usize) -> Self {
        let mut events = Self::UNREAD;
        if is_wanted(Scope::MessageAttributes) {
            let event = of_attributes(message);
            if let Some(left) = nodes.checked_sub(event.nodes()) {
                *nodes = left;
                events.attributes = Some(event);
            }
        }
        if is_wanted(Scope::MessageBody) {
            events.body = match Event::body_within(message.body(), *nodes) {
                Ok(Some(event)) => {
                    *nodes -= event.nodes();
                    BodyEvent::Object(event)
                }
                Ok(None) => BodyEvent::NoObject,
                Err(TooManyNodes) => BodyEvent::Unread,
            };
        }
        events
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

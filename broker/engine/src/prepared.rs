//! A call with the events of its messages, made before the engine decides.
//!
//! Matching reads the attributes and, for some policies, the JSON body of each message. Reading them costs more than
//! the rest of the decision, so the thread that submits a request does it, and the one thread of the engine only
//! matches. [`FilterHints`] says for which topics there is a policy. The engine makes the events that are missing. The
//! outcome is the same either way.

use posthouse_model::notification::Publication;
use posthouse_model::operation::{Publish, PublishBatch, PublishTarget};
use posthouse_model::{Call, Request, TopicAddress};

use crate::topic::filter_hints::FilterHints;
use crate::topic::message_events::MessageEvents;

/// A call, ready to be decided. It passes through several hands, so that the call has a place of its own in memory.
#[derive(Clone, Debug)]
pub struct PreparedCall {
    pub(crate) call: Box<Call>,
    pub(crate) events: Events,
}

/// The events of a request's messages in their order; messages beyond the last are not prepared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Events(Vec<MessageEvents>);

impl PreparedCall {
    /// Prepares the messages of a `Publish`, `PublishBatch` or `PublishMessages` to a topic with filter policies, and nothing else.
    ///
    /// It takes time in proportion to the attributes and, where a policy looks at bodies, to the body. It is a pure
    /// function of the call and of the entry of `hints` for its topic.
    #[must_use]
    pub fn new(call: impl Into<Box<Call>>, hints: &FilterHints) -> Self {
        let call = call.into();
        let events =
            if let Request::Publish(Publish { target: PublishTarget::Topic(topic), publication: Ok(publication) }) =
                &call.request
            {
                Events::of([Some(publication)], topic, hints)
            } else if let Request::PublishBatch(PublishBatch { topic, entries: Ok(entries) }) = &call.request {
                Events::of(entries.iter().map(|(_, entry)| &entry.publication).map(Some), topic, hints)
            } else if let Request::PublishMessages(request) = &call.request {
                let publications = request.publications().iter().map(|publication| publication.as_ref().ok());
                Events::of(publications, request.topic(), hints)
            } else {
                Events::default()
            };
        Self { call, events }
    }

    /// The request and its caller.
    #[must_use]
    pub fn call(&self) -> &Call {
        &self.call
    }
}

/// A call without anything prepared.
impl From<Call> for PreparedCall {
    fn from(call: Call) -> Self {
        Self { call: Box::new(call), events: Events::default() }
    }
}

impl Events {
    /// The events of publications to a topic; none of one that is refused.
    fn of<'a>(
        publications: impl IntoIterator<Item = Option<&'a Publication>>,
        topic: &TopicAddress,
        hints: &FilterHints,
    ) -> Self {
        let scopes = hints.scopes(topic);
        if scopes.is_empty() {
            return Self::default();
        }
        let of = |publication: &Publication| MessageEvents::of(publication.default_message(), scopes);
        let events = publications.into_iter().map(|publication| publication.map_or(MessageEvents::UNREAD, of));
        Self(events.collect())
    }

    /// The events of the message at an index.
    pub(crate) fn get(&self, index: usize) -> &MessageEvents {
        const UNREAD: &MessageEvents = &MessageEvents::UNREAD;
        self.0.get(index).unwrap_or(UNREAD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Seed;
    use crate::topic::filter_hints::FilterCounts;
    use crate::topic::message_events::BodyEvent;
    use posthouse_filter::Scope;
    use posthouse_model::notification::{PublicationDraft, PublicationKind};
    use posthouse_model::{Caller, Identity, MessageId, RegionSource, Transport};

    fn topic() -> TopicAddress {
        "arn:aws:sns:eu-west-1:111111111111:orders".parse().expect("an ARN")
    }

    fn publishing(body: &str) -> Call {
        let draft = PublicationDraft::new(MessageId::from_bytes([1; 16]), body, PublicationKind::StandardTopic);
        let publication = draft.seal().expect("valid");
        let region = "eu-west-1".parse().expect("a region");
        let caller = Caller {
            identity: Identity::Anonymous,
            region,
            region_source: RegionSource::Surroundings,
            source: [127, 0, 0, 1].into(),
            transport: Transport::Tls,
        };
        Call {
            caller,
            request: Request::Publish(Publish { target: PublishTarget::Topic(topic()), publication: Ok(publication) }),
        }
    }

    #[test]
    fn what_policies_look_at_is_prepared() {
        let mut counts = FilterCounts::new(Seed::new([7; 16]));
        let hints = std::sync::Arc::clone(counts.hints());
        let prepared = |body: &str| PreparedCall::new(publishing(body), &hints).events;
        assert!(prepared("{}").0.is_empty());
        counts.add(&topic(), Scope::MessageAttributes);
        let events = prepared("{}");
        assert!(events.get(0).attributes.is_some() && matches!(events.get(0).body, BodyEvent::Unread));
        counts.add(&topic(), Scope::MessageBody);
        let strings = format!("{{\"a\":[\"1\"{}]}}", ",\"12345678\"".repeat(10_000));
        let dense = format!("{{\"a\":[1{}]}}", ",1".repeat(10_000));
        for (body, expected) in [("{}", "Object"), ("text", "NoObject"), (&strings, "Object"), (&dense, "Unread")] {
            let shown = format!("{:?}", prepared(body).get(0).body);
            assert!(shown.starts_with(expected), "{body:.20}: {shown:.20}");
        }
    }
}

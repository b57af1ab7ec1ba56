//! A call with the events of its messages, or with its filter policy, made before the engine decides.
//!
//! Matching reads the attributes and, for some policies, the JSON body of each message. Reading them costs more than
//! the rest of the decision, so the thread that submits a request does it, and the one thread of the engine only
//! matches. [`FilterHints`] says for which topics there is a policy. The same thread parses the filter policy that a
//! request sets or puts into force. The engine makes what is missing. The outcome is the same either way.

use std::sync::Arc;

use posthouse_filter::Scope;
use posthouse_model::notification::Publication;
use posthouse_model::operation::{
    ConfirmSubscription, Publish, PublishBatch, PublishTarget, SetSubscriptionAttributes, Subscribe,
};
use posthouse_model::topic_attributes::{FilterPolicyText, SubscriptionAttribute};
use posthouse_model::{Call, Request, TopicAddress};

use crate::topic::filter_hints::{FilterHints, KnownFilter};
use crate::topic::message_events::MessageEvents;
use crate::topic::parsed::{ParsedFilter, scope};

/// Bytes of publications that are prepared for filter policies within about a millisecond.
const PREPARED_BYTES_MAX: u64 = 128 * 1024;
/// Bytes of a filter policy that is parsed within about a millisecond.
const PREPARED_FILTER_BYTES_MAX: usize = 32 * 1024;

/// A call, ready to be decided. It passes through several hands, so that the call has a place of its own in memory.
#[derive(Clone, Debug)]
pub struct PreparedCall {
    pub(crate) call: Box<Call>,
    pub(crate) prepared: Prepared,
}

/// What was made for a call.
#[derive(Clone, Debug)]
pub(crate) enum Prepared {
    Events(Events),
    /// The filter policy that a subscription will have. `None` if it will have none, or there was no room.
    Filter(Option<Arc<ParsedFilter>>),
}

impl Prepared {
    /// The events of the request's messages.
    pub(crate) const fn events(&self) -> &Events {
        const NONE: &Events = &Events(Vec::new());
        match self {
            Self::Events(events) => events,
            Self::Filter(_) => NONE,
        }
    }

    /// The filter policy of the request's subscription.
    pub(crate) fn filter(&self) -> Option<&ParsedFilter> {
        match self {
            Self::Events(_) => None,
            Self::Filter(filter) => filter.as_deref(),
        }
    }
}

/// The events of a request's messages in their order; messages beyond the last are not prepared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Events(Vec<MessageEvents>);

impl PreparedCall {
    /// Prepares the messages of a `Publish`, `PublishBatch` or `PublishMessages` to a topic with filter policies, the filter
    /// policy of a `Subscribe`, `ConfirmSubscription` or `SetSubscriptionAttributes`, and nothing else.
    ///
    /// It takes time in proportion to the attributes and, where a policy looks at bodies, to the body, or to the policy: up
    /// to some ten milliseconds ([`PreparedCall::is_laborious`]).
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
        let prepared = match filter_of(&call.request, hints) {
            Some((text, scope)) => Prepared::Filter(ParsedFilter::new(&text, scope, hints.parsed()).map(Arc::new)),
            None => Prepared::Events(events),
        };
        Self { call, prepared }
    }

    /// Whether [`PreparedCall::new`] may take more than about a millisecond for a request.
    #[must_use]
    pub fn is_laborious(request: &Request, hints: &FilterHints) -> bool {
        if matches!(request, Request::Publish(_) | Request::PublishBatch(_) | Request::PublishMessages(_)) {
            return request.message_bytes() > PREPARED_BYTES_MAX;
        }
        filter_of(request, hints).is_some_and(|(text, _)| text.as_str().len() > PREPARED_FILTER_BYTES_MAX)
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
        Self { call: Box::new(call), prepared: Prepared::Events(Events::default()) }
    }
}

/// The filter policy that a request sets or puts into force, as far as is known, and what it looks at.
fn filter_of(request: &Request, hints: &FilterHints) -> Option<(FilterPolicyText, Scope)> {
    if let Request::Subscribe(Subscribe { attributes: Ok(attributes), .. }) = request {
        Some((attributes.filter_policy()?.clone(), scope(attributes.filter_policy_scope())))
    } else if let Request::SetSubscriptionAttributes(SetSubscriptionAttributes { subscription, attribute: Ok(set) }) =
        request
    {
        if let SubscriptionAttribute::FilterPolicy(text) = set {
            Some((text.clone()?, hints.known(subscription.id).scope))
        } else if let SubscriptionAttribute::FilterPolicyScope(of) = set {
            Some((hints.known(subscription.id).text?, scope(of.unwrap_or_default())))
        } else {
            None
        }
    } else if let Request::ConfirmSubscription(ConfirmSubscription { token, .. }) = request {
        let KnownFilter { text, scope } = hints.known(token.subscription);
        Some((text?, scope))
    } else {
        None
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
        let hints = Arc::clone(counts.hints());
        let prepared = |body: &str| PreparedCall::new(publishing(body), &hints).prepared.events().clone();
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

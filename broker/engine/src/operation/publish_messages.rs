//! `PublishMessages`: a native producer's batch for a topic. It goes on in later turns where `PublishBatch` does.

use posthouse_model::operation::PublishMessages;
use posthouse_model::{Action, Caller, Fault};

use super::Answered;
use crate::answer::RequestToken;
use crate::decision::Decision;
use crate::decision::publishing::{Begun, Entry, Form, PublishRequest, messages_sent};
use crate::journal::Position;
use crate::prepared::Events;

/// Returns `None` if a later turn answers.
pub(super) fn publish(
    decision: &mut Decision<'_>,
    caller: &Caller,
    token: RequestToken,
    (request, events): (&PublishMessages, &Events),
) -> Result<Option<Answered>, Fault> {
    let topic = request.topic();
    decision.authorize_topic(caller, Action::Publish, topic)?;
    let publications = request.publications();
    let (mut results, mut last) = (Vec::with_capacity(publications.len()), Position::ZERO);
    let mut at_once = decision.at_once();
    for (index, publication) in publications.iter().enumerate() {
        let begun = publication
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|publication| decision.publish_at_once(topic, publication, events.get(index), &mut at_once));
        match begun {
            Ok(Begun::Published(published, after)) => {
                last = last.max(after);
                results.push(Ok(published));
            }
            Err(fault) => results.push(Err(fault)),
            Ok(Begun::Later(stage)) => {
                let entries = publications.iter().enumerate().map(|(index, publication)| Entry {
                    publication: publication.clone(),
                    events: events.get(index).clone(),
                });
                let entries = entries.collect();
                let later = PublishRequest { token, entries, results, after: last, form: Form::Messages, stage };
                return decision.publish_later(topic, later).map(|()| None);
            }
        }
    }
    let reply = messages_sent(publications.iter().zip(results));
    Ok(Some(Answered { reply, after: last }))
}

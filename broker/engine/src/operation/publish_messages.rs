//! `PublishMessages`: a native producer's batch for a topic. What was sent before is answered as then. It goes on in later
//! turns where `PublishBatch` does.

use std::sync::Arc;

use posthouse_model::operation::PublishMessages;
use posthouse_model::{Action, Caller, Fault};

use super::Answered;
use crate::answer::RequestToken;
use crate::decision::Decision;
use crate::decision::numbering::Numbers;
use crate::decision::publishing::batch::{messages_sent, recalled_result};
use crate::decision::publishing::{Begun, Entry, Form, PublishRequest, Stage};
use crate::journal::Position;
use crate::prepared::Events;
use crate::producer::{Exception, NumberedTarget, Recalled};
use crate::refusal::Refusal;

/// Returns `None` if a later turn answers.
pub(super) fn publish(
    decision: &mut Decision<'_>,
    caller: &Caller,
    token: RequestToken,
    (request, events): (&PublishMessages, &Events),
) -> Result<Option<Answered>, Fault> {
    let (topic, publications) = (request.topic(), request.publications());
    decision.authorize_topic(caller, Action::Publish, topic)?;
    let target = NumberedTarget::Topic(Arc::clone(&decision.topic(topic).definition.address));
    let mut numbers = Numbers::new(target, request.numbering(), &caller.identity);
    let mut results = Vec::with_capacity(publications.len());
    let mut at_once = decision.at_once();
    let mut later = None;
    if decision.has_line(topic) {
        later = Some(Stage::Waiting);
    } else {
        decision.begin_numbers(&mut numbers)?;
    }
    while later.is_none()
        && let Some(publication) = publications.get(results.len())
    {
        let index = results.len();
        let outcome = match (decision.recall(&numbers, index), publication) {
            (Some(recalled), _) => recalled_result(publication, recalled),
            (None, Err(_)) => {
                let exception = Exception::Refused(Refusal::Invalid);
                numbers.except(exception);
                recalled_result(publication, Recalled::Excepted(exception))
            }
            (None, Ok(message)) => {
                let begun = decision.with_numbers(&mut numbers, |decision| {
                    decision.publish_at_once(topic, message, events.get(index), &mut at_once)
                });
                match begun {
                    Ok(Begun::Published(published, _)) => Ok(published),
                    Ok(Begun::Later(stage)) => {
                        later = Some(stage);
                        continue;
                    }
                    Err(refusal) => Err(refusal.of_topic()),
                }
            }
        };
        results.push(outcome);
    }
    if let Some(stage) = later {
        let entries = publications
            .iter()
            .enumerate()
            .map(|(index, publication)| Entry { publication: publication.clone(), events: events.get(index).clone() });
        let (entries, form) = (entries.collect(), Form::Messages(numbers));
        let later = PublishRequest { token, entries, results, after: Position::ZERO, form, stage };
        let Err(request) = decision.publish_later(topic, Box::new(later)) else { return Ok(None) };
        let Form::Messages(again) = request.form else { unreachable!("it was made with this form") };
        (numbers, results) = (again, request.results);
        // A batch is refused as a whole only if nothing of it is published.
        if !numbers.has_begun() {
            return Err(Fault::Throttled);
        }
        while results.len() < publications.len() {
            numbers.refuse(Refusal::Throttled);
            results.push(Err(Fault::Throttled));
        }
    }
    decision.end_numbers(&mut numbers);
    let reply = messages_sent(topic, publications.iter().zip(results));
    Ok(Some(Answered::done(decision, reply)))
}

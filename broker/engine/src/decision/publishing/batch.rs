//! A native producer's batch of publications: which of them were published before, and its reply.

use std::sync::Arc;

use posthouse_filter::Allowance;
use posthouse_model::fault::NativeFault;
use posthouse_model::operation::{MessagesSent, Published, Reply, SendException};
use posthouse_model::{Fault, MessageId, Publication, SequenceNumber, TopicAddress};

use super::{AtOnce, Entry, Form, PublishRequest, Stage, Step};
use crate::decision::Decision;
use crate::producer::{Exception, Recalled};
use crate::refusal::Refusal;

impl Decision<'_> {
    /// Begins to decide the batch of a native producer, if it has not begun.
    pub(super) fn begin_batch(&self, request: &mut PublishRequest) {
        if let Form::Messages(numbers) = &mut request.form
            && !numbers.has_begun()
            && let Err(fault) = self.begin_numbers(numbers)
        {
            request.form = Form::Refused(fault);
        }
    }

    /// Does the next step of the message of a request that is under way, to a topic that exists.
    ///
    /// # Errors
    /// Why it is refused, or what came of it when a native producer sent it before.
    pub(super) fn advance_request(
        &mut self,
        address: &Arc<TopicAddress>,
        request: &mut PublishRequest,
        (allowance, at_once): (Allowance, &mut AtOnce),
    ) -> Result<Step, Result<Published, Fault>> {
        let (index, stage) = (request.results.len(), core::mem::replace(&mut request.stage, Stage::Waiting));
        let Entry { publication, events } = &request.entries[index];
        let Form::Messages(numbers) = &mut request.form else {
            let publication = publication.as_ref().map_err(|fault| Err(fault.clone()))?;
            let step = self.advance_publication(address, (publication, events), (allowance, at_once), stage);
            return step.map_err(|refusal| Err(refusal.of_topic()));
        };
        if let Some(recalled) = self.recall(numbers, index) {
            return Err(recalled_result(publication, recalled));
        }
        let Ok(message) = publication else {
            numbers.refuse(Refusal::Invalid);
            return Err(recalled_result(publication, Recalled::Excepted(Exception::Refused(Refusal::Invalid))));
        };
        let step = self.with_numbers(numbers, |decision| {
            decision.advance_publication(address, (message, events), (allowance, at_once), stage)
        });
        step.map_err(|refusal| Err(refusal.of_topic()))
    }
}

/// What came of a native producer's publication when it was sent before.
///
/// # Errors
/// Why it was refused.
pub(crate) fn recalled_result(
    publication: &Result<Publication, Fault>,
    recalled: Recalled,
) -> Result<Published, Fault> {
    let own = || publication.as_ref().map_or(MessageId::from_bytes([0; 16]), Publication::id);
    match recalled {
        Recalled::Taken(key) => Ok(Published { id: own(), sequence_number: key.map(SequenceNumber::in_topic) }),
        Recalled::Excepted(Exception::Unheard) => Ok(Published { id: own(), sequence_number: None }),
        Recalled::Excepted(Exception::Duplicate { message, id }) => {
            Ok(Published { id, sequence_number: Some(SequenceNumber::in_topic(message)) })
        }
        Recalled::Excepted(Exception::Refused(refusal)) => Err(match (refusal, publication) {
            (Refusal::Invalid, Err(fault)) => fault.clone(),
            _ => refusal.of_topic(),
        }),
        Recalled::Forgotten => Err(Fault::Native(NativeFault::OutcomeUnknown)),
    }
}

/// The reply to a native producer's batch: its publications, each with what came of it.
pub(crate) fn messages_sent<'a>(
    topic: &TopicAddress,
    results: impl Iterator<Item = (&'a Result<Publication, Fault>, Result<Published, Fault>)>,
) -> Reply {
    let (mut exceptions, mut sequence_numbers) = (Vec::new(), Vec::new());
    for (index, (publication, result)) in results.enumerate() {
        if topic.name.is_fifo() {
            sequence_numbers.push(result.as_ref().ok().and_then(|published| published.sequence_number));
        }
        match result {
            Err(fault) => exceptions.push((index, SendException::Refused(fault))),
            Ok(published) if publication.as_ref().is_ok_and(|own| own.id() != published.id) => {
                exceptions.push((index, SendException::Duplicate(published.id)));
            }
            Ok(_) => {}
        }
    }
    Reply::MessagesSent(MessagesSent { exceptions, sequence_numbers })
}

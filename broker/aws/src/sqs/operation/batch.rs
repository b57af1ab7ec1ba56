//! What the batch actions share: entries that must be there with their ids, and results entry by entry.

use posthouse_model::operation::{Batch, BatchIds, BatchReply};
use posthouse_model::{Fault, SqsAction};

use crate::protocol::input::{List, Object, Text};
use crate::protocol::writer::{Plural, Writer};
use crate::sqs::SQS;
use crate::sqs::context::required;

const FAILED: Plural = Plural("Failed", "BatchResultErrorEntry");

/// What the parts of one batch action are called in the service model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names {
    /// The results of the entries that succeeded.
    successful: Plural,
}

pub(super) const CHANGE_MESSAGE_VISIBILITY: Names =
    Names { successful: Plural("Successful", "ChangeMessageVisibilityBatchResultEntry") };
pub(super) const DELETE_MESSAGE: Names = Names { successful: Plural("Successful", "DeleteMessageBatchResultEntry") };
pub(super) const SEND_MESSAGE: Names = Names { successful: Plural("Successful", "SendMessageBatchResultEntry") };

/// The entries of a batch with their ids checked, which is what SQS refuses a whole batch for.
pub(super) fn entries<T>(
    action: SqsAction,
    entries: Option<List<Object<T>>>,
    id: impl for<'e> Fn(&'e T) -> Option<&'e Text<'_>>,
) -> Result<Batch<T>, Fault> {
    let List(entries) = entries.unwrap_or_default();
    let ids = entries.iter().map(|Object(entry)| required(id(entry).map(|id| &**id), "Id"));
    let ids = BatchIds::parse(action.action(), ids.collect::<Result<Vec<_>, _>>()?.into_iter())?;
    Ok(ids.with(entries.into_iter().map(|Object(entry)| entry)))
}

/// Writes the results of a batch. SQS leaves a list out where it is empty.
pub(super) fn encode<T>(
    writer: &mut Writer,
    names: Names,
    reply: &BatchReply<T>,
    mut write: impl FnMut(&mut Writer, &T),
) {
    if !reply.successful.is_empty() {
        writer.list(names.successful, &reply.successful, |writer, (id, value)| {
            writer.text("Id", id.as_str());
            write(writer, value);
        });
    }
    if !reply.failed.is_empty() {
        SQS.write_failures(writer, FAILED, &reply.failed);
    }
}

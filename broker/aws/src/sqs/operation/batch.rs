//! What the batch actions share: entries that must be there with their ids, and results entry by entry.

use posthouse_model::Fault;
use posthouse_model::operation::{Action, Batch, BatchIds, BatchReply};

use crate::protocol::input::{List, Object, Text};
use crate::protocol::writer::{Plural, Writer};
use crate::sqs::SQS;
use crate::sqs::context::required;

const FAILED: Plural = Plural("Failed", "BatchResultErrorEntry");

/// The entries of a batch with their ids checked, which is what SQS refuses a whole batch for.
pub(super) fn entries<T>(
    entries: Option<List<Object<T>>>,
    id: impl for<'e> Fn(&'e T) -> Option<&'e Text<'_>>,
) -> Result<Batch<T>, Fault> {
    let List(entries) = entries.unwrap_or_default();
    let ids = entries.iter().map(|Object(entry)| required(id(entry).map(|id| &**id), "Id"));
    let ids = BatchIds::parse(ids.collect::<Result<Vec<_>, _>>()?.into_iter())?;
    Ok(ids.with(entries.into_iter().map(|Object(entry)| entry)))
}

/// Writes the results of a batch.
pub(super) fn encode<T>(
    writer: &mut Writer,
    action: Action,
    reply: &BatchReply<T>,
    mut write: impl FnMut(&mut Writer, &T),
) {
    let entry_name = match action {
        Action::SendMessageBatch => "SendMessageBatchResultEntry",
        Action::DeleteMessageBatch => "DeleteMessageBatchResultEntry",
        _ => "ChangeMessageVisibilityBatchResultEntry",
    };
    writer.list(Plural("Successful", entry_name), &reply.successful, |writer, (id, value)| {
        writer.text("Id", id.as_str());
        write(writer, value);
    });
    SQS.write_failures(writer, FAILED, &reply.failed);
}

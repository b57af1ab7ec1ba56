//! What deleting and changing a message check of a receipt handle alike.

use posthouse_model::{Fault, PresentedHandle, QueueId, ReceiptHandle, Seconds, VisibilityTimeout};

/// How long the receipt handle of a standard queue is valid, counted from its receive: as long as the longest visibility
/// timeout (recorded from AWS).
pub(super) const HANDLE_VALIDITY: Seconds = VisibilityTimeout::MAX.seconds();

/// What a receipt handle says, if it is of this queue.
///
/// # Errors
/// [`Fault::ReceiptHandleOfOtherQueue`]
pub(super) fn of_queue(queue: QueueId, presented: &PresentedHandle) -> Result<ReceiptHandle, Fault> {
    let handle = presented.handle();
    if handle.queue == queue { Ok(handle) } else { Err(Fault::ReceiptHandleOfOtherQueue(presented.text().into())) }
}

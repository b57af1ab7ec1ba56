//! Running message move tasks, slice by slice.

use std::borrow::Cow;

use posthouse_model::operation::MoveTaskStatus;
use posthouse_model::{MessageKey, QueueId};

use super::Decision;
use crate::event::Event;
use crate::event::move_task::{MoveTaskEnded, Moved, MovedMessage};
use crate::queue::move_task::MoveTask;
use crate::queue::select::{Selection, Wanted};

/// SQS's `FailureReason` if a message was sent to the dead-letter queue itself and no destination is given.
const NO_SOURCE: &str = "CouldNotDetermineMessageSource";
/// SQS's `FailureReason` if the destination does not exist.
const NO_DESTINATION: &str = "AWS.SimpleQueueService.NonExistentQueue";

impl Decision<'_> {
    /// Moves the next slice of the task that runs on a queue, if one is due. Ends the task if a message has no
    /// destination or nothing is left to move. Returns how many messages it moved.
    pub(crate) fn move_messages(&mut self, source: QueueId) -> usize {
        let queue = self.queue(source);
        let Some(task) = queue.running_task().filter(|task| task.next <= self.now).cloned() else { return 0 };
        let _ = self.find_available(source);
        if !self.has_head(source, task.slice()) || self.queue(source).messages.is_held_up(task.until) {
            return 0;
        }
        let queue = self.queue(source);
        let mut selection = Selection::default();
        let wanted = Wanted { below: task.until, ..Wanted::any(task.slice()) };
        queue.messages.select(&wanted, &mut selection);
        let (mut messages, mut failure) = (Vec::new(), None);
        for key in &selection.deliver {
            match self.destination(source, &task, *key) {
                Ok(message) => messages.push(message),
                Err(reason) => {
                    failure = Some(reason);
                    break;
                }
            }
        }
        let moved = messages.len();
        if moved > 0 {
            self.emit(&Event::Moved(Moved { source, time: self.now, task: task.id, messages }));
        }
        if failure.is_some() || moved == 0 {
            let status = if failure.is_some() { MoveTaskStatus::Failed } else { MoveTaskStatus::Completed };
            let failure = failure.unwrap_or_default();
            self.emit(&Event::MoveTaskEnded(MoveTaskEnded { source, time: self.now, task: task.id, status, failure }));
        }
        moved
    }

    /// The message as a task moves it, with its destination: that of the task, or else the queue that it came from.
    ///
    /// # Errors
    /// SQS's `FailureReason` if there is no destination.
    fn destination(
        &self,
        source: QueueId,
        task: &MoveTask,
        key: MessageKey,
    ) -> Result<MovedMessage<'static>, &'static str> {
        let queue = self.queue(source);
        let message = queue.messages.get(key).expect("selected in this decision");
        // An internal queue is no destination: no client can receive from it.
        let origin = message.origin.as_ref().and_then(|origin| origin.source.as_deref());
        let origin = origin.filter(|source| !source.name.is_internal());
        let address = task.destination.as_ref().or(origin).ok_or(NO_SOURCE)?;
        let destination = self.state().find(address).ok_or(NO_DESTINATION)?;
        Ok(self.moved(source, destination, key))
    }

    /// A message of a queue as it goes to another one. The queue holds it.
    pub(crate) fn moved(&self, source: QueueId, destination: QueueId, key: MessageKey) -> MovedMessage<'static> {
        let queue = self.queue(source);
        let message = queue.messages.get(key).expect("found in this decision");
        let group = queue.messages.group(key, &message).unwrap_or_default().to_owned();
        let entered = message.origin.as_ref().and_then(|origin| origin.entered);
        let failure = message.origin.as_ref().and_then(|origin| origin.failure.clone());
        MovedMessage { key, destination, body: message.body, entered, failure, group: Cow::Owned(group) }
    }
}

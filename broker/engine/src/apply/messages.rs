//! Applying events about messages.

use std::sync::Arc;

use super::NO_MESSAGE;
use crate::event::dead_lettered::DeadLettered;
use crate::event::enqueued::Enqueued;
use crate::event::move_task::{MoveTaskEnded, MoveTaskStarted, Moved, MovedMessage};
use crate::event::received::Received;
use crate::event::removed::Removed;
use crate::event::visibility_changed::VisibilityChanged;
use crate::journal::{BodyRef, Journal, Position};
use crate::malformed::Malformed;
use crate::queue::attempts::Attempt;
use crate::queue::bucket::Bucket;
use crate::queue::deduplication::Original;
use crate::queue::message::{Message, MessageState};
use crate::queue::messages::End;
use crate::queue::move_task::MoveTask;
use crate::queue::origin::Origin;
use crate::state::State;

use posthouse_model::MessageKey;
use posthouse_model::limits::MOVE_TASKS_LISTED_MAX;
use posthouse_model::operation::MoveTaskStatus;

impl State {
    pub(super) fn enqueued(
        &mut self,
        position: Position,
        event: &Enqueued<'_>,
        journal: &mut dyn Journal,
    ) -> Result<(), Malformed> {
        let Some(queue) = self.queue_for_change(event.queue)? else { return Ok(()) };
        queue.advance(event.sent);
        let key = position.message_key();
        let group = event.message.group();
        if queue.is_fifo()
            && let Some(deduplication) = event.message.deduplication_key()
        {
            let (id, sent) = (event.message.id(), event.sent);
            queue.remember(deduplication, group, |scoped| Original { message: key, key: scoped, id, sent });
        }
        let body = BodyRef { position, length: event.length() };
        let mut message = Message::new(body, event.sent);
        if event.visible > event.sent {
            message.state = MessageState::Delayed(event.visible);
        }
        queue.counters.sent += 1;
        queue.messages.insert(key, message, group, End::Back);
        journal.retain(body);
        Ok(())
    }

    pub(super) fn received(
        &mut self,
        position: Position,
        event: &Received<'_>,
        journal: &mut dyn Journal,
    ) -> Result<(), Malformed> {
        let Some(queue) = self.queue_for_change(event.queue)? else { return Ok(()) };
        queue.advance(event.time);
        let mut found = true;
        for (index, key) in event.messages.iter().enumerate() {
            let turn = Self::turn(event.time, position, index)?;
            found &= if event.repeated {
                queue.messages.hide(*key, turn, event.until)
            } else {
                queue.messages.receive(*key, turn, event.until)
            };
        }
        queue.messages.release_pages(journal);
        if let (Some(tokens), Some(bucket)) = (event.tokens, &mut queue.bucket) {
            *bucket = Bucket { tokens, at: event.time };
        }
        if event.repeated {
            queue.attempts.repeat(event.attempt, event.until);
        } else if !event.attempt.is_empty() {
            let (began, until) = (event.time, event.until);
            let messages = event.messages.iter().copied().collect();
            queue.attempts.insert(event.attempt, Attempt { position, began, until, messages });
        }
        queue.counters.received += event.messages.len() as u64;
        if found { Ok(()) } else { self.skip(NO_MESSAGE) }
    }

    pub(super) fn removed(
        &mut self,
        position: Position,
        event: &Removed<'_>,
        journal: &mut dyn Journal,
    ) -> Result<(), Malformed> {
        let Some(queue) = self.queue_for_change(event.queue)? else { return Ok(()) };
        queue.advance(event.time);
        let (mut found, had_damaged) = (true, !queue.damaged.is_empty());
        for (index, key) in event.messages.iter().enumerate() {
            let turn = Self::turn(event.time, position, index)?;
            // A consumer may delete a message that it had before the message was set aside.
            match queue.messages.remove(*key, turn).or_else(|| queue.damaged.remove(*key)) {
                Some(body) => journal.release(body),
                None => found = false,
            }
        }
        queue.messages.release_pages(journal);
        if had_damaged {
            self.damaged_changed(event.queue);
        }
        if found { Ok(()) } else { self.skip(NO_MESSAGE) }
    }

    pub(super) fn visibility_changed(
        &mut self,
        position: Position,
        event: &VisibilityChanged<'_>,
        journal: &mut dyn Journal,
    ) -> Result<(), Malformed> {
        let Some(queue) = self.queue_for_change(event.queue)? else { return Ok(()) };
        queue.advance(event.time);
        let mut found = true;
        for (index, (key, until)) in event.messages.iter().enumerate() {
            found &= queue.messages.hide(*key, Self::turn(event.time, position, index)?, *until);
        }
        queue.messages.release_pages(journal);
        if found { Ok(()) } else { self.skip(NO_MESSAGE) }
    }

    pub(super) fn dead_lettered(
        &mut self,
        position: Position,
        event: &DeadLettered<'_>,
        journal: &mut dyn Journal,
    ) -> Result<(), Malformed> {
        let address = match self.get(event.source) {
            Some(source) => Arc::clone(&source.address),
            None => Arc::new(event.address.clone().into_owned()),
        };
        for (index, letter) in event.messages.iter().enumerate() {
            let key = self.item_key(position, index)?;
            // Retain before release, so that the body always has a reference.
            if let Some(target) = self.queue_for_change(event.target)? {
                target.advance(event.time);
                let message = Message {
                    first_received: letter.first_received,
                    inherited: letter.receive_count,
                    origin: Some(Box::new(Origin {
                        source: Some(Arc::clone(&address)),
                        renamed: letter.renamed,
                        entered: Some(letter.entered.unwrap_or(event.source)),
                        failure: letter.failure.clone(),
                    })),
                    ..Message::new(letter.body, letter.sent)
                };
                let group = Some(&*letter.group).filter(|group| !group.is_empty());
                target.counters.sent += 1;
                target.messages.insert(key, message, group, End::Back);
                journal.retain(letter.body);
            }
            if let Some(source) = self.queue_for_change(event.source)? {
                source.advance(event.time);
                source.counters.dead_lettered += 1;
                let body = source.messages.remove(letter.key, Self::turn(event.time, position, index)?);
                source.messages.release_pages(journal);
                match body {
                    Some(body) => journal.release(body),
                    None => self.skip(NO_MESSAGE)?,
                }
            }
        }
        Ok(())
    }

    pub(super) fn move_task_started(&mut self, position: Position, event: &MoveTaskStarted) -> Result<(), Malformed> {
        let Some(queue) = self.queue_for_change(event.source)? else { return Ok(()) };
        queue.advance(event.time);
        queue.changed = position;
        queue.move_tasks.push_front(MoveTask {
            id: event.task,
            destination: event.destination.clone(),
            rate_per_second: event.rate_per_second,
            status: MoveTaskStatus::Running,
            moved: 0,
            to_move: event.to_move,
            failure: None,
            started: event.time,
            until: position.message_key(),
            next: event.time,
        });
        queue.move_tasks.truncate(MOVE_TASKS_LISTED_MAX as usize);
        Ok(())
    }

    pub(super) fn moved(
        &mut self,
        position: Position,
        event: &Moved<'_>,
        journal: &mut dyn Journal,
    ) -> Result<(), Malformed> {
        for (index, moved) in event.messages.iter().enumerate() {
            let key = self.item_key(position, index)?;
            self.put(event, moved, key, journal)?;
            if let Some(source) = self.queue_for_change(event.source)? {
                source.advance(event.time);
                let body = source.messages.remove(moved.key, Self::turn(event.time, position, index)?);
                source.messages.release_pages(journal);
                match body {
                    Some(body) => journal.release(body),
                    None => self.skip(NO_MESSAGE)?,
                }
            }
        }
        if let Some(source) = self.queue_for_change(event.source)?
            && let Some(task) = source.move_tasks.iter_mut().find(|task| task.id == event.task)
        {
            task.advance(event.messages.len() as u64, event.time);
        }
        Ok(())
    }

    pub(super) fn copied(
        &mut self,
        position: Position,
        event: &Moved<'_>,
        journal: &mut dyn Journal,
    ) -> Result<(), Malformed> {
        for (index, copied) in event.messages.iter().enumerate() {
            let key = self.item_key(position, index)?;
            self.put(event, copied, key, journal)?;
        }
        Ok(())
    }

    /// Puts a message into the queue that it goes to, as a new one.
    fn put(
        &mut self,
        event: &Moved<'_>,
        moved: &MovedMessage<'_>,
        key: MessageKey,
        journal: &mut dyn Journal,
    ) -> Result<(), Malformed> {
        let Some(destination) = self.queue_for_change(moved.destination)? else { return Ok(()) };
        destination.advance(event.time);
        let renamed = Some(MoveTask::new_message_id(event.task, key));
        let message = Message {
            origin: Some(Box::new(Origin {
                source: None,
                renamed,
                entered: Some(moved.entered.unwrap_or(event.source)),
                failure: moved.failure.clone(),
            })),
            ..Message::new(moved.body, event.time)
        };
        let group = Some(&*moved.group).filter(|group| !group.is_empty());
        destination.counters.sent += 1;
        destination.messages.insert(key, message, group, End::Back);
        journal.retain(moved.body);
        Ok(())
    }

    pub(super) fn move_task_ended(&mut self, event: &MoveTaskEnded<'_>) -> Result<(), Malformed> {
        let Some(queue) = self.queue_for_change(event.source)? else { return Ok(()) };
        queue.advance(event.time);
        if let Some(task) = queue.move_tasks.iter_mut().find(|task| task.id == event.task) {
            task.status = event.status;
            task.failure = Some(event.failure).filter(|text| !text.is_empty()).map(Into::into);
        }
        Ok(())
    }
}

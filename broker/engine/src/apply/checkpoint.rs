//! Reading a checkpoint back. `crate::checkpoint` says how one is written and why this gives the same state.

use std::collections::BTreeMap;
use std::sync::Arc;

use posthouse_model::QueueAddress;

use super::queues::policy_of;
use crate::event::checkpoint::{
    AttemptsKept, CheckpointBegan, CheckpointEnded, GroupsKept, MessageKept, MessagesKept, NamesKept, OriginalsKept,
    QueueKept,
};
use crate::journal::{Journal, Position};
use crate::malformed::Malformed;
use crate::queue::Queue;
use crate::queue::attempts::Attempt;
use crate::queue::lanes::QueueKind;
use crate::queue::message::Message;
use crate::queue::messages::{End, Messages};
use crate::queue::origin::Origin;
use crate::state::{Restoring, State};

impl State {
    pub(super) fn checkpoint_began(&mut self, position: Position, event: CheckpointBegan) {
        self.restore_next_queue(event.next_queue);
        self.restoring = Some(Restoring { began: position, below: BTreeMap::new() });
    }

    pub(super) fn checkpoint_ended(&mut self, event: CheckpointEnded) {
        self.restoring.take_if(|restoring| restoring.began == event.began);
    }

    /// Whether a part belongs to the checkpoint that is being read, and not to a later one.
    pub(super) fn restores(&self, began: Position) -> bool {
        self.restoring.as_ref().is_some_and(|restoring| restoring.began == began)
    }

    pub(super) fn queue_kept(&mut self, position: Position, event: &QueueKept) -> Result<(), Malformed> {
        if !self.restores(event.began) {
            return Ok(());
        }
        if event.queue >= self.next_queue() || self.get(event.queue).is_some() || self.find(&event.address).is_some() {
            return Err("its queue exists already");
        }
        let attributes = event.settings.0.clone();
        if attributes.receive_rate.is_some() != event.bucket.is_some() {
            return Err("its queue's bucket does not fit its rate");
        }
        self.insert(Queue {
            policy: policy_of(&attributes)?,
            tags: event.tags.clone(),
            created: event.created,
            modified: event.modified,
            purged: event.purged,
            changed: position,
            messages: Messages::new(QueueKind::of(&attributes), event.lanes_since, self.options.seed),
            bucket: event.bucket,
            move_tasks: event.move_tasks.iter().cloned().collect(),
            ..Queue::new(event.queue, event.address.clone(), attributes, self.options.seed)
        });
        if let Some(restoring) = &mut self.restoring {
            restoring.below.insert(event.queue, position.message_key());
        }
        self.changed_queues.push(event.queue);
        Ok(())
    }

    pub(super) fn originals_kept(&mut self, event: &OriginalsKept) -> Result<(), Malformed> {
        if !self.restores(event.began) {
            return Ok(());
        }
        let queue = self.get_mut(event.queue).ok_or(super::NO_QUEUE)?;
        for original in &event.originals {
            queue.deduplication.restore(*original);
        }
        Ok(())
    }

    pub(super) fn attempts_kept(&mut self, event: &AttemptsKept<'_>) -> Result<(), Malformed> {
        if !self.restores(event.began) {
            return Ok(());
        }
        let queue = self.get_mut(event.queue).ok_or(super::NO_QUEUE)?;
        for kept in &event.attempts {
            let messages = kept.messages.iter().copied().collect();
            let attempt = Attempt { position: kept.position, began: kept.began, until: kept.until, messages };
            queue.attempts.insert(kept.id, attempt);
        }
        Ok(())
    }

    pub(super) fn messages_kept(
        &mut self,
        event: &MessagesKept<'_>,
        journal: &mut dyn Journal,
    ) -> Result<(), Malformed> {
        if !self.restores(event.began) {
            return Ok(());
        }
        let sources: Vec<_> = event.sources.iter().map(|address| self.shared(address)).collect();
        for kept in &event.messages {
            let restoring = self.restoring.as_mut().expect("this part belongs to what is being restored");
            let below = restoring.below.get_mut(&event.queue).ok_or(super::NO_QUEUE)?;
            if kept.key >= *below {
                return Err("its messages do not descend");
            }
            *below = kept.key;
            let queue = self.get_mut(event.queue).ok_or(super::NO_QUEUE)?;
            let group = Some(kept.group).filter(|group| !group.is_empty());
            let end = if kept.returned { End::Returned } else { End::Front };
            let message = message(kept, &sources);
            let is_fresh = end == End::Front && message.is_fresh();
            if is_fresh && queue.messages.has_fresh_up_to(kept.key) {
                return Err("its message is in a page");
            }
            queue.messages.insert(kept.key, message, group, end);
            journal.retain(kept.body);
        }
        Ok(())
    }

    /// Applies the turns of groups. A group that cannot be served here takes its turn when it can, as it did when the
    /// turns were kept.
    pub(super) fn groups_kept(&mut self, event: &GroupsKept<'_>) -> Result<(), Malformed> {
        if !self.restores(event.began) {
            return Ok(());
        }
        let queue = self.get_mut(event.queue).ok_or(super::NO_QUEUE)?;
        if !queue.is_fifo() {
            return Err("its queue has no turns");
        }
        for (group, turn) in &event.groups {
            queue.messages.set_turn(group, *turn);
        }
        Ok(())
    }

    pub(super) fn names_kept(&mut self, event: &NamesKept) {
        if self.restores(event.began) {
            self.deleted.extend(event.names.iter().cloned());
        }
    }

    /// An address. It shares the memory of the queue with that address, if there is one.
    fn shared(&self, address: &QueueAddress) -> Arc<QueueAddress> {
        let queue = self.find(address).and_then(|queue| self.get(queue));
        queue.map_or_else(|| Arc::new(address.clone()), |queue| Arc::clone(&queue.address))
    }
}

fn message(kept: &MessageKept<'_>, sources: &[Arc<QueueAddress>]) -> Message {
    let source = kept.source.and_then(|source| sources.get(usize::from(source)).cloned());
    let MessageKept { renamed, entered, .. } = *kept;
    let failure = kept.failure.clone();
    let origin = Origin { source, renamed, entered, failure };
    let origin = origin.is_known().then(|| Box::new(origin));
    Message {
        state: kept.state,
        received: kept.received,
        first_received: kept.first_received,
        generation: kept.generation,
        inherited: kept.inherited,
        origin,
        ..Message::new(kept.body, kept.sent)
    }
}

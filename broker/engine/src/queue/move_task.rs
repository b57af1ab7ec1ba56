//! A message move task, as its source queue keeps it.

use core::time::Duration;

use posthouse_model::operation::{MoveTaskId, MoveTaskStatus};
use posthouse_model::ranges::MoveRate;
use posthouse_model::{MessageKey, QueueAddress, Timestamp};
use siphasher::sip128::SipHasher24;

/// Messages that one slice moves at most, so that requests need not wait for a task.
const SLICE_MESSAGES: u32 = 100;
/// Slices a second of a task with a rate: the rate is met evenly.
const SLICES_PER_SECOND: u32 = 10;

/// A task and how far it has come.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MoveTask {
    pub(crate) id: MoveTaskId,
    pub(crate) destination: Option<QueueAddress>,
    pub(crate) rate_per_second: Option<MoveRate>,
    pub(crate) status: MoveTaskStatus,
    pub(crate) moved: u64,
    pub(crate) to_move: u64,
    pub(crate) failure: Option<Box<str>>,
    pub(crate) started: Timestamp,
    /// Only messages below this key: those that were in the queue when the task started. So a task ends, also where
    /// what it moves comes back.
    pub(crate) until: MessageKey,
    /// When the next slice is due.
    pub(crate) next: Timestamp,
}

impl MoveTask {
    /// Whether it still moves messages.
    pub(crate) fn is_running(&self) -> bool {
        self.status == MoveTaskStatus::Running
    }

    /// How many messages the next slice moves at most.
    pub(crate) fn slice(&self) -> usize {
        let messages = self.rate_per_second.map_or(SLICE_MESSAGES, |rate| rate.get().div_ceil(SLICES_PER_SECOND));
        messages.clamp(1, SLICE_MESSAGES) as usize
    }

    /// A slice of `messages` was moved at `now`.
    pub(crate) fn advance(&mut self, messages: u64, now: Timestamp) {
        self.moved = self.moved.saturating_add(messages);
        if let Some(rate) = self.rate_per_second {
            self.next = now + Duration::from_millis(messages.saturating_mul(1000).div_ceil(u64::from(rate.get())));
        }
    }

    /// The id that the task gives to the message with this key in its new queue. The task's own id is random, so these
    /// are as good as random.
    pub(crate) fn new_message_id(id: MoveTaskId, key: MessageKey) -> posthouse_model::MessageId {
        let hash = SipHasher24::new_with_key(id.as_bytes()).hash(&key.get().to_le_bytes());
        posthouse_model::MessageId::from_random(hash.as_bytes())
    }
}

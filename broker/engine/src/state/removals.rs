//! The queues that were deleted while publications collect their recipients. A recipient that was collected before its
//! queue was deleted must not be written.

use posthouse_model::QueueId;

/// The queues that were deleted since the first of the present watches began.
#[derive(Debug, Default)]
pub(crate) struct Removals {
    watches: usize,
    queues: Vec<QueueId>,
}

impl Removals {
    /// Begins a watch, which [`Removals::unwatch`] must end. Returns its beginning.
    pub(crate) const fn watch(&mut self) -> usize {
        self.watches += 1;
        self.queues.len()
    }

    /// Notes that a queue was deleted.
    pub(crate) fn note(&mut self, queue: QueueId) {
        if self.watches > 0 {
            self.queues.push(queue);
        }
    }

    /// The queues that were deleted since a watch began.
    pub(crate) fn since(&self, beginning: usize) -> Vec<QueueId> {
        self.queues[beginning..].to_vec()
    }

    /// Ends a watch.
    pub(crate) fn unwatch(&mut self) {
        self.watches = self.watches.checked_sub(1).expect("a watch ends once");
        if self.watches == 0 {
            self.queues.clear();
        }
    }
}

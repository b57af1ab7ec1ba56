//! Where a message comes from that was not sent to its queue.

use std::sync::Arc;

use posthouse_model::notification::PushFailure;
use posthouse_model::{MessageId, QueueAddress, QueueId};

/// The origin of a message that was not sent to its queue: it was dead-lettered or moved there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Origin {
    /// The queue that dead-lettered it.
    pub(crate) source: Option<Arc<QueueAddress>>,
    /// The id that a move task gave it.
    pub(crate) renamed: Option<MessageId>,
    /// The queue that it was first put into. A `Published` event lists the message under that queue.
    pub(crate) entered: Option<QueueId>,
    /// Why its push failed, if it is the dead letter of one.
    pub(crate) failure: Option<Arc<PushFailure>>,
}

impl Origin {
    /// Whether it says anything.
    pub(crate) const fn is_known(&self) -> bool {
        self.source.is_some() || self.renamed.is_some() || self.entered.is_some() || self.failure.is_some()
    }
}

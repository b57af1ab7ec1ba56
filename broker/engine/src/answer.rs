//! What the engine answers, and what the answer depends on.

use std::sync::Arc;

use posthouse_model::notification::PushFailure;
use posthouse_model::operation::{
    DamagedId, DamagedMessage, Page, PeekMessages, Peeked, PeekedState, ReceivedMessage, Reply,
};
use posthouse_model::{Fault, MessageId, MessageKey, QueueAddress, QueueId, ReceiptHandle, SequenceNumber, Timestamp};

use crate::journal::{BodyRef, Position};
use crate::state::pages::PageRequest;

/// Names one submitted request until it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestToken(pub u64);

/// The answer to one request.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The request that it answers.
    pub token: RequestToken,
    /// What is answered.
    pub outcome: Outcome,
    /// The answer may leave only once the record at this position and all records before it are durable.
    pub after: Position,
}

/// Where the engine's answers go, and how much room the answer to a receive has.
///
/// A list of answers is one. There each answer has room for all of its messages.
pub trait Answers {
    /// Takes an answer.
    fn push(&mut self, answer: Answer);

    /// Reserves room in the answer to the receive of `token` for messages whose records have these lengths, in bytes and
    /// in the order of delivery. Returns how many of them there is room for; the rest is not received. Called at most
    /// once for each answer, and before the messages are received.
    fn reserve(&mut self, token: RequestToken, lengths: &[u32]) -> usize;
}

impl Answers for Vec<Answer> {
    fn push(&mut self, answer: Answer) {
        self.push(answer);
    }

    fn reserve(&mut self, _: RequestToken, lengths: &[u32]) -> usize {
        lengths.len()
    }
}

/// What is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A reply or a fault, ready to go out.
    Reply(Result<Reply, Fault>),
    /// Messages, whose bodies lie in the journal. The caller of the engine reads them and forms the reply.
    Messages {
        /// The messages in the order of the reply. Empty where a receive found nothing.
        messages: Vec<ReceivedRef>,
        /// What they are put into.
        reply: MessagesReply,
    },
    /// A receive found messages, and [`Answers::reserve`] had no room for the first of them. Nothing was received. The
    /// caller repeats the request once there is room for this many bytes.
    NoRoom {
        /// The length of the first message's record; of all messages where a receive attempt is repeated.
        bytes: u64,
    },
    /// A look at messages, whose bodies lie in the journal. The caller of the engine reads them and forms the reply.
    Peeked {
        /// What to show, in the order of the reply.
        messages: Vec<PeekedRef>,
        /// Where the next look goes on. `None` behind the last message.
        next: Option<MessageKey>,
    },
    /// A look that needs a page which is not in memory. The caller reads the record of the page and goes on with
    /// [`Engine::peek`](crate::Engine::peek). The page stays out of memory.
    PeekPage {
        /// The look.
        peek: Box<PeekMessages>,
        /// The page.
        page: PageRequest,
    },
    /// The reply of `ListDamagedMessages`, to which the owner of the journal adds where the records lie.
    Damaged(Page<DamagedMessage, DamagedId>),
}

/// The reply that read messages are put into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessagesReply {
    /// That of `ReceiveMessage`.
    Receive,
}

impl MessagesReply {
    /// The reply with these messages.
    #[must_use]
    pub fn of(self, messages: Vec<ReceivedMessage>) -> Reply {
        match self {
            Self::Receive => Reply::ReceiveMessage(messages),
        }
    }
}

/// What a look shows.
#[derive(Clone, Debug, PartialEq)]
pub enum PeekedRef {
    /// A message, as a receive would name it, but that it was not received.
    Message(Box<ReceivedRef>, PeekedState),
    /// What has no body to read.
    Whole(Peeked),
}

/// A message that is handed to a consumer, or shown to one who looks.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceivedRef {
    /// What to delete it with.
    pub handle: ReceiptHandle,
    /// Where its body lies.
    pub body: BodyRef,
    /// `SentTimestamp`
    pub sent: Timestamp,
    /// `ApproximateReceiveCount`; of a received message this receive included.
    pub receive_count: u32,
    /// `ApproximateFirstReceiveTimestamp`
    pub first_received: Timestamp,
    /// `SequenceNumber`, in a FIFO queue.
    pub sequence_number: Option<SequenceNumber>,
    /// `DeadLetterQueueSourceArn`, in a dead-letter queue.
    pub dead_letter_source: Option<QueueAddress>,
    /// The id that a move task gave it, in place of the stored one.
    pub renamed: Option<MessageId>,
    /// The queue that it was first put into. [`stored_message`](crate::stored_message) needs it to read the body.
    pub entered: QueueId,
    /// Why its push failed, if it is the dead letter of one.
    pub failure: Option<Arc<PushFailure>>,
}

impl ReceivedRef {
    /// Which of several copies of one publication in its queue it is, counted from zero. Zero for a message that has
    /// left the queue that it was first put into: all copies have the same body, so the first stands for each.
    #[must_use]
    pub fn copy(&self) -> u64 {
        if self.entered == self.handle.queue && self.renamed.is_none() {
            self.handle.message.get().saturating_sub(self.body.position.get())
        } else {
            0
        }
    }
}

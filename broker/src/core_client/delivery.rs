//! What the core loop sends to the caller of a request.

use posthouse_core::Response;
use posthouse_model::fault::Unavailable;
use posthouse_model::{Fault, Reply};

use super::Answer;
use crate::answer_budget::AnswerRoom;

/// What the core loop sends: the response, and the room that was reserved for it.
pub(crate) struct Delivery {
    pub(crate) response: Response,
    /// `None` if the caller bounds by other means what it is given.
    pub(crate) room: Option<AnswerRoom>,
}

impl Delivery {
    /// An answer without room.
    pub(crate) const fn of(answer: Answer) -> Self {
        Self { response: Response::Answer(answer), room: None }
    }

    /// The response to a request that the core loop has ended without answering.
    pub(crate) const fn stopping() -> Self {
        Self::of(Err(Fault::Unavailable(Unavailable::ShuttingDown)))
    }

    /// The answer of a request that bounds its answer by other means than a room.
    pub(crate) fn into_answer(self) -> Answer {
        match self.response {
            Response::Answer(answer) => answer,
            Response::Unreadable => nothing(),
            Response::NoRoom { .. } => unreachable!("only a receive that has an account lacks room"),
        }
    }
}

/// The answer to a receive that found nothing.
pub(crate) const fn nothing() -> Answer {
    Ok(Reply::ReceiveMessage(Vec::new()))
}

//! Receives that stand until messages come: those of native consumers, of which each link has one.
//!
//! A standing receive waits without a limit, for messages and for room in its answer. It is ended by a signal, and not by
//! dropping its future: the messages that the core loop had received by then are returned, so that they can be given
//! back.

use std::sync::Arc;

use posthouse_core::Response;
use posthouse_model::Call;
use tokio::sync::Notify;
use tokio::time::{Duration, Instant, sleep, timeout};

use super::Shard;
use crate::answer_budget::{AnswerAccount, AnswerRoom, Kind};
use crate::core_client::{Answer, Delivery, nothing, refusal};
use crate::core_client::{ReplySender, ShardCaller};

/// How long the answer of a receive is awaited that was ended: it may have to be read from the disk. If none comes, the
/// core loop had not read the request yet, which is then cancelled.
const LATE_MAX: Duration = Duration::from_secs(5);
/// How long a receive pauses that found only messages which cannot be read.
const UNREADABLE_PAUSE: Duration = Duration::from_millis(10);
/// As good as forever, which a time of the runtime cannot say.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl Shard {
    /// Receives messages for a consumer whose answers `account` bounds, and of which one answer may have `bytes_max`. Returns
    /// the answer and its room once there are messages, or once `stop` is notified: then the answer is empty, unless
    /// messages had been received.
    ///
    /// # Errors
    /// Those of [`Shard::call`].
    pub(crate) async fn receive_standing(
        &self,
        call: Call,
        account: &Arc<AnswerAccount>,
        bytes_max: u32,
        stop: &Notify,
    ) -> (Answer, AnswerRoom) {
        let no_room = || account.no_room(Kind::Messages).at_most(bytes_max);
        let mut room = no_room();
        loop {
            let Delivery { response, room: taken } = self.submit_until(call.clone(), room, stop).await;
            let bytes = match response {
                Response::Answer(answer) => return (answer, taken.unwrap_or_else(no_room)),
                Response::Unreadable => {
                    tokio::select! {
                        () = sleep(UNREADABLE_PAUSE) => {}
                        () = stop.notified() => return (nothing(), no_room()),
                    }
                    room = no_room();
                    continue;
                }
                Response::NoRoom { bytes } => bytes,
            };
            // What the answer holds must be free while it waits for more.
            drop(taken);
            room = tokio::select! {
                more = account.room_for_record(bytes, Instant::now() + FOREVER) => more.unwrap_or_else(no_room),
                () = stop.notified() => return (nothing(), no_room()),
            };
            room = room.at_most(bytes_max);
        }
    }

    /// Submits a receive and waits for its response. Once `stop` is notified, the core loop is asked to end its wait.
    async fn submit_until(&self, call: Call, room: AnswerRoom, stop: &Notify) -> Delivery {
        let (mut waiting, caller) = self.enter(&call);
        let token = match self.0.inbox.submit(call, ReplySender::on_shard(caller, Some(room))) {
            Ok(token) => token,
            Err(refused) => return refusal(&refused),
        };
        waiting.request = Some(token);
        tokio::select! {
            biased;
            delivery = &mut waiting => return delivery,
            () = stop.notified() => self.0.inbox.end_wait(token),
        }
        timeout(LATE_MAX, waiting).await.unwrap_or_else(|_| Delivery::of(nothing()))
    }

    /// A slot for a caller whose request is about to be submitted.
    fn enter(&self, call: &Call) -> (super::Waiting<'_>, ShardCaller) {
        let super::Inner { number, callers, .. } = &*self.0;
        let mut callers = callers.borrow_mut();
        let slot = callers.enter();
        let mark = call.request.action().may_wait().then(|| callers.mark(slot));
        (super::Waiting { shard: self, slot, request: None }, ShardCaller { shard: *number, slot, mark })
    }
}

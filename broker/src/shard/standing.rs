//! Receives that stand until messages come: those of native consumers, of which each link has one.
//!
//! A standing receive waits without a limit, for messages and for room in its answer. It is asked through a queue of
//! answers ([`Shard::stand`]), and goes on apart from it only where it has to wait for room or is made again
//! ([`Shard::stand_again`]). It is ended by a signal, and not by dropping what waits for it: the messages that the core
//! loop had received by then are returned, so that they can be given back.

use std::future::Future;
use std::sync::Arc;

use posthouse_core::Response;
use posthouse_model::Call;
use tokio::sync::Notify;
use tokio::time::{Duration, Instant, sleep, timeout};

use super::{AnswerQueue, RequestNumber, Shard, Waiting};
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

/// Whose answer a standing receive makes, and how large one answer may be.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<'a> {
    pub(crate) account: &'a Arc<AnswerAccount>,
    pub(crate) bytes_max: u32,
}

impl Bounds<'_> {
    /// Room that holds nothing yet.
    pub(crate) fn no_room(self) -> AnswerRoom {
        self.account.no_room(Kind::Messages).at_most(self.bytes_max)
    }
}

impl<T> AnswerQueue<T> {
    /// Submits a standing receive. What has no answer in its delivery goes on with [`Shard::stand_again`].
    pub(crate) fn stand(&mut self, call: Box<Call>, bounds: Bounds<'_>, note: T) -> RequestNumber {
        self.ask(call, Some(bounds.no_room()), note)
    }

    /// Ends a standing receive. Its last delivery comes from the future that is returned: empty, unless messages had been
    /// received. `None` if a delivery is in the queue already.
    pub(crate) fn end_stand(&mut self, number: RequestNumber) -> Option<(T, impl Future<Output = Delivery> + 'static)> {
        let (note, waiting) = self.withdraw(number)?;
        if let Some(token) = waiting.request {
            waiting.shard.0.inbox.end_wait(token);
        }
        Some((note, last_delivery(waiting)))
    }
}

/// The delivery of a receive whose end the core loop was asked for.
async fn last_delivery(waiting: Waiting) -> Delivery {
    timeout(LATE_MAX, waiting).await.unwrap_or_else(|_| Delivery::of(nothing()))
}

impl Shard {
    /// Goes on with a standing receive whose delivery had no answer. Returns the answer and its room once there are
    /// messages, or once `stop` is notified: then the answer is empty, unless messages had been received.
    ///
    /// # Errors
    /// Those of [`Shard::call`].
    pub(crate) async fn stand_again(
        &self,
        call: Box<Call>,
        bounds: Bounds<'_>,
        stop: &Notify,
        first: Delivery,
    ) -> (Answer, AnswerRoom) {
        let mut delivery = first;
        loop {
            let Delivery { response, room: taken } = delivery;
            let room = match response {
                Response::Answer(answer) => return (answer, taken.unwrap_or_else(|| bounds.no_room())),
                Response::Unreadable => {
                    tokio::select! {
                        () = sleep(UNREADABLE_PAUSE) => {}
                        () = stop.notified() => return (nothing(), bounds.no_room()),
                    }
                    bounds.no_room()
                }
                Response::NoRoom { bytes } => {
                    // What the answer holds must be free while it waits for more.
                    drop(taken);
                    let more = tokio::select! {
                        more = bounds.account.room_for_record(bytes, Instant::now() + FOREVER) => more,
                        () = stop.notified() => return (nothing(), bounds.no_room()),
                    };
                    more.unwrap_or_else(|| bounds.no_room()).at_most(bounds.bytes_max)
                }
            };
            delivery = match self.submit_until(call.clone(), room, stop).await {
                Stood::Delivery(delivery) => delivery,
                Stood::Ended(Delivery { response: Response::Answer(answer), room }) => {
                    return (answer, room.unwrap_or_else(|| bounds.no_room()));
                }
                Stood::Ended(_) => return (nothing(), bounds.no_room()),
            };
        }
    }

    /// Submits a receive and waits for its response. Once `stop` is notified, the core loop is asked to end its wait.
    async fn submit_until(&self, call: Box<Call>, room: AnswerRoom, stop: &Notify) -> Stood {
        let (mut waiting, caller) = self.enter(&call);
        let token = match self.0.inbox.submit(call, ReplySender::on_shard(caller, Some(room))) {
            Ok(token) => token,
            Err(refused) => return Stood::Delivery(refusal(&refused)),
        };
        waiting.request = Some(token);
        tokio::select! {
            biased;
            delivery = &mut waiting => return Stood::Delivery(delivery),
            () = stop.notified() => self.0.inbox.end_wait(token),
        }
        Stood::Ended(last_delivery(waiting).await)
    }

    /// A slot for a caller whose request is about to be submitted.
    fn enter(&self, call: &Call) -> (Waiting, ShardCaller) {
        let super::Inner { number, callers, .. } = &*self.0;
        let mut callers = callers.borrow_mut();
        let slot = callers.enter();
        let mark = call.request.action().may_wait().then(|| callers.mark(slot));
        (Waiting { shard: self.clone(), slot, request: None }, ShardCaller { shard: *number, slot, mark })
    }
}

/// What a receive has led to.
enum Stood {
    /// The core loop has responded by itself.
    Delivery(Delivery),
    /// The receive was ended before.
    Ended(Delivery),
}

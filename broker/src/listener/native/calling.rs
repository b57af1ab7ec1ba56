//! CALL: operations of SQS and SNS as JSON. The AWS codec decodes and encodes; here are the room of an answer and the way
//! through the core loop, as for a request over HTTP.

use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use posthouse_aws::{CallEncoder, DecodedCall, Segments};
use posthouse_model::{Fault, Reply, Request};
use tokio::time::Instant;

use super::context::Context;
use super::delivery::Envelopes;
use super::fault::Refusal;
use crate::answer_budget::{AnswerRoom, Kind};
use crate::audit::Subject;
use crate::core_client::Answer;
use crate::shard::Patience;

/// What a call has led to: the output, with the room that it holds.
pub(super) type Called = Result<(Bytes, AnswerRoom), Refusal>;

/// Carries out a call. Dropping the future cancels it.
pub(super) async fn carry_out(context: Rc<Context>, decoded: DecodedCall) -> Called {
    let DecodedCall { call, encoder } = decoded;
    let (shard, account) = (&context.shard, &context.account);
    let at_least = context.shared.limits.answer_room_seconds_max.seconds();
    let (subject, began) = (Subject::of(&call), Instant::now());
    let (answer, mut room): (Answer, AnswerRoom) = if matches!(call.request, Request::ReceiveMessage(_)) {
        shard.receive(call, account, Patience { began: Instant::now(), at_least }).await
    } else {
        match account.room(encoder.answer_bytes_max(), at_least).await {
            Some(room) => (shard.call(call).await, room),
            None => (Err(Fault::Throttled), account.no_room(Kind::Other)),
        }
    };
    let answer = answer.map_err(|fault| Refusal::from(encoder.refuse(fault)));
    context.note(subject.as_ref(), began, answer.as_ref().map(drop));
    let reply = answer?;
    let output = encode(&context, encoder, reply).await;
    room.keep(u32::try_from(output.len()).unwrap_or(u32::MAX));
    Ok((output, room))
}

/// Writes the output, on another thread if it has to sign notifications.
async fn encode(context: &Context, encoder: CallEncoder, reply: Reply) -> Bytes {
    let is_laborious = matches!(&reply, Reply::ReceiveMessage(messages) if Envelopes::are_laborious(messages));
    if is_laborious {
        return context.shard.work(move || joined(encoder.encode(&reply))).await;
    }
    joined(encoder.encode(&reply))
}

/// All of an output in one piece.
fn joined(mut segments: Segments) -> Bytes {
    let Some(first) = segments.next() else { return Bytes::new() };
    if segments.remaining_bytes() == 0 {
        return first;
    }
    let length = first.len() + usize::try_from(segments.remaining_bytes()).unwrap_or(0);
    let mut whole = BytesMut::with_capacity(length);
    whole.extend_from_slice(&first);
    segments.for_each(|segment| whole.extend_from_slice(&segment));
    whole.freeze()
}

//! `StartMessageMoveTask`, `CancelMessageMoveTask` and `ListMessageMoveTasks`.
//!
//! A task's handle is base64 of `{"taskId":"…","sourceArn":"…"}`, as SQS's own are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use posthouse_model::fault::{InvalidValue, RangedParameter};
use posthouse_model::operation::{
    CancelMessageMoveTask, ListMessageMoveTasks, MoveTaskHandle, MoveTaskId, MoveTaskView, StartMessageMoveTask,
};
use posthouse_model::{Fault, MessageId, PageSize, QueueAddress};
use serde::Deserialize;

use crate::protocol::input::{Integer, Text};
use crate::protocol::refusal::Refusal;
use crate::protocol::text::hex_digit;
use crate::protocol::writer::{Plural, Writer};
use crate::sqs::context::{Context, optional_within, required};

const RESULTS: Plural = Plural("Results", "ListMessageMoveTasksResultEntry");
/// More than any handle has.
const HANDLE_CHARS_MAX: usize = 1024;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct StartInput<'a> {
    source_arn: Option<Text<'a>>,
    destination_arn: Option<Text<'a>>,
    max_number_of_messages_per_second: Option<Integer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct CancelInput<'a> {
    task_handle: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct ListInput<'a> {
    source_arn: Option<Text<'a>>,
    max_results: Option<Integer>,
}

pub(super) fn decode_start(input: &StartInput<'_>, context: &mut Context<'_>) -> Result<StartMessageMoveTask, Refusal> {
    Ok(StartMessageMoveTask {
        source: arn(required(input.source_arn.as_ref(), "SourceArn")?, "SourceArn")?,
        destination: input.destination_arn.as_ref().map(|text| arn(text, "DestinationArn")).transpose()?,
        rate_per_second: optional_within(
            input.max_number_of_messages_per_second,
            RangedParameter::MaxNumberOfMessagesPerSecond,
        )?,
        task: MoveTaskId::from_bytes((context.random)()),
    })
}

pub(super) fn decode_cancel(input: &CancelInput<'_>) -> Result<CancelMessageMoveTask, Refusal> {
    let text = required(input.task_handle.as_ref(), "TaskHandle")?;
    let handle = open(text).ok_or_else(|| Fault::invalid(InvalidValue::TaskHandle))?;
    Ok(CancelMessageMoveTask { handle })
}

pub(super) fn decode_list(input: &ListInput<'_>) -> Result<ListMessageMoveTasks, Refusal> {
    let source = arn(required(input.source_arn.as_ref(), "SourceArn")?, "SourceArn")?;
    let results_max = optional_within(input.max_results, RangedParameter::MoveTasksMaxResults)?;
    // As SQS does: the latest task alone.
    Ok(ListMessageMoveTasks { source, results_max: results_max.unwrap_or(PageSize::ONE) })
}

fn arn(text: &str, parameter: &'static str) -> Result<QueueAddress, Fault> {
    text.parse().map_err(|_| Fault::invalid(InvalidValue::QueueArn { parameter }))
}

/// What a handle says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HandleJson<'a> {
    task_id: &'a str,
    source_arn: &'a str,
}

fn open(text: &str) -> Option<MoveTaskHandle> {
    if text.len() > HANDLE_CHARS_MAX {
        return None;
    }
    let bytes = STANDARD.decode(text).ok()?;
    let json: HandleJson<'_> = serde_json::from_slice(&bytes).ok()?;
    Some(MoveTaskHandle {
        task: MoveTaskId::from_bytes(parse_uuid(json.task_id)?),
        source: json.source_arn.parse().ok()?,
    })
}

fn seal(handle: &MoveTaskHandle) -> String {
    // A task's number is sixteen bytes like a message's; both are shown as UUIDs.
    let task = MessageId::from_bytes(*handle.task.as_bytes());
    STANDARD.encode(format!(r#"{{"taskId":"{task}","sourceArn":"{}"}}"#, handle.source))
}

/// Parses 32 hexadecimal digits with hyphens between groups, as [`seal`] writes them.
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let (digits, hyphens): (Vec<_>, Vec<_>) = text.bytes().enumerate().partition(|(_, byte)| *byte != b'-');
    if text.len() != 36 || !hyphens.iter().map(|(at, _)| *at).eq([8, 13, 18, 23]) {
        return None;
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = hex_digit(pair[0].1)? << 4 | hex_digit(pair[1].1)?;
    }
    Some(bytes)
}

pub(super) fn encode_started(writer: &mut Writer, handle: &MoveTaskHandle) {
    writer.text("TaskHandle", &seal(handle));
}

pub(super) fn encode_cancelled(writer: &mut Writer, moved: u64) {
    writer.number("ApproximateNumberOfMessagesMoved", moved);
}

pub(super) fn encode_list(writer: &mut Writer, tasks: &[MoveTaskView]) {
    writer.list(RESULTS, tasks, |writer, task| {
        writer.optional_text("TaskHandle", task.handle.as_ref().map(seal).as_deref());
        writer.text("Status", task.status.as_str());
        writer.text("SourceArn", &task.source.to_string());
        writer.optional_text("DestinationArn", task.destination.as_ref().map(ToString::to_string).as_deref());
        if let Some(rate) = task.rate_per_second {
            writer.number("MaxNumberOfMessagesPerSecond", rate.get().into());
        }
        writer.number("ApproximateNumberOfMessagesMoved", task.moved);
        writer.number("ApproximateNumberOfMessagesToMove", task.to_move);
        writer.optional_text("FailureReason", task.failure.as_deref());
        writer.number("StartedTimestamp", task.started.as_millis());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles() {
        let handle = MoveTaskHandle {
            task: MoveTaskId::from_bytes(*b"0123456789abcdef"),
            source: "arn:aws:sqs:us-east-1:000000000000:dlq".parse().expect("valid"),
        };
        let sealed = seal(&handle);
        let json =
            r#"{"taskId":"30313233-3435-3637-3839-616263646566","sourceArn":"arn:aws:sqs:us-east-1:000000000000:dlq"}"#;
        assert_eq!(STANDARD.decode(&sealed).expect("base64"), json.as_bytes());
        assert_eq!(open(&sealed), Some(handle));
        for (from, to) in [("30313233-", "30313233"), ("3031", "30g1"), (":dlq", ":d l q"), ("{", "["), ("taskId", "t")]
        {
            assert_eq!(open(&STANDARD.encode(json.replacen(from, to, 1))), None, "{from} -> {to}");
        }
        for cut in 0..sealed.len() {
            assert_eq!(open(&sealed[..cut]), None);
        }
    }
}

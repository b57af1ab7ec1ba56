//! Parses a request, and selects the prebuilt response.
//!
//! The parts that a broker needs are parsed: the action's name, and the JSON members of the action, as slices of the
//! request. Responses have the members and the length of those of SQS. Message ids, digests and receipt handles are
//! always the same.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::message::{BODY_BYTES_MIN, Moment, Stamp};

/// The most messages and entries of one call.
const BATCH_MAX: usize = 10;
/// The digest and the id of every message.
const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";
const MESSAGE_ID: &str = "5fea7756-0ea4-451a-a703-a558b933e274";
/// The length of AWS's receipt handles.
const RECEIPT_HANDLE_BYTES: usize = 184;

/// The prebuilt bodies of all responses.
pub(super) struct Answers {
    queue: Bytes,
    nothing: Bytes,
    sent: Bytes,
    /// By the number of entries.
    sent_batch: Vec<Bytes>,
    deleted_batch: Vec<Bytes>,
    /// By the number of messages.
    received: Vec<Bytes>,
}

impl Answers {
    /// Responses whose messages have bodies of `body_bytes` bytes.
    pub(super) fn new(body_bytes: usize) -> Self {
        let mut body = "x".repeat(body_bytes);
        if body_bytes >= BODY_BYTES_MIN {
            Stamp { run: 0, stream: 0, sequence: 0, due: Moment::from_nanos(0) }.write(body_bytes, &mut body);
        }
        let message = json!({
            "MessageId": MESSAGE_ID, "ReceiptHandle": "A".repeat(RECEIPT_HANDLE_BYTES), "MD5OfBody": MD5, "Body": body,
        });
        let sent = |id: usize| json!({ "Id": id.to_string(), "MessageId": MESSAGE_ID, "MD5OfMessageBody": MD5 });
        let deleted = |id: usize| json!({ "Id": id.to_string() });
        let successful = |count: usize, entry: &dyn Fn(usize) -> Value| {
            bytes(&json!({ "Successful": (0..count).map(entry).collect::<Vec<_>>(), "Failed": [] }))
        };
        Self {
            queue: bytes(&json!({ "QueueUrl": "http://127.0.0.1/000000000000/limit" })),
            nothing: bytes(&json!({})),
            sent: bytes(&json!({ "MD5OfMessageBody": MD5, "MessageId": MESSAGE_ID })),
            sent_batch: (0..=BATCH_MAX).map(|count| successful(count, &sent)).collect(),
            deleted_batch: (0..=BATCH_MAX).map(|count| successful(count, &deleted)).collect(),
            received: (0..=BATCH_MAX).map(|count| bytes(&json!({ "Messages": vec![&message; count] }))).collect(),
        }
    }

    /// The response to a request. The error says what is wrong with the request.
    ///
    /// `target` is the header `X-Amz-Target`: the service's name, a point, and the action's name.
    pub(super) fn to(&self, target: &str, body: &[u8]) -> Result<Bytes, String> {
        let action = target.rsplit_once('.').map_or(target, |(_, action)| action);
        let answer = match action {
            "SendMessage" => {
                let request: SendMessage<'_> = read(body)?;
                present(&[request.queue_url, request.message_body])?;
                &self.sent
            }
            "ReceiveMessage" => {
                let request: ReceiveMessage<'_> = read(body)?;
                present(&[request.queue_url])?;
                of_count(&self.received, request.max_number_of_messages.unwrap_or(1))?
            }
            "DeleteMessage" => {
                let request: DeleteMessage<'_> = read(body)?;
                present(&[request.queue_url, request.receipt_handle])?;
                &self.nothing
            }
            "SendMessageBatch" => {
                let request: Batch<'_, SendEntry<'_>> = read(body)?;
                request
                    .entries
                    .iter()
                    .try_for_each(|entry| present(&[request.queue_url, entry.id, entry.message_body]))?;
                of_count(&self.sent_batch, request.entries.len())?
            }
            "DeleteMessageBatch" => {
                let request: Batch<'_, DeleteEntry<'_>> = read(body)?;
                request
                    .entries
                    .iter()
                    .try_for_each(|entry| present(&[request.queue_url, entry.id, entry.receipt_handle]))?;
                of_count(&self.deleted_batch, request.entries.len())?
            }
            "CreateQueue" | "GetQueueUrl" => &self.queue,
            "DeleteQueue" => &self.nothing,
            other => return Err(format!("the limit has no action `{other}`")),
        };
        Ok(answer.clone())
    }
}

// Strings are slices of the request. This works because the adapter sends no text that JSON escapes.

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessage<'a> {
    queue_url: &'a str,
    message_body: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReceiveMessage<'a> {
    queue_url: &'a str,
    max_number_of_messages: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteMessage<'a> {
    queue_url: &'a str,
    receipt_handle: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch<'a, Entry> {
    queue_url: &'a str,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendEntry<'a> {
    id: &'a str,
    message_body: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteEntry<'a> {
    id: &'a str,
    receipt_handle: &'a str,
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn present(members: &[&str]) -> Result<(), String> {
    if members.iter().any(|member| member.is_empty()) { Err("a member is empty".to_owned()) } else { Ok(()) }
}

fn of_count(answers: &[Bytes], count: usize) -> Result<&Bytes, String> {
    answers.get(count).filter(|_| count > 0).ok_or_else(|| format!("{count} is not from 1 to {BATCH_MAX}"))
}

fn bytes(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The response as JSON, or what is wrong with the request.
    fn answer(action: &str, request: &str) -> Result<Value, String> {
        let answer = Answers::new(100).to(&format!("AmazonSQS.{action}"), request.as_bytes())?;
        Ok(serde_json::from_slice(&answer).unwrap())
    }

    #[test]
    fn answers_have_what_the_request_asks_for() {
        let table = [
            ("SendMessage", r#"{"QueueUrl":"q","MessageBody":"b"}"#, "/MD5OfMessageBody", Value::from(MD5)),
            ("ReceiveMessage", r#"{"QueueUrl":"q"}"#, "/Messages/0/MessageId", Value::from(MESSAGE_ID)),
            (
                "ReceiveMessage",
                r#"{"QueueUrl":"q","MaxNumberOfMessages":10}"#,
                "/Messages/9/MD5OfBody",
                Value::from(MD5),
            ),
            ("DeleteMessage", r#"{"QueueUrl":"q","ReceiptHandle":"r"}"#, "", json!({})),
            (
                "SendMessageBatch",
                r#"{"QueueUrl":"q","Entries":[{"Id":"0","MessageBody":"b"},{"Id":"1","MessageBody":"b"}]}"#,
                "/Successful/1/Id",
                Value::from("1"),
            ),
            (
                "DeleteMessageBatch",
                r#"{"QueueUrl":"q","Entries":[{"Id":"0","ReceiptHandle":"r"}]}"#,
                "",
                json!({ "Successful": [{ "Id": "0" }], "Failed": [] }),
            ),
        ];
        for (action, request, pointer, expected) in table {
            assert_eq!(answer(action, request).unwrap().pointer(pointer), Some(&expected), "{action} {request}");
        }
    }

    #[test]
    fn received_bodies_are_of_the_load_test_and_of_the_size_asked_for() {
        let answer = answer("ReceiveMessage", r#"{"QueueUrl":"q"}"#).unwrap();
        let body = answer["Messages"][0]["Body"].as_str().unwrap();
        assert_eq!(body.len(), 100);
        assert!(Stamp::read(body.as_bytes()).is_ok());
    }

    #[test]
    fn what_a_broker_would_refuse_is_refused() {
        let table = [
            ("SendMessage", r#"{"QueueUrl":"q"}"#),
            ("SendMessage", r#"{"QueueUrl":"q","MessageBody":""}"#),
            ("SendMessage", r#"{"QueueUrl":"q","MessageBody":"b""#),
            ("ReceiveMessage", r#"{"QueueUrl":"q","MaxNumberOfMessages":11}"#),
            ("DeleteMessage", r#"{"QueueUrl":"q"}"#),
            ("SendMessageBatch", r#"{"QueueUrl":"q","Entries":[]}"#),
            ("SendMessageBatch", r#"{"QueueUrl":"q","Entries":[{"Id":"0"}]}"#),
            ("PurgeQueue", r#"{"QueueUrl":"q"}"#),
        ];
        for (action, request) in table {
            assert!(answer(action, request).is_err(), "{action} {request}");
        }
    }
}

//! Sends and publishes through the links of producers.

use posthouse_wire::{
    FromBroker, Link, MessageNumber, OpenProducer, ProducerId, SendBuilder, Sent, TargetKind, message_id,
};
use serde_json::{Map, Value, json};

use super::is_entry_id;
use super::messages::{Message, digests, sequence_number, uuid};
use super::session::{Session, refusal, text};
use crate::support::client::Refusal;
use crate::support::protocol::Service;

/// An open producer.
#[derive(Clone, Copy)]
pub(super) struct Producer {
    link: Link,
    id: ProducerId,
    next: MessageNumber,
}

/// Messages for one target that one frame takes.
pub(super) struct Outgoing<'a> {
    service: Service,
    target: &'a str,
    messages: Vec<(&'a Value, Message)>,
    /// The input is a batch, whose entries succeed or fail alone.
    is_batch: bool,
}

/// The messages that one SEND may have, and their bytes, where a batch of the service is to mean the same.
const BATCH_MAX: usize = 10;
const BATCH_BYTES_MAX: usize = 1 << 20;

impl<'a> Outgoing<'a> {
    /// The messages of a call that sends or publishes; `None` for other calls, and for those that only a call can say.
    pub(super) fn of(service: Service, action: &str, input: &'a Value) -> Option<Self> {
        let (target, entries) = match (service, action) {
            (Service::Sqs, "SendMessage" | "SendMessageBatch") => ("QueueUrl", "Entries"),
            (Service::Sns, "Publish" | "PublishBatch") => ("TopicArn", "PublishBatchRequestEntries"),
            _ => return None,
        };
        let is_batch = action.ends_with("Batch");
        let members = input.as_object()?;
        let inputs: Vec<&Value> = if is_batch {
            let is_whole = members.keys().all(|member| member == target || member == entries);
            input[entries].as_array().filter(|_| is_whole)?.iter().collect()
        } else {
            vec![input]
        };
        let mut ids = Vec::new();
        let mut messages = Vec::new();
        for input in inputs {
            if is_batch {
                ids.push(input["Id"].as_str().filter(|id| is_entry_id(id) && !ids.contains(id))?);
            }
            messages.push((input, Message::of(service, input)?));
        }
        let bytes: usize = messages.iter().map(|(_, message)| message.bytes()).sum();
        let fits = !is_batch || ((1..=BATCH_MAX).contains(&messages.len()) && bytes <= BATCH_BYTES_MAX);
        let target = input[target].as_str().filter(|target| fits && !target.is_empty())?;
        Some(Self { service, target, messages, is_batch })
    }

    /// Sends the messages. Returns the output that the call has.
    pub(super) fn send(&self, session: &mut Session) -> Result<Value, Refusal> {
        let key = format!("{}:{}", self.service.scope(), self.target);
        if let Some(producer) = session.producers.remove(&key) {
            // The link ends where its queue was deleted or its permission taken. The answer of a new link counts.
            if let Ok(output) = self.send_through(session, &key, producer) {
                return output;
            }
        }
        let producer = self.open(session)?;
        self.send_through(session, &key, producer).unwrap_or_else(Err)
    }

    fn open(&self, session: &mut Session) -> Result<Producer, Refusal> {
        let (link, id) = (session.link(), ProducerId::from_bytes(rand::random()));
        let target_kind = match self.service {
            Service::Sqs => TargetKind::Queue,
            Service::Sns => TargetKind::Topic,
        };
        let opened = session.exchange(link, &OpenProducer { producer: id, target_kind, target: text(self.target) })?;
        match FromBroker::decode(&opened) {
            Ok(FromBroker::ProducerOpened(opened)) => assert_eq!(opened.last, None),
            other => panic!("no PRODUCER_OPENED: {other:?}"),
        }
        Ok(Producer { link, id, next: MessageNumber::FIRST })
    }

    /// Sends through an open producer, which is kept if its link goes on. `Err` where the whole frame was refused.
    fn send_through(
        &self,
        session: &mut Session,
        key: &str,
        producer: Producer,
    ) -> Result<Result<Value, Refusal>, Refusal> {
        let mut builder = SendBuilder::new(producer.next);
        for (_, message) in &self.messages {
            builder.push(&message.head(), std::slice::from_ref(&message.body)).expect("a frame has room for it");
        }
        let encoded = builder.finish().expect("there are messages");
        let answer = session.exchange_encoded(producer.link, &encoded)?;
        let Ok(FromBroker::Sent(sent)) = FromBroker::decode(&answer) else { panic!("no SENT: {answer:?}") };
        assert_eq!((sent.first, usize::from(sent.count)), (producer.next, self.messages.len()));
        let next = producer.next.checked_add(sent.count.into()).expect("few messages");
        session.producers.insert(key.to_owned(), Producer { next, ..producer });
        Ok(self.output(&producer, &sent))
    }

    fn output(&self, producer: &Producer, sent: &Sent<'_>) -> Result<Value, Refusal> {
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for (index, (input, _)) in self.messages.iter().enumerate() {
            let is_it = |of: u16| usize::from(of) == index;
            let mut result = Map::new();
            if self.is_batch {
                result.insert("Id".into(), input["Id"].clone());
            }
            if let Some(failure) = sent.failures.iter().find(|failure| is_it(failure.index)) {
                let refusal = refusal(&failure.fault);
                if !self.is_batch {
                    return Err(refusal);
                }
                result.insert("SenderFault".into(), json!(refusal.status < 500));
                result.insert("Code".into(), json!(refusal.code));
                result.insert("Message".into(), json!(refusal.message));
                failed.push(Value::Object(result));
                continue;
            }
            let number = producer.next.checked_add(index as u64).expect("few messages");
            let duplicate = sent.duplicates.iter().find(|duplicate| is_it(duplicate.index));
            let id = duplicate.map_or_else(|| message_id(producer.id, number), |duplicate| duplicate.id);
            result.insert("MessageId".into(), json!(uuid(id)));
            let range = sent.sequence_numbers.iter().find(|range| {
                (range.index.into()..usize::from(range.index) + usize::from(range.count)).contains(&index)
            });
            if let Some(range) = range {
                let number = range.first + (index - usize::from(range.index)) as u128;
                result.insert("SequenceNumber".into(), json!(sequence_number(number)));
            }
            if self.service == Service::Sqs {
                result.extend(digests(input));
            }
            successful.push(Value::Object(result));
        }
        Ok(if self.is_batch { json!({ "Successful": successful, "Failed": failed }) } else { successful.remove(0) })
    }
}

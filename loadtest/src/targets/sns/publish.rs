//! A worker that publishes: Publish for one message, PublishBatch for more.

use std::io::Write;

use async_trait::async_trait;

use crate::target::{Failure, Kind, Outgoing, Producer, Refusals};
use crate::targets::aws::{Body, Caller, Endpoint, Head, List};

const LIST: List = List { json: "PublishBatchRequestEntries", query: "PublishBatchRequestEntries.member." };

/// A connection that publishes to one topic.
pub(super) struct Publisher {
    caller: Caller,
    single: Head,
    batch: Head,
    requests: Requests,
}

impl Publisher {
    /// Connects.
    pub(super) async fn connect(endpoint: &Endpoint, topic_arn: &str, kind: Kind) -> Result<Self, Failure> {
        let [single, batch] = ["Publish", "PublishBatch"].map(|action| Head::new(endpoint, action, "/"));
        let requests = Requests::new(endpoint, topic_arn, kind);
        Ok(Self { caller: Caller::connect(endpoint).await?, single, batch, requests })
    }
}

#[async_trait]
impl Producer for Publisher {
    async fn send(&mut self, batch: &[Outgoing]) -> Result<Refusals, Failure> {
        if let [message] = batch {
            self.caller.call(&mut self.single, self.requests.single(message)).await?;
            return Ok(Refusals::new());
        }
        let answer = self.caller.call(&mut self.batch, self.requests.batch(batch)).await?;
        self.caller.refusals(&answer, batch.len())
    }
}

/// The bodies of the requests.
struct Requests {
    single: Body,
    batch: Body,
    members: Members,
}

/// The members of a message besides its body.
struct Members {
    is_filtered: bool,
    is_fifo: bool,
    /// A buffer that is reused.
    deduplication_id: Vec<u8>,
}

impl Requests {
    fn new(endpoint: &Endpoint, topic_arn: &str, kind: Kind) -> Self {
        Self {
            single: Body::new(endpoint, "Publish", ("TopicArn", topic_arn), None),
            batch: Body::new(endpoint, "PublishBatch", ("TopicArn", topic_arn), Some(LIST)),
            members: Members {
                is_filtered: matches!(kind, Kind::Fanout { filtered: true, .. }),
                is_fifo: kind == Kind::Fifo,
                deduplication_id: Vec::new(),
            },
        }
    }

    fn single(&mut self, message: &Outgoing) -> &[u8] {
        self.members.put(self.single.restart(), message);
        self.single.finish()
    }

    fn batch(&mut self, messages: &[Outgoing]) -> &[u8] {
        self.batch.restart();
        for message in messages {
            self.members.put(self.batch.entry(), message);
        }
        self.batch.finish()
    }
}

impl Members {
    fn put(&mut self, body: &mut Body, message: &Outgoing) {
        body.string("Message", message.body.as_bytes());
        if self.is_filtered {
            body.sns_attribute("lot", itoa::Buffer::new().format(message.lot));
        }
        if self.is_fifo {
            body.digits("MessageGroupId", message.stream.into());
            self.deduplication_id.clear();
            write!(self.deduplication_id, "{}-{}", message.stream, message.sequence).expect("vectors take everything");
            body.string("MessageDeduplicationId", &self.deduplication_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::aws::Service;

    const PLAIN: Kind = Kind::Fanout { queues: 9, filtered: false };
    const FILTERED: Kind = Kind::Fanout { queues: 9, filtered: true };

    /// The requests for one message, and for two.
    fn written(protocol: &str, kind: Kind) -> [String; 2] {
        let address = format!("sns+http://localhost:1?protocol={protocol}").parse().unwrap();
        let endpoint = Endpoint::from_address(&address, Service::Sns).unwrap();
        let mut requests = Requests::new(&endpoint, "a:b", kind);
        let message = Outgoing { body: "x y".to_owned(), stream: 4, sequence: 7, lot: 3 };
        let next = Outgoing { body: "z".to_owned(), sequence: 8, ..message.clone() };
        // The next request drops what was written before.
        requests.single(&next);
        requests.batch(&[next.clone(), next.clone()]);
        let single = String::from_utf8(requests.single(&message).to_vec()).unwrap();
        [single, String::from_utf8(requests.batch(&[message, next]).to_vec()).unwrap()]
    }

    #[test]
    fn json_requests_are_these() {
        let table = [
            (PLAIN, ""),
            (FILTERED, r#","MessageAttributes":{"lot":{"DataType":"String","StringValue":"3"}}"#),
            (Kind::Fifo, r#","MessageGroupId":"4","MessageDeduplicationId":"4-7""#),
        ];
        for (kind, extra) in table {
            let next = extra.replace("4-7", "4-8");
            let first = format!(r#"{{"Id":"0","Message":"x y"{extra}}}"#);
            let second = format!(r#"{{"Id":"1","Message":"z"{next}}}"#);
            let batch = format!(r#"{{"TopicArn":"a:b","PublishBatchRequestEntries":[{first},{second}]}}"#);
            let single = format!(r#"{{"TopicArn":"a:b","Message":"x y"{extra}}}"#);
            assert_eq!(written("json", kind), [single, batch]);
        }
    }

    #[test]
    fn query_requests_are_these() {
        let attribute = "&{}MessageAttributes.entry.1.Name=lot&{}MessageAttributes.entry.1.Value.DataType=String\
                         &{}MessageAttributes.entry.1.Value.StringValue=3";
        let fifo = "&{}MessageGroupId=4&{}MessageDeduplicationId=4-7";
        for (kind, extra) in [(PLAIN, ""), (FILTERED, attribute), (Kind::Fifo, fifo)] {
            let entry = |number: u32, body: &str, extra: &str| {
                let place = format!("PublishBatchRequestEntries.member.{number}.");
                format!("&{place}Id={}&{place}Message={body}{}", number - 1, extra.replace("{}", &place))
            };
            let head = |action: &str| format!("Action={action}&Version=2010-03-31&TopicArn=a%3Ab");
            let (first, second) = (entry(1, "x%20y", extra), entry(2, "z", &extra.replace("4-7", "4-8")));
            let batch = format!("{}{first}{second}", head("PublishBatch"));
            let single = format!("{}&Message=x%20y{}", head("Publish"), extra.replace("{}", ""));
            assert_eq!(written("query", kind), [single, batch]);
        }
    }
}

//! Fixtures of the benchmarks: a log on a real disk, an engine with a journal that only counts, and signed requests. No
//! benchmark measures this code.
#![forbid(unsafe_code)]

use core::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use bytes::Bytes;
use posthouse_aws::envelope::Signer;
use posthouse_aws::protocol::RequestId;
use posthouse_aws::{Access, AllowedHosts, Arrival, Aws, Decoded, Options, Refused};
use posthouse_aws_client::sigv4::{self, CanonicalRequest, Credentials};
use posthouse_disk::{Choice, Native};
use posthouse_engine::{Answer, Engine, Journal, Outcome, Position, References, Replay, RequestToken};
use posthouse_log::Log;
use posthouse_model::message::MessageDraft;
use posthouse_model::notification::{PublicationDraft, PublicationKind};
use posthouse_model::operation::{
    CreateQueue, CreateTopic, DeliverySettlement, MessageNumber, Numbering, ProducerId, Publish, PublishTarget,
    ReceiveMessage, ReceivedMessage, SendEntry, SendMessage, SendMessages, SettleMessages, Subscribe, Tags,
};
use posthouse_model::{
    AccountId, AttributeChanges, Call, Caller, Credential, Endpoint, HandleKey, Identity, Keys, MessageCount,
    MessageId, MessageKey, Permissions, Publication, QueueAddress, QueueId, ReceiptHandle, RegionSource, Request,
    StoredMessage, SubscriptionAttributes, SubscriptionId, SubscriptionProtocol, Timestamp, TopicAddress,
    TopicAttributes, Transport,
};

/// 2026-01-02T03:04:05Z, the time of all requests.
const NOW: Timestamp = Timestamp::from_millis(1_767_323_045_000);
const HOST: &str = "127.0.0.1:9324";

/// Whether the process is a benchmark that measures. If not, it runs each benchmark once as a test, and should be small.
#[must_use]
pub fn measures() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// A new log with default options in an empty directory.
///
/// # Panics
/// If the directory cannot be used or is not empty.
#[must_use]
pub fn log_in(directory: &Path) -> Log<Native> {
    let (disk, _) = Native::open(directory, Choice::Auto).expect("a usable directory");
    let mut recovery = Log::open(disk, posthouse_log::Options::new([1; 16])).expect("an empty directory");
    while recovery.next_record().expect("an empty log").is_some() {}
    recovery.finish().expect("an empty log").0
}

/// A journal that returns positions and drops the records.
struct Counting(u64);

impl Journal for Counting {
    fn append(&mut self, _: u8, parts: &[&[u8]]) -> Position {
        let position = Position::new(self.0);
        self.0 += (parts.iter().map(|part| part.len() as u64).sum::<u64>() + 8).next_multiple_of(8);
        position
    }

    fn region_end(&self, _: Position) -> Position {
        Position::new(u64::MAX)
    }

    fn retain_many(&mut self, _: Position, _: References) {}

    fn release_many(&mut self, _: Position, _: References) {}
}

/// An engine with one queue that is called synchronously.
pub struct Machine {
    engine: Engine,
    journal: Counting,
    answers: Vec<Answer>,
    queue: QueueAddress,
    millis: u64,
}

impl Machine {
    /// An engine with the queue of this name, with default attributes.
    #[must_use]
    pub fn with_queue(name: &str) -> Self {
        let queue = QueueAddress {
            region: "us-east-1".parse().expect("valid"),
            account: AccountId::DEFAULT,
            name: name.parse().expect("valid"),
        };
        let mut machine = Self {
            engine: Replay::new(posthouse_engine::Options::default()).finish(NOW),
            journal: Counting(4096),
            answers: Vec::new(),
            queue,
            millis: NOW.as_millis(),
        };
        let fifo = machine.queue.name.is_fifo().then_some(("FifoQueue", "true"));
        let attributes = AttributeChanges::parse(fifo).expect("valid");
        let name = machine.queue.name.clone();
        machine.ask(Request::CreateQueue(CreateQueue { name, attributes, tags: Tags::default() }));
        machine
    }

    /// An engine with a topic and `subscribers` queues that are subscribed to it with raw delivery.
    #[must_use]
    pub fn with_topic(subscribers: usize) -> Self {
        let mut machine = Self::with_queue("first");
        let topic = topic();
        let name = topic.name.clone();
        let attributes = TopicAttributes::default();
        machine.ask(Request::CreateTopic(CreateTopic {
            name,
            attributes,
            tags: Tags::default(),
            data_protection: None,
        }));
        for number in 0..subscribers {
            let name = format!("q{number}").parse().expect("valid");
            let queue = QueueAddress { name, ..machine.queue.clone() };
            let (name, tags) = (queue.name.clone(), Tags::default());
            machine.ask(Request::CreateQueue(CreateQueue { name, attributes: AttributeChanges::default(), tags }));
            let endpoint = Endpoint::parse(SubscriptionProtocol::Sqs, &queue.to_string());
            machine.ask(Request::Subscribe(Subscribe {
                topic: topic.clone(),
                endpoint,
                attributes: SubscriptionAttributes::parse([("RawMessageDelivery", "true")]),
                id: SubscriptionId::from_random((number as u128).to_le_bytes()),
                secret: [0; 16],
                confirmation: None,
            }));
        }
        machine
    }

    /// Publishes 256 bytes to the topic.
    pub fn publish(&mut self, publication: &Publication) {
        let (target, publication) = (PublishTarget::Topic(topic()), Ok(publication.clone()));
        self.ask(Request::Publish(Publish { target, publication }));
    }

    /// The queue.
    #[must_use]
    pub const fn queue(&self) -> &QueueAddress {
        &self.queue
    }

    /// Handles a request, a millisecond of engine time after the one before.
    ///
    /// # Panics
    /// If the engine does not reply at once, or replies with a fault.
    pub fn ask(&mut self, request: Request) -> Outcome {
        self.millis += 1;
        let call = Call { caller: caller(), request };
        let now = Timestamp::from_millis(self.millis);
        self.engine.handle(now, RequestToken(1), call, &mut self.journal, &mut self.answers);
        let outcome = self.answers.pop().expect("an answer").outcome;
        assert!(!matches!(outcome, Outcome::Reply(Err(_))), "{outcome:?}");
        outcome
    }

    /// Sends a message.
    pub fn send(&mut self, message: StoredMessage) {
        self.ask(Request::SendMessage(SendMessage { queue: self.queue.clone(), delay: None, message }));
    }

    /// Receives one message.
    pub fn receive(&mut self) -> Option<ReceiptHandle> {
        self.receive_many(MessageCount::MIN).first().copied()
    }

    /// Receives up to as many messages.
    pub fn receive_many(&mut self, messages_max: MessageCount) -> Vec<ReceiptHandle> {
        let queue = self.queue.clone();
        let request = ReceiveMessage { queue, messages_max, visibility_timeout: None, wait: None, attempt: None };
        match self.ask(Request::ReceiveMessage(request)) {
            Outcome::Messages { messages, .. } => messages.iter().map(|message| message.handle).collect(),
            Outcome::Reply(_)
            | Outcome::NoRoom { .. }
            | Outcome::Peeked { .. }
            | Outcome::PeekPage { .. }
            | Outcome::Damaged(_) => Vec::new(),
        }
    }

    /// Lets engine time pass.
    pub const fn pass(&mut self, seconds: u64) {
        self.millis += seconds * 1000;
    }

    /// Sends messages as a native producer, which gives them the numbers from `first` on.
    ///
    /// # Panics
    /// If there are more than a batch may have.
    pub fn produce(&mut self, first: u64, messages: &[StoredMessage]) {
        let (producer, first) = (ProducerId::from_bytes([7; 16]), MessageNumber::new(first));
        let numbering = Numbering { producer, first, answered: MessageNumber::new(first.get() - 1) };
        let entries = messages.iter().map(|message| SendEntry::new(None, message.clone()));
        let request = SendMessages::new(self.queue.clone(), numbering, entries.collect()).expect("a batch");
        self.ask(Request::SendMessages(request));
    }

    /// Deletes received messages as a native consumer.
    ///
    /// # Panics
    /// If there are more than one request settles, or if there are none.
    pub fn settle(&mut self, handles: &[ReceiptHandle]) {
        let settlements = handles.iter().map(|handle| (*handle, DeliverySettlement::Delete)).collect();
        let request = SettleMessages::new(self.queue.clone(), settlements).expect("a batch");
        self.ask(Request::SettleMessages(request));
    }
}

fn topic() -> TopicAddress {
    "arn:aws:sns:us-east-1:000000000000:t".parse().expect("valid")
}

/// A publication of 256 bytes.
#[must_use]
pub fn publication() -> Publication {
    let body = "x".repeat(256);
    let draft = PublicationDraft::new(MessageId::from_random([5; 16]), &body, PublicationKind::StandardTopic);
    draft.seal().expect("valid")
}

fn caller() -> Caller {
    Caller {
        identity: Identity::root(AccountId::DEFAULT),
        region: "us-east-1".parse().expect("valid"),
        region_source: RegionSource::Signature,
        source: IpAddr::V4(Ipv4Addr::LOCALHOST),
        transport: Transport::Plain,
    }
}

/// A message of 256 bytes for the queue of this name. FIFO messages are spread over a hundred groups.
#[must_use]
pub fn message(queue: &str, number: u64) -> StoredMessage {
    let fifo = queue.ends_with(".fifo");
    let (group, deduplication) = (format!("g{}", number % 100), format!("d{number}"));
    let draft = MessageDraft {
        id: MessageId::from_random(u128::from(number).to_le_bytes()),
        body: &"x".repeat(256),
        attributes: Vec::new(),
        trace_header: None,
        group: fifo.then_some(&group),
        deduplication: fifo.then_some(&deduplication),
        fifo,
        sender: "000000000000",
    };
    draft.seal().expect("valid")
}

/// A received message.
#[must_use]
pub fn received(number: u64) -> ReceivedMessage {
    let message = message("standard", number);
    ReceivedMessage {
        handle: ReceiptHandle { queue: QueueId::new(1), message: MessageKey::new(number), generation: 1 },
        id: message.id(),
        message,
        sent: NOW,
        receive_count: 1,
        first_received: NOW,
        sequence_number: None,
        dead_letter_source: None,
        notification: None,
        failure: None,
    }
}

struct OneUser;

impl Keys for OneUser {
    fn find(&self, access_key_id: &str) -> Option<Credential<'_>> {
        (access_key_id == "bench").then_some(Credential {
            secret: "secret",
            account: AccountId::DEFAULT,
            user: "root",
            permissions: Permissions::Full,
        })
    }
}

/// The AWS codec with one user. It verifies signatures.
#[must_use]
pub fn aws() -> Aws {
    Aws::new(Options {
        access: Access::Secured(Box::new(OneUser)),
        default_region: "us-east-1".parse().expect("valid"),
        public_url: None,
        handle_key: HandleKey::new([1; 16]),
        signer: Signer::awaiting(),
        allowed_hosts: AllowedHosts::default(),
    })
}

/// A signed request.
pub struct Signed {
    parts: http::request::Parts,
    body: Bytes,
}

impl Signed {
    /// A JSON 1.0 request with the headers that SDKs send.
    #[must_use]
    pub fn json(action: &str, body: &str) -> Self {
        let target = format!("AmazonSQS.{action}");
        let now = sigv4::Timestamp::from_unix_seconds(NOW.as_millis() / 1000);
        let headers = [
            ("host", HOST),
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-date", now.as_str()),
            ("x-amz-target", &target),
        ];
        let canonical = CanonicalRequest::new("POST", "/").headers(headers).body(body.as_bytes());
        let credentials = Credentials {
            access_key_id: "bench".to_owned(),
            secret: "secret".to_owned(),
            region: "us-east-1".to_owned(),
            service: "sqs",
        };
        let request = http::Request::post("/").header("authorization", credentials.authorization(&canonical, &now));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = request.body(()).expect("a valid request");
        Self { parts: request.into_parts().0, body: Bytes::copy_from_slice(body.as_bytes()) }
    }

    /// Its header map, as the listener has it for the response.
    #[must_use]
    pub fn headers(&self) -> http::HeaderMap {
        self.parts.headers.clone()
    }

    /// Verifies and decodes it.
    ///
    /// # Errors
    /// The codec's refusal.
    pub fn decode(&self, aws: &Aws) -> Result<Decoded, Box<Refused>> {
        let source = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let arrival =
            Arrival { now: NOW, source, transport: Transport::Plain, request_id: RequestId::from_random([9; 16]) };
        let head = aws.look(&self.parts, &arrival)?;
        aws.decode(&head, &self.body, &arrival, &mut || [3; 16])
    }
}

//! A client of the native protocol, a frame at a time. It is as simple as can be: one thread, blocking sockets. Frames are
//! those of `posthouse-wire`, whose bytes golden tests pin.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use bytes::Bytes;
use posthouse_wire::{
    Address, Assembler, AtEnd, Check, Close, Credit, DeliveryNumber, Encoded, FaultCode, Frame, FromBroker, Hello,
    Kind, Link, MessageNumber, Minors, OpenConsumer, OpenProducer, Outgoing, Payload, ProducerId, Proof, Prove,
    RateLimit, Reason, Request, SendBuilder, SendHead, Settle, SettleRange, Software, Splitter, TargetKind, Text,
    Transcript, Verb, Visibility,
};
use serde_json::Value;

use super::PATIENCE;

/// A stream of bytes.
pub(crate) trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

/// A connection.
pub(crate) struct Native {
    stream: Box<dyn Stream>,
    splitter: Splitter,
    assembler: Assembler,
    check: Check,
    exporter: Option<[u8; 32]>,
    last_request: u32,
    /// Where READY says that the same queues and topics are reached.
    pub advertised: Vec<String>,
}

/// What is known of a producer that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    /// Whether the target remembers what the producer has sent lately.
    pub is_known: bool,
    /// The last number that the broker knows; 0 for none.
    pub last: u64,
}

/// A refusal, as its frame says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub code: FaultCode,
    pub name: String,
    pub text: String,
    pub ends: posthouse_wire::Ends,
}

/// A delivered message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub number: u64,
    pub id: [u8; 16],
    pub receive_count: u32,
    pub body: String,
    pub group: String,
    pub sequence_number: u128,
    pub attributes: Vec<String>,
}

/// What a producer got for a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SentFrame {
    pub first: u64,
    pub count: u16,
    pub failures: Vec<(u16, FaultCode)>,
    pub duplicates: Vec<u16>,
    pub sequence_numbers: u32,
}

impl Native {
    /// A connection over plain TCP, before the hello.
    #[track_caller]
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the broker listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket takes a deadline");
        stream.set_nodelay(true).expect("a socket takes options");
        Self::over(Box::new(stream), Check::Crc32c, None)
    }

    /// A connection over a stream.
    pub(crate) fn over(stream: Box<dyn Stream>, check: Check, exporter: Option<[u8; 32]>) -> Self {
        let (splitter, assembler) = (Splitter::new(check), Assembler::new(64 << 20));
        Self { stream, splitter, assembler, check, exporter, last_request: 0, advertised: Vec::new() }
    }

    /// A connection to a broker without users, behind the hello.
    #[track_caller]
    pub(crate) fn open(address: SocketAddr) -> Self {
        let mut native = Self::connect(address);
        native.hello("", None).expect("there are no users");
        native
    }

    /// The hello. Returns the broker's account for the client.
    #[track_caller]
    pub(crate) fn hello(&mut self, access_key_id: &str, secret: Option<&str>) -> Result<String, Refused> {
        let hello = Hello {
            minors: Minors::SUPPORTED,
            features: posthouse_wire::Features::default(),
            nonce: rand::random(),
            region: Text::EMPTY,
            access_key_id: Text::clipped(access_key_id),
            software: Software::default(),
        };
        let own = self.payload(&hello);
        self.put(Address::CONNECTION, &hello);
        let challenge = self.answer()?;
        let transcript = Transcript { hello: &own, challenge: &challenge.payload, exporter: self.exporter.as_ref() };
        let proof: Option<Proof> = secret.map(|secret| transcript.client_proof(secret.as_bytes()));
        let expected = secret.map(|secret| transcript.server_proof(secret.as_bytes()));
        self.put(Address::CONNECTION, &Prove { proof });
        let frame = self.answer()?;
        let FromBroker::Ready(ready) = FromBroker::decode(&frame).expect("well formed") else {
            panic!("{frame:?}");
        };
        assert_eq!(ready.proof, expected, "the broker knows the secret, too");
        self.splitter.allow_long_frames();
        self.advertised = ready.addresses.iter().map(|member| member.address.as_str().to_owned()).collect();
        Ok(ready.account.as_str().to_owned())
    }

    /// A further stream of a connection behind its hello.
    pub(crate) fn allow_long_frames(&mut self) {
        self.splitter.allow_long_frames();
    }

    /// Proves as if there were no TLS.
    pub(crate) fn forget_exporter(&mut self) {
        self.exporter = None;
    }

    /// Whether the broker ends the connection without a frame.
    pub(crate) fn ends_without_a_frame(&mut self) -> bool {
        let mut bytes = [0; 4096];
        // What comes before the end is TLS, and no frame.
        (0..16).any(|_| matches!(self.stream.read(&mut bytes), Ok(0) | Err(_)))
    }

    fn payload<P: Payload>(&self, payload: &P) -> Vec<u8> {
        let mut frames = Outgoing::new(Check::Absent);
        frames.frame(Address::CONNECTION, payload);
        frames.take().into_iter().flatten().skip(16).collect()
    }

    /// Writes raw bytes. The broker may have closed the connection.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The bytes of a frame.
    pub(crate) fn frame<P: Payload>(&self, address: Address, payload: &P) -> Vec<u8> {
        let mut frames = Outgoing::new(self.check);
        frames.frame(address, payload);
        frames.take().into_iter().flatten().collect()
    }

    /// Writes a frame.
    #[track_caller]
    pub(crate) fn put<P: Payload>(&mut self, address: Address, payload: &P) {
        let bytes = self.frame(address, payload);
        self.write(&bytes).expect("the connection is open");
    }

    /// Writes a frame with bodies.
    #[track_caller]
    pub(crate) fn put_encoded(&mut self, address: Address, payload: &Encoded) {
        let mut frames = Outgoing::new(self.check);
        frames.encoded(address, payload);
        let bytes: Vec<u8> = frames.take().into_iter().flatten().collect();
        self.write(&bytes).expect("the connection is open");
    }

    /// The next frame but pings, with its whole payload. `None` if the broker has closed the connection.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Option<Frame> {
        loop {
            let next =
                self.splitter.next_frame().unwrap_or_else(|error| panic!("the broker's frames are valid: {error}"));
            if let Some(frame) = next {
                match self.assembler.push(frame).expect("its parts are in order") {
                    Some(frame) if frame.header.kind == Kind::Ping => continue,
                    Some(frame) => return Some(frame),
                    None => continue,
                }
            }
            let mut bytes = [0; 64 * 1024];
            match self.stream.read(&mut bytes) {
                Ok(0) => return None,
                Ok(count) => self.splitter.buffer(count).extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no frame came: {error}"),
            }
        }
    }

    /// The next frame, which is no refusal.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Result<Frame, Refused> {
        let frame = self.next().expect("the connection is open");
        if frame.header.kind != Kind::Fault {
            return Ok(frame);
        }
        Err(refused(&frame))
    }

    /// The next frame, which is a refusal.
    #[track_caller]
    pub(crate) fn refusal(&mut self) -> Refused {
        let frame = self.next().expect("a refusal");
        assert_eq!(frame.header.kind, Kind::Fault, "{frame:?}");
        refused(&frame)
    }

    /// Fails unless the broker closes the connection without saying more.
    #[track_caller]
    pub(crate) fn is_closed(&mut self) {
        assert_eq!(self.next(), None);
    }

    fn request(&mut self, link: u16) -> Address {
        self.last_request += 1;
        Address::new(Link::new(link), Request::new(self.last_request))
    }

    /// Opens a producer. Returns the last number that the broker knows.
    #[track_caller]
    pub(crate) fn producer(&mut self, link: u16, kind: TargetKind, target: &str, id: [u8; 16]) -> Result<u64, Refused> {
        self.open_producer(link, kind, target, id).map(|opened| opened.last)
    }

    /// Opens a producer.
    #[track_caller]
    pub(crate) fn open_producer(
        &mut self,
        link: u16,
        kind: TargetKind,
        target: &str,
        id: [u8; 16],
    ) -> Result<Opened, Refused> {
        let address = self.request(link);
        let producer = ProducerId::from_bytes(id);
        self.put(address, &OpenProducer { producer, target_kind: kind, target: Text::clipped(target) });
        let frame = self.answer()?;
        assert_eq!(frame.address(), address);
        let FromBroker::ProducerOpened(opened) = FromBroker::decode(&frame).expect("well formed") else {
            panic!("{frame:?}");
        };
        Ok(Opened { is_known: opened.is_known, last: opened.last.map_or(0, MessageNumber::get) })
    }

    /// Opens a consumer.
    #[track_caller]
    pub(crate) fn consumer(&mut self, link: u16, queue: &str, at_end: AtEnd) -> Result<(), Refused> {
        let queue = Text::clipped(queue);
        let open = OpenConsumer { queue, visibility: Visibility::OfQueue, rate: None, at_end, batch_max: 0 };
        self.open_consumer(link, &open)
    }

    /// Opens a consumer that receives so many messages a second at most.
    #[track_caller]
    pub(crate) fn consumer_at(&mut self, link: u16, queue: &str, per_second: f64) -> Result<(), Refused> {
        let (queue, at_end) = (Text::clipped(queue), AtEnd::GiveBack);
        let rate = RateLimit::per_second(per_second);
        self.open_consumer(link, &OpenConsumer { queue, visibility: Visibility::OfQueue, rate, at_end, batch_max: 0 })
    }

    #[track_caller]
    fn open_consumer(&mut self, link: u16, open: &OpenConsumer<'_>) -> Result<(), Refused> {
        let address = self.request(link);
        self.put(address, open);
        let frame = self.answer()?;
        assert_eq!((frame.header.kind, frame.address()), (Kind::ConsumerOpened, address));
        Ok(())
    }

    /// Gives credit for messages up to this number, and many bytes.
    #[track_caller]
    pub(crate) fn credit(&mut self, link: u16, messages: u64) {
        self.put(Address::link(Link::new(link)), &Credit { messages, bytes: 1 << 40 });
    }

    /// The payload of a SEND.
    pub(crate) fn batch(first: u64, bodies: &[&str]) -> Encoded {
        Self::batch_to(first, "", bodies)
    }

    /// The payload of a SEND of messages of a group.
    pub(crate) fn batch_to(first: u64, group: &str, bodies: &[&str]) -> Encoded {
        let head = SendHead { group: Text::clipped(group), ..SendHead::default() };
        let mut builder = SendBuilder::new(MessageNumber::new(first).expect("a number"));
        for body in bodies {
            builder.push(&head, &[Bytes::copy_from_slice(body.as_bytes())]).expect("it has room");
        }
        builder.finish().expect("there are messages")
    }

    /// Sends messages and waits for the answer.
    #[track_caller]
    pub(crate) fn send(&mut self, link: u16, first: u64, bodies: &[&str]) -> Result<SentFrame, Refused> {
        self.send_encoded(link, &Self::batch(first, bodies))
    }

    /// Sends a frame of messages and waits for the answer.
    #[track_caller]
    pub(crate) fn send_encoded(&mut self, link: u16, batch: &Encoded) -> Result<SentFrame, Refused> {
        let address = self.request(link);
        self.put_encoded(address, batch);
        self.sent()
    }

    /// Sends a frame of messages. [`Native::sent`] reads the answer.
    #[track_caller]
    pub(crate) fn post(&mut self, link: u16, batch: &Encoded) {
        let address = self.request(link);
        self.put_encoded(address, batch);
    }

    /// The answer to a frame of messages.
    #[track_caller]
    pub(crate) fn sent(&mut self) -> Result<SentFrame, Refused> {
        let frame = self.answer()?;
        let FromBroker::Sent(sent) = FromBroker::decode(&frame).expect("well formed") else { panic!("{frame:?}") };
        let failures = sent.failures.iter().map(|failure| (failure.index, failure.fault.code().expect("known")));
        Ok(SentFrame {
            first: sent.first.get(),
            count: sent.count,
            failures: failures.collect(),
            duplicates: sent.duplicates.iter().map(|duplicate| duplicate.index).collect(),
            sequence_numbers: sent.sequence_numbers.iter().map(|range| u32::from(range.count)).sum(),
        })
    }

    /// The messages of the next frame of deliveries.
    #[track_caller]
    pub(crate) fn deliveries(&mut self) -> Vec<Delivered> {
        let frame = self.answer().unwrap_or_else(|refused| panic!("{refused:?}"));
        let FromBroker::Deliver(deliver) = FromBroker::decode(&frame).expect("well formed") else {
            panic!("{frame:?}");
        };
        let entries = deliver.entries().zip(deliver.first().get()..);
        entries.map(|(entry, number)| delivered(&entry.expect("well formed"), number)).collect()
    }

    /// So many messages, in as many frames as the broker likes.
    #[track_caller]
    pub(crate) fn messages(&mut self, count: usize) -> Vec<Delivered> {
        let mut messages = Vec::new();
        while messages.len() < count {
            messages.extend(self.deliveries());
        }
        assert_eq!(messages.len(), count, "{messages:?}");
        messages
    }

    /// Settles deliveries. Returns those that were not settled: number, count and why.
    #[track_caller]
    pub(crate) fn settle(
        &mut self,
        link: u16,
        ranges: &[(Verb, u64, u32)],
    ) -> Result<Vec<(u64, u32, FaultCode)>, Refused> {
        let address = self.request(link);
        let range = |(verb, first, count): &(Verb, u64, u32)| SettleRange {
            verb: *verb,
            first: DeliveryNumber::new(*first).expect("a number"),
            count: *count,
        };
        let ranges: Vec<_> = ranges.iter().map(range).collect();
        self.put(address, &Settle::new(&ranges).expect("few ranges"));
        let frame = self.answer()?;
        let FromBroker::Settled(settled) = FromBroker::decode(&frame).expect("well formed") else {
            panic!("{frame:?}");
        };
        let exception = |not: posthouse_wire::NotSettled| (not.first().get(), not.count(), not.code().expect("known"));
        Ok(settled.exceptions.iter().map(exception).collect())
    }

    /// The receipt handle of a delivery.
    #[track_caller]
    pub(crate) fn handle(&mut self, link: u16, delivery: u64) -> Result<String, Refused> {
        let address = self.request(link);
        self.put(address, &posthouse_wire::GetHandle { delivery: DeliveryNumber::new(delivery).expect("a number") });
        let frame = self.answer()?;
        let FromBroker::Handle(handle) = FromBroker::decode(&frame).expect("well formed") else {
            panic!("{frame:?}");
        };
        Ok(handle.handle.as_str().to_owned())
    }

    /// Why the next frame says that the broker ends the connection, and where to connect instead.
    #[track_caller]
    pub(crate) fn goes_away(&mut self) -> (Reason, String) {
        let frame = self.answer().expect("no refusal");
        let FromBroker::GoAway(away) = FromBroker::decode(&frame).expect("well formed") else { panic!("{frame:?}") };
        (away.reason, away.address.as_str().to_owned())
    }

    /// Closes a link and waits for that.
    #[track_caller]
    pub(crate) fn close(&mut self, link: u16) {
        let address = self.request(link);
        self.put(address, &Close);
        let frame = self.answer().expect("it was open");
        assert_eq!((frame.header.kind, frame.address()), (Kind::Closed, address));
    }

    /// Writes a call. [`Native::reply`] reads the answer. Returns the request.
    #[track_caller]
    pub(crate) fn ask(&mut self, operation: &str, input: &Value) -> Address {
        let address = self.request(0);
        let input = Bytes::from(input.to_string());
        self.put_encoded(address, &posthouse_wire::Call::encode(Text::clipped(operation), &input));
        address
    }

    /// The answer to a call.
    #[track_caller]
    pub(crate) fn reply(&mut self, address: Address) -> Result<Value, Refused> {
        let frame = self.answer()?;
        assert_eq!(frame.address(), address);
        let FromBroker::Reply(reply) = FromBroker::decode(&frame).expect("well formed") else { panic!("{frame:?}") };
        Ok(serde_json::from_slice(reply.output).expect("JSON"))
    }

    /// Calls an operation of SQS or SNS.
    #[track_caller]
    pub(crate) fn call(&mut self, operation: &str, input: &Value) -> Result<Value, Refused> {
        let address = self.ask(operation, input);
        self.reply(address)
    }
}

/// What a refusal says.
fn refused(frame: &Frame) -> Refused {
    let FromBroker::Fault(fault) = FromBroker::decode(frame).expect("well formed") else { panic!("{frame:?}") };
    let (name, text) = (fault.name().to_owned(), fault.text().to_owned());
    Refused { code: fault.code().expect("a known code"), name, text, ends: fault.ends() }
}

fn delivered(entry: &posthouse_wire::DeliveredEntry<'_>, number: u64) -> Delivered {
    let names = entry.head.attributes.iter().map(|read| read.expect("well formed").name.as_str().to_owned());
    Delivered {
        number,
        id: entry.head.id,
        receive_count: entry.head.receive_count,
        body: String::from_utf8(entry.body.to_vec()).expect("text"),
        group: entry.head.group.as_str().to_owned(),
        sequence_number: entry.head.sequence_number,
        attributes: names.collect(),
    }
}

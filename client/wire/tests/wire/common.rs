//! What the tests share: numbers and texts without ceremony, and one frame of each kind.

use bytes::{Buf as _, BufMut as _, Bytes};
use posthouse_wire::*;

pub(crate) const ADDRESS: Address = Address::new(Link::new(3), Request::new(9));
pub(crate) const PRODUCER: ProducerId = ProducerId::from_bytes(*b"0123456789abcdef");

pub(crate) fn number(number: u64) -> MessageNumber {
    MessageNumber::new(number).expect("a number")
}

pub(crate) fn delivery(number: u64) -> DeliveryNumber {
    DeliveryNumber::new(number).expect("a number")
}

pub(crate) fn text(text: &str) -> Text<'_> {
    Text::new(text).expect("a short text")
}

/// The bytes of the frames that `write` writes.
pub(crate) fn bytes_of(check: Check, write: impl FnOnce(&mut Outgoing)) -> Bytes {
    let mut out = Outgoing::new(check);
    write(&mut out);
    let length = out.len();
    let mut chunks = out.take();
    assert_eq!(chunks.remaining(), length);
    chunks.copy_to_bytes(length)
}

/// The frames in `bytes`; a last one that is not whole is left out.
pub(crate) fn frames_in(check: Check, bytes: &[u8]) -> Result<Vec<Frame>, DecodeError> {
    let mut splitter = Splitter::new(check);
    splitter.allow_long_frames();
    splitter.buffer(bytes.len()).put_slice(bytes);
    let mut frames = Vec::new();
    while let Some(frame) = splitter.next_frame()? {
        frames.push(frame);
    }
    Ok(frames)
}

/// A frame with this payload, whatever it is.
pub(crate) fn frame(kind: Kind, payload: &[u8]) -> Frame {
    let header = Header { kind, address: ADDRESS, part: Part::Last };
    Frame { header, payload: Bytes::copy_from_slice(payload) }
}

/// Everything that a payload says, as text: equal texts are equal payloads. Lists and entries are gone through.
pub(crate) fn said(frame: &Frame) -> Result<String, DecodeError> {
    let malformed = |malformed| DecodeError::Malformed { header: frame.header, malformed };
    if frame.header.kind.sender() == Sender::Client {
        let read = FromClient::decode(frame)?;
        let FromClient::Send(send) = &read else { return Ok(format!("{read:?}")) };
        let mut said = format!("{} {}", send.first(), send.count());
        for entry in send.entries() {
            let entry = entry.map_err(malformed)?;
            said += &format!("{:?} {}", SendHead { attributes: Attributes::NONE, ..entry.head }, entry.body.len());
            for attribute in entry.head.attributes.iter() {
                said += &format!("{:?}", attribute.map_err(malformed)?);
            }
        }
        Ok(said)
    } else {
        let read = FromBroker::decode(frame)?;
        let FromBroker::Deliver(deliver) = &read else { return Ok(format!("{read:?}")) };
        let mut said = format!("{} {}", deliver.first(), deliver.count());
        for entry in deliver.entries() {
            let entry = entry.map_err(malformed)?;
            said += &format!("{:?} {}", DeliveryHead { attributes: Attributes::NONE, ..entry.head }, entry.body.len());
            for attribute in entry.head.attributes.iter() {
                said += &format!("{:?}", attribute.map_err(malformed)?);
            }
        }
        Ok(said)
    }
}

pub(crate) fn attributes() -> AttributesBuffer {
    let mut attributes = AttributesBuffer::new();
    attributes.push(&Attribute { name: text("n"), data_type: text("Number"), value: AttributeValue::Text("7") });
    attributes.push(&Attribute { name: text("b"), data_type: text("Binary"), value: AttributeValue::Binary(&[1, 2]) });
    attributes
}

pub(crate) fn hello() -> Hello<'static> {
    Hello {
        minors: Minors::new(0, 2).expect("in order"),
        features: Features::from_bits(5),
        nonce: [0xA1; NONCE_BYTES],
        region: text("eu-1"),
        access_key_id: text("AKIA"),
        software: Software { name: text("lib"), version: text("0.1") },
    }
}

pub(crate) fn challenge() -> Challenge<'static> {
    Challenge {
        minor: 0,
        authentication: Authentication::Required,
        features: Features::from_bits(4),
        nonce: [0xB2; NONCE_BYTES],
        log_identity: [0xC3; 16],
        heartbeat_ms: 10_000,
        limits: ConnectionLimits { payload_bytes: 8 << 20, links: 256, requests: 1024 },
        software: Software { name: text("posthouse"), version: text("0.1.0") },
    }
}

pub(crate) fn proof() -> Proof {
    Transcript { hello: b"hello", challenge: b"challenge", exporter: None }.client_proof(b"secret")
}

pub(crate) fn send() -> Encoded {
    let attributes = attributes();
    let mut builder = SendBuilder::new(number(7));
    builder.push(&SendHead::default(), &[Bytes::from_static(b"hi")]).expect("room");
    let head = SendHead {
        structure: Structure::Json,
        delay: Delay::Seconds(5),
        group: text("g"),
        deduplication: text("d"),
        subject: text("s"),
        trace_header: text("t"),
        attributes: attributes.attributes(),
    };
    builder.push(&head, &[Bytes::from_static(b"{}")]).expect("room");
    builder.finish().expect("two messages")
}

pub(crate) fn deliver() -> Encoded {
    let attributes = attributes();
    let mut builder = DeliverBuilder::new(delivery(1));
    let head = DeliveryHead {
        id: message_id(PRODUCER, number(7)),
        sent_ms: 1_700_000_000_000,
        first_received_ms: 1_700_000_000_001,
        receive_count: 2,
        sequence_number: 30_000_000_000_000_000_007,
        sender: text("s"),
        group: text("g"),
        deduplication: text("d"),
        trace_header: text("t"),
        dead_letter_source: text("a"),
        attributes: attributes.attributes(),
    };
    builder.push(&head, &[Bytes::from_static(b"hi")]).expect("room");
    builder.finish().expect("a message")
}

pub(crate) const RANGES: &[SettleRange] = &[
    SettleRange { verb: Verb::Delete, first: DeliveryNumber::FIRST, count: 7 },
    SettleRange { verb: Verb::Extend { seconds: 30 }, first: DeliveryNumber::FIRST, count: 1 },
];

/// A frame of each kind, with something in each field.
pub(crate) fn one_of_each(check: Check) -> Vec<(Kind, Bytes)> {
    fn small<P: Payload>(check: Check, payload: &P) -> (Kind, Bytes) {
        (P::KIND, bytes_of(check, |out| out.frame(ADDRESS, payload)))
    }
    let large = |encoded: Encoded| (encoded.kind(), bytes_of(check, |out| out.encoded(ADDRESS, &encoded)));
    let addresses = [MemberAddress { address: text("a:1") }, MemberAddress { address: text("b:2") }];
    let fault = Fault::new(FaultCode::OverLimit, Ends::Request, "too many").named("OverLimit");
    let failures = [Failure { index: 1, fault }];
    let duplicates = [Duplicate { index: 0, id: [0xD4; 16] }];
    let sequence_numbers = [SequenceRange { index: 0, count: 1, first: 30_000_000_000_000_000_007 }];
    let exceptions = [NotSettled::new(delivery(4), 2, FaultCode::NotInFlight)];
    let json = Bytes::from_static(b"{}");
    vec![
        small(check, &hello()),
        small(check, &challenge()),
        small(check, &Prove { proof: Some(proof()) }),
        small(check, &Ready { proof: None, account: text("1"), user: text("u"), addresses: List::of(&addresses) }),
        small(check, &OpenProducer { producer: PRODUCER, target_kind: TargetKind::Topic, target: text("news") }),
        small(
            check,
            &ProducerOpened {
                is_known: true,
                last: MessageNumber::new(6),
                is_fifo: false,
                has_content_based_deduplication: true,
                message_bytes_max: 1 << 20,
                window_messages: 1024,
                window_bytes: 8 << 20,
                arn: text("arn"),
            },
        ),
        small(
            check,
            &OpenConsumer {
                queue: text("q"),
                visibility: Visibility::Seconds(30),
                rate: RateLimit::per_second(0.5),
                at_end: AtEnd::KeepInFlight,
                batch_max: 100,
            },
        ),
        small(
            check,
            &ConsumerOpened {
                is_fifo: true,
                visibility_seconds: 30,
                unsettled_max: 10_000,
                held_bytes_max: 4 << 20,
                arn: text("arn"),
            },
        ),
        small(check, &Close),
        small(check, &Closed),
        large(send()),
        small(
            check,
            &Sent {
                first: number(7),
                count: 2,
                failures: List::of(&failures),
                duplicates: List::of(&duplicates),
                sequence_numbers: List::of(&sequence_numbers),
            },
        ),
        small(check, &Credit { messages: 512, bytes: 1 << 20 }),
        large(deliver()),
        small(check, &Settle::new(RANGES).expect("two ranges")),
        small(check, &Settled { exceptions: List::of(&exceptions) }),
        small(check, &GetHandle { delivery: delivery(4) }),
        small(check, &Handle { handle: text("AQ==") }),
        large(Call::encode(text("sqs.ListQueues"), &json)),
        large(Reply::encode(&json)),
        small(check, &Cancel),
        small(check, &Ping),
        small(check, &Pong),
        small(check, &GoAway { reason: Reason::Moved, grace_ms: 5000, address: text("b:2") }),
        small(check, &fault),
    ]
}

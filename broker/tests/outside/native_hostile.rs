//! What a hostile or broken native client sends behind its hello. Each gets a clear fault, its connection goes on or
//! ends as the fault says, and another client is served all the time.

mod floods;
mod streams;

use posthouse_wire::{
    Address, AtEnd, Call, Check, Ends, FaultCode, Kind, Link, Outgoing, Ping, Request, TargetKind, Text, limits,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::shared::OPEN;
use crate::support::{Broker, Native, Queue, seed};

use floods::{
    a_payload_that_does_not_end_is_refused_whatever_lies_between, answers_that_are_not_read_hold_little_memory,
    frames_that_do_not_end_hold_little_memory, links_and_requests_have_limits,
    settlements_of_one_delivery_are_answered_however_many, silent_connections_make_room_for_others,
    ten_thousand_connections_hold_little_memory,
};
use streams::{
    a_flood_of_streams_is_bounded, a_stream_that_opens_nothing_ends_its_connection,
    streams_with_half_a_frame_hold_little_memory,
};

crate::cases! {
    bad_frames_get_their_fault,
    long_payloads_have_a_limit,
    a_settlement_of_everything_is_answered,
    damaged_frames_disturb_no_other_client,
    bytes_may_come_one_by_one,
    links_and_requests_have_limits,
    frames_that_do_not_end_hold_little_memory,
    a_payload_that_does_not_end_is_refused_whatever_lies_between,
    ten_thousand_connections_hold_little_memory,
    silent_connections_make_room_for_others,
    answers_that_are_not_read_hold_little_memory,
    settlements_of_one_delivery_are_answered_however_many,
    a_flood_of_streams_is_bounded,
    streams_with_half_a_frame_hold_little_memory,
    a_stream_that_opens_nothing_ends_its_connection,
}

/// The link of a producer, that of a consumer, and one that is not open.
const PRODUCER: u16 = 1;
const CONSUMER: u16 = 2;
const NONE: u16 = 77;

/// Flag 1 of a header: the frame has a check.
const CHECK: u8 = 1;
/// Flag 2 of a header: the payload goes on.
const MORE: u8 = 2;

/// CRC-32C, by its definition.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0x82F6_3B78 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

/// A frame as `docs/protocol.md` draws it, with a valid check if its flags say that there is one.
fn frame(kind: u8, flags: u8, link: u16, request: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload");
    let mut frame = length.to_le_bytes().to_vec();
    frame.extend([kind, flags]);
    frame.extend(link.to_le_bytes());
    frame.extend(request.to_le_bytes());
    frame.extend([0; 4]);
    frame.extend(payload);
    if flags & CHECK != 0 {
        let check = crc32c(&frame);
        frame[12..16].copy_from_slice(&check.to_le_bytes());
    }
    frame
}

/// A frame with a check.
fn checked(kind: Kind, link: u16, request: u32, payload: &[u8]) -> Vec<u8> {
    frame(kind.number(), CHECK, link, request, payload)
}

/// The payload of a SEND whose first message has this number, and that says how many it has. It has one, whose body
/// is `x`.
fn one_message(first: u64, count: u16) -> Vec<u8> {
    let mut payload = vec![10, 0];
    payload.extend(first.to_le_bytes());
    payload.extend(count.to_le_bytes());
    payload.extend([11, 0, 0, 0, 8, 0, 0, 0, 0, 0, 1, 0, 0, 0, b'x']);
    payload
}

/// A head of these bytes.
fn head(fields: &[&[u8]]) -> Vec<u8> {
    let fields = fields.concat();
    let length = u16::try_from(fields.len()).expect("a short head");
    [&length.to_le_bytes(), &fields[..]].concat()
}

/// A connection with a producer and a consumer of a queue.
#[track_caller]
fn linked(broker: &Broker, queue: &Queue) -> Native {
    let mut native = Native::open(broker.native);
    native.producer(PRODUCER, TargetKind::Queue, &queue.name, rand::random()).expect("it exists");
    native.consumer(CONSUMER, &queue.name, AtEnd::GiveBack).expect("it exists");
    native
}

/// Another client, which is served all the time.
struct Bystander {
    native: Native,
    sent: u64,
}

impl Bystander {
    #[track_caller]
    fn new(broker: &Broker) -> Self {
        let mut native = Native::open(broker.native);
        let queue = broker.json_client().queue();
        native.producer(1, TargetKind::Queue, &queue.name, rand::random()).expect("it exists");
        Self { native, sent: 0 }
    }

    #[track_caller]
    fn is_served(&mut self) {
        self.sent += 1;
        self.native.send(1, self.sent, &["still here"]).expect("stored");
    }
}

/// Fails unless the connection answers a PING.
#[track_caller]
fn is_alive(native: &mut Native, what: &str) {
    let address = Address::new(Link::CONNECTION, Request::new(4_000_000));
    native.put(address, &Ping);
    let answer = native.answer().unwrap_or_else(|refused| panic!("after {what}: {refused:?}"));
    assert_eq!((answer.header.kind, answer.address()), (Kind::Pong, address), "after {what}");
}

/// What a client sends, the code of the fault that it gets, and what ends with that.
type Row = (&'static str, Vec<u8>, FaultCode, Ends);

/// Headers that are wrong.
fn headers() -> Vec<Row> {
    use FaultCode::{Checksum, FrameTooLong, Malformed, UnexpectedFrame, UnknownKind};
    let long = |length: u32| {
        let mut bytes = frame(0x10, CHECK, PRODUCER, 1, &[]);
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        bytes
    };
    let mut flipped = checked(Kind::Ping, 0, 1, &[0, 0]);
    flipped[17] ^= 1;
    vec![
        ("a frame that is a byte too long", long(limits::FRAME_BYTES_MAX + 1), FrameTooLong, Ends::Connection),
        ("the longest length", long(u32::MAX), FrameTooLong, Ends::Connection),
        ("an unknown kind", frame(0x7F, CHECK, 0, 1, &[0, 0]), UnknownKind, Ends::Connection),
        ("kind 0", frame(0, CHECK, 0, 0, &[]), UnknownKind, Ends::Connection),
        ("an unknown flag", frame(0x30, CHECK | 0x80, 0, 1, &[0, 0]), Malformed, Ends::Connection),
        (
            "a SEND that goes on",
            frame(0x10, CHECK | MORE, PRODUCER, 1, &one_message(1, 1)),
            Malformed,
            Ends::Connection,
        ),
        ("a frame without a check", frame(0x30, 0, 0, 1, &[0, 0]), Checksum, Ends::Connection),
        ("a flipped bit", flipped, Checksum, Ends::Connection),
        (
            "parts of two payloads",
            [frame(0x20, CHECK | MORE, 0, 1, &[0, 0]), frame(0x20, CHECK | MORE, 0, 2, &[0, 0])].concat(),
            Malformed,
            Ends::Connection,
        ),
        ("a part of a CALL on a link", frame(0x20, CHECK | MORE, PRODUCER, 1, &[0, 0]), Malformed, Ends::Connection),
        (
            "a second HELLO",
            checked(Kind::Hello, 0, 1, &[&b"PSTH\x01"[..], &head(&[&[0; 42]])].concat()),
            UnexpectedFrame,
            Ends::Connection,
        ),
        ("another protocol's HELLO", checked(Kind::Hello, 0, 1, b"HTTP"), FaultCode::BadMagic, Ends::Connection),
        ("a second PROVE", checked(Kind::Prove, 0, 1, &head(&[&[0]])), UnexpectedFrame, Ends::Connection),
        ("a frame of the broker's", checked(Kind::Closed, 0, 1, &[0, 0]), UnexpectedFrame, Ends::Connection),
    ]
}

/// Payloads that are not what their kind says.
fn payloads() -> Vec<Row> {
    let kinds = [
        ("an empty OPEN_PRODUCER", Kind::OpenProducer, 3),
        ("an empty OPEN_CONSUMER", Kind::OpenConsumer, 3),
        ("an empty CLOSE", Kind::Close, PRODUCER),
        ("an empty SEND", Kind::Send, PRODUCER),
        ("an empty CREDIT", Kind::Credit, CONSUMER),
        ("an empty SETTLE", Kind::Settle, CONSUMER),
        ("an empty GET_HANDLE", Kind::GetHandle, CONSUMER),
        ("an empty CALL", Kind::Call, 0),
        ("an empty CANCEL", Kind::Cancel, 0),
        ("an empty PING", Kind::Ping, 0),
    ];
    let mut rows: Vec<Row> = kinds
        .into_iter()
        .map(|(what, kind, link)| (what, checked(kind, link, 1, &[]), FaultCode::Malformed, Ends::Connection))
        .collect();
    let name_of_bytes = head(&[&[0; 16], &[0], &[2, 0, 0xFF, 0xFE]]);
    let open_at = |rate: f64| {
        let visibility = u32::MAX.to_le_bytes();
        head(&[&[1, 0, b'q'], &visibility, &rate.to_bits().to_le_bytes(), &[0, 0, 0]])
    };
    let range = |verb: u8, count: u32| head(&[&[verb], &[0; 4], &1_u64.to_le_bytes(), &count.to_le_bytes()]);
    let settle = |range: &[u8]| [&head(&[&[1, 0]]), range].concat();
    for (what, kind, link, payload) in [
        ("fewer messages than are counted", Kind::Send, PRODUCER, one_message(1, 2)),
        ("more messages than there may be", Kind::Send, PRODUCER, one_message(1, 513)),
        ("no message", Kind::Send, PRODUCER, one_message(1, 0)),
        ("message number 0", Kind::Send, PRODUCER, one_message(0, 1)),
        ("a message number beyond the largest", Kind::Send, PRODUCER, one_message(u64::MAX, 1)),
        ("a name that is no text", Kind::OpenProducer, 3, name_of_bytes),
        ("a head that is longer than its frame", Kind::Credit, CONSUMER, vec![0xFF, 0xFF, 0]),
        ("a rate below zero", Kind::OpenConsumer, 3, open_at(-1.0)),
        ("a rate that is no number", Kind::OpenConsumer, 3, open_at(f64::NAN)),
        ("a rate without an end", Kind::OpenConsumer, 3, open_at(f64::INFINITY)),
        ("an unknown verb", Kind::Settle, CONSUMER, settle(&range(9, 1))),
        ("a range of no deliveries", Kind::Settle, CONSUMER, settle(&range(1, 0))),
        ("a range of four billion deliveries", Kind::Settle, CONSUMER, settle(&range(1, u32::MAX))),
        ("fewer ranges than are counted", Kind::Settle, CONSUMER, head(&[&[9, 0]])),
    ] {
        rows.push((what, checked(kind, link, 1, &payload), FaultCode::Malformed, Ends::Connection));
    }
    rows
}

/// Whole frames in the wrong place.
fn places() -> Vec<Row> {
    use FaultCode::{
        CreditOverflow, LinkInUse, MalformedCall, OutOfSequence, UnexpectedFrame, UnknownLink, UnknownOperation,
    };
    let eight = 8_u64.to_le_bytes();
    let open = |target: &str| {
        let length = u16::try_from(target.len()).expect("a short name").to_le_bytes();
        head(&[&[7; 16], &[0], &length, target.as_bytes()])
    };
    let call = |operation: &str, json: &str| {
        let length = u16::try_from(operation.len()).expect("a short name").to_le_bytes();
        [&head(&[&length, operation.as_bytes()]), json.as_bytes()].concat()
    };
    vec![
        ("a SEND for no link", checked(Kind::Send, NONE, 1, &one_message(1, 1)), UnknownLink, Ends::Request),
        ("a CREDIT for no link", checked(Kind::Credit, NONE, 0, &head(&[&eight, &eight])), UnknownLink, Ends::Request),
        ("a SETTLE for no link", checked(Kind::Settle, NONE, 1, &head(&[&[0, 0]])), UnknownLink, Ends::Request),
        ("a GET_HANDLE for no link", checked(Kind::GetHandle, NONE, 1, &head(&[&eight])), UnknownLink, Ends::Request),
        ("a CLOSE for no link", checked(Kind::Close, NONE, 1, &[0, 0]), UnknownLink, Ends::Request),
        ("a SETTLE for a producer", checked(Kind::Settle, PRODUCER, 1, &head(&[&[0, 0]])), UnknownLink, Ends::Request),
        (
            "a SEND for a consumer",
            checked(Kind::Send, CONSUMER, 1, &one_message(1, 1)),
            UnexpectedFrame,
            Ends::Connection,
        ),
        ("a gap in numbers", checked(Kind::Send, PRODUCER, 1, &one_message(5, 1)), OutOfSequence, Ends::Link),
        ("a link with number 0", checked(Kind::OpenProducer, 0, 1, &open("q")), UnexpectedFrame, Ends::Connection),
        (
            "a link whose number is in use",
            checked(Kind::OpenProducer, PRODUCER, 1, &open("q")),
            LinkInUse,
            Ends::Request,
        ),
        (
            "a CALL on a link",
            checked(Kind::Call, PRODUCER, 1, &call("sqs.ListQueues", "{}")),
            UnexpectedFrame,
            Ends::Connection,
        ),
        (
            "an operation that does not exist",
            checked(Kind::Call, 0, 1, &call("sqs.Fly", "{}")),
            UnknownOperation,
            Ends::Request,
        ),
        ("an operation without a name", checked(Kind::Call, 0, 1, &call("", "{}")), UnknownOperation, Ends::Request),
        ("no JSON", checked(Kind::Call, 0, 1, &call("sqs.ListQueues", "{")), MalformedCall, Ends::Request),
        (
            "deep JSON",
            checked(Kind::Call, 0, 1, &call("sqs.ListQueues", &"[".repeat(60_000))),
            MalformedCall,
            Ends::Request,
        ),
        (
            "a delivery that never was",
            checked(Kind::GetHandle, CONSUMER, 1, &head(&[&eight])),
            FaultCode::UnknownDelivery,
            Ends::Request,
        ),
        (
            "credit beyond the largest",
            checked(Kind::Credit, CONSUMER, 0, &head(&[&[0xFF; 8], &eight])),
            CreditOverflow,
            Ends::Link,
        ),
    ]
}

fn bad_frames_get_their_fault() {
    let broker = OPEN.get();
    let queue = broker.json_client().queue();
    let mut bystander = Bystander::new(&broker);
    for (what, bytes, code, ends) in [headers(), payloads(), places()].concat() {
        let mut native = linked(&broker, &queue);
        native.write(&bytes).expect("the connection is open");
        let refused = native.refusal();
        assert_eq!((refused.code, refused.ends), (code, ends), "{what}: {refused:?}");
        assert!(!refused.text.is_empty(), "{what}: the fault gives a reason");
        match ends {
            Ends::Connection => native.is_closed(),
            Ends::Link | Ends::Request => is_alive(&mut native, what),
        }
        bystander.is_served();
    }
    assert_eq!(queue.counts(), [0, 0, 0], "nothing of these frames is stored");
    let mut native = linked(&broker, &queue);
    let skipped = [frame(0xFF, CHECK, 9, 9, b"from a later version"), checked(Kind::Cancel, 0, 99, &[0, 0])].concat();
    native.write(&skipped).expect("the connection is open");
    is_alive(&mut native, "a kind that may be skipped, and a CANCEL of nothing");
    assert!(!broker.log().contains("panicked"), "{}", broker.log());
}

fn long_payloads_have_a_limit() {
    let broker = OPEN.get();
    let mut native = Native::open(broker.native);
    let mut frames = Outgoing::new(Check::Crc32c);
    let json = vec![b' '; 9 << 20].into();
    frames.encoded(
        Address::new(Link::CONNECTION, Request::new(1)),
        &Call::encode(Text::clipped("sqs.ListQueues"), &json),
    );
    let bytes: Vec<u8> = frames.take().into_iter().flatten().collect();
    // The broker may close the connection before it has read everything.
    let _ = native.write(&bytes);
    let refused = native.refusal();
    assert_eq!((refused.code, refused.ends), (FaultCode::PayloadTooLong, Ends::Connection));
    Bystander::new(&broker).is_served();
}

/// As many ranges as a SETTLE may have, all of them over the same deliveries.
fn a_settlement_of_everything_is_answered() {
    let broker = OPEN.get();
    let queue = broker.json_client().queue();
    let mut native = linked(&broker, &queue);
    native.send(PRODUCER, 1, &["a", "b", "c"]).expect("stored");
    native.credit(CONSUMER, 10);
    native.messages(3);
    let range = head(&[&[3], &60_u32.to_le_bytes(), &1_u64.to_le_bytes(), &63_u32.to_le_bytes()]);
    let payload = [&head(&[&1024_u16.to_le_bytes()]), &range.repeat(1024)[..]].concat();
    native.write(&checked(Kind::Settle, CONSUMER, 5, &payload)).expect("the connection is open");
    let answer = native.answer().expect("the deliveries exist");
    assert_eq!(answer.header.kind, Kind::Settled);
    is_alive(&mut native, "a settlement of everything");
    assert_eq!(queue.counts(), [0, 3, 0]);
}

/// Frames of each kind, of which random bytes are replaced. Their checks are right.
fn damaged_frames_disturb_no_other_client() {
    let mut random = StdRng::seed_from_u64(seed("damaged_frames_disturb_no_other_client"));
    let broker = OPEN.get();
    let queue = broker.json_client().queue();
    let mut bystander = Bystander::new(&broker);
    let name = u16::try_from(queue.name.len()).expect("a short name").to_le_bytes();
    let eight = 8_u64.to_le_bytes();
    let range = head(&[&[1], &[0; 4], &1_u64.to_le_bytes(), &3_u32.to_le_bytes()]);
    let call = [&head(&[&14_u16.to_le_bytes(), b"sqs.ListQueues"]), &b"{\"MaxResults\":1}"[..]].concat();
    let templates = [
        (Kind::Send, PRODUCER, one_message(1, 1)),
        (Kind::Credit, CONSUMER, head(&[&eight, &eight])),
        (Kind::Settle, CONSUMER, [&head(&[&[1, 0]]), &range[..]].concat()),
        (Kind::GetHandle, CONSUMER, head(&[&eight])),
        (Kind::OpenProducer, 3, head(&[&[7; 16], &[0], &name, queue.name.as_bytes()])),
        (Kind::OpenConsumer, 4, head(&[&name, queue.name.as_bytes(), &[0xFF; 4], &[0; 11]])),
        (Kind::Call, 0, call),
        (Kind::Close, PRODUCER, vec![0, 0]),
    ];
    for round in 0..25 {
        let mut native = linked(&broker, &queue);
        for _ in 0..20 {
            let (kind, link, payload) = &templates[random.random_range(0..templates.len())];
            let mut payload = payload.clone();
            for _ in 0..random.random_range(1..4) {
                let at = random.random_range(0..payload.len());
                payload[at] = random.random();
            }
            // The broker may have closed the connection after an earlier frame.
            if native.write(&checked(*kind, *link, random.random_range(0..9), &payload)).is_err() {
                break;
            }
        }
        // Whatever the answers are, all of them are valid frames.
        let _ = native.write(&frame(0x7F, CHECK, 0, 0, &[]));
        while native.next().is_some() {}
        if round % 5 == 0 {
            bystander.is_served();
        }
    }
    bystander.is_served();
    assert!(!broker.log().contains("panicked"), "{}", broker.log());
}

fn bytes_may_come_one_by_one() {
    let broker = OPEN.get();
    let queue = broker.json_client().queue();
    let mut native = linked(&broker, &queue);
    for byte in checked(Kind::Send, PRODUCER, 7, &one_message(1, 1)) {
        native.write(&[byte]).expect("the connection is open");
    }
    assert_eq!(native.sent().expect("stored").count, 1);
    queue.gives(&["x"]);
}

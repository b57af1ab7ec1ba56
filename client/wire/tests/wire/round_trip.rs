//! Whatever one side writes, the other one reads, in whatever pieces the bytes arrive.

use bytes::{Buf as _, BufMut as _, Bytes};
use posthouse_wire::*;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::common::*;

/// A message as a test makes it.
#[derive(Clone, Debug)]
struct Message {
    texts: [String; 5],
    numbers: [u64; 3],
    attributes: Vec<(String, Vec<u8>)>,
    body: Vec<Bytes>,
}

fn messages() -> impl Strategy<Value = Vec<Message>> {
    let body = vec(0..3000_usize, 0..3).prop_map(|pieces| {
        pieces.into_iter().map(|length| Bytes::from(vec![length.to_le_bytes()[0]; length])).collect()
    });
    let texts = proptest::array::uniform5("[a-zß]{0,12}");
    let attributes = vec(("[a-z]{1,9}", vec(any::<u8>(), 0..9)), 0..4);
    let message = (texts, any::<[u64; 3]>(), attributes, body);
    vec(message.prop_map(|(texts, numbers, attributes, body)| Message { texts, numbers, attributes, body }), 1..20)
}

fn encode_attributes(message: &Message) -> AttributesBuffer {
    let mut attributes = AttributesBuffer::new();
    for (name, value) in &message.attributes {
        let value = core::str::from_utf8(value).map_or(AttributeValue::Binary(value), AttributeValue::Text);
        attributes.push(&Attribute { name: text(name), data_type: text("String"), value });
    }
    attributes
}

fn send_head<'a>(message: &'a Message, attributes: &'a AttributesBuffer) -> SendHead<'a> {
    let [group, deduplication, subject, trace_header, _] = message.texts.each_ref().map(|it| text(it));
    let seconds = u16::try_from(message.numbers[0] % 900).expect("below 900");
    SendHead {
        structure: if message.numbers[1].is_multiple_of(2) { Structure::Json } else { Structure::Same },
        delay: if message.numbers[2].is_multiple_of(2) { Delay::OfQueue } else { Delay::Seconds(seconds) },
        group,
        deduplication,
        subject,
        trace_header,
        attributes: attributes.attributes(),
    }
}

fn delivery_head<'a>(message: &'a Message, attributes: &'a AttributesBuffer) -> DeliveryHead<'a> {
    let [sender, group, deduplication, trace_header, dead_letter_source] = message.texts.each_ref().map(|it| text(it));
    let [sent_ms, first_received_ms, other] = message.numbers;
    DeliveryHead {
        id: message_id(PRODUCER, number(other % 1000 + 1)),
        sent_ms,
        first_received_ms,
        receive_count: u32::try_from(other >> 32).expect("half of 64 bits"),
        sequence_number: u128::from(other) << 7,
        sender,
        group,
        deduplication,
        trace_header,
        dead_letter_source,
        attributes: attributes.attributes(),
    }
}

#[test]
fn messages_get_other_numbers_and_stay_the_same() {
    for bodies in [&["a"][..], &["a", "b", "c"]] {
        let large = Bytes::from(vec![b'x'; 5_000]);
        let encoded = |first| {
            let mut send = SendBuilder::new(number(first));
            for body in bodies {
                send.push(
                    &SendHead { group: text("g"), ..SendHead::default() },
                    &[Bytes::from_static(body.as_bytes())],
                )
                .expect("below the limits");
                send.push(&SendHead::default(), std::slice::from_ref(&large)).expect("below the limits");
            }
            send.finish().expect("messages")
        };
        let renumbered = encoded(1).renumbered(number(777));
        assert_eq!(renumbered.to_bytes(), encoded(777).to_bytes());
        assert_eq!(renumbered.renumbered(number(1)).to_bytes(), encoded(1).to_bytes());
        let shared = renumbered.chunks().iter().filter(|piece| piece.as_ptr() == large.as_ptr()).count();
        assert_eq!(shared, bodies.len(), "the bodies are not copied");
    }
    let call = Call::encode(text("sqs.ListQueues"), &Bytes::from_static(b"{}"));
    assert_eq!(call.renumbered(number(5)).to_bytes(), call.to_bytes());
}

#[test]
fn a_payload_that_is_encoded_apart_is_framed_as_others() {
    let credit = Credit { messages: 512, bytes: 1 << 20 };
    let encoded = Encoded::of(&credit);
    assert_eq!(
        bytes_of(Check::Crc32c, |out| out.encoded(ADDRESS, &encoded)),
        bytes_of(Check::Crc32c, |out| out.frame(ADDRESS, &credit))
    );
    assert_eq!(encoded.to_bytes().len(), 18);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn messages_cross(messages in messages(), first in 1..1000_u64) {
        let (mut send, mut deliver) = (SendBuilder::new(number(first)), DeliverBuilder::new(delivery(first)));
        let attributes: Vec<_> = messages.iter().map(encode_attributes).collect();
        for (message, attributes) in messages.iter().zip(&attributes) {
            send.push(&send_head(message, attributes), &message.body).expect("below the limits");
            deliver.push(&delivery_head(message, attributes), &message.body).expect("below the limits");
        }
        let credit_bytes = deliver.credit_bytes();
        let (send, deliver) = (send.finish().expect("messages"), deliver.finish().expect("messages"));
        let bytes = bytes_of(Check::Crc32c, |out| {
            out.encoded(ADDRESS, &send);
            out.encoded(ADDRESS, &deliver);
        });
        let frames = frames_in(Check::Crc32c, &bytes).expect("frames");
        let [sent, delivered] = &frames[..] else { panic!("two frames") };
        let Ok(FromClient::Send(sent)) = FromClient::decode(sent) else { panic!("a SEND") };
        let Ok(FromBroker::Deliver(delivered)) = FromBroker::decode(delivered) else { panic!("a DELIVER") };
        prop_assert_eq!(delivered.credit_bytes(), credit_bytes);
        prop_assert_eq!((sent.first(), usize::from(sent.count())), (number(first), messages.len()));
        prop_assert_eq!((delivered.first(), usize::from(delivered.count())), (delivery(first), messages.len()));
        let read: Vec<_> = sent.entries().zip(delivered.entries()).collect();
        prop_assert_eq!(read.len(), messages.len());
        for ((message, attributes), (sent, delivered)) in messages.iter().zip(&attributes).zip(read) {
            let body = message.body.concat();
            prop_assert_eq!(sent, Ok(SendEntry { head: send_head(message, attributes), body: &body }));
            prop_assert_eq!(delivered, Ok(DeliveredEntry { head: delivery_head(message, attributes), body: &body }));
            let read: Result<Vec<_>, _> = attributes.attributes().iter().collect();
            let read = read.expect("whole attributes");
            prop_assert_eq!(read.len(), message.attributes.len());
            for (attribute, (name, value)) in read.iter().zip(&message.attributes) {
                let read = match attribute.value {
                    AttributeValue::Text(text) => text.as_bytes(),
                    AttributeValue::Binary(bytes) => bytes,
                };
                prop_assert_eq!((attribute.name, read), (text(name), &value[..]));
            }
        }
    }

    #[test]
    fn outcomes_cross(
        first in 1..u64::MAX / 4,
        count in 1..=512_u16,
        indexes in vec((any::<u16>(), any::<u128>(), 0..FaultCode::ALL.len(), "[a-z]{0,30}"), 0..20),
    ) {
        let failures: Vec<_> = indexes
            .iter()
            .map(|(index, _, code, text)| {
                Failure { index: *index, fault: Fault::new(FaultCode::ALL[*code], Ends::Request, text) }
            })
            .collect();
        let duplicates: Vec<_> =
            indexes.iter().map(|(index, id, ..)| Duplicate { index: *index, id: id.to_le_bytes() }).collect();
        let ranges: Vec<_> = indexes
            .iter()
            .map(|(index, number, ..)| SequenceRange { index: *index, count, first: *number >> 1 })
            .collect();
        let sent = Sent {
            first: number(first),
            count,
            failures: List::of(&failures),
            duplicates: List::of(&duplicates),
            sequence_numbers: List::of(&ranges),
        };
        let bytes = bytes_of(Check::Crc32c, |out| out.frame(ADDRESS, &sent));
        let frames = frames_in(Check::Crc32c, &bytes).expect("frames");
        prop_assert_eq!(FromBroker::decode(&frames[0]), Ok(FromBroker::Sent(sent)));
    }

    #[test]
    fn settlements_cross(ranges in vec((0..4_u8, any::<u32>(), 1..u64::MAX / 4, 1..1000_u32), 0..50)) {
        let settle: Vec<_> = ranges
            .iter()
            .map(|&(verb, seconds, first, count)| SettleRange {
                verb: match verb {
                    0 => Verb::Delete,
                    1 => Verb::Release { seconds },
                    2 => Verb::Extend { seconds },
                    _ => Verb::DeadLetter,
                },
                first: delivery(first),
                count,
            })
            .collect();
        let settle = Settle::new(&settle).expect("below the limit");
        let not: Vec<_> = ranges
            .iter()
            .map(|&(_, _, first, count)| NotSettled::new(delivery(first), count, FaultCode::NotInFlight))
            .collect();
        let settled = Settled { exceptions: List::of(&not) };
        let bytes = bytes_of(Check::Absent, |out| {
            out.frame(ADDRESS, &settle);
            out.frame(ADDRESS, &settled);
        });
        let frames = frames_in(Check::Absent, &bytes).expect("frames");
        prop_assert_eq!(FromClient::decode(&frames[0]), Ok(FromClient::Settle(settle)));
        prop_assert_eq!(FromBroker::decode(&frames[1]), Ok(FromBroker::Settled(settled)));
    }

    /// The same frames, read and written in whatever pieces.
    #[test]
    fn pieces_do_not_matter(lengths in vec(1..5000_usize, 1..60), bodies in vec(0..9000_usize, 1..9)) {
        let mut out = Outgoing::new(Check::Crc32c);
        for length in bodies {
            out.encoded(ADDRESS, &Reply::encode(&Bytes::from(vec![b' '; length])));
            out.frame(ADDRESS, &Pong);
        }
        let mut chunks = out.take();
        prop_assert!(out.is_empty());
        let whole = chunks.clone().copy_to_bytes(chunks.remaining());
        let expected = frames_in(Check::Crc32c, &whole).expect("frames");

        let mut splitter = Splitter::new(Check::Crc32c);
        splitter.allow_long_frames();
        let mut frames = Vec::new();
        for length in lengths.iter().cycle() {
            if !chunks.has_remaining() {
                break;
            }
            let mut slices = [std::io::IoSlice::new(&[]); 4];
            let filled = chunks.chunks_vectored(&mut slices);
            let offered: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.iter().copied()).collect();
            let taken = offered.len().min(*length);
            splitter.buffer(taken).put_slice(&offered[..taken]);
            chunks.advance(taken);
            while let Some(frame) = splitter.next_frame().expect("frames") {
                frames.push(frame);
            }
        }
        prop_assert_eq!(frames, expected);
        prop_assert_eq!(splitter.pending_bytes(), 0);
    }

    #[test]
    fn arbitrary_payloads_are_read_or_refused(number in any::<u8>(), payload in vec(any::<u8>(), 0..200)) {
        let Some(kind) = Kind::from_number(number) else { return Ok(()) };
        let _ = said(&frame(kind, &payload));
    }
}

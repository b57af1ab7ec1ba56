//! Whole ways from one side to the other: bodies that are not copied, payloads that are cut, proofs and ids.

use bytes::{Buf as _, Bytes};
use posthouse_wire::*;

use crate::common::*;

#[test]
fn a_send_crosses_without_a_copy_of_a_large_body() {
    let bodies = [Bytes::from_static(b"small"), Bytes::from(vec![b'x'; 5000])];
    let mut attributes = AttributesBuffer::new();
    attributes.push(&Attribute { name: text("n"), data_type: text("Number"), value: AttributeValue::Text("7") });
    attributes.push(&Attribute { name: text("b"), data_type: text("Binary"), value: AttributeValue::Binary(&[1, 2]) });
    let head = SendHead { group: text("g"), attributes: attributes.attributes(), ..SendHead::default() };
    let mut builder = SendBuilder::new(number(7));
    builder.push(&SendHead::default(), &bodies[..1]).expect("room");
    builder.push(&head, &bodies).expect("room");
    let encoded = builder.finish().expect("two messages");

    let mut out = Outgoing::new(Check::Crc32c);
    out.encoded(ADDRESS, &encoded);
    let mut chunks = out.take();
    assert!(chunks.iter().any(|chunk| chunk.as_ptr() == bodies[1].as_ptr()), "the large body is a piece of its own");
    let bytes = chunks.copy_to_bytes(chunks.remaining());

    let frames = frames_in(Check::Crc32c, &bytes).expect("frames");
    assert_eq!(frames.len(), 1);
    let Ok(FromClient::Send(send)) = FromClient::decode(&frames[0]) else { panic!("not a SEND: {frames:?}") };
    assert_eq!((send.first(), send.count()), (number(7), 2));
    let entries: Result<Vec<_>, _> = send.entries().collect();
    let entries = entries.expect("whole entries");
    assert_eq!(entries[0], SendEntry { head: SendHead::default(), body: b"small" });
    assert_eq!(entries[1].head, head);
    assert_eq!(entries[1].body, [&bodies[0][..], &bodies[1][..]].concat());
    let shared = frames[0].share(entries[1].body);
    assert_eq!(shared.as_ptr(), entries[1].body.as_ptr());
    let read: Result<Vec<_>, _> = entries[1].head.attributes.iter().collect();
    assert_eq!(read.expect("whole attributes")[1].value, AttributeValue::Binary(&[1, 2]));
}

#[test]
fn a_send_is_full_at_its_limits() {
    let body = Bytes::from(vec![b'x'; 1 << 20]);
    let one = std::slice::from_ref(&body);
    let mut builder = SendBuilder::new(MessageNumber::FIRST);
    assert!(builder.push(&SendHead::default(), &[]).is_ok());
    assert!(builder.push(&SendHead::default(), one).is_ok(), "1 MiB together");
    assert_eq!(builder.push(&SendHead::default(), &[Bytes::from_static(b"x")]), Err(Full));

    let mut builder = SendBuilder::new(MessageNumber::FIRST);
    assert_eq!(builder.push(&SendHead::default(), &[body.clone(), body.clone(), body.clone()]), Err(Full));
    assert!(
        builder.push(&SendHead::default(), &[body.clone(), Bytes::from_static(b"x")]).is_ok(),
        "alone it may be long"
    );
    let mut builder = SendBuilder::new(MessageNumber::FIRST);
    let taken = (0..1000).take_while(|_| builder.push(&SendHead::default(), &[]).is_ok()).count();
    assert_eq!(taken, usize::from(limits::SEND_MESSAGES_MAX));
    assert!(SendBuilder::new(MessageNumber::FIRST).finish().is_none(), "a SEND has a message");
}

#[test]
fn a_long_payload_is_cut_and_joined() {
    let body = Bytes::from((0..5 << 20).map(|i: u32| i.to_le_bytes()[1]).collect::<Vec<u8>>());
    let mut builder = DeliverBuilder::new(delivery(1));
    builder
        .push(&DeliveryHead { sender: text("s"), ..DeliveryHead::default() }, std::slice::from_ref(&body))
        .expect("room");
    let credit_bytes = builder.credit_bytes();
    let encoded = builder.finish().expect("a message");
    let bytes = bytes_of(Check::Crc32c, |out| out.encoded(ADDRESS, &encoded));
    let frames = frames_in(Check::Crc32c, &bytes).expect("frames");
    assert_eq!(frames.iter().map(|frame| frame.header.part).collect::<Vec<_>>(), [Part::More, Part::More, Part::Last]);

    let mut assembler = Assembler::new(6 << 20);
    let mut joined = None;
    for frame in frames.clone() {
        assert!(joined.is_none());
        joined = assembler.push(frame).expect("in order");
        let other = Frame {
            header: Header { address: Address::link(Link::new(4)), kind: Kind::Fault, part: Part::Last },
            payload: Bytes::new(),
        };
        assert_eq!(assembler.push(other.clone()), Ok(Some(other)), "frames of other links may lie between");
    }
    let joined = joined.expect("the last part");
    let Ok(FromBroker::Deliver(deliver)) = FromBroker::decode(&joined) else { panic!("not a DELIVER") };
    assert_eq!(deliver.credit_bytes(), credit_bytes);
    let entry = deliver.entries().next().expect("an entry").expect("a whole entry");
    assert!(entry.body == body);
    assert_eq!(assembler.pending_bytes(), 0);

    let mut assembler = Assembler::new(4 << 20);
    assert_eq!(assembler.push(frames[0].clone()), Ok(None));
    assert_eq!(assembler.push(frames[1].clone()), Err(DecodeError::PayloadTooLong { max: 4 << 20 }));
    assembler.forget(Link::new(3));
    assert_eq!(assembler.pending_bytes(), 0);
    assert_eq!(assembler.push(frames[0].clone()), Ok(None));
    let mut other = frames[2].clone();
    other.header.kind = Kind::Reply;
    assert_eq!(assembler.push(other.clone()), Err(DecodeError::PartOutOfPlace { header: other.header }));
}

#[test]
fn a_proof_is_of_one_transcript_and_one_secret() {
    let transcript = Transcript { hello: b"hello", challenge: b"challenge", exporter: None };
    let proof = transcript.client_proof(b"secret");
    assert_eq!(proof, transcript.client_proof(b"secret"));
    assert_ne!(proof, transcript.client_proof(b"other"));
    assert_ne!(proof, transcript.server_proof(b"secret"));
    assert_ne!(proof, Transcript { hello: b"hell", challenge: b"ochallenge", ..transcript }.client_proof(b"secret"));
    assert_ne!(proof, Transcript { exporter: Some(&[0; 32]), ..transcript }.client_proof(b"secret"));
    assert_eq!(format!("{proof:?}"), "Proof(..)");
}

#[test]
fn both_sides_know_the_id_of_a_message() {
    let id = message_id(PRODUCER, number(7));
    assert_eq!(id, message_id(PRODUCER, number(7)));
    assert_ne!(id, message_id(PRODUCER, number(8)));
    assert_eq!((id[6] >> 4, id[8] >> 6), (4, 2), "a UUID of version 4");
}

#[test]
fn no_more_than_room_for_one_frame_is_kept() {
    let mut splitter = Splitter::new(Check::Absent);
    let header = [0xFF, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    splitter.buffer(16).extend_from_slice(&header);
    assert!(splitter.buffer(1).capacity() < 2 * limits::HELLO_BYTES_MAX as usize);
    assert_eq!(splitter.pending_bytes(), 16);
    assert!(splitter.next_frame().is_err());

    let mut splitter = Splitter::new(Check::Absent);
    splitter.buffer(1 << 16).extend_from_slice(&bytes_of(Check::Absent, |out| out.frame(ADDRESS, &Ping)));
    assert!(splitter.next_frame().expect("a frame").is_some());
    splitter.release();
    assert_eq!((splitter.pending_bytes(), splitter.buffer(0).capacity()), (0, 0));
}

#[test]
fn a_text_has_a_limit() {
    let long = "ä".repeat(limits::TEXT_BYTES_MAX);
    assert_eq!(Text::new(&long), Err(TextTooLong { length: long.len() }));
    assert_eq!(Text::clipped(&long).as_str().len(), limits::TEXT_BYTES_MAX);
    assert_eq!(Text::clipped(&long[..long.len() - 2]).as_str().chars().last(), Some('ä'));
    let fault = Fault::new(FaultCode::Malformed, Ends::Connection, &long).named(&long);
    assert_eq!(fault.text().len(), limits::FAULT_TEXT_BYTES_MAX);
    assert_eq!(fault.name().len(), limits::FAULT_NAME_BYTES_MAX);
}

//! Bytes that are cut short, flipped or put in the wrong place.

use bytes::{BufMut as _, Bytes};
use posthouse_wire::*;

use crate::common::*;

/// Goes through everything that can be read in `bytes`, on both sides.
fn read_all(bytes: &[u8]) {
    for check in [Check::Absent, Check::Crc32c] {
        let mut splitter = Splitter::new(check);
        splitter.allow_long_frames();
        splitter.buffer(bytes.len()).put_slice(bytes);
        let mut assembler = Assembler::new(1 << 20);
        while let Ok(Some(frame)) = splitter.next_frame() {
            if let Ok(Some(frame)) = assembler.push(frame) {
                let _ = said(&frame);
                let _ = FromClient::decode(&frame);
                let _ = FromBroker::decode(&frame);
            }
        }
    }
}

#[test]
fn a_frame_that_is_cut_short_is_waited_for() {
    for check in [Check::Absent, Check::Crc32c] {
        for (kind, bytes) in one_of_each(check) {
            for length in 0..bytes.len() {
                assert_eq!(frames_in(check, &bytes[..length]), Ok(Vec::new()), "{kind} cut to {length} bytes");
            }
        }
    }
}

/// The JSON of a CALL or a REPLY is whatever is left of its payload; its end is judged by those who read JSON.
const JSON_BYTES: usize = 2;

#[test]
fn a_payload_that_is_cut_short_is_refused() {
    for (kind, bytes) in one_of_each(Check::Absent) {
        let payload = &bytes[limits::HEADER_BYTES..];
        let cut_end = match kind {
            Kind::Call | Kind::Reply => payload.len() - JSON_BYTES,
            _ => payload.len(),
        };
        assert!(said(&frame(kind, payload)).is_ok(), "{kind}");
        for length in 0..cut_end {
            let read = said(&frame(kind, &payload[..length]));
            assert!(read.is_err(), "{kind} cut to {length} of {} bytes: {read:?}", payload.len());
        }
    }
}

#[test]
fn every_flipped_bit_is_found_by_the_check() {
    for (kind, bytes) in one_of_each(Check::Crc32c) {
        let mut bytes = bytes.to_vec();
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            // A longer length is refused, or waited for in vain.
            let read = frames_in(Check::Crc32c, &bytes);
            assert!(read.as_ref().is_err() || read == Ok(Vec::new()), "{kind} with bit {bit} flipped: {read:?}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn flipped_bytes_without_a_check_do_no_harm() {
    for (_, bytes) in one_of_each(Check::Absent) {
        let mut bytes = bytes.to_vec();
        for at in 0..bytes.len() {
            let byte = bytes[at];
            for other in [0, 1, 0x7F, 0x80, 0xFF, byte ^ 1, byte.wrapping_add(1), byte.wrapping_sub(1)] {
                bytes[at] = other;
                read_all(&bytes);
            }
            bytes[at] = byte;
        }
    }
}

#[test]
fn a_frame_is_refused_by_its_header() {
    let mut splitter = Splitter::new(Check::Absent);
    splitter.buffer(16).put_slice(&[1, 16, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(splitter.next_frame(), Err(DecodeError::FrameTooLong { length: 4097, max: 4096 }));
    splitter.allow_long_frames();
    assert_eq!(splitter.next_frame(), Ok(None));
    assert!(splitter.buffer(1).capacity() >= 16 + 4097, "room for all of the frame");

    let refused = |bytes: [u8; 16]| frames_in(Check::Absent, &bytes).expect_err("a bad header");
    assert_eq!(
        refused([0, 0, 0, 0, 0x7F, 0, 5, 0, 6, 0, 0, 0, 0, 0, 0, 0]),
        DecodeError::UnknownKind { kind: 0x7F, link: 5, request: 6 }
    );
    assert_eq!(refused([0, 0, 0, 0, 0x30, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), DecodeError::UnknownFlags { flags: 4 });
    assert_eq!(refused([0, 0, 0, 0, 0x10, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), DecodeError::UnknownFlags { flags: 2 });
    let unchecked = [0, 0, 0, 0, 0x30, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(frames_in(Check::Crc32c, &unchecked), Err(DecodeError::ChecksumMissing));
}

#[test]
fn another_protocol_is_told_from_another_version() {
    let read = |payload: &[u8]| FromClient::decode(&frame(Kind::Hello, payload)).map(|_| ());
    assert_eq!(read(b""), Err(DecodeError::BadMagic));
    assert_eq!(read(b"PST"), Err(DecodeError::BadMagic));
    assert_eq!(read(b"HTTP\x01\0\0"), Err(DecodeError::BadMagic));
    assert_eq!(read(b"PSTH\x02what a later version says"), Err(DecodeError::MajorVersion { major: 2 }));
    assert_eq!(read(b"PSTH\x01\0\0").expect_err("no fields").fault_code(), FaultCode::Malformed);
}

/// Values that no side may send.
#[test]
fn values_that_are_not_allowed() {
    let refused = |kind, payload: &[u8], field| {
        let read = said(&frame(kind, payload));
        match read {
            Err(DecodeError::Malformed { malformed, .. }) => assert_eq!(malformed.field, field, "{kind}"),
            read => panic!("{kind}: {read:?}"),
        }
    };
    refused(Kind::Send, &[10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0], "first");
    refused(Kind::Send, &[10, 0, 1, 0, 0, 0, 0, 0, 0, 0x80, 1, 0], "first");
    refused(Kind::Send, &[10, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], "count");
    refused(Kind::Send, &[10, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2], "count");
    refused(Kind::Send, &[10, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 1, 0], "count");
    refused(Kind::Deliver, &[10, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 4], "count");
    refused(Kind::Settle, &[2, 0, 1, 4], "ranges");
    let range =
        |verb, count| [&[2, 0, 1, 0, 17, 0, verb, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, count][..], &[0; 3]].concat();
    assert!(said(&frame(Kind::Settle, &range(4, 1))).is_ok());
    let many = [&[2, 0, 2, 0][..], &range(1, 1)[4..], &range(1, 1)[4..23 - 4], &65_535_u32.to_le_bytes()].concat();
    refused(Kind::Settle, &many, "count");
    let most = [&[2, 0, 1, 0][..], &range(1, 1)[4..23 - 4], &65_535_u32.to_le_bytes()].concat();
    assert!(said(&frame(Kind::Settle, &most)).is_ok());
    refused(Kind::Settle, &range(5, 1), "verb");
    refused(Kind::Settle, &range(0, 1), "verb");
    refused(Kind::Settle, &range(1, 0), "count");
    refused(Kind::GetHandle, &[8, 0, 0, 0, 0, 0, 0, 0, 0, 0], "delivery");
    refused(
        Kind::Prove,
        &[32, 0, 31, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        "proof",
    );
    refused(Kind::Handle, &[3, 0, 1, 0, 0xFF], "handle");
    let long = [&[2, 0x21, 0, 0x21][..], &[b'x'; 0x2100]].concat();
    refused(Kind::Handle, &long, "handle");
    let rate = |rate: f64| [&[15, 0, 1, 0, b'q', 0, 0, 0, 0][..], &rate.to_le_bytes()].concat();
    assert!(said(&frame(Kind::OpenConsumer, &rate(0.5))).is_ok());
    for bad in [f64::NAN, f64::INFINITY, -1.0, -0.0] {
        refused(Kind::OpenConsumer, &rate(bad), "rate");
    }
}

#[test]
fn an_entry_that_is_not_whole_is_the_last() {
    let bytes = bytes_of(Check::Absent, |out| out.encoded(ADDRESS, &send()));
    let mut payload = bytes[limits::HEADER_BYTES..].to_vec();
    payload[12] = 3;
    let frame = frame(Kind::Send, &payload);
    let Ok(FromClient::Send(send)) = FromClient::decode(&frame) else { panic!("the head is whole") };
    let entries: Vec<_> = send.entries().collect();
    assert_eq!(entries.len(), 1);
    assert!(entries[0].is_err());
}

#[test]
#[should_panic(expected = "subset")]
fn bytes_of_another_buffer_are_not_shared() {
    let _ = frame(Kind::Reply, &[0, 0]).share(&Bytes::from_static(b"other"));
}

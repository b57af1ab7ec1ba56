//! A newer peer appends fields, and an older one lacks them.

use posthouse_wire::*;

use crate::common::*;

/// Where the first head of a payload begins.
fn head_at(kind: Kind) -> usize {
    match kind {
        Kind::Hello => 5,
        _ => 0,
    }
}

/// The payload with `added` bytes at the end of the head at `at`.
fn with_longer_head(payload: &[u8], at: usize, added: &[u8]) -> Vec<u8> {
    let length = u16::from_le_bytes([payload[at], payload[at + 1]]);
    let end = at + 2 + usize::from(length);
    let longer = length + u16::try_from(added.len()).expect("a few bytes");
    [&payload[..at], &longer.to_le_bytes(), &payload[at + 2..end], added, &payload[end..]].concat()
}

#[test]
fn fields_that_were_appended_to_a_head_are_skipped() {
    for (kind, bytes) in one_of_each(Check::Absent) {
        let payload = &bytes[limits::HEADER_BYTES..];
        let expected = said(&frame(kind, payload)).expect("a valid payload");
        for added in [&[0xFF][..], &[0; 300]] {
            let longer = with_longer_head(payload, head_at(kind), added);
            assert_eq!(said(&frame(kind, &longer)).as_ref(), Ok(&expected), "{kind}");
        }
    }
}

#[test]
fn what_was_appended_to_a_payload_is_skipped() {
    for (kind, bytes) in one_of_each(Check::Absent) {
        if matches!(kind, Kind::Call | Kind::Reply) {
            continue; // Their JSON is the rest of the payload.
        }
        let payload = &bytes[limits::HEADER_BYTES..];
        let longer = [payload, &[0xFF; 9]].concat();
        assert_eq!(said(&frame(kind, &longer)), said(&frame(kind, payload)), "{kind}");
    }
}

#[test]
fn fields_that_were_appended_to_an_item_are_skipped() {
    for (kind, bytes) in one_of_each(Check::Absent) {
        if !matches!(kind, Kind::Ready | Kind::Sent | Kind::Settle | Kind::Settled) {
            continue;
        }
        let payload = &bytes[limits::HEADER_BYTES..];
        let mut at = 2 + usize::from(u16::from_le_bytes([payload[0], payload[1]]));
        while at < payload.len() {
            let longer = with_longer_head(payload, at, &[0xFF; 3]);
            assert_eq!(said(&frame(kind, &longer)), said(&frame(kind, payload)), "{kind}");
            at += 2 + usize::from(u16::from_le_bytes([payload[at], payload[at + 1]]));
        }
    }
}

/// The payload with a longer entry at `at`: `change` gets the entry without its length.
fn with_entry(payload: &[u8], at: usize, change: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let length = u32::from_le_bytes(payload[at..at + 4].try_into().expect("four bytes")) as usize;
    let entry = change(&payload[at + 4..at + 4 + length]);
    let longer = u32::try_from(entry.len()).expect("a short entry");
    [&payload[..at], &longer.to_le_bytes(), &entry[..], &payload[at + 4 + length..]].concat()
}

#[test]
fn what_was_appended_to_an_entry_is_skipped() {
    for encoded in [send(), deliver()] {
        let bytes = bytes_of(Check::Absent, |out| out.encoded(ADDRESS, &encoded));
        let payload = &bytes[limits::HEADER_BYTES..];
        let expected = said(&frame(encoded.kind(), payload));
        let head = with_entry(payload, 12, |entry| with_longer_head(entry, 0, &[0xFF; 5]));
        assert_eq!(said(&frame(encoded.kind(), &head)), expected);
        let end = with_entry(payload, 12, |entry| [entry, &[0xFF; 5]].concat());
        assert_eq!(said(&frame(encoded.kind(), &end)), expected);
    }
}

/// The head of a payload cut to `length` bytes, and nothing behind it.
fn cut_head(kind: Kind, length: u16) -> Frame {
    let (_, bytes) = one_of_each(Check::Absent).into_iter().find(|(other, _)| *other == kind).expect("each kind");
    let payload = &bytes[limits::HEADER_BYTES..];
    let at = head_at(kind);
    let head = &payload[at + 2..at + 2 + usize::from(length)];
    frame(kind, &[&payload[..at], &length.to_le_bytes(), head].concat())
}

#[test]
fn missing_fields_have_their_defaults() {
    let shortest = cut_head(Kind::Hello, 42);
    let expected = Hello { region: Text::EMPTY, access_key_id: Text::EMPTY, software: Software::default(), ..hello() };
    assert_eq!(FromClient::decode(&shortest), Ok(FromClient::Hello(expected)));

    let shortest = cut_head(Kind::Challenge, 72);
    let expected = Challenge { software: Software::default(), ..challenge() };
    assert_eq!(FromBroker::decode(&shortest), Ok(FromBroker::Challenge(expected)));

    let shortest = cut_head(Kind::Ready, 1);
    let expected = Ready { proof: None, account: Text::EMPTY, user: Text::EMPTY, addresses: List::default() };
    assert_eq!(FromBroker::decode(&shortest), Ok(FromBroker::Ready(expected)));

    let shortest = cut_head(Kind::OpenConsumer, 3);
    let expected = OpenConsumer {
        queue: text("q"),
        visibility: Visibility::OfQueue,
        rate: None,
        at_end: AtEnd::GiveBack,
        batch_max: 0,
    };
    assert_eq!(FromClient::decode(&shortest), Ok(FromClient::OpenConsumer(expected)));

    let shortest = cut_head(Kind::Sent, 10);
    let expected = Sent {
        first: number(7),
        count: 2,
        failures: List::default(),
        duplicates: List::default(),
        sequence_numbers: List::default(),
    };
    assert_eq!(FromBroker::decode(&shortest), Ok(FromBroker::Sent(expected)));

    let shortest = cut_head(Kind::Settled, 0);
    let expected = Settled { exceptions: List::default() };
    assert_eq!(FromBroker::decode(&shortest), Ok(FromBroker::Settled(expected)));

    let shortest = cut_head(Kind::GoAway, 0);
    let expected = GoAway { reason: Reason::Stopping, grace_ms: 0, address: Text::EMPTY };
    assert_eq!(FromBroker::decode(&shortest), Ok(FromBroker::GoAway(expected)));

    let shortest = cut_head(Kind::Fault, 2);
    let Ok(FromBroker::Fault(fault)) = FromBroker::decode(&shortest) else { panic!("a code is enough") };
    assert_eq!(
        (fault.code(), fault.remedy(), fault.ends()),
        (Some(FaultCode::OverLimit), Remedy::Change, Ends::Request)
    );
    assert_eq!((fault.name(), fault.text()), ("", ""));

    let entry = frame(
        Kind::Send,
        &[&[10, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0][..], &[12, 0, 0, 0, 8, 0, 0, 0, 0, 0, 2, 0, 0, 0], b"hi"].concat(),
    );
    let Ok(FromClient::Send(send)) = FromClient::decode(&entry) else { panic!("a SEND") };
    assert_eq!(send.entries().next(), Some(Ok(SendEntry { head: SendHead::default(), body: b"hi" })));
}

#[test]
fn a_newer_peers_numbers_are_no_error() {
    let fault = frame(Kind::Fault, &[3, 0, 0xFF, 0xFF, 0xF9]);
    let Ok(FromBroker::Fault(fault)) = FromBroker::decode(&fault) else { panic!("a FAULT") };
    assert_eq!((fault.number(), fault.code()), (0xFFFF, None));
    assert_eq!((fault.remedy(), fault.ends()), (Remedy::Retry, Ends::Request));
    let reason = frame(Kind::GoAway, &[1, 0, 0xFF]);
    let Ok(FromBroker::GoAway(away)) = FromBroker::decode(&reason) else { panic!("a GO_AWAY") };
    assert_eq!(away.reason, Reason::Stopping);
}

#[test]
fn an_unknown_kind_that_may_be_skipped_is_skipped() {
    let mut bytes = vec![3, 0, 0, 0, 0x81, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 7, 7];
    bytes.extend(bytes_of(Check::Absent, |out| out.frame(ADDRESS, &Ping)));
    let frames = frames_in(Check::Absent, &bytes).expect("frames");
    assert_eq!(frames.len(), 1);
    assert_eq!(FromBroker::decode(&frames[0]), Ok(FromBroker::Ping(Ping)));
}

#[test]
fn the_newest_version_in_common() {
    let minors = |min, max| Minors::new(min, max).expect("in order");
    assert_eq!(minors(0, 3).newest_in_common(minors(1, 5)), Some(3));
    assert_eq!(minors(4, 4).newest_in_common(minors(0, 9)), Some(4));
    assert_eq!(minors(4, 5).newest_in_common(minors(0, 3)), None);
    assert_eq!(minors(0, 3).newest_in_common(minors(4, 5)), None);
    assert_eq!(Minors::new(2, 1), None);
}

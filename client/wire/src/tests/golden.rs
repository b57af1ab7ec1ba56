//! The bytes of every kind of frame. A change of one of these lines breaks every other client.

use super::*;

/// Writes a payload, compares its bytes, and returns the frame that they are.
fn golden(encoded: impl FnOnce(&mut Outgoing), expected: &str) -> Frame {
    let bytes = bytes_of(Check::Absent, encoded);
    let digits: String = expected.split_whitespace().collect();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, digits);
    let frame = frames_in(Check::Absent, &bytes).expect("a frame").pop().expect("a frame");
    assert_eq!(frame.address(), ADDRESS);
    frame
}

#[test]
fn ping_with_a_check() {
    let bytes = bytes_of(Check::Crc32c, |out| out.frame(ADDRESS, &Ping));
    assert_eq!(bytes[..12], [2, 0, 0, 0, 0x30, 1, 3, 0, 9, 0, 0, 0]);
    assert_eq!(bytes[16..], [0, 0]);
    assert!(frames_in(Check::Crc32c, &bytes).is_ok());
}

#[test]
fn credit() {
    let credit = Credit { messages: 512, bytes: 1 << 20 };
    let frame = golden(
        |out| out.frame(ADDRESS, &credit),
        "12000000 12 00 0300 09000000 00000000
         1000 0002000000000000 0000100000000000",
    );
    assert_eq!(FromClient::decode(&frame), Ok(FromClient::Credit(credit)));
}

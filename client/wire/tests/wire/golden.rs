//! The bytes of a frame of each kind. A change of one of these lines breaks every other client.

use posthouse_wire::*;

use crate::common::*;

/// The frames of [`one_of_each`]: the fields of the header in a line, then those of each head, entry and item. A point
/// stands behind the length of a text.
const GOLDEN: &[(Kind, &str)] = &[
    (
        Kind::Hello,
        "47000000 01 00 0300 09000000 00000000
         50535448 01 4000 00 02 0500000000000000
           a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1 0400.65752d31 0400.414b4941
           0300.6c6962 0300.302e31",
    ),
    (
        Kind::Challenge,
        "5c000000 02 00 0300 09000000 00000000
         5a00 00 01 0400000000000000 b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2
           c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3 10270000 00008000 0001 00040000 0900.706f7374686f757365
           0500.302e312e30",
    ),
    (
        Kind::Prove,
        "23000000 03 00 0300 09000000 00000000
         2100 20 03aada4914e8bc7e0b9d7990a1150091d5d4da836584edeb852446d4db550156",
    ),
    (
        Kind::Ready,
        "19000000 04 00 0300 09000000 00000000
         0900 00 0100.31 0100.75 0200
         0500 0300.613a31 0500 0300.623a32",
    ),
    (
        Kind::OpenProducer,
        "19000000 08 00 0300 09000000 00000000
         1700 30313233343536373839616263646566 01 0400.6e657773",
    ),
    (
        Kind::ProducerOpened,
        "1c000000 09 00 0300 09000000 00000000
         1a00 05 0600000000000000 00001000 00040000 00008000 0300.61726e",
    ),
    (
        Kind::OpenConsumer,
        "14000000 0a 00 0300 09000000 00000000
         1200 0100.71 1e000000 000000000000e03f 01 6400",
    ),
    (
        Kind::ConsumerOpened,
        "14000000 0b 00 0300 09000000 00000000
         1200 02 1e000000 10270000 00004000 0300.61726e",
    ),
    (
        Kind::Close,
        "02000000 0c 00 0300 09000000 00000000
         0000",
    ),
    (
        Kind::Closed,
        "02000000 0d 00 0300 09000000 00000000
         0000",
    ),
    (
        Kind::Send,
        "75000000 10 00 0300 09000000 00000000
         0a00 0700000000000000 0200
         17000000 1300 00000000 02000000 00 ffff 0000 0000 0000 0000 6869
         4a000000 1700 2f000000 02000000 01 0500 0100.67 0100.64 0100.73 0100.74
         13000000 1000 00 0100.6e 0600.4e756d626572 01000000 37
         14000000 1000 01 0100.62 0600.42696e617279 02000000 0102
         7b7d",
    ),
    (
        Kind::Sent,
        "58000000 11 00 0300 09000000 00000000
         1000 0700000000000000 0200 0100 0100 0100
         1a00 0100 1201 01 0900.4f7665724c696d6974 0800.746f6f206d616e79
         1200 0000 d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4
         1400 0000 0100 0700b89d0d6955a00100000000000000",
    ),
    (
        Kind::Credit,
        "12000000 12 00 0300 09000000 00000000
         1000 0002000000000000 0000100000000000",
    ),
    (
        Kind::Deliver,
        "8e000000 13 00 0300 09000000 00000000
         0a00 0100000000000000 0100
         7e000000 4b00 2f000000 02000000 adaf127fd7654958900bfed7fa523d4a 0068e5cf8b010000 0168e5cf8b010000
           02000000 0700b89d0d6955a00100000000000000 0100.73 0100.67 0100.64 0100.74 0100.61
         13000000 1000 00 0100.6e 0600.4e756d626572 01000000 37
         14000000 1000 01 0100.62 0600.42696e617279 02000000 0102
         6869",
    ),
    (
        Kind::Settle,
        "2a000000 14 00 0300 09000000 00000000
         0200 0200
         1100 01 00000000 0100000000000000 07000000
         1100 03 1e000000 0100000000000000 01000000",
    ),
    (
        Kind::Settled,
        "14000000 15 00 0300 09000000 00000000
         0200 0100
         0e00 0400000000000000 02000000 1900",
    ),
    (
        Kind::GetHandle,
        "0a000000 16 00 0300 09000000 00000000
         0800 0400000000000000",
    ),
    (
        Kind::Handle,
        "08000000 17 00 0300 09000000 00000000
         0600 0400.41513d3d",
    ),
    (
        Kind::Call,
        "14000000 20 00 0300 09000000 00000000
         1000 0e00.7371732e4c697374517565756573 7b7d",
    ),
    (
        Kind::Reply,
        "04000000 21 00 0300 09000000 00000000
         0000 7b7d",
    ),
    (
        Kind::Cancel,
        "02000000 22 00 0300 09000000 00000000
         0000",
    ),
    (
        Kind::Ping,
        "02000000 30 00 0300 09000000 00000000
         0000",
    ),
    (
        Kind::Pong,
        "02000000 31 00 0300 09000000 00000000
         0000",
    ),
    (
        Kind::GoAway,
        "0c000000 32 00 0300 09000000 00000000
         0a00 01 88130000 0300.623a32",
    ),
    (
        Kind::Fault,
        "1a000000 3f 00 0300 09000000 00000000
         1800 1201 01 0900.4f7665724c696d6974 0800.746f6f206d616e79",
    ),
];

#[test]
fn every_kind_has_its_bytes() {
    let frames = one_of_each(Check::Absent);
    let kinds: Vec<Kind> = frames.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, Kind::ALL);
    for ((kind, bytes), (_, expected)) in frames.iter().zip(GOLDEN) {
        assert_eq!(hex(bytes), digits(expected), "{kind}");
    }
    assert_eq!(GOLDEN.len(), frames.len());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_hexdigit).collect()
}

/// Computed by the definition of CRC-32C, bit by bit.
#[test]
fn a_check() {
    let bytes = bytes_of(Check::Crc32c, |out| out.frame(ADDRESS, &Ping));
    assert_eq!(hex(&bytes), digits("02000000 30 01 0300 09000000 131642cf 0000"));
}

/// Computed with Python's `hmac` by the table in `docs/protocol.md`.
#[test]
fn proofs() {
    let transcript = Transcript { hello: b"hello", challenge: b"challenge", exporter: None };
    let secure = Transcript { exporter: Some(&[7; 32]), ..transcript };
    let proofs =
        [transcript.client_proof(b"secret"), transcript.server_proof(b"secret"), secure.client_proof(b"secret")];
    let payloads = proofs
        .map(|proof| hex(&bytes_of(Check::Absent, |out| out.frame(ADDRESS, &Prove { proof: Some(proof) }))[19..]));
    let expected = [
        "03aada4914e8bc7e0b9d7990a1150091d5d4da836584edeb852446d4db550156",
        "fd4adb60551d2f325a62bbaa2c736a889e596865b7d17003f25348ef51923444",
        "87f97c1f6253266a77bc37440bd08d7ee9065d110e5babf400c081145b56270c",
    ];
    assert_eq!(payloads, expected);
}

/// The ninth vector of SipHash-2-4-128 by its authors (`vectors_sip128` in github.com/veorq/SipHash), with the bits of
/// version 4.
#[test]
fn a_message_id() {
    let producer = ProducerId::from_bytes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    let id = message_id(producer, number(0x0706_0504_0302_0100));
    assert_eq!(hex(&message_id(PRODUCER, number(1))), digits("78658add-2f8a-4f99-819f-e0a4c34f3e75"));
    assert_eq!(hex(&id), digits("3b62a9ba-6258-4561-8f83-e264f31497b4"));
}

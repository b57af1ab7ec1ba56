//! Headers of the PROXY protocol, both versions: each field, every truncation, and arbitrary bytes.

use proptest::prelude::*;

use super::*;

/// As a connection delivers them: no more bytes than are asked for.
fn read_all(bytes: &[u8]) -> Parsed {
    let mut end = HEADER_BYTES_MIN;
    loop {
        let Some(input) = bytes.get(..end) else { return Parsed::Partial(end - bytes.len()) };
        match parse(input) {
            Parsed::Partial(missing) => {
                assert!(missing > 0);
                end += missing;
            }
            parsed => return parsed,
        }
    }
}

fn client(text: &str) -> Option<SocketAddr> {
    Some(text.parse().expect("an address and a port"))
}

fn binary(command: u8, family: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("short").to_be_bytes();
    [&SIGNATURE[..], &[command, family], &length, payload].concat()
}

const V4: [u8; 12] = [198, 51, 100, 1, 203, 0, 113, 1, 0xc8, 0x22, 0x24, 0x6c];

fn v6() -> Vec<u8> {
    let source: Ipv6Addr = "2001:db8::1".parse().expect("an address");
    let destination: Ipv6Addr = "2001:db8::2".parse().expect("an address");
    [&source.octets()[..], &destination.octets(), &[0xc8, 0x22, 0x24, 0x6c]].concat()
}

#[test]
fn headers_of_both_versions() {
    for (header, expected) in [
        (b"PROXY TCP4 198.51.100.1 203.0.113.1 51234 9324\r\n".to_vec(), client("198.51.100.1:51234")),
        (b"PROXY TCP6 2001:db8::1 2001:db8::2 51234 9324\r\n".to_vec(), client("[2001:db8::1]:51234")),
        (
            format!("PROXY TCP6 {0} {0} 65535 65535\r\n", ["ffff"; 8].join(":")).into_bytes(),
            client("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"),
        ),
        (b"PROXY UNKNOWN\r\n".to_vec(), None),
        (format!("PROXY UNKNOWN {0} {0} 65535 65535\r\n", ["ffff"; 8].join(":")).into_bytes(), None),
        (binary(0x21, 0x11, &V4), client("198.51.100.1:51234")),
        (binary(0x21, 0x11, &[&V4[..], &[4, 0, 1, 0]].concat()), client("198.51.100.1:51234")),
        (binary(0x21, 0x11, &[&V4[..], &[0; 4084]].concat()), client("198.51.100.1:51234")),
        (binary(0x21, 0x21, &v6()), client("[2001:db8::1]:51234")),
        (binary(0x21, 0x00, b""), None),
        (binary(0x21, 0x31, &[b'x'; 216]), None),
        (binary(0x20, 0x00, b""), None),
        (binary(0x20, 0x11, &V4), None),
        (binary(0x20, 0xff, b"x"), None),
    ] {
        let whole = Parsed::Whole { client: expected, bytes: header.len() };
        assert_eq!(read_all(&header), whole, "{}", header.escape_ascii());
        // A request behind it is not touched.
        assert_eq!(read_all(&[&header[..], b"GET / HTTP/1.1\r\n"].concat()), whole);
        for end in 0..header.len() {
            let cut = parse(&header[..end]);
            assert!(matches!(cut, Parsed::Partial(missing) if missing <= header.len() - end), "{end}: {cut:?}");
        }
    }
}

#[test]
fn what_is_no_header() {
    let unending = format!("PROXY UNKNOWN {}\r\n", "x".repeat(92));
    for (header, malformed) in [
        (&b"GET / HTTP/1.1\r\n"[..], Malformed::Missing),
        (b"proxy TCP4 198.51.100.1 203.0.113.1 1 2\r\n", Malformed::Missing),
        (b"PROXYTCP4 1.1.1.1", Malformed::Missing),
        (b"\r\n\r\n\0\r\nQUIT\r\n\r\n\r\n", Malformed::Missing),
        (b"PROXY TCP4 198.51.100.1 203.0.113.1 1\r\n", Malformed::Line),
        (b"PROXY TCP4 198.51.100.1 203.0.113.1 1 2 3\r\n", Malformed::Line),
        (b"PROXY  TCP4 198.51.100.1 203.0.113.1 1 2\r\n", Malformed::Line),
        (b"PROXY TCP4 198.51.100.1 203.0.113.1 1 65536\r\n", Malformed::Line),
        (b"PROXY TCP4 198.51.100.1 203.0.113.1 01 2\r\n", Malformed::Line),
        (b"PROXY TCP4 198.51.100.1 203.0.113.1 +1 2\r\n", Malformed::Line),
        (b"PROXY TCP4 198.51.100.1 203.0.113.1 1 \r\n", Malformed::Line),
        (b"PROXY TCP4 198.51.100.01 203.0.113.1 1 2\r\n", Malformed::Line),
        (b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", Malformed::Line),
        (b"PROXY TCP6 198.51.100.1 203.0.113.1 1 2\r\n", Malformed::Line),
        (b"PROXY UDP4 198.51.100.1 203.0.113.1 1 2\r\n", Malformed::Line),
        (b"PROXY TCP4 198.51.100.\xff 203.0.113.1 1 2\r\n", Malformed::Line),
        (b"PROXY TCP4\r\n198.51.100.1 203.0.113.1 1 2\r\n", Malformed::Line),
        (unending.as_bytes(), Malformed::Line),
        (&binary(0x11, 0x11, &V4), Malformed::Binary),
        (&binary(0x22, 0x11, &V4), Malformed::Binary),
        (&binary(0x21, 0x11, &V4[..11]), Malformed::Binary),
        (&binary(0x21, 0x21, &v6()[..35]), Malformed::Binary),
        (&binary(0x21, 0x12, &V4), Malformed::Binary),
        (&binary(0x21, 0x41, &V4), Malformed::Binary),
        (&binary(0x21, 0x11, &[0; 4097]), Malformed::TooLong),
    ] {
        assert_eq!(read_all(header), Parsed::Malformed(malformed), "{}", header.escape_ascii());
    }
}

proptest! {
    #[test]
    fn no_bytes_make_trouble(
        start in prop_oneof![Just(&SIGNATURE[..]), Just(&LINE_START[..]), Just(&b"PROXY TCP4 "[..]), Just(&b""[..])],
        rest in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let input = [start, &rest].concat();
        match parse(&input) {
            Parsed::Whole { bytes, .. } => prop_assert!(bytes <= input.len()),
            Parsed::Partial(missing) => prop_assert!(missing > 0 && input.len() + missing <= FIXED_BYTES + PAYLOAD_BYTES_MAX),
            Parsed::Malformed(_) => {}
        }
    }
}

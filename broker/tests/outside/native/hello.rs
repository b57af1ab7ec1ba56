//! The hello: proofs, and what is refused before them.

use posthouse_wire::{Address, Check, Ends, FaultCode, Outgoing, Ping};

use crate::shared::{ALICE, OPEN, USERS};
use crate::support::{Launch, Native};

pub(super) fn both_sides_prove_the_secret() {
    let mut native = Native::connect(USERS.get().native);
    assert_eq!(native.hello(ALICE.0, Some(ALICE.1)).as_deref(), Ok("111111111111"));
    let mut native = Native::connect(OPEN.get().native);
    assert_eq!(native.hello("123456789012", None).as_deref(), Ok("123456789012"), "taken at its word");
}

pub(super) fn an_unknown_key_and_a_wrong_secret_are_refused_alike() {
    let broker = USERS.get();
    let refused = |key: &str, secret: Option<&str>| {
        let mut native = Native::connect(broker.native);
        let refused = native.hello(key, secret).expect_err("no user has these");
        native.is_closed();
        refused
    };
    let first = refused(ALICE.0, Some("wrong"));
    assert_eq!((first.code, first.ends), (FaultCode::NotAuthenticated, Ends::Connection));
    for (key, secret) in [("AKIDNONE", Some(ALICE.1)), ("", Some(ALICE.1)), (ALICE.0, None), (ALICE.0, Some(""))] {
        assert_eq!(refused(key, secret), first, "{key} {secret:?}");
    }
}

pub(super) fn what_is_no_hello_is_refused() {
    let broker = OPEN.get();
    let mut ping = Outgoing::new(Check::Crc32c);
    ping.frame(Address::CONNECTION, &Ping);
    let ping: Vec<u8> = ping.take().into_iter().flatten().collect();
    let mut flipped = ping.clone();
    flipped[12] ^= 1;
    let mut long = ping.clone();
    long[..4].copy_from_slice(&8192_u32.to_le_bytes());
    for (bytes, code) in [
        (&ping[..], FaultCode::NotHello),
        (&flipped, FaultCode::Checksum),
        (&long, FaultCode::FrameTooLong),
        (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", FaultCode::FrameTooLong),
        (&[0; 64], FaultCode::Checksum),
    ] {
        let mut native = Native::connect(broker.native);
        native.write(bytes).expect("connected");
        let refused = native.refusal();
        assert_eq!((refused.code, refused.ends), (code, Ends::Connection), "{bytes:?}");
        native.is_closed();
    }
    assert!(!broker.log().contains("panicked"), "{}", broker.log());
}

pub(super) fn a_hello_has_its_time() {
    let broker = Launch::new().configured("[native]\nhello_seconds_max = 1").start();
    let mut native = Native::connect(broker.native);
    native.write(&[1]).expect("connected");
    assert_eq!(native.refusal().code, FaultCode::Timeout);
    native.is_closed();
}

//! The first bytes of a connection from a proxy.
#![no_main]

use libfuzzer_sys::fuzz_target;
use posthouse::listener::proxy::{Parsed, parse};

fuzz_target!(|input: &[u8]| match parse(input) {
    Parsed::Whole { bytes, .. } => {
        assert!(bytes <= input.len());
        // What follows the header does not change what it says.
        assert_eq!(parse(&input[..bytes]), parse(input));
    }
    Parsed::Partial(missing) => assert!(missing > 0),
    Parsed::Malformed(_) => {}
});

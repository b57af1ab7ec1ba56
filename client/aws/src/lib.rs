//! AWS's protocols from the client's side: Signature Version 4 ([`sigv4`]), percent-encoding ([`percent`]) and the XML
//! of Query responses ([`xml`]).
//!
//! The load test, the benchmarks and the broker's outside tests use this crate to call a broker and to judge its
//! responses. It is written from AWS's documentation and shares no code with `broker/aws`, which verifies signatures
//! and writes XML: a judge must not repeat the mistakes of the code that it judges. No crate of the broker depends on
//! it outside of tests.
//!
//! Every function is pure. Time is an argument.
#![forbid(unsafe_code)]

pub mod percent;
pub mod sigv4;
pub mod xml;

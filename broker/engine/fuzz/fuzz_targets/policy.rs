//! Policy documents.
#![no_main]

use libfuzzer_sys::fuzz_target;
use posthouse_engine::policy::Policy;

fuzz_target!(|text: &str| {
    let _ = Policy::parse(text);
});

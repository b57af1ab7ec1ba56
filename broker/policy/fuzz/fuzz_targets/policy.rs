//! Policy documents.
#![no_main]

use libfuzzer_sys::fuzz_target;
use posthouse_model::Service;
use posthouse_policy::Policy;

fuzz_target!(|text: &str| {
    let _ = Policy::parse(Service::Sqs, text);
    let _ = Policy::parse(Service::Sns, text);
});

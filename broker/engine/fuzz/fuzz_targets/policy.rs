//! Policy documents.
#![no_main]

use libfuzzer_sys::fuzz_target;
use posthouse_engine::policy::Policy;
use posthouse_model::Service;

fuzz_target!(|text: &str| {
    let _ = Policy::parse(Service::Sqs, text);
    let _ = Policy::parse(Service::Sns, text);
});

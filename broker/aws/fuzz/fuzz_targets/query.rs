//! Forms of every action of SQS: the first byte chooses it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use posthouse_model::Service;

fuzz_target!(|input: &[u8]| posthouse_aws_fuzz::decode_query(Service::Sqs, input));

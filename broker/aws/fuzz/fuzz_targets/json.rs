//! JSON bodies of every action: the first byte chooses it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use posthouse_model::Action;

fuzz_target!(|input: &[u8]| {
    let Some((first, body)) = input.split_first() else { return };
    let action = Action::ALL[usize::from(*first) % Action::ALL.len()];
    let request = http::Request::post("/")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("AmazonSQS.{action}"))
        .body(())
        .expect("a valid request");
    posthouse_aws_fuzz::decode(posthouse_aws_fuzz::open(), &request.into_parts().0, body);
});

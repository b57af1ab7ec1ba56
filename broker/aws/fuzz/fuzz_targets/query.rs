//! Forms of every action: the first byte chooses it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use posthouse_model::Action;

fuzz_target!(|input: &[u8]| {
    let Some((first, form)) = input.split_first() else { return };
    let action = Action::ALL[usize::from(*first) % Action::ALL.len()];
    let request = http::Request::post("/").body(()).expect("a valid request");
    let body = [b"Action=", action.as_str().as_bytes(), b"&", form].concat();
    posthouse_aws_fuzz::decode(posthouse_aws_fuzz::open(), &request.into_parts().0, &body);
});

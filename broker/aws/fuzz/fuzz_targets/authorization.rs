//! `Authorization` headers and presigned URLs: the input is both.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(header) = http::HeaderValue::from_bytes(input) else { return };
    let mut request = http::Request::get("/?Action=ListQueues").header("host", "h").header("x-amz-date", "20150830T123600Z");
    if let Ok(uri) = http::Uri::try_from([b"/?Action=ListQueues&", input].concat()) {
        request = request.uri(uri);
    }
    let (mut parts, ()) = request.body(()).expect("a valid request").into_parts();
    posthouse_aws_fuzz::decode(posthouse_aws_fuzz::secured(), &parts, b"");
    parts.headers.insert("authorization", header);
    posthouse_aws_fuzz::decode(posthouse_aws_fuzz::secured(), &parts, b"");
    posthouse_aws_fuzz::decode(posthouse_aws_fuzz::open(), &parts, b"");
});

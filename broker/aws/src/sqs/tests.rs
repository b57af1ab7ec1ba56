//! The codec as a whole: what SDKs send and what they get, in both protocols.

mod arbitrary;
mod faults;
mod malformed;
mod replies;
mod requests;

use bytes::Bytes;
use core::net::Ipv4Addr;
use http::Request as HttpRequest;

use super::*;

/// The queue of most requests, whose URL is [`URL`].
const ARN: &str = "arn:aws:sqs:eu-west-1:123456789012:q";
const URL: &str = "http://localhost:9324/eu-west-1/123456789012/q";
const KEY: [u8; 16] = *b"0123456789abcdef";
/// The first message of the first queue, received once, sealed with [`KEY`].
const HANDLE: &str = "AQEAAAABAAAAAAAAAAEAAADkLkxy-TQhDeLaPGKy7jbS";

/// One codec serves every thread of the listener.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Sqs>();
    shared::<Encoder>();
};

fn options() -> Options {
    Options {
        access: Access::Open,
        default_region: "eu-west-1".parse().expect("valid"),
        public_url: None,
        handle_key: HandleKey::new(KEY),
    }
}

fn arrival() -> Arrival {
    Arrival {
        now: Timestamp::from_millis(0),
        source: Ipv4Addr::LOCALHOST.into(),
        secure: false,
        request_id: RequestId::from_random([0; 16]),
    }
}

/// A request by account 123456789012 in the default region.
fn request(headers: &[(&str, &str)], method: &str, url: &str) -> Parts {
    let mut request = HttpRequest::builder()
        .method(method)
        .uri(url)
        .header("host", "localhost:9324")
        .header("authorization", "AWS4-HMAC-SHA256 Credential=123456789012/x");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a valid request").into_parts().0
}

fn json_request(action: &str) -> Parts {
    let target = format!("AmazonSQS.{action}");
    request(&[("content-type", "application/x-amz-json-1.0"), ("x-amz-target", &target)], "POST", "/")
}

fn query_request() -> Parts {
    request(&[("content-type", "application/x-www-form-urlencoded; charset=utf-8")], "POST", "/")
}

fn decode(parts: &Parts, body: &str) -> Result<Decoded, Box<Refused>> {
    let mut drawn = 0;
    let mut random = || {
        drawn += 1;
        [drawn; 16]
    };
    Sqs::new(options()).decode(parts, &Bytes::copy_from_slice(body.as_bytes()), &arrival(), &mut random)
}

fn decode_json(action: &str, body: &str) -> Result<Decoded, Box<Refused>> {
    decode(&json_request(action), body)
}

fn decode_query(body: &str) -> Result<Decoded, Box<Refused>> {
    decode(&query_request(), body)
}

/// Status, the headers that matter, and the body.
fn shown(response: Response) -> String {
    let mut text = response.status().as_str().to_owned();
    for name in ["content-type", "x-amzn-query-error", "retry-after"] {
        if let Some(value) = response.headers().get(name) {
            text.push(' ');
            text.push_str(value.to_str().expect("ASCII"));
        }
    }
    assert_eq!(response.headers()["x-amzn-requestid"], "00000000-0000-4000-8000-000000000000");
    text.push('\n');
    text.push_str(&body(response));
    text
}

fn body(response: Response) -> String {
    String::from_utf8(response.into_body().flatten().collect()).expect("UTF-8")
}

//! The check of the bytes of replies, for the tests of both services.

use posthouse_model::Reply;

use super::super::call::CallEncoder;
use super::{body, shown};
use crate::{Decoded, Encoder, Refused};

/// The encoders of one request in both protocols, from the request in JSON. Except for the protocol they are equal.
pub(crate) fn encoders(decoded: Result<Decoded, Box<Refused>>) -> [Encoder; 2] {
    let json = decoded.unwrap_or_else(|refused| panic!("{}", body(refused.response))).encoder;
    [json.clone(), json.in_query()]
}

/// Fails unless the replies have the bytes in `golden`, and calls have its JSON. That has four lines for each case: its name, the JSON body, the
/// XML body, and an empty line.
pub(crate) fn check_replies(golden: &str, cases: Vec<(&str, [Encoder; 2], Reply)>) {
    let lines: Vec<&str> = golden.lines().collect();
    assert_eq!(lines.len(), cases.len() * 4);
    for ((name, [json, query], reply), row) in cases.into_iter().zip(lines.chunks(4)) {
        assert_eq!(row[0], name);
        let called = CallEncoder::of(&json).encode(&reply).flatten().collect();
        let output = if row[1].is_empty() { "{}" } else { row[1] };
        assert_eq!(String::from_utf8(called).as_deref(), Ok(output), "{name}");
        let reply = Ok(reply);
        assert_eq!(shown(json.encode(&reply)), format!("200 application/x-amz-json-1.0\n{}", row[1]), "{name}");
        assert_eq!(shown(query.encode(&reply)), format!("200 text/xml\n{}", row[2]), "{name}");
    }
}

//! The codec of SQS with requests of SDKs and the replies to them, in both protocols.

mod arbitrary;
mod envelopes;
mod faults;
mod malformed;
mod replies;
mod requests;
mod sentences;

use bytes::Bytes;
use http::Request as HttpRequest;
use http::request::Parts;
use posthouse_model::{Action, Caller, Fault, HandleKey, Timestamp};

use super::*;
use crate::aws::tests::{
    KEY, arrival, body, check, decode, decode_query, options, query_request, refusal, request, secured, shown, whole,
};
use crate::{Arrival, Aws, Decoded, Encoder, Options, Refused, TransportFault, refuse};

/// The queue of most requests, whose URL is [`URL`].
const ARN: &str = "arn:aws:sqs:eu-west-1:123456789012:q";
const URL: &str = "http://localhost:9324/123456789012/q";
/// The first message of the first queue, received once, sealed with [`KEY`].
const HANDLE: &str = "AQEAAAABAAAAAAAAAAEAAADkLkxy+TQhDeLaPGKy7jbS";

/// Every action of SQS.
fn actions() -> Vec<Action> {
    Action::ALL.iter().copied().filter(|action| action.service() == Service::Sqs).collect()
}

fn json_request(action: &str) -> Parts {
    crate::aws::tests::json_request(&format!("AmazonSQS.{action}"))
}

fn decode_json(action: &str, body: &str) -> Result<Decoded, Box<Refused>> {
    decode(&json_request(action), body)
}

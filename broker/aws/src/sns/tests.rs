//! The codec of SNS with requests of SDKs and the replies to them, in both protocols.

mod arbitrary;
mod documents;
mod faults;
mod malformed;
mod own_words;
mod replies;
mod requests;
mod sentences;

use bytes::Bytes;
use http::request::Parts;
use posthouse_model::{Action, Fault};

use super::*;
use crate::aws::tests::{
    arrival, body, check, decode, decode_query, query_request, refusal, request, secured, shown, whole,
};
use crate::protocol::Protocol;
use crate::{Decoded, Refused};

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:orders";
/// The subscription whose id comes from the first random bytes of a test.
const SUBSCRIPTION: &str = "arn:aws:sns:eu-west-1:123456789012:orders:01010101-0101-4101-8101-010101010101";
const APPLICATION: &str = "arn:aws:sns:eu-west-1:123456789012:app/GCM/my.app";
const ENDPOINT: &str = "arn:aws:sns:eu-west-1:123456789012:endpoint/GCM/my.app/02020202-0202-4202-8202-020202020202";

/// Every action of SNS.
fn actions() -> Vec<Action> {
    Action::ALL.iter().copied().filter(|action| action.service() == Service::Sns).collect()
}

fn json_request(action: &str) -> Parts {
    crate::aws::tests::json_request(&format!("AmazonSimpleNotificationService.{action}"))
}

fn decode_json(action: &str, body: &str) -> Result<Decoded, Box<Refused>> {
    decode(&json_request(action), body)
}

/// A form with the `Version` of SNS.
fn decode_form(action: &str, members: &str) -> Result<Decoded, Box<Refused>> {
    decode_query(&format!("Action={action}&Version={VERSION}&{members}"))
}

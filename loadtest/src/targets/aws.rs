//! What the SQS and the SNS adapter share: a client of AWS's protocols as lean as one that signs can be.
//!
//! A [`Caller`] is one connection with one call under way. The head of each kind of request is built once, as a
//! [`Head`]; a call patches date and signature into it, and hands head and body to the kernel in one write. Of an
//! answer it reads the status and the framing, and no more of what is in it than is asked for.
//!
//! A connection that breaks stays broken, and the failure says so. Only where a server has announced that it closes the
//! connection after an answer, as HTTP/1.1 lets it, does the next call open another.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::target::{Delivery, Failure, Refusals};

mod body;
mod connection;
mod endpoint;
mod entries;
mod fault;
mod form;
mod json;
mod signer;
mod xml;

pub(super) use body::{Body, List};
use connection::Connection;
pub(super) use endpoint::{Endpoint, Protocol, Service};
use fault::Fault;
use signer::Signer;
pub(super) use signer::{Head, signature_seconds};

/// The parameters of a call that is made once: strings, numbers, and maps of strings.
pub(super) type Parameters = Map<String, Value>;

/// One connection to an endpoint, and what signs its requests.
pub(super) struct Caller {
    endpoint: Endpoint,
    signer: Signer,
    connection: Connection,
}

impl Caller {
    /// Connects.
    pub(super) async fn connect(endpoint: &Endpoint) -> Result<Self, Failure> {
        let connection = Connection::open(&endpoint.host, endpoint.port).await?;
        Ok(Self { endpoint: endpoint.clone(), signer: Signer::new(endpoint), connection })
    }

    /// The endpoint.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Makes a call whose body is written as the endpoint's protocol wants it; the body of the answer.
    pub(super) async fn call(&mut self, head: &mut Head, body: &[u8]) -> Result<Bytes, Failure> {
        self.ask(head, body).await?.map_err(Failure::from)
    }

    /// Makes a call that is made once. The member `result` of the answer; empty if there is none by that name.
    pub(super) async fn set_up(
        &mut self,
        action: &str,
        parameters: &Parameters,
        result: &str,
    ) -> Result<String, Failure> {
        self.ask_once(action, parameters, result).await?.map_err(Failure::from)
    }

    /// Like [`Self::set_up`]; `None` if the call is about something that is not there.
    pub(super) async fn set_up_if_there(
        &mut self,
        action: &str,
        parameters: &Parameters,
        result: &str,
    ) -> Result<Option<String>, Failure> {
        match self.ask_once(action, parameters, result).await? {
            Ok(member) => Ok(Some(member)),
            Err(fault) if fault.is_absence() => Ok(None),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Like [`Self::call`]; `None` if the call is about something that is not there.
    pub(super) async fn call_if_there(&mut self, head: &mut Head, body: &[u8]) -> Result<Option<Bytes>, Failure> {
        match self.ask(head, body).await? {
            Ok(answer) => Ok(Some(answer)),
            Err(fault) if fault.is_absence() => Ok(None),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Appends the messages of the answer to a ReceiveMessage. Receipt handles are as [`Body::string`] takes them.
    pub(super) fn deliveries(&self, answer: &Bytes, into: &mut Vec<Delivery>) -> Result<(), Failure> {
        match self.endpoint.protocol {
            Protocol::Json => json::deliveries(answer, into),
            Protocol::Query => xml::deliveries(answer, into),
        }
    }

    /// What the answer to a batch of `entries` refuses. The `Id` of each is its index, from 0.
    pub(super) fn refusals(&self, answer: &[u8], entries: usize) -> Result<Refusals, Failure> {
        match self.endpoint.protocol {
            Protocol::Json => json::refusals(answer, entries),
            Protocol::Query => xml::refusals(answer, entries),
        }
    }

    /// Signs a request that others are to send: its headers as lines of `Name: value`, without the length of the body.
    pub(super) fn signed_headers(&mut self, head: &mut Head, body: &[u8]) -> String {
        self.signer.sign(head, body);
        let lines = head.headers().iter().map(|(name, value)| {
            format!("{}: {}\n", capitalized(name.as_str()), String::from_utf8_lossy(value.as_bytes()))
        });
        lines.collect()
    }

    async fn ask_once(
        &mut self,
        action: &str,
        parameters: &Parameters,
        result: &str,
    ) -> Result<Result<String, Fault>, Failure> {
        let mut head = Head::new(&self.endpoint, action, "/");
        let body = match self.endpoint.protocol {
            Protocol::Json => Value::Object(parameters.clone()).to_string().into_bytes(),
            Protocol::Query => form::once(self.endpoint.service, action, parameters),
        };
        let answer = match self.ask(&mut head, &body).await? {
            Ok(answer) => answer,
            Err(fault) => return Ok(Err(fault)),
        };
        match self.endpoint.protocol {
            Protocol::Json => json::member(&answer, result),
            Protocol::Query => xml::member(&answer, result),
        }
        .map(Ok)
    }

    async fn ask(&mut self, head: &mut Head, body: &[u8]) -> Result<Result<Bytes, Fault>, Failure> {
        self.signer.sign(head, body);
        let answer = self.connection.exchange(head, body).await?;
        Fault::sift(answer, self.endpoint.protocol)
    }
}

/// A header's name as it is usually written; programs that take headers from a file may look for `Host`.
fn capitalized(name: &str) -> String {
    let words = name.split('-').map(|word| word[..1].to_ascii_uppercase() + &word[1..]);
    words.collect::<Vec<_>>().join("-")
}

/// What the tests of both protocols look at in a delivery.
#[cfg(test)]
fn body_and_handle(delivery: &Delivery) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    match &delivery.receipt {
        crate::target::Receipt::Text(handle) => (text(&delivery.body), text(handle)),
        crate::target::Receipt::Number(_) => panic!("a receipt handle is text"),
    }
}

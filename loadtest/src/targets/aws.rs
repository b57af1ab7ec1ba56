//! A client of AWS's protocols with little CPU time a call, for the SQS and the SNS adapter.
//!
//! A [`Caller`] is one connection with one call under way. The head of each kind of request is built once, as a
//! [`Head`]. A call patches date and signature into it, and passes head and body to the kernel in one write. Of a
//! response it reads the status, the framing and the members that the caller needs.
//!
//! A broken connection is not opened again: every further call fails with [`Failure::Disconnected`]. If the server
//! announced with its last response that it closes the connection, as HTTP/1.1 allows, the next call opens another.

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
pub(super) use endpoint::{Endpoint, Protocol, Service, credentials_of_environment};
use fault::Fault;
use signer::Signer;
pub(super) use signer::{Head, signature_seconds};

/// The parameters of a call that is not measured: strings, numbers, and maps of strings.
pub(super) type Parameters = Map<String, Value>;

/// One connection to an endpoint, with the signer of its requests.
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

    /// Makes a call. `body` is in the endpoint's protocol. Returns the body of the response.
    pub(super) async fn call(&mut self, head: &mut Head, body: &[u8]) -> Result<Bytes, Failure> {
        self.ask(head, body).await?.map_err(Failure::from)
    }

    /// Makes a call that is not measured. Returns the member `result` of the response, empty if there is none.
    pub(super) async fn set_up(
        &mut self,
        action: &str,
        parameters: &Parameters,
        result: &str,
    ) -> Result<String, Failure> {
        self.ask_once(action, parameters, result).await?.map_err(Failure::from)
    }

    /// Like [`Self::set_up`]; `None` if the queue, topic or subscription does not exist.
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

    /// Like [`Self::call`]; `None` if the queue, topic or subscription does not exist.
    pub(super) async fn call_if_there(&mut self, head: &mut Head, body: &[u8]) -> Result<Option<Bytes>, Failure> {
        match self.ask(head, body).await? {
            Ok(answer) => Ok(Some(answer)),
            Err(fault) if fault.is_absence() => Ok(None),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Appends the messages of a response to ReceiveMessage. Receipt handles are in the form that [`Body::string`]
    /// takes.
    pub(super) fn deliveries(&self, answer: &Bytes, into: &mut Vec<Delivery>) -> Result<(), Failure> {
        match self.endpoint.protocol {
            Protocol::Json => json::deliveries(answer, into),
            Protocol::Query => xml::deliveries(answer, into),
        }
    }

    /// The refusals in the response to a batch of `entries`. The `Id` of an entry is its index, from 0.
    pub(super) fn refusals(&self, answer: &[u8], entries: usize) -> Result<Refusals, Failure> {
        match self.endpoint.protocol {
            Protocol::Json => json::refusals(answer, entries),
            Protocol::Query => xml::refusals(answer, entries),
        }
    }

    /// Signs a request for another program to send. Returns its headers as lines of `Name: value`, without
    /// `Content-Length`.
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

/// A header's name with capitals, because programs that read headers from a file may look for `Host`.
fn capitalized(name: &str) -> String {
    let words = name.split('-').map(|word| word[..1].to_ascii_uppercase() + &word[1..]);
    words.collect::<Vec<_>>().join("-")
}

/// Body and receipt handle of a delivery, for tests.
#[cfg(test)]
fn body_and_handle(delivery: &Delivery) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    match &delivery.settle_key {
        crate::target::SettleKey::Text(handle) => (text(&delivery.body), text(handle)),
        crate::target::SettleKey::Number(_) => panic!("a receipt handle is text"),
    }
}

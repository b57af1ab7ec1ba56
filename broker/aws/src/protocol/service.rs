//! One AWS service as a value: everything in which the services differ that is no input or output of an action.

use core::fmt;
use std::borrow::Cow;

use posthouse_model::operation::BatchFailure;
use posthouse_model::{Fault, Service};

use super::fault::Row;
use super::form::{Form, Names};
use super::input::Source;
use super::writer::{Plural, Writer};
use super::{Dialect, Protocol, RequestId, Response};

/// What one service says in its own way. Each service has one constant of this type.
pub(crate) struct ServiceCodec {
    /// The service. Its `as_str` is also what a credential scope calls it.
    pub(crate) service: Service,
    /// What `X-Amz-Target` may start with.
    pub(crate) target_prefixes: &'static [&'static str],
    /// The version of the service model, which Query requests name.
    pub(crate) version: &'static str,
    /// How members are called in Query where that is not their JSON name.
    pub(crate) query_names: Names,
    /// What its responses have in common.
    pub(crate) dialect: Dialect,
    /// The table of faults: how each is called.
    pub(crate) row: fn(&Fault) -> Row,
    /// The message of a fault.
    pub(crate) message: fn(&Fault, Protocol) -> Cow<'static, str>,
    /// How a fault is called that fails one entry of a batch, and its message.
    pub(crate) entry: fn(&Fault, Protocol) -> (Row, Cow<'static, str>),
    /// The message for an `Action` that the service does not have. The argument is cut by `excerpt`.
    pub(crate) unknown_action: fn(&str) -> String,
}

impl ServiceCodec {
    /// A request's input: the body in JSON, the form in Query.
    pub(crate) fn source<'a>(&self, protocol: Protocol, body: &'a [u8], form: &'a Form<'a>) -> Source<'a> {
        match protocol {
            Protocol::Json10 | Protocol::Json11 => Source::Json(body),
            Protocol::Query | Protocol::QueryJson => Source::Query(form, self.query_names),
        }
    }

    /// The error response for a fault.
    pub(crate) fn refuse(&self, fault: &Fault, protocol: Protocol, id: RequestId) -> Response {
        let message = (self.message)(fault, protocol);
        (self.row)(fault).respond(protocol, self.dialect, &message, id)
    }

    /// Writes the entries of a batch that failed, which both services describe alike.
    pub(crate) fn write_failures(&self, writer: &mut Writer, names: Plural, failures: &[BatchFailure]) {
        writer.list(names, failures, |writer, BatchFailure { id, fault }| {
            let (row, message) = (self.entry)(fault, writer.protocol());
            writer.text("Id", id.as_str());
            writer.text("Code", row.query_code);
            writer.text("Message", &message);
            writer.flag("SenderFault", row.sender);
        });
    }
}

impl fmt::Debug for ServiceCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServiceCodec").field(&self.service).finish()
    }
}

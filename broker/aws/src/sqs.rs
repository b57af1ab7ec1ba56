//! SQS in both protocols: its inputs, its outputs, and what it calls the engine's faults.
//!
//! No rule of queues is here: what a caller may do and what it leads to is for the engine.

mod context;
mod envelope;
mod fault;
pub(crate) mod operation;
pub(crate) mod url;

use posthouse_model::{Reply, Request, Service, SqsAction};

use crate::protocol::Dialect;
use crate::protocol::input::Source;
use crate::protocol::refusal::Refusal;
use crate::protocol::service::ServiceCodec;
use crate::protocol::writer::Writer;
pub(crate) use context::Context;
pub use context::sender_id;
pub(crate) use operation::{View, is_look};

/// SQS as the front of the crate knows it.
pub(crate) const SQS: ServiceCodec = ServiceCodec {
    service: Service::Sqs,
    target_prefixes: &["AmazonSQS."],
    version: "2012-11-05",
    query_names: operation::QUERY_NAMES,
    dialect: Dialect {
        namespace: "http://queue.amazonaws.com/doc/2012-11-05/",
        flattened: true,
        error_detail: "<Detail/>",
    },
    row: fault::row,
    message: fault::message,
    entry: fault::entry,
    unknown_action: |name| format!("The action {name} is not valid for this endpoint."),
};

/// Reads the input of an action.
pub(crate) fn decode(
    action: SqsAction,
    source: Source<'_>,
    context: &mut Context<'_>,
) -> Result<(Request, View), Refusal> {
    operation::decode(action, source, context)
}

/// Writes the output of an action, where it has one.
pub(crate) fn output<'a>(action: SqsAction, reply: &'a Reply, view: &'a View) -> Option<impl FnOnce(&mut Writer) + 'a> {
    (*reply != Reply::Done).then_some(move |writer: &mut Writer| operation::encode(writer, action, reply, view))
}

#[cfg(test)]
mod tests;

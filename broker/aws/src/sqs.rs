//! SQS in both protocols: its inputs, its outputs, and what it calls the engine's faults.
//!
//! No rule of queues is here: what a caller may do and what it leads to is for the engine.

mod context;
mod envelope;
pub(crate) mod fault;
pub(crate) mod operation;
pub(crate) mod url;

use posthouse_model::{Action, Reply, Request};

use crate::aws::Refusal;
use crate::protocol::Dialect;
use crate::protocol::form::Form;
use crate::protocol::input::Source;
use crate::protocol::writer::Writer;
pub(crate) use context::Context;
pub(crate) use operation::View;

/// What `X-Amz-Target` starts with.
pub(crate) const TARGET_PREFIX: &str = "AmazonSQS.";
/// The version of the service model, which Query requests name.
pub(crate) const VERSION: &str = "2012-11-05";
pub(crate) const DIALECT: Dialect =
    Dialect { namespace: "http://queue.amazonaws.com/doc/2012-11-05/", flattened: true, error_detail: "<Detail/>" };

/// A form as the source of an input.
pub(crate) const fn query<'a>(form: &'a Form<'a>) -> Source<'a> {
    Source::Query(form, operation::QUERY_NAMES)
}

/// Reads the input of an action.
pub(crate) fn decode(
    action: Action,
    source: Source<'_>,
    context: &mut Context<'_>,
) -> Result<(Request, View), Refusal> {
    operation::decode(action, source, context)
}

/// Writes the output of an action, where it has one.
pub(crate) fn output<'a>(action: Action, reply: &'a Reply, view: &'a View) -> Option<impl FnOnce(&mut Writer) + 'a> {
    (*reply != Reply::Done).then_some(move |writer: &mut Writer| operation::encode(writer, action, reply, view))
}

#[cfg(test)]
mod tests;

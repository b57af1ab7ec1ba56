//! SNS in both protocols: its inputs, its outputs, and what it calls the engine's faults.
//!
//! The service model knows SNS in Query alone; the JSON protocol here is what the same members make of it, as newer
//! models of AWS's do with their services.
//!
//! No rule of topics is here: what a caller may do and what it leads to is for the engine.

mod context;
pub(crate) mod fault;
pub mod notification;
pub(crate) mod operation;
pub mod signature;

use posthouse_model::{Action, Reply, Request};

use crate::aws::Refusal;
use crate::protocol::Dialect;
use crate::protocol::form::Form;
use crate::protocol::input::Source;
use crate::protocol::writer::Writer;
pub(crate) use context::Context;
pub(crate) use operation::View;

/// What `X-Amz-Target` may start with.
pub(crate) const TARGET_PREFIXES: [&str; 2] = ["AmazonSimpleNotificationService.", "AmazonSNS."];
/// The version of the service model, which Query requests name.
pub(crate) const VERSION: &str = "2010-03-31";
pub(crate) const DIALECT: Dialect =
    Dialect { namespace: "http://sns.amazonaws.com/doc/2010-03-31/", flattened: false, error_detail: "" };

/// A form as the source of an input: its members have the same names in both protocols.
pub(crate) const fn query<'a>(form: &'a Form<'a>) -> Source<'a> {
    Source::Query(form, &[])
}

/// Reads the input of an action.
pub(crate) fn decode(
    action: Action,
    source: Source<'_>,
    context: &mut Context<'_>,
) -> Result<(Request, View), Refusal> {
    operation::decode(action, source, context)
}

/// Writes the output of an action, where it has one; some have an empty one.
pub(crate) fn output<'a>(action: Action, reply: &'a Reply, view: &'a View) -> Option<impl FnOnce(&mut Writer) + 'a> {
    operation::has_output(action).then_some(move |writer: &mut Writer| operation::encode(writer, action, reply, view))
}

#[cfg(test)]
mod tests;

//! SNS in both protocols: its inputs, its outputs, and what it calls the engine's faults.
//!
//! The service model knows SNS in Query alone; the JSON protocol here is what the same members make of it, as newer
//! models of AWS's do with their services.
//!
//! No rule of topics is here: what a caller may do and what it leads to is for the engine.

mod context;
mod fault;
pub(crate) mod operation;

use posthouse_model::{Reply, Request, Service, SnsAction};

use crate::protocol::Dialect;
use crate::protocol::input::Source;
use crate::protocol::refusal::Refusal;
use crate::protocol::service::ServiceCodec;
use crate::protocol::writer::Writer;
pub(crate) use context::Context;
pub(crate) use operation::View;

/// The version of the service model, which Query requests name.
const VERSION: &str = "2010-03-31";

/// SNS as the front of the crate knows it. Its members have the same names in both protocols.
pub(crate) const SNS: ServiceCodec = ServiceCodec {
    service: Service::Sns,
    target_prefixes: &["AmazonSimpleNotificationService.", "AmazonSNS."],
    version: VERSION,
    query_names: &[],
    dialect: Dialect { namespace: "http://sns.amazonaws.com/doc/2010-03-31/", flattened: false, error_detail: "" },
    row: fault::row,
    message: fault::message,
    entry: |fault, protocol| (fault::row(fault), fault::message(fault, protocol)),
    unknown_action: |name| format!("Could not find operation {name} for version {VERSION}"),
};

/// Reads the input of an action.
pub(crate) fn decode(
    action: SnsAction,
    source: Source<'_>,
    context: &mut Context<'_>,
) -> Result<(Request, View), Refusal> {
    operation::decode(action, source, context)
}

/// Writes the output of an action, where it has one; some have an empty one.
pub(crate) fn output<'a>(action: SnsAction, reply: &'a Reply, view: &'a View) -> Option<impl FnOnce(&mut Writer) + 'a> {
    operation::has_output(action).then_some(move |writer: &mut Writer| operation::encode(writer, action, reply, view))
}

#[cfg(test)]
mod tests;

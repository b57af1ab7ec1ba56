//! The contract: what SQS and SNS promise their callers, as cases that run over each protocol. The cases of SNS are in
//! [`sns`].
//!
//! Rules with long times (retention, the five minutes of deduplication, a rate over a minute) are tested with the
//! engine, where time is an argument.

mod attributes;
mod batches;
mod dead_letters;
mod fairness;
mod fifo;
mod messages;
mod move_tasks;
mod namespaces;
mod permissions;
mod queues;
mod rates;
mod receiving;
pub(crate) mod sns;
mod visibility;

use crate::support::Client;

/// A case: fails by panicking.
pub(crate) type Case = fn(&Client);

/// Defines `CASES`: each case of a suite with its name.
macro_rules! cases {
    ($($case:ident,)*) => {
        pub(crate) const CASES: &[(&str, $crate::contract::Case)] = &[$((stringify!($case), $case),)*];
    };
}
use cases;

/// Every suite of SQS with its cases.
pub(crate) const SUITES: &[(&str, &[(&str, Case)])] = &[
    ("attributes", attributes::CASES),
    ("batches", batches::CASES),
    ("dead_letters", dead_letters::CASES),
    ("fairness", fairness::CASES),
    ("fifo", fifo::CASES),
    ("messages", messages::CASES),
    ("move_tasks", move_tasks::CASES),
    ("namespaces", namespaces::CASES),
    ("permissions", permissions::CASES),
    ("queues", queues::CASES),
    ("rates", rates::CASES),
    ("receiving", receiving::CASES),
    ("visibility", visibility::CASES),
];

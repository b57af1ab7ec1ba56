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

/// How a case runs over the native protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OverNative {
    /// Through links where frames can say what a call says, through calls otherwise.
    Links,
    /// Through calls only.
    Calls,
    /// Not at all.
    No,
}

/// How a case runs over the native protocol.
pub(crate) fn over_native(suite: &str, case: &str) -> OverNative {
    let row = EXCEPTIONS.iter().find(|(of_suite, of_case, ..)| (*of_suite, *of_case) == (suite, case));
    row.map_or(OverNative::Links, |(_, _, over, _)| *over)
}

const HEADER: &str = "it is about a header of the request, and frames have none";
const REGION: &str = "it is about requests without a signature: a connection names its region in its hello";
const WHOLE: &str = "a batch of the AWS API is refused as a whole: each message of a SEND succeeds or fails alone";
const ONE: &str = "code and sentence of an entry are not those of one message: a SEND has one of both";
const NAME: &str = "the target of a link may be a name: what is no ARN is the name of a topic that does not exist";

/// The cases that run otherwise than through links: suite, case, how it runs, reason.
const EXCEPTIONS: &[(&str, &str, OverNative, &str)] = &[
    ("batches", "an_entry_without_its_ids_refuses_a_fifo_batch", OverNative::Calls, WHOLE),
    ("batches", "one_message_and_an_entry_are_refused_in_their_own_words", OverNative::Calls, ONE),
    ("fifo", "a_group_is_required", OverNative::Calls, ONE),
    ("messages", "the_trace_of_a_request_goes_on", OverNative::No, HEADER),
    ("namespaces", "a_url_has_an_account_and_a_name", OverNative::No, HEADER),
    ("namespaces", "an_unsigned_request_means_the_region_of_the_host", OverNative::No, REGION),
    ("queues", "a_queue_is_found_under_its_name", OverNative::No, HEADER),
    ("sns_batches", "a_batch_is_as_large_as_a_message", OverNative::Calls, WHOLE),
    ("sns_batches", "a_fifo_topic_refuses_a_batch_as_a_whole", OverNative::Calls, WHOLE),
    ("sns_batches", "any_other_fault_fails_the_batch", OverNative::Calls, WHOLE),
    ("sns_namespaces", "an_unsigned_request_reaches_every_region", OverNative::No, REGION),
    ("sns_publishing", "exactly_one_target_is_named", OverNative::Calls, NAME),
    ("sns_publishing", "the_trace_of_a_request_goes_on", OverNative::No, HEADER),
    ("sns_sizes", "a_batch_has_the_limit_of_its_topic", OverNative::Calls, WHOLE),
    ("sns_sizes", "a_topic_may_take_less", OverNative::Calls, WHOLE),
    ("sns_topics", "malformed_arns_are_refused", OverNative::Calls, NAME),
];

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

//! `ListQueues` and `ListDeadLetterSourceQueues`.

use crate::limits::LIST_RESULTS_MAX;
use crate::name::{QueueAddress, QueueName};
use crate::ranges::PageSize;

/// Lists the caller's queues in the caller's region, in the order of their names.
#[derive(Clone, Debug, PartialEq)]
pub struct ListQueues {
    /// `QueueNamePrefix`
    pub prefix: Box<str>,
    /// `MaxResults`
    pub results_max: PageSize<LIST_RESULTS_MAX>,
    /// The last name of the page before, from `NextToken`.
    pub after: Option<QueueName>,
}

/// Lists the queues whose `RedrivePolicy` names this queue, in the order of their names.
#[derive(Clone, Debug, PartialEq)]
pub struct ListDeadLetterSourceQueues {
    /// The dead-letter queue.
    pub queue: QueueAddress,
    /// `MaxResults`
    pub results_max: PageSize<LIST_RESULTS_MAX>,
    /// The last name of the page before, from `NextToken`.
    pub after: Option<QueueName>,
}

/// One page of a listing.
#[derive(Clone, Debug, PartialEq)]
pub struct QueuePage {
    /// The queues.
    pub queues: Vec<QueueAddress>,
    /// Whether queues follow on a next page.
    pub more: bool,
}

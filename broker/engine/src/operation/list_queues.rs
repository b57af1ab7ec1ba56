//! `ListQueues` and `ListDeadLetterSourceQueues`.

use std::sync::Arc;

use posthouse_model::limits::LIST_RESULTS_MAX;
use posthouse_model::operation::{ListDeadLetterSourceQueues, ListQueues, QueuePage, Reply};
use posthouse_model::{Action, Caller, PageSize, QueueAddress, QueueName};

use super::{Answered, DecisionResult};
use crate::decision::Decision;
use crate::journal::Position;

pub(super) fn list(decision: &mut Decision<'_>, caller: &Caller, request: &ListQueues) -> DecisionResult {
    let account = decision.authorize_account(caller, Action::ListQueues)?;
    // The listing starts at the first name that can match, also where the client's `NextToken` names an earlier one, so
    // that it walks over no others. A prefix need not be a valid name, so it is compared as text.
    let Some(first) = first_name(&request.prefix) else { return Ok(page(core::iter::empty(), PageSize::ONE)) };
    let name = request.after.clone().map_or_else(|| first.clone(), |after| after.max(first.clone()));
    let start = QueueAddress { region: caller.region.clone(), account, name };
    let queues = decision
        .state()
        .names_from(&start)
        .take_while(|address| address.account == account && address.region == caller.region)
        .filter(|address| request.after.as_ref().is_none_or(|after| address.name > *after))
        .skip_while(|address| address.name.as_str() < &*request.prefix)
        .take_while(|address| address.name.as_str().starts_with(&*request.prefix));
    Ok(page(queues, request.results_max))
}

/// The name that the listing of a prefix starts at: it sorts after no name that begins with the prefix, and no more
/// than one name lies between. `None` if no name begins with the prefix.
fn first_name(prefix: &str) -> Option<QueueName> {
    const FIFO: &str = ".fifo";
    match prefix.split_once('.') {
        // The lowest of all names, in the order of bytes; `-` comes before digits and letters.
        None if prefix.is_empty() => "-".parse().ok(),
        None => prefix.parse().ok(),
        // A name has one period, at the beginning of its suffix.
        Some((stem, _)) if FIFO.starts_with(&prefix[stem.len()..]) => format!("{stem}{FIFO}").parse().ok(),
        Some(_) => None,
    }
}

pub(super) fn sources(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &ListDeadLetterSourceQueues,
) -> DecisionResult {
    let id = decision.authorize_queue(caller, Action::ListDeadLetterSourceQueues, &request.queue)?;
    let queue = decision.queue(id);
    let QueueAddress { region, account, .. } = &*queue.address;
    // A source is of the account and the region of its dead-letter queue.
    let after = request.after.clone().map(|name| QueueAddress { region: region.clone(), account: *account, name });
    let sources = decision.state().sources_of(&queue.address, after.as_ref());
    Ok(page(sources, request.results_max))
}

fn page<'a>(
    mut queues: impl Iterator<Item = &'a Arc<QueueAddress>>,
    results_max: PageSize<LIST_RESULTS_MAX>,
) -> Answered {
    let page = queues.by_ref().take(results_max.get() as usize).map(|address| (**address).clone()).collect();
    let more = queues.next().is_some();
    Answered { reply: Reply::Queues(QueuePage { queues: page, more }), after: Position::ZERO }
}

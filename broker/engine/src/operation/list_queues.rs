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
    // The listing starts at the first name that can match. A prefix need not be a valid name, so it is compared as
    // text.
    let first = request.after.clone().or_else(|| first_name(&request.prefix));
    let Some(name) = first else { return Ok(page(core::iter::empty(), PageSize::ONE)) };
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

/// A name that does not sort after any name that begins with `prefix`.
fn first_name(prefix: &str) -> Option<QueueName> {
    // The lowest of all names, in the order of bytes; `-` comes before digits and letters.
    let stem = prefix.split('.').next().unwrap_or_default();
    if stem.is_empty() { "-".parse().ok() } else { stem.parse().ok() }
}

pub(super) fn sources(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &ListDeadLetterSourceQueues,
) -> DecisionResult {
    let id = decision.authorize_queue(caller, Action::ListDeadLetterSourceQueues, &request.queue)?;
    let queue = decision.queue(id);
    let all = decision.state().sources_of(&queue.address).into_iter().flatten();
    let sources = all.filter(|source| request.after.as_ref().is_none_or(|after| source.name > *after));
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

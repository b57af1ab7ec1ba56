//! Who may do what with which queue.
//!
//! Every user of the account that owns a queue may do everything with it. Everybody else may do what the queue's policy
//! allows; `CreateQueue` and `ListQueues` name no queue and are always about the caller's own account.

use posthouse_model::{AccountId, Action, Caller, Fault, Identity, QueueAddress, QueueId, Timestamp};

use crate::policy::{Decision, Question};
use crate::state::State;

/// The queue at an address, if the caller may do this with it.
pub(crate) fn authorize(
    state: &State,
    caller: &Caller,
    action: Action,
    address: &QueueAddress,
    now: Timestamp,
) -> Result<QueueId, Fault> {
    let found = state.find(address);
    if caller.account() == Some(address.account) {
        return found.ok_or(Fault::QueueDoesNotExist);
    }
    let id = found.ok_or(Fault::QueueDoesNotExist)?;
    let policy = state.get(id).and_then(|queue| queue.policy.as_ref());
    let decision = policy.map(|policy| policy.decide(&Question { caller, action, resource: address, now }));
    match (decision, action) {
        (Some(Decision::Allow), _) => Ok(id),
        // Asking for a URL is how one finds out whether a queue exists.
        (_, Action::GetQueueUrl) => Err(Fault::QueueDoesNotExist),
        _ => Err(denied(caller, action, address)),
    }
}

/// The account that a caller acts for.
pub(crate) fn account(caller: &Caller, action: Action) -> Result<AccountId, Fault> {
    caller.account().ok_or_else(|| {
        Fault::AccessDenied(format!("{} is not authorized to perform: sqs:{action}", Name(&caller.identity)).into())
    })
}

fn denied(caller: &Caller, action: Action, address: &QueueAddress) -> Fault {
    Fault::AccessDenied(
        format!(
            "{} is not authorized to perform: sqs:{action} on resource: {address} because no resource-based policy \
             allows it",
            Name(&caller.identity)
        )
        .into(),
    )
}

struct Name<'a>(&'a Identity);

impl core::fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Identity::Anonymous => f.write_str("An anonymous caller"),
            Identity::User { account, name } if name == "root" => write!(f, "User: arn:aws:iam::{account}:root"),
            Identity::User { account, name } => write!(f, "User: arn:aws:iam::{account}:user/{name}"),
        }
    }
}

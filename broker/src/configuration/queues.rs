//! `[[queues]]`: the queues that the broker creates at its start.
//!
//! Names, attributes and tags are checked here as `CreateQueue` checks them; whether they agree with what exists is
//! for the start to find out.

use std::collections::BTreeSet;

use posthouse_model::attributes::{AttributeChanges, QueueAttributes};
use posthouse_model::operation::Tags;
use posthouse_model::redrive::RedrivePolicy;
use posthouse_model::{AccountId, QueueAddress, QueueAttributeName, QueueName, Region};
use serde_json::Value as Json;
use toml::Spanned;

use super::ConfigurationError;
use super::file::QueueEntry;
use super::layers::out_of_range;
use super::users::{Place, User, account};

/// A queue to create at the start.
#[derive(Clone, Debug, PartialEq)]
pub struct DeclaredQueue {
    /// Where it is.
    pub address: QueueAddress,
    /// The attributes that are not left to their defaults.
    pub attributes: AttributeChanges,
    /// Its tags.
    pub tags: Tags,
}

impl DeclaredQueue {
    /// The queue that its `RedrivePolicy` names.
    fn dead_letter_target(&self) -> Option<QueueAddress> {
        let policy = self.attributes.get(QueueAttributeName::RedrivePolicy)?;
        RedrivePolicy::parse(policy).ok().map(|policy| policy.target)
    }
}

pub(super) fn check(
    place: &Place<'_>,
    entries: Vec<Spanned<QueueEntry>>,
    region: &Region,
    users: &[User],
) -> Result<Vec<DeclaredQueue>, ConfigurationError> {
    let mut queues: Vec<DeclaredQueue> = Vec::with_capacity(entries.len());
    for entry in entries {
        let queue = one(place, entry.get_ref(), region, users)?;
        if queues.iter().any(|other| other.address == queue.address) {
            return Err(place.blame(&entry.get_ref().name, format!("queue {} is declared twice", queue.address)));
        }
        queues.push(queue);
    }
    Ok(targets_first(queues))
}

fn one(
    place: &Place<'_>,
    entry: &QueueEntry,
    region: &Region,
    users: &[User],
) -> Result<DeclaredQueue, ConfigurationError> {
    let name_text = entry.name.get_ref();
    let name: QueueName = name_text.parse().map_err(|_| {
        let allowed = "1 to 80 letters, digits, hyphens and underscores; .fifo at the end of a FIFO queue's";
        place.blame(&entry.name, out_of_range("queues.name", name_text, allowed))
    })?;
    let region = match &entry.region {
        None => region.clone(),
        Some(text) => text.get_ref().parse().map_err(|_| {
            let allowed = "1 to 32 lower-case letters, digits and hyphens";
            place.blame(text, out_of_range("queues.region", text.get_ref(), allowed))
        })?,
    };
    let account = match &entry.account {
        Some(text) => account(place, "queues.account", text)?,
        None => only_account(users).ok_or_else(|| {
            let message = format!("queue {name} needs an `account`, since the users belong to several");
            place.blame(&entry.name, message)
        })?,
    };
    let refused = |fault: posthouse_model::Fault| place.blame(&entry.name, format!("queue {name}: {fault}"));
    let texts: Vec<(&str, String)> = entry
        .attributes
        .iter()
        .map(|(attribute, value)| (attribute.as_str(), attribute_text(value.get_ref())))
        .collect();
    let pairs = || texts.iter().map(|(attribute, value)| (*attribute, value.as_str()));
    for (attribute, value) in pairs() {
        // One at a time first, so that the line of the attribute is named; FIFO attributes need their company.
        let alone = AttributeChanges::parse([(attribute, value)]);
        alone.map_err(|fault| place.blame(&entry.attributes[attribute], format!("queue {name}: {fault}")))?;
    }
    let attributes = AttributeChanges::parse(pairs()).map_err(refused)?;
    attributes.apply(&QueueAttributes::default()).map_err(refused)?;
    if name.is_fifo() != attributes.get(QueueAttributeName::FifoQueue).is_some_and(|v| v.eq_ignore_ascii_case("true")) {
        let message = format!("queue {name}: a name ends in .fifo exactly where FifoQueue is true");
        return Err(place.blame(&entry.name, message));
    }
    let tags = entry.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let tags = Tags::parse(tags).map_err(refused)?;
    Ok(DeclaredQueue { address: QueueAddress { region, account, name }, attributes, tags })
}

/// The account that all users belong to; `000000000000` where there are none.
fn only_account(users: &[User]) -> Option<AccountId> {
    let accounts: BTreeSet<_> = users.iter().map(|user| user.account).collect();
    match accounts.len() {
        0 => Some(AccountId::DEFAULT),
        1 => accounts.first().copied(),
        _ => None,
    }
}

fn attribute_text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The same queues, each after the one that its `RedrivePolicy` names. Where they name each other in a circle the
/// order of the file stays, and the start says which one is missing.
fn targets_first(queues: Vec<DeclaredQueue>) -> Vec<DeclaredQueue> {
    let mut waiting = queues;
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let names: BTreeSet<_> = waiting.iter().map(|queue| queue.address.clone()).collect();
        let waits = |queue: &DeclaredQueue| queue.dead_letter_target().is_some_and(|target| names.contains(&target));
        let (still_waiting, free): (Vec<_>, Vec<_>) = waiting.into_iter().partition(waits);
        waiting = if free.is_empty() {
            ordered.extend(still_waiting);
            Vec::new()
        } else {
            ordered.extend(free);
            still_waiting
        };
    }
    ordered
}

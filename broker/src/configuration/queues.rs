//! `[[queues]]`: the queues that the broker creates at its start.
//!
//! Names, attributes and tags are checked here as `CreateQueue` checks them. The start checks whether they agree with
//! the queues that exist (`declare`).

use std::collections::BTreeSet;

use posthouse_model::attributes::{AttributeChanges, QueueAttributes};
use posthouse_model::operation::Tags;
use posthouse_model::redrive::RedrivePolicy;
use posthouse_model::{Fault, QueueAddress, QueueAttributeName, QueueName};
use toml::Spanned;

use super::ConfigurationError;
use super::declared::{Declaration, Home, attribute_texts, pairs};
use super::file::QueueEntry;
use super::layers::out_of_range;
use super::users::Place;

/// A queue to create at the start.
#[derive(Clone, Debug, PartialEq)]
pub struct DeclaredQueue {
    /// Its region, account and name.
    pub address: QueueAddress,
    /// The attributes that differ from their defaults.
    pub attributes: AttributeChanges,
    /// Its tags.
    pub tags: Tags,
}

impl DeclaredQueue {
    /// The queue that its `RedrivePolicy` names.
    #[must_use]
    pub fn dead_letter_target(&self) -> Option<QueueAddress> {
        let policy = self.attributes.get(QueueAttributeName::RedrivePolicy)?;
        RedrivePolicy::parse(policy).ok().map(|policy| policy.target)
    }
}

pub(super) fn check(
    place: &Place<'_>,
    entries: Vec<Spanned<QueueEntry>>,
    home: &Home<'_>,
) -> Result<Vec<DeclaredQueue>, ConfigurationError> {
    let mut queues: Vec<DeclaredQueue> = Vec::with_capacity(entries.len());
    for entry in entries {
        let queue = one(place, entry.get_ref(), home)?;
        if queues.iter().any(|other| other.address == queue.address) {
            return Err(place.blame(&entry.get_ref().name, format!("queue {} is declared twice", queue.address)));
        }
        queues.push(queue);
    }
    Ok(targets_first(queues))
}

fn one(place: &Place<'_>, entry: &QueueEntry, home: &Home<'_>) -> Result<DeclaredQueue, ConfigurationError> {
    let QueueEntry { name, account, region, .. } = entry;
    let declaration = Declaration { what: "queue", name, account: account.as_ref(), region: region.as_ref() };
    let name: QueueName = name.get_ref().parse().map_err(|_| {
        let allowed = "1 to 80 letters, digits, hyphens and underscores; .fifo at the end of a FIFO queue's";
        place.blame(name, out_of_range("queues.name", name.get_ref(), allowed))
    })?;
    let (region, account) = declaration.whereabouts(place, home)?;
    // FIFO attributes need their company, and are checked all together further down.
    let alone = |name: &str, value: &str| AttributeChanges::parse([(name, value)]).map(drop);
    let texts = attribute_texts(place, &format!("queue {name}"), &entry.attributes, alone)?;
    let refused = |fault: Fault| declaration.refused(place, posthouse_aws::fault_message(&fault));
    let attributes = AttributeChanges::parse(pairs(&texts)).map_err(refused)?;
    attributes.apply(&QueueAttributes::default()).map_err(refused)?;
    if name.is_fifo() != attributes.get(QueueAttributeName::FifoQueue).is_some_and(|v| v.eq_ignore_ascii_case("true")) {
        return Err(declaration.refused(place, "a name ends in .fifo exactly where FifoQueue is true"));
    }
    let tags = entry.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let tags = Tags::parse(tags).map_err(refused)?;
    Ok(DeclaredQueue { address: QueueAddress { region, account, name }, attributes, tags })
}

/// The same queues, each after the one that its `RedrivePolicy` names. Queues that name each other in a circle keep the
/// order of the file, and the start fails with the one that is missing.
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

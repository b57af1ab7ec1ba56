//! A filter policy that was parsed before the engine decides about it.
//!
//! A policy of 256 KiB takes some milliseconds to parse. So the thread that submits a request which sets one, or which
//! puts one into force, parses it ([`PreparedCall`](crate::PreparedCall)), and the engine takes the result if it is that of
//! the text and the scope that it needs. Otherwise the engine parses the policy itself. The outcome is the same.
//!
//! Invariant: all [`ParsedFilter`]s of one engine take [`PARSED_FILTERS_BYTES_MAX`] bytes of memory at most.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use posthouse_filter::{Dialect, Policy as FilterPolicy, Scope};
use posthouse_model::SubscriptionAttributes;
use posthouse_model::fault::FilterProblem;
use posthouse_model::topic_attributes::{FilterPolicyScope, FilterPolicyText};

/// Bytes that the policies of requests on their way to the engine take: six of the longest and costliest ones.
pub const PARSED_FILTERS_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Bytes of memory of a parsed policy for each byte of its text, at most.
const FACTOR: u64 = 20;

/// The memory that the policies of requests take which are on their way.
#[derive(Debug, Default)]
pub(crate) struct ParsedBytes(AtomicU64);

/// The memory of one policy. Dropping it gives it back.
#[derive(Debug)]
struct Room {
    all: Arc<ParsedBytes>,
    bytes: u64,
}

impl Room {
    /// Room for the policy of a text. `None` if there is none.
    fn take(all: &Arc<ParsedBytes>, text: &FilterPolicyText) -> Option<Self> {
        let room = Self { all: Arc::clone(all), bytes: text.as_str().len() as u64 * FACTOR };
        // If it is too much, dropping it gives it back.
        let before = all.0.fetch_add(room.bytes, Ordering::Relaxed);
        (before + room.bytes <= PARSED_FILTERS_BYTES_MAX).then_some(room)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.all.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A filter policy with what parsing it has given.
#[derive(Debug)]
pub(crate) struct ParsedFilter {
    text: FilterPolicyText,
    scope: Scope,
    parsed: Result<FilterPolicy, FilterProblem>,
    _room: Room,
}

impl ParsedFilter {
    /// Parses a policy. `None` if there is no room for another.
    pub(crate) fn new(text: &FilterPolicyText, scope: Scope, all: &Arc<ParsedBytes>) -> Option<Self> {
        let room = Room::take(all, text)?;
        let parsed = FilterPolicy::parse(text.as_str(), scope, Dialect::Sns);
        Some(Self { text: text.clone(), scope, parsed, _room: room })
    }

    /// The policy of attributes, if it is this one.
    fn of(&self, text: &FilterPolicyText, scope: Scope) -> Option<Result<FilterPolicy, FilterProblem>> {
        (self.scope == scope && self.text == *text).then(|| self.parsed.clone())
    }
}

/// The filter policy of attributes, if they have one. It is parsed unless `before` is it.
///
/// # Errors
/// What is wrong with it. That of a stored subscription can be wrong: see `Subscription::filter`.
pub(crate) fn parse_filter(
    attributes: &SubscriptionAttributes,
    before: Option<&ParsedFilter>,
) -> Result<Option<FilterPolicy>, FilterProblem> {
    let Some(text) = attributes.filter_policy() else { return Ok(None) };
    let scope = scope(attributes.filter_policy_scope());
    let parsed = before.and_then(|before| before.of(text, scope));
    parsed.unwrap_or_else(|| FilterPolicy::parse(text.as_str(), scope, Dialect::Sns)).map(Some)
}

/// What a policy of a subscription looks at.
pub(crate) const fn scope(of: FilterPolicyScope) -> Scope {
    match of {
        FilterPolicyScope::MessageAttributes => Scope::MessageAttributes,
        FilterPolicyScope::MessageBody => Scope::MessageBody,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_policies_on_their_way_is_bounded() {
        let all = Arc::new(ParsedBytes::default());
        let text = format!("{{\"a\":[\"{}\"]}}", "x".repeat(255 * 1024));
        let pairs = [("FilterPolicy", text.as_str())];
        let attributes = SubscriptionAttributes::parse(pairs).expect("valid");
        let text = attributes.filter_policy().expect("it is set");
        let parsed: Vec<_> =
            core::iter::from_fn(|| ParsedFilter::new(text, Scope::MessageBody, &all)).take(10).collect();
        assert_eq!(parsed.len(), 6);
        drop(parsed);
        assert!(ParsedFilter::new(text, Scope::MessageBody, &all).is_some(), "their room is given back");
    }
}

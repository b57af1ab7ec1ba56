//! Actions as policies name them: sets of actions, the action that a batch is evaluated as, and the actions that no
//! policy can grant to another account.

use posthouse_model::{Action, Service};

use crate::pattern::Pattern;

/// A set of actions, one bit each. Patterns are resolved to sets when the policy is parsed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ActionSet(u128);

const _: () = assert!(Action::ALL.len() <= u128::BITS as usize, "one bit for each action");

impl ActionSet {
    pub(crate) const fn contains(self, action: Action) -> bool {
        self.0 & Self::bit(action) != 0
    }

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Every action that is not in the set.
    pub(crate) const fn complement(self) -> Self {
        Self(!self.0)
    }

    /// The actions of a service that a pattern without its `sqs:` or `sns:` matches, in any case. `None` where it has
    /// no wildcard and names no action that policies know.
    pub(crate) fn matching(service: Service, pattern: &str) -> Option<Self> {
        let lower = pattern.to_ascii_lowercase();
        let matcher = Pattern::new(&lower);
        let matched = Action::ALL
            .iter()
            .filter(|&&action| {
                action.service() == service
                    && authorized_as(action) == action
                    && matcher.matches(&action.as_str().to_ascii_lowercase())
            })
            .fold(Self::default(), |set, &action| Self(set.0 | Self::bit(action)));
        // SNS's default policies once named `SNS:Receive`, which is no action of its API.
        let known = matched != Self::default() || (service == Service::Sns && lower == "receive");
        (known || lower.contains(['*', '?'])).then_some(matched)
    }

    /// Whether every action in the set is only the owner's.
    pub(crate) fn is_owners(self) -> bool {
        Action::ALL.iter().all(|&action| !self.contains(action) || is_owners(action))
    }

    const fn bit(action: Action) -> u128 {
        1 << action as u32
    }
}

/// The action whose permission a call needs: a batch needs that of its entries.
#[must_use]
pub const fn authorized_as(action: Action) -> Action {
    match action {
        Action::ChangeMessageVisibilityBatch => Action::ChangeMessageVisibility,
        Action::DeleteMessageBatch => Action::DeleteMessage,
        Action::SendMessageBatch => Action::SendMessage,
        Action::PublishBatch => Action::Publish,
        single => single,
    }
}

/// Whether AWS lets only the owner's account call the action, whatever the policy says.
pub(crate) const fn is_owners(action: Action) -> bool {
    match action.service() {
        Service::Sqs => is_queue_owners(action),
        Service::Sns => !matches!(
            action,
            Action::AddTopicPermission
                | Action::DeleteTopic
                | Action::GetDataProtectionPolicy
                | Action::GetTopicAttributes
                | Action::ListSubscriptionsByTopic
                | Action::ListTagsForResource
                | Action::Publish
                | Action::PublishBatch
                | Action::PutDataProtectionPolicy
                | Action::RemoveTopicPermission
                | Action::SetTopicAttributes
                | Action::Subscribe
        ),
        // Actions of push and of the admin listener, which only the broker calls, and those of the native protocol, which
        // are authorized as others.
        Service::Push | Service::Admin | Service::Native => true,
    }
}

const fn is_queue_owners(action: Action) -> bool {
    !matches!(
        action,
        Action::ChangeMessageVisibility
            | Action::ChangeMessageVisibilityBatch
            | Action::DeleteMessage
            | Action::DeleteMessageBatch
            | Action::GetQueueAttributes
            | Action::GetQueueUrl
            | Action::ListDeadLetterSourceQueues
            | Action::PurgeQueue
            | Action::ReceiveMessage
            | Action::SendMessage
            | Action::SendMessageBatch
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_resolve_to_actions() {
        let names = |pattern| {
            ActionSet::matching(Service::Sqs, pattern).map(|set| {
                Action::ALL
                    .iter()
                    .filter(|&&action| set.contains(action))
                    .map(|action| action.as_str())
                    .collect::<Vec<_>>()
            })
        };
        for (pattern, expected) in [
            ("sendmessage", Some(vec!["SendMessage"])),
            ("*Message", Some(vec!["DeleteMessage", "ReceiveMessage", "SendMessage"])),
            ("Get*", Some(vec!["GetQueueAttributes", "GetQueueUrl"])),
            ("?endMessage", Some(vec!["SendMessage"])),
            ("Peek*", Some(vec![])),
            ("SendMessageBatch", None),
            ("PeekMessage", None),
            ("", None),
        ] {
            assert_eq!(names(pattern), expected, "{pattern}");
        }
        for service in [Service::Sqs, Service::Sns] {
            let all = ActionSet::matching(service, "*").expect("a wildcard");
            assert!(
                Action::ALL.iter().all(|&action| all.contains(authorized_as(action)) == (action.service() == service))
            );
        }
        // Both services have an action of this name.
        let add = ActionSet::matching(Service::Sns, "AddPermission").expect("known");
        assert!(add.contains(Action::AddTopicPermission) && !add.contains(Action::AddPermission));
        assert_eq!(ActionSet::matching(Service::Sns, "receive"), Some(ActionSet::default()));
        assert_eq!(ActionSet::matching(Service::Sqs, "receive"), None);
    }
}

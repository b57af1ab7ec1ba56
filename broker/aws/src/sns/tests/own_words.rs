//! The sentences of the faults that only SNS has, word for word. Clients match on them.

use posthouse_model::fault::{
    Denial, Denied, FilterPolicyLimit, Grant, PolicyType, SnsMissing, SnsResource, SubscriptionLimit, TopicLimit,
    UserError,
};
use posthouse_model::{Identity, SnsFault};

use crate::fault_message;

fn check(table: impl IntoIterator<Item = (SnsFault, &'static str)>) {
    for (fault, sentence) in table {
        assert_eq!(fault_message(&fault.into()), sentence);
    }
}

#[test]
fn faults() {
    check([
        (SnsFault::EndpointDisabled, "Endpoint is disabled"),
        (
            SnsFault::FilterPolicyLimitExceeded(FilterPolicyLimit::Policies { max: 200 }),
            "A topic can have at most 200 filter policies.",
        ),
        (
            SnsFault::FilterPolicyLimitExceeded(FilterPolicyLimit::TopicBytes { max: 200 }),
            "The filter policies of a topic can take at most 200 bytes of memory.",
        ),
        (
            SnsFault::FilterPolicyLimitExceeded(FilterPolicyLimit::AccountBytes { max: 200 }),
            "The filter policies of an account can take at most 200 bytes of memory.",
        ),
        (SnsFault::NotFound(SnsResource::Topic), "Topic does not exist"),
        (SnsFault::NotFound(SnsResource::Subscription), "Subscription does not exist"),
        (SnsFault::NotFound(SnsResource::PlatformApplication), "PlatformApplication does not exist"),
        (SnsFault::NotFound(SnsResource::Endpoint), "Endpoint does not exist"),
        (SnsFault::OptedOut, "The phone number is opted out"),
        (SnsFault::PlatformApplicationDisabled, "Platform application is disabled"),
        (SnsFault::ResourceNotFound(SnsMissing::Tagged), "Resource does not exist"),
        (SnsFault::ResourceNotFound(SnsMissing::SandboxNumber), "The phone number is not in the SMS sandbox"),
        (
            SnsFault::SubscriptionLimitExceeded(SubscriptionLimit::Topic { max: 100 }),
            "A topic can have at most 100 subscriptions.",
        ),
        (
            SnsFault::SubscriptionLimitExceeded(SubscriptionLimit::Queues),
            "No more subscriptions or FIFO topics can be made in this data directory.",
        ),
        (SnsFault::TagLimitExceeded, "Could not complete request: tag quota of per resource exceeded"),
        (
            SnsFault::TopicLimitExceeded(TopicLimit::Region { max: 7 }),
            "An account can have at most 7 topics in a region.",
        ),
        (SnsFault::TopicLimitExceeded(TopicLimit::Account { max: 7 }), "An account can have at most 7 topics."),
        (
            SnsFault::SubscriptionLimitExceeded(SubscriptionLimit::Account { max: 7 }),
            "An account can own at most 7 subscriptions.",
        ),
        (SnsFault::UserError(UserError::AlreadyVerified), "The phone number is already verified"),
        (SnsFault::UserError(UserError::SandboxFull { max: 10 }), "An SMS sandbox has at most 10 phone numbers"),
        (SnsFault::Verification, "The one-time password is not the one that was sent"),
    ]);
}

#[test]
fn denied_calls() {
    let denied = |name: &str, resource: Option<&str>, grant| {
        SnsFault::AuthorizationError(Denied::NotGranted(Box::new(Denial {
            caller: Identity::user("123456789012".parse().expect("valid"), name),
            action: "Publish",
            resource: resource.map(Into::into),
            grant,
        })))
    };
    check([
        (SnsFault::AuthorizationError(Denied::NoAccount), "An unsigned request may not call this action."),
        (
            SnsFault::AuthorizationError(Denied::NotBroker { action: "SettlePushes" }),
            "Only the broker may call SettlePushes.",
        ),
        (
            denied("alice", None, Grant::OwnersOnly),
            "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: SNS:Publish",
        ),
        (
            denied("root", Some("arn"), Grant::OwnersOnly),
            "User: arn:aws:iam::123456789012:root is not authorized to perform: SNS:Publish on resource: arn",
        ),
        (
            denied("alice", Some("arn"), Grant::NotAllowed(PolicyType::Resource)),
            "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: SNS:Publish on resource: arn because no resource-based policy allows the SNS:Publish action",
        ),
        (
            denied("alice", Some("arn"), Grant::Denied(PolicyType::Resource)),
            "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: SNS:Publish on resource: arn with an explicit deny in a resource-based policy",
        ),
        (
            denied("alice", Some("arn"), Grant::NotAllowed(PolicyType::Identity)),
            "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: SNS:Publish on resource: arn because no identity-based policy allows the SNS:Publish action",
        ),
        (
            denied("alice", Some("arn"), Grant::Denied(PolicyType::Identity)),
            "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: SNS:Publish on resource: arn with an explicit deny in an identity-based policy",
        ),
    ]);
}

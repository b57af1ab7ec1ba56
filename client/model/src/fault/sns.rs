//! What only SNS says. What both services say alike (batches, no room, no permission) is in [`super::Fault`].

use super::{Denied, Fault, InvalidMessageAttribute, InvalidParameter, Origin, Rule, Violation};

/// Why SNS refuses a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnsFault {
    /// `AuthorizationError`: the caller may not do this with this resource.
    AuthorizationError(Denied),
    /// `EndpointDisabled`: a publish to a platform endpoint that is not enabled.
    EndpointDisabled,
    /// `FilterPolicyLimitExceeded`: there is no room for a filter policy.
    FilterPolicyLimitExceeded(FilterPolicyLimit),
    /// `InvalidParameter`
    InvalidParameter(Box<InvalidParameter>),
    /// `ParameterValueInvalid`: an attribute of a message breaks its rule.
    ParameterValueInvalid(Box<InvalidMessageAttribute>),
    /// `NotFound`: a topic, a subscription, a platform application or an endpoint does not exist.
    NotFound(SnsResource),
    /// `OptedOut`: the phone number does not want messages.
    OptedOut,
    /// `PlatformApplicationDisabled`
    PlatformApplicationDisabled,
    /// `ResourceNotFound`: a tagged resource or a sandbox phone number does not exist.
    ResourceNotFound(SnsMissing),
    /// `SubscriptionLimitExceeded`
    SubscriptionLimitExceeded(SubscriptionLimit),
    /// `TagLimitExceeded`
    TagLimitExceeded,
    /// `TopicLimitExceeded`
    TopicLimitExceeded(TopicLimit),
    /// `UserError`: a request that makes no sense for the resource's state.
    UserError(UserError),
    /// `ValidationException`: a value outside of the shape that the service model gives it.
    Validation(Box<Violation>),
    /// `VerificationException`: the one-time password is not the one that was sent.
    Verification,
}

/// A resource of SNS's that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnsResource {
    /// A topic.
    Topic,
    /// A subscription.
    Subscription,
    /// A platform application.
    PlatformApplication,
    /// A platform endpoint.
    Endpoint,
}

/// What `ResourceNotFound` is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnsMissing {
    /// The resource whose tags are asked for.
    Tagged,
    /// A phone number of the SMS sandbox.
    SandboxNumber,
}

/// Which bound of filter policies is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterPolicyLimit {
    /// The number of those of a topic.
    Policies {
        /// How many a topic may have.
        max: usize,
    },
    /// The memory of those of a topic.
    TopicBytes {
        /// How many bytes they may take.
        max: u64,
    },
    /// The memory of those of all subscriptions that an account owns.
    AccountBytes {
        /// How many bytes they may take.
        max: u64,
    },
}

/// Which number of subscriptions is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionLimit {
    /// That of a topic.
    Topic {
        /// How many a topic of its type may have.
        max: usize,
    },
    /// What the operator lets an account own.
    Account {
        /// How many an account may own.
        max: u64,
    },
    /// The numbers for queues of a data directory, of which each subscription and FIFO topic takes one.
    Queues,
}

/// Which number of topics is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicLimit {
    /// That of an account in a region.
    Region {
        /// How many an account may have in a region.
        max: usize,
    },
    /// What the operator lets an account have, in all regions together.
    Account {
        /// How many an account may have.
        max: u64,
    },
}

/// Why a request makes no sense for the state of its resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserError {
    /// The sandbox number is verified already.
    AlreadyVerified,
    /// The sandbox is full.
    SandboxFull {
        /// How many numbers it may have.
        max: usize,
    },
}

impl SnsFault {
    /// The fault's name, for logs and metrics: that of its variant.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AuthorizationError(_) => "AuthorizationError",
            Self::EndpointDisabled => "EndpointDisabled",
            Self::FilterPolicyLimitExceeded(_) => "FilterPolicyLimitExceeded",
            Self::InvalidParameter(_) => "InvalidParameter",
            Self::ParameterValueInvalid(_) => "ParameterValueInvalid",
            Self::NotFound(_) => "NotFound",
            Self::OptedOut => "OptedOut",
            Self::PlatformApplicationDisabled => "PlatformApplicationDisabled",
            Self::ResourceNotFound(_) => "ResourceNotFound",
            Self::SubscriptionLimitExceeded(_) => "SubscriptionLimitExceeded",
            Self::TagLimitExceeded => "TagLimitExceeded",
            Self::TopicLimitExceeded(_) => "TopicLimitExceeded",
            Self::UserError(_) => "UserError",
            Self::Validation(_) => "Validation",
            Self::Verification => "Verification",
        }
    }

    /// A parameter that breaks a rule.
    #[must_use]
    pub fn invalid(origin: impl Into<Origin>, rule: Rule) -> Fault {
        Self::InvalidParameter(Box::new(InvalidParameter { origin: origin.into(), rule })).into()
    }

    /// A resource that does not exist.
    #[must_use]
    pub const fn not_found(resource: SnsResource) -> Fault {
        Fault::Sns(Self::NotFound(resource))
    }
}

impl From<SnsFault> for Fault {
    fn from(fault: SnsFault) -> Self {
        Self::Sns(fault)
    }
}

//! What only SNS says. What both services say alike (batches, no room, no permission) is in [`super::Fault`].

use core::fmt;

use super::Fault;

/// Why SNS refuses a request. Each bears the message that the caller reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnsFault {
    /// `AuthorizationError`: the caller may not do this with this resource.
    AuthorizationError(Box<str>),
    /// `EndpointDisabled`: a publish to a platform endpoint that is not enabled.
    EndpointDisabled(Box<str>),
    /// `FilterPolicyLimitExceeded`: a topic has as many filter policies as it may.
    FilterPolicyLimitExceeded(Box<str>),
    /// `InvalidParameter`
    InvalidParameter(Box<str>),
    /// `ParameterValueInvalid`: an attribute of a message breaks its rule.
    ParameterValueInvalid(Box<str>),
    /// `NotFound`: a topic, a subscription, a platform application or an endpoint does not exist.
    NotFound(Box<str>),
    /// `OptedOut`: the phone number does not want messages.
    OptedOut(Box<str>),
    /// `PlatformApplicationDisabled`
    PlatformApplicationDisabled(Box<str>),
    /// `ResourceNotFound`: a tagged resource or a sandbox phone number does not exist.
    ResourceNotFound(Box<str>),
    /// `SubscriptionLimitExceeded`
    SubscriptionLimitExceeded(Box<str>),
    /// `TagLimitExceeded`
    TagLimitExceeded,
    /// `TopicLimitExceeded`
    TopicLimitExceeded(Box<str>),
    /// `UserError`: a request that makes no sense for the resource's state.
    UserError(Box<str>),
    /// `ValidationException`: a value outside of the shape that the service model gives it.
    Validation(Box<str>),
    /// `VerificationException`: the one-time password is not the one that was sent.
    Verification(Box<str>),
}

impl SnsFault {
    /// `Invalid parameter: WHAT`
    #[must_use]
    pub fn invalid_parameter(what: &str) -> Fault {
        Self::InvalidParameter(format!("Invalid parameter: {what}").into()).into()
    }

    /// `Invalid parameter: PARAMETER`: it is missing or malformed, and there is nothing more to say.
    #[must_use]
    pub fn invalid(parameter: &str) -> Fault {
        Self::invalid_parameter(parameter)
    }

    /// `Invalid parameter: PARAMETER Reason: REASON`
    #[must_use]
    pub fn invalid_because(parameter: &str, reason: &str) -> Fault {
        Self::InvalidParameter(format!("Invalid parameter: {parameter} Reason: {reason}").into()).into()
    }

    /// A resource that does not exist: `Topic does not exist`, for instance.
    #[must_use]
    pub fn not_found(what: &str) -> Fault {
        Self::NotFound(format!("{what} does not exist").into()).into()
    }
}

impl From<SnsFault> for Fault {
    fn from(fault: SnsFault) -> Self {
        Self::Sns(fault)
    }
}

impl fmt::Display for SnsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TagLimitExceeded => f.write_str("Could not complete request: tag quota of per resource exceeded"),
            Self::AuthorizationError(message)
            | Self::EndpointDisabled(message)
            | Self::FilterPolicyLimitExceeded(message)
            | Self::InvalidParameter(message)
            | Self::ParameterValueInvalid(message)
            | Self::NotFound(message)
            | Self::OptedOut(message)
            | Self::PlatformApplicationDisabled(message)
            | Self::ResourceNotFound(message)
            | Self::SubscriptionLimitExceeded(message)
            | Self::TopicLimitExceeded(message)
            | Self::UserError(message)
            | Self::Validation(message)
            | Self::Verification(message) => f.write_str(message),
        }
    }
}

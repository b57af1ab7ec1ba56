//! The protocols that the broker speaks. Each case of the contract runs over all of them.

use serde_json::Value;

use super::client::Refusal;
use super::http::Pool;
use super::json_protocol::Json;
use super::query_protocol::Query;
use super::signature::Credentials;

/// A service, which every protocol reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Sqs,
    Sns,
}

impl Service {
    /// The service's name in a signature's scope.
    pub(crate) const fn scope(self) -> &'static str {
        match self {
            Self::Sqs => "sqs",
            Self::Sns => "sns",
        }
    }

    /// The `Version` of the Query protocol.
    pub(crate) const fn version(self) -> &'static str {
        match self {
            Self::Sqs => "2012-11-05",
            Self::Sns => "2010-03-31",
        }
    }

    /// The part of `X-Amz-Target` before the action.
    pub(crate) const fn target(self) -> &'static str {
        match self {
            Self::Sqs => "AmazonSQS",
            Self::Sns => "AmazonSimpleNotificationService",
        }
    }
}

/// A protocol: sends an input in the service model's JSON shape to the broker, and returns the output in that shape.
pub(crate) trait Protocol: Send + Sync {
    /// The protocol's name in the names of cases.
    fn name(&self) -> &'static str;

    /// Calls an action. Panics if the answer is not well formed.
    fn call(
        &self,
        server: &Pool,
        credentials: Option<&Credentials>,
        service: Service,
        action: &str,
        input: &Value,
    ) -> Result<Value, Refusal>;
}

/// Every protocol.
pub(crate) const PROTOCOLS: &[&dyn Protocol] = &[&Json, &Query];

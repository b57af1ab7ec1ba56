//! The protocols that the broker speaks. Each case of the contract runs over all of them.

use serde_json::Value;

use super::client::Refusal;
use super::http::{Request, Response};
use super::json_protocol::Json;
use super::query_protocol::Query;

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

/// A protocol: writes an input of the service model's JSON shape as a request, and reads an answer as an output of that
/// shape.
pub(crate) trait Protocol: Send + Sync {
    /// The protocol's name in the names of cases.
    fn name(&self) -> &'static str;

    /// An unsigned request for an action.
    fn request(&self, service: Service, action: &str, input: &Value) -> Request;

    /// The output or the refusal in the answer to an action. Panics if the answer is not well formed.
    #[track_caller]
    fn answer(&self, service: Service, action: &str, response: &Response) -> Result<Value, Refusal>;
}

/// Every protocol.
pub(crate) const PROTOCOLS: &[&dyn Protocol] = &[&Json, &Query];

//! A door of the broker: one protocol. The contract's cases run over every one.

use serde_json::Value;

use super::client::Refusal;
use super::http::Pool;
use super::json_door::Json;
use super::query_door::Query;
use super::signature::Credentials;

/// A service that is behind every door.
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

    /// What stands before the action in `X-Amz-Target`.
    pub(crate) const fn target(self) -> &'static str {
        match self {
            Self::Sqs => "AmazonSQS",
            Self::Sns => "AmazonSimpleNotificationService",
        }
    }
}

/// One protocol: carries the service model's shapes, as JSON values, to the broker and back.
pub(crate) trait Door: Send + Sync {
    /// Its name in the names of cases.
    fn name(&self) -> &'static str;

    /// Calls an action; fails the case where the answer is not well formed.
    fn call(
        &self,
        server: &Pool,
        credentials: Option<&Credentials>,
        service: Service,
        action: &str,
        input: &Value,
    ) -> Result<Value, Refusal>;
}

/// Every door.
pub(crate) const DOORS: &[&dyn Door] = &[&Json, &Query];

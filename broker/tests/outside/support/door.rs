//! A door of the broker: one protocol. The contract's cases run over every one.

use serde_json::Value;

use super::client::Refusal;
use super::http::Pool;
use super::json_door::Json;
use super::query_door::Query;
use super::signature::Credentials;

/// One protocol: carries the service model's shapes, as JSON values, to the broker and back.
pub(crate) trait Door: Send + Sync {
    /// Its name in the names of cases.
    fn name(&self) -> &'static str;

    /// Calls an action; fails the case where the answer is not well formed.
    fn call(
        &self,
        server: &Pool,
        credentials: Option<&Credentials>,
        action: &str,
        input: &Value,
    ) -> Result<Value, Refusal>;
}

/// Every door.
pub(crate) const DOORS: &[&dyn Door] = &[&Json, &Query];

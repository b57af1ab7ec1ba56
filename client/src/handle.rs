//! What every handle of a client shares: the client lives as long as one of them.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::calls::Calls;
use crate::connection::Registry;
use crate::error::{Error, ErrorKind, Result};

/// Ends the client when the last handle is dropped: what was begun is finished, and the connection is closed.
pub(crate) struct Handle {
    registry: Arc<Registry>,
    calls: Arc<Calls>,
}

impl Handle {
    pub(crate) fn new(registry: Arc<Registry>, calls: Arc<Calls>) -> Self {
        Self { registry, calls }
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Makes a call, with parameters and an output in JSON.
    ///
    /// # Errors
    ///
    /// Those of [`Calls::call`].
    pub(crate) async fn call(&self, operation: &str, parameters: Value) -> Result<Value> {
        let output = self.calls.call(operation, Bytes::from(parameters.to_string())).await?;
        serde_json::from_slice(&output).map_err(|error| {
            Error::with_source(ErrorKind::Protocol, format!("the output of {operation} is no JSON: {error}"), error)
        })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.registry.close();
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

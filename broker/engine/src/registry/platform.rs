//! Platform applications and their endpoints.
//!
//! An application owns its endpoints and knows them by token: a device registers again and again, and each time it is
//! the same endpoint.

use core::ops::Bound::{Excluded, Unbounded};
use std::collections::BTreeMap;
use std::sync::Arc;

use posthouse_model::{ApplicationAttributes, EndpointAttributes, EndpointId};

use crate::malformed::Malformed;

/// A platform application.
#[derive(Debug)]
pub(crate) struct PlatformApplication {
    attributes: ApplicationAttributes,
    endpoints: BTreeMap<EndpointId, EndpointAttributes>,
    tokens: BTreeMap<Arc<str>, EndpointId>,
}

impl PlatformApplication {
    /// An application without endpoints.
    pub(super) const fn new(attributes: ApplicationAttributes) -> Self {
        Self { attributes, endpoints: BTreeMap::new(), tokens: BTreeMap::new() }
    }

    pub(crate) const fn attributes(&self) -> &ApplicationAttributes {
        &self.attributes
    }

    pub(super) fn set_attributes(&mut self, attributes: &ApplicationAttributes) {
        self.attributes.clone_from(attributes);
    }

    /// Whether it takes messages.
    pub(crate) fn is_enabled(&self) -> bool {
        self.attributes.is_enabled()
    }

    pub(crate) fn endpoint(&self, id: EndpointId) -> Option<&EndpointAttributes> {
        self.endpoints.get(&id)
    }

    /// How many endpoints it has.
    pub(crate) fn endpoint_count(&self) -> usize {
        self.endpoints.len()
    }

    /// The endpoint that has a token.
    pub(crate) fn with_token(&self, token: &str) -> Option<EndpointId> {
        self.tokens.get(token).copied()
    }

    /// Its endpoints in the order of their ids, behind one of them or from the first.
    pub(crate) fn endpoints(
        &self,
        after: Option<EndpointId>,
    ) -> impl Iterator<Item = (EndpointId, &EndpointAttributes)> + use<'_> {
        let range = self.endpoints.range((after.map_or(Unbounded, Excluded), Unbounded));
        range.map(|(id, endpoint)| (*id, endpoint))
    }

    pub(super) fn set_endpoint(&mut self, id: EndpointId, endpoint: &EndpointAttributes) -> Result<(), Malformed> {
        if self.with_token(endpoint.token()).is_some_and(|holder| holder != id) {
            return Err("another endpoint has its token");
        }
        self.delete_endpoint(id);
        self.tokens.insert(Arc::clone(endpoint.token()), id);
        self.endpoints.insert(id, endpoint.clone());
        Ok(())
    }

    /// Panics unless each token is that of one endpoint.
    #[cfg(any(test, debug_assertions))]
    pub(super) fn check(&self) {
        let tokens = self.endpoints.iter().map(|(id, endpoint)| (Arc::clone(endpoint.token()), *id)).collect();
        assert_eq!(self.tokens, tokens, "tokens of endpoints");
    }

    pub(super) fn delete_endpoint(&mut self, id: EndpointId) -> bool {
        let Some(endpoint) = self.endpoints.remove(&id) else { return false };
        self.tokens.remove(endpoint.token());
        true
    }
}

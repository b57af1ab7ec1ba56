//! Applying what happens to the registry.

use crate::event::registry::{RegistryDeleted, RegistrySet};
use crate::journal::Position;
use crate::malformed::Malformed;
use crate::state::State;

const NO_ENTRY: Malformed = "its entry does not exist";

impl State {
    pub(super) fn registry_set(&mut self, position: Position, event: &RegistrySet) -> Result<(), Malformed> {
        self.registry.changed = position;
        if self.registry.set(&event.0)? { Ok(()) } else { self.skip(NO_ENTRY) }
    }

    pub(super) fn registry_deleted(&mut self, position: Position, event: &RegistryDeleted) -> Result<(), Malformed> {
        self.registry.changed = position;
        if self.registry.delete(&event.0) { Ok(()) } else { self.skip(NO_ENTRY) }
    }
}

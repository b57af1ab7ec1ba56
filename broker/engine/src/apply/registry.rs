//! Applying what happens to the registry.

use crate::event::registry::{RegistryDeleted, RegistrySet};
use crate::journal::Position;
use crate::malformed::Malformed;
use crate::state::State;

const NO_ENTRY: Malformed = "its entry does not exist";

impl State {
    pub(super) fn registry_set(&mut self, position: Position, event: &RegistrySet) -> Result<(), Malformed> {
        let found = self.registry.set(&event.0)?;
        self.registry_changed(position, found)
    }

    pub(super) fn registry_deleted(&mut self, position: Position, event: &RegistryDeleted) -> Result<(), Malformed> {
        let found = self.registry.delete(&event.0);
        self.registry_changed(position, found)
    }

    /// What is not there may still come, while a checkpoint is being read.
    fn registry_changed(&mut self, position: Position, found: bool) -> Result<(), Malformed> {
        self.registry.changed = position;
        if found || self.restoring.is_some() { Ok(()) } else { Err(NO_ENTRY) }
    }
}

//! Applying what happens to the registry.

use crate::discarded::Discarded;
use crate::event::registry::{RegistryDeleted, RegistrySet};
use crate::journal::Position;
use crate::malformed::Malformed;
use crate::registry::Removal;
use crate::state::{DROPPED_MAX, State};

const NO_ENTRY: Malformed = "its entry does not exist";

impl State {
    pub(super) fn registry_set(&mut self, position: Position, event: &RegistrySet) -> Result<(), Malformed> {
        self.registry.changed = position;
        if self.registry.set(&event.0)? { Ok(()) } else { self.skip(NO_ENTRY) }
    }

    pub(super) fn registry_deleted(&mut self, position: Position, event: &RegistryDeleted) -> Result<(), Malformed> {
        self.registry.changed = position;
        match self.registry.delete(&event.0) {
            Removal::Absent => self.skip(NO_ENTRY),
            Removal::Entry => Ok(()),
            Removal::Application(application) => {
                if application.endpoint_count() > DROPPED_MAX {
                    self.discarded.push(Discarded::from(application));
                }
                Ok(())
            }
        }
    }
}

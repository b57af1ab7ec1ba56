//! The description of one setting: its names in each layer, its default and what it accepts.
//!
//! [`SETTINGS`](super::SETTINGS) holds one for each setting; this file knows no setting in particular.

use super::value::Kind;

/// When a value takes effect that a configuration file is given while the broker runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// With the next SIGHUP.
    Reload,
    /// With the next start.
    Restart,
}

/// One setting, as help and documentation show it.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The table of the file that it stands in; empty for the top.
    pub section: &'static str,
    /// Its key there.
    pub key: &'static str,
    /// Its value if it is not set.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// How the file writes it.
    pub kind: Kind,
    /// What may stand there.
    pub allowed: fn() -> String,
}

impl Setting {
    /// `SECTION.KEY`: its name in the file and in messages.
    #[must_use]
    pub fn name(&self) -> String {
        if self.section.is_empty() { self.key.into() } else { format!("{}.{}", self.section, self.key) }
    }

    /// When a changed value takes effect.
    #[must_use]
    pub fn effect(&self) -> Effect {
        match (self.section, self.key) {
            ("", "log" | "require_user_policies") => Effect::Reload,
            // It is part of what is reserved of the system's open files at the start.
            ("push", "connections_max") => Effect::Restart,
            ("push" | "tls" | "admin.tls" | "native.tls", _) => Effect::Reload,
            (section, _) if section.starts_with("push.") => Effect::Reload,
            _ => Effect::Restart,
        }
    }

    /// Its flag, without the two hyphens.
    #[must_use]
    pub fn flag(&self) -> String {
        self.name().replace(['.', '_'], "-")
    }

    /// Its environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("POSTHOUSE_{}", self.name().replace('.', "_").to_uppercase())
    }
}

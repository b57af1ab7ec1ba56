//! The description of one setting: its names in each layer, its default and what it accepts.
//!
//! [`SETTINGS`](super::SETTINGS) holds one for each setting; this file knows no setting in particular.

use std::borrow::Cow;

use super::value::Kind;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantity {
    Bytes,
    Seconds,
    Milliseconds,
}

impl Quantity {
    /// The units, and how much each is.
    const fn units(self) -> [(&'static str, u64); 5] {
        match self {
            Self::Bytes => [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)],
            Self::Seconds => [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400), ("w", 604_800)],
            Self::Milliseconds => [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)],
        }
    }

    /// How much a whole number with a unit is. `None` if it is none, or is too large.
    fn count(self, text: &str) -> Option<u64> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let (_, factor) = self.units().into_iter().find(|(name, _)| *name == unit.trim_start())?;
        number.parse::<u64>().ok()?.checked_mul(factor)
    }
}

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

    /// What its number counts, if a text may name the unit.
    fn quantity(&self) -> Option<Quantity> {
        let has = |word: &str| self.kind == Kind::Integer && self.key.contains(word);
        // A rate is bytes a second.
        [("bytes", Quantity::Bytes), ("milliseconds", Quantity::Milliseconds), ("seconds", Quantity::Seconds)]
            .into_iter()
            .find_map(|(word, quantity)| has(word).then_some(quantity))
    }

    /// A text as a plain number, where it is a number with a unit that the setting knows: `64MiB` is 67108864 of a setting in
    /// bytes. Any other text is returned as it is.
    #[must_use]
    pub fn without_unit<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let number = self.quantity().and_then(|quantity| quantity.count(text));
        number.map_or(Cow::Borrowed(text), |number| Cow::Owned(number.to_string()))
    }

    /// Whether the file may write its number as text, with a unit.
    #[must_use]
    pub fn takes_units(&self) -> bool {
        self.quantity().is_some()
    }

    /// What may stand there, for messages.
    #[must_use]
    pub fn allowed_with_units(&self) -> String {
        let units = self.quantity().map(Quantity::units);
        let units = units.map(|units| format!(", or with a unit ({})", units.map(|(name, _)| name).join(", ")));
        (self.allowed)() + &units.unwrap_or_default()
    }

    /// When a changed value takes effect.
    #[must_use]
    pub fn effect(&self) -> Effect {
        match (self.section, self.key) {
            ("", "log" | "require_user_policies" | "on_difference") => Effect::Reload,
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

#[cfg(test)]
mod tests {
    use crate::configuration::{Integer, SETTINGS, Value as _};

    #[test]
    fn numbers_may_have_the_units_of_what_they_count() {
        for (name, text, plain) in [
            ("limits.body_bytes_max", "64MiB", "67108864"),
            ("limits.body_bytes_max", "64 MiB", "67108864"),
            ("limits.body_bytes_max", "1024", "1024"),
            ("limits.body_bytes_max", "64MB", "64MB"),
            ("limits.body_bytes_max", "99999999TiB", "99999999TiB"),
            ("limits.write_bytes_per_second_min", "64KiB", "65536"),
            ("drain_seconds", "2m", "120"),
            ("storage.scrub_interval_seconds", "1w", "604800"),
            ("storage.unsynced_milliseconds_max", "2s", "2000"),
            ("storage.unsynced_milliseconds_max", "20ms", "20"),
            ("limits.idle_seconds_max", "s", "s"),
            ("limits.idle_seconds_max", "-1s", "-1s"),
            ("limits.inbox_length", "16s", "16s"),
            ("log", "10s", "10s"),
        ] {
            let setting = SETTINGS.iter().find(|setting| setting.name() == name).expect("there is one");
            assert_eq!(setting.without_unit(text), plain, "{name} = {text}");
        }
        let setting = SETTINGS.iter().find(|setting| setting.key == "drain_seconds").expect("there is one");
        let range = Integer::<0, 3_600>::allowed();
        assert_eq!(setting.allowed_with_units(), format!("{range}, or with a unit (s, m, h, d, w)"));
    }
}

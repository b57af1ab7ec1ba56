//! Where the text of a setting comes from: flags over environment over file over default, for every setting alike.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::ConfigurationError;
use super::setting::Setting;
use super::value::Value;

/// The place that a setting's text was found in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `--NAME`
    Flag(String),
    /// An environment variable.
    Environment(String),
    /// A line of the configuration file, counted from 1.
    File {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// It was not set.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "--{flag}"),
            Self::Environment(variable) => f.write_str(variable),
            Self::File { path, line } => write!(f, "{} line {line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A scalar of the configuration file, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileValue {
    pub(super) text: String,
    pub(super) line: usize,
}

/// The scalars of the configuration file, by the name of their setting.
#[derive(Clone, Debug, Default)]
pub(super) struct FileValues {
    pub(super) path: PathBuf,
    pub(super) values: BTreeMap<String, FileValue>,
}

/// Reads an environment variable: `std::env::var_os` in the broker, a table in tests.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The layers, highest first.
pub(super) struct Layers<'a> {
    pub(super) flags: &'a BTreeMap<String, String>,
    pub(super) environment: Environment<'a>,
    pub(super) file: Option<&'a FileValues>,
}

impl Layers<'_> {
    /// No layer but the defaults.
    #[cfg(test)]
    pub(super) fn defaults() -> Self {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        Self { flags: &NONE, environment: &|_| None, file: None }
    }

    /// The text of a setting in its highest layer, and where that is.
    pub(super) fn find(&self, setting: &Setting) -> (String, Origin) {
        let name = setting.name();
        if let Some(text) = self.flags.get(&name) {
            return (text.clone(), Origin::Flag(setting.flag()));
        }
        let variable = setting.variable();
        if let Some(text) = (self.environment)(&variable) {
            return (text, Origin::Environment(variable));
        }
        if let Some((file, value)) = self.file.and_then(|file| Some((file, file.values.get(&name)?))) {
            return (value.text.clone(), Origin::File { path: file.path.clone(), line: value.line });
        }
        (setting.default.into(), Origin::Default)
    }

    /// The value of a setting.
    pub(super) fn value<T: Value>(&self, setting: &Setting) -> Result<T, ConfigurationError> {
        let (text, origin) = self.find(setting);
        T::parse(&setting.without_unit(&text)).ok_or_else(|| {
            ConfigurationError::at(origin, out_of_range(&setting.name(), &text, &setting.allowed_with_units()))
        })
    }
}

/// What is said about a value that is not allowed.
pub(super) fn out_of_range(name: &str, text: &str, allowed: &str) -> String {
    format!("`{name}` is `{text}`; allowed: {allowed}")
}

/// The line of a byte of `source`, counted from 1.
pub(super) fn line_of(source: &str, offset: usize) -> usize {
    source.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

/// The error that a place of a file is blamed for.
pub(super) fn file_error(path: &Path, line: usize, message: String) -> ConfigurationError {
    ConfigurationError::at(Origin::File { path: path.to_owned(), line }, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::SETTINGS;

    #[test]
    fn for_every_setting_a_flag_beats_the_environment_beats_the_file_beats_the_default() {
        for setting in SETTINGS {
            let name = setting.name();
            let flags = BTreeMap::from([(name.clone(), "flag".to_owned())]);
            let no_flags = BTreeMap::new();
            let variable = setting.variable();
            let environment = |asked: &str| (asked == variable).then(|| "environment".to_owned());
            let value = FileValue { text: "file".into(), line: 7 };
            let file = FileValues { path: "p.toml".into(), values: BTreeMap::from([(name.clone(), value)]) };
            let nothing = |_: &str| None;
            for (layers, text, origin) in [
                (
                    Layers { flags: &flags, environment: &environment, file: Some(&file) },
                    "flag",
                    format!("--{}", setting.flag()),
                ),
                (
                    Layers { flags: &no_flags, environment: &environment, file: Some(&file) },
                    "environment",
                    variable.clone(),
                ),
                (Layers { flags: &no_flags, environment: &nothing, file: Some(&file) }, "file", "p.toml line 7".into()),
                (Layers { flags: &no_flags, environment: &nothing, file: None }, setting.default, "default".into()),
            ] {
                let (found, place) = layers.find(setting);
                assert_eq!((found.as_str(), place.to_string()), (text, origin), "{name}");
            }
        }
    }
}

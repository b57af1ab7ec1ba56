//! The configuration file: TOML. Scalars become layers of their settings; `[[users]]`, `[[groups]]`, `[[queues]]` and
//! `[[topics]]` exist in the file only and are read here. An unknown or misplaced key is an error that names line and key.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::ConfigurationError;
use super::layers::{FileValue, FileValues, file_error, line_of, out_of_range};
use super::secret::Secret;
use super::setting::Setting;
use super::settings::SETTINGS;
use super::value::Kind;

/// The attributes of an entry. Texts stand for themselves; numbers, booleans, arrays and tables for their JSON, which
/// is how SQS and SNS write them.
pub(super) type AttributeEntries = BTreeMap<String, Spanned<Json>>;

/// A user's entry: one access key. Several entries may name the same user.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserEntry {
    pub(super) name: Spanned<String>,
    pub(super) account: Spanned<String>,
    pub(super) access_key_id: Spanned<String>,
    pub(super) secret_access_key: Option<Spanned<Secret>>,
    pub(super) secret_access_key_file: Option<Spanned<String>>,
    pub(super) policy: Option<Spanned<Documents>>,
    pub(super) groups: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) role: Option<Spanned<String>>,
}

/// A group's entry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupEntry {
    pub(super) name: Spanned<String>,
    pub(super) policy: Spanned<Documents>,
}

/// Policy documents: one, or an array of them. Each is a table, or JSON as text.
#[derive(Clone, Debug)]
pub(super) enum Documents {
    One(Json),
    Many(Vec<Spanned<Json>>),
}

impl<'de> Deserialize<'de> for Documents {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Documents;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a policy as a table or as JSON text, or an array of policies")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Documents, E> {
                Json::deserialize(StrDeserializer::new(text)).map(Documents::One)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Documents, A::Error> {
                Json::deserialize(MapAccessDeserializer::new(map)).map(Documents::One)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Documents, A::Error> {
                let mut documents = Vec::new();
                while let Some(document) = elements.next_element()? {
                    documents.push(document);
                }
                Ok(Documents::Many(documents))
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

/// A queue's entry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueueEntry {
    pub(super) name: Spanned<String>,
    pub(super) account: Option<Spanned<String>>,
    pub(super) region: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) attributes: AttributeEntries,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
}

/// A topic's entry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TopicEntry {
    pub(super) name: Spanned<String>,
    pub(super) account: Option<Spanned<String>>,
    pub(super) region: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) attributes: AttributeEntries,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) subscriptions: Vec<SubscriptionEntry>,
}

/// The entry of a subscription, within its topic's.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SubscriptionEntry {
    pub(super) protocol: Spanned<String>,
    pub(super) endpoint: Spanned<String>,
    #[serde(default)]
    pub(super) attributes: AttributeEntries,
}

/// The contents of the file.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) values: FileValues,
    pub(super) users: Vec<Spanned<UserEntry>>,
    pub(super) groups: Vec<Spanned<GroupEntry>>,
    pub(super) queues: Vec<Spanned<QueueEntry>>,
    pub(super) topics: Vec<Spanned<TopicEntry>>,
}

/// Reads the text of the file at `path`.
///
/// # Errors
/// A syntax error, an unknown key, or a value of the wrong type, each with its line.
pub(super) fn parse(path: &Path, source: &str) -> Result<File, ConfigurationError> {
    let root = DeTable::parse(source).map_err(|error| syntax(path, source, &error))?;
    let mut reader = Reader { path, source, file: File::default() };
    reader.file.values.path = path.to_owned();
    reader.table("", root.into_inner())?;
    Ok(reader.file)
}

fn syntax(path: &Path, source: &str, error: &toml::de::Error) -> ConfigurationError {
    let line = line_of(source, error.span().map_or(0, |span| span.start));
    file_error(path, line, error.message().into())
}

struct Reader<'a> {
    path: &'a Path,
    source: &'a str,
    file: File,
}

impl Reader<'_> {
    fn table(&mut self, section: &str, table: DeTable<'_>) -> Result<(), ConfigurationError> {
        for (key, value) in table {
            let line = line_of(self.source, key.span().start);
            match (section, &**key.get_ref()) {
                ("", "users") => self.file.users = self.entries(value)?,
                ("", "groups") => self.file.groups = self.entries(value)?,
                ("", "queues") => self.file.queues = self.entries(value)?,
                ("", "topics") => self.file.topics = self.entries(value)?,
                (_, key) => self.entry(section, key, line, value)?,
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        section: &str,
        key: &str,
        line: usize,
        value: Spanned<DeValue<'_>>,
    ) -> Result<(), ConfigurationError> {
        let value = match value.into_inner() {
            DeValue::Table(table) => match subsection(section, key) {
                Some(section) => return self.table(section, table),
                None => DeValue::Table(table),
            },
            value => value,
        };
        let Some(setting) = SETTINGS.iter().find(|setting| (setting.section, setting.key) == (section, key)) else {
            return Err(self.unknown(section, key, line));
        };
        let name = setting.name();
        let text = scalar(setting, &value).ok_or_else(|| {
            let given = format!("a {} where a {} is expected", type_name(&value), setting.kind.as_str());
            file_error(self.path, line, out_of_range(&name, &given, &(setting.allowed)()))
        })?;
        self.file.values.values.insert(name, FileValue { text, line });
        Ok(())
    }

    fn unknown(&self, section: &str, key: &str, line: usize) -> ConfigurationError {
        let mut known: Vec<_> =
            SETTINGS.iter().filter(|setting| setting.section == section).map(|setting| setting.key).collect();
        if section.is_empty() {
            known.extend(SETTINGS.iter().map(|setting| setting.section).filter(|section| !section.is_empty()));
            known.extend(["users", "groups", "queues", "topics"]);
            known.dedup();
        }
        let dot = if section.is_empty() { "" } else { "." };
        file_error(self.path, line, format!("unknown key `{section}{dot}{key}`; known here: {}", known.join(", ")))
    }

    fn entries<T: for<'de> Deserialize<'de>>(&self, value: Spanned<DeValue<'_>>) -> Result<T, ConfigurationError> {
        T::deserialize(ValueDeserializer::from(value)).map_err(|error| syntax(self.path, self.source, &error))
    }
}

/// The section of the table `key` within `section`; `None` if it is no section, nor holds one.
fn subsection(section: &str, key: &str) -> Option<&'static str> {
    let mut sections = SETTINGS.iter().map(|setting| setting.section);
    sections.find_map(|known| {
        let within = if section.is_empty() { known } else { known.strip_prefix(section)?.strip_prefix('.')? };
        let rest = within.strip_prefix(key)?;
        (rest.is_empty() || rest.starts_with('.')).then(|| &known[..known.len() - rest.len()])
    })
}

/// The scalar as text; `None` if it is not of the setting's kind.
fn scalar(setting: &Setting, value: &DeValue<'_>) -> Option<String> {
    match (setting.kind, value) {
        (Kind::Text | Kind::Secret, DeValue::String(text)) => Some(text.clone().into_owned()),
        // Hexadecimal and its like are refused rather than misread: a setting is a decimal number.
        (Kind::Integer, DeValue::Integer(integer)) if integer.radix() == 10 => Some(integer.as_str().into()),
        (Kind::Integer, DeValue::String(text)) if setting.takes_units() => Some(text.clone().into_owned()),
        (Kind::Boolean, DeValue::Boolean(boolean)) => Some(boolean.to_string()),
        _ => None,
    }
}

const fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "integer that is not decimal",
        DeValue::Float(_) => "floating-point number",
        DeValue::Boolean(_) => "boolean",
        DeValue::Datetime(_) => "date",
        DeValue::Array(_) => "array",
        DeValue::Table(_) => "table",
    }
}

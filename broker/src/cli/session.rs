//! What all commands share: which broker, with which key, and in which form they print.

use core::fmt;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use serde_json::Value as Json;
use time::OffsetDateTime;

use super::table::{Column, facts, table};
use crate::admin_client::{AccessKey, AdminApi, AdminEndpoint, AdminError};
use crate::configuration::Secret;

/// Items that one request of a listing asks for.
const PAGE_ITEMS: usize = 1000;

/// Flags of every command that asks a broker.
#[derive(Args, Clone, Debug)]
pub struct Connection {
    /// The address of the broker's admin listener
    #[arg(
        long,
        global = true,
        env = "POSTHOUSE_ADMIN_LISTEN",
        default_value = "127.0.0.1:9325",
        value_name = "ADDRESS:PORT"
    )]
    pub admin_listen: SocketAddr,
    /// The certificate that the admin listener shows, where it has TLS. No other is trusted
    #[arg(long, global = true, env = "POSTHOUSE_ADMIN_TLS_CERTIFICATE", value_name = "FILE")]
    pub admin_tls_certificate: Option<PathBuf>,
    /// The profile of the AWS credentials file whose key signs the requests; the environment's key comes first
    #[arg(long, global = true, env = "AWS_PROFILE", value_name = "NAME")]
    pub profile: Option<String>,
    /// The account of queues and topics that are given by name
    #[arg(long, global = true, default_value = "000000000000", value_name = "ID")]
    pub account: String,
    /// The region of queues and topics that are given by name; the broker's own without it
    #[arg(long, global = true, value_name = "NAME")]
    pub region: Option<String>,
    /// Print the broker's JSON instead of a table
    #[arg(long, global = true)]
    pub json: bool,
}

/// Why a command failed.
#[derive(Debug)]
pub enum CliError {
    /// The broker cannot be reached, or refused.
    Admin(AdminError),
    /// The output cannot be written.
    Output(io::Error),
    /// The key cannot be read.
    Key(String),
    /// What was asked cannot be done.
    Usage(String),
    /// Some of what was asked was not done; the output says what.
    Incomplete(String),
}

impl CliError {
    /// The exit status: 1 if the broker refused or did only a part, 2 if the command is wrong, 3 if the broker cannot be
    /// reached.
    #[must_use]
    pub const fn status(&self) -> u8 {
        match self {
            Self::Admin(AdminError::Io { .. }) => 3,
            Self::Key(_) | Self::Usage(_) => 2,
            Self::Admin(_) | Self::Output(_) | Self::Incomplete(_) => 1,
        }
    }

    /// Whether the reader of the output has closed it, as `| head` does.
    #[must_use]
    pub fn is_closed_output(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admin(error) => {
                error.fmt(f)?;
                if matches!(error, AdminError::Api { error, .. } if error == "unauthorized") {
                    f.write_str(
                        ". Keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from a profile of ~/.aws/credentials",
                    )?;
                }
                Ok(())
            }
            Self::Output(error) => write!(f, "cannot write the output: {error}"),
            Self::Key(message) | Self::Usage(message) | Self::Incomplete(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for CliError {}

impl From<AdminError> for CliError {
    fn from(error: AdminError) -> Self {
        Self::Admin(error)
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// A connection to a broker, and where the output goes.
pub(super) struct Session<'a> {
    api: AdminApi,
    connection: Connection,
    out: &'a mut dyn Write,
    now: OffsetDateTime,
}

impl<'a> Session<'a> {
    /// A session with these flags.
    ///
    /// # Errors
    /// [`CliError::Key`] if a profile is named that has no key, and [`CliError::Usage`] if the certificate cannot be read.
    pub(super) fn new(connection: Connection, out: &'a mut dyn Write) -> Result<Self, CliError> {
        let key = access_key(connection.profile.as_deref())?;
        let endpoint = match &connection.admin_tls_certificate {
            None => AdminEndpoint::from(connection.admin_listen),
            Some(certificate) => AdminEndpoint::showing(connection.admin_listen, certificate)
                .map_err(|error| CliError::Usage(error.to_string()))?,
        };
        let api = AdminApi::new(endpoint, key);
        Ok(Self { api, connection, out, now: OffsetDateTime::now_utc() })
    }

    /// Whether it prints JSON.
    pub(super) const fn prints_json(&self) -> bool {
        self.connection.json
    }

    /// The path of a queue, of which `name` is the name or the ARN, with a path below it and its region as the query.
    ///
    /// # Errors
    /// [`CliError::Usage`] for another ARN.
    pub(super) fn queue(&self, name: &str, below: &str) -> Result<Target, CliError> {
        self.target("queues", "sqs", name, below)
    }

    /// The path of a topic, as [`Session::queue`].
    ///
    /// # Errors
    /// As [`Session::queue`].
    pub(super) fn topic(&self, name: &str, below: &str) -> Result<Target, CliError> {
        self.target("topics", "sns", name, below)
    }

    fn target(&self, noun: &str, service: &str, name: &str, below: &str) -> Result<Target, CliError> {
        let (region, account, name) = match name.strip_prefix("arn:") {
            None => (self.connection.region.as_deref(), &*self.connection.account, name),
            Some(arn) => {
                let parts: Vec<&str> = arn.split(':').collect();
                match parts[..] {
                    ["aws", of, region, account, name] if of == service => (Some(region), account, name),
                    _ => return Err(CliError::Usage(format!("arn:{arn} is not the ARN of one of the {noun}"))),
                }
            }
        };
        let mut target = Target::new(&format!("/v1/{noun}/{}/{}{below}", encoded(account), encoded(name)));
        if let Some(region) = region {
            target.set("region", region);
        }
        Ok(target)
    }

    /// Reads.
    ///
    /// # Errors
    /// [`CliError::Admin`]
    pub(super) fn get(&self, target: &Target) -> Result<Json, CliError> {
        Ok(self.api.get(&target.0)?)
    }

    /// Sends a body.
    ///
    /// # Errors
    /// [`CliError::Admin`]
    pub(super) fn post<B: Serialize>(&self, target: &Target, body: &B) -> Result<Json, CliError> {
        Ok(self.api.post(&target.0, body)?)
    }

    /// Deletes.
    ///
    /// # Errors
    /// [`CliError::Admin`]
    pub(super) fn delete(&self, target: &Target) -> Result<Json, CliError> {
        Ok(self.api.delete(&target.0)?)
    }

    /// The items of a listing, page by page, `limit` of them at most.
    ///
    /// # Errors
    /// [`CliError::Admin`]
    pub(super) fn list(&self, target: &Target, limit: usize) -> Result<Vec<Json>, CliError> {
        let (mut items, mut after): (Vec<Json>, Option<String>) = (Vec::new(), None);
        loop {
            let mut page = target.clone();
            page.set("limit", &(limit - items.len()).min(PAGE_ITEMS).to_string());
            if let Some(after) = &after {
                page.set("after", after);
            }
            let mut answer = self.get(&page)?;
            if let Some(Json::Array(more)) = answer.get_mut("items").map(Json::take) {
                items.extend(more);
            }
            after = answer["next"].as_str().map(Into::into);
            if after.is_none() || items.len() >= limit {
                return Ok(items);
            }
        }
    }

    /// All items of a listing that says itself how many a page has.
    ///
    /// # Errors
    /// [`CliError::Admin`]
    pub(super) fn list_whole(&self, target: &Target) -> Result<Vec<Json>, CliError> {
        let (mut items, mut page) = (Vec::new(), target.clone());
        loop {
            let answer = self.get(&page)?;
            items.extend_from_slice(super::items(&answer));
            let Some(next) = answer["next"].as_str() else { return Ok(items) };
            page = target.clone();
            page.set("after", next);
        }
    }

    /// Prints items: a table, or one JSON object a line.
    ///
    /// # Errors
    /// [`CliError::Output`]
    pub(super) fn print_items(&mut self, items: &[Json], columns: &[Column]) -> Result<(), CliError> {
        if self.connection.json {
            items.iter().try_for_each(|item| writeln!(self.out, "{item}"))?;
        } else {
            self.out.write_all(table(items, columns, self.now).as_bytes())?;
        }
        Ok(self.out.flush()?)
    }

    /// Prints one object: its values a line each, or as JSON.
    ///
    /// # Errors
    /// [`CliError::Output`]
    pub(super) fn print_facts(&mut self, value: &Json) -> Result<(), CliError> {
        if self.connection.json {
            writeln!(self.out, "{value}")?;
        } else {
            self.out.write_all(facts(value).as_bytes())?;
        }
        Ok(self.out.flush()?)
    }

    /// Prints a line for people, or the JSON that it is about.
    ///
    /// # Errors
    /// [`CliError::Output`]
    pub(super) fn print_line(&mut self, line: &str, value: &Json) -> Result<(), CliError> {
        let line = if self.connection.json { value.to_string() } else { line.to_owned() };
        writeln!(self.out, "{line}")?;
        Ok(self.out.flush()?)
    }
}

/// A path with its query, as the request line has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target(String);

impl Target {
    /// A path that is encoded.
    pub(super) fn new(path: &str) -> Self {
        Self(path.into())
    }

    /// Adds a parameter.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        let separator = if self.0.contains('?') { '&' } else { '?' };
        self.0.push_str(&format!("{separator}{name}={}", encoded(value)));
    }

    /// Adds a parameter, if it has a value.
    pub(super) fn set_some(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }
}

/// A text with all but unreserved characters percent-encoded.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The key that requests are signed with: the environment's, else that of the profile. `None` if neither is there and no
/// profile was named.
fn access_key(profile: Option<&str>) -> Result<Option<AccessKey>, CliError> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => return Ok(Some(AccessKey { id, secret: Secret::new(&secret) })),
        (None, None) => {}
        _ => {
            return Err(CliError::Key("set both of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither".into()));
        }
    }
    let home = || variable("HOME").map(|home| PathBuf::from(home).join(".aws/credentials"));
    let file = variable("AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from).or_else(home);
    let text = file.as_deref().map(|file| (file, std::fs::read_to_string(file)));
    match (text, profile) {
        (Some((file, Ok(text))), _) => {
            let name = profile.unwrap_or("default");
            match (key_of(&text, name), profile) {
                (Some(key), _) => Ok(Some(key)),
                (None, None) => Ok(None),
                (None, Some(_)) => Err(no_key(file, name)),
            }
        }
        (Some((file, Err(error))), Some(_)) => Err(CliError::Key(format!("cannot read {}: {error}", file.display()))),
        (None, Some(name)) => Err(CliError::Key(format!("no file of credentials is known that has profile {name}"))),
        (Some((_, Err(_))) | None, None) => Ok(None),
    }
}

fn no_key(file: &Path, profile: &str) -> CliError {
    CliError::Key(format!("{} has no aws_access_key_id and aws_secret_access_key in [{profile}]", file.display()))
}

/// The key of a profile in a file of credentials: sections in brackets, and lines of names and values.
fn key_of(text: &str, profile: &str) -> Option<AccessKey> {
    let (mut section, mut values) = ("", BTreeMap::new());
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name.trim();
        } else if section == profile
            && let Some((name, value)) = line.split_once('=')
        {
            values.insert(name.trim(), value.trim());
        }
    }
    let id = (*values.get("aws_access_key_id")?).to_owned();
    let secret = Secret::new(values.get("aws_secret_access_key")?);
    Some(AccessKey { id, secret })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_its_profile() {
        let text =
            "# mine\n[default]\naws_access_key_id = A\naws_secret_access_key=b=c\n[other]\naws_access_key_id=B\n";
        let key = key_of(text, "default").expect("a key");
        assert_eq!((key.id.as_str(), key.secret.expose()), ("A", "b=c"));
        assert!(key_of(text, "other").is_none() && key_of(text, "none").is_none());
    }

    #[test]
    fn parameters_are_encoded() {
        let mut target = Target::new("/v1/queues/0/q");
        target.set("contains", "a b&c=ä");
        target.set_some("group", None);
        target.set_some("limit", Some("1"));
        assert_eq!(target.0, "/v1/queues/0/q?contains=a%20b%26c%3D%C3%A4&limit=1");
    }
}

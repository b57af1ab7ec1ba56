//! The configuration: every setting's value with its origin, the users, and the declared queues and topics.
//!
//! Loading decides everything that can be decided without touching the data directory or a socket; a configuration
//! that exists is valid. What a declaration means against the queues and topics that there are is found out at the
//! start, by the broker itself.

mod declared;
mod file;
mod hosts;
mod layers;
mod permissions;
mod push;
mod queues;
mod secret;
mod secret_file;
mod setting;
mod settings;
mod tls;
mod topics;
mod users;
mod value;
mod variables;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use hosts::{HostAddresses, HostNames, Networks};
pub use layers::{Environment, Origin};
pub use permissions::{Granted, Rights};
pub use push::{Denied, Destinations, EmailTls, GatewayUrl, HostName, OptionalPath, Sender, Text};
pub use queues::DeclaredQueue;
pub use secret::Secret;
pub use setting::{Effect, Setting};
pub use settings::{
    AdminListener, AdminTls, ApiTls, Email, FirehoseGateway, General, LambdaGateway, Limits, MobileGateway, Native,
    NativeTls, Push, Quotas, Rules, SETTINGS, Settings, SmsGateway, Storage, StorageEncryption,
};
pub use tls::TlsFiles;
pub use topics::{DeclaredSubscription, DeclaredTopic};
pub use users::{Role, User, Users};
pub use value::{
    DiskDriver, Durability, Integer, Kind, LogFilter, LogFormat, OnDifference, OptionalAddress, OptionalUrl, Probes,
    Value,
};

use declared::Home;
use file::File;
use layers::Layers;
use permissions::Unlimited;
use posthouse_policy::IdentityPolicies;

use crate::whole_file;

/// The file that is read where none is named, if it exists.
pub const DEFAULT_FILE: &str = "posthouse.toml";
/// The environment variable that names the file.
pub const FILE_VARIABLE: &str = "POSTHOUSE_CONFIG";

/// The broker's configuration.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The value of every setting.
    pub settings: Settings,
    /// The users. Without any, every credential is accepted.
    pub users: Vec<User>,
    /// The policies of the users.
    pub identities: Arc<IdentityPolicies>,
    /// What each user may do, in the order of accounts and names.
    pub rights: Vec<Rights>,
    /// The queues to create at the start, in an order in which each may name those before it.
    pub queues: Vec<DeclaredQueue>,
    /// The topics to create at the start, with their subscriptions.
    pub topics: Vec<DeclaredTopic>,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// Every setting as text, with its origin, in the order of [`SETTINGS`].
    pub origins: Vec<(&'static Setting, String, Origin)>,
    /// The same texts, and those of secrets.
    texts: Vec<Secret>,
}

/// A configuration that is refused: what is wrong, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigurationError {
    origin: Option<Origin>,
    message: String,
}

impl ConfigurationError {
    fn at(origin: Origin, message: String) -> Self {
        Self { origin: Some(origin), message }
    }

    fn whole(message: String) -> Self {
        Self { origin: None, message }
    }
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for ConfigurationError {}

impl Configuration {
    /// Checks the names of all environment variables.
    ///
    /// # Errors
    /// The first that begins with `POSTHOUSE_` and is of no setting.
    pub fn check_variables(names: impl IntoIterator<Item = String>) -> Result<(), ConfigurationError> {
        variables::check(names)
    }

    /// Loads the configuration: `flags` by the names of their settings, over `environment`, over the file, over the
    /// defaults. `file` is the one that the command line names.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn load(
        file: Option<&Path>,
        flags: &BTreeMap<String, String>,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigurationError> {
        let named = file.map(Path::to_owned).or_else(|| environment(FILE_VARIABLE).map(PathBuf::from));
        let path = match named {
            Some(path) => Some(path),
            None => Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists()),
        };
        let source = match &path {
            Some(path) => {
                let read = whole_file::read(path).and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other));
                read.map_err(|error| ConfigurationError::whole(format!("cannot read {}: {error}", path.display())))?
            }
            None => String::new(),
        };
        Self::from_parts(path.as_deref(), &source, flags, environment)
    }

    /// As [`Configuration::load`], from the text of the file.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn from_parts(
        path: Option<&Path>,
        source: &str,
        flags: &BTreeMap<String, String>,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigurationError> {
        let file = match path {
            Some(path) => file::parse(path, source)?,
            None => File::default(),
        };
        let layers = Layers { flags, environment, file: path.map(|_| &file.values) };
        let mut settings = Settings::read(&layers)?;
        read_password(&mut settings.email)?;
        let origins = SETTINGS.iter().map(|setting| {
            let (text, origin) = layers.find(setting);
            let hidden = setting.kind == Kind::Secret && !text.is_empty();
            (setting, if hidden { "(hidden)".into() } else { text }, origin)
        });
        let place = users::Place { path: path.unwrap_or(Path::new("")), source };
        let mut users = users::check(&place, &file.users)?;
        let unlimited = if settings.general.require_user_policies { Unlimited::Refused } else { Unlimited::Allowed };
        let (identities, rights) = permissions::check(&place, &mut users, &file.users, &file.groups, unlimited)?;
        let home = Home::new(&settings.general.region, &users);
        let queues = queues::check(&place, file.queues, &home)?;
        let topics = topics::check(&place, file.topics, &home)?;
        let configuration = Self {
            users,
            identities: Arc::new(identities),
            rights,
            queues,
            topics,
            file: path.map(Path::to_owned),
            texts: SETTINGS.iter().map(|setting| Secret::new(&layers.find(setting).0)).collect(),
            origins: origins.collect(),
            settings,
        };
        configuration.check_exposure()?;
        configuration.check_limits()?;
        configuration.check_email()?;
        configuration.check_native()?;
        configuration.check_tls()?;
        Ok(configuration)
    }

    /// Numbers the policies of users as `running` does, whose place this configuration takes.
    pub fn renumber_after(&mut self, running: &Self) {
        let next = (&mut *self.users, &*self.identities);
        self.identities = Arc::new(permissions::renumber(next, (&running.users, &running.identities)));
    }

    /// The settings whose values differ in `next`.
    #[must_use]
    pub fn changed_settings(&self, next: &Self) -> Vec<&'static Setting> {
        let texts = self.texts.iter().zip(&next.texts);
        let changed = SETTINGS.iter().zip(texts).filter(|(_, (mine, theirs))| mine != theirs);
        let mut changed: Vec<_> = changed.map(|(setting, _)| setting).collect();
        // The file of the password is the same, and holds another one.
        let is_known = changed.iter().any(|setting| setting.section == "push.email");
        if !is_known && self.settings.email.password != next.settings.email.password {
            changed.extend(SETTINGS.iter().filter(|setting| setting.key == "password_file"));
        }
        changed
    }

    /// Becomes `next`, but for the settings that have no effect before a restart: they stay as the broker runs with them, so
    /// that the next comparison names them again.
    pub fn take_over(&mut self, next: Self) {
        let old = std::mem::replace(self, next);
        let Settings { general: General { log, require_user_policies, on_difference, .. }, .. } = self.settings.clone();
        let Settings { push, email, sms, mobile, lambda, firehose, .. } = self.settings.clone();
        let Settings { tls, admin_tls, native_tls, .. } = self.settings.clone();
        let push = Push { connections_max: old.settings.push.connections_max, ..push };
        let general = General { log, require_user_policies, on_difference, ..old.settings.general.clone() };
        let next = Settings { general, push, email, sms, mobile, lambda, firehose, ..old.settings };
        self.settings = Settings { tls, admin_tls, native_tls, ..next };
        let kept = SETTINGS.iter().enumerate().filter(|(_, setting)| setting.effect() == Effect::Restart);
        for (index, _) in kept {
            self.texts[index] = old.texts[index].clone();
            self.origins[index] = old.origins[index].clone();
        }
    }

    /// Whether requests are authenticated.
    #[must_use]
    pub fn authenticates(&self) -> bool {
        !self.users.is_empty()
    }

    /// A body that may be sent must find room, at least when it is alone.
    fn check_limits(&self) -> Result<(), ConfigurationError> {
        let (one, all) = (self.settings.limits.body_bytes_max.get(), self.settings.limits.bodies_bytes_max.get());
        if one <= all {
            return Ok(());
        }
        Err(ConfigurationError::whole(format!(
            "`limits.body_bytes_max` is {one} and `limits.bodies_bytes_max` {all}: all bodies together must be allowed \
             what one is"
        )))
    }

    /// E-mail needs a sender.
    fn check_email(&self) -> Result<(), ConfigurationError> {
        let email = &self.settings.email;
        if email.host.as_deref().is_none() || email.from.mailbox().is_some() {
            return Ok(());
        }
        Err(ConfigurationError::whole(
            "`push.email.host` is set and `push.email.from` is empty; allowed: an e-mail address".into(),
        ))
    }

    /// Two pings fit into the longest silence, so that a
    /// client that answers each of them is never disconnected.
    fn check_native(&self) -> Result<(), ConfigurationError> {
        let native = &self.settings.native;
        let (heartbeat, silence) = (native.heartbeat_seconds.get(), native.silence_seconds_max.get());
        if silence < 2 * heartbeat {
            return Err(ConfigurationError::whole(format!(
                "`native.silence_seconds_max` is {silence} and `native.heartbeat_seconds` {heartbeat}; allowed: at least \
                 twice as many"
            )));
        }
        Ok(())
    }

    /// A listener that authenticates no client must be bound to loopback, unless `allow_anonymous_network` is set.
    fn check_exposure(&self) -> Result<(), ConfigurationError> {
        let general = &self.settings.general;
        if general.allow_anonymous_network {
            return Ok(());
        }
        let refused = |setting: &str, address: SocketAddr, why: &str| {
            ConfigurationError::whole(format!(
                "`{setting}` is {address}, which other machines reach, but {why}: use a loopback address, or set \
                 `allow_anonymous_network` to true if that is what you want"
            ))
        };
        let clients = [("listen", Some(general.listen)), ("native.listen", self.settings.native.listen.get())];
        for (setting, address) in clients {
            if let Some(address) = address.filter(|address| !self.authenticates() && !is_loopback(*address)) {
                let why = "no [[users]] are configured, so that any credentials would be accepted";
                return Err(refused(setting, address, why));
            }
        }
        if !is_loopback(general.admin_listen) {
            return Err(refused("admin_listen", general.admin_listen, "the admin listener authenticates no client"));
        }
        Ok(())
    }
}

/// Takes the password of e-mail from its file, if it has one.
fn read_password(email: &mut Email) -> Result<(), ConfigurationError> {
    let Some(path) = email.password_file.as_deref() else { return Ok(()) };
    if !email.password.expose().is_empty() {
        let message = "`push.email.password` and `push.email.password_file` are both set; allowed: one of them";
        return Err(ConfigurationError::whole(message.into()));
    }
    let read = secret_file::read(path);
    email.password = read.map_err(|why| ConfigurationError::whole(format!("`push.email.password_file` {why}")))?;
    Ok(())
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod documentation;
#[cfg(test)]
mod tests;

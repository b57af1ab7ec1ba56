//! SIGHUP: the configuration is read again, and what can change while the broker runs does.
//!
//! The file is read and checked first, and the files that it names. If that fails, the log says why and everything stays as it
//! was. Then certificates, users, log filter and push delivery take effect, and the log names each. A setting that needs a
//! restart ([`Effect::Restart`]) is named and has no effect.
//!
//! Declared queues and topics come last, because the core loop may refuse one. Such a failure is reported on its own: it must
//! not withhold the removal of a user. Declarations are made one after another, so that those before a failure stay made.
//!
//! Dropping the future of [`Reload::run`] leaves a broker that can only be stopped.

use core::fmt;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use posthouse_core::Inbox;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use super::tls::Tables;
use crate::configuration::{Configuration, ConfigurationError, Effect, LogFilter, Setting, Users};
use crate::core_client::ReplySender;
use crate::declare;
use crate::listener::http::Shared as Http;
use crate::live_users::UserTable;
use crate::push::{Pushing, StartError};
use crate::tls::TlsError;

/// Reads the configuration as the start has read it.
pub type Load = Arc<dyn Fn() -> Result<Configuration, ConfigurationError> + Send + Sync>;
/// Has the log show other events.
pub type SetFilter = Box<dyn Fn(&LogFilter) + Send + Sync>;

/// What a reload asks of the process around the broker.
pub struct Reloading {
    /// Where the configuration comes from.
    pub load: Load,
    /// What the log filter is set with.
    pub set_filter: SetFilter,
}

/// Why a reload changes nothing.
#[derive(Debug)]
enum ReloadError {
    Configuration(ConfigurationError),
    /// Users were added to a broker without any, or the last one was removed.
    Authentication,
    Tls(TlsError),
    Push(StartError),
    /// The thread that reads the configuration panicked.
    Panicked,
}

/// What a reload has done.
struct Done {
    changed: Vec<String>,
    /// Why the declarations are not met, if they are not.
    undeclared: Option<String>,
}

/// How long the core loop may take for a step of a reload.
const CORE_PATIENCE: Duration = Duration::from_secs(60);

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(error) => error.fmt(f),
            Self::Authentication => f.write_str(
                "whether there are [[users]] cannot change while clients are connected: restart the broker for it",
            ),
            Self::Tls(error) => error.fmt(f),
            Self::Push(error) => error.fmt(f),
            Self::Panicked => f.write_str("a bug of the broker: reading the configuration panicked"),
        }
    }
}

impl Error for ReloadError {}

impl From<ConfigurationError> for ReloadError {
    fn from(error: ConfigurationError) -> Self {
        Self::Configuration(error)
    }
}

impl From<TlsError> for ReloadError {
    fn from(error: TlsError) -> Self {
        Self::Tls(error)
    }
}

impl From<StartError> for ReloadError {
    fn from(error: StartError) -> Self {
        Self::Push(error)
    }
}

/// The parts of a running broker that a reload changes.
pub(super) struct Reload<'a> {
    pub(super) running: Configuration,
    pub(super) process: Reloading,
    pub(super) inbox: Inbox<ReplySender>,
    pub(super) users: UserTable,
    /// The configuration as the admin API shows it.
    pub(super) configurations: watch::Sender<Arc<Configuration>>,
    pub(super) tables: Tables,
    pub(super) http: Arc<Http>,
    pub(super) push: &'a mut Pushing,
}

impl Reload<'_> {
    /// Reloads once, and says in the log what came of it.
    pub(super) async fn run(&mut self) {
        tracing::info!("SIGHUP: reading the configuration");
        match self.attempt().await {
            Ok(Done { changed, undeclared: Some(error) }) => tracing::error!(
                error,
                changed = changed.join(", "),
                "reloaded, but for declared queues and topics: those before the one of the error are made"
            ),
            Ok(Done { changed, undeclared: None }) if changed.is_empty() => {
                tracing::info!("reloaded: nothing has changed");
            }
            Ok(Done { changed, undeclared: None }) => tracing::info!(changed = changed.join(", "), "reloaded"),
            Err(error) => tracing::error!(%error, "not reloaded: everything is as it was"),
        }
    }

    /// What has changed, for the log.
    async fn attempt(&mut self) -> Result<Done, ReloadError> {
        // A file may be on a disk that does not answer, or be a pipe.
        let load = Arc::clone(&self.process.load);
        let loaded = tokio::task::spawn_blocking(move || load()).await;
        let mut next = loaded.map_err(|_| ReloadError::Panicked)??;
        if next.authenticates() != self.running.authenticates() {
            return Err(ReloadError::Authentication);
        }
        next.renumber_after(&self.running);
        let changed = self.running.changed_settings(&next);
        let (live, restart): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|setting| setting.effect() == Effect::Reload);
        let push = live.iter().any(|setting: &&Setting| setting.section.split('.').next() == Some("push"));
        let push = push.then(|| self.push.prepare(&next.settings)).transpose()?;
        let tls = self.tables.prepare(&next.settings)?;
        let declares = (&next.queues, &next.topics) != (&self.running.queues, &self.running.topics);
        // Nothing of what follows fails, but for the declarations.
        let mut done: Vec<String> = live.iter().map(|setting| setting.name()).collect();
        let mut later: Vec<String> = restart.iter().map(|setting| setting.name()).collect();
        later.extend(tls.restart.iter().map(|section| format!("{section} on or off")));
        done.extend(tls.replace().iter().map(|section| format!("certificate of {section}")));
        if next.users != self.running.users || next.identities != self.running.identities {
            self.replace_users(&next).await;
            done.push(format!("users (now {})", next.users.len()));
        }
        (self.process.set_filter)(&next.settings.general.log);
        if let Some(prepared) = push {
            self.push.replace(prepared);
        }
        let undeclared = if declares { self.declare(&next).await.err() } else { None };
        if undeclared.is_some() {
            // The next reload tries again.
            next.queues.clone_from(&self.running.queues);
            next.topics.clone_from(&self.running.topics);
        } else if declares {
            done.push("declared queues and topics".into());
        }
        if !later.is_empty() {
            tracing::warn!(
                settings = later.join(", "),
                "settings that need a restart have changed: they have no effect yet"
            );
        }
        self.running.take_over(next);
        self.configurations.send_replace(Arc::new(self.running.clone()));
        Ok(Done { changed: done, undeclared })
    }

    /// Compares the declared queues with those that there are, then makes what does not exist.
    async fn declare(&self, next: &Configuration) -> Result<(), String> {
        let declared = async {
            declare::check(&self.inbox, next).await?;
            declare::declare(&self.inbox, next).await
        };
        let declared = timeout(CORE_PATIENCE, declared).await;
        let declared = declared.map_err(|_| "the core loop did not answer in time".to_owned())?;
        declared.map_err(|error| error.to_string())
    }

    /// Policies first: a request that bears the number of a new user must find that user's policies.
    async fn replace_users(&self, next: &Configuration) {
        self.inbox.set_identities(Arc::clone(&next.identities));
        let (decided, deciding) = oneshot::channel();
        self.inbox.pulse(Box::new(move || {
            let _ = decided.send(());
        }));
        // An error says that the core loop has ended, and the broker with it. If it is late, the numbers of new users allow
        // nothing until it has the policies.
        let _ = timeout(CORE_PATIENCE, deciding).await;
        let users = Users::new(next.users.clone());
        self.http.codecs.replace(&users);
        self.users.replace(users);
    }
}

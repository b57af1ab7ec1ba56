//! SIGHUP: the configuration is read again, and what can change while the broker runs does.
//!
//! Everything that can fail is done first: the file is read and checked, files that it names are read, and the declared
//! queues are compared with those that there are. If anything of it fails, the log says why and everything stays as it was.
//! Then users, log filter, push delivery and declarations take effect, and the log names each. A setting that needs a
//! restart ([`Effect::Restart`]) is named and has no effect.

use core::fmt;
use std::error::Error;
use std::sync::Arc;

use posthouse_core::Inbox;
use tokio::sync::{oneshot, watch};

use super::tls::Tables;
use crate::configuration::{Configuration, ConfigurationError, Effect, LogFilter, Setting, Users};
use crate::core_client::ReplySender;
use crate::declare::{self, DeclareError};
use crate::listener::http::Shared as Http;
use crate::live_users::UserTable;
use crate::push::{Pushing, StartError};
use crate::tls::TlsError;

/// Reads the configuration as the start has read it.
pub type Load = Box<dyn Fn() -> Result<Configuration, ConfigurationError> + Send + Sync>;
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
    Declarations(DeclareError),
}

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(error) => error.fmt(f),
            Self::Authentication => f.write_str(
                "whether there are [[users]] cannot change while clients are connected: restart the broker for it",
            ),
            Self::Tls(error) => error.fmt(f),
            Self::Push(error) => error.fmt(f),
            Self::Declarations(error) => error.fmt(f),
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

impl From<DeclareError> for ReloadError {
    fn from(error: DeclareError) -> Self {
        Self::Declarations(error)
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
            Ok(done) if done.is_empty() => tracing::info!("reloaded: nothing has changed"),
            Ok(done) => tracing::info!(changed = done.join(", "), "reloaded"),
            Err(error) => tracing::error!(%error, "not reloaded: everything is as it was"),
        }
    }

    /// What has changed, for the log.
    async fn attempt(&mut self) -> Result<Vec<String>, ReloadError> {
        let mut next = (self.process.load)()?;
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
        if declares {
            declare::check(&self.inbox, &next).await?;
            declare::declare(&self.inbox, &next).await?;
        }
        // Nothing fails from here on.
        let mut done: Vec<String> = live.iter().map(|setting| setting.name()).collect();
        let mut later: Vec<String> = restart.iter().map(|setting| setting.name()).collect();
        later.extend(tls.restart.iter().map(|section| format!("{section} on or off")));
        done.extend(tls.replace().iter().map(|section| format!("certificate of {section}")));
        if declares {
            done.push("declared queues and topics".into());
        }
        if next.users != self.running.users || next.identities != self.running.identities {
            self.replace_users(&next).await;
            done.push(format!("users (now {})", next.users.len()));
        }
        (self.process.set_filter)(&next.settings.general.log);
        if let Some(prepared) = push {
            self.push.replace(prepared).await;
        }
        if !later.is_empty() {
            tracing::warn!(
                settings = later.join(", "),
                "settings that need a restart have changed: they have no effect yet"
            );
        }
        self.running.take_over(next);
        self.configurations.send_replace(Arc::new(self.running.clone()));
        Ok(done)
    }

    /// Policies first: a request that bears the number of a new user must find that user's policies.
    async fn replace_users(&self, next: &Configuration) {
        self.inbox.set_identities(Arc::clone(&next.identities));
        let (decided, deciding) = oneshot::channel();
        self.inbox.pulse(Box::new(move || {
            let _ = decided.send(());
        }));
        // The error says that the core loop has ended, and the broker with it.
        let _ = deciding.await;
        let users = Users::new(next.users.clone());
        self.http.codecs.replace(&users);
        self.users.replace(users);
    }
}

//! `posthouse serve`: starts the broker of a configuration, and stops it.
//!
//! Start: sockets and the data directory's lock first, since they fail fastest; the admin listener; recovery; the
//! declarations; push delivery; the I/O shards; the API listener. Stop: not ready for `drain_seconds`, no new connections,
//! long polls answered, requests finished, everything committed.

mod native;
mod reload;
mod tls;

use core::fmt;
use std::collections::BTreeMap;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use posthouse_aws::AllowedHosts;
use posthouse_aws::envelope::Signer;
use posthouse_core::{CompactionOptions, Environment, Running, ScrubOptions, StartError};
use posthouse_disk::{DirectoryLock, Native};
use posthouse_encryption::{Encryption, KeyId};
use posthouse_engine::{IndexOptions, Options as EngineOptions, Quotas};
use posthouse_log::Options as LogOptions;
use posthouse_model::{HandleKey, Seconds, Timestamp};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::answer_budget::AnswerBudget;
use crate::audit::Audit;
use crate::backup::Backups;
use crate::clock::{self, WallClock};
use crate::configuration::{Configuration, Durability, Granted, Settings, Storage, Users};
use crate::core_client::{Outbox, ReplySender};
use crate::core_task::{CoreTask, CoreTaskError};
use crate::declare::declare;
use crate::exposure;
use crate::history::History;
use crate::keys;
use crate::listener;
use crate::listener::admin::{self, Serving, Stage};
use crate::listener::http::heads::Heads;
use crate::listener::http::{self, Bounds, CodecOptions, Codecs, Shared};
use crate::listener::stream::Secure;
use crate::live_users;
use crate::metrics::{HttpMetrics, Metrics, NativeMetrics, PushMetrics};
use crate::open_files::{self, Connections};
use crate::push::{Options as PushOptions, PushBoard, Pushing};
use crate::shard::ShardThreads;
use crate::shutdown;
use crate::signals::{Asked, Signals};
use crate::signing::{KeptKey, Signing, SigningError};
use crate::threads::{self, Threads};
use crate::tls::warn_of_expiry;
use reload::Reload;
use tls::Tables;

pub use reload::{Load, Reloading, SetFilter};

/// Answers that may wait for the disk. At the limit the inbox is not read.
pub(crate) const REPLIES_PENDING_MAX: usize = 65_536;
/// Receives that may wait at once, in all queues together.
pub(crate) const WAITERS_MAX: usize = 100_000;

/// Why the broker did not start, or did not end well.
#[derive(Debug)]
pub struct ServeError {
    doing: String,
    source: Option<Box<dyn Error + Send + Sync>>,
    status: u8,
}

/// The exit status of a broker whose log has failed: `EX_IOERR` of sysexits.h.
const LOG_FAILED_STATUS: u8 = 74;
/// The exit status of every other failure.
const FAILED_STATUS: u8 = 1;

impl ServeError {
    fn new(doing: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { doing: doing.into(), source: Some(source.into()), status: FAILED_STATUS }
    }

    fn alone(message: impl Into<String>) -> Self {
        Self { doing: message.into(), source: None, status: FAILED_STATUS }
    }

    /// The status that the process exits with: 74 if the log has failed, 1 otherwise.
    #[must_use]
    pub const fn status(&self) -> u8 {
        self.status
    }
}

impl From<CoreTaskError> for ServeError {
    fn from(error: CoreTaskError) -> Self {
        let status = if error.is_log_failure() { LOG_FAILED_STATUS } else { FAILED_STATUS };
        Self { status, ..Self::new("the log could not be closed", error) }
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "{}: {source}", self.doing),
            None => f.write_str(&self.doing),
        }
    }
}

impl Error for ServeError {}

/// The core loop's surroundings in the real broker.
struct Real;

impl Environment for Real {
    type Disk = Native;
    type Clock = WallClock;
    type Responder = ReplySender;
}

/// Runs the broker until a signal ends it. `process` is what a reload asks for.
///
/// # Errors
/// [`ServeError`] if it cannot start or does not end well. Every acknowledged change is durable nevertheless.
pub async fn serve(configuration: Configuration, process: Reloading) -> Result<(), ServeError> {
    let configuration = Arc::new(configuration);
    let mut signals = Signals::new().map_err(|error| ServeError::new("cannot listen for signals", error))?;
    let shard_count = Threads::of(&configuration.settings, threads::cores()).shards;
    let wanted = Connections {
        clients: configuration.settings.limits.connections_max.get(),
        push: configuration.settings.push.connections_max.get(),
    };
    let connections = open_files::reserve(wanted, shard_count);
    let general = configuration.settings.general.clone();
    let tables = Tables::begin(&configuration.settings).map_err(|error| ServeError::new("TLS", error))?;
    let secure = tables.listeners(configuration.settings.limits.handshakes_max.count());
    let api = bind("the AWS API", general.listen).await?;
    let native = native::Bound::of(&configuration).await?;
    let admin = bind("the admin listener", general.admin_listen).await?;
    // The configuration may leave the choice of a port to the system.
    let (api_address, admin_address) = (address("the AWS API", &api)?, address("the admin listener", &admin)?);
    let directory = &general.data_dir;
    let lock = DirectoryLock::acquire(directory).map_err(|error| ServeError::alone(error.to_string()))?;
    let key_file = configuration.settings.encryption.key_file.as_deref();
    let encryption = keys::read(key_file, directory).map_err(|error| ServeError::new("encryption at rest", error))?;
    let unsigned = |error| ServeError::new("cannot sign notifications", error);
    let key = KeptKey::read(directory, &encryption).map_err(unsigned)?;
    announce(&configuration);

    let signer = Signer::within(configuration.settings.limits.signatures_bytes_max.count());
    let limits = &configuration.settings.limits;
    let answers = AnswerBudget::new(limits.answers_bytes_max.count(), limits.connection_answers_bytes_max.count());
    let backups = Backups::of(directory);
    let metrics = Metrics {
        http: HttpMetrics::new(answers, shard_count),
        native: NativeMetrics::new(shard_count),
        push: PushMetrics::new(),
        signer: signer.clone(),
        certificates: tables.certificates(),
        backups: backups.clone(),
    };
    tokio::spawn(warn_of_expiry(tables.certificates()));
    let (stage, stages) = watch::channel(Stage::Recovering);
    let audit = Arc::new(Audit::default());
    let (configurations, live_configuration) = watch::channel(Arc::clone(&configuration));
    let board = PushBoard::default();
    let surroundings = admin::Surroundings {
        configuration: live_configuration,
        allowed_hosts: allowed_hosts(&configuration),
        metrics: metrics.clone(),
        backups: backups.clone(),
        push: board.clone(),
        secure: secure.admin,
        audit: Arc::clone(&audit),
    };
    let admin = tokio::spawn(admin::serve(admin, stages, surroundings));
    let (outbox, mailboxes) = Outbox::new(shard_count);
    let running = tokio::select! {
        running = recover(&configuration, encryption.clone(), outbox) => running?,
        signal = signals.end() => {
            tracing::info!(signal, "ends before it has recovered");
            // Recovery goes on until the process ends. The lock must be held for as long.
            std::mem::forget(lock);
            return Ok(());
        }
    };
    let (inbox, status) = (running.inbox.clone(), Arc::clone(&running.status));
    let identity = running.started.identity;
    History::begin(directory, running.started.log.end)
        .map_err(|error| ServeError::new(format!("the file `history` of {}", directory.display()), error))?;
    // A key is generated only after recovery, in a directory that is in order.
    let signing = Signing::start(key, signer, general.certificate_url.get().cloned(), &encryption).map_err(unsigned)?;
    let (user_table, users) = live_users::channel(Users::new(configuration.users.clone()));
    let of_http = (metrics.http, secure.api, audit);
    let shared = shared(&configuration, connections.clients, &running, of_http, signing.clone())?;
    let patience = general.shutdown_seconds_max.seconds();
    let mut core = CoreTask::watch(running, patience);
    if let Err(refused) = declare(&inbox, &configuration).await {
        core.close().await?;
        return Err(ServeError::new("the configuration", refused));
    }

    let options =
        PushOptions { connections_max: connections.push, board, ..PushOptions::new(&configuration, api_address) };
    let started = Pushing::start(Arc::new(inbox.clone()), signing.signer(), options, metrics.push, patience);
    let mut push = match started {
        Ok(push) => push,
        Err(error) => {
            core.close().await?;
            return Err(ServeError::new("push delivery cannot start", error));
        }
    };

    let mut shards = match ShardThreads::start(mailboxes, &inbox, &Handle::current()) {
        Ok(shards) => shards,
        Err(error) => {
            core.close().await?;
            return Err(ServeError::new("the threads of connections cannot start", error));
        }
    };
    let (stop, stopping) = shutdown::channel();
    stage.send_replace(Stage::Serving(Serving::new(inbox.clone(), status)));
    let native_address = native.as_ref().map_or_else(|| "off".to_owned(), |bound| bound.address.to_string());
    let native = native.map(|bound| {
        let (sockets, shared) =
            bound.shared(&configuration, identity, &shared, (api_address, metrics.native, users, secure.native));
        tokio::spawn(listener::native::serve(sockets, shared, shards.shards(), stopping.clone()))
    });
    let listener = tokio::spawn(http::serve(api, Arc::clone(&shared), shards.shards(), stopping, patience));
    tracing::info!(api = %api_address, native = %native_address, admin = %admin_address, "ready");
    {
        let storage = configuration.settings.storage.clone();
        let mut trouble = pin!(trouble(&mut core, &mut shards, &signing, &storage));
        let (running, inbox, http) = (Configuration::clone(&configuration), inbox.clone(), shared);
        let mut reload =
            Reload { running, process, inbox, users: user_table, tables, configurations, http, push: &mut push };
        let drain = loop {
            tokio::select! {
                asked = signals.next() => match asked {
                    Asked::Reload => tokio::select! {
                        () = reload.run() => {}
                        signal = signals.end() => {
                            tracing::info!(signal, "stopping, during a reload; a second signal ends at once");
                            break general.drain_seconds.seconds();
                        }
                        trouble = &mut trouble => {
                            trouble?;
                            break Duration::ZERO;
                        }
                    },
                    Asked::End(signal) => {
                        tracing::info!(signal, "stopping; a second signal, at least a second later, ends at once");
                        break general.drain_seconds.seconds();
                    }
                },
                trouble = &mut trouble => {
                    trouble?;
                    break Duration::ZERO;
                }
            }
        };
        tokio::spawn(async move {
            let signal = signals.end().await;
            tracing::warn!(signal, "a second signal: ends at once");
            std::process::exit(1);
        });
        stage.send_replace(Stage::Stopping);
        if !drain.is_zero() {
            tracing::info!(seconds = drain.as_secs(), "not ready any more; new connections are still served");
            tokio::select! {
                () = tokio::time::sleep(drain) => {}
                trouble = &mut trouble => trouble?,
            }
        }
    }
    backups.stop();
    stop.request();
    // Push delivery cancels its own receives before those of clients are answered.
    let ((), listened) = tokio::join!(biased; push.stop(), async {
        inbox.end_waits();
        let native = async {
            match native {
                Some(native) => native.await,
                None => Ok(()),
            }
        };
        tokio::try_join!(listener, native)
    });
    listened.map_err(|error| ServeError::new("a listener broke", error))?;
    // What has not finished is cut off: its requests are cancelled before the core loop ends.
    shards.stop().await;
    core.close().await?;
    admin.abort();
    drop(lock);
    tracing::info!("stopped");
    Ok(())
}

/// Resolves when the broker must end without a signal: at once if that is an error, else as after a signal.
async fn trouble(
    core: &mut CoreTask,
    shards: &mut ShardThreads,
    signing: &Signing,
    storage: &Storage,
) -> Result<(), ServeError> {
    let mut log_failure = core.log_failure();
    tokio::select! {
        ended = core.ended() => Err(ServeError::alone(format!("the core loop ended by itself: {ended:?}"))),
        () = shards.broken() => Err(ServeError::alone("a thread of connections ended by a bug of the broker")),
        error = signing_failed(signing) => Err(ServeError::new("cannot sign notifications", error)),
        () = log_failure.happened(), if storage.exit_on_failure => {
            tracing::error!(
                status = LOG_FAILED_STATUS,
                "stopping because the log has failed, as `storage.exit_on_failure` says; a restart recovers"
            );
            Ok(())
        }
    }
}

/// Resolves if the key that notifications are signed with cannot be generated. The broker must end then.
async fn signing_failed(signing: &Signing) -> SigningError {
    match signing.made().await {
        Err(error) => error,
        Ok(()) => std::future::pending().await,
    }
}

async fn bind(what: &str, address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| ServeError::new(format!("{what} cannot listen on {address}"), error))
}

/// Where a listener listens: with the port that the system chose if the configuration names port 0.
fn address(what: &str, listener: &TcpListener) -> Result<SocketAddr, ServeError> {
    listener.local_addr().map_err(|error| ServeError::new(format!("{what} has no address"), error))
}

fn announce(configuration: &Configuration) {
    let general = &configuration.settings.general;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), data_dir = %general.data_dir.display(), "starting");
    let data = exposure::of_data(&general.data_dir);
    for exposure in exposure::of_configuration(configuration).into_iter().chain(data) {
        tracing::warn!("{exposure}");
    }
    if configuration.users.is_empty() {
        tracing::warn!(
            listen = %general.listen,
            "no users are configured: any credentials are accepted; a twelve-digit access key is taken as the account"
        );
    }
    for rights in &configuration.rights {
        if let Granted::ByPolicies { ignored, .. } = &rights.grant
            && !ignored.is_empty()
        {
            let actions = ignored.join(", ");
            tracing::warn!(user = rights.user, actions, "actions of other services than SQS and SNS have no effect");
        }
    }
    if general.durability == Durability::Async {
        tracing::warn!("durability is async: a crash loses what was acknowledged in the last moments");
    }
}

/// Opens disk and log on the core loop's thread, away from the listeners' threads.
async fn recover(
    configuration: &Configuration,
    encryption: Encryption,
    outbox: Outbox,
) -> Result<Running<ReplySender>, ServeError> {
    let keys = keys::describe(&encryption);
    let options = options(configuration, encryption);
    let general = &configuration.settings.general;
    let (directory, choice) = (general.data_dir.clone(), general.disk.into());
    let open = move || {
        let (disk, selection) = Native::open(&directory, choice)?;
        tracing::info!(%selection, "disk");
        Ok(disk)
    };
    let start = move || posthouse_core::start::<Real>(options, open, WallClock::new(), outbox);
    let started = tokio::task::spawn_blocking(start).await;
    let running = started
        .unwrap_or(Err(StartError::Panicked))
        .map_err(|error| ServeError::new("the broker cannot start", error))?;
    let started = &running.started;
    warn_of(&started.log);
    report_keys(&keys, configuration, &started.segments_by_key);
    warn_of_clock(started.latest);
    tracing::info!(
        queues = started.queues,
        messages = started.messages,
        found = %started.log,
        "recovered"
    );
    Ok(running)
}

/// Says which keys there are, and how many segments need others than the first.
fn report_keys(keys: &str, configuration: &Configuration, segments: &BTreeMap<Option<KeyId>, u64>) {
    if configuration.settings.encryption.key_file.as_deref().is_none() {
        tracing::info!(
            "encryption at rest is off: what queues and topics say of it (`SqsManagedSseEnabled`, `KmsMasterKeyId`) is kept and \
             has no effect"
        );
        return;
    }
    let listed = segments.iter().map(|(key, count)| match key {
        Some(key) => format!("{count} with key {key}"),
        None => format!("{count} not encrypted"),
    });
    let listed: Vec<String> = listed.collect();
    tracing::info!(keys, segments = listed.join(", "), "encryption at rest");
}

/// Warns of a clock that does not fit the time of the latest event in the log.
fn warn_of_clock(latest: Timestamp) {
    const PAUSE: Duration = Duration::from_secs(60 * 60);
    let now = clock::now();
    let (behind, pause) = (latest.since(now), now.since(latest));
    if behind > Duration::from_secs(1) {
        tracing::warn!(
            seconds = behind.as_secs(),
            "the log was written at times that the system's clock has not reached: one of the two clocks was wrong. The \
             times in the log are set back; what has time left keeps it"
        );
    } else if latest != Timestamp::EPOCH && pause >= PAUSE {
        tracing::info!(
            seconds = pause.as_secs(),
            "the log has no event of the last hour or more: nothing expires for an hour, in case the clock is wrong"
        );
    }
}

/// Warns of what recovery found besides records, in words of what is known.
fn warn_of(found: &posthouse_log::Recovered) {
    if let Some(offset) = found.damaged_slot {
        tracing::warn!(
            file = "superblock",
            offset,
            "a slot of the superblock was not whole: a crash tore its write, or it was damaged. The other slot counted, \
             and the start has overwritten this one"
        );
    }
    if found.damaged_headers > 0 {
        tracing::warn!(
            segments = found.damaged_headers,
            "the headers of older segments are damaged. If these segments are encrypted, their keys are lost, and their \
             messages are set aside when they are read"
        );
    }
    if let Some(cut) = found.cut {
        tracing::warn!(
            position = cut.position.get(),
            bytes = cut.bytes,
            proven = found.noted.get(),
            "bytes behind the last whole record were cut: a torn end. Every record before `proven` is there. As a rule \
             the bytes are a write that was under way and not acknowledged; if the disk lost or damaged a finished \
             write, acknowledged records from `position` on are lost"
        );
    }
}

fn options(configuration: &Configuration, encryption: Encryption) -> posthouse_core::Options {
    let settings = &configuration.settings;
    let (storage, rules) = (&settings.storage, &settings.rules);
    let seconds = |seconds: u64| Seconds::new(u32::try_from(seconds).expect("a year at most"));
    posthouse_core::Options {
        durability: match settings.general.durability {
            Durability::Fsync => posthouse_core::Durability::Fsync,
            Durability::Async => posthouse_core::Durability::Async,
        },
        inbox_length: settings.limits.inbox_length.count(),
        unsynced_bytes_max: storage.unsynced_bytes_max.get(),
        unsynced_wait_max: Duration::from_millis(storage.unsynced_milliseconds_max.get()),
        replies_pending_max: REPLIES_PENDING_MAX,
        checkpoint_bytes: storage.checkpoint_bytes.get(),
        listed_max: settings.limits.metrics_queues_max.count(),
        scrub: ScrubOptions {
            bytes_per_second: storage.scrub_bytes_per_second.get(),
            interval: seconds(storage.scrub_interval_seconds.get()),
        },
        compaction: CompactionOptions {
            bytes_per_second: storage.compaction_bytes_per_second.get(),
            slack_bytes: storage.compaction_slack_bytes.get(),
            table_bytes_max: storage.index_bytes_max.get() / 4,
            reserve_bytes: storage.segment_bytes.get() / 2,
        },
        log: LogOptions {
            segment_bytes: storage.segment_bytes.get(),
            tail_bytes: storage.tail_bytes.get(),
            read_cache_bytes: storage.read_cache_bytes_max.get(),
            encryption,
            ..LogOptions::new(rand::random())
        },
        engine: EngineOptions {
            purge_interval: seconds(rules.purge_interval_seconds.get()),
            deleted_recently: seconds(rules.queue_deleted_recently_seconds.get()),
            waiters_max: WAITERS_MAX,
            quotas: quotas(settings),
            identities: Arc::clone(&configuration.identities),
            producers_bytes_max: settings.limits.producers_bytes_max.get(),
            index: index_options(settings),
            ..EngineOptions::default()
        },
    }
}

/// The memory of the lists of waiting messages.
fn index_options(Settings { storage, .. }: &Settings) -> IndexOptions {
    let within = IndexOptions::within(storage.index_bytes_max.get());
    let window_messages = usize::try_from(storage.fifo_window_messages.get()).unwrap_or(usize::MAX);
    IndexOptions { window_messages, window_messages_min: within.window_messages_min.min(window_messages), ..within }
}

/// The quotas of the engine. Zero stands for none.
fn quotas(Settings { quotas, limits, .. }: &Settings) -> Quotas {
    let quota = |max: u64| (max > 0).then_some(max);
    Quotas {
        queues: quota(quotas.queues.get()),
        topics: quota(quotas.topics.get()),
        subscriptions: quota(quotas.subscriptions.get()),
        messages: quota(quotas.messages.get()),
        bytes: quota(quotas.bytes.get()),
        endpoints: quota(quotas.endpoints.get()),
        fifo_ids: quota(quotas.fifo_ids.get()),
        topic_filter_bytes: Some(limits.topic_filter_bytes_max.get()),
        account_filter_bytes: Some(limits.account_filter_bytes_max.get()),
    }
}

/// The host names by which web pages may call the listeners that authenticate no client.
fn allowed_hosts(configuration: &Configuration) -> AllowedHosts {
    let general = &configuration.settings.general;
    AllowedHosts::new(general.allowed_hosts.as_slice().to_vec(), general.public_url.get())
}

fn shared(
    configuration: &Configuration,
    connections_max: u64,
    running: &Running<ReplySender>,
    (metrics, secure, audit): (Arc<HttpMetrics>, Option<Secure>, Arc<Audit>),
    signing: Signing,
) -> Result<Arc<Shared>, ServeError> {
    let general = &configuration.settings.general;
    let limits = configuration.settings.limits.clone();
    let options = CodecOptions {
        default_region: general.region.clone(),
        public_url: general.public_url.get().cloned(),
        handle_key: HandleKey::new(running.started.identity),
        signer: signing.signer(),
        allowed_hosts: allowed_hosts(configuration),
    };
    let codecs = Codecs::new(metrics.shards(), options, &Users::new(configuration.users.clone()));
    let connections_max = usize::try_from(connections_max).unwrap_or(usize::MAX);
    let bounds = Bounds::new(&limits, connections_max, general.proxy_from.clone());
    let answers = Arc::clone(metrics.answers());
    let unsigned = |all: u64| usize::try_from(all * limits.unsigned_percent_max.get() / 100).unwrap_or(usize::MAX);
    let streams_bytes_max = limits.streams_bytes_max;
    let heads = Heads::new(streams_bytes_max.count(), unsigned(streams_bytes_max.get()));
    Ok(Arc::new(Shared { codecs, secure, signing, limits, metrics, audit, bounds, heads, answers }))
}

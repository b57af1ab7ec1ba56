//! Push delivery: from topics to endpoints that are no queues.
//!
//! A message that is still to be delivered lies in a durable internal queue of its subscription. The engine keeps the
//! queue, counts attempts and schedules retries. This module makes connections, applies timeouts and writes envelopes.
//! Each target has a [worker](worker) that receives from the queue like any consumer, delivers, and settles. A restart
//! therefore loses nothing, and a slow endpoint delays only its own messages.
//!
//! Invariants:
//! * an attempt has one deadline, and its message stays invisible for longer: two attempts of one message are never
//!   under way at once;
//! * a message is settled as delivered only after its endpoint has accepted it: it is delivered at least once;
//! * memory is bounded: deliveries by each endpoint's [window](window), their bytes by one [byte limit](byte_limit);
//! * open files are bounded: connections by one [limit](sockets), which leaves the log the files that it needs.

pub(crate) mod board;
mod byte_limit;
mod content;
mod destination;
mod email;
mod envelope;
mod gateway;
mod http;
mod network;
mod outcome;
mod own_addresses;
mod requests;
mod resolver;
mod smtp;
mod sockets;
mod target;
mod tls;
mod url;
mod webhook;
mod window;
mod worker;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use posthouse_aws::envelope::Signer;
use posthouse_model::operation::{PushChanges, PushTarget};
use posthouse_model::{Fault, QueueAddress, Region};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::configuration::{Configuration, Settings};
use crate::core_client::CoreClient;
use crate::metrics::PushMetrics;
use crate::shutdown::{self, Stop, Stopping};
pub use board::PushBoard;
use byte_limit::ByteLimit;
use email::Mailer;
use envelope::Envelopes;
use gateway::Gateway;
use http::ClientOptions;
pub use network::Loopback;
use network::NetworkRules;
use resolver::Lookups;
use sockets::Sockets;
use target::Gateways;
use worker::Worker;

/// How long the watch for targets pauses after a fault.
const WATCH_PAUSE: Duration = Duration::from_secs(1);

/// How long a target waits for a new worker after its worker panicked.
const WORKER_PAUSE: Duration = Duration::from_secs(1);

/// Why push delivery cannot start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError(String);

impl StartError {
    fn new(message: String) -> Self {
        Self(message)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

/// The options of push delivery.
#[derive(Clone, Debug)]
pub struct Options {
    /// The settings, of which push delivery reads `push` and the sections below it.
    pub settings: Settings,
    /// The URL at which endpoints reach the broker, without a slash at its end. The URLs in envelopes begin with it.
    pub base_url: Box<str>,
    /// Whether loopback addresses may be delivered to.
    pub loopback: Loopback,
    /// Connections at once: as configured, or fewer where the system allows fewer open files.
    pub connections_max: u64,
    /// Where the admin API looks at the targets.
    pub board: PushBoard,
}

impl Options {
    /// The options of a configuration. `listening` is the address that the AWS API is bound to.
    #[must_use]
    pub fn new(configuration: &Configuration, listening: SocketAddr) -> Self {
        let settings = configuration.settings.clone();
        let only_here = listening.ip().to_canonical().is_loopback();
        let base_url = settings
            .general
            .public_url
            .get()
            .map_or_else(|| local_url(listening, &settings), |url| url.as_str().into());
        let open = !configuration.authenticates() && only_here;
        let connections_max = settings.push.connections_max.get();
        Self {
            loopback: if open { Loopback::Permitted } else { Loopback::Refused },
            base_url,
            settings,
            connections_max,
            board: PushBoard::default(),
        }
    }
}

/// The URL of a listener. One that is bound to the unspecified address is reached by loopback.
pub(crate) fn local_url(listening: SocketAddr, settings: &Settings) -> Box<str> {
    let ip = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let scheme = if settings.api_tls().is_some() { "https" } else { "http" };
    format!("{scheme}://{}", SocketAddr::new(ip, listening.port())).into()
}

/// Shared by all workers.
struct Shared {
    core: Arc<dyn CoreClient>,
    metrics: Arc<PushMetrics>,
    envelopes: Envelopes,
    rules: Arc<NetworkRules>,
    client: ClientOptions,
    mailer: Option<Mailer>,
    gateways: Gateways,
    /// Bytes of messages that are being delivered.
    memory: ByteLimit,
    connections_per_endpoint: usize,
    /// The deadline of one attempt.
    timeout: Duration,
    board: PushBoard,
}

impl Shared {
    fn new(
        core: Arc<dyn CoreClient>,
        signer: Signer,
        options: &Options,
        metrics: Arc<PushMetrics>,
    ) -> Result<Self, StartError> {
        let settings = &options.settings;
        let push = &settings.push;
        let own = push.ca_file.as_deref().map(tls::read).transpose()?.unwrap_or_default();
        let client = ClientOptions {
            tls: tls::client(&own)?,
            idle_max: push.idle_seconds_max.seconds(),
            response_bytes_max: push.response_bytes_max.get(),
            lookups: Lookups::new(),
            sockets: Sockets::new(options.connections_max),
        };
        let connections_per_endpoint = push.connections_per_endpoint.count();
        let gateway =
            |url: Option<&str>| url.and_then(|url| Gateway::new(url, client.clone(), connections_per_endpoint));
        let gateways = Gateways {
            sms: gateway(settings.sms.url.as_deref()),
            mobile: gateway(settings.mobile.url.as_deref()),
            lambda: gateway(settings.lambda.url.as_deref()),
            firehose: gateway(settings.firehose.url.as_deref()),
        };
        Ok(Self {
            mailer: Mailer::new(&settings.email, &own, push, &client)?,
            envelopes: Envelopes::new(signer, &options.base_url),
            rules: Arc::new(NetworkRules::new(push.allow.clone(), push.deny.clone(), options.loopback)),
            memory: ByteLimit::new(push.memory_bytes_max.get()),
            timeout: push.timeout_seconds.seconds(),
            connections_per_endpoint,
            board: options.board.clone(),
            core,
            metrics,
            client,
            gateways,
        })
    }
}

/// Reads the files that the settings of push delivery name, as a start does.
///
/// # Errors
/// [`StartError`] if one cannot be used.
pub fn check(settings: &Settings) -> Result<(), StartError> {
    settings.push.ca_file.as_deref().map(tls::read).transpose().map(drop)
}

/// Push delivery, running with settings that a reload replaces.
pub struct Pushing {
    options: Options,
    core: Arc<dyn CoreClient>,
    signer: Signer,
    metrics: Arc<PushMetrics>,
    running: PushDelivery,
    /// Deliveries with earlier settings that have not ended.
    ending: JoinSet<()>,
    /// How long deliveries under way may take to end.
    patience: Duration,
}

/// Settings of push delivery that were checked, with the files that they name.
pub struct Prepared {
    options: Options,
    shared: Arc<Shared>,
}

impl Pushing {
    /// Starts push delivery.
    ///
    /// # Errors
    /// Those of [`PushDelivery::start`].
    pub fn start(
        core: Arc<dyn CoreClient>,
        signer: Signer,
        options: Options,
        metrics: Arc<PushMetrics>,
        patience: Duration,
    ) -> Result<Self, StartError> {
        let running = PushDelivery::start(Arc::clone(&core), signer.clone(), &options, Arc::clone(&metrics))?;
        Ok(Self { options, core, signer, metrics, running, ending: JoinSet::new(), patience })
    }

    /// Checks the settings of push delivery in `next`, and changes nothing. Other settings stay as they are.
    ///
    /// # Errors
    /// Those of [`PushDelivery::start`].
    pub fn prepare(&self, next: &Settings) -> Result<Prepared, StartError> {
        let mut options = self.options.clone();
        let Settings { push, email, sms, mobile, lambda, firehose, .. } = next.clone();
        options.settings = Settings { push, email, sms, mobile, lambda, firehose, ..options.settings };
        let (core, signer) = (Arc::clone(&self.core), self.signer.clone());
        let shared = Arc::new(Shared::new(core, signer, &options, Arc::clone(&self.metrics))?);
        Ok(Prepared { options, shared })
    }

    /// Delivers with other settings from now on. The deliveries that are under way end with the old ones, beside: an endpoint
    /// that is slow must hold up no other. Until they have ended, for the patience at most, there may be twice as many
    /// connections, and messages in memory, as configured.
    pub fn replace(&mut self, Prepared { options, shared }: Prepared) {
        let region = options.settings.general.region.clone();
        let earlier = std::mem::replace(&mut self.running, PushDelivery::begin(shared, region));
        self.ending.spawn(earlier.stop(self.patience));
        // Those that have ended are forgotten.
        while self.ending.try_join_next().is_some() {}
        self.options = options;
    }

    /// As [`PushDelivery::stop`].
    pub async fn stop(mut self) {
        self.running.stop(self.patience).await;
        while self.ending.join_next().await.is_some() {}
    }
}

/// Push delivery, running.
pub struct PushDelivery {
    stop: Stop,
    watching: JoinHandle<Workers>,
}

/// The workers, by their queues; dropping a sender ends its worker.
struct Workers {
    shared: Arc<Shared>,
    stopping: Stopping,
    targets: BTreeMap<QueueAddress, watch::Sender<Arc<PushTarget>>>,
    tasks: JoinSet<()>,
}

impl PushDelivery {
    /// Starts to deliver to every push target of the core loop.
    ///
    /// # Errors
    /// [`StartError`] if a file cannot be read or the e-mail server's settings contradict each other.
    pub fn start(
        core: Arc<dyn CoreClient>,
        signer: Signer,
        options: &Options,
        metrics: Arc<PushMetrics>,
    ) -> Result<Self, StartError> {
        let shared = Arc::new(Shared::new(core, signer, options, metrics)?);
        Ok(Self::begin(shared, options.settings.general.region.clone()))
    }

    fn begin(shared: Arc<Shared>, region: Region) -> Self {
        let (stop, stopping) = shutdown::channel();
        let workers = Workers { shared, stopping, targets: BTreeMap::new(), tasks: JoinSet::new() };
        Self { stop, watching: tokio::spawn(workers.follow(region)) }
    }

    /// Receives nothing more, and waits for the deliveries that are under way, for `patience` at most. A delivery that
    /// has not ended by then stays in its queue, and is made after the next start.
    pub async fn stop(self, patience: Duration) {
        self.stop.request();
        let finish = async {
            match self.watching.await {
                Ok(mut workers) => while workers.tasks.join_next().await.is_some() {},
                Err(error) => tracing::error!(%error, "push delivery broke"),
            }
        };
        if tokio::time::timeout(patience, finish).await.is_err() {
            tracing::warn!("some deliveries did not end in time: they are made after the next start");
        }
    }
}

impl Workers {
    /// Keeps one worker for each target until the broker stops.
    async fn follow(mut self, region: Region) -> Self {
        let mut seen = 0;
        loop {
            let mut stopping = self.stopping.clone();
            tokio::select! {
                changes = requests::watch(&*self.shared.core, &region, seen) => match changes {
                    Ok(changes) => seen = self.change(changes),
                    Err(fault) => pause(&fault).await,
                },
                Some(ended) = self.tasks.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "the worker of a push target broke: another takes its place");
                        tokio::time::sleep(WORKER_PAUSE).await;
                        self.replace_broken();
                    }
                }
                () = stopping.requested() => return self,
            }
        }
    }

    fn change(&mut self, changes: PushChanges) -> u64 {
        for (queue, target) in changes.changes {
            match (target, self.targets.get(&queue)) {
                (None, _) => drop(self.targets.remove(&queue)),
                (Some(target), Some(known)) if !known.is_closed() => drop(known.send_replace(target)),
                (Some(target), _) => self.begin(queue, target),
            }
        }
        changes.version
    }

    fn begin(&mut self, queue: QueueAddress, target: Arc<PushTarget>) {
        let worker = Worker::new(Arc::clone(&self.shared), queue.clone(), Arc::clone(&target));
        let (sender, targets) = watch::channel(target);
        self.targets.insert(queue, sender);
        self.tasks.spawn(worker.run(targets, self.stopping.clone()));
    }

    /// Starts new workers for the targets whose workers panicked. The worker of a target that exists ends in no other
    /// way.
    fn replace_broken(&mut self) {
        let broken = self.targets.iter().filter(|(_, known)| known.is_closed());
        let broken: Vec<_> = broken.map(|(queue, known)| (queue.clone(), Arc::clone(&known.borrow()))).collect();
        for (queue, target) in broken {
            self.begin(queue, target);
        }
    }
}

async fn pause(fault: &Fault) {
    tracing::debug!(fault = fault.name(), "push targets cannot be watched");
    tokio::time::sleep(WATCH_PAUSE).await;
}

#[cfg(test)]
mod tests;

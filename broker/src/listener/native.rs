//! The listener of the native protocol (`docs/protocol.md`): TCP, TLS and QUIC on one port.
//!
//! An acceptor gives each connection a seat, of those that it shares with the AWS API, and an I/O shard. There the
//! connection is greeted ([`hello`]) and served ([`session`]) by one task; over QUIC by one for each stream. Frames are
//! decoded and encoded by `posthouse_wire`, operations of SQS and SNS by `posthouse_aws`; what they mean is for the engine.
//!
//! Every wait on a client has a deadline, and everything that a client can make the broker hold has a limit:
//!
//! | what | limit |
//! |---|---|
//! | connections, and those without a proof | `limits.connections_max`, `limits.unsigned_percent_max`, the share of an address |
//! | a connection without a proof | 4 KiB frames, `native.hello_seconds_max` |
//! | frames that are read and not answered | `native.received_bytes_max`, an eighth of it a connection |
//! | messages of a producer without an answer | its window |
//! | deliveries that are not read | `native.link_bytes_max`, `limits.connection_answers_bytes_max`, `limits.answers_bytes_max` |
//! | deliveries that are not settled | [`UNSETTLED_MAX`] a link |
//! | settlements that are not answered | `native.requests_max`, and 2,048 deliveries: then no frame is taken |
//! | other answers that are not read | 32 KiB, on the stream of a link 16 KiB: then no frame is taken |
//! | links | `native.links_max` a connection, `native.all_links_max` beyond [`LINKS_OWN`] of each |
//! | buffers of QUIC | `native.quic_bytes_max` beyond 64 KiB of each connection in each direction |

mod calling;
mod consumer;
mod context;
mod deliveries;
mod delivery;
mod ending;
mod fault;
mod hello;
mod input;
mod intake;
mod newcomer;
mod output;
mod pace;
mod pool;
mod producer;
mod quic;
mod session;
mod tcp;
mod tls;
mod windows;

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use posthouse_aws::Calls;
use posthouse_model::Region;
use posthouse_wire as wire;
use tokio::net::TcpListener;
use wire::{Reason, Text};

use self::delivery::Envelopes;
use self::intake::ReceivedBytes;
use self::pool::Pool;
use super::http::Bounds;
use super::seats::Seats;
use super::stream::Secure;
use crate::answer_budget::AnswerBudget;
use crate::audit::Audit;
use crate::configuration::{Limits, Native, Networks};
use crate::live_users::LiveUsers;
use crate::metrics::NativeMetrics;
use crate::shard::Shards;
use crate::shutdown::Stopping;

/// Deliveries of one link that may be unsettled. SETTLED lists each exception, and has room for so many and as many gaps
/// between them.
const UNSETTLED_MAX: u32 = 16 * 1024;
/// Links of each connection that count in no limit of all connections.
pub(crate) const LINKS_OWN: usize = 4;
/// Bytes of a payload that is cut into frames: the parameters of a CALL. A message of 1 MiB is up to 6 MiB of JSON.
const PAYLOAD_BYTES_MAX: usize = 8 * 1024 * 1024;

const _: () = assert!(
    2 * UNSETTLED_MAX + wire::limits::SETTLE_RANGES_MAX as u32 <= u16::MAX as u32,
    "SETTLED counts its exceptions in two bytes"
);

/// What the listener is set up with.
pub struct Options<'a> {
    /// `[native]`
    pub settings: Native,
    /// What a client may take.
    pub limits: Limits,
    /// The users. Without any, clients are taken at their word.
    pub users: LiveUsers,
    /// The region of clients that name none.
    pub default_region: Region,
    /// What CHALLENGE shows of the log's identity. The identity itself is secret, because it seals receipt handles.
    pub log_identity: [u8; 16],
    /// What decodes calls.
    pub calls: Calls,
    /// What is counted.
    pub metrics: Arc<NativeMetrics>,
    /// Who changed what, and who was refused.
    pub audit: Arc<Audit>,
    /// Bytes that answers hold which clients have not read yet.
    pub answers: Arc<AnswerBudget>,
    /// The bounds that the AWS API has, whose seats are those of this listener too.
    pub bounds: &'a Bounds,
    /// Proxies that send the PROXY header.
    pub proxies: Networks,
    /// What TLS and QUIC are served with, if they are.
    pub secure: Option<Secure>,
    /// How long clients may take to finish when the broker stops.
    pub patience: Duration,
}

/// Everything that serving a connection takes; one for all connections.
pub struct Shared {
    settings: Native,
    limits: Limits,
    users: LiveUsers,
    default_region: Region,
    log_identity: [u8; 16],
    calls: Calls,
    envelopes: Envelopes,
    metrics: Arc<NativeMetrics>,
    audit: Arc<Audit>,
    answers: Arc<AnswerBudget>,
    seats: Arc<Seats>,
    received: ReceivedBytes,
    /// Links beyond [`LINKS_OWN`] of each connection.
    links: Pool,
    /// Bytes of QUIC's buffers beyond each connection's own.
    quic_bytes: Pool,
    proxies: Networks,
    secure: Option<Secure>,
    patience: Duration,
    /// Connections that were sent elsewhere.
    sent_away: AtomicUsize,
}

impl Shared {
    /// With these options.
    #[must_use]
    pub fn new(options: Options<'_>) -> Arc<Self> {
        let Options { settings, limits, users, default_region, log_identity, calls, .. } = options;
        let Options { metrics, audit, answers, bounds, proxies, secure, patience, .. } = options;
        let envelopes = Envelopes { signer: calls.signer.clone(), base_url: calls.base_url.as_str().into() };
        let received = ReceivedBytes::new(settings.received_bytes_max.count());
        let seats = Arc::clone(bounds.seats());
        let links = Pool::new(settings.all_links_max.get());
        let quic_bytes = Pool::new(settings.quic_bytes_max.get());
        Arc::new(Self {
            settings,
            limits,
            users,
            default_region,
            log_identity,
            calls,
            envelopes,
            metrics,
            audit,
            answers,
            seats,
            received,
            links,
            quic_bytes,
            proxies,
            secure,
            patience,
            sent_away: AtomicUsize::new(0),
        })
    }

    /// Why a connection ends when the broker stops, and where its client finds the queues and topics then.
    fn destination(&self) -> (Reason, Text<'_>) {
        let addresses = self.settings.go_away_to.as_slice();
        let turn = self.sent_away.fetch_add(1, Ordering::Relaxed).checked_rem(addresses.len());
        match turn.and_then(|turn| addresses.get(turn)) {
            Some(address) => (Reason::Moved, Text::clipped(address)),
            None => (Reason::Stopping, Text::EMPTY),
        }
    }
}

/// The sockets of the listener.
pub struct Sockets {
    /// TCP.
    pub tcp: TcpListener,
    /// QUIC, if there is a certificate.
    pub udp: Option<UdpSocket>,
}

/// Serves on `shards` until the broker stops, then lets clients finish, for [`Options::patience`] at most. What has not
/// finished by then ends with the shards.
pub async fn serve(sockets: Sockets, shared: Arc<Shared>, shards: Shards, stopping: Stopping) {
    let Sockets { tcp, udp } = sockets;
    let endpoint = udp.zip(shared.secure.as_ref()).map(|(socket, secure)| quic::endpoint(socket, &shared, &secure.tls));
    let quic = async {
        match endpoint {
            Some(Ok(endpoint)) => quic::serve(endpoint, Arc::clone(&shared), shards.clone(), stopping.clone()).await,
            Some(Err(error)) => tracing::error!(%error, "QUIC is not served: its socket cannot be used"),
            None => {}
        }
    };
    tokio::join!(tcp::serve(tcp, Arc::clone(&shared), shards.clone(), stopping.clone()), quic);
}

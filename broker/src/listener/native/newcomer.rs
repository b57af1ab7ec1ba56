//! A connection on its shard whose client has not proved who it is: it has a seat among those without a key, little memory
//! and little time.

use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use posthouse_wire::{Address, Ends, FaultCode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

use super::context::Context;
use super::fault::Refusal;
use super::hello::{self, Arrival, NoHello, Proved, STANDING};
use super::input::Input;
use super::output::Output;
use super::session::{Signal, last_words, signal_of};
use super::{PAYLOAD_BYTES_MAX, Shared};
use crate::audit::{Occasion, Outcome};
use crate::configuration::User;
use crate::listener::seats::Seated;
use crate::live_users::Change;
use crate::metrics::NativeConnection;
use crate::shard::Shard;
use crate::shutdown::Stopping;

/// A connection whose client has yet to prove who it is.
pub(super) struct Newcomer {
    peer: SocketAddr,
    seated: Arc<Seated>,
    shared: Arc<Shared>,
    shard: Shard,
    /// When the hello must have ended.
    deadline: Instant,
    counted: NativeConnection,
}

/// A connection whose client has proved who it is.
pub(super) struct Greeted {
    pub(super) context: Rc<Context>,
    /// Its user, if there are users.
    user: Option<Arc<User>>,
    pub(super) input: Input,
    pub(super) output: Output,
    /// Whether the connection is still wanted.
    pub(super) seated: Arc<Seated>,
    /// Counts the connection.
    pub(super) counted: NativeConnection,
}

impl Newcomer {
    /// A connection that has just been given to a shard.
    pub(super) fn new(peer: SocketAddr, seated: Seated, shared: Arc<Shared>, shard: Shard) -> Self {
        let deadline = Instant::now() + shared.settings.hello_seconds_max.seconds();
        let counted = shared.metrics.connection(shard.number());
        Self { peer, seated: Arc::new(seated), shared, shard, deadline, counted }
    }

    /// When the hello must have ended.
    pub(super) const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Resolves when the broker stops or the seat is needed for another connection: a handshake is not to go on.
    pub(super) async fn is_unwanted(&self, stopping: &mut Stopping) {
        tokio::select! {
            () = stopping.requested() => {}
            () = self.seated.makes_room() => {}
        }
    }

    /// Greets the client. `None` if that has ended the connection.
    pub(super) async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
        self,
        stream: &mut S,
        arrival: Arrival,
        stopping: &Stopping,
    ) -> Option<Greeted> {
        let Self { peer, seated, shared, shard, deadline, counted } = self;
        let mut input = Input::new(arrival.check(), shared.received.intake(), PAYLOAD_BYTES_MAX);
        let mut output = Output::new(arrival.check());
        let Some(under_way) = seated.under_way(STANDING) else {
            refuse(stream, &mut output, &shared, &too_many()).await;
            return None;
        };
        let greeted = {
            let greeting = hello::greet(stream, &mut input, &mut output, &shared, &arrival);
            let ends = pin!(signal_of(stopping.clone(), seated.makes_room()));
            tokio::select! {
                greeted = timeout_at(deadline, greeting) => greeted,
                _ = ends => return None,
            }
        };
        drop(under_way);
        match greeted {
            Ok(Ok(Proved { caller, user })) => {
                let context = Context::new(shared, shard, caller, peer, Arc::clone(&seated));
                Some(Greeted { context, user, input, output, seated, counted })
            }
            Ok(Err(NoHello::Gone)) => None,
            Ok(Err(NoHello::Refused(refusal))) => {
                tracing::debug!(%peer, code = refusal.code().name(), "a client is refused: {}", refusal.text());
                if let Outcome::Refused(code) = refusal.outcome() {
                    let occasion =
                        Occasion { protocol: "native", peer: peer.ip(), request_id: &"-", elapsed: Duration::ZERO };
                    shared.audit.unknown("connect", code, &occasion);
                }
                refuse(stream, &mut output, &shared, &refusal).await;
                None
            }
            Err(_) => {
                let late = Refusal::new(FaultCode::Timeout, "The hello did not end in time.");
                refuse(stream, &mut output, &shared, &late).await;
                None
            }
        }
    }
}

impl Greeted {
    /// Resolves when the broker stops, the client's user has changed, or the connection has to make room, which is counted.
    pub(super) fn signal(&self, stopping: Stopping) -> impl Future<Output = Signal> + use<> {
        let (context, seated) = (Rc::clone(&self.context), Arc::clone(&self.seated));
        let (mut users, user) = (context.shared.users.clone(), self.user.clone());
        async move {
            let changed = async {
                match &user {
                    Some(user) => users.changed(user).await,
                    None => std::future::pending().await,
                }
            };
            let signal = tokio::select! {
                signal = signal_of(stopping, seated.makes_room()) => signal,
                change = changed => match change {
                    Change::Permissions => Signal::ComeBack,
                    Change::Revoked => Signal::Fail(revoked()),
                },
            };
            if matches!(signal, Signal::MakeRoom) {
                context.shared.metrics.connection_replaced();
            }
            signal
        }
    }
}

/// What is said to a client whose access key a reload has taken away.
fn revoked() -> Refusal {
    Refusal::new(FaultCode::NotAuthenticated, "The access key was removed or changed.")
}

/// What is said of a connection for which there is no place.
pub(super) fn too_many() -> Refusal {
    Refusal::new(FaultCode::TooManyConnections, "The broker has as many connections as it takes.")
}

/// Ends a connection before its hello has ended.
async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    output: &mut Output,
    shared: &Shared,
    refusal: &Refusal,
) {
    shared.metrics.fault(refusal.code());
    output.frame(Address::CONNECTION, &refusal.frame(Ends::Connection));
    last_words(stream, output).await;
}

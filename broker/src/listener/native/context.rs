//! What the streams of one connection share: who the client is, and where its connection stands among the others.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use posthouse_aws::Standing;
use posthouse_model::{Call, Caller, Request};
use posthouse_wire::FaultCode;
use tokio::time::Instant;

use super::fault::Refusal;
use super::{LINKS_OWN, Shared};
use crate::answer_budget::AnswerAccount;
use crate::audit::{Occasion, Outcome, Subject};
use crate::listener::seats::{Seated, UnderWay};
use crate::metrics::NativeCounters;
use crate::shard::Shard;

/// One connection, whose client has proved who it is.
pub(super) struct Context {
    pub(super) shared: Arc<Shared>,
    pub(super) shard: Shard,
    pub(super) caller: Caller,
    pub(super) account: Arc<AnswerAccount>,
    pub(super) peer: SocketAddr,
    pub(super) presence: Presence,
    /// Links of all streams.
    links: Cell<usize>,
    /// When a frame came last, on any stream.
    heard: Cell<Instant>,
}

impl Context {
    /// The connection of a client on a shard.
    pub(super) fn new(
        shared: Arc<Shared>,
        shard: Shard,
        caller: Caller,
        peer: SocketAddr,
        seated: Arc<Seated>,
    ) -> Rc<Self> {
        let account = shared.answers.account();
        let presence = Presence::new(seated);
        Rc::new(Self {
            shared,
            shard,
            caller,
            account,
            peer,
            presence,
            links: Cell::new(0),
            heard: Cell::new(Instant::now()),
        })
    }

    /// What the connection's shard counts.
    pub(super) fn counters(&self) -> &NativeCounters {
        self.shared.metrics.of(self.shard.number())
    }

    /// A request of this client.
    pub(super) fn call(&self, request: impl Into<Request>) -> Box<Call> {
        Box::new(Call { caller: self.caller.clone(), request: request.into() })
    }

    /// Notes that a frame has come.
    pub(super) fn hear(&self, frame_bytes: usize) {
        self.heard.set(Instant::now());
        self.counters().received(frame_bytes);
    }

    /// When a frame came last, on any stream.
    pub(super) const fn heard(&self) -> Instant {
        self.heard.get()
    }

    /// Links of all streams.
    pub(super) const fn links(&self) -> usize {
        self.links.get()
    }

    /// Counts a link that is about to be opened, unless the connection has `max` already, or all connections together have
    /// as many as they may.
    pub(super) fn open_link(&self, max: usize) -> bool {
        let links = self.links.get();
        let may_open = links < max && (links < LINKS_OWN || self.shared.links.take_one());
        if may_open {
            self.links.set(links + 1);
            self.counters().link_opened();
        }
        may_open
    }

    /// Counts a link that has ended, or was not opened after all.
    pub(super) fn close_link(&self) {
        self.links.set(self.links.get() - 1);
        if self.links.get() >= LINKS_OWN {
            self.shared.links.give_back(1);
        }
        self.counters().link_closed();
    }

    /// Notes in the audit log how a request of this client has ended, which began at that time.
    pub(super) fn note(&self, subject: Option<&Subject>, began: Instant, ended: Result<(), &Refusal>) {
        let Some(subject) = subject else { return };
        let outcome = ended.map_or_else(Refusal::outcome, |()| Outcome::Done);
        let (peer, elapsed) = (self.peer.ip(), began.elapsed());
        let occasion = Occasion { protocol: "native", peer, request_id: &"-", elapsed };
        self.shared.audit.request(subject, outcome, &occasion);
    }

    /// Counts a refusal.
    pub(super) fn refused(&self, code: FaultCode) {
        self.shared.metrics.fault(code);
    }
}

/// Whether anything of a connection is under way: then it never makes room for another.
pub(super) struct Presence {
    seated: Arc<Seated>,
    /// Streams with links or requests.
    busy: Cell<usize>,
    under_way: RefCell<Option<UnderWay>>,
}

impl Presence {
    /// Of a client that has proved who it is.
    fn new(seated: Arc<Seated>) -> Self {
        seated.verified();
        Self { seated, busy: Cell::new(0), under_way: RefCell::default() }
    }

    /// Notes that a stream has links or requests from now on.
    pub(super) fn begin(&self) {
        self.busy.set(self.busy.get() + 1);
        if self.busy.get() == 1 {
            *self.under_way.borrow_mut() = self.seated.under_way(Standing::Keyed);
        }
    }

    /// Notes that a stream has none any more.
    pub(super) fn end(&self) {
        self.busy.set(self.busy.get() - 1);
        if self.busy.get() == 0 {
            self.under_way.borrow_mut().take();
        }
    }
}

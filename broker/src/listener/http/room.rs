//! The memory of the bodies of all requests, and which body makes room for another.
//!
//! A body takes room for each part as it arrives, not for the announced length, which costs a client nothing to
//! announce. Three limits apply: that of all bodies, that of the bodies of requests without a known key, and the share
//! of an address ([`Share`](crate::listener::address::Share)). Where a part does not fit, a body makes room that is
//! arriving and late: a request without a known key before one with it, and among these the one that is the latest. It
//! never makes room for a request that is trusted less.
//!
//! How late a body is, its [`Pace`] says.
//!
//! Small bodies have room in what each connection has of its own ([`OwnRoom`]), so that they touch no memory that the
//! threads of connections share.
//!
//! Invariant: `all` is the sum of what all [`Room`]s hold beside their connections' own, and never above `bytes_max`.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use posthouse_aws::Standing;
use tokio::sync::Notify;
use tokio::time::{Sleep, sleep_until};

use crate::listener::address::{Address, AddressKey};
use crate::listener::roster::{Pause, Place, Placed, Roster};

/// How late a body must be to make room for another.
const LATE_MIN_MILLISECONDS: u64 = 500;
/// How long a part waits for the room that a late body leaves.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of each connection's own: most requests have a body below, and it is little beside what a connection takes.
pub(crate) const OWN_BODY_BYTES: u64 = 4 * 1024;

/// How much room there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoomLimits {
    pub(crate) bytes_max: u64,
    /// Of that for requests without a known key.
    pub(crate) unkeyed_bytes_max: u64,
}

/// What holds a part back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Short {
    All,
    Unkeyed,
    Address,
}

/// There is no room for a part of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

/// The memory of all bodies.
#[derive(Debug)]
pub(crate) struct Bodies {
    limits: RoomLimits,
    began: Instant,
    all: AtomicU64,
    unkeyed: AtomicU64,
    arriving: Mutex<AllArriving>,
    /// Parts that wait for room.
    waiting: AtomicU64,
    freed: Notify,
}

#[derive(Debug, Default)]
struct AllArriving {
    bodies: Roster<Arriving>,
    /// Those of searches for a request with a known key, for one without it, and within one address. A client that causes
    /// the one kind of search does not hold up the others.
    pauses: [Pause; 3],
}

impl Bodies {
    pub(crate) fn new(limits: RoomLimits) -> Self {
        Self {
            limits,
            began: Instant::now(),
            all: AtomicU64::new(0),
            unkeyed: AtomicU64::new(0),
            arriving: Mutex::default(),
            waiting: AtomicU64::new(0),
            freed: Notify::new(),
        }
    }

    /// The largest body that a request without a known key may have.
    pub(super) const fn unkeyed_bytes_max(&self) -> u64 {
        self.limits.unkeyed_bytes_max
    }

    fn arriving(&self) -> MutexGuard<'_, AllArriving> {
        self.arriving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes room for a part of a body. Takes nothing where it does not fit.
    fn try_take(&self, owner: Owner<'_>, bytes: u64) -> Result<(), Short> {
        take(&self.all, bytes, |after| after <= self.limits.bytes_max).map_err(|()| Short::All)?;
        if owner.standing == Standing::Unkeyed
            && take(&self.unkeyed, bytes, |after| after <= self.limits.unkeyed_bytes_max).is_err()
        {
            self.all.fetch_sub(bytes, Ordering::Relaxed);
            return Err(Short::Unkeyed);
        }
        let all = self.all.load(Ordering::Relaxed);
        let within_share =
            |after: u64| owner.address.share().permits(after, self.limits.bytes_max, all.saturating_sub(after));
        if take(owner.address.body_bytes(), bytes, within_share).is_err() {
            self.all.fetch_sub(bytes, Ordering::Relaxed);
            if owner.standing == Standing::Unkeyed {
                self.unkeyed.fetch_sub(bytes, Ordering::Relaxed);
            }
            return Err(Short::Address);
        }
        Ok(())
    }

    fn give_back(&self, owner: Owner<'_>, bytes: u64) {
        owner.address.body_bytes().fetch_sub(bytes, Ordering::Relaxed);
        if owner.standing == Standing::Unkeyed {
            self.unkeyed.fetch_sub(bytes, Ordering::Relaxed);
        }
        self.all.fetch_sub(bytes, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.freed.notify_waiters();
        }
    }

    /// Has the latest body make room, of those that may for `owner`. Returns whether there is one.
    fn cut_latest(&self, owner: Owner<'_>, short: Short) -> bool {
        let now = Instant::now();
        let Some(late) = self.milliseconds(now).checked_sub(LATE_MIN_MILLISECONDS) else { return false };
        let key = owner.address.key();
        let AllArriving { bodies, pauses } = &mut *self.arriving();
        let pause = &mut pauses[match (short, owner.standing) {
            (Short::All, Standing::Keyed) => 0,
            (Short::All | Short::Unkeyed, _) => 1,
            (Short::Address, _) => 2,
        }];
        let chosen = pause.search(now, || {
            let candidates = bodies.iter().filter(|body| {
                let trusted_more = body.standing == Standing::Keyed && owner.standing == Standing::Unkeyed;
                let helps = match short {
                    Short::All => true,
                    Short::Unkeyed => body.standing == Standing::Unkeyed,
                    Short::Address => body.address == key,
                };
                let makes_room = body.makes_room.load(Ordering::Relaxed);
                helps
                    && !trusted_more
                    && !makes_room
                    && body.bytes.load(Ordering::Relaxed) > 0
                    && body.on_time_until() <= late
            });
            candidates.min_by_key(|body| (body.standing == Standing::Keyed, body.on_time_until())).map(Arc::clone)
        });
        let Some(body) = chosen else { return false };
        body.makes_room.store(true, Ordering::Relaxed);
        body.cut.notify_one();
        true
    }

    fn milliseconds(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }
}

/// Adds to a counter if the sum is permitted.
fn take(counter: &AtomicU64, bytes: u64, permitted: impl Fn(u64) -> bool) -> Result<(), ()> {
    let add = |held: u64| Some(held + bytes).filter(|after| permitted(*after));
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, add).map(drop).map_err(drop)
}

/// What is left of a connection's own bytes.
pub(super) struct OwnRoom(Cell<u64>);

impl OwnRoom {
    /// That of a connection that was just accepted.
    pub(super) const fn new() -> Self {
        Self(Cell::new(OWN_BODY_BYTES))
    }

    /// Takes room for a part of a body if there is room for all of it.
    fn take(&self, bytes: u64) -> bool {
        let left = self.0.get().checked_sub(bytes);
        left.inspect(|left| self.0.set(*left)).is_some()
    }

    fn give_back(&self, bytes: u64) {
        self.0.set(self.0.get() + bytes);
    }
}

/// Whose body it is.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) own: &'a OwnRoom,
    pub(super) address: &'a Address,
    pub(super) standing: Standing,
}

/// The room of one body. Dropping it gives the room back.
pub(super) struct Room<'a> {
    bodies: &'a Bodies,
    owner: Owner<'a>,
    /// What it holds of the connection's own.
    own_bytes: u64,
    /// What it holds of the memory of all bodies.
    bytes: u64,
}

impl<'a> Room<'a> {
    /// No room yet.
    pub(super) const fn new(bodies: &'a Bodies, owner: Owner<'a>) -> Self {
        Self { bodies, owner, own_bytes: 0, bytes: 0 }
    }

    /// Takes room for a part of the body, where need be from a body that is late.
    ///
    /// # Errors
    /// [`NoRoom`]
    pub(super) async fn grow(&mut self, bytes: u64) -> Result<(), NoRoom> {
        if self.owner.own.take(bytes) {
            self.own_bytes += bytes;
            return Ok(());
        }
        if self.bodies.try_take(self.owner, bytes).is_err() {
            self.make_room(bytes).await?;
        }
        self.bytes += bytes;
        Ok(())
    }

    async fn make_room(&self, bytes: u64) -> Result<(), NoRoom> {
        let Self { bodies, owner, .. } = *self;
        bodies.waiting.fetch_add(1, Ordering::SeqCst);
        let _waiting = Waiting(bodies);
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let freed = bodies.freed.notified();
            tokio::pin!(freed);
            // From here on no notification is missed.
            freed.as_mut().enable();
            let Err(short) = bodies.try_take(owner, bytes) else { return Ok(()) };
            if !bodies.cut_latest(owner, short) {
                return Err(NoRoom);
            }
            tokio::time::timeout_at(deadline, freed).await.map_err(|_| NoRoom)?;
        }
    }

    /// Gives back all but `bytes`: first what it holds of the memory of all bodies.
    pub(super) fn shrink(&mut self, bytes: u64) {
        let surplus = (self.own_bytes + self.bytes).saturating_sub(bytes);
        let shared = surplus.min(self.bytes);
        if shared > 0 {
            self.bytes -= shared;
            self.bodies.give_back(self.owner, shared);
        }
        self.own_bytes -= surplus - shared;
        self.owner.own.give_back(surplus - shared);
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.shrink(0);
    }
}

/// A part that waits for room.
struct Waiting<'a>(&'a Bodies);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How fast a body must arrive.
///
/// Each part that arrives earns the time that it may take at the lowest rate. A body is late by the time that it has not
/// earned, and what it earned beyond the present does not count: a body that arrived fast and then stops is late from
/// then on. The lowest rate is the configured one, and for a large body the one at which it would arrive just within its
/// own time limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) bytes_per_second_min: u64,
    /// How late a body may be.
    pub(super) grace: Duration,
    /// How long the whole body may take.
    pub(super) whole: Duration,
}

impl Pace {
    /// Until when a body is on time that was on time until `until`, and of which `bytes` have arrived at `now`.
    /// `length_bytes` is the length that is announced, or what has arrived of a body that announces none.
    fn earn(&self, until: Instant, now: Instant, bytes: u64, length_bytes: u64) -> Instant {
        let milliseconds = u64::try_from(self.whole.as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = self.bytes_per_second_min.max(length_bytes.saturating_mul(1000) / milliseconds).max(1);
        (until + Duration::from_millis(bytes.saturating_mul(1000) / rate).min(self.whole)).min(now)
    }
}

/// Why the rest of a body is not waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// It is too slow.
    Slow,
    /// It makes room for another.
    MakesRoom,
}

/// A body of which a part is missing.
#[derive(Debug)]
struct Arriving {
    address: AddressKey,
    standing: Standing,
    place: Place,
    bytes: AtomicU64,
    /// Until when it is on time, in milliseconds since the broker began.
    on_time_until: AtomicU64,
    makes_room: AtomicBool,
    cut: Notify,
}

impl Placed for Arriving {
    fn place(&self) -> &Place {
        &self.place
    }
}

impl Arriving {
    fn on_time_until(&self) -> u64 {
        self.on_time_until.load(Ordering::Relaxed)
    }
}

/// The watch over a body that has to be waited for.
pub(super) struct Watch<'a> {
    bodies: &'a Bodies,
    arriving: Arc<Arriving>,
    pace: Pace,
    began: Instant,
    on_time_until: Instant,
    length_bytes: u64,
    timer: Pin<Box<Sleep>>,
}

impl<'a> Watch<'a> {
    /// Begins to watch a body that has `room` so far and announces `length_bytes`, or nothing (0).
    pub(super) fn begin(room: &Room<'a>, pace: Pace, length_bytes: u64) -> Self {
        let Room { bodies, owner, bytes, .. } = *room;
        let now = Instant::now();
        let arriving = Arc::new(Arriving {
            address: owner.address.key(),
            standing: owner.standing,
            place: Place::default(),
            bytes: AtomicU64::new(bytes),
            on_time_until: AtomicU64::new(bodies.milliseconds(now)),
            makes_room: AtomicBool::new(false),
            cut: Notify::new(),
        });
        bodies.arriving().bodies.add(Arc::clone(&arriving));
        let timer = Box::pin(sleep_until((now + pace.grace.min(pace.whole)).into()));
        Self { bodies, arriving, pace, began: now, on_time_until: now, length_bytes, timer }
    }

    /// Notes that a part has arrived, and that the body has `room` for it.
    pub(super) fn arrived(&mut self, bytes: u64, room: &Room<'_>) {
        let now = Instant::now();
        let length_bytes = self.length_bytes.max(room.own_bytes + room.bytes);
        self.on_time_until = self.pace.earn(self.on_time_until, now, bytes, length_bytes);
        self.arriving.bytes.store(room.bytes, Ordering::Relaxed);
        self.arriving.on_time_until.store(self.bodies.milliseconds(self.on_time_until), Ordering::Relaxed);
    }

    /// Resolves when the rest of the body is not to be waited for.
    pub(super) async fn cut(&mut self) -> Cut {
        loop {
            tokio::select! {
                () = self.arriving.cut.notified() => return Cut::MakesRoom,
                () = &mut self.timer => {}
            }
            let due = (self.on_time_until + self.pace.grace).min(self.began + self.pace.whole);
            if due <= Instant::now() {
                return Cut::Slow;
            }
            // Moved only now: a timer for each part would cost more than most parts take.
            self.timer.as_mut().reset(due.into());
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.bodies.arriving().bodies.remove(&self.arriving);
    }
}

#[cfg(test)]
mod tests;

//! The connections of a listener: how many there may be, and which one makes room for another.
//!
//! A connection has a seat. It is idle while no request of it is under way; the body of a request without a known key
//! does not count before it has arrived whole. If all seats are taken, an idle connection makes room for the next, in the
//! order of [`Class`]: one without a request with the key of a user before one that has had such a request, and within a
//! class the one that has been idle the longest. A connection with a request under way never does. Requests without a key
//! may be under way on a part of the seats only, so that the others are idle, or work for clients that have one.
//!
//! An address that holds more than its share ([`Share`](super::address::Share)) gets another seat only from itself.
//!
//! Invariant: `seated + leaving` is the number of connections that are open, and at most `seats_max` and [`LEAVING_MAX`].

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use posthouse_aws::Standing;
use tokio::sync::Notify;

use super::address::{Address, AddressKey, Shares};
use super::roster::{Pause, Place, Placed, Roster};

/// Connections that have made room and are not closed yet. They hold a file each, beyond the limit on connections.
pub(super) const LEAVING_MAX: usize = 32;
/// Connections that one search chooses, so that a newcomer rarely causes one.
const CHOSEN_MAX: usize = 64;
/// How long a listener waits for connections that make room to be closed, which takes them a turn of their tasks.
const SETTLING_MAX: Duration = Duration::from_millis(100);
/// How long those remain chosen. Others may have come that are to go before them.
const CHOSEN_MILLISECONDS_MAX: u64 = 100;
/// How long a connection may take to its first request before it counts as one without a key.
const NEW_MILLISECONDS_MAX: u64 = 1_000;
/// After this time without a request a connection with a key makes room for the first request of a new one.
const LONG_IDLE_MILLISECONDS: u64 = 10_000;

/// How many connections a listener takes.
#[derive(Clone, Debug)]
pub(super) struct SeatLimits {
    pub(super) seats_max: usize,
    /// Requests without a known key that may be under way at once.
    pub(super) unkeyed_max: usize,
    pub(super) shares: Shares,
}

/// Why a connection gets no seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// All seats are taken, and none is idle.
    Listener,
    /// Its address has its share, and none of its seats is idle.
    Address,
}

/// The seats of a listener.
#[derive(Debug)]
pub(super) struct Seats {
    limits: SeatLimits,
    began: Instant,
    /// Requests without a known key that are under way.
    unkeyed: AtomicUsize,
    table: Mutex<Table>,
    /// Whether as many connections make room as may.
    is_settling: AtomicBool,
    settled: Notify,
}

#[derive(Debug, Default)]
struct Table {
    /// Connections with a seat.
    seated: usize,
    /// Connections that have made room and are not closed yet.
    leaving: usize,
    addresses: HashMap<AddressKey, Party>,
    chosen: Chosen,
}

/// The connections of one address.
#[derive(Debug)]
struct Party {
    address: Arc<Address>,
    seats: Roster<Seat>,
    chosen: Chosen,
}

/// Idle connections that a search found, the first to go at the end, each with the time since which it is idle.
#[derive(Debug, Default)]
struct Chosen {
    seats: Vec<(u64, Arc<Seat>)>,
    /// When they were found.
    found: u64,
    pause: Pause,
}

/// What is known of the client of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Known {
    /// It has sent no request.
    New,
    /// It has sent requests, and none with the key of a user.
    Unkeyed,
    /// It has sent a request with the key of a user, or there are no users.
    Keyed,
}

/// The order in which idle connections make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Without a request with a key.
    Unkeyed,
    /// With one, but not for [`LONG_IDLE_MILLISECONDS`].
    LongIdle,
    /// Too new to have sent one.
    New,
    /// With one not long ago.
    Keyed,
}

/// The state of one connection, as far as it says whether the connection may be closed.
#[derive(Debug)]
pub(super) struct Seat {
    address: Arc<Address>,
    place: Place,
    /// Requests under way that keep the connection open.
    under_way: AtomicUsize,
    /// Since when there is none, in milliseconds since the listener began.
    idle_since: AtomicU64,
    /// A [`Known`].
    known: AtomicU8,
    /// Whether it has made room or is closed. Changed under the table's lock.
    leaves: AtomicBool,
    leave: Notify,
}

impl Placed for Seat {
    fn place(&self) -> &Place {
        &self.place
    }
}

impl Seat {
    /// Since when the connection is idle. `None` while a request is under way, and once it makes room.
    fn idle_since(&self) -> Option<u64> {
        let idle = self.under_way.load(Ordering::Relaxed) == 0 && !self.leaves.load(Ordering::Relaxed);
        idle.then(|| self.idle_since.load(Ordering::Relaxed))
    }

    /// The place of the connection in the order in which idle ones make room at `now`, the first to go being the least.
    fn rank(&self, now: u64) -> Option<(Class, u64)> {
        let since = self.idle_since()?;
        let idle = now.saturating_sub(since);
        let known = self.known.load(Ordering::Relaxed);
        let class = if known == Known::Keyed as u8 {
            if idle < LONG_IDLE_MILLISECONDS { Class::Keyed } else { Class::LongIdle }
        } else if known == Known::New as u8 && idle < NEW_MILLISECONDS_MAX {
            Class::New
        } else {
            Class::Unkeyed
        };
        Some((class, since))
    }

    /// Notes what has become known of the client. What was known remains so.
    fn note(&self, known: Known) {
        if self.known.load(Ordering::Relaxed) < known as u8 {
            self.known.fetch_max(known as u8, Ordering::Relaxed);
        }
    }
}

impl Chosen {
    /// The idle connection among `seats` that is to go first at `now`, as of the last search.
    fn next<'a>(&mut self, clock: Clock, seats: impl FnOnce() -> Vec<&'a Arc<Seat>>) -> Option<Arc<Seat>> {
        let now = clock.milliseconds();
        if now - self.found < CHOSEN_MILLISECONDS_MAX {
            while let Some((since, seat)) = self.seats.pop() {
                if seat.idle_since() == Some(since) {
                    return Some(seat);
                }
            }
        }
        let found = &mut self.seats;
        self.found = now;
        self.pause.search(clock.now, || {
            let mut idle: Vec<_> = seats().into_iter().filter_map(|seat| Some((seat.rank(now)?, seat))).collect();
            let first = idle.iter().map(|((class, _), _)| *class).min()?;
            idle.retain(|((class, _), _)| *class == first);
            if idle.len() > CHOSEN_MAX {
                idle.select_nth_unstable_by_key(CHOSEN_MAX, |((_, since), _)| *since);
                idle.truncate(CHOSEN_MAX);
            }
            idle.sort_unstable_by_key(|((_, since), _)| core::cmp::Reverse(*since));
            *found = idle.into_iter().map(|((_, since), seat)| (since, Arc::clone(seat))).collect();
            found.pop().map(|(_, seat)| seat)
        })
    }
}

/// The time, as a listener counts it.
#[derive(Clone, Copy)]
struct Clock {
    began: Instant,
    now: Instant,
}

impl Clock {
    fn milliseconds(self) -> u64 {
        u64::try_from(self.now.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }
}

impl Seats {
    pub(super) fn new(limits: SeatLimits) -> Arc<Self> {
        let table = Mutex::default();
        Arc::new(Self {
            limits,
            began: Instant::now(),
            unkeyed: AtomicUsize::new(0),
            table,
            is_settling: AtomicBool::new(false),
            settled: Notify::new(),
        })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clock(&self) -> Clock {
        Clock { began: self.began, now: Instant::now() }
    }

    /// Waits while so many connections make room that none other may, for [`SETTLING_MAX`] at most. To be called before a
    /// connection is accepted.
    pub(super) async fn settled(&self) {
        if self.is_settling.load(Ordering::Relaxed) {
            // After the time a newcomer is refused.
            let _ = tokio::time::timeout(SETTLING_MAX, self.settled.notified()).await;
        }
    }

    /// A seat for a connection from `client`, perhaps that of an idle connection.
    ///
    /// # Errors
    /// [`Full`]
    pub(super) fn take(self: &Arc<Self>, client: IpAddr) -> Result<Seated, Full> {
        let clock = self.clock();
        let key = AddressKey::of(client);
        let mut table = self.table();
        self.make_room(&mut table, key, client, clock)?;
        let party = match table.addresses.entry(key) {
            Entry::Occupied(party) => party.into_mut(),
            Entry::Vacant(none) => {
                let address = Arc::new(Address::new(key, self.limits.shares.of(client)));
                none.insert(Party { address, seats: Roster::default(), chosen: Chosen::default() })
            }
        };
        let seat = Arc::new(Seat {
            address: Arc::clone(&party.address),
            place: Place::default(),
            under_way: AtomicUsize::new(0),
            idle_since: AtomicU64::new(clock.milliseconds()),
            known: AtomicU8::new(Known::New as u8),
            leaves: AtomicBool::new(false),
            leave: Notify::new(),
        });
        party.seats.add(Arc::clone(&seat));
        table.seated += 1;
        Ok(Seated { seats: Arc::clone(self), seat })
    }

    /// Makes sure that there is a seat for one more connection of an address.
    fn make_room(&self, table: &mut Table, key: AddressKey, client: IpAddr, clock: Clock) -> Result<(), Full> {
        let Table { seated, leaving, addresses, chosen } = table;
        let seats_max = self.limits.seats_max;
        let party = addresses.get_mut(&key);
        let held = party.as_ref().map_or(0, |party| party.seats.len());
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let within_share =
            self.limits.shares.of(client).permits(count(held + 1), count(seats_max), count(*seated - held));
        if within_share && *seated < seats_max {
            return Ok(());
        }
        if *leaving == LEAVING_MAX {
            return Err(Full::Listener);
        }
        let makes_room = match party {
            Some(Party { seats, chosen, .. }) if !within_share => {
                chosen.next(clock, || seats.iter().collect()).ok_or(Full::Address)?
            }
            _ => {
                let all = || addresses.values().flat_map(|party| party.seats.iter()).collect();
                chosen.next(clock, all).ok_or(Full::Listener)?
            }
        };
        makes_room.leaves.store(true, Ordering::Relaxed);
        makes_room.leave.notify_one();
        table.seated -= 1;
        table.leaving += 1;
        if table.leaving == LEAVING_MAX {
            self.is_settling.store(true, Ordering::Relaxed);
        }
        table.unseat(&makes_room);
        Ok(())
    }

    fn has_closed(&self, seat: &Arc<Seat>) {
        let mut table = self.table();
        if seat.leaves.swap(true, Ordering::Relaxed) {
            table.leaving -= 1;
            if self.is_settling.swap(false, Ordering::Relaxed) {
                self.settled.notify_one();
            }
        } else {
            table.seated -= 1;
            table.unseat(seat);
        }
    }
}

impl Table {
    fn unseat(&mut self, seat: &Arc<Seat>) {
        let Entry::Occupied(mut party) = self.addresses.entry(seat.address.key()) else { return };
        party.get_mut().seats.remove(seat);
        if party.get().seats.len() == 0 {
            party.remove();
        }
    }
}

/// A connection's seat. Dropping it says that the connection is closed.
#[derive(Debug)]
pub(super) struct Seated {
    seats: Arc<Seats>,
    seat: Arc<Seat>,
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.seats.has_closed(&self.seat);
    }
}

impl Seated {
    /// The connection's address, with what it holds.
    pub(super) fn address(&self) -> &Address {
        &self.seat.address
    }

    /// Notes that a request keeps the connection open from now on. `None` if it has no known key, and as many such
    /// requests are under way as may be.
    pub(super) fn under_way(self: &Arc<Self>, standing: Standing) -> Option<UnderWay> {
        match standing {
            Standing::Keyed => {}
            Standing::Unkeyed => {
                let unkeyed = &self.seats.unkeyed;
                if unkeyed.fetch_add(1, Ordering::Relaxed) >= self.seats.limits.unkeyed_max {
                    unkeyed.fetch_sub(1, Ordering::Relaxed);
                    return None;
                }
                self.seat.note(Known::Unkeyed);
            }
        }
        self.seat.under_way.fetch_add(1, Ordering::Relaxed);
        Some(UnderWay { seated: Arc::clone(self), standing })
    }

    /// Notes that a request was signed with the key of a user, or that there are no users.
    pub(super) fn verified(&self) {
        self.seat.note(Known::Keyed);
    }

    /// Waits until the connection is to make room for another.
    pub(super) async fn makes_room(&self) {
        self.seat.leave.notified().await;
    }

    /// Whether a request keeps the connection open.
    pub(super) fn is_busy(&self) -> bool {
        self.seat.under_way.load(Ordering::Relaxed) > 0
    }
}

/// A request that keeps its connection open. Dropping it says that the request has ended.
#[derive(Debug)]
pub(super) struct UnderWay {
    seated: Arc<Seated>,
    standing: Standing,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let Seated { seats, seat } = &*self.seated;
        if self.standing == Standing::Unkeyed {
            seats.unkeyed.fetch_sub(1, Ordering::Relaxed);
        }
        // Noted before the count is lowered: a connection is never idle since long ago because its note is old.
        seat.idle_since.store(seats.clock().milliseconds(), Ordering::Relaxed);
        seat.under_way.fetch_sub(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests;

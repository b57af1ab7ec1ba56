//! The budget of answers: how many bytes of memory all answers that clients have not read yet may hold, and how many
//! those of one connection.
//!
//! Room is taken before a request is handled, and for a ReceiveMessage on the core loop, before its messages are
//! received. What has no room is not received. The room of a part of an answer is free again once the socket has taken
//! the part, or the connection has ended.
//!
//! Each connection has [`OWN_BYTES`] of its own besides the budget, so that small answers touch no memory that
//! connections share, and have room whatever other clients leave unread. A part of the budget is for other answers than
//! messages ([`Kind`]): a queue can be looked at while messages wait for room.
//!
//! Invariants: the rooms of all connections hold at most [`AnswerBudget::new`]'s bytes beside their own; a connection
//! waits for others only where an answer is larger than its own bytes; what waits for room holds none of the budget that
//! all connections share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, timeout_at};

/// Bytes of each connection's own: its share of what an idle or honest connection costs in memory.
pub(crate) const OWN_BYTES: u32 = 16 * 1024;
/// What a message takes in an answer beside its record: its place in memory, names, digests and the receipt handle.
pub(crate) const MESSAGE_BYTES: u32 = 1024;
/// What an answer may hold more than it needs: to free that is not worth the work.
const SURPLUS_BYTES: u32 = 1024;
/// An answer takes at most this part of what is left of the budget, if it has more than one message. Many receives at
/// once then get fewer messages each, instead of some all and others none.
const PARTS: usize = 4;
/// The part of the budget that is for other answers than messages, as a divisor.
const OTHERS: usize = 8;
/// How often the log says that answers wait for room.
const WARNING_PAUSE: Duration = Duration::from_secs(60);

/// What an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Received messages.
    Messages,
    /// Anything else: listings, attributes, receipts of sends.
    Other,
}

/// The budget that all connections share.
pub struct AnswerBudget {
    messages: Semaphore,
    others: Semaphore,
    bytes_max: usize,
    connection_bytes_max: u32,
    began: Instant,
    /// When the log may say again that answers wait: seconds since the beginning.
    warn_from: AtomicU64,
    waited: AtomicU64,
}

impl AnswerBudget {
    /// A budget of `bytes_max` bytes, of which one connection may hold `connection_bytes_max` at once.
    #[must_use]
    pub fn new(bytes_max: usize, connection_bytes_max: usize) -> Arc<Self> {
        let bytes_max = bytes_max.min(Semaphore::MAX_PERMITS);
        let others = bytes_max / OTHERS;
        let connection_bytes_max = u32::try_from(connection_bytes_max.min(others)).unwrap_or(u32::MAX);
        Arc::new(Self {
            messages: Semaphore::new(bytes_max - others),
            others: Semaphore::new(others),
            bytes_max,
            connection_bytes_max,
            began: Instant::now(),
            warn_from: AtomicU64::new(0),
            waited: AtomicU64::new(0),
        })
    }

    /// The account of a connection that was just accepted.
    pub(crate) fn account(self: &Arc<Self>) -> Arc<AnswerAccount> {
        Arc::new(AnswerAccount {
            budget: Arc::clone(self),
            own: AtomicU32::new(OWN_BYTES),
            share: Semaphore::new(self.connection_bytes_max as usize),
            freed: Notify::new(),
            waiting: AtomicUsize::new(0),
            sent: AtomicU64::new(0),
        })
    }

    /// Bytes that answers hold, beside what each connection has of its own.
    pub(crate) fn held_bytes(&self) -> u64 {
        (self.bytes_max - self.messages.available_permits() - self.others.available_permits()) as u64
    }

    const fn shared(&self, kind: Kind) -> &Semaphore {
        match kind {
            Kind::Messages => &self.messages,
            Kind::Other => &self.others,
        }
    }

    /// Answers that had to wait for room.
    pub(crate) fn waited(&self) -> u64 {
        self.waited.load(Ordering::Relaxed)
    }

    /// Counts an answer that waits. If other connections hold the room that it waits for, the log says so, once a minute
    /// at most.
    fn note_waiting(&self, kind: Kind, bytes: u32) {
        self.waited.fetch_add(1, Ordering::Relaxed);
        if self.shared(kind).available_permits() >= bytes as usize {
            return;
        }
        let now = self.began.elapsed().as_secs();
        let from = self.warn_from.load(Ordering::Relaxed);
        let next = now + WARNING_PAUSE.as_secs();
        if now >= from && self.warn_from.compare_exchange(from, next, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            tracing::warn!(
                held_bytes = self.held_bytes(),
                bytes_max = self.bytes_max,
                "answers that clients have not read hold `limits.answers_bytes_max`: other answers wait for room"
            );
        }
    }
}

/// What one connection holds of the budget.
pub(crate) struct AnswerAccount {
    budget: Arc<AnswerBudget>,
    /// What is left of the connection's own bytes.
    own: AtomicU32,
    /// What the connection may still take of the budget.
    share: Semaphore,
    /// Notified when room is free again, if a small answer of this connection waits.
    freed: Notify,
    waiting: AtomicUsize,
    /// Bytes of answers that the socket has taken.
    sent: AtomicU64,
}

impl AnswerAccount {
    /// Room for nothing yet.
    pub(crate) fn no_room(self: &Arc<Self>, kind: Kind) -> AnswerRoom {
        AnswerRoom { account: Arc::clone(self), kind, own_bytes: 0, shared_bytes: 0, bytes_max: u32::MAX }
    }

    /// Room for an answer of at most so many bytes. Waits for it for `patience`: `None` if there was none by then.
    ///
    /// An answer of at most the connection's own bytes waits for earlier answers of the same connection only. A larger
    /// one takes its turn among all that wait.
    pub(crate) async fn room(self: &Arc<Self>, bytes: usize, patience: Duration) -> Option<AnswerRoom> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let mut room = self.no_room(Kind::Other);
        if room.grow(bytes) {
            return Some(room);
        }
        self.wait_for_room(room, bytes, Instant::now() + patience).await
    }

    /// Room for the first message that did not fit, with a record of this length, or for several of this length together.
    /// Waits for it until `deadline`: `None` if there was none by then.
    pub(crate) async fn room_for_record(self: &Arc<Self>, bytes: u64, deadline: Instant) -> Option<AnswerRoom> {
        let bytes = self.message_bytes(u32::try_from(bytes).unwrap_or(u32::MAX));
        let mut room = self.no_room(Kind::Messages);
        if room.grow(bytes) {
            return Some(room);
        }
        self.wait_for_room(room, bytes, deadline).await
    }

    async fn wait_for_room(&self, mut room: AnswerRoom, bytes: u32, deadline: Instant) -> Option<AnswerRoom> {
        self.budget.note_waiting(room.kind, bytes);
        let waiting = async {
            if bytes <= OWN_BYTES {
                self.own_room(&mut room, bytes).await;
            } else {
                self.shared_room(&mut room, bytes).await;
            }
        };
        timeout_at(deadline, waiting).await.ok()?;
        Some(room)
    }

    async fn own_room(&self, room: &mut AnswerRoom, bytes: u32) {
        let _counted = Counted::new(&self.waiting);
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            // Enabled before the room is looked for: what is freed after that resolves it.
            freed.as_mut().enable();
            if room.grow(bytes) {
                return;
            }
            freed.await;
        }
    }

    async fn shared_room(&self, room: &mut AnswerRoom, bytes: u32) {
        let bytes = bytes.min(self.budget.connection_bytes_max);
        // The connection's part first: what waits for it holds nothing of what all connections share.
        let part = self.share.acquire_many(bytes).await.expect("it is never closed");
        self.budget.shared(room.kind).acquire_many(bytes).await.expect("it is never closed").forget();
        part.forget();
        room.shared_bytes += bytes;
    }

    /// What a message with a record of this length takes. A message that is larger than a connection's part of the
    /// budget takes all of it.
    fn message_bytes(&self, record_bytes: u32) -> u32 {
        record_bytes.saturating_add(MESSAGE_BYTES).min(self.budget.connection_bytes_max)
    }

    /// Notes that the socket has taken bytes of an answer.
    pub(crate) fn note_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes of answers that the socket has taken since the connection began.
    pub(crate) fn sent_bytes(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    fn release(&self, kind: Kind, own_bytes: u32, shared_bytes: u32) {
        if own_bytes > 0 {
            self.own.fetch_add(own_bytes, Ordering::SeqCst);
        }
        if shared_bytes > 0 {
            self.budget.shared(kind).add_permits(shared_bytes as usize);
            self.share.add_permits(shared_bytes as usize);
            fence(Ordering::SeqCst);
        }
        // Either this finds the count of an answer that waits, or that answer finds the room.
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.freed.notify_waiters();
        }
    }
}

/// Counts an answer that waits, for as long as it lives.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The room that one answer, or a part of it, has in memory. Dropping it frees the room.
pub(crate) struct AnswerRoom {
    account: Arc<AnswerAccount>,
    kind: Kind,
    own_bytes: u32,
    shared_bytes: u32,
    /// What several messages may take together. One message may take more.
    bytes_max: u32,
}

impl AnswerRoom {
    /// The same room, of which several messages take at most so many bytes.
    pub(crate) const fn at_most(mut self, bytes_max: u32) -> Self {
        self.bytes_max = bytes_max;
        self
    }

    pub(crate) fn account(&self) -> &Arc<AnswerAccount> {
        &self.account
    }

    pub(crate) const fn bytes(&self) -> u32 {
        self.own_bytes + self.shared_bytes
    }

    /// Takes room for so many more bytes, and returns whether there is that much.
    fn grow(&mut self, bytes: u32) -> bool {
        let account = &*self.account;
        let less = |own: u32| own.checked_sub(bytes);
        if account.own.fetch_update(Ordering::SeqCst, Ordering::Relaxed, less).is_ok() {
            self.own_bytes += bytes;
            return true;
        }
        let bytes = bytes.min(account.budget.connection_bytes_max);
        let Ok(part) = account.share.try_acquire_many(bytes) else { return false };
        let Ok(shared) = account.budget.shared(self.kind).try_acquire_many(bytes) else { return false };
        part.forget();
        shared.forget();
        self.shared_bytes += bytes;
        true
    }

    /// Takes room for as many messages as fit, of records with these lengths. Returns how many. There is room for at
    /// least one if its bytes are left, and for all if this room is all that the connection may hold.
    pub(crate) fn fit(&mut self, lengths: &[u32]) -> usize {
        let account = Arc::clone(&self.account);
        let held = self.bytes();
        if held >= account.budget.connection_bytes_max && self.bytes_max == u32::MAX {
            return lengths.len();
        }
        let left = account.share.available_permits().min(account.budget.shared(self.kind).available_permits() / PARTS);
        let most = (held as usize).max(account.own.load(Ordering::Relaxed) as usize).max(held as usize + left);
        let mut wanted = 0_u32;
        let mut count = 0;
        for &length in lengths {
            let more = wanted.saturating_add(account.message_bytes(length));
            if count > 0 && (more as usize > most || more > self.bytes_max) {
                break;
            }
            wanted = more;
            count += 1;
        }
        if self.grow(wanted.saturating_sub(held)) {
            return count;
        }
        // Another thread was faster, or the budget is nearly used up: one message may still fit.
        let first = lengths.first().map_or(0, |length| account.message_bytes(*length));
        usize::from(count > 1 && self.grow(first.saturating_sub(held)))
    }

    /// Frees what is above so many bytes, unless that is little.
    pub(crate) fn keep(&mut self, bytes: u32) {
        let surplus = self.bytes().saturating_sub(bytes);
        if surplus > SURPLUS_BYTES {
            drop(self.split(surplus));
        }
    }

    /// Frees all of it.
    pub(crate) fn clear(&mut self) {
        drop(self.split(self.bytes()));
    }

    /// The room of a part of the answer, of `bytes` or of as many as there are.
    pub(crate) fn split(&mut self, bytes: u32) -> Self {
        let shared_bytes = bytes.min(self.shared_bytes);
        let own_bytes = (bytes - shared_bytes).min(self.own_bytes);
        self.shared_bytes -= shared_bytes;
        self.own_bytes -= own_bytes;
        Self { account: Arc::clone(&self.account), kind: self.kind, own_bytes, shared_bytes, bytes_max: self.bytes_max }
    }
}

impl Drop for AnswerRoom {
    fn drop(&mut self) {
        self.account.release(self.kind, self.own_bytes, self.shared_bytes);
    }
}

#[cfg(test)]
mod tests;

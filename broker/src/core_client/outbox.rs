//! The hand-over of responses from the core loop to the I/O shards: in one piece
//! those that a commit has made possible, in another all others of an iteration of the loop.
//!
//! The loop's [`Outbox`] gathers responses by shard, which takes no lock. A flush swaps what gathered
//! for a shard with the empty vector in the shard's [`Mailbox`], under one short lock, and wakes the shard's thread, if
//! it has taken everything that came before. So a flush costs each shard that it has responses for one lock and one
//! wake-up at most, however many the responses are. Nearly every response waits for a commit, so that the second flush of
//! an iteration seldom has any.
//!
//! Invariant: a mailbox with letters has no waker. The shard registers one only where it finds the mailbox empty.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::delivery::Delivery;

/// Letters that the vectors of a mailbox keep room for while they are empty: more come only together.
const KEPT_LETTERS_MAX: usize = 1024;

/// Which of the I/O shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardNumber(u16);

impl ShardNumber {
    /// The index of what belongs to the shard, in a list with one entry for each.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where a caller waits within its shard. A slot has many callers, one after the other, each in a generation of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// A response on its way to a shard.
pub(crate) struct Letter {
    pub(crate) slot: Slot,
    pub(crate) delivery: Delivery,
}

/// The core loop has ended: no letter comes any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LoopEnded;

/// What the core loop has for one shard. Both hold it.
#[derive(Clone)]
pub struct Mailbox {
    number: ShardNumber,
    content: Arc<Mutex<Content>>,
}

/// Aligned so that a shard and the loop share no line of the processor's caches with another shard.
#[derive(Default)]
#[repr(align(128))]
struct Content {
    letters: Vec<Letter>,
    /// What wakes the shard; `None` while the shard need not be woken.
    waker: Option<Waker>,
    /// Whether the core loop has ended.
    ended: bool,
}

impl Mailbox {
    /// The shard that it belongs to.
    #[must_use]
    pub const fn number(&self) -> ShardNumber {
        self.number
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes all letters into `letters`, which must be empty. Registers the task for the next ones where there are none.
    pub(crate) fn poll(&self, letters: &mut Vec<Letter>, cx: &Context<'_>) -> Poll<Result<(), LoopEnded>> {
        debug_assert!(letters.is_empty(), "letters are delivered before others are taken");
        let mut content = self.content();
        if !content.letters.is_empty() {
            core::mem::swap(&mut content.letters, letters);
            return Poll::Ready(Ok(()));
        }
        if content.ended {
            return Poll::Ready(Err(LoopEnded));
        }
        content.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Puts letters in, and leaves an empty vector.
    fn fill(&self, letters: &mut Vec<Letter>) {
        let mut content = self.content();
        if content.letters.is_empty() {
            core::mem::swap(&mut content.letters, letters);
        } else {
            content.letters.append(letters);
        }
        let waker = content.waker.take();
        drop(content);
        // After the lock, which the shard takes as soon as it is awake.
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn end(&self) {
        let mut content = self.content();
        content.ended = true;
        let waker = content.waker.take();
        drop(content);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The core loop's side: what gathers between two flushes. Dropping it ends the waits of all callers.
pub struct Outbox {
    shards: Box<[Outgoing]>,
}

struct Outgoing {
    mailbox: Mailbox,
    letters: Vec<Letter>,
}

impl Outbox {
    /// An outbox for so many shards, and their mailboxes in the order of their numbers.
    #[must_use]
    pub fn new(shards: u16) -> (Self, Vec<Mailbox>) {
        let numbers = (0..shards).map(ShardNumber);
        let mailboxes: Vec<_> = numbers.map(|number| Mailbox { number, content: Arc::default() }).collect();
        let shards = mailboxes.iter().map(|mailbox| Outgoing { mailbox: mailbox.clone(), letters: Vec::new() });
        (Self { shards: shards.collect() }, mailboxes)
    }

    /// Adds a letter, which the next flush passes on.
    pub(super) fn put(&mut self, shard: ShardNumber, letter: Letter) {
        self.shards[shard.index()].letters.push(letter);
    }
}

impl posthouse_core::Outbox for Outbox {
    fn flush(&mut self) {
        for Outgoing { mailbox, letters } in &mut self.shards {
            if !letters.is_empty() {
                mailbox.fill(letters);
                letters.shrink_to(KEPT_LETTERS_MAX);
            }
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.shards.iter().for_each(|shard| shard.mailbox.end());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use posthouse_core::Outbox as _;
    use posthouse_model::Fault;

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Wakes {
        fn count(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn put(outbox: &mut Outbox, shard: &Mailbox, indices: std::ops::Range<u32>) {
        for index in indices {
            let slot = Slot { index, generation: 0 };
            outbox.put(shard.number(), Letter { slot, delivery: Delivery::of(Err(Fault::Throttled)) });
        }
    }

    fn indices(letters: &mut Vec<Letter>) -> Vec<u32> {
        letters.drain(..).map(|letter| letter.slot.index).collect()
    }

    #[test]
    fn the_letters_of_one_iteration_are_one_wake_up_a_shard() {
        let (mut outbox, mailboxes) = Outbox::new(2);
        let wakes: [Arc<Wakes>; 2] = Default::default();
        let wakers = wakes.each_ref().map(|wakes| Waker::from(Arc::clone(wakes)));
        let mut letters = Vec::new();
        for (mailbox, waker) in mailboxes.iter().zip(&wakers) {
            assert!(mailbox.poll(&mut letters, &Context::from_waker(waker)).is_pending());
        }
        put(&mut outbox, &mailboxes[0], 0..100);
        assert_eq!(wakes[0].count(), 0, "nothing leaves before the flush");
        outbox.flush();
        assert_eq!((wakes[0].count(), wakes[1].count()), (1, 0));
        put(&mut outbox, &mailboxes[0], 100..200);
        put(&mut outbox, &mailboxes[1], 0..3);
        outbox.flush();
        outbox.flush();
        assert_eq!((wakes[0].count(), wakes[1].count()), (1, 1), "a shard that has letters is awake or about to be");
        let mut context = Context::from_waker(&wakers[0]);
        assert_eq!(mailboxes[0].poll(&mut letters, &context), Poll::Ready(Ok(())));
        assert_eq!(indices(&mut letters), (0..200).collect::<Vec<_>>(), "in the order of the answers");
        assert!(mailboxes[0].poll(&mut letters, &context).is_pending());
        put(&mut outbox, &mailboxes[0], 0..1);
        outbox.flush();
        assert_eq!(wakes[0].count(), 2, "it slept");
        context = Context::from_waker(&wakers[1]);
        assert_eq!(mailboxes[1].poll(&mut letters, &context), Poll::Ready(Ok(())));
        assert_eq!(indices(&mut letters), [0, 1, 2]);
    }

    #[test]
    fn the_end_of_the_loop_comes_after_its_last_letters() {
        let (mut outbox, mailboxes) = Outbox::new(1);
        let (wakes, mut letters) = (Arc::new(Wakes::default()), Vec::new());
        let waker = Waker::from(Arc::clone(&wakes));
        let context = Context::from_waker(&waker);
        put(&mut outbox, &mailboxes[0], 0..1);
        outbox.flush();
        drop(outbox);
        assert_eq!(mailboxes[0].poll(&mut letters, &context), Poll::Ready(Ok(())));
        assert_eq!(indices(&mut letters), [0]);
        assert_eq!(mailboxes[0].poll(&mut letters, &context), Poll::Ready(Err(LoopEnded)));

        let (outbox, mailboxes) = Outbox::new(1);
        assert!(mailboxes[0].poll(&mut letters, &context).is_pending());
        drop(outbox);
        assert_eq!(wakes.count(), 1);
    }
}

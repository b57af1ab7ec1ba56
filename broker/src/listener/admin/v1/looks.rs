//! Looks at all queues and topics, shared by everything that lists them.
//!
//! A look is taken by the core loop in slices between requests. One is taken at a time, and it serves all requests of the
//! following second, so that however many clients list queues, the loop takes one look a second for them, and none while none
//! does. Rates are the difference between two looks. What is held is dropped a minute after its last use.

use std::sync::{Arc, Weak};
use std::time::Duration;

use posthouse_core::{Inbox, Inspection};
use posthouse_engine::{Counters, QueueOverview, TopicCounters, TopicOverview};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::super::scrape::look;
use super::error::{ApiError, Code};
use crate::core_client::ReplySender;

/// How long a look serves: a little less than the second that watchers wait, so that each event of one has a look of its own.
const FRESH: Duration = Duration::from_millis(900);
/// How far the earlier of the two looks that rates are made of may lie back before a later one takes its place.
const RATES_OVER_MAX: Duration = Duration::from_secs(15);
/// How long looks are held without use.
const UNUSED_MAX: Duration = Duration::from_secs(60);

/// All queues and topics at one moment, and what they did in the time before.
pub(super) struct Look {
    pub(super) inspection: Arc<Inspection>,
    /// `None` if no earlier look was held.
    pub(super) rates: Option<Rates>,
}

/// What queues and topics did, in the order of the look's lists.
pub(super) struct Rates {
    pub(super) queues: Vec<QueueRates>,
    pub(super) topics: Vec<TopicRates>,
}

/// Messages a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct QueueRates {
    pub(super) sent: f64,
    pub(super) received: f64,
    pub(super) deleted: f64,
}

/// Messages a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TopicRates {
    pub(super) published: f64,
}

impl QueueRates {
    /// Messages sent and received in a thousand seconds.
    pub(super) fn thousandths(&self) -> u64 {
        thousandths(self.sent + self.received)
    }
}

impl TopicRates {
    /// Messages published in a thousand seconds.
    pub(super) fn thousandths(&self) -> u64 {
        thousandths(self.published)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is not negative, and far below 2^53"
)]
fn thousandths(rate: f64) -> u64 {
    (rate * 1_000.0) as u64
}

/// To three decimal places: more is noise.
fn rounded(rate: f64) -> f64 {
    (rate * 1_000.0).round() / 1_000.0
}

/// The looks that are held. Clones share them.
#[derive(Clone)]
pub(super) struct Looks {
    listed_max: usize,
    held: Arc<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    latest: Option<(Instant, Arc<Look>)>,
    /// The look that rates are counted from.
    base: Option<(Instant, Arc<Inspection>)>,
    used: Option<Instant>,
}

impl Looks {
    /// Looks that list this many queues and topics at most.
    pub(super) fn new(listed_max: usize) -> Self {
        Self { listed_max, held: Arc::default() }
    }

    /// A look that was taken a second ago at most.
    ///
    /// # Errors
    /// `unavailable` if the core loop takes none within its patience.
    pub(super) async fn latest(&self, inbox: &Inbox<ReplySender>) -> Result<Arc<Look>, ApiError> {
        // Held while a look is taken: all who ask meanwhile get that one.
        let mut held = self.held.lock().await;
        // Before the look: its caller may go while it is taken.
        if held.used.replace(Instant::now()).is_none() {
            tokio::spawn(drop_unused(Arc::downgrade(&self.held)));
        }
        if let Some((at, look)) = &held.latest
            && at.elapsed() < FRESH
        {
            return Ok(Arc::clone(look));
        }
        let inspection = look(inbox, self.listed_max).await;
        let inspection = inspection.ok_or_else(|| {
            ApiError::new(Code::Unavailable, "the core loop does not answer: /healthz says what is wrong")
        })?;
        Ok(held.add(Instant::now(), inspection))
    }

    /// A look that has rates: if no earlier one is held, two are taken, a second apart.
    ///
    /// # Errors
    /// Those of [`Looks::latest`].
    pub(super) async fn with_rates(&self, inbox: &Inbox<ReplySender>) -> Result<Arc<Look>, ApiError> {
        let first = self.latest(inbox).await?;
        if first.rates.is_some() {
            return Ok(first);
        }
        tokio::time::sleep(FRESH).await;
        self.latest(inbox).await
    }
}

impl Held {
    fn add(&mut self, at: Instant, inspection: Arc<Inspection>) -> Arc<Look> {
        let latest = self.latest.take().map(|(at, look)| (at, Arc::clone(&look.inspection)));
        let is_old = |base: &(Instant, Arc<Inspection>)| at.duration_since(base.0) > RATES_OVER_MAX;
        if self.base.as_ref().is_none_or(is_old) && latest.is_some() {
            self.base = latest;
        }
        let rates = self.base.as_ref().map(|(from, base)| Rates::between(base, &inspection, at.duration_since(*from)));
        let look = Arc::new(Look { inspection, rates });
        self.latest = Some((at, Arc::clone(&look)));
        look
    }
}

/// Drops what is held once it was not used for a minute.
async fn drop_unused(held: Weak<Mutex<Held>>) {
    loop {
        tokio::time::sleep(UNUSED_MAX / 2).await;
        let Some(held) = held.upgrade() else { return };
        let mut held = held.lock().await;
        if held.used.is_none_or(|used| used.elapsed() >= UNUSED_MAX) {
            *held = Held::default();
            return;
        }
    }
}

impl Rates {
    fn between(base: &Inspection, now: &Inspection, over: Duration) -> Self {
        let seconds = over.as_secs_f64().max(0.001);
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 messages")]
        let rate = |before: u64, after: u64| rounded(after.saturating_sub(before) as f64 / seconds);
        let queue = |before: &Counters, after: &Counters| QueueRates {
            sent: rate(before.sent, after.sent),
            received: rate(before.received, after.received),
            deleted: rate(before.deleted, after.deleted),
        };
        let topic = |before: &TopicCounters, after: &TopicCounters| TopicRates {
            published: rate(before.published, after.published),
        };
        let (before, after) = (&base.overview, &now.overview);
        Self {
            queues: paired((&before.queues, &after.queues), |queue: &QueueOverview| (queue.id, queue.counters), queue),
            topics: paired(
                (&before.topics, &after.topics),
                |topic: &TopicOverview| (Arc::clone(&topic.address), topic.counters),
                topic,
            ),
        }
    }
}

/// For each item of the later list its rate since the earlier one, where an item that is new began with nothing. Both lists
/// are in the order of their keys.
fn paired<T, K: Ord, C: Default, R>(
    (before, after): (&[T], &[T]),
    key: impl Fn(&T) -> (K, C),
    rate: impl Fn(&C, &C) -> R,
) -> Vec<R> {
    let mut before = before.iter().map(&key).peekable();
    let rates = after.iter().map(&key).map(|(id, counters)| {
        while before.next_if(|(other, _)| *other < id).is_some() {}
        let earlier = before.next_if(|(other, _)| *other == id).map(|(_, counters)| counters);
        rate(&earlier.unwrap_or_default(), &counters)
    });
    rates.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_paired_with_its_own() {
        let rates = paired(
            (&[(1, 10), (3, 30), (4, 40)], &[(1, 11), (2, 5), (4, 44), (5, 1)]),
            |&(key, count): &(u32, u64)| (key, count),
            |before, after| after - before,
        );
        assert_eq!(rates, [1, 5, 4, 1]);
    }
}

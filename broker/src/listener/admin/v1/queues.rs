//! `GET /v1/queues`: all queues, filtered and sorted by the broker, in parts.

use std::sync::Arc;

use axum::extract::State;
use posthouse_engine::QueueOverview;
use posthouse_model::{AccountId, QueueAddress, Region};
use serde::{Deserialize, Serialize};

use super::Api;
use super::answer::{Json, List, Named, Time};
use super::error::{ApiError, Code};
use super::input::{Cursor, Limit, Params, Parsed};
use super::looks::{Look, QueueRates};
use super::queue_path::Core;
use super::ranking::Ranking;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    #[serde(default)]
    limit: Limit,
    after: Option<Cursor>,
    #[serde(default)]
    sort: Sort,
    /// A part of the queue's name.
    filter: Option<String>,
    account: Option<Parsed<AccountId>>,
    region: Option<Parsed<Region>>,
}

/// The order of a listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sort {
    #[default]
    Name,
    /// Most messages first.
    Depth,
    /// The oldest message first.
    Age,
    /// Most messages a second sent and received first.
    Rate,
}

#[derive(Serialize)]
pub(super) struct QueueItem {
    #[serde(flatten)]
    named: Named,
    #[serde(flatten)]
    figures: Figures,
}

/// What a look shows of a queue.
#[derive(Serialize)]
pub(super) struct Figures {
    messages_visible: u64,
    messages_in_flight: u64,
    messages_delayed: u64,
    messages_damaged: u64,
    waiting_receives: u64,
    oldest_message_sent: Option<Time>,
    oldest_message_age_seconds: Option<u64>,
    per_second: Option<PerSecond>,
    since_start: SinceStart,
}

#[derive(Serialize)]
struct PerSecond {
    sent: f64,
    received: f64,
    deleted: f64,
}

#[derive(Serialize)]
struct SinceStart {
    sent: u64,
    received: u64,
    deleted: u64,
    dead_lettered: u64,
    expired: u64,
    set_aside: u64,
}

impl Figures {
    pub(super) fn of(queue: &QueueOverview, rates: Option<&QueueRates>) -> Self {
        let counters = queue.counters;
        Self {
            messages_visible: queue.visible,
            messages_in_flight: queue.in_flight,
            messages_delayed: queue.delayed,
            messages_damaged: queue.damaged,
            waiting_receives: queue.waiting,
            oldest_message_sent: queue.oldest_sent.map(Time),
            oldest_message_age_seconds: queue.oldest_age.map(|age| age.as_secs()),
            per_second: rates.map(|rates| PerSecond {
                sent: rates.sent,
                received: rates.received,
                deleted: rates.deleted,
            }),
            since_start: SinceStart {
                sent: counters.sent,
                received: counters.received,
                deleted: counters.deleted,
                dead_lettered: counters.dead_lettered,
                expired: counters.expired,
                set_aside: counters.set_aside,
            },
        }
    }
}

impl QueueItem {
    fn of(queue: &QueueOverview, rates: Option<&QueueRates>) -> Self {
        Self { named: Named::from(&*queue.address), figures: Figures::of(queue, rates) }
    }
}

/// Answers with a part of the listing.
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Core(serving): Core,
    Params(query): Params<Query>,
) -> Result<Json<List<QueueItem>>, ApiError> {
    let look = match query.sort {
        Sort::Rate => api.lasting.looks.with_rates(&serving.inbox).await?,
        Sort::Name | Sort::Depth | Sort::Age => api.lasting.looks.latest(&serving.inbox).await?,
    };
    // Sorting 50,000 queues takes milliseconds, in which the thread of this task could serve others.
    let cut = tokio::task::spawn_blocking(move || query.cut(&look)).await;
    let list =
        cut.map_err(|_| ApiError::new(Code::Internal, "the listing failed: the log of the broker has the reason"))?;
    list.map(Json)
}

impl Query {
    /// The part of the listing that is asked for.
    ///
    /// # Errors
    /// `bad_request` if `after` is of another order.
    pub(super) fn cut(&self, look: &Look) -> Result<List<QueueItem>, ApiError> {
        let rates = look.rates.as_ref().map(|rates| &rates.queues);
        let rates_of = |number: usize| rates.map(|rates| &rates[number]);
        let queues = &look.inspection.overview.queues;
        let selected = queues.iter().enumerate().filter(|(_, queue)| self.selects(&queue.address));
        let valued = selected
            .map(|(number, queue)| (number, self.sort.value(queue, rates_of(number)), Arc::clone(&queue.address)));
        let ranking = Ranking { order: self.sort.as_str(), after: self.after.as_ref(), limit: self.limit };
        let (numbers, next) = ranking.cut(valued)?;
        let items = numbers.into_iter().map(|number| QueueItem::of(&queues[number], rates_of(number))).collect();
        Ok(List { items, next: next.map(|next| next.to_string()) })
    }

    fn selects(&self, address: &QueueAddress) -> bool {
        self.filter.as_ref().is_none_or(|part| address.name.as_str().contains(&**part))
            && self.account.as_ref().is_none_or(|account| account.0 == address.account)
            && self.region.as_ref().is_none_or(|region| region.0 == address.region)
    }
}

impl Sort {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Depth => "depth",
            Self::Age => "age",
            Self::Rate => "rate",
        }
    }

    /// What is compared, the greatest first.
    fn value(self, queue: &QueueOverview, rates: Option<&QueueRates>) -> u64 {
        match self {
            Self::Name => 0,
            Self::Depth => queue.visible + queue.in_flight + queue.delayed,
            // A time of sending stays the same while the age grows.
            Self::Age => queue.oldest_sent.map_or(0, |sent| u64::MAX - sent.as_millis()),
            Self::Rate => rates.map_or(0, QueueRates::thousandths),
        }
    }
}

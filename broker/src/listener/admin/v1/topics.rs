//! `GET /v1/topics`: all topics, filtered and sorted by the broker, in parts.

use std::sync::Arc;

use axum::extract::State;
use posthouse_engine::TopicOverview;
use posthouse_model::{AccountId, Region, TopicAddress};
use serde::{Deserialize, Serialize};

use super::Api;
use super::answer::{Json, List, Named};
use super::error::{ApiError, Code};
use super::input::{Cursor, Limit, Params, Parsed};
use super::looks::{Look, TopicRates};
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
    /// A part of the topic's name.
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
    /// Most messages that wait to be pushed first.
    Undelivered,
    /// Most messages a second published first.
    Rate,
}

#[derive(Serialize)]
pub(super) struct TopicItem {
    #[serde(flatten)]
    named: Named,
    #[serde(flatten)]
    figures: TopicFigures,
}

/// What a look shows of a topic.
#[derive(Serialize)]
pub(super) struct TopicFigures {
    subscriptions_confirmed: u64,
    subscriptions_pending: u64,
    messages_undelivered: u64,
    published_per_second: Option<f64>,
    since_start: SinceStart,
}

#[derive(Serialize)]
struct SinceStart {
    published: u64,
    matched: u64,
    failed: u64,
}

impl TopicFigures {
    pub(super) fn of(topic: &TopicOverview, rates: Option<&TopicRates>) -> Self {
        let counters = topic.counters;
        Self {
            subscriptions_confirmed: topic.confirmed,
            subscriptions_pending: topic.pending,
            messages_undelivered: topic.undelivered,
            published_per_second: rates.map(|rates| rates.published),
            since_start: SinceStart {
                published: counters.published,
                matched: counters.matched,
                failed: counters.failed,
            },
        }
    }
}

impl TopicItem {
    fn of(topic: &TopicOverview, rates: Option<&TopicRates>) -> Self {
        Self { named: Named::from(&*topic.address), figures: TopicFigures::of(topic, rates) }
    }
}

/// Answers with a part of the listing.
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Core(serving): Core,
    Params(query): Params<Query>,
) -> Result<Json<List<TopicItem>>, ApiError> {
    let look = match query.sort {
        Sort::Rate => api.lasting.looks.with_rates(&serving.inbox).await?,
        Sort::Name | Sort::Undelivered => api.lasting.looks.latest(&serving.inbox).await?,
    };
    let cut = tokio::task::spawn_blocking(move || query.cut(&look)).await;
    cut.map_err(|_| ApiError::new(Code::Internal, "the listing failed: the log of the broker has the reason"))?
        .map(Json)
}

impl Query {
    fn cut(&self, look: &Look) -> Result<List<TopicItem>, ApiError> {
        let rates = look.rates.as_ref().map(|rates| &rates.topics);
        let rates_of = |number: usize| rates.map(|rates| &rates[number]);
        let topics = &look.inspection.overview.topics;
        let selected = topics.iter().enumerate().filter(|(_, topic)| self.selects(&topic.address));
        let valued = selected
            .map(|(number, topic)| (number, self.sort.value(topic, rates_of(number)), Arc::clone(&topic.address)));
        let ranking = Ranking { order: self.sort.as_str(), after: self.after.as_ref(), limit: self.limit };
        let (numbers, next) = ranking.cut(valued)?;
        let items = numbers.into_iter().map(|number| TopicItem::of(&topics[number], rates_of(number))).collect();
        Ok(List { items, next: next.map(|next| next.to_string()) })
    }

    fn selects(&self, address: &TopicAddress) -> bool {
        self.filter.as_ref().is_none_or(|part| address.name.as_str().contains(&**part))
            && self.account.as_ref().is_none_or(|account| account.0 == address.account)
            && self.region.as_ref().is_none_or(|region| region.0 == address.region)
    }
}

impl Sort {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Undelivered => "undelivered",
            Self::Rate => "rate",
        }
    }

    /// What is compared, the greatest first.
    fn value(self, topic: &TopicOverview, rates: Option<&TopicRates>) -> u64 {
        match self {
            Self::Name => 0,
            Self::Undelivered => topic.undelivered,
            Self::Rate => rates.map_or(0, TopicRates::thousandths),
        }
    }
}

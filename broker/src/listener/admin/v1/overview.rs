//! `GET /v1/overview`: the broker in one look, in every stage of its life.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use posthouse_core::{Conditions, Inspection};
use posthouse_engine::{AllQueues, AllTopics};
use serde::Serialize;

use super::super::scrape::inspect;
use super::super::{Serving, Stage, failed, unready};
use super::Api;
use super::answer::{Json, Time};
use crate::clock;

#[derive(Serialize)]
pub(super) struct OverviewView {
    version: &'static str,
    now: Time,
    stage: &'static str,
    /// What is wrong, in words; empty while nothing is.
    problems: Vec<String>,
    /// Who may call the AWS API.
    authenticates: bool,
    /// `null` while the broker does not serve, or if its core loop does not answer within five seconds.
    state: Option<StateView>,
}

#[derive(Serialize)]
pub(super) struct StateView {
    queues: QueuesView,
    topics: TopicsView,
    damaged_messages: u64,
    waiting_receives: u64,
    inbox_requests: u64,
    /// Requests that the core loop has taken up since the start.
    requests: u64,
    storage: StorageView,
}

#[derive(Serialize)]
struct QueuesView {
    count: u64,
    messages_visible: u64,
    messages_in_flight: u64,
    messages_delayed: u64,
    /// Since the start, as all that follow.
    messages_sent: u64,
    messages_received: u64,
    messages_deleted: u64,
    messages_dead_lettered: u64,
    messages_expired: u64,
}

#[derive(Serialize)]
struct TopicsView {
    count: u64,
    subscriptions_confirmed: u64,
    subscriptions_pending: u64,
    /// Messages that wait to be pushed.
    messages_undelivered: u64,
    messages_published: u64,
    deliveries_failed: u64,
}

#[derive(Serialize)]
struct StorageView {
    full: bool,
    failed: bool,
    file_bytes: u64,
    live_bytes: u64,
    dead_bytes: u64,
    checkpoint_age_seconds: Option<u64>,
}

impl From<&AllQueues> for QueuesView {
    fn from(all: &AllQueues) -> Self {
        Self {
            count: all.count,
            messages_visible: all.visible,
            messages_in_flight: all.in_flight,
            messages_delayed: all.delayed,
            messages_sent: all.counters.sent,
            messages_received: all.counters.received,
            messages_deleted: all.counters.deleted,
            messages_dead_lettered: all.counters.dead_lettered,
            messages_expired: all.counters.expired,
        }
    }
}

impl From<&AllTopics> for TopicsView {
    fn from(all: &AllTopics) -> Self {
        Self {
            count: all.count,
            subscriptions_confirmed: all.confirmed,
            subscriptions_pending: all.pending,
            messages_undelivered: all.undelivered,
            messages_published: all.counters.published,
            deliveries_failed: all.counters.failed,
        }
    }
}

impl From<&Inspection> for StateView {
    fn from(view: &Inspection) -> Self {
        Self {
            queues: (&view.overview.all_queues).into(),
            topics: (&view.overview.all_topics).into(),
            damaged_messages: view.overview.damaged,
            waiting_receives: view.waiting_receives as u64,
            inbox_requests: view.inbox_length as u64,
            requests: view.core.requests,
            storage: StorageView {
                full: view.storage_full,
                failed: view.failure.is_some(),
                file_bytes: view.log.segment_bytes + view.log.spare_bytes,
                live_bytes: view.log.live_bytes,
                dead_bytes: view.log.dead_bytes,
                checkpoint_age_seconds: view.since_checkpoint.as_ref().map(Duration::as_secs),
            },
        }
    }
}

pub(super) async fn show(State(api): State<Arc<Api>>) -> Json<OverviewView> {
    let stage = api.stage.borrow().clone();
    let (stage, problems, state) = match stage {
        Stage::Recovering => ("recovering", Vec::new(), None),
        Stage::Stopping => ("stopping", Vec::new(), None),
        Stage::Serving(serving) => {
            let inspection = inspect(&serving.inbox).await;
            ("serving", problems(&serving, inspection.as_deref()), inspection.as_deref().map(StateView::from))
        }
    };
    Json(OverviewView {
        version: env!("CARGO_PKG_VERSION"),
        now: Time(clock::now()),
        stage,
        problems,
        authenticates: !api.users.is_empty(),
        state,
    })
}

fn problems(serving: &Serving, inspection: Option<&Inspection>) -> Vec<String> {
    let conditions = serving.status.conditions();
    let of_log = match &conditions {
        Conditions { failed: Some(reason), .. } => Some(failed(reason)),
        Conditions { failed: None, .. } => unready(&conditions),
    };
    let silent = inspection.is_none().then(|| "the core loop does not answer".to_owned());
    let damaged = inspection.map_or(0, |view| view.overview.damaged);
    let damaged = (damaged > 0).then(|| format!("messages that cannot be read and were set aside: {damaged}"));
    of_log.into_iter().chain(silent).chain(damaged).collect()
}

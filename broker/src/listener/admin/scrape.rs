//! The text of `/metrics`, made once for all scrapers that ask at the time.
//!
//! One text is made at a time. A scraper that asks meanwhile waits for the next one, together with all others that do,
//! so that no scraper gets figures from before it asked. The text is built on a blocking thread: tens of milliseconds
//! for ten thousand queues.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use posthouse_core::{Inbox, Inspect, Inspection};
use tokio::sync::{oneshot, watch};

use super::Stage;
use crate::core_client::ReplySender;
use crate::metrics::Metrics;

/// How long the core loop may take to describe itself. A loop that has not done so by then gets no metrics of its own.
const INSPECTION_PATIENCE: Duration = Duration::from_secs(5);

/// The texts of one broker.
pub(super) struct Scrapes {
    metrics: Metrics,
    stage: watch::Receiver<Stage>,
    /// The text that is asked for and not begun.
    next: Mutex<Option<watch::Receiver<Option<Bytes>>>>,
    /// Held while a text is made.
    turn: tokio::sync::Mutex<()>,
}

impl Scrapes {
    pub(super) fn new(metrics: Metrics, stage: watch::Receiver<Stage>) -> Arc<Self> {
        Arc::new(Self { metrics, stage, next: Mutex::default(), turn: tokio::sync::Mutex::default() })
    }

    /// The metrics as of now. `None` if making them panicked.
    pub(super) async fn text(self: &Arc<Self>) -> Option<Bytes> {
        let mut text = self.join();
        let made = text.wait_for(Option::is_some).await.ok()?;
        made.clone()
    }

    /// The text that is made next.
    fn join(self: &Arc<Self>) -> watch::Receiver<Option<Bytes>> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(next) = &*next {
            return next.clone();
        }
        let (sender, receiver) = watch::channel(None);
        *next = Some(receiver.clone());
        let scrapes = Arc::clone(self);
        tokio::spawn(async move { scrapes.make(&sender).await });
        receiver
    }

    async fn make(&self, sender: &watch::Sender<Option<Bytes>>) {
        let turn = self.turn.lock().await;
        // Whoever asks from here on gets the text after this one.
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let stage = self.stage.borrow().clone();
        let inspection = match &stage {
            Stage::Serving(serving) => inspect(&serving.inbox).await,
            Stage::Recovering | Stage::Stopping => None,
        };
        let metrics = self.metrics.clone();
        let text = tokio::task::spawn_blocking(move || metrics.text(inspection)).await;
        drop(turn);
        // Without a text the sender is dropped, which the scrapers see.
        if let Ok(text) = text {
            sender.send_replace(Some(text.into()));
        }
    }
}

/// What the core loop says of itself and of its queues and topics. `None` if it does not within its patience.
pub(super) async fn inspect(inbox: &Inbox<ReplySender>) -> Option<Arc<Inspection>> {
    asked(|inspect| inbox.inspect(inspect)).await
}

/// The same with lists of so many queues and topics.
pub(super) async fn look(inbox: &Inbox<ReplySender>, listed_max: usize) -> Option<Arc<Inspection>> {
    asked(|inspect| inbox.look(listed_max, inspect)).await
}

async fn asked(ask: impl FnOnce(Inspect)) -> Option<Arc<Inspection>> {
    let (sender, answer) = oneshot::channel();
    // The error of `send` says that this patience has ended.
    ask(Box::new(move |inspection| drop(sender.send(inspection))));
    tokio::time::timeout(INSPECTION_PATIENCE, answer).await.ok()?.ok()
}

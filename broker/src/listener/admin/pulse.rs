//! Whether the core loop still turns, for `/healthz`.
//!
//! A loop that hangs cannot say so. It is asked for a sign of life: one note, shared by all probes that arrive before it
//! is answered, and none while the last answer is younger than [`FRESH`]. However many clients probe, the loop therefore
//! calls one empty function a second for them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use posthouse_core::Inbox;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout_at};

use crate::core_client::ReplySender;

/// How long the loop may take for an iteration before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long one answer holds for later probes.
const FRESH: Duration = Duration::from_secs(1);

/// The signs of life of one core loop.
#[derive(Default)]
pub(super) struct Pulse(Mutex<State>);

#[derive(Default)]
struct State {
    /// When the loop last answered.
    felt: Option<Instant>,
    asked: Option<Asked>,
}

/// A note that has not been answered.
#[derive(Clone)]
struct Asked {
    since: Instant,
    /// Whether the loop has answered; `None` while that is open.
    outcome: watch::Receiver<Option<bool>>,
}

impl Pulse {
    /// Whether the loop has answered a note of the last [`FRESH`], or answers one that waits since less than
    /// [`PATIENCE`]. False if it has ended.
    pub(super) async fn is_felt(self: &Arc<Self>, inbox: &Inbox<ReplySender>) -> bool {
        let Some(Asked { since, mut outcome }) = self.ask(inbox) else { return true };
        let answered = timeout_at(since + PATIENCE, outcome.wait_for(Option::is_some)).await;
        matches!(answered, Ok(Ok(outcome)) if *outcome == Some(true))
    }

    /// The note to wait for; `None` if the last answer is fresh.
    fn ask(self: &Arc<Self>, inbox: &Inbox<ReplySender>) -> Option<Asked> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.felt.is_some_and(|felt| felt.elapsed() < FRESH) {
            return None;
        }
        if let Some(asked) = &state.asked {
            return Some(asked.clone());
        }
        let (settle, outcome) = watch::channel(None);
        let asked = Asked { since: Instant::now(), outcome };
        state.asked = Some(asked.clone());
        let (beat, beaten) = oneshot::channel();
        inbox.pulse(Box::new(move || {
            // The error says that the runtime has ended.
            let _ = beat.send(());
        }));
        let pulse = Arc::clone(self);
        tokio::spawn(async move {
            // The error says that the loop has ended, which dropped the note.
            let felt = beaten.await.is_ok();
            let mut state = pulse.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.asked = None;
            if felt {
                state.felt = Some(Instant::now());
            }
            drop(state);
            settle.send_replace(Some(felt));
        });
        Some(asked)
    }
}

//! Whether the core loop still turns, for `/healthz`.
//!
//! A loop that hangs cannot say so. It is asked for a sign of life: one note, shared by all probes that arrive before it
//! is answered, and none while the last answer is fresh. However many clients probe, the loop therefore calls one empty
//! function a second for them.

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
pub(super) struct Pulse {
    patience: Duration,
    fresh: Duration,
    state: Mutex<State>,
}

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

impl Default for Pulse {
    fn default() -> Self {
        Self { patience: PATIENCE, fresh: FRESH, state: Mutex::default() }
    }
}

impl Pulse {
    /// Whether the loop has answered a note just now, or answers one within [`PATIENCE`] of its sending. False if it
    /// has ended.
    pub(super) async fn is_felt(self: &Arc<Self>, inbox: &Inbox<ReplySender>) -> bool {
        let Some(Asked { since, mut outcome }) = self.ask(inbox) else { return true };
        let answered = timeout_at(since + self.patience, outcome.wait_for(Option::is_some)).await;
        matches!(answered, Ok(Ok(outcome)) if *outcome == Some(true))
    }

    /// The note to wait for; `None` if the last answer is fresh.
    fn ask(self: &Arc<Self>, inbox: &Inbox<ReplySender>) -> Option<Asked> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.felt.is_some_and(|felt| felt.elapsed() < self.fresh) {
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
            let mut state = pulse.state.lock().unwrap_or_else(PoisonError::into_inner);
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use posthouse_core::{Clock, CompactionOptions, Durability, Environment, Options, ScrubOptions};
    use posthouse_disk::{Choice, Native};
    use posthouse_model::Timestamp;

    use super::*;
    use crate::core_client::Outbox;

    /// A clock that holds up whatever reads it.
    #[derive(Clone, Default)]
    struct HeldClock(Arc<AtomicBool>);

    impl Clock for HeldClock {
        fn now(&self) -> Timestamp {
            while self.0.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            crate::clock::now()
        }
    }

    struct Held;

    impl Environment for Held {
        type Disk = Native;
        type Clock = HeldClock;
        type Responder = ReplySender;
    }

    #[tokio::test]
    async fn a_loop_that_hangs_or_has_ended_is_noticed() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (path, clock) = (directory.path().to_owned(), HeldClock::default());
        let options = Options {
            durability: Durability::Fsync,
            inbox_length: 16,
            unsynced_bytes_max: 8 << 20,
            unsynced_wait_max: Duration::ZERO,
            replies_pending_max: 16,
            checkpoint_bytes: 64 << 20,
            listed_max: 0,
            scrub: ScrubOptions::OFF,
            compaction: CompactionOptions::OFF,
            log: posthouse_log::Options::new([7; 16]),
            engine: posthouse_engine::Options::default(),
        };
        let open = move || Native::open(&path, Choice::Auto).map(|(disk, _)| disk);
        let running = posthouse_core::start::<Held>(options, open, clock.clone(), Outbox::new(1).0).expect("starts");
        let inbox = running.inbox.clone();
        let ever = Duration::from_secs(60);
        let never_fresh = |patience| Arc::new(Pulse { patience, fresh: Duration::ZERO, state: Mutex::default() });

        let pulse = never_fresh(ever);
        let together = tokio::join!(pulse.is_felt(&inbox), pulse.is_felt(&inbox));
        assert_eq!(together, (true, true));
        let fresh = Arc::new(Pulse { patience: ever, fresh: ever, state: Mutex::default() });
        assert!(fresh.is_felt(&inbox).await);

        clock.0.store(true, Ordering::Relaxed);
        let impatient = never_fresh(Duration::from_millis(50));
        // The iteration under way may have read the clock already. It answers all that is asked before it ends.
        let mut answers = 0;
        while impatient.is_felt(&inbox).await {
            answers += 1;
            assert!(answers < 1_000, "it hangs");
        }
        assert!(!impatient.is_felt(&inbox).await, "it still does");
        assert!(fresh.is_felt(&inbox).await, "its last answer is fresh");
        clock.0.store(false, Ordering::Relaxed);
        assert!(pulse.is_felt(&inbox).await);

        inbox.shut_down();
        running.join().expect("a clean end");
        assert!(!pulse.is_felt(&inbox).await, "it has ended");
    }
}

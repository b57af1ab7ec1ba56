//! The broker's clocks: the system's time of day, and one over it that never runs backwards.
//!
//! The listeners stamp requests for the codec with [`now`]; the core loop stamps what it handles with [`WallClock`].

use core::cell::Cell;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use posthouse_core::Clock;
use posthouse_model::Timestamp;

/// The system's time of day. It may run backwards where the system's clock is set back.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The time of day, which never runs backwards. If the system's clock is set back, this one goes on at the pace of the
/// monotonic clock until the system's has caught up, so that no timer stands still for that long.
pub(crate) struct WallClock {
    started: Instant,
    /// The time of day at the start, as far as is known. Only ever corrected forward.
    began: Cell<Duration>,
}

impl WallClock {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), began: Cell::new(Duration::ZERO) }
    }
}

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        // The wall clock is read first. A pause of the thread between the two readings then makes the difference too
        // small, which the next call corrects. In the other order it would be too large, and stay so.
        let wall = Duration::from_millis(now().as_millis());
        let running = self.started.elapsed();
        self.began.set(self.began.get().max(wall.saturating_sub(running)));
        Timestamp::EPOCH + (self.began.get() + running)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// Also where other threads take the core away in the middle of a look at the clocks.
    #[test]
    fn the_clock_never_runs_backwards_nor_ahead_of_the_systems() {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        core::hint::spin_loop();
                    }
                });
            }
            let clock = WallClock::new();
            let mut last = Timestamp::EPOCH;
            let wrong = (0..300_000).find_map(|_| {
                let before = std::mem::replace(&mut last, clock.now());
                let system = now();
                (before > last || last > system).then_some((before, last, system))
            });
            done.store(true, Ordering::Relaxed);
            assert_eq!(wrong, None, "before, now, and by the system's clock");
        });
    }
}

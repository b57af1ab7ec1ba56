//! The broker's clocks: the system's time of day, and the time of the core loop, which no mistake with the former moves.
//!
//! The listeners stamp requests for the codec with [`now`]; the core loop stamps what it handles with [`WallClock`].

mod line;

use core::cell::{Cell, RefCell};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use posthouse_core::{Clock, ClockStep};
use posthouse_model::Timestamp;
use rustix::time::{ClockId, clock_gettime};

use line::{Line, Notice, Reading, Step};

/// How often the system's clock is looked at while nothing else is to be done, so that a jump is not noticed only with
/// the next request.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Two readings of the time since boot further apart than this say that the thread was held up in between.
const HELD_UP: Duration = Duration::from_millis(100);
/// Tries to read both clocks at once.
const TRIES: usize = 3;
/// How often a jump is logged at most: a clock that goes to and fro does not fill the log.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// The system's time of day. It may run backwards where the system's clock is set back.
pub(crate) fn now() -> Timestamp {
    timestamp(wall())
}

fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The time since the machine was started, suspensions included. It cannot be set.
fn boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

fn timestamp(since_epoch: Duration) -> Timestamp {
    Timestamp::EPOCH + since_epoch
}

/// The time of the core loop. It goes at the pace of the time since boot, and follows the system's clock as [`line`]
/// says: a jump of more than a second only once it has lasted for a minute.
pub(crate) struct WallClock {
    line: RefCell<Line>,
    /// The time since boot when a jump was last logged.
    logged: Cell<Option<Duration>>,
}

impl WallClock {
    pub(crate) fn new() -> Self {
        Self { line: RefCell::new(Line::new(read())), logged: Cell::new(None) }
    }

    /// Compares the line with the system's clock. Returns the time since boot.
    fn observe(&self) -> Duration {
        let mut line = self.line.borrow_mut();
        let mut reading = read();
        if line.is_off(reading) {
            match read_together() {
                Some(again) => reading = again,
                None => return reading.boot,
            }
        }
        if let Some(notice) = line.observe(reading) {
            self.log(notice, reading.boot);
        }
        reading.boot
    }

    fn log(&self, notice: Notice, boot: Duration) {
        match notice {
            Notice::Jumped(millis) => {
                if self.logged.get().is_none_or(|logged| boot.saturating_sub(logged) >= LOG_EVERY) {
                    self.logged.set(Some(boot));
                    tracing::warn!(
                        seconds = seconds(millis),
                        "the system's clock has jumped; the broker goes on with its own time until the jump has lasted \
                         for a minute"
                    );
                }
            }
            Notice::Over(after) => {
                tracing::warn!(?after, "the system's clock is right again; its jump had no effect");
            }
        }
    }
}

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        let boot = self.observe();
        timestamp(self.line.borrow().at(boot))
    }

    fn step(&self) -> Option<ClockStep> {
        let Step { from, to } = self.line.borrow_mut().step()?;
        let (from, to) = (timestamp(from), timestamp(to));
        tracing::warn!(
            seconds = to.since(from).as_secs_f64() - from.since(to).as_secs_f64(),
            "the system's clock has kept its jump for a minute: the broker takes its time over. What has time left keeps \
             it; after a jump forward nothing expires for an hour"
        );
        Some(ClockStep { from, to })
    }

    fn look_again(&self) -> Option<Duration> {
        Some(self.line.borrow().look_again().map_or(LOOK_EVERY, |jump| jump.min(LOOK_EVERY)))
    }
}

/// Both clocks. The system's clock is read first. A pause of the thread between the two readings then makes the system's
/// clock seem late, which the next reading corrects. In the other order the line would run ahead.
fn read() -> Reading {
    let wall = wall();
    Reading { wall, boot: boot() }
}

/// Both clocks at the same moment. `None` if the thread was held up in each of [`TRIES`].
fn read_together() -> Option<Reading> {
    (0..TRIES).find_map(|_| {
        let before = boot();
        let reading = read();
        (reading.boot.saturating_sub(before) < HELD_UP).then_some(reading)
    })
}

#[expect(clippy::cast_precision_loss, reason = "a jump of fewer than 2^52 milliseconds")]
fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
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

//! A fixed rate: the schedule of a producer's calls, and a timer that is exact enough to keep it.
//!
//! The schedule never waits for the target. When a call is due does not depend on how long the one before took.
//! tokio's timers have a resolution of a millisecond, timers of the kernel one of microseconds.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

use crate::message::{Clock, Moment};

/// When a producer's calls are due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    start: Moment,
    offset_ns: f64,
    interval_ns: f64,
    calls: u64,
}

impl Schedule {
    /// The calls of producer `number` of `producers`, which together send `rate` messages a second in batches.
    pub(super) fn new(start: Moment, rate: f64, batch: usize, number: usize, producers: usize) -> Self {
        let step_ns = 1e9 / rate * batch as f64;
        Self { start, offset_ns: step_ns * number as f64, interval_ns: step_ns * producers as f64, calls: 0 }
    }

    /// When the next call is due.
    pub(super) fn due(&self) -> Moment {
        let after_ns = self.offset_ns + self.interval_ns * self.calls as f64;
        self.start.plus(Duration::from_secs_f64((after_ns / 1e9).min(1e9)))
    }

    /// When the call after `calls` others is due.
    pub(super) fn due_after(&self, calls: u64) -> Moment {
        Self { calls: self.calls + calls, ..*self }.due()
    }

    /// Goes on to the next call.
    pub(super) fn advance(&mut self) {
        self.calls += 1;
    }

    /// The number of calls that are due before `now` and not made.
    pub(super) fn waiting(&self, now: Moment) -> u64 {
        let late_ns = now.since(self.due()).as_nanos() as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of calls, not negative")]
        let calls = (late_ns / self.interval_ns).ceil() as u64;
        calls
    }
}

/// A timer of the kernel.
pub(super) struct Timer(AsyncFd<OwnedFd>);

impl Timer {
    pub(super) fn new() -> io::Result<Self> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        #[expect(
            deprecated,
            reason = "what replaces it is unsafe, for types less strict than the owned descriptor here"
        )]
        let timer = AsyncFd::new(timer)?;
        Ok(Self(timer))
    }

    /// Waits until the moment.
    pub(super) async fn until(&mut self, moment: Moment, clock: Clock) -> io::Result<()> {
        let left = moment.since(clock.now());
        if left.is_zero() {
            return Ok(());
        }
        let once = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            },
        };
        timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &once)?;
        loop {
            let mut ready = self.0.readable().await?;
            let mut expirations = [0; 8];
            let read = ready.try_io(|timer| Ok(rustix::io::read(timer.get_ref(), &mut expirations)?));
            if let Ok(read) = read {
                return read.map(|_| ());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn producers_share_the_rate_in_turn() {
        let due = |number| {
            let mut schedule = Schedule::new(Moment::from_nanos(1000), 1e6, 2, number, 3);
            [(); 3].map(|()| {
                let due = schedule.due().nanos();
                schedule.advance();
                due
            })
        };
        assert_eq!(due(0), [1000, 7000, 13000]);
        assert_eq!(due(1), [3000, 9000, 15000]);
        assert_eq!(due(2), [5000, 11000, 17000]);
    }

    #[test]
    fn what_waits_is_counted() {
        let mut schedule = Schedule::new(Moment::from_nanos(1000), 1e6, 1, 0, 1);
        for (now, waiting) in [(0, 0), (1000, 0), (1001, 1), (2000, 1), (2001, 2), (11_000, 10)] {
            assert_eq!(schedule.waiting(Moment::from_nanos(now)), waiting, "at {now}");
        }
        schedule.advance();
        assert_eq!(schedule.waiting(Moment::from_nanos(2001)), 1);
        assert_eq!(schedule.due_after(2).nanos(), 4000);
    }

    #[test]
    fn a_schedule_does_not_drift() {
        let mut schedule = Schedule::new(Moment::from_nanos(0), 3.0, 1, 0, 1);
        (0..3_000_000).for_each(|_| schedule.advance());
        assert_eq!(schedule.due().nanos(), 1_000_000 * 1_000_000_000);
    }

    #[tokio::test]
    async fn a_timer_waits_at_least_as_long() {
        let clock = Clock::start();
        let mut timer = Timer::new().expect("a timer");
        for _ in 0..3 {
            let due = clock.now().plus(Duration::from_micros(1500));
            timer.until(due, clock).await.expect("waiting");
            assert!(clock.now() >= due);
        }
    }
}

//! The broker's time: the pace of the time since boot, and the date of the system's clock where that is to be believed.
//!
//! The system's clock may be set: by an operator, by a time service, or by mistake, for a second. The time since boot
//! cannot be set, and it counts while the machine is suspended. [`Line`] therefore goes at the pace of the time since
//! boot. It compares the system's clock with its own:
//!
//! * a difference of [`TOLERANCE`] or less is followed: forward at once, back by going slower, so that the line never
//!   runs backwards;
//! * a larger one is a jump. The line goes on as before. If the jump has lasted [`PATIENCE`], the line takes the
//!   system's time over in one [`Step`].
//!
//! Nothing here reads a clock.

use std::time::Duration;

/// A difference that is followed: clocks are slewed, leap seconds come, and a thread may be held up between two readings.
const TOLERANCE_MICROS: i64 = 1_000_000;
/// How long a jump has to last until it is believed. A mistake that is undone sooner has no effect. Until then dates are
/// wrong by the jump, if it was no mistake.
const PATIENCE: Duration = Duration::from_secs(60);
/// By how much of its pace the line goes slower to follow the system's clock back.
const SLOWER: i64 = 8;

/// One reading of both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// The system's clock: since the Unix epoch.
    pub(super) wall: Duration,
    /// Since the machine was started.
    pub(super) boot: Duration,
}

/// What a reading shows that an operator should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// The system's clock has jumped by this many milliseconds. The line does not follow.
    Jumped(i64),
    /// A jump is over: the system's clock is right again, after this time.
    Over(Duration),
}

/// The line takes the system's time over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) from: Duration,
    pub(super) to: Duration,
}

/// The broker's time.
#[derive(Debug)]
pub(super) struct Line {
    /// What the line is ahead of the time since boot, in microseconds.
    ahead: i64,
    /// The latest time since boot that was seen.
    boot: Duration,
    jump: Option<Jump>,
}

/// A difference that may be a mistake.
#[derive(Clone, Copy, Debug)]
struct Jump {
    /// What the system's clock is ahead of the time since boot, in microseconds.
    ahead: i64,
    /// The time since boot at which this difference was first seen.
    since: Duration,
    /// The time since boot at which the system's clock was last right.
    began: Duration,
}

impl Line {
    /// A line that begins with the system's time.
    pub(super) fn new(reading: Reading) -> Self {
        Self { ahead: reading.ahead(), boot: reading.boot, jump: None }
    }

    /// The time at a time since boot.
    pub(super) fn at(&self, boot: Duration) -> Duration {
        Duration::from_micros(u64::try_from(micros(boot).saturating_add(self.ahead)).unwrap_or_default())
    }

    /// Whether a reading differs from the line by more than is followed. It is worth a second look: a thread that was held
    /// up between its two clocks shows the same.
    pub(super) fn is_off(&self, reading: Reading) -> bool {
        reading.ahead().abs_diff(self.ahead) > TOLERANCE_MICROS.unsigned_abs()
    }

    /// Takes a reading into account.
    pub(super) fn observe(&mut self, reading: Reading) -> Option<Notice> {
        let elapsed = micros(reading.boot.saturating_sub(self.boot));
        let before = self.boot;
        self.boot = self.boot.max(reading.boot);
        let ahead = reading.ahead();
        if self.is_off(reading) {
            let same = |jump: &Jump| ahead.abs_diff(jump.ahead) <= TOLERANCE_MICROS.unsigned_abs();
            if self.jump.as_ref().is_some_and(same) {
                return None;
            }
            let began = self.jump.map_or(before, |jump| jump.began);
            self.jump = Some(Jump { ahead, since: reading.boot, began });
            return Some(Notice::Jumped(ahead.saturating_sub(self.ahead) / 1000));
        }
        let over = self.jump.take().map(|jump| Notice::Over(reading.boot.saturating_sub(jump.began)));
        self.ahead = ahead.max(self.ahead.saturating_sub(elapsed / SLOWER));
        over
    }

    /// Takes a jump over that has lasted.
    pub(super) fn step(&mut self) -> Option<Step> {
        let lasted = |jump: &mut Jump| self.boot.saturating_sub(jump.since) >= PATIENCE;
        let jump = self.jump.take_if(lasted)?;
        let from = self.at(self.boot);
        self.ahead = jump.ahead;
        Some(Step { from, to: self.at(self.boot) })
    }

    /// When the line is to be compared again although nothing asks for the time.
    pub(super) fn look_again(&self) -> Option<Duration> {
        self.jump.map(|jump| (jump.since + PATIENCE).saturating_sub(self.boot))
    }
}

impl Reading {
    fn ahead(self) -> i64 {
        micros(self.wall).saturating_sub(micros(self.boot))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine that was started at the second 1,000,000, and the line of a broker on it.
    struct Machine {
        boot: Duration,
        /// What the system's clock is wrong by, in milliseconds.
        wrong: i64,
        line: Line,
    }

    impl Machine {
        fn new() -> Self {
            let reading = Reading { wall: Duration::from_secs(1_000_000), boot: Duration::ZERO };
            Self { boot: Duration::ZERO, wrong: 0, line: Line::new(reading) }
        }

        fn truth(&self) -> Duration {
            Duration::from_secs(1_000_000) + self.boot
        }

        fn look(&mut self, millis: u64) -> Option<Notice> {
            self.boot += Duration::from_millis(millis);
            let wall = Duration::from_millis(
                u64::try_from(self.truth().as_millis()).expect("small").checked_add_signed(self.wrong).expect("small"),
            );
            self.line.observe(Reading { wall, boot: self.boot })
        }

        fn time(&self) -> Duration {
            self.line.at(self.boot)
        }
    }

    const THREE_DAYS: i64 = 3 * 86_400_000;

    #[test]
    fn a_mistake_that_is_undone_has_no_effect() {
        for wrong in [THREE_DAYS, -THREE_DAYS] {
            let mut machine = Machine::new();
            assert_eq!(machine.look(500), None);
            machine.wrong = wrong;
            assert_eq!(machine.look(100), Some(Notice::Jumped(wrong)));
            assert_eq!((machine.look(800), machine.time()), (None, machine.truth()));
            machine.wrong = 0;
            assert_eq!(machine.look(100), Some(Notice::Over(Duration::from_millis(1000))));
            assert_eq!((machine.line.step(), machine.time()), (None, machine.truth()));
            assert_eq!(machine.line.look_again(), None);
        }
    }

    #[test]
    fn a_jump_that_lasts_is_taken_over() {
        for wrong in [THREE_DAYS, -THREE_DAYS] {
            let mut machine = Machine::new();
            machine.wrong = wrong;
            machine.look(100);
            for _ in 0..59 {
                machine.look(1000);
                assert_eq!((machine.line.step(), machine.time()), (None, machine.truth()));
            }
            assert_eq!(machine.line.look_again(), Some(Duration::from_secs(1)));
            machine.look(1000);
            let (from, millis) = (machine.truth(), Duration::from_millis(wrong.unsigned_abs()));
            let to = if wrong > 0 { from + millis } else { from - millis };
            assert_eq!(machine.line.step(), Some(Step { from, to }));
            assert_eq!((machine.time(), machine.line.step(), machine.line.look_again()), (to, None, None));
            assert_eq!(machine.look(1000), None, "it is the line's time now");
        }
    }

    #[test]
    fn a_clock_that_goes_to_and_fro_is_not_believed() {
        let mut machine = Machine::new();
        for round in 0..300 {
            machine.wrong = if round % 2 == 0 { THREE_DAYS } else { -THREE_DAYS };
            assert!(matches!(machine.look(1000), Some(Notice::Jumped(_))));
            assert_eq!((machine.line.step(), machine.time()), (None, machine.truth()));
        }
    }

    #[test]
    fn small_differences_are_followed_and_the_line_never_runs_backwards() {
        let mut machine = Machine::new();
        machine.wrong = 900;
        assert_eq!(machine.look(10), None);
        assert_eq!(machine.time(), machine.truth() + Duration::from_millis(900));
        machine.wrong = 0;
        let mut last = machine.time();
        for _ in 0..800 {
            assert_eq!(machine.look(10), None);
            let ran = machine.time() - last;
            assert!(ran >= Duration::from_micros(8750), "{ran:?}");
            last = machine.time();
        }
        assert_eq!(machine.time(), machine.truth());
    }

    /// The time since boot counts a suspension, and so does the system's clock.
    #[test]
    fn a_suspension_is_no_jump() {
        let mut machine = Machine::new();
        assert_eq!(machine.look(3_600_000), None);
        assert_eq!(machine.time(), machine.truth());
    }
}

//! A clock that was set: what becomes of the times that the state holds.
//!
//! Spans count, not dates. What had ten minutes left has ten minutes left after the clock was set, and what happened a
//! minute ago happened a minute ago. So a visibility timeout, a delay and a deduplication window are as long as they
//! were asked for, whatever the clock shows in between.
//!
//! Dates that answers show, and the age of a message, follow one more rule, because a message that is deleted too early
//! does not come back: no clock that is set makes a message older. If the clock is set forward, dates move with it. If it
//! is set back, only dates that it has ahead of it do: they were written by the clock that was wrong. The others may be
//! from before that clock. A jump forward that is taken back therefore leaves dates as they were, but for those further
//! back than the jump, which are later by it.

use posthouse_model::limits::VISIBILITY_TIMEOUT_SECONDS_MAX;
use posthouse_model::{Seconds, Timestamp};

/// The longest span that a request can ask for: a visibility timeout. Delays and windows are shorter. A deadline further
/// ahead comes from no request and is brought to this.
const SPAN_MAX: Seconds = Seconds::new(VISIBILITY_TIMEOUT_SECONDS_MAX);

/// The clock was set from one time to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shift {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
}

impl Shift {
    /// The time that is as far from now as this one was: a deadline, or what a window is measured from. The epoch, which
    /// stands for never, and [`Timestamp::NEVER`] stay.
    pub(crate) fn moved(self, time: Timestamp) -> Timestamp {
        if time == Timestamp::EPOCH || time == Timestamp::NEVER {
            time
        } else if time > self.from {
            self.to + time.since(self.from).min(SPAN_MAX.duration())
        } else {
            let ago = u64::try_from(self.from.since(time).as_millis()).unwrap_or(u64::MAX);
            // Not the epoch, which would say that it never happened.
            Timestamp::from_millis(self.to.as_millis().saturating_sub(ago).max(1))
        }
    }

    /// The date that an answer shows for something that happened at `time`.
    pub(crate) fn corrected(self, time: Timestamp) -> Timestamp {
        let is_back = self.to < self.from;
        if is_back && time <= self.to { time } else { self.moved(time) }
    }

    /// The earliest that [`Shift::corrected`] makes of a time from `time` on. A clock that is set back leaves the times
    /// before it, and makes earlier ones of those that it has ahead of it.
    pub(crate) fn corrected_from(self, time: Timestamp) -> Timestamp {
        let ahead = self.moved(Timestamp::from_millis(self.to.as_millis().saturating_add(1)).max(time));
        if self.to < self.from { ahead.min(time) } else { self.moved(time) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn spans_stay_and_no_date_gets_older() {
        for (from, to) in [(1_000_000, 9_000_000), (9_000_000, 1_000_000)] {
            let shift = Shift { from: at(from), to: at(to) };
            assert_eq!(shift.moved(at(from + 5000)), at(to + 5000));
            assert_eq!(shift.moved(at(from)), at(to));
            assert_eq!(shift.moved(at(from - 5000)), at(to - 5000));
            assert_eq!(shift.moved(Timestamp::EPOCH), Timestamp::EPOCH);
            assert_eq!(shift.moved(Timestamp::NEVER), Timestamp::NEVER);
            assert_eq!(shift.moved(at(from + 1_000_000_000)), at(to) + SPAN_MAX, "no request asks for more");
        }
        let back = Shift { from: at(9_000_000), to: at(1_000_000) };
        assert_eq!(back.corrected(at(8_999_000)), at(999_000));
        assert_eq!(back.corrected(at(500_000)), at(500_000), "it was written before the wrong time began");
        assert_eq!(back.moved(at(1)), at(1), "long ago, and not never");
        assert_eq!(back.corrected(at(1_000_001)), at(1), "no date gets older but one that was ahead");
        assert_eq!(
            [at(500_000), at(1_000_001), at(8_999_000)].map(|time| back.corrected_from(time)),
            [at(1), at(1), at(999_000)]
        );
        let forward = Shift { from: at(1_000_000), to: at(9_000_000) };
        assert_eq!(forward.corrected_from(at(999_000)), at(8_999_000));
        assert_eq!(forward.corrected(at(999_000)), at(8_999_000));
    }
}

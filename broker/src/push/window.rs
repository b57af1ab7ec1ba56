//! How many deliveries an endpoint gets at once: four at first, more while they succeed, down to one while they fail.
//!
//! A slow or broken endpoint therefore holds one connection and one message in memory, and takes no room from other
//! targets.
//!
//! Invariant: the size is between 1 and the maximum.

/// Deliveries at once to an endpoint before the first has ended.
const FIRST: usize = 4;

/// The number of deliveries that may be under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    size: usize,
    max: usize,
}

impl Window {
    /// The window of an endpoint before its first delivery.
    ///
    /// # Panics
    /// If `max` is 0: no delivery could ever begin.
    pub(super) fn new(max: usize) -> Self {
        assert!(max > 0, "an endpoint gets at least one delivery at once");
        Self { size: FIRST.min(max), max }
    }

    /// How many more deliveries may begin while `under_way` are.
    pub(super) const fn room(&self, under_way: usize) -> usize {
        self.size.saturating_sub(under_way)
    }

    /// How many deliveries may be under way.
    pub(super) const fn size(&self) -> usize {
        self.size
    }

    /// Opens the window of an endpoint that is to be tried at once as far as that of a new one.
    pub(super) fn reopen(&mut self) {
        self.size = self.size.max(FIRST.min(self.max));
    }

    /// Notes a delivery that arrived. If all of a window arrive, the window doubles.
    pub(super) fn succeeded(&mut self) {
        self.size = (self.size + 1).min(self.max);
    }

    /// Notes a delivery that did not arrive. The window halves, so that an endpoint that is down soon gets one delivery
    /// at a time, and one that fails rarely keeps most of its connections.
    pub(super) fn failed(&mut self) {
        self.size = (self.size / 2).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_with_success_and_shrinks_with_failure() {
        // `+` is a success, `-` a failure; what is expected is the size after all of them.
        for (max, history, size) in [
            (64, "", 4),
            (2, "", 2),
            (64, "+", 5),
            (64, "++++", 8),
            (6, "++++++++", 6),
            (64, "-", 2),
            (64, "--", 1),
            (64, "---------", 1),
            (64, "---+", 2),
            (64, "--++++++++", 9),
            (1, "+-+-+", 1),
        ] {
            let mut window = Window::new(max);
            for outcome in history.chars() {
                if outcome == '+' { window.succeeded() } else { window.failed() }
            }
            assert_eq!(window.room(0), size, "{max} {history}");
            assert_eq!(window.room(size), 0);
            assert_eq!(window.room(size + 5), 0, "what is under way when it shrinks goes on");
            assert_eq!(window.room(size - 1), 1);
        }
    }
}

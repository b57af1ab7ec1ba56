//! How many deliveries an endpoint gets at once: few at first, more for as long as they arrive, one after failures.
//!
//! A slow or broken endpoint therefore holds one connection and one message in memory, and takes no room from other
//! targets.

/// Deliveries at once to an endpoint that nothing is known of.
const FIRST: usize = 4;

/// The number of deliveries that may be under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    size: usize,
    max: usize,
}

impl Window {
    /// The window of an endpoint that nothing is known of.
    pub(super) fn new(max: usize) -> Self {
        Self { size: FIRST.min(max), max }
    }

    /// How many more may begin where `under_way` have.
    pub(super) const fn room(&self, under_way: usize) -> usize {
        self.size.saturating_sub(under_way)
    }

    /// A delivery arrived: the window doubles with every round of them.
    pub(super) fn succeeded(&mut self) {
        self.size = (self.size + 1).min(self.max);
    }

    /// A delivery did not arrive: the window halves, so that an endpoint that is down soon gets one at a time, and one
    /// that loses a few keeps most of its connections.
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

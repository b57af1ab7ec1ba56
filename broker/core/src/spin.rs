//! When the loop looks again instead of sleeping.
//!
//! A sleep and its end cost tens of microseconds, twice for a client that sends one request at a time: once when the
//! request comes, once when its commit ends. Such a client leaves cores idle by itself, so the loop may use one to look
//! out for it. Where requests come together, sleeping between them costs nobody anything, and spinning would take the
//! time that other threads need.
//!
//! Counted in looks, not in time, so that a simulated loop takes the same iterations every time.

/// Iterations in a row with exactly one request, after which the traffic counts as serial.
const SERIAL_ITERATIONS: u32 = 32;

/// Looks after the last request, of about a tenth of a microsecond each: they bridge a commit and the time that a
/// client takes to send its next request, and no more.
const LOOKS: u32 = 3000;

/// Whether the loop spins now.
pub(crate) struct Spin {
    allowed: bool,
    serial_turns: u32,
    looks_left: u32,
}

impl Spin {
    /// `allowed` where there is more than one core.
    pub(crate) const fn new(allowed: bool) -> Self {
        Self { allowed, serial_turns: 0, looks_left: 0 }
    }

    /// Notes how many requests an iteration took in.
    pub(crate) fn took(&mut self, requests: usize) {
        match requests {
            0 => return,
            1 => self.serial_turns = self.serial_turns.saturating_add(1),
            _ => self.serial_turns = 0,
        }
        self.looks_left = if self.allowed && self.serial_turns >= SERIAL_ITERATIONS { LOOKS } else { 0 };
    }

    /// Whether to look once more instead of sleeping.
    pub(crate) fn once_more(&mut self) -> bool {
        if self.looks_left == 0 {
            return false;
        }
        self.looks_left -= 1;
        core::hint::spin_loop();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(spin: &mut Spin) -> u32 {
        (0..).take_while(|_| spin.once_more()).count().try_into().expect("bounded")
    }

    #[test]
    fn only_serial_traffic_is_looked_out_for() {
        let mut spin = Spin::new(true);
        for iteration in 1..=2 * SERIAL_ITERATIONS {
            spin.took(1);
            spin.took(0);
            assert_eq!(
                looks(&mut spin),
                if iteration < SERIAL_ITERATIONS { 0 } else { LOOKS },
                "iteration {iteration}"
            );
            assert_eq!(looks(&mut spin), 0, "then it sleeps");
        }
        spin.took(2);
        spin.took(1);
        assert_eq!(looks(&mut spin), 0, "requests came together");
    }

    #[test]
    fn never_on_the_only_core() {
        let mut spin = Spin::new(false);
        (0..2 * SERIAL_ITERATIONS).for_each(|_| spin.took(1));
        assert_eq!(looks(&mut spin), 0);
    }
}

//! When the loop polls instead of sleeping.
//!
//! A sleep and a wake-up cost tens of microseconds, twice for a client that sends one request at a time: when the
//! request arrives, and when its commit ends. Such a client leaves cores idle, so the loop may use one to poll. If
//! requests arrive together, one wake-up serves many of them, and polling would take the time that other threads need.
//!
//! Polls are counted, not timed, so that a simulated loop makes the same iterations every time.

use crate::options::Polling;

/// Iterations in a row with exactly one request, after which the traffic counts as serial.
const SERIAL_ITERATIONS: u32 = 32;

/// Polls after the last request, of about a tenth of a microsecond each. They bridge a commit and the time that a
/// client takes to send its next request.
const POLLS: u32 = 3000;

/// Whether the loop polls now.
pub(crate) struct Spin {
    polling: Polling,
    serial: u32,
    polls_left: u32,
}

impl Spin {
    pub(crate) const fn new(polling: Polling) -> Self {
        Self { polling, serial: 0, polls_left: 0 }
    }

    /// Notes how many requests an iteration took in.
    pub(crate) fn took(&mut self, requests: usize) {
        match requests {
            0 => return,
            1 => self.serial = self.serial.saturating_add(1),
            _ => self.serial = 0,
        }
        self.polls_left = match self.polling {
            Polling::WhileSerial if self.serial >= SERIAL_ITERATIONS => POLLS,
            Polling::WhileSerial | Polling::Never => 0,
        };
    }

    /// Whether to poll once more instead of sleeping. Each call that returns true uses up one poll.
    pub(crate) fn once_more(&mut self) -> bool {
        if self.polls_left == 0 {
            return false;
        }
        self.polls_left -= 1;
        core::hint::spin_loop();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn polls(spin: &mut Spin) -> u32 {
        (0..).take_while(|_| spin.once_more()).count().try_into().expect("bounded")
    }

    #[test]
    fn only_serial_traffic_is_polled_for() {
        let mut spin = Spin::new(Polling::WhileSerial);
        for iteration in 1..=2 * SERIAL_ITERATIONS {
            spin.took(1);
            spin.took(0);
            assert_eq!(
                polls(&mut spin),
                if iteration < SERIAL_ITERATIONS { 0 } else { POLLS },
                "iteration {iteration}"
            );
            assert_eq!(polls(&mut spin), 0, "then it sleeps");
        }
        spin.took(2);
        spin.took(1);
        assert_eq!(polls(&mut spin), 0, "requests came together");
    }

    #[test]
    fn never_on_the_only_core() {
        let mut spin = Spin::new(Polling::Never);
        (0..2 * SERIAL_ITERATIONS).for_each(|_| spin.took(1));
        assert_eq!(polls(&mut spin), 0);
    }
}

//! Ends the sleep of the loop from another thread.
//!
//! An eventfd that both implementations sleep on, behind one word that says whether the loop sleeps at all, so that
//! the system call is made only when it does. A wake-up is never lost: one that arrives while the loop is awake is
//! remembered and keeps the next sleep from starting. A wake-up too many is possible and harmless.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::{AsRawFd, RawFd},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering, fence},
    },
    task::{Wake, Waker},
};

use crate::system;

const AWAKE: u8 = 0;
const ASLEEP: u8 = 1;
/// Woken since the last sleep ended.
const CALLED: u8 = 2;

#[derive(Debug)]
pub(crate) struct Alarm {
    event: File,
    state: AtomicU8,
}

impl Alarm {
    pub(crate) fn new() -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self { event: system::eventfd()?, state: AtomicU8::new(AWAKE) }))
    }

    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        self.event.as_raw_fd()
    }

    /// Makes the loop look at its inputs again.
    pub(crate) fn ring(&self) {
        // What the caller has just made visible (a message in the inbox) must be seen by a loop whose wake-up we
        // count on: the fence orders it before the load, as the loop's exchange orders its reset before its look.
        fence(Ordering::SeqCst);
        if self.state.load(Ordering::Relaxed) == CALLED {
            return;
        }
        if self.state.swap(CALLED, Ordering::SeqCst) == ASLEEP {
            // Fails only when the counter is full; then the descriptor is readable anyway.
            let _ = (&self.event).write(&1_u64.to_ne_bytes());
        }
    }

    /// Announces a sleep. False: there was a call since the last one, do not sleep.
    pub(crate) fn lie_down(&self) -> bool {
        let result = self.state.compare_exchange(AWAKE, ASLEEP, Ordering::SeqCst, Ordering::SeqCst);
        if result.is_err() {
            self.state.swap(AWAKE, Ordering::SeqCst);
        }
        result.is_ok()
    }

    /// Ends an announced sleep.
    pub(crate) fn get_up(&self) {
        self.state.swap(AWAKE, Ordering::SeqCst);
    }

    /// Takes back a call when the loop does not sleep in this wait.
    pub(crate) fn stay_awake(&self) {
        if self.state.load(Ordering::Relaxed) == CALLED {
            self.state.swap(AWAKE, Ordering::SeqCst);
        }
    }

    /// Makes the descriptor unreadable until the next call.
    pub(crate) fn silence(&self) {
        // Would-block means that there was nothing to silence.
        let _ = (&self.event).read(&mut [0; 8]);
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_while_awake_prevents_the_next_sleep_only() {
        let alarm = Alarm::new().unwrap();
        alarm.ring();
        alarm.ring();
        assert!(!alarm.lie_down());
        assert!(alarm.lie_down());
        alarm.get_up();
    }

    #[test]
    fn only_a_sleeper_costs_a_system_call() {
        let alarm = Alarm::new().unwrap();
        alarm.ring();
        assert!((&alarm.event).read(&mut [0; 8]).is_err(), "not written");
        assert!(!alarm.lie_down());
        assert!(alarm.lie_down());
        alarm.ring();
        assert!((&alarm.event).read(&mut [0; 8]).is_ok(), "written");
    }
}

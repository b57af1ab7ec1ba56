//! Wakes the core loop from another thread.
//!
//! Both implementations sleep on an eventfd (eventfd(2)). An atomic state records whether the loop sleeps, so that the
//! system call to write the eventfd is made only then.
//!
//! Invariant: no wake-up is lost. A wake-up while the loop is awake is recorded and prevents the next sleep. A wake-up
//! that finds nothing to do is possible and harmless.

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
/// A wake-up came since the last sleep ended.
const WOKEN: u8 = 2;

/// The eventfd and the state of the loop. Shared by the loop and all wakers.
#[derive(Debug)]
pub(crate) struct Alarm {
    event: File,
    state: AtomicU8,
}

impl Alarm {
    /// Creates an eventfd for a loop that is awake.
    ///
    /// # Errors
    ///
    /// What eventfd(2) returns, such as `EMFILE`.
    pub(crate) fn new() -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self { event: system::eventfd()?, state: AtomicU8::new(AWAKE) }))
    }

    /// A handle that wakes the loop from any thread.
    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    /// The eventfd. It is readable after a wake-up of a sleeping loop, until [`Alarm::drain`].
    pub(crate) fn descriptor(&self) -> RawFd {
        self.event.as_raw_fd()
    }

    /// Ends the present sleep, or prevents the next one. Makes a system call only if the loop sleeps.
    pub(crate) fn wake_loop(&self) {
        // The fence orders what the caller has published (a message in the inbox) before the load of the state. The
        // exchange in `begin_sleep` and `end_sleep` orders the state before the loop reads its inbox. So either the
        // loop sees the message, or this thread sees the sleep.
        fence(Ordering::SeqCst);
        if self.state.load(Ordering::Relaxed) == WOKEN {
            return;
        }
        if self.state.swap(WOKEN, Ordering::SeqCst) == ASLEEP {
            // The write fails only if the counter is full. The descriptor is readable then anyway.
            let _ = (&self.event).write(&1_u64.to_ne_bytes());
        }
    }

    /// Announces a sleep. Returns false if a wake-up came since the last one: the loop must not sleep, and the wake-up
    /// is used up.
    pub(crate) fn begin_sleep(&self) -> bool {
        let result = self.state.compare_exchange(AWAKE, ASLEEP, Ordering::SeqCst, Ordering::SeqCst);
        if result.is_err() {
            self.state.swap(AWAKE, Ordering::SeqCst);
        }
        result.is_ok()
    }

    /// Ends an announced sleep. Must follow a [`Alarm::begin_sleep`] that returned true.
    pub(crate) fn end_sleep(&self) {
        self.state.swap(AWAKE, Ordering::SeqCst);
    }

    /// Uses up a recorded wake-up in a wait that does not sleep, because that wait looks at all inputs anyway.
    pub(crate) fn skip_sleep(&self) {
        if self.state.load(Ordering::Relaxed) == WOKEN {
            self.state.swap(AWAKE, Ordering::SeqCst);
        }
    }

    /// Makes the descriptor unreadable until the next wake-up.
    pub(crate) fn drain(&self) {
        // `WouldBlock` means that the counter was zero already.
        let _ = (&self.event).read(&mut [0; 8]);
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_loop();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_up_while_awake_prevents_the_next_sleep_only() {
        let alarm = Alarm::new().unwrap();
        alarm.wake_loop();
        alarm.wake_loop();
        assert!(!alarm.begin_sleep());
        assert!(alarm.begin_sleep());
        alarm.end_sleep();
    }

    #[test]
    fn only_the_wake_up_of_a_sleeping_loop_takes_a_system_call() {
        let alarm = Alarm::new().unwrap();
        alarm.wake_loop();
        assert!((&alarm.event).read(&mut [0; 8]).is_err(), "not written");
        assert!(!alarm.begin_sleep());
        assert!(alarm.begin_sleep());
        alarm.wake_loop();
        assert!((&alarm.event).read(&mut [0; 8]).is_ok(), "written");
    }
}

//! The signals of the process: which of them end the broker.
//!
//! | signal | what it does |
//! |---|---|
//! | SIGTERM, SIGINT | the broker ends; a second one ends it at once |
//! | SIGHUP, SIGUSR1, SIGUSR2 | nothing: tools that rotate logs send them, and a terminal that closes |
//! | SIGPIPE | nothing: the standard library ignores it, and a write fails instead |
//!
//! A second signal counts only if it comes [`REPEAT_MIN`] after the first. Supervisors and shells often send a signal to
//! the process and to its group, and it arrives twice.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

/// How long after the first signal a second one counts.
const REPEAT_MIN: Duration = Duration::from_secs(1);

/// The signals, from the moment that this is made. Before it, each of them ends the process.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// Held, so that it is plain where they are handled. A handler stays until the process ends.
    _without_effect: [Signal; 3],
    /// When the broker was first asked to end.
    ending: Option<Instant>,
}

impl Signals {
    /// # Errors
    /// The system's, if it takes no handler.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            _without_effect: [
                signal(SignalKind::hangup())?,
                signal(SignalKind::user_defined1())?,
                signal(SignalKind::user_defined2())?,
            ],
            ending: None,
        })
    }

    /// The next signal that asks the broker to end. Dropping the future loses none.
    pub(crate) async fn end(&mut self) -> &'static str {
        loop {
            let name = tokio::select! {
                _ = self.terminate.recv() => "SIGTERM",
                _ = self.interrupt.recv() => "SIGINT",
            };
            match self.ending {
                Some(first) if first.elapsed() < REPEAT_MIN => {
                    tracing::info!(signal = name, "the same signal again within a second counts once");
                }
                Some(_) => return name,
                None => {
                    self.ending = Some(Instant::now());
                    return name;
                }
            }
        }
    }
}

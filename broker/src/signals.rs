//! The signals of the process: which of them end the broker.
//!
//! | signal | what it does |
//! |---|---|
//! | SIGTERM, SIGINT | the broker ends; a second one ends it at once |
//! | SIGHUP | the configuration is read again |
//! | SIGUSR1, SIGUSR2 | nothing: tools that rotate logs send them |
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

/// What a signal asks for.
pub(crate) enum Asked {
    /// The end of the broker, by the signal of this name.
    End(&'static str),
    /// That the configuration is read again.
    Reload,
}

/// The signals, from the moment that this is made. Before it, each of them ends the process.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    /// Held, so that it is plain where they are handled. A handler stays until the process ends.
    _without_effect: [Signal; 2],
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
            hang_up: signal(SignalKind::hangup())?,
            _without_effect: [signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?],
            ending: None,
        })
    }

    /// The next signal that asks for something. Dropping the future loses none. Those of one kind that arrive before the next
    /// call are one.
    pub(crate) async fn next(&mut self) -> Asked {
        let Self { terminate, interrupt, hang_up, ending, .. } = self;
        tokio::select! {
            name = end(terminate, interrupt, ending) => Asked::End(name),
            _ = hang_up.recv() => Asked::Reload,
        }
    }

    /// The next signal that asks the broker to end. Dropping the future loses none.
    pub(crate) async fn end(&mut self) -> &'static str {
        end(&mut self.terminate, &mut self.interrupt, &mut self.ending).await
    }
}

async fn end(terminate: &mut Signal, interrupt: &mut Signal, ending: &mut Option<Instant>) -> &'static str {
    loop {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        match ending {
            Some(first) if first.elapsed() < REPEAT_MIN => {
                tracing::info!(signal = name, "the same signal again within a second counts once");
            }
            Some(_) => return name,
            None => {
                *ending = Some(Instant::now());
                return name;
            }
        }
    }
}

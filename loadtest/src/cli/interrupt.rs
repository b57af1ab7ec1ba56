//! Handles SIGINT (Ctrl-C) and SIGTERM. The first ends the run early, and its measurements are reported. The second
//! ends the process at once.

use std::io::{self, Write};
use std::process;
use std::thread;

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::run::Stop;

/// The exit code that shells use for a process that SIGINT ended.
const EXIT_INTERRUPTED: i32 = 130;

/// Starts a thread that waits for signals and requests `stop` at the first.
///
/// # Errors
///
/// If the system refuses the signal handlers or the thread.
pub(super) fn pass_on_to(stop: &Stop) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _context = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let stop = stop.clone();
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            either(&mut interrupt, &mut terminate).await;
            stop.request();
            // A failure is ignored: a second signal must end the process even if standard error is closed.
            let _ = writeln!(io::stderr(), "Ending early: what is done so far is reported. Once more ends at once.");
            either(&mut interrupt, &mut terminate).await;
            process::exit(EXIT_INTERRUPTED);
        });
    })?;
    Ok(())
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

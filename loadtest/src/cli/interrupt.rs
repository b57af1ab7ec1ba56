//! What a SIGINT (Ctrl-C) or SIGTERM does: the first ends the run early, and what was measured until then is reported;
//! the second ends the process at once.

use std::io::{self, Write};
use std::process;
use std::thread;

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::run::Stop;

/// What shells say of a process that SIGINT has ended.
const EXIT_INTERRUPTED: i32 = 130;

/// Passes signals on from now on, from a thread of its own, which sleeps until there is one.
///
/// # Errors
///
/// If the system lets nobody listen for signals.
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
            // Who cannot be told must be able to signal a second time all the same.
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

//! The command of a user that runs between filling and draining, such as one that starts the broker again.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Stop;

/// How often it is looked whether the command has ended.
const TICK: Duration = Duration::from_millis(20);

/// Runs a command with the system's shell and waits until it has ended. Its output goes to standard error. If the user
/// stops the run, the shell is killed.
///
/// # Errors
///
/// A sentence that says why the run cannot go on: the command could not be started, did not succeed, or was stopped.
pub(super) async fn run(command: &str, stop: &Stop) -> Result<(), String> {
    let quoted = format!("the command between filling and draining, `{command}`,");
    let started = Command::new("sh").arg("-c").arg(command).stdin(Stdio::null()).stdout(std::io::stderr()).spawn();
    let mut child = started.map_err(|error| format!("{quoted} could not be started: {error}"))?;
    loop {
        match child.try_wait() {
            Ok(None) if stop.is_requested() => {
                end(&mut child);
                return Err(format!("{quoted} was stopped by the user"));
            }
            Ok(None) => tokio::time::sleep(TICK).await,
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("{quoted} failed: {status}")),
            Err(error) => return Err(format!("{quoted} cannot be watched: {error}")),
        }
    }
}

/// Kills the shell. It may have ended meanwhile.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

//! Accepting connections: which errors of the system are ignored, and which make accepting pause.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

/// How long accepting pauses after the system refused a connection for want of files or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// The next connection and its client's address.
///
/// Aborted and reset connections are ignored. Any other error (such as `EMFILE`) is logged, and accepting pauses for
/// [`PAUSE`]. Dropping the future loses no connection; dropped in a pause, it ends the pause.
pub(super) async fn next(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Whether an error concerns the connection that was to be accepted, and no other.
fn is_of_one_connection(error: &io::Error) -> bool {
    [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset, io::ErrorKind::Interrupted]
        .contains(&error.kind())
}

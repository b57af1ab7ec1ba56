//! Accepting connections: which errors of the system are ignored, and how long accepting pauses after the others.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::seats::Seats;

/// How long a listener pauses after an error such as `EMFILE`, which each further attempt would meet as well.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// The next connection and its client's address, once there may be a seat for it. Aborted and reset connections are ignored. Dropping the future loses no
/// connection.
///
/// # Errors
/// Any other error of the system (such as `EMFILE`). The caller logs it and waits for [`PAUSE`] before it asks again.
pub(super) async fn next(listener: &TcpListener, seats: &Seats) -> io::Result<(TcpStream, SocketAddr)> {
    seats.settled().await;
    loop {
        match listener.accept().await {
            Err(error) if is_of_one_connection(&error) => {}
            accepted => return accepted,
        }
    }
}

/// Whether an error concerns the connection that was to be accepted, and no other.
fn is_of_one_connection(error: &io::Error) -> bool {
    [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset, io::ErrorKind::Interrupted]
        .contains(&error.kind())
}

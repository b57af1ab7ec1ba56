//! Accepting connections: which errors of the system are ignored, what is logged of the others, and how long accepting
//! pauses after them.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::seats::Seats;
use crate::trouble::Trouble;

/// How long a listener pauses after an error such as `EMFILE`, which each further attempt would meet as well.
const PAUSE: Duration = Duration::from_millis(100);

/// A listener's socket, with the errors that accepting on it met.
pub(super) struct Acceptor {
    listener: TcpListener,
    /// What the log calls the listener.
    name: &'static str,
    trouble: Trouble,
}

impl Acceptor {
    pub(super) fn new(listener: TcpListener, name: &'static str) -> Self {
        Self { listener, name, trouble: Trouble::default() }
    }

    /// The next connection and its client's address, once there may be a seat for it. Dropping the future loses no
    /// connection.
    ///
    /// Aborted and reset connections are ignored. After any other error of the system, accepting pauses. The log has one
    /// line where such errors begin and one when they are over.
    pub(super) async fn next(&self, seats: &Seats) -> (TcpStream, SocketAddr) {
        loop {
            seats.settled().await;
            match self.listener.accept().await {
                Ok(accepted) => {
                    if let Some(over) = self.trouble.succeeded() {
                        tracing::info!(
                            listener = self.name,
                            failures = over.failures,
                            seconds = over.seconds,
                            "connections are accepted again"
                        );
                    }
                    return accepted;
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    if self.trouble.failed() {
                        tracing::error!(
                            listener = self.name,
                            operation = "accepting a connection",
                            errno = error.raw_os_error(),
                            %error,
                            "connections cannot be accepted: they wait, and it is tried again every 100 ms"
                        );
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Whether an error concerns the connection that was to be accepted, and no other.
fn is_of_one_connection(error: &io::Error) -> bool {
    [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset, io::ErrorKind::Interrupted]
        .contains(&error.kind())
}

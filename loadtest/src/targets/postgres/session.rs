//! A connection to PostgreSQL, and the [`Failure`] of each of its errors.
//!
//! The client library has a task that reads and writes for each connection. It ends at once when the connection breaks.
//! Otherwise it ends when the worker is dropped and the Terminate message is written, for which it has
//! [`TERMINATE_MAX`].

use std::error::Error;
use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_postgres::{Client, Config, Connection, NoTls};

use crate::target::Failure;
use crate::targets::CONNECT_MAX;

/// How long writing the Terminate message may take, after the worker was dropped.
const TERMINATE_MAX: Duration = Duration::from_secs(1);

/// One connection.
pub(super) struct Session {
    /// Sends queries. It is dropped first, which makes the task terminate the connection.
    pub(super) client: Client,
    _worker: oneshot::Sender<()>,
}

impl Session {
    /// Connects to a database as a user.
    pub(super) async fn open(host: &str, port: u16, config: &Config) -> Result<Self, Failure> {
        let late = |_| Failure::Unreachable(format!("{host}:{port}: no answer in {CONNECT_MAX:?}"));
        let stream = timeout(CONNECT_MAX, TcpStream::connect((host, port))).await.map_err(late)?;
        let stream = stream.map_err(|error| Failure::Unreachable(format!("{host}:{port}: {error}")))?;
        stream.set_nodelay(true).map_err(|error| Failure::Disconnected(error.to_string()))?;
        let connected = timeout(CONNECT_MAX, config.connect_raw(stream, NoTls)).await.map_err(late)?;
        let (client, connection) = connected.map_err(failure)?;
        let (worker, gone) = oneshot::channel();
        tokio::spawn(drive(connection, gone));
        Ok(Self { client, _worker: worker })
    }
}

/// Reads and writes for a connection. If it fails, the client's queries fail, so that the error is dropped here.
async fn drive<T>(mut connection: Connection<TcpStream, T>, worker: oneshot::Receiver<()>)
where
    Connection<TcpStream, T>: Future<Output = Result<(), tokio_postgres::Error>> + Unpin,
{
    tokio::select! {
        _ = &mut connection => {}
        _ = worker => {
            let _ = timeout(TERMINATE_MAX, connection).await;
        }
    }
}

/// The failure of an error of the client library.
#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes values")]
pub(super) fn failure(error: tokio_postgres::Error) -> Failure {
    if let Some(said) = error.as_db_error() {
        return refusal(said.code().code(), format!("{} (SQLSTATE {})", said.message(), said.code().code()));
    }
    let cause = error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
    match error.source().and_then(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind) {
        // The library's errors for malformed messages.
        Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => Failure::Malformed(cause),
        Some(_) => Failure::Disconnected(cause),
        None if error.is_closed() => Failure::Disconnected(cause),
        None => Failure::Malformed(cause),
    }
}

/// The failure of a server's error, by its SQLSTATE: two characters of class, three of detail.
fn refusal(state: &str, said: String) -> Failure {
    match (state.get(..2).unwrap_or_default(), state) {
        // Invalid authorization, or a missing privilege.
        ("28", _) | (_, "42501") => Failure::Denied(said),
        // The connection failed, or the server shuts down, has crashed or is starting.
        ("08", _) | (_, "57P01" | "57P02" | "57P03" | "57P05") => Failure::Disconnected(said),
        // No such database; syntax and names; features that this server does not have.
        ("3D" | "42" | "0A", _) => Failure::Unsupported(said),
        // Resources, limits, locks, conflicts: another call may succeed.
        _ => Failure::Refused(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_mean_what_a_run_can_do_about_them() {
        let cases = [
            ("28P01", "denied access: said"),
            ("28000", "denied access: said"),
            ("42501", "denied access: said"),
            ("3D000", "cannot do this work: said"),
            ("42P01", "cannot do this work: said"),
            ("57P01", "lost the connection: said"),
            ("57P03", "lost the connection: said"),
            ("08006", "lost the connection: said"),
            ("53300", "refused: said"),
            ("53100", "refused: said"),
            ("57014", "refused: said"),
            ("40001", "refused: said"),
            ("x", "refused: said"),
        ];
        for (state, expected) in cases {
            assert_eq!(refusal(state, "said".to_owned()).to_string(), expected, "{state}");
        }
    }
}

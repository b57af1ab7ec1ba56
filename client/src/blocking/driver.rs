//! The thread that drives the connection of a blocking client.
//!
//! Invariant: the runtime lives as long as a handle of the facade does, and as long as the client's task does. So a wait
//! always finds its timers, and what was enqueued is sent after the last handle was dropped.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::client::{Client, ClientBuilder};
use crate::error::{Error, ErrorKind, Result};

/// What the handles of a blocking client share.
pub(super) struct Driver {
    runtime: Handle,
    /// Dropped with the last handle.
    _in_use: oneshot::Sender<()>,
}

impl Driver {
    /// Starts the thread, and connects on it.
    ///
    /// # Errors
    ///
    /// Those of [`ClientBuilder::connect`]. [`ErrorKind::InvalidArgument`] within a tokio runtime, or if the system gives
    /// no thread.
    pub(super) fn start(builder: ClientBuilder) -> Result<(Client, Arc<Self>)> {
        check_outside()?;
        let (connected, connecting) = mpsc::sync_channel(1);
        let run = move || {
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => {
                    // `start` waits for it.
                    let _ = connected.send(Err(no_thread(error)));
                    return;
                }
            };
            let handle = runtime.handle().clone();
            runtime.block_on(async move {
                let client = match builder.connect().await {
                    Ok(client) => client,
                    Err(error) => {
                        let _ = connected.send(Err(error));
                        return;
                    }
                };
                let ended = client.ended();
                let (in_use, unused) = oneshot::channel();
                let driver = Arc::new(Self { runtime: handle, _in_use: in_use });
                let _ = connected.send(Ok((client, driver)));
                // It ends with an error, when the sender is dropped.
                let _ = unused.await;
                ended.await;
            });
        };
        thread::Builder::new().name("posthouse-client".to_owned()).spawn(run).map_err(no_thread)?;
        connecting.recv().unwrap_or_else(|_| Err(Error::closed("client")))
    }

    /// Waits for a future on this thread.
    ///
    /// # Errors
    ///
    /// The future's, and [`ErrorKind::InvalidArgument`] within a tokio runtime.
    pub(super) fn wait<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        check_outside()?;
        self.block_on(future)
    }

    /// Waits for a future on this thread, after [`check_outside`].
    pub(super) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

/// # Errors
///
/// [`ErrorKind::InvalidArgument`] if this thread is one of a tokio runtime. A wait would keep the runtime from its tasks,
/// and tokio panics at it.
pub(super) fn check_outside() -> Result<()> {
    if Handle::try_current().is_err() {
        return Ok(());
    }
    let text =
        "a blocking method was called within a tokio runtime: await the methods of posthouse_client::Client there";
    Err(Error::new(ErrorKind::InvalidArgument, text))
}

fn no_thread(error: std::io::Error) -> Error {
    let text = format!("the thread of the client could not be started: {error}");
    Error::with_source(ErrorKind::InvalidArgument, text, error)
}

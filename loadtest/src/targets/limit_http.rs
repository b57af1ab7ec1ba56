//! `limit+http://`: the rate that HTTP on this machine allows a broker that does no other work.
//!
//! A server inside the tool reads and parses the requests of the SQS adapter, and sends prebuilt responses of the size
//! of real ones, with bodies of the mean length. It keeps no messages, computes no hashes and checks no signatures. The
//! client is the SQS adapter. The server has its own runtime, with one thread or `?threads=N`. The threads are named
//! `limit-http`, so that their CPU time is not counted as the load test's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::Address;
use crate::target::{Consumer, Failure, Kind, Layout, Producer, Promise, Target};

mod answers;
mod server;

use answers::Answers;
use server::Server;

/// The most threads of the server. More are taken for a typing error.
const THREADS_MAX: usize = 64;

/// Opens the target. Its server starts when a run is prepared.
pub(super) fn open(address: &Address) -> Result<Arc<dyn Target>, Failure> {
    let [threads] = address.parameters(["threads"])?;
    let threads = threads.as_deref().unwrap_or("1");
    let threads = threads.parse().ok().filter(|threads| (1..=THREADS_MAX).contains(threads)).ok_or_else(|| {
        Failure::Unsupported(format!("`threads={threads}`: it must be a number from 1 to {THREADS_MAX}"))
    })?;
    if address.url().host_str().is_some_and(|host| !host.is_empty()) || !matches!(address.url().path(), "" | "/") {
        return Err(Failure::Unsupported(format!(
            "{address}: the server is inside the tool; the form is limit+http://"
        )));
    }
    // Port 1 is never called. This adapter is used for its promise and the cost of its signature.
    let adapter = sqs(1)?;
    Ok(Arc::new(LimitHttp { threads, adapter, runs: Mutex::default() }))
}

/// The SQS adapter for a port of this machine.
fn sqs(port: u16) -> Result<Arc<dyn Target>, Failure> {
    let address: Address = format!("sqs+http://127.0.0.1:{port}").parse().map_err(Failure::Unsupported)?;
    address.open()
}

struct LimitHttp {
    threads: usize,
    adapter: Arc<dyn Target>,
    runs: Mutex<HashMap<String, Arc<RunningServer>>>,
}

/// A server and the adapter that calls it. The server stops when this is dropped.
struct RunningServer {
    adapter: Arc<dyn Target>,
    _server: Server,
}

impl LimitHttp {
    fn runs(&self) -> MutexGuard<'_, HashMap<String, Arc<RunningServer>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, layout: &Layout) -> Result<Arc<RunningServer>, Failure> {
        let run = self.runs().get(&layout.prefix).cloned();
        run.ok_or_else(|| Failure::Unreachable("the server of this run has not been started".to_owned()))
    }
}

#[async_trait]
impl Target for LimitHttp {
    fn promise(&self, layout: &Layout) -> Result<Promise, Failure> {
        match layout.kind {
            Kind::Queue => self.adapter.promise(layout).map(|_| Promise::NONE),
            Kind::Fifo | Kind::Delay(_) | Kind::Fanout { .. } => {
                Err(Failure::Unsupported("the limit of HTTP is one of a standard queue".to_owned()))
            }
        }
    }

    async fn prepare(&self, layout: &Layout) -> Result<(), Failure> {
        let server = Server::start(self.threads, Answers::new(layout.body_bytes_mean))?;
        let run = RunningServer { adapter: sqs(server.port())?, _server: server };
        run.adapter.prepare(layout).await?;
        self.runs().insert(layout.prefix.clone(), Arc::new(run));
        Ok(())
    }

    async fn producer(&self, layout: &Layout) -> Result<Box<dyn Producer>, Failure> {
        self.run(layout)?.adapter.producer(layout).await
    }

    async fn consumer(&self, layout: &Layout, destination: u32) -> Result<Box<dyn Consumer>, Failure> {
        self.run(layout)?.adapter.consumer(layout, destination).await
    }

    async fn remove(&self, layout: &Layout) -> Result<(), Failure> {
        let run = self.runs().remove(&layout.prefix);
        match run {
            Some(run) => run.adapter.remove(layout).await,
            None => Ok(()),
        }
    }

    fn signature_seconds(&self) -> Option<f64> {
        self.adapter.signature_seconds()
    }
}

#[cfg(test)]
mod tests;

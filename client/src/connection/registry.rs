//! The endpoints of a client, over all its connections.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

use crate::connection::endpoint::Endpoint;
use crate::error::{Error, Result};

/// The endpoints of a client. The task of the client attaches them to each new connection, and new ones to the one that
/// there is.
#[derive(Default)]
pub(crate) struct Registry {
    state: Mutex<State>,
    waker: AtomicWaker,
    changed: Arc<Notify>,
}

#[derive(Default)]
struct State {
    live: Vec<Arc<dyn Endpoint>>,
    /// Those of `live` that the connection has not been given.
    fresh: Vec<Arc<dyn Endpoint>>,
    is_closing: bool,
    ended: Option<Error>,
}

/// What the task of the client finds.
pub(crate) struct News {
    /// Endpoints to attach.
    pub(crate) fresh: Vec<Arc<dyn Endpoint>>,
    /// Whether the client is closing: the connection is to end once its endpoints have.
    pub(crate) is_closing: bool,
}

impl Registry {
    /// Adds an endpoint.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), or why the client has given up.
    pub(crate) fn add(&self, endpoint: Arc<dyn Endpoint>) -> Result<()> {
        let mut state = self.lock();
        if let Some(ended) = &state.ended {
            return Err(ended.clone());
        }
        if state.is_closing {
            return Err(Error::closed("client"));
        }
        state.live.push(Arc::clone(&endpoint));
        state.fresh.push(endpoint);
        drop(state);
        self.waker.wake();
        self.changed.notify_one();
        Ok(())
    }

    /// Removes an endpoint that has ended.
    pub(crate) fn remove(&self, endpoint: &Arc<dyn Endpoint>) {
        let mut state = self.lock();
        state.live.retain(|live| !Arc::ptr_eq(live, endpoint));
        state.fresh.retain(|fresh| !Arc::ptr_eq(fresh, endpoint));
    }

    /// Lets all endpoints finish what they have begun, and then the client end.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.is_closing = true;
        let live = state.live.clone();
        drop(state);
        live.iter().for_each(|endpoint| endpoint.finish());
        self.waker.wake();
        self.changed.notify_one();
    }

    /// All endpoints, for a new connection. None of them is fresh any more.
    pub(crate) fn all(&self) -> Vec<Arc<dyn Endpoint>> {
        let mut state = self.lock();
        state.fresh.clear();
        state.live.clone()
    }

    /// What is new. The task is woken when there is more.
    pub(crate) fn poll(&self, context: &Context<'_>) -> News {
        self.waker.register(context.waker());
        let mut state = self.lock();
        News { fresh: std::mem::take(&mut state.fresh), is_closing: state.is_closing }
    }

    /// Whether no endpoint needs a connection.
    pub(crate) fn is_vacant(&self) -> bool {
        !self.lock().live.iter().any(|endpoint| endpoint.needs_connection())
    }

    /// Waits until a client without a connection may need one: an endpoint was added or used, or the client is closing.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// What an endpoint notifies that needs a connection now and did not before.
    pub(crate) fn change(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.lock().is_closing
    }

    /// Ends all endpoints for good, and refuses new ones.
    pub(crate) fn end(&self, why: &Error) {
        let mut state = self.lock();
        state.ended = Some(why.clone());
        state.fresh.clear();
        let live = std::mem::take(&mut state.live);
        drop(state);
        live.iter().for_each(|endpoint| endpoint.end(why));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

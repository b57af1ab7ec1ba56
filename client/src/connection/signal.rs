//! How an endpoint says to the task that drives its connection that it has something to write.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Context;

use futures_util::task::AtomicWaker;
use posthouse_wire::Link;

/// The links of one pipe that have something to write, and the waker of the task that drives it.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    raised: Mutex<Vec<Link>>,
    waker: AtomicWaker,
}

impl Signals {
    /// Registers the task, and moves the links that have raised a signal to the end of `into`.
    pub(crate) fn poll(&self, context: &Context<'_>, into: &mut VecDeque<Link>) {
        self.waker.register(context.waker());
        into.extend(self.raised.lock().unwrap_or_else(PoisonError::into_inner).drain(..));
    }

    /// Makes the task look at what has changed.
    pub(crate) fn wake(&self) {
        self.waker.wake();
    }
}

/// One link's way to its pipe. An endpoint raises it once, and again only after `Endpoint::write` has returned that there
/// is nothing to write. [`Signals`] therefore holds each link at most once.
#[derive(Clone, Debug)]
pub(crate) struct Signal {
    signals: Arc<Signals>,
    link: Link,
}

impl Signal {
    pub(crate) fn new(signals: &Arc<Signals>, link: Link) -> Self {
        Self { signals: Arc::clone(signals), link }
    }

    /// Makes the pipe ask the endpoint for frames.
    pub(crate) fn raise(&self) {
        self.signals.raised.lock().unwrap_or_else(PoisonError::into_inner).push(self.link);
        self.signals.wake();
    }
}

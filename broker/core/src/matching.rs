//! The thread that does what takes too long for the core loop: the searches for the recipients of messages among many or
//! costly filter policies, and the freeing of large values.
//!
//! There is one thread, so that matching takes one core at most, whatever is published. It is started with the first
//! work. A search comes back as a note of the inbox. It holds the indices of its topic meanwhile; the engine has one
//! search for each topic under way at most.

use std::sync::mpsc::{Sender, channel};
use std::thread;

use posthouse_engine::{Discarded, Search};

use crate::inbox::Inbox;

/// What the thread does.
enum Work {
    Run(Search),
    Drop(Discarded),
}

/// The way to the thread.
pub(crate) struct Matcher<R> {
    inbox: Inbox<R>,
    work: Option<Sender<Work>>,
}

impl<R: Send + 'static> Matcher<R> {
    /// No thread yet. Searches come back through the inbox.
    pub(crate) const fn new(inbox: Inbox<R>) -> Self {
        Self { inbox, work: None }
    }

    /// Has a search run. If the thread cannot be started, the search runs here.
    pub(crate) fn run(&mut self, search: Search) {
        self.send(Work::Run(search));
    }

    /// Has a value dropped. If the thread cannot be started, it is dropped here.
    pub(crate) fn discard(&mut self, discarded: Discarded) {
        self.send(Work::Drop(discarded));
    }

    fn send(&mut self, work: Work) {
        if self.work.is_none() {
            self.work = start(self.inbox.clone());
        }
        match &self.work {
            Some(thread) => thread.send(work).expect("the thread ends after the core loop"),
            None => work.perform(&self.inbox),
        }
    }
}

impl Work {
    fn perform<R>(self, inbox: &Inbox<R>) {
        match self {
            Self::Run(mut search) => {
                search.run();
                inbox.searched(search);
            }
            Self::Drop(discarded) => drop(discarded),
        }
    }
}

/// Starts the thread, which ends when the sender is dropped.
fn start<R: Send + 'static>(inbox: Inbox<R>) -> Option<Sender<Work>> {
    let (work, received) = channel::<Work>();
    let body = move || received.into_iter().for_each(|work| work.perform(&inbox));
    thread::Builder::new().name("matching".into()).spawn(body).ok().map(|_| work)
}

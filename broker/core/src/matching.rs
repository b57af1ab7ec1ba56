//! The thread that runs the searches which take too long for the core loop: those for the recipients of messages among
//! many or costly filter policies.
//!
//! There is one thread, so that matching takes one core at most, whatever is published. It is started with the first
//! search. A search comes back as a note of the inbox. It holds the indices of its topic meanwhile; the engine has one
//! search for each topic under way at most.

use std::sync::mpsc::{Sender, channel};
use std::thread;

use posthouse_engine::Search;

use crate::inbox::Inbox;

/// The way to the thread.
pub(crate) struct Matcher<R> {
    inbox: Inbox<R>,
    searches: Option<Sender<Search>>,
}

impl<R: Send + 'static> Matcher<R> {
    /// No thread yet. Searches come back through the inbox.
    pub(crate) const fn new(inbox: Inbox<R>) -> Self {
        Self { inbox, searches: None }
    }

    /// Has a search run. If the thread cannot be started, the search runs here.
    pub(crate) fn run(&mut self, mut search: Search) {
        if self.searches.is_none() {
            self.searches = start(self.inbox.clone());
        }
        match &self.searches {
            Some(searches) => searches.send(search).expect("the thread ends after the core loop"),
            None => {
                search.run();
                self.inbox.searched(search);
            }
        }
    }
}

/// Starts the thread, which ends when the sender is dropped.
fn start<R: Send + 'static>(inbox: Inbox<R>) -> Option<Sender<Search>> {
    let (searches, received) = channel::<Search>();
    let body = move || {
        for mut search in received {
            search.run();
            inbox.searched(search);
        }
    };
    thread::Builder::new().name("matching".into()).spawn(body).ok().map(|_| searches)
}

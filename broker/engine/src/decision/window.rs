//! Moving the windows of queues with groups: ending one that is full, and putting messages into one that has room.
//!
//! A queue's timer is due while its window needs something, and so is a receive that finds nothing available.

use posthouse_model::operation::Action;
use posthouse_model::{Call, QueueId, Request};

use super::Decision;
use crate::access::Resource;
use crate::event::Event;
use crate::event::window_moved::WindowMoved;
use crate::queue::messages::window::WindowStep;
use crate::state::pages::PageRequest;

/// Events that move the window of one queue in one decision at most. Each puts a page of messages into lanes, which takes
/// some hundred microseconds.
const MOVES_MAX: usize = 8;

impl Decision<'_> {
    /// Moves the window of a queue as far as it needs and one decision may, or asks for the page that it needs.
    pub(crate) fn move_window(&mut self, queue: QueueId) {
        for _ in 0..MOVES_MAX {
            match self.queue(queue).messages.window_step() {
                Some(WindowStep::MoveThrough(through)) => {
                    let time = self.now;
                    self.emit(&Event::WindowMoved(WindowMoved { queue, time, through }));
                }
                Some(WindowStep::Read(page)) => return self.want_page(PageRequest { queue, page }),
                None => return,
            }
        }
    }

    /// Whether a receive finds a message in a queue, or a move task. Moves the window on if there is none in it.
    pub(crate) fn find_available(&mut self, queue: QueueId) -> bool {
        let messages = &self.queue(queue).messages;
        messages.has_available() || messages.window_through().is_some() && self.find_behind(queue)
    }

    #[cold]
    fn find_behind(&mut self, queue: QueueId) -> bool {
        self.move_window(queue);
        self.queue(queue).messages.has_available()
    }

    /// Moves the window on for a receive that would find nothing in it, if its caller may receive: the receive may need
    /// several pages, one after the other.
    pub(crate) fn move_window_for(&mut self, call: &Call) {
        let Request::ReceiveMessage(request) = &call.request else { return };
        let Some(queue) = self.state.find(&request.queue) else { return };
        let messages = &self.queue(queue).messages;
        if messages.window_through().is_none() || messages.has_available() {
            return;
        }
        let resource = Resource::Queue(&request.queue, Some(queue));
        if self.authorize(&call.caller, Action::ReceiveMessage, resource).is_ok() {
            self.advance(queue);
            let _ = self.find_available(queue);
        }
    }
}

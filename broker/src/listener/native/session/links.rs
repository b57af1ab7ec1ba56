//! The links of a session: what becomes of each when something about it has changed.

use std::rc::Rc;

use posthouse_model::MessageCount;
use posthouse_wire::{Address, Closed, Ends, Link as LinkNumber};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Session, Stage};
use crate::listener::native::consumer::{Consumer, Next};
use crate::listener::native::ending::Ending;
use crate::listener::native::output::Delivered;
use crate::listener::native::producer::Producer;
use crate::shard::RequestNumber;

/// A link.
pub(super) enum Link {
    /// The engine has been asked whether it may be opened.
    Opening,
    /// It sends messages.
    Producer(Box<Producer>),
    /// It receives messages.
    Consumer(Box<Consumer>, Standing),
}

/// The standing receive of a consumer.
pub(super) enum Standing {
    /// There is none, or it ends by itself.
    Absent,
    /// The core loop has it.
    Queued(RequestNumber),
    /// It goes on apart, until this is notified.
    Apart(Rc<Notify>),
}

/// What a standing receive asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) link: u16,
    pub(super) messages_max: MessageCount,
    pub(super) bytes_max: u32,
}

impl Link {
    /// How many deliveries of it are not settled.
    pub(super) fn unsettled(&self) -> usize {
        match self {
            Self::Opening | Self::Producer(_) => 0,
            Self::Consumer(consumer, _) => consumer.unsettled(),
        }
    }

    /// Whether its client may still use it.
    fn is_open(&self) -> bool {
        match self {
            Self::Opening => false,
            Self::Producer(producer) => producer.is_open(),
            Self::Consumer(consumer, _) => consumer.is_open(),
        }
    }

    /// Whether something of it has yet to be given back.
    pub(super) const fn holds_messages(&self) -> bool {
        matches!(self, Self::Consumer(..))
    }

    /// It is to end. The link is touched then, which ends its standing receive.
    pub(super) fn end(&mut self, ending: Ending) {
        match self {
            Self::Opening => {}
            Self::Producer(producer) => producer.end(ending),
            Self::Consumer(consumer, _) => consumer.end(ending),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Does what is to be done for the links at which something has changed. Returns whether there were any.
    pub(super) fn tend_links(&mut self) -> bool {
        if self.touched.is_empty() {
            return false;
        }
        let mut touched = core::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        touched.drain(..).for_each(|number| self.tend(number));
        if self.touched.is_empty() {
            // Its memory is used again.
            self.touched = touched;
        }
        true
    }

    fn tend(&mut self, number: u16) {
        if self.stage != Stage::Serving || !self.links.get(&number).is_some_and(Link::is_open) {
            self.stop_receiving(number);
        }
        let ended = match self.links.get_mut(&number) {
            None | Some(Link::Opening) => None,
            Some(Link::Producer(producer)) => producer.ended(),
            Some(Link::Consumer(consumer, _)) if consumer.is_open() => {
                self.deliver(number);
                None
            }
            Some(Link::Consumer(..)) => self.give_back(number),
        };
        if let Some(ending) = ended {
            self.remove_link(number, &ending);
        }
    }

    /// Removes a link of which nothing is under way, and answers its end. Its number is free.
    pub(super) fn remove_link(&mut self, number: u16, ending: &Ending) {
        self.links.remove(&number);
        self.input.forget(LinkNumber::new(number));
        self.context.close_link();
        match ending {
            Ending::Closed(address) => self.output.frame(*address, &Closed),
            Ending::Fault(address, refusal) => self.fault(*address, refusal, Ends::Link),
            Ending::Quiet => {}
        }
    }

    /// Delivers what a consumer's credit reaches for, and receives more.
    fn deliver(&mut self, number: u16) {
        let Self { links, output, attributes, deadlines, context, .. } = self;
        let Some(Link::Consumer(consumer, _)) = links.get_mut(&number) else { return };
        while let Some(frame) = consumer.frame(attributes) {
            let delivered = Delivered { link: number, bytes: frame.room.bytes() };
            context.counters().delivered(frame.messages, frame.payload.chunks().len());
            output.deliver(Address::link(LinkNumber::new(number)), &frame.payload, frame.room, delivered);
        }
        if self.stage != Stage::Serving {
            return;
        }
        match consumer.next(Instant::now()) {
            Next::Receive(messages_max, bytes_max) => {
                consumer.receiving();
                self.ask_messages(Wanted { link: number, messages_max, bytes_max });
            }
            Next::At(at) => deadlines.wake_at(at),
            Next::Nothing => {}
        }
    }

    /// Gives back what a consumer that is to end has not settled. Returns how its end is answered, if it has ended.
    fn give_back(&mut self, number: u16) -> Option<Ending> {
        let Some(Link::Consumer(consumer, _)) = self.links.get_mut(&number) else { return None };
        let releases = consumer.releases();
        let ended = consumer.ended();
        releases.into_iter().for_each(|release| self.ask_release(number, release));
        ended
    }

    /// Notes what the socket has taken of deliveries. Returns whether there was something.
    pub(super) fn note_delivered(&mut self) -> bool {
        let delivered = self.output.delivered();
        for Delivered { link, bytes } in &delivered {
            if let Some(Link::Consumer(consumer, _)) = self.links.get_mut(link) {
                consumer.taken(*bytes);
                self.touched.push(*link);
            }
        }
        !delivered.is_empty()
    }
}

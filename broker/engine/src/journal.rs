//! Where events go: the engine's side of the log.

use core::fmt;

use posthouse_model::MessageKey;

/// A place in the journal. Later events have larger positions, and two positions are at least as far apart as the
/// bytes of the event between them: each event begins with a number of its own, and so does each of its items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// Below the position of every event.
    pub const ZERO: Self = Self(0);

    /// The position with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The position of the event, and of the item in it, that put this message into its queue.
    #[must_use]
    pub const fn of(message: MessageKey) -> Self {
        Self(message.get())
    }

    /// The position of an item of the event at this position. `None` if it exceeds the range.
    #[must_use]
    pub const fn item(self, index: u64) -> Option<Self> {
        match self.0.checked_add(index) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The key of the message that the event at this position puts into a queue.
    #[must_use]
    pub const fn message_key(self) -> MessageKey {
        MessageKey::new(self.0)
    }

    /// The position's number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Takes the engine's events, and counts the references to the message bodies in them.
pub trait Journal {
    /// Appends one event, whose payload is the concatenation of the parts, and returns its position. It cannot fail:
    /// the caller of the engine has checked that there is room.
    fn append(&mut self, kind: u8, parts: &[&[u8]]) -> Position;

    /// Adds a reference to the message body in the record at this position.
    fn retain(&mut self, body: Position);

    /// Removes a reference. A body without references is not read again.
    fn release(&mut self, body: Position);
}

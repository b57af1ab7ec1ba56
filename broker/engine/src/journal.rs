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

/// Where a message lies in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyRef {
    /// The position of its record.
    pub position: Position,
    /// The length of the record's payload, in bytes.
    pub length: u32,
}

/// References to message bodies, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// How many there are.
    pub count: u64,
    /// The lengths of the bodies that they lead to, in bytes. A body counts once for each reference to it.
    pub bytes: u64,
}

impl References {
    /// One reference to a body.
    #[must_use]
    pub const fn one(body: BodyRef) -> Self {
        Self { count: 1, bytes: body.length as u64 }
    }

    /// These and others.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self { count: self.count + others.count, bytes: self.bytes + others.bytes }
    }
}

/// Takes the engine's events, and counts the references to the message bodies in them.
///
/// References are counted by regions of positions: what matters is whether a region has any, and how many bytes. So
/// references into one region may be added one by one and removed together, or the other way round.
pub trait Journal {
    /// Appends one event, whose payload is the concatenation of the parts, and returns its position. It cannot fail:
    /// the caller of the engine has checked that there is room.
    fn append(&mut self, kind: u8, parts: &[&[u8]]) -> Position;

    /// The end of the region in which a position lies: the first position behind it that belongs to another one. Regions
    /// do not change while there are references into them.
    fn region_end(&self, position: Position) -> Position;

    /// Adds references to bodies that lie in the same region as the position.
    fn retain_many(&mut self, region: Position, references: References);

    /// Removes references to bodies that lie in the same region as the position. What lies in a region without
    /// references is not read again.
    fn release_many(&mut self, region: Position, references: References);

    /// Adds a reference to a message body.
    fn retain(&mut self, body: BodyRef) {
        self.retain_many(body.position, References::one(body));
    }

    /// Removes a reference to a message body.
    fn release(&mut self, body: BodyRef) {
        self.release_many(body.position, References::one(body));
    }

    /// Removes a reference to a record that replay reads while it applies events: a page of waiting messages. Replay that
    /// starts before this release may need the record, so its bytes stay until no start does.
    fn release_page(&mut self, record: BodyRef) {
        self.release(record);
    }
}

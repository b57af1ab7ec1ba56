//! The numbers that a native producer gives its messages.

use core::fmt;

/// The number of a message among those that its producer sends to one queue or topic. The first has the number 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageNumber(u64);

impl MessageNumber {
    /// Before the first message.
    pub const NONE: Self = Self(0);
    /// The first message.
    pub const FIRST: Self = Self(1);

    /// The message with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number that comes `messages` later. It stays at the largest number, which no message of a batch has.
    #[must_use]
    pub const fn plus(self, messages: u64) -> Self {
        Self(self.0.saturating_add(messages))
    }
}

impl fmt::Display for MessageNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

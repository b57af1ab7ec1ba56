//! The numbers that frames bear. Each is a type, so that no two can be confused.

use core::fmt;

use crate::limits::NUMBER_MAX;

/// The number of a link on its connection, chosen by the client when it opens the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link(u16);

impl Link {
    /// The connection itself.
    pub const CONNECTION: Self = Self(0);

    /// The link with a number; 0 is the connection.
    #[must_use]
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// The number of a request, chosen by the side that asks; the answer bears it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request(u32);

impl Request {
    /// Of frames that have no answer.
    pub const NONE: Self = Self(0);

    /// The request with a number; 0 asks for no answer.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// Where a frame belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The link; [`Link::CONNECTION`] for what concerns the connection.
    pub link: Link,
    /// The request; [`Request::NONE`] for what has no answer.
    pub request: Request,
}

impl Address {
    /// The connection, without an answer.
    pub const CONNECTION: Self = Self { link: Link::CONNECTION, request: Request::NONE };

    /// A link, without an answer.
    #[must_use]
    pub const fn link(link: Link) -> Self {
        Self { link, request: Request::NONE }
    }

    /// A request that concerns a link, or the connection.
    #[must_use]
    pub const fn new(link: Link, request: Request) -> Self {
        Self { link, request }
    }
}

/// The id of a producer: random, chosen by the client once for the life of the producer, over all connections.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerId([u8; 16]);

/// Without its bytes, from which the ids of all messages of the producer can be computed.
impl fmt::Debug for ProducerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProducerId(..)")
    }
}

impl ProducerId {
    /// From random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The sixteen bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident,)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// The first one: 1.
            pub const FIRST: Self = Self(1);

            /// From 1 to [`NUMBER_MAX`]; `None` outside.
            #[must_use]
            pub const fn new(number: u64) -> Option<Self> {
                if number >= 1 && number <= NUMBER_MAX { Some(Self(number)) } else { None }
            }

            /// The number.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The number `count` later; `None` beyond [`NUMBER_MAX`].
            #[must_use]
            pub const fn checked_add(self, count: u64) -> Option<Self> {
                match self.0.checked_add(count) {
                    Some(number) => Self::new(number),
                    None => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    )+};
}

numbers! {
    /// The number of a message among all that its producer sends: 1, 2, 3…
    MessageNumber,
    /// The number of a delivery among all of its link: 1, 2, 3…
    DeliveryNumber,
}

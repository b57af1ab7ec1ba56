//! The kinds of frames, and who sends them.

use core::fmt;

/// This bit of a kind says that a peer that does not know the kind skips the frame. Without it the peer answers with
/// a fault and closes the connection.
pub(crate) const SKIPPABLE: u8 = 0x80;

macro_rules! kinds {
    ($($(#[$doc:meta])* $number:literal $name:ident $text:literal $sender:ident,)+) => {
        /// What a frame is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Kind { $($(#[$doc])* $name = $number,)+ }

        impl Kind {
            /// Every kind, in the order of the numbers.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The kind with a number; `None` where there is none.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$name),)+ _ => None }
            }

            /// Its number in a header.
            #[must_use]
            pub const fn number(self) -> u8 {
                self as u8
            }

            /// Its name in `docs/protocol.md`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The side that sends it.
            #[must_use]
            pub const fn sender(self) -> Sender {
                match self { $(Self::$name => Sender::$sender,)+ }
            }
        }
    };
}

/// The side that sends a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The client alone.
    Client,
    /// The broker alone.
    Broker,
    /// Either.
    Both,
}

kinds! {
    /// The client's first frame.
    0x01 Hello "HELLO" Client,
    /// The broker's answer to it.
    0x02 Challenge "CHALLENGE" Broker,
    /// The client's proof that it knows the secret.
    0x03 Prove "PROVE" Client,
    /// The broker's proof; the connection is open.
    0x04 Ready "READY" Broker,
    /// Opens a link that sends messages.
    0x08 OpenProducer "OPEN_PRODUCER" Client,
    /// The answer to it.
    0x09 ProducerOpened "PRODUCER_OPENED" Broker,
    /// Opens a link that receives messages.
    0x0A OpenConsumer "OPEN_CONSUMER" Client,
    /// The answer to it.
    0x0B ConsumerOpened "CONSUMER_OPENED" Broker,
    /// Closes a link.
    0x0C Close "CLOSE" Client,
    /// The answer to it.
    0x0D Closed "CLOSED" Broker,
    /// Messages for the target of a producer.
    0x10 Send "SEND" Client,
    /// The answer to it.
    0x11 Sent "SENT" Broker,
    /// How much a consumer may be sent.
    0x12 Credit "CREDIT" Client,
    /// Messages for a consumer.
    0x13 Deliver "DELIVER" Broker,
    /// What is to be done with messages that were delivered.
    0x14 Settle "SETTLE" Client,
    /// The answer to it.
    0x15 Settled "SETTLED" Broker,
    /// Asks for the receipt handle of a delivery.
    0x16 GetHandle "GET_HANDLE" Client,
    /// The answer to it.
    0x17 Handle "HANDLE" Broker,
    /// An operation of SQS or SNS.
    0x20 Call "CALL" Client,
    /// The answer to it.
    0x21 Reply "REPLY" Broker,
    /// Ends a call early.
    0x22 Cancel "CANCEL" Client,
    /// Asks whether the peer lives.
    0x30 Ping "PING" Both,
    /// The answer to it.
    0x31 Pong "PONG" Both,
    /// The broker will end the connection.
    0x32 GoAway "GO_AWAY" Broker,
    /// A refusal.
    0x3F Fault "FAULT" Broker,
}

impl Kind {
    /// Whether a payload of this kind may be cut into several frames.
    #[must_use]
    pub const fn may_be_cut(self) -> bool {
        matches!(self, Self::Call | Self::Reply | Self::Deliver)
    }
}

/// The name in `docs/protocol.md`.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

//! The name of one message of any queue, as administrators see it.

use core::fmt;
use core::num::ParseIntError;
use core::str::FromStr;

use crate::receipt::{MessageKey, QueueId};

/// Names a message of any queue. Its text is the number of the queue and the key of the message in sixteen hexadecimal
/// digits: `7-00000000002a1f38`. No other message ever has it: neither numbers of queues nor keys are given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageName {
    /// The queue that holds the message.
    pub queue: QueueId,
    /// The message in it.
    pub message: MessageKey,
}

/// A text that is no [`MessageName`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidMessageName;

impl From<ParseIntError> for InvalidMessageName {
    fn from(_: ParseIntError) -> Self {
        Self
    }
}

impl fmt::Display for InvalidMessageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id is a number, a hyphen and sixteen hexadecimal digits")
    }
}

impl core::error::Error for InvalidMessageName {}

impl fmt::Display for MessageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:016x}", self.queue.get(), self.message.get())
    }
}

impl FromStr for MessageName {
    type Err = InvalidMessageName;

    fn from_str(text: &str) -> Result<Self, InvalidMessageName> {
        let (queue, message) = text.split_once('-').ok_or(InvalidMessageName)?;
        let digits = queue.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || message.len() != 16 || !message.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(InvalidMessageName);
        }
        let (queue, message) = (queue.parse()?, u64::from_str_radix(message, 16)?);
        Ok(Self { queue: QueueId::new(queue), message: MessageKey::new(message) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        let name = MessageName { queue: QueueId::new(7), message: MessageKey::new(0x2a_1f38) };
        assert_eq!(name.to_string(), "7-00000000002a1f38");
        assert_eq!("7-00000000002a1f38".parse(), Ok(name));
        for wrong in ["", "7", "7-", "-00000000002a1f38", "7-2a1f38", "+7-00000000002a1f38", "7-+0000000002a1f38"] {
            assert_eq!(wrong.parse::<MessageName>(), Err(InvalidMessageName), "{wrong}");
        }
        assert_eq!("4294967296-0000000000000000".parse::<MessageName>(), Err(InvalidMessageName));
    }
}

//! Names: accounts, regions, queues, and the ARN that joins them.
//!
//! A queue belongs to (region, account); the same name may exist in several of them.

use core::fmt;
use core::str::FromStr;

use compact_str::CompactString;

use crate::limits::{QUEUE_NAME_CHARS_MAX, REGION_CHARS_MAX};

/// A twelve-digit AWS account number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(u64);

impl AccountId {
    /// `000000000000`: the account of a broker without users.
    pub const DEFAULT: Self = Self(0);

    /// The account with this number; `None` where the number has more than twelve digits.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        (number < 1_000_000_000_000).then_some(Self(number))
    }

    /// The account as a number of at most twelve digits, as events store it.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The twelve digits.
    pub fn encode(self, buffer: &mut [u8; 12]) -> &str {
        let mut rest = self.0;
        for digit in buffer.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).expect("a digit");
            rest /= 10;
        }
        core::str::from_utf8(buffer).expect("digits are ASCII")
    }
}

impl FromStr for AccountId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.bytes().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))))
        } else {
            Err(InvalidName { what: "account id", rule: "twelve digits" })
        }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.encode(&mut [0; 12]))
    }
}

/// A name that breaks its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidName {
    pub(crate) what: &'static str,
    pub(crate) rule: &'static str,
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid {}: it must be {}", self.what, self.rule)
    }
}

impl core::error::Error for InvalidName {}

/// A region's name, such as `us-east-1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(CompactString);

impl Region {
    /// The region's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let fits = (1..=REGION_CHARS_MAX).contains(&text.len());
        // All digits is refused so that a queue URL's first segment is never taken for an account.
        if fits
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && text.bytes().any(|b| b.is_ascii_lowercase())
        {
            Ok(Self(CompactString::new(text)))
        } else {
            Err(InvalidName { what: "region", rule: "1 to 32 lower-case letters, digits and hyphens" })
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A queue's name: 1 to 80 letters, digits, hyphens and underscores; a FIFO queue's ends in `.fifo`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueName(CompactString);

impl QueueName {
    /// The suffix that a FIFO queue's name ends in.
    pub const FIFO_SUFFIX: &'static str = ".fifo";

    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name says that the queue is FIFO.
    #[must_use]
    pub fn is_fifo(&self) -> bool {
        self.0.ends_with(Self::FIFO_SUFFIX)
    }
}

impl FromStr for QueueName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let stem = text.strip_suffix(Self::FIFO_SUFFIX).unwrap_or(text);
        let fits = !stem.is_empty() && text.len() <= QUEUE_NAME_CHARS_MAX;
        if fits && stem.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            Ok(Self(CompactString::new(text)))
        } else {
            Err(InvalidName { what: "queue name", rule: "1 to 80 letters, digits, hyphens and underscores" })
        }
    }
}

impl QueueName {
    /// What the names of internal queues begin with; no name that a caller may give has it.
    const INTERNAL: char = '$';

    /// The name of a queue that belongs to the broker itself: what a push subscription still has to deliver, for
    /// instance. [`QueueName::from_str`] refuses it, so that no caller can name such a queue.
    ///
    /// # Panics
    /// Where `what` is no valid queue name of at most 79 characters.
    #[must_use]
    pub fn internal(what: &str) -> Self {
        let name: Self = what.parse().expect("an internal name is a queue name behind its mark");
        assert!(what.len() < QUEUE_NAME_CHARS_MAX, "the mark needs room");
        Self(compact_str::format_compact!("{}{}", Self::INTERNAL, name.0))
    }

    /// Reads back a name that was stored: a caller's or an internal one.
    ///
    /// # Errors
    /// [`InvalidName`] where it is neither.
    pub fn stored(text: &str) -> Result<Self, InvalidName> {
        match text.strip_prefix(Self::INTERNAL) {
            None => text.parse(),
            Some(what) if text.len() <= QUEUE_NAME_CHARS_MAX => what.parse::<Self>().map(|_| Self(text.into())),
            Some(_) => {
                Err(InvalidName { what: "queue name", rule: "1 to 80 letters, digits, hyphens and underscores" })
            }
        }
    }

    /// Whether it is the internal queue of this name.
    #[must_use]
    pub fn is_internal_of(&self, what: &str) -> bool {
        self.0.strip_prefix(Self::INTERNAL) == Some(what)
    }

    /// Whether the queue belongs to the broker itself.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        self.0.starts_with(Self::INTERNAL)
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a queue is: region, account and name. Displayed and parsed as the queue's ARN.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueAddress {
    /// The queue's region.
    pub region: Region,
    /// The account that owns the queue.
    pub account: AccountId,
    /// The queue's name.
    pub name: QueueName,
}

impl FromStr for QueueAddress {
    type Err = InvalidName;

    /// Parses `arn:aws:sqs:REGION:ACCOUNT:NAME`; any partition is taken (`aws-cn`, `aws-us-gov`).
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::read(text, QueueName::from_str)
    }
}

impl QueueAddress {
    /// Reads back an address that was stored: a caller's queue or an internal one.
    ///
    /// # Errors
    /// [`InvalidName`] where it is neither.
    pub fn stored(text: &str) -> Result<Self, InvalidName> {
        Self::read(text, QueueName::stored)
    }

    fn read(text: &str, name: impl FnOnce(&str) -> Result<QueueName, InvalidName>) -> Result<Self, InvalidName> {
        const MALFORMED: InvalidName = InvalidName { what: "queue ARN", rule: "arn:aws:sqs:REGION:ACCOUNT:NAME" };
        let (region, account, rest) = split_arn(text, "sqs").ok_or(MALFORMED)?;
        Ok(Self { region: region.parse()?, account: account.parse()?, name: name(rest)? })
    }
}

/// The region, the account and the rest of an ARN of this service, in any partition (`aws-cn`, `aws-us-gov`).
pub(crate) fn split_arn<'a>(text: &'a str, service: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let mut parts = text.splitn(6, ':');
    let (scheme, partition, named) = (parts.next()?, parts.next()?, parts.next()?);
    let is_ours = scheme == "arn" && partition.starts_with("aws") && named == service;
    is_ours.then_some((parts.next()?, parts.next()?, parts.next()?))
}

impl fmt::Display for QueueAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:aws:sqs:{}:{}:{}", self.region, self.account, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_ids_are_twelve_digits() {
        for (text, valid) in [
            ("000000000000", true),
            ("123456789012", true),
            ("12345678901", false),
            ("1234567890123", false),
            ("12345678901a", false),
            ("", false),
        ] {
            let parsed = text.parse::<AccountId>();
            assert_eq!(parsed.is_ok(), valid, "{text}");
            if let Ok(account) = parsed {
                assert_eq!(account.to_string(), text);
            }
        }
    }

    #[test]
    fn queue_names_follow_sqs() {
        let longest = "q".repeat(80);
        let longest_fifo = format!("{}.fifo", "q".repeat(75));
        for valid in ["q", "Orders_2-x", "orders.fifo", &longest, &longest_fifo] {
            assert!(valid.parse::<QueueName>().is_ok(), "{valid}");
        }
        let too_long = "q".repeat(81);
        for invalid in ["", ".fifo", "a.b", "a b", "q.fifo.fifo", "ü", "a/b", &too_long] {
            assert!(invalid.parse::<QueueName>().is_err(), "{invalid}");
        }
        assert!("orders.fifo".parse::<QueueName>().is_ok_and(|name| name.is_fifo()));
    }

    #[test]
    fn internal_queues_cannot_be_named_by_callers() {
        let name = QueueName::internal("subscription-1");
        assert!(name.is_internal());
        assert!(name.as_str().parse::<QueueName>().is_err());
        assert_eq!(QueueName::stored(name.as_str()), Ok(name.clone()));
        let address = QueueAddress { region: "eu-west-1".parse().expect("valid"), account: AccountId::DEFAULT, name };
        assert!(address.to_string().parse::<QueueAddress>().is_err());
        assert_eq!(QueueAddress::stored(&address.to_string()), Ok(address));
        assert!(QueueName::stored("$a b").is_err());
        assert!(QueueName::stored("orders").is_ok_and(|name| !name.is_internal()));
    }

    #[test]
    fn an_arn_round_trips_and_every_other_shape_is_refused() {
        let arn = "arn:aws:sqs:eu-west-1:123456789012:orders.fifo";
        assert_eq!(arn.parse::<QueueAddress>().expect("valid").to_string(), arn);
        for cut in 0.."arn:aws:sqs:eu-west-1:123456789012:".len() {
            assert!(arn[..cut].parse::<QueueAddress>().is_err(), "{}", &arn[..cut]);
        }
        for invalid in ["arn:aws:sns:eu-west-1:123456789012:t", "arn:aws:sqs:eu-west-1:123456789012:a:b", "orders"] {
            assert!(invalid.parse::<QueueAddress>().is_err(), "{invalid}");
        }
    }
}

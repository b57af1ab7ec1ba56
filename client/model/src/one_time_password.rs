//! The password that proves that a phone number of the SMS sandbox belongs to the account.

use core::str::FromStr;

use crate::fault::Constraint;
use crate::limits::{ONE_TIME_PASSWORD_CHARS_MAX, ONE_TIME_PASSWORD_CHARS_MIN};

/// The one-time password of a sandbox number: 5 to 8 digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTimePassword(Box<str>);

impl OneTimePassword {
    /// A password of six digits.
    #[must_use]
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(format!("{:06}", u128::from_le_bytes(bytes) % 1_000_000).into())
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OneTimePassword {
    /// The part of the service model's shape that the text breaks.
    type Err = Constraint;

    fn from_str(text: &str) -> Result<Self, Constraint> {
        match text.chars().count() {
            0..ONE_TIME_PASSWORD_CHARS_MIN => Err(Constraint::LengthAtLeast(ONE_TIME_PASSWORD_CHARS_MIN)),
            ONE_TIME_PASSWORD_CHARS_MIN..=ONE_TIME_PASSWORD_CHARS_MAX if text.bytes().all(|b| b.is_ascii_digit()) => {
                Ok(Self(text.into()))
            }
            ONE_TIME_PASSWORD_CHARS_MIN..=ONE_TIME_PASSWORD_CHARS_MAX => Err(Constraint::Pattern("^[0-9]+$")),
            _ => Err(Constraint::LengthAtMost(ONE_TIME_PASSWORD_CHARS_MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_have_five_to_eight_digits() {
        for (text, broken) in [
            ("1234", Some(Constraint::LengthAtLeast(5))),
            ("12345", None),
            ("12345678", None),
            ("123456789", Some(Constraint::LengthAtMost(8))),
            ("12345a", Some(Constraint::Pattern("^[0-9]+$"))),
        ] {
            assert_eq!(text.parse::<OneTimePassword>().err(), broken, "{text}");
        }
        let drawn = OneTimePassword::from_random([0; 16]);
        assert_eq!(drawn.as_str(), "000000");
        assert_eq!(drawn.as_str().parse(), Ok(drawn.clone()));
    }
}

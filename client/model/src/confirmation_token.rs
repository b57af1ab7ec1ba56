//! The token with which an endpoint confirms its subscription.
//!
//! It is written into confirmations (`notification`) and comes back in `ConfirmSubscription` (`operation`).

use core::fmt;
use core::str::FromStr;

use crate::name::InvalidName;
use crate::topic_name::SubscriptionId;

/// What proves that an endpoint got a confirmation: the subscription's id and a random secret, 64 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfirmationToken {
    /// The subscription.
    pub subscription: SubscriptionId,
    /// The secret.
    pub secret: [u8; 16],
}

impl fmt::Display for ConfirmationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.subscription.as_bytes().iter().chain(&self.secret).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for ConfirmationToken {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let malformed = InvalidName { what: "token", rule: "64 hexadecimal digits" };
        let is_hex = text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if !is_hex {
            return Err(malformed);
        }
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = core::str::from_utf8(digits).map_err(|_| malformed)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| malformed)?;
        }
        let (id, secret) = bytes.split_at(16);
        Ok(Self {
            subscription: SubscriptionId::from_bytes(id.try_into().expect("half of 32 bytes")),
            secret: secret.try_into().expect("half of 32 bytes"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_round_trip() {
        let token = ConfirmationToken { subscription: SubscriptionId::from_bytes([0xab; 16]), secret: [7; 16] };
        let text = token.to_string();
        assert_eq!(text.parse::<ConfirmationToken>(), Ok(token));
        for cut in 0..text.len() {
            assert!(text[..cut].parse::<ConfirmationToken>().is_err(), "{cut}");
        }
        for invalid in [text.to_uppercase(), format!("{text}0"), text.replacen('a', "g", 1), "é".repeat(32)] {
            assert!(invalid.parse::<ConfirmationToken>().is_err(), "{invalid}");
        }
    }
}

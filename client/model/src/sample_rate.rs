//! The share of deliveries whose success is logged.

use core::fmt;

use crate::limits::SAMPLE_RATE_PERCENT_MAX;

/// The share of successful deliveries that are logged, in percent: a whole number from 0 to
/// [`SAMPLE_RATE_PERCENT_MAX`], written without a sign. It is kept and shown, and has no other effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleRate(u8);

impl SampleRate {
    /// The rate that a stored text stands for. Earlier versions took a plus sign in front.
    pub(crate) fn restore(text: &str) -> Option<Self> {
        Self::parse(text.strip_prefix('+').unwrap_or(text))
    }

    /// The rate that a text stands for; `None` if the text breaks its rule.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let percent =
            digits.and_then(|digits| digits.parse().ok()).filter(|percent| *percent <= SAMPLE_RATE_PERCENT_MAX);
        percent.map(Self)
    }
}

impl fmt::Display for SampleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_whole_percentages_without_a_sign() {
        for (text, percent) in [("0", Some(0)), ("100", Some(100)), ("005", Some(5))] {
            assert_eq!(SampleRate::parse(text), percent.map(SampleRate), "{text}");
        }
        for text in ["", "+5", "-0", "101", "300", "1.5", " 5"] {
            assert_eq!(SampleRate::parse(text), None, "{text}");
        }
        assert_eq!(SampleRate::restore("+5"), Some(SampleRate(5)));
    }
}

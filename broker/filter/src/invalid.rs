//! Why a policy is refused, in the words of SNS.
//!
//! SNS reports the place as the Jackson library does (`JsonLocation`): the text (its first 500 characters), the line,
//! and the column behind the last character that was read.

use core::fmt;

/// The characters of the policy that a message quotes at most.
const QUOTED_MAX: usize = 500;

/// A policy that SNS would refuse. Its text is what follows `Invalid parameter: ` in SNS's answer. If the policy comes
/// with Subscribe, SNS writes `Attributes Reason: ` between the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPolicy {
    message: String,
    too_complex: bool,
}

impl InvalidPolicy {
    /// A rule of the grammar is broken. `place` is the offset in `text`, in bytes, that SNS reports.
    pub(crate) fn at(text: &str, place: usize, reason: impl fmt::Display) -> Self {
        let before = text.get(..place).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let quoted = text.char_indices().nth(QUOTED_MAX).map_or(text, |(end, _)| &text[..end]);
        let rest = text[quoted.len()..].chars().count();
        let cut = if rest > 0 { format!("[truncated {rest} chars]") } else { String::new() };
        let message =
            format!("FilterPolicy: {reason}\n at [Source: (String)\"{quoted}\"{cut}; line: {line}, column: {column}]");
        Self { message, too_complex: false }
    }

    /// The policy is refused without a place.
    pub(crate) fn whole(reason: &str) -> Self {
        Self { message: reason.to_owned(), too_complex: false }
    }

    /// The policy exceeds a limit.
    pub(crate) fn limit(reason: &str) -> Self {
        Self { message: format!("FilterPolicy: {reason}"), too_complex: true }
    }

    /// Whether a limit was exceeded (keys, combinations, length), and not the grammar broken. SNS answers both with
    /// InvalidParameter. Its FilterPolicyLimitExceeded means that the account has too many policies.
    #[must_use]
    pub fn is_too_complex(&self) -> bool {
        self.too_complex
    }
}

impl fmt::Display for InvalidPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl core::error::Error for InvalidPolicy {}

//! Why a policy is refused, in SNS's words.
//!
//! SNS names the place as the Jackson library does: the text (its first 500 characters), the line, and the column
//! after what had been read when the error was found.

use core::fmt;

/// Characters of the policy that a message quotes at most.
const QUOTED_MAX: usize = 500;

/// The policy is refused. Displayed as what follows `Invalid parameter: ` in SNS's answer (where the policy comes with
/// Subscribe, SNS puts `Attributes Reason: ` between).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPolicy {
    message: String,
    too_complex: bool,
}

impl InvalidPolicy {
    /// A rule of the grammar is broken at a place of the text.
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

    /// The policy as a whole is refused.
    pub(crate) fn whole(reason: &str) -> Self {
        Self { message: reason.to_owned(), too_complex: false }
    }

    /// The policy says too much.
    pub(crate) fn limit(reason: &str) -> Self {
        Self { message: format!("FilterPolicy: {reason}"), too_complex: true }
    }

    /// Whether a limit was passed (keys, combinations, size) rather than the grammar broken. SNS answers both with the
    /// same code, InvalidParameter; FilterPolicyLimitExceeded is its answer to too many policies in an account.
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

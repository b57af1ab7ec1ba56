//! Text patterns with `*` (any run of characters, also none) and `?` (exactly one character).
//!
//! A pattern is cut at its asterisks once. A match looks for the pieces from left to right and never returns to a piece
//! that it found. A piece without `?` is found in time linear in the text. A piece with `?` takes at most its length
//! times that of the text. Therefore no pattern makes a match exponential.

/// A pattern, cut at its asterisks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// The start of the text, or the whole text if `rest` is `None`.
    start: Box<str>,
    rest: Option<Rest>,
}

/// The part of a pattern after its first asterisk.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rest {
    /// The pieces between two asterisks, in the order of the text. None is empty.
    middles: Vec<Box<str>>,
    /// The end of the text.
    end: Box<str>,
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Self {
        let Some((start, rest)) = text.split_once('*') else {
            return Self { start: text.into(), rest: None };
        };
        let (middles, end) = rest.rsplit_once('*').unwrap_or(("", rest));
        let middles = middles.split('*').filter(|piece| !piece.is_empty()).map(Into::into).collect();
        Self { start: start.into(), rest: Some(Rest { middles, end: end.into() }) }
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let Some(mut text) = strip_start(text, &self.start) else { return false };
        let Some(rest) = &self.rest else { return text.is_empty() };
        for piece in &rest.middles {
            // The leftmost place suffices, because a later one leaves less text for the pieces that follow.
            let Some(after) = strip_through(text, piece) else { return false };
            text = after;
        }
        ends_with(text, &rest.end)
    }
}

/// The text after `piece`, if `text` starts with it.
fn strip_start<'a>(text: &'a str, piece: &str) -> Option<&'a str> {
    let mut rest = text.chars();
    let fits = piece.chars().all(|wanted| rest.next().is_some_and(|found| fits(wanted, found)));
    fits.then_some(rest.as_str())
}

/// The text after the first `piece` in it; `None` if there is none.
fn strip_through<'a>(text: &'a str, piece: &str) -> Option<&'a str> {
    if piece.contains('?') {
        text.char_indices().find_map(|(index, _)| strip_start(&text[index..], piece))
    } else {
        text.split_once(piece).map(|(_, after)| after)
    }
}

fn ends_with(text: &str, piece: &str) -> bool {
    let mut rest = text.chars().rev();
    piece.chars().rev().all(|wanted| rest.next().is_some_and(|found| fits(wanted, found)))
}

fn fits(wanted: char, found: char) -> bool {
    wanted == '?' || wanted == found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rule as one would write it down, exponential and plainly right.
    fn reference(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], text) => text.is_empty(),
            (['*', rest @ ..], text) => (0..=text.len()).any(|skipped| reference(rest, &text[skipped..])),
            (['?', rest @ ..], [_, text @ ..]) => reference(rest, text),
            ([wanted, rest @ ..], [found, text @ ..]) => wanted == found && reference(rest, text),
            ([_, ..], []) => false,
        }
    }

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("**", "anything", true),
            ("?", "", false),
            ("?", "é", true),
            ("?", "ab", false),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("abc", "ABC", false),
            ("a*c", "ac", true),
            ("a*c", "abcbc", true),
            ("a*c", "abcb", false),
            ("aba*aba", "aba", false),
            ("aba*aba", "abaaba", true),
            ("*ab*ab*", "ab", false),
            ("*ab*ab*", "abab", true),
            ("*a?c*", "xxabxabc", true),
            ("arn:aws:sqs:*:111111111111:orders-?", "arn:aws:sqs:eu-west-1:111111111111:orders-7", true),
            ("arn:aws:sqs:*:111111111111:orders-?", "arn:aws:sqs:eu-west-1:111111111111:orders-", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} on {text}");
        }
    }

    /// A matcher that tries every way to share the text among the asterisks would not end within a lifetime here.
    #[test]
    fn pathological_patterns_end() {
        let text = "a".repeat(4000);
        for (pattern, expected) in [
            (format!("{}b", "*a".repeat(2000)), false),
            (format!("{}*b", "*a".repeat(2000)), false),
            (format!("{}*", "*a".repeat(4000)), true),
            (format!("{}*", "*a".repeat(4001)), false),
            (format!("{}*", "*?".repeat(4000)), true),
            (format!("{}*", "*a?".repeat(2001)), false),
            (format!("*{}b*", "a?".repeat(1000)), false),
        ] {
            assert_eq!(Pattern::new(&pattern).matches(&text), expected, "{}…", &pattern[..8]);
        }
    }

    proptest! {
        #[test]
        fn a_match_is_what_the_reference_says(pattern in "[ab?*é]{0,9}", text in "[abé]{0,12}") {
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(Pattern::new(&pattern).matches(&text), reference(&p, &t));
        }
    }
}

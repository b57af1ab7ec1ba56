//! Patterns in which `*` matches any number of characters, zero included. `\*` and `\\` are the characters themselves.

use posthouse_model::fault::FilterRule;

/// A pattern, split at its wildcards. A text matches if it starts with the first piece, ends with the last, and holds
/// the others in order between them, without overlap.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Wildcard {
    pieces: Box<[Box<str>]>,
}

impl Wildcard {
    /// Parses a pattern.
    ///
    /// # Errors
    ///
    /// The rule that the pattern breaks.
    pub(crate) fn parse(pattern: &str) -> Result<Self, FilterRule> {
        let mut pieces = vec![String::new()];
        let mut characters = pattern.chars();
        let mut after_star = false;
        while let Some(character) = characters.next() {
            let literal = match character {
                '*' if after_star => return Err(FilterRule::ConsecutiveStars),
                '*' => {
                    pieces.push(String::new());
                    after_star = true;
                    continue;
                }
                '\\' => match characters.next() {
                    Some(escaped @ ('*' | '\\')) => escaped,
                    _ => return Err(FilterRule::WildcardEscape),
                },
                literal => literal,
            };
            after_star = false;
            pieces.last_mut().expect("never empty").push(literal);
        }
        Ok(Self { pieces: pieces.into_iter().map(String::into_boxed_str).collect() })
    }

    /// The text that every match starts with.
    pub(crate) fn prefix(&self) -> &str {
        self.pieces.first().expect("never empty")
    }

    /// The pieces between the wildcards.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().map(|piece| &**piece)
    }

    /// Whether the whole text matches. At worst, the time is the product of the lengths of text and pattern.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let [first, rest @ ..] = &*self.pieces else { return false };
        let Some((last, middle)) = rest.split_last() else { return **first == *text };
        let Some(text) = text.strip_prefix(&**first) else { return false };
        let Some(mut text) = text.strip_suffix(&**last) else { return false };
        for piece in middle {
            // The leftmost place leaves the longest text for the pieces behind it.
            let Some(place) = text.find(&**piece) else { return false };
            text = &text[place + piece.len()..];
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let table = [
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("", "", true),
            ("*", "", true),
            ("*", "anything", true),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("*c", "abc", true),
            ("*c", "cb", false),
            ("a*c", "ac", true),
            ("a*a", "a", false),
            ("a*b*c", "axxbxxc", true),
            ("a*b*c", "axxcxxb", false),
            ("*ab*ab*", "xabyabz", true),
            ("*ab*ab*", "xab", false),
            (r"a\*c", "a*c", true),
            (r"a\*c", "abc", false),
            (r"a\\*", r"a\b", true),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(Wildcard::parse(pattern).map(|pattern| pattern.matches(text)), Ok(expected), "{pattern} {text}");
        }
        for pattern in ["a**b", r"a\b", r"\"] {
            assert!(Wildcard::parse(pattern).is_err(), "{pattern}");
        }
    }
    /// The definition: a star matches any number of bytes.
    fn matches(pattern: &[u8], text: &[u8]) -> bool {
        match pattern {
            [] => text.is_empty(),
            [b'*', rest @ ..] => (0..=text.len()).any(|taken| matches(rest, &text[taken..])),
            [byte, rest @ ..] => text.first() == Some(byte) && matches(rest, &text[1..]),
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn a_pattern_matches_what_its_definition_matches(pattern in "[ab]{0,2}([*][ab]{1,2}){0,3}[*]?", text in "[ab]{0,8}") {
            let wildcard = Wildcard::parse(&pattern).expect("no two stars in a row");
            proptest::prop_assert_eq!(wildcard.matches(&text), matches(pattern.as_bytes(), text.as_bytes()));
        }
    }
}

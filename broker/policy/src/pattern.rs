//! Text patterns with `*` (any run of characters, also none) and `?` (exactly one character).
//!
//! A pattern is cut at its asterisks once. A match looks for the pieces from left to right and never returns to a piece
//! that it found. A piece without `?` is found in time linear in the text. A piece with `?` takes at most its length
//! times that of the text. Therefore no pattern makes a match exponential.

/// A pattern, cut at its asterisks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// The start of the text, or the whole text if `rest` is `None`.
    start: Piece,
    rest: Option<Rest>,
}

/// The part of a pattern after its first asterisk.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rest {
    /// The pieces between two asterisks, in the order of the text. None is empty.
    middles: Vec<Piece>,
    /// The end of the text.
    end: Piece,
}

/// One element of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glyph {
    /// This character.
    Exact(char),
    /// `?`
    One,
    /// `*`
    Run,
}

/// A part of a pattern without asterisks.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// Exactly this text.
    Text(Box<str>),
    /// A character each; `None` is any.
    Wild(Box<[Option<char>]>),
}

impl Glyph {
    /// The glyphs of a text in which `*` and `?` are wildcards.
    pub(crate) fn of(text: &str) -> impl Iterator<Item = Self> {
        text.chars().map(|char| match char {
            '*' => Self::Run,
            '?' => Self::One,
            exact => Self::Exact(exact),
        })
    }

    /// The glyphs of a text that stands for itself.
    pub(crate) fn exactly(text: &str) -> impl Iterator<Item = Self> {
        text.chars().map(Self::Exact)
    }
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Self {
        Self::of(&Glyph::of(text).collect::<Vec<_>>())
    }

    pub(crate) fn of(glyphs: &[Glyph]) -> Self {
        let mut pieces: Vec<&[Glyph]> = glyphs.split(|glyph| *glyph == Glyph::Run).collect();
        let end = pieces.pop().unwrap_or_default();
        if pieces.is_empty() {
            return Self { start: Piece::of(end), rest: None };
        }
        let start = Piece::of(pieces.remove(0));
        let middles = pieces.into_iter().filter(|piece| !piece.is_empty()).map(Piece::of).collect();
        Self { start, rest: Some(Rest { middles, end: Piece::of(end) }) }
    }

    /// Whether the pattern matches every text.
    pub(crate) fn matches_all(&self) -> bool {
        let is_asterisk = |rest: &Rest| rest.middles.is_empty() && rest.end.is_empty();
        self.start.is_empty() && self.rest.as_ref().is_some_and(is_asterisk)
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let Some(mut text) = self.start.strip_start(text) else { return false };
        let Some(rest) = &self.rest else { return text.is_empty() };
        for piece in &rest.middles {
            // The leftmost place suffices, because a later one leaves less text for the pieces that follow.
            let Some(after) = piece.strip_through(text) else { return false };
            text = after;
        }
        rest.end.ends(text)
    }
}

impl Piece {
    /// From glyphs without [`Glyph::Run`].
    fn of(glyphs: &[Glyph]) -> Self {
        let chars = glyphs.iter().map(|glyph| match glyph {
            Glyph::Exact(char) => Some(*char),
            Glyph::One | Glyph::Run => None,
        });
        let text: Option<String> = chars.clone().collect();
        text.map_or_else(|| Self::Wild(chars.collect()), |text| Self::Text(text.into()))
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Wild(chars) => chars.is_empty(),
        }
    }

    /// The text after the piece, if `text` starts with it.
    fn strip_start<'a>(&self, text: &'a str) -> Option<&'a str> {
        match self {
            Self::Text(piece) => text.strip_prefix(&**piece),
            Self::Wild(chars) => strip_chars(text, chars),
        }
    }

    /// The text after the first place of the piece in it; `None` if there is none.
    fn strip_through<'a>(&self, text: &'a str) -> Option<&'a str> {
        match self {
            Self::Text(piece) => text.split_once(&**piece).map(|(_, after)| after),
            Self::Wild(chars) => text.char_indices().find_map(|(index, _)| strip_chars(&text[index..], chars)),
        }
    }

    /// Whether `text` ends with the piece.
    fn ends(&self, text: &str) -> bool {
        match self {
            Self::Text(piece) => text.ends_with(&**piece),
            Self::Wild(chars) => {
                let mut rest = text.chars().rev();
                chars.iter().rev().all(|wanted| rest.next().is_some_and(|found| fits(*wanted, found)))
            }
        }
    }
}

fn strip_chars<'a>(text: &'a str, chars: &[Option<char>]) -> Option<&'a str> {
    let mut rest = text.chars();
    let fit = chars.iter().all(|wanted| rest.next().is_some_and(|found| fits(*wanted, found)));
    fit.then_some(rest.as_str())
}

fn fits(wanted: Option<char>, found: char) -> bool {
    wanted.is_none_or(|wanted| wanted == found)
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

    #[test]
    fn only_asterisks_match_all() {
        for (pattern, expected) in
            [("*", true), ("***", true), ("", false), ("?*", false), ("a*", false), ("*a", false)]
        {
            assert_eq!(Pattern::new(pattern).matches_all(), expected, "{pattern}");
        }
        assert!(!Pattern::of(&[Glyph::Exact('*')]).matches("a"), "an exact asterisk is no wildcard");
        assert!(Pattern::of(&[Glyph::Exact('*'), Glyph::Run, Glyph::Exact('?')]).matches("*ab?"));
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

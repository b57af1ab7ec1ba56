//! Why a text is no JSON.
//!
//! SNS answers with what the JSON library Jackson says of the text. The facts here are those that its sentences need.
//! Its places count lines, and UTF-16 units within a line, both from 1.

/// A place of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1. A carriage return, a line feed, or one behind the other ends a line.
    pub line: usize,
    /// The column, from 1, in UTF-16 units. 0 where nothing was read.
    pub column: usize,
}

impl Place {
    /// Where a text without any token is said to be wrong.
    pub(super) const NOWHERE: Self = Self { line: 1, column: 0 };

    /// The place of the character at an offset of a text, in bytes. The offset behind the last character is a place too.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let (mut lines, mut row) = (1, 0);
        for (at, byte) in before.bytes().enumerate() {
            let ends_line = match byte {
                b'\n' => true,
                b'\r' => before.as_bytes().get(at + 1) != Some(&b'\n'),
                _ => false,
            };
            if ends_line {
                lines += 1;
                row = at + 1;
            }
        }
        Self { line: lines, column: before[row..].encode_utf16().count() + 1 }
    }
}

/// Why a text is no JSON, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonProblem {
    /// What is wrong.
    pub error: JsonError,
    /// The place that Jackson reports for it.
    pub place: Place,
}

/// What is wrong with a text that is no JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// It has no token.
    Empty,
    /// A character that may not stand there.
    Unexpected {
        /// The character.
        character: char,
        /// What may stand there.
        expected: Expectation,
    },
    /// A character that may not follow the part of a number before it.
    InNumber {
        /// The character.
        character: char,
        /// The part.
        after: NumberPart,
    },
    /// A number starts with a zero and has another digit behind it.
    LeadingZero,
    /// A word that is none of `null`, `true` and `false`.
    UnknownWord {
        /// The word, at most 256 characters of it, and `...` if that is not all.
        word: Box<str>,
    },
    /// `NaN` or `Infinity`.
    NotFinite {
        /// The word.
        word: &'static str,
    },
    /// A closing bracket that does not close the last open one.
    Mismatched {
        /// The bracket.
        found: char,
        /// What is open, and where it begins; `None` if nothing is.
        open: Option<(Container, Place)>,
    },
    /// A control character between tokens that is no white space.
    ControlBetweenTokens {
        /// The character.
        character: char,
    },
    /// A control character in a name or a string.
    ControlInText {
        /// The character.
        character: char,
        /// What it stands in.
        text: Quoted,
    },
    /// A backslash before a character that it does not escape.
    UnknownEscape {
        /// The character.
        character: char,
    },
    /// Half of a surrogate pair alone, which is no character.
    LoneSurrogate,
    /// The text ends too early.
    End(Unfinished),
    /// The text goes on behind the value.
    Trailing,
    /// Objects and arrays nest deeper than the reader allows.
    TooDeep {
        /// The deepest nesting that is allowed.
        max: usize,
    },
}

/// What may stand at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// The name of a member.
    Name,
    /// The colon behind a name.
    Colon,
    /// A comma, or the closing bracket.
    Comma(Container),
    /// A value.
    Value,
    /// A value, where a brace closes an object instead.
    ValueNotBrace,
    /// Not a slash, which begins comments in other languages.
    NoComment,
    /// A hexadecimal digit of an escape.
    HexDigit,
    /// White space behind a number that is the whole document.
    SpaceAtRoot,
}

/// A part of a number, before which a character stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberPart {
    /// The minus sign.
    Minus,
    /// The plus sign, which JSON does not have.
    Plus,
    /// The decimal point.
    Point,
    /// The `e` and its sign.
    Exponent,
}

/// The kind of a bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// Braces.
    Object,
    /// Square brackets.
    Array,
}

/// A part of a text within which it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// An object or an array, which begins at this place, behind its bracket or a value.
    Open(Container, Place),
    /// An object or an array, behind a name, a colon or a comma.
    Between(Container),
    /// A name or a string.
    Text(Quoted),
    /// An escape sequence.
    Escape,
    /// A number.
    Number,
}

/// What stands between quotation marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoted {
    /// The name of a member.
    Name,
    /// A string.
    String,
}

//! JSON as a series of tokens with their places. Reads without recursion, and copies only strings with escapes.
//!
//! The reader is strict (RFC 8259). It accepts repeated names in an object, and its callers decide which one counts.
//! Places are needed to report an error in a policy as SNS does.

use std::borrow::Cow;

use super::problem::{Container, Expectation, JsonError, JsonProblem, NumberPart, Place, Quoted, Unfinished};

/// The deepest nesting that is accepted.
pub(super) const DEPTH_MAX: usize = 512;

/// The characters of an unknown word that a problem holds at most, as in Jackson.
const WORD_CHARS_MAX: usize = 256;

/// A token of a document.
#[derive(Debug, PartialEq)]
pub enum JsonToken<'a> {
    /// `{`
    OpenObject,
    /// `[`
    OpenArray,
    /// `}` or `]`: the one that closes the last open bracket.
    Close,
    /// The name of a member, with the colon behind it.
    Key(Cow<'a, str>),
    /// A string, without escapes.
    String(Cow<'a, str>),
    /// A number as it is written. Its value may be of any size.
    Number(&'a str),
    /// `true` or `false`.
    Bool(bool),
    /// `null`
    Null,
}

/// What may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Value,
    KeyOrClose,
    ValueOrClose,
    CommaOrClose,
    Nothing,
}

/// An open bracket.
#[derive(Clone, Copy, Debug)]
struct Open {
    container: Container,
    /// Its offset.
    start: usize,
}

/// Reads one document.
#[derive(Debug)]
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    start: usize,
    open: Vec<Open>,
    expected: Expected,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of a text.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self { text, at: 0, start: 0, open: Vec::new(), expected: Expected::Value }
    }

    /// The offset of the last token's first byte.
    #[must_use]
    pub const fn start(&self) -> usize {
        self.start
    }

    /// The offset behind the last token.
    #[must_use]
    pub const fn end(&self) -> usize {
        self.at
    }

    /// The next token, or `None` after a whole document.
    ///
    /// # Errors
    /// [`JsonProblem`] if no JSON token follows that may stand here. No call after it has a meaning.
    #[expect(clippy::should_implement_trait, reason = "it fails, and its items borrow from the text")]
    pub fn next(&mut self) -> Result<Option<JsonToken<'a>>, Box<JsonProblem>> {
        self.skip_space();
        if self.expected == Expected::CommaOrClose && self.peek() == Some(b',') {
            self.at += 1;
            self.skip_space();
            return match self.open.last() {
                Some(Open { container: Container::Object, .. }) => self.key().map(Some),
                _ => self.value().map(Some),
            };
        }
        match (self.expected, self.peek()) {
            (Expected::Nothing, None) => Ok(None),
            (Expected::KeyOrClose | Expected::ValueOrClose | Expected::CommaOrClose, Some(b'}' | b']')) => {
                self.close().map(Some)
            }
            (Expected::KeyOrClose, Some(_)) => self.key().map(Some),
            (Expected::Value | Expected::ValueOrClose, Some(_)) => self.value().map(Some),
            _ => Err(self.no_token()),
        }
    }

    /// Why no token follows a value or an open bracket.
    #[cold]
    fn no_token(&mut self) -> Box<JsonProblem> {
        let innermost = self.open.last().copied();
        match (self.peek(), innermost) {
            (None, None) => Box::new(JsonProblem { error: JsonError::Empty, place: Place::NOWHERE }),
            (None, Some(Open { container, .. })) if self.expected == Expected::Value => {
                self.unfinished(Unfinished::Between(container))
            }
            (None, Some(Open { container, start })) => {
                self.unfinished(Unfinished::Open(container, Place::of(self.text, start)))
            }
            (Some(_), Some(Open { container, .. })) => self.unexpected(Expectation::Comma(container)),
            // The document has ended, but a wrong token is reported before one that is not needed.
            (Some(b'}' | b']'), None) => self.mismatched(),
            (Some(_), None) => match self.value() {
                Err(problem) => problem,
                Ok(_) => self.problem(JsonError::Trailing, self.start),
            },
        }
    }

    /// A problem that is reported at an offset.
    #[cold]
    fn problem(&self, error: JsonError, offset: usize) -> Box<JsonProblem> {
        Box::new(JsonProblem { error, place: Place::of(self.text, offset) })
    }

    /// The text ends too early.
    #[cold]
    fn unfinished(&self, part: Unfinished) -> Box<JsonProblem> {
        self.problem(JsonError::End(part), self.text.len())
    }

    /// The next character may not stand here, if there is one.
    #[cold]
    fn unexpected(&self, expected: Expectation) -> Box<JsonProblem> {
        let error = match self.character() {
            None => {
                let container = self.open.last().map_or(Container::Object, |open| open.container);
                return self.unfinished(Unfinished::Between(container));
            }
            Some(character) if character < ' ' => JsonError::ControlBetweenTokens { character },
            Some(character @ '/') => JsonError::Unexpected { character, expected: Expectation::NoComment },
            Some(character) => JsonError::Unexpected { character, expected },
        };
        self.problem(error, self.at)
    }

    /// The next character may not follow a part of a number, if there is one.
    #[cold]
    fn in_number(&self, after: NumberPart) -> Box<JsonProblem> {
        match self.character() {
            None => self.unfinished(Unfinished::Number),
            Some(character) => self.problem(JsonError::InNumber { character, after }, self.at),
        }
    }

    /// The next byte closes no open bracket.
    #[cold]
    fn mismatched(&self) -> Box<JsonProblem> {
        let open = self.open.last().map(|open| (open.container, Place::of(self.text, open.start)));
        let found = self.character().expect("it is a bracket");
        self.problem(JsonError::Mismatched { found, open }, self.at + 1)
    }

    /// A word that is no value. `matched` bytes of it are read.
    #[cold]
    fn unknown_word(&self, matched: usize) -> Box<JsonProblem> {
        let rest = &self.text[self.at + matched..];
        let belongs = |character: &char| character.is_alphanumeric() || matches!(character, '_' | '$');
        let length = matched + rest.chars().take_while(belongs).map(char::len_utf8).sum::<usize>();
        let word = &self.text[self.at..self.at + length];
        let (word, length) = match word.char_indices().nth(WORD_CHARS_MAX) {
            Some((cut, _)) => (format!("{}...", &word[..cut]).into(), cut),
            None => (word.into(), length),
        };
        self.problem(JsonError::UnknownWord { word }, self.at + length)
    }

    /// No value starts with the next character.
    #[cold]
    fn no_value(&mut self) -> Box<JsonProblem> {
        match self.character() {
            Some('}' | ']') if self.open.is_empty() => self.mismatched(),
            Some('}') => self.unexpected(Expectation::ValueNotBrace),
            Some('+') => {
                self.at += 1;
                match self.peek() {
                    None => self.unfinished(Unfinished::Number),
                    Some(_) => {
                        let error = JsonError::InNumber { character: '+', after: NumberPart::Plus };
                        self.problem(error, self.at)
                    }
                }
            }
            Some('N' | 'I') => {
                let word = if self.peek() == Some(b'N') { "NaN" } else { "Infinity" };
                let rest = &self.text[self.at..];
                let matched = rest.bytes().zip(word.bytes()).take_while(|(own, other)| own == other).count();
                let goes_on = |character: char| character.is_alphanumeric() || matches!(character, '_' | '$');
                if matched < word.len() || rest[matched..].starts_with(goes_on) {
                    return self.unknown_word(matched);
                }
                self.problem(JsonError::NotFinite { word }, self.at + matched)
            }
            Some(character) if character.is_alphabetic() || matches!(character, '_' | '$') => {
                self.unknown_word(character.len_utf8())
            }
            _ => self.unexpected(Expectation::Value),
        }
    }

    /// The next byte.
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next character.
    fn character(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    /// Skips whitespace.
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Reads a closing bracket.
    ///
    /// # Errors
    ///
    /// It does not close the last open bracket.
    fn close(&mut self) -> Result<JsonToken<'a>, Box<JsonProblem>> {
        let closed = if self.peek() == Some(b'}') { Container::Object } else { Container::Array };
        if self.open.last().is_none_or(|open| open.container != closed) {
            return Err(self.mismatched());
        }
        self.open.pop();
        self.start = self.at;
        self.at += 1;
        self.after_value();
        Ok(JsonToken::Close)
    }

    /// Decides what may follow a value.
    fn after_value(&mut self) {
        self.expected = if self.open.is_empty() { Expected::Nothing } else { Expected::CommaOrClose };
    }

    /// Reads a name and the colon behind it.
    ///
    /// # Errors
    ///
    /// Either of them is missing.
    fn key(&mut self) -> Result<JsonToken<'a>, Box<JsonProblem>> {
        self.start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.unexpected(Expectation::Name));
        }
        let name = self.string(Quoted::Name)?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(self.unexpected(Expectation::Colon));
        }
        self.at += 1;
        self.expected = Expected::Value;
        Ok(JsonToken::Key(name))
    }

    /// Reads a value, or the opening bracket of one.
    ///
    /// # Errors
    ///
    /// No value starts here.
    fn value(&mut self) -> Result<JsonToken<'a>, Box<JsonProblem>> {
        self.start = self.at;
        let token = match self.peek() {
            Some(b'{') => return self.open(Container::Object, Expected::KeyOrClose, JsonToken::OpenObject),
            Some(b'[') => return self.open(Container::Array, Expected::ValueOrClose, JsonToken::OpenArray),
            Some(b'"') => JsonToken::String(self.string(Quoted::String)?),
            Some(b't') => self.word("true", JsonToken::Bool(true))?,
            Some(b'f') => self.word("false", JsonToken::Bool(false))?,
            Some(b'n') => self.word("null", JsonToken::Null)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => return Err(self.no_value()),
        };
        self.after_value();
        Ok(token)
    }

    /// Reads an opening bracket.
    ///
    /// # Errors
    ///
    /// It would nest deeper than [`DEPTH_MAX`].
    fn open(
        &mut self,
        container: Container,
        then: Expected,
        token: JsonToken<'a>,
    ) -> Result<JsonToken<'a>, Box<JsonProblem>> {
        if self.open.len() == DEPTH_MAX {
            return Err(self.problem(JsonError::TooDeep { max: DEPTH_MAX }, self.at + 1));
        }
        self.open.push(Open { container, start: self.at });
        self.expected = then;
        self.at += 1;
        Ok(token)
    }

    /// Reads `true`, `false` or `null`.
    ///
    /// # Errors
    ///
    /// The text continues in another way.
    fn word(&mut self, word: &str, token: JsonToken<'a>) -> Result<JsonToken<'a>, Box<JsonProblem>> {
        let rest = &self.text.as_bytes()[self.at..];
        if !rest.starts_with(word.as_bytes()) {
            let matched = rest.iter().zip(word.as_bytes()).take_while(|(own, other)| own == other).count();
            return Err(self.unknown_word(matched));
        }
        if rest.get(word.len()).is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')) {
            return Err(self.unknown_word(word.len()));
        }
        self.at += word.len();
        Ok(token)
    }

    /// Reads a number (RFC 8259, section 6). Its value may be of any size.
    ///
    /// # Errors
    ///
    /// It goes on in another way than a number does.
    fn number(&mut self) -> Result<JsonToken<'a>, Box<JsonProblem>> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.in_number(NumberPart::Minus));
            }
        } else {
            self.digits();
        }
        let whole = &self.text.as_bytes()[start..self.at];
        if let [b'0', b'0'..=b'9', ..] | [b'-', b'0', b'0'..=b'9', ..] = whole {
            let zero = start + usize::from(whole[0] == b'-');
            return Err(self.problem(JsonError::LeadingZero, zero + 1));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.in_number(NumberPart::Point));
            }
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(self.in_number(NumberPart::Exponent));
            }
        }
        if self.open.is_empty() && !matches!(self.peek(), None | Some(b' ' | b'\n' | b'\r' | b'\t')) {
            return Err(self.unexpected(Expectation::SpaceAtRoot));
        }
        Ok(JsonToken::Number(&self.text[start..self.at]))
    }

    /// Reads digits. Returns how many there are.
    fn digits(&mut self) -> usize {
        let count = self.text.as_bytes()[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count
    }

    /// Reads a string from its opening quote on.
    ///
    /// # Errors
    ///
    /// It is not closed, or holds a control character or an invalid escape.
    fn string(&mut self, quoted: Quoted) -> Result<Cow<'a, str>, Box<JsonProblem>> {
        self.at += 1;
        let plain = self.plain();
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(text));
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(control) => {
                    let error = JsonError::ControlInText { character: control.into(), text: quoted };
                    return Err(self.problem(error, self.at));
                }
                None => return Err(self.unfinished(Unfinished::Text(quoted))),
            }
            text.push_str(self.plain());
        }
    }

    /// Reads the characters before a quote, a backslash, a control character or the end.
    fn plain(&mut self) -> &'a str {
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        let length = rest.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20);
        self.at += length.unwrap_or(rest.len());
        &self.text[start..self.at]
    }

    /// Reads an escape sequence.
    ///
    /// # Errors
    ///
    /// It is not one of RFC 8259, section 7.
    fn escape(&mut self) -> Result<char, Box<JsonProblem>> {
        self.at += 1;
        let escaped = match self.peek() {
            Some(letter @ (b'"' | b'\\' | b'/')) => char::from(letter),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.code_point();
            }
            _ => return Err(self.unknown_escape()),
        };
        self.at += 1;
        Ok(escaped)
    }

    /// A backslash does not escape the next character, if there is one.
    #[cold]
    fn unknown_escape(&self) -> Box<JsonProblem> {
        match self.character() {
            None => self.unfinished(Unfinished::Escape),
            Some(character) => self.problem(JsonError::UnknownEscape { character }, self.at),
        }
    }

    /// Reads the rest of a `\u` escape: one UTF-16 unit, or a surrogate pair.
    ///
    /// # Errors
    ///
    /// A digit is missing, or a surrogate stands alone.
    fn code_point(&mut self) -> Result<char, Box<JsonProblem>> {
        let lone = |reader: &Self| reader.problem(JsonError::LoneSurrogate, reader.at);
        let unit = self.code_unit()?;
        if !(0xd800..0xdc00).contains(&unit) {
            return char::from_u32(unit).ok_or_else(|| lone(self));
        }
        if !self.text.as_bytes()[self.at..].starts_with(b"\\u") {
            return Err(lone(self));
        }
        self.at += 2;
        match self.code_unit()? {
            low @ 0xdc00..0xe000 => {
                char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)).ok_or_else(|| lone(self))
            }
            _ => Err(lone(self)),
        }
    }

    /// Reads four hexadecimal digits.
    ///
    /// # Errors
    ///
    /// A digit is missing.
    fn code_unit(&mut self) -> Result<u32, Box<JsonProblem>> {
        let mut unit = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|digit| char::from(digit).to_digit(16)) else {
                return Err(self.no_hex_digit());
            };
            self.at += 1;
            unit = unit << 4 | digit;
        }
        Ok(unit)
    }

    /// The next character is no hexadecimal digit, if there is one.
    #[cold]
    fn no_hex_digit(&self) -> Box<JsonProblem> {
        match self.character() {
            None => self.unfinished(Unfinished::Escape),
            Some(character) => {
                let error = JsonError::Unexpected { character, expected: Expectation::HexDigit };
                self.problem(error, self.at)
            }
        }
    }
}

//! JSON as a series of tokens with their places. Reads without recursion, and copies only strings with escapes.
//!
//! The reader is strict (RFC 8259). It accepts repeated names in an object, and its callers decide which one counts.
//! Places are needed to report an error in a policy as SNS does. Policies and events use the same reader, so that they
//! agree on every character.

use std::borrow::Cow;

/// The deepest nesting that is accepted.
const DEPTH_MAX: usize = 512;

/// A token of a document.
#[derive(Debug, PartialEq)]
pub(crate) enum JsonToken<'a> {
    OpenObject,
    OpenArray,
    Close,
    /// The name of a member, with the colon behind it.
    Key(Cow<'a, str>),
    String(Cow<'a, str>),
    Number(&'a str),
    Bool(bool),
    Null,
}

/// The text is not JSON, or nests deeper than [`DEPTH_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The kind of an open bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    Object,
    Array,
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

/// Reads one document.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    start: usize,
    open: Vec<Container>,
    expected: Expected,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of a text.
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, start: 0, open: Vec::new(), expected: Expected::Value }
    }

    /// The offset of the last token's first byte.
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// The offset behind the last token.
    pub(crate) fn end(&self) -> usize {
        self.at
    }

    /// The next token, or `None` after a whole document.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if no JSON token follows that may stand here.
    pub(crate) fn next(&mut self) -> Result<Option<JsonToken<'a>>, Malformed> {
        self.skip_space();
        if self.expected == Expected::CommaOrClose && self.peek() == Some(b',') {
            self.at += 1;
            self.skip_space();
            return match self.open.last() {
                Some(Container::Object) => self.key().map(Some),
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
            _ => Err(Malformed),
        }
    }

    /// The next byte.
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
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
    fn close(&mut self) -> Result<JsonToken<'a>, Malformed> {
        let closed = if self.peek() == Some(b'}') { Container::Object } else { Container::Array };
        if self.open.pop() != Some(closed) {
            return Err(Malformed);
        }
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
    fn key(&mut self) -> Result<JsonToken<'a>, Malformed> {
        self.start = self.at;
        if self.peek() != Some(b'"') {
            return Err(Malformed);
        }
        let name = self.string()?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(Malformed);
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
    fn value(&mut self) -> Result<JsonToken<'a>, Malformed> {
        self.start = self.at;
        let token = match self.peek() {
            Some(b'{') => return self.open(Container::Object, Expected::KeyOrClose, JsonToken::OpenObject),
            Some(b'[') => return self.open(Container::Array, Expected::ValueOrClose, JsonToken::OpenArray),
            Some(b'"') => JsonToken::String(self.string()?),
            Some(b't') => self.word("true", JsonToken::Bool(true))?,
            Some(b'f') => self.word("false", JsonToken::Bool(false))?,
            Some(b'n') => self.word("null", JsonToken::Null)?,
            _ => self.number()?,
        };
        self.after_value();
        Ok(token)
    }

    /// Reads an opening bracket.
    ///
    /// # Errors
    ///
    /// It would nest deeper than [`DEPTH_MAX`].
    fn open(&mut self, container: Container, then: Expected, token: JsonToken<'a>) -> Result<JsonToken<'a>, Malformed> {
        if self.open.len() == DEPTH_MAX {
            return Err(Malformed);
        }
        self.open.push(container);
        self.expected = then;
        self.at += 1;
        Ok(token)
    }

    /// Reads `true`, `false` or `null`.
    ///
    /// # Errors
    ///
    /// The text continues in another way.
    fn word(&mut self, word: &str, token: JsonToken<'a>) -> Result<JsonToken<'a>, Malformed> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(Malformed);
        }
        self.at += word.len();
        Ok(token)
    }

    /// Reads a number (RFC 8259, section 6). Its value may be of any size.
    ///
    /// # Errors
    ///
    /// No number starts here.
    fn number(&mut self) -> Result<JsonToken<'a>, Malformed> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(JsonToken::Number(&self.text[start..self.at]))
    }

    /// Reads one digit or more.
    ///
    /// # Errors
    ///
    /// There is no digit.
    fn digits(&mut self) -> Result<(), Malformed> {
        let count = self.text.as_bytes()[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(Malformed) } else { Ok(()) }
    }

    /// Reads a string from its opening quote on.
    ///
    /// # Errors
    ///
    /// It is not closed, or holds a control character or an invalid escape.
    fn string(&mut self) -> Result<Cow<'a, str>, Malformed> {
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
                _ => return Err(Malformed),
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
    fn escape(&mut self) -> Result<char, Malformed> {
        let letter = self.text.as_bytes().get(self.at + 1).copied();
        self.at += 2;
        Ok(match letter {
            Some(letter @ (b'"' | b'\\' | b'/')) => char::from(letter),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.code_point(),
            _ => return Err(Malformed),
        })
    }

    /// Reads the rest of a `\u` escape: one UTF-16 unit, or a surrogate pair.
    ///
    /// # Errors
    ///
    /// A digit is missing, or a surrogate stands alone.
    fn code_point(&mut self) -> Result<char, Malformed> {
        let unit = self.code_unit()?;
        if !(0xd800..0xdc00).contains(&unit) {
            return char::from_u32(unit).ok_or(Malformed);
        }
        if !self.text.as_bytes()[self.at..].starts_with(b"\\u") {
            return Err(Malformed);
        }
        self.at += 2;
        match self.code_unit()? {
            low @ 0xdc00..0xe000 => char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)).ok_or(Malformed),
            _ => Err(Malformed),
        }
    }

    /// Reads four hexadecimal digits.
    ///
    /// # Errors
    ///
    /// A digit is missing.
    fn code_unit(&mut self) -> Result<u32, Malformed> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).ok_or(Malformed)?;
        self.at += 4;
        digits.iter().try_fold(0, |unit, &digit| {
            let digit = char::from(digit).to_digit(16).ok_or(Malformed)?;
            Ok(unit << 4 | digit)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Result<Vec<JsonToken<'_>>, Malformed> {
        let mut reader = Reader::new(text);
        let mut tokens = Vec::new();
        while let Some(token) = reader.next()? {
            tokens.push(token);
        }
        Ok(tokens)
    }

    #[test]
    fn documents_are_read() {
        use JsonToken::{Bool, Close, Key, Null, Number, OpenArray, OpenObject, String};
        let text =
            r#" {"a" : [1, -0.5e+3, true,false,null, "x\"\\\/\b\f\n\r\té\u00e9\ud83d\ude00"], "b":{}, "c":[[]]} "#;
        let expected = vec![
            OpenObject,
            Key("a".into()),
            OpenArray,
            Number("1"),
            Number("-0.5e+3"),
            Bool(true),
            Bool(false),
            Null,
            String("x\"\\/\u{8}\u{c}\n\r\téé😀".into()),
            Close,
            Key("b".into()),
            OpenObject,
            Close,
            Key("c".into()),
            OpenArray,
            OpenArray,
            Close,
            Close,
            Close,
        ];
        assert_eq!(tokens(text), Ok(expected));
    }

    #[test]
    fn text_that_is_not_json_is_malformed() {
        let table = [
            "",
            " ",
            "{",
            "[",
            "]",
            "}",
            "[}",
            "{]",
            "[1,]",
            "[,1]",
            "{,}",
            r#"{"a":1,}"#,
            r#"{"a"}"#,
            r#"{"a":}"#,
            "{1:2}",
            "[1 2]",
            "1 2",
            "01",
            "+1",
            "1.",
            ".5",
            "1e",
            "-",
            "tru",
            "nul",
            "True",
            "NaN",
            "'a'",
            "\"a",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "\"\\udc00\"",
            "\"\\u00",
            "\"\n\"",
            "\"\\",
            r#"{"a":1 "b":2}"#,
            "[]]",
            "{}{}",
            "//",
            "[1]x",
        ];
        for text in table {
            assert_eq!(tokens(text), Err(Malformed), "{text:?}");
        }
    }

    #[test]
    fn depth_is_limited() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(tokens(&nested(DEPTH_MAX)).is_ok());
        assert_eq!(tokens(&nested(DEPTH_MAX + 1)), Err(Malformed));
        assert_eq!(tokens(&"[".repeat(1 << 18)), Err(Malformed));
    }
}

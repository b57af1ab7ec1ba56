//! Rust text as tokens, as far as paths need it: words, signs, literals and groups in brackets.
//!
//! Comments and lifetimes are left out. A number or a text of any kind is a [`Token::Literal`] without its value.

use std::iter::Peekable;
use std::str::Chars;

/// A token, or a group with all tokens in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// An identifier or a keyword. A raw identifier is without its `r#`.
    Word(String),
    /// A character of punctuation. `::` is two of them.
    Sign(char),
    /// A number, a character or a text.
    Literal,
    /// The opening bracket, and the tokens up to the closing one.
    Group(char, Vec<Token>),
}

/// The tokens of a text.
///
/// # Errors
///
/// A bracket, a text or a comment is not closed, or closed by the wrong sign.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut reader = Reader { rest: text.chars().peekable() };
    // The groups that are open, each with the tokens before it.
    let mut open: Vec<(char, Vec<Token>)> = Vec::new();
    let mut tokens = Vec::new();
    while let Some(start) = reader.rest.next() {
        match start {
            '(' | '[' | '{' => open.push((start, std::mem::take(&mut tokens))),
            ')' | ']' | '}' => {
                let (bracket, before) = open.pop().ok_or_else(|| format!("{start} closes nothing"))?;
                if !matches!((bracket, start), ('(', ')') | ('[', ']') | ('{', '}')) {
                    return Err(format!("{bracket} is closed by {start}"));
                }
                let inner = std::mem::replace(&mut tokens, before);
                tokens.push(Token::Group(bracket, inner));
            }
            _ => tokens.extend(reader.token(start)?),
        }
    }
    match open.last() {
        Some((bracket, _)) => Err(format!("{bracket} is not closed")),
        None => Ok(tokens),
    }
}

/// Reads a text character by character.
struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
}

impl Reader<'_> {
    /// The token that begins with `start`. `None` for white space, a comment or a lifetime.
    fn token(&mut self, start: char) -> Result<Option<Token>, String> {
        match start {
            '/' if self.rest.next_if_eq(&'/').is_some() => {
                self.rest.by_ref().find(|letter| *letter == '\n');
                Ok(None)
            }
            '/' if self.rest.next_if_eq(&'*').is_some() => self.block_comment().map(|()| None),
            '"' => self.text().map(Some),
            '\'' => self.character_or_lifetime(),
            _ if start.is_whitespace() => Ok(None),
            _ if start.is_alphanumeric() || start == '_' => self.word_or_prefixed_text(start).map(Some),
            _ => Ok(Some(Token::Sign(start))),
        }
    }

    /// Reads to the end of a comment in `/*` and `*/`, which may have others in it.
    fn block_comment(&mut self) -> Result<(), String> {
        let mut depth = 1;
        while depth > 0 {
            match self.rest.next().ok_or("a comment is not closed")? {
                '*' if self.rest.next_if_eq(&'/').is_some() => depth -= 1,
                '/' if self.rest.next_if_eq(&'*').is_some() => depth += 1,
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads the rest of a text in quotes with escapes.
    fn text(&mut self) -> Result<Token, String> {
        loop {
            match self.rest.next().ok_or("a text is not closed")? {
                '"' => return Ok(Token::Literal),
                '\\' => drop(self.rest.next()),
                _ => {}
            }
        }
    }

    /// Reads the rest of a raw text that so many `#` close.
    fn raw_text(&mut self, hashes: usize) -> Result<Token, String> {
        loop {
            self.rest.by_ref().find(|letter| *letter == '"').ok_or("a raw text is not closed")?;
            if (0..hashes).all(|_| self.rest.next_if_eq(&'#').is_some()) {
                return Ok(Token::Literal);
            }
        }
    }

    /// Reads what follows a `'`.
    fn character_or_lifetime(&mut self) -> Result<Option<Token>, String> {
        let first = self.rest.next().ok_or("a character is not closed")?;
        if first == '\\' {
            self.rest.next();
            self.rest.by_ref().find(|letter| *letter == '\'').ok_or("a character is not closed")?;
            return Ok(Some(Token::Literal));
        }
        if self.rest.next_if_eq(&'\'').is_some() {
            return Ok(Some(Token::Literal));
        }
        while self.rest.next_if(|letter| letter.is_alphanumeric() || *letter == '_').is_some() {}
        Ok(None)
    }

    /// Reads a word, a number, or a text with a prefix such as `r`, `b` or `br`.
    fn word_or_prefixed_text(&mut self, start: char) -> Result<Token, String> {
        let mut word = String::from(start);
        while let Some(letter) = self.rest.next_if(|letter| letter.is_alphanumeric() || *letter == '_') {
            word.push(letter);
        }
        if start.is_ascii_digit() {
            return Ok(Token::Literal);
        }
        match word.as_str() {
            "b" | "c" if self.rest.next_if_eq(&'"').is_some() => self.text(),
            "b" if self.rest.next_if_eq(&'\'').is_some() => {
                self.character_or_lifetime()?;
                Ok(Token::Literal)
            }
            "r" | "br" | "cr" => {
                let hashes = std::iter::from_fn(|| self.rest.next_if_eq(&'#')).count();
                if self.rest.next_if_eq(&'"').is_some() {
                    return self.raw_text(hashes);
                }
                match self.rest.next_if(|letter| letter.is_alphabetic() || *letter == '_') {
                    Some(letter) if hashes == 1 => self.word_or_prefixed_text(letter),
                    _ => Ok(Token::Word(word)),
                }
            }
            _ => Ok(Token::Word(word)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens, a space between any two, with `_` for a literal.
    fn shown(text: &str) -> String {
        fn show(tokens: &[Token]) -> String {
            let one = |token: &Token| match token {
                Token::Word(word) => word.clone(),
                Token::Sign(sign) => sign.to_string(),
                Token::Literal => "_".to_owned(),
                Token::Group(bracket, inner) => format!("{bracket} {} .", show(inner)),
            };
            tokens.iter().map(one).collect::<Vec<_>>().join(" ")
        }
        show(&tokens(text).expect("tokens"))
    }

    #[test]
    fn words_signs_and_groups() {
        assert_eq!(shown("use a::{b, c_1};"), "use a : : { b , c_1 . ;");
        assert_eq!(shown("f(x[0], r#type)"), "f ( x [ _ . , type .");
    }

    #[test]
    fn literals_have_no_value() {
        assert_eq!(
            shown(r#"1_000u64 0xff 1.5e3 'x' '\'' '\u{7d}' b'"' "a \" {" b"\\" c"}" x"#),
            "_ _ _ . _ _ _ _ _ _ _ _ x"
        );
        let raw = ["r\"\\\"", "r#\"a \" b\"#", "br##\"}\"# \"##", "x"].join(" ");
        assert_eq!(shown(&raw), "_ _ _ x");
    }

    #[test]
    fn comments_and_lifetimes_are_left_out() {
        assert_eq!(shown("a // { b\n/// c\n/* ( /* ' */ \" */ d /"), "a d /");
        assert_eq!(shown("fn f<'a>(x: &'static str) -> X<'_> {}"), "fn f < > ( x : & str . - > X < > {  .");
    }

    #[test]
    fn what_is_not_closed_is_refused() {
        for text in ["(", ")", "(]", "\"a", "r#\"a\"", "/* /* */", "'\\n"] {
            assert!(tokens(text).is_err(), "{text}");
        }
    }
}

//! A document without white space.

use std::borrow::Cow;

/// A JSON document without the white space between its tokens. Names, strings and numbers stay as they are written.
#[must_use]
pub fn compact(json: &str) -> Cow<'_, str> {
    let mut quoted = Quoted::default();
    let is_space = |character: char| quoted.is_outside(character) && matches!(character, ' ' | '\n' | '\r' | '\t');
    if !json.contains(is_space) {
        return json.into();
    }
    let mut quoted = Quoted::default();
    let stays = |character: &char| !(quoted.is_outside(*character) && matches!(character, ' ' | '\n' | '\r' | '\t'));
    json.chars().filter(stays).collect()
}

/// Whether a place lies within quotation marks.
#[derive(Default)]
enum Quoted {
    #[default]
    Outside,
    Inside,
    /// Behind a backslash.
    Escaped,
}

impl Quoted {
    /// Takes the next character. Returns whether it is neither a quotation mark nor between two.
    fn is_outside(&mut self, character: char) -> bool {
        let outside = matches!(self, Self::Outside);
        *self = match (&self, character) {
            (Self::Outside, '"') => Self::Inside,
            (Self::Inside, '"') => Self::Outside,
            (Self::Inside, '\\') => Self::Escaped,
            (Self::Outside, _) => Self::Outside,
            (Self::Inside | Self::Escaped, _) => Self::Inside,
        };
        outside
    }
}

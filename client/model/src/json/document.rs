//! A text as a tree that records the place of each part.

use std::borrow::Cow;

use super::problem::{JsonError, JsonProblem, Place};
use super::reader::{JsonToken, Reader};

/// A value and its place in the text, in bytes.
#[derive(Debug)]
pub struct Node<'a> {
    start: usize,
    end: usize,
    /// The value.
    pub value: Json<'a>,
}

/// A JSON value.
#[derive(Debug)]
pub enum Json<'a> {
    /// An object's members, in their order. A name may occur twice.
    Object(Vec<Member<'a>>),
    /// An array's elements.
    Array(Vec<Node<'a>>),
    /// A string, without escapes.
    String(Cow<'a, str>),
    /// A number as it is written.
    Number(&'a str),
    /// `true` or `false`.
    Bool(bool),
    /// `null`
    Null,
}

/// A member of an object.
#[derive(Debug)]
pub struct Member<'a> {
    /// Its name, without escapes.
    pub name: Cow<'a, str>,
    /// Its value.
    pub value: Node<'a>,
}

impl<'a> Node<'a> {
    /// Reads a whole text.
    ///
    /// # Errors
    /// [`JsonProblem`] if the text is not one JSON value, or nests deeper than 512 levels.
    pub fn parse(text: &'a str) -> Result<Self, Box<JsonProblem>> {
        let mut reader = Reader::new(text);
        let first = token(&mut reader)?;
        let node = Self::read(first, &mut reader)?;
        match reader.next()? {
            None => Ok(node),
            Some(_) => unreachable!("nothing may follow a whole document"),
        }
    }

    /// Reads a value whose first token is `first`. The reader bounds the depth of the recursion.
    ///
    /// # Errors
    ///
    /// As [`Node::parse`].
    fn read(first: JsonToken<'a>, reader: &mut Reader<'a>) -> Result<Self, Box<JsonProblem>> {
        let start = reader.start();
        let value = match first {
            JsonToken::OpenObject => {
                let mut members = Vec::new();
                while let JsonToken::Key(name) = token(reader)? {
                    let first = token(reader)?;
                    members.push(Member { name, value: Self::read(first, reader)? });
                }
                Json::Object(members)
            }
            JsonToken::OpenArray => {
                let mut elements = Vec::new();
                loop {
                    match token(reader)? {
                        JsonToken::Close => break Json::Array(elements),
                        first => elements.push(Self::read(first, reader)?),
                    }
                }
            }
            JsonToken::String(text) => Json::String(text),
            JsonToken::Number(text) => Json::Number(text),
            JsonToken::Bool(value) => Json::Bool(value),
            JsonToken::Null => Json::Null,
            JsonToken::Close | JsonToken::Key(_) => unreachable!("the reader returns a value where one has to stand"),
        };
        Ok(Self { start, end: reader.end(), value })
    }

    /// The place that a streaming parser has reached when it knows the kind of the value: behind the first character of
    /// a string, array or object, behind the whole of any other value. SNS reports this place.
    #[must_use]
    pub const fn begun(&self) -> usize {
        match self.value {
            Json::Object(_) | Json::Array(_) | Json::String(_) => self.start + 1,
            Json::Number(_) | Json::Bool(_) | Json::Null => self.end,
        }
    }

    /// The place behind the value.
    #[must_use]
    pub const fn end(&self) -> usize {
        self.end
    }
}

/// The next token of a document that is not at its end.
///
/// # Errors
///
/// As [`Node::parse`].
fn token<'a>(reader: &mut Reader<'a>) -> Result<JsonToken<'a>, Box<JsonProblem>> {
    let missing = || Box::new(JsonProblem { error: JsonError::Empty, place: Place::NOWHERE });
    reader.next()?.ok_or_else(missing)
}

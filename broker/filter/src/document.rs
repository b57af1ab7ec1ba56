//! The text of a policy as a tree that records the place of each part.

use std::borrow::Cow;

use crate::json::{JsonToken, Malformed, Reader};

/// A value and its place in the text, in bytes.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    start: usize,
    end: usize,
    pub(crate) value: Json<'a>,
}

/// A JSON value.
#[derive(Debug)]
pub(crate) enum Json<'a> {
    Object(Vec<Member<'a>>),
    Array(Vec<Node<'a>>),
    String(Cow<'a, str>),
    Number(&'a str),
    Bool(bool),
    Null,
}

/// A member of an object.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) value: Node<'a>,
}

impl<'a> Node<'a> {
    /// Reads a whole text.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the text is not one JSON value, or nests deeper than the reader allows.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Malformed> {
        let mut reader = Reader::new(text);
        let first = reader.next()?.ok_or(Malformed)?;
        let node = Self::read(first, &mut reader)?;
        match reader.next()? {
            None => Ok(node),
            Some(_) => Err(Malformed),
        }
    }

    /// Reads a value whose first token is `first`. The reader bounds the depth of the recursion.
    ///
    /// # Errors
    ///
    /// As [`Node::parse`].
    fn read(first: JsonToken<'a>, reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let start = reader.start();
        let value = match first {
            JsonToken::OpenObject => {
                let mut members = Vec::new();
                while let JsonToken::Key(name) = reader.next()?.ok_or(Malformed)? {
                    let first = reader.next()?.ok_or(Malformed)?;
                    members.push(Member { name, value: Self::read(first, reader)? });
                }
                Json::Object(members)
            }
            JsonToken::OpenArray => {
                let mut elements = Vec::new();
                loop {
                    match reader.next()?.ok_or(Malformed)? {
                        JsonToken::Close => break Json::Array(elements),
                        first => elements.push(Self::read(first, reader)?),
                    }
                }
            }
            JsonToken::String(text) => Json::String(text),
            JsonToken::Number(text) => Json::Number(text),
            JsonToken::Bool(value) => Json::Bool(value),
            JsonToken::Null => Json::Null,
            JsonToken::Close | JsonToken::Key(_) => return Err(Malformed),
        };
        Ok(Self { start, end: reader.end(), value })
    }

    /// The place that a streaming parser has reached when it knows the kind of the value: behind the first character of
    /// a string, array or object, behind the whole of any other value. SNS reports this place.
    pub(crate) fn begun(&self) -> usize {
        match self.value {
            Json::Object(_) | Json::Array(_) | Json::String(_) => self.start + 1,
            Json::Number(_) | Json::Bool(_) | Json::Null => self.end,
        }
    }

    /// The place behind the value.
    pub(crate) fn end(&self) -> usize {
        self.end
    }

    /// The value as an error message of SNS quotes it.
    pub(crate) fn quoted(&self) -> &str {
        match &self.value {
            Json::Object(_) => "{",
            Json::Array(_) => "[",
            Json::String(text) => text,
            Json::Number(text) => text,
            Json::Bool(true) => "true",
            Json::Bool(false) => "false",
            Json::Null => "null",
        }
    }
}

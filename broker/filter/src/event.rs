//! What is matched: one message's attributes or body, as a flat tape that is read many times.
//!
//! The tape holds members one after another, each a key and its value; the end of an array or object is noted at its
//! begin, so that what no policy asks for is skipped in one step. Of arrays in arrays only the outermost is noted, so
//! that walking over one costs as much as it holds. Both scopes give the same shape: attributes are an
//! object of depth one.

use std::borrow::Cow;

use crate::json::{JsonToken, Malformed, Reader};
use crate::number::Number;

/// A message attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its type and value.
    pub value: Value<'a>,
}

/// The value of a message attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// `String`
    String(&'a str),
    /// `Number`, as text.
    Number(&'a str),
    /// `String.Array`: the text of a JSON array. What is none is taken as a string.
    StringArray(&'a str),
    /// `Binary`: its content is never looked at.
    Binary,
}

/// One message, ready to be matched.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    tape: Vec<Node<'a>>,
}

/// A piece of the tape.
#[derive(Clone, Debug)]
pub(crate) enum Node<'a> {
    /// What it holds ends before this place.
    Object(usize),
    /// What it holds ends before this place.
    Array(usize),
    /// The value follows.
    Key(Cow<'a, str>),
    Value(Datum<'a>),
}

/// A value that conditions are asked about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Datum<'a> {
    String(Cow<'a, str>),
    /// None: too large to be compared with anything.
    Number(Option<Number>),
    Bool(bool),
    Null,
    /// It is there; nothing else is known of it.
    Opaque,
}

impl<'a> Event<'a> {
    /// The attributes of a message. A name that comes twice has both values.
    #[must_use]
    pub fn attributes(attributes: impl IntoIterator<Item = Attribute<'a>>) -> Self {
        let attributes = attributes.into_iter();
        let mut event = Self { tape: Vec::with_capacity(2 * attributes.size_hint().0) };
        for Attribute { name, value } in attributes {
            event.tape.push(Node::Key(Cow::Borrowed(name)));
            match value {
                Value::String(text) => event.value(Datum::String(Cow::Borrowed(text))),
                Value::Number(text) => event.value(Datum::Number(Number::parse(text))),
                Value::StringArray(text) => event.string_array(text),
                Value::Binary => event.value(Datum::Opaque),
            }
        }
        event
    }

    /// The body of a message; none where it is not a JSON object: then no policy about bodies matches it.
    #[must_use]
    pub fn body(json: &'a str) -> Option<Self> {
        let mut event = Self { tape: Vec::new() };
        let mut reader = Reader::new(json);
        if reader.next() != Ok(Some(JsonToken::OpenObject)) {
            return None;
        }
        event.read(&mut reader).ok()?;
        matches!(reader.next(), Ok(None)).then_some(event)
    }

    fn value(&mut self, value: Datum<'a>) {
        self.tape.push(Node::Value(value));
    }

    /// An attribute is there even where its array is empty or holds only what has no value.
    fn string_array(&mut self, text: &'a str) {
        let start = self.tape.len();
        self.tape.push(Node::Array(0));
        let mut reader = Reader::new(text);
        let read = reader.next() == Ok(Some(JsonToken::OpenArray))
            && self.read(&mut reader).is_ok()
            && matches!(reader.next(), Ok(None));
        if read && self.tape[start..].iter().any(|node| matches!(node, Node::Value(_))) {
            self.tape[start] = Node::Array(self.tape.len());
        } else {
            self.tape.truncate(start);
            self.value(if read { Datum::Opaque } else { Datum::String(Cow::Borrowed(text)) });
        }
    }

    /// Appends what an open object or array holds, up to its close.
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<(), Malformed> {
        let mut open = Vec::new();
        loop {
            let here = self.tape.len();
            match reader.next()?.ok_or(Malformed)? {
                JsonToken::OpenObject => {
                    open.push(Some(here));
                    self.tape.push(Node::Object(0));
                }
                // An array in an array stands for its elements.
                JsonToken::OpenArray if !matches!(self.tape.last(), Some(Node::Key(_))) => open.push(None),
                JsonToken::OpenArray => {
                    open.push(Some(here));
                    self.tape.push(Node::Array(0));
                }
                JsonToken::Close => match open.pop() {
                    None => return Ok(()),
                    Some(None) => {}
                    Some(Some(begin)) => match &mut self.tape[begin] {
                        Node::Object(end) | Node::Array(end) => *end = here,
                        Node::Key(_) | Node::Value(_) => unreachable!("only arrays and objects are opened"),
                    },
                },
                JsonToken::Key(name) => self.tape.push(Node::Key(name)),
                JsonToken::String(text) => self.value(Datum::String(text)),
                JsonToken::Number(text) => self.value(Datum::Number(Number::parse(text))),
                JsonToken::Bool(value) => self.value(Datum::Bool(value)),
                JsonToken::Null => self.value(Datum::Null),
            }
        }
    }

    /// All members of the event.
    pub(crate) fn root(&self) -> Members<'_, 'a> {
        Members { event: self, at: 0, end: self.tape.len() }
    }

    /// The value that a place of the tape holds.
    pub(crate) fn datum(&self, place: usize) -> &Datum<'a> {
        match &self.tape[place] {
            Node::Value(value) => value,
            _ => unreachable!("places of values only are kept"),
        }
    }

    /// What stands at a place: one value, an object, or the flattened elements of an array.
    pub(crate) fn things(&self, place: usize) -> Things<'_, 'a> {
        Things { event: self, at: place, end: self.after(place) }
    }

    /// The place after what stands at this one.
    fn after(&self, place: usize) -> usize {
        match self.tape[place] {
            Node::Object(end) | Node::Array(end) => end,
            Node::Key(_) | Node::Value(_) => place + 1,
        }
    }
}

/// The members of an object: names, and the places of their values.
#[derive(Clone, Debug)]
pub(crate) struct Members<'e, 'a> {
    event: &'e Event<'a>,
    at: usize,
    end: usize,
}

impl<'e, 'a> Iterator for Members<'e, 'a> {
    type Item = (&'e str, usize);

    fn next(&mut self) -> Option<Self::Item> {
        if self.at == self.end {
            return None;
        }
        let Node::Key(name) = &self.event.tape[self.at] else { unreachable!("members begin with their key") };
        let place = self.at + 1;
        self.at = self.event.after(place);
        Some((name, place))
    }
}

/// What a key holds, when arrays are replaced by what they hold.
#[derive(Clone, Debug)]
pub(crate) struct Things<'e, 'a> {
    event: &'e Event<'a>,
    at: usize,
    end: usize,
}

/// A value, by its place, or an object.
#[derive(Debug)]
pub(crate) enum Thing<'e, 'a> {
    Value(usize),
    Object(Members<'e, 'a>),
}

impl<'e, 'a> Iterator for Things<'e, 'a> {
    type Item = Thing<'e, 'a>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.at < self.end {
            let place = self.at;
            match self.event.tape[place] {
                // Its elements come next on the tape.
                Node::Array(_) => self.at += 1,
                Node::Object(end) => {
                    self.at = end;
                    return Some(Thing::Object(Members { event: self.event, at: place + 1, end }));
                }
                Node::Value(_) => {
                    self.at += 1;
                    return Some(Thing::Value(place));
                }
                Node::Key(_) => unreachable!("objects are stepped over"),
            }
        }
        None
    }
}

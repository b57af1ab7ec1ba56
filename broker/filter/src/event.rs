//! One message's attributes or body, as a flat tape that is read many times.
//!
//! The tape holds members one after another, each a key and its value. The node of an array or object holds the place of
//! its end, so that a value that no policy asks for is skipped in one step. An array in an array has no node, so that
//! walking over the outer one costs as much as it has elements. Both scopes have the same shape, since attributes are an
//! object of depth one.
//!
//! A name with a dot is the same as names below each other. The node of a name says whether it has one, so that the
//! others are not searched for it each time.

use posthouse_model::json::{JsonProblem, JsonToken, Reader};

use crate::dialect::Scope;
use crate::number::{Number, Parsed};

/// A message attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// The name.
    pub name: &'a str,
    /// The type and the value.
    pub value: Value<'a>,
}

/// The value of a message attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// `String`.
    String(&'a str),
    /// `Number`, as text.
    Number(&'a str),
    /// `String.Array`, as the text of a JSON array. If the text is no JSON array, it is a string.
    StringArray(&'a str),
    /// `Binary`. Only `exists: true` holds for it.
    Binary,
}

impl<'a> Value<'a> {
    /// The text of the value; `None` for a binary one.
    const fn text(self) -> Option<&'a str> {
        match self {
            Self::String(text) | Self::Number(text) | Self::StringArray(text) => Some(text),
            Self::Binary => None,
        }
    }
}

/// One message's attributes or body, ready to be matched. It borrows nothing, so that it can be made on one thread and
/// matched on another.
///
/// It holds one node of 16 bytes for each name, value, array and object of the message, and a copy of the text of all
/// names, strings and numbers with more than twelve digits before the point. That is at most 8 bytes of nodes and two of
/// text for each byte of a JSON body.
#[derive(Clone, Debug)]
pub struct Event {
    scope: Scope,
    /// The text of all names, strings and large numbers, concatenated.
    text: String,
    tape: Vec<Node>,
}

/// Bytes of a usual JSON body for each of its nodes.
const BYTES_PER_NODE: usize = 16;

/// Nodes that a body is given room for before it is read, at most.
const BODY_NODES_FIRST: usize = 1024;

/// The body has more nodes than the caller allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyNodes;

/// A node of the tape.
#[derive(Clone, Copy, Debug)]
enum Node {
    /// An object, whose members end before this place.
    Object(u32),
    /// An array, whose elements end before this place.
    Array(u32),
    /// The name of a member. Its value follows.
    Key {
        name: Span,
        has_dot: bool,
    },
    String(Span),
    Number(Number),
    /// A number in the form of [`Parsed::Large`].
    Large(Span),
    /// The value of a Number attribute that is no number.
    Incomparable,
    Bool(bool),
    Null,
    /// A value of which only its presence is known.
    Opaque,
}

const _: () = assert!(size_of::<Node>() == 16, "the rustdoc of `Event` says so");

/// A part of the event's text, in bytes.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
}

/// A value, as conditions see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Datum<'e> {
    String(&'e str),
    Number(Number),
    /// A number in the form of [`Parsed::Large`].
    Large(&'e str),
    /// The value of a Number attribute that is no number.
    Incomparable,
    Bool(bool),
    Null,
    /// A value of which only its presence is known.
    Opaque,
}

impl Event {
    /// The attributes of a message. A name that occurs twice has both values.
    #[must_use]
    pub fn attributes<'a>(attributes: impl IntoIterator<Item = Attribute<'a>, IntoIter: Clone>) -> Self {
        let attributes = attributes.into_iter();
        let (count, text) = attributes.clone().fold((0, 0), |(count, text), Attribute { name, value }| {
            (count + 1, text + name.len() + value.text().map_or(0, str::len))
        });
        let mut event = Self::with_capacity(count, text);
        attributes.for_each(|attribute| event.push_attribute(attribute));
        event
    }

    /// An event without attributes, with room for this number of them and this many bytes of their names and values.
    #[must_use]
    pub fn with_capacity(attributes: usize, text_bytes: usize) -> Self {
        Self {
            scope: Scope::MessageAttributes,
            text: String::with_capacity(text_bytes),
            tape: Vec::with_capacity(2 * attributes),
        }
    }

    /// Adds an attribute to an event of attributes, for callers that cannot lend all of them at once.
    pub fn push_attribute(&mut self, attribute: Attribute<'_>) {
        self.push_name(attribute.name);
        match attribute.value {
            Value::String(text) => self.push_string(text),
            Value::Number(text) => self.push_number(text),
            Value::StringArray(text) => self.push_string_array(text),
            Value::Binary => self.tape.push(Node::Opaque),
        }
    }

    /// The body of a message; `None` where it is not a JSON object, since no policy about bodies matches it then.
    ///
    /// It reads the text once, to its end, and copies names and strings. Matching afterwards looks only at what policies
    /// ask for, so that for a large body making the event is the larger part of the cost.
    #[must_use]
    pub fn body(json: &str) -> Option<Self> {
        Self::body_within(json, usize::MAX).ok().flatten()
    }

    /// The body of a message, as [`Event::body`] returns it, if it has at most `nodes_max` nodes.
    ///
    /// # Errors
    /// [`TooManyNodes`] as soon as there are more. Whether the rest of the text is JSON is not known then.
    pub fn body_within(json: &str, nodes_max: usize) -> Result<Option<Self>, TooManyNodes> {
        let mut reader = Reader::new(json);
        if reader.next() != Ok(Some(JsonToken::OpenObject)) {
            return Ok(None);
        }
        let nodes = (json.len() / BYTES_PER_NODE).min(BODY_NODES_FIRST);
        let mut event = Self {
            scope: Scope::MessageBody,
            text: String::with_capacity(json.len()),
            tape: Vec::with_capacity(nodes),
        };
        match event.read(&mut reader, nodes_max) {
            Ok(()) => Ok(matches!(reader.next(), Ok(None)).then_some(event)),
            Err(Unread::Malformed) => Ok(None),
            Err(Unread::TooManyNodes) => Err(TooManyNodes),
        }
    }

    /// The number of nodes: 16 bytes each.
    #[must_use]
    pub const fn nodes(&self) -> usize {
        self.tape.len()
    }

    /// Appends a name or a string to the text.
    fn copy(&mut self, text: &str) -> Span {
        let start = place(self.text.len());
        self.text.push_str(text);
        Span { start, end: place(self.text.len()) }
    }

    /// Whether it is the event of a message without any attributes. No policy but `{}` matches it, even where all keys
    /// are `exists: false` (SNS guide, "Key matching").
    pub(crate) fn lacks_attributes(&self) -> bool {
        self.scope == Scope::MessageAttributes && self.tape.is_empty()
    }

    /// Appends the name of a member.
    fn push_name(&mut self, name: &str) {
        let has_dot = name.as_bytes().contains(&b'.');
        let name = self.copy(name);
        self.tape.push(Node::Key { name, has_dot });
    }

    /// Appends a string.
    fn push_string(&mut self, text: &str) {
        let text = self.copy(text);
        self.tape.push(Node::String(text));
    }

    /// Appends a number.
    fn push_number(&mut self, text: &str) {
        let node = match Number::parse(text) {
            Some(Parsed::Number(number)) => Node::Number(number),
            Some(Parsed::Large(number)) => Node::Large(self.copy(&number)),
            None => Node::Incomparable,
        };
        self.tape.push(node);
    }

    /// Appends an array. If it holds no value, the attribute is present without a value, as in SNS.
    fn push_string_array(&mut self, text: &str) {
        let (start, copied) = (self.tape.len(), self.text.len());
        self.tape.push(Node::Array(0));
        let mut reader = Reader::new(text);
        let read = reader.next() == Ok(Some(JsonToken::OpenArray))
            && self.read(&mut reader, usize::MAX).is_ok()
            && matches!(reader.next(), Ok(None));
        if read && self.tape[start..].iter().any(|node| node.is_value()) {
            self.tape[start] = Node::Array(place(self.tape.len()));
        } else {
            self.tape.truncate(start);
            self.text.truncate(copied);
            if read { self.tape.push(Node::Opaque) } else { self.push_string(text) }
        }
    }

    /// Appends the content of an open object or array, up to its close.
    ///
    /// # Errors
    ///
    /// The text is malformed, or there are more than `nodes_max` nodes.
    fn read(&mut self, reader: &mut Reader<'_>, nodes_max: usize) -> Result<(), Unread> {
        let mut open = Vec::new();
        loop {
            let here = self.tape.len();
            if here > nodes_max {
                return Err(Unread::TooManyNodes);
            }
            match reader.next()?.ok_or(Unread::Malformed)? {
                JsonToken::OpenObject => {
                    open.push(Some(here));
                    self.tape.push(Node::Object(0));
                }
                // An array within an array stands for its elements.
                JsonToken::OpenArray if !matches!(self.tape.last(), Some(Node::Key { .. })) => open.push(None),
                JsonToken::OpenArray => {
                    open.push(Some(here));
                    self.tape.push(Node::Array(0));
                }
                JsonToken::Close => match open.pop() {
                    None => return Ok(()),
                    Some(None) => {}
                    Some(Some(begin)) => match &mut self.tape[begin] {
                        Node::Object(end) | Node::Array(end) => *end = place(here),
                        _ => unreachable!("only arrays and objects are opened"),
                    },
                },
                JsonToken::Key(name) => self.push_name(&name),
                JsonToken::String(text) => self.push_string(&text),
                JsonToken::Number(text) => self.push_number(text),
                JsonToken::Bool(value) => self.tape.push(Node::Bool(value)),
                JsonToken::Null => self.tape.push(Node::Null),
            }
        }
    }

    /// All members of the event.
    pub(crate) fn root(&self) -> Members<'_> {
        Members { event: self, at: 0, end: self.tape.len() }
    }

    /// The value at a place of the tape.
    ///
    /// # Panics
    ///
    /// If the place holds a key, an array or an object.
    pub(crate) fn datum(&self, place: usize) -> Datum<'_> {
        match self.tape[place] {
            Node::String(text) => Datum::String(self.text(text)),
            Node::Number(number) => Datum::Number(number),
            Node::Large(number) => Datum::Large(self.text(number)),
            Node::Incomparable => Datum::Incomparable,
            Node::Bool(value) => Datum::Bool(value),
            Node::Null => Datum::Null,
            Node::Opaque => Datum::Opaque,
            Node::Object(_) | Node::Array(_) | Node::Key { .. } => unreachable!("places of values only are kept"),
        }
    }

    /// The text of a name or a string.
    fn text(&self, span: Span) -> &str {
        &self.text[span.start as usize..span.end as usize]
    }

    /// The values and objects at a place: one value, one object, or the flattened elements of an array.
    pub(crate) fn things(&self, place: usize) -> Things<'_> {
        Things { event: self, at: place, end: self.after(place) }
    }

    /// Whether an array is at a place.
    pub(crate) fn is_array(&self, place: usize) -> bool {
        matches!(self.tape[place], Node::Array(_))
    }

    /// The place behind the node at this place and its content.
    fn after(&self, place: usize) -> usize {
        match self.tape[place] {
            Node::Object(end) | Node::Array(end) => end as usize,
            _ => place + 1,
        }
    }
}

impl Node {
    const fn is_value(self) -> bool {
        !matches!(self, Self::Object(_) | Self::Array(_) | Self::Key { .. })
    }
}

/// An index into the tape or the text. Messages are shorter than 4 GiB.
fn place(place: usize) -> u32 {
    u32::try_from(place).expect("messages are far smaller than 4 GiB")
}

/// Why a JSON value was not read to its end.
enum Unread {
    Malformed,
    TooManyNodes,
}

impl From<Box<JsonProblem>> for Unread {
    fn from(_: Box<JsonProblem>) -> Self {
        Self::Malformed
    }
}

/// The name of a member: one part of a path, or several parts with dots between them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'e> {
    text: &'e str,
    has_dot: bool,
}

impl<'e> Name<'e> {
    /// The name, if it is one part.
    pub(crate) fn single(self) -> Option<&'e str> {
        (!self.has_dot).then_some(self.text)
    }

    /// The parts of the name.
    pub(crate) fn parts(self) -> impl Iterator<Item = &'e str> {
        self.text.split('.')
    }
}

/// Iterates over the members of an object: names, and the places of their values.
#[derive(Clone, Debug)]
pub(crate) struct Members<'e> {
    event: &'e Event,
    at: usize,
    end: usize,
}

impl<'e> Iterator for Members<'e> {
    type Item = (Name<'e>, usize);

    fn next(&mut self) -> Option<Self::Item> {
        if self.at == self.end {
            return None;
        }
        let Node::Key { name, has_dot } = self.event.tape[self.at] else {
            unreachable!("members begin with their key")
        };
        let place = self.at + 1;
        self.at = self.event.after(place);
        Some((Name { text: self.event.text(name), has_dot }, place))
    }
}

/// Iterates over the values and objects of a key. Arrays are replaced by their elements.
#[derive(Clone, Debug)]
pub(crate) struct Things<'e> {
    event: &'e Event,
    at: usize,
    end: usize,
}

/// A value, by its place, or an object.
#[derive(Debug)]
pub(crate) enum Thing<'e> {
    Value(usize),
    Object(Members<'e>),
}

impl<'e> Iterator for Things<'e> {
    type Item = Thing<'e>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.at < self.end {
            let place = self.at;
            match self.event.tape[place] {
                // The elements of the array come next on the tape.
                Node::Array(_) => self.at += 1,
                Node::Object(end) => {
                    let end = end as usize;
                    self.at = end;
                    return Some(Thing::Object(Members { event: self.event, at: place + 1, end }));
                }
                Node::Key { .. } => unreachable!("objects are stepped over"),
                Node::String(_)
                | Node::Number(_)
                | Node::Large(_)
                | Node::Incomparable
                | Node::Bool(_)
                | Node::Null
                | Node::Opaque => {
                    self.at += 1;
                    return Some(Thing::Value(place));
                }
            }
        }
        None
    }
}

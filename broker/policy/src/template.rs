//! Policy variables: `${aws:username}` in a resource or in a value of a string or ARN operator stands for the value of
//! that condition key.
//!
//! - `${KEY, 'TEXT'}` is `TEXT` where the key has no value. Without a text the whole resource or value then matches
//!   nothing.
//! - `${*}`, `${?}` and `${$}` are these characters themselves.
//! - Wildcards in a variable's value are characters like any other.

use crate::Question;
use crate::context::Key;
use crate::pattern::{Glyph, Pattern};

/// A text with variables.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template(Vec<Part>);

/// A variable is not closed, its default is not quoted, or it names no condition key that can have one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

#[derive(Clone, Debug, PartialEq)]
enum Part {
    /// As it is written.
    Plain(Box<str>),
    /// `${*}`, `${?}` or `${$}`
    Literal(char),
    Variable {
        key: Key,
        default: Option<Box<str>>,
    },
}

/// A value of a policy: known when the policy is parsed, or with each call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand<T> {
    Fixed(T),
    Variable(Template),
}

/// What a text with variables becomes once they have their values.
pub(crate) trait Expand: Sized {
    /// `None` if a variable has no value, or the text is no such value.
    fn expand(template: &Template, question: &Question<'_>) -> Option<Self>;
}

impl Template {
    /// Reads a text. `Ok(None)` if it has no variables.
    ///
    /// # Errors
    /// [`Malformed`] variables.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, Malformed> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((plain, after)) = rest.split_once("${") {
            let (variable, after) = after.split_once('}').ok_or(Malformed)?;
            if !plain.is_empty() {
                parts.push(Part::Plain(plain.into()));
            }
            parts.push(Part::parse(variable)?);
            rest = after;
        }
        if parts.is_empty() {
            return Ok(None);
        }
        if !rest.is_empty() {
            parts.push(Part::Plain(rest.into()));
        }
        Ok(Some(Self(parts)))
    }

    /// The text in segments; `None` if a variable without a default has no value.
    fn segments(&self, question: &Question<'_>) -> Option<Vec<Segment<'_>>> {
        self.0.iter().map(|part| part.segment(question)).collect()
    }

    /// The text as the glyphs of a pattern. Wildcards are where they are written.
    pub(crate) fn glyphs(&self, question: &Question<'_>) -> Option<Vec<Glyph>> {
        let mut glyphs = Vec::new();
        for segment in self.segments(question)? {
            match segment {
                Segment::Written(text) => glyphs.extend(Glyph::of(text)),
                Segment::Exact(text) => glyphs.extend(Glyph::exactly(&text)),
            }
        }
        Some(glyphs)
    }
}

/// A stretch of a template whose variables have their values.
enum Segment<'a> {
    /// As the policy writes it.
    Written(&'a str),
    /// Without wildcards.
    Exact(String),
}

impl Part {
    fn segment(&self, question: &Question<'_>) -> Option<Segment<'_>> {
        match self {
            Self::Plain(text) => Some(Segment::Written(text)),
            Self::Literal(char) => Some(Segment::Exact(char.to_string())),
            Self::Variable { key, default } => match key.value(question) {
                Some(value) => Some(Segment::Exact(value.text().into_owned())),
                None => default.as_deref().map(|text| Segment::Exact(text.to_owned())),
            },
        }
    }

    /// The part that the text between `${` and `}` stands for.
    fn parse(variable: &str) -> Result<Self, Malformed> {
        let mut chars = variable.chars();
        if let (Some(char @ ('*' | '?' | '$')), None) = (chars.next(), chars.next()) {
            return Ok(Self::Literal(char));
        }
        let (name, default) = match variable.split_once(',') {
            Some((name, default)) => {
                let default = default.trim().strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
                (name, Some(default.ok_or(Malformed)?.into()))
            }
            None => (variable, None),
        };
        let key = Key::named(name.trim()).filter(|key| *key != Key::TagKeys).ok_or(Malformed)?;
        Ok(Self::Variable { key, default })
    }
}

impl Expand for Pattern {
    fn expand(template: &Template, question: &Question<'_>) -> Option<Self> {
        template.glyphs(question).map(|glyphs| Self::of(&glyphs))
    }
}

/// `*` and `?` are characters like any other.
impl Expand for Box<str> {
    fn expand(template: &Template, question: &Question<'_>) -> Option<Self> {
        let segments = template.segments(question)?;
        let texts = segments.iter().map(|segment| match segment {
            Segment::Written(text) => text,
            Segment::Exact(text) => text.as_str(),
        });
        Some(texts.collect::<String>().into())
    }
}

impl<T: Expand> Operand<T> {
    /// Whether a test holds for the value. It does not if a variable has no value.
    pub(crate) fn holds(&self, question: &Question<'_>, test: impl Fn(&T) -> bool) -> bool {
        match self {
            Self::Fixed(value) => test(value),
            Self::Variable(template) => T::expand(template, question).is_some_and(|value| test(&value)),
        }
    }
}

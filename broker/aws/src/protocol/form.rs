//! The Query protocol's input: parameters whose dotted names spell a tree.
//!
//! A list is numbered children (`AttributeName.1`), a map is numbered pairs (`Attribute.1.Name`, `Attribute.1.Value`
//! or `Tag.1.Key`, `Tag.1.Value`), a structure is named children. A service that does not flatten puts `member` before
//! the numbers of a list and `entry` before those of a map (`Attributes.entry.1.key`, `Attributes.entry.1.value`);
//! where what is meant is a list or a map, that says nothing, so one reading serves both. Numbers give the order and may leave gaps, as AWS
//! allows. Nothing here recurses over what a client sends: parameters lie flat, sorted by their names' segments, and a
//! node is a run of them.

use core::cmp::Ordering;
use core::fmt;
use std::borrow::Cow;

use serde::Deserializer;
use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::fault::ProtocolFault;
use super::text::{excerpt, form_decode};

/// Parameters of one request: above what the largest batch needs, ten notifications with 255 attributes each.
pub(crate) const QUERY_PARAMETERS_MAX: usize = 8000;

const NO_VALUE: &str = "A map entry needs a name and a value.";

/// How members are called in Query where that is not their JSON name: a flattened list goes by the name of its items.
pub(crate) type Names = &'static [(&'static str, &'static str)];

/// The parameters of a request, decoded and in the order of their names.
#[derive(Debug, Default)]
pub(crate) struct Form<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Form<'a> {
    /// Reads the parameters of the URL and the body.
    pub(crate) fn parse(url_query: &'a [u8], body: &'a [u8]) -> Result<Self, ProtocolFault> {
        let mut pairs = Vec::with_capacity(16);
        for pair in url_query.split(|b| *b == b'&').chain(body.split(|b| *b == b'&')) {
            if pair.is_empty() {
                continue;
            }
            if pairs.len() == QUERY_PARAMETERS_MAX {
                return Err(ProtocolFault::MalformedQueryString);
            }
            let equals = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
            let (name, value) = (&pair[..equals], pair.get(equals + 1..).unwrap_or_default());
            let name = form_decode(name)?;
            let value = form_decode(value)?;
            pairs.push((name, value));
        }
        // Stable: of a name that comes twice the first value stays first, and is the one that counts.
        pairs.sort_by(|(a, _), (b, _)| by_segments(a, b));
        Ok(Self { pairs })
    }

    /// The value of a parameter at the top.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    /// The whole form as an input structure.
    pub(crate) fn root(&'a self, names: Names) -> Node<'a> {
        Node { pairs: &self.pairs, consumed: 0, names }
    }
}

/// One place in the tree: the parameters that start with the same segments.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a> {
    /// Never empty, but for an empty form and the value of a pair that has none.
    pairs: &'a [(Cow<'a, str>, Cow<'a, str>)],
    /// Bytes of each name that lead here, the dot behind them included.
    consumed: usize,
    names: Names,
}

impl<'a> Node<'a> {
    /// The value, where a parameter's name ends here.
    fn value(self) -> Option<&'a str> {
        let (name, value) = self.pairs.first()?;
        (name.len() < self.consumed).then_some(&**value)
    }

    /// Whether there is anything below.
    fn has_children(self) -> bool {
        self.pairs.last().is_some_and(|(name, _)| name.len() >= self.consumed)
    }

    /// The children with their segments, in the order of those.
    fn children(self) -> impl Iterator<Item = (&'a str, Self)> {
        let leaves = self.pairs.partition_point(|(name, _)| name.len() < self.consumed);
        let mut rest = &self.pairs[leaves..];
        core::iter::from_fn(move || {
            let segment = segment(&rest.first()?.0, self.consumed);
            let end = rest.iter().position(|(name, _)| self::segment(name, self.consumed) != segment);
            let (run, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after;
            Some((segment, Self { pairs: run, consumed: self.consumed + segment.len() + 1, names: self.names }))
        })
    }

    fn child(self, name: &str) -> Option<Self> {
        self.children().find(|(segment, _)| *segment == name).map(|(_, node)| node)
    }

    /// The numbered children in the order of their numbers.
    fn items(self) -> Result<Vec<Self>, FormError> {
        let mut items = Vec::new();
        for (segment, node) in self.children() {
            let index: u32 = segment
                .parse()
                .map_err(|_| FormError(format!("Key {} is not an index of a list.", excerpt(segment))))?;
            items.push((index, node));
        }
        items.sort_by_key(|(index, _)| *index);
        Ok(items.into_iter().map(|(_, node)| node).collect())
    }

    /// The key and the value of one pair of a map. A value that is missing is an empty structure: what lacks its
    /// members is for the action to say, which may refuse one entry of a batch for it.
    fn pair(self) -> Option<(Self, Self)> {
        let child = |names: &[&str]| names.iter().find_map(|name| self.child(name));
        let nothing = Self { pairs: &[], ..self };
        Some((child(&["Name", "Key", "key"])?, child(&["Value", "value"]).unwrap_or(nothing)))
    }

    fn scalar(self) -> Result<&'a str, FormError> {
        self.value().ok_or_else(|| {
            let nothing = self.pairs.is_empty();
            FormError(if nothing { NO_VALUE } else { "Start of structure or map found where not expected." }.into())
        })
    }
}

/// The order of two names by their segments. It is that of their bytes, if a dot is less than any other byte: the end of
/// a segment is then less than whatever continues it. Equal beginnings are skipped in blocks, so that a name of a
/// megabyte of dots costs a comparison of memory, and not one step for each segment.
fn by_segments(a: &str, b: &str) -> Ordering {
    const BLOCK_BYTES: usize = 64;
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let blocks = a.chunks_exact(BLOCK_BYTES).zip(b.chunks_exact(BLOCK_BYTES));
    let same_bytes = BLOCK_BYTES * blocks.take_while(|(a, b)| a == b).count();
    let rank = |byte: &u8| if *byte == b'.' { 0 } else { u16::from(*byte) + 1 };
    a[same_bytes..].iter().map(rank).cmp(b[same_bytes..].iter().map(rank))
}

fn segment(name: &str, consumed: usize) -> &str {
    let rest = &name[consumed..];
    rest.split_once('.').map_or(rest, |(segment, _)| segment)
}

/// A form that does not fit the input it is read into.
#[derive(Debug, Default)]
pub(crate) struct FormError(String);

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for FormError {}

impl Error for FormError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = FormError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FormError> {
        visitor.visit_borrowed_str(self.scalar()?)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FormError> {
        let text = self.scalar()?;
        let number = text.parse().map_err(|_| FormError("STRING_VALUE can not be converted to an Integer".into()))?;
        visitor.visit_i64(number)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FormError> {
        match self.scalar()? {
            text if text.eq_ignore_ascii_case("true") => visitor.visit_bool(true),
            text if text.eq_ignore_ascii_case("false") => visitor.visit_bool(false),
            _ => Err(FormError("STRING_VALUE can not be converted to a Boolean".into())),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FormError> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FormError> {
        let items = match self.value() {
            // `AttributeName=` is how some SDKs write an empty list, `AttributeName=All` how people write a short one.
            Some("") if !self.has_children() => Vec::new(),
            Some(_) if !self.has_children() => vec![self],
            _ => self.child("member").unwrap_or(self).items()?,
        };
        visitor.visit_seq(Items(items.into_iter()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FormError> {
        let entries = match self.pair() {
            _ if !self.has_children() && self.value() == Some("") => Vec::new(),
            // `Attribute.Name=…&Attribute.Value=…`, as the service's own documentation abbreviates a single pair.
            Some(pair) => vec![pair],
            None => self
                .child("entry")
                .unwrap_or(self)
                .items()?
                .into_iter()
                .map(|item| item.pair().ok_or_else(|| FormError(NO_VALUE.into())))
                .collect::<Result<_, _>>()?,
        };
        visitor.visit_map(Pairs { entries: entries.into_iter(), value: None })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FormError> {
        if self.value().is_some_and(|value| !value.is_empty()) {
            return Err(FormError("STRING_VALUE can not be converted to a structure".into()));
        }
        let names = self.names;
        let members = self.children().map(move |(segment, node)| {
            let name = names.iter().find(|(query, _)| *query == segment).map_or(segment, |(_, member)| member);
            (name, node)
        });
        visitor.visit_map(Members { members, value: None })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FormError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct tuple tuple_struct enum identifier
    }
}

struct Items<'a>(std::vec::IntoIter<Node<'a>>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = FormError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, FormError> {
        self.0.next().map(|node| seed.deserialize(node)).transpose()
    }
}

struct Pairs<'a> {
    entries: std::vec::IntoIter<(Node<'a>, Node<'a>)>,
    value: Option<Node<'a>>,
}

impl<'de> MapAccess<'de> for Pairs<'de> {
    type Error = FormError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, FormError> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, FormError> {
        seed.deserialize(self.value.take().expect("serde asks for a value after its key"))
    }
}

struct Members<'a, I> {
    members: I,
    value: Option<Node<'a>>,
}

impl<'de, I: Iterator<Item = (&'de str, Node<'de>)>> MapAccess<'de> for Members<'de, I> {
    type Error = FormError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, FormError> {
        let Some((name, value)) = self.members.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, FormError> {
        seed.deserialize(self.value.take().expect("serde asks for a value after its key"))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::input::{Entries, Integer, List, Object, Source, Text};
    use super::*;

    const NAMES: Names =
        &[("Item", "items"), ("Attribute", "attributes"), ("Entry", "entries"), ("Structure", "structures")];

    #[derive(Debug, Deserialize)]
    struct Probe<'a> {
        #[serde(borrow)]
        text: Option<Text<'a>>,
        number: Option<Integer>,
        #[serde(borrow, default)]
        items: List<Text<'a>>,
        #[serde(borrow, default)]
        attributes: Entries<'a, Text<'a>>,
        #[serde(borrow, default)]
        entries: List<Object<Entry<'a>>>,
        #[serde(borrow, default)]
        structures: Entries<'a, Object<Entry<'a>>>,
    }

    #[derive(Debug, Deserialize)]
    struct Entry<'a> {
        #[serde(borrow)]
        id: Option<Text<'a>>,
        #[serde(borrow, default)]
        attributes: Entries<'a, Text<'a>>,
    }

    fn show(body: &str) -> String {
        let form = match Form::parse(b"", body.as_bytes()) {
            Ok(form) => form,
            Err(fault) => return fault.to_string(),
        };
        let probe: Probe<'_> = match Source::Query(&form, NAMES).read() {
            Ok(probe) => probe,
            Err(fault) => return fault.to_string(),
        };
        let pairs = |entries: &Entries<'_, Text<'_>>| {
            entries.texts().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
        };
        let mut shown = Vec::new();
        shown.extend(probe.text.map(|text| format!("text:{}", &*text)));
        shown.extend(probe.number.map(|number| format!("number:{}", number.0)));
        shown.extend(probe.items.iter().map(|item| format!("item:{}", &**item)));
        shown.extend((!probe.attributes.0.is_empty()).then(|| pairs(&probe.attributes)));
        shown.extend(probe.entries.iter().map(|Object(entry)| {
            format!("entry:{}[{}]", entry.id.as_deref().unwrap_or_default(), pairs(&entry.attributes))
        }));
        shown.extend(probe.structures.0.iter().map(|(name, Object(entry))| {
            format!("structure:{}[{}]", &**name, entry.id.as_deref().unwrap_or_default())
        }));
        shown.join(" ")
    }

    #[test]
    fn forms() {
        for (body, expected) in [
            ("", ""),
            ("&&text=a+b%20c%26&unknown.1.deep=x&", "text:a b c&"),
            ("text=%C3%BC=", "text:ü="),
            ("text", "text:"),
            ("text=first&text=second", "text:first"),
            ("number=-5", "number:-5"),
            ("Item.2=b&Item.10=c&Item.1=a", "item:a item:b item:c"),
            ("Item=one", "item:one"),
            ("Item=", ""),
            ("Attribute.1.Name=n&Attribute.1.Value=v&Attribute.3.Key=k&Attribute.3.Value=", "n=v,k="),
            ("Attribute.Name=n&Attribute.Value=v", "n=v"),
            ("Attribute=", ""),
            ("Item.member.2=b&Item.member.1=a", "item:a item:b"),
            (
                "Attribute.entry.1.key=n&Attribute.entry.1.value=v&Attribute.entry.2.Name=m&Attribute.entry.2.Value=w",
                "n=v,m=w",
            ),
            (
                "Entry.member.1.id=a&Entry.member.1.Attribute.entry.1.key=n&Entry.member.1.Attribute.entry.1.value=v",
                "entry:a[n=v]",
            ),
            ("Attribute.entry.1.key=n", "A map entry needs a name and a value."),
            ("Item.member.x=a", "Key x is not an index of a list."),
            (
                "Entry.2.id=b&Entry.1.id=a&Entry.1.Attribute.1.Name=n&Entry.1.Attribute.1.Value=v",
                "entry:a[n=v] entry:b[]",
            ),
            ("Entry-x=1&Entry.1.id=a&Entry.1.id.x=y", "entry:a[]"),
            ("number=", "STRING_VALUE can not be converted to an Integer"),
            ("number=5.0", "STRING_VALUE can not be converted to an Integer"),
            ("text.1=x", "Start of structure or map found where not expected."),
            ("Item.x=a", "Key x is not an index of a list."),
            ("Item.-1=a", "Key -1 is not an index of a list."),
            ("Item.1.2=a", "Start of structure or map found where not expected."),
            ("Attribute.1.Name=n", "A map entry needs a name and a value."),
            ("Attribute.Name=n", "A map entry needs a name and a value."),
            ("Attribute.1.Value=v", "A map entry needs a name and a value."),
            ("Structure.1.Name=n", "structure:n[]"),
            ("Structure.1.Name=n&Structure.2.Name=m&Structure.2.Value.id=i", "structure:n[] structure:m[i]"),
            ("Attribute.1=n", "A map entry needs a name and a value."),
            ("Entry.1=n", "STRING_VALUE can not be converted to a structure"),
            ("text=%4", "The query string contains a syntax error."),
            ("text=%zz", "The query string contains a syntax error."),
            ("text=%ff", "The request is not valid UTF-8."),
        ] {
            assert_eq!(show(body), expected, "{body}");
        }
    }

    #[test]
    fn names_are_in_the_order_of_their_segments() {
        let long = "a".repeat(63);
        let parts = ["", ".", "..", "a", "a.", "a.b", "a-b", "a\0", "a.\0", "\u{fc}", "1", "10", "2", "A", "~"];
        let names: Vec<String> = parts
            .iter()
            .flat_map(|part| [(*part).to_owned(), format!("{long}{part}"), format!("{long}.{part}")])
            .collect();
        for a in &names {
            for b in &names {
                assert_eq!(by_segments(a, b), a.split('.').cmp(b.split('.')), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn parameters_are_bounded_in_number_and_harmless_in_depth() {
        let many = "a=b&".repeat(QUERY_PARAMETERS_MAX);
        assert!(Form::parse(many.as_bytes(), b"").is_ok());
        assert!(Form::parse(many.as_bytes(), b"one=more").is_err());
        assert_eq!(show(&format!("Entry{}=x&text=t", ".1".repeat(500_000))), "text:t entry:[]");
    }
}

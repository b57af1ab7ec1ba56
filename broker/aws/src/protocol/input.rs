//! What the inputs of actions are made of, as strict as AWS: a number is no string, a list no structure, and a null is
//! an absent member.
//!
//! One type per input serves both protocols: [`Source::read`] fills it from JSON with strings borrowed from the body,
//! or from a Query form. Unknown members are skipped. Lists and maps are bounded, so that a body of many tiny
//! items cannot take many times its size in memory.

use core::fmt;
use core::marker::PhantomData;
use std::borrow::Cow;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::fault::ProtocolFault;
use super::form::{Form, Names};

/// Where an input is read from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    Json(&'a [u8]),
    Query(&'a Form<'a>, Names),
}

impl<'a> Source<'a> {
    /// Reads an input.
    pub(crate) fn read<T: Deserialize<'a>>(self) -> Result<T, ProtocolFault> {
        match self {
            // An SDK may send nothing where there is nothing to say.
            Self::Json(body) if body.iter().all(u8::is_ascii_whitespace) => read_json(b"{}"),
            Self::Json(body) => read_json(body),
            Self::Query(form, names) => Object::deserialize(form.root(names))
                .map(|Object(input)| input)
                .map_err(|error| ProtocolFault::Malformed(error.to_string().into())),
        }
    }
}

fn read_json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ProtocolFault> {
    serde_json::from_slice(body).map(|Object(input)| input).map_err(|error| match core::str::from_utf8(body) {
        Ok(_) => ProtocolFault::Malformed(explain(&error).into()),
        Err(_) => ProtocolFault::NotUtf8,
    })
}

/// What AWS says of a member of the wrong type; of text that is no JSON, what the parser says.
fn explain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let Some((found, expected)) = text.strip_prefix("invalid type: ").and_then(|rest| rest.rsplit_once(", expected "))
    else {
        return text;
    };
    let expected = expected.rsplit_once(" at line ").map_or(expected, |(expected, _)| expected);
    let value = match found.split([' ', '`']).next().unwrap_or_default() {
        "map" => return "Start of structure or map found where not expected.".into(),
        "sequence" => return "Start of list found where not expected.".into(),
        "string" => "STRING_VALUE",
        "integer" => "NUMBER_VALUE",
        "floating" => "DECIMAL_VALUE",
        "boolean" if found.contains("true") => "TRUE_VALUE",
        "boolean" => "FALSE_VALUE",
        "null" => "NULL_VALUE",
        _ => return "Unexpected value type in payload.".into(),
    };
    format!("{value} can not be converted to {expected}")
}

/// A string, borrowed where it is written without escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl core::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a String")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.into())))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

/// A whole number. One that no `i64` holds becomes the nearest, which is out of every range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Integer(pub(crate) i64);

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IntegerVisitor;

        impl Visitor<'_> for IntegerVisitor {
            type Value = Integer;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an Integer")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Integer, E> {
                Ok(Integer(number))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Integer, E> {
                Ok(Integer(i64::try_from(number).unwrap_or(i64::MAX)))
            }
        }

        deserializer.deserialize_i64(IntegerVisitor)
    }
}

/// True or false.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FlagVisitor;

        impl Visitor<'_> for FlagVisitor {
            type Value = Flag;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a Boolean")
            }

            fn visit_bool<E: Error>(self, flag: bool) -> Result<Flag, E> {
                Ok(Flag(flag))
            }
        }

        deserializer.deserialize_bool(FlagVisitor)
    }
}

/// A structure, and nothing else: derived structs alone would also take a JSON list of their members.
#[derive(Clone, Debug)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a structure")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_struct("", &[], ObjectVisitor(PhantomData))
    }
}

/// Items of one list or map: far more than any that SQS or SNS takes.
const ITEMS_MAX: usize = 1000;

fn too_many<E: Error>() -> E {
    E::custom(format_args!("A list or map has more than {ITEMS_MAX} items."))
}

/// A list.
#[derive(Clone, Debug)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> core::ops::Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'a, T> IntoIterator for &'a List<T> {
    type Item = &'a T;
    type IntoIter = core::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<List<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    if list.len() == ITEMS_MAX {
                        return Err(too_many());
                    }
                    list.push(item);
                }
                Ok(List(list))
            }
        }

        deserializer.deserialize_seq(ListVisitor(PhantomData))
    }
}

/// A map in the order in which it was written. A key that comes twice is kept twice.
#[derive(Clone, Debug)]
pub(crate) struct Entries<'a, V>(pub(crate) Vec<(Text<'a>, V)>);

impl<V> Default for Entries<'_, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'a> Entries<'a, Text<'a>> {
    /// The pairs as plain text.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
}

impl<'de: 'a, 'a, V: Deserialize<'de>> Deserialize<'de> for Entries<'a, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor<'a, V>(PhantomData<(&'a str, V)>);

        impl<'de: 'a, 'a, V: Deserialize<'de>> Visitor<'de> for EntriesVisitor<'a, V> {
            type Value = Entries<'a, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'a, V>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    if entries.len() == ITEMS_MAX {
                        return Err(too_many());
                    }
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Probe<'a> {
        #[serde(borrow)]
        text: Option<Text<'a>>,
        number: Option<Integer>,
        #[serde(borrow)]
        list: Option<List<Text<'a>>>,
        #[serde(borrow)]
        map: Option<Entries<'a, Object<Inner<'a>>>>,
    }

    #[derive(Debug, Deserialize)]
    struct Inner<'a> {
        #[serde(borrow)]
        value: Option<Text<'a>>,
    }

    fn read(body: &str) -> Result<Probe<'_>, String> {
        Source::Json(body.as_bytes()).read().map_err(|fault: ProtocolFault| fault.to_string())
    }

    #[test]
    fn plain_strings_are_borrowed_and_escaped_ones_are_not() {
        let probe = read(r#"{"text":"plain","list":["a\nb"],"map":{"k":{"value":"v"}},"unknown":{"deep":[1]}}"#);
        let probe = probe.expect("valid");
        assert!(matches!(probe.text, Some(Text(Cow::Borrowed("plain")))));
        assert_eq!(probe.list.expect("given")[0], Text(Cow::Owned("a\nb".into())));
        assert_eq!(probe.map.expect("given").0[0].1.0.value.as_deref(), Some("v"));
    }

    #[test]
    fn nothing_is_an_empty_structure_and_null_is_absent() {
        for body in ["", " \n", "{}", r#"{"text":null,"number":null,"list":null,"map":null}"#] {
            let probe = read(body).expect(body);
            assert!(
                probe.text.is_none() && probe.number.is_none() && probe.list.is_none() && probe.map.is_none(),
                "{body}"
            );
        }
    }

    #[test]
    fn wrong_types_are_named_as_aws_names_them() {
        for (body, message) in [
            (r#"{"number":"5"}"#, "STRING_VALUE can not be converted to an Integer"),
            (r#"{"number":5.5}"#, "DECIMAL_VALUE can not be converted to an Integer"),
            (r#"{"number":true}"#, "TRUE_VALUE can not be converted to an Integer"),
            (r#"{"number":", expected x at line "}"#, "STRING_VALUE can not be converted to an Integer"),
            (r#"{"text":5}"#, "NUMBER_VALUE can not be converted to a String"),
            (r#"{"text":["a"]}"#, "Start of list found where not expected."),
            (r#"{"text":{"a":1}}"#, "Start of structure or map found where not expected."),
            (r#"{"list":[null]}"#, "NULL_VALUE can not be converted to a String"),
            (r#"{"map":[]}"#, "Start of list found where not expected."),
            (r#"{"map":{"k":["v"]}}"#, "Start of list found where not expected."),
            (r#"["text"]"#, "Start of list found where not expected."),
            ("5", "NUMBER_VALUE can not be converted to a structure"),
            ("{", "EOF while parsing an object at line 1 column 1"),
        ] {
            assert_eq!(read(body).err().as_deref(), Some(message), "{body}");
        }
        assert!(read(r#"{"number":99999999999999999999}"#).is_err(), "a float by its size");
        let largest = read(r#"{"number":18446744073709551615}"#).expect("a number").number;
        assert_eq!(largest, Some(Integer(i64::MAX)));
    }

    #[test]
    fn lists_and_maps_are_bounded() {
        let list = |items: usize| format!(r#"{{"list":["a"{}]}}"#, r#","a""#.repeat(items - 1));
        let map = |items: usize| format!(r#"{{"map":{{"k":{{}}{}}}}}"#, r#","k":{}"#.repeat(items - 1));
        for body in [list as fn(usize) -> String, map] {
            assert!(read(&body(ITEMS_MAX)).is_ok());
            assert!(read(&body(ITEMS_MAX + 1)).is_err_and(|message| message.contains("more than 1000 items")));
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = format!(r#"{{"unknown":{}"#, "[".repeat(1_000_000));
        assert!(read(&deep).is_err());
    }
}

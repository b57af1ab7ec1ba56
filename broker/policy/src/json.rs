//! JSON that keeps the order of an object's members and refuses a member given twice.
//!
//! A member given twice is refused, because a second `Condition` that replaced the first would widen a policy without a
//! trace. The order is kept so that adding a statement leaves the rest of the text as it was. `serde_json` bounds the
//! nesting to 128 levels. The caller bounds the size.

use core::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Flag(bool),
    Number(Number),
    Text(String),
    List(Vec<Json>),
    Object(Members),
}

/// The members of an object, in the order of the text; no name occurs twice.
pub(crate) type Members = Vec<(String, Json)>;

/// The member of this name.
pub(crate) fn member<'a>(members: &'a Members, name: &str) -> Option<&'a Json> {
    members.iter().find(|(own, _)| own == name).map(|(_, value)| value)
}

/// Replaces the member of this name where it stands, or adds it at the end.
pub(crate) fn set_member(members: &mut Members, name: &str, value: Json) {
    match members.iter_mut().find(|(own, _)| own == name) {
        Some((_, old)) => *old = value,
        None => members.push((name.to_owned(), value)),
    }
}

/// Members from pairs of name and value.
pub(crate) fn members<const N: usize>(pairs: [(&str, Json); N]) -> Members {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

impl Json {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A list of texts, or the text itself where there is only one, as AWS writes them.
    pub(crate) fn one_or_more(mut texts: Vec<String>) -> Self {
        match (texts.len(), texts.pop()) {
            (1, Some(only)) => Self::Text(only),
            (_, last) => Self::List(texts.into_iter().chain(last).map(Self::Text).collect()),
        }
    }

    /// The member of this name, if the value is an object that has it.
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        if let Self::Object(members) = self { member(members, name) } else { None }
    }

    /// The list's elements, or the value itself as the only one.
    pub(crate) fn elements(&self) -> &[Self] {
        match self {
            Self::List(elements) => elements,
            single => core::slice::from_ref(single),
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write_text(text, f),
            Self::List(elements) => {
                f.write_str("[")?;
                for (index, element) in elements.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    element.write(f)?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (index, (name, value)) in members.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    write_text(name, f)?;
                    f.write_str(":")?;
                    value.write(f)?;
                }
                f.write_str("}")
            }
        }
    }
}

fn write_text(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?)
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Json, E> {
        Ok(Json::Flag(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Json, E> {
        Number::from_f64(number).map(Json::Number).ok_or_else(|| E::custom("a number out of range"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            elements.push(element);
        }
        Ok(Json::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Json, A::Error> {
        let mut members = Members::new();
        while let Some(member) = object.next_entry()? {
            members.push(member);
        }
        let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(A::Error::custom(format_args!("duplicate key {}", pair[0]))),
            None => Ok(Json::Object(members)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_in_its_order() {
        for text in [r#"{"b":[1,-2,1.5,true,null,"\"\\\n\u0001é"],"a":{},"c":[]}"#, "[]", r#""x""#] {
            let json: Json = serde_json::from_str(text).expect("valid");
            assert_eq!(json.to_string(), text);
        }
    }

    #[test]
    fn a_member_given_twice_and_deep_nesting_are_refused() {
        assert!(serde_json::from_str::<Json>(r#"{"a":1,"b":{"x":1,"x":2}}"#).is_err());
        assert!(serde_json::from_str::<Json>(&format!("{}{}", "[".repeat(4000), "]".repeat(4000))).is_err());
    }

    #[test]
    fn one_text_stands_alone() {
        assert_eq!(Json::one_or_more(vec!["a".into()]).to_string(), r#""a""#);
        assert_eq!(Json::one_or_more(vec!["a".into(), "b".into()]).to_string(), r#"["a","b"]"#);
    }
}

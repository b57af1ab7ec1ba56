//! JSON that keeps the order of an object's members and refuses a member given twice.
//!
//! A member given twice is refused, because a second `Condition` that replaced the first would widen a policy without a
//! trace. The order is kept so that adding a statement leaves the rest of the text as it was. The reader bounds the
//! nesting. The caller bounds the size.

use core::fmt;

use posthouse_model::fault::PolicyProblem;
use posthouse_model::json;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Flag(bool),
    /// As it is written.
    Number(String),
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
    /// Reads a text.
    ///
    /// # Errors
    ///
    /// The text is no JSON, or an object has a member twice.
    pub(crate) fn parse(text: &str) -> Result<Self, PolicyProblem> {
        Self::of(&json::Node::parse(text).map_err(PolicyProblem::NotJson)?)
    }

    fn of(node: &json::Node<'_>) -> Result<Self, PolicyProblem> {
        Ok(match &node.value {
            json::Json::Null => Self::Null,
            json::Json::Bool(flag) => Self::Flag(*flag),
            json::Json::Number(number) => Self::Number((*number).to_owned()),
            json::Json::String(text) => Self::text(&**text),
            json::Json::Array(elements) => Self::List(elements.iter().map(Self::of).collect::<Result<_, _>>()?),
            json::Json::Object(members) => {
                let mut names: Vec<&str> = members.iter().map(|member| &*member.name).collect();
                names.sort_unstable();
                if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
                    return Err(PolicyProblem::RepeatedMember { name: pair[0].into() });
                }
                let own = |member: &json::Member<'_>| Ok((member.name.to_string(), Self::of(&member.value)?));
                Self::Object(members.iter().map(own).collect::<Result<_, _>>()?)
            }
        })
    }

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
            Self::Number(number) => f.write_str(number),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_in_its_order() {
        for text in [r#"{"b":[1,-2,1.5,true,null,"\"\\\n\u0001é"],"a":{},"c":[]}"#, "[]", r#""x""#] {
            let json = Json::parse(text).expect("valid");
            assert_eq!(json.to_string(), text);
        }
    }

    #[test]
    fn a_member_given_twice_and_deep_nesting_are_refused() {
        let repeated = PolicyProblem::RepeatedMember { name: "x".into() };
        assert_eq!(Json::parse(r#"{"a":1,"b":{"x":1,"x":2}}"#), Err(repeated));
        assert!(Json::parse(&format!("{}{}", "[".repeat(4000), "]".repeat(4000))).is_err());
    }

    #[test]
    fn one_text_stands_alone() {
        assert_eq!(Json::one_or_more(vec!["a".into()]).to_string(), r#""a""#);
        assert_eq!(Json::one_or_more(vec!["a".into(), "b".into()]).to_string(), r#"["a","b"]"#);
    }
}

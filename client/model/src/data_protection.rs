//! Data protection policies of topics, which are kept and shown without effect.

use serde_json::Value;

use crate::fault::Rule;
use crate::limits::DATA_PROTECTION_POLICY_BYTES_MAX;

/// A data protection policy as it was given: a JSON object whose statements have a direction that SNS knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataProtectionPolicy(Box<str>);

impl DataProtectionPolicy {
    /// The policy of a text; `None` for the empty text, which takes a policy away.
    ///
    /// # Errors
    /// The rule that the text breaks.
    pub fn parse(text: &str) -> Result<Option<Self>, Rule> {
        if text.is_empty() {
            return Ok(None);
        }
        if text.len() > DATA_PROTECTION_POLICY_BYTES_MAX {
            return Err(Rule::DataProtectionTooLong { max: DATA_PROTECTION_POLICY_BYTES_MAX });
        }
        let Ok(Value::Object(document)) = serde_json::from_str(text) else {
            return Err(Rule::DataProtectionNotAnObject);
        };
        let statements = match document.get("Statement") {
            Some(Value::Array(statements)) => statements,
            Some(statement) => core::slice::from_ref(statement),
            None => &[],
        };
        let mut directions = statements.iter().filter_map(|statement| statement.get("DataDirection"));
        if directions.any(|direction| !matches!(direction.as_str(), Some("Inbound" | "Outbound"))) {
            return Err(Rule::DataDirection);
        }
        Ok(Some(Self(text.into())))
    }

    /// The policy of a stored text, which an earlier version may have taken without looking at its statements.
    #[must_use]
    pub fn restore(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_direction_of_a_statement_is_known() {
        for (text, refused) in [
            (r#"{"Name":"p"}"#, None),
            (r#"{"Statement":[{"DataDirection":"Inbound"},{"DataDirection":"Outbound"}]}"#, None),
            (r#"{"Statement":{"DataDirection":"Outbound"}}"#, None),
            (r#"{"Statement":[{"DataDirection":"Inbound"},{"DataDirection":"Sideways"}]}"#, Some(Rule::DataDirection)),
            (r#"{"Statement":{"DataDirection":"inbound"}}"#, Some(Rule::DataDirection)),
            (r#"{"Statement":[{"DataDirection":null}]}"#, Some(Rule::DataDirection)),
            ("[]", Some(Rule::DataProtectionNotAnObject)),
            ("x", Some(Rule::DataProtectionNotAnObject)),
        ] {
            assert_eq!(DataProtectionPolicy::parse(text).err(), refused, "{text}");
        }
        assert_eq!(DataProtectionPolicy::parse(""), Ok(None));
        let long = format!("{:1$}", "{}", DATA_PROTECTION_POLICY_BYTES_MAX + 1);
        let refused = Rule::DataProtectionTooLong { max: DATA_PROTECTION_POLICY_BYTES_MAX };
        assert_eq!(DataProtectionPolicy::parse(&long), Err(refused));
    }
}

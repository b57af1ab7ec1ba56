//! Conditions: operators over the values of a call's context.
//!
//! An operator compares one key with values that were parsed with the policy. It holds if one of the values matches. A
//! negated operator holds if none does. If the key is absent:
//!
//! - a positive operator fails and a negated one holds,
//! - `…IfExists` and `ForAllValues:` hold and `ForAnyValue:` fails,
//! - `Null` tests the absence itself.
//!
//! If the key has several values, `ForAllValues:` holds if the operator holds for each and `ForAnyValue:` if it holds
//! for one. Without either, a positive operator holds if one value matches and a negated one if none does.

use core::cmp::Ordering;
use core::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use crate::Question;
use crate::context::{Key, Value, Values, parse_number};
use crate::date::{self, EpochMillis};
use crate::pattern::{Glyph, Pattern};
use crate::template::{Expand, Operand, Template};

/// One operator on one key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    key: Key,
    operator: Operator,
    test: Test,
}

/// How the result of a comparison is used: the parts of an operator's name beside the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Operator {
    /// `…Not…`
    negated: bool,
    /// Whether it holds where the key is absent.
    holds_on_absence: bool,
    quantifier: Quantifier,
}

/// For how many of a key's values an operator must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    /// One must match, or none if the operator is negated.
    Plain,
    /// `ForAllValues:`
    All,
    /// `ForAnyValue:`
    Any,
}

/// The comparison of an operator, with the policy's values. It matches if one of them does.
#[derive(Clone, Debug, PartialEq)]
enum Test {
    Equals(Vec<Operand<Box<str>>>),
    EqualsIgnoreCase(Vec<Operand<LowerCase>>),
    Like(Vec<Operand<Pattern>>),
    Number(Comparison, Vec<f64>),
    Date(Comparison, Vec<EpochMillis>),
    Flag(Vec<bool>),
    Address(Vec<IpNet>),
    Arn(Vec<Operand<ArnPattern>>),
    /// Matches nothing, because no key has a binary value.
    Binary,
    /// `Null`: whether the key is absent.
    Absent(Vec<bool>),
}

/// A text in lower case.
#[derive(Clone, Debug, PartialEq)]
struct LowerCase(Box<str>);

/// How numbers and dates are compared: the key's value on the left, the policy's on the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// An ARN whose colon-separated components are patterns of their own. The last component matches the rest of the text,
/// so that `*` matches every ARN and `arn:aws:sns:*` every ARN of SNS.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ArnPattern(Vec<Pattern>);

/// Why a condition is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConditionFault<'a> {
    /// No operator has this name.
    UnknownOperator,
    /// This value is not of the operator's kind.
    InvalidValue(&'a str),
    /// A variable in this value is malformed or unknown.
    Variable(&'a str),
}

/// Whether `${…}` in a text is a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variables {
    /// It is.
    Expanded,
    /// It is text like any other.
    Literal,
}

impl Condition {
    /// An operator by its full name, on a key, with the values as text.
    pub(crate) fn parse<'a>(
        operator: &str,
        key: Key,
        values: &'a [String],
        variables: Variables,
    ) -> Result<Self, ConditionFault<'a>> {
        let (quantifier, name) = if let Some(name) = operator.strip_prefix("ForAllValues:") {
            (Quantifier::All, name)
        } else if let Some(name) = operator.strip_prefix("ForAnyValue:") {
            (Quantifier::Any, name)
        } else {
            (Quantifier::Plain, operator)
        };
        let stem = name.strip_suffix("IfExists");
        if stem == Some("Null") {
            return Err(ConditionFault::UnknownOperator);
        }
        let (negated, test) = parse_test(stem.unwrap_or(name), values, variables)?;
        let holds_on_absence =
            stem.is_some() || quantifier == Quantifier::All || (negated && quantifier == Quantifier::Plain);
        Ok(Self { key, operator: Operator { negated, holds_on_absence, quantifier }, test })
    }

    /// Whether the condition holds for a call.
    pub(crate) fn holds(&self, question: &Question<'_>) -> bool {
        let Operator { negated, holds_on_absence, quantifier } = self.operator;
        let holds_for = |value: &Value<'_>| self.test.matches(value, question) != negated;
        match (self.key.values(question), &self.test) {
            (values, Test::Absent(wanted)) => wanted.contains(&(values == Values::None)),
            (Values::None, _) => holds_on_absence,
            (Values::One(value), _) => holds_for(&value),
            (Values::Many(values), _) => {
                let mut values = values.into_iter().map(|value| Value::Text(value.into()));
                match (quantifier, negated) {
                    (Quantifier::All, _) | (Quantifier::Plain, true) => values.all(|value| holds_for(&value)),
                    (Quantifier::Any, _) | (Quantifier::Plain, false) => values.any(|value| holds_for(&value)),
                }
            }
        }
    }
}

/// The test that an operator's stem names, and whether it is negated.
fn parse_test<'a>(stem: &str, values: &'a [String], variables: Variables) -> Result<(bool, Test), ConditionFault<'a>> {
    let text = |value: &str| Some(Box::from(value));
    let lower_case = |value: &str| Some(LowerCase::new(value));
    let pattern = |value: &str| Some(Pattern::new(value));
    let (negated, test) = match stem {
        "StringEquals" => (false, Test::Equals(operands(values, variables, text)?)),
        "StringNotEquals" => (true, Test::Equals(operands(values, variables, text)?)),
        "StringEqualsIgnoreCase" => (false, Test::EqualsIgnoreCase(operands(values, variables, lower_case)?)),
        "StringNotEqualsIgnoreCase" => (true, Test::EqualsIgnoreCase(operands(values, variables, lower_case)?)),
        "StringLike" => (false, Test::Like(operands(values, variables, pattern)?)),
        "StringNotLike" => (true, Test::Like(operands(values, variables, pattern)?)),
        "ArnEquals" | "ArnLike" => (false, Test::Arn(operands(values, variables, ArnPattern::parse)?)),
        "ArnNotEquals" | "ArnNotLike" => (true, Test::Arn(operands(values, variables, ArnPattern::parse)?)),
        "IpAddress" => (false, Test::Address(each(values, parse_network)?)),
        "NotIpAddress" => (true, Test::Address(each(values, parse_network)?)),
        "Bool" => (false, Test::Flag(each(values, parse_flag)?)),
        "BinaryEquals" => (false, Test::Binary),
        "Null" => (false, Test::Absent(each(values, parse_flag)?)),
        _ => parse_comparison(stem, values)?,
    };
    Ok((negated, test))
}

/// The twelve operators that compare numbers or dates.
fn parse_comparison<'a>(stem: &str, values: &'a [String]) -> Result<(bool, Test), ConditionFault<'a>> {
    let (is_date, suffix) = match (stem.strip_prefix("Numeric"), stem.strip_prefix("Date")) {
        (Some(suffix), _) => (false, suffix),
        (None, Some(suffix)) => (true, suffix),
        (None, None) => return Err(ConditionFault::UnknownOperator),
    };
    let (negated, comparison) = match suffix {
        "Equals" => (false, Comparison::Equal),
        "NotEquals" => (true, Comparison::Equal),
        "LessThan" => (false, Comparison::Less),
        "LessThanEquals" => (false, Comparison::LessOrEqual),
        "GreaterThan" => (false, Comparison::Greater),
        "GreaterThanEquals" => (false, Comparison::GreaterOrEqual),
        _ => return Err(ConditionFault::UnknownOperator),
    };
    let test = if is_date {
        Test::Date(comparison, each(values, date::parse)?)
    } else {
        Test::Number(comparison, each(values, parse_number)?)
    };
    Ok((negated, test))
}

/// The values of a string or ARN operator. A value that `parse` refuses matches nothing: SQS takes a value of an ARN
/// operator that is no ARN (recorded from AWS).
fn operands<'a, T>(
    values: &'a [String],
    variables: Variables,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<Operand<T>>, ConditionFault<'a>> {
    let operand = |value: &'a String| {
        let template = match variables {
            Variables::Expanded => Template::parse(value).map_err(|_| ConditionFault::Variable(value))?,
            Variables::Literal => None,
        };
        Ok(template.map_or_else(|| parse(value).map(Operand::Fixed), |template| Some(Operand::Variable(template))))
    };
    values.iter().filter_map(|value| operand(value).transpose()).collect()
}

fn each<'a, T>(values: &'a [String], parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, ConditionFault<'a>> {
    values.iter().map(|value| parse(value).ok_or(ConditionFault::InvalidValue(value))).collect()
}

fn parse_flag(text: &str) -> Option<bool> {
    [("true", true), ("false", false)]
        .into_iter()
        .find(|(name, _)| text.eq_ignore_ascii_case(name))
        .map(|(_, flag)| flag)
}

/// A network in CIDR notation, or one address. An IPv6 network that embeds an IPv4 network is converted to it, as the
/// addresses of callers are.
fn parse_network(text: &str) -> Option<IpNet> {
    let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    let IpNet::V6(v6) = network else { return Some(network) };
    let mapped = v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96));
    match mapped {
        Some((address, prefix)) => Ipv4Net::new(address, prefix).ok().map(IpNet::V4),
        None => Some(network),
    }
}

impl Test {
    fn matches(&self, value: &Value<'_>, question: &Question<'_>) -> bool {
        match self {
            Self::Equals(texts) => {
                let wanted = value.text();
                texts.iter().any(|text| text.holds(question, |text| **text == *wanted))
            }
            Self::EqualsIgnoreCase(texts) => {
                let wanted = LowerCase::new(&value.text());
                texts.iter().any(|text| text.holds(question, |text| *text == wanted))
            }
            Self::Like(patterns) => {
                let text = value.text();
                patterns.iter().any(|pattern| pattern.holds(question, |pattern| pattern.matches(&text)))
            }
            Self::Arn(patterns) => {
                let text = value.text();
                patterns.iter().any(|pattern| pattern.holds(question, |pattern| pattern.matches(&text)))
            }
            Self::Number(comparison, numbers) => value.number().is_some_and(|value| comparison.any(&value, numbers)),
            Self::Date(comparison, dates) => value.date().is_some_and(|value| comparison.any(&value, dates)),
            Self::Flag(flags) => value.flag().is_some_and(|value| flags.contains(&value)),
            Self::Address(networks) => {
                value.address().is_some_and(|value| networks.iter().any(|network| network.contains(&value)))
            }
            Self::Binary | Self::Absent(_) => false,
        }
    }
}

impl Comparison {
    fn any<T: PartialOrd>(self, value: &T, others: &[T]) -> bool {
        others.iter().any(|other| value.partial_cmp(other).is_some_and(|ordering| self.accepts(ordering)))
    }

    const fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl ArnPattern {
    /// The components of an ARN: six, and the sixth may hold colons of its own.
    const COMPONENTS: usize = 6;

    fn parse(text: &str) -> Option<Self> {
        Self::of(&Glyph::of(text).collect::<Vec<_>>())
    }

    fn of(glyphs: &[Glyph]) -> Option<Self> {
        let components = glyphs.splitn(Self::COMPONENTS, |glyph| *glyph == Glyph::Exact(':'));
        let components: Vec<Pattern> = components.map(Pattern::of).collect();
        (components.len() == Self::COMPONENTS || glyphs.last() == Some(&Glyph::Run)).then_some(Self(components))
    }

    fn matches(&self, text: &str) -> bool {
        let mut components = text.splitn(self.0.len(), ':');
        self.0.iter().all(|pattern| components.next().is_some_and(|component| pattern.matches(component)))
    }
}

impl Expand for ArnPattern {
    fn expand(template: &Template, question: &Question<'_>) -> Option<Self> {
        Self::of(&template.glyphs(question)?)
    }
}

impl LowerCase {
    fn new(text: &str) -> Self {
        Self(text.to_lowercase().into())
    }
}

impl Expand for LowerCase {
    fn expand(template: &Template, question: &Question<'_>) -> Option<Self> {
        Box::<str>::expand(template, question).map(|text| Self::new(&text))
    }
}

#[cfg(test)]
mod tests;

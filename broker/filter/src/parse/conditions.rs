//! The conditions of a key. What is wrong with one is found in the order of SNS, and at the place that SNS reports.

use std::sync::Arc;

use ipnet::IpNet;
use posthouse_model::fault::{FilterProblem, FilterRule, NetworkRule, excerpt};
use posthouse_model::json::{Json, Member, Node};

use super::Parser;
use crate::condition::{Condition, Excluded, Literal, fold};
use crate::number::{Interval, Number, Parsed};
use crate::wildcard::Wildcard;

impl Parser<'_> {
    /// The conditions of a key, sorted, none twice. `end` is the place behind their array.
    ///
    /// # Errors
    ///
    /// The array is empty, or one of its elements is no condition.
    pub(super) fn conditions(&self, elements: &[Node<'_>], end: usize) -> Result<Vec<Condition>, FilterProblem> {
        if elements.is_empty() {
            return Err(self.refuse(end, FilterRule::EmptyArray));
        }
        let mut conditions = elements.iter().map(|element| self.condition(element)).collect::<Result<Vec<_>, _>>()?;
        conditions.sort();
        conditions.dedup();
        Ok(conditions)
    }

    /// One element of a key's array.
    ///
    /// # Errors
    ///
    /// It is no condition.
    fn condition(&self, node: &Node<'_>) -> Result<Condition, FilterProblem> {
        match &node.value {
            Json::Object(members) => self.expression(members, node),
            Json::Array(_) | Json::String(_) | Json::Number(_) | Json::Bool(_) | Json::Null => {
                self.literal(node).map(Condition::Equals)
            }
        }
    }

    /// A value that stands for itself.
    ///
    /// # Errors
    ///
    /// It is an array or an object.
    fn literal(&self, node: &Node<'_>) -> Result<Literal, FilterProblem> {
        match &node.value {
            Json::String(text) => Ok(Literal::String((**text).into())),
            Json::Number(text) => match Number::parse(text) {
                Some(Parsed::Number(number)) => Ok(Literal::Number(number)),
                Some(Parsed::Large(number)) => Ok(Literal::Large(number.into())),
                None => unreachable!("a number of JSON is one of the filter's too"),
            },
            Json::Bool(value) => Ok(Literal::Bool(*value)),
            Json::Null => Ok(Literal::Null),
            Json::Object(_) | Json::Array(_) => Err(self.refuse(node.begun(), FilterRule::Value)),
        }
    }

    /// A condition of the form `{operator: operand}`.
    ///
    /// # Errors
    ///
    /// The operator is unknown or not the only one, or the operand is wrong.
    fn expression(&self, members: &[Member<'_>], node: &Node<'_>) -> Result<Condition, FilterProblem> {
        let operand = self.only(members, node)?;
        let Member { name, value } = operand;
        let condition = match &**name {
            "anything-but" => self.anything_but(value)?,
            "cidr" => Condition::Cidr(self.network(value)?),
            "exists" => match value.value {
                Json::Bool(true) => Condition::Exists,
                Json::Bool(false) => Condition::Absent,
                _ => return Err(self.refuse(value.begun(), FilterRule::ExistsOperand)),
            },
            "numeric" => self.numeric(value)?,
            "equals-ignore-case" => self.ignoring_case(value)?,
            "prefix" => match self.folded_affix(value)? {
                Some(prefix) => Condition::PrefixIgnoreCase(prefix),
                None => self.prefix(value)?,
            },
            "suffix" => match self.folded_affix(value)? {
                Some(suffix) => Condition::SuffixIgnoreCase(suffix),
                None => self.suffix(value)?,
            },
            "wildcard" if self.dialect.is_large() => self.wildcard(value)?,
            _ => {
                let rule = FilterRule::UnknownOperator { operator: excerpt(name).into() };
                return Err(self.refuse(value.begun(), rule));
            }
        };
        match members.get(1) {
            Some(second) => Err(self.refuse(second.value.begun(), FilterRule::OneOperator)),
            None => Ok(condition),
        }
    }

    /// The first member of an expression. As in SNS, the caller checks that it is the only one after reading it.
    ///
    /// # Errors
    ///
    /// There is none.
    fn only<'d, 'a>(&self, members: &'d [Member<'a>], node: &Node<'_>) -> Result<&'d Member<'a>, FilterProblem> {
        members.first().ok_or_else(|| self.refuse(node.end(), FilterRule::OperatorMissing))
    }

    /// The operand of an operator that takes one string.
    ///
    /// # Errors
    ///
    /// The operand is no string.
    fn text<'n>(&self, operator: &'static str, operand: &'n Node<'_>) -> Result<&'n str, FilterProblem> {
        match &operand.value {
            Json::String(text) => Ok(text),
            Json::Object(_) | Json::Array(_) | Json::Number(_) | Json::Bool(_) | Json::Null => {
                Err(self.refuse(operand.begun(), FilterRule::OperandNotAString { operator }))
            }
        }
    }

    /// The operand of `equals-ignore-case`.
    ///
    /// # Errors
    ///
    /// The operand is no string.
    fn ignoring_case(&self, operand: &Node<'_>) -> Result<Condition, FilterProblem> {
        Ok(Condition::EqualsIgnoreCase(folded(self.text("equals-ignore-case", operand)?)))
    }

    /// The operand of `prefix`.
    ///
    /// # Errors
    ///
    /// The operand is no string.
    fn prefix(&self, operand: &Node<'_>) -> Result<Condition, FilterProblem> {
        Ok(Condition::Prefix(self.text("prefix", operand)?.into()))
    }

    /// The operand of `suffix`.
    ///
    /// # Errors
    ///
    /// The operand is no string.
    fn suffix(&self, operand: &Node<'_>) -> Result<Condition, FilterProblem> {
        Ok(Condition::Suffix(self.text("suffix", operand)?.into()))
    }

    /// The operand of `prefix` or `suffix`, folded, if it is an object with `equals-ignore-case`, which the larger
    /// dialect allows.
    ///
    /// # Errors
    ///
    /// The object has another operator, another member, or no string.
    fn folded_affix(&self, operand: &Node<'_>) -> Result<Option<Arc<str>>, FilterProblem> {
        let Json::Object(members) = &operand.value else { return Ok(None) };
        if !self.dialect.is_large() {
            return Ok(None);
        }
        let Member { name, value } = self.only(members, operand)?;
        if name != "equals-ignore-case" {
            let rule = FilterRule::UnknownOperator { operator: excerpt(name).into() };
            return Err(self.refuse(value.begun(), rule));
        }
        let folded = folded(self.text("equals-ignore-case", value)?);
        match members.get(1) {
            Some(second) => Err(self.refuse(second.value.begun(), FilterRule::OneOperator)),
            None => Ok(Some(folded)),
        }
    }

    /// The operand of `wildcard`.
    ///
    /// # Errors
    ///
    /// The operand is no string, or no pattern.
    fn wildcard(&self, operand: &Node<'_>) -> Result<Condition, FilterProblem> {
        let pattern = Wildcard::parse(self.text("wildcard", operand)?);
        pattern.map(Condition::Wildcard).map_err(|rule| self.refuse(operand.end(), rule))
    }

    /// The operand of `cidr`, with the bits behind the mask cleared.
    ///
    /// # Errors
    ///
    /// The operand is no string `address/bits`. SNS calls the operator `prefix` if it is no string at all, and reports no
    /// place of a string that is wrong (recorded from AWS).
    fn network(&self, operand: &Node<'_>) -> Result<IpNet, FilterProblem> {
        let text = self.text("prefix", operand)?;
        let refuse = |rule| Err(FilterProblem::Network(rule));
        let Some((address, bits)) = text.split_once('/').filter(|(_, bits)| !bits.contains('/')) else {
            return refuse(NetworkRule::OneSlash);
        };
        if bits.is_empty() || !bits.bytes().all(|byte| byte.is_ascii_digit()) {
            return refuse(NetworkRule::MaskNotANumber);
        }
        let Ok(address) = address.parse() else {
            return refuse(NetworkRule::Address { address: excerpt(address).into() });
        };
        // The bits behind the mask have no meaning.
        let network = bits.parse().ok().and_then(|bits| IpNet::new(address, bits).ok());
        network.map_or_else(|| refuse(NetworkRule::MaskTooLong), |network| Ok(network.trunc()))
    }

    /// The operand of `numeric`: one comparison, or a range.
    ///
    /// # Errors
    ///
    /// It is neither.
    fn numeric(&self, operand: &Node<'_>) -> Result<Condition, FilterProblem> {
        let Json::Array(parts) = &operand.value else {
            return Err(self.refuse(operand.begun(), FilterRule::NumericNotAList));
        };
        let [operator, rest @ ..] = parts.as_slice() else {
            return Err(self.refuse(operand.end(), FilterRule::NumericMember { found: "]".into() }));
        };
        let Json::String(name) = &operator.value else {
            let rule = FilterRule::NumericMember { found: excerpt(shown(operator)).into() };
            return Err(self.refuse(operator.end(), rule));
        };
        // SNS has read the token behind the operator when it looks at the operator.
        let behind = rest.first().map_or(operand.end(), Node::begun);
        if !matches!(&**name, "=" | "<" | "<=" | ">" | ">=") {
            return Err(self.refuse(behind, FilterRule::NumericOperator { operator: excerpt(name).into() }));
        }
        let first = self.bound(if name == "=" { "equals" } else { name }, rest.first(), operand)?;
        let interval = match &**name {
            "=" => Interval::exactly(first),
            "<" => Interval::below(first),
            "<=" => Interval::at_most(first),
            ">" => Interval::above(first),
            _ => Interval::at_least(first),
        };
        match &rest[1..] {
            [] if name == "=" => Ok(Condition::Equals(Literal::Number(first))),
            [] => Ok(Condition::Numeric(interval)),
            [extra, ..] if !matches!(&**name, ">" | ">=") => {
                Err(self.refuse(extra.begun(), FilterRule::NumericElements))
            }
            [second, rest @ ..] => {
                let top = self.top(second, first, rest, operand)?;
                Ok(Condition::Numeric(interval.and(top)))
            }
        }
    }

    /// The upper bound of a range whose lower bound is `bottom`.
    ///
    /// # Errors
    ///
    /// The operator or the number is wrong, the list goes on, or the range is empty.
    fn top(
        &self,
        operator: &Node<'_>,
        bottom: Number,
        rest: &[Node<'_>],
        list: &Node<'_>,
    ) -> Result<Interval, FilterProblem> {
        let Json::String(name) = &operator.value else {
            let rule = FilterRule::UpperOperatorMissing { found: excerpt(shown(operator)).into() };
            return Err(self.refuse(operator.end(), rule));
        };
        if !matches!(&**name, "<" | "<=") {
            return Err(self.refuse(operator.end(), FilterRule::UpperOperator { operator: excerpt(name).into() }));
        }
        let top = self.bound(name, rest.first(), list)?;
        if let Some(extra) = rest.get(1) {
            return Err(self.refuse(extra.begun(), FilterRule::NumericTerms));
        }
        if bottom >= top {
            return Err(self.refuse(list.end(), FilterRule::EmptyRange));
        }
        Ok(if name == "<" { Interval::below(top) } else { Interval::at_most(top) })
    }

    /// The number behind an operator.
    ///
    /// # Errors
    ///
    /// There is none, or it exceeds the limit of the dialect.
    fn bound(&self, operator: &str, node: Option<&Node<'_>>, list: &Node<'_>) -> Result<Number, FilterProblem> {
        let place = node.map_or(list.end(), Node::begun);
        let Some(Node { value: Json::Number(text), .. }) = node else {
            return Err(self.refuse(place, FilterRule::NumericOperand { operator: operator.into() }));
        };
        let max = self.dialect.limits().numeric_max;
        match Number::parse(text) {
            Some(Parsed::Number(number)) if number.is_within(max) => Ok(number),
            _ => Err(self.refuse(place, FilterRule::NumericRange { max })),
        }
    }

    /// The operand of `anything-but`.
    ///
    /// # Errors
    ///
    /// It is no value, no list and no pattern that the dialect allows.
    fn anything_but(&self, operand: &Node<'_>) -> Result<Condition, FilterProblem> {
        let excluded = match &operand.value {
            Json::String(_) | Json::Number(_) => Excluded::values(vec![self.literal(operand)?]),
            Json::Array(elements) => self.excluded_values(elements, operand)?,
            Json::Object(members) => self.excluded_patterns(members, operand)?,
            Json::Bool(_) | Json::Null => return Err(self.refuse(operand.begun(), FilterRule::ExcludedOperand)),
        };
        Ok(Condition::AnythingBut(excluded))
    }

    /// The values of a list in `anything-but`.
    ///
    /// # Errors
    ///
    /// The list is empty, or its elements are not all strings or all numbers.
    fn excluded_values(&self, elements: &[Node<'_>], list: &Node<'_>) -> Result<Excluded, FilterProblem> {
        let mut literals = Vec::new();
        for element in elements {
            if !matches!(element.value, Json::String(_) | Json::Number(_)) {
                return Err(self.refuse(element.begun(), FilterRule::ExcludedElement));
            }
            literals.push(self.literal(element)?);
        }
        let strings = literals.iter().filter(|literal| matches!(literal, Literal::String(_))).count();
        match strings {
            _ if literals.is_empty() => Err(self.refuse(list.end(), FilterRule::EmptyArray)),
            0 => Ok(Excluded::values(literals)),
            _ if strings == literals.len() => Ok(Excluded::values(literals)),
            _ => Err(self.refuse(list.end(), FilterRule::ExcludedMixed)),
        }
    }

    /// The patterns of `{"anything-but": {operator: pattern}}`. The larger dialect also allows a list of patterns.
    ///
    /// # Errors
    ///
    /// The operator is not allowed here or not the only one, or a pattern is wrong or empty.
    fn excluded_patterns(&self, members: &[Member<'_>], node: &Node<'_>) -> Result<Excluded, FilterProblem> {
        let Member { name, value } = self.only(members, node)?;
        let pattern: fn(&Self, &Node<'_>) -> Result<Condition, FilterProblem> = match &**name {
            "prefix" => Self::prefix,
            "suffix" if self.dialect.is_large() => Self::suffix,
            "equals-ignore-case" if self.dialect.is_large() => Self::ignoring_case,
            "wildcard" if self.dialect.is_large() => Self::wildcard,
            _ => {
                let rule = FilterRule::ExcludedOperator { operator: excerpt(name).into() };
                return Err(self.refuse(value.begun(), rule));
            }
        };
        let patterns = match &value.value {
            Json::Array(elements) if self.dialect.is_large() && !elements.is_empty() => elements.as_slice(),
            _ => core::slice::from_ref(value),
        };
        let mut excluded = Vec::new();
        for operand in patterns {
            if matches!(&operand.value, Json::String(text) if text.is_empty()) {
                return Err(self.refuse(operand.end(), FilterRule::ExcludedEmpty));
            }
            excluded.push(pattern(self, operand)?);
        }
        match members.get(1) {
            Some(second) => Err(self.refuse(second.value.begun(), FilterRule::OneOperator)),
            None => Ok(Excluded::meeting(excluded)),
        }
    }
}

/// The fold of a text.
fn folded(text: &str) -> Arc<str> {
    fold(text).collect::<String>().into()
}

/// A token as SNS shows it in a sentence.
fn shown<'n>(node: &'n Node<'_>) -> &'n str {
    match &node.value {
        Json::Object(_) => "{",
        Json::Array(_) => "[",
        Json::String(text) => text,
        Json::Number(text) => text,
        Json::Bool(true) => "true",
        Json::Bool(false) => "false",
        Json::Null => "null",
    }
}

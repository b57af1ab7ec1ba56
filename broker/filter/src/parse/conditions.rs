//! The conditions of a key, and the errors of SNS for those that are wrong.

use ipnet::IpNet;

use super::Parser;
use crate::condition::{Condition, Excluded, Literal, fold};
use crate::document::{Json, Member, Node};
use crate::invalid::InvalidPolicy;
use crate::number::{Interval, Number};
use crate::wildcard::Wildcard;

const ONE_KEY: &str = "Only one key allowed in match expression";

impl Parser<'_> {
    /// The conditions of a key, sorted, none twice. `end` is the place behind their array.
    ///
    /// # Errors
    ///
    /// The array is empty, or one of its elements is no condition.
    pub(super) fn conditions(&self, elements: &[Node<'_>], end: usize) -> Result<Vec<Condition>, InvalidPolicy> {
        if elements.is_empty() {
            return Err(self.refuse(end, "Empty patterns are not allowed"));
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
    fn condition(&self, node: &Node<'_>) -> Result<Condition, InvalidPolicy> {
        match &node.value {
            Json::Array(_) => {
                Err(self.refuse(node.begun(), "Match value must be String, number, true, false, or null"))
            }
            Json::Object(members) => self.expression(members, node),
            _ => self.literal(node).map(Condition::Equals),
        }
    }

    /// A value that stands for itself.
    ///
    /// # Errors
    ///
    /// It is an array, an object, or a number that is too large.
    fn literal(&self, node: &Node<'_>) -> Result<Literal, InvalidPolicy> {
        match &node.value {
            Json::String(text) => Ok(Literal::String((**text).into())),
            Json::Number(text) => match Number::parse(text) {
                Some(number) => Ok(Literal::Number(number)),
                None => Err(self.refuse(node.end(), format_args!("Numeric value ({text}) out of range"))),
            },
            Json::Bool(value) => Ok(Literal::Bool(*value)),
            Json::Null => Ok(Literal::Null),
            Json::Object(_) | Json::Array(_) => {
                Err(self.refuse(node.begun(), "Match value must be String, number, true, false, or null"))
            }
        }
    }

    /// A condition of the form `{operator: operand}`.
    ///
    /// # Errors
    ///
    /// The operator is unknown or not the only one, or the operand is wrong.
    fn expression(&self, members: &[Member<'_>], node: &Node<'_>) -> Result<Condition, InvalidPolicy> {
        let operand = self.only(members, node)?;
        let Member { name, value } = operand;
        let condition = match &**name {
            "anything-but" => self.anything_but(value)?,
            "cidr" => Condition::Cidr(self.network(value)?),
            "exists" => match value.value {
                Json::Bool(true) => Condition::Exists,
                Json::Bool(false) => Condition::Absent,
                _ => return Err(self.refuse(value.begun(), "exists match pattern must be either true or false.")),
            },
            "numeric" => self.numeric(value)?,
            "wildcard" if !self.dialect.is_large() => {
                return Err(self.refuse(value.begun(), "Unrecognized match type wildcard"));
            }
            "equals-ignore-case" | "prefix" | "suffix" | "wildcard" => self.pattern(name, value)?,
            _ => return Err(self.refuse(value.begun(), format_args!("Unrecognized match type {name}"))),
        };
        match members.get(1) {
            Some(second) => Err(self.refuse(second.value.begun(), ONE_KEY)),
            None => Ok(condition),
        }
    }

    /// The first member of an expression. As in SNS, the caller checks that it is the only one after reading it.
    ///
    /// # Errors
    ///
    /// There is none.
    fn only<'d, 'a>(&self, members: &'d [Member<'a>], node: &Node<'_>) -> Result<&'d Member<'a>, InvalidPolicy> {
        members.first().ok_or_else(|| self.refuse(node.end(), "Match expression name not found"))
    }

    /// A condition of an operator that takes one string.
    ///
    /// # Errors
    ///
    /// The operand is no string, or no pattern.
    fn pattern(&self, operator: &str, operand: &Node<'_>) -> Result<Condition, InvalidPolicy> {
        let Json::String(text) = &operand.value else {
            return Err(self.refuse(operand.begun(), format_args!("{operator} match pattern must be a string")));
        };
        Ok(match operator {
            "prefix" => Condition::Prefix((**text).into()),
            "suffix" => Condition::Suffix((**text).into()),
            "equals-ignore-case" => Condition::EqualsIgnoreCase(fold(text).collect()),
            _ => Condition::Wildcard(Wildcard::parse(text).map_err(|reason| self.refuse(operand.end(), reason))?),
        })
    }

    /// The operand of `cidr`, with the bits behind the mask cleared.
    ///
    /// # Errors
    ///
    /// The operand is no string `address/bits`.
    fn network(&self, operand: &Node<'_>) -> Result<IpNet, InvalidPolicy> {
        let Json::String(text) = &operand.value else {
            return Err(self.refuse(operand.begun(), "cidr match pattern must be a string"));
        };
        let refuse = |reason| Err(self.refuse(operand.end(), reason));
        let Some((address, bits)) = text.split_once('/') else {
            return refuse("Malformed CIDR, one '/' required");
        };
        if bits.is_empty() || !bits.bytes().all(|byte| byte.is_ascii_digit()) {
            return refuse("Malformed CIDR, mask bits must be an integer");
        }
        let (Ok(address), Ok(bits)) = (address.parse(), bits.parse()) else {
            return refuse("Nonstandard IP address");
        };
        // The bits behind the mask have no meaning.
        IpNet::new(address, bits)
            .map(|network| network.trunc())
            .or_else(|_| refuse("Malformed CIDR, too many mask bits"))
    }

    /// The operand of `numeric`: one comparison, or a range.
    ///
    /// # Errors
    ///
    /// It is neither.
    fn numeric(&self, operand: &Node<'_>) -> Result<Condition, InvalidPolicy> {
        let Json::Array(parts) = &operand.value else {
            return Err(self.refuse(operand.begun(), "Value of numeric must be an array."));
        };
        let [operator, rest @ ..] = parts.as_slice() else {
            return Err(self.refuse(operand.end(), "Invalid member in numeric match: ]"));
        };
        let Json::String(name) = &operator.value else {
            let reason = format_args!("Invalid member in numeric match: {}", operator.quoted()).to_string();
            return Err(self.refuse(operator.end(), reason));
        };
        if !matches!(&**name, "=" | "<" | "<=" | ">" | ">=") {
            return Err(self.refuse(operator.end(), format_args!("Unrecognized numeric range operator: {name}")));
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
                Err(self.refuse(extra.begun(), "Too many elements in numeric expression"))
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
    /// The operator or the number is wrong, or the range is empty.
    fn top(
        &self,
        operator: &Node<'_>,
        bottom: Number,
        rest: &[Node<'_>],
        list: &Node<'_>,
    ) -> Result<Interval, InvalidPolicy> {
        let Json::String(name) = &operator.value else {
            return Err(self.refuse(operator.end(), format_args!("Bad value in numeric range: {}", operator.quoted())));
        };
        if !matches!(&**name, "<" | "<=") {
            return Err(self.refuse(operator.end(), format_args!("Bad numeric range operator: {name}")));
        }
        let top = self.bound(name, rest.first(), list)?;
        let end = rest.first().map_or(list.end(), Node::end);
        if bottom >= top {
            return Err(self.refuse(end, "Bottom must be less than top"));
        }
        match rest.get(1) {
            Some(extra) => Err(self.refuse(extra.begun(), "Too many terms in numeric range expression")),
            None if name == "<" => Ok(Interval::below(top)),
            None => Ok(Interval::at_most(top)),
        }
    }

    /// The number behind an operator.
    ///
    /// # Errors
    ///
    /// There is none, or it exceeds the limit of the dialect.
    fn bound(&self, operator: &str, node: Option<&Node<'_>>, list: &Node<'_>) -> Result<Number, InvalidPolicy> {
        let place = node.map_or(list.end(), Node::begun);
        let Some(Node { value: Json::Number(text), .. }) = node else {
            return Err(self.refuse(place, format_args!("Value of {operator} must be numeric")));
        };
        let max = self.dialect.limits().numeric_max;
        let value: f64 = text.parse().unwrap_or(f64::INFINITY);
        match Number::new(value) {
            Some(number) if value.abs() <= max => Ok(number),
            _ => Err(self.refuse(place, format_args!("Value must be between {} and {max}, inclusive", -max))),
        }
    }

    /// The operand of `anything-but`.
    ///
    /// # Errors
    ///
    /// It is no value, no list and no pattern that the dialect allows.
    fn anything_but(&self, operand: &Node<'_>) -> Result<Condition, InvalidPolicy> {
        let excluded = match &operand.value {
            Json::String(_) | Json::Number(_) => Excluded::values(vec![self.literal(operand)?]),
            Json::Array(elements) => self.excluded_values(elements, operand)?,
            Json::Object(members) => self.excluded_patterns(members, operand)?,
            Json::Bool(_) | Json::Null => {
                let reason = "Value of anything-but must be an array or single string/number value.";
                return Err(self.refuse(operand.begun(), reason));
            }
        };
        Ok(Condition::AnythingBut(excluded))
    }

    /// The values of a list in `anything-but`.
    ///
    /// # Errors
    ///
    /// The list is empty, or its elements are not all strings or all numbers.
    fn excluded_values(&self, elements: &[Node<'_>], list: &Node<'_>) -> Result<Excluded, InvalidPolicy> {
        let mut literals = Vec::new();
        for element in elements {
            if !matches!(element.value, Json::String(_) | Json::Number(_)) {
                let reason = "Inside anything but list, start|null|boolean is not supported.";
                return Err(self.refuse(element.begun(), reason));
            }
            literals.push(self.literal(element)?);
        }
        let strings = literals.iter().filter(|literal| matches!(literal, Literal::String(_))).count();
        match strings {
            _ if literals.is_empty() => Err(self.refuse(list.end(), "Empty patterns are not allowed")),
            0 => Ok(Excluded::values(literals)),
            _ if strings == literals.len() => Ok(Excluded::values(literals)),
            _ => {
                let reason = "Inside anything but list, either all values are number or string, \
                              mixed type is not supported";
                Err(self.refuse(list.end(), reason))
            }
        }
    }

    /// The patterns of `{"anything-but": {operator: pattern}}`. The larger dialect also allows a list of patterns.
    ///
    /// # Errors
    ///
    /// The operator is not allowed here or not the only one, or a pattern is wrong or empty.
    fn excluded_patterns(&self, members: &[Member<'_>], node: &Node<'_>) -> Result<Excluded, InvalidPolicy> {
        let Member { name, value } = self.only(members, node)?;
        let known = match &**name {
            "prefix" => true,
            "suffix" | "equals-ignore-case" | "wildcard" => self.dialect.is_large(),
            _ => false,
        };
        if !known {
            return Err(self.refuse(value.begun(), format_args!("Unsupported anything-but pattern: {name}")));
        }
        let patterns = match &value.value {
            Json::Array(elements) if self.dialect.is_large() && !elements.is_empty() => elements.as_slice(),
            _ => core::slice::from_ref(value),
        };
        let mut excluded = Vec::new();
        for pattern in patterns {
            if matches!(&pattern.value, Json::String(text) if text.is_empty()) {
                return Err(self.refuse(pattern.end(), "Null prefix/suffix not allowed"));
            }
            excluded.push(self.pattern(name, pattern)?);
        }
        match members.get(1) {
            Some(second) => Err(self.refuse(second.value.begun(), ONE_KEY)),
            None => Ok(Excluded::patterns(excluded)),
        }
    }
}

//! What is wrong with a filter policy.

use crate::json::{JsonProblem, Place};

/// Why a filter policy is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterProblem {
    /// It is no JSON. The place is one of the text as it was given.
    NotJson(Box<JsonProblem>),
    /// It breaks a rule of the grammar.
    Grammar {
        /// The rule.
        rule: FilterRule,
        /// The text that was read, and where it breaks the rule.
        place: Box<FilterPlace>,
    },
    /// The operand of `cidr` is no network.
    Network(NetworkRule),
    /// It nests, which a policy about attributes may not.
    Nested,
    /// It exceeds a limit.
    Limit(FilterLimit),
}

/// A place of a filter policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterPlace {
    /// The text that was read, or its beginning.
    pub quoted: Box<str>,
    /// The UTF-16 units of the text behind `quoted`.
    pub cut_units: usize,
    /// Behind the last character that the reader has reached.
    pub place: Place,
}

/// The rules of the grammar of filter policies. Tokens are held as they are shown: `[` for a list, `{` for an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterRule {
    /// The whole is no object.
    NotAnObject,
    /// The value of a name is neither an object nor a list.
    NotAContainer {
        /// The name.
        name: Box<str>,
    },
    /// An object has no members.
    EmptyObject,
    /// A list of conditions or of excluded values is empty.
    EmptyArray,
    /// A condition is a list.
    Value,
    /// A condition is an object without members.
    OperatorMissing,
    /// An object that names an operator has another member.
    OneOperator,
    /// There is no such operator.
    UnknownOperator {
        /// What was given.
        operator: Box<str>,
    },
    /// The operand of an operator is no string.
    OperandNotAString {
        /// The operator.
        operator: &'static str,
    },
    /// The operand of `exists` is neither true nor false.
    ExistsOperand,
    /// Two stars follow each other in a wildcard.
    ConsecutiveStars,
    /// A backslash in a wildcard stands before neither a star nor a backslash.
    WildcardEscape,
    /// The operand of `numeric` is no list.
    NumericNotAList,
    /// A list of `numeric` begins with no operator.
    NumericMember {
        /// What it begins with.
        found: Box<str>,
    },
    /// A list of `numeric` begins with an unknown operator.
    NumericOperator {
        /// What was given.
        operator: Box<str>,
    },
    /// What follows an operator of `numeric` is no number.
    NumericOperand {
        /// The operator.
        operator: Box<str>,
    },
    /// A number of `numeric` is out of range.
    NumericRange {
        /// The largest absolute value.
        max: u64,
    },
    /// A list of `numeric` goes on behind a comparison that is no lower bound.
    NumericElements,
    /// What follows a lower bound is no operator.
    UpperOperatorMissing {
        /// What follows.
        found: Box<str>,
    },
    /// What follows a lower bound is no upper bound.
    UpperOperator {
        /// What was given.
        operator: Box<str>,
    },
    /// A list of `numeric` goes on behind an upper bound.
    NumericTerms,
    /// The lower bound is not below the upper bound.
    EmptyRange,
    /// The operand of `anything-but` is neither a value, a list nor a pattern.
    ExcludedOperand,
    /// A list of excluded values has an element that is neither a string nor a number.
    ExcludedElement,
    /// A list of excluded values has strings and numbers.
    ExcludedMixed,
    /// `anything-but` does not take the operator.
    ExcludedOperator {
        /// What was given.
        operator: Box<str>,
    },
    /// An excluded pattern is empty.
    ExcludedEmpty,
}

/// The rules for networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkRule {
    /// There is not one slash.
    OneSlash,
    /// Behind the slash is no number.
    MaskNotANumber,
    /// The mask has more bits than the address.
    MaskTooLong,
    /// Before the slash is no address.
    Address {
        /// What was given.
        address: Box<str>,
    },
}

/// The limits of filter policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterLimit {
    /// It has too many bytes.
    Bytes,
    /// It has more keys than this.
    Keys {
        /// The most.
        max: usize,
    },
    /// It has too many combinations of values.
    Combinations,
}

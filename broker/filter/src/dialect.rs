//! The two grammars and their limits, as data for the parser. Nothing else differs between them.

/// The grammar that a policy is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Amazon SNS's subscription filter policies (SNS guide, "Amazon SNS subscription filter policies").
    Sns,
    /// Amazon EventBridge's event patterns (EventBridge guide, "Comparison operators for use in event patterns"). They
    /// add `wildcard`, prefixes and suffixes in any case, and `anything-but` with suffixes, wildcards and
    /// case-insensitive strings, one or a list of them.
    EventBridge,
}

/// The part of a message that a policy is about: SNS's `FilterPolicyScope`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The message's attributes: a flat list of names.
    MessageAttributes,
    /// The message's body, a JSON object. Keys may nest.
    MessageBody,
}

/// The limits of a grammar.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The length of the policy in bytes.
    pub(crate) size_max: usize,
    /// The keys of the policy itself, and of each alternative of a `$or`. Keys of nested objects are not counted.
    pub(crate) keys_max: usize,
    /// The combinations of values. [`crate::parse`] defines them.
    pub(crate) combinations_max: u64,
    /// Whether each value of a key and each level of nesting multiplies the combinations. If not, only the alternatives
    /// of `$or` do.
    pub(crate) values_multiply: bool,
    /// The largest absolute value of a number in `numeric`.
    pub(crate) numeric_max: u64,
}

/// SNS's limits (SNS guide, "Filter policy constraints"). The length is that of a request.
const SNS: Limits =
    Limits { size_max: 262_144, keys_max: 5, combinations_max: 150, values_multiply: true, numeric_max: 1_000_000_000 };

/// EventBridge's limits (EventBridge guide, "Amazon EventBridge quotas"). The length bounds the keys.
const EVENT_BRIDGE: Limits = Limits {
    size_max: 4_096,
    keys_max: 4_096,
    combinations_max: 1_000,
    values_multiply: false,
    numeric_max: 5_000_000_000,
};

impl Dialect {
    /// The limits of this grammar.
    pub(crate) fn limits(self) -> &'static Limits {
        match self {
            Self::Sns => &SNS,
            Self::EventBridge => &EVENT_BRIDGE,
        }
    }

    /// Whether the grammar has `wildcard` and the larger forms of `anything-but`.
    pub(crate) fn is_large(self) -> bool {
        self == Self::EventBridge
    }
}

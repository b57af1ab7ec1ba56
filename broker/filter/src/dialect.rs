//! The two grammars and their limits, as data. The parser asks; nothing else differs between them.

/// Whose grammar a policy is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Amazon SNS's subscription filter policies.
    Sns,
    /// Amazon EventBridge's event patterns: also `wildcard`, and `anything-but` over suffixes, wildcards and strings
    /// in any case, one or a list of them.
    EventBridge,
}

/// What a policy speaks of: SNS's `FilterPolicyScope`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The message's attributes: a flat list of names.
    MessageAttributes,
    /// The message's body, a JSON object: keys may nest.
    MessageBody,
}

/// How much a policy may say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of text.
    pub(crate) size_max: usize,
    /// Keys of the policy itself, and of each alternative of a `$or`. Keys of nested objects are not counted.
    pub(crate) keys_max: usize,
    /// Combinations of values; see [`crate::parse`].
    pub(crate) combinations_max: u64,
    /// Whether each value of a key, and each level of nesting, multiplies the combinations; otherwise only the
    /// alternatives of `$or` do.
    pub(crate) values_multiply: bool,
    /// The largest number, either side of zero, that `numeric` takes.
    pub(crate) numeric_max: f64,
}

/// SNS's documented limits; the size is that of a request.
const SNS: Limits =
    Limits { size_max: 262_144, keys_max: 5, combinations_max: 150, values_multiply: true, numeric_max: 1e9 };

/// EventBridge's documented limits. Its keys are bounded by the size.
const EVENT_BRIDGE: Limits =
    Limits { size_max: 4_096, keys_max: 4_096, combinations_max: 1_000, values_multiply: false, numeric_max: 5e9 };

impl Dialect {
    pub(crate) fn limits(self) -> &'static Limits {
        match self {
            Self::Sns => &SNS,
            Self::EventBridge => &EVENT_BRIDGE,
        }
    }

    /// Whether `wildcard`, and the larger forms of `anything-but`, are understood.
    pub(crate) fn is_large(self) -> bool {
        self == Self::EventBridge
    }
}

//! What is wrong with an access policy.

use super::limit::PolicyPart;
use crate::json::JsonProblem;

/// Why the access policy of a queue, a topic or a user is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyProblem {
    /// It is no JSON.
    NotJson(Box<JsonProblem>),
    /// An object has two members of one name.
    RepeatedMember {
        /// The name.
        name: Box<str>,
    },
    /// The document is no object.
    NotAnObject,
    /// There is more of a part than there may be.
    TooMany {
        /// What is counted.
        part: PolicyPart,
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// `Version` is none of the two versions.
    Version,
    /// An element is missing.
    Missing {
        /// The element.
        element: &'static str,
    },
    /// An element has no values.
    Empty {
        /// The element.
        element: &'static str,
    },
    /// An element that has to be an object is none.
    ElementNotAnObject {
        /// The element, or the operator of a condition.
        element: Box<str>,
    },
    /// An element, or one of its values, is no string.
    NotAString {
        /// The element.
        element: &'static str,
    },
    /// There is no such element.
    UnknownElement {
        /// What was given.
        name: Box<str>,
        /// Where.
        within: PolicyLevel,
    },
    /// Two statements have one label.
    RepeatedLabel {
        /// The `Sid`.
        label: Box<str>,
    },
    /// `Effect` is neither `Allow` nor `Deny`.
    Effect,
    /// A statement has an element and its negation.
    Contradiction {
        /// Both.
        elements: [&'static str; 2],
    },
    /// The value of `Principal` is neither `*` nor an object of principals.
    PrincipalShape,
    /// A principal breaks the rule of its kind, or there is no such kind.
    Principal {
        /// The kind that was given.
        kind: Box<str>,
        /// The value.
        value: Box<str>,
    },
    /// An action belongs to another service.
    ActionOutOfScope {
        /// What was given.
        action: Box<str>,
    },
    /// An action of the service cannot be granted.
    Action {
        /// The action, without the service's name.
        action: Box<str>,
        /// Why not.
        rule: ActionRule,
    },
    /// There is no such operator of conditions.
    UnknownOperator {
        /// What was given.
        operator: Box<str>,
    },
    /// The value of a condition is not of its operator's kind.
    ConditionValue {
        /// The operator.
        operator: Box<str>,
        /// The condition key.
        key: Box<str>,
        /// The value.
        value: Box<str>,
    },
    /// A condition key has no values.
    ConditionEmpty {
        /// The condition key.
        key: Box<str>,
    },
    /// A value of a condition key is null, a list or an object.
    ConditionShape {
        /// The condition key.
        key: Box<str>,
    },
    /// A policy variable is malformed, or names no condition key with one value.
    Variable {
        /// The text that it stands in.
        text: Box<str>,
    },
    /// A policy variable stands in a user's policy of the version without variables, where it would match nothing.
    VariableVersion {
        /// The text that it stands in.
        text: Box<str>,
    },
    /// A user's policy names principals.
    IdentityPrincipal {
        /// The element.
        element: &'static str,
    },
    /// An action in a user's policy is neither `*` nor a service and a name.
    ActionShape {
        /// What was given.
        action: Box<str>,
    },
    /// A resource in a user's policy is neither `*` nor an ARN.
    ResourceShape {
        /// What was given.
        resource: Box<str>,
    },
    /// A user's policy names a condition key that none of the services has.
    UnknownKey {
        /// The key.
        key: Box<str>,
    },
}

/// Where in a policy an element stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyLevel {
    /// In the document.
    Document,
    /// In a statement.
    Statement,
}

/// Why an action cannot be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionRule {
    /// There is no such action, or none that a permission can name.
    Unknown,
    /// Only the owner of a queue may call it.
    OwnersOnly,
}

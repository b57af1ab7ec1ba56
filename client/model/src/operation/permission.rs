//! `AddPermission` and `RemovePermission`: statements of the queue's policy, by label.

use crate::fault::{Fault, InvalidValue, excerpt};
use crate::limits::PERMISSION_LABEL_CHARS_MAX;
use crate::name::{AccountId, QueueAddress};

/// The `Sid` of a statement that `AddPermission` adds: 1 to 80 letters, digits, hyphens and underscores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermissionLabel(Box<str>);

impl PermissionLabel {
    /// Parses a `Label`.
    ///
    /// # Errors
    /// [`InvalidValue::Label`]
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let fits = (1..=PERMISSION_LABEL_CHARS_MAX).contains(&text.len());
        if fits && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            Ok(Self(text.into()))
        } else {
            let label = excerpt(text).into();
            Err(Fault::invalid(InvalidValue::Label { label, chars_max: PERMISSION_LABEL_CHARS_MAX }))
        }
    }

    /// The label's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Adds a statement that allows accounts to call actions.
#[derive(Clone, Debug, PartialEq)]
pub struct AddPermission {
    /// The queue.
    pub queue: QueueAddress,
    /// The statement's `Sid`.
    pub label: PermissionLabel,
    /// The accounts.
    pub accounts: Vec<AccountId>,
    /// The actions without their `SQS:` prefix; `*` for all.
    pub actions: Vec<Box<str>>,
}

/// Removes the statement of a label.
#[derive(Clone, Debug, PartialEq)]
pub struct RemovePermission {
    /// The queue.
    pub queue: QueueAddress,
    /// The statement's `Sid`.
    pub label: PermissionLabel,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels() {
        for label in ["a", "A-b_1", &"l".repeat(80)] {
            assert_eq!(PermissionLabel::parse(label).as_ref().map(PermissionLabel::as_str), Ok(label));
        }
        for invalid in ["", "a b", "é", &"l".repeat(81)] {
            let fault = Fault::invalid(InvalidValue::Label { label: invalid.into(), chars_max: 80 });
            assert_eq!(PermissionLabel::parse(invalid), Err(fault), "{invalid}");
        }
    }
}

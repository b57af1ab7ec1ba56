//! ARNs of IAM roles. There are none in a broker: their text is kept.

use crate::limits::ROLE_ARN_BYTES_MAX;
use crate::name::AccountId;

/// The ARN of an IAM role, of up to [`ROLE_ARN_BYTES_MAX`] bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleArn(Box<str>);

impl RoleArn {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The ARN that a stored text stands for. Earlier versions took any ARN of IAM for a topic or a subscription.
    pub(crate) fn restore(text: &str) -> Option<Self> {
        let is_of_iam = text.starts_with("arn:") && text.split(':').nth(2) == Some("iam");
        (is_of_iam && text.len() <= ROLE_ARN_BYTES_MAX).then(|| Self(text.into()))
    }

    /// The ARN that a text is; `None` if it is no ARN of a role, or too long.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if is_role_arn(text) { Self::restore(text) } else { None }
    }
}

/// Whether a text of any length has the form of the ARN of an IAM role.
pub(crate) fn is_role_arn(value: &str) -> bool {
    let parts: Vec<&str> = value.splitn(6, ':').collect();
    matches!(parts[..], ["arn", partition, "iam", "", account, role]
        if partition.starts_with("aws") && account.parse::<AccountId>().is_ok()
            && role.strip_prefix("role/").is_some_and(|name| !name.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_role_may_be_any_arn_of_iam() {
        let long = format!("arn:aws:iam::000000000000:role/{}", "r".repeat(ROLE_ARN_BYTES_MAX));
        for (text, is_role, was_taken) in [
            ("arn:aws:iam::000000000000:role/r", true, true),
            ("arn:aws-cn:iam::000000000000:role/path/r", true, true),
            ("arn:aws:iam::000000000000:user/u", false, true),
            ("arn:x:iam", false, true),
            ("arn:aws:sqs:us-east-1:000000000000:q", false, false),
            (&long, false, false),
        ] {
            assert_eq!(
                (RoleArn::parse(text).is_some(), RoleArn::restore(text).is_some()),
                (is_role, was_taken),
                "{text}"
            );
        }
    }
}

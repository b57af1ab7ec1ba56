//! ARNs of IAM roles. There are none in a broker: their text is kept.

use crate::name::AccountId;

/// Whether a text is the ARN of an IAM role.
pub(crate) fn is_role_arn(value: &str) -> bool {
    let parts: Vec<&str> = value.splitn(6, ':').collect();
    matches!(parts[..], ["arn", partition, "iam", "", account, role]
        if partition.starts_with("aws") && account.parse::<AccountId>().is_ok()
            && role.strip_prefix("role/").is_some_and(|name| !name.is_empty()))
}

//! Principals: the callers that a statement names.

use posthouse_model::notification::SENDER;
use posthouse_model::{AccountId, Identity, ROOT_USER};

use crate::verdict::Effect;

/// One principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Principal {
    /// `*`: every caller, with or without a signature.
    Everyone,
    /// An account, by its number or its `root` ARN: the account itself and all its users.
    Account(AccountId),
    /// `arn:aws:iam::ACCOUNT:user/NAME`
    User { account: AccountId, name: Box<str> },
    /// A role or session of IAM. It matches no caller.
    OtherAws(Box<str>),
    /// `{"Service": …}`: `sns.amazonaws.com` matches the broker when it delivers for a topic. No other service matches
    /// a caller.
    Service(Box<str>),
    /// `{"Federated": …}`: matches no caller.
    Federated(Box<str>),
    /// `{"CanonicalUser": …}`: matches no caller.
    CanonicalUser(Box<str>),
}

/// The principals of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Principals {
    /// `Principal`
    These(Vec<Principal>),
    /// `NotPrincipal`
    AllBut(Vec<Principal>),
}

impl Principal {
    /// Parses one value of a member of `Principal`; `None` if the kind is unknown or the value breaks the rules of its
    /// kind.
    pub(crate) fn parse(kind: &str, value: &str) -> Option<Self> {
        match kind {
            "AWS" if value == "*" => Some(Self::Everyone),
            "AWS" => value.parse().map(Self::Account).ok().or_else(|| Self::parse_arn(value)),
            "Service" if is_name(value) => Some(Self::Service(value.into())),
            "Federated" if is_name(value) => Some(Self::Federated(value.into())),
            "CanonicalUser" if is_name(value) => Some(Self::CanonicalUser(value.into())),
            _ => None,
        }
    }

    fn parse_arn(arn: &str) -> Option<Self> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let &["arn", partition, service @ ("iam" | "sts"), "", account, resource] = parts.as_slice() else {
            return None;
        };
        let account = account.parse().ok().filter(|_| partition.starts_with("aws") && is_name(resource))?;
        match (service, resource.split_once('/')) {
            ("iam", None) if resource == ROOT_USER => Some(Self::Account(account)),
            ("iam", Some(("user", name))) if !name.is_empty() => Some(Self::User { account, name: name.into() }),
            ("iam", Some(("role", name))) | ("sts", Some(("assumed-role" | "federated-user", name)))
                if !name.is_empty() =>
            {
                Some(Self::OtherAws(arn.into()))
            }
            _ => None,
        }
    }

    fn matches(&self, identity: &Identity) -> bool {
        match (self, identity) {
            (Self::Everyone, _) => true,
            (Self::Account(own), Identity::User { account, .. }) => own == account,
            (Self::User { account: own, name: own_name }, Identity::User { account, name, .. }) => {
                own == account && **own_name == **name
            }
            (Self::Service(service), Identity::Broker) => **service == *SENDER,
            _ => false,
        }
    }
}

/// Whether a text is a name: not empty, without a wildcard. Of all principals only `*` stands for more than one.
fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains(['*', '?'])
}

impl Principals {
    /// Whether a statement of this effect matches the caller.
    pub(crate) fn match_caller(&self, effect: Effect, identity: &Identity) -> bool {
        let any = |principals: &[Principal]| principals.iter().any(|principal| principal.matches(identity));
        match (self, effect) {
            (Self::These(principals), _) => any(principals),
            (Self::AllBut(principals), Effect::Allow) => !any(principals),
            (Self::AllBut(principals), Effect::Deny) => !spared(principals, identity),
        }
    }

    /// Whether principals that match a user name the user, not only its account. An account itself is named by its
    /// number.
    pub(crate) fn name(&self, identity: &Identity) -> bool {
        match self {
            Self::These(principals) => principals.iter().any(|principal| match principal {
                Principal::Account(_) => identity.is_root() && principal.matches(identity),
                Principal::Everyone
                | Principal::User { .. }
                | Principal::OtherAws(_)
                | Principal::Service(_)
                | Principal::Federated(_)
                | Principal::CanonicalUser(_) => principal.matches(identity),
            }),
            Self::AllBut(_) => true,
        }
    }
}

/// Whether a `Deny` with `NotPrincipal` does not apply to the caller. As in IAM, it applies unless the statement names
/// every principal that the caller is. A user is both a user and an account, so that naming only the account, or only
/// the user, does not suffice.
fn spared(principals: &[Principal], identity: &Identity) -> bool {
    let Identity::User { account, name, .. } = identity else {
        return principals.iter().any(|principal| principal.matches(identity));
    };
    let names_user = principals.iter().any(
        |principal| matches!(principal, Principal::User { account: own, name: own_name } if own == account && **own_name == **name),
    );
    principals.contains(&Principal::Everyone)
        || (principals.contains(&Principal::Account(*account)) && (names_user || name == ROOT_USER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals() {
        let account: AccountId = "111111111111".parse().expect("valid");
        for (kind, value, expected) in [
            ("AWS", "*", Some(Principal::Everyone)),
            ("AWS", "111111111111", Some(Principal::Account(account))),
            ("AWS", "arn:aws:iam::111111111111:root", Some(Principal::Account(account))),
            ("AWS", "arn:aws-cn:iam::111111111111:root", Some(Principal::Account(account))),
            ("AWS", "arn:aws:iam::111111111111:user/ann", Some(Principal::User { account, name: "ann".into() })),
            (
                "AWS",
                "arn:aws:iam::111111111111:user/team/ann",
                Some(Principal::User { account, name: "team/ann".into() }),
            ),
            (
                "AWS",
                "arn:aws:iam::111111111111:role/r",
                Some(Principal::OtherAws("arn:aws:iam::111111111111:role/r".into())),
            ),
            (
                "AWS",
                "arn:aws:sts::111111111111:assumed-role/r/s",
                Some(Principal::OtherAws("arn:aws:sts::111111111111:assumed-role/r/s".into())),
            ),
            ("Service", "sns.amazonaws.com", Some(Principal::Service("sns.amazonaws.com".into()))),
            ("Federated", "accounts.google.com", Some(Principal::Federated("accounts.google.com".into()))),
            ("CanonicalUser", "79a5", Some(Principal::CanonicalUser("79a5".into()))),
            ("AWS", "", None),
            ("AWS", "ann", None),
            ("AWS", "11111111111", None),
            ("AWS", "arn:aws:iam::*:root", None),
            ("AWS", "arn:aws:iam::111111111111:user/*", None),
            ("AWS", "arn:aws:iam::111111111111:user/", None),
            ("AWS", "arn:aws:iam::111111111111:user", None),
            ("AWS", "arn:aws:iam:eu-west-1:111111111111:root", None),
            ("AWS", "arn:aws:sqs::111111111111:root", None),
            ("Service", "*", None),
            ("Service", "", None),
            ("Users", "ann", None),
        ] {
            assert_eq!(Principal::parse(kind, value), expected, "{kind} {value}");
        }
    }
}

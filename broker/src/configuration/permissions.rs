//! What users may do: `policy` and `groups` of `[[users]]`, and `[[groups]]`.
//!
//! Policies belong to a user, whichever of its keys signs: one entry of a user has them, and they hold for all its
//! entries. A user without any may do everything in its account, unless `require_user_policies` refuses such a user.

use core::fmt;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use posthouse_model::identity::user_arn;
use posthouse_model::limits::{IDENTITY_POLICIES_MAX, USER_GROUPS_MAX};
use posthouse_model::{AccountId, Permissions, ROOT_USER};
use posthouse_policy::{IdentityPolicies, IdentityPolicy, PolicySet};
use serde_json::Value as Json;
use toml::Spanned;

use super::ConfigurationError;
use super::file::{Documents, GroupEntry, UserEntry};
use super::layers::out_of_range;
use super::users::{NAME_RULE, Place, User, is_name};

/// The policies of each group, by its name.
type Groups = BTreeMap<String, Vec<Arc<IdentityPolicy>>>;

/// The right of one user, as it is shown to the operator. Displayed in one line, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// The user's ARN.
    pub user: String,
    /// The ids of its access keys.
    pub access_key_ids: Vec<String>,
    /// What identity policies it has.
    pub grant: Granted,
}

/// Where a user's rights come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Granted {
    /// It has no policies, and may do everything in its account.
    Everything,
    /// It may do what its policies allow.
    ByPolicies {
        /// How many policies of its own it has.
        own: usize,
        /// The groups that it is in.
        groups: Vec<String>,
        /// The actions in its policies that have no effect, because they are other services'.
        ignored: Vec<String>,
    },
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user {} ({}): ", self.user, self.access_key_ids.join(", "))?;
        let Granted::ByPolicies { own, groups, ignored } = &self.grant else { return f.write_str("full access") };
        let groups = if groups.is_empty() { "none".into() } else { groups.join(", ") };
        write!(f, "own policies: {own}; groups: {groups}")?;
        if !ignored.is_empty() {
            write!(f, "; without effect, as actions of other services: {}", ignored.join(", "))?;
        }
        Ok(())
    }
}

/// Whether a user may be without policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unlimited {
    Allowed,
    Refused,
}

/// Gives the users their permissions. Returns the table of their policies, and each user's rights.
///
/// # Errors
/// The first entry that is wrong.
pub(super) fn check(
    place: &Place<'_>,
    users: &mut [User],
    entries: &[Spanned<UserEntry>],
    groups: &[Spanned<GroupEntry>],
    unlimited: Unlimited,
) -> Result<(IdentityPolicies, Vec<Rights>), ConfigurationError> {
    let groups = check_groups(place, groups)?;
    let mut holders: BTreeMap<(AccountId, String), Holder<'_>> = BTreeMap::new();
    for (user, entry) in users.iter().zip(entries) {
        holders.entry((user.account, user.name.clone())).or_default().add(place, user, entry.get_ref())?;
    }
    let (mut table, mut rights) = (IdentityPolicies::default(), Vec::with_capacity(holders.len()));
    for ((account, name), holder) in &holders {
        let (policies, grant) = holder.grant(place, name, &groups)?;
        if grant != Granted::Everything {
            let permissions = Permissions::Limited(table.add(PolicySet::new(policies)));
            let own = users.iter_mut().filter(|user| user.account == *account && user.name == *name);
            own.for_each(|user| user.permissions = permissions);
        } else if unlimited == Unlimited::Refused && name != ROOT_USER {
            let message = format!("user {name} has neither `policy` nor `groups`, and `require_user_policies` is true");
            let first = holder.entries.first().expect("a holder has an entry");
            return Err(place.blame(&first.name, message));
        }
        let access_key_ids = holder.entries.iter().map(|entry| entry.access_key_id.get_ref().clone()).collect();
        rights.push(Rights { user: user_arn(*account, name), access_key_ids, grant });
    }
    Ok((table, rights))
}

/// The table of policies of `next`, in which each user has the number that it has in `running`. Gives the users of `next`
/// these numbers. Thus a request or a connection that bears the number of a user is judged by the policies that the user has
/// now; the numbers of users that `next` does not have allow nothing.
pub(super) fn renumber(
    (users, policies): (&mut [User], &IdentityPolicies),
    (running_users, running_policies): (&[User], &IdentityPolicies),
) -> IdentityPolicies {
    let mut table = running_policies.emptied();
    let number = |user: &User| match user.permissions {
        Permissions::Limited(id) => Some(((user.account, user.name.clone()), id)),
        Permissions::Full => None,
    };
    let mut numbers: BTreeMap<_, _> = running_users.iter().filter_map(number).collect();
    for user in users {
        let Some((owner, id)) = number(user) else { continue };
        let policies = policies.get(id).clone();
        let id = *numbers.entry(owner).or_insert_with(|| table.add(PolicySet::default()));
        table.set(id, policies);
        user.permissions = Permissions::Limited(id);
    }
    table
}

/// One user while its entries are collected.
#[derive(Default)]
struct Holder<'a> {
    entries: Vec<&'a UserEntry>,
    /// The entry that has policies or groups.
    limited: Option<&'a UserEntry>,
}

impl<'a> Holder<'a> {
    fn add(&mut self, place: &Place<'_>, user: &User, entry: &'a UserEntry) -> Result<(), ConfigurationError> {
        self.entries.push(entry);
        if entry.policy.is_none() && entry.groups.is_none() {
            return Ok(());
        }
        if user.name == ROOT_USER {
            let message = "the user root is its account itself: it may do everything there, and has no `policy` and \
                           no `groups`";
            return Err(place.blame(&entry.name, message.into()));
        }
        if self.limited.replace(entry).is_some() {
            let message = format!(
                "user {} has `policy` or `groups` in two entries; they hold for all keys of a user: write them in one",
                user.name
            );
            return Err(place.blame(&entry.name, message));
        }
        Ok(())
    }

    fn grant(
        &self,
        place: &Place<'_>,
        name: &str,
        groups: &Groups,
    ) -> Result<(Vec<Arc<IdentityPolicy>>, Granted), ConfigurationError> {
        let Some(entry) = self.limited else { return Ok((Vec::new(), Granted::Everything)) };
        let own = entry.policy.as_ref();
        let mut policies = own.map_or(Ok(Vec::new()), |own| check_policies(place, &format!("user {name}"), own))?;
        let (own, mut names) = (policies.len(), Vec::new());
        if let Some(listed) = &entry.groups {
            let many = listed.get_ref().len();
            if !(1..=USER_GROUPS_MAX).contains(&many) {
                let message = format!("`users.groups` has {many} names; allowed: 1 to {USER_GROUPS_MAX}");
                return Err(place.blame(listed, message));
            }
            for group in listed.get_ref() {
                let Some(of_group) = groups.get(group.get_ref()) else {
                    let known: Vec<_> = groups.keys().map(String::as_str).collect();
                    let message = out_of_range("users.groups", group.get_ref(), &known.join(", "));
                    return Err(place.blame(group, message));
                };
                policies.extend(of_group.iter().cloned());
                names.push(group.get_ref().clone());
            }
        }
        let ignored =
            policies.iter().flat_map(|policy| policy.ignored()).map(|action| String::from(&**action)).collect();
        Ok((policies, Granted::ByPolicies { own, groups: names, ignored }))
    }
}

fn check_groups(place: &Place<'_>, entries: &[Spanned<GroupEntry>]) -> Result<Groups, ConfigurationError> {
    let mut groups = Groups::new();
    for entry in entries {
        let GroupEntry { name, policy } = entry.get_ref();
        if !is_name(name.get_ref()) {
            return Err(place.blame(name, out_of_range("groups.name", name.get_ref(), NAME_RULE)));
        }
        let policies = check_policies(place, &format!("group {}", name.get_ref()), policy)?;
        if groups.insert(name.get_ref().clone(), policies).is_some() {
            return Err(place.blame(name, format!("group {} stands twice", name.get_ref())));
        }
    }
    Ok(groups)
}

/// The policies of a user or a group, one at least.
fn check_policies(
    place: &Place<'_>,
    what: &str,
    documents: &Spanned<Documents>,
) -> Result<Vec<Arc<IdentityPolicy>>, ConfigurationError> {
    let many = match documents.get_ref() {
        Documents::One(document) => {
            let policy = policy(document).map_err(|problem| place.blame(documents, format!("{what}: {problem}")))?;
            return Ok(vec![Arc::new(policy)]);
        }
        Documents::Many(many) => many,
    };
    if !(1..=IDENTITY_POLICIES_MAX).contains(&many.len()) {
        let message = format!("{what} has {} policies in `policy`; allowed: 1 to {IDENTITY_POLICIES_MAX}", many.len());
        return Err(place.blame(documents, message));
    }
    let parse = |document: &Spanned<Json>| {
        let policy = policy(document.get_ref());
        policy.map(Arc::new).map_err(|problem| place.blame(document, format!("{what}: {problem}")))
    };
    many.iter().map(parse).collect()
}

/// One policy. An error says what is wrong, and in which statement.
fn policy(document: &Json) -> Result<IdentityPolicy, String> {
    let text = match document {
        Json::String(text) => Cow::Borrowed(text.as_str()),
        table => Cow::Owned(table.to_string()),
    };
    IdentityPolicy::parse(&text).map_err(|refused| {
        let sentence = posthouse_aws::identity_policy_message(&refused.problem);
        match refused.statement {
            Some(statement) => format!("policy, statement {statement}: {sentence}"),
            None => format!("policy: {sentence}"),
        }
    })
}

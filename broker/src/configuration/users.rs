//! `[[users]]`: the users that may call, by access key, and their roles in the admin API. What they may do with queues and
//! topics is in [`permissions`](super::permissions).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use posthouse_model::{AccountId, Credential, Keys, Permissions};
use toml::Spanned;

use super::ConfigurationError;
use super::file::UserEntry;
use super::layers::{file_error, line_of, out_of_range};
use super::secret::Secret;
use super::secret_file;

/// What a user may do in the admin API. An operator may do all that a viewer may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// It may look at everything, messages included, and change nothing.
    Viewer,
    /// It may do everything, in all accounts.
    Operator,
}

impl Role {
    /// The role as the configuration writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Viewer, Self::Operator].into_iter().find(|role| role.as_str() == text)
    }
}

/// One access key and the user that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's name, as in `arn:aws:iam::ACCOUNT:user/NAME`.
    pub name: String,
    /// The account that the user belongs to.
    pub account: AccountId,
    /// The key's id, which a signature names.
    pub access_key_id: String,
    /// The secret that signatures are computed with.
    pub secret_access_key: Secret,
    /// What the user may do.
    pub permissions: Permissions,
    /// What the user may do in the admin API. `None`: nothing.
    pub role: Option<Role>,
}

/// The users by access key, as every protocol's listener looks them up. Clones share one table.
#[derive(Clone, Debug)]
pub struct Users(Arc<[Arc<User>]>);

impl Users {
    /// The users of a configuration, whose access keys differ.
    #[must_use]
    pub fn new(mut users: Vec<User>) -> Self {
        users.sort_by(|a, b| a.access_key_id.cmp(&b.access_key_id));
        Self(users.into_iter().map(Arc::new).collect())
    }

    /// Whether there are none: then clients are not authenticated.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The user of an access key.
    #[must_use]
    pub fn of_key(&self, access_key_id: &str) -> Option<&Arc<User>> {
        let index = self.0.binary_search_by(|user| user.access_key_id.as_str().cmp(access_key_id)).ok()?;
        self.0.get(index)
    }
}

impl Keys for Users {
    fn find(&self, access_key_id: &str) -> Option<Credential<'_>> {
        let User { name, account, secret_access_key, permissions, .. } = &**self.of_key(access_key_id)?;
        let secret = secret_access_key.expose();
        Some(Credential { secret, account: *account, user: name, permissions: *permissions })
    }
}

/// The file that entries stand in, for the lines of errors.
pub(super) struct Place<'a> {
    pub(super) path: &'a Path,
    pub(super) source: &'a str,
}

impl Place<'_> {
    /// An error at the line of `value`.
    pub(super) fn blame<T>(&self, value: &Spanned<T>, message: String) -> ConfigurationError {
        file_error(self.path, line_of(self.source, value.span().start), message)
    }
}

/// Characters of the name of a user.
const NAME_CHARS_MAX: usize = 64;
/// What the name of a user or a group may be.
pub(super) const NAME_RULE: &str = "1 to 64 letters, digits and + = , . @ _ -";
const ACCESS_KEY_ID_CHARS_MAX: usize = 128;

/// The users of the entries, in their order. Their permissions are full.
pub(super) fn check(place: &Place<'_>, entries: &[Spanned<UserEntry>]) -> Result<Vec<User>, ConfigurationError> {
    let mut users: Vec<User> = Vec::with_capacity(entries.len());
    for entry in entries {
        let entry = entry.get_ref();
        let user = one(place, entry)?;
        if users.iter().any(|other| other.access_key_id == user.access_key_id) {
            let message = format!("`users.access_key_id` `{}` stands twice; a key has one user", user.access_key_id);
            return Err(place.blame(&entry.access_key_id, message));
        }
        users.push(user);
    }
    share_roles(place, &mut users, entries)?;
    Ok(users)
}

/// Gives each user the role that one of its entries names, whichever of its keys signs.
fn share_roles(
    place: &Place<'_>,
    users: &mut [User],
    entries: &[Spanned<UserEntry>],
) -> Result<(), ConfigurationError> {
    let mut roles: BTreeMap<(AccountId, String), Role> = BTreeMap::new();
    for (user, entry) in users.iter().zip(entries) {
        let Some(text) = &entry.get_ref().role else { continue };
        let role = Role::parse(text.get_ref())
            .ok_or_else(|| place.blame(text, out_of_range("users.role", text.get_ref(), "viewer, operator")))?;
        let earlier = roles.insert((user.account, user.name.clone()), role);
        if earlier.is_some_and(|earlier| earlier != role) {
            let message = format!(
                "user {} has two roles in two entries; a role holds for all keys of a user: write one",
                user.name
            );
            return Err(place.blame(text, message));
        }
    }
    for user in users {
        user.role = roles.get(&(user.account, user.name.clone())).copied();
    }
    Ok(())
}

fn one(place: &Place<'_>, entry: &UserEntry) -> Result<User, ConfigurationError> {
    let refuse = |value: &Spanned<String>, key: &str, allowed: &str| {
        place.blame(value, out_of_range(&format!("users.{key}"), value.get_ref(), allowed))
    };
    let account = account(place, "users.account", &entry.account)?;
    let name = entry.name.get_ref();
    if !is_name(name) {
        return Err(refuse(&entry.name, "name", NAME_RULE));
    }
    let key = entry.access_key_id.get_ref();
    let key_fits = (1..=ACCESS_KEY_ID_CHARS_MAX).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    if !key_fits {
        return Err(refuse(&entry.access_key_id, "access_key_id", "1 to 128 letters, digits, hyphens and underscores"));
    }
    Ok(User {
        name: name.clone(),
        account,
        access_key_id: key.clone(),
        secret_access_key: secret(place, entry)?,
        permissions: Permissions::Full,
        role: None,
    })
}

/// The secret of an entry, from the configuration file or from a file of its own.
fn secret(place: &Place<'_>, entry: &UserEntry) -> Result<Secret, ConfigurationError> {
    match (&entry.secret_access_key, &entry.secret_access_key_file) {
        (Some(secret), None) if secret.get_ref().expose().is_empty() => {
            Err(place.blame(secret, "`users.secret_access_key` is empty; allowed: any other text".into()))
        }
        (Some(secret), None) => Ok(secret.get_ref().clone()),
        (None, Some(path)) => {
            let read = secret_file::read(Path::new(path.get_ref()));
            read.map_err(|why| place.blame(path, format!("`users.secret_access_key_file` {why}")))
        }
        (Some(_), Some(path)) => {
            let message =
                "`users.secret_access_key` and `users.secret_access_key_file` are both set; allowed: one of them";
            Err(place.blame(path, message.into()))
        }
        (None, None) => {
            let message = "missing field `secret_access_key`, or `secret_access_key_file`";
            Err(place.blame(&entry.name, message.into()))
        }
    }
}

/// Whether a text may be the name of a user or a group.
pub(super) fn is_name(text: &str) -> bool {
    (1..=NAME_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b))
}

/// An account id.
pub(super) fn account(place: &Place<'_>, key: &str, text: &Spanned<String>) -> Result<AccountId, ConfigurationError> {
    let refused = |_| place.blame(text, out_of_range(key, text.get_ref(), "twelve digits, in quotes"));
    text.get_ref().parse().map_err(refused)
}

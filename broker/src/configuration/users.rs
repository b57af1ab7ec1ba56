//! `[[users]]`: the users that may call, by access key. What they may do is in [`permissions`](super::permissions).

use std::path::Path;
use std::sync::Arc;

use posthouse_model::{AccountId, Credential, Keys, Permissions};
use toml::Spanned;

use super::ConfigurationError;
use super::file::UserEntry;
use super::layers::{file_error, line_of, out_of_range};
use super::secret::Secret;

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
}

/// The users by access key, as every protocol's listener looks them up. Clones share one table.
#[derive(Clone, Debug)]
pub struct Users(Arc<[User]>);

impl Users {
    /// The users of a configuration, whose access keys differ.
    #[must_use]
    pub fn new(mut users: Vec<User>) -> Self {
        users.sort_by(|a, b| a.access_key_id.cmp(&b.access_key_id));
        Self(users.into())
    }

    /// Whether there are none: then clients are not authenticated.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Keys for Users {
    fn find(&self, access_key_id: &str) -> Option<Credential<'_>> {
        let index = self.0.binary_search_by(|user| user.access_key_id.as_str().cmp(access_key_id)).ok()?;
        let User { name, account, secret_access_key, permissions, .. } = &self.0[index];
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
    Ok(users)
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
    if entry.secret_access_key.get_ref().expose().is_empty() {
        let message = "`users.secret_access_key` is empty; allowed: any other text".into();
        return Err(place.blame(&entry.secret_access_key, message));
    }
    Ok(User {
        name: name.clone(),
        account,
        access_key_id: key.clone(),
        secret_access_key: entry.secret_access_key.get_ref().clone(),
        permissions: Permissions::Full,
    })
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

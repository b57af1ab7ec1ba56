//! The users as they are now. A reload of the configuration replaces them while clients are connected.

use std::sync::Arc;

use tokio::sync::watch;

use crate::configuration::{User, Users};

/// Replaces the users. Dropping it leaves them as they are.
pub struct UserTable(watch::Sender<Users>);

/// Reads the users. Clones read the same ones.
#[derive(Clone)]
pub struct LiveUsers(watch::Receiver<Users>);

/// The users of a configuration: what replaces them, and what reads them.
#[must_use]
pub fn channel(users: Users) -> (UserTable, LiveUsers) {
    let (sender, receiver) = watch::channel(users);
    (UserTable(sender), LiveUsers(receiver))
}

impl UserTable {
    /// Replaces the users.
    pub fn replace(&self, users: Users) {
        self.0.send_replace(users);
    }
}

/// What became of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its access key is no longer valid, or belongs to another user.
    Revoked,
    /// It has policies and had none before, or the other way round. Changes of policies are none of the user.
    Permissions,
}

impl LiveUsers {
    /// The users of this moment.
    #[must_use]
    pub fn now(&self) -> Users {
        self.0.borrow().clone()
    }

    /// Resolves once a user is no longer what it was, which may be at once.
    pub async fn changed(&mut self, known: &User) -> Change {
        loop {
            let change = match self.0.borrow_and_update().of_key(&known.access_key_id) {
                Some(user) if is_same(user, known) && user.permissions == known.permissions => None,
                Some(user) if is_same(user, known) => Some(Change::Permissions),
                Some(_) | None => Some(Change::Revoked),
            };
            if let Some(change) = change {
                return change;
            }
            if self.0.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Whether two users differ in nothing but what they may do. Their roles count in the admin API alone.
pub(crate) fn is_same(user: &Arc<User>, known: &User) -> bool {
    let User { name, account, access_key_id, secret_access_key, permissions: _, role: _ } = &**user;
    (name, account, access_key_id, secret_access_key)
        == (&known.name, &known.account, &known.access_key_id, &known.secret_access_key)
}

#[cfg(test)]
mod tests {
    use posthouse_model::{Permissions, PolicySetId};

    use super::*;
    use crate::configuration::Secret;

    fn user(secret: &str, permissions: Permissions) -> User {
        User {
            name: "ann".into(),
            account: posthouse_model::AccountId::DEFAULT,
            access_key_id: "A1".into(),
            secret_access_key: Secret::new(secret),
            permissions,
            role: None,
        }
    }

    #[tokio::test]
    async fn a_change_is_named() {
        let known = user("s", Permissions::Full);
        let (table, users) = channel(Users::new(vec![known.clone()]));
        let mut waiting = users.clone();
        let unchanged = tokio::time::timeout(std::time::Duration::from_millis(10), waiting.changed(&known)).await;
        assert!(unchanged.is_err());
        for (next, change) in [
            (vec![user("s", Permissions::Limited(PolicySetId::new(0)))], Change::Permissions),
            (vec![user("other", Permissions::Full)], Change::Revoked),
            (vec![], Change::Revoked),
        ] {
            table.replace(Users::new(next));
            assert_eq!(users.clone().changed(&known).await, change);
        }
    }
}

//! `posthouse users`

use super::session::{CliError, Session, Target};
use super::table::Column;

pub(super) const USERS: [Column; 5] = [
    Column::text("USER", "/arn"),
    Column::text("ROLE", "/role"),
    Column::text("KEYS", "/access_key_ids"),
    Column::text("ACCESS", "/access/kind"),
    Column::text("GROUPS", "/access/groups"),
];

/// Users that one command lists.
const USERS_MAX: usize = 100_000;

/// Lists the users, without their secrets.
///
/// # Errors
/// [`CliError`]
pub(super) fn run(session: &mut Session<'_>) -> Result<(), CliError> {
    let items = session.list(&Target::new("/v1/users"), USERS_MAX)?;
    session.print_items(&items, &USERS)
}

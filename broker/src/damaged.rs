//! `posthouse damaged list` and `posthouse damaged drop`: the client of the admin listener's `/damaged`.

use core::fmt;
use std::io::{self, Write};

use posthouse_model::operation::DamagedId;

use crate::admin_client::{AdminEndpoint, AdminError, exchange};
use crate::listener::admin::NEXT;

/// Ids of one request.
const IDS_MAX: usize = posthouse_model::limits::DAMAGED_DROPPED_MAX;

/// Why a command failed.
#[derive(Debug)]
pub enum DamagedError {
    /// The admin listener cannot be reached, or refused.
    Admin(AdminError),
    /// The output cannot be written.
    Output(io::Error),
    /// Some ids name no damaged message.
    Unknown(Vec<DamagedId>),
}

impl fmt::Display for DamagedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admin(error) => error.fmt(f),
            Self::Output(error) => write!(f, "cannot write the output: {error}"),
            Self::Unknown(ids) => {
                f.write_str("no damaged message has the id")?;
                ids.iter().try_for_each(|id| write!(f, " {id}"))
            }
        }
    }
}

impl std::error::Error for DamagedError {}

impl From<AdminError> for DamagedError {
    fn from(error: AdminError) -> Self {
        Self::Admin(error)
    }
}

/// Prints all damaged messages, one a line, under a line that names the fields.
///
/// # Errors
/// [`DamagedError`] if the broker does not answer with them.
pub fn list(admin: &AdminEndpoint, out: &mut impl Write) -> Result<(), DamagedError> {
    let mut path = "/damaged".to_owned();
    let mut headings = 0;
    loop {
        let answer = exchange(admin, &format!("GET {path}"), "")?;
        // The further pages repeat the line with the names.
        let mut lines = answer.text.split_inclusive('\n').skip(headings);
        lines.try_for_each(|line| out.write_all(line.as_bytes())).map_err(DamagedError::Output)?;
        headings = 1;
        match answer.header(NEXT.as_str()) {
            Some(next) => path = format!("/damaged?after={next}"),
            None => return out.flush().map_err(DamagedError::Output),
        }
    }
}

/// Drops damaged messages, and prints the ids of those that were dropped.
///
/// # Errors
/// [`DamagedError`] if the broker does not drop all of them. The others are dropped.
pub fn drop_all(admin: &AdminEndpoint, ids: &[DamagedId], out: &mut impl Write) -> Result<(), DamagedError> {
    let mut unknown = Vec::new();
    for ids in ids.chunks(IDS_MAX) {
        let body: String = ids.iter().map(|id| format!("{id}\n")).collect();
        let answer = exchange(admin, "DELETE /damaged", &body)?;
        out.write_all(answer.text.as_bytes()).map_err(DamagedError::Output)?;
        let dropped: Vec<&str> = answer.text.lines().collect();
        unknown.extend(ids.iter().filter(|id| !dropped.contains(&&*id.to_string())));
    }
    if unknown.is_empty() { Ok(()) } else { Err(DamagedError::Unknown(unknown)) }
}

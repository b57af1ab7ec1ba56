//! `posthouse push …`

use clap::Subcommand;
use serde_json::json;

use super::session::{CliError, Session, Target, encoded};
use super::table::Column;

/// What is done with push endpoints.
#[derive(Subcommand, Clone, Debug)]
pub enum PushCommand {
    /// Lists the endpoints that notifications are pushed to, with their last answers and what waits for them
    Ls {
        /// How many endpoints at most
        #[arg(long, default_value_t = 1000, value_name = "N")]
        limit: usize,
    },
    /// Tries an endpoint now instead of at its next attempt
    Retry {
        /// The id that `push ls` shows
        id: String,
    },
}

pub(super) const ENDPOINTS: [Column; 7] = [
    Column::text("ID", "/id"),
    Column::text("ENDPOINT", "/endpoint"),
    Column::number("BACKLOG", "/backlog"),
    Column::number("UNDER WAY", "/under_way"),
    Column::number("WINDOW", "/window"),
    Column::text("LAST ANSWER", "/latest_attempt/reason"),
    Column::age("NEXT ATTEMPT", "/next_retry"),
];

/// Runs a command.
///
/// # Errors
/// [`CliError`]
pub(super) fn run(session: &mut Session<'_>, command: PushCommand) -> Result<(), CliError> {
    match command {
        PushCommand::Ls { limit } => {
            let items = session.list(&Target::new("/v1/push"), limit)?;
            session.print_items(&items, &ENDPOINTS)
        }
        PushCommand::Retry { id } => {
            let target = Target::new(&format!("/v1/push/{}/retry", encoded(&id)));
            let answer = session.post(&target, &json!({}))?;
            let line = format!("{} deliveries are tried now", answer["deliveries"]);
            session.print_line(&line, &answer)
        }
    }
}

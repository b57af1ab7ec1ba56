//! The commands that ask a broker: each is a route of the admin API and the columns of a table, one file for a noun.
//!
//! Nothing is decided here. What a command prints is what the broker answers: as a table for people, or with `--json` as it
//! is. A command that fails says what to do, and its exit status why it failed ([`CliError::status`]).

mod aws;
mod check;
mod push;
mod queue;
mod session;
mod table;
mod topic;
mod users;

use std::io::{Read as _, Write};

use clap::{Args, Command, FromArgMatches, Subcommand};
use serde_json::Value as Json;

pub use check::{CheckLimits, Level};
pub use push::PushCommand;
pub use queue::QueueCommand;
use session::Session;
pub use session::{CliError, Connection};
pub use topic::TopicCommand;

/// Bytes of a body that is read from standard input: what a message may have, and room to be refused by the broker.
const INPUT_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// A command that asks a broker.
#[derive(Subcommand, Clone, Debug)]
pub enum CliCommand {
    /// Queues and their messages
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Queue(WithConnection<QueueCommand>),
    /// Topics and their subscriptions
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Topic(WithConnection<TopicCommand>),
    /// Endpoints that notifications are pushed to
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Push(WithConnection<PushCommand>),
    /// Lists the users and what they may do, without their secrets
    Users(Connection),
    /// Checks the broker and its queues for a monitoring system: exit status 0 good, 1 warning, 2 critical
    Check {
        /// Which broker.
        #[command(flatten)]
        connection: Connection,
        /// The limits.
        #[command(flatten)]
        limits: CheckLimits,
    },
    /// Runs the AWS CLI against the broker, and refuses what would reach Amazon
    Aws {
        /// Where the broker's AWS API listens
        #[arg(long, default_value = "http://127.0.0.1:9324", value_name = "URL")]
        endpoint_url: String,
        /// What the AWS CLI is given: `sqs list-queues`
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
        arguments: Vec<String>,
    },
}

/// A noun's command, and which broker it asks.
#[derive(Args, Clone, Debug)]
pub struct WithConnection<C: Subcommand + Clone> {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: C,
}

/// `command` with all of these commands.
#[must_use]
pub fn with_commands(command: Command) -> Command {
    CliCommand::augment_subcommands(command)
}

/// Which of these commands the matches of [`with_commands`] ask for. `None` if it is another one.
#[must_use]
pub fn command_of(matches: &clap::ArgMatches) -> Option<CliCommand> {
    let name = matches.subcommand_name()?;
    CliCommand::has_subcommand(name).then(|| CliCommand::from_arg_matches(matches).ok()).flatten()
}

/// Runs a command. Returns the exit status.
///
/// # Errors
/// [`CliError`]
pub fn run(command: CliCommand, out: &mut dyn Write) -> Result<u8, CliError> {
    match command {
        CliCommand::Queue(WithConnection { connection, command }) => {
            queue::run(&mut Session::new(connection, out)?, command)?;
        }
        CliCommand::Topic(WithConnection { connection, command }) => {
            topic::run(&mut Session::new(connection, out)?, command)?;
        }
        CliCommand::Push(WithConnection { connection, command }) => {
            push::run(&mut Session::new(connection, out)?, command)?;
        }
        CliCommand::Users(connection) => users::run(&mut Session::new(connection, out)?)?,
        CliCommand::Check { connection, limits } => {
            return check::run(&mut Session::new(connection, out)?, &limits).map(Level::status);
        }
        CliCommand::Aws { endpoint_url, arguments } => aws::run(&endpoint_url, &arguments)?,
    }
    Ok(0)
}

/// The items of a listing.
fn items(list: &Json) -> &[Json] {
    list["items"].as_array().map_or(&[], Vec::as_slice)
}

/// A text that was given, or for `-` what standard input has.
fn text_or_input(text: String) -> Result<String, CliError> {
    if text != "-" {
        return Ok(text);
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(INPUT_BYTES_MAX).read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|_| CliError::Usage("what standard input has is no UTF-8".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_declared_soundly() {
        crate::command::command().debug_assert();
    }

    /// Whether a schema of `docs/openapi.json` has a member.
    fn has(document: &Json, schema: &str, pointer: &str) -> bool {
        let mut place = &document["components"]["schemas"][schema];
        for name in pointer.split('/').skip(1) {
            place = &place["properties"][name];
        }
        !place.is_null()
    }

    #[test]
    fn every_column_is_a_field_of_the_api() {
        let document: Json = serde_json::from_str(include_str!("../../docs/openapi.json")).expect("JSON");
        let tables: [(&str, &[table::Column]); 9] = [
            ("QueueItem", &queue::QUEUES),
            ("Message", &queue::MESSAGES),
            ("Message", &queue::RECEIVED),
            ("Redrive", &queue::TASKS),
            ("TopicItem", &topic::TOPICS),
            ("Subscription", &topic::SUBSCRIPTIONS),
            // The last one is made of `failed` by the command.
            ("Match", &topic::MATCHES[..4]),
            ("PushTarget", &push::ENDPOINTS),
            ("User", &users::USERS),
        ];
        for (schema, columns) in tables {
            for column in columns {
                assert!(has(&document, schema, column.pointer()), "{schema} has no {}", column.pointer());
            }
        }
        assert!(has(&document, "Match", "/failed"));
    }

    #[test]
    fn a_command_knows_its_broker() {
        let parsed = |line: &str| {
            let matches = crate::command::command().try_get_matches_from(line.split(' '));
            matches.map(|matches| command_of(&matches))
        };
        let peek = parsed("posthouse queue peek orders --state visible --json --admin-listen 127.0.0.1:1");
        let Ok(Some(CliCommand::Queue(WithConnection { connection, command }))) = peek else { panic!("{peek:?}") };
        assert!(connection.json && connection.admin_listen.port() == 1);
        assert!(matches!(command, QueueCommand::Peek { state: Some(state), .. } if state == "visible"));
        let aws = parsed("posthouse aws sqs list-queues --region eu-west-1");
        assert!(matches!(aws, Ok(Some(CliCommand::Aws { arguments, .. })) if arguments.len() == 4));
        assert!(parsed("posthouse queue move q --to p").is_err(), "no message");
        assert!(parsed("posthouse queue delete q 1 --yes").is_err(), "messages or the queue");
        assert!(matches!(parsed("posthouse serve"), Ok(None)));
    }
}

//! The command line. Every setting is a flag, from the table that the file's keys come from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};

use posthouse_model::operation::DamagedId;

use crate::configuration::{SETTINGS, Setting};

/// What the command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// `serve`
    Serve(Given),
    /// `check-config`
    CheckConfig(Given),
    /// `damaged list`
    ListDamaged(Given),
    /// `damaged drop`
    DropDamaged(Given, Vec<DamagedId>),
    /// `verify`, with the directory and the key file
    Verify(PathBuf, Option<PathBuf>),
}

/// What it says about the configuration.
#[derive(Debug)]
pub struct Given {
    /// `--config`
    pub file: Option<PathBuf>,
    /// The other flags, by the names of their settings.
    pub flags: BTreeMap<String, String>,
}

/// The command with its flags and help.
#[must_use]
pub fn command() -> Command {
    Command::new("posthouse")
        .version(env!("CARGO_PKG_VERSION"))
        .about("An on-premises replacement for Amazon SQS")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(with_settings(Command::new("serve").about("Runs the broker")))
        .subcommand(with_settings(
            Command::new("check-config").about("Checks the configuration and prints every setting with its origin"),
        ))
        .subcommand(
            Command::new("damaged")
                .about("Lists and drops messages that cannot be read, by asking the broker that runs")
                .subcommand_required(true)
                .arg_required_else_help(true)
                .subcommand(with_admin(
                    Command::new("list")
                        .about("Prints each damaged message: its id and queue, and the file and offset of its record"),
                ))
                .subcommand(
                    with_admin(Command::new("drop").about("Drops damaged messages for good, by their ids")).arg(
                        Arg::new("id")
                            .required(true)
                            .num_args(1..)
                            .value_name("ID")
                            .value_parser(|text: &str| text.parse::<DamagedId>())
                            .help("The id that `damaged list` and the log show"),
                    ),
                ),
        )
        .subcommand(
            Command::new("verify")
                .about("Reads a data directory or a backup completely, changes nothing, and says what it found")
                .after_help(
                    "Exit status: 0 if a broker starts on the directory and serves every message; 1 if anything is damaged or \
                     missing; 2 if the directory cannot be read, is in use by a broker, or holds no log, or if no damage was \
                     found in an encrypted directory without its keys.",
                )
                .arg(directory("The data directory of a broker that is stopped, or a backup"))
                .arg(key_file()),
        )
}

/// The keys of an encrypted directory.
fn key_file() -> Arg {
    Arg::new("key-file")
        .long("key-file")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("The keys of an encrypted directory, as `storage.encryption.key_file`")
}

/// The one directory of a command.
fn directory(help: &'static str) -> Arg {
    Arg::new("directory").required(true).value_name("DIR").value_parser(value_parser!(PathBuf)).help(help)
}

fn with_settings(command: Command) -> Command {
    SETTINGS.iter().fold(command.arg(config()), |command, setting| command.arg(flag(setting)))
}

/// The command with the flags that say where the admin listener is.
fn with_admin(command: Command) -> Command {
    let settings = SETTINGS.iter().filter(|setting| setting.name() == ADMIN_LISTEN);
    settings.fold(command.arg(config()), |command, setting| command.arg(flag(setting)))
}

/// The setting of the admin listener's address.
const ADMIN_LISTEN: &str = "admin_listen";

fn config() -> Arg {
    Arg::new("config")
        .long("config")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("The configuration file [env: POSTHOUSE_CONFIG] [default: posthouse.toml, if there is one]")
}

fn flag(setting: &Setting) -> Arg {
    let help = format!("{} [env: {}] [default: {}]", setting.meaning.trim(), setting.variable(), setting.default);
    Arg::new(setting.name()).long(setting.flag()).value_name(setting.kind.as_str()).help(help)
}

/// What was asked for.
#[must_use]
pub fn invocation(matches: &ArgMatches) -> Option<Invocation> {
    match matches.subcommand()? {
        ("serve", matches) => Some(Invocation::Serve(given(matches))),
        ("check-config", matches) => Some(Invocation::CheckConfig(given(matches))),
        ("damaged", matches) => match matches.subcommand()? {
            ("list", matches) => Some(Invocation::ListDamaged(given(matches))),
            ("drop", matches) => {
                let ids = matches.get_many("id").unwrap_or_default().copied().collect();
                Some(Invocation::DropDamaged(given(matches), ids))
            }
            _ => None,
        },
        ("verify", matches) => {
            let directory = matches.get_one::<PathBuf>("directory")?.clone();
            Some(Invocation::Verify(directory, matches.get_one("key-file").cloned()))
        }
        _ => None,
    }
}

fn given(matches: &ArgMatches) -> Given {
    // A command has the flags of some settings or of all.
    let flag = |name: String| {
        let value = matches.try_get_one::<String>(&name).ok().flatten().cloned();
        value.map(|value| (name, value))
    };
    Given {
        file: matches.get_one("config").cloned(),
        flags: SETTINGS.iter().filter_map(|setting| flag(setting.name())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_a_flag() {
        command().debug_assert();
        let line =
            ["posthouse", "serve", "--config", "a.toml", "--listen", "127.0.0.1:1", "--limits-inbox-length", "20"];
        let matches = command().try_get_matches_from(line).expect("valid");
        let Some(Invocation::Serve(given)) = invocation(&matches) else { panic!("serve was asked for") };
        assert_eq!(given.file, Some("a.toml".into()));
        let expected = [("limits.inbox_length", "20"), ("listen", "127.0.0.1:1")];
        assert_eq!(given.flags, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        assert!(command().try_get_matches_from(["posthouse", "serve", "--lisen", "x"]).is_err());
        assert!(command().try_get_matches_from(["posthouse"]).is_err());
    }

    #[test]
    fn damaged_messages_are_dropped_by_their_ids() {
        let parsed = |line: &[&str]| command().try_get_matches_from(line).map(|matches| invocation(&matches));
        let line = ["posthouse", "damaged", "drop", "--admin-listen", "127.0.0.1:1", "7-00000000002a1f38"];
        let Ok(Some(Invocation::DropDamaged(given, ids))) = parsed(&line) else { panic!("drop was asked for") };
        assert_eq!(given.flags, [("admin_listen".to_owned(), "127.0.0.1:1".to_owned())].into());
        assert_eq!(ids.iter().map(ToString::to_string).collect::<Vec<_>>(), ["7-00000000002a1f38"]);
        assert!(matches!(parsed(&["posthouse", "damaged", "list"]), Ok(Some(Invocation::ListDamaged(_)))));
        for wrong in
            [&["posthouse", "damaged"][..], &["posthouse", "damaged", "drop"], &["posthouse", "damaged", "drop", "7"]]
        {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }
}

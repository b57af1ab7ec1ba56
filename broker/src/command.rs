//! The command line. Every setting is a flag, from the table that the file's keys come from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};

use posthouse_core::CutAt;
use posthouse_model::operation::DamagedId;

use crate::backup::{KEPT_MAX, Wanted};
use crate::cli::{CliCommand, command_of, with_commands};
use crate::configuration::{SETTINGS, Setting};
use crate::restore::{Restore, parse_position, parse_time};

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
    /// `backup`
    BackUp(Given, Wanted),
    /// `restore`, with the key file
    Restore(Restore, Option<PathBuf>),
    /// `verify`, with the directory and the key file
    Verify(PathBuf, Option<PathBuf>),
    /// A command that asks a broker by its admin API.
    Cli(CliCommand),
}

/// What it says about the configuration.
#[derive(Clone, Debug)]
pub struct Given {
    /// `--config`
    pub file: Option<PathBuf>,
    /// The other flags, by the names of their settings.
    pub flags: BTreeMap<String, String>,
}

/// The command with its flags and help.
#[must_use]
pub fn command() -> Command {
    with_commands(broker_command())
}

/// The command with what is done to a broker and its data directory.
fn broker_command() -> Command {
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
            with_admin(
                Command::new("backup")
                    .about("Makes a copy of the data directory of the broker that runs, without stopping or slowing it")
                    .after_help(
                        "DIR holds whole backups only, each in a directory of its own, named by its time and its position in \
                         the log. A second backup into the same DIR copies only what is new. Check a backup with `posthouse \
                         verify`, put it back with `posthouse restore`.",
                    ),
            )
            .arg(
                Arg::new("to")
                    .long("to")
                    .required(true)
                    .value_name("DIR")
                    .value_parser(value_parser!(PathBuf))
                    .help("Where the backups lie: on the broker's machine, best on another disk. Made if there is none"),
            )
            .arg(
                Arg::new("rate")
                    .long("rate")
                    .value_name("BYTES")
                    .value_parser(value_parser!(u64))
                    .default_value(RATE_TEXT)
                    .help("Bytes a second that are copied at most; 0 for no limit"),
            )
            .arg(
                Arg::new("keep")
                    .long("keep")
                    .value_name("N")
                    .value_parser(value_parser!(u32).range(1..=i64::from(KEPT_MAX)))
                    .default_value("1")
                    .help("How many backups stay in DIR, the new one included. The oldest are removed"),
            ),
        )
        .subcommand(
            Command::new("restore")
                .about("Puts a backup back as a data directory, whole or as of an earlier time or position")
                .after_help(
                    "docs/operating.md says what a restored broker delivers again. With --at or --position the log is cut, and \
                     the command says the earliest state that a backup holds if it does not hold that one.",
                )
                .arg(path("from", "A directory of backups (the latest is taken), a backup, or a data directory not in use"))
                .arg(path("to", "The new data directory: empty, or not there yet"))
                .arg(
                    Arg::new("at")
                        .long("at")
                        .value_name("TIME")
                        .conflicts_with("position")
                        .value_parser(parse_time)
                        .help("Leaves out what came later, such as 2026-11-30T14:05:00Z"),
                )
                .arg(
                    Arg::new("position")
                        .long("position")
                        .value_name("POSITION")
                        .value_parser(parse_position)
                        .help("Leaves out the records from this position on: sixteen hexadecimal digits"),
                )
                .arg(key_file()),
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

/// A directory that a flag names.
fn path(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).required(true).value_name("DIR").value_parser(value_parser!(PathBuf)).help(help)
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
    let says_where = |setting: &&Setting| setting.name() == ADMIN_LISTEN || setting.section == ADMIN_TLS;
    let settings = SETTINGS.iter().filter(says_where);
    settings.fold(command.arg(config()), |command, setting| command.arg(flag(setting)))
}

/// [`RATE_DEFAULT`](crate::backup::RATE_DEFAULT) as the command line has it.
const RATE_TEXT: &str = "104857600";

/// The setting of the admin listener's address.
const ADMIN_LISTEN: &str = "admin_listen";
/// The section of its TLS.
const ADMIN_TLS: &str = "admin.tls";

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
    if let Some(command) = command_of(matches) {
        return Some(Invocation::Cli(command));
    }
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
        ("backup", matches) => {
            let wanted = Wanted {
                to: matches.get_one::<PathBuf>("to")?.clone(),
                rate: *matches.get_one("rate")?,
                keep: *matches.get_one("keep")?,
            };
            Some(Invocation::BackUp(given(matches), wanted))
        }
        ("restore", matches) => {
            let (time, position) = (matches.get_one("at").copied(), matches.get_one("position").copied());
            Some(Invocation::Restore(
                Restore {
                    from: matches.get_one::<PathBuf>("from")?.clone(),
                    to: matches.get_one::<PathBuf>("to")?.clone(),
                    at: time.map(CutAt::Time).or(position.map(CutAt::Position)),
                },
                matches.get_one("key-file").cloned(),
            ))
        }
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
    use crate::backup::RATE_DEFAULT;

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
    fn a_backup_has_a_directory_a_rate_and_a_number() {
        let parsed = |line: &[&str]| command().try_get_matches_from(line).map(|matches| invocation(&matches));
        let Ok(Some(Invocation::BackUp(_, wanted))) = parsed(&["posthouse", "backup", "--to", "b"]) else {
            panic!("a backup was asked for")
        };
        assert_eq!(wanted, Wanted { to: "b".into(), rate: RATE_DEFAULT, keep: 1 });
        for wrong in [
            &["posthouse", "backup"][..],
            &["posthouse", "backup", "--to", "b", "--keep", "0"],
            &["posthouse", "backup", "--to", "b", "--rate", "-1"],
        ] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
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

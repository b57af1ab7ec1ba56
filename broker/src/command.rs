//! The command line. Every setting is a flag, from the table that the file's keys come from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};

use crate::configuration::SETTINGS;

/// What the command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// `serve`
    Serve(Given),
    /// `check-config`
    CheckConfig(Given),
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
}

fn with_settings(command: Command) -> Command {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("The configuration file [env: POSTHOUSE_CONFIG] [default: posthouse.toml, if there is one]");
    SETTINGS.iter().fold(command.arg(config), |command, setting| {
        let help = format!("{} [env: {}] [default: {}]", setting.meaning.trim(), setting.variable(), setting.default);
        command.arg(Arg::new(setting.name()).long(setting.flag()).value_name(setting.kind.as_str()).help(help))
    })
}

/// What was asked for.
#[must_use]
pub fn invocation(matches: &ArgMatches) -> Option<Invocation> {
    match matches.subcommand()? {
        ("serve", matches) => Some(Invocation::Serve(given(matches))),
        ("check-config", matches) => Some(Invocation::CheckConfig(given(matches))),
        _ => None,
    }
}

fn given(matches: &ArgMatches) -> Given {
    let flag = |name: String| matches.get_one::<String>(&name).cloned().map(|value| (name, value));
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
}

//! What the documentation lists is what the sources have: events, kinds of errors, features.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All sources below a folder, but this file.
fn sources(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if !path.ends_with("documented.rs") {
            found.push(read(&path));
        }
    }
    found
}

/// The first two cells of each row of a table behind a line, which ends with a line that is no row.
fn rows(text: &str, heading: &str) -> BTreeSet<(String, String)> {
    let lines = text.lines().map(|line| line.trim_start_matches("//!").trim());
    let rows = lines.skip_while(|line| *line != heading).skip(2).take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| row.split('|').skip(1).map(|cell| cell.trim().to_owned()).take(2).collect::<Vec<_>>());
    cells.map(|cells| (cells[0].clone(), cells[1].clone())).collect()
}

#[test]
fn every_event_is_listed() {
    let mut events = BTreeSet::new();
    for source in sources(&root().join("src")) {
        for (at, found) in source.match_indices("tracing::") {
            let rest = &source[at + found.len()..];
            let Some((level, rest)) = rest.split_once("!(") else { continue };
            if !["trace", "debug", "info", "warn", "error"].contains(&level) {
                continue;
            }
            // The message is the last text of the macro's arguments.
            let end = [rest.find("\")"), rest.find("\"\n")].into_iter().flatten().min().expect("a message");
            let message = rest[..end].rsplit('"').next().expect("a message");
            events.insert((level.to_owned(), message.to_owned()));
        }
    }
    assert!(events.len() > 10, "the sources were not read: {events:?}");
    assert_eq!(rows(&read(&root().join("src/lib.rs")), "| level | event | fields |"), events);
}

#[test]
fn every_kind_of_error_is_listed() {
    let source = read(&root().join("src/error.rs"));
    let (_, kinds) = source.split_once("pub enum ErrorKind {").expect("the kinds");
    let (kinds, _) = kinds.split_once("\n}").expect("its end");
    let kinds: BTreeSet<_> = kinds
        .lines()
        .filter_map(|line| line.strip_prefix("    ")?.strip_suffix(','))
        .filter(|name| name.chars().all(char::is_alphanumeric))
        .map(str::to_owned)
        .collect();
    let listed = rows(&read(&root().join("README.md")), "| kind | what to do |");
    let listed: BTreeSet<_> =
        listed.iter().flat_map(|(kinds, _)| kinds.split(", ")).map(|kind| kind.trim_matches('`').to_owned()).collect();
    assert_eq!(listed, kinds);
}

#[test]
fn every_feature_is_listed() {
    let manifest = read(&root().join("Cargo.toml"));
    let (_, features) = manifest.split_once("[features]\n").expect("the features");
    let features: BTreeSet<_> = features
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name.to_owned())
        .filter(|name| name != "default")
        .collect();
    let listed = rows(&read(&root().join("README.md")), "| feature | what |");
    let listed: BTreeSet<_> =
        listed.iter().map(|(feature, _)| feature.trim_end_matches(" (default)").trim_matches('`').to_owned()).collect();
    assert_eq!(listed, features);
}

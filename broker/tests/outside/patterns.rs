//! The pages of `docs/patterns`: each script succeeds against a fresh broker, and each page has a script and an entry
//! in the list.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::{Launch, python};

crate::cases! {
    fan_out_holds,
    fan_in_holds,
    command_holds,
    pipes_and_filters_holds,
    load_levelling_holds,
    strangler_holds,
    every_page_has_its_script_and_is_listed,
}

const PATTERNS: [&str; 6] = ["fan-out", "fan-in", "command", "pipes-and-filters", "load-levelling", "strangler"];

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/patterns")
}

fn read(file: &str) -> String {
    let path = directory().join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs a pattern's script against a broker of its own. Without users the broker may call services on loopback.
#[track_caller]
fn holds(pattern: &str) {
    assert!(PATTERNS.contains(&pattern), "{pattern} is one of the patterns");
    let broker = Launch::new().start();
    let script = directory().join(format!("{pattern}.py"));
    let said = python::run(python::program("python", &broker).arg(script));
    assert!(said.lines().count() >= 3, "the script says what happened:\n{said}");
}

fn fan_out_holds() {
    holds("fan-out");
}

fn fan_in_holds() {
    holds("fan-in");
}

fn command_holds() {
    holds("command");
}

fn pipes_and_filters_holds() {
    holds("pipes-and-filters");
}

fn load_levelling_holds() {
    holds("load-levelling");
}

fn strangler_holds() {
    holds("strangler");
}

/// No page or script is left out here.
fn every_page_has_its_script_and_is_listed() {
    let files = std::fs::read_dir(directory()).expect("the directory of the patterns");
    let names = files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned());
    let expected = PATTERNS.iter().flat_map(|pattern| [format!("{pattern}.md"), format!("{pattern}.py")]);
    let expected: BTreeSet<String> = expected.chain(["README.md".to_owned()]).collect();
    assert_eq!(names.collect::<BTreeSet<_>>(), expected);
    let list = read("README.md");
    for pattern in PATTERNS {
        assert!(list.contains(&format!("({pattern}.md)")), "the list links {pattern}.md");
        let page = read(&format!("{pattern}.md"));
        let command = format!("    .venv/bin/python docs/patterns/{pattern}.py");
        assert!(page.lines().any(|line| line == command), "{pattern}.md shows how to run its script");
        for heading in ["## What Posthouse guarantees", "## Pitfalls"] {
            assert!(page.lines().any(|line| line == heading), "{pattern}.md has {heading:?}");
        }
    }
}

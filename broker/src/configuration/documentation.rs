//! `docs/configuration.md` against the table of settings: a setting that is added, renamed or redefined has to be
//! documented before the tests pass.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Configuration, SETTINGS};

const DOCUMENT: &str = include_str!("../../../docs/configuration.md");

#[test]
fn every_setting_has_its_row() {
    let rows = SETTINGS.iter().map(|setting| {
        let default = if setting.default.is_empty() { "empty" } else { setting.default };
        let allowed = (setting.allowed)();
        format!(
            "| `{}` | `{}` | {allowed} | `{default}` | {} |",
            setting.name(),
            setting.variable(),
            setting.meaning.trim()
        )
    });
    let missing: Vec<_> = rows.filter(|row| !DOCUMENT.lines().any(|line| line == row)).collect();
    assert!(missing.is_empty(), "docs/configuration.md lacks:\n{}", missing.join("\n"));
}

/// The example of the document is a file that works.
#[test]
fn the_example_is_valid() {
    let example = DOCUMENT.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let path = Path::new("posthouse.toml");
    let configuration = Configuration::from_parts(Some(path), example, &BTreeMap::new(), &|_| None).expect("valid");
    let Configuration { users, queues, topics, .. } = configuration;
    let subscriptions: Vec<_> = topics.iter().map(|topic| topic.subscriptions.len()).collect();
    assert_eq!((users.len(), queues.len(), subscriptions), (2, 3, vec![2]));
}

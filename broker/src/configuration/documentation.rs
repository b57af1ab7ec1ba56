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

/// The configuration of an example of the document, counted from 1: each is a file that works.
fn example(place: usize) -> Configuration {
    let rest = DOCUMENT.split("```toml\n").nth(place).expect("an example");
    let example = rest.split("```").next().expect("its end");
    let path = Path::new("posthouse.toml");
    Configuration::from_parts(Some(path), example, &BTreeMap::new(), &|_| None).expect("valid")
}

#[test]
fn the_example_of_policies_is_valid() {
    let rights: Vec<_> = example(2).rights.iter().map(ToString::to_string).collect();
    assert_eq!(
        rights,
        [
            "user arn:aws:iam::111122223333:user/billing (AKIABILLING): own policies: 1; groups: none",
            "user arn:aws:iam::111122223333:user/shop (AKIASHOP): own policies: 1; groups: readers",
        ]
    );
}

#[test]
fn the_example_is_valid() {
    let Configuration { users, queues, topics, .. } = example(1);
    let subscriptions: Vec<_> = topics.iter().map(|topic| topic.subscriptions.len()).collect();
    assert_eq!((users.len(), queues.len(), subscriptions), (2, 3, vec![2]));
}

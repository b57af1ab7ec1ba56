//! Applies the rules of `posthouse-structure` to this workspace.
//!
//! How to read a failure of `modules_form_no_circle`:
//!
//!     posthouse-aws, crate: aws, sqs
//!         aws -> sqs: crate::aws names `crate::sqs::decode` of crate::sqs
//!         sqs -> aws: crate::sqs::context names `crate::aws::Refusal` of crate::aws
//!
//! The children `aws` and `sqs` of the crate's root, each with all of its descendants, name each other. Each further line is
//! a name that ties them: the file in which it stands, the path as it is written there, and the file that defines the item.
//! To cut the circle, move what both share (here `Refusal`) into a module below both.
//!
//! A failure of `crates_depend_as_documented` names the manifest's package and the crate that its row in
//! `docs/architecture.md` lacks or has too much.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use posthouse_structure::crates::{Member, differences, members, table};
use posthouse_structure::{Circle, Modules, circles};

/// Circles that are still to be cut: the package, the parent, and the children. A circle may be smaller than its entry,
/// and an entry without any circle fails the test.
const KNOWN: &[(&str, &str, &[&str])] = &[
    ("posthouse-engine", "", &["checkpoint", "engine", "operation"]),
    ("posthouse-engine", "", &["event", "registry", "state", "topic"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace").to_owned()
}

fn all_circles(members: &[Member]) -> Vec<(&str, Circle)> {
    let of_member = |member: &Member| circles(&Modules::read(&member.folder.join("src")).expect("readable sources"));
    members
        .iter()
        .flat_map(|member| of_member(member).into_iter().map(|circle| (member.name.as_str(), circle)))
        .collect()
}

fn covers(entry: &(&str, &str, &[&str]), package: &str, circle: &Circle) -> bool {
    let children: BTreeSet<_> = entry.2.iter().map(|name| (*name).to_owned()).collect();
    entry.0 == package && entry.1 == circle.parent.join("::") && circle.children.is_subset(&children)
}

#[test]
fn modules_form_no_circle() {
    let members = members(&root()).expect("readable manifests");
    let circles = all_circles(&members);
    let mut failures = Vec::new();
    for (package, circle) in &circles {
        if KNOWN.iter().any(|entry| covers(entry, package, circle)) {
            println!("known: {package}, {circle}");
        } else {
            failures.push(format!("{package}, {circle}"));
        }
    }
    for entry in KNOWN {
        if !circles.iter().any(|(package, circle)| covers(entry, package, circle)) {
            failures.push(format!("{entry:?} is no circle any more: remove it from KNOWN\n"));
        }
    }
    assert!(failures.is_empty(), "{} circles:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn crates_depend_as_documented() {
    let text = fs::read_to_string(root().join("docs/architecture.md")).expect("readable");
    let differences = differences(&members(&root()).expect("readable manifests"), &table(&text).expect("a table"));
    assert!(differences.is_empty(), "docs/architecture.md and the manifests differ:\n{}", differences.join("\n"));
}

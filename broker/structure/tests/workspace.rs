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

use std::fs;
use std::path::{Path, PathBuf};

use posthouse_structure::crates::{differences, members, table};
use posthouse_structure::{Modules, circles};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace").to_owned()
}

#[test]
fn modules_form_no_circle() {
    let (mut failures, mut arrows) = (Vec::new(), 0);
    for member in members(&root()).expect("readable manifests") {
        let modules = Modules::read(&member.folder.join("src")).expect("readable sources");
        arrows += modules.arrows().len();
        failures.extend(circles(&modules).iter().map(|circle| format!("{}, {circle}", member.name)));
    }
    assert!(arrows > 0, "no arrow was found: the sources were not read");
    assert!(failures.is_empty(), "{} circles:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn crates_depend_as_documented() {
    let text = fs::read_to_string(root().join("docs/architecture.md")).expect("readable");
    let differences = differences(&members(&root()).expect("readable manifests"), &table(&text).expect("a table"));
    assert!(differences.is_empty(), "docs/architecture.md and the manifests differ:\n{}", differences.join("\n"));
}

//! The crates of the workspace, from their manifests, and the table of `docs/architecture.md` that they are held to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// A member of the workspace.
#[derive(Debug)]
pub struct Member {
    /// The name of its package.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// The members that its library or binary depends on.
    pub dependencies: BTreeSet<String>,
    /// The members that only its tests, examples or build script depend on.
    pub dev_dependencies: BTreeSet<String>,
}

/// A row of the table: a crate, and what it may depend on.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// The name of the package.
    pub name: String,
    /// The crates that it depends on; `None` for "any library" and "all above", which allow each crate of a row above.
    pub dependencies: Option<BTreeSet<String>>,
    /// The crates that its tests depend on besides.
    pub dev_dependencies: BTreeSet<String>,
}

/// Reads the members of the workspace at `root`.
///
/// # Errors
///
/// A manifest cannot be read or lacks what Cargo demands; the error names it.
pub fn members(root: &Path) -> Result<Vec<Member>, String> {
    let manifest = read_manifest(root)?;
    let folders = manifest.get("workspace").and_then(|workspace| workspace.get("members")).and_then(Value::as_array);
    let folders = folders.ok_or("the root manifest lists no members")?;
    let mut members = Vec::new();
    for folder in folders.iter().filter_map(Value::as_str) {
        let folder = root.join(folder);
        let manifest = read_manifest(&folder)?;
        let name = manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
        let name = name.ok_or_else(|| format!("{}: no package name", folder.display()))?.to_owned();
        let dev_dependencies = [names(&manifest, "dev-dependencies"), names(&manifest, "build-dependencies")].concat();
        members.push(Member {
            name,
            folder,
            dependencies: names(&manifest, "dependencies").into_iter().collect(),
            dev_dependencies: dev_dependencies.into_iter().collect(),
        });
    }
    let known: BTreeSet<_> = members.iter().map(|member| member.name.clone()).collect();
    for member in &mut members {
        member.dependencies.retain(|name| known.contains(name));
        member.dev_dependencies.retain(|name| known.contains(name));
    }
    Ok(members)
}

/// Reads the table under the heading "The crates". Short names in its last column are completed to `posthouse-…`.
///
/// # Errors
///
/// There is no such table.
pub fn table(text: &str) -> Result<Vec<Row>, String> {
    let section = text.split("\n## ").find(|section| section.starts_with("The crates\n"));
    let lines = section.ok_or("no heading \"## The crates\"")?.lines().filter(|line| line.starts_with("| `"));
    let mut rows: Vec<Row> = Vec::new();
    for line in lines {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let (Some(first), Some(last)) = (cells.first(), cells.last()) else { continue };
        let name = first.split('`').nth(1).unwrap_or_default().to_owned();
        let (dependencies, dev_dependencies) = last.split_once("(tests: ").unwrap_or((last, ""));
        let dependencies = match dependencies.trim() {
            "any library" | "all above" => None,
            list => Some(completed(list)),
        };
        rows.push(Row { name, dependencies, dev_dependencies: completed(dev_dependencies.trim_end_matches(')')) });
    }
    if rows.is_empty() { Err("no table of crates".to_owned()) } else { Ok(rows) }
}

/// What differs between the members and the table, a sentence each.
#[must_use]
pub fn differences(members: &[Member], rows: &[Row]) -> Vec<String> {
    let floors: BTreeMap<_, _> = rows.iter().enumerate().map(|(floor, row)| (row.name.as_str(), floor)).collect();
    let mut differences = Vec::new();
    for row in rows.iter().filter(|row| members.iter().all(|member| member.name != row.name)) {
        differences.push(format!("the table has {}, the workspace has not", row.name));
    }
    for member in members {
        let Some(row) = rows.iter().find(|row| row.name == member.name) else {
            differences.push(format!("the table lacks {}", member.name));
            continue;
        };
        let is_above = |name: &&String| floors.get(name.as_str()) >= floors.get(member.name.as_str());
        for name in member.dependencies.iter().filter(is_above) {
            differences.push(format!("{} depends on {name}, which does not stand above it in the table", member.name));
        }
        if let Some(listed) = &row.dependencies {
            differences.extend(compare(&member.name, "depends on", &member.dependencies, listed));
        }
        let only_tests: BTreeSet<_> = member.dev_dependencies.difference(&member.dependencies).cloned().collect();
        differences.extend(compare(&member.name, "depends in tests on", &only_tests, &row.dev_dependencies));
    }
    differences
}

fn compare(member: &str, relation: &str, actual: &BTreeSet<String>, listed: &BTreeSet<String>) -> Vec<String> {
    let missing = actual.difference(listed).map(|name| format!("{member} {relation} {name}; its row lacks it"));
    let stale = listed.difference(actual).map(|name| format!("{member} no longer {relation} {name}; its row has it"));
    missing.chain(stale).collect()
}

fn completed(list: &str) -> BTreeSet<String> {
    let names = list.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != "-");
    names.map(|name| format!("posthouse-{name}")).collect()
}

fn read_manifest(folder: &Path) -> Result<Table, String> {
    let path = folder.join("Cargo.toml");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    text.parse().map_err(|error| format!("{}: {error}", path.display()))
}

fn names(manifest: &Table, section: &str) -> Vec<String> {
    let dependencies = manifest.get(section).and_then(Value::as_table);
    dependencies.map(|table| table.keys().cloned().collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "# Architecture\n\n## The crates\n\n| crate | what it owns | depends on (ours) |\n|---|---|---|
| `posthouse-model` (`client/model`) | names | - |\n| `posthouse-engine` (`broker/engine`) | queues | model |
| `posthouse` (`broker`) | the binary | all above (tests: loadtest) |\n| `posthouse-bench` (`bench`) | benchmarks | any library |\n\n## Next\n";

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn member(name: &str, dependencies: &[&str], dev_dependencies: &[&str]) -> Member {
        Member {
            name: name.to_owned(),
            folder: PathBuf::new(),
            dependencies: set(dependencies),
            dev_dependencies: set(dev_dependencies),
        }
    }

    #[test]
    fn the_table_is_read() {
        let row = |name: &str, dependencies: Option<&[&str]>, dev_dependencies: &[&str]| Row {
            name: name.to_owned(),
            dependencies: dependencies.map(set),
            dev_dependencies: set(dev_dependencies),
        };
        assert_eq!(
            table(TABLE).unwrap(),
            [
                row("posthouse-model", Some(&[]), &[]),
                row("posthouse-engine", Some(&["posthouse-model"]), &[]),
                row("posthouse", None, &["posthouse-loadtest"]),
                row("posthouse-bench", None, &[]),
            ]
        );
        assert!(table("## Something else\n").is_err());
    }

    #[test]
    fn members_that_follow_the_table_differ_in_nothing() {
        let members = [
            member("posthouse-model", &[], &[]),
            member("posthouse-engine", &["posthouse-model"], &["posthouse-model"]),
            member("posthouse", &["posthouse-engine", "posthouse-model"], &["posthouse-loadtest"]),
            member("posthouse-bench", &["posthouse-model"], &[]),
        ];
        assert_eq!(differences(&members, &table(TABLE).unwrap()), [""; 0]);
    }

    #[test]
    fn every_difference_is_a_sentence() {
        let members = [
            member("posthouse-model", &["posthouse-engine"], &["posthouse-bench"]),
            member("posthouse-engine", &[], &[]),
            member("posthouse-new", &[], &[]),
            member("posthouse", &["posthouse-engine", "posthouse-model"], &["posthouse-loadtest"]),
        ];
        assert_eq!(
            differences(&members, &table(TABLE).unwrap()),
            [
                "the table has posthouse-bench, the workspace has not",
                "posthouse-model depends on posthouse-engine, which does not stand above it in the table",
                "posthouse-model depends on posthouse-engine; its row lacks it",
                "posthouse-model depends in tests on posthouse-bench; its row lacks it",
                "posthouse-engine no longer depends on posthouse-model; its row has it",
                "the table lacks posthouse-new",
            ]
        );
    }
}

//! Circles among the children of a module.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::modules::{Arrow, ModulePath, Modules};

/// Direct children of one module, each of which reaches all the others over arrows between them. A child stands for
/// itself and all of its descendants.
#[derive(Debug, PartialEq, Eq)]
pub struct Circle {
    /// The module whose children these are.
    pub parent: ModulePath,
    /// Their names, sorted; at least two.
    pub children: BTreeSet<String>,
    /// The arrows that tie them, sorted.
    pub arrows: Vec<Arrow>,
}

/// The arrows between the children of one module: from, to, and what ties them.
type Level = BTreeMap<(String, String), Vec<Arrow>>;

/// All circles of a crate, sorted by parent.
#[must_use]
pub fn circles(modules: &Modules) -> Vec<Circle> {
    let mut levels: BTreeMap<ModulePath, Level> = BTreeMap::new();
    for arrow in modules.arrows() {
        let shared = arrow.from.iter().zip(&arrow.to).take_while(|(from, to)| from == to).count();
        // A module and its own descendants may name each other.
        if let (Some(from), Some(to)) = (arrow.from.get(shared), arrow.to.get(shared)) {
            let level = levels.entry(arrow.from[..shared].to_vec()).or_default();
            level.entry((from.clone(), to.clone())).or_default().push(arrow);
        }
    }
    levels.into_iter().flat_map(|(parent, level)| circles_of(&parent, &level)).collect()
}

/// The circles among the children of `parent`: groups that reach each other.
fn circles_of(parent: &[String], level: &Level) -> Vec<Circle> {
    let names: BTreeSet<_> = level.keys().flat_map(|(from, to)| [from, to]).collect();
    let reached: BTreeMap<_, _> = names.iter().map(|name| (*name, reachable(level, name))).collect();
    let mut groups: BTreeSet<BTreeSet<String>> = BTreeSet::new();
    for name in &names {
        let group: BTreeSet<_> = reached[name].iter().filter(|other| reached[other].contains(*name)).collect();
        if !group.is_empty() {
            groups.insert(group.into_iter().cloned().collect());
        }
    }
    let arrows_within = |children: &BTreeSet<String>| {
        let ties = level.iter().filter(|((from, to), _)| children.contains(from) && children.contains(to));
        ties.flat_map(|(_, arrows)| arrows.clone()).collect()
    };
    let circle = |children| Circle { parent: parent.to_vec(), arrows: arrows_within(&children), children };
    groups.into_iter().map(circle).collect()
}

/// What arrows lead to from `start`; `start` itself only over a circle.
fn reachable(level: &Level, start: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![start];
    while let Some(name) = open.pop() {
        for (_, to) in level.keys().filter(|(from, _)| from == name) {
            if reached.insert(to.clone()) {
                open.push(to);
            }
        }
    }
    reached
}

/// The circle and, a line each, the names that tie it.
impl fmt::Display for Circle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let children: Vec<_> = self.children.iter().map(String::as_str).collect();
        writeln!(formatter, "{}: {}", path(&self.parent), children.join(", "))?;
        let depth = self.parent.len();
        for arrow in &self.arrows {
            let (from, to) = (&arrow.from[depth], &arrow.to[depth]);
            writeln!(
                formatter,
                "    {from} -> {to}: {} names `{}` of {}",
                path(&arrow.from),
                arrow.name,
                path(&arrow.to)
            )?;
        }
        Ok(())
    }
}

fn path(module: &[String]) -> String {
    std::iter::once("crate").chain(module.iter().map(String::as_str)).collect::<Vec<_>>().join("::")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::tests::modules;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        circles(&modules(files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn two_siblings_that_name_each_other_are_a_circle() {
        let files = [("crate", ""), ("crate::a", "use crate::b::C;"), ("crate::b", "fn f() { super::a::g() }")];
        assert_eq!(
            found(&files),
            [
                "crate: a, b\n    a -> b: crate::a names `crate::b::C` of crate::b\n    b -> a: crate::b names `super::a::g` of crate::a\n"
            ]
        );
    }

    #[test]
    fn a_parent_and_its_descendants_may_name_each_other() {
        let files = [
            ("crate", "mod a; use a::b::C; pub struct R;"),
            ("crate::a", "use self::b::C; pub struct D; use crate::R;"),
            ("crate::a::b", "use super::D; use crate::R; pub struct C;"),
        ];
        assert_eq!(found(&files), [""; 0]);
    }

    #[test]
    fn folders_are_in_a_circle_though_no_two_files_are() {
        let files = [
            ("crate", ""),
            ("crate::a", ""),
            ("crate::a::x", "use crate::b::y::Y;"),
            ("crate::a::z", "pub struct Z;"),
            ("crate::b", ""),
            ("crate::b::y", "use crate::a::z::Z; pub struct Y;"),
        ];
        let circles = circles(&modules(&files));
        assert_eq!(circles.len(), 1);
        assert_eq!(circles[0].parent, ModulePath::new());
        assert_eq!(circles[0].children, BTreeSet::from(["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn a_chain_is_no_circle_and_a_circle_leaves_out_what_hangs_on_it() {
        let chain =
            [("crate", ""), ("crate::a", "use crate::b::B;"), ("crate::b", "use crate::c::C;"), ("crate::c", "")];
        assert_eq!(found(&chain), [""; 0]);
        let files = [
            ("crate", ""),
            ("crate::a", "use crate::b::B;"),
            ("crate::b", "use crate::c::C;"),
            ("crate::c", "use crate::b::B; use crate::d::D;"),
            ("crate::d", ""),
        ];
        let circles = circles(&modules(&files));
        assert_eq!(circles.len(), 1);
        assert_eq!(circles[0].children, BTreeSet::from(["b".to_owned(), "c".to_owned()]));
    }

    #[test]
    fn a_circle_through_a_re_export_of_the_root_is_found() {
        let files = [
            ("crate", "mod a; mod b; pub use b::B;"),
            ("crate::a", "use crate::B; pub struct A;"),
            ("crate::b", "use crate::a::A; pub struct B;"),
        ];
        assert_eq!(circles(&modules(&files)).len(), 1);
    }
}

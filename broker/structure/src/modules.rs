//! The module files of one crate, and the arrows between them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::source::Source;

/// The names that lead from the crate's root to a module; empty for the root.
pub type ModulePath = Vec<String>;

/// The module files of a crate, without those of its tests.
#[derive(Debug, Default)]
pub struct Modules {
    modules: BTreeMap<ModulePath, Source>,
}

/// One module names an item of another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrow {
    /// The module in which the name stands.
    pub from: ModulePath,
    /// The module whose file defines the item, behind all re-exports.
    pub to: ModulePath,
    /// The path as it stands in `from`.
    pub name: String,
}

impl Modules {
    /// Reads all files below the folder `src` of a crate with a library.
    ///
    /// # Errors
    ///
    /// A file cannot be read or is not made of Rust tokens; the error names it.
    pub fn read(src: &Path) -> Result<Self, String> {
        let mut sources = BTreeMap::new();
        read_folder(src, &ModulePath::new(), &mut sources)?;
        Ok(Self::new(sources))
    }

    /// The modules whose sources are given, without the tests among them.
    #[must_use]
    pub fn new(sources: BTreeMap<ModulePath, Source>) -> Self {
        let mut tests: BTreeSet<ModulePath> = BTreeSet::new();
        for (path, source) in &sources {
            tests.extend(source.test_modules.iter().map(|name| child(path, name)));
        }
        let is_test = |path: &ModulePath| (1..=path.len()).any(|length| tests.contains(&path[..length]));
        Self { modules: sources.into_iter().filter(|(path, _)| !is_test(path)).collect() }
    }

    /// Every arrow from one module to another, sorted, each name once.
    #[must_use]
    pub fn arrows(&self) -> BTreeSet<Arrow> {
        let mut arrows = BTreeSet::new();
        for (from, source) in &self.modules {
            for path in source.imports.iter().map(|import| &import.path).chain(&source.paths) {
                let Some(to) = self.resolve(from, path, &mut BTreeSet::new()) else { continue };
                if to != *from && !self.is_repeated(from, path, &to) {
                    arrows.insert(Arrow { from: from.clone(), to, name: path.join("::") });
                }
            }
        }
        arrows
    }

    /// Whether a path starts with an imported name whose import leads to the same file, as `Kind::First` after
    /// `use crate::kind::Kind`.
    fn is_repeated(&self, from: &[String], path: &[String], to: &[String]) -> bool {
        let import = path.first().and_then(|first| self.import(from, first)).filter(|import| *import != path);
        import.is_some_and(|import| self.resolve(from, import, &mut BTreeSet::new()).as_deref() == Some(to))
    }

    /// The module that defines what a path names in `from`; `None` if the path leads out of the crate, or starts with a
    /// name that the file itself defines. `followed` holds the imports that led here, so that none is followed twice.
    fn resolve(
        &self,
        from: &[String],
        path: &[String],
        followed: &mut BTreeSet<(ModulePath, String)>,
    ) -> Option<ModulePath> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.descend(&[], rest, followed),
            "self" if rest.first().is_some_and(|next| next == "super") => self.resolve(from, rest, followed),
            "self" => self.descend(from, rest, followed),
            "super" => {
                let (_, parent) = from.split_last()?;
                match rest.first() {
                    Some(next) if next == "super" => self.resolve(parent, rest, followed),
                    _ => self.descend(parent, rest, followed),
                }
            }
            _ if self.modules.contains_key(&child(from, first)) => self.descend(from, path, followed),
            _ if self.import(from, first).is_some() => self.descend(from, path, followed),
            _ => None,
        }
    }

    /// The module that defines the item which `names` leads to from `module`.
    fn descend(
        &self,
        module: &[String],
        names: &[String],
        followed: &mut BTreeSet<(ModulePath, String)>,
    ) -> Option<ModulePath> {
        let Some((first, rest)) = names.split_first() else {
            return Some(module.to_vec());
        };
        let inner = child(module, first);
        if self.modules.contains_key(&inner) {
            return self.descend(&inner, rest, followed);
        }
        let Some(import) = self.import(module, first) else {
            return Some(module.to_vec());
        };
        if !followed.insert((module.to_vec(), first.clone())) {
            return None;
        }
        let path: Vec<_> = import.iter().chain(rest).cloned().collect();
        self.resolve(module, &path, followed)
    }

    /// The path that a module imports under a name.
    fn import(&self, module: &[String], name: &str) -> Option<&[String]> {
        let imports = &self.modules.get(module)?.imports;
        imports.iter().find(|import| import.name.as_deref() == Some(name)).map(|import| import.path.as_slice())
    }
}

fn child(module: &[String], name: &str) -> ModulePath {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

fn read_folder(folder: &Path, module: &ModulePath, sources: &mut BTreeMap<ModulePath, Source>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        if path.is_dir() {
            read_folder(&path, &child(module, &stem), sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") && stem != "main" {
            let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let source = Source::parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
            let is_named_by_folder = stem == "mod" || (stem == "lib" && module.is_empty());
            sources.insert(if is_named_by_folder { module.clone() } else { child(module, &stem) }, source);
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Modules from lines of `module: text`, where the root is called `crate`.
    pub(crate) fn modules(files: &[(&str, &str)]) -> Modules {
        let path = |name: &str| name.split("::").skip(1).map(ToOwned::to_owned).collect();
        Modules::new(files.iter().map(|(name, text)| (path(name), Source::parse(text).unwrap())).collect())
    }

    fn arrows(files: &[(&str, &str)]) -> Vec<String> {
        let line = |arrow: Arrow| format!("{} -> {}", arrow.from.join("::"), arrow.to.join("::"));
        modules(files).arrows().into_iter().map(line).collect()
    }

    #[test]
    fn a_path_is_an_arrow_to_the_file_that_defines_the_item() {
        let files = [("crate", ""), ("crate::a", "use crate::b::C;"), ("crate::b", "pub struct C;")];
        assert_eq!(arrows(&files), ["a -> b"]);
        let files = [("crate", ""), ("crate::a", "fn f() { super::b::c::d() }"), ("crate::b", ""), ("crate::b::c", "")];
        assert_eq!(arrows(&files), ["a -> b::c"]);
    }

    #[test]
    fn re_exports_are_followed_to_the_definition() {
        let files = [
            ("crate", "mod a; mod b; pub use b::D; pub use a::f;"),
            ("crate::a", "use crate::D;"),
            ("crate::b", "mod c; pub use self::c::{E as D};"),
            ("crate::b::c", "pub struct E;"),
        ];
        assert_eq!(arrows(&files), [" -> a", " -> b::c", "a -> b::c", "b -> b::c"]);
    }

    #[test]
    fn a_module_that_is_imported_starts_paths() {
        let files =
            [("crate", ""), ("crate::a", "use crate::b; fn f() { b::c::D }"), ("crate::b", ""), ("crate::b::c", "")];
        assert_eq!(arrows(&files), ["a -> b", "a -> b::c"]);
    }

    #[test]
    fn a_path_that_starts_with_an_imported_item_is_no_second_arrow() {
        let files = [("crate", ""), ("crate::a", "use crate::b::C; fn f() { C::new(C::D) }"), ("crate::b", "")];
        assert_eq!(arrows(&files), ["a -> b"]);
    }

    #[test]
    fn other_crates_are_no_arrows() {
        let files = [
            ("crate", ""),
            ("crate::a", "use ::b::C; use time::{self, b}; fn f() { std::b::c(); time::now() }"),
            ("crate::b", ""),
        ];
        assert_eq!(arrows(&files), [""; 0]);
    }

    #[test]
    fn imports_in_a_circle_end() {
        let files = [("crate", "pub use a::X;"), ("crate::a", "pub use crate::X; fn f(x: X::Y) {}")];
        assert_eq!(arrows(&files), [""; 0]);
    }

    #[test]
    fn files_of_tests_and_what_lies_below_them_are_left_out() {
        let files = [
            ("crate", "#[cfg(test)] mod tests;"),
            ("crate::a", ""),
            ("crate::tests", "mod b; use crate::a;"),
            ("crate::tests::b", "use crate::a::C;"),
        ];
        assert_eq!(arrows(&files), [""; 0]);
    }
}

//! The names that one Rust file imports and uses, read from its tokens.
//!
//! Reading tokens rather than a syntax tree also sees the paths inside macro calls. Comments and strings are no paths,
//! and items under `#[cfg(test)]` are skipped.

use std::iter::Peekable;
use std::slice::Iter;

use crate::token::{Token, tokens};

/// What one file names. Inline modules are part of the file that they stand in.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// One for each leaf of each `use` tree.
    pub imports: Vec<Import>,
    /// Paths of at least two names in signatures, expressions and macro calls.
    pub paths: Vec<Vec<String>>,
    /// Modules declared as `#[cfg(test)] mod name;`.
    pub test_modules: Vec<String>,
}

/// A leaf of a `use` tree.
#[derive(Debug, PartialEq, Eq)]
pub struct Import {
    /// The names of the path. The first is empty where the path starts with `::`, which leads to another crate.
    pub path: Vec<String>,
    /// The name that the import binds; `None` for a glob and for `as _`.
    pub name: Option<String>,
}

type Tokens<'a> = Peekable<Iter<'a, Token>>;

impl Source {
    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// The text is not made of Rust tokens; the error says why.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut source = Self::default();
        source.read(&tokens(text)?, 0);
        Ok(source)
    }

    /// Reads tokens that stand in `depth` inline modules of the file.
    fn read(&mut self, tokens: &[Token], depth: usize) {
        let mut tokens = tokens.iter().peekable();
        let mut before = None;
        while let Some(token) = tokens.next() {
            match token {
                Token::Sign('#') => {
                    if let Some(attribute) = next_group(&mut tokens, '[')
                        && is_for_tests(attribute)
                    {
                        self.skip_item(&mut tokens);
                    }
                }
                Token::Word(word) if word == "use" && tokens.peek() != Some(&&Token::Sign('<')) => {
                    self.read_use(&mut tokens, &[], depth);
                }
                Token::Word(word) if word == "mod" => {
                    tokens.next();
                    if let Some(body) = next_group(&mut tokens, '{') {
                        self.read(body, depth + 1);
                    }
                }
                Token::Word(word) => {
                    let path = rest_of_path(&mut tokens, word);
                    // `$name::Item` is a path only where a macro is expanded; `$crate` starts one as `crate` does.
                    let starts = !matches!(before, Some(':')) && (before != Some('$') || path[0] == "crate");
                    if starts && path.len() > 1 {
                        self.paths.push(outside_inline_modules(path, depth));
                    }
                }
                Token::Group(_, inner) => self.read(inner, depth),
                Token::Sign(_) | Token::Literal => {}
            }
            before = match token {
                Token::Sign(sign) => Some(*sign),
                Token::Word(_) | Token::Literal | Token::Group(..) => None,
            };
        }
    }

    /// Reads the tree after `use`, or after a `{` or `,` within it, up to the end of the leaf or group.
    fn read_use(&mut self, tokens: &mut Tokens<'_>, prefix: &[String], depth: usize) {
        let mut path = prefix.to_vec();
        let mut name = None;
        while let Some(token) = tokens.next_if(|token| !matches!(token, Token::Sign(';' | ','))) {
            match token {
                Token::Sign(':') if path.is_empty() => path.push(String::new()),
                Token::Sign('*') => {
                    self.imports.push(Import { path: outside_inline_modules(path, depth), name: None });
                    return;
                }
                Token::Group(_, leaves) => {
                    let mut leaves = leaves.iter().peekable();
                    while leaves.peek().is_some() {
                        self.read_use(&mut leaves, &path, depth);
                        leaves.next();
                    }
                    return;
                }
                Token::Word(word) if word == "as" => {
                    if let Some(Token::Word(alias)) = tokens.next() {
                        name = Some(alias.clone());
                    }
                }
                // `self` at the end of a path is the path itself.
                Token::Word(word) if word == "self" && !path.is_empty() => {}
                Token::Word(word) => path.push(word.clone()),
                Token::Sign(_) | Token::Literal => {}
            }
        }
        if !path.is_empty() {
            let name = name.or_else(|| path.last().cloned()).filter(|name| name != "_");
            self.imports.push(Import { path: outside_inline_modules(path, depth), name });
        }
    }

    /// Passes over the item after a `#[cfg(test)]`, noting the name of a module in another file.
    fn skip_item(&mut self, tokens: &mut Tokens<'_>) {
        let mut words = Vec::new();
        for token in tokens {
            match token {
                Token::Word(word) => words.push(word.as_str()),
                Token::Group('{', _) => return,
                Token::Sign(';' | ',') => break,
                Token::Sign(_) | Token::Literal | Token::Group(..) => {}
            }
        }
        if let [.., "mod", name] = words.as_slice() {
            self.test_modules.push((*name).to_owned());
        }
    }
}

/// The path that starts with `first`. Each `::` with a word after it is taken.
fn rest_of_path(tokens: &mut Tokens<'_>, first: &str) -> Vec<String> {
    let mut path = vec![first.to_owned()];
    loop {
        let mut ahead = tokens.clone();
        match (ahead.next(), ahead.next(), ahead.next()) {
            (Some(Token::Sign(':')), Some(Token::Sign(':')), Some(Token::Word(word))) => path.push(word.clone()),
            _ => return path,
        }
        *tokens = ahead;
    }
}

/// The path as it reads outside the `depth` inline modules that it stands in: each takes one leading `super`.
fn outside_inline_modules(path: Vec<String>, depth: usize) -> Vec<String> {
    let taken = path.iter().take(depth).take_while(|name| *name == "super").count();
    if taken == 0 {
        return path;
    }
    std::iter::once("self".to_owned()).chain(path.into_iter().skip(taken)).collect()
}

/// Whether an attribute reads `cfg(…)` with the word `test` and without `not`.
fn is_for_tests(attribute: &[Token]) -> bool {
    fn has(tokens: &[Token], wanted: &str) -> bool {
        tokens.iter().any(|token| match token {
            Token::Word(word) => word == wanted,
            Token::Group(_, inner) => has(inner, wanted),
            Token::Sign(_) | Token::Literal => false,
        })
    }
    matches!(attribute, [Token::Word(word), Token::Group('(', condition)]
        if word == "cfg" && has(condition, "test") && !has(condition, "not"))
}

/// Takes the next token if it is a group in these brackets.
fn next_group<'a>(tokens: &mut Tokens<'a>, wanted: char) -> Option<&'a [Token]> {
    match tokens.next_if(|token| matches!(token, Token::Group(bracket, _) if *bracket == wanted))? {
        Token::Group(_, inner) => Some(inner),
        Token::Word(_) | Token::Sign(_) | Token::Literal => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::parse(text).unwrap()
    }

    fn imports(text: &str) -> Vec<String> {
        let binding =
            |import: Import| format!("{} as {}", import.path.join("::"), import.name.as_deref().unwrap_or("_"));
        source(text).imports.into_iter().map(binding).collect()
    }

    fn paths(text: &str) -> Vec<String> {
        source(text).paths.into_iter().map(|path| path.join("::")).collect()
    }

    #[test]
    fn a_use_tree_is_one_import_for_each_leaf() {
        assert_eq!(imports("use crate::a::B;"), ["crate::a::B as B"]);
        assert_eq!(
            imports("pub(crate) use super::{self, a::{B as C, d::*}, E as _,};"),
            ["super as super", "super::a::B as C", "super::a::d as _", "super::E as _"]
        );
        assert_eq!(imports("use ::url::Url;"), ["::url::Url as Url"]);
        assert_eq!(imports("use self::a; use b;"), ["self::a as a", "b as b"]);
    }

    #[test]
    fn precise_capturing_is_no_import() {
        assert_eq!(imports("fn f<'a>() -> impl Sized + use<'a> {}"), [""; 0]);
    }

    #[test]
    fn paths_are_found_in_signatures_bodies_and_macro_calls() {
        assert_eq!(
            paths("fn f(x: &crate::a::B) -> super::C { vec![self::d::e(), x.g::<h::I>()]; <J as k::L>::m() }"),
            ["crate::a::B", "super::C", "self::d::e", "h::I", "k::L"]
        );
    }

    #[test]
    fn comments_strings_and_lifetimes_hold_no_paths() {
        assert_eq!(
            paths(
                "/// [`crate::a::B`]\n// crate::c\nfn f<'a>(x: &'a str) { g(\"crate::d::E\", 'x', r#\"crate::f\"#); }"
            ),
            [""; 0]
        );
    }

    #[test]
    fn only_the_crate_variable_of_a_macro_starts_a_path() {
        assert_eq!(paths("macro_rules! m { ($name:ident) => { $crate::a::B, $name::C } }"), ["crate::a::B"]);
    }

    #[test]
    fn test_code_is_skipped_and_test_files_are_noted() {
        let text =
            "#[cfg(test)] use crate::a; #[cfg(all(test, unix))] mod support; #[cfg(test)] mod tests { use crate::b; }
            #[cfg(not(test))] use crate::c; #[cfg(test)] fn f() -> crate::D { crate::e() } use crate::f;";
        assert_eq!(imports(text), ["crate::c as c", "crate::f as f"]);
        assert_eq!(paths(text), [""; 0]);
        assert_eq!(source(text).test_modules, ["support"]);
    }

    #[test]
    fn super_in_an_inline_module_is_the_file_itself() {
        assert_eq!(
            imports("mod a { use super::b::C; mod d { use super::super::super::e; } }"),
            ["self::b::C as C", "self::super::e as e"]
        );
        assert_eq!(paths("mod a { fn f() { super::b::C; crate::d::e(); } }"), ["self::b::C", "crate::d::e"]);
    }
}

//! XML as the Query protocol writes it: elements and text; attributes are passed over. Strict: what is not well formed
//! fails the case.

/// An element.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Element {
    pub name: String,
    pub text: String,
    pub children: Vec<Element>,
}

impl Element {
    /// The first child of this name.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of this name; empty where there is none.
    pub(crate) fn text_of(&self, name: &str) -> &str {
        self.child(name).map_or("", |child| &child.text)
    }
}

/// Parses a document.
#[track_caller]
pub(crate) fn parse(document: &str) -> Element {
    let mut reader = Reader { document, rest: document.trim_start() };
    if let Some(rest) = reader.rest.strip_prefix("<?xml") {
        reader.rest = rest.split_once("?>").unwrap_or_else(|| reader.fail("an open declaration")).1.trim_start();
    }
    let root = reader.element();
    assert!(reader.rest.trim().is_empty(), "more after the root: {document}");
    root
}

struct Reader<'a> {
    document: &'a str,
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn fail<T>(&self, what: &str) -> T {
        panic!("{what} at {:?} in {}", self.rest.chars().take(40).collect::<String>(), self.document)
    }

    fn element(&mut self) -> Element {
        let Some((tag, rest)) = self.rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) else {
            return self.fail("no element");
        };
        self.rest = rest;
        let open = tag.strip_suffix('/');
        let name = open.unwrap_or(tag).split_whitespace().next().unwrap_or_default().to_owned();
        let mut element = Element { name, text: String::new(), children: Vec::new() };
        if open.is_some() {
            return element;
        }
        loop {
            let Some(next) = self.rest.find('<') else { return self.fail("an open element") };
            let (text, rest) = self.rest.split_at(next);
            element.text.push_str(&self.unescape(text));
            self.rest = rest;
            if let Some(rest) = rest.strip_prefix("</") {
                let Some((closed, rest)) = rest.split_once('>') else { return self.fail("an open end tag") };
                assert_eq!(closed, element.name, "in {}", self.document);
                self.rest = rest;
                return element;
            }
            element.children.push(self.element());
        }
    }

    fn unescape(&self, text: &'a str) -> String {
        let mut parts = text.split('&');
        let mut unescaped = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let Some((entity, rest)) = part.split_once(';') else { return self.fail("a bare ampersand") };
            unescaped.push(match entity {
                "lt" => '<',
                "gt" => '>',
                "amp" => '&',
                "quot" => '"',
                "apos" => '\'',
                _ => {
                    let code = entity.strip_prefix("#x").map_or_else(
                        || entity.strip_prefix('#').and_then(|digits| digits.parse().ok()),
                        |digits| u32::from_str_radix(digits, 16).ok(),
                    );
                    code.and_then(char::from_u32).unwrap_or_else(|| self.fail("an unknown entity"))
                }
            });
            unescaped.push_str(rest);
        }
        unescaped
    }
}

//! A document as a tree.

use super::{Malformed, Scanner, Token};

/// An element: its own text, joined, and its children in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// The name, with the prefix of its name space if it has one.
    pub name: String,
    /// The text between its tags that is not within a child.
    pub text: String,
    /// The elements within.
    pub children: Vec<Element>,
}

impl Element {
    /// Parses a document; returns its root.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if it is not one element whose tags are all closed in order, or has an entity that XML does not
    /// define.
    pub fn parse(document: &str) -> Result<Self, Malformed> {
        let bytes = document.as_bytes();
        let mut scanner = Scanner::new(bytes);
        // The elements that are not closed yet. The lowest stands for the document and gets the root as its child.
        let mut open = vec![Self::default()];
        while let Some(token) = scanner.token()? {
            let parent = open.last_mut().expect("the lowest is never taken");
            match token {
                Token::Open(name) => open.push(Self::named(name)),
                Token::Empty(name) => parent.children.push(Self::named(name)),
                Token::Text(text) => parent.text.push_str(&text.to_string(bytes)?),
                Token::Close(name) => {
                    let element = open.pop().filter(|element| element.name.as_bytes() == name);
                    let (Some(element), Some(parent)) = (element, open.last_mut()) else {
                        return Err(Malformed(format!("`</{}>` closes no element", name.escape_ascii())));
                    };
                    parent.children.push(element);
                }
            }
        }
        let [mut document] = <[Self; 1]>::try_from(open).map_err(|_| super::cut())?;
        match (document.children.pop(), document.children.is_empty(), document.text.trim()) {
            (Some(root), true, "") => Ok(root),
            _ => Err(Malformed("more than one root".to_owned())),
        }
    }

    /// The first child of this name.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of this name; empty if there is none.
    #[must_use]
    pub fn text_of(&self, name: &str) -> &str {
        self.child(name).map_or("", |child| &child.text)
    }

    fn named(name: &[u8]) -> Self {
        Self { name: String::from_utf8_lossy(name).into_owned(), ..Self::default() }
    }
}

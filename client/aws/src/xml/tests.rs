//! Well-formed documents, and documents that are cut at every position or malformed otherwise.

use super::*;

const DOCUMENT: &str = "<?xml version=\"1.0\"?>\n<R xmlns=\"x\"><A>a&amp;&#x62;&#99;</A><B/><A><![CDATA[<&d>]]>e</A>
    <!-- <C> --><D a='1'> <E></E> </D></R>";

fn texts(document: &str) -> Result<Vec<String>, Malformed> {
    let mut scanner = Scanner::new(document.as_bytes());
    let mut tokens = Vec::new();
    while let Some(token) = scanner.token()? {
        let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        tokens.push(match token {
            Token::Open(name) => format!("<{}>", text(name)),
            Token::Close(name) => format!("</{}>", text(name)),
            Token::Empty(name) => format!("<{}/>", text(name)),
            Token::Text(text) => text.to_string(document.as_bytes())?,
        });
    }
    Ok(tokens)
}

#[test]
fn tokens_follow_the_document() {
    let tokens = texts(DOCUMENT).expect("well formed");
    assert_eq!(tokens.concat().replace(['\n', ' '], ""), "<R><A>a&bc</A><B/><A><&d>e</A><D><E></E></D></R>");
}

#[test]
fn a_document_is_a_tree() {
    let root = Element::parse(DOCUMENT).expect("well formed");
    let names: Vec<_> = root.children.iter().map(|child| (child.name.as_str(), child.text.trim())).collect();
    assert_eq!(names, [("A", "a&bc"), ("B", ""), ("A", "<&d>e"), ("D", "")]);
    assert_eq!((root.text_of("A"), root.text_of("none")), ("a&bc", ""));
    assert_eq!(root.child("D").expect("it is there").children.len(), 1);
}

#[test]
fn a_cut_document_is_refused() {
    for end in 0..DOCUMENT.len() {
        assert!(Element::parse(&DOCUMENT[..end]).is_err(), "{}", &DOCUMENT[..end]);
    }
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for document in [
        "text",
        "<a></b>",
        "<a><b></a></b>",
        "</a>",
        "<a/><b/>",
        "<a/>b",
        "b<a/>",
        "<a>&</a>",
        "<a>&nbsp;</a>",
        "<a>&#xd800;</a>",
    ] {
        assert!(Element::parse(document).is_err(), "{document}");
    }
}

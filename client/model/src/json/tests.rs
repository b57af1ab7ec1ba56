//! Which texts are JSON, and what is wrong with the others.

use super::reader::DEPTH_MAX;
use super::*;

fn tokens(text: &str) -> Result<Vec<JsonToken<'_>>, Box<JsonProblem>> {
    let mut reader = Reader::new(text);
    let mut tokens = Vec::new();
    while let Some(token) = reader.next()? {
        tokens.push(token);
    }
    Ok(tokens)
}

#[test]
fn documents_are_read() {
    use JsonToken::{Bool, Close, Key, Null, Number, OpenArray, OpenObject, String};
    let text = r#" {"a" : [1, -0.5e+3, true,false,null, "x\"\\\/\b\f\n\r\té\u00e9\ud83d\ude00"], "b":{}, "c":[[]]} "#;
    let expected = vec![
        OpenObject,
        Key("a".into()),
        OpenArray,
        Number("1"),
        Number("-0.5e+3"),
        Bool(true),
        Bool(false),
        Null,
        String("x\"\\/\u{8}\u{c}\n\r\téé😀".into()),
        Close,
        Key("b".into()),
        OpenObject,
        Close,
        Key("c".into()),
        OpenArray,
        OpenArray,
        Close,
        Close,
        Close,
    ];
    assert_eq!(tokens(text), Ok(expected));
}

/// The problem of a text.
fn problem(text: &str) -> JsonProblem {
    let mut reader = Reader::new(text);
    loop {
        match reader.next() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a document: {text:?}"),
            Err(problem) => {
                assert_eq!(Node::parse(text).expect_err("the same reader"), problem, "{text:?}");
                return *problem;
            }
        }
    }
}

#[test]
fn a_text_that_is_no_json_has_a_problem_and_its_place() {
    use Container::{Array, Object};
    use JsonError::{
        ControlBetweenTokens, ControlInText, Empty, End, InNumber, LeadingZero, LoneSurrogate, Mismatched, NotFinite,
        Trailing, Unexpected, UnknownEscape, UnknownWord,
    };
    let at = |column| Place { line: 1, column };
    let unexpected = |character, expected| Unexpected { character, expected };
    let word = |word: &str| UnknownWord { word: word.into() };
    let number = |character, after| InNumber { character, after };
    let open = |container, column| End(Unfinished::Open(container, at(column)));
    let closed = |found, open: Option<(Container, usize)>| Mismatched {
        found,
        open: open.map(|(container, column)| (container, at(column))),
    };
    let table = [
        ("", 0, Empty),
        (" ", 0, Empty),
        ("{", 2, open(Object, 1)),
        (" [ ", 4, open(Array, 2)),
        (r#"{"a":[1"#, 8, open(Array, 6)),
        (r#"{"a":1"#, 7, open(Object, 1)),
        (r#"{"a""#, 5, End(Unfinished::Between(Object))),
        (r#"{"a":"#, 6, End(Unfinished::Between(Object))),
        (r#"{"a":1,"#, 8, End(Unfinished::Between(Object))),
        ("[1,", 4, End(Unfinished::Between(Array))),
        (r#"{"a"#, 4, End(Unfinished::Text(Quoted::Name))),
        ("\"a", 3, End(Unfinished::Text(Quoted::String))),
        ("\"\\", 3, End(Unfinished::Escape)),
        ("\"\\u00", 6, End(Unfinished::Escape)),
        ("-", 2, End(Unfinished::Number)),
        ("1.", 3, End(Unfinished::Number)),
        ("1e", 3, End(Unfinished::Number)),
        ("]", 2, closed(']', None)),
        ("}", 2, closed('}', None)),
        ("[}", 3, closed('}', Some((Array, 1)))),
        ("{]", 3, closed(']', Some((Object, 1)))),
        ("[]]", 4, closed(']', None)),
        ("{invalidjson}", 2, unexpected('i', Expectation::Name)),
        ("{'a':1}", 2, unexpected('\'', Expectation::Name)),
        ("{,}", 2, unexpected(',', Expectation::Name)),
        (r#"{"a":1,}"#, 8, unexpected('}', Expectation::Name)),
        ("{1:2}", 2, unexpected('1', Expectation::Name)),
        (r#"{"a"}"#, 5, unexpected('}', Expectation::Colon)),
        (r#"{"a":}"#, 6, unexpected('}', Expectation::ValueNotBrace)),
        (r#"{"a":1 "b":2}"#, 8, unexpected('"', Expectation::Comma(Object))),
        ("[1 2]", 4, unexpected('2', Expectation::Comma(Array))),
        ("[1,]", 4, unexpected(']', Expectation::Value)),
        ("[,1]", 2, unexpected(',', Expectation::Value)),
        (".5", 1, unexpected('.', Expectation::Value)),
        ("'a'", 1, unexpected('\'', Expectation::Value)),
        ("//", 1, unexpected('/', Expectation::NoComment)),
        ("5x", 2, unexpected('x', Expectation::SpaceAtRoot)),
        ("\"\\u12g4\"", 6, unexpected('g', Expectation::HexDigit)),
        ("invalid-json", 8, word("invalid")),
        ("[1, tru]", 8, word("tru")),
        ("nulls", 6, word("nulls")),
        ("True", 5, word("True")),
        ("[Nan]", 5, word("Nan")),
        ("[]x", 4, word("x")),
        ("NaN", 4, NotFinite { word: "NaN" }),
        ("[Infinity]", 10, NotFinite { word: "Infinity" }),
        ("01", 2, LeadingZero),
        ("[-00]", 4, LeadingZero),
        ("+1", 2, number('+', NumberPart::Plus)),
        ("[-]", 3, number(']', NumberPart::Minus)),
        ("[1.]", 4, number(']', NumberPart::Point)),
        ("[1e+]", 5, number(']', NumberPart::Exponent)),
        ("\"\\x\"", 3, UnknownEscape { character: 'x' }),
        ("\"\\ud800\"", 8, LoneSurrogate),
        ("\"\\ud800\\u0041\"", 14, LoneSurrogate),
        ("\"\\udc00\"", 8, LoneSurrogate),
        ("\"\n\"", 2, ControlInText { character: '\n', text: Quoted::String }),
        ("{\"\t\":1}", 3, ControlInText { character: '\t', text: Quoted::Name }),
        ("[\u{1}]", 2, ControlBetweenTokens { character: '\u{1}' }),
        ("1 2", 3, Trailing),
        ("{}{}", 3, Trailing),
    ];
    for (text, column, error) in table {
        assert_eq!(problem(text), JsonProblem { error, place: at(column) }, "{text:?}");
    }
}

/// An unknown word is cut as Jackson cuts it.
#[test]
fn long_words_are_cut() {
    let text = format!("[{}]", "é".repeat(300));
    let word = format!("{}...", "é".repeat(256)).into();
    let place = Place { line: 1, column: 258 };
    assert_eq!(problem(&text), JsonProblem { error: JsonError::UnknownWord { word }, place });
}

#[test]
fn places_count_lines_and_utf16_units() {
    let table = [
        ("{\n  x}", 2, 3),
        ("{\r\n  x}", 2, 3),
        ("{\r\r x}", 3, 2),
        (r#"{"é":x}"#, 1, 7),
        (r#"{"😀":x}"#, 1, 8),
        ("{\"a\":\n[1,\n x]}", 3, 3),
    ];
    for (text, line, column) in table {
        assert_eq!(problem(text).place, Place { line, column }, "{text:?}");
    }
}

#[test]
fn depth_is_limited() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(tokens(&nested(DEPTH_MAX)).is_ok());
    for text in [nested(DEPTH_MAX + 1), "[".repeat(1 << 18)] {
        assert_eq!(problem(&text).error, JsonError::TooDeep { max: DEPTH_MAX });
    }
}

#[test]
fn white_space_between_tokens_is_dropped() {
    let table = [
        ("{}", "{}"),
        (" { \"a b\" : [ 1 ,\r\n\ttrue ] } ", r#"{"a b":[1,true]}"#),
        (r#"{"a\" ": " \\" }"#, r#"{"a\" ":" \\"}"#),
    ];
    for (text, expected) in table {
        assert_eq!(compact(text), expected);
        assert_eq!(compact(expected), expected);
    }
}

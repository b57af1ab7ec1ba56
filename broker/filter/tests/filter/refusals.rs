//! Which policies are refused, and in which words. `Source` stands for the text of the policy, which SNS repeats.

use posthouse_filter::{Dialect, Event, InvalidPolicy, Policy, Scope};

fn refusal(text: &str, scope: Scope, dialect: Dialect) -> InvalidPolicy {
    Policy::parse(text, scope, dialect).expect_err(text)
}

fn check(scope: Scope, dialect: Dialect, table: &[(&str, &str, Option<usize>)]) {
    for (text, reason, column) in table {
        let place = column.map(|column| format!("\n at [Source: (String)\"{text}\"; line: 1, column: {column}]"));
        let expected = format!("{reason}{}", place.unwrap_or_default());
        assert_eq!(refusal(text, scope, dialect).to_string(), expected, "{text}");
    }
}

#[test]
fn shapes() {
    let not_json = "FilterPolicy: failed to parse JSON";
    let table = [
        ("", not_json, None),
        ("{", not_json, None),
        ("{'a':['b']}", not_json, None),
        (r#"{"a":["b"]} x"#, not_json, None),
        ("[]", "FilterPolicy: Filter is not an object", Some(2)),
        ("5", "FilterPolicy: Filter is not an object", Some(2)),
        (r#""a""#, "FilterPolicy: Filter is not an object", Some(2)),
        (r#"{"a":"b"}"#, r#"FilterPolicy: "a" must be an object or an array"#, Some(7)),
        (r#"{"a":15}"#, r#"FilterPolicy: "a" must be an object or an array"#, Some(8)),
        (r#"{"a":null}"#, r#"FilterPolicy: "a" must be an object or an array"#, Some(10)),
        (r#"{"a":[]}"#, "FilterPolicy: Empty patterns are not allowed", Some(8)),
        (r#"{"a":[["b"]]}"#, "FilterPolicy: Match value must be String, number, true, false, or null", Some(8)),
        (r#"{"a":[1e999]}"#, "FilterPolicy: Numeric value (1e999) out of range", Some(12)),
    ];
    check(Scope::MessageAttributes, Dialect::Sns, &table);
    check(Scope::MessageBody, Dialect::Sns, &table);
}

#[test]
fn nesting() {
    let nested = "Filter policy scope MessageAttributes does not support nested filter policy";
    let table = [
        (r#"{"a":{"b":["c"]}}"#, nested, None),
        (r#"{"a":{}}"#, nested, None),
        (r#"{"$or":[{"a":["b"]},{"b":{"c":["d"]}}]}"#, nested, None),
    ];
    check(Scope::MessageAttributes, Dialect::Sns, &table);
    let table = [
        (r#"{"a":{}}"#, "FilterPolicy: Empty patterns are not allowed", Some(8)),
        (r#"{"a":{"b":{"c":"d"}}}"#, r#"FilterPolicy: "c" must be an object or an array"#, Some(17)),
    ];
    check(Scope::MessageBody, Dialect::Sns, &table);
}

#[test]
fn operators() {
    let only_one = "FilterPolicy: Only one key allowed in match expression";
    let table = [
        (r#"{"a":[{"foo":1}]}"#, "FilterPolicy: Unrecognized match type foo", Some(15)),
        (r#"{"a":[{"foo":"b"}]}"#, "FilterPolicy: Unrecognized match type foo", Some(15)),
        (r#"{"a":[{"wildcard":"b*"}]}"#, "FilterPolicy: Unrecognized match type wildcard", Some(20)),
        (r#"{"a":[{}]}"#, "FilterPolicy: Match expression name not found", Some(9)),
        (r#"{"a":[{"prefix":"b","suffix":"c"}]}"#, only_one, Some(31)),
        (r#"{"a":[{"exists":true,"prefix":"c"}]}"#, only_one, Some(32)),
        (r#"{"a":[{"anything-but":{"prefix":"b","suffix":"c"}}]}"#, only_one, Some(47)),
        (r#"{"a":[{"prefix":5}]}"#, "FilterPolicy: prefix match pattern must be a string", Some(18)),
        (r#"{"a":[{"suffix":["b"]}]}"#, "FilterPolicy: suffix match pattern must be a string", Some(18)),
        (
            r#"{"a":[{"equals-ignore-case":null}]}"#,
            "FilterPolicy: equals-ignore-case match pattern must be a string",
            Some(33),
        ),
        (r#"{"a":[{"exists":"yes"}]}"#, "FilterPolicy: exists match pattern must be either true or false.", Some(18)),
        (r#"{"$or":[{"a":["b"]}]}"#, "FilterPolicy: Unrecognized match type a", Some(15)),
        (r#"{"$or":[{"a":["b"]},{}]}"#, "FilterPolicy: Unrecognized match type a", Some(15)),
        (r#"{"$or":[]}"#, "FilterPolicy: Empty patterns are not allowed", Some(10)),
    ];
    check(Scope::MessageAttributes, Dialect::Sns, &table);
}

#[test]
fn anything_but() {
    let single = "FilterPolicy: Value of anything-but must be an array or single string/number value.";
    let inside = "FilterPolicy: Inside anything but list, start|null|boolean is not supported.";
    let mixed =
        "FilterPolicy: Inside anything but list, either all values are number or string, mixed type is not supported";
    let table = [
        (r#"{"a":[{"anything-but":true}]}"#, single, Some(27)),
        (r#"{"a":[{"anything-but":null}]}"#, single, Some(27)),
        (r#"{"a":[{"anything-but":[]}]}"#, "FilterPolicy: Empty patterns are not allowed", Some(25)),
        (r#"{"a":[{"anything-but":[null]}]}"#, inside, Some(28)),
        (r#"{"a":[{"anything-but":["b",["c"]]}]}"#, inside, Some(29)),
        (r#"{"a":[{"anything-but":["b",1]}]}"#, mixed, Some(30)),
        (
            r#"{"a":[{"anything-but":{"suffix":"b"}}]}"#,
            "FilterPolicy: Unsupported anything-but pattern: suffix",
            Some(34),
        ),
        (r#"{"a":[{"anything-but":{"prefix":""}}]}"#, "FilterPolicy: Null prefix/suffix not allowed", Some(35)),
        (
            r#"{"a":[{"anything-but":{"prefix":["b"]}}]}"#,
            "FilterPolicy: prefix match pattern must be a string",
            Some(34),
        ),
        (r#"{"a":[{"anything-but":{}}]}"#, "FilterPolicy: Match expression name not found", Some(25)),
    ];
    check(Scope::MessageAttributes, Dialect::Sns, &table);
}

#[test]
fn numeric() {
    let table = [
        (r#"{"a":[{"numeric":5}]}"#, "Value of numeric must be an array.", 19),
        (r#"{"a":[{"numeric":[]}]}"#, "Invalid member in numeric match: ]", 20),
        (r#"{"a":[{"numeric":[5]}]}"#, "Invalid member in numeric match: 5", 20),
        (r#"{"a":[{"numeric":["!=",5]}]}"#, "Unrecognized numeric range operator: !=", 23),
        (r#"{"a":[{"numeric":["="]}]}"#, "Value of equals must be numeric", 23),
        (r#"{"a":[{"numeric":["=","5"]}]}"#, "Value of equals must be numeric", 24),
        (r#"{"a":[{"numeric":["<","5"]}]}"#, "Value of < must be numeric", 24),
        (r#"{"a":[{"numeric":["=",5,"<",6]}]}"#, "Too many elements in numeric expression", 26),
        (r#"{"a":[{"numeric":["<",5,">",1]}]}"#, "Too many elements in numeric expression", 26),
        (r#"{"a":[{"numeric":[">",5,6]}]}"#, "Bad value in numeric range: 6", 26),
        (r#"{"a":[{"numeric":[">",5,">",6]}]}"#, "Bad numeric range operator: >", 28),
        (r#"{"a":[{"numeric":[">",5,"<"]}]}"#, "Value of < must be numeric", 29),
        (r#"{"a":[{"numeric":[">",5,"<","6"]}]}"#, "Value of < must be numeric", 30),
        (r#"{"a":[{"numeric":[">",5,"<",5]}]}"#, "Bottom must be less than top", 30),
        (r#"{"a":[{"numeric":[">=",6,"<=",5]}]}"#, "Bottom must be less than top", 32),
        (r#"{"a":[{"numeric":[">",5,"<",6,"<",7]}]}"#, "Too many terms in numeric range expression", 32),
        (r#"{"a":[{"numeric":["<",1000000001]}]}"#, "Value must be between -1000000000 and 1000000000, inclusive", 33),
    ];
    let table = table.map(|(text, reason, column)| (text, format!("FilterPolicy: {reason}"), Some(column)));
    check(
        Scope::MessageAttributes,
        Dialect::Sns,
        &table.each_ref().map(|(text, reason, column)| (*text, reason.as_str(), *column)),
    );
}

#[test]
fn cidr() {
    let table = [
        (r#"{"a":[{"cidr":5}]}"#, "cidr match pattern must be a string", 16),
        (r#"{"a":[{"cidr":"10.0.0.0"}]}"#, "Malformed CIDR, one '/' required", 25),
        (r#"{"a":[{"cidr":"10.0.0.0/"}]}"#, "Malformed CIDR, mask bits must be an integer", 26),
        (r#"{"a":[{"cidr":"10.0.0.0/-1"}]}"#, "Malformed CIDR, mask bits must be an integer", 28),
        (r#"{"a":[{"cidr":"10.0.0.0/33"}]}"#, "Malformed CIDR, too many mask bits", 28),
        (r#"{"a":[{"cidr":"10.0.0/8"}]}"#, "Nonstandard IP address", 25),
    ];
    let table = table.map(|(text, reason, column)| (text, format!("FilterPolicy: {reason}"), Some(column)));
    check(
        Scope::MessageAttributes,
        Dialect::Sns,
        &table.each_ref().map(|(text, reason, column)| (*text, reason.as_str(), *column)),
    );
}

#[test]
fn wildcards() {
    let table = [
        (r#"{"a":[{"wildcard":"b**"}]}"#, "FilterPolicy: Consecutive wildcard characters are not allowed", Some(24)),
        (r#"{"a":[{"wildcard":"b\\c"}]}"#, "FilterPolicy: Invalid escape character", Some(25)),
        (r#"{"a":[{"wildcard":1}]}"#, "FilterPolicy: wildcard match pattern must be a string", Some(20)),
    ];
    check(Scope::MessageBody, Dialect::EventBridge, &table);
}

#[test]
fn places() {
    let text = "{\n  \"käse\": [\n    {\"foo\": 1}\n  ]\n}";
    let expected =
        format!("FilterPolicy: Unrecognized match type foo\n at [Source: (String)\"{text}\"; line: 3, column: 14]");
    assert_eq!(refusal(text, Scope::MessageAttributes, Dialect::Sns).to_string(), expected);

    let text = format!(r#"{{"{}":5}}"#, "ä".repeat(600));
    let message = refusal(&text, Scope::MessageAttributes, Dialect::Sns).to_string();
    let place = format!("(String)\"{{\"{}\"[truncated 106 chars]; line: 1, column: 606]", "ä".repeat(498));
    assert!(message.ends_with(&place), "{message}");
}

/// A key with `count` values.
fn values(name: &str, count: usize) -> String {
    let values: Vec<_> = (0..count).map(|value| value.to_string()).collect();
    format!("\"{name}\":[{}]", values.join(","))
}

/// A key below others, at this level of nesting.
fn level(name: &str, level: usize, count: usize) -> String {
    let outer: String = (1..level).map(|number| format!("\"{name}{number}\":{{")).collect();
    format!("{outer}{}{}", values(name, count), "}".repeat(level - 1))
}

#[test]
fn limits() {
    let body = |parts: &[String]| Policy::parse(&format!("{{{}}}", parts.join(",")), Scope::MessageBody, Dialect::Sns);
    let key = |name: &str| values(name, 1);
    let table = [
        (body(&["a", "b", "c", "d", "e"].map(key)), None),
        (body(&["a", "b", "c", "d", "e", "f"].map(key)), Some("Filter policy can not have more than 5 keys")),
        (body(&["a", "b", "c", "d", "e", "e"].map(key)), None),
        (body(&[values("a", 150)]), None),
        (body(&[values("a", 151)]), Some("Filter policy is too complex")),
        (body(&[values("a", 10), values("b", 15)]), None),
        (body(&[values("a", 10), values("b", 16)]), Some("Filter policy is too complex")),
        // 4 values at level 3 and 3 at level 2 are 4 * 3 * 3 * 2 = 72 combinations; 5 and 5 are 5 * 3 * 5 * 2 = 150.
        (body(&[level("a", 3, 4), level("b", 2, 3)]), None),
        (body(&[level("a", 3, 5), level("b", 2, 5)]), None),
        (body(&[level("a", 3, 5), level("b", 2, 6)]), Some("Filter policy is too complex")),
        (body(&[level("a", 150, 1)]), None),
        (body(&[level("a", 151, 1)]), Some("Filter policy is too complex")),
        // Alternatives are added.
        (body(&[values("a", 10), format!("\"$or\":[{{{}}},{{{}}}]", values("b", 5), values("c", 10))]), None),
        (
            body(&[values("a", 10), format!("\"$or\":[{{{}}},{{{}}}]", values("b", 6), values("c", 10))]),
            Some("Filter policy is too complex"),
        ),
    ];
    for (parsed, expected) in table {
        assert_eq!(
            parsed.as_ref().err().map(ToString::to_string),
            expected.map(|reason| format!("FilterPolicy: {reason}"))
        );
        assert!(parsed.err().is_none_or(|error| error.is_too_complex()));
    }
    assert!(!refusal("{", Scope::MessageBody, Dialect::Sns).is_too_complex());
}

#[test]
fn size() {
    let sized = |size: usize| format!("{{\"a\":[\"{}\"]}}", "x".repeat(size - 10));
    assert!(Policy::parse(&sized(262_144), Scope::MessageAttributes, Dialect::Sns).is_ok());
    let message = refusal(&sized(262_145), Scope::MessageAttributes, Dialect::Sns).to_string();
    assert_eq!(message, "FilterPolicy: Filter policy is too large");
    assert!(Policy::parse(&sized(4_096), Scope::MessageBody, Dialect::EventBridge).is_ok());
    assert!(Policy::parse(&sized(4_097), Scope::MessageBody, Dialect::EventBridge).is_err());
}

/// Policies whose expansion would not fit into memory are counted and not expanded.
#[test]
fn policies_with_exponential_expansions_are_refused() {
    let too_complex = "FilterPolicy: Filter policy is too complex";
    // Each level doubles the combinations: 2 to the power of 200.
    let nested = (0..200).fold(r#"{"a":[1]}"#.to_owned(), |inner, level| {
        format!(r#"{{"k{level}":{{"$or":[{{"x":[1]}},{{"y":[1]}}]}},"n":{inner}}}"#)
    });
    // 500 keys with 10 alternatives each.
    let alternatives: Vec<_> = (0..10).map(|number| format!("{{\"x\":[{number}]}}")).collect();
    let wide: Vec<_> =
        (0..500).map(|number| format!("\"k{number}\":{{\"$or\":[{}]}}", alternatives.join(","))).collect();
    let wide = format!("{{\"a\":{{{}}}}}", wide.join(","));
    for text in [nested, wide] {
        assert_eq!(refusal(&text, Scope::MessageBody, Dialect::Sns).to_string(), too_complex);
    }
    let deep = "{\"$or\":[".repeat(20_000);
    assert_eq!(refusal(&deep, Scope::MessageBody, Dialect::Sns).to_string(), "FilterPolicy: failed to parse JSON");
    let stars: Vec<_> = (0..300).map(|number| format!("{{\"wildcard\":\"*{number}*\"}}")).collect();
    let stars = format!("{{\"a\":[{}]}}", stars.join(","));
    assert!(refusal(&stars, Scope::MessageBody, Dialect::EventBridge).is_too_complex());
}

#[test]
fn the_last_member_of_a_repeated_name_counts() {
    let parse = |text| Policy::parse(text, Scope::MessageAttributes, Dialect::Sns);
    assert_eq!(parse(r#"{"a":["x"],"a":["y"]}"#), parse(r#"{"a":["y"]}"#));
    assert_eq!(parse(r#"{"a":["x","x",{"prefix":"y"}]}"#), parse(r#"{"a":[{"prefix":"y"},"x"]}"#));
}

#[test]
fn truncations_are_refused() {
    let whole = [
        r#"{"a":["b\u00e9",1.5e3,true,null,{"prefix":"c"},{"anything-but":["d","e"]},{"cidr":"10.0.0.0/8"}]}"#,
        r#"{"a":{"b":[{"numeric":[">",1,"<=",2]}]},"$or":[{"c":[{"exists":false}]},{"d":[{"suffix":"é"}]}]}"#,
    ];
    for text in whole {
        Policy::parse(text, Scope::MessageBody, Dialect::Sns).expect("valid");
        for (length, _) in text.char_indices() {
            refusal(&text[..length], Scope::MessageBody, Dialect::Sns);
            assert!(Event::body(&text[..length]).is_none());
        }
    }
}

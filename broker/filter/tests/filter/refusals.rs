//! Which policies are refused, for which rule, and at which column of the text that SNS reads.

use posthouse_filter::{Dialect, Event, Policy, Scope};
use posthouse_model::fault::FilterRule::{
    ConsecutiveStars, EmptyArray, EmptyObject, EmptyRange, ExcludedElement, ExcludedEmpty, ExcludedMixed,
    ExcludedOperand, ExcludedOperator, ExistsOperand, NotAContainer, NotAnObject, NumericElements, NumericMember,
    NumericNotAList, NumericOperand, NumericOperator, NumericRange, NumericTerms, OneOperator, OperandNotAString,
    OperatorMissing, UnknownOperator, UpperOperator, UpperOperatorMissing, Value, WildcardEscape,
};
use posthouse_model::fault::{FilterLimit, FilterProblem, FilterRule, NetworkRule};
use posthouse_model::json::Place;

fn refusal(text: &str, scope: Scope, dialect: Dialect) -> FilterProblem {
    Policy::parse(text, scope, dialect).expect_err(text)
}

/// Checks that each text breaks a rule of the grammar, and is reported with this column.
fn check(scope: Scope, dialect: Dialect, table: &[(&str, FilterRule, usize)]) {
    for (text, expected, column) in table {
        match refusal(text, scope, dialect) {
            FilterProblem::Grammar { rule, place } => {
                assert_eq!((&rule, place.place), (expected, Place { line: 1, column: *column }), "{text}");
                assert_eq!((&*place.quoted, place.cut_units), (*text, 0));
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

fn both_dialects(scope: Scope, table: &[(&str, FilterRule, usize)]) {
    check(scope, Dialect::Sns, table);
    check(scope, Dialect::EventBridge, table);
}

const ATTRIBUTES: Scope = Scope::MessageAttributes;
const BODY: Scope = Scope::MessageBody;

fn container(name: &str) -> FilterRule {
    NotAContainer { name: name.into() }
}

fn unknown(operator: &str) -> FilterRule {
    UnknownOperator { operator: operator.into() }
}

#[test]
fn shapes() {
    let table = [
        ("[]", NotAnObject, 2),
        ("5", NotAnObject, 2),
        (r#""a""#, NotAnObject, 2),
        (r#"{"key_a":"value_one"}"#, container("key_a"), 11),
        (r#"{"a":15}"#, container("a"), 8),
        (r#"{"a":null}"#, container("a"), 10),
        (r#"{"key":[]}"#, EmptyArray, 10),
        (r#"{"key":[["value"]]}"#, Value, 10),
        (r#"{"a":{}}"#, EmptyObject, 8),
        (r#"{"a":{"b":{"c":"d"}}}"#, container("c"), 17),
    ];
    both_dialects(ATTRIBUTES, &table);
    both_dialects(BODY, &table);
    for text in ["", "{", "{'a':['b']}", r#"{"a":["b"]} x"#] {
        assert!(matches!(refusal(text, BODY, Dialect::Sns), FilterProblem::NotJson(_)), "{text}");
    }
}

/// The grammar is checked before the scope.
#[test]
fn nesting() {
    let table = [
        (r#"{"key":{"suffix":"value"}}"#, container("suffix"), 19),
        (r#"{"key":{"suffix":"value","prefix":"value"}}"#, container("suffix"), 19),
        (r#"{"key":{"not-an-operator":"value"}}"#, container("not-an-operator"), 28),
    ];
    check(ATTRIBUTES, Dialect::Sns, &table);
    let nested = [
        r#"{"object":{"key":[{"prefix":"auto-"}]}}"#,
        r#"{"$or":[{"a":["b"]},{"b":{"c":["d"]}}]}"#,
        r#"{"a":{"b":["c"]},"d":["e"],"f":["g"],"h":["i"],"j":["k"],"l":["m"]}"#,
    ];
    for text in nested {
        assert_eq!(refusal(text, ATTRIBUTES, Dialect::Sns), FilterProblem::Nested, "{text}");
    }
}

#[test]
fn operators() {
    let table = [
        (r#"{"key":[{"wrong-operator":true}]}"#, unknown("wrong-operator"), 31),
        (r#"{"a":[{"foo":1}]}"#, unknown("foo"), 15),
        (r#"{"a":[{"foo":"b"}]}"#, unknown("foo"), 15),
        (r#"{"a":[{"wildcard":"b*"}]}"#, unknown("wildcard"), 20),
        (r#"{"a":[{}]}"#, OperatorMissing, 9),
        (r#"{"key":[{"suffix":"value","prefix":"value2"}]}"#, OneOperator, 37),
        (r#"{"a":[{"exists":true,"prefix":"c"}]}"#, OneOperator, 32),
        (r#"{"a":[{"anything-but":{"prefix":"b","suffix":"c"}}]}"#, OneOperator, 47),
        (r#"{"a":[{"prefix":5}]}"#, OperandNotAString { operator: "prefix" }, 18),
        (r#"{"key":[{"suffix":100}]}"#, OperandNotAString { operator: "suffix" }, 22),
        (r#"{"key":[{"suffix":null}]}"#, OperandNotAString { operator: "suffix" }, 23),
        (r#"{"key":[{"suffix":[]}]}"#, OperandNotAString { operator: "suffix" }, 20),
        (r#"{"key":[{"suffix":["test","test2"]}]}"#, OperandNotAString { operator: "suffix" }, 20),
        (r#"{"a":[{"equals-ignore-case":null}]}"#, OperandNotAString { operator: "equals-ignore-case" }, 33),
        (r#"{"key":[{"exists":null}]}"#, ExistsOperand, 23),
        (r#"{"key":[{"exists":"no"}]}"#, ExistsOperand, 20),
        (r#"{"$or":[{"a":["b"]}]}"#, unknown("a"), 15),
        (r#"{"$or":[{"a":["b"]},{}]}"#, unknown("a"), 15),
        (r#"{"$or":[]}"#, EmptyArray, 10),
    ];
    check(ATTRIBUTES, Dialect::Sns, &table);
}

#[test]
fn anything_but() {
    let excluded = |operator: &str| ExcludedOperator { operator: operator.into() };
    let table = [
        (r#"{"a":[{"anything-but":true}]}"#, ExcludedOperand, 27),
        (r#"{"a":[{"anything-but":null}]}"#, ExcludedOperand, 27),
        (r#"{"a":[{"anything-but":[]}]}"#, EmptyArray, 25),
        (r#"{"a":[{"anything-but":[null]}]}"#, ExcludedElement, 28),
        (r#"{"a":[{"anything-but":["b",["c"]]}]}"#, ExcludedElement, 29),
        (r#"{"a":[{"anything-but":["b",1]}]}"#, ExcludedMixed, 30),
        (r#"{"key":[{"anything-but":{"wrong-operator":null}}]}"#, excluded("wrong-operator"), 47),
        (r#"{"key":[{"anything-but":{"suffix":"test"}}]}"#, excluded("suffix"), 36),
        (r#"{"key":[{"anything-but":{"exists":false}}]}"#, excluded("exists"), 40),
        (r#"{"a":[{"anything-but":{"prefix":""}}]}"#, ExcludedEmpty, 35),
        (r#"{"key":[{"anything-but":{"prefix":false}}]}"#, OperandNotAString { operator: "prefix" }, 40),
        (r#"{"a":[{"anything-but":{"prefix":["b"]}}]}"#, OperandNotAString { operator: "prefix" }, 34),
        (r#"{"a":[{"anything-but":{}}]}"#, OperatorMissing, 25),
    ];
    check(ATTRIBUTES, Dialect::Sns, &table);
}

#[test]
fn numeric() {
    let member = |found: &str| NumericMember { found: found.into() };
    let operator = |operator: &str| NumericOperator { operator: operator.into() };
    let operand = |operator: &str| NumericOperand { operator: operator.into() };
    let table = [
        (r#"{"a":[{"numeric":5}]}"#, NumericNotAList, 19),
        (r#"{"key":[{"numeric":[]}]}"#, member("]"), 22),
        (r#"{"key":[{"numeric":[1,"<="]}]}"#, member("1"), 22),
        (r#"{"key":[{"numeric":["operator"]}]}"#, operator("operator"), 32),
        (r#"{"a":[{"numeric":["!=",5]}]}"#, operator("!="), 25),
        (r#"{"a":[{"numeric":["!=","5"]}]}"#, operator("!="), 25),
        (r#"{"a":[{"numeric":["="]}]}"#, operand("equals"), 23),
        (r#"{"key":[{"numeric":["=","000"]}]}"#, operand("equals"), 26),
        (r#"{"key":[{"numeric":[">="]}]}"#, operand(">="), 26),
        (r#"{"a":[{"numeric":["<","5"]}]}"#, operand("<"), 24),
        (r#"{"a":[{"numeric":["=",5,"<",6]}]}"#, NumericElements, 26),
        (r#"{"key":[{"numeric":["<",100,">",10]}]}"#, NumericElements, 30),
        (r#"{"key":[{"numeric":[">",20,30]}]}"#, UpperOperatorMissing { found: "30".into() }, 30),
        (r#"{"key":[{"numeric":[">=",1,">",2]}]}"#, UpperOperator { operator: ">".into() }, 31),
        (r#"{"key":[{"numeric":[">",20,"test"]}]}"#, UpperOperator { operator: "test".into() }, 34),
        (r#"{"key":[{"numeric":[">",20,"<="]}]}"#, operand("<="), 33),
        (r#"{"key":[{"numeric":[">","20","<","30"]}]}"#, operand(">"), 26),
        (r#"{"key":[{"numeric":[">",20,"<","30"]}]}"#, operand("<"), 33),
        (r#"{"key":[{"numeric":[">",3,"<",1]}]}"#, EmptyRange, 33),
        (r#"{"a":[{"numeric":[">",5,"<",5]}]}"#, EmptyRange, 31),
        (r#"{"a":[{"numeric":[">=",6,"<=",5]}]}"#, EmptyRange, 33),
        (r#"{"key":[{"numeric":[">",20,"<",30,"<",50]}]}"#, NumericTerms, 36),
        (r#"{"key":[{"numeric":[">",30,"<",20,"<",50]}]}"#, NumericTerms, 36),
        (r#"{"a":[{"numeric":["<",1000000001]}]}"#, NumericRange { max: 1_000_000_000 }, 33),
        (r#"{"a":[{"numeric":["<",-1e99]}]}"#, NumericRange { max: 1_000_000_000 }, 28),
    ];
    check(ATTRIBUTES, Dialect::Sns, &table);
}

#[test]
fn cidr() {
    check(
        ATTRIBUTES,
        Dialect::Sns,
        &[
            (r#"{"key":[{"cidr":["bad-filter"]}]}"#, OperandNotAString { operator: "prefix" }, 18),
            (r#"{"a":[{"cidr":5}]}"#, OperandNotAString { operator: "prefix" }, 16),
        ],
    );
    let address = |address: &str| NetworkRule::Address { address: address.into() };
    let table = [
        ("bad-filter", NetworkRule::OneSlash),
        ("10.0.0.0/8/8", NetworkRule::OneSlash),
        ("bad-/64filter", NetworkRule::MaskNotANumber),
        ("10.0.0.0/", NetworkRule::MaskNotANumber),
        ("10.0.0.0/-1", NetworkRule::MaskNotANumber),
        ("bad-filter/64", address("bad-filter")),
        ("xx.11.xx/8", address("xx.11.xx")),
        ("xxxx:db8:1234:1a00::/64", address("xxxx:db8:1234:1a00::")),
        ("10.0.0/8", address("10.0.0")),
        ("10.0.0.0/33", NetworkRule::MaskTooLong),
        ("::/129", NetworkRule::MaskTooLong),
        ("10.0.0.0/999999", NetworkRule::MaskTooLong),
    ];
    for (network, rule) in table {
        let text = format!(r#"{{"key":[{{"cidr":"{network}"}}]}}"#);
        assert_eq!(refusal(&text, ATTRIBUTES, Dialect::Sns), FilterProblem::Network(rule), "{network}");
    }
}

#[test]
fn wildcards() {
    let table = [
        (r#"{"a":[{"wildcard":"b**"}]}"#, ConsecutiveStars, 24),
        (r#"{"a":[{"wildcard":"b\\c"}]}"#, WildcardEscape, 25),
        (r#"{"a":[{"wildcard":1}]}"#, OperandNotAString { operator: "wildcard" }, 20),
    ];
    check(BODY, Dialect::EventBridge, &table);
}

/// SNS counts and quotes a text without white space, EventBridge the one that it was given.
#[test]
fn places() {
    let text = "{\n  \"käse 😀\": [\n    {\"foo\": 1}\n  ]\n}";
    let place = |dialect| match refusal(text, BODY, dialect) {
        FilterProblem::Grammar { rule, place } if rule == unknown("foo") => *place,
        other => panic!("{other:?}"),
    };
    let compact = place(Dialect::Sns);
    assert_eq!(&*compact.quoted, r#"{"käse 😀":[{"foo":1}]}"#);
    assert_eq!(compact.place, Place { line: 1, column: 21 });
    let given = place(Dialect::EventBridge);
    assert_eq!(&*given.quoted, text);
    assert_eq!(given.place, Place { line: 3, column: 14 });

    let quoted = |name: &str| match refusal(&format!(r#"{{"{name}":5}}"#), ATTRIBUTES, Dialect::Sns) {
        FilterProblem::Grammar { place, .. } => *place,
        other => panic!("{other:?}"),
    };
    let long = quoted(&"ä".repeat(600));
    assert_eq!(*long.quoted, format!("{{\"{}", "ä".repeat(498)));
    assert_eq!((long.cut_units, long.place), (106, Place { line: 1, column: 606 }));
    // A pair of UTF-16 units is not cut in two.
    let pairs = quoted(&format!("a{}", "😀".repeat(300)));
    assert_eq!(*pairs.quoted, format!("{{\"a{}", "😀".repeat(248)));
    assert_eq!((pairs.cut_units, pairs.place), (108, Place { line: 1, column: 607 }));
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
    let body = |parts: &[String]| Policy::parse(&format!("{{{}}}", parts.join(",")), BODY, Dialect::Sns);
    let key = |name: &str| values(name, 1);
    let too_complex = Some(FilterLimit::Combinations);
    let table = [
        (body(&["a", "b", "c", "d", "e"].map(key)), None),
        (body(&["a", "b", "c", "d", "e", "f"].map(key)), Some(FilterLimit::Keys { max: 5 })),
        (body(&["a", "b", "c", "d", "e", "e"].map(key)), None),
        (body(&[values("a", 150)]), None),
        (body(&[values("a", 151)]), too_complex),
        (body(&[values("a", 10), values("b", 15)]), None),
        (body(&[values("a", 10), values("b", 16)]), too_complex),
        // 4 values at level 3 and 3 at level 2 are 4 * 3 * 3 * 2 = 72 combinations; 5 and 5 are 5 * 3 * 5 * 2 = 150.
        (body(&[level("a", 3, 4), level("b", 2, 3)]), None),
        (body(&[level("a", 3, 5), level("b", 2, 5)]), None),
        (body(&[level("a", 3, 5), level("b", 2, 6)]), too_complex),
        (body(&[level("a", 150, 1)]), None),
        (body(&[level("a", 151, 1)]), too_complex),
        // Alternatives are added.
        (body(&[values("a", 10), format!("\"$or\":[{{{}}},{{{}}}]", values("b", 5), values("c", 10))]), None),
        (body(&[values("a", 10), format!("\"$or\":[{{{}}},{{{}}}]", values("b", 6), values("c", 10))]), too_complex),
    ];
    for (parsed, expected) in table {
        assert_eq!(parsed.err(), expected.map(FilterProblem::Limit));
    }
}

#[test]
fn size() {
    let sized = |size: usize| format!("{{\"a\":[\"{}\"]}}", "x".repeat(size - 10));
    assert!(Policy::parse(&sized(262_144), ATTRIBUTES, Dialect::Sns).is_ok());
    assert_eq!(refusal(&sized(262_145), ATTRIBUTES, Dialect::Sns), FilterProblem::Limit(FilterLimit::Bytes));
    assert!(Policy::parse(&sized(4_096), BODY, Dialect::EventBridge).is_ok());
    assert!(Policy::parse(&sized(4_097), BODY, Dialect::EventBridge).is_err());
}

/// Policies whose expansion would not fit into memory are counted and not expanded.
#[test]
fn policies_with_exponential_expansions_are_refused() {
    let too_complex = FilterProblem::Limit(FilterLimit::Combinations);
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
        assert_eq!(refusal(&text, BODY, Dialect::Sns), too_complex);
    }
    let deep = "{\"$or\":[".repeat(20_000);
    assert!(matches!(refusal(&deep, BODY, Dialect::Sns), FilterProblem::NotJson(_)));
    let stars: Vec<_> = (0..300).map(|number| format!("{{\"wildcard\":\"*{number}*\"}}")).collect();
    let stars = format!("{{\"a\":[{}]}}", stars.join(","));
    assert_eq!(refusal(&stars, BODY, Dialect::EventBridge), FilterProblem::Limit(FilterLimit::Bytes));
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

//! The sentences for filter policies and for texts that are no JSON, word for word. Clients match on them.

use posthouse_model::fault::{
    ActionRule, FilterLimit, FilterPlace, FilterProblem, FilterRule, NetworkRule, Origin, PolicyProblem, Rule,
    SubscriptionRule,
};
use posthouse_model::json::{Node, Place};
use posthouse_model::{Fault, SnsFault};

use crate::fault_message;

const NAME: &str = "FilterPolicy";

fn refused(origin: Origin, problem: FilterProblem) -> Fault {
    SnsFault::invalid(origin, Rule::Subscription(SubscriptionRule::FilterPolicy(problem)))
}

/// Checks what is said of a policy that is set alone, and of one that comes in a map.
fn check(problem: &FilterProblem, sentence: &str) {
    let alone = refused(Origin::Attribute(NAME), problem.clone());
    assert_eq!(fault_message(&alone), format!("Invalid parameter: {sentence}"));
    let in_map = refused(Origin::attributes(NAME), problem.clone());
    assert_eq!(fault_message(&in_map), format!("Invalid parameter: Attributes Reason: {sentence}"));
}

#[test]
fn texts_that_are_no_json() {
    let value = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";
    let source = |column| {
        format!(
            "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: {column}]"
        )
    };
    let table: &[(&str, String, usize)] = &[
        (
            "{invalidjson}",
            "Unexpected character ('i' (code 105)): was expecting double-quote to start field name".into(),
            2,
        ),
        ("invalid-json", format!("Unrecognized token 'invalid': was expecting {value}"), 8),
        ("", "No content to map due to end-of-input".into(), 0),
        (
            "{",
            format!("Unexpected end-of-input: expected close marker for Object (start marker at {})", source(1)),
            2,
        ),
        ("[1", format!("Unexpected end-of-input: expected close marker for Array (start marker at {})", source(1)), 3),
        (r#"{"a":"#, "Unexpected end-of-input within/between Object entries".into(), 6),
        ("[1,", "Unexpected end-of-input within/between Array entries".into(), 4),
        (r#"{"a"#, "Unexpected end-of-input in field name".into(), 4),
        (r#"{"a":"b"#, "Unexpected end-of-input: was expecting closing quote for a string value".into(), 8),
        (r#"["\"#, "Unexpected end-of-input in character escape sequence".into(), 4),
        ("[-", "Unexpected end-of-input in a Number value".into(), 3),
        (
            r#"{"a" 1}"#,
            "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value".into(),
            6,
        ),
        (
            r#"{"a":1 "b":2}"#,
            "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries".into(),
            8,
        ),
        ("[1 2]", "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries".into(), 4),
        ("[1,]", format!("Unexpected character (']' (code 93)): expected a valid value {value}"), 4),
        (r#"{"a":}"#, "Unexpected character ('}' (code 125)): expected a value".into(), 6),
        (
            "[/1]",
            "Unexpected character ('/' (code 47)): maybe a (non-standard) comment? (not recognized as one since Feature 'ALLOW_COMMENTS' not enabled for parser)".into(),
            2,
        ),
        (
            r#"["\u00x"]"#,
            "Unexpected character ('x' (code 120)): expected a hex-digit for character escape sequence".into(),
            7,
        ),
        ("5x", "Unexpected character ('x' (code 120)): Expected space separating root-level values".into(), 2),
        ("[→]", format!("Unexpected character ('→' (code 8594 / 0x2192)): expected a valid value {value}"), 2),
        (
            "[-x]",
            "Unexpected character ('x' (code 120)) in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value".into(),
            3,
        ),
        (
            "[+1]",
            "Unexpected character ('+' (code 43)) in numeric value: JSON spec does not allow numbers to have plus signs: enable `JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS` to allow".into(),
            3,
        ),
        ("[1.]", "Unexpected character (']' (code 93)) in numeric value: Decimal point not followed by a digit".into(), 4),
        (
            "[1e]",
            "Unexpected character (']' (code 93)) in numeric value: Exponent indicator not followed by a digit".into(),
            4,
        ),
        ("[01]", "Invalid numeric value: Leading zeroes not allowed".into(), 3),
        ("[NaN]", "Non-standard token 'NaN': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow".into(), 5),
        (
            "[}",
            format!("Unexpected close marker '}}': expected ']' (for Array starting at {})", source(1)),
            3,
        ),
        ("]", format!("Unexpected close marker ']': expected '}}' (for root starting at {})", source(0)), 2),
        (
            "[\u{1}]",
            r"Illegal character ((CTRL-CHAR, code 1)): only regular white space (\r, \n, \t) is allowed between tokens".into(),
            2,
        ),
        (
            "[\"\n\"]",
            "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in string value".into(),
            3,
        ),
        (
            "{\"\n\"}",
            "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in name".into(),
            3,
        ),
        (r#"["\x"]"#, "Unrecognized character escape 'x' (code 120)".into(), 4),
        (r#"["\udc00"]"#, "Half of a surrogate pair is no character".into(), 9),
        ("[] []", "Trailing token found after value".into(), 4),
    ];
    for (text, sentence, column) in table {
        let problem = Node::parse(text).expect_err(text);
        let sentence = format!("FilterPolicy: failed to parse JSON. {sentence}\n at {}", source(*column));
        check(&FilterProblem::NotJson(problem), &sentence);
    }
    let deep = Node::parse(&"[".repeat(513)).expect_err("too deep");
    let sentence = "FilterPolicy: failed to parse JSON. Document nesting depth exceeds the maximum allowed (512)";
    check(&FilterProblem::NotJson(deep), &format!("{sentence}\n at {}", source(514)));
}

#[test]
fn grammar() {
    let x = || "x".into();
    let table = [
        (FilterRule::NotAnObject, "Filter is not an object"),
        (FilterRule::NotAContainer { name: x() }, r#""x" must be an object or an array"#),
        (FilterRule::EmptyObject, "Empty objects are not allowed"),
        (FilterRule::EmptyArray, "Empty arrays are not allowed"),
        (FilterRule::Value, "Match value must be String, number, true, false, or null"),
        (FilterRule::OperatorMissing, "Match expression name not found"),
        (FilterRule::OneOperator, "Only one key allowed in match expression"),
        (FilterRule::UnknownOperator { operator: x() }, "Unrecognized match type x"),
        (FilterRule::OperandNotAString { operator: "prefix" }, "prefix match pattern must be a string"),
        (FilterRule::ExistsOperand, "exists match pattern must be either true or false."),
        (FilterRule::ConsecutiveStars, "Consecutive wildcard characters are not allowed"),
        (FilterRule::WildcardEscape, "Invalid escape character"),
        (FilterRule::NumericNotAList, "Value of numeric must be an array."),
        (FilterRule::NumericMember { found: "]".into() }, "Invalid member in numeric match: ]"),
        (FilterRule::NumericOperator { operator: x() }, "Unrecognized numeric range operator: x"),
        (FilterRule::NumericOperand { operator: "equals".into() }, "Value of equals must be numeric"),
        (
            FilterRule::NumericRange { max: 1_000_000_000 },
            "Value must be between -1000000000 and 1000000000, inclusive",
        ),
        (FilterRule::NumericElements, "Too many elements in numeric expression"),
        (FilterRule::UpperOperatorMissing { found: "30".into() }, "Bad value in numeric range: 30"),
        (FilterRule::UpperOperator { operator: ">".into() }, "Bad numeric range operator: >"),
        (FilterRule::NumericTerms, "Too many terms in numeric range expression"),
        (FilterRule::EmptyRange, "Bottom must be less than top"),
        (FilterRule::ExcludedOperand, "Value of anything-but must be an array or single string/number value."),
        (FilterRule::ExcludedElement, "Inside anything but list, start|null|boolean is not supported."),
        (
            FilterRule::ExcludedMixed,
            "Inside anything but list, either all values are number or string, mixed type is not supported",
        ),
        (FilterRule::ExcludedOperator { operator: x() }, "Unsupported anything-but pattern: x"),
        (FilterRule::ExcludedEmpty, "Null prefix/suffix not allowed"),
    ];
    let place = |cut_units| {
        let place = Place { line: 1, column: 7 };
        Box::new(FilterPlace { quoted: r#"{"a":5}"#.into(), cut_units, place })
    };
    for (rule, sentence) in table {
        let sentence = format!("FilterPolicy: {sentence}\n at [Source: (String)\"{{\"a\":5}}\"; line: 1, column: 7]");
        check(&FilterProblem::Grammar { rule, place: place(0) }, &sentence);
    }
    check(
        &FilterProblem::Grammar { rule: FilterRule::NotAnObject, place: place(9) },
        "FilterPolicy: Filter is not an object\n at [Source: (String)\"{\"a\":5}\"[truncated 9 chars]; line: 1, column: 7]",
    );
}

#[test]
fn without_a_place() {
    let table = [
        (FilterProblem::Network(NetworkRule::OneSlash), "FilterPolicy: Malformed CIDR, one '/' required"),
        (
            FilterProblem::Network(NetworkRule::MaskNotANumber),
            "FilterPolicy: Malformed CIDR, mask bits must be an integer",
        ),
        (FilterProblem::Network(NetworkRule::MaskTooLong), "FilterPolicy: Malformed CIDR, too many mask bits"),
        (
            FilterProblem::Network(NetworkRule::Address { address: "bad-filter".into() }),
            "FilterPolicy: Nonstandard IP address: bad-filter",
        ),
        (FilterProblem::Nested, "Filter policy scope MessageAttributes does not support nested filter policy"),
        (FilterProblem::Limit(FilterLimit::Bytes), "FilterPolicy: Filter policy is too large"),
        (
            FilterProblem::Limit(FilterLimit::Keys { max: 5 }),
            "FilterPolicy: Filter policy can not have more than 5 keys",
        ),
        (FilterProblem::Limit(FilterLimit::Combinations), "FilterPolicy: Filter policy is too complex"),
    ];
    for (problem, sentence) in table {
        check(&problem, sentence);
    }
}

#[test]
fn access_policies() {
    let action = || "sqs:SendMessage".into();
    let scope = "Policy statement action out of service scope!";
    let table = [
        (PolicyProblem::ActionOutOfScope { action: action() }, scope),
        (PolicyProblem::Action { action: action(), rule: ActionRule::Unknown }, scope),
        (PolicyProblem::Action { action: action(), rule: ActionRule::OwnersOnly }, scope),
        (PolicyProblem::Missing { element: "Statement" }, "Policy Error: Missing required field Statement."),
    ];
    for (problem, sentence) in table {
        let alone = SnsFault::invalid(Origin::Attribute("Policy"), Rule::Policy(problem.clone()));
        assert_eq!(fault_message(&alone), format!("Invalid parameter: {sentence}"));
        let in_map = SnsFault::invalid(Origin::attributes("Policy"), Rule::Policy(problem));
        assert_eq!(fault_message(&in_map), format!("Invalid parameter: Attributes Reason: {sentence}"));
    }
}

//! What SNS says of a filter policy that it refuses.

use posthouse_model::fault::{FilterLimit, FilterPlace, FilterProblem, FilterRule, NetworkRule};
use posthouse_model::json::Place;

use super::json::failed_to_parse;

/// All that is said behind `Invalid parameter: `, and behind `Attributes Reason: ` if the policy came in a map.
pub(super) fn filter_policy(problem: &FilterProblem) -> String {
    match problem {
        FilterProblem::NotJson(problem) => format!("FilterPolicy: {}", failed_to_parse(problem)),
        FilterProblem::Grammar { rule, place } => format!("FilterPolicy: {}\n at {}", grammar(rule), source(place)),
        FilterProblem::Network(rule) => format!("FilterPolicy: {}", network(rule)),
        FilterProblem::Nested => "Filter policy scope MessageAttributes does not support nested filter policy".into(),
        FilterProblem::Limit(FilterLimit::Bytes) => "FilterPolicy: Filter policy is too large".into(),
        FilterProblem::Limit(FilterLimit::Keys { max }) => {
            format!("FilterPolicy: Filter policy can not have more than {max} keys")
        }
        FilterProblem::Limit(FilterLimit::Combinations) => "FilterPolicy: Filter policy is too complex".into(),
    }
}

/// A place as the JSON library Jackson writes it (`JsonLocation`), with the beginning of the text.
fn source(FilterPlace { quoted, cut_units, place: Place { line, column } }: &FilterPlace) -> String {
    let cut = if *cut_units > 0 { format!("[truncated {cut_units} chars]") } else { String::new() };
    format!("[Source: (String)\"{quoted}\"{cut}; line: {line}, column: {column}]")
}

fn grammar(rule: &FilterRule) -> String {
    match rule {
        FilterRule::NotAnObject => "Filter is not an object".into(),
        FilterRule::NotAContainer { name } => format!("\"{name}\" must be an object or an array"),
        FilterRule::EmptyObject => "Empty objects are not allowed".into(),
        FilterRule::EmptyArray => "Empty arrays are not allowed".into(),
        FilterRule::Value => "Match value must be String, number, true, false, or null".into(),
        FilterRule::OperatorMissing => "Match expression name not found".into(),
        FilterRule::OneOperator => "Only one key allowed in match expression".into(),
        FilterRule::UnknownOperator { operator } => format!("Unrecognized match type {operator}"),
        FilterRule::OperandNotAString { operator } => format!("{operator} match pattern must be a string"),
        FilterRule::ExistsOperand => "exists match pattern must be either true or false.".into(),
        FilterRule::ConsecutiveStars => "Consecutive wildcard characters are not allowed".into(),
        FilterRule::WildcardEscape => "Invalid escape character".into(),
        FilterRule::NumericNotAList => "Value of numeric must be an array.".into(),
        FilterRule::NumericMember { found } => format!("Invalid member in numeric match: {found}"),
        FilterRule::NumericOperator { operator } => format!("Unrecognized numeric range operator: {operator}"),
        FilterRule::NumericOperand { operator } => format!("Value of {operator} must be numeric"),
        FilterRule::NumericRange { max } => format!("Value must be between -{max} and {max}, inclusive"),
        FilterRule::NumericElements => "Too many elements in numeric expression".into(),
        FilterRule::UpperOperatorMissing { found } => format!("Bad value in numeric range: {found}"),
        FilterRule::UpperOperator { operator } => format!("Bad numeric range operator: {operator}"),
        FilterRule::NumericTerms => "Too many terms in numeric range expression".into(),
        FilterRule::EmptyRange => "Bottom must be less than top".into(),
        FilterRule::ExcludedOperand => "Value of anything-but must be an array or single string/number value.".into(),
        FilterRule::ExcludedElement => "Inside anything but list, start|null|boolean is not supported.".into(),
        FilterRule::ExcludedMixed => "Inside anything but list, either all values are number or string, mixed type \
                                      is not supported"
            .into(),
        FilterRule::ExcludedOperator { operator } => format!("Unsupported anything-but pattern: {operator}"),
        FilterRule::ExcludedEmpty => "Null prefix/suffix not allowed".into(),
    }
}

fn network(rule: &NetworkRule) -> String {
    match rule {
        NetworkRule::OneSlash => "Malformed CIDR, one '/' required".into(),
        NetworkRule::MaskNotANumber => "Malformed CIDR, mask bits must be an integer".into(),
        NetworkRule::MaskTooLong => "Malformed CIDR, too many mask bits".into(),
        NetworkRule::Address { address } => format!("Nonstandard IP address: {address}"),
    }
}

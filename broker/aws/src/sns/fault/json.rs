//! What SNS says of a text that is no JSON: the sentences of the JSON library Jackson, as SNS passes them on. Two of them
//! were recorded from AWS ("was expecting double-quote", "Unrecognized token"). The others are what that library says.

use posthouse_model::json::{Container, Expectation, JsonError, JsonProblem, NumberPart, Place, Quoted, Unfinished};

/// The values that JSON has.
const VALUES: &str = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/// `failed to parse JSON. ` and why, with the place.
pub(super) fn failed_to_parse(problem: &JsonProblem) -> String {
    let JsonProblem { error, place } = problem;
    format!("failed to parse JSON. {}\n at {}", sentence(error), source(*place))
}

/// A place of a text that is not shown.
fn source(Place { line, column }: Place) -> String {
    format!(
        "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: {line}, column: {column}]"
    )
}

fn sentence(error: &JsonError) -> String {
    match error {
        JsonError::Empty => "No content to map due to end-of-input".into(),
        JsonError::Unexpected { character, expected } => {
            format!("Unexpected character ({}): {}", shown(*character), expectation(*expected))
        }
        JsonError::InNumber { character, after } => {
            let reason = match after {
                NumberPart::Minus => "expected digit (0-9) to follow minus sign, for valid numeric value",
                NumberPart::Plus => {
                    "JSON spec does not allow numbers to have plus signs: enable \
                     `JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS` to allow"
                }
                NumberPart::Point => "Decimal point not followed by a digit",
                NumberPart::Exponent => "Exponent indicator not followed by a digit",
            };
            format!("Unexpected character ({}) in numeric value: {reason}", shown(*character))
        }
        JsonError::LeadingZero => "Invalid numeric value: Leading zeroes not allowed".into(),
        JsonError::UnknownWord { word } => format!("Unrecognized token '{word}': was expecting {VALUES}"),
        JsonError::NotFinite { word } => {
            format!("Non-standard token '{word}': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow")
        }
        JsonError::Mismatched { found, open } => {
            let expected = if *found == ']' { '}' } else { ']' };
            let (kind, place) = match open {
                Some((open, place)) => (container(*open), *place),
                None => ("root", Place { line: 1, column: 0 }),
            };
            format!(
                "Unexpected close marker '{found}': expected '{expected}' (for {kind} starting at {})",
                source(place)
            )
        }
        JsonError::ControlBetweenTokens { character } => format!(
            "Illegal character ({}): only regular white space (\\r, \\n, \\t) is allowed between tokens",
            shown(*character)
        ),
        JsonError::ControlInText { character, text } => {
            let text = match text {
                Quoted::Name => "name",
                Quoted::String => "string value",
            };
            let character = shown(*character);
            format!(
                "Illegal unquoted character ({character}): has to be escaped using backslash to be included in {text}"
            )
        }
        JsonError::UnknownEscape { character } => format!("Unrecognized character escape {}", shown(*character)),
        // Jackson accepts it, since a Java string may hold half of a pair.
        JsonError::LoneSurrogate => "Half of a surrogate pair is no character".into(),
        JsonError::End(part) => format!("Unexpected end-of-input{}", unfinished(*part)),
        JsonError::Trailing => "Trailing token found after value".into(),
        JsonError::TooDeep { max } => format!("Document nesting depth exceeds the maximum allowed ({max})"),
    }
}

fn expectation(expected: Expectation) -> String {
    match expected {
        Expectation::Name => "was expecting double-quote to start field name".into(),
        Expectation::Colon => "was expecting a colon to separate field name and value".into(),
        Expectation::Comma(open) => format!("was expecting comma to separate {} entries", container(open)),
        Expectation::Value => format!("expected a valid value {VALUES}"),
        Expectation::ValueNotBrace => "expected a value".into(),
        Expectation::NoComment => "maybe a (non-standard) comment? (not recognized as one since Feature \
                                   'ALLOW_COMMENTS' not enabled for parser)"
            .into(),
        Expectation::HexDigit => "expected a hex-digit for character escape sequence".into(),
        Expectation::SpaceAtRoot => "Expected space separating root-level values".into(),
    }
}

fn unfinished(part: Unfinished) -> String {
    match part {
        Unfinished::Open(open, place) => {
            format!(": expected close marker for {} (start marker at {})", container(open), source(place))
        }
        Unfinished::Between(open) => format!(" within/between {} entries", container(open)),
        Unfinished::Text(Quoted::Name) => " in field name".into(),
        Unfinished::Text(Quoted::String) => ": was expecting closing quote for a string value".into(),
        Unfinished::Escape => " in character escape sequence".into(),
        Unfinished::Number => " in a Number value".into(),
    }
}

const fn container(container: Container) -> &'static str {
    match container {
        Container::Object => "Object",
        Container::Array => "Array",
    }
}

/// A character and its number. Java's are UTF-16 units.
fn shown(character: char) -> String {
    let code = character.encode_utf16(&mut [0; 2])[0];
    if character.is_control() {
        format!("(CTRL-CHAR, code {code})")
    } else if code > 255 {
        format!("'{character}' (code {code} / 0x{code:x})")
    } else {
        format!("'{character}' (code {code})")
    }
}

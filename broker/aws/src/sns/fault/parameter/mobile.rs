//! The sentences for SMS preferences, and for platform applications and endpoints.

use posthouse_model::fault::{ApplicationNameRule, Origin, PlatformRule, SmsRule};

use super::Words;

/// The name stands where other sentences have the parameter's.
pub(super) fn application_name(name: &str, rule: ApplicationNameRule) -> Words {
    let reason = match rule {
        ApplicationNameRule::Empty => "cannot be empty".into(),
        ApplicationNameRule::TooLong { chars_max } => format!("must be at most {chars_max} characters long"),
        ApplicationNameRule::Characters => {
            "must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', and '.'".into()
        }
    };
    Words::What(format!("{name} Reason: {reason}"))
}

/// A value in a map is worded with the map's name in front, one that is a parameter with its own.
pub(super) fn platform(origin: &Origin, rule: &PlatformRule) -> Words {
    let reason = match rule {
        PlatformRule::UnknownAttribute { name } => {
            return Words::ReasonOf("Attributes", format!("Invalid attribute name: {name}"));
        }
        PlatformRule::Without { given, missing } => {
            return Words::ReasonOf("Attributes", format!("{given} attribute provided without {missing}"));
        }
        PlatformRule::Empty => "cannot be empty".into(),
        PlatformRule::TooManyBytes { max } => format!("must be at most {max} bytes long in UTF-8 encoding"),
        PlatformRule::Value => "the value is not one that it takes".into(),
        PlatformRule::Percentage { value } => format!("{value} value provided is not an integer between 0-100"),
        PlatformRule::AppleToken { chars_max } => {
            format!("iOS device tokens must be no more than {chars_max} hexadecimal characters")
        }
        PlatformRule::NoChannel => "must contain the ChannelId".into(),
    };
    match origin {
        Origin::MapEntry { map, key } => Words::ReasonOf(map, format!("Invalid value for attribute: {key}: {reason}")),
        Origin::Parameter(_) | Origin::Attribute(_) | Origin::ListItem { .. } | Origin::MessageAttribute { .. } => {
            Words::Reason(reason)
        }
    }
}

/// SNS says these without the beginning that its other sentences have.
pub(super) fn sms(rule: &SmsRule) -> Words {
    Words::Whole(match rule {
        SmsRule::UnknownAttribute { name } => format!("{name} is not a valid attribute"),
        SmsRule::Value { attribute } => format!("{attribute} is invalid"),
        SmsRule::Percentage { attribute } => format!("{attribute} is not an integer between 0-100"),
    })
}
